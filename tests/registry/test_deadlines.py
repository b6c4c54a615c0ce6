import csv
import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry import deadlines
from registry.deadlines import (
    STEP_TEXTS,
    Direction,
    Facts,
    Outcome,
    Rule,
    compute,
    english,
)
from registry.errors import OperatorError
from registry.terms import DATE_UNITS, TermTooLong, Unit, UnknownUnit
from registry.workdays import CalendarMissing, LengthNotPositive, WorkCalendar
from tests.registry.calendars import KZ, RU

MOSCOW = ZoneInfo("Europe/Moscow")
ALMATY = ZoneInfo("Asia/Almaty")
LAW = Path(__file__).resolve().parents[3] / "shared" / "law" / "deadline_rules.csv"

INQUIRY = Rule(
    "RU.REG.INQUIRY",
    Direction.DUE,
    Unit.WORKING_DAY,
    10,
    5,
    Unit.WORKING_DAY,
    effective_from=date(2022, 9, 1),
    article="20(4)",
)
IPM = Rule("PROMISE.IPM.3_2", Direction.DUE, Unit.CALENDAR_DAY, 10, article="IPM policy 3.2")
WITHDRAWAL = Rule("RU.CONSENT.WITHDRAW", Direction.DUE, Unit.CALENDAR_DAY, 30)
NOTICE_24 = Rule("RU.INCIDENT.NOTICE1", Direction.DUE, Unit.HOUR, 24)
NOTICE_72 = Rule("RU.INCIDENT.NOTICE2", Direction.DUE, Unit.HOUR, 72)
KZ_INCIDENT = Rule("KZ.INCIDENT.NOTICE", Direction.DUE, Unit.WORKING_DAY, 1, from_moment=True)
KZ_INQUIRY = Rule("KZ.REG.INQUIRY", Direction.DUE, Unit.AS_STATED_IN_INQUIRY, None)
BLOCK = Rule("RU.VERIFY.BLOCK", Direction.DUE, Unit.IMMEDIATE, 0)
REPEAT = Rule("RU.SUBJ.REPEAT", Direction.NOT_BEFORE, Unit.CALENDAR_DAY, 30)
EVIDENCE = Rule("RU.EVIDENCE.DESTRUCTION", Direction.KEEP_UNTIL, Unit.YEAR, 3)
REGISTERED = Rule("RU.NOTIFY.REGISTER", Direction.WATCH, Unit.CALENDAR_DAY, 30)
START = Rule("RU.NOTIFY.START", Direction.DUE, Unit.BEFORE_EVENT, 0)
TERM = Rule("KZ.CONSENT.TERM", Direction.WATCH, Unit.EVENT, None)


def ru(statute, trigger, promise=None, **facts) -> Outcome:
    return compute(
        statute=statute, promise=promise, facts=Facts(MOSCOW, trigger, **facts), calendar=RU
    )


def kz(statute, trigger, promise=None, **facts) -> Outcome:
    return compute(
        statute=statute, promise=promise, facts=Facts(ALMATY, trigger, **facts), calendar=KZ
    )


def codes(outcome: Outcome) -> list[str]:
    return [step.code for step in outcome.steps]


def text(outcome: Outcome) -> str:
    return "\n".join(english(step) for step in outcome.steps)


# The worked examples of the law table


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


# Extension


def test_an_extension_moves_the_statute_from_the_end_of_the_first_term():
    outcome = ru(INQUIRY, date(2026, 4, 28), extended=True)
    assert outcome.due_on == outcome.internal_on == date(2026, 5, 21)
    assert "extended" in codes(outcome)


def test_an_extension_counts_from_the_raw_end():
    rule = Rule("X", Direction.DUE, Unit.CALENDAR_DAY, 10, 10, Unit.CALENDAR_DAY)
    outcome = ru(rule, date(2025, 12, 25), extended=True)
    assert outcome.due_on == date(2026, 1, 14)  # ten days after Sun 04.01, not after Mon 12.01
    working = replace(rule, extension_length=1, extension_unit=Unit.WORKING_DAY)
    assert ru(working, date(2025, 12, 25), extended=True).due_on == date(2026, 1, 12)


def test_hours_are_extended_by_hours():
    rule = replace(NOTICE_24, extension_length=48, extension_unit=Unit.HOUR)
    at = datetime(2026, 4, 28, 9, tzinfo=MOSCOW)
    assert ru(rule, at, extended=True).due_at == ru(NOTICE_72, at).due_at


def test_a_promise_is_never_extended_and_says_so():
    outcome = ru(INQUIRY, date(2025, 12, 25), IPM, extended=True)
    assert (outcome.due_on, outcome.binding) == (date(2026, 1, 12), "promise")
    assert outcome.statute_due_on == date(2026, 1, 27)
    assert "promise_not_extended" in codes(outcome)
    assert "promise_not_extended" not in codes(ru(INQUIRY, date(2025, 12, 25), IPM))


@pytest.mark.parametrize(
    ("statute", "promise", "code"),
    [
        (WITHDRAWAL, None, WITHDRAWAL.code),
        (None, IPM, IPM.code),
        (KZ_INQUIRY, IPM, KZ_INQUIRY.code),
    ],
)
def test_what_has_no_extension_is_refused(statute, promise, code):
    with pytest.raises(deadlines.NoExtension) as refused:
        ru(statute, date(2026, 4, 28), promise, extended=True)
    assert refused.value.params == {"code": code}


def test_a_term_without_a_date_is_not_extended():
    rule = replace(KZ_INQUIRY, extension_length=5, extension_unit=Unit.WORKING_DAY)
    with pytest.raises(deadlines.NoExtension):
        ru(rule, date(2026, 4, 28), stated_on=date(2026, 5, 5), extended=True)


# Rules in force


def test_first_and_last_day_in_force_are_inclusive():
    rule = replace(WITHDRAWAL, effective_from=date(2026, 3, 2), effective_until=date(2026, 3, 31))
    ru(rule, date(2026, 3, 2))
    ru(rule, date(2026, 3, 31))
    with pytest.raises(deadlines.RuleNotInForce) as early:
        ru(rule, date(2026, 3, 1))
    assert early.value.params == {
        "code": rule.code,
        "day": date(2026, 3, 1),
        "first_day": date(2026, 3, 2),
    }
    with pytest.raises(deadlines.RuleEnded) as late:
        ru(rule, date(2026, 4, 1))
    assert late.value.params["last_day"] == date(2026, 3, 31)
    # The trigger's local date decides: 00:01 of 1 March in Almaty is still February in UTC.
    with pytest.raises(deadlines.RuleEnded):
        kz(rule, datetime(2026, 3, 31, 19, 1, tzinfo=UTC))


def test_a_promise_out_of_force_does_not_apply_unless_it_is_all_there_is():
    ended = replace(IPM, effective_until=date(2025, 12, 24))
    outcome = ru(INQUIRY, date(2025, 12, 25), ended)
    assert (outcome.due_on, outcome.promise_due_on) == (date(2026, 1, 20), None)
    assert "promise_out_of_force" in codes(outcome)
    with pytest.raises(deadlines.RuleEnded):
        ru(None, date(2025, 12, 25), ended)


def test_a_statute_out_of_force_is_refused_even_beside_a_promise():
    with pytest.raises(deadlines.RuleNotInForce):
        ru(INQUIRY, date(2022, 8, 31), IPM)


# Calendars


def test_a_year_without_a_calendar_is_refused():
    with pytest.raises(CalendarMissing):
        ru(EVIDENCE, date(2028, 4, 28))


def test_a_year_not_yet_decreed_is_said_once_for_each_year_that_was_asked():
    outcome = ru(INQUIRY, date(2027, 12, 28), IPM)
    said = [step.params for step in outcome.steps if step.code == "not_decreed"]
    assert said == [{"calendar": "RU", "year": 2028}]
    assert "not_decreed" not in codes(ru(INQUIRY, date(2027, 4, 28), IPM))
    # Three years from 2026 ask nothing of 2028.
    kept = ru(EVIDENCE, date(2026, 4, 12))
    assert [s.params["year"] for s in kept.steps if s.code == "not_decreed"] == [2029]
    stated = kz(KZ_INQUIRY, date(2027, 12, 1), stated_on=date(2028, 1, 14))
    assert "not_decreed" in codes(stated)


# Rules that make no sense


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        (replace(WITHDRAWAL, unit="fortnight"), UnknownUnit),
        (replace(WITHDRAWAL, direction="sideways"), deadlines.UnknownDirection),
        (replace(WITHDRAWAL, length=0), LengthNotPositive),
        (replace(NOTICE_24, length=0), LengthNotPositive),
        (replace(NOTICE_24, length=10**9), TermTooLong),
        (replace(WITHDRAWAL, length=None), deadlines.LengthMissing),
        (replace(NOTICE_24, length=None), deadlines.LengthMissing),
        (replace(BLOCK, length=3), deadlines.LengthUnexpected),
        (replace(START, length=3), deadlines.LengthUnexpected),
        (replace(NOTICE_24, from_moment=True), deadlines.MomentWithoutWorkingDays),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(rule, error):
    with pytest.raises(error) as refused:
        ru(rule, date(2026, 4, 28))
    assert isinstance(refused.value, OperatorError)


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        (replace(INQUIRY, extension_unit=Unit.HOUR), deadlines.MixedUnits),
        (replace(INQUIRY, extension_unit=Unit.EVENT), deadlines.MixedUnits),
        (replace(INQUIRY, extension_unit="fortnight"), UnknownUnit),
        (replace(INQUIRY, extension_unit=None), deadlines.LengthMissing),
        (replace(INQUIRY, extension_length=None), deadlines.LengthMissing),
        (replace(INQUIRY, extension_length=0), LengthNotPositive),
        (
            replace(NOTICE_24, extension_length=1, extension_unit=Unit.CALENDAR_DAY),
            deadlines.MixedUnits,
        ),
        (replace(BLOCK, extension_length=1, extension_unit=Unit.HOUR), deadlines.MixedUnits),
    ],
)
def test_an_extension_that_makes_no_sense_is_refused_by_name(rule, error):
    with pytest.raises(error):
        ru(rule, date(2026, 4, 28), extended=True)


def test_nothing_to_count_is_refused():
    with pytest.raises(deadlines.NoRule):
        ru(None, date(2026, 4, 28))


def test_a_last_day_and_a_minimum_do_not_mix():
    with pytest.raises(deadlines.MixedDirections):
        ru(EVIDENCE, date(2023, 4, 28), IPM)
    with pytest.raises(deadlines.StatedDateMisplaced):
        ru(REPEAT, date(2026, 4, 28), stated_on=date(2026, 5, 5))


# Steps


def test_every_sentence_has_a_scene_and_survives_json():
    moment = datetime(2026, 4, 28, 9, tzinfo=MOSCOW)
    months = [Rule("X", Direction.DUE, unit, 15) for unit in (Unit.MONTH, Unit.MONTH_DAY_RULE)]
    scenes = [
        ru(INQUIRY, date(2027, 12, 25), IPM, extended=True),
        ru(INQUIRY, moment, replace(IPM, effective_until=date(2026, 1, 1))),
        ru(INQUIRY, moment, replace(IPM, length=16)),
        ru(INQUIRY, moment, stated_on=date(2026, 5, 2)),
        *(ru(rule, moment) for rule in (*months, NOTICE_24, BLOCK, REPEAT, START, TERM)),
        ru(EVIDENCE, date(2023, 3, 7)),
        ru(REGISTERED, moment),
        ru(Rule("X", Direction.DUE, Unit.CALENDAR_DAY, 3), date(2026, 1, 2)),
        kz(KZ_INQUIRY, moment),
        kz(KZ_INCIDENT, moment),
        kz(KZ_INCIDENT, date(2026, 3, 20)),
        ru(NOTICE_24, date(2026, 4, 28)),
    ]
    steps = [step for scene in scenes for step in scene.steps]
    assert {step.code for step in steps} == set(STEP_TEXTS)
    for step in steps:
        assert json.loads(json.dumps(dict(step.params))) == step.params
        sentence = english(step)
        assert sentence.endswith(".") and "%" not in sentence


# The rules table


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
