"""What comes out of a container."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol


class Reader(Protocol):
    """A stream that is read from start to end."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class Member:
    """A stream that may be a container itself."""

    inside: str
    stream: Reader


@dataclass(frozen=True)
class Words:
    """Text beside the content: a name, a header, a drawn page. Its bytes have no offset.

    ``drawn``: its spaces are the reader's guess, so it is searched without them too.
    """

    inside: str
    text: str
    drawn: bool = False


@dataclass(frozen=True)
class Row:
    """One row of a database table: names of columns and their values."""

    table: str
    inside: str
    cells: Iterable[tuple[str, Any]]


@dataclass(frozen=True)
class Trouble:
    """What could not be unpacked, and why."""

    inside: str
    reason: str


Piece = Member | Words | Row | Trouble
