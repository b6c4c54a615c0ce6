"""Grounds and data that contradict themselves are refused by name."""

from dataclasses import replace
from datetime import date

import pytest

from registry.errors import OperatorError
from subjects import fate
from subjects.fate import Datum, Keep, Limit, decide, what_if
from tests.subjects.covers import DAY, EMAIL, NAME, PERSON, ground

ENDED = date(2026, 4, 28)
LIMIT = Limit(date(2026, 5, 28), "RU.CONSENT.WITHDRAW", "21(5)", "statute")
KEEP = Keep(date(2031, 12, 31), "K", "K 1")


@pytest.mark.parametrize(
    ("refusal", "facts"),
    [
        (fate.EndsBeforeStart, {"started_on": ENDED, "ended_on": ENDED - DAY}),
        (fate.EndWithoutEvent, {"ended_on": ENDED, "event": ""}),
        (fate.EventOfOpenGround, {"event": "consent_withdrawn"}),
        (fate.KeepOfOpenGround, {"keep": KEEP}),
        (fate.LimitOfOpenGround, {"limits": (LIMIT,)}),
        (fate.KeepTooLong, {"ended_on": ENDED, "keep": replace(KEEP, until=date.max)}),
        (fate.UnknownWord, {"then": "forget"}),
        (fate.UnknownWord, {"ended_on": ENDED, "limits": (replace(LIMIT, source="rumour"),)}),
    ],
)
def test_a_ground_that_contradicts_itself_is_refused_by_name(refusal, facts):
    with pytest.raises(refusal) as caught:
        ground(17, EMAIL, **facts)
    assert isinstance(caught.value, OperatorError)
    assert "17" in str(caught.value)


def test_a_ground_given_twice_is_refused():
    with pytest.raises(fate.SameGroundTwice):
        decide(PERSON, [ground(1, EMAIL), ground(1, NAME)], ENDED)


def test_a_datum_given_twice_is_refused():
    with pytest.raises(fate.SameDatumTwice):
        decide([Datum(1, NAME), Datum(1, EMAIL)], [ground(1, EMAIL)], ENDED)


@pytest.mark.parametrize("number", [1, 2])
def test_a_ground_that_is_not_there_cannot_end(number):
    with pytest.raises(fate.UnknownGround):
        what_if(PERSON, [ground(1, EMAIL)], {number: ground(3 - number, EMAIL)}, ENDED)
    with pytest.raises(fate.UnknownGround):
        what_if(PERSON, [ground(1, EMAIL)], {2: ground(2, EMAIL)}, ENDED)
