"""Grounds that the policy claims."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from registry.findings import CHECKS, find
from registry.findings.checks import MODULES
from registry.findings.facts import Claimed
from registry.findings.known import CONTRACT_GROUNDS, INTEREST_GROUNDS
from tests.registry.findings.registers import CONSENT, Case, clean, keys, plus, with_card, with_row

assert MODULES  # importing them fills CHECKS


def claims(code: str, basis: str = "", purpose: str = "") -> Any:
    row = Claimed(code, "A ground in our own words", "7.6", purpose, basis)
    return lambda register: plus(register, "claimed", row)


def answers_to(code: str, basis: str) -> Any:
    return lambda register: with_row(register, "claimed", code, basis=basis)


def stands_on(*bases: str) -> Any:
    return lambda register: with_row(register, "activities", "support", bases=frozenset(bases))


CASES = [
    Case("CLG-001", "RU", claims("table_149fz"), "claimed:table_149fz"),
    Case(
        "CLG-001",
        "KZ",
        claims("custom"),
        "claimed:custom",
        answers_to("custom", "KZ.9.10"),
    ),
    # Only in Kazakhstan is there more to say than that.
    Case(
        "CLG-001",
        "RU",
        claims("contract"),
        "claimed:contract",
        answers_to("contract", "RU.6.1.5"),
    ),
    *(
        Case("CLG-002", "KZ", claims(code), f"claimed:{code}", answers_to(code, "KZ.9.10"))
        for code in sorted(CONTRACT_GROUNDS)
    ),
    *(
        Case("CLG-003", "KZ", claims(code), f"claimed:{code}", answers_to(code, "KZ.9.10"))
        for code in sorted(INTEREST_GROUNDS)
    ),
    Case(
        "CLG-004",
        "RU",
        claims("public_data", "RU.6.1.10"),
        "claimed:public_data",
        answers_to("public_data", "RU.6.1.1"),
    ),
    Case(
        "CLG-004",
        "RU",
        claims("public_data", "RU.6.1.10"),
        "claimed:public_data",
        # The day before it was closed.
        lambda register: replace(register, today=date(2021, 2, 28)),
    ),
    Case(
        "CLG-005",
        "KZ",
        claims("contract", "RU.6.1.5"),
        "claimed:contract",
        answers_to("contract", "KZ.9.10"),
    ),
    Case(
        "CLG-005",
        "RU",
        claims("foreign", "KZ.9.10"),
        "claimed:foreign",
        lambda register: with_card(register, also_under=frozenset({"KZ"})),
    ),
    Case(
        "CLG-006",
        "RU",
        claims("contract", "RU.6.1.5"),
        "claimed:contract",
        stands_on("RU.6.1.1", "RU.6.1.5"),
    ),
    Case(
        # Claimed for one purpose, while an activity of another stands on it.
        "CLG-006",
        "KZ",
        claims("law", "KZ.9.10", "support"),
        "claimed:law",
        stands_on("KZ.7.1", "KZ.9.10"),
    ),
    Case(
        "CLG-006",
        "RU",
        claims("contract", "RU.6.1.5"),
        "claimed:contract",
        # A register without activities has nothing to compare with.
        lambda register: replace(register, activities=()),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fires(case: Case) -> None:
    assert (case.id, case.object) in keys(case.fired)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cleared(case: Case) -> None:
    assert (case.id, case.object) not in keys(case.cleared)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_ground_has_one_finding(case: Case) -> None:
    """A ground that is closed, foreign or unknown is not reported as idle or twice as well."""
    said = [one.check.id for one in find(case.fired) if one.hit.object == case.object]
    assert said == [case.id]


def test_a_ground_that_closes_later_is_open_until_that_day() -> None:
    register = claims("c", "RU.6.1.10")(clean("RU"))
    closed = register.bases["RU.6.1.10"].closed_on
    assert closed is not None
    for day, is_closed in ((closed, True), (date(2021, 2, 28), False)):
        found = keys(replace(register, today=day))
        assert (("CLG-004", "claimed:c") in found) is is_closed
        # Until then it is a ground like any other, on which nothing stands.
        assert (("CLG-006", "claimed:c") in found) is not is_closed


def test_the_article_of_a_closed_ground_names_what_came_instead() -> None:
    register = claims("public_data", "RU.6.1.10")(clean("RU"))
    (one,) = [one for one in find(register) if one.check.id == "CLG-004"]
    assert one.hit.article == "152-FZ 6(1)(10), 10.1"
    assert one.check.message % one.hit.params == (
        "Clause 7.6 claims 152-FZ 6(1)(10), which was closed on 2021-03-01."
    )


def test_a_ground_that_activities_stand_on_is_silent() -> None:
    for law in ("RU", "KZ"):
        register = claims("again", CONSENT[law])(clean(law))
        assert keys(register) == set()


def test_every_check_of_claimed_grounds_has_a_case() -> None:
    assert {case.id for case in CASES} == {id for id in CHECKS if id.startswith("CLG-")}
