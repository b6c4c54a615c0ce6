"""Whoever data are given to, and what a processor was told."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, Words, check, hit
from registry.findings.facts import Instruction, Receiver, Register
from registry.findings.law import article, cited, looked_at
from registry.findings.reading import (
    abroad,
    by_code,
    giving,
    listed,
    moves,
    reached,
)

# The contents of an instruction (``Instruction.missing``) in words.
CONTENTS = {
    "data_categories": _("which data the processor may touch"),
    "operations": _("what it may do with them"),
    "activities": _("for which purposes"),
    "confidentiality": _("that it keeps the data confidential"),
    "localisation": _("that the databases stay in the country"),
    "security": _("how it protects the data"),
    "incident_notice": _("that it tells the operator of an incident"),
}


@check(
    "RCP-001",
    Severity.WARNING,
    message=_("Nobody has said in which country the recipient %(name)s is."),
    clears=_("Find out and enter the country: abroad, the gate of a transfer must be passed."),
)
def country_unknown(register: Register) -> Iterator[Hit]:
    for row in register.recipients:
        if not row.country:
            yield hit(
                f"recipient:{row.code}", article(register, RU="12(3)", KZ="16"), name=row.name
            )


@check(
    "RCP-002",
    Severity.ERROR,
    message=_("%(name)s processes data for the operator without an instruction in force."),
    clears=_("Sign an instruction with the contents of article 6(3) and enter it."),
)
def uninstructed(register: Register) -> Iterator[Hit]:
    if looked_at(register, "RU"):
        for row in _uninstructed(register):
            yield hit(f"recipient:{row.code}", cited("RU", "6(3)"), name=row.name)


@check(
    "RCP-003",
    Severity.WARNING,
    message=_(
        "%(name)s processes data for the operator, and no contract in force says what it may do "
        "with them and how it protects them."
    ),
    clears=_("Enter the contract as an instruction of the processor."),
)
def uncontracted(register: Register) -> Iterator[Hit]:
    """94-V does not say what an instruction contains, but the operator answers for protection."""
    if not looked_at(register, "RU"):
        for row in _uninstructed(register):
            yield hit(f"recipient:{row.code}", cited("KZ", "22"), name=row.name)


def _uninstructed(register: Register) -> Iterator[Receiver]:
    """Processors that get data without an instruction; of an activity that is over as well, while
    a transfer of it is open."""
    used = frozenset(recipient.code for _row, recipient in giving(register)).union(
        *reached(register).values()
    )
    instructed = {row.recipient for row in register.instructions if row.in_force}
    for row in register.recipients:
        if row.kind == "processor" and row.code in used and row.code not in instructed:
            yield row


@check(
    "RCP-004",
    Severity.ERROR,
    message=_("The instruction %(number)s of %(name)s does not say: %(missing)s."),
    clears=_("Sign a supplement that says it, and enter it into the instruction."),
)
def instruction_incomplete(register: Register) -> Iterator[Hit]:
    recipients = by_code(register.recipients)
    if looked_at(register, "RU"):
        for row in register.instructions:
            if row.in_force and row.missing:
                yield hit(
                    f"instruction:{row.recipient}/{row.number}",
                    cited("RU", "6(3)"),
                    number=row.number,
                    name=recipients[row.recipient].name,
                    missing=Words(tuple(CONTENTS[name] for name in row.missing)),
                )


@check(
    "RCP-005",
    Severity.ERROR,
    message=_(
        "%(processor)s works for the activity %(name)s beyond its instruction, which does not name "
        "these data for it: %(categories)s."
    ),
    clears=_("Add the activity and its data to the instruction, or give the processor less."),
)
def beyond_instruction(register: Register) -> Iterator[Hit]:
    """A transfer that stands and says what is given bounds it; else all data of the activity are
    meant. What an open transfer gives beyond the activity's own data counts too."""
    if not looked_at(register, "RU"):
        return
    moved = moves(register)
    for row, recipient in giving(register):
        told = [
            item
            for item in register.instructions
            if item.in_force and item.recipient == recipient.code
        ]
        if recipient.kind != "processor" or not told:
            continue
        standing = [
            item for item in moved[row.code, recipient.code] if not item.ended and not item.banned
        ]
        given = frozenset().union(*(item.categories for item in standing)) or row.categories
        beyond = [
            category
            for category in register.categories
            if category.code in given - _told(told, row.code)
        ]
        if beyond:
            yield hit(
                f"activity:{row.code}/{recipient.code}",
                cited("RU", "6(3)"),
                name=row.name,
                processor=recipient.name,
                categories=listed(beyond),
            )


def _told(instructions: list[Instruction], activity: str) -> frozenset[str]:
    """The data that a processor's instructions name for an activity."""
    return frozenset().union(
        *(row.categories for row in instructions if activity in row.activities)
    )


@check(
    "RCP-006",
    Severity.WARNING,
    message=_("The activity %(name)s gives data to %(recipient)s, and no transfer says which."),
    clears=_("Enter the transfer: what is given, on what ground. Or remove the recipient."),
)
def transfer_unrecorded(register: Register) -> Iterator[Hit]:
    """State bodies ask case by case: a disclosure records them. Abroad, TRF-001 speaks; of a ban
    TRF-002 does. A transfer that has ended says what went then, not what goes today."""
    moved = moves(register)
    for row, recipient in giving(register):
        if (
            recipient.kind != "state_body"
            and not abroad(register, recipient.country)
            and all(item.ended for item in moved[row.code, recipient.code])
        ):
            yield hit(
                f"activity:{row.code}/{recipient.code}",
                article(register, RU="19(2)(8)", KZ="22(1)(5)"),
                name=row.name,
                recipient=recipient.name,
            )
