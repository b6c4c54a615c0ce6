"""Look for the needles in files, in what files contain, and in rows of a database."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import IO, Any

from subjects.traces.containers import unpack
from subjects.traces.kinds import HEAD, STREAMED, Kind, kind_of
from subjects.traces.needles import Needle, Needles
from subjects.traces.pieces import Member, Piece, Reader, Row, Trouble, Words
from subjects.traces.results import (
    BROKEN,
    TOO_DEEP,
    TOO_LARGE,
    TOO_LARGE_INSIDE,
    UNKNOWN_PACKING,
    UNREADABLE,
    Counts,
    Limits,
    TooLarge,
    Trace,
    Unread,
)
from subjects.traces.scanner import PIECE, Finder, Scanner

Found = Iterator[Trace | Unread]
# Shorter cells are no containers.
_SMALLEST = 20
_CELLS = 2000


@dataclass
class _Budget:
    """How many bytes may still come out of one file."""

    left: int

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise TooLarge()


@dataclass(frozen=True)
class _Place:
    path: str
    inside: tuple[str, ...]
    budget: _Budget
    depth: int = 0

    def within(self, inside: str, deeper: int = 0) -> _Place:
        more = (inside,) if inside else ()
        return _Place(self.path, self.inside + more, self.budget, self.depth + deeper)


@dataclass
class _Tap:
    """A stream that is searched while somebody reads it."""

    reader: Reader
    scanner: Scanner
    counts: Counts
    budget: _Budget | None
    _ahead: bytes = b""
    _ended: bool = field(default=False)

    def peek(self, size: int) -> bytes:
        while len(self._ahead) < size and not self._ended:
            self._ahead += self._pull(size - len(self._ahead))
        return self._ahead[:size]

    def read(self, size: int = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(PIECE), b""))
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        return self._pull(size) if size else b""

    def drain(self) -> None:
        while self.read(PIECE):
            pass

    def _pull(self, size: int) -> bytes:
        data = self.reader.read(size)
        self._ended = not data
        self.counts.bytes += len(data)
        if self.budget is not None:
            self.budget.spend(len(data))
        self.scanner.feed(data)
        return data


class Search:
    """One search: the same needles, limits and counts for all places."""

    def __init__(
        self, needles: Needles, limits: Limits | None = None, counts: Counts | None = None
    ) -> None:
        self.needles = needles
        self.limits = limits or Limits()
        self.counts = counts or Counts()
        self._finder = Finder(needles)

    # --- results: nothing of a value leaves by a name ---------------------------------------
    def trace(self, place: _Place, needle: Needle, offset: int | None) -> Trace:
        return self._trace(place, needle.form, offset, needle.number)

    def _trace(self, place: _Place, form: str, offset: int | None, number: int) -> Trace:
        return Trace(self._shown(place.path), self._way(place), form, offset, number)

    def unread(self, place: _Place, reason: str) -> Unread:
        return Unread(self._shown(place.path), self._way(place), reason)

    def _way(self, place: _Place) -> str:
        return ", ".join(self._shown(step) for step in place.inside)

    def _shown(self, text: str) -> str:
        return self.needles.redacted(text)

    # --- places -----------------------------------------------------------------------------
    def place(self, path: str, size: int) -> _Place:
        """``size``: bytes of the file; what comes out of it is measured by that."""
        return _Place(path, (), _Budget(max(self.limits.least, self.limits.ratio * size)))

    def file(self, path: str, stream: IO[bytes], size: int) -> Found:
        """A file on disk, opened for reading, with everything inside."""
        self.counts.files += 1
        yield from self._whole(self.place(path, size), stream)

    def name(self, path: str, name: bytes) -> Found:
        """The name of a file, or the way a symbolic link points."""
        for needle, _ in self._finder.finds(name, set()):
            yield self.trace(self.place(path, 0).within("name"), needle, None)

    def rows(self, rows: Iterable[Row | Trouble]) -> Found:
        """Rows of a database that is connected: the path of a trace is table and column."""
        batch = _Batch(self)
        for row in rows:
            if isinstance(row, Trouble):
                yield self.unread(self.place(row.inside, 0), row.reason)
                continue
            for column, value in row.cells:
                place = self.place(f"{row.table}.{column}", 0).within(row.inside)
                yield from batch.add(place, value)
        yield from batch.close()

    # --- streams ----------------------------------------------------------------------------
    def _whole(self, place: _Place, stream: Reader) -> Found:
        try:
            yield from self.stream(place, stream)
        except TooLarge:
            return  # told where it happened

    def stream(self, place: _Place, reader: Reader) -> Found:
        """Raises TooLarge, told already, when the whole file is to be given up."""
        budget = place.budget if place.depth else None
        tap = _Tap(reader, Scanner(self._finder), self.counts, budget)
        exceeded: TooLarge | None = None
        try:
            kind = kind_of(tap.peek(HEAD))
            yield from self._inside(kind, place, tap)
            tap.drain()
        except TooLarge as error:
            exceeded = error
        except OSError:
            # A container that is broken raises OSError too.
            yield self.unread(place, BROKEN if place.depth else UNREADABLE)
        except Exception:
            yield self.unread(place, BROKEN)
        for needle, offset in tap.scanner.finish():
            yield self.trace(place, needle, offset)
        if exceeded is not None:
            if not exceeded.args:
                yield self.unread(place, TOO_LARGE)
            raise TooLarge("told")

    def _inside(self, kind: Kind, place: _Place, tap: _Tap) -> Found:
        if kind is Kind.PLAIN:
            return
        if kind is Kind.CLOSED:
            yield self.unread(place, UNKNOWN_PACKING)
            return
        if place.depth >= self.limits.depth:
            yield self.unread(place, TOO_DEEP)
            return
        source = tap if kind in STREAMED else self._seekable(kind, place, tap)
        if source is None:
            yield self.unread(place, TOO_LARGE_INSIDE)
            return
        batch = _Batch(self)
        try:
            for piece in unpack(kind, source):
                yield from self._piece(piece, place, batch)
        except (TooLarge, GeneratorExit):
            raise
        except Exception:
            # Whatever a broken container makes of its reader.
            yield self.unread(place, BROKEN)
        yield from batch.close()

    def _seekable(self, kind: Kind, place: _Place, tap: _Tap) -> Reader | None:
        """The whole to be read here and there; None when it is too large to be held."""
        if not place.depth and kind is not Kind.MAIL and isinstance(tap.reader, io.BufferedReader):
            tap.drain()
            tap.reader.seek(0)
            return tap.reader
        data = bytearray()
        while more := tap.read(PIECE):
            data += more
            if len(data) > self.limits.whole:
                return None
        return io.BytesIO(data)

    def _piece(self, piece: Piece, place: _Place, batch: _Batch) -> Found:
        match piece:
            case Member(inside, stream):
                yield from self.stream(place.within(inside, 1), stream)
            case Words():
                yield from self._words(piece, place.within(piece.inside))
            case Row():
                for column, value in piece.cells:
                    where = place.within(f"{piece.table}.{column}, {piece.inside}")
                    yield from batch.add(where, value)
            case Trouble(inside, reason):
                yield self.unread(place.within(inside), reason)

    def _words(self, words: Words, place: _Place) -> Found:
        data = words.text.encode("utf-8", "surrogatepass")
        self.counts.bytes += len(data)
        told: set[tuple[int, str]] = set()
        found = [needle for needle, _ in self._finder.finds(data, told)]
        if words.drawn:
            bare = b"".join(words.text.encode("utf-8", "surrogatepass").split())
            found += [needle for needle in self.needles.compact if needle.data in bare]
        for needle in found:
            if (needle.number, needle.form) not in told:
                told.add((needle.number, needle.form))
                yield self.trace(place, needle, None)

    # --- cells ------------------------------------------------------------------------------
    def holds(self, data: bytes) -> bool:
        return self._finder.anywhere(data)

    def cell(self, place: _Place, data: bytes) -> Found:
        """One cell, like a file of its own."""
        if place.depth:
            yield from self.stream(place, io.BytesIO(data))
        else:
            yield from self._whole(place, io.BytesIO(data))

    def whole_cell(self, place: _Place, value: Any) -> Found:
        """A number or a date, which is a value or is not: its digits alone say little."""
        texts = [str(value)]
        if isinstance(value, date):
            texts += [value.isoformat()[:10], value.strftime("%d.%m.%Y")]
        for text in texts:
            number = self.needles.whole(text)
            if number is not None:
                yield self._trace(place, "date" if len(texts) > 1 else "number", None, number)
                return


class _Batch:
    """Cells that are searched together first: nearly all hold nothing."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._cells: list[tuple[_Place, bytes]] = []
        self._size = 0

    def add(self, place: _Place, value: Any) -> Found:
        self._search.counts.cells += 1
        data = _cell_bytes(value)
        if data is None:
            if value is not None:
                yield from self._search.whole_cell(place, value)
            return
        if len(data) >= _SMALLEST and kind_of(data[:HEAD]) is not Kind.PLAIN:
            yield from self._search.cell(place.within("", 1 if place.depth else 0), data)
            return
        self._search.counts.bytes += len(data)
        self._cells.append((place, data))
        self._size += len(data)
        if self._size >= PIECE or len(self._cells) >= _CELLS:
            yield from self.close()

    def close(self) -> Found:
        """Search what has been collected."""
        cells, self._cells, self._size = self._cells, [], 0
        if cells and self._search.holds(b"\0\0".join(data for _, data in cells)):
            for place, data in cells:
                if self._search.holds(data):
                    yield from self._search.cell(place, data)


def _cell_bytes(value: Any) -> bytes | None:
    """The bytes of a text, a binary or a structured value; None for numbers and dates."""
    match value:
        case bytes() | bytearray() | memoryview():
            return bytes(value)
        case str():
            return value.encode("utf-8", "surrogatepass")
        case dict() | list() | tuple() | set():
            structure = list(value) if isinstance(value, set) else value
            return json.dumps(structure, ensure_ascii=False, default=str).encode(
                "utf-8", "surrogatepass"
            )
    return None
