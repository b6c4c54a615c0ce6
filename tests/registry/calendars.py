"""Work calendars for tests, from the `holidays` package; years up to 2027 count as decreed."""

from datetime import date, timedelta

import holidays.countries

from registry.workdays import WorkCalendar

YEARS = range(2006, 2031)
DECREED_UNTIL = 2027


def days_off(country: str) -> set[date]:
    known = getattr(holidays.countries, country)(years=YEARS)
    first, last = date(YEARS.start, 1, 1), date(YEARS.stop, 1, 1)
    days = (first + timedelta(n) for n in range((last - first).days))
    return {day for day in days if not known.is_working_day(day)}


def calendar(code: str, country: str) -> WorkCalendar:
    return WorkCalendar(code, days_off(country), {year: year <= DECREED_UNTIL for year in YEARS})


RU = calendar("RU", "Russia")
KZ = calendar("KZ", "Kazakhstan")
