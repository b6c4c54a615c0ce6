"""Findings about recipients and the instructions of processors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from registry.findings import find
from registry.findings.facts import Instruction, Moved, Receiver, Register
from registry.findings.recipients import CONTENTS
from registry.services.instructions import CONTENTS as WANTED
from tests.registry.findings.registers import (
    TODAY,
    Case,
    clean,
    fires_and_clears,
    ids,
    plus,
    with_card,
    with_row,
    without,
)

LAWS = ("RU", "KZ")


def giving(register: Register, kind: str) -> Register:
    """The activity about employees also gives data to a bank, which no transfer covers."""
    wider = plus(register, "recipients", Receiver("bank", "Bank", kind, register.operator.country))
    return with_row(wider, "activities", "employment", recipients=frozenset({"tax", "bank"}))


CASES = [
    *(
        case
        for law in LAWS
        for case in (
            Case(
                "RCP-001",
                law,
                lambda r: with_row(r, "recipients", "tax", country=""),
                "recipient:tax",
            ),
            Case(
                "RCP-006",
                law,
                lambda r: giving(r, "third_party"),
                "activity:employment/bank",
                lambda r: with_row(r, "recipients", "bank", kind="state_body"),
            ),
        )
    ),
    Case("RCP-002", "RU", lambda r: without(r, "instructions"), "recipient:hosting"),
    Case(
        "RCP-002",
        "RU",
        lambda r: with_row(r, "instructions", "7", in_force=False),
        "recipient:hosting",
        lambda r: with_row(r, "recipients", "hosting", kind="third_party"),
    ),
    Case(
        "RCP-002",
        "KZ",
        lambda r: with_card(without(r, "instructions"), also_under=frozenset({"RU"})),
        "recipient:hosting",
        lambda r: with_card(r, also_under=frozenset()),
    ),
    Case("RCP-003", "KZ", lambda r: without(r, "instructions"), "recipient:hosting"),
    Case(
        "RCP-004",
        "RU",
        lambda r: with_row(r, "instructions", "7", missing=("activities", "confidentiality")),
        "instruction:hosting/7",
    ),
    Case(
        "RCP-005",
        "RU",
        lambda r: with_row(r, "instructions", "7", categories=frozenset({"email"})),
        "activity:support/hosting",
        lambda r: with_row(r, "transfers", "to_hosting", categories=frozenset({"email"})),
    ),
    Case(
        "RCP-005",
        "RU",
        lambda r: with_row(r, "instructions", "7", activities=frozenset()),
        "activity:support/hosting",
        lambda r: plus(
            r,
            "instructions",
            Instruction(
                "8",
                "hosting",
                frozenset({"support"}),
                frozenset({"full_name", "email"}),
                (),
                True,
            ),
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_a_state_body_may_stand_among_the_recipients() -> None:
    assert "RCP-006" not in ids(giving(clean("KZ"), "state_body"))


def test_a_processor_that_no_activity_uses_needs_no_instruction() -> None:
    idle = with_row(
        without(clean("RU"), "instructions"),
        "activities",
        "support",
        recipients=frozenset({"partner"}),
    )
    assert "RCP-002" not in ids(without(idle, "transfers", "to_hosting"))
    assert "RCP-002" in ids(idle), "an open transfer uses it"


def test_the_instruction_says_what_it_lacks() -> None:
    register = with_row(clean("RU"), "instructions", "7", missing=("activities", "security"))
    (found,) = (item for item in find(register) if item.check.id == "RCP-004")
    assert "for which purposes, how it protects the data" in found.check.message % found.hit.params


def test_all_contents_of_an_instruction_have_words() -> None:
    assert set(CONTENTS) == set(WANTED)


def test_an_instruction_that_is_over_lacks_nothing_any_more() -> None:
    over = with_row(clean("RU"), "instructions", "7", in_force=False, missing=("activities",))
    assert "RCP-004" not in ids(over)


def test_one_finding_says_that_a_recipient_abroad_has_no_transfer() -> None:
    gone = without(clean("RU"), "transfers", "to_partner")
    assert "TRF-001" in ids(gone)
    assert "RCP-006" not in ids(gone)


def test_without_a_transfer_all_data_of_the_activity_are_meant() -> None:
    told = with_row(clean("RU"), "instructions", "7", categories=frozenset({"email"}))
    assert "RCP-005" in ids(without(told, "transfers", "to_hosting"))


def test_only_an_instruction_in_force_to_that_processor_counts() -> None:
    less = with_row(clean("RU"), "instructions", "7", categories=frozenset({"email"}))
    over = with_row(less, "instructions", "7", in_force=False)
    assert ids(over) & {"RCP-002", "RCP-005"} == {"RCP-002"}
    (told,) = clean("RU").instructions
    others = plus(less, "instructions", replace(told, number="8", recipient="partner"))
    assert "RCP-005" in ids(others)
    expired = plus(less, "instructions", replace(told, number="8", in_force=False))
    assert "RCP-005" in ids(expired)


def test_an_instruction_bounds_processors_only() -> None:
    less = with_row(clean("RU"), "instructions", "7", categories=frozenset({"email"}))
    assert "RCP-005" not in ids(with_row(less, "recipients", "hosting", kind="third_party"))


def unlisted(register: Register) -> Register:
    """The processor is in no activity's list, though a transfer to it is open."""
    return with_row(register, "activities", "support", recipients=frozenset({"partner"}))


def test_an_open_transfer_is_looked_at_whatever_the_activity_lists() -> None:
    less = with_row(clean("RU"), "instructions", "7", categories=frozenset({"email"}))
    assert "RCP-005" in ids(unlisted(less))
    assert "RCP-003" in ids(unlisted(without(clean("KZ"), "instructions")))
    closed = with_row(unlisted(less), "transfers", "to_hosting", open=False)
    assert "RCP-005" not in ids(closed)


def test_an_open_transfer_of_an_activity_that_is_over_still_wants_an_instruction() -> None:
    over = with_row(clean("RU"), "activities", "support", ended_on=TODAY)
    assert "RCP-002" in ids(without(over, "instructions"))


def test_what_a_transfer_gave_that_is_over_bounds_nothing() -> None:
    """Beyond the instruction is what goes today, not what once went."""
    told = with_row(clean("RU"), "instructions", "7", categories=frozenset({"email"}))
    bounded = with_row(told, "transfers", "to_hosting", categories=frozenset({"email"}))
    assert "RCP-005" not in ids(bounded)
    for gone in ({"ended": True}, {"banned": True}):
        wide = Moved(
            "old", "Old", "hosting", "support", frozenset({"full_name"}), "RU.6.1.1", "none",
            open=False, banned=gone.get("banned", False), ended=gone.get("ended", False),
        )  # fmt: skip
        assert "RCP-005" not in ids(plus(bounded, "transfers", wide))
        assert "RCP-005" in ids(with_row(bounded, "transfers", "to_hosting", open=False, **gone))


def test_a_transfer_that_has_ended_says_nothing_of_what_is_given_today() -> None:
    ended = with_row(clean("RU"), "transfers", "to_hosting", open=False, ended=True)
    assert "RCP-006" in ids(ended)
    assert "RCP-006" not in ids(with_row(ended, "transfers", "to_hosting", ended=False))


@pytest.mark.parametrize("law", LAWS)
def test_an_activity_that_has_not_begun_gives_nothing_yet(law: str) -> None:
    bare = without(without(clean(law), "instructions"), "transfers")
    wanted = {"RCP-006", "RCP-002" if law == "RU" else "RCP-003"}
    assert wanted <= ids(bare)
    tomorrow = with_row(bare, "activities", "support", started_on=TODAY + timedelta(days=1))
    assert not wanted & ids(tomorrow)
    assert wanted <= ids(with_row(bare, "activities", "support", started_on=TODAY))
    less = with_row(clean("RU"), "instructions", "7", categories=frozenset({"email"}))
    planned = with_row(less, "activities", "support", started_on=TODAY + timedelta(days=1))
    assert "RCP-005" not in ids(with_row(planned, "transfers", "to_hosting", open=False))
