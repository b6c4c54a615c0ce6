"""Rows of people's requests for the crawl: a letter, what it asks for, whom, who was checked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Model

from registry import models as r
from registry.services import audit
from requests import models as q
from requests.models.subject_requests import RequestKind
from requests.services.access_answers import answer_draft
from requests.services.checking import item_find
from requests.services.deciding import item_accept
from requests.services.linking import identity_note, subject_link
from requests.services.mailbox import mail_ingested
from requests.services.noting import note_add
from requests.services.subject_requests import Demand, item_add, request_receive
from subjects import models as s
from tests.conftest import Team
from tests.crawl.makers import make, maker

RECEIVED_AT = datetime(2026, 3, 5, 9, tzinfo=UTC)
NOW = datetime(2026, 3, 6, 9, tzinfo=UTC)


@maker(q.SubjectRequest)
def subject_request(team: Team, mark: str) -> Model:
    row = request_receive(
        operator=team.operator, channel="email", received_at=RECEIVED_AT, language="ru",
        answer_by="email", items=[Demand(RequestKind.WITHDRAWAL)], name=mark,
        email="crawl@example.org", message=mark, by=team.clerk, now=NOW,
    )  # fmt: skip
    return audit.save(row, by=team.dpo, reason=f"{mark} again", fields=["channel"])


@maker(q.RequestItem)
def request_item(team: Team, mark: str) -> Model:
    request: Any = make(q.SubjectRequest, team)
    row = request.items.get()
    return audit.save(row, by=team.dpo, reason=f"{mark} again", fields=["reasons"])


@maker(q.RequestSubject)
def request_subject(team: Team, mark: str) -> Model:
    return subject_link(
        subject_request=make(q.SubjectRequest, team), subject=make(s.DataSubject, team),
        by=team.clerk, now=NOW,
    )  # fmt: skip


@maker(q.IdentityCheck)
def identity_check(team: Team, mark: str) -> Model:
    return identity_note(
        subject_request=make(q.SubjectRequest, team), kind="document", by=team.clerk, now=NOW
    )


def _wrong(team: Team) -> Model:
    """A demand whose check has shown that data are wrong."""
    row: Any = make(q.SubjectRequest, team)
    item = item_add(
        subject_request=row, demand=Demand(RequestKind.CORRECTION), by=team.clerk, now=NOW
    )
    return item_find(
        item=item, finding="inaccurate", shown_by="document seen", found_at=NOW, by=team.dpo,
        now=NOW,
    )  # fmt: skip


@maker(q.DatumCorrection)
def datum_correction(team: Team, mark: str) -> Model:
    row = q.DatumCorrection(
        item=_wrong(team), datum=make(s.PersonalDatum, team), corrected_at=NOW,
        corrected_by=team.clerk,
    )  # fmt: skip
    return audit.save(row, by=team.clerk, reason=mark)


@maker(q.RecipientTold)
def recipient_told(team: Team, mark: str) -> Model:
    row = q.RecipientTold(
        item=_wrong(team), recipient=make(r.Recipient, team), told_at=NOW, how=mark,
        recorded_at=NOW, recorded_by=team.clerk,
    )  # fmt: skip
    return audit.save(row, by=team.clerk, reason=mark)


@maker(q.RequestNote)
def request_note(team: Team, mark: str) -> Model:
    return note_add(subject_request=make(q.SubjectRequest, team), text=mark, by=team.clerk, now=NOW)


@maker(q.IncomingMail)
def incoming_mail(team: Team, mark: str) -> Model:
    # Of somebody who has asked for something before: the page shows it.
    make(q.SubjectRequest, team)
    raw = f"From: {mark} <crawl@example.org>\r\nSubject: {mark}\r\n\r\n{mark}".encode()
    row = mail_ingested(
        operator=team.operator, raw=raw, received_at=RECEIVED_AT, by=team.clerk, now=NOW
    )
    return audit.save(row, by=team.dpo, reason=f"{mark} again", fields=["reason"])


@maker(q.AccessAnswer)
def access_answer(team: Team, mark: str) -> Model:
    request: Any = make(q.SubjectRequest, team)
    item = item_add(
        subject_request=request, demand=Demand(RequestKind.INFORMATION), by=team.clerk, now=NOW
    )
    subject_link(subject_request=request, subject=make(s.DataSubject, team), by=team.clerk, now=NOW)
    identity_note(subject_request=request, kind="document", by=team.clerk, now=NOW)
    item_accept(item=item, by=team.dpo, now=NOW)
    row = answer_draft(subject_request=request, by=team.clerk, now=NOW)
    return audit.save(row, by=team.dpo, reason=f"{mark} again", fields=["reason"])


@maker(q.AnswerCode)
def answer_code(team: Team, mark: str) -> Model:
    return q.AnswerCode.objects.create(answer=make(q.AccessAnswer, team))
