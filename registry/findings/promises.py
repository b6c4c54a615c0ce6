"""What the operator promised, against the term that the law sets for the same thing."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Register, Term
from registry.findings.law import TITLES
from registry.findings.lengths import Rank, rank

# Of a term that must pass first, the longer one is the stricter.
WAITING = frozenset({"not_before", "keep_until"})
LOOSER = {Rank.EARLIER: Rank.LATER, Rank.LATER: Rank.EARLIER}


def _ranked(register: Register, wanted: Rank) -> Iterator[Hit]:
    """Each own promise with each term of the law for the same event, effect and direction."""
    for promise in register.terms:
        if promise.source != "promise" or not promise.own or promise.direction == "watch":
            continue
        for term in register.terms:
            if term.source == "statute" and _of_one_thing(promise, term):
                found = rank(promise.length, promise.unit, term.length, term.unit)
                if found and promise.direction in WAITING:
                    found = LOOSER.get(found, found)
                if found is wanted:
                    law = TITLES[register.operator.jurisdiction]
                    yield hit(
                        f"term:{promise.code}/{term.code}",
                        f"{law} {term.article}",
                        promise=promise.code,
                        rule=term.code,
                        clause=promise.article,
                        article=f"{law} {term.article}",
                    )


def _of_one_thing(promise: Term, term: Term) -> bool:
    return (promise.event, promise.effect, promise.direction) == (
        term.event,
        term.effect,
        term.direction,
    )


@check(
    "PRM-001",
    Severity.ERROR,
    message=_(
        "The promise %(promise)s (%(clause)s) is looser than %(article)s: the term of the law "
        "binds, and people are misled."
    ),
    clears=_("Promise no more time than the law gives, in the policy and in the rule."),
)
def looser(register: Register) -> Iterator[Hit]:
    yield from _ranked(register, Rank.LATER)


@check(
    "PRM-002",
    Severity.NOTE,
    message=_(
        "The promise %(promise)s (%(clause)s) is stricter than %(article)s: the promise binds, and "
        "nothing extends it."
    ),
    clears=_("Nothing needs to be done; to be bound by the law's term only, end the promise."),
)
def stricter(register: Register) -> Iterator[Hit]:
    yield from _ranked(register, Rank.EARLIER)


@check(
    "PRM-003",
    Severity.NOTE,
    message=_(
        "The promise %(promise)s (%(clause)s) and %(article)s are counted in different days: now "
        "the one ends first, now the other, and the earlier one binds."
    ),
    clears=_("Count the promise in the days of the law."),
)
def neither(register: Register) -> Iterator[Hit]:
    yield from _ranked(register, Rank.DEPENDS)
