"""Consent as the policy describes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.findings.checks import MODULES
from registry.findings.claims import wide_enough
from registry.findings.facts import Way
from tests.registry.findings.registers import Case, clean, keys, plus, with_row, without
from tests.registry.findings.saying import (
    both,
    every_law,
    says,
    unsays,
    withdrawals,
)

assert MODULES  # importing them fills CHECKS

CASES = [
    *every_law(
        (
            "CLM-001",
            says("consent_term/indefinite"),
            "claim:consent_term/indefinite/4.1",
            unsays("indefinite"),
        ),
        (
            "CLM-002",
            says("consent_term/unconditional"),
            "claim:consent_term/unconditional/4.1",
            unsays("unconditional"),
        ),
        (
            "CLM-003",
            says("consent_by_action/policy_is_the_consent"),
            "claim:consent_by_action/policy_is_the_consent/4.1",
            unsays("policy_is_the_consent"),
        ),
        (
            "CLM-004",
            says("scope/part_of_licence_agreement"),
            "claim:scope/part_of_licence_agreement/4.1",
            unsays("part_of_licence_agreement"),
        ),
        (
            "CLM-004",
            says("scope/part_of_agreement"),
            "claim:scope/part_of_agreement/4.1",
            unsays("part_of_agreement"),
        ),
        (
            "CLM-005",
            says("third_party_transfer/third_party_consent_in_the_policy"),
            "claim:third_party_transfer/third_party_consent_in_the_policy/4.1",
            unsays("third_party_consent_in_the_policy"),
        ),
        (
            "CLM-005",
            says("cross_border/cross_border_consent_in_the_policy"),
            "claim:cross_border/cross_border_consent_in_the_policy/4.1",
            unsays("cross_border_consent_in_the_policy"),
        ),
        *(
            (
                "CLM-006",
                both(
                    says(f"consent_by_action/{code}"),
                    lambda register: without(register, "consents"),
                ),
                f"claim:consent_by_action/{code}/4.1",
                lambda register: replace(register, consents=clean("RU").consents),
            )
            for code in ("registration", "payment", "use_of_website")
        ),
        (
            # There is a text, but not of what stands on consent.
            "CLM-006",
            both(
                says("consent_by_action/payment"),
                lambda register: with_row(
                    register, "consents", "support", activities=frozenset({"employment"})
                ),
            ),
            "claim:consent_by_action/payment/4.1",
            lambda register: with_row(
                register, "consents", "support", activities=frozenset({"support"})
            ),
        ),
        (
            "CLM-007",
            says("subject_duty/stop_and_delete_account"),
            "claim:subject_duty/stop_and_delete_account/4.1",
            unsays("stop_and_delete_account"),
        ),
        (
            "CLM-010",
            says("withdrawal/written_request/4.2", "withdrawal/services_or_provable_way/11.3"),
            "claim:withdrawal/written_request/4.2",
            unsays("services_or_provable_way"),
        ),
        (
            "CLM-010",
            says("withdrawal/written_request/4.2", "withdrawal/services_or_provable_way/11.3"),
            "claim:withdrawal/written_request/4.2",
            unsays("written_request"),
        ),
        (
            "CLM-027",
            says("policy_change/unilateral"),
            "claim:policy_change/unilateral/4.1",
            unsays("unilateral"),
        ),
    ),
    Case(
        "CLM-008",
        "KZ",
        says("withdrawal/written_request"),
        "claim:withdrawal/written_request/4.1",
        unsays("written_request"),
    ),
    Case(
        "CLM-008",
        "KZ",
        says("withdrawal/by_marked_email"),
        "claim:withdrawal/by_marked_email/4.1",
        says("withdrawal/services_or_provable_way"),
    ),
    Case("CLM-009", "KZ", withdrawals("post", "in_person"), "operator:alfa"),
    Case(
        "CLM-009",
        "KZ",
        withdrawals("account_deletion", "state_service"),
        "operator:alfa",
        withdrawals("account_deletion", "state_service", "non_state_service"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fires(case: Case) -> None:
    assert (case.id, case.object) in keys(case.fired)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cleared(case: Case) -> None:
    assert (case.id, case.object) not in keys(case.cleared)


def test_what_only_kazakhstan_asks_for_is_no_finding_in_russia() -> None:
    register = both(
        says("withdrawal/written_request", "withdrawal/by_marked_email", "cross_border/definition"),
        withdrawals("post"),
    )(clean("RU"))
    assert not {"CLM-008", "CLM-009", "CLM-019"} & {id for id, _object in keys(register)}


@pytest.mark.parametrize(
    ("channels", "wide"),
    [
        ({"any_provable"}, True),
        ({"state_service", "non_state_service"}, True),
        ({"state_service"}, False),
        ({"non_state_service", "email", "post"}, False),
        (set(), False),
    ],
)
def test_ways_of_withdrawal_that_are_enough(channels: set[str], wide: bool) -> None:
    assert wide_enough(frozenset(channels)) is wide


def test_a_channel_for_anything_takes_withdrawals_too() -> None:
    register = withdrawals("post")(clean("KZ"))
    register = plus(register, "channels", Way("any_provable", "any", "", "11.3"))
    assert "CLM-009" not in {id for id, _object in keys(register)}


def test_where_nothing_stands_on_consent_yet_an_action_still_needs_a_text() -> None:
    register = says("consent_by_action/payment")(replace(clean("RU"), activities=()))
    fired = ("CLM-006", "claim:consent_by_action/payment/4.1")
    assert fired not in keys(register)
    assert fired in keys(replace(register, consents=()))


def test_every_check_of_these_has_a_case() -> None:
    wanted = {f"CLM-{number:03}" for number in (*range(1, 11), 27)}
    assert {case.id for case in CASES} == wanted
