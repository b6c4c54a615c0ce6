"""Findings about the papers of the register, internal control and undertakings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from registry.findings.facts import Category, Register, Signed, Step
from tests.registry.findings.registers import (
    DPO,
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


def ending(ceased_on: date | None, *, large: bool = False) -> Callable[[Register], Register]:
    """Whoever has to, has told the authority on which day it ceases."""
    return signed(*([LARGE] if large else []), replace(END, ceased_on=ceased_on))


def step_of(**changes: object) -> Callable[[Register], Register]:
    return lambda register: with_row(register, "steps", "access", **changes)


def with_health(register: Register) -> Register:
    """An activity that uses special data."""
    return with_row(register, "categories", "position", kind="special")


def size_says(restricted: bool) -> Callable[[Register], Register]:
    return signed(Signed("size_class", LATER, size="medium", restricted=restricted))


CASES = [
    Case("PAP-001", "RU", less("notice_start"), OPERATOR),
    Case("PAP-001", "KZ", signed(LARGE), OPERATOR, signed(LARGE, AGAIN)),
    Case("PAP-002", "RU", signed(END), OPERATOR, signed(AGAIN)),
    Case("PAP-002", "KZ", ending(TODAY, large=True), OPERATOR, signed(AGAIN)),
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
    Case("PAP-014", "KZ", with_health, OPERATOR, size_says(True)),
    Case("PAP-014", "KZ", size_says(True), OPERATOR, size_says(False)),
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
            Case("PAP-013", law, step_of(every_months=6), OPERATOR),
            Case("PAP-013", law, step_of(checker=7), OPERATOR),
            Case(
                "PAP-013", law,
                lambda r: plus(r, "steps", Step("logs", "The log of actions", TODAY, checker=2)),
                OPERATOR,
                signed(
                    Signed("control_plan", LATER, steps=(("logs", 12, 2), ("access", 12, DPO)))
                ),
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


@pytest.mark.parametrize(
    ("law", "days", "fires"),
    [
        # Russia is told afterwards on which day it ceased, Kazakhstan beforehand from which day.
        ("RU", -1, True), ("RU", 0, False), ("RU", None, True),
        ("KZ", 0, True), ("KZ", 1, False), ("KZ", 30, False), ("KZ", None, False),
    ],
)  # fmt: skip
def test_until_the_end_comes_it_may_go_on(law: str, days: int | None, fires: bool) -> None:
    ceased_on = None if days is None else TODAY + timedelta(days=days)
    register = ending(ceased_on, large=law == "KZ")(clean(law))
    assert ("PAP-002" in ids(register)) == fires


def test_a_check_moves_the_next_day_and_not_the_plan() -> None:
    assert "PAP-013" not in ids(step_of(next_on=TODAY + timedelta(days=400))(clean("RU")))


def test_a_plan_that_nobody_signed_or_without_any_step_left_says_one_thing_only() -> None:
    changed = step_of(every_months=6)(clean("RU"))
    assert {"PAP-008"} == ids(less("control_plan")(changed)) & {"PAP-008", "PAP-013"}
    assert {"PAP-007"} == ids(without(clean("RU"), "steps")) & {"PAP-007", "PAP-013"}


def test_what_a_planned_activity_will_use_makes_no_other_class_yet() -> None:
    register = with_health(clean("KZ"))
    later = with_row(register, "activities", "employment", started_on=TODAY + timedelta(days=1))
    assert "PAP-014" in ids(register) and "PAP-014" not in ids(later)
    assert "PAP-014" not in ids(with_health(clean("RU")))


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


def test_of_two_filings_of_one_day_the_later_one_has_told() -> None:
    start, end = (
        Signed(f"notice_{kind}", LATER, filed_on=LATER, filed_order=order)
        for kind, order in (("start", 8), ("end", 9))
    )
    assert "PAP-002" in ids(plus(clean("RU"), "papers", end, start))
    # The day of the filing says nothing about which was signed last.
    signed_later = Signed("notice_start", TODAY, filed_on=None)
    assert (
        plus(clean("RU"), "papers", end, signed_later).paper("notice_start", "notice_end")
        == signed_later
    )
