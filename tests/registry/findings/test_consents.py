"""Texts of consent that are in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from registry.findings import CHECKS
from registry.findings.checks import MODULES
from registry.findings.facts import Register
from tests.registry.findings.registers import Case, clean, keys, plus, with_card, with_row

assert MODULES  # importing them fills CHECKS

TEXT = "consent:support"


def text(**changes: Any) -> Any:
    return lambda register: with_row(register, "consents", "support", **changes)


def activity(**changes: Any) -> Any:
    return lambda register: with_row(register, "activities", "support", **changes)


def shown_to_all(register: Register) -> Register:
    """A second text, for the activity that stands on article 10.1 beside the first consent."""
    register = activity(bases=frozenset({"RU.6.1.1", "RU.10.1"}))(register)
    (first,) = register.consents
    return plus(register, "consents", replace(first, code="publication", dissemination=True))


def nobody_but(*recipients: str) -> Any:
    def change(register: Register) -> Register:
        listed = activity(recipients=frozenset(recipients))(register)
        kept = tuple(row for row in listed.transfers if row.recipient in recipients)
        return replace(listed, transfers=kept)

    return change


CASES = [
    Case("CNS-001", "RU", text(has_end=False), TEXT),
    Case("CNS-001", "KZ", text(has_end=False), TEXT, text(has_end=True)),
    Case("CNS-002", "RU", text(separate_document=False), TEXT),
    Case(
        "CNS-002",
        "RU",
        text(separate_document=False),
        TEXT,
        # The day before Law 156-FZ came into force.
        lambda register: replace(register, today=date(2025, 8, 31)),
    ),
    Case(
        "CNS-002",
        "RU",
        lambda register: replace(text(separate_document=False)(register), today=date(2025, 9, 1)),
        TEXT,
        text(separate_document=True),
    ),
    Case(
        "CNS-002",
        "KZ",
        lambda register: with_card(
            text(separate_document=False)(register), also_under=frozenset({"RU"})
        ),
        TEXT,
        lambda register: with_card(register, also_under=frozenset()),
    ),
    Case("CNS-003", "KZ", text(withdrawal_channels=frozenset({"post"})), TEXT),
    Case(
        "CNS-003",
        "KZ",
        text(withdrawal_channels=frozenset({"state_service"})),
        TEXT,
        text(withdrawal_channels=frozenset({"state_service", "non_state_service"})),
    ),
    Case(
        "CNS-003",
        "RU",
        lambda register: with_card(
            text(withdrawal_channels=frozenset({"post"}))(register), also_under=frozenset({"KZ"})
        ),
        TEXT,
        lambda register: with_card(register, also_under=frozenset()),
    ),
    Case("CNS-004", "KZ", text(third_parties=None), TEXT, text(third_parties=False)),
    Case("CNS-005", "KZ", text(cross_border=None), TEXT, text(cross_border=True)),
    Case("CNS-006", "KZ", text(dissemination=None), TEXT, text(dissemination=True)),
    Case("CNS-007", "RU", text(third_parties=False), TEXT, nobody_but("tax")),
    # In Russia a processor is nobody else, in Kazakhstan it is a third party.
    Case("CNS-007", "RU", text(third_parties=False), TEXT, nobody_but("hosting")),
    Case("CNS-007", "KZ", text(third_parties=False), TEXT, nobody_but("tax")),
    Case(
        "CNS-007",
        "KZ",
        lambda register: nobody_but("hosting")(text(third_parties=False)(register)),
        TEXT,
        text(third_parties=True),
    ),
    Case("CNS-008", "RU", text(cross_border=False), TEXT, nobody_but("hosting")),
    Case("CNS-008", "KZ", text(cross_border=False), TEXT, text(cross_border=True)),
    Case(
        "CNS-008",
        "KZ",
        lambda register: with_row(
            nobody_but("hosting")(text(cross_border=False)(register)),
            "systems",
            "crm",
            country="US",
        ),
        TEXT,
        lambda register: with_row(register, "systems", "crm", country=""),
    ),
    Case("CNS-009", "RU", text(dissemination=True), TEXT),
    Case(
        "CNS-009",
        "RU",
        text(dissemination=True),
        TEXT,
        activity(bases=frozenset({"RU.10.1"})),
    ),
    Case(
        # One text for both: the one consent stands inside the other.
        "CNS-009",
        "RU",
        lambda register: activity(bases=frozenset({"RU.6.1.1", "RU.10.1"}))(
            text(dissemination=True)(register)
        ),
        TEXT,
        lambda register: shown_to_all(text(dissemination=False)(register)),
    ),
    Case(
        "CNS-009",
        "RU",
        lambda register: activity(bases=frozenset({"RU.10.1"}))(
            text(dissemination=True, separate_document=False)(register)
        ),
        TEXT,
        text(separate_document=True),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fires(case: Case) -> None:
    assert (case.id, case.object) in keys(case.fired)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cleared(case: Case) -> None:
    assert (case.id, case.object) not in keys(case.cleared)


def test_a_separate_consent_to_dissemination_is_no_finding() -> None:
    assert not {id for id, _object in keys(shown_to_all(clean("RU")))} & {"CNS-009"}


def test_what_only_kazakhstan_wants_said_may_stay_unsaid_in_russia() -> None:
    register = text(
        third_parties=None, cross_border=None, dissemination=None, withdrawal_channels=frozenset()
    )(clean("RU"))
    assert not {id for id, _object in keys(register) if id.startswith("CNS-")}


def test_a_consent_to_publication_may_stand_with_others_in_kazakhstan() -> None:
    register = text(dissemination=True, separate_document=False)(clean("KZ"))
    assert not {id for id, _object in keys(register) if id.startswith("CNS-")}


def test_an_activity_that_is_over_speaks_against_no_text() -> None:
    register = text(third_parties=False, cross_border=False)(clean("KZ"))
    assert {"CNS-007", "CNS-008"} <= {id for id, _object in keys(register)}
    register = activity(ended_on=date(2026, 11, 21))(register)
    assert not {"CNS-007", "CNS-008"} & {id for id, _object in keys(register)}


@pytest.mark.parametrize("law", ["RU", "KZ"])
def test_whoever_an_open_transfer_reaches_receives_data_too(law: str) -> None:
    denied = text(third_parties=False, cross_border=False)(clean(law))
    unlisted = activity(recipients=frozenset({"tax"}))(denied)
    assert {("CNS-007", TEXT), ("CNS-008", TEXT)} <= keys(unlisted)
    over = with_row(unlisted, "transfers", "to_partner", open=False, ended=True)
    over = with_row(over, "transfers", "to_hosting", open=False, ended=True)
    assert not {("CNS-007", TEXT), ("CNS-008", TEXT)} & keys(over)


def test_every_check_of_texts_has_a_case() -> None:
    assert {case.id for case in CASES} == {id for id in CHECKS if id.startswith("CNS-")}
