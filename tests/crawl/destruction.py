"""Rows of stops, blocks and acts of destruction for the crawl."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Model

from registry import models as r
from subjects import models as s
from subjects.choices import ActState, BlockReason, Outcome, PaperKind, Ruled, StopKind
from subjects.services.files import file_seal
from subjects.vault.models import Sealed
from tests.conftest import Team
from tests.crawl.makers import make, maker, saved

NOW = datetime(2025, 12, 22, 12, tzinfo=UTC)
DUE_ON = date(2026, 1, 20)
KEPT_UNTIL = date(2029, 1, 20)


@maker(s.Stop)
def stop(team: Team, mark: str) -> Model:
    row = s.Stop(
        operator=team.operator, subject=make(s.DataSubject, team), kind=StopKind.LEGAL_HOLD,
        label=mark, reason=mark, document=mark, until_on=DUE_ON, review_on=DUE_ON, started_at=NOW,
    )  # fmt: skip
    return saved(row, team, mark)


@maker(s.Block)
def block(team: Team, mark: str) -> Model:
    row = s.Block(
        operator=team.operator, subject=make(s.DataSubject, team),
        category=make(r.DataCategory, team), why=BlockReason.CHECK, label=mark, reason=mark,
        started_at=NOW,
    )  # fmt: skip
    return saved(row, team, mark)


@maker(s.DestructionRuling)
def ruling(team: Team, mark: str) -> Model:
    row = s.DestructionRuling(
        operator=team.operator, datum=make(s.PersonalDatum, team), why=Ruled.INACCURATE,
        label=mark, reason=mark, counted_from=DUE_ON, due_on=DUE_ON, rule=mark, article=mark,
        made_at=NOW, made_by=team.dpo,
    )  # fmt: skip
    return saved(row, team, mark)


@maker(s.DestructionAct)
def act(team: Team, mark: str) -> Model:
    row = s.DestructionAct(
        operator=team.operator, number=mark, label=mark, due_on=DUE_ON, drafted_at=NOW,
        drafted_by=team.clerk,
    )  # fmt: skip
    return saved(row, team, mark)


@maker(s.ActItem)
def act_item(team: Team, mark: str) -> Model:
    person = make(s.DataSubject, team)
    return s.ActItem.objects.create(
        act=make(s.DestructionAct, team), subject=person, key=10**9 + person.pk,
        category=make(r.DataCategory, team), due_on=DUE_ON, article=mark,
        outcome=Outcome.STOPPED, why=mark,
    )  # fmt: skip


@maker(s.ActPaper)
def act_paper(team: Team, mark: str) -> Model:
    row = make(s.DestructionAct, team)
    assert row.state == ActState.DRAFTED
    return s.ActPaper.objects.create(
        act=row, kind=PaperKind.LOG, file=_file(row, mark), made_at=NOW, keep_until=KEPT_UNTIL,
        digest=hashlib.sha256(mark.encode()).hexdigest(),
    )  # fmt: skip


@maker(s.RecipientNotice)
def recipient_notice(team: Team, mark: str) -> Model:
    row = s.RecipientNotice(
        act=make(s.DestructionAct, team), recipient=make(r.Recipient, team), processor=True,
        people=1, drafted_at=NOW, due_on=DUE_ON, document=mark,
    )  # fmt: skip
    return saved(row, team, mark)


@maker(s.SystemCall)
def system_call(team: Team, mark: str) -> Model:
    return s.SystemCall.objects.create(
        act=make(s.DestructionAct, team), system=make(r.InformationSystem, team),
        next_try_at=NOW, made_at=NOW, last_error=mark,
    )  # fmt: skip


@maker(s.ActScan)
def act_scan(team: Team, mark: str) -> Model:
    row = make(s.DestructionAct, team)
    return s.ActScan.objects.create(
        act=row, file=_file(row, mark), added_at=NOW, added_by=team.clerk, keep_until=KEPT_UNTIL,
        digest=hashlib.sha256(mark.encode()).hexdigest(),
    )  # fmt: skip


def _file(act: Any, mark: str) -> s.SealedFile:
    return file_seal(
        operator=act.operator, kind=Sealed.ACT_PAPER, owner=act.pk, category=None,
        pieces=[mark.encode()], media_type="application/pdf", now=NOW,
    )  # fmt: skip


@maker(s.Evidence)
def evidence(team: Team, mark: str) -> Model:
    return s.Evidence.objects.create(
        operator=team.operator, mark=hashlib.sha256(mark.encode()).digest()[:16], year=2026,
        search=1, key=10**9, keep_until=DUE_ON,
    )  # fmt: skip
