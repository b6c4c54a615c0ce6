"""The sweep that reminds: on time, late, twice, after a week; to whom; in which words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import tasks
from registry.choices import Binding, Effect, Event, NoticeKind, RunState
from registry.models import (
    Absence,
    Authority,
    Deadline,
    DeadlineRule,
    JobRun,
    Membership,
    Notice,
    NoticeLine,
    Reminder,
    User,
)
from registry.services import audit, reminders, runs
from registry.services.reminders import digest, remind
from registry.services.staff import membership_start, staff_leave
from requests.models import RegulatorInquiry
from requests.services.inquiries import inquiry_register
from tests.conftest import Office, Team, make_user

# A Wednesday; the five days before it hold one weekend and no holiday of either state.
DAY = date(2026, 3, 18)
BEFORE = ["before-5:2026-03-18", "before-2:2026-03-18", "before-1:2026-03-18"]
LATE = "could not be sent on their day"


def at(team: Team, day: date, hour: int = 9, minute: int = 0) -> datetime:
    """That moment on the operator's own clock."""
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=team.operator.zone)
    return local.astimezone(UTC)


def make_clock(team: Team, **changes: Any) -> Deadline:
    """An open clock in days, of the clerk, due on DAY, recorded two weeks before it."""
    number = Deadline.objects.count() + 1
    due_on = changes.get("due_on", DAY)
    fields: dict[str, Any] = {
        "operator": team.operator,
        "about_type": ContentType.objects.get_for_model(RegulatorInquiry),
        "about_id": number,
        "label": f"INQ-2026-{number:04d}",
        "event": Event.INQUIRY_RECEIVED,
        "effect": Effect.ANSWER_AUTHORITY,
        "statute": DeadlineRule.objects.get(code="RU.REG.INQUIRY"),
        "trigger_at": at(team, DAY - timedelta(days=14)),
        "due_on": due_on,
        "internal_on": due_on,
        "ends_at": at(team, due_on + timedelta(days=1), 0),
        "binding": Binding.STATUTE,
        "owner": team.clerk,
        "created_at": at(team, DAY - timedelta(days=14)),
    } | changes
    return audit.save(Deadline(**fields), by=None, reason="test")


def make_hour_clock(team: Team, ends_at: datetime, **changes: Any) -> Deadline:
    """24 hours from the detection of an incident."""
    local = ends_at.astimezone(team.operator.zone)
    return make_clock(
        team,
        event=Event.INCIDENT_DETECTED, effect=Effect.NOTIFY_AUTHORITY_FIRST,
        statute=DeadlineRule.objects.get(code="RU.INCIDENT.NOTICE1"),
        due_on=local.date(), due_at=ends_at, ends_at=ends_at,
        internal_on=local.date(), created_at=ends_at - timedelta(hours=24),
        **changes,
    )  # fmt: skip


def marks_of(deadline: Deadline) -> list[str]:
    rows = Reminder.objects.filter(deadline=deadline).order_by("planned_at", "pk")
    return list(rows.values_list("mark", flat=True))


def told(mark: str, deadline: Deadline) -> set[str]:
    return set(
        NoticeLine.objects.filter(
            reminder__deadline=deadline, reminder__mark__startswith=mark
        ).values_list("recipient__username", flat=True)
    )


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Reminder, NoticeLine, Notice)]


def sweep(now: datetime) -> None:
    remind(now=now)
    digest(now=now)


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
def away(team: Team, user: User, substitute: User) -> None:
    Absence.objects.create(
        operator=team.operator, user=user, substitute=substitute,
        first_on=DAY - timedelta(days=7), last_on=DAY + timedelta(days=7), order_number="7-k",
    )  # fmt: skip


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


# --- the morning digest ---------------------------------------------------------------------
@pytest.mark.parametrize("code", ["ipm", "pandev"])
@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [(23, 59, 0), (0, 1, 0), (7, 59, 0), (8, 0, 1), (8, 1, 1), (17, 0, 1)],
)
def test_the_digest_waits_for_eight_in_the_zone_of_the_operator(
    office: Office, code: str, hour: int, minute: int, expected: int
) -> None:
    team: Team = getattr(office, code)
    yesterday = DAY - timedelta(days=1)
    clock = make_clock(team)
    sweep(at(team, yesterday, 8, 3))
    reminder = Reminder.objects.create(
        deadline=clock, mark="test", planned_at=at(team, yesterday, 23),
        created_at=at(team, yesterday, 23),
    )  # fmt: skip
    NoticeLine.objects.create(reminder=reminder, recipient=team.clerk)
    day = yesterday if hour == 23 else DAY
    assert digest(now=at(team, day, hour, minute))["digests"] == expected


def test_one_digest_a_morning_and_the_next_one_the_next_morning(office: Office) -> None:
    make_clock(office.ipm)
    for hour in range(24):
        sweep(at(office.ipm, DAY - timedelta(days=1), hour, 3))
    assert Notice.objects.count() == 1
    for hour in range(24):
        sweep(at(office.ipm, DAY, hour, 3))
    assert Notice.objects.filter(recipient=office.ipm.clerk).count() == 2
    assert Notice.objects.filter(recipient=office.ipm.dpo).count() == 1


def test_a_clock_in_hours_does_not_wait_for_the_morning(office: Office) -> None:
    clock = make_hour_clock(office.ipm, at(office.ipm, DAY, 10))
    remind(now=at(office.ipm, DAY, 4, 1))
    assert len(marks_of(clock)) == 2
    assert Notice.objects.filter(kind=NoticeKind.URGENT).count() == 2
    remind(now=at(office.ipm, DAY, 8, 1))
    assert Notice.objects.filter(recipient=office.ipm.clerk).count() == 2
    assert digest(now=at(office.ipm, DAY, 8, 3))["digests"] == 0


def test_an_immediate_clock_reminds_at_once_and_each_hour(office: Office) -> None:
    start = at(office.ipm, DAY, 1)
    clock = make_hour_clock(office.ipm, start)
    Deadline.objects.filter(pk=clock.pk).update(
        statute=DeadlineRule.objects.get(code="RU.VERIFY.BLOCK"), created_at=start
    )
    for minutes in (0, 30, 60, 119, 120):
        remind(now=start + timedelta(minutes=minutes))
    assert marks_of(clock) == ["hour-0", "hour-1", "hour-2"]
    assert Notice.objects.filter(recipient=office.ipm.dpo, kind=NoticeKind.URGENT).count() == 3


def test_a_clock_registered_after_todays_digest_is_told_at_once(office: Office) -> None:
    make_clock(office.ipm)
    sweep(at(office.ipm, DAY, 8, 3))
    assert Notice.objects.count() == 2
    late = make_clock(office.ipm, created_at=at(office.ipm, DAY, 15))
    sweep(at(office.ipm, DAY, 15, 1))
    urgent = Notice.objects.filter(kind=NoticeKind.URGENT)
    assert {notice.recipient.username for notice in urgent} == {"clerk@ipm", "dpo@ipm"}
    assert all(late.label in notice.subject for notice in urgent)
    assert not NoticeLine.objects.filter(notice=None).exists()


def test_the_job_of_the_digest_is_never_ahead_of_the_reminders(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Any] = []
    monkeypatch.setattr(tasks, "ring", rung.append)
    for _ in range(3):
        make_clock(office.ipm)
    with time_machine.travel(at(office.ipm, DAY, 8, 3), tick=False):
        tasks.digest()
        tasks.remind()
    assert rung == [tasks.deliver]
    assert list(Notice.objects.values_list("kind", flat=True)) == ["digest"] * 2
    assert sorted(JobRun.objects.values_list("job", "state")) == [
        ("digest", "done"), ("remind", "done"), ("remind", "done"),
    ]  # fmt: skip


def test_two_operators_of_one_person_are_two_mails(office: Office) -> None:
    for team in (office.ipm, office.pandev):
        if team is office.pandev:
            membership_start(
                user=office.ipm.clerk, operator=team.operator, role="clerk",
                started_on=date(2025, 1, 1), by=None, reason="test",
            )  # fmt: skip
        make_clock(team, owner=office.ipm.clerk)
    sweep(at(office.ipm, DAY - timedelta(days=1)))
    mails = Notice.objects.filter(recipient=office.ipm.clerk)
    assert sorted(mail.operator.code for mail in mails) == ["ipm", "pandev"]
    for mail in mails:
        assert mail.body.count("/change/") == 1
        assert str(mail.operator)[:40] in mail.subject


# --- the words ------------------------------------------------------------------------------
@pytest.mark.parametrize("urgent", [False, True], ids=["digest", "urgent"])
def test_each_reader_has_their_own_language(office: Office, urgent: bool) -> None:
    found = {}
    for language in ("ru", "kk", "en"):
        User.objects.filter(pk=office.ipm.dpo.pk).update(language=language)
        if urgent:
            make_hour_clock(office.ipm, at(office.ipm, DAY, 12), owner=None)
        else:
            make_clock(office.ipm, owner=None)
        sweep(at(office.ipm, DAY))
        notice = Notice.objects.get()
        found[language] = (notice.subject, notice.body)
        NoticeLine.objects.all().delete()
        Notice.objects.all().delete()
        Reminder.objects.all().delete()
        Deadline.objects.all().update(met_at=at(office.ipm, DAY))
    assert len({subject for subject, _ in found.values()}) == 3
    days = {"ru": "среда, 18 марта", "en": "Wednesday, 18 March", "kk": "18 наурыз"}
    for language, day in days.items():
        assert day.lower() in found[language][1].lower()


def test_nothing_that_was_asked_or_answered_stands_in_a_mail(office: Office) -> None:
    inquiry_register(
        operator=office.ipm.operator, authority=Authority.objects.get(code="RU.RKN"),
        reference="08-1234", received_at=at(office.ipm, DAY - timedelta(days=30)),
        questions="Ivanov Ivan, ivan@example.org", channel="post", by=office.ipm.clerk,
        now=at(office.ipm, DAY - timedelta(days=30), 10),
    )  # fmt: skip
    sweep(at(office.ipm, DAY))
    notices = list(Notice.objects.all())
    assert notices
    for notice in notices:
        text = notice.subject + notice.body
        assert "INQ-2026-0001" in text
        assert "Ivan" not in text and "@example.org" not in text


def test_a_long_name_with_a_line_break_still_becomes_a_mail(office: Office) -> None:
    office.ipm.operator.name = "Very\nlong " * 29
    office.ipm.operator.save()
    make_clock(office.ipm)
    sweep(at(office.ipm, DAY))
    assert {len(notice.subject) <= 300 for notice in Notice.objects.all()} == {True}
    assert "\n" not in Notice.objects.first().subject  # type: ignore[union-attr]


# --- one failure keeps nobody else waiting --------------------------------------------------
def test_a_clock_that_fails_does_not_keep_the_others_waiting(office: Office) -> None:
    broken = make_hour_clock(
        office.ipm, at(office.ipm, DAY, 12),
        about_type=ContentType.objects.get_for_model(Session),
    )  # fmt: skip
    fine = make_clock(office.ipm)
    now = at(office.ipm, DAY)
    record = runs.run("remind", remind, now=now)
    assert (record.state, record.did["failed"]) == (RunState.FAILED, 1)
    # Its page cannot be named; nothing of it is half-made.
    assert marks_of(broken) == [] and len(marks_of(fine)) == 4
    broken.about_type = ContentType.objects.get_for_model(RegulatorInquiry)
    audit.save(broken, by=None, reason="test", fields=["about_type"])
    assert runs.run("remind", remind, now=now).state == RunState.DONE
    assert len(marks_of(broken)) == 2


def test_a_digest_that_fails_does_not_keep_the_others_waiting(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clock(office.ipm)
    now = at(office.ipm, DAY)
    remind(now=now)
    write = reminders.write_digest

    def failing(*, recipient: User, **rest: Any) -> tuple[str, str]:
        if recipient == office.ipm.clerk:
            raise ValueError
        return write(recipient=recipient, **rest)

    monkeypatch.setattr(reminders, "write_digest", failing)
    assert digest(now=now) == {"digests": 1, "failed": 1}
    monkeypatch.undo()
    assert digest(now=now) == {"digests": 1, "failed": 0}


def test_a_run_that_dies_is_recorded_by_its_class_alone(office: Office) -> None:
    def dies(now: datetime) -> dict[str, int]:
        raise ValueError("clerk.ipm@example.org")

    with pytest.raises(ValueError):
        runs.run("remind", dies, now=at(office.ipm, DAY))
    record = JobRun.objects.get()
    assert (record.state, record.error) == (RunState.FAILED, "ValueError")
    assert record.finished_at is not None


# --- the cost -------------------------------------------------------------------------------
def queries(work: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def test_the_cost_of_a_sweep(office: Office) -> None:
    def cost(clocks: int, day: date) -> tuple[int, int, int]:
        for _ in range(clocks):
            make_clock(office.ipm)
        now = at(office.ipm, day)
        return (
            queries(lambda: remind(now=now)),
            queries(lambda: digest(now=now)),
            queries(lambda: remind(now=now)),
        )

    few = cost(2, DAY)
    NoticeLine.objects.all().delete()
    Reminder.objects.all().delete()
    Notice.objects.all().delete()
    many = cost(20, DAY)
    # 20 more clocks: a fixed number for each that has a mark, its transaction included.
    assert (many[0] - few[0]) / 20 <= 9
    # The digest and a sweep with nothing to do cost the same for any number of clocks.
    assert many[1] == few[1] <= 30
    assert many[2] == few[2] <= 8
