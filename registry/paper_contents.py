"""What a paper of the register says: sections in one language, and the same as codes. No Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """One numbered part of a paper; what is empty is not printed."""

    heading: str
    text: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """A paper as it is written from the register on a day, in one language.

    ``article``: what wants it. ``missing``: what the law wants in it and the register does not
    hold, a sentence each; such a paper is shown as a draft and never signed. ``particulars``: what
    it says as plain JSON of codes, the same in every language, to tell later what has changed.
    """

    title: str
    article: str
    sections: tuple[Section, ...]
    missing: tuple[str, ...] = ()
    particulars: Mapping[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """All but the particulars, as JSON."""
        return {
            "title": self.title,
            "article": self.article,
            "sections": [asdict(section) for section in self.sections],
            "missing": list(self.missing),
        }


def contents_of(facts: Mapping[str, Any], particulars: Mapping[str, Any]) -> Contents:
    """The contents again, from what ``facts`` gave and JSON has turned into lists."""
    return Contents(
        title=facts["title"],
        article=facts["article"],
        sections=tuple(_section(one) for one in facts["sections"]),
        missing=tuple(facts["missing"]),
        particulars=particulars,
    )


def _section(one: Mapping[str, Any]) -> Section:
    return Section(
        heading=one["heading"],
        text=tuple(one["text"]),
        pairs=tuple((label, value) for label, value in one["pairs"]),
        columns=tuple(one["columns"]),
        rows=tuple(tuple(row) for row in one["rows"]),
    )
