"""Findings about whose data they are."""

from __future__ import annotations

from datetime import date

import pytest

from registry.findings.facts import People
from tests.registry.findings.registers import (
    Case,
    clean,
    fires_and_clears,
    ids,
    plus,
    with_card,
    with_row,
)

CASES = [
    case
    for law in ("RU", "KZ")
    for case in (
        Case(
            "PPL-001",
            law,
            lambda r: with_row(r, "people", "employee", relation="contractor"),
            "operator:alfa",
            lambda r: with_card(r, staff=0),
        ),
        Case(
            "PPL-002",
            law,
            lambda r: with_row(r, "activities", "support", people=frozenset()),
            "activity:support",
        ),
        Case(
            "PPL-003",
            law,
            lambda r: plus(r, "people", People("applicant", "Applicants", "applicant")),
            "people:applicant",
            lambda r: with_row(
                r, "activities", "employment", people=frozenset({"employee", "applicant"})
            ),
        ),
        Case(
            "PPL-004",
            law,
            lambda r: with_row(r, "people", "client", relation=""),
            "people:client",
        ),
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_an_ended_activity_about_employees_is_not_enough() -> None:
    ended = with_row(clean("RU"), "activities", "employment", ended_on=date(2026, 11, 21))
    assert "PPL-001" in ids(ended)
