"""The version of the policy that is in force."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, Words, check, hit
from registry.findings.facts import Policy, Register
from registry.findings.law import article

LANGUAGES = {"ru": _("Russian"), "kk": _("Kazakh"), "en": _("English")}


def _object(policy: Policy) -> str:
    return f"policy:{policy.number}"


@check(
    "POL-001",
    Severity.ERROR,
    message=_("No version of the policy is in force."),
    clears=_("Import or write the policy and publish it."),
)
def no_policy(register: Register) -> Iterator[Hit]:
    if register.policy is None:
        where = article(register, RU="18.1(2)", KZ="25(2)(1-1)")
        yield hit(f"operator:{register.operator.code}", where)


@check(
    "POL-002",
    Severity.WARNING,
    message=_(
        "Version %(number)s of the policy is not published in every language of the operator: "
        "%(languages)s."
    ),
    clears=_("Publish a version with a text in each language, or correct the operator's card."),
)
def language_missing(register: Register) -> Iterator[Hit]:
    policy = register.policy
    missing = register.operator.languages - policy.languages if policy else frozenset[str]()
    if policy and missing:
        yield hit(
            _object(policy),
            article(register, RU="18.1(2)", KZ="25(2)(1-1)"),
            number=policy.number,
            languages=Words(tuple(LANGUAGES[code] for code in sorted(missing))),
        )


@check(
    "POL-003",
    Severity.NOTE,
    message=_("In version %(number)s of the policy clauses are missing: %(clauses)s."),
    clears=_("Number the clauses without a gap in the next version."),
)
def clauses_missing(register: Register) -> Iterator[Hit]:
    policy = register.policy
    if policy and policy.gaps:
        where = article(register, RU="18.1(2)", KZ="25(2)(1-1)")
        clauses = ", ".join(policy.gaps)
        yield hit(_object(policy), where, number=policy.number, clauses=clauses)
