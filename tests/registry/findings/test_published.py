"""The version of the policy in force."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from registry.findings import CHECKS, find
from registry.findings.checks import MODULES
from registry.findings.facts import Register
from tests.registry.findings.registers import Case, clean, keys, with_card

assert MODULES  # importing them fills CHECKS


def policy(**changes: Any) -> Any:
    def change(register: Register) -> Register:
        assert register.policy is not None
        return replace(register, policy=replace(register.policy, **changes))

    return change


VERSION = "policy:1"
CASES = [
    *(
        case
        for law in ("RU", "KZ")
        for case in (
            Case("POL-001", law, lambda register: replace(register, policy=None), "operator:alfa"),
            Case("POL-002", law, policy(languages=frozenset({"en"})), VERSION),
            Case("POL-003", law, policy(gaps=("4", "10.2")), VERSION, policy(gaps=())),
        )
    ),
    Case(
        "POL-002",
        "KZ",
        policy(languages=frozenset({"ru"})),
        VERSION,
        lambda register: with_card(register, languages=frozenset({"ru"})),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fires(case: Case) -> None:
    assert (case.id, case.object) in keys(case.fired)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cleared(case: Case) -> None:
    assert (case.id, case.object) not in keys(case.cleared)


def test_missing_languages_and_clauses_are_named() -> None:
    register = policy(languages=frozenset({"en"}), gaps=("4", "10.2"))(clean("KZ"))
    said = {one.check.id: one.check.message % one.hit.params for one in find(register)}
    assert said["POL-002"].endswith("every language of the operator: Kazakh, Russian.")
    assert said["POL-003"].endswith("missing: 4, 10.2.")


def test_without_a_policy_only_that_is_said() -> None:
    assert keys(replace(clean("RU"), policy=None)) == {("POL-001", "operator:alfa")}


def test_every_check_of_the_policy_has_a_case() -> None:
    assert {case.id for case in CASES} == {id for id in CHECKS if id.startswith("POL-")}
