"""Notices to test with: an operator whose register lacks nothing, and a notice on its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import time_machine

from registry.choices import RegisterPaperKind as Kind
from registry.models import (
    Country,
    Deadline,
    Filing,
    InformationSystem,
    ProcessingActivity,
    Purpose,
    Recipient,
    RegisterPaper,
    RetentionRule,
    SecurityMeasure,
)
from registry.services import audit, runs
from registry.services.notices import notice_file
from registry.services.notices_watch import JOB, watch_notices
from registry.services.register_papers import paper_draft, paper_sign
from tests.conftest import Team
from tests.registry.papering import positioned
from tests.registry.transferring import noon, prepared

# Monday; the notice of start is written, signed and filed on it.
FILED_ON = date(2025, 12, 1)
SAID = {"encryption": "КриптоПро CSP 5.0", "state_systems": "Никто"}
INN, BIN = "7707083893", "100140008984"


@contextmanager
def at(team: Team, day: date, hour: int = 12, minute: int = 0) -> Iterator[datetime]:
    """It is that moment on the operator's clock, for history too."""
    moment = noon(team, day, hour, minute)
    with time_machine.travel(moment, tick=False):
        yield moment


def saved(row: Any, **changes: Any) -> Any:
    for name, value in changes.items():
        setattr(row, name, value)
    return audit.save(row, by=None, reason="test")


def whole(team: Team, began_on: date = date(2025, 1, 1)) -> Team:
    """Everything that a notice of start names is in the register (152-FZ 22(3))."""
    with at(team, date(2025, 11, 3)):
        positioned(prepared(team))
        operator = team.operator
        number = {"inn": INN} if operator.jurisdiction.code == "RU" else {"bin": BIN}
        if operator.jurisdiction.code == "KZ" and operator.bin:
            number = {}
        saved(operator, **number)
        home = Country.objects.get(code=operator.jurisdiction.country)
        for system in InformationSystem.objects.filter(operator=operator, country=None):
            saved(system, country=home)
        for recipient in Recipient.objects.filter(operator=operator, country=None):
            saved(recipient, country=home)
        for row in ProcessingActivity.objects.filter(operator=operator):
            saved(row, started_on=row.started_on or began_on, mode=row.mode or "automated")
        for purpose in Purpose.objects.filter(operator=operator):
            saved(purpose)  # whose history is older than the tests
        saved(RetentionRule(
            operator=operator, code="all", event="purpose_achieved", length=30,
            unit="calendar_day",
        ))  # fmt: skip
        for kind in ("legal", "organisational", "technical"):
            saved(SecurityMeasure(
                operator=operator, code=f"m-{kind}", kind=kind, name_ru=f"Мера {kind}",
                name_kk=f"Шара {kind}", name_en=f"Measure {kind}",
            ))  # fmt: skip
    return team


def drafted(
    team: Team, day: date, kind: str = Kind.NOTICE_START, language: str = "ru", **given: Any
) -> RegisterPaper:
    asked = SAID | given if kind == Kind.NOTICE_START else given
    with at(team, day) as now:
        return paper_draft(
            operator=team.operator, kind=kind, language=language, given=asked, by=team.dpo,
            now=now,
        )  # fmt: skip


def signed(paper: RegisterPaper, team: Team, day: date) -> RegisterPaper:
    with at(team, day, 13) as now:
        return paper_sign(
            paper=paper, signer=team.dpo, order_number="", signed_on=day, by=team.dpo, now=now
        )


def filed(
    paper: RegisterPaper, team: Team, day: date, reference: str = "RKN-1", **changes: Any
) -> Filing:
    with at(team, day, 14) as now:
        asked: dict[str, Any] = {
            "paper": paper, "filed_on": day, "reference": reference, "by": team.dpo, "now": now,
        }  # fmt: skip
        return notice_file(**asked | changes)


def notified(
    team: Team, day: date = FILED_ON, kind: str = Kind.NOTICE_START, **given: Any
) -> RegisterPaper:
    """A notice that was written, signed and filed on that day."""
    paper = signed(drafted(team, day, kind, **given), team, day)
    filed(paper, team, day)
    paper.refresh_from_db()
    return paper


def watched(team: Team, day: date, hour: int = 12, minute: int = 0) -> dict[str, int]:
    """The job as its task runs it, with its record."""
    with at(team, day, hour, minute) as now:
        return dict(runs.run(JOB, watch_notices, now=now).did)


def clocks(team: Team, event: str) -> list[Deadline]:
    return list(Deadline.objects.filter(operator=team.operator, event=event).order_by("pk"))


def local_day(moment: datetime, team: Team) -> date:
    return moment.astimezone(team.operator.zone).date()


def rule_of(clock: Deadline) -> str:
    assert clock.statute is not None
    return clock.statute.code
