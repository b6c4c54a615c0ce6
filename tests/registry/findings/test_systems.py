"""Findings about where data lie, and about addresses that lead nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.findings.systems import host_of, is_web_address
from tests.registry.findings.registers import (
    ABROAD,
    Case,
    clean,
    fires_and_clears,
    ids,
    keys,
    with_card,
    with_row,
)

CASES = [
    *(
        case
        for law in ("RU", "KZ")
        for case in (
            Case("SYS-001", law, lambda r: with_row(r, "systems", "crm", country=""), "system:crm"),
            Case(
                "SYS-002",
                law,
                lambda r: with_row(r, "systems", "crm", country="DE"),
                "system:crm",
                lambda r: with_row(r, "systems", "crm", country=r.operator.country),
            ),
            Case(
                "SYS-003",
                law,
                lambda r: with_row(r, "activities", "employment", systems=frozenset()),
                "activity:employment",
                lambda r: with_row(r, "activities", "employment", mode="manual"),
            ),
            Case(
                "SYS-004",
                law,
                lambda r: with_row(r, "systems", "crm", address="https:///crm"),
                "system:crm",
                lambda r: with_row(r, "systems", "crm", address=""),
            ),
            Case("SYS-005", law, lambda r: with_card(r, website="alfa"), "operator:alfa"),
            Case(
                "SYS-006",
                law,
                lambda r: with_card(r, policy_address="https:///pken"),
                "operator:alfa",
            ),
        )
    ),
    # A second system at home is enough in Kazakhstan.
    Case(
        "SYS-002",
        "KZ",
        lambda r: with_row(r, "systems", "payroll", country="RU"),
        "system:payroll",
        lambda r: with_row(r, "activities", "employment", systems=frozenset({"payroll", "crm"})),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_russia_wants_every_database_at_home() -> None:
    both = with_row(clean("RU"), "activities", "support", systems=frozenset({"crm", "payroll"}))
    assert ("SYS-002", "system:crm") in keys(with_row(both, "systems", "crm", country="KZ"))


def test_a_law_may_call_for_a_database_abroad_but_no_other_ground_beside_it() -> None:
    stands = with_row(clean("RU"), "systems", "payroll", country=ABROAD["RU"])
    assert "SYS-002" not in ids(stands)
    more = with_row(stands, "activities", "employment", bases=frozenset({"RU.6.1.2", "RU.6.1.5"}))
    assert "SYS-002" in ids(more)
    none = with_row(stands, "activities", "employment", bases=frozenset())
    assert "SYS-002" in ids(none)


def test_a_system_that_nobody_uses_keeps_nothing_abroad() -> None:
    stands = with_row(clean("RU"), "systems", "crm", country="DE")
    assert "SYS-002" not in ids(
        with_row(stands, "activities", "support", systems=frozenset({"payroll"}))
    )


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://crm.example.com/login?next=1", "crm.example.com"),
        ("crm.example.com", "crm.example.com"),
        ("crm:8080/app", "crm"),
        ("10.0.0.7", "10.0.0.7"),
        ("http://[::1]:8000/", "::1"),
        ("https://почта.рф/", "xn--80a1acny.xn--p1ai"),
        ("https:///pken", ""),
        ("https://", ""),
        ("/pken", ""),
        ("http://[::1", ""),
        ("https://a..b/", ""),
        ("https://-a.example/", ""),
        ("not known yet", ""),
        ("", ""),
    ],
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("address", "opens"),
    [
        ("https://example.com/policy", True),
        ("HTTP://EXAMPLE.COM", True),
        ("https://example.com.", True),
        ("example.com/policy", False),
        ("ftp://example.com", False),
        ("https://localhost/policy", False),
        ("https:///pken", False),
        ("https://example.com/a b", False),
        ("https://.", False),
    ],
)
def test_an_address_that_people_can_open(address: str, opens: bool) -> None:
    assert is_web_address(address) is opens


@given(st.text(max_size=40), st.sampled_from(("", "https://", "//", "https://[")))
def test_no_text_breaks_the_reading_of_addresses(text: str, scheme: str) -> None:
    host = host_of(scheme + text)
    assert host == "" or host.isascii()
    assert not is_web_address(scheme + text) or "." in host
