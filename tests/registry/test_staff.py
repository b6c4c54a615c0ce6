"""People who come, stand in and leave: nothing open stays behind, no session either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from registry.errors import OperatorError
from registry.models import Absence, Deadline, Membership, NoticeLine, Reminder, User
from registry.services.clocks import NotOnTheStaff, OwnerOnlyReads, person_on_duty
from registry.services.staff import (
    Handover,
    LeftAlready,
    RoleHeldAlready,
    SuccessorIsLeaver,
    SuccessorMissing,
    SuccessorNeedsLeaver,
    membership_start,
    open_work,
    sessions_end,
    staff_leave,
    user_deactivate,
)
from tests.conftest import PASSWORD, Office, Team, make_user
from tests.registry.test_clocks import NOW, away, start
from tests.registry.test_law import counts

TODAY = date(2026, 1, 5)
YESTERDAY = date(2026, 1, 4)


def role(user: User, team: Team) -> Membership:
    return Membership.objects.get(user=user, operator=team.operator, ended_on=None)


def leave(user: User, team: Team, successor: User | None, now: datetime = NOW) -> Handover:
    return staff_leave(
        membership=role(user, team),
        successor=successor,
        by=team.dpo if user != team.dpo else None,
        now=now,
        reason="order 7",
    )


@contextmanager
def refused(error: type[OperatorError]) -> Iterator[None]:
    def state() -> object:
        models: list[Any] = [Membership, Deadline, Absence, User, NoticeLine, Session]
        return counts(), [list(model.objects.order_by("pk").values()) for model in models]

    before = state()
    with pytest.raises(OperatorError) as refusal:
        yield
    assert type(refusal.value) is error
    assert state() == before


# Coming


def test_the_first_dpo_becomes_the_responsible_person(office: Office) -> None:
    operator = office.ipm.operator
    assert operator.responsible == office.ipm.dpo
    second = membership_start(
        user=office.nobody, operator=operator, role="dpo", started_on=TODAY, by=office.admin,
        reason="order 1", position="Lawyer",
    )  # fmt: skip
    operator.refresh_from_db()
    assert operator.responsible == office.ipm.dpo
    row = second.history.get()
    assert (row.history_change_reason, row.history_user) == ("order 1", office.admin)
    assert (row.role, row.position) == ("dpo", "Lawyer")


def test_one_role_with_an_operator_and_others_elsewhere(office: Office) -> None:
    clerk = office.ipm.clerk
    with refused(RoleHeldAlready):
        membership_start(
            user=clerk, operator=office.ipm.operator, role="dpo", started_on=TODAY, by=None,
            reason="x",
        )  # fmt: skip
    membership_start(
        user=clerk, operator=office.pandev.operator, role="auditor", started_on=TODAY, by=None,
        reason="x",
    )  # fmt: skip
    assert clerk.memberships.count() == 2


def test_who_left_may_come_back_the_same_day(office: Office) -> None:
    leave(office.ipm.clerk, office.ipm, None)
    office.ipm.clerk.refresh_from_db()
    membership_start(
        user=office.ipm.clerk, operator=office.ipm.operator, role="clerk", started_on=TODAY,
        by=None, reason="x",
    )  # fmt: skip
    assert [row.holds_on(TODAY) for row in office.ipm.clerk.memberships.order_by("pk")] == [
        False, True,
    ]  # fmt: skip


# Leaving


def test_a_leaver_hands_over_everything_open(office: Office) -> None:
    team = office.ipm
    mine = start(team, owner=team.dpo)
    absence = away(team, team.clerk, team.dpo, TODAY, date(2026, 1, 9))
    past = away(team, team.deputy, team.dpo, date(2025, 12, 1), date(2025, 12, 2))
    work = open_work(membership=role(team.dpo, team), today=TODAY)
    assert (work.deadlines, work.substitutions, work.is_responsible) == ([mine], [absence], True)

    done = staff_leave(
        membership=role(team.dpo, team), successor=team.deputy, by=office.admin, now=NOW,
        reason="order 7",
    )  # fmt: skip
    assert (done.deadlines, done.substitutions, done.is_responsible) == ([mine], [absence], True)
    for row in (mine, absence, past, team.operator):
        row.refresh_from_db()
    assert (mine.owner, absence.substitute) == (team.deputy, team.deputy)
    assert (past.substitute, team.operator.responsible) == (team.dpo, team.deputy)
    membership = Membership.objects.get(user=team.dpo)
    assert membership.ended_on == YESTERDAY
    for audited in (mine, absence, team.operator, membership):
        last = audited.history.first()
        assert (last.history_change_reason, last.history_user) == ("order 7", office.admin)


def test_a_leaver_is_out_at_once_everywhere(
    office: Office, as_user: Callable[[User], Client]
) -> None:
    leaver, colleague = office.ipm.clerk, office.ipm.dpo
    clients, other = [as_user(leaver), as_user(leaver)], as_user(colleague)
    page = reverse("admin:index")
    assert [client.get(page).status_code for client in (*clients, other)] == [200, 200, 200]
    leave(leaver, office.ipm, None)
    assert [client.get(page).status_code for client in (*clients, other)] == [302, 302, 200]
    leaver.refresh_from_db()
    assert not leaver.is_active and not leaver.has_usable_password()
    assert not leaver.check_password(PASSWORD)
    assert not leaver.has_perm("registry.view_operator", office.ipm.operator)
    assert leaver.history.first().history_change_reason == "order 7"


def test_with_a_role_elsewhere_the_account_stays(
    office: Office, as_user: Callable[[User], Client]
) -> None:
    leaver = office.ipm.clerk
    membership_start(
        user=leaver, operator=office.pandev.operator, role="clerk", started_on=TODAY, by=None,
        reason="x",
    )  # fmt: skip
    theirs = start(office.pandev, owner=office.pandev.dpo)
    Deadline.objects.filter(pk=theirs.pk).update(owner=leaver)
    client = as_user(leaver)
    leave(leaver, office.ipm, None)
    leaver.refresh_from_db()
    theirs.refresh_from_db()
    assert leaver.is_active and leaver.has_usable_password() and theirs.owner == leaver
    assert client.get(reverse("admin:index")).status_code == 200
    assert leaver.has_perm("registry.view_operator", office.pandev.operator)
    assert not leaver.has_perm("registry.view_operator", office.ipm.operator)


def test_an_administrator_keeps_the_account(office: Office) -> None:
    membership_start(
        user=office.admin, operator=office.ipm.operator, role="clerk", started_on=TODAY, by=None,
        reason="x",
    )  # fmt: skip
    leave(office.admin, office.ipm, None)
    office.admin.refresh_from_db()
    assert office.admin.is_active


def test_what_is_open_is_left_to_somebody(office: Office) -> None:
    team = office.ipm
    start(team, owner=team.clerk)
    for successor, error in (
        (None, SuccessorMissing),
        (team.clerk, SuccessorIsLeaver),
        (team.auditor, OwnerOnlyReads),
        (office.pandev.dpo, NotOnTheStaff),
        (office.nobody, NotOnTheStaff),
    ):
        with refused(error):
            leave(team.clerk, team, successor)
    with refused(SuccessorMissing):
        leave(team.dpo, team, None)  # nothing but the responsibility


def test_nobody_leaves_twice(office: Office) -> None:
    membership = role(office.ipm.clerk, office.ipm)
    leave(office.ipm.clerk, office.ipm, None)
    with refused(LeftAlready):
        staff_leave(membership=membership, successor=None, by=None, now=NOW, reason="x")


def test_nothing_comes_back_through_a_successor_who_is_away(office: Office) -> None:
    # The successor is away; the leaver stands in for the successor's substitute.
    team = office.ipm
    clock = start(team, owner=team.clerk)
    away(team, team.dpo, team.deputy, TODAY, date(2026, 1, 9))
    away(team, team.deputy, team.clerk, TODAY, date(2026, 1, 9))
    leave(team.clerk, team, team.dpo)
    clock.refresh_from_db()
    assert clock.owner == team.deputy
    assert not Absence.objects.filter(substitute=team.clerk).exists()


def test_a_successor_for_whom_the_leaver_stands_in_is_refused(office: Office) -> None:
    team = office.ipm
    start(team, owner=team.clerk)
    for first in (TODAY, date(2026, 3, 1)):
        absence = away(team, team.dpo, team.clerk, first, date(2026, 3, 9))
        with refused(SuccessorNeedsLeaver):
            leave(team.clerk, team, team.dpo)
        absence.delete()
    leave(team.clerk, team, team.dpo)


@pytest.mark.parametrize(
    ("instant", "last_day"),
    [
        (datetime(2026, 1, 5, 18, 59, tzinfo=UTC), date(2026, 1, 4)),
        (datetime(2026, 1, 5, 19, 1, tzinfo=UTC), date(2026, 1, 5)),
    ],
)
def test_the_last_day_is_the_operators_yesterday(
    office: Office, instant: datetime, last_day: date
) -> None:
    leave(office.pandev.clerk, office.pandev, None, now=instant)
    assert Membership.objects.get(user=office.pandev.clerk).ended_on == last_day


def test_a_role_of_one_day(office: Office) -> None:
    team = office.ipm
    membership_start(
        user=office.nobody, operator=team.operator, role="clerk", started_on=TODAY, by=None,
        reason="x",
    )  # fmt: skip
    leave(office.nobody, team, None)
    assert Membership.objects.get(user=office.nobody).ended_on == TODAY


def test_the_day_after(office: Office) -> None:
    team = office.ipm
    away(team, team.dpo, team.clerk, TODAY, date(2026, 1, 9))
    leave(team.clerk, team, team.deputy)
    tomorrow = date(2026, 1, 6)
    assert person_on_duty(user=team.dpo, operator=team.operator, today=tomorrow) == team.deputy
    assert start(team, owner=team.dpo, now=NOW).owner == team.deputy
    with refused(NotOnTheStaff):
        start(team, owner=team.clerk, now=NOW)


# What waits for them, and accounts


def line(clock: Deadline, mark: str, *people: User) -> None:
    reminder = Reminder.objects.create(deadline=clock, mark=mark, planned_at=NOW, created_at=NOW)
    for person in people:
        NoticeLine.objects.create(reminder=reminder, recipient=person)


def test_lines_that_wait_go_to_whoever_takes_over(office: Office) -> None:
    team = office.ipm
    clock, theirs = start(team, owner=team.clerk), start(office.pandev)
    line(clock, "before-5", team.clerk)
    line(clock, "day", team.clerk, team.dpo)
    line(theirs, "day", team.clerk)
    leave(team.clerk, team, team.dpo)

    def waiting(person: User) -> list[tuple[str, str]]:
        lines = NoticeLine.objects.filter(recipient=person).order_by("pk")
        return [(row.reminder.deadline.operator.code, row.reminder.mark) for row in lines]

    assert waiting(team.clerk) == [("pandev", "day")]
    assert sorted(waiting(team.dpo)) == [("ipm", "before-5"), ("ipm", "day")]


def test_lines_go_past_a_successor_who_is_away(office: Office) -> None:
    team = office.ipm
    clock = start(team, owner=team.clerk)
    line(clock, "day", team.clerk)
    away(team, team.dpo, team.deputy, TODAY, date(2026, 1, 9))
    leave(team.clerk, team, team.dpo)
    clock.refresh_from_db()
    assert clock.owner == NoticeLine.objects.get().recipient == team.deputy


def test_only_the_sessions_of_the_person_end(
    office: Office, as_user: Callable[[User], Client]
) -> None:
    for user in (office.admin, office.admin, office.nobody):
        as_user(user)
    assert sessions_end(user=office.admin) == 2
    assert Session.objects.count() == 1


def test_staff_are_deactivated_never_deleted(db: Any) -> None:
    user = make_user("somebody")
    user_deactivate(user=user, by=None, reason="order 9")
    user.refresh_from_db()
    assert not user.is_active and user.history.first().history_change_reason == "order 9"
    with pytest.raises(ValidationError):
        user.delete()
