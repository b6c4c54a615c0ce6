"""What protects the data, and what shows it."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Register
from registry.findings.law import article, cited, looked_at


def _lacks(register: Register, topic: str) -> bool:
    return all(row.topic != topic for row in register.measures)


def _about(register: Register, article: str) -> Hit:
    card = register.operator
    return hit(f"operator:{card.code}", article, name=card.name)


@check(
    "MEA-001",
    Severity.ERROR,
    message=_("%(name)s has no procedure for an incident with personal data."),
    clears=_(
        "Approve who does what in the first hours and who tells the authority, and enter it as a "
        "measure."
    ),
)
def no_breach_procedure(register: Register) -> Iterator[Hit]:
    if _lacks(register, "breach_procedure"):
        yield _about(register, article(register, RU="21(3.1)", KZ="25(2)(8)"))


@check(
    "MEA-002",
    Severity.ERROR,
    message=_("%(name)s has no rules that say who may see personal data."),
    clears=_("Approve the rules of access and enter them as a measure."),
)
def no_access_rules(register: Register) -> Iterator[Hit]:
    if _lacks(register, "access_rules"):
        yield _about(register, article(register, RU="19(2)(8)", KZ="22"))


@check(
    "MEA-003",
    Severity.ERROR,
    message=_("%(name)s has no internal control of how personal data are processed."),
    clears=_("Approve the plan of internal control and enter it as a measure."),
)
def no_internal_control(register: Register) -> Iterator[Hit]:
    if _lacks(register, "internal_control"):
        yield _about(register, article(register, RU="18.1(1)(4)", KZ="25(3)"))


@check(
    "MEA-004",
    Severity.ERROR,
    message=_("%(name)s has not assessed what harm a breach would do to people."),
    clears=_("Draw up the act of assessment (Order 178) and enter it as a measure."),
)
def no_harm_assessment(register: Register) -> Iterator[Hit]:
    if looked_at(register, "RU") and _lacks(register, "harm_assessment"):
        yield _about(register, cited("RU", "18.1(1)(5), Order 178"))


@check(
    "MEA-005",
    Severity.WARNING,
    message=_("The measure %(name)s was to be looked at again on %(day)s, and was not."),
    clears=_("Check that it works, note the evidence, and set the day of the next review."),
)
def review_overdue(register: Register) -> Iterator[Hit]:
    for row in register.measures:
        if row.review_on is not None and row.review_on < register.today:
            yield hit(
                f"measure:{row.code}",
                article(register, RU="18.1(1)(4)", KZ="22"),
                name=row.name,
                day=row.review_on,
            )


@check(
    "MEA-006",
    Severity.NOTE,
    message=_("Nothing shows that the measure %(name)s is in place."),
    clears=_("Name the order, the contract or the record that shows it."),
)
def no_evidence(register: Register) -> Iterator[Hit]:
    for row in register.measures:
        if not row.evidence.strip():
            yield hit(f"measure:{row.code}", article(register, RU="18.1", KZ="22"), name=row.name)
