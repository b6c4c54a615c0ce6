"""What somebody decides about a mail: who may, what it does, when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from registry.models import User
from requests.models import IncomingMail, SubjectRequest
from requests.services.ends import ends_sweep
from requests.services.inquiries import ReasonMissing
from requests.services.moving import UnknownChoice
from requests.services.triage import (
    KEPT_DAYS,
    MailDecided,
    NumberUnknown,
    mail_convert,
    mail_dismiss,
    mail_join,
    mail_told,
    mails_sweep,
)
from subjects.models import AccessEvent, DestructionItem
from subjects.services.reading import State
from subjects.vault import store
from tests.conftest import Office, Team
from tests.requests.asking import LATER, close, everything, item_of, refuse
from tests.requests.mailing import ARRIVED, SECRETS, SENDER, UPDATE, WITHDRAWAL, fresh, ingest, mail

LogIn = Callable[[User], Client]
LIST = "/admin/requests/incomingmail/"


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False), override("en"):
        yield


def waiting(team: Team, number: int = 1, **heads: str) -> IncomingMail:
    return ingest(team, mail(f"Hello {number}", number=f"<{number}@x>", **heads))


def page(row: IncomingMail, verb: str = "change") -> str:
    return reverse(f"admin:requests_incomingmail_{verb}", args=[row.pk])


# --- what it does --------------------------------------------------------------------------------
def test_it_becomes_a_request_that_was_received_when_it_came(office: Office) -> None:
    team = office.pandev
    row = waiting(team)
    made = mail_convert(mail=row, kind="withdrawal", by=team.clerk, now=LATER)
    assert (made.received_at, made.registered_at, made.channel) == (ARRIVED, LATER, "email")
    row = fresh(row)
    assert (row.place, row.why, row.decided_by) == ("request", "by_hand", team.clerk)
    assert row.request == made
    for act in (
        lambda: mail_convert(mail=row, kind="other", by=team.clerk, now=LATER),
        lambda: mail_join(mail=row, number=made.number, by=team.clerk, now=LATER),
        lambda: mail_dismiss(mail=row, reason="spam", by=team.clerk, now=LATER),
    ):
        with pytest.raises(MailDecided):
            act()


def test_it_joins_a_request_that_is_open(office: Office) -> None:
    team = office.ipm
    request = ingest(team, mail(UPDATE)).request
    assert request is not None
    row = waiting(team, 2)
    with pytest.raises(NumberUnknown):
        mail_join(mail=row, number="REQ-2026-9999", by=team.clerk, now=LATER)
    # Another operator's request is none.
    with pytest.raises(NumberUnknown):
        mail_join(mail=waiting(office.pandev, 3), number=request.number, by=team.clerk, now=LATER)
    done = mail_join(mail=row, number=f" {request.number.lower()} ", by=team.clerk, now=LATER)
    assert (done.place, done.request) == ("reply", request) and done.letter is not None


def test_what_is_no_request_may_still_become_one(office: Office) -> None:
    team = office.ipm
    row = waiting(team)
    with pytest.raises(ReasonMissing):
        mail_dismiss(mail=row, reason=" ", by=team.clerk, now=LATER)
    with pytest.raises(UnknownChoice):
        mail_convert(mail=row, kind="arson", by=team.clerk, now=LATER)
    mail_dismiss(mail=row, reason="an advertisement", by=team.clerk, now=LATER)
    assert (fresh(row).place, fresh(row).reason) == ("not_request", "an advertisement")
    mail_convert(mail=fresh(row), kind="other", by=team.dpo, now=LATER)
    assert fresh(row).place == "request"


# --- its end -------------------------------------------------------------------------------------
def test_what_belongs_to_nothing_ends_after_thirty_days(
    office: Office, django_capture_on_commit_callbacks: Any
) -> None:
    team = office.ipm
    row, taken = waiting(team), ingest(team, mail(UPDATE, number="<9@x>"))
    last = ARRIVED + timedelta(days=KEPT_DAYS)
    assert mails_sweep(now=last) == {"mails": 0, "failed": 0}
    with django_capture_on_commit_callbacks(execute=True):
        assert mails_sweep(now=last + timedelta(seconds=1)) == {"mails": 1, "failed": 0}
    assert mails_sweep(now=last + timedelta(seconds=1)) == {"mails": 0, "failed": 0}
    row = fresh(row)
    assert row.file is not None and not row.file.path.exists()
    assert len(store.destroyed_among([row.told_key or 0, row.file.key])) == 2
    assert mail_told(row, opened=True)[0] == State.DESTROYED
    with pytest.raises(store.ValueDestroyed):
        mail_convert(mail=row, kind="other", by=team.dpo, now=last)
    # One of a request stays with it.
    assert mail_told(fresh(taken), opened=True)[0] == State.OPEN


def test_a_mail_of_a_request_ends_with_it(office: Office) -> None:
    team = office.ipm
    row = ingest(team, mail(WITHDRAWAL))
    assert row.request is not None
    refuse(item_of(row.request), team)
    close(row.request, team)
    row.request.letters.update(state="cancelled", sent_at=None)
    much_later = LATER + timedelta(days=1200)
    with time_machine.travel(much_later, tick=False):
        assert mails_sweep(now=much_later)["mails"] == 0
        ends_sweep(now=much_later)
        assert mails_sweep(now=much_later) == {"mails": 1, "failed": 0}
    assert DestructionItem.objects.filter(kind=9).count() == 2


# --- the pages -----------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", ["open", "convert", "join", "dismiss"])
def test_each_verb_for_everybody(office: Office, as_user: LogIn, verb: str) -> None:
    team = office.pandev
    row = waiting(team)
    request = ingest(team, mail(UPDATE, number="<9@x>")).request
    assert request is not None
    form = {
        "open": {}, "convert": {"kind": "other"}, "join": {"number": request.number},
        "dismiss": {"reason": "spam"},
    }[verb]  # fmt: skip
    before = everything()
    for user, status in (
        (team.auditor, 403), (office.admin, 404), (office.nobody, 404), (office.ipm.dpo, 404),
        (office.ipm.clerk, 404),
    ):  # fmt: skip
        assert as_user(user).post(page(row, verb), form).status_code == status, user
    assert everything() == before and fresh(row).place == "triage"
    response = as_user(team.clerk).post(page(row, verb), form)
    assert response.status_code == 302, response.content.decode()
    place = {"open": "triage", "convert": "request", "join": "reply", "dismiss": "not_request"}
    assert fresh(row).place == place[verb]


def test_the_page_shows_the_mail_only_when_it_is_open(office: Office, as_user: LogIn) -> None:
    row = waiting(office.pandev)
    client = as_user(office.pandev.clerk)
    for shown in (client.get(LIST), client.get(page(row))):
        assert not [secret for secret in SECRETS if secret in shown.content.decode()]
    client.post(page(row, "open"))
    assert SENDER in client.get(page(row)).content.decode()
    event = AccessEvent.objects.latest("pk")
    assert (event.user, event.details) == (office.pandev.clerk, {"mail": row.pk})
    assert SENDER not in as_user(office.pandev.dpo).get(page(row)).content.decode()


def test_the_next_mail_follows_and_in_the_end_the_list(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    rows = [waiting(team, number) for number in range(1, 4)]
    client = as_user(team.clerk)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        answer = client.post(page(row, "convert"), {"kind": "other"})
        assert answer.headers["Location"] == (page(following) if following else LIST)
    assert SubjectRequest.objects.count() == 3


def test_many_are_sorted_out_on_the_list(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    rows = [waiting(team, number) for number in range(1, 6)]
    form = {"action": "no_request", "_selected_action": [row.pk for row in rows[:4]]}
    as_user(team.auditor).post(LIST, form)
    assert {fresh(row).place for row in rows} == {"triage"}
    as_user(team.clerk).post(LIST, form)
    assert [fresh(row).place for row in rows] == ["not_request"] * 4 + ["triage"]
    reasons = set(IncomingMail.history.values_list("history_change_reason", flat=True))
    assert "Sorted out on the list: no request." in reasons


def test_the_desk_counts_what_waits(office: Office, as_user: LogIn) -> None:
    waiting(office.pandev)
    desk = as_user(office.pandev.clerk).get("/admin/").content.decode()
    assert "mails in triage <strong>1</strong>" in desk
    listed = as_user(office.pandev.clerk).get(f"{LIST}?place__exact=triage")
    assert listed.context["cl"].result_count == 1
    assert "mails in triage" not in as_user(office.ipm.clerk).get("/admin/").content.decode()


def test_the_list_costs_the_same_for_many(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    client = as_user(team.clerk)
    waiting(team)
    client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    for number in range(2, 12):
        waiting(team, number, Auto_Submitted="auto-replied")
    with CaptureQueriesContext(connection) as many:
        assert client.get(LIST).context["cl"].result_count == 11
    assert len(many) == len(one)
