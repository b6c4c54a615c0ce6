"""How long somebody may speak for a person: a power of attorney, a parent, a guardian.

Standard library only.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Mapping
from datetime import date, timedelta

from registry.errors import OperatorError, gettext_noop

POWER = "power_of_attorney"
PARENT = "parent"
GUARDIAN = "guardian"
OF_AGE = 18
# A power that names no term holds for one year (CC RF 186(1), CC RK 168).
UNSAID_YEARS = 1
# The longest term of a power, by jurisdiction (CC RK 168); CC RF 186 sets none.
LONGEST_YEARS: Mapping[str, int] = {"KZ": 3}


class PowerUndated(OperatorError):
    template = gettext_noop("A power of attorney without the day on which it was given is void.")


class PowerEndsBeforeItBegins(OperatorError):
    template = gettext_noop("The power ends before it begins.")


class PowerNotYet(OperatorError):
    template = gettext_noop("This day lies in the future.")


class BirthMissing(OperatorError):
    template = gettext_noop("Say when the child was born: a parent speaks until the age of 18.")


class ChildOfAge(OperatorError):
    template = gettext_noop("The child is 18 already, and speaks for itself.")


def anniversary(day: date, years: int) -> date:
    """The same day so many years later; 29 February is 1 March where the year has none."""
    if day.month == 2 and day.day == 29 and not isleap(day.year + years):
        return date(day.year + years, 3, 1)
    return day.replace(year=day.year + years)


def last_day(
    *,
    kind: str,
    jurisdiction: str,
    given_on: date | None,
    until: date | None,
    born_on: date | None,
    today: date,
) -> date | None:
    """The last day on which it holds; None: no end is known (the guardian of an adult).

    Refuses a power without its day, one that ends before it begins, a day to come as its
    beginning, and a parent of whoever is of age.
    """
    if any(day is not None and day > today for day in (given_on, born_on)):
        raise PowerNotYet()
    if kind == PARENT:
        if born_on is None:
            raise BirthMissing()
        last = anniversary(born_on, OF_AGE) - timedelta(days=1)
        if last < today:
            raise ChildOfAge()
        return last
    if given_on is None:
        raise PowerUndated()
    if until is not None and until < given_on:
        raise PowerEndsBeforeItBegins()
    if kind == GUARDIAN:
        return until
    last = until or anniversary(given_on, UNSAID_YEARS)
    longest = LONGEST_YEARS.get(jurisdiction)
    return min(last, anniversary(given_on, longest)) if longest else last
