"""Findings about the operator's card."""

from __future__ import annotations

from typing import Any

import pytest

from registry.findings import find
from registry.findings.facts import Way
from tests.registry.findings.registers import (
    Case,
    clean,
    fires_and_clears,
    ids,
    keys,
    plus,
    with_card,
)


def lacking(id: str, law: str, object: str = "operator:alfa", **changes: Any) -> Case:
    return Case(id, law, lambda r: with_card(r, **changes), object)


CASES = [
    lacking("OPR-001", "RU", inn=""),
    lacking("OPR-001", "RU", inn="7707083894"),
    lacking("OPR-002", "KZ", bin=""),
    lacking("OPR-002", "KZ", bin="971240001316"),
    *(
        case
        for law in ("RU", "KZ")
        for case in (
            lacking("OPR-003", law, address=" "),
            lacking("OPR-004", law, email=""),
            lacking("OPR-005", law, responsible=False),
            lacking("OPR-006", law, "operator:alfa/requests_email", mailbox_country="US"),
            lacking("OPR-006", law, "operator:alfa/email", email="alfa@GMAIL.com"),
            Case(
                "OPR-006",
                law,
                lambda r: with_card(r, requests_email="alfa@gmail.com", mailbox_country=""),
                "operator:alfa/requests_email",
                lambda r: with_card(r, mailbox_country=r.operator.country),
            ),
            lacking("OPR-007", law, "operator:alfa/requests_email", mailbox_country=""),
            lacking("OPR-009", law, languages=frozenset()),
            lacking("OPR-010", law, languages=frozenset({"en", "kk"})),
        )
    ),
    Case(
        "OPR-008",
        "RU",
        lambda r: with_card(r, website="https://alfa.kz/en"),
        "operator:alfa/kz",
        lambda r: with_card(r, also_under=frozenset({"KZ"})),
    ),
    lacking("OPR-008", "KZ", "operator:alfa/ru", policy_address="https://alfa.ru/policy"),
    lacking("OPR-008", "KZ", "operator:alfa/xn--p1ai", website="https://альфа.рф"),
    lacking("OPR-011", "KZ", languages=frozenset({"ru", "en"})),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_each_law_wants_its_own_number_only() -> None:
    assert "OPR-001" not in ids(with_card(clean("KZ"), inn=""))
    assert "OPR-002" not in ids(with_card(clean("RU"), bin=""))


def test_without_any_language_none_in_particular_is_missed() -> None:
    found = ids(with_card(clean("KZ"), languages=frozenset()))
    assert not found & {"OPR-010", "OPR-011"}
    assert "OPR-011" not in ids(with_card(clean("RU"), languages=frozenset({"ru"})))


def test_two_addresses_at_one_provider_are_one_mailbox() -> None:
    register = with_card(
        clean("RU"), requests_email="a@gmail.com", email="b@gmail.com", mailbox_country=""
    )
    assert {key for key in keys(register) if key[0] == "OPR-006"} == {
        ("OPR-006", "operator:alfa/requests_email")
    }


def test_the_country_on_the_card_is_that_of_the_mailbox_for_requests() -> None:
    """The contact address stands elsewhere, at a provider that is known."""
    register = with_card(clean("RU"), mailbox_country="RU", email="alfa@outlook.com")
    assert ("OPR-006", "operator:alfa/email") in keys(register)
    assert ("OPR-006", "operator:alfa/requests_email") not in keys(register)
    only = with_card(register, requests_email="")
    assert "OPR-006" not in ids(only)


def test_no_mailbox_stands_nowhere() -> None:
    register = with_card(clean("RU"), requests_email="", email="", mailbox_country="")
    assert not ids(register) & {"OPR-006", "OPR-007"}


def test_a_finding_names_the_provider_and_not_the_mailbox() -> None:
    register = with_card(clean("RU"), requests_email="olga@gmail.com", mailbox_country="")
    said = [
        item.check.message % item.hit.params
        for item in find(register)
        if item.check.id == "OPR-006"
    ]
    assert len(said) == 1
    assert "gmail.com" in said[0]
    assert "olga" not in said[0]


def test_a_zone_is_shown_as_people_write_it() -> None:
    register = with_card(clean("KZ"), website="https://альфа.рф")
    (found,) = (item for item in find(register) if item.check.id == "OPR-008")
    assert ".рф" in found.check.message % found.hit.params


def test_a_second_mailbox_is_asked_about_while_nothing_is_known() -> None:
    apart = with_card(clean("RU"), email="info@alfa-mail.example")
    assert "OPR-007" not in ids(apart)
    unknown = keys(with_card(apart, mailbox_country=""))
    assert {object for id, object in unknown if id == "OPR-007"} == {
        "operator:alfa/requests_email",
        "operator:alfa/email",
    }
    one = keys(with_card(apart, mailbox_country="", requests_email="alfa@mail.ru"))
    assert {object for id, object in one if id == "OPR-007"} == {"operator:alfa/email"}


def test_a_mailbox_that_stayed_in_the_channels_is_abroad_too() -> None:
    """The card may have moved while the policy still sends people to the old address."""
    moved = with_card(clean("RU"), requests_email="a@alfa.ru", email="a@alfa.ru")
    old = Way("email", "withdrawal", "a@Gmail.com", "8.4")
    left = plus(moved, "channels", old, Way("email", "question", "b@gmail.com", "12.1"))
    assert {object for id, object in keys(left) if id == "OPR-006"} == {
        "operator:alfa/channels/gmail.com"
    }
    # Where the card names the same provider, one finding tells of both.
    both = with_card(left, requests_email="a@gmail.com", mailbox_country="")
    assert {object for id, object in keys(both) if id == "OPR-006"} == {
        "operator:alfa/requests_email"
    }
    # A street is no mailbox, and neither is a domain of its own abroad.
    for way in (Way("post", "any", "a@gmail.com", "4"), Way("email", "any", "a@alfa.ru", "4")):
        assert "OPR-006" not in ids(plus(moved, "channels", way))
