"""Search a stream for the needles, in memory that does not grow with it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from subjects.traces.needles import Needle, Needles, grouped

PIECE = 256 << 10  # bytes; as quick as 1 MiB, and the copies stay small
# Tags and line breaks make a value longer in the file than it is.
SLACK = 4096
_TEXT = ("utf-8", "cp1251", "kz1048", "quoted-printable")
_PACKED = (
    *("base64", "base64 of utf-16-le"),
    *("hex", "hex of utf-16-le", "hex of utf-16-be"),
)
_MARKUP = ("utf-8", "cp1251", "kz1048", "html", "character references")
_LINE_BREAKS = (b"\n", b"\r", b"\\n")

Groups = dict[bytes, tuple[Needle, ...]]


@dataclass(frozen=True)
class _Copy:
    """The piece without what may stand in the middle of a value.

    ``marks``: the piece has nothing to take out unless it has one of these.
    ``taken``: what ``make`` takes out, each leaving ``left`` bytes.
    """

    groups: Groups
    marks: tuple[bytes, ...]
    make: Callable[[bytes], bytes]
    taken: re.Pattern[bytes]
    left: int = 0

    def raw_offset(self, piece: bytes, offset: int) -> int:
        """Where in the piece the byte stands that is at ``offset`` in the copy."""
        starts, shifts = [], []
        for match in self.taken.finditer(piece):
            starts.append(match.start())
            shifts.append(match.end() - match.start() - self.left)
        sums = list(accumulate(shifts, initial=0))
        in_copy = [start - gone for start, gone in zip(starts, sums, strict=False)]
        return offset + sums[bisect_right(in_copy, offset)]


def _glued(piece: bytes) -> bytes:
    for taken in (b"=\r\n", b"=\n", b"\\r", b"\\n"):
        piece = piece.replace(taken, b"")
    return piece.translate(None, b"\r\n")


def _packed(piece: bytes) -> bytes:
    return piece.replace(b"\\r", b"").replace(b"\\n", b"").translate(None, b"\r\n\t ")


_WRAP = re.compile(rb"[\r\n]++[ \t]*+")
_TAG = re.compile(rb"<[^<>]*>")


def _copies(needles: Needles) -> tuple[_Copy, ...]:
    spaced = tuple(one for one in needles.all if b" " in one.data)
    return (
        # Soft breaks of quoted-printable, and lines cut in the middle of a word.
        _Copy(
            grouped(needles.only(*_TEXT)), _LINE_BREAKS, _glued,
            re.compile(rb"=\r?\n|[\r\n]|\\[rn]"),
        ),
        # Base64 of MIME has a line break every 76 characters.
        _Copy(
            grouped(needles.only(*_PACKED)), _LINE_BREAKS, _packed,
            re.compile(rb"[\r\n\t ]|\\[rn]"),
        ),
        # A name that was wrapped between its words.
        _Copy(
            grouped(spaced), _LINE_BREAKS[:2], lambda piece: _WRAP.sub(b" ", piece), _WRAP, left=1
        ),
        # Word processors cut a word into runs, each in tags of its own.
        _Copy(
            grouped(needles.only(*_MARKUP)), (b"<",), lambda piece: _TAG.sub(b"", piece), _TAG
        ),
    )  # fmt: skip


class Finder:
    """The needles, ready for pieces of bytes; one for a whole search."""

    def __init__(self, needles: Needles) -> None:
        self.needles = needles
        self.tail = 2 * needles.longest + SLACK
        self._groups = grouped(needles.all)
        self._copies = _copies(needles)

    def anywhere(self, piece: bytes) -> bool:
        """Whether the piece holds any value: the quick question."""
        return next(self.finds(piece, set()), None) is not None

    def finds(self, piece: bytes, known: set[tuple[int, str]]) -> Iterator[tuple[Needle, int]]:
        """What the piece holds, with the place in it.

        ``known``: numbers and forms that were found already and are not looked for again.
        """
        yield from _look(piece, self._groups, known)
        for copy in self._copies:
            if not copy.groups or not any(mark in piece for mark in copy.marks):
                continue
            for needle, at in _look(copy.make(piece), copy.groups, known):
                yield needle, copy.raw_offset(piece, at)


def _look(
    piece: bytes, groups: Groups, known: set[tuple[int, str]]
) -> Iterator[tuple[Needle, int]]:
    for gate, group in groups.items():
        if gate and gate not in piece:
            continue
        for needle in group:
            if needle.data in piece and (needle.number, needle.form) not in known:
                at = needle.find(piece)
                if at >= 0:
                    yield needle, at


class Scanner:
    """Fed with a stream from its start; tells the first place of every form of every value."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._tail = b""
        self._parts: list[bytes] = []
        self._held = 0
        self._base = 0  # of the tail, in the stream
        self._known: set[tuple[int, str]] = set()
        self._zeros = bytes(PIECE)
        self.hits: list[tuple[Needle, int]] = []

    def feed(self, data: bytes) -> None:
        self._parts.append(data)
        self._held += len(data)
        if self._held >= PIECE:
            self._search()

    def finish(self) -> list[tuple[Needle, int]]:
        """The needles found, with their offsets in the stream."""
        if self._held:
            self._search()
        return self.hits

    def _search(self) -> None:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._held = [], 0
        piece = self._tail + data
        # Files have long runs of nothing; comparing is twenty times quicker than searching.
        if data != self._zeros or self._tail.strip(b"\0"):
            for needle, at in self._finder.finds(piece, self._known):
                if (needle.number, needle.form) not in self._known:
                    self._known.add((needle.number, needle.form))
                    self.hits.append((needle, self._base + at))
        self._base += max(0, len(piece) - self._finder.tail)
        self._tail = piece[-self._finder.tail :]
