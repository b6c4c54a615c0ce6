"""A file of people as records: bytes in, whole CSV records out, in constant memory. No Django.

``scan`` goes through the whole file once before anything is saved and refuses what no row can be
taken from; ``records`` then cuts it into records, from any place where a record ended.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from subjects.services.importing import errors

PIECE = 1024 * 1024
LONGEST_RECORD = 1024 * 1024
DELIMITERS = ",;\t"
ACCOUNT = "account"
BOM = codecs.BOM_UTF8

# Gives the pieces of the file from a byte on.
Source = Callable[[int], Iterator[bytes]]


class Record(NamedTuple):
    """``line``: the number of its first line, from 1; ``end``: where the next record begins."""

    line: int
    end: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Scan:
    """What one reading of the whole file says; ``body``: where the rows begin."""

    digest: str
    size: int
    delimiter: str
    header: tuple[str, ...]
    body: int
    body_line: int


def file_source(path: Path) -> Source:
    """A file on the disk; refuses one that cannot be read, by the system's own words."""

    def pieces(start: int) -> Iterator[bytes]:
        try:
            with path.open("rb") as stream:
                stream.seek(start)
                while piece := stream.read(PIECE):
                    yield piece
        except OSError as error:
            raise errors.FileUnreadable(reason=error.strerror) from None

    return pieces


def stream_source(again: Callable[[], Iterable[bytes]]) -> Source:
    """A stream that can only be begun anew: an upload in memory, a sealed file."""

    def pieces(start: int) -> Iterator[bytes]:
        for piece in again():
            if start < len(piece):
                yield piece[start:] if start else piece
            start = max(0, start - len(piece))

    return pieces


def records(pieces: Iterable[bytes], *, line: int = 1, start: int = 0) -> Iterator[Record]:
    """Whole records: a line end inside quotation marks ends none.

    Refuses a record over ``LONGEST_RECORD`` and a quotation mark that is never closed.
    """
    parts: list[bytes] = []
    size, odd, first, end = 0, 0, line, start
    for text in _lines(pieces):
        parts.append(text)
        size += len(text)
        end += len(text)
        # Quotation marks are doubled inside a quoted cell, so an even number means: closed.
        odd ^= text.count(b'"') & 1
        if size > LONGEST_RECORD:
            if odd or len(parts) > 1:
                raise errors.QuoteNotClosed(line=first)
            raise errors.LineTooLong(line=first, limit=LONGEST_RECORD)
        line += 1
        if odd:
            continue
        yield Record(first, end, text if len(parts) == 1 else b"".join(parts))
        parts, size, first = [], 0, line
    if parts:
        raise errors.QuoteNotClosed(line=first)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their ends; one that grows beyond the limit is given out unfinished."""
    rest = b""
    for piece in pieces:
        whole = rest + piece if rest else piece
        rest = b""
        lines = whole.splitlines(keepends=True) if b"\r" not in whole else _split(whole)
        if lines and not lines[-1].endswith(b"\n"):
            rest = lines.pop()
        yield from lines
        if len(rest) > LONGEST_RECORD:
            yield rest
            rest = b""
    if rest:
        yield rest


def _split(whole: bytes) -> list[bytes]:
    """Only a line feed ends a line here; ``splitlines`` would take a lone carriage return too."""
    lines = [line + b"\n" for line in whole.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


class _Checked:
    """Passes the pieces on; counts, digests and decodes them on the way."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = pieces
        self.digest = sha256()
        self.size = 0
        self.line = 1
        self.had_letters = False

    def __iter__(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        for piece in self.pieces:
            if not self.size and piece[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise errors.FileIsUtf16()
            if (zero := piece.find(b"\0")) >= 0:
                self._refuse_zero(piece, zero)
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                self._refuse_byte(piece, error.object, error.start)
            self.digest.update(piece)
            self.size += len(piece)
            self.line += piece.count(b"\n")
            self.had_letters = self.had_letters or not piece.removeprefix(BOM).isascii()
            yield piece
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise errors.FileNotUtf8(line=self.line) from None

    def _refuse_zero(self, piece: bytes, zero: int) -> None:
        # Text of UTF-16 without its mark: every other byte of Latin letters is zero.
        if not self.size and piece[:200].count(b"\0") * 3 > len(piece[:200]):
            raise errors.FileIsUtf16()
        raise errors.NulByte(line=self.line + piece[:zero].count(b"\n"))

    def _refuse_byte(self, piece: bytes, decoded: bytes, place: int) -> None:
        # ``decoded`` may begin with the last bytes of the piece before.
        line = self.line + decoded[:place].count(b"\n")
        before = self.had_letters or not decoded[:place].removeprefix(BOM).isascii()
        if before:
            raise errors.EncodingsMixed(line=line) from None
        end = decoded.find(b"\n", place)
        text = decoded[decoded.rfind(b"\n", 0, place) + 1 : end if end >= 0 else len(decoded)]
        letters = text[:400].decode("cp1251", "replace")
        cyrillic = sum("\u0400" <= letter <= "\u04ff" for letter in letters)
        if cyrillic and cyrillic * 2 > sum(byte > 127 for byte in text[:400]):
            raise errors.FileIsCp1251(line=line) from None
        raise errors.FileNotUtf8(line=line) from None


def scan(source: Source) -> Scan:
    """Read the whole file once: its digest, its header, and everything that refuses it."""
    checked = _Checked(source(0))
    found = records(checked)
    first = next(found, None)
    if first is None or not first.raw.removeprefix(BOM).strip():
        raise errors.FileEmpty()
    delimiter, header = _header(first.raw)
    filled = False
    for record in found:
        filled = filled or bool(record.raw.strip())
    if not filled:
        raise errors.FileHasNoRows()
    return Scan(
        digest=checked.digest.hexdigest(),
        size=checked.size,
        delimiter=delimiter,
        header=header,
        body=first.end,
        body_line=1 + first.raw.count(b"\n"),
    )


def _header(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """The delimiter and the columns: of the usual delimiters, the one that shows an account."""
    text = raw.removeprefix(BOM).decode()
    readings = {delimiter: _cells(text, delimiter) for delimiter in DELIMITERS}
    delimiter = next((sign for sign, cells in readings.items() if ACCOUNT in cells), None)
    if delimiter is None:
        raise errors.AccountColumnMissing()
    columns = readings[delimiter]
    for number, column in enumerate(columns, start=1):
        if column and (first := columns.index(column) + 1) < number:
            raise errors.ColumnTwice(first=first, number=number)
    return delimiter, columns


def _cells(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        row: list[Any] = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return ()
    return tuple(str(cell).strip() for cell in row)
