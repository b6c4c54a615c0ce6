"""What several checks ask a register. No Django."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Protocol, TypeVar

from registry.findings import Rows
from registry.findings.facts import Activity, Category, Moved, Receiver, Register, Wording


class Coded(Protocol):
    @property
    def code(self) -> str: ...


class Named(Coded, Protocol):
    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=Coded)


def by_code(rows: Iterable[Row]) -> dict[str, Row]:
    return {row.code: row for row in rows}


def kinds(register: Register, activity: Activity) -> set[str]:
    """The kinds of the grounds of an activity (``registry.choices.BasisKind``)."""
    return {register.bases[code].kind for code in activity.bases}


def categories_of(register: Register, activity: Activity) -> list[Category]:
    """The data of an activity in the order of the register."""
    return [row for row in register.categories if row.code in activity.categories]


def reached(register: Register) -> dict[str, set[str]]:
    """The recipients that open transfers reach, by activity; none where there is no such one."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in register.transfers:
        if row.open:
            found[row.activity].add(row.recipient)
    return found


def giving(register: Register) -> Iterator[tuple[Activity, Receiver]]:
    """Which live activity gives data to whom: those whom it lists once it has begun, and all whom
    an open transfer of it reaches, listed or not."""
    by_transfer = reached(register)
    begun = {row.code for row in register.begun}
    for row in register.live:
        listed = row.recipients if row.code in begun else frozenset()
        for recipient in register.recipients:
            if recipient.code in listed | by_transfer[row.code]:
                yield row, recipient


def bygone_recipients(register: Register) -> frozenset[str]:
    """Those who got data once and get none today; the register is the record of it and keeps them.

    Whoever no activity and no transfer names is not among them.
    """
    given = {row.recipient for row in register.transfers}
    now = frozenset().union(*reached(register).values())
    return bygone(register, "recipients", given) - now


def bygone(register: Register, column: str, more: Iterable[str] = ()) -> frozenset[str]:
    """Codes that activities name in that column, but none that goes on: only those that are over.

    ``more``: what else was named by then.
    """
    ever: frozenset[str] = frozenset(more).union(
        *(getattr(row, column) for row in register.activities)
    )
    return ever.difference(*(getattr(row, column) for row in register.live))


def covering(register: Register, activity: str) -> list[Wording]:
    """The consent texts in force that name the activity."""
    return [row for row in register.consents if activity in row.activities]


def moves(register: Register) -> dict[tuple[str, str], list[Moved]]:
    """The transfers by activity and recipient; none where there is no such pair."""
    found: dict[tuple[str, str], list[Moved]] = defaultdict(list)
    for row in register.transfers:
        found[row.activity, row.recipient].append(row)
    return found


def abroad(register: Register, country: str) -> bool:
    """Whether the country is known and is not that of the operator's law."""
    return bool(country) and country != register.operator.country


def listed(rows: Iterable[Named]) -> Rows:
    """Rows of one table as a message lists them."""
    found = tuple(rows)
    return Rows(tuple(row.code for row in found), tuple(row.name for row in found))


def rows_abroad(
    register: Register, *, systems: Collection[str], recipients: Collection[str]
) -> Rows:
    """Those of these systems and recipients that are known to stand abroad."""
    found = [
        (f"{table}:{row.code}", row.name)
        for table, codes, rows in (
            ("system", systems, register.systems),
            ("recipient", recipients, register.recipients),
        )
        for row in rows
        if row.code in codes and abroad(register, row.country)
    ]
    return Rows(tuple(code for code, _name in found), tuple(name for _code, name in found))


def year_before(day: date) -> date:
    """The same day a year earlier; 29 February has the 28th before it."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
