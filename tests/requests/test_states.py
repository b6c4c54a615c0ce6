"""The machine of an inquiry, as data."""

from __future__ import annotations

from itertools import product

import pytest

from registry.states import ForbiddenTransition, move
from requests import states
from requests.models import RegulatorInquiry
from requests.models.inquiries import InquiryState

VERBS = sorted({verb for moves in states.INQUIRY.values() for verb in moves})
FORBIDDEN = [
    (state, verb)
    for state, verb in product(states.INQUIRY, VERBS)
    if verb not in states.INQUIRY[state]
]


def test_every_state_of_the_model_stands_in_the_machine_and_no_other() -> None:
    assert set(states.INQUIRY) == set(InquiryState.values)
    assert {to for moves in states.INQUIRY.values() for to in moves.values()} <= set(states.INQUIRY)


def test_every_verb_of_the_machine_is_a_right_of_the_dpo() -> None:
    assert set(VERBS) <= RegulatorInquiry.access.grants("dpo")


def test_nobody_but_the_dpo_decides() -> None:
    for role in ("clerk", "auditor", "administrator"):
        granted = RegulatorInquiry.access.grants(role)
        assert not granted & {"answer", "extend", "withdraw", "restate"}, role


def test_a_withdrawn_inquiry_allows_nothing() -> None:
    assert states.INQUIRY[states.WITHDRAWN] == {}


@pytest.mark.parametrize(("state", "verb"), FORBIDDEN)
def test_what_is_not_in_the_machine_is_refused_by_name(state: str, verb: str) -> None:
    with pytest.raises(ForbiddenTransition) as refusal:
        move(states.INQUIRY, state, verb, number="INQ-2025-0001")
    assert refusal.value.status == 409
    assert str(refusal.value) == (
        f"INQ-2025-0001 can no longer be changed this way: it is {state}."
    )


@pytest.mark.parametrize("state", list(states.INQUIRY))
def test_what_is_in_the_machine_leads_where_it_says(state: str) -> None:
    for verb, target in states.INQUIRY[state].items():
        assert move(states.INQUIRY, state, verb, number="1") == target
