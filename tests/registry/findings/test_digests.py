"""What an acknowledgement covers: the same violation of the same row, in whatever language."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from registry.findings import Finding, find
from registry.findings.facts import Receiver, Register
from tests.registry.findings.cases import CASES
from tests.registry.findings.registers import TODAY, Case, clean, plus, with_basis, with_row
from tests.registry.findings.saying import Change, both, says


def renamed(register: Register) -> Register:
    """The same register, read in another language: every name and every word is another."""

    def told(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(told, value))
        if not hasattr(value, "__dataclass_fields__"):
            return value
        names = {one.name for one in fields(value)} & {"name", "words"}
        return replace(value, **{name: f"{getattr(value, name)} (kk)" for name in names})

    tables = {one.name: told(getattr(register, one.name)) for one in fields(register)}
    return replace(register, **tables)


def digests(register: Register) -> dict[tuple[str, str], str]:
    return {found.key: found.digest for found in find(register)}


def one(register: Register, id: str) -> Finding:
    (found,) = (item for item in find(register) if item.check.id == id)
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_names_do_not_count(case: Case) -> None:
    """Names are in the reader's language and may be mended: the violation is the same."""
    fired = case.fired
    assert digests(renamed(fired)) == digests(fired)
    assert digests(fired)[case.id, case.object]


def closed(day: int) -> Change:
    return lambda register: with_basis(register, "RU.6.1.1", closed_on=TODAY.replace(day=day))


def told(*codes: str) -> Change:
    return lambda register: with_row(register, "instructions", "7", categories=frozenset(codes))


def missing(*names: str) -> Change:
    return lambda register: with_row(register, "instructions", "7", missing=names)


def agreed(*codes: str) -> Change:
    return lambda register: with_row(register, "consents", "support", categories=frozenset(codes))


def another(register: Register) -> Register:
    return plus(register, "recipients", Receiver("bank", "Partner", "third_party", "US"))


NEVER = says("third_party_transfer/never", "cross_border/never")
GROWN = [
    ("GRD-002", "RU", closed(3), closed(4)),
    ("GRD-008", "RU", agreed("email"), agreed()),
    ("RCP-004", "RU", missing("security"), missing("security", "confidentiality")),
    ("RCP-005", "RU", told("email"), told()),
    # A recipient of the same name is another one all the same.
    ("CLM-011", "RU", NEVER, both(NEVER, another)),
    ("CLM-030", "KZ", NEVER, both(NEVER, another)),
]


@pytest.mark.parametrize(("id", "law", "before", "after"), GROWN)
def test_what_is_added_to_a_violation_makes_it_another(
    id: str, law: str, before: Change, after: Change
) -> None:
    first, second = one(before(clean(law)), id), one(after(clean(law)), id)
    assert first.key == second.key and first.digest != second.digest


def test_the_order_of_what_is_listed_does_not_count() -> None:
    register = NEVER(clean("RU"))
    turned = replace(register, recipients=register.recipients[::-1])
    assert one(turned, "CLM-011").digest == one(register, "CLM-011").digest


def test_a_digest_fits_its_column() -> None:
    assert all(len(digest) == 64 for case in CASES for digest in digests(case.fired).values())
