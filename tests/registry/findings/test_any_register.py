"""Whatever the register holds: findings come, each once, in the same words and order."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.findings import ORDER, find
from registry.findings.facts import Register
from registry.findings.law import TITLES
from tests.registry.findings.registers import clean

DAYS = st.none() | st.sampled_from(
    [date(2024, 2, 29), date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)]
)
COUNTRIES = st.sampled_from(["", "RU", "KZ", "US"])
ADDRESSES = st.sampled_from(
    ["", " ", "https:///pken", "https://alfa.kz", "https://альфа.рф", "alfa", "https://[", "%"]
)
ANSWERS = st.sampled_from([None, False, True])
# What a column may hold, by its name; columns that name other rows are drawn from the register.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "country": COUNTRIES,
    "mailbox_country": COUNTRIES,
    "address": ADDRESSES,
    "website": ADDRESSES,
    "policy_address": ADDRESSES,
    "email": st.sampled_from(["", "a@gmail.com", "a@alfa.kz", "no mailbox"]),
    "requests_email": st.sampled_from(["", "b@gmail.com", "a@alfa.kz", "@"]),
    "bin": st.sampled_from(["", "971240001315", "1"]),
    "inn": st.sampled_from(["", "7707083893", "x"]),
    "also_under": st.frozensets(st.sampled_from(["RU", "KZ"])),
    "languages": st.frozensets(st.sampled_from(["ru", "kk", "en"])),
    "responsible": st.booleans(),
    "staff": st.integers(0, 2),
    "relation": st.sampled_from(["", "client", "employee"]),
    "kind": st.sampled_from(
        ["ordinary", "special", "biometric", "not_personal", "processor", "third_party"]
    ),
    "format": st.sampled_from(["text", "email", "phone"]),
    "open_ended": st.booleans(),
    "contact_by": st.frozensets(st.sampled_from(["email", "phone"])),
    "ended_on": DAYS,
    "started_on": DAYS,
    "review_on": DAYS,
    "verified_on": DAYS,
    "operations": st.frozensets(st.sampled_from(["use", "transfer", "dissemination"])),
    "mode": st.sampled_from(["", "manual", "mixed"]),
    "balance_note": st.sampled_from(["", "x"]),
    "event": st.sampled_from(["purpose_achieved", "consent_expired", "request_closed"]),
    "length": st.none() | st.integers(1, 40),
    "unit": st.sampled_from(["", "calendar_day", "working_day", "month", "year"]),
    "after": st.sampled_from(["destroy", "depersonalise"]),
    "automatic": st.booleans(),
    "topic": st.sampled_from(["", "breach_procedure", "backups"]),
    "evidence": st.sampled_from(["", "Order 1"]),
    "open": st.booleans(),
    "banned": st.booleans(),
    "ended": st.booleans(),
    "filed": st.booleans(),
    "in_force": st.booleans(),
    "missing": st.sampled_from([(), ("security",), ("activities", "operations")]),
    "third_parties": ANSWERS,
    "cross_border": ANSWERS,
    "dissemination": ANSWERS,
    "verification": st.sampled_from(["confirmed", "unverified"]),
}
TABLES = {
    "people": "people",
    "categories": "categories",
    "systems": "systems",
    "recipients": "recipients",
    "activities": "activities",
    "incompatible": "purposes",
}


@st.composite
def registers(draw: st.DrawFn) -> Register:
    """A clean register with any number of columns changed at random, whole in its references."""
    register = clean(draw(st.sampled_from(["RU", "KZ"])))
    changes: dict[str, Any] = {"operator": _row(draw, register, register.operator)}
    for column in fields(Register):
        rows = getattr(register, column.name)
        if column.name not in {"claims", "claimed"} and isinstance(rows, tuple):
            changes[column.name] = tuple(_row(draw, register, row) for row in rows)
    return replace(register, **changes)


def _row(draw: st.DrawFn, register: Register, row: Any) -> Any:
    changes: dict[str, Any] = {}
    for column in fields(row):
        if not draw(st.booleans()):
            continue
        if column.name == "bases":
            changes[column.name] = draw(st.frozensets(st.sampled_from(sorted(register.bases))))
        elif column.name in TABLES:
            codes = [other.code for other in getattr(register, TABLES[column.name])]
            changes[column.name] = draw(st.frozensets(st.sampled_from(codes)))
        elif column.name in VALUES:
            changes[column.name] = draw(VALUES[column.name])
    return replace(row, **changes)


@settings(deadline=None, max_examples=150)
@given(registers())
def test_findings_come_each_once_and_in_order(register: Register) -> None:
    found = find(register)
    keys = [item.key for item in found]
    assert len(set(keys)) == len(keys)
    assert found == find(register)
    assert [ORDER[item.check.severity] for item in found] == sorted(
        ORDER[item.check.severity] for item in found
    )
    for item in found:
        assert item.hit.article.split(" ")[0] in TITLES.values()
        table, colon, code = item.hit.object.partition(":")
        assert table and colon and code
        assert item.check.message % item.hit.params
        assert item.check.clears % item.hit.params
