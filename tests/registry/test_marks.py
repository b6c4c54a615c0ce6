"""When a clock reminds: which marks, at which moment, on both sides of midnight and of eight."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.marks import Mark, Pace, marks
from registry.workdays import WorkCalendar

ALMATY, MOSCOW = ZoneInfo("Asia/Almaty"), ZoneInfo("Europe/Moscow")
ZONES = [ALMATY, MOSCOW]
START = date(2024, 12, 1)
# Weekends, and the first days of each January as in Russia.
DAYS_OFF = [
    day
    for day in (START + timedelta(days=number) for number in range(1200))
    if day.weekday() >= 5 or (day.month == 1 and day.day <= 8)
]
CALENDAR = WorkCalendar("RU", DAYS_OFF, dict.fromkeys(range(2024, 2029), True))
# A Wednesday, whose five days before hold one weekend.
INTERNAL = date(2026, 3, 18)


def at(day: date, hour: int = 8, minute: int = 0, zone: ZoneInfo = MOSCOW) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)


def days(now: datetime, **changes: Any) -> list[Mark]:
    facts: dict[str, Any] = {
        "since": at(date(2026, 3, 2)),
        "internal_on": INTERNAL,
        "due_on": INTERNAL,
        "zone": MOSCOW,
        "calendar": CALENDAR,
    } | changes
    midnight = at(facts["due_on"] + timedelta(days=1), 0, zone=facts["zone"])
    return marks(pace=Pace.DAYS, now=now, ends_at=midnight, **facts)


def hours(now: datetime, *, since: datetime, ends_at: datetime) -> list[Mark]:
    day = ends_at.date()
    return marks(
        pace=Pace.HOURS, since=since, internal_on=day, due_on=day, ends_at=ends_at, now=now,
        zone=MOSCOW, calendar=CALENDAR,
    )  # fmt: skip


def at_once(now: datetime, *, since: datetime) -> list[Mark]:
    day = since.date()
    return marks(
        pace=Pace.IMMEDIATE, since=since, internal_on=day, due_on=day, ends_at=since, now=now,
        zone=MOSCOW, calendar=CALENDAR,
    )  # fmt: skip


def named(found: list[Mark]) -> list[str]:
    return [mark.code.partition(":")[0] for mark in found]


# --- days -----------------------------------------------------------------------------------
def test_five_two_and_one_day_before_then_the_day_then_each_day_late() -> None:
    found = days(at(date(2026, 3, 20), 9))
    assert [(mark.code, mark.planned_at) for mark in found] == [
        ("before-5:2026-03-18", at(date(2026, 3, 13))),
        # 16 March is a Monday.
        ("before-2:2026-03-18", at(date(2026, 3, 16))),
        ("before-1:2026-03-18", at(date(2026, 3, 17))),
        ("day:2026-03-18", at(date(2026, 3, 18))),
        ("late-1:2026-03-18", at(date(2026, 3, 19))),
        ("late-2:2026-03-18", at(date(2026, 3, 20))),
    ]


def test_the_day_and_what_follows_is_escalated_and_no_day_is_urgent() -> None:
    found = days(at(date(2026, 3, 19), 9))
    assert [mark.escalate for mark in found] == [False, False, False, True, True]
    assert not any(mark.urgent for mark in found)


def test_a_due_day_after_the_safe_day_is_a_mark_of_its_own() -> None:
    found = days(at(date(2026, 3, 24), 9), due_on=date(2026, 3, 23))
    assert [mark.code for mark in found][3:] == [
        "day:2026-03-18",
        "due:2026-03-23",
        "late-1:2026-03-23",
    ]


def test_a_mark_on_a_day_off_comes_on_the_working_day_before() -> None:
    # Monday 16 March: two days and one day before it are a weekend.
    found = days(at(date(2026, 3, 16), 9), internal_on=date(2026, 3, 16))
    friday = at(date(2026, 3, 13))
    assert [mark.planned_at for mark in found][1:3] == [friday, friday]


def test_a_clock_recorded_in_a_long_holiday_keeps_the_marks_whose_working_day_is_over() -> None:
    recorded = at(date(2026, 1, 2), 12)
    found = days(
        at(date(2026, 1, 9), 9),
        since=recorded, internal_on=date(2026, 1, 9), due_on=date(2026, 1, 9),
    )  # fmt: skip
    assert named(found) == ["before-5", "before-2", "before-1", "day"]
    assert {mark.planned_at for mark in found[:3]} == {recorded}


def test_a_mark_in_a_year_without_calendar_comes_on_its_own_day() -> None:
    found = days(
        at(date(2024, 1, 2), 9),
        since=at(date(2023, 12, 1)), internal_on=date(2024, 1, 4), due_on=date(2024, 1, 4),
        calendar=WorkCalendar("RU", [date(2024, 1, 7)], {2024: True}),
    )  # fmt: skip
    # A Saturday of a year that nobody has loaded.
    assert found[0].planned_at == at(date(2023, 12, 30))


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [(0, 1, []), (7, 59, []), (8, 0, ["day"]), (8, 1, ["day"]), (23, 59, ["day"])],
)
def test_the_morning_is_eight_in_the_zone_of_the_operator(
    zone: ZoneInfo, hour: int, minute: int, expected: list[str]
) -> None:
    now = at(INTERNAL, hour, minute, zone).astimezone(UTC)
    found = days(now, zone=zone, since=at(date(2026, 3, 2), zone=zone))
    assert named(found)[3:] == expected


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_midnight_parts_the_day_from_the_day_late(zone: ZoneInfo) -> None:
    def late(day: date, hour: int, minute: int) -> list[str]:
        return named(days(at(day, hour, minute, zone).astimezone(UTC), zone=zone))[4:]

    after = INTERNAL + timedelta(days=1)
    assert late(INTERNAL, 23, 59) == late(after, 0, 1) == late(after, 7, 59) == []
    assert late(after, 8, 1) == late(after, 23, 59) == ["late-1"]


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_a_clock_recorded_after_eight_reminds_that_day_from_its_moment(zone: ZoneInfo) -> None:
    recorded = at(INTERNAL, 15, 30, zone)
    assert days(recorded - timedelta(minutes=1), zone=zone, since=recorded) == []
    (mark,) = days(recorded, zone=zone, since=recorded)
    assert (named([mark]), mark.planned_at) == (["day"], recorded)


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_recorded_at_either_side_of_midnight(zone: ZoneInfo) -> None:
    now = at(INTERNAL, 9, zone=zone)
    before = at(INTERNAL - timedelta(days=1), 23, 59, zone)
    after = at(INTERNAL, 0, 1, zone)
    assert named(days(now, zone=zone, since=before)) == ["before-1", "day"]
    assert named(days(now, zone=zone, since=after)) == ["day"]


def test_recorded_when_it_was_late_already_reminds_of_today_not_of_the_past() -> None:
    recorded = at(date(2026, 3, 25), 10)
    found = days(at(date(2026, 3, 26), 10), since=recorded)
    assert [(mark.code, mark.planned_at) for mark in found] == [
        ("late-7:2026-03-18", recorded),
        ("late-8:2026-03-18", at(date(2026, 3, 26))),
    ]


def test_a_moved_clock_names_its_marks_after_the_new_day() -> None:
    old = {mark.code for mark in days(at(date(2026, 3, 18), 9))}
    moved = days(
        at(date(2026, 3, 25), 9),
        since=at(date(2026, 3, 18), 12), internal_on=date(2026, 3, 25), due_on=date(2026, 3, 25),
    )  # fmt: skip
    assert named(moved) == ["before-5", "before-2", "before-1", "day"]
    assert not old & {mark.code for mark in moved}


# --- hours and immediate --------------------------------------------------------------------
END = datetime(2026, 3, 18, 12, tzinfo=UTC)


def test_twelve_six_and_two_hours_before_then_every_six_late() -> None:
    found = hours(END + timedelta(hours=13), since=END - timedelta(hours=24), ends_at=END)
    assert [(mark.code, mark.planned_at - END) for mark in found] == [
        ("hours-12:2026-03-18T12:00Z", timedelta(hours=-12)),
        ("hours-6:2026-03-18T12:00Z", timedelta(hours=-6)),
        ("hours-2:2026-03-18T12:00Z", timedelta(hours=-2)),
        ("late-0h:2026-03-18T12:00Z", timedelta(0)),
        ("late-6h:2026-03-18T12:00Z", timedelta(hours=6)),
        ("late-12h:2026-03-18T12:00Z", timedelta(hours=12)),
    ]
    assert all(mark.urgent and mark.escalate for mark in found)


@pytest.mark.parametrize(
    ("before_end", "expected"),
    [
        (timedelta(hours=12, seconds=1), []),
        (timedelta(hours=12), ["hours-12"]),
        (timedelta(seconds=1), ["hours-12", "hours-6", "hours-2"]),
        (timedelta(0), ["hours-12", "hours-6", "hours-2", "late-0h"]),
        (timedelta(hours=-5, minutes=-59), ["hours-12", "hours-6", "hours-2", "late-0h"]),
    ],
)
def test_both_sides_of_each_hour(before_end: timedelta, expected: list[str]) -> None:
    found = hours(END - before_end, since=END - timedelta(hours=24), ends_at=END)
    assert named(found) == expected


def test_recorded_with_three_hours_left_reminds_at_once_and_two_hours_before() -> None:
    recorded = END - timedelta(hours=3)
    found = hours(END, since=recorded, ends_at=END)
    assert [(mark.code.partition(":")[0], mark.planned_at) for mark in found] == [
        ("hours-6", recorded),
        ("hours-2", END - timedelta(hours=2)),
        ("late-0h", END),
    ]


def test_recorded_after_the_end_reminds_at_once() -> None:
    recorded = END + timedelta(hours=13)
    found = hours(END + timedelta(hours=18), since=recorded, ends_at=END)
    assert [(mark.code.partition(":")[0], mark.planned_at) for mark in found] == [
        ("late-12h", recorded),
        ("late-18h", END + timedelta(hours=18)),
    ]


def test_immediate_reminds_at_once_and_every_hour() -> None:
    assert at_once(END - timedelta(seconds=1), since=END) == []
    assert [mark.code for mark in at_once(END, since=END)] == ["hour-0"]
    found = at_once(END + timedelta(hours=2, minutes=59), since=END)
    assert [(mark.code, mark.planned_at - END) for mark in found] == [
        (f"hour-{number}", timedelta(hours=number)) for number in range(3)
    ]
    assert all(mark.urgent and mark.escalate for mark in found)


# --- any clock at any time ------------------------------------------------------------------
MOMENTS = st.datetimes(
    min_value=datetime(2025, 1, 1), max_value=datetime(2027, 6, 1), timezones=st.just(UTC)
)
SPANS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=60))


@given(
    pace=st.sampled_from(Pace),
    zone=st.sampled_from(ZONES),
    since=MOMENTS,
    to_end=st.timedeltas(min_value=timedelta(days=-20), max_value=timedelta(days=40)),
    safe=st.integers(0, 9),
    first=SPANS,
    more=SPANS,
)
def test_a_mark_never_changes_and_time_only_adds(
    pace: Pace,
    zone: ZoneInfo,
    since: datetime,
    to_end: timedelta,
    safe: int,
    first: timedelta,
    more: timedelta,
) -> None:
    ends_at = since + to_end
    due_on = ends_at.astimezone(zone).date()

    def until(now: datetime) -> list[Mark]:
        return marks(
            pace=pace, since=since, internal_on=due_on - timedelta(days=safe), due_on=due_on,
            ends_at=ends_at, now=now, zone=zone, calendar=CALENDAR,
        )  # fmt: skip

    now = since + first
    earlier, later = until(now), until(now + more)
    assert later[: len(earlier)] == earlier
    assert all(mark.planned_at > now for mark in later[len(earlier) :])
    assert len({mark.code for mark in later}) == len(later)
    assert all(since <= mark.planned_at <= now + more for mark in later)
    assert all(len(mark.code) <= 40 for mark in later)
    planned = [mark.planned_at for mark in later]
    assert planned == sorted(planned)
    # Only a clock of days waits for a morning.
    if pace is not Pace.DAYS and now + more >= max(since, ends_at):
        assert later
