"""What several checks ask a register. No Django."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Protocol, TypeVar

from registry.findings.facts import Activity, Category, Moved, Receiver, Register, Wording


class Coded(Protocol):
    @property
    def code(self) -> str: ...


Row = TypeVar("Row", bound=Coded)


def by_code(rows: Iterable[Row]) -> dict[str, Row]:
    return {row.code: row for row in rows}


def kinds(register: Register, activity: Activity) -> set[str]:
    """The kinds of the grounds of an activity (``registry.choices.BasisKind``)."""
    return {register.bases[code].kind for code in activity.bases}


def categories_of(register: Register, activity: Activity) -> list[Category]:
    """The data of an activity in the order of the register."""
    return [row for row in register.categories if row.code in activity.categories]


def recipients_of(register: Register, activity: Activity) -> list[Receiver]:
    return [row for row in register.recipients if row.code in activity.recipients]


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


def listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def year_before(day: date) -> date:
    """The same day a year earlier; 29 February has the 28th before it."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
