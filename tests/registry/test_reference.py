"""The engine against a second implementation that was written from the law alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.calendars import work_calendar
from registry.deadlines import Direction, Facts, Rule, compute
from registry.models import Jurisdiction
from registry.terms import Unit
from registry.workdays import WorkCalendar
from tests.registry import calendars
from tests.registry.reference_clock import (
    is_day_off,
    reference_due,
    reference_earliest,
    reference_hours,
)

ZONES = {"RU": ZoneInfo("Europe/Moscow"), "KZ": ZoneInfo("Asia/Almaty")}
CALENDARS = {"RU": calendars.RU, "KZ": calendars.KZ}
# The longest terms below end four years after their start at the latest.
FIRST, LAST = date(2006, 1, 1), date(2026, 12, 31)

countries = st.sampled_from(["RU", "KZ"])
days = st.dates(FIRST, LAST)
units = st.sampled_from(
    [Unit.CALENDAR_DAY, Unit.WORKING_DAY, Unit.MONTH, Unit.YEAR, Unit.MONTH_DAY_RULE]
)
directions = st.sampled_from([Direction.DUE, Direction.KEEP_UNTIL, Direction.NOT_BEFORE])
LONGEST = {
    Unit.CALENDAR_DAY: 400,
    Unit.WORKING_DAY: 60,
    Unit.MONTH: 15,
    Unit.YEAR: 2,
    Unit.MONTH_DAY_RULE: 31,
}
slow = settings(deadline=None, max_examples=1000)


@st.composite
def terms(draw: st.DrawFn) -> tuple[Unit, int]:
    unit = draw(units)
    return unit, draw(st.integers(1, LONGEST[unit]))


def local(day: date, minute: int, country: str) -> datetime:
    """An instant of that day in the country, as it stands in the database: in UTC."""
    moment = datetime.combine(day, datetime.min.time(), ZONES[country])
    return (moment + timedelta(minutes=minute)).astimezone(UTC)


def both(
    country: str,
    calendar: WorkCalendar,
    trigger: datetime,
    direction: Direction,
    term: tuple[Unit, int],
    extension: tuple[Unit, int] | None,
) -> tuple[tuple[date | None, date | None], tuple[date, date]]:
    """Due and internal date by the engine and by the reference."""
    unit, length = term
    more_unit, more = extension or (None, None)
    found = compute(
        statute=Rule("X", direction, unit, length, more, more_unit),
        promise=None,
        facts=Facts(ZONES[country], trigger, extended=extension is not None),
        calendar=calendar,
    )
    expected = reference_due(
        country=country,
        local_day=trigger.astimezone(ZONES[country]).date(),
        unit=unit.value,
        length=length,
        direction=direction.value,
        extension_length=more,
        extension_unit=more_unit and more_unit.value,
    )
    return (found.due_on, found.internal_on), expected


@slow
@given(countries, days, st.integers(0, 1439), directions, terms(), st.none() | terms())
def test_terms_of_days(
    country: str,
    day: date,
    minute: int,
    direction: Direction,
    term: tuple[Unit, int],
    extension: tuple[Unit, int] | None,
) -> None:
    trigger = local(day, minute, country)
    found, expected = both(country, CALENDARS[country], trigger, direction, term, extension)
    assert found == expected


@pytest.mark.parametrize("minute", [0, 1, 1438, 1439])
@settings(deadline=None, max_examples=200)
@given(country=countries, day=days, term=terms())
def test_both_sides_of_midnight(
    minute: int, country: str, day: date, term: tuple[Unit, int]
) -> None:
    trigger = local(day, minute, country)
    assert trigger.astimezone(ZONES[country]).date() == day
    found, expected = both(country, CALENDARS[country], trigger, Direction.DUE, term, None)
    assert found == expected


@slow
@given(
    countries,
    st.datetimes(datetime(2006, 1, 2), datetime(2030, 12, 1), timezones=st.just(UTC)),
    st.integers(1, 200),
)
def test_hours(country: str, trigger: datetime, hours: int) -> None:
    found = compute(
        statute=Rule("X", Direction.DUE, Unit.HOUR, hours),
        promise=None,
        facts=Facts(ZONES[country], trigger),
        calendar=CALENDARS[country],
    )
    expected = reference_hours(trigger, hours, str(ZONES[country]))
    assert found.due_at is not None
    assert (found.due_at, found.due_at.utcoffset()) == (expected, expected.utcoffset())
    assert (found.due_on, found.internal_at) == (expected.date(), expected)


@slow
@given(countries, days, terms(), st.none() | terms(), st.none() | st.integers(0, 90))
def test_the_earliest_binds(
    country: str,
    day: date,
    statute: tuple[Unit, int],
    promise: tuple[Unit, int] | None,
    stated_after: int | None,
) -> None:
    stated = None if stated_after is None else day + timedelta(days=stated_after)
    found = compute(
        statute=Rule("S", Direction.DUE, *statute),
        promise=Rule("P", Direction.DUE, *promise) if promise else None,
        facts=Facts(ZONES[country], day, stated_on=stated),
        calendar=CALENDARS[country],
    )

    def by_reference(term: tuple[Unit, int] | None) -> date | None:
        if term is None:
            return None
        unit, length = term
        return reference_due(country=country, local_day=day, unit=unit.value, length=length)[0]

    due_on, binding = reference_earliest(
        statute=by_reference(statute), promise=by_reference(promise), stated=stated
    )
    assert (found.due_on, found.binding) == (due_on, binding)


@pytest.mark.django_db
@pytest.mark.parametrize("country", ["RU", "KZ"])
def test_the_calendar_of_the_database(country: str) -> None:
    calendar = work_calendar(Jurisdiction.objects.get(code=country))
    day = date(2006, 1, 1)
    while day.year <= 2030:
        assert calendar.is_working_day(day) is not is_day_off(country, day), day
        day += timedelta(days=1)

    @settings(deadline=None, max_examples=400)
    @given(day=days, direction=directions, term=terms(), extension=st.none() | terms())
    def agrees(**drawn: Any) -> None:
        day = drawn.pop("day")
        trigger = local(day, 720, country)
        found, expected = both(country, calendar, trigger, **drawn)
        assert found == expected

    agrees()
