"""A start, a length and a unit give the last day of a term.

RU Civil Code 191-192, KZ Civil Code 173-174. Rolling a day off to a working day (RU CC 193,
KZ CC 175) is not done here: it depends on what the term is for (``registry.deadlines``).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum

from registry.errors import OperatorError, gettext_noop
from registry.workdays import LengthNotPositive, WorkCalendar


class Unit(StrEnum):
    """What a term is counted in, or what stands in the place of a length."""

    HOUR = "hour"
    CALENDAR_DAY = "calendar_day"
    WORKING_DAY = "working_day"
    MONTH = "month"
    YEAR = "year"
    MONTH_DAY_RULE = "month_day_rule"
    IMMEDIATE = "immediate"
    BEFORE_EVENT = "before_event"
    EVENT = "event"
    AS_STATED_IN_INQUIRY = "as_stated_in_inquiry"


DATE_UNITS = frozenset(
    {Unit.CALENDAR_DAY, Unit.WORKING_DAY, Unit.MONTH, Unit.YEAR, Unit.MONTH_DAY_RULE}
)


class UnknownUnit(OperatorError):
    template = gettext_noop("The unit of a term is not known: %(unit)s.")


class NotADateUnit(OperatorError):
    """Hours, events and the like do not end on a counted day."""

    template = gettext_noop("A term in this unit does not end on a counted day: %(unit)s.")


class NoSuchMonthDay(OperatorError):
    template = gettext_noop("No month has a day %(length)s.")


class TermTooLong(OperatorError):
    template = gettext_noop("A term of %(length)s (%(unit)s) runs past the last known year.")


def known_unit(value: str) -> Unit:
    """The unit of that name; refuses any other with ``UnknownUnit``."""
    try:
        return Unit(value)
    except ValueError:
        raise UnknownUnit(unit=value) from None


def end_of_term(start: date, length: int, unit: Unit, calendar: WorkCalendar) -> date:
    """The raw last day of a term, not moved to a working day; the start day is not counted.

    Months and years end on the same day number of the last month, or on its last day where it
    has no such number (RU CC 192, KZ CC 174(3)). ``month_day_rule``: day ``length`` of the
    month after the start's month, by the same rule for a short month. Refuses an unknown unit,
    a unit that is not counted in days, and a length below 1.
    """
    unit = known_unit(unit)
    if unit not in DATE_UNITS:
        raise NotADateUnit(unit=unit.value)
    if length < 1:
        raise LengthNotPositive(length=length)
    if unit is Unit.MONTH_DAY_RULE and length > 31:
        raise NoSuchMonthDay(length=length)
    try:
        if unit is Unit.CALENDAR_DAY:
            return start + timedelta(days=length)
        if unit is Unit.WORKING_DAY:
            return calendar.add_working_days(start, length)
        if unit is Unit.MONTH_DAY_RULE:
            return _month_day(start, 1, length)
        return _month_day(start, length * (12 if unit is Unit.YEAR else 1), start.day)
    except OverflowError:
        # How the date type says "past the year 9999".
        raise TermTooLong(length=length, unit=unit.value) from None


def _month_day(start: date, months: int, day: int) -> date:
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    if year > date.max.year:
        raise OverflowError
    return date(year, month + 1, min(day, monthrange(year, month + 1)[1]))
