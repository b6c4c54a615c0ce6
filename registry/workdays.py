"""Which days are worked in a jurisdiction, and stepping over those that are not.

Pure: the caller brings the days off (a library, a decree, the office's own overrides).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from registry.errors import OperatorError, gettext_noop

_DAY = timedelta(days=1)


class CalendarMissing(OperatorError):
    """The count reaches a year of which nobody has said what its days off are."""

    template = gettext_noop("The %(code)s work calendar has no year %(year)s.")


class LengthNotPositive(OperatorError):
    """A term of no or negative length ends nowhere."""

    template = gettext_noop("The length of a term must be 1 or more, not %(length)s.")


class WorkCalendar:
    """Days off of one jurisdiction.

    ``days_off``: every non-working date of the covered years, weekends included; a working
    Saturday is simply not in it. ``decreed``: the covered years, True where the calendar has
    been decreed. A year without a single day off in ``days_off`` counts as not covered:
    it was announced but never filled in, and would make every day a working day.
    """

    def __init__(self, code: str, days_off: Iterable[date], decreed: Mapping[int, bool]) -> None:
        self.code = code
        self._days_off = frozenset(days_off)
        filled = {day.year for day in self._days_off}
        self._decreed = {year: bool(yes) for year, yes in decreed.items() if year in filled}

    def is_working_day(self, day: date) -> bool:
        """Whether the day is worked; raises ``CalendarMissing`` for a year not covered."""
        if isinstance(day, datetime):
            # A datetime is a date to Python but equals none, so it would always be "worked".
            raise TypeError("a work calendar asks for a date, not a datetime")
        self._covered(day.year)
        return day not in self._days_off

    def is_decreed(self, year: int) -> bool:
        """Whether the year's calendar is final; raises ``CalendarMissing`` if not covered."""
        return self._covered(year)

    def next_working_day(self, day: date) -> date:
        """The first working day on or after the day (RU CC 193, KZ CC 175)."""
        while not self.is_working_day(day):
            day += _DAY
        return day

    def last_working_day(self, day: date, *, not_before: date | None = None) -> date:
        """The last working day on or before the day.

        ``not_before`` ends the search: a day reached there is the answer, worked or not.
        """
        while (not_before is None or day > not_before) and not self.is_working_day(day):
            day -= _DAY
        return day

    def add_working_days(self, day: date, n: int) -> date:
        """The nth working day after the day, which is not counted; n is 1 or more."""
        if n < 1:
            raise LengthNotPositive(length=n)
        for _ in range(n):
            day = self.next_working_day(day + _DAY)
        return day

    def _covered(self, year: int) -> bool:
        try:
            return self._decreed[year]
        except KeyError:
            raise CalendarMissing(code=self.code, year=year) from None
