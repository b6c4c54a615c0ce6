"""A second, slow implementation of the term rules, to compare the engine with.

Written from the law text alone. Every calendar is a plain list of all the days
of the supported years, each with a day-off flag; terms are found by walking it
one day at a time. A day outside the supported years raises KeyError.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from holidays.countries import Kazakhstan, Russia

FIRST_YEAR = 2006
LAST_YEAR = 2040

LIBRARY_CALENDARS = {"RU": Russia, "KZ": Kazakhstan}
DAY_UNITS = ("calendar_day", "working_day")
MONTHS_IN_UNIT = {"month": 1, "year": 12}
UNITS = (*DAY_UNITS, *MONTHS_IN_UNIT, "month_day_rule")
DIRECTIONS = ("due", "keep_until", "not_before")


class DayList:
    """All the days of one country's supported years, in order, with flags."""

    def __init__(self, country: str) -> None:
        self.days: list[date] = []
        self.off: list[bool] = []
        self.place: dict[date, int] = {}
        library_class = LIBRARY_CALENDARS[country]
        for year in range(FIRST_YEAR, LAST_YEAR + 1):
            # One populated calendar a year: the worked weekends are known only then.
            known = library_class(years=year)
            public = set(known.keys())
            worked_weekends = set(known.weekend_workdays)
            day = date(year, 1, 1)
            while day.year == year:
                weekend = day.isoweekday() in (6, 7)
                off = day not in worked_weekends if weekend else day in public
                self.place[day] = len(self.days)
                self.days.append(day)
                self.off.append(off)
                day += timedelta(days=1)

    def is_off(self, day: date) -> bool:
        """Whether nobody works on the day."""
        return self.off[self.place[day]]

    def step(self, day: date, by: int) -> date:
        """The neighbouring day; ``by`` is 1 or -1."""
        place = self.place[day] + by
        if not 0 <= place < len(self.days):
            raise KeyError(day + timedelta(days=by))
        return self.days[place]

    def month_day(self, start: date, months: int, number: int) -> date:
        """Day ``number`` of the month ``months`` after the start's, or that month's last day."""
        day = start
        passed = 0
        while passed < months:
            day = self.step(day, 1)
            if day.day == 1:
                passed += 1
        # Still inside the target month: back to its first day, then on to the number.
        while day.day > 1:
            day = self.step(day, -1)
        while day.day < number:
            if (day + timedelta(days=1)).month != day.month:
                break
            day = self.step(day, 1)
        return day

    def raw_end(self, start: date, unit: str, length: int) -> date:
        """The last day of the term before any rolling; the start day is excluded."""
        if unit not in UNITS:
            raise ValueError(f"no such unit: {unit}")
        if length < 0:
            raise ValueError("a term cannot be negative")
        if unit == "month_day_rule":
            if not 1 <= length <= 31:
                raise ValueError(f"no such day of a month: {length}")
            return self.month_day(start, 1, length)
        if unit in MONTHS_IN_UNIT:
            return self.month_day(start, length * MONTHS_IN_UNIT[unit], start.day)
        day = start
        counted = 0
        while counted < length:
            day = self.step(day, 1)
            if unit == "calendar_day" or not self.is_off(day):
                counted += 1
        return day


@cache
def day_list(country: str) -> DayList:
    """The country's list of days, built once."""
    return DayList(country)


def is_day_off(country: str, day: date) -> bool:
    """Whether the day is a weekend or a public holiday, transfers included."""
    return day_list(country).is_off(day)


def reference_due(
    *,
    country: str,
    local_day: date,
    unit: str,
    length: int,
    direction: str = "due",
    extension_length: int | None = None,
    extension_unit: str | None = None,
) -> tuple[date, date]:
    """The statutory day and the internal (earlier or equal) day of a term."""
    if direction not in DIRECTIONS:
        raise ValueError(f"no such direction: {direction}")
    if (extension_length is None) != (extension_unit is None):
        raise ValueError("an extension needs both a length and a unit")
    calendar = day_list(country)
    calendar.is_off(local_day)  # KeyError for a start outside the supported years

    raw = calendar.raw_end(local_day, unit, length)
    last_unit = unit
    if extension_length is not None and extension_unit is not None:
        raw = calendar.raw_end(raw, extension_unit, extension_length)
        last_unit = extension_unit

    if direction == "not_before":
        return raw, raw

    due_on = raw
    while calendar.is_off(due_on):
        due_on = calendar.step(due_on, 1)
    if direction == "keep_until" or last_unit == "working_day":
        return due_on, due_on

    internal_on = raw
    while internal_on > local_day and calendar.is_off(internal_on):
        internal_on = calendar.step(internal_on, -1)
    return due_on, internal_on


def reference_hours(instant: datetime, hours: int, zone_name: str) -> datetime:
    """The instant so many elapsed hours later, shown in the zone; nothing pauses it."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError("an instant needs a time zone")
    # Added in UTC: wall-clock addition would gain or lose the zone's own changes.
    moment = instant.astimezone(UTC)
    for _ in range(hours):
        moment += timedelta(minutes=60)
    return moment.astimezone(ZoneInfo(zone_name))


def reference_earliest(
    *, statute: date | None, promise: date | None, stated: date | None
) -> tuple[date, str]:
    """The earliest given day and whose it is; on a tie the statute, then the stated date."""
    best: tuple[date, str] | None = None
    for day, name in ((statute, "statute"), (stated, "stated"), (promise, "promise")):
        if day is not None and (best is None or day < best[0]):
            best = (day, name)
    if best is None:
        raise ValueError("no date to choose from")
    return best
