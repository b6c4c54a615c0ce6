"""Whose data they are."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Register
from registry.findings.law import article


@check(
    "PPL-001",
    Severity.WARNING,
    message=_("People work for %(name)s, but no live activity of the register is about employees."),
    clears=_("Enter the activities of the personnel office: whose data, for what, on what ground."),
)
def nobody_employed(register: Register) -> Iterator[Hit]:
    employees = {row.code for row in register.people if row.relation == "employee"}
    if register.operator.staff and not any(row.people & employees for row in register.live):
        yield hit(
            f"operator:{register.operator.code}",
            article(register, RU="18.1(1)(2), 22(3)", KZ="25(2)(1)"),
            name=register.operator.name,
        )


@check(
    "PPL-002",
    Severity.ERROR,
    message=_("The activity %(name)s does not say whose data it uses."),
    clears=_("Name its subject categories, or end the activity."),
)
def about_nobody(register: Register) -> Iterator[Hit]:
    for row in register.live:
        if not row.people:
            yield hit(
                f"activity:{row.code}",
                article(register, RU="18.1(1)(2), 22(3)", KZ="25(2)(1-1)"),
                name=row.name,
            )


@check(
    "PPL-003",
    Severity.WARNING,
    message=_("%(name)s are in the register, but no live activity is about them."),
    clears=_("Add these people to the activity that concerns them, or remove the category."),
)
def idle_people(register: Register) -> Iterator[Hit]:
    concerned = frozenset().union(*(row.people for row in register.live))
    for row in register.people:
        if row.code not in concerned:
            yield hit(
                f"people:{row.code}",
                article(register, RU="5(2), 18.1(1)(2)", KZ="7(8)"),
                name=row.name,
            )


@check(
    "PPL-004",
    Severity.NOTE,
    message=_("The register does not say what %(name)s are to the operator."),
    clears=_("Choose who they are: visitors, clients, employees and so on."),
)
def relation_unsaid(register: Register) -> Iterator[Hit]:
    for row in register.people:
        if not row.relation:
            yield hit(
                f"people:{row.code}",
                article(register, RU="18.1(1)(2)", KZ="25(2)(1-1)"),
                name=row.name,
            )
