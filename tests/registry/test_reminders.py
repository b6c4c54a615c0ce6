"""The sweep that reminds: on time, late, twice, after a week; and to whom."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
import time_machine
from django.db import connection

from registry.choices import NoticeKind
from registry.models import (
    Deadline,
    Membership,
    Notice,
    NoticeLine,
    Reminder,
    User,
)
from registry.services import audit
from registry.services.reminders import digest, remind
from registry.services.staff import membership_start, staff_leave
from tests.conftest import Office, make_user
from tests.registry.reminding import (
    BEFORE,
    DAY,
    LATE,
    at,
    away,
    everything,
    make_clock,
    make_hour_clock,
    marks_of,
    sweep,
    told,
)


# --- on time, late, twice -------------------------------------------------------------------
def test_on_the_morning_of_a_mark_the_owner_gets_one_mail(office: Office) -> None:
    clock = make_clock(office.ipm)
    friday = date(2026, 3, 13)
    assert remind(now=at(office.ipm, friday, 7, 59))["reminders"] == 0
    did = remind(now=at(office.ipm, friday, 8, 1))
    assert did == {"clocks": 1, "reminders": 1, "unheard": 0, "failed": 0}
    assert digest(now=at(office.ipm, friday, 8, 3)) == {"digests": 1, "failed": 0}
    assert marks_of(clock) == BEFORE[:1]
    notice = Notice.objects.get()
    assert (notice.recipient, notice.kind, notice.state) == (
        office.ipm.clerk, NoticeKind.DIGEST, "pending",
    )  # fmt: skip
    assert "5 days left" in notice.body and f"/{clock.about_id}/change/" in notice.body
    assert LATE not in notice.body
    assert NoticeLine.objects.get().notice == notice


def test_every_mark_of_a_clock_comes_on_its_morning(office: Office) -> None:
    clock = make_clock(office.ipm)
    seen = {}
    for number in range(14):
        day = DAY - timedelta(days=9) + timedelta(days=number)
        before = marks_of(clock)
        sweep(at(office.ipm, day, 8, 3))
        new = marks_of(clock)[len(before) :]
        if new:
            seen[day.day] = [mark.partition(":")[0] for mark in new]
    assert seen == {
        13: ["before-5"], 16: ["before-2"], 17: ["before-1"], 18: ["day"],
        19: ["late-1"], 20: ["late-2"], 21: ["late-3"], 22: ["late-4"],
    }  # fmt: skip
    assert not Notice.objects.filter(body__contains=LATE).exists()


def test_run_twice_or_an_hour_later_changes_nothing(office: Office) -> None:
    make_clock(office.ipm)
    make_hour_clock(office.ipm, at(office.ipm, DAY, 12))
    now = at(office.ipm, DAY, 9)
    sweep(now)
    before = everything()
    assert len(before[0]) == 4 + 2
    sweep(now)
    sweep(now + timedelta(minutes=50))
    assert everything() == before


def test_after_a_week_of_silence_nothing_is_lost_and_one_mail_tells_all(office: Office) -> None:
    clocks = [make_clock(office.ipm), make_clock(office.ipm, due_on=DAY + timedelta(days=1))]
    now = at(office.ipm, DAY + timedelta(days=7))
    sweep(now)
    assert [mark.partition(":")[0] for mark in marks_of(clocks[0])] == [
        "before-5", "before-2", "before-1", "day", *(f"late-{day}" for day in range(1, 8)),
    ]  # fmt: skip
    assert len(marks_of(clocks[1])) == 10
    for user in (office.ipm.clerk, office.ipm.dpo):
        notice = Notice.objects.get(recipient=user)
        assert notice.kind == NoticeKind.DIGEST
        for clock in clocks:
            assert notice.body.count(f"/{clock.about_id}/change/") == 1
        assert LATE in notice.body
        assert "18 March 2026" in notice.body.partition(LATE)[2]
        # Today's own mark is not a missed one.
        assert "25 March 2026" not in notice.body.partition(LATE)[2]
    assert Notice.objects.count() == 2
    assert "13 March 2026" in Notice.objects.get(recipient=office.ipm.clerk).body


def test_two_workers_at_once_make_every_mark_once(live_office: Office) -> None:
    for number in range(6):
        make_clock(live_office.ipm, owner=[live_office.ipm.clerk, None][number % 2])
        make_hour_clock(live_office.ipm, at(live_office.ipm, DAY, 12))
    now = at(live_office.ipm, DAY + timedelta(days=7))
    barrier = threading.Barrier(2)
    problems: list[Exception] = []

    def work() -> None:
        try:
            barrier.wait(10)
            for job in (remind, digest):
                if failed := job(now=now)["failed"]:
                    raise AssertionError(f"{failed} failed")
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert problems == []
    assert Reminder.objects.count() == 6 * 11 + 6 * (3 + 28)
    assert not NoticeLine.objects.filter(notice=None).exists()
    # The mornings' marks are in the digests; of each clock in hours one mail a person.
    by_kind = [Notice.objects.filter(kind=kind).count() for kind in ("digest", "urgent")]
    assert by_kind == [2, 6 * 2]


# --- to whom --------------------------------------------------------------------------------
def test_an_early_mark_is_the_owners_and_the_day_is_the_dpos_too(office: Office) -> None:
    clock = make_clock(office.ipm)
    sweep(at(office.ipm, DAY))
    assert told("before-1", clock) == {"clerk@ipm"}
    assert told("day", clock) == {"clerk@ipm", "dpo@ipm"}
    body = Notice.objects.get(recipient=office.ipm.dpo).body
    assert body.startswith("You receive this for clerk@ipm")


def test_the_substitute_of_an_absent_owner_is_told(office: Office) -> None:
    clock = make_clock(office.ipm)
    away(office.ipm, office.ipm.clerk, office.ipm.deputy)
    sweep(at(office.ipm, DAY - timedelta(days=1)))
    assert told("before", clock) == {"deputy@ipm"}


def test_absences_are_followed_through_a_chain(office: Office) -> None:
    clock = make_clock(office.ipm)
    away(office.ipm, office.ipm.clerk, office.ipm.deputy)
    away(office.ipm, office.ipm.deputy, office.ipm.dpo)
    sweep(at(office.ipm, DAY - timedelta(days=1)))
    assert told("before", clock) == {"dpo@ipm"}


def test_a_circle_of_absences_ends_and_reaches_somebody_who_is_here(office: Office) -> None:
    clock = make_clock(office.ipm)
    away(office.ipm, office.ipm.clerk, office.ipm.deputy)
    away(office.ipm, office.ipm.deputy, office.ipm.clerk)
    sweep(at(office.ipm, DAY - timedelta(days=1)))
    assert "dpo@ipm" in told("before", clock)


def test_an_absent_owner_whose_substitute_has_left_does_not_swallow_it(office: Office) -> None:
    clock = make_clock(office.ipm)
    away(office.ipm, office.ipm.clerk, office.ipm.deputy)
    User.objects.filter(pk=office.ipm.deputy.pk).update(is_active=False)
    sweep(at(office.ipm, DAY - timedelta(days=1)))
    assert "dpo@ipm" in told("before", clock)
    assert "deputy@ipm" not in told("before", clock)


def test_without_an_owner_the_dpos_are_told_the_responsible_one_first(office: Office) -> None:
    clock = make_clock(office.ipm, owner=None)
    second = make_user("dpo2@ipm")
    membership_start(
        user=second, operator=office.ipm.operator, role="dpo", started_on=date(2025, 1, 1),
        by=None, reason="test",
    )  # fmt: skip
    sweep(at(office.ipm, DAY - timedelta(days=1)))
    assert told("before", clock) == {"dpo@ipm", "dpo2@ipm"}


@pytest.mark.parametrize("how", ["left", "inactive", "auditor"])
def test_an_owner_who_cannot_act_is_replaced_by_the_dpo(office: Office, how: str) -> None:
    clock = make_clock(office.ipm)
    if how == "left":
        Membership.objects.filter(user=office.ipm.clerk).update(ended_on=DAY - timedelta(days=3))
    elif how == "inactive":
        User.objects.filter(pk=office.ipm.clerk.pk).update(is_active=False)
    else:
        Membership.objects.filter(user=office.ipm.clerk).update(role="auditor")
    sweep(at(office.ipm, DAY - timedelta(days=1)))
    assert told("before-1", clock) == {"dpo@ipm"}


def test_without_a_dpo_the_clerks_and_without_them_the_administrators(office: Office) -> None:
    first, second = make_clock(office.ipm, owner=None), make_clock(office.pandev, owner=None)
    Membership.objects.filter(operator=office.ipm.operator, role="dpo").update(
        ended_on=date(2026, 1, 1)
    )
    Membership.objects.filter(operator=office.pandev.operator).update(ended_on=date(2026, 1, 1))
    sweep(at(office.ipm, DAY - timedelta(days=1)))
    assert told("before", first) == {"clerk@ipm", "deputy@ipm"}
    assert told("before", second) == {"admin"}


def test_with_nobody_at_all_the_mark_waits_and_is_made_when_somebody_comes(
    office: Office,
) -> None:
    clock = make_clock(office.ipm)
    User.objects.update(is_active=False)
    did = remind(now=at(office.ipm, DAY - timedelta(days=1)))
    assert (did["reminders"], did["unheard"]) == (0, 1)
    assert everything() == [[], [], []]
    User.objects.filter(username="dpo@ipm").update(is_active=True)
    sweep(at(office.ipm, DAY))
    assert len(marks_of(clock)) == 4
    assert told("before", clock) == {"dpo@ipm"}


def test_no_one_of_another_operator_is_told(office: Office) -> None:
    make_clock(office.ipm)
    sweep(at(office.ipm, DAY + timedelta(days=3)))
    names = set(NoticeLine.objects.values_list("recipient__username", flat=True))
    assert names == {"clerk@ipm", "dpo@ipm"}


def test_what_waits_for_somebody_who_was_deactivated_goes_to_those_who_are_here(
    office: Office,
) -> None:
    clock = make_clock(office.ipm)
    now = at(office.ipm, DAY, 8, 1)
    remind(now=now)
    User.objects.filter(pk=office.ipm.clerk.pk).update(is_active=False)
    digest(now=now + timedelta(minutes=2))
    assert told("before", clock) == told("day", clock) == {"dpo@ipm"}
    assert Notice.objects.get().recipient == office.ipm.dpo


def test_what_waits_for_a_leaver_goes_to_the_successor(office: Office) -> None:
    clock = make_clock(office.ipm)
    now = at(office.ipm, DAY, 8, 1)
    remind(now=now)
    staff_leave(
        membership=Membership.objects.get(user=office.ipm.clerk),
        successor=office.ipm.deputy, by=office.admin, now=now, reason="left",
    )  # fmt: skip
    digest(now=now + timedelta(minutes=2))
    assert told("before", clock) == {"deputy@ipm"}
    assert told("day", clock) == {"deputy@ipm", "dpo@ipm"}
    assert not Notice.objects.filter(recipient=office.ipm.clerk).exists()


# --- silent clocks and moved clocks ---------------------------------------------------------
def test_a_clock_that_is_met_or_void_is_silent(office: Office) -> None:
    make_clock(office.ipm, met_at=at(office.ipm, DAY - timedelta(days=9)))
    make_clock(office.ipm, voided_at=at(office.ipm, DAY - timedelta(days=9)))
    sweep(at(office.ipm, DAY + timedelta(days=7)))
    assert everything() == [[], [], []]


def test_what_was_answered_between_reminder_and_digest_is_left_out(office: Office) -> None:
    answered, other = make_clock(office.ipm), make_clock(office.ipm)
    now = at(office.ipm, DAY, 8, 1)
    remind(now=now)
    answered.met_at = now
    audit.save(answered, by=None, reason="answered", fields=["met_at"])
    digest(now=now + timedelta(minutes=2))
    bodies = [notice.body for notice in Notice.objects.all()]
    assert len(bodies) == 2
    assert all(other.label in body and answered.label not in body for body in bodies)


def test_a_clock_without_a_date_yet_is_silent(office: Office) -> None:
    make_clock(office.ipm, due_on=DAY)
    Deadline.objects.update(due_on=None, ends_at=None, internal_on=None)
    assert remind(now=at(office.ipm, DAY))["reminders"] == 0


def test_a_moved_clock_reminds_anew_of_its_new_date_and_not_of_mornings_before_the_move(
    office: Office,
) -> None:
    monday = date(2026, 3, 23)
    with time_machine.travel(at(office.ipm, DAY - timedelta(days=14)), tick=False):
        clock = make_clock(office.ipm)
    sweep(at(office.ipm, DAY))
    with time_machine.travel(at(office.ipm, DAY, 12), tick=False):
        clock.due_on = clock.internal_on = monday
        clock.ends_at = at(office.ipm, monday + timedelta(days=1), 0)
        audit.save(clock, by=None, reason="extended", fields=["due_on", "internal_on", "ends_at"])
    before = marks_of(clock)
    assert len(before) == 4
    # Five days before the new date is the day of the move itself.
    for day in (18, 19, 20, 21, 22, 23, 24):
        sweep(at(office.ipm, date(2026, 3, day), 13))
    assert marks_of(clock)[4:] == [
        "before-5:2026-03-23", "before-2:2026-03-23", "before-1:2026-03-23",
        "day:2026-03-23", "late-1:2026-03-23",
    ]  # fmt: skip
    assert not Notice.objects.filter(created_at__gt=at(office.ipm, DAY, 12), body__contains=LATE)


def test_a_date_that_moved_nearer_says_so_once_and_calls_no_morning_missed(
    office: Office,
) -> None:
    with time_machine.travel(at(office.ipm, DAY - timedelta(days=14)), tick=False):
        clock = make_clock(office.ipm, due_on=DAY + timedelta(days=12))
    moved_at = at(office.ipm, DAY - timedelta(days=1), 15)
    with time_machine.travel(moved_at, tick=False):
        clock.due_on = clock.internal_on = DAY
        clock.ends_at = at(office.ipm, DAY + timedelta(days=1), 0)
        audit.save(clock, by=None, reason="restated", fields=["due_on", "internal_on", "ends_at"])
    sweep(moved_at + timedelta(minutes=5))
    assert marks_of(clock) == ["before-1:2026-03-18"]
    assert LATE not in Notice.objects.get().body
