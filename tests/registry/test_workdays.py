from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.workdays import CalendarMissing, LengthNotPositive, WorkCalendar
from tests.registry.calendars import KZ, RU

DAYS = st.dates(date(2007, 1, 1), date(2029, 6, 30))
CALENDARS = st.sampled_from([RU, KZ])


@pytest.mark.parametrize(
    ("calendar", "start", "n", "end"),
    [
        (RU, date(2026, 4, 28), 10, date(2026, 5, 14)),
        (RU, date(2026, 4, 28), 15, date(2026, 5, 21)),
        (RU, date(2025, 10, 31), 3, date(2025, 11, 6)),
        (RU, date(2025, 12, 25), 10, date(2026, 1, 20)),
        (KZ, date(2026, 3, 20), 1, date(2026, 3, 26)),
        (KZ, date(2026, 3, 5), 15, date(2026, 4, 1)),
        (KZ, date(2025, 1, 2), 3, date(2025, 1, 8)),
        (KZ, date(2026, 8, 28), 1, date(2026, 8, 31)),
    ],
)
def test_the_vectors_of_the_law_table(calendar, start, n, end):
    assert calendar.add_working_days(start, n) == end


@pytest.mark.parametrize(
    ("calendar", "day", "worked"),
    [
        (RU, date(2025, 11, 1), True),  # a working Saturday
        (RU, date(2025, 11, 3), False),  # and the Monday it was worked for
        (RU, date(2025, 12, 31), False),
        (RU, date(2027, 2, 20), True),
        (KZ, date(2025, 1, 5), True),  # a working Sunday
        (KZ, date(2025, 1, 3), False),
        (KZ, date(2026, 8, 31), True),
    ],
)
def test_transferred_days(calendar, day, worked):
    assert calendar.is_working_day(day) is worked


def test_next_and_last_stay_on_a_working_day():
    day = date(2026, 4, 28)
    assert RU.next_working_day(day) == RU.last_working_day(day) == day


def test_next_and_last_step_over_the_new_year():
    assert RU.next_working_day(date(2026, 1, 4)) == date(2026, 1, 12)
    assert RU.last_working_day(date(2026, 1, 4)) == date(2025, 12, 30)


def test_the_search_back_ends_where_it_is_told():
    floor = date(2026, 1, 2)
    assert RU.last_working_day(date(2026, 1, 4), not_before=floor) == floor
    assert RU.last_working_day(date(2026, 1, 1), not_before=floor) == date(2026, 1, 1)
    assert RU.last_working_day(date(2026, 1, 13), not_before=floor) == date(2026, 1, 13)


def test_a_year_not_covered_is_refused_by_name():
    short = WorkCalendar("RU", [date(2026, 12, 31)], {2026: True})
    for ask in (
        lambda: short.is_working_day(date(2027, 1, 11)),
        lambda: short.is_decreed(2027),
        lambda: short.next_working_day(date(2026, 12, 31)),
        lambda: short.last_working_day(date(2025, 12, 31)),
        lambda: short.add_working_days(date(2026, 12, 30), 1),
    ):
        with pytest.raises(CalendarMissing) as refused:
            ask()
        assert refused.value.params["code"] == "RU"
        assert refused.value.params["year"] in (2025, 2027)
    assert str(CalendarMissing(code="RU", year=2027)) == "The RU work calendar has no year 2027."


def test_a_year_that_was_announced_but_never_filled_in_is_not_covered():
    calendar = WorkCalendar("KZ", [date(2026, 1, 1)], {2026: True, 2027: False})
    with pytest.raises(CalendarMissing):
        calendar.is_working_day(date(2027, 1, 1))


def test_decreed_is_told_by_year():
    assert RU.is_decreed(2027) is True
    assert RU.is_decreed(2028) is False


@pytest.mark.parametrize("n", [0, -1])
def test_a_count_below_one_is_refused(n):
    with pytest.raises(LengthNotPositive):
        RU.add_working_days(date(2026, 4, 28), n)


def test_a_datetime_is_not_a_day():
    with pytest.raises(TypeError):
        RU.is_working_day(datetime(2026, 1, 1, tzinfo=UTC))


@given(CALENDARS, DAYS, st.integers(1, 60))
def test_counting_agrees_with_brute_force(calendar, start, n):
    end = calendar.add_working_days(start, n)
    after = [start + timedelta(i) for i in range(1, (end - start).days + 1)]
    assert sum(map(calendar.is_working_day, after)) == n
    assert calendar.is_working_day(end)


@given(CALENDARS, DAYS)
def test_next_and_last_are_the_nearest(calendar, day):
    following, preceding = calendar.next_working_day(day), calendar.last_working_day(day)
    assert preceding <= day <= following
    between = [preceding + timedelta(i) for i in range(1, (following - preceding).days)]
    assert not any(map(calendar.is_working_day, between))
    assert calendar.is_working_day(following) and calendar.is_working_day(preceding)
