"""What the policy says, or does not say, of rights, operations and its own text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.findings.checks import MODULES
from registry.findings.rights import RIGHTS, THIRTEEN
from tests.registry.findings.registers import Case, clean, keys, with_row
from tests.registry.findings.saying import (
    Change,
    all_rights,
    both,
    every_law,
    every_operation,
    found,
    promised,
    says,
    text,
    unsays,
)

assert MODULES  # importing them fills CHECKS

CASES = [
    *every_law(
        (
            "CLM-021",
            says("policy_term/until_replaced"),
            "operator:alfa",
            says("operator_duty/answer_term"),
        ),
        (
            "CLM-021",
            says("policy_term/until_replaced"),
            "operator:alfa",
            promised("request_received"),
        ),
        ("CLM-022", says("policy_term/until_replaced"), "operator:alfa", all_rights),
        (
            "CLM-023",
            says("principle/operations_performed"),
            "claim:principle/operations_performed/4.1",
            every_operation,
        ),
        (
            "CLM-024",
            says("principle/operations_named"),
            "claim:principle/operations_named/4.1",
            lambda register: both(
                *(
                    lambda register, code=code: with_row(
                        register,
                        "activities",
                        code,
                        operations=frozenset({"collection", "storage", "access"}),
                    )
                    for code in ("support", "employment")
                )
            )(register),
        ),
        (
            "CLM-025",
            says("gap/clause_missing/10.2"),
            "claim:gap/clause_missing/10.2",
            unsays("clause_missing"),
        ),
        (
            "CLM-025",
            says("gap/heading_missing/4"),
            "claim:gap/heading_missing/4",
            unsays("heading_missing"),
        ),
        (
            "CLM-026",
            says("policy_publication/editor_note"),
            "claim:policy_publication/editor_note/4.1",
            unsays("editor_note"),
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fires(case: Case) -> None:
    assert (case.id, case.object) in keys(case.fired)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cleared(case: Case) -> None:
    assert (case.id, case.object) not in keys(case.cleared)


def test_a_policy_that_nobody_entered_is_silent_about_nothing() -> None:
    for law in ("RU", "KZ"):
        assert not {"CLM-021", "CLM-022"} & {id for id, _object in keys(clean(law))}


def test_silent_rights_are_one_finding_that_names_each_with_its_article() -> None:
    register = says("right/information", "right/clarification", "right/withdraw_consent")(
        clean("KZ")
    )
    one = found(register, "CLM-022")
    assert one.hit.article == "94-V 19-1, 24(1)(3), 24(1)(4), 24(1)(6), 24(1)(7)"
    assert text(register, "CLM-022").endswith(
        ": objection to automated decisions, blocking of data, destruction of data, "
        "refusal of publication, defence of rights and damages."
    )


def test_one_clause_may_give_three_rights() -> None:
    register = says("right/clarify_block_destroy")(clean("RU"))
    assert not {"correction of data", "blocking of data", "destruction of data"} & set(
        found(register, "CLM-022").hit.params["rights"].texts
    )


@pytest.mark.parametrize("law", ["RU", "KZ"])
@pytest.mark.parametrize("place", range(7))
def test_each_right_alone_can_be_the_silent_one(law: str, place: int) -> None:
    words, where, codes = RIGHTS[law][place]
    register = all_rights(clean(law))
    kept = tuple(row for row in register.claims if row.code not in codes)
    # A claim of three rights is no help here: the others are told one by one.
    told = {row.code for row in kept}
    others = [row for row in RIGHTS[law] if row[0] != words and not row[2] & told]
    more = says(*(f"right/{sorted(row[2] - codes)[0]}" for row in others))
    one = found(
        more(replace(register, claims=(*kept, *says("scope/x")(clean(law)).claims))), "CLM-022"
    )
    assert one.hit.params["rights"].texts == (words,)
    assert one.hit.article.split(" ", 1)[1] == where


@pytest.mark.parametrize(
    "change",
    [
        promised("inquiry_received"),
        promised("request_received", own=False),
        promised("request_received", source="statute"),
    ],
    ids=["of the authority", "of the whole office", "of the law"],
)
def test_only_an_own_promise_to_people_says_when_they_are_answered(change: Change) -> None:
    register = both(says("right/information"), change)(clean("RU"))
    assert ("CLM-021", "operator:alfa") in keys(register)


def test_kinds_of_an_operation_count_as_the_operation() -> None:
    register = says("principle/operations_performed")(clean("RU"))
    of_support = THIRTEEN - {"transfer", "clarification", "destruction"} | {"access", "updating"}
    register = with_row(register, "activities", "support", operations=of_support)
    # The other activity destroys; both together do all thirteen.
    assert "CLM-023" not in {id for id, _object in keys(register)}
    register = with_row(register, "activities", "employment", operations=frozenset())
    assert found(register, "CLM-023").hit.params["count"] == 12


def test_without_activities_nothing_parts_from_the_claimed_operations() -> None:
    register = says("principle/operations_performed")(clean("RU"))
    register = replace(register, activities=())
    assert "CLM-023" not in {id for id, _object in keys(register)}


def test_every_check_of_these_has_a_case() -> None:
    wanted = {f"CLM-{number:03}" for number in range(21, 27)}
    assert {case.id for case in CASES} == wanted
