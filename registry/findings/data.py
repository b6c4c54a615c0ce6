"""Data and purposes: only what a purpose needs, and every purpose by itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Register
from registry.findings.law import article, cited, looked_at
from registry.findings.reading import by_code, bygone, categories_of

# Formats of contact details, named as the way by which they reach people.
CONTACTS = frozenset({"email", "phone"})


@check(
    "DAT-001",
    Severity.WARNING,
    message=_("The data category %(name)s is kept in the register, but no live activity uses it."),
    clears=_(
        "Add it to the activity that needs it, or destroy such data and remove it. Where records "
        "of people name it, it cannot be removed: acknowledge the finding and say so."
    ),
)
def unused_category(register: Register) -> Iterator[Hit]:
    """What only ended activities name is the record of what they did, and stays."""
    used = frozenset().union(*(row.categories for row in register.live))
    kept = used | bygone(register, "categories")
    for row in register.categories:
        if row.code not in kept:
            yield hit(
                f"category:{row.code}",
                article(register, RU="5(4), 5(5)", KZ="7(9), 25(2)(1)"),
                name=row.name,
            )


@check(
    "DAT-002",
    Severity.ERROR,
    message=_(
        "The activity %(name)s collects %(category)s, but its purpose %(purpose)s reaches people "
        "in another way: it does not need this contact."
    ),
    clears=_("Take the category out of the activity, or say that the purpose uses this contact."),
)
def contact_not_needed(register: Register) -> Iterator[Hit]:
    purposes = by_code(register.purposes)
    for row in register.live:
        ways = purposes[row.purpose].contact_by
        if not ways:
            continue
        for category in categories_of(register, row):
            if category.format in CONTACTS and category.format not in ways:
                yield hit(
                    f"activity:{row.code}/{category.code}",
                    article(register, RU="5(5)", KZ="7(9)"),
                    name=row.name,
                    category=category.name,
                    purpose=purposes[row.purpose].name,
                )


@check(
    "DAT-003",
    Severity.ERROR,
    message=_("The data category %(name)s is open-ended: nobody can tell what it contains."),
    clears=_(
        "Name the data that it stands for, one category each, in its place, and end its use in "
        "activities, consent texts, transfers and instructions."
    ),
)
def open_ended(register: Register) -> Iterator[Hit]:
    """While it is in use; unused it is DAT-001's, or the record of what was done once."""
    live = {row.code for row in register.live}
    used = frozenset[str]().union(
        *(row.categories for row in register.live),
        *(row.categories for row in register.transfers if row.open),
        *(row.categories for row in register.instructions if row.in_force),
        *(row.categories for row in register.consents if row.activities & live),
    )
    for row in register.categories:
        if row.open_ended and row.code in used:
            yield hit(
                f"category:{row.code}",
                article(register, RU="5(5), 9(4)(5)", KZ="7(9), 8(4)(7), 25(2)(1)"),
                name=row.name,
            )


@check(
    "DAT-004",
    Severity.ERROR,
    message=_("The activity %(name)s does not say which data it uses."),
    clears=_("Name its data categories, or end the activity."),
)
def no_categories(register: Register) -> Iterator[Hit]:
    for row in register.live:
        if not row.categories:
            yield hit(
                f"activity:{row.code}",
                article(register, RU="18.1(1)(2), 22(3)", KZ="25(2)(1)"),
                name=row.name,
            )


@check(
    "PUR-001",
    Severity.WARNING,
    message=_("Nothing is done for the purpose %(name)s: no live activity belongs to it."),
    clears=_("Enter the activity that serves it, or record the day on which it was achieved."),
)
def idle_purpose(register: Register) -> Iterator[Hit]:
    served = {row.purpose for row in register.live}
    for row in register.purposes:
        over = row.ended_on is not None and row.ended_on <= register.today
        if row.code not in served and not over:
            yield hit(
                f"purpose:{row.code}",
                article(register, RU="5(2)", KZ="7(8)"),
                name=row.name,
            )


@check(
    "PUR-002",
    Severity.ERROR,
    message=_(
        "The system %(name)s holds data for two incompatible purposes: %(first)s and %(second)s."
    ),
    clears=_("Keep the data of the two purposes in systems apart."),
)
def joined_purposes(register: Register) -> Iterator[Hit]:
    """Russia's prohibition: 94-V has none of the kind, so it speaks where 152-FZ counts."""
    if not looked_at(register, "RU"):
        return
    purposes = by_code(register.purposes)
    for system in register.systems:
        held = sorted({row.purpose for row in register.live if system.code in row.systems})
        for first, second in combinations(held, 2):
            if second in purposes[first].incompatible or first in purposes[second].incompatible:
                yield hit(
                    f"system:{system.code}/{first}+{second}",
                    cited("RU", "5(3)"),
                    name=system.name,
                    first=purposes[first].name,
                    second=purposes[second].name,
                )
