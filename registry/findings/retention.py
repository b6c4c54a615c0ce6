"""How long data stay."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Register, Retention, Term
from registry.findings.law import article
from registry.findings.lengths import Rank, rank

# The file of a request is evidence about a person; its term says nothing of the activities.
REQUEST_FILES = "request_closed"

# The end of a consent or a contract is the end of what was done on it.
SAME_AS_PURPOSE = {"consent_expired": "purpose_achieved", "contract_ended": "purpose_achieved"}

# What a statute wants after such an event, where it is the end of the data.
ENDS_DATA = frozenset({"destroy", "destroy_or_restrict", "stop_or_refuse"})


@check(
    "RET-001",
    Severity.ERROR,
    message=_("Nothing says how long the data of the activity %(name)s are kept."),
    clears=_("Enter a retention rule for this activity, or one for all of them."),
)
def no_retention(register: Register) -> Iterator[Hit]:
    ruled = {row.activity for row in register.retention if row.event != REQUEST_FILES}
    for row in register.live:
        if not ruled & {row.code, ""}:
            yield hit(
                f"activity:{row.code}",
                article(register, RU="5(7), 18.1(1)(2)", KZ="12(2)"),
                name=row.name,
            )


@check(
    "RET-002",
    Severity.WARNING,
    message=_("Nothing says how long the files of people's requests are kept."),
    clears=_("Enter a retention rule with a period that starts when a request is closed."),
)
def request_files(register: Register) -> Iterator[Hit]:
    if not any(row.event == REQUEST_FILES and row.length for row in register.retention):
        yield hit(f"operator:{register.operator.code}", article(register, RU="5(7)", KZ="12(2)"))


@check(
    "RET-003",
    Severity.WARNING,
    message=_(
        "Under the retention rule %(code)s data are destroyed without anybody's approval: a "
        "mistake in the register would destroy them too."
    ),
    clears=_("Switch the automatic destruction off, or acknowledge this with the order behind it."),
)
def unapproved(register: Register) -> Iterator[Hit]:
    for row in register.retention:
        if row.automatic and row.after in {"destroy", "destroy_or_depersonalise"}:
            yield hit(
                f"retention:{row.code}",
                article(register, RU="21(7)", KZ="18"),
                code=row.code,
            )


@check(
    "RET-004",
    Severity.ERROR,
    message=_(
        "The retention rule %(code)s keeps data longer than their purpose and the law's own term, "
        "and names no article that allows it."
    ),
    clears=_("Name the law or the contract that sets the period, or leave the period out."),
)
def beyond_purpose(register: Register) -> Iterator[Hit]:
    for row in register.retention:
        if row.length and row.event != REQUEST_FILES and not row.article.strip():
            event = SAME_AS_PURPOSE.get(row.event, row.event)
            terms = [
                term
                for term in register.terms
                if term.source == "statute" and term.event == event and term.effect in ENDS_DATA
            ]
            if not any(_within(row, term) for term in terms):
                yield hit(
                    f"retention:{row.code}",
                    article(register, RU="5(7)", KZ="12(2)"),
                    code=row.code,
                )


def _within(row: Retention, term: Term) -> bool:
    """Whether a period surely ends no later than the statute's term."""
    return rank(row.length, row.unit, term.length, term.unit) in {Rank.EARLIER, Rank.SAME}
