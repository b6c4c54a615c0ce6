"""Findings about what is done with data."""

from __future__ import annotations

from datetime import date

import pytest

from registry.findings.facts import Register
from tests.registry.findings.registers import (
    OPERATIONS,
    TODAY,
    Case,
    clean,
    fires_and_clears,
    ids,
    with_row,
)


def showing(register: Register) -> Register:
    """The activity of support shows data to everybody."""
    return with_row(register, "activities", "support", operations=OPERATIONS | {"dissemination"})


CASES = [
    *(
        case
        for law in ("RU", "KZ")
        for case in (
            Case(
                "ACT-001",
                law,
                lambda r: with_row(r, "activities", "support", operations=frozenset()),
                "activity:support",
            ),
            Case(
                "ACT-002",
                law,
                lambda r: with_row(r, "activities", "support", mode=""),
                "activity:support",
            ),
            Case(
                "ACT-004",
                law,
                lambda r: with_row(r, "activities", "support", review_on=date(2026, 11, 21)),
                "activity:support",
                lambda r: with_row(r, "activities", "support", review_on=date(2027, 11, 21)),
            ),
        )
    ),
    Case(
        "ACT-003",
        "RU",
        showing,
        "activity:support",
        lambda r: with_row(r, "activities", "support", bases=frozenset({"RU.6.1.1", "RU.10.1"})),
    ),
    Case(
        "ACT-003",
        "KZ",
        showing,
        "activity:support",
        lambda r: with_row(r, "consents", "support", dissemination=True),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_a_review_may_still_be_done_on_its_day() -> None:
    assert "ACT-004" not in ids(with_row(clean("RU"), "activities", "support", review_on=TODAY))


def test_a_consent_text_does_not_replace_the_separate_consent_of_russia() -> None:
    told = with_row(showing(clean("RU")), "consents", "support", dissemination=True)
    assert "ACT-003" in ids(told)


@pytest.mark.parametrize(("law", "said"), [("KZ", None), ("KZ", False)])
def test_a_text_that_is_silent_or_says_no_permits_nothing(law: str, said: bool | None) -> None:
    told = with_row(showing(clean(law)), "consents", "support", dissemination=said)
    assert "ACT-003" in ids(told)


def test_what_a_law_tells_to_publish_needs_no_consent() -> None:
    published = frozenset({"RU.6.1.11"})
    assert "ACT-003" not in ids(
        with_row(showing(clean("RU")), "activities", "support", bases=published)
    )


def test_an_activity_without_a_day_of_review_is_not_overdue() -> None:
    assert "ACT-004" not in ids(with_row(clean("RU"), "activities", "support", review_on=None))
