"""Extensions, versions in force, missing calendars, and what the engine refuses by name."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from registry import deadlines
from registry.deadlines import (
    STEP_TEXTS,
    Direction,
    Rule,
    english,
)
from registry.errors import OperatorError
from registry.terms import TermTooLong, Unit, UnknownUnit
from registry.workdays import CalendarMissing, LengthNotPositive
from tests.registry.counting import (
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
    WITHDRAWAL,
    codes,
    kz,
    ru,
)


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
