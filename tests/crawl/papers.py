"""Papers of the register, internal control and calendars of deadlines for the crawl."""

from __future__ import annotations

from datetime import UTC, date, datetime
from hashlib import sha256

from django.db.models import Model

from registry import models as r
from registry.choices import RegisterPaperKind
from tests.conftest import Team
from tests.crawl.makers import make, maker, named, saved

NOW = datetime(2025, 12, 22, 12, tzinfo=UTC)


def _paper(team: Team, mark: str, kind: str) -> r.RegisterPaper:
    return r.RegisterPaper(
        operator=team.operator, kind=kind, number=mark, language="en", digest="0" * 64,
        made_at=NOW, made_by=team.dpo, order_number=mark,
        facts={
            "title": f"{mark} title", "article": mark, "sections": [], "missing": [],
            "operator": mark, "activity": "", "given": {},
        },
    )  # fmt: skip


@maker(r.RegisterPaper)
def register_paper(team: Team, mark: str) -> Model:
    return saved(_paper(team, mark, RegisterPaperKind.DATA_LIST), team, mark)


@maker(r.Filing)
def filing(team: Team, mark: str) -> Model:
    row = _paper(team, mark, RegisterPaperKind.NOTICE_START)
    row.signer, row.signer_position = team.dpo, mark
    row.signed_on, row.signed_at = date(2025, 12, 22), NOW
    row.save()
    return r.Filing.objects.create(
        paper=row, filed_on=date(2025, 12, 22), reference=mark, recorded_at=NOW,
        recorded_by=team.dpo,
    )  # fmt: skip


@maker(r.ReturnOfDestroyed)
def returned(team: Team, mark: str) -> Model:
    return r.ReturnOfDestroyed.objects.create(
        operator=team.operator, code=mark.lower(), act=mark, rows=3, first_on=date(2025, 12, 1),
        last_on=date(2025, 12, 22),
    )  # fmt: skip


@maker(r.ControlStep)
def control_step(team: Team, mark: str) -> Model:
    row = r.ControlStep(
        operator=team.operator, code=mark.lower(), clause=mark, every_months=12,
        responsible=team.dpo, next_on=date(2026, 6, 1), **named(mark),
    )  # fmt: skip
    return saved(row, team, mark)


@maker(r.ControlRecord)
def control_record(team: Team, mark: str) -> Model:
    return r.ControlRecord.objects.create(
        step=make(r.ControlStep, team), done_on=date(2025, 12, 1), found=f"{mark} found",
        remedy=f"{mark} remedy", recorded_at=NOW, recorded_by=team.dpo,
    )  # fmt: skip


@maker(r.CalendarFeed)
def calendar_feed(team: Team, mark: str) -> Model:
    row = r.CalendarFeed(
        user=team.dpo, token_hash=sha256(mark.encode()).hexdigest(), made_at=NOW, revoked_at=NOW
    )
    return saved(row, team, mark)
