"""What a register holds of one activity, as far as Order 178 asks. No Django."""

from __future__ import annotations

from registry.findings.facts import Activity, Register
from registry.findings.reading import categories_of, kinds, reached
from registry.harm import Item, Processing

CONSENT = frozenset({"consent", "dissemination_consent"})


def processing_of(register: Register, row: Activity, *, outsider: bool = False) -> Processing:
    """The activity as ``registry.harm`` reads it.

    Processors are those that it lists and those that an open transfer of it reaches.
    ``outsider``: the register has no word on it, for to it nobody is responsible who is not on
    the staff.
    """
    recipients = row.recipients | reached(register).get(row.code, set())
    return Processing(
        home=register.operator.country,
        data=tuple(Item(one.name, one.kind) for one in categories_of(register, row)),
        systems=tuple(
            Item(one.name, one.country) for one in register.systems if one.code in row.systems
        ),
        processors=tuple(
            Item(one.name, one.country)
            for one in register.recipients
            if one.code in recipients and one.kind == "processor"
        ),
        operations=row.operations,
        collection_ways=row.collection_ways,
        by_consent=bool(kinds(register, row) & CONSENT),
        outsider=outsider,
    )
