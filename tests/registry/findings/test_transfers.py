"""Findings about transfers and their gates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from registry.findings import find
from registry.findings.facts import Register
from registry.findings.transfers import BEARS_ABROAD
from registry.transfer_steps import GROUND_KINDS
from tests.registry.findings.registers import (
    CONSENT,
    TODAY,
    Case,
    clean,
    fires_and_clears,
    ids,
    keys,
    plus,
    with_basis,
    with_card,
    with_row,
    without,
)


def saying(country: str = "RU", **said: bool | None) -> Callable[[Register], Register]:
    """The consent text says so, and the partner abroad is in that country."""

    def change(register: Register) -> Register:
        moved = with_row(register, "recipients", "partner", country=country)
        return with_row(moved, "consents", "support", **said)

    return change


def moved(**changes: Any) -> Callable[[Register], Register]:
    return lambda register: with_row(register, "transfers", "to_partner", **changes)


def on_contract(country: str) -> Callable[[Register], Register]:
    """The transfer to that country stands on a ground that bears none to a state without
    protection."""

    def change(register: Register) -> Register:
        bases = frozenset({"KZ.7.1", "KZ.7.5"})
        there = with_row(register, "recipients", "partner", country=country)
        on_both = with_row(there, "activities", "support", bases=bases)
        return with_row(on_both, "transfers", "to_partner", basis="KZ.7.5")

    return change


CASES = [
    *(
        case
        for law in ("RU", "KZ")
        for case in (
            Case(
                "TRF-001",
                law,
                lambda r: with_row(r, "transfers", "to_partner", open=False),
                "activity:support/partner",
                lambda r: with_row(r, "activities", "support", recipients=frozenset({"hosting"})),
            ),
            Case(
                "TRF-001",
                law,
                lambda r: without(r, "transfers", "to_partner"),
                "activity:support/partner",
            ),
            Case(
                "TRF-002",
                law,
                lambda r: with_row(r, "transfers", "to_partner", open=False, banned=True),
                "transfer:to_partner",
                lambda r: with_row(r, "activities", "support", recipients=frozenset({"hosting"})),
            ),
            Case(
                "TRF-003",
                law,
                lambda r: with_row(r, "activities", "support", ended_on=date(2026, 11, 21)),
                "transfer:to_partner",
                lambda r: with_row(r, "transfers", "to_partner", open=False),
            ),
            Case(
                "TRF-003",
                law,
                lambda r: with_row(r, "purposes", "support", ended_on=date(2026, 11, 22)),
                "transfer:to_hosting",
            ),
        )
    ),
    *(
        Case(
            "TRF-006",
            law,
            lambda r: with_row(r, "activities", "support", recipients=frozenset({"hosting"})),
            "transfer:to_partner",
            lambda r: with_row(r, "transfers", "to_partner", open=False, ended=True),
        )
        for law in ("RU", "KZ")
    ),
    *(
        Case(
            "TRF-007",
            law,
            change,
            "transfer:to_partner",
            lambda r: with_row(r, "transfers", "to_partner", open=False, ended=True),
        )
        for law in ("RU", "KZ")
        for change in (
            moved(categories=frozenset({"full_name", "position"})),
            moved(categories=frozenset()),
            moved(basis="KZ.9.4"),
            lambda r: with_basis(r, CONSENT[r.operator.jurisdiction], closed_on=TODAY),
            lambda r: with_row(r, "activities", "support", started_on=date(2026, 11, 23)),
            lambda r: with_row(r, "recipients", "partner", country=""),
        )
    ),
    # The partner moved abroad after its transfer had opened at home.
    Case("TRF-007", "RU", moved(gate="none", filed=False), "transfer:to_partner"),
    Case("TRF-007", "KZ", on_contract("US"), "transfer:to_partner", on_contract("RU")),
    *(
        case
        for said in (None, False)
        for case in (
            Case("TRF-004", "KZ", saying(third_parties=said), "transfer:to_hosting"),
            Case(
                "TRF-005",
                "KZ",
                saying("US", cross_border=said),
                "transfer:to_partner",
                saying("US", cross_border=True),
            ),
        )
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_a_ban_is_said_once_and_not_as_a_missing_transfer_too() -> None:
    banned = with_row(clean("RU"), "transfers", "to_partner", open=False, banned=True)
    assert "TRF-001" not in ids(banned)


def test_a_recipient_whose_country_is_not_known_is_no_transfer_abroad() -> None:
    unknown = with_row(clean("RU"), "recipients", "partner", country="")
    assert "TRF-001" not in ids(without(unknown, "transfers", "to_partner"))


def test_data_may_go_to_a_state_that_protects_them_without_that_consent() -> None:
    silent = with_row(clean("KZ"), "consents", "support", cross_border=None)
    assert "TRF-005" not in ids(silent)


def test_a_transfer_on_a_law_asks_no_consent_text() -> None:
    silent = with_row(clean("KZ"), "consents", "support", third_parties=None)
    on_law = with_row(silent, "transfers", "to_hosting", basis="KZ.9.10")
    found = {key for key in keys(on_law) if key[0] == "TRF-004"}
    assert found == {("TRF-004", "transfer:to_partner")}


def test_a_state_body_is_no_third_party() -> None:
    silent = with_row(clean("KZ"), "consents", "support", third_parties=False)
    body = with_row(silent, "recipients", "hosting", kind="state_body")
    assert ("TRF-004", "transfer:to_hosting") not in keys(body)


def test_russia_asks_it_only_where_kazakhstans_law_is_looked_at_too() -> None:
    silent = with_row(clean("RU"), "consents", "support", third_parties=None)
    assert "TRF-004" not in ids(silent)
    assert "TRF-004" in ids(with_card(silent, also_under=frozenset({"KZ"})))


def test_without_any_consent_text_another_finding_speaks() -> None:
    none = without(clean("KZ"), "consents")
    assert not ids(none) & {"TRF-004", "TRF-005"}
    assert "GRD-007" in ids(none)


def test_a_transfer_that_is_only_planned_was_not_banned() -> None:
    assert "TRF-002" not in ids(with_row(clean("RU"), "transfers", "to_partner", open=False))


def test_after_a_ban_another_transfer_may_have_been_opened() -> None:
    register = clean("RU")
    (moved,) = (row for row in register.transfers if row.code == "to_partner")
    banned = with_row(register, "transfers", "to_partner", open=False, banned=True)
    assert not ids(plus(banned, "transfers", replace(moved, code="again"))) & {
        "TRF-001",
        "TRF-002",
    }


def test_a_transfer_that_is_not_open_asks_no_consent() -> None:
    silent = with_row(clean("KZ"), "consents", "support", third_parties=False)
    closed = with_row(silent, "transfers", "to_hosting", open=False)
    assert ("TRF-004", "transfer:to_hosting") not in keys(closed)


def test_only_a_text_that_lists_the_data_lets_them_go() -> None:
    """Consent to give the e-mail away is none to give the name away as well."""
    narrow = with_row(clean("KZ"), "consents", "support", categories=frozenset({"email"}))
    abroad = with_row(narrow, "recipients", "partner", country="US")
    for key in (("TRF-004", "transfer:to_partner"), ("TRF-005", "transfer:to_partner")):
        assert key in keys(abroad)
        less = with_row(abroad, "transfers", "to_partner", categories=frozenset({"email"}))
        assert key not in keys(less)


def test_two_halves_of_a_consent_are_none_to_the_whole() -> None:
    narrow = with_row(clean("KZ"), "consents", "support", categories=frozenset({"email"}))
    (text,) = narrow.consents
    other = replace(text, code="other", categories=frozenset({"full_name"}))
    assert ("TRF-004", "transfer:to_hosting") in keys(plus(narrow, "consents", other))


def test_an_activity_that_has_not_begun_waits_for_no_gate() -> None:
    """Its transfer cannot open before the activity begins: that is no fault of today."""
    gone = without(clean("RU"), "transfers", "to_partner")
    banned = with_row(clean("RU"), "transfers", "to_partner", open=False, banned=True)
    for register, id in ((gone, "TRF-001"), (banned, "TRF-002")):
        assert id in ids(with_row(register, "activities", "support", started_on=TODAY))
        planned = with_row(register, "activities", "support", started_on=date(2026, 11, 23))
        assert id not in ids(planned)


def test_what_ended_is_neither_open_nor_banned() -> None:
    ended = with_row(clean("RU"), "transfers", "to_partner", open=False, ended=True)
    assert ("TRF-001", "activity:support/partner") in keys(ended)


def test_it_says_each_reason_why_it_would_not_open_today() -> None:
    register = moved(gate="none", filed=False, categories=frozenset({"position"}))(clean("RU"))
    (one,) = (item for item in find(register) if item.check.id == "TRF-007")
    assert one.check.message % one.hit.params == (
        "The transfer To partner is open, but today it could not be opened: it gives data that its "
        "activity does not use, the recipient is abroad and the authority was not told."
    )


def test_the_gate_and_the_findings_know_the_same_grounds() -> None:
    assert BEARS_ABROAD == GROUND_KINDS


def test_of_an_activity_without_a_ground_another_finding_speaks() -> None:
    bare = with_row(clean("RU"), "activities", "support", bases=frozenset())
    assert "GRD-001" in ids(bare) and "TRF-007" not in ids(bare)


def test_of_an_activity_that_is_over_another_finding_speaks() -> None:
    over = with_row(clean("RU"), "activities", "support", ended_on=TODAY)
    assert ids(over) & {"TRF-003", "TRF-006", "TRF-007"} == {"TRF-003"}


def test_a_notice_that_was_filed_stands() -> None:
    assert "TRF-007" not in ids(moved(gate="none", filed=True)(clean("RU")))
