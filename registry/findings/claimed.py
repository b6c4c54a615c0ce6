"""Grounds that the policy claims, against the articles that there are."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Claimed, Register
from registry.findings.known import CONTRACT_GROUNDS, INTEREST_GROUNDS
from registry.findings.law import article, cited, under


def _object(row: Claimed) -> str:
    return f"claimed:{row.code}"


@check(
    "CLG-001",
    Severity.ERROR,
    message=_("Clause %(clause)s claims a ground that the law does not know: %(words)s."),
    clears=_("Name an article on which the processing stands, in the policy and in the register."),
)
def unknown_ground(register: Register) -> Iterator[Hit]:
    explained = CONTRACT_GROUNDS | INTEREST_GROUNDS if under(register, "KZ") else frozenset()
    for row in register.claimed:
        if not row.basis and row.code not in explained:
            where = article(register, RU="6(1)", KZ="7(1), 9")
            yield hit(_object(row), where, clause=row.clause, words=row.words)


@check(
    "CLG-002",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s claims a contract as the ground: the law of Kazakhstan has no such "
        "ground."
    ),
    clears=_(
        "Ask for consent where the contract is concluded, or name the law that allows it without."
    ),
)
def contract_in_kazakhstan(register: Register) -> Iterator[Hit]:
    if under(register, "KZ"):
        yield from _unfounded(register, CONTRACT_GROUNDS)


@check(
    "CLG-003",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s claims legitimate interests as the ground: the law of Kazakhstan has no "
        "such ground."
    ),
    clears=_("Ask for consent, or name the law that allows the processing without it."),
)
def interests_in_kazakhstan(register: Register) -> Iterator[Hit]:
    if under(register, "KZ"):
        yield from _unfounded(register, INTEREST_GROUNDS)


def _unfounded(register: Register, codes: frozenset[str]) -> Iterator[Hit]:
    for row in register.claimed:
        if not row.basis and row.code in codes:
            yield hit(_object(row), article(register, KZ="7(1), 9"), clause=row.clause)


@check(
    "CLG-004",
    Severity.ERROR,
    message=_("Clause %(clause)s claims %(article)s, which was closed on %(day)s."),
    clears=_("Take the ground out of the policy, then delete the claimed ground."),
)
def closed_ground(register: Register) -> Iterator[Hit]:
    for row in register.claimed:
        basis = register.bases.get(row.basis)
        if basis and basis.closed_on is not None and basis.closed_on <= register.today:
            yield hit(
                _object(row),
                # What became of publicly available data stands in an article of its own.
                cited(basis.jurisdiction, basis.article)
                + (", 10.1" if basis.code == "RU.6.1.10" else ""),
                clause=row.clause,
                article=cited(basis.jurisdiction, basis.article),
                day=basis.closed_on,
            )


@check(
    "CLG-005",
    Severity.ERROR,
    message=_("Clause %(clause)s claims %(article)s, an article of another state's law."),
    clears=_("Name an article of the operator's own law."),
)
def foreign_ground(register: Register) -> Iterator[Hit]:
    card = register.operator
    for row in register.claimed:
        basis = register.bases.get(row.basis)
        if basis and basis.jurisdiction not in {card.jurisdiction, *card.also_under}:
            yield hit(
                _object(row),
                article(register, RU="6(1)", KZ="7(1), 9"),
                clause=row.clause,
                article=cited(basis.jurisdiction, basis.article),
            )


@check(
    "CLG-006",
    Severity.NOTE,
    message=_(
        "Clause %(clause)s claims %(article)s, but no activity of the register stands on it."
    ),
    clears=_(
        "Enter the activity that stands on it, or take the ground out of the policy and delete the "
        "claimed ground."
    ),
)
def idle_ground(register: Register) -> Iterator[Hit]:
    for row in register.claimed:
        basis = register.bases.get(row.basis)
        if basis is None or basis.jurisdiction != register.operator.jurisdiction:
            continue
        if basis.closed_on is not None and basis.closed_on <= register.today:
            continue
        # A ground that is claimed for one purpose is looked for there only.
        rows = [one for one in register.live if row.purpose in ("", one.purpose)]
        if register.live and not any(row.basis in one.bases for one in rows):
            title = cited(basis.jurisdiction, basis.article)
            where = article(register, RU="18.1(1)(2)", KZ="25(2)(1-1)")
            yield hit(_object(row), where, clause=row.clause, article=title)
