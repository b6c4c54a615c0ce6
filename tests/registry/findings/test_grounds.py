"""Findings about grounds: each fires on one change of a clean register, and clears."""

from __future__ import annotations

from datetime import date

import pytest

from registry.findings import find
from registry.findings.facts import Category, Register
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

HEALTH = Category("health", "Health", "special", "text", False, "3.2")
FACE = Category("face", "Face", "biometric", "image", False, "3.2")


def standing_on(register: Register, *bases: str, activity: str = "employment") -> Register:
    return with_row(register, "activities", activity, bases=frozenset(bases))


def using(register: Register, category: Category, *bases: str) -> Register:
    """The activity about employees with one more category, on other grounds."""
    row = next(row for row in register.activities if row.code == "employment")
    wider = plus(register, "categories", category)
    wider = with_row(wider, "activities", "employment", categories=row.categories | {category.code})
    return standing_on(wider, *bases)


CASES = [
    Case("GRD-001", "RU", standing_on, "activity:employment"),
    Case("GRD-001", "KZ", standing_on, "activity:employment"),
    Case("GRD-002", "RU", lambda r: standing_on(r, "RU.6.1.10"), "activity:employment/RU.6.1.10"),
    Case("GRD-003", "KZ", lambda r: standing_on(r, "RU.6.1.2"), "activity:employment/RU.6.1.2"),
    Case(
        "GRD-003",
        "RU",
        lambda r: standing_on(r, "RU.6.1.2", "KZ.9.10"),
        "activity:employment/KZ.9.10",
        lambda r: with_card(r, also_under=frozenset({"KZ"})),
    ),
    Case(
        "GRD-004",
        "RU",
        lambda r: standing_on(r, "RU.6.1.7"),
        "activity:employment",
        lambda r: with_row(r, "activities", "employment", balance_note="Theirs weigh less."),
    ),
    Case(
        "GRD-005",
        "RU",
        lambda r: using(r, HEALTH, "RU.6.1.2"),
        "activity:employment/health",
        lambda r: standing_on(r, "RU.6.1.2", "RU.10.2.1"),
    ),
    Case(
        "GRD-005",
        "KZ",
        lambda r: using(r, HEALTH, "KZ.7.5"),
        "activity:employment/health",
        lambda r: standing_on(r, "KZ.9.10"),
    ),
    Case(
        "GRD-006",
        "RU",
        lambda r: using(r, FACE, "RU.6.1.2", "RU.10.2.1"),
        "activity:employment/face",
        lambda r: standing_on(r, "RU.6.1.2", "RU.11.1"),
    ),
    Case(
        "GRD-006",
        "KZ",
        lambda r: using(r, FACE, "KZ.7.5"),
        "activity:employment/face",
        lambda r: with_row(r, "categories", "face", kind="ordinary"),
    ),
    Case("GRD-007", "RU", lambda r: without(r, "consents"), "activity:support"),
    Case(
        "GRD-007",
        "KZ",
        lambda r: standing_on(r, CONSENT["KZ"]),
        "activity:employment",
        lambda r: standing_on(r, "KZ.9.10"),
    ),
    *(
        Case(
            "GRD-008",
            law,
            lambda r: with_row(r, "consents", "support", categories=frozenset({"full_name"})),
            "activity:support",
        )
        for law in ("RU", "KZ")
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


@pytest.mark.parametrize(
    ("day", "closed"),
    [(date(2026, 11, 21), True), (TODAY, True), (date(2026, 11, 23), False), (None, False)],
)
def test_a_ground_is_closed_from_its_day_on(day: date | None, closed: bool) -> None:
    assert ("GRD-002" in ids(with_basis(clean("RU"), "RU.6.1.2", closed_on=day))) is closed


def test_the_other_laws_article_may_stand_beside_the_own_one_but_not_alone() -> None:
    both = with_card(clean("RU"), also_under=frozenset({"KZ"}))
    assert "GRD-003" not in ids(standing_on(both, "RU.6.1.2", "KZ.9.10"))
    assert "GRD-003" in ids(standing_on(both, "KZ.9.10"))


def test_an_ended_activity_needs_no_ground() -> None:
    register = standing_on(clean("RU"))
    ended = with_row(register, "activities", "employment", ended_on=date(2026, 11, 21))
    assert "GRD-001" not in ids(ended)
    # From that day on it is a ground for nothing.
    today = with_row(register, "activities", "employment", ended_on=TODAY)
    assert "GRD-001" not in ids(today)
    tomorrow = with_row(register, "activities", "employment", ended_on=date(2026, 11, 23))
    assert "GRD-001" in ids(tomorrow)


def test_a_blank_balance_is_none() -> None:
    register = standing_on(clean("RU"), "RU.6.1.7")
    assert "GRD-004" in ids(with_row(register, "activities", "employment", balance_note=" \n"))


def test_ordinary_consent_does_not_bear_special_data_in_russia() -> None:
    assert "GRD-005" in ids(using(clean("RU"), HEALTH, "RU.6.1.1"))
    assert "GRD-005" not in ids(using(clean("KZ"), HEALTH, "KZ.7.1"))


def test_data_beyond_the_consent_are_listed_by_name() -> None:
    register = with_row(clean("RU"), "consents", "support", categories=frozenset())
    found = next(item for item in find(register) if item.check.id == "GRD-008")
    assert str(found.hit.params["categories"]) == "Full name, E-mail address"


def test_data_beyond_the_consent_may_stand_on_another_ground_or_be_nobodys() -> None:
    register = with_row(clean("RU"), "consents", "support", categories=frozenset({"full_name"}))
    assert "GRD-008" not in ids(standing_on(register, "RU.6.1.1", "RU.6.1.5", activity="support"))
    assert "GRD-008" not in ids(with_row(register, "categories", "email", kind="not_personal"))


def test_two_grounds_of_one_activity_are_two_findings() -> None:
    register = standing_on(clean("KZ"), "RU.6.1.2", "RU.6.1.5")
    assert {key for key in keys(register) if key[0] == "GRD-003"} == {
        ("GRD-003", "activity:employment/RU.6.1.2"),
        ("GRD-003", "activity:employment/RU.6.1.5"),
    }


def test_without_any_text_one_finding_is_enough() -> None:
    assert "GRD-008" not in ids(without(clean("RU"), "consents"))
