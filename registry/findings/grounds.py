"""Grounds: what processing stands on."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Activity, Category, Register
from registry.findings.law import article, cited, under
from registry.findings.reading import categories_of, covering, kinds, listed

# Kazakhstan has no list of its own for these data: consent bears them, and so do the cases of
# article 9 in which a law, a court or the protection of rights calls for them. Statistics,
# creative work and re-use of published data do not.
BEARS_IN_KZ = frozenset({"consent", "law", "other_law", "court", "vital_interest"})


@check(
    "GRD-001",
    Severity.ERROR,
    message=_("The activity %(name)s has no legal basis."),
    clears=_("Name an article of the operator's law on which the activity stands, or end it."),
)
def no_basis(register: Register) -> Iterator[Hit]:
    for row in register.live:
        if not row.bases:
            yield hit(
                f"activity:{row.code}", article(register, RU="6(1)", KZ="7(1)"), name=row.name
            )


@check(
    "GRD-002",
    Severity.ERROR,
    message=_("The activity %(name)s stands on %(article)s, which was closed on %(day)s."),
    clears=_("Choose a basis that is in force, or end the activity."),
)
def closed_basis(register: Register) -> Iterator[Hit]:
    for row in register.live:
        for code in sorted(row.bases):
            basis = register.bases[code]
            if basis.closed_on is not None and basis.closed_on <= register.today:
                yield hit(
                    f"activity:{row.code}/{code}",
                    article(register, RU="6(1)(10), 10.1", KZ="9"),
                    name=row.name,
                    article=basis.article,
                    day=basis.closed_on,
                )


@check(
    "GRD-003",
    Severity.ERROR,
    message=_(
        "The activity %(name)s stands on %(article)s, an article of another state's law, which "
        "permits nothing to this operator."
    ),
    clears=_(
        "Choose an article of the operator's own law. An article of a law that is also looked at "
        "may stand beside it."
    ),
)
def foreign_basis(register: Register) -> Iterator[Hit]:
    own = register.operator.jurisdiction
    for row in register.live:
        laws = {register.bases[code].jurisdiction for code in row.bases}
        for code in sorted(row.bases):
            basis = register.bases[code]
            beside = own in laws and basis.jurisdiction in register.operator.also_under
            if basis.jurisdiction != own and not beside:
                yield hit(
                    f"activity:{row.code}/{code}",
                    article(register, RU="6(1)", KZ="7(1), 9"),
                    name=row.name,
                    article=cited(basis.jurisdiction, basis.article),
                )


@check(
    "GRD-004",
    Severity.ERROR,
    message=_(
        "The activity %(name)s stands on a legitimate interest, and nobody has written down why "
        "it outweighs the rights of the people."
    ),
    clears=_("Write the balance of interests into the activity, or choose another ground."),
)
def interest_without_balance(register: Register) -> Iterator[Hit]:
    for row in register.live:
        if "legitimate_interest" in kinds(register, row) and not row.balance_note.strip():
            yield hit(f"activity:{row.code}", cited("RU", "6(1)(7)"), name=row.name)


@check(
    "GRD-005",
    Severity.ERROR,
    message=_(
        "%(category)s is a special category of data, and no ground of the activity %(name)s bears "
        "it."
    ),
    clears=_(
        "In Russia, add a ground of article 10(2), such as written consent; in Kazakhstan, consent "
        "or the law that requires these data. Or take the category out of the activity."
    ),
)
def special_unborne(register: Register) -> Iterator[Hit]:
    for row, category in _unborne(register, "special", "special_category"):
        yield hit(
            f"activity:{row.code}/{category.code}",
            article(register, RU="10(1), 10(2)", KZ="7(1), 9"),
            name=row.name,
            category=category.name,
        )


@check(
    "GRD-006",
    Severity.ERROR,
    message=_("%(category)s is biometric, and no ground of the activity %(name)s bears it."),
    clears=_(
        "In Russia, add a ground of article 11, such as written consent; in Kazakhstan, consent or "
        "the law that requires these data. A picture by which nobody is identified is ordinary: "
        "record it so."
    ),
)
def biometric_unborne(register: Register) -> Iterator[Hit]:
    for row, category in _unborne(register, "biometric", "biometric"):
        yield hit(
            f"activity:{row.code}/{category.code}",
            article(register, RU="11(1), 11(2)", KZ="7(1), 7(12), 9"),
            name=row.name,
            category=category.name,
        )


def _unborne(register: Register, kind: str, basis: str) -> Iterator[tuple[Activity, Category]]:
    """Live activities with data of that kind that none of their grounds bears."""
    bearing = frozenset({basis}) if under(register, "RU") else BEARS_IN_KZ
    for row in register.live:
        if kinds(register, row).isdisjoint(bearing):
            for category in categories_of(register, row):
                if category.kind == kind:
                    yield row, category


@check(
    "GRD-007",
    Severity.ERROR,
    message=_("The activity %(name)s stands on consent, but no consent text in force names it."),
    clears=_("Publish a consent text for this activity, or choose another ground."),
)
def consent_without_text(register: Register) -> Iterator[Hit]:
    for row in register.live:
        if "consent" in kinds(register, row) and not covering(register, row.code):
            yield hit(
                f"activity:{row.code}",
                article(register, RU="9(1), 9(3)", KZ="8(4), 25(2)(5)"),
                name=row.name,
            )


@check(
    "GRD-008",
    Severity.ERROR,
    message=_(
        "The activity %(name)s stands on consent alone and uses data that no consent text in force "
        "lists: %(categories)s."
    ),
    clears=_("Publish a consent text that lists these data, or take them out of the activity."),
)
def data_beyond_consent(register: Register) -> Iterator[Hit]:
    for row in register.live:
        texts = covering(register, row.code)
        if kinds(register, row) != {"consent"} or not texts:
            continue
        agreed = frozenset().union(*(text.categories for text in texts))
        beyond = [
            category
            for category in categories_of(register, row)
            if category.kind != "not_personal" and category.code not in agreed
        ]
        if beyond:
            yield hit(
                f"activity:{row.code}",
                article(register, RU="9(4)(5)", KZ="8(4)(7)"),
                name=row.name,
                categories=listed(beyond),
            )
