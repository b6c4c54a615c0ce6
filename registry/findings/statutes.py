"""The office's own rules of the law: whether somebody has read the articles behind them."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Register, Term
from registry.findings.law import TITLES
from registry.findings.reading import year_before


def _statutes(register: Register) -> list[Term]:
    return [row for row in register.terms if row.source == "statute"]


def _unread(row: Term) -> bool:
    return row.verification == "unverified" or row.verified_on is None


@check(
    "LAW-001",
    Severity.WARNING,
    message=_("Nobody has verified these deadline rules of %(law)s against its text: %(count)s."),
    clears=_("Have a lawyer read the articles in force, and record it with each rule."),
)
def unverified(register: Register) -> Iterator[Hit]:
    count = sum(_unread(row) for row in _statutes(register))
    if count:
        yield _about(register, count)


@check(
    "LAW-002",
    Severity.WARNING,
    message=_("These deadline rules of %(law)s were last read more than a year ago: %(count)s."),
    clears=_("Have a lawyer read the articles again, and record the day with each rule."),
)
def outdated(register: Register) -> Iterator[Hit]:
    oldest = year_before(register.today)
    count = sum(
        not _unread(row) and row.verified_on is not None and row.verified_on < oldest
        for row in _statutes(register)
    )
    if count:
        yield _about(register, count)


def _about(register: Register, count: int) -> Hit:
    law = register.operator.jurisdiction
    return hit(f"law:{law}", TITLES[law], law=TITLES[law], count=count)
