"""Who owns a clock: the staff of its operator, and the substitute of whoever is away."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from registry.models import Membership, User
from registry.services.clocks import (
    NotOnTheStaff,
    OwnerOnlyReads,
    deadline_assign,
    person_on_duty,
)
from tests.conftest import Office
from tests.registry.test_clocks import NOW, away, refused, start


def test_who_may_own_a_clock(office: Office) -> None:
    team = office.ipm
    clock = start(team, owner=None)
    for stranger in (office.nobody, office.admin, office.pandev.dpo):
        with refused(NotOnTheStaff):
            deadline_assign(deadline=clock, owner=stranger, by=None, now=NOW, reason="x")
    with refused(OwnerOnlyReads):
        deadline_assign(deadline=clock, owner=team.auditor, by=None, now=NOW, reason="x")
    Membership.objects.filter(user=team.deputy).update(ended_on=date(2026, 1, 4))
    with refused(NotOnTheStaff):
        deadline_assign(deadline=clock, owner=team.deputy, by=None, now=NOW, reason="x")
    User.objects.filter(pk=team.clerk.pk).update(is_active=False)
    team.clerk.refresh_from_db()
    with refused(NotOnTheStaff):
        deadline_assign(deadline=clock, owner=team.clerk, by=None, now=NOW, reason="x")
    given = deadline_assign(deadline=clock, owner=team.dpo, by=team.dpo, now=NOW, reason="mine")
    assert given.owner == team.dpo
    assert clock.history.first().history_change_reason == "mine"


def test_a_new_clock_asks_the_same_of_its_owner(office: Office) -> None:
    with refused(OwnerOnlyReads):
        start(office.ipm, owner=office.ipm.auditor)
    with refused(NotOnTheStaff):
        start(office.ipm, owner=office.pandev.dpo)


@pytest.mark.parametrize(
    ("instant", "owner"),
    [
        # The absence begins on 6 January of Almaty, five hours before that of UTC.
        (datetime(2026, 1, 5, 18, 59, tzinfo=UTC), "dpo"),
        (datetime(2026, 1, 5, 19, 1, tzinfo=UTC), "deputy"),
        (datetime(2026, 1, 8, 18, 59, tzinfo=UTC), "deputy"),
        (datetime(2026, 1, 8, 19, 1, tzinfo=UTC), "dpo"),
    ],
)
def test_a_new_case_of_somebody_away_goes_to_the_substitute(
    office: Office, instant: datetime, owner: str
) -> None:
    team = office.pandev
    away(team, team.dpo, team.deputy, date(2026, 1, 6), date(2026, 1, 8))
    clock = start(team, trigger_at=instant, now=instant)
    assert clock.owner == getattr(team, owner)
    again = deadline_assign(deadline=clock, owner=team.dpo, by=None, now=instant, reason="x")
    assert again.owner == getattr(team, owner)


def test_substitutes_of_substitutes(office: Office) -> None:
    team, first, last = office.ipm, date(2026, 1, 1), date(2026, 1, 31)

    def on_duty() -> User:
        return person_on_duty(user=team.dpo, operator=team.operator, today=NOW.date())

    away(team, team.dpo, team.deputy, first, last)
    away(team, team.deputy, team.clerk, first, last)
    assert on_duty() == team.clerk
    # A ring ends with the last who has not been asked yet.
    ring = away(team, team.clerk, team.dpo, first, last)
    assert on_duty() == team.clerk
    ring.delete()
    # A substitute who has left stands in for nobody.
    Membership.objects.filter(user=team.clerk).update(ended_on=date(2026, 1, 4))
    assert on_duty() == team.deputy
    User.objects.filter(pk=team.deputy.pk).update(is_active=False)
    assert on_duty() == team.dpo
