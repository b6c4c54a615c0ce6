"""Findings about the papers of the register, internal control and undertakings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from registry.findings.facts import Category, Register, Signed, Step
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
    without,
)

OPERATOR = "operator:alfa"
LATER = date(2026, 6, 1)
LARGE = Signed("size_class", LATER, size="large")


def less(*kinds: str) -> Callable[[Register], Register]:
    """The register without the papers of those kinds."""
    return lambda register: replace(
        register, papers=tuple(row for row in register.papers if row.kind not in kinds)
    )


def signed(*papers: Signed) -> Callable[[Register], Register]:
    return lambda register: plus(register, "papers", *papers)


def with_phone(register: Register) -> Register:
    """An activity that uses a category more than the list had."""
    register = plus(
        register, "categories", Category("phone", "Phone", "ordinary", "phone", False, "3.1")
    )
    register = with_row(
        register, "activities", "support",
        categories=frozenset({"full_name", "email", "phone"}),
    )  # fmt: skip
    return with_row(
        register, "purposes", "support", contact_by=frozenset({"email", "phone"})
    )  # fmt: skip


END = Signed("notice_end", LATER, filed_on=LATER)
AGAIN = Signed("notice_start", LATER, filed_on=LATER + timedelta(days=1))
FULL_LIST = frozenset({"full_name", "email", "position", "phone"})

CASES = [
    Case("PAP-001", "RU", less("notice_start"), OPERATOR),
    Case("PAP-001", "KZ", signed(LARGE), OPERATOR, signed(LARGE, AGAIN)),
    Case("PAP-002", "RU", signed(END), OPERATOR, signed(AGAIN)),
    Case("PAP-003", "KZ", less("size_class"), OPERATOR),
    Case("PAP-004", "KZ", less("data_list"), OPERATOR),
    Case(
        "PAP-005", "KZ", with_phone, "category:phone",
        signed(Signed("data_list", LATER, categories=FULL_LIST)),
    ),
    Case(
        "PAP-005", "RU",
        signed(Signed("data_list", LATER, categories=frozenset({"full_name", "email"}))),
        "category:position",
    ),
    Case("PAP-006", "RU", less("harm"), "activity:support"),
    Case(
        "PAP-012", "RU",
        lambda r: with_row(r, "systems", "crm", country="DE"),
        "activity:support",
        lambda r: plus(r, "papers", Signed("harm", LATER, activity="support", degree="high")),
    ),
    *(
        case
        for law in ("RU", "KZ")
        for case in (
            Case("PAP-007", law, lambda r: without(r, "steps"), OPERATOR),
            Case("PAP-008", law, less("control_plan"), OPERATOR),
            Case(
                "PAP-009", law,
                lambda r: with_row(r, "steps", "access", next_on=TODAY - timedelta(days=1)),
                "control:access",
            ),
            Case(
                "PAP-010", law, lambda r: with_row(r, "steps", "access", responsible=False),
                "control:access",
            ),
            Case("PAP-011", law, lambda r: with_card(r, unsworn=1), OPERATOR),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_a_notice_that_was_signed_and_not_filed_has_told_nobody() -> None:
    unfiled = less("notice_start")(clean("RU"))
    assert "PAP-001" in ids(plus(unfiled, "papers", Signed("notice_start", LATER)))


@pytest.mark.parametrize("size", ["small", "medium"])
def test_small_and_medium_operators_of_kazakhstan_notify_nobody(size: str) -> None:
    register = less("size_class")(clean("KZ"))
    register = plus(register, "papers", Signed("size_class", LATER, size=size))
    assert "PAP-001" not in ids(register)


def test_who_grew_has_to_notify_and_who_shrank_no_longer() -> None:
    grown = plus(clean("KZ"), "papers", LARGE)
    assert "PAP-001" in ids(grown)
    smaller = Signed("size_class", LATER + timedelta(days=90), size="medium")
    assert "PAP-001" not in ids(plus(grown, "papers", smaller))


def test_of_two_lists_of_one_day_the_later_one_counts() -> None:
    whole = Signed("data_list", LATER, categories=FULL_LIST)
    short = Signed("data_list", LATER, categories=frozenset({"full_name"}))
    assert "PAP-005" in ids(plus(clean("RU"), "papers", whole, short))
    assert "PAP-005" not in ids(plus(clean("RU"), "papers", short, whole))


def test_each_activity_has_an_act_of_its_own() -> None:
    register = less("harm")(clean("RU"))
    one = plus(register, "papers", Signed("harm", LATER, activity="support", degree="low"))
    assert {object for id, object in keys(one) if id == "PAP-006"} == {"activity:employment"}


def test_the_degree_of_an_act_may_be_higher_than_what_the_register_shows() -> None:
    higher = Signed("harm", LATER, activity="support", degree="high")
    assert "PAP-012" not in ids(plus(clean("RU"), "papers", higher))


def test_a_planned_activity_wants_no_papers_yet() -> None:
    register = replace(clean("RU"), papers=(), steps=())
    for row in register.activities:
        register = with_row(register, "activities", row.code, started_on=TODAY + timedelta(days=1))
    assert not {id for id in ids(register) if id.startswith("PAP")}


def test_a_step_may_still_be_done_on_its_day() -> None:
    assert "PAP-009" not in ids(with_row(clean("RU"), "steps", "access", next_on=TODAY))


def test_a_second_step_is_judged_by_itself() -> None:
    late = Step("logs", "The log of actions", TODAY - timedelta(days=9))
    register = plus(clean("RU"), "steps", late)
    assert {key for key in keys(register) if key[0] == "PAP-009"} == {("PAP-009", "control:logs")}
