"""The morning digest, the words of the mails, failures beside it, and what a sweep costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import tasks
from registry.choices import NoticeKind, RunState
from registry.models import (
    Authority,
    Deadline,
    DeadlineRule,
    JobRun,
    Notice,
    NoticeLine,
    Reminder,
    User,
)
from registry.services import audit, reminders, runs
from registry.services.reminders import digest, remind
from registry.services.staff import membership_start
from requests.models import RegulatorInquiry
from requests.services.inquiries import inquiry_register
from tests.conftest import Office, Team
from tests.registry.reminding import (
    DAY,
    at,
    make_clock,
    make_hour_clock,
    marks_of,
    sweep,
)


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
