"""The states of a person's request and of its demands: every pair of state and verb."""

from __future__ import annotations

import pytest

from registry.states import ForbiddenTransition, Machine, move
from requests import states
from requests.models.subject_requests import Decision, RequestState

REQUEST = {
    ("received", "assign"): "received",
    ("received", "work"): "in_work",
    ("received", "withdraw"): "withdrawn",
    ("in_work", "assign"): "in_work",
    ("in_work", "draft"): "in_work",
    ("in_work", "work"): "in_work",
    ("in_work", "resume"): "in_work",
    ("in_work", "wait"): "waiting",
    ("in_work", "decide"): "decided",
    ("in_work", "withdraw"): "withdrawn",
    ("waiting", "assign"): "waiting",
    ("waiting", "draft"): "waiting",
    ("waiting", "resume"): "in_work",
    ("waiting", "withdraw"): "withdrawn",
    ("decided", "assign"): "decided",
    ("decided", "draft"): "decided",
    ("decided", "close"): "done",
    ("done", "reopen"): "in_work",
    ("withdrawn", "reopen"): "in_work",
    ("received", "check"): "in_work",
    ("in_work", "check"): "in_work",
    ("waiting", "check"): "waiting",
    ("decided", "check"): "decided",
}
ITEM = {
    ("open", "accept"): "accepted",
    ("open", "part"): "partly",
    ("open", "refuse"): "refused",
    ("open", "bar"): "barred",
    ("barred", "met"): "refused",
    ("open", "find"): "open",
    ("accepted", "find"): "accepted",
    ("partly", "find"): "partly",
}


@pytest.mark.parametrize(
    ("machine", "wanted"), [(states.REQUEST, REQUEST), (states.ITEM, ITEM)], ids=["request", "item"]
)
def test_every_pair_of_state_and_verb(machine: Machine, wanted: dict[tuple[str, str], str]) -> None:
    verbs = {verb for _, verb in wanted}
    for state in machine:
        for verb in verbs:
            if (state, verb) in wanted:
                assert move(machine, state, verb, number="REQ-1") == wanted[state, verb]
                continue
            with pytest.raises(ForbiddenTransition, match="REQ-1"):
                move(machine, state, verb, number="REQ-1")
    assert {verb for moves in machine.values() for verb in moves} == verbs
    assert {after for moves in machine.values() for after in moves.values()} <= set(machine)


def test_the_machines_and_the_choices_of_the_rows_are_the_same() -> None:
    assert set(states.REQUEST) == set(RequestState.values)
    assert set(states.ITEM) == set(Decision.values)
