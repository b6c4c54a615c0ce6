"""Findings about transfers and their gates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from registry.findings.facts import Register
from tests.registry.findings.registers import (
    Case,
    clean,
    fires_and_clears,
    ids,
    keys,
    plus,
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
