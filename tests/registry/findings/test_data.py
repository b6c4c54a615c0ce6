"""Findings about data categories and purposes."""

from __future__ import annotations

from datetime import date

import pytest

from registry.findings.facts import Category, Register
from tests.registry.findings.registers import (
    TODAY,
    Case,
    clean,
    fires_and_clears,
    ids,
    keys,
    plus,
    with_card,
    with_row,
)

PHONE = Category("phone", "Phone", "ordinary", "phone", False, "3.1")
LAWS = ("RU", "KZ")


def with_phone(register: Register) -> Register:
    """The activity of support collects the phone; its purpose reaches people by e-mail."""
    wider = plus(register, "categories", PHONE)
    data = frozenset({"full_name", "email", "phone"})
    return with_row(wider, "activities", "support", categories=data)


def sharing(register: Register) -> Register:
    """Two incompatible purposes whose activities use one system."""
    apart = with_row(register, "purposes", "support", incompatible=frozenset({"employment"}))
    return with_row(apart, "activities", "employment", systems=frozenset({"crm", "payroll"}))


CASES = [
    *(
        case
        for law in LAWS
        for case in (
            Case("DAT-001", law, lambda r: plus(r, "categories", PHONE), "category:phone"),
            Case(
                "DAT-002",
                law,
                with_phone,
                "activity:support/phone",
                lambda r: with_row(
                    r, "purposes", "support", contact_by=frozenset({"email", "phone"})
                ),
            ),
            Case(
                "DAT-003",
                law,
                lambda r: with_row(r, "categories", "position", open_ended=True),
                "category:position",
            ),
            Case(
                "DAT-004",
                law,
                lambda r: with_row(r, "activities", "employment", categories=frozenset()),
                "activity:employment",
            ),
            Case(
                "PUR-001",
                law,
                lambda r: with_row(r, "activities", "employment", purpose="support"),
                "purpose:employment",
                lambda r: with_row(r, "purposes", "employment", ended_on=TODAY),
            ),
        )
    ),
    Case(
        "PUR-002",
        "RU",
        sharing,
        "system:crm/employment+support",
        lambda r: with_row(r, "activities", "employment", systems=frozenset({"payroll"})),
    ),
    Case(
        "PUR-002",
        "KZ",
        lambda r: with_card(sharing(r), also_under=frozenset({"RU"})),
        "system:crm/employment+support",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_a_purpose_that_does_not_say_how_it_reaches_people_judges_no_contact() -> None:
    silent = with_row(with_phone(clean("RU")), "purposes", "support", contact_by=frozenset())
    assert "DAT-002" not in ids(silent)


def test_a_needed_contact_is_not_named_with_the_needless_one() -> None:
    assert {key for key in keys(with_phone(clean("RU"))) if key[0] == "DAT-002"} == {
        ("DAT-002", "activity:support/phone")
    }


def test_the_record_of_an_ended_activity_keeps_its_categories() -> None:
    """They cannot be removed: the register says what the activity did."""
    ended = with_row(clean("RU"), "activities", "employment", ended_on=date(2026, 11, 1))
    assert "DAT-001" not in ids(ended)
    opened = with_row(ended, "categories", "position", open_ended=True)
    assert "DAT-003" not in ids(opened)


@pytest.mark.parametrize("law", LAWS)
def test_an_open_ended_category_is_named_wherever_it_is_in_use(law: str) -> None:
    key = ("DAT-003", "category:other")
    idle = plus(clean(law), "categories", Category("other", "Other", "ordinary", "text", True, ""))
    assert key not in keys(idle) and ("DAT-001", "category:other") in keys(idle)
    data = frozenset({"full_name", "email", "other"})
    for table, row in (
        ("activities", "support"), ("transfers", "to_hosting"), ("instructions", "7"),
        ("consents", "support"),
    ):  # fmt: skip
        assert key in keys(with_row(idle, table, row, categories=data)), table
    closed = with_row(idle, "transfers", "to_hosting", categories=data, open=False)
    over = with_row(closed, "instructions", "7", categories=data, in_force=False)
    assert key not in keys(over)


def test_a_purpose_whose_activities_are_over_is_idle() -> None:
    ended = with_row(clean("RU"), "activities", "employment", ended_on=date(2026, 11, 1))
    assert ("PUR-001", "purpose:employment") in keys(ended)


def test_purposes_are_incompatible_whichever_of_the_two_says_so() -> None:
    other = with_row(
        with_row(sharing(clean("RU")), "purposes", "support", incompatible=frozenset()),
        "purposes",
        "employment",
        incompatible=frozenset({"support"}),
    )
    assert ("PUR-002", "system:crm/employment+support") in keys(other)


def test_kazakhstan_does_not_forbid_to_join_databases() -> None:
    assert "PUR-002" not in ids(sharing(clean("KZ")))


def test_a_purpose_that_ends_tomorrow_still_wants_its_activity() -> None:
    idle = with_row(clean("RU"), "activities", "employment", purpose="support")
    tomorrow = with_row(idle, "purposes", "employment", ended_on=date(2026, 11, 23))
    assert "PUR-001" in ids(tomorrow)
