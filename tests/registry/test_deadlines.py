"""The engine on the worked examples of the law."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from registry import deadlines
from registry.deadlines import (
    Direction,
    Facts,
    Rule,
    compute,
    english,
)
from registry.terms import Unit
from registry.workdays import WorkCalendar
from tests.registry.counting import (
    ALMATY,
    BLOCK,
    EVIDENCE,
    INQUIRY,
    IPM,
    KZ_INCIDENT,
    KZ_INQUIRY,
    MOSCOW,
    NOTICE_24,
    NOTICE_72,
    REGISTERED,
    REPEAT,
    START,
    TERM,
    codes,
    kz,
    ru,
    text,
)


@pytest.mark.parametrize(
    ("ask", "unit", "length", "start", "due"),
    [
        (ru, "working_day", 10, date(2026, 4, 28), date(2026, 5, 14)),
        (ru, "calendar_day", 30, date(2025, 12, 8), date(2026, 1, 12)),
        (ru, "working_day", 3, date(2025, 10, 31), date(2025, 11, 6)),
        (ru, "working_day", 10, date(2025, 12, 25), date(2026, 1, 20)),
        (ru, "calendar_day", 10, date(2025, 12, 25), date(2026, 1, 12)),
        (kz, "working_day", 1, date(2026, 3, 20), date(2026, 3, 26)),
        (kz, "working_day", 15, date(2026, 3, 5), date(2026, 4, 1)),
        (kz, "working_day", 3, date(2025, 1, 2), date(2025, 1, 8)),
        (kz, "working_day", 1, date(2026, 8, 28), date(2026, 8, 31)),
    ],
)
def test_the_vectors_of_the_law_table(ask, unit, length, start, due):
    outcome = ask(Rule("X", Direction.DUE, Unit(unit), length), start)
    assert (outcome.due_on, outcome.binding) == (due, "statute")
    assert outcome.due_at is None and outcome.internal_at is None


def test_an_inquiry_before_new_year_is_bound_by_the_promise():
    outcome = ru(INQUIRY, datetime(2025, 12, 25, 12, tzinfo=MOSCOW), IPM)
    assert outcome.due_on == date(2026, 1, 12)
    assert outcome.binding == "promise"
    assert outcome.statute_due_on == date(2026, 1, 20)
    assert outcome.promise_due_on == date(2026, 1, 12)
    assert outcome.stated_due_on is None
    assert outcome.internal_on == date(2025, 12, 30)
    assert [english(step) for step in outcome.steps] == [
        "The clock starts on Thursday 2025-12-25 at 12:00, local time of Europe/Moscow.",
        "The law sets a term: RU.REG.INQUIRY, 20(4).",
        "The day on which the clock starts is not counted.",
        "Working days counted: 10; the last is Tuesday 2026-01-20. Days off skipped: 16.",
        "The operator promised a term: PROMISE.IPM.3_2, IPM policy 3.2.",
        "Calendar days counted: 10; the last is Sunday 2026-01-04.",
        "Sunday 2026-01-04 is a day off; the next working day is Monday 2026-01-12.",
        "The promise is stricter and binds: Monday 2026-01-12.",
        "Due on Monday 2026-01-12.",
        "The safe internal date is Tuesday 2025-12-30, the last working day of the unmoved term.",
    ]


def test_a_kazakh_incident_over_nauryz_keeps_its_clock_time():
    outcome = kz(KZ_INCIDENT, datetime(2026, 3, 20, 10, tzinfo=ALMATY))
    assert outcome.due_on == outcome.internal_on == date(2026, 3, 26)
    assert outcome.due_at is None
    assert outcome.internal_at == datetime(2026, 3, 26, 10, tzinfo=ALMATY)
    assert "The safe internal time is 10:00 on Thursday 2026-03-26" in text(outcome)


def test_a_kazakh_incident_without_a_time_has_no_internal_time_and_says_so():
    outcome = kz(KZ_INCIDENT, date(2026, 3, 20))
    assert outcome.due_on == date(2026, 3, 26)
    assert outcome.internal_at is None
    assert "safe_moment_unknown" in codes(outcome)


def test_hours_run_through_the_new_year():
    detected = datetime(2025, 12, 31, 22, 30, tzinfo=MOSCOW)
    first, second = ru(NOTICE_24, detected), ru(NOTICE_72, detected)
    assert first.due_at == first.internal_at == datetime(2026, 1, 1, 22, 30, tzinfo=MOSCOW)
    assert second.due_at == datetime(2026, 1, 3, 22, 30, tzinfo=MOSCOW)
    assert first.due_on == first.internal_on == date(2026, 1, 1)
    assert second.due_on == date(2026, 1, 3)
    assert first.due_at.tzinfo is MOSCOW
    assert "without pause" in text(first)
    assert "rolled" not in codes(first) + codes(second)


def test_hours_are_elapsed_hours_when_the_clocks_are_moved():
    # Almaty put its clocks back an hour at midnight before 2024-03-01.
    outcome = kz(NOTICE_24, datetime(2024, 2, 29, 12, tzinfo=ALMATY))
    assert outcome.due_at.isoformat() == "2024-03-01T11:00:00+05:00"


def test_hours_from_a_bare_date_start_at_midnight_and_say_so():
    outcome = ru(NOTICE_24, date(2026, 4, 28))
    assert outcome.due_at == datetime(2026, 4, 29, tzinfo=MOSCOW)
    assert "from_midnight" in codes(outcome)
    assert "from_midnight" not in codes(ru(NOTICE_24, datetime(2026, 4, 28, 9, tzinfo=MOSCOW)))


def test_hours_need_no_calendar():
    empty = WorkCalendar("RU", [], {})
    facts = Facts(MOSCOW, date(2026, 4, 28))
    outcome = compute(statute=NOTICE_72, promise=None, facts=facts, calendar=empty)
    assert outcome.due_on == date(2026, 5, 1)


def test_immediate_is_due_at_the_trigger():
    at = datetime(2026, 4, 28, 9, 15, tzinfo=MOSCOW)
    outcome = ru(BLOCK, at)
    assert outcome.due_at == outcome.internal_at == at
    assert outcome.due_on == outcome.internal_on == date(2026, 4, 28)
    assert ru(BLOCK, date(2026, 4, 28)).due_at == datetime(2026, 4, 28, tzinfo=MOSCOW)


# The day of the trigger


@pytest.mark.parametrize(
    ("ask", "instant", "day"),
    [
        (kz, datetime(2026, 4, 28, 18, 59, tzinfo=UTC), date(2026, 4, 28)),  # 23:59 in Almaty
        (kz, datetime(2026, 4, 28, 19, 1, tzinfo=UTC), date(2026, 4, 29)),  # 00:01
        (ru, datetime(2026, 4, 28, 20, 59, tzinfo=UTC), date(2026, 4, 28)),  # 23:59 in Moscow
        (ru, datetime(2026, 4, 28, 21, 1, tzinfo=UTC), date(2026, 4, 29)),  # 00:01
    ],
)
def test_both_sides_of_midnight(ask, instant, day):
    rule = Rule("X", Direction.DUE, Unit.WORKING_DAY, 1)
    outcome = ask(rule, instant)
    assert outcome.due_on == ask(rule, day).due_on
    assert outcome.steps[0].params["day"] == day.isoformat()


def test_receipt_at_the_last_minute_counts_that_day():
    late, early = (
        ru(INQUIRY, datetime.combine(date(2026, 4, 28), at, MOSCOW))
        for at in (time(23, 59), time(0, 1))
    )
    assert late.due_on == early.due_on == date(2026, 5, 14)


def test_a_naive_trigger_is_refused():
    with pytest.raises(deadlines.NaiveTrigger):
        ru(INQUIRY, datetime(2026, 4, 28, 12))


# Ends, rolling, internal dates


@pytest.mark.parametrize(
    ("unit", "length", "start", "due", "internal"),
    [
        (Unit.MONTH, 6, date(2025, 8, 31), date(2026, 3, 2), date(2026, 2, 27)),  # raw Sat 28.02
        (Unit.MONTH, 6, date(2026, 8, 31), date(2027, 3, 1), date(2027, 2, 26)),  # raw Sun 28.02
        (Unit.YEAR, 1, date(2024, 2, 29), date(2025, 2, 28), date(2025, 2, 28)),
        (Unit.MONTH_DAY_RULE, 15, date(2026, 12, 3), date(2027, 1, 15), date(2027, 1, 15)),
        (Unit.MONTH_DAY_RULE, 15, date(2026, 1, 31), date(2026, 2, 16), date(2026, 2, 13)),
        (Unit.CALENDAR_DAY, 30, date(2026, 1, 30), date(2026, 3, 2), date(2026, 2, 27)),
        # No working day is left after the trigger: the trigger's own day, although a day off.
        (Unit.CALENDAR_DAY, 3, date(2026, 1, 2), date(2026, 1, 12), date(2026, 1, 2)),
        (Unit.WORKING_DAY, 1, date(2025, 12, 30), date(2026, 1, 12), date(2026, 1, 12)),
    ],
)
def test_due_is_rolled_and_internal_is_not(unit, length, start, due, internal):
    outcome = ru(Rule("X", Direction.DUE, unit, length), start)
    assert (outcome.due_on, outcome.internal_on) == (due, internal)


def test_the_internal_date_on_the_first_day_explains_itself():
    outcome = ru(Rule("X", Direction.DUE, Unit.CALENDAR_DAY, 3), date(2026, 1, 2))
    assert "safe_first_day" in codes(outcome) and "safe_day" not in codes(outcome)


def test_a_minimum_interval_is_not_rolled():
    outcome = ru(REPEAT, date(2025, 12, 8))
    assert outcome.due_on == outcome.internal_on == date(2026, 1, 7)
    assert "Not before Wednesday 2026-01-07" in text(outcome)
    wait = ru(
        Rule("RU.XBORDER.WAIT", Direction.NOT_BEFORE, Unit.WORKING_DAY, 10), date(2026, 4, 28)
    )
    assert wait.due_on == date(2026, 5, 14)


def test_keep_until_is_rolled_and_has_no_earlier_internal_date():
    outcome = ru(EVIDENCE, date(2023, 3, 7))  # raw Sat 07.03.2026, Mon 09.03 is off too
    assert outcome.due_on == outcome.internal_on == date(2026, 3, 10)
    assert "Keep until Tuesday 2026-03-10." in text(outcome)


# Which term binds


def test_the_statute_wins_a_tie_and_stated_comes_before_the_promise():
    promise = replace(IPM, length=16)  # 2026-05-14, the statute's day
    trigger, day = date(2026, 4, 28), date(2026, 5, 14)
    assert ru(INQUIRY, trigger, promise, stated_on=day).binding == "statute"
    assert ru(KZ_INQUIRY, trigger, promise, stated_on=day).binding == "stated"
    assert ru(INQUIRY, trigger, promise).promise_due_on == day


def test_a_term_in_hours_is_earlier_than_a_term_in_days_of_the_same_date():
    hours = Rule("PROMISE.24H", Direction.DUE, Unit.HOUR, 24)
    day = Rule("X", Direction.DUE, Unit.WORKING_DAY, 1)
    outcome = ru(day, datetime(2026, 4, 28, 9, tzinfo=MOSCOW), hours)
    assert outcome.binding == "promise"
    assert outcome.due_at == datetime(2026, 4, 29, 9, tzinfo=MOSCOW)
    both = ru(NOTICE_24, datetime(2026, 4, 28, 9, tzinfo=MOSCOW), replace(hours, length=12))
    assert both.binding == "promise"


def test_a_stated_date_binds_unmoved():
    outcome = ru(INQUIRY, date(2026, 4, 20), IPM, stated_on=date(2026, 4, 26))  # a Sunday
    assert (outcome.due_on, outcome.binding) == (date(2026, 4, 26), "stated")
    assert outcome.stated_due_on == date(2026, 4, 26)
    assert outcome.internal_on == date(2026, 4, 24)
    assert outcome.statute_due_on == date(2026, 5, 5)
    assert "stated_day_off" in codes(outcome) and "rolled" not in codes(outcome)


def test_a_later_stated_date_does_not_bind():
    outcome = ru(INQUIRY, date(2026, 4, 28), stated_on=date(2026, 6, 1))
    assert (outcome.due_on, outcome.binding) == (date(2026, 5, 14), "statute")
    assert outcome.stated_due_on == date(2026, 6, 1)


def test_a_stated_date_before_the_receipt_is_simply_past():
    outcome = ru(KZ_INQUIRY, date(2026, 4, 28), stated_on=date(2026, 4, 25))
    assert outcome.due_on == outcome.internal_on == date(2026, 4, 25)


def test_as_stated_in_inquiry_waits_for_its_date():
    without = kz(KZ_INQUIRY, date(2026, 4, 28))
    assert without.due_on is None and without.binding is None and without.internal_on is None
    assert "enter the date stated in the inquiry" in text(without)
    with_date = kz(KZ_INQUIRY, date(2026, 4, 28), stated_on=date(2026, 5, 15))
    assert (with_date.due_on, with_date.binding) == (date(2026, 5, 15), "stated")
    assert with_date.statute_due_on is None
    assert "stated_day_missing" not in codes(with_date)


def test_the_office_promise_binds_where_the_law_has_no_number():
    promise = replace(IPM, code="OFFICE.REG.INQUIRY", article="-")
    outcome = kz(KZ_INQUIRY, date(2026, 4, 13), promise)
    assert (outcome.due_on, outcome.binding) == (date(2026, 4, 23), "promise")
    earlier = kz(KZ_INQUIRY, date(2026, 4, 13), promise, stated_on=date(2026, 4, 22))
    assert earlier.binding == "stated"
    later = kz(KZ_INQUIRY, date(2026, 4, 13), promise, stated_on=date(2026, 4, 24))
    assert later.binding == "promise"
    assert "The operator promised a term: OFFICE.REG.INQUIRY." in text(outcome)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (START, "the planned day of the event is missing"),
        (TERM, "the event itself is missing"),
        (TERM, "watched only"),
        (REGISTERED, "the authority's own term, watched only; expected by Thursday 2026-05-28"),
    ],
)
def test_rules_without_a_date_say_what_is_missing(rule, said):
    outcome = ru(rule, date(2026, 4, 28))
    assert (
        outcome.due_on is outcome.internal_on is outcome.statute_due_on is outcome.binding is None
    )
    assert said in text(outcome)
    promised = ru(rule, date(2026, 4, 28), IPM)
    assert promised.binding == "promise"
    assert promised.due_on == promised.promise_due_on == date(2026, 5, 8)


def test_a_promise_alone_binds():
    outcome = ru(None, date(2025, 12, 25), IPM)
    assert (outcome.due_on, outcome.binding) == (date(2026, 1, 12), "promise")
    assert outcome.statute_due_on is None


def test_a_promise_never_shortens_a_minimum():
    shorter, longer = replace(EVIDENCE, length=1), replace(EVIDENCE, length=4)
    assert ru(EVIDENCE, date(2023, 4, 12), shorter).binding == "statute"
    assert ru(EVIDENCE, date(2023, 4, 12), longer).binding == "promise"
    assert ru(REPEAT, date(2026, 4, 1), replace(REPEAT, length=5)).binding == "statute"
    assert ru(REPEAT, date(2026, 4, 1), replace(REPEAT)).binding == "statute"
