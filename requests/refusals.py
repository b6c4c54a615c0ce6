"""The grounds on which the law lets a demand be refused. Standard library only.

Constants read from ``requests/data/refusals.toml``, not rows: nobody edits them in the office, an
item keeps the code of its ground for ever, and a decision must not wait for a loaded table.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from registry.errors import OperatorError, gettext_noop

FILE = Path(__file__).resolve().parent / "data" / "refusals.toml"
LANGUAGES = ("ru", "kk", "en")


class UnknownRefusal(OperatorError):
    template = gettext_noop("The law of this operator knows no such ground for this demand.")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One ground of the law's list.

    ``kinds``: what it can refuse; ``bars``: only for now, until an obligation is met.
    """

    code: str
    jurisdiction: str
    article: str
    kinds: tuple[str, ...]
    bars: bool
    verification: str
    texts: Mapping[str, str]

    def text(self, language: str) -> str:
        return self.texts.get(language) or self.texts["en"]


@cache
def refusals() -> Mapping[str, Refusal]:
    """All of them, by code, in the order of the file."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        row["code"]: Refusal(
            code=row["code"],
            jurisdiction=row["jurisdiction"],
            article=row["article"],
            kinds=tuple(row["kinds"]),
            bars=row.get("bars", False),
            verification=row["verification"],
            texts={language: row[language] for language in LANGUAGES},
        )
        for row in data["ground"]
    }


def refusals_for(*, jurisdiction: str, kind: str, bars: bool = False) -> list[Refusal]:
    """What may be said of a demand of that kind under that law."""
    return [
        found
        for found in refusals().values()
        if found.jurisdiction == jurisdiction and kind in found.kinds and found.bars == bars
    ]


def refusal_of(code: str, *, jurisdiction: str, kind: str, bars: bool = False) -> Refusal:
    """The ground of that code; refuses one of another law or of another kind of demand."""
    for found in refusals_for(jurisdiction=jurisdiction, kind=kind, bars=bars):
        if found.code == code:
            return found
    raise UnknownRefusal()
