"""When a running clock reminds: its marks, as data. Standard library only.

Days: 5, 2 and 1 before the safe internal day (on the working day before when that is a day off),
that day, the due day, each day late; always in the morning. Hours: 12, 6 and 2 before the end,
then every 6 late. Immediate: at once, then every hour.

A mark is named after the day or moment that it counts from: a clock that was moved (an extension,
a decreed holiday) reminds anew of its new date, and never twice of the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from registry.workdays import CalendarMissing, WorkCalendar

MORNING = time(8)
DAYS_BEFORE = (5, 2, 1)
HOURS_BEFORE = (12, 6, 2)
LATE_EVERY = 6  # hours


class Pace(StrEnum):
    """How a clock is counted, and so how it reminds."""

    DAYS = "days"
    HOURS = "hours"
    IMMEDIATE = "immediate"


@dataclass(frozen=True, slots=True)
class Mark:
    """One reminder: its name (unique within the clock), its moment, how loud it is.

    ``urgent``: sent at once, not in the morning digest. ``escalate``: the DPO hears it too.
    """

    code: str
    planned_at: datetime
    urgent: bool
    escalate: bool


def marks(
    *,
    pace: Pace,
    since: datetime,
    internal_on: date,
    due_on: date,
    ends_at: datetime,
    now: datetime,
    zone: ZoneInfo,
    calendar: WorkCalendar,
) -> list[Mark]:
    """Every mark of the clock up to now, oldest first.

    ``since``: when the clock was recorded, or moved to these dates. Marks of days before that
    are left out: nobody could have heeded them.
    """
    if pace is Pace.DAYS:
        found = _by_days(since, internal_on, due_on, now, zone, calendar)
    elif pace is Pace.HOURS:
        found = _by_hours(since, ends_at, now)
    else:
        found = _at_once(since, now)
    return [mark for mark in found if mark.planned_at <= now]


def _by_days(
    since: datetime,
    internal_on: date,
    due_on: date,
    now: datetime,
    zone: ZoneInfo,
    calendar: WorkCalendar,
) -> list[Mark]:
    planned = [
        (f"before-{days}:{internal_on}", internal_on - timedelta(days=days)) for days in DAYS_BEFORE
    ]
    planned.append((f"day:{internal_on}", internal_on))
    if due_on > internal_on:
        planned.append((f"due:{due_on}", due_on))
    late = (now.astimezone(zone).date() - due_on).days
    planned += [
        (f"late-{day}:{due_on}", due_on + timedelta(days=day)) for day in range(1, late + 1)
    ]
    first = since.astimezone(zone).date()
    found = []
    for code, day in planned:
        if day < first:
            continue
        escalate = day >= internal_on
        heard_on = day if escalate else _working_day_before(day, first, calendar)
        # A clock recorded after eight still reminds that day, from the moment it exists.
        at = max(datetime.combine(heard_on, MORNING, zone), since)
        found.append(Mark(code, at, False, escalate))
    return found


def _working_day_before(day: date, first: date, calendar: WorkCalendar) -> date:
    try:
        return calendar.last_working_day(day, not_before=first)
    except CalendarMissing:
        # A reminder on a day off is better than none.
        return day


def _by_hours(since: datetime, ends_at: datetime, now: datetime) -> list[Mark]:
    end = f"{ends_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
    planned = [(f"hours-{hours}:{end}", ends_at - timedelta(hours=hours)) for hours in HOURS_BEFORE]
    late = int((now - ends_at) / timedelta(hours=LATE_EVERY)) + 1 if now >= ends_at else 0
    planned += [
        (f"late-{number * LATE_EVERY}h:{end}", ends_at + timedelta(hours=number * LATE_EVERY))
        for number in range(late)
    ]
    passed = [mark for mark in planned if mark[1] <= since]
    ahead = [mark for mark in planned if mark[1] > since]
    # Recorded with little time left: the nearest mark that has passed comes at once.
    first = [(passed[-1][0], since)] if passed else []
    return [Mark(code, at, True, True) for code, at in first + ahead]


def _at_once(since: datetime, now: datetime) -> list[Mark]:
    hours = int((now - since) / timedelta(hours=1))
    return [
        Mark(f"hour-{hour}", since + timedelta(hours=hour), True, True) for hour in range(hours + 1)
    ]
