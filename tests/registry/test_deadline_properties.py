"""The engine on every row of the rules table, and on whatever chance brings."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry import deadlines
from registry.deadlines import (
    Direction,
    Rule,
)
from registry.terms import DATE_UNITS, Unit
from registry.workdays import WorkCalendar
from tests.registry.calendars import KZ, RU
from tests.registry.counting import (
    ALMATY,
    LAW,
    MOSCOW,
    NOTICE_24,
    kz,
    ru,
    text,
)


def rules_table() -> list[dict[str, str]]:
    if not LAW.exists():
        return []
    with LAW.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rule_from(row: dict[str, str]) -> Rule:
    def number(text: str) -> int | None:
        return int(text) if text else None

    def day(text: str) -> date | None:
        return date.fromisoformat(text) if text else None

    return Rule(
        code=row["code"],
        direction=Direction(row["direction"]),
        unit=Unit(row["unit"]),
        length=number(row["length"]),
        extension_length=number(row["extension_length"]),
        extension_unit=Unit(row["extension_unit"]) if row["extension_unit"] else None,
        effective_from=day(row["effective_from"]),
        effective_until=day(row["effective_until"]),
        article=row["article"],
    )


@pytest.mark.skipif(not LAW.exists(), reason="the rules table is not beside this repository")
def test_the_rules_table_is_not_empty():
    assert len(rules_table()) >= 40


@pytest.mark.parametrize("row", rules_table(), ids=lambda row: row["code"])
@pytest.mark.parametrize("extended", [False, True])
def test_every_row_of_the_rules_table_gives_a_date_or_a_reason(row, extended):
    rule = rule_from(row)
    ask = kz if row["jurisdiction"] == "KZ" else ru
    promise = row["source"].startswith("promise")
    statute, promised = (None, rule) if promise else (rule, None)
    if extended and (promise or rule.extension_length is None):
        with pytest.raises(deadlines.NoExtension):
            ask(statute, date(2027, 3, 10), promised, extended=True)
        return
    outcome = ask(statute, date(2027, 3, 10), promised, extended=extended)
    dateless = {Unit.BEFORE_EVENT, Unit.EVENT, Unit.AS_STATED_IN_INQUIRY}
    assert (outcome.due_on is None) == (rule.unit in dateless or rule.direction is Direction.WATCH)
    assert text(outcome)


# Laws that hold for every rule

TRIGGERS = st.dates(date(2007, 1, 1), date(2027, 6, 30))
ASKS = st.sampled_from([ru, kz])
LENGTHS = st.integers(1, 31)
DATED = st.builds(
    Rule,
    code=st.just("X"),
    direction=st.just(Direction.DUE),
    unit=st.sampled_from(sorted(DATE_UNITS - {Unit.YEAR})),
    length=st.integers(1, 20),
    extension_length=st.integers(1, 20),
    extension_unit=st.sampled_from([Unit.CALENDAR_DAY, Unit.WORKING_DAY]),
)


def calendar_of(ask) -> WorkCalendar:
    return RU if ask is ru else KZ


@given(ASKS, DATED, TRIGGERS)
def test_due_is_a_working_day_after_the_trigger_and_internal_is_not_later(ask, rule, trigger):
    outcome = ask(rule, trigger)
    assert calendar_of(ask).is_working_day(outcome.due_on)
    assert trigger <= outcome.internal_on <= outcome.due_on
    assert trigger < outcome.due_on
    assert outcome.internal_on == trigger or calendar_of(ask).is_working_day(outcome.internal_on)


@given(ASKS, DATED, DATED, TRIGGERS, st.integers(0, 40))
def test_a_later_trigger_is_never_due_earlier(ask, rule, promise, trigger, later):
    first, second = (ask(rule, day, promise) for day in (trigger, trigger + timedelta(later)))
    assert first.due_on <= second.due_on


@given(ASKS, DATED, DATED, TRIGGERS)
def test_an_extension_never_brings_a_date_forward(ask, rule, promise, trigger):
    assert ask(rule, trigger, extended=True).due_on >= ask(rule, trigger).due_on
    plain, extended = (ask(rule, trigger, promise, extended=yes) for yes in (False, True))
    assert plain.promise_due_on == extended.promise_due_on
    assert plain.due_on <= extended.due_on <= extended.promise_due_on


@given(ASKS, DATED, DATED, TRIGGERS, st.integers(0, 60))
def test_what_binds_is_the_earliest(ask, rule, promise, trigger, after):
    stated = trigger + timedelta(after)
    outcome = ask(rule, trigger, promise, stated_on=stated)
    dates = {
        "statute": outcome.statute_due_on,
        "stated": outcome.stated_due_on,
        "promise": outcome.promise_due_on,
    }
    assert outcome.due_on == min(dates.values())
    assert outcome.binding == next(who for who, day in dates.items() if day == outcome.due_on)
    assert outcome.internal_on <= outcome.due_on


@given(ASKS, TRIGGERS, st.integers(1, 40))
def test_working_days_agree_with_brute_force(ask, trigger, length):
    outcome = ask(Rule("X", Direction.DUE, Unit.WORKING_DAY, length), trigger)
    day, left = trigger, length
    while left:
        day += timedelta(days=1)
        left -= calendar_of(ask).is_working_day(day)
    assert outcome.due_on == outcome.internal_on == day


@given(
    ASKS,
    st.datetimes(datetime(2010, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 200),
)
def test_hours_are_exactly_that_many_hours(ask, instant, hours):
    outcome = ask(replace(NOTICE_24, length=hours), instant)
    assert outcome.due_at.astimezone(UTC) - instant == timedelta(hours=hours)
    assert outcome.due_on == outcome.due_at.date()


@given(ASKS, DATED, st.datetimes(datetime(2010, 1, 1), datetime(2027, 1, 1)))
def test_the_time_of_day_never_moves_a_date(ask, rule, local):
    zone = MOSCOW if ask is ru else ALMATY
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    assume(instant.astimezone(zone).replace(tzinfo=None) == local)  # that time existed
    assert ask(rule, instant).due_on == ask(rule, local.date()).due_on
