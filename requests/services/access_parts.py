"""What the sections of an answer about a person's data are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from requests.models import SubjectRequest
from subjects.models import DataSubject, Ground, PersonalDatum
from subjects.services.reading import Shown

Cell = str | date | datetime | list[str] | bool | None


@dataclass(slots=True)
class Section:
    """One part of the answer: ``columns`` key -> label, and rows of cells by these keys.

    ``code`` and ``columns``' keys are for machines and never translated. ``key`` of a row names it
    where it can be withheld as a whole.
    """

    code: str
    article: str
    title: str
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: list[dict[str, Cell]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Gathering:
    """What several sections need, read once."""

    request: SubjectRequest
    now: datetime
    cards: list[DataSubject]
    grounds: list[Ground] = field(default_factory=list)
    data: list[PersonalDatum] = field(default_factory=list)
    shown: Mapping[Any, Shown] = field(default_factory=dict)
    keys: set[int] = field(default_factory=set)

    @property
    def operator(self) -> Any:
        return self.request.operator

    def article(self, russian: str, kazakh: str = "24(1)(1)") -> str:
        law = self.operator.jurisdiction.code
        return f"152-FZ {russian}" if law == "RU" else f"94-V {kazakh}"

    def day(self, at: datetime) -> date:
        return at.astimezone(self.operator.zone).date()


def texts_of(sections: Iterable[Section]) -> Sequence[str]:
    """Every text of these sections, in their order."""
    found: list[str] = []
    for section in sections:
        for row in section.rows:
            for name, cell in row.items():
                if name != "key":
                    found += cell if isinstance(cell, list) else [str(cell or "")]
        found += section.lines
    return found
