"""What the law wants a processor to be told, and whether an instruction covers a transfer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from registry.choices import RecipientKind
from registry.consent_contents import Missing
from registry.errors import gettext_noop
from registry.models import ProcessorInstruction, Transfer
from registry.transfer_steps import RU

# What an instruction says: the field, and its article in 152-FZ and in 94-V (which has no list of
# its own, but binds whoever holds the data to purpose, confidentiality, storage and protection).
CONTENTS = {
    "data_categories": ("152-FZ 6(3)", "94-V 7(8)"),
    "operations": ("152-FZ 6(3)", "94-V 7(8)"),
    "activities": ("152-FZ 6(3)", "94-V 7(8)"),
    "confidentiality": ("152-FZ 6(3)", "94-V 11"),
    "localisation": ("152-FZ 6(3), 18(5)", "94-V 12(2)"),
    "security": ("152-FZ 6(3), 18.1, 19", "94-V 22"),
    "incident_notice": ("152-FZ 6(3), 21(3.1)", "94-V 22"),
}
TEXTS = {
    "data_categories": gettext_noop("It lists no data (%(article)s)."),
    "operations": gettext_noop("It lists no operations (%(article)s)."),
    "activities": gettext_noop("It names no purpose of processing (%(article)s)."),
    "confidentiality": gettext_noop(
        "It does not oblige the processor to confidentiality (%(article)s)."
    ),
    "localisation": gettext_noop("It does not keep the databases in the country (%(article)s)."),
    "security": gettext_noop("It demands no security measures (%(article)s)."),
    "incident_notice": gettext_noop("It demands no notice of incidents (%(article)s)."),
    "none": gettext_noop("No instruction to %(recipient)s is in force on %(day)s (%(article)s)."),
    "activity": gettext_noop(
        "Instruction %(number)s does not name the activity %(activity)s (%(article)s)."
    ),
    "category": gettext_noop(
        "Instruction %(number)s does not list the data category %(category)s (%(article)s)."
    ),
}


def missing(instruction: ProcessorInstruction) -> list[Missing]:
    """What the instruction does not say and the operator's law wants said (152-FZ 6(3))."""
    place = 0 if instruction.operator.jurisdiction.code == RU else 1
    return [
        Missing(name, articles[place], TEXTS[name], {"article": articles[place]})
        for name, articles in CONTENTS.items()
        if not _said(instruction, name)
    ]


def _said(instruction: ProcessorInstruction, name: str) -> bool:
    if name in ("data_categories", "activities"):
        return bool(list(getattr(instruction, name).all()))
    return bool(getattr(instruction, name))


def instruction_gaps(transfer: Transfer, day: date) -> list[Missing] | None:
    """Why no instruction bears the transfer on that day; None: the recipient is no processor.

    One instruction must say everything: what two halves say together binds to neither.
    """
    if transfer.recipient.kind != RecipientKind.PROCESSOR:
        return None
    law = transfer.operator.jurisdiction.code
    article = "152-FZ 6(3)" if law == RU else "94-V 22"
    instructions = ProcessorInstruction.objects.filter(
        operator=transfer.operator_id, recipient=transfer.recipient_id
    ).prefetch_related("activities", "data_categories")
    in_force = [row for row in instructions if row.in_force(day)]
    if not in_force:
        params = {"recipient": transfer.recipient.code, "day": day, "article": article}
        return [Missing("none", article, TEXTS["none"], params)]
    for row in in_force:
        row.operator = transfer.operator
    return min((list(_gaps(row, transfer, article)) for row in in_force), key=len)


def _gaps(row: ProcessorInstruction, transfer: Transfer, article: str) -> Iterable[Missing]:
    yield from missing(row)
    said = {"number": row.number, "article": article}
    if transfer.activity_id not in {one.pk for one in row.activities.all()}:
        params = said | {"activity": transfer.activity.code}
        yield Missing("activity", article, TEXTS["activity"], params)
    listed = {one.pk for one in row.data_categories.all()}
    for one in transfer.data_categories.all():
        if one.pk not in listed:
            params = said | {"category": one.code}
            yield Missing("category", article, TEXTS["category"], params)
