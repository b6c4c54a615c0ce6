"""The work calendar of a jurisdiction: the library's days off, then the office's own days.

``holidays`` knows transfers that governments decreed; what it does not know yet, or knows
wrongly, is a ``CalendarDay``. Years without a ``CalendarYear`` are refused by the count.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from django.db.models import DateField, Value
from holidays.countries.kazakhstan import Kazakhstan
from holidays.countries.russia import Russia

from registry.errors import OperatorError, gettext_noop
from registry.models import CalendarDay, CalendarYear, Jurisdiction
from registry.workdays import WorkCalendar

_LIBRARY = {"RU": Russia, "KZ": Kazakhstan}


class NoCalendar(OperatorError):
    """A state whose days off nobody knows."""

    template = gettext_noop("The office has no work calendar of %(country)s.")


@lru_cache(maxsize=256)
def _days_off_of_library(country: str, year: int) -> frozenset[date]:
    try:
        library = _LIBRARY[country](years=year)
    except KeyError:
        raise NoCalendar(country=country) from None
    first, last = date(year, 1, 1), date(year, 12, 31)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return frozenset(day for day in days if not library.is_working_day(day))


def work_calendar(jurisdiction: Jurisdiction) -> WorkCalendar:
    """The calendar as the office knows it now; one query for the days and the years."""
    of_days = CalendarDay.objects.filter(jurisdiction=jurisdiction).order_by()
    of_years = CalendarYear.objects.filter(jurisdiction=jurisdiction).order_by()
    rows = of_days.values_list("day", "is_working", Value(0)).union(
        of_years.values_list(Value(None, DateField()), "decreed", "year"), all=True
    )
    decreed: dict[int, bool] = {}
    changed: dict[date, bool] = {}
    for day, flag, year in rows:
        if day is None:
            decreed[year] = flag
        else:
            changed[day] = flag
    days: set[date] = set()
    for year in decreed:
        days |= _days_off_of_library(jurisdiction.country, year)
    for day, is_working in changed.items():
        if is_working:
            days.discard(day)
        else:
            days.add(day)
    return WorkCalendar(jurisdiction.code, days, decreed)
