from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.terms import (
    DATE_UNITS,
    NoSuchMonthDay,
    NotADateUnit,
    TermTooLong,
    Unit,
    UnknownUnit,
    end_of_term,
)
from registry.workdays import LengthNotPositive
from tests.registry.calendars import KZ, RU


@pytest.mark.parametrize(
    ("start", "length", "unit", "end"),
    [
        (date(2025, 12, 8), 30, Unit.CALENDAR_DAY, date(2026, 1, 7)),  # a day off, not moved here
        (date(2025, 12, 25), 10, Unit.CALENDAR_DAY, date(2026, 1, 4)),
        (date(2026, 4, 28), 10, Unit.WORKING_DAY, date(2026, 5, 14)),
        (date(2026, 8, 31), 6, Unit.MONTH, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, Unit.MONTH, date(2028, 2, 29)),
        (date(2026, 1, 31), 1, Unit.MONTH, date(2026, 2, 28)),
        (date(2026, 3, 15), 12, Unit.MONTH, date(2027, 3, 15)),
        (date(2026, 12, 15), 1, Unit.MONTH, date(2027, 1, 15)),
        (date(2026, 11, 30), 1, Unit.MONTH, date(2026, 12, 30)),
        (date(2028, 2, 29), 1, Unit.YEAR, date(2029, 2, 28)),
        (date(2024, 2, 29), 4, Unit.YEAR, date(2028, 2, 29)),
        (date(2027, 3, 10), 3, Unit.YEAR, date(2030, 3, 10)),
        (date(2026, 3, 1), 15, Unit.MONTH_DAY_RULE, date(2026, 4, 15)),
        (date(2026, 3, 31), 15, Unit.MONTH_DAY_RULE, date(2026, 4, 15)),
        (date(2026, 12, 20), 15, Unit.MONTH_DAY_RULE, date(2027, 1, 15)),
        (date(2027, 1, 5), 31, Unit.MONTH_DAY_RULE, date(2027, 2, 28)),
    ],
)
def test_where_a_term_ends(start, length, unit, end):
    assert end_of_term(start, length, unit, RU) == end


def test_the_unit_may_come_as_its_name():
    assert end_of_term(date(2026, 3, 5), 15, "working_day", KZ) == date(2026, 4, 1)


@pytest.mark.parametrize("unit", sorted(set(Unit) - DATE_UNITS))
def test_units_that_end_on_no_counted_day_are_refused(unit):
    with pytest.raises(NotADateUnit):
        end_of_term(date(2026, 3, 5), 1, unit, RU)


@pytest.mark.parametrize("unit", ["fortnight", "", None, "WORKING_DAY"])
def test_an_unknown_unit_is_refused(unit):
    with pytest.raises(UnknownUnit):
        end_of_term(date(2026, 3, 5), 1, unit, RU)


@pytest.mark.parametrize("length", [0, -3])
@pytest.mark.parametrize("unit", sorted(DATE_UNITS))
def test_a_length_below_one_is_refused(unit, length):
    with pytest.raises(LengthNotPositive):
        end_of_term(date(2026, 3, 5), length, unit, RU)


def test_no_month_has_a_32nd():
    with pytest.raises(NoSuchMonthDay):
        end_of_term(date(2026, 3, 5), 32, Unit.MONTH_DAY_RULE, RU)


@pytest.mark.parametrize("length", [3_000_000, 10**12])
@pytest.mark.parametrize("unit", [Unit.CALENDAR_DAY, Unit.MONTH, Unit.YEAR])
def test_a_term_past_the_last_year_is_refused(unit, length):
    with pytest.raises(TermTooLong):
        end_of_term(date(2026, 3, 5), length, unit, RU)


@given(
    st.dates(date(2007, 1, 1), date(2027, 12, 31)),
    st.integers(1, 24),
    st.sampled_from(sorted(DATE_UNITS)),
)
def test_the_start_day_is_never_the_end_and_a_later_start_never_ends_earlier(start, length, unit):
    if unit is Unit.YEAR:
        length = 1 + length % 2
    end = end_of_term(start, length, unit, RU)
    assert end > start
    assert end <= end_of_term(start + timedelta(days=1), length, unit, RU)


@given(st.dates(date(2007, 1, 1), date(2027, 12, 31)), st.integers(1, 60))
def test_months_keep_the_day_number_or_take_the_last_day(start, months):
    end = end_of_term(start, months, Unit.MONTH, RU)
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
    assert end.day == start.day or (end.day < start.day and (end + timedelta(days=1)).day == 1)
