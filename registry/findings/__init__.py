"""Findings: where policy, register and law part. No Django, no database, no clock.

A check is a pure function over a ``Register``; like Django's own system checks it has a stable
id, a severity and says what clears it. It is silent about a register that has nothing of what
it judges.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from registry.findings.facts import Register


class Severity(StrEnum):
    """How bad it is: against the law; likely to become so; good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


ORDER = {severity: place for place, severity in enumerate(Severity)}
# Parameters that say what a row is called, or what a policy says, in the reader's language. The
# row itself stands in the object of the finding; a list of rows keeps their codes (``Rows``).
NAMES = frozenset({
    "name", "activity", "category", "first", "processor", "purpose", "recipient", "second", "words",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """A list in a message, of texts of the catalogue: each is translated, then they are joined."""

    texts: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.texts)


@dataclass(frozen=True, slots=True)
class Rows:
    """A list in a message, of rows: their names are read, their codes tell one from another."""

    codes: tuple[str, ...]
    names: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(dict.fromkeys(self.names))


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a check fires: the row (``table:code``), the article, what the message names.

    ``article``: with the law before it, such as ``152-FZ 6(1)``. ``params`` go into the
    templates of the message and of what clears it; no value of a person is among them.
    """

    object: str
    article: str
    params: dict[str, Any]


def hit(object: str, article: str, /, **params: Any) -> Hit:
    return Hit(object, article, params)


@dataclass(frozen=True, slots=True)
class Check:
    """A rule of the register: ``message`` and ``clears`` are templates for the catalogue."""

    id: str
    severity: Severity
    message: str
    clears: str
    fires: Callable[[Register], Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that a check has something to say about."""

    check: Check
    hit: Hit

    @property
    def key(self) -> tuple[str, str]:
        """What an acknowledgement names: the check and the row."""
        return self.check.id, self.hit.object

    @property
    def digest(self) -> str:
        """What an acknowledgement covers: another one, and the violation is another as well.

        Of codes, numbers and days; names do not count, for they differ by the reader's language
        and may be mended.
        """
        told = {name: _told(value) for name, value in self.hit.params.items() if name not in NAMES}
        text = json.dumps(told, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _told(value: Any) -> Any:
    if isinstance(value, Rows):
        return sorted(value.codes)
    if isinstance(value, Words):
        return sorted(value.texts)
    return value.isoformat() if isinstance(value, date) else value


CHECKS: dict[str, Check] = {}


def check(
    id: str, severity: Severity, *, message: str, clears: str
) -> Callable[[Callable[[Register], Iterator[Hit]]], Callable[[Register], Iterator[Hit]]]:
    """Add a check to the list. An id is given once and never to another check."""

    def add(fires: Callable[[Register], Iterator[Hit]]) -> Callable[[Register], Iterator[Hit]]:
        if id in CHECKS:
            raise ValueError(f"Two checks are called {id}.")
        CHECKS[id] = Check(id, severity, message, clears, fires)
        return fires

    return add


def find(register: Register) -> list[Finding]:
    """Every finding, the worst first, then by id and row; the same register, the same list."""
    found = [Finding(rule, item) for rule in CHECKS.values() for item in rule.fires(register)]
    return sorted(found, key=lambda item: (ORDER[item.check.severity], *item.key))
