"""Findings about the office's own rules of the law."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from registry.findings import find
from registry.findings.facts import Register
from registry.findings.reading import year_before
from tests.registry.findings.registers import Case, clean, fires_and_clears, ids, with_row

RULES = {"RU": "RU.PURPOSE.DESTROY", "KZ": "KZ.CONSENT.WITHDRAW"}


def rule(register: Register, **changes: object) -> Register:
    return with_row(register, "terms", RULES[register.operator.jurisdiction], **changes)


CASES = [
    case
    for law in ("RU", "KZ")
    for case in (
        Case("LAW-001", law, lambda r: rule(r, verification="unverified"), f"law:{law}"),
        Case("LAW-001", law, lambda r: rule(r, verified_on=None), f"law:{law}"),
        Case(
            "LAW-002",
            law,
            lambda r: rule(r, verified_on=date(2025, 11, 21)),
            f"law:{law}",
            lambda r: rule(r, verified_on=date(2025, 11, 22)),
        ),
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_one_finding_counts_the_rules() -> None:
    register = clean("RU")
    unread = replace(
        register,
        terms=tuple(replace(row, verification="unverified") for row in register.terms),
    )
    found = [item for item in find(unread) if item.check.id == "LAW-001"]
    assert [item.hit.params["count"] for item in found] == [len(register.terms)]
    assert "LAW-002" not in ids(unread)


def test_a_promise_is_not_a_rule_of_the_law() -> None:
    assert "LAW-001" not in ids(rule(clean("RU"), source="promise", verification="unverified"))


def test_a_rule_is_either_unread_or_read_long_ago() -> None:
    old = rule(clean("RU"), verification="unverified", verified_on=date(2020, 1, 1))
    assert ids(old) == {"LAW-001"}


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2026, 11, 22), date(2025, 11, 22)),
        (date(2028, 2, 29), date(2027, 2, 28)),
    ],
)
def test_a_year_before(day: date, before: date) -> None:
    assert year_before(day) == before
