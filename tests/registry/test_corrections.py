"""A correction moves the right open deadlines, in one recorded step, as rehearsed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from registry.models import (
    CalendarDay,
    CalendarYear,
    Correction,
    Deadline,
    DeadlineRule,
    Jurisdiction,
    Operator,
)
from registry.services.clocks import deadline_meet, deadline_open, deadline_void
from registry.services.corrections import Move, correct, rehearse
from registry.workdays import CalendarMissing
from tests.conftest import Office
from tests.registry.test_law import counts
from tests.registry.test_rules import new_version

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def clocks(office: Office) -> dict[str, Deadline]:
    """One clock of each kind; all but the late one end in the holidays of January."""
    made: dict[str, Deadline] = {}
    for name, team, day in (
        ("open", office.ipm, 25),
        ("met", office.ipm, 25),
        ("void", office.ipm, 25),
        ("early", office.ipm, 1),
        ("kazakh", office.pandev, 25),
    ):
        trigger = datetime(2025, 12, day, 9, tzinfo=UTC)
        made[name] = deadline_open(
            operator=team.operator,
            about=[team.clerk, team.dpo, team.deputy, team.auditor, team.operator][len(made)],
            label=name,
            event="inquiry_received",
            effect="answer_authority",
            trigger_at=trigger,
            owner=team.dpo,
            by=None,
            now=trigger,
        )
    deadline_meet(deadline=made["met"], met_at=NOW, by=None, reason="x")
    deadline_void(deadline=made["void"], by=None, reason="x", now=NOW)
    return made


def decree(day: date, *, country: str = "RU", is_working: bool = False) -> None:
    CalendarDay.objects.create(
        jurisdiction=Jurisdiction.objects.get(code=country),
        day=day,
        is_working=is_working,
        reason="decreed",
        source="decree 1",
    )


def state() -> dict[str, tuple[object, ...]]:
    return {
        row.label: (row.due_on, row.internal_on, row.ends_at, row.steps, row.history.count())
        for row in Deadline.objects.all()
    }


def table(moves: list[Move]) -> list[tuple[object, ...]]:
    return [
        (move.deadline.label, move.due_before, move.due_after, move.internal_before,
         move.internal_after)
        for move in moves
    ]  # fmt: skip


def run(change: Callable[[], Operator | None], office: Office) -> tuple[Correction, list[Move]]:
    correction, moves = correct(
        change=change, what="12 January", reason="decree 1", by=office.admin, now=NOW
    )
    assert correction is not None
    return correction, moves


def test_a_decreed_holiday_moves_the_right_clocks_only(office: Office) -> None:
    made = clocks(office)
    before = state()
    correction, moves = run(partial(decree, date(2026, 1, 12)), office)
    after = state()
    assert {label for label in after if after[label] != before[label]} == {"open"}
    made["open"].refresh_from_db()
    clock = made["open"]
    assert (clock.due_on, clock.internal_on) == (date(2026, 1, 13), date(2025, 12, 30))
    assert clock.ends_at == datetime(2026, 1, 13, 21, tzinfo=UTC)
    assert ["rolled", {"day": "2026-01-04", "next_day": "2026-01-13"}] in clock.steps
    last = clock.history.first()
    assert (last.history_change_reason, last.history_user) == (
        "correction: 12 January", office.admin,
    )  # fmt: skip
    (item,) = correction.items.all()
    assert (item.deadline, item.due_before, item.due_after) == (
        clock, date(2026, 1, 12), date(2026, 1, 13),
    )  # fmt: skip
    assert (correction.what, correction.made_by, correction.made_at) == (
        "12 January", office.admin, NOW,
    )  # fmt: skip
    for row in (correction, item):
        assert row.history.get().history_change_reason == "decree 1"
    assert [move.deadline for move in moves] == [clock]


def test_a_holiday_of_one_state_leaves_the_other_alone(office: Office) -> None:
    clocks(office)
    before = state()
    _, moves = run(partial(decree, date(2026, 1, 5), country="KZ"), office)
    assert table(moves) == [
        ("kazakh", date(2026, 1, 5), date(2026, 1, 6), date(2025, 12, 31), date(2025, 12, 31))
    ]
    assert {label for label, row in state().items() if row != before[label]} == {"kazakh"}


def test_a_rehearsal_shows_the_same_and_leaves_nothing(office: Office) -> None:
    clocks(office)
    change = partial(decree, date(2026, 1, 12))
    before = counts(), state()
    rehearsed = rehearse(change=change, by=office.admin, now=NOW)
    assert (counts(), state()) == before
    _, moves = run(change, office)
    assert table(rehearsed) == table(moves) != []


def test_a_corrected_rule_moves_its_open_clocks(office: Office) -> None:
    made = clocks(office)

    def shorten() -> Operator | None:
        rule = DeadlineRule.objects.get(code="PROMISE.IPM.3_2")
        rule.length = 4
        rule.save()
        return rule.operator

    correction, moves = run(shorten, office)
    assert {move.deadline.label: move.due_after for move in moves} == {
        "open": date(2025, 12, 29),
        "early": date(2025, 12, 5),
    }
    # Of one operator's promise: not for the eyes of the others.
    assert correction.operator == office.ipm.operator
    assert correction.items.count() == 2
    made["open"].refresh_from_db()
    assert made["open"].steps[-1][0] == "due_day"


def test_a_correction_of_the_law_belongs_to_everybody(office: Office) -> None:
    correction, _ = run(partial(decree, date(2026, 1, 12)), office)
    assert correction.operator is None


def test_an_internal_date_that_moves_alone_is_recorded_too(office: Office) -> None:
    clocks(office)
    _, moves = run(partial(decree, date(2025, 12, 30)), office)
    assert table(moves) == [
        ("open", date(2026, 1, 12), date(2026, 1, 12), date(2025, 12, 30), date(2025, 12, 29))
    ]


def test_a_new_version_moves_nothing(office: Office) -> None:
    clocks(office)
    before = state()

    def enact() -> None:
        for code in ("RU.REG.INQUIRY", "PROMISE.IPM.3_2"):
            new_version(code, date(2026, 1, 1), length=1)

    assert rehearse(change=enact, by=None, now=NOW) == []
    correction, moves = correct(
        change=enact, what="law", reason="law", by=None, now=NOW, always_record=False
    )
    assert (correction, moves, state()) == (None, [], before)
    assert not Correction.objects.exists()
    later = deadline_open(
        operator=office.ipm.operator,
        about=office.admin,
        label="later",
        event="inquiry_received",
        effect="answer_authority",
        trigger_at=datetime(2026, 2, 2, 9, tzinfo=UTC),
        owner=None,
        by=None,
        now=NOW,
    )
    assert later.due_on == date(2026, 2, 3)


def test_a_correction_without_moves_is_recorded_when_asked(office: Office) -> None:
    correction, moves = run(partial(decree, date(2029, 1, 15)), office)
    assert moves == [] and not correction.items.exists()


def test_a_correction_that_no_clock_can_follow_is_refused_whole(office: Office) -> None:
    clocks(office)
    before = counts(), state()

    def forget() -> None:
        CalendarYear.objects.filter(jurisdiction__code="RU", year=2026).delete()

    with pytest.raises(CalendarMissing):
        run(forget, office)
    assert (counts(), state()) == before


def test_a_correction_keeps_an_overdue_clock_in_sight(office: Office) -> None:
    made = clocks(office)
    late = datetime(2026, 1, 12, 21, tzinfo=UTC)
    assert made["open"] in Deadline.objects.overdue(late)
    run(partial(decree, date(2026, 1, 12)), office)
    assert made["open"] not in Deadline.objects.overdue(late)
    assert made["open"] in Deadline.objects.overdue(late + timedelta(days=1))
