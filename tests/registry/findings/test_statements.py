"""What the policy says of transfers, publication, sources, bodies and liability."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.findings.checks import MODULES
from registry.findings.facts import Receiver, System
from tests.registry.findings.registers import (
    TODAY,
    Case,
    clean,
    keys,
    plus,
    with_card,
    with_row,
)
from tests.registry.findings.saying import (
    all_rights,
    both,
    every_law,
    found,
    no_giving,
    nobody_else,
    only_home,
    says,
    text,
    unsays,
)

assert MODULES  # importing them fills CHECKS

CASES = [
    *every_law(
        (
            "CLM-011",
            says("third_party_transfer/never"),
            "claim:third_party_transfer/never/4.1",
            nobody_else,
        ),
        (
            "CLM-012",
            says("third_party_transfer/never"),
            "claim:third_party_transfer/never/4.1",
            no_giving,
        ),
        (
            # What goes to the state only is what the law asks for.
            "CLM-012",
            says("third_party_transfer/never"),
            "claim:third_party_transfer/never/4.1",
            lambda register: with_row(
                register, "activities", "support", recipients=frozenset({"tax"})
            ),
        ),
        *(
            (
                "CLM-013",
                says("third_party_transfer/never/8.2", f"{other}/9.9"),
                "claim:third_party_transfer/never/8.2",
                unsays(other.split("/")[1]),
            )
            for other in (
                "third_party_transfer/services_by_their_own_terms",
                "third_party_transfer/third_party_consent_in_the_policy",
                "third_party_transfer/needed_for_the_offer",
                "third_party_transfer/improving_the_website",
                "cross_border/cross_border_consent_in_the_policy",
                "cross_border/notify_beforehand",
                "cross_border/separate_notification",
                "cross_border/information_beforehand",
                "principle/operations_performed",
            )
        ),
        (
            "CLM-014",
            says("publication/if_purposes_require"),
            "claim:publication/if_purposes_require/4.1",
            unsays("if_purposes_require"),
        ),
        (
            "CLM-014",
            says("publication/at_discretion"),
            "claim:publication/at_discretion/4.1",
            unsays("at_discretion"),
        ),
        (
            "CLM-015",
            says("data_source/public_sources"),
            "claim:data_source/public_sources/4.1",
            unsays("public_sources"),
        ),
        (
            "CLM-016",
            says("data_source/public_sources/7.1", "data_source/from_users/8.2"),
            "claim:data_source/from_users/8.2",
            unsays("public_sources"),
        ),
        (
            "CLM-017",
            says("complaint_body/consumer_protection"),
            "claim:complaint_body/consumer_protection/4.1",
            both(unsays("consumer_protection"), says("complaint_body/data_authority")),
        ),
        (
            "CLM-017",
            says("complaint_body/other"),
            "claim:complaint_body/other/4.1",
            both(unsays("other"), says("complaint_body/court")),
        ),
        *(
            (
                "CLM-018",
                says("subject_definition/any_visitor/1.7", f"subject_definition/{code}/3.1"),
                f"claim:subject_definition/{code}/3.1",
                unsays("any_visitor"),
            )
            for code in ("registered", "registered_or_paid")
        ),
        (
            "CLM-020",
            says("liability/not_for_third_parties"),
            "claim:liability/not_for_third_parties/4.1",
            unsays("not_for_third_parties"),
        ),
        (
            "CLM-028",
            says("liability/no_absolute_protection"),
            "claim:liability/no_absolute_protection/4.1",
            says("operator_duty/breach_notice"),
        ),
        (
            "CLM-030",
            says("cross_border/never"),
            "claim:cross_border/never/4.1",
            only_home,
        ),
    ),
    *(
        Case("CLM-019", "KZ", says(claim), f"claim:{claim}/4.1", unsays(claim.split("/")[1]))
        for claim in (
            "publication/definition_dissemination",
            "dissemination_limits/definition_permitted",
            "third_party_transfer/definition_provision",
            "cross_border/definition",
        )
    ),
    Case(
        "CLM-029",
        "RU",
        says("governing_law/law_94v"),
        "claim:governing_law/law_94v/4.1",
        lambda register: with_card(register, also_under=frozenset({"KZ"})),
    ),
    Case(
        "CLM-029",
        "KZ",
        says("governing_law/law_152fz"),
        "claim:governing_law/law_152fz/4.1",
        both(unsays("law_152fz"), says("governing_law/law_94v")),
    ),
    Case(
        "CLM-030",
        "RU",
        both(
            says("cross_border/never"),
            only_home,
            lambda register: plus(register, "systems", System("cloud", "Cloud", "", "US")),
        ),
        "claim:cross_border/never/4.1",
        lambda register: with_row(register, "systems", "cloud", country="RU"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fires(case: Case) -> None:
    assert (case.id, case.object) in keys(case.fired)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cleared(case: Case) -> None:
    assert (case.id, case.object) not in keys(case.cleared)


def test_never_names_what_speaks_against_it() -> None:
    register = says(
        "third_party_transfer/never/8.2", "cross_border/notify_beforehand/10.1",
        "cross_border/information_beforehand/10.2", "principle/operations_performed/9.1",
    )(clean("RU"))  # fmt: skip
    assert text(register, "CLM-011").endswith("recipients: Hosting, Partner.")
    assert text(register, "CLM-012").endswith(": Support of clients.")
    assert text(register, "CLM-013").endswith(": 9.1, 10.1, 10.2.")
    assert found(register, "CLM-011").hit.article == "152-FZ 7, 18.1(1)(2)"


def test_an_activity_that_names_no_recipient_but_transfers_speaks_against_never() -> None:
    register = both(says("third_party_transfer/never"), nobody_else)(clean("RU"))
    assert text(register, "CLM-012").endswith(": Support of clients.")


def test_a_recipient_of_unknown_country_is_not_abroad() -> None:
    register = both(
        says("cross_border/never"),
        only_home,
        lambda register: plus(register, "recipients", Receiver("b", "B", "third_party", "")),
    )(clean("KZ"))
    assert "CLM-030" not in {id for id, _object in keys(register)}


def test_nobody_is_the_wrong_body_while_the_right_one_is_not_known() -> None:
    register = replace(says("complaint_body/other")(clean("KZ")), authorities={})
    assert "CLM-017" not in {id for id, _object in keys(register)}


def test_unknown_codes_of_a_claim_are_kept_and_judged_by_nobody() -> None:
    register = says("third_party_transfer/never_sold", "liability/anything")(
        all_rights(clean("KZ"))
    )
    register = says("operator_duty/answer_term")(register)
    assert keys(register) == set()


def test_what_is_over_speaks_against_no_promise_of_today() -> None:
    """A recipient or system of an ended activity cannot be removed: the register is its record."""
    register = says("third_party_transfer/never", "cross_border/never")(clean("RU"))
    cloud = plus(register, "systems", System("cloud", "Cloud", "", "US"))
    abroad = with_row(cloud, "activities", "support", systems=frozenset({"crm", "cloud"}))
    assert text(abroad, "CLM-011").endswith("recipients: Hosting, Partner.")
    assert text(abroad, "CLM-030").endswith("abroad: Cloud, Partner.")
    ended = with_row(abroad, "activities", "support", ended_on=TODAY)
    assert text(ended, "CLM-011").endswith("recipients: Hosting, Partner."), "transfers are open"
    assert text(ended, "CLM-030").endswith("abroad: Partner.")
    closed = with_row(ended, "transfers", "to_partner", open=False, ended=True)
    assert text(closed, "CLM-011").endswith("recipients: Hosting.")
    assert "CLM-030" not in {id for id, _object in keys(closed)}
    closed = with_row(closed, "transfers", "to_hosting", open=False, banned=True)
    assert "CLM-011" not in {id for id, _object in keys(closed)}


def test_a_recipient_that_the_policy_names_and_nobody_uses_speaks_against_never() -> None:
    register = both(says("third_party_transfer/never"), nobody_else)(clean("RU"))
    named = plus(register, "recipients", Receiver("bank", "Bank", "third_party", "RU"))
    assert text(named, "CLM-011").endswith("recipients: Bank.")


def test_every_check_of_these_has_a_case() -> None:
    wanted = {f"CLM-{number:03}" for number in (*range(11, 21), 28, 29, 30)}
    assert {case.id for case in CASES} == wanted
