"""When a running clock reminds: its marks, as data. Standard library only.

Days: 5, 2 and 1 before the safe internal day, that day, the due day, each day late; always in
the morning, and on the working day before when the mark falls on a day off. Hours: 12, 6 and 2
before the end, then every 6 late. Immediate: at once, then every hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from registry.workdays import WorkCalendar

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
    created_at: datetime,
    internal_on: date,
    due_on: date,
    ends_at: datetime,
    now: datetime,
    zone: ZoneInfo,
    calendar: WorkCalendar,
) -> list[Mark]:
    """Every mark of the clock up to now, oldest first.

    Marks of days before the clock was recorded are left out: nobody could have heeded them.
    """
    if pace is Pace.DAYS:
        found = _by_days(created_at, internal_on, due_on, now, zone, calendar)
    elif pace is Pace.HOURS:
        found = _by_hours(created_at, ends_at, now)
    else:
        found = _at_once(created_at, now)
    return [mark for mark in found if mark.planned_at <= now]


def _by_days(
    created_at: datetime,
    internal_on: date,
    due_on: date,
    now: datetime,
    zone: ZoneInfo,
    calendar: WorkCalendar,
) -> list[Mark]:
    planned: list[tuple[str, date, bool]] = []
    for days in DAYS_BEFORE:
        day = internal_on - timedelta(days=days)
        planned.append((f"before-{days}", calendar.last_working_day(day), False))
    planned.append(("day", internal_on, True))
    if due_on > internal_on:
        planned.append(("due", due_on, True))
    today = now.astimezone(zone).date()
    late = (today - due_on).days
    planned += [(f"late-{day}", due_on + timedelta(days=day), True) for day in range(1, late + 1)]
    first = created_at.astimezone(zone).date()
    return [
        # A clock recorded after eight still reminds that day, from the moment it exists.
        Mark(code, max(datetime.combine(day, MORNING, zone), created_at), False, escalate)
        for code, day, escalate in planned
        if day >= first
    ]


def _by_hours(created_at: datetime, ends_at: datetime, now: datetime) -> list[Mark]:
    planned = [(f"hours-{hours}", ends_at - timedelta(hours=hours)) for hours in HOURS_BEFORE]
    late = max(0, int((now - ends_at) / timedelta(hours=LATE_EVERY)) + 1) if now >= ends_at else 0
    planned += [
        (f"late-{number * LATE_EVERY}h", ends_at + timedelta(hours=number * LATE_EVERY))
        for number in range(late)
    ]
    passed = [mark for mark in planned if mark[1] <= created_at]
    ahead = [mark for mark in planned if mark[1] > created_at]
    # Recorded with little time left: the nearest mark that has passed comes at once.
    first = [(passed[-1][0], created_at)] if passed else []
    return [Mark(code, at, True, True) for code, at in first + ahead]


def _at_once(created_at: datetime, now: datetime) -> list[Mark]:
    hours = int((now - created_at) / timedelta(hours=1))
    return [
        Mark(f"hour-{hour}", created_at + timedelta(hours=hour), True, True)
        for hour in range(hours + 1)
    ]
