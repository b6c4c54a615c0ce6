"""Findings about measures of protection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from registry.findings.facts import Register
from tests.registry.findings.registers import (
    TODAY,
    Case,
    clean,
    fires_and_clears,
    ids,
    with_card,
    with_row,
    without,
)

TOPICS = {
    "MEA-001": "breach_procedure",
    "MEA-002": "access_rules",
    "MEA-003": "internal_control",
}


def lacking(topic: str) -> Callable[[Register], Register]:
    return lambda register: without(register, "measures", topic)


CASES = [
    *(
        Case(id, law, lacking(topic), "operator:alfa")
        for law in ("RU", "KZ")
        for id, topic in TOPICS.items()
    ),
    Case("MEA-004", "RU", lambda r: without(r, "measures", "harm_assessment"), "operator:alfa"),
    *(
        case
        for law in ("RU", "KZ")
        for case in (
            Case(
                "MEA-005",
                law,
                lambda r: with_row(r, "measures", "training", review_on=date(2026, 11, 21)),
                "measure:training",
                lambda r: with_row(r, "measures", "training", review_on=None),
            ),
            Case(
                "MEA-006",
                law,
                lambda r: with_row(r, "measures", "event_log", evidence=" "),
                "measure:event_log",
            ),
        )
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_kazakhstan_does_not_ask_for_the_assessment_unless_russias_law_is_looked_at() -> None:
    without_it = without(clean("KZ"), "measures", "harm_assessment")
    assert "MEA-004" not in ids(without_it)
    assert "MEA-004" in ids(with_card(without_it, also_under=frozenset({"RU"})))


def test_a_review_may_still_be_done_on_its_day() -> None:
    assert "MEA-005" not in ids(with_row(clean("RU"), "measures", "training", review_on=TODAY))


def test_a_measure_of_another_topic_does_not_replace_the_procedure() -> None:
    other = with_row(clean("RU"), "measures", "breach_procedure", topic="backups")
    assert "MEA-001" in ids(other)
