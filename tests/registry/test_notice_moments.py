"""From when a change of particulars counts: from the history of each row they come from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from registry.choices import Event
from registry.models import (
    Country,
    Deadline,
    InformationSystem,
    Membership,
    ProcessingActivity,
    Purpose,
    RetentionRule,
    SecurityMeasure,
)
from tests.conftest import Office, Team
from tests.registry.noticing import (
    FILED_ON,
    at,
    clocks,
    local_day,
    notified,
    saved,
    watched,
    whole,
)
from tests.registry.transferring import at_step, noon

DAY = timedelta(days=1)
JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 1)
# The 15th of February 2026 is a Sunday.
DUE = date(2026, 2, 16)
ACTIVITY = "email_information"
QUIET = {"operators": 2, "started": 0, "voided": 0, "failed": 0}


@pytest.fixture
def ipm(office: Office) -> Team:
    team = whole(office.ipm)
    notified(team)
    return team


def activity(team: Team) -> ProcessingActivity:
    return ProcessingActivity.objects.get(operator=team.operator, code=ACTIVITY)


def change(team: Team, day: date, hour: int = 12, minute: int = 0, phone: str = "+7 1") -> None:
    with at(team, day, hour, minute):
        team.operator.refresh_from_db()
        saved(team.operator, phone=phone)


def only(team: Team) -> Deadline:
    (clock,) = clocks(team, Event.PARTICULARS_CHANGED)
    return clock


def _extra(team: Team, field: str) -> Any:
    like = activity(team)
    return getattr(like, field)


def _system(team: Team) -> InformationSystem:
    return InformationSystem.objects.get(operator=team.operator)


CHANGES: dict[str, Any] = {
    "name": lambda team: saved(team.operator, name="IPM 2"),
    "inn": lambda team: saved(team.operator, inn="7736050003"),
    "data": lambda team: activity(team).data_categories.remove(
        activity(team).data_categories.get(code="phone")
    ),
    "people": lambda team: activity(team).subject_categories.clear(),
    "bases": lambda team: activity(team).legal_bases.clear(),
    "operations": lambda team: saved(activity(team), operations=["storage"]),
    "modes": lambda team: saved(activity(team), mode="mixed"),
    "network": lambda team: saved(activity(team), over_network=False),
    "activity": lambda team: saved(activity(team), ended_on=JANUARY),
    "purpose": lambda team: saved(activity(team).purpose, ended_on=JANUARY),
    "measure": lambda team: saved(
        SecurityMeasure(operator=team.operator, code="new", kind="legal", name_en="New")
    ),
    "measure gone": lambda team: SecurityMeasure.objects.get(
        operator=team.operator, code="m-legal"
    ).delete(),
    "responsible": lambda team: saved(team.dpo, last_name="Петрова"),
    "nobody": lambda team: saved(team.operator, responsible=None),
    "started": lambda team: saved(activity(team), started_on=date(2024, 1, 1)),
    "ceasing": lambda team: saved(
        RetentionRule.objects.get(operator=team.operator, code="all"), length=10
    ),
    "systems": lambda team: activity(team).systems.clear(),
    "country": lambda team: saved(_system(team), country=Country.objects.get(code="KZ")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_each_particular_counts_from_the_hour_in_which_it_changed(ipm: Team, what: str) -> None:
    watched(ipm, JANUARY - DAY * 2)
    with at(ipm, JANUARY, 18):
        ipm.operator.refresh_from_db()
        ipm.dpo.refresh_from_db()
        CHANGES[what](ipm)
    watched(ipm, date(2026, 2, 5))
    clock = only(ipm)
    # An end is dated: from its day on, whenever it was entered.
    hour = 0 if what in ("activity", "purpose") else 18
    assert clock.trigger_at == noon(ipm, JANUARY, hour)
    assert clock.due_on == DUE


def test_an_activity_that_moves_to_another_purpose_counts_from_its_move(ipm: Team) -> None:
    with at(ipm, FILED_ON + DAY):
        other = saved(Purpose(operator=ipm.operator, code="other", name_en="Other"))
    watched(ipm, JANUARY - DAY)
    with at(ipm, JANUARY, 18):
        saved(activity(ipm), purpose=other)
    watched(ipm, date(2026, 2, 5))
    assert only(ipm).trigger_at == noon(ipm, JANUARY, 18)


def test_an_open_transfer_counts_from_the_day_of_its_opening(ipm: Team) -> None:
    with at(ipm, FILED_ON + DAY):
        row = at_step("open", ipm, "DE")
    assert row.opened_on is not None
    watched(ipm, row.opened_on + DAY * 40)
    # The gate's own helper makes an activity and its purpose beside it, at that hour.
    assert local_day(only(ipm).trigger_at, ipm) == FILED_ON + DAY


def test_an_end_that_comes_on_its_day_counts_from_that_day(ipm: Team) -> None:
    with at(ipm, date(2026, 1, 10)):
        saved(activity(ipm), ended_on=FEBRUARY)
    assert watched(ipm, JANUARY, 23, 59) == QUIET
    watched(ipm, FEBRUARY, 0, 10)
    assert only(ipm).trigger_at == noon(ipm, FEBRUARY, 0)
    assert only(ipm).due_on == date(2026, 3, 16)


def test_whoever_leaves_is_responsible_until_the_last_day(ipm: Team) -> None:
    with at(ipm, date(2026, 1, 10)):
        saved(Membership.objects.get(user=ipm.dpo, operator=ipm.operator), ended_on=JANUARY)
    assert watched(ipm, JANUARY, 23) == QUIET
    watched(ipm, FEBRUARY, 9)
    clock = only(ipm)
    assert clock.trigger_at == noon(ipm, FEBRUARY, 0) and clock.owner is None
