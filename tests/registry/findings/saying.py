"""What a policy says, put into a clean register, for the tests of claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from registry.findings import Finding, find
from registry.findings.facts import Claim, Register, Term, Way
from registry.findings.rights import RIGHTS, THIRTEEN
from tests.registry.findings.registers import Case, plus, with_row, without

Change = Callable[[Register], Register]


def says(*claims: str, clause: str = "4.1") -> Change:
    """The policy states these: ``topic/code`` or ``topic/code/clause``."""

    def change(register: Register) -> Register:
        rows = []
        for claim in claims:
            topic, code, *rest = claim.split("/")
            rows.append(Claim(topic, code, rest[0] if rest else clause, "In our own words"))
        return plus(register, "claims", *rows)

    return change


def unsays(*codes: str) -> Change:
    return lambda register: without(register, "claims", *codes)


def both(*changes: Change) -> Change:
    def change(register: Register) -> Register:
        for one in changes:
            register = one(register)
        return register

    return change


def withdrawals(*channels: str) -> Change:
    """The only channels of the policy, all for withdrawals."""
    return lambda register: replace(
        register, channels=tuple(Way(channel, "withdrawal", "", "4.2") for channel in channels)
    )


def every_operation(register: Register) -> Register:
    return with_row(register, "activities", "support", operations=THIRTEEN)


def nobody_else(register: Register) -> Register:
    """Nobody but the state receives data."""
    register = replace(without(register, "recipients", "hosting", "partner"), transfers=())
    return with_row(register, "activities", "support", recipients=frozenset())


def no_giving(register: Register) -> Register:
    return with_row(register, "activities", "support", operations=frozenset({"storage"}))


def all_rights(register: Register) -> Register:
    law = register.operator.jurisdiction
    codes = [sorted(codes)[0] for _words, _where, codes in RIGHTS[law]]
    return says(*{f"right/{code}" for code in codes})(register)


def promised(event: str, **changes: Any) -> Change:
    term = Term(
        "PROMISE.ALFA.1", "promise", event, "answer", "due", 2, "working_day", "Alfa policy 5.1",
        "confirmed", None,
    )  # fmt: skip
    return lambda register: plus(register, "terms", replace(term, **changes))


def only_home(register: Register) -> Register:
    home = register.operator.country
    return with_row(register, "recipients", "partner", country=home)


def every_law(*cases: tuple[str, Change, str, Change | None]) -> list[Case]:
    return [
        Case(id, law, change, object, clears)
        for law in ("RU", "KZ")
        for id, change, object, clears in cases
    ]


def found(register: Register, id: str) -> Finding:
    (one,) = [item for item in find(register) if item.check.id == id]
    return one


def text(register: Register, id: str) -> str:
    one = found(register, id)
    return one.check.message % one.hit.params
