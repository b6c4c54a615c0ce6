"""Findings about how long data stay."""

from __future__ import annotations

import pytest

from tests.registry.findings.registers import (
    Case,
    clean,
    fires_and_clears,
    ids,
    keys,
    with_row,
    without,
)

CASES = [
    case
    for law in ("RU", "KZ")
    for case in (
        Case(
            "RET-001",
            law,
            lambda r: without(r, "retention", "withdrawn"),
            "activity:employment",
            lambda r: with_row(r, "retention", "support", activity="employment"),
        ),
        Case("RET-002", law, lambda r: without(r, "retention", "requests"), "operator:alfa"),
        Case(
            "RET-002",
            law,
            lambda r: with_row(r, "retention", "requests", length=None, unit=""),
            "operator:alfa",
        ),
        Case(
            "RET-003",
            law,
            lambda r: with_row(r, "retention", "withdrawn", automatic=True),
            "retention:withdrawn",
            lambda r: with_row(r, "retention", "withdrawn", after="depersonalise"),
        ),
        Case(
            "RET-004",
            law,
            lambda r: with_row(r, "retention", "support", length=5, unit="year"),
            "retention:support",
            lambda r: with_row(r, "retention", "support", article="Tax Code"),
        ),
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_a_rule_for_request_files_says_nothing_of_an_activity() -> None:
    only = without(clean("RU"), "retention", "withdrawn", "support")
    assert {("RET-001", "activity:support"), ("RET-001", "activity:employment")} <= keys(only)


@pytest.mark.parametrize(
    ("law", "event", "length", "unit", "longer"),
    [
        ("RU", "purpose_achieved", 30, "calendar_day", False),
        ("RU", "purpose_achieved", 31, "calendar_day", True),
        # A month may have 31 days; five working days never take thirty.
        ("RU", "purpose_achieved", 1, "month", True),
        ("RU", "purpose_achieved", 5, "working_day", False),
        ("RU", "consent_expired", 30, "calendar_day", False),
        ("RU", "contract_ended", 31, "calendar_day", True),
        # No term of a statute ends data there: any period wants an article.
        ("RU", "unlawful_processing_found", 1, "calendar_day", True),
        ("KZ", "purpose_achieved", 1, "working_day", False),
        ("KZ", "purpose_achieved", 2, "working_day", True),
        ("KZ", "consent_withdrawn", 15, "working_day", False),
        ("KZ", "consent_withdrawn", 16, "working_day", True),
        # The file of a request is evidence, whatever its term.
        ("KZ", "request_closed", 9, "year", False),
    ],
)
def test_the_longest_period_that_needs_no_article(
    law: str, event: str, length: int, unit: str, longer: bool
) -> None:
    register = with_row(clean(law), "retention", "support", event=event, length=length, unit=unit)
    assert ("RET-004" in ids(register)) is longer


def test_a_promise_of_the_operator_lengthens_nothing() -> None:
    promised = with_row(clean("RU"), "terms", "RU.PURPOSE.DESTROY", source="promise")
    assert "RET-004" in ids(with_row(promised, "retention", "support", length=3, unit="month"))
    assert "RET-004" in ids(
        with_row(promised, "retention", "support", length=5, unit="calendar_day")
    )


def test_a_period_for_other_data_is_none_for_request_files() -> None:
    none = without(clean("RU"), "retention", "requests")
    assert "RET-002" in ids(
        with_row(none, "retention", "support", length=5, unit="year", article="Tax Code")
    )


def test_a_term_for_something_else_than_the_end_of_data_lengthens_nothing() -> None:
    told = with_row(clean("RU"), "terms", "RU.PURPOSE.DESTROY", effect="notify_subject")
    assert "RET-004" in ids(with_row(told, "retention", "support", length=5, unit="calendar_day"))
