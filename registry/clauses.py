"""A policy's text split into its numbered clauses, as it stands. Standard library only.

Nothing is corrected: what is missing is missing, and ``gaps`` names it. Two shapes are read. In
the plain one a line begins with its number (``5. Conditions``, ``5.2. Personal data``). In the
other one each line bears the number of a list that a site put around it (``  7. 2.2. Blocking``):
that number is dropped, and so chapters lose theirs; they get it back from their clauses and from
their place among the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Longer than this is no heading, and ends of sentences are none either.
LONGEST_HEADING = 200
_PART = r"[1-9][0-9]?"
_NUMBER = rf"{_PART}(?:\.{_PART}){{1,5}}"
# A date or a sum at the beginning of a line is no number of a clause.
_DEEP = re.compile(rf"\s*({_NUMBER})\.(?![0-9])\s*(.*)")
_BARE = re.compile(rf"\s*({_NUMBER})(?:\s+(?![\s0-9a-zа-яёәғқңөұүһі%])|$)(.*)")
_TOP = re.compile(rf"\s*({_PART})\.\s+(.*)")
_NOISE = re.compile(r"\s*[0-9]{1,4}\.\s+(.*)")
_SENTENCE_ENDS = (".", ";", ":", ",", "!", "?", "…")
_BULLETS = ("—", "–", "-", "•", "*", "·", "‣", "▪", "●", "○", "◦")


@dataclass(frozen=True, slots=True)
class Clause:
    """A chapter (with its heading) or a clause; what stands before the first has no number."""

    number: str
    heading: str
    text: str

    @property
    def parts(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.number.split(".")) if self.number else ()

    def stored(self) -> dict[str, str]:
        """As ``PolicyText.clauses`` keeps it."""
        return {"number": self.number, "heading": self.heading, "text": self.text}


@dataclass(frozen=True, slots=True)
class Gap:
    """A number that the numbering skips; ``heading``: its clauses are there, itself is not."""

    number: str
    heading: bool


@dataclass(slots=True)
class _Line:
    """A line without the number of a site's list.

    ``number``: ``5`` of a chapter, ``5.2`` of a clause; ``text``: what follows it; ``whole``:
    both; ``listed``: the site had it in a list, so a heading among such lines lost its number.
    """

    whole: str
    text: str
    number: str = ""
    listed: bool = False
    heading: bool = False

    @property
    def chapter(self) -> int:
        return int(self.number.partition(".")[0])

    @property
    def deep(self) -> bool:
        return "." in self.number

    @property
    def like_heading(self) -> bool:
        text = self.text.strip()
        return (
            0 < len(text) <= LONGEST_HEADING
            and not text.endswith(_SENTENCE_ENDS)
            and not text.startswith(_BULLETS)
        )


def restored(clauses: Iterable[Mapping[str, str]]) -> list[Clause]:
    """The clauses that ``PolicyText.clauses`` keeps."""
    return [Clause(row["number"], row["heading"], row["text"]) for row in clauses]


def split(text: str) -> list[Clause]:
    """The chapters and clauses in the order of the text.

    No letter is lost: numbers, headings and texts in a row are the text again, without its white
    space and without the numbers of a site's lists. Lists and tables belong to the clause above
    them. A number may be missing or come twice.
    """
    lines = _lines(text)
    _keep_true_chapters(lines)
    _number_headings(lines)
    found: list[Clause] = []
    number, heading, body = "", "", list[str]()
    for line in lines:
        if not line.number:
            body.append(line.text)
            continue
        _close(found, number, heading, body)
        number, heading, body = line.number, "", [line.text]
        if line.heading:
            heading, body = line.text.strip(), []
    _close(found, number, heading, body)
    return found


def gaps(clauses: Iterable[Clause]) -> list[Gap]:
    """The numbers that are skipped, in their order; none where nothing is numbered."""
    present = {clause.parts for clause in clauses if clause.number}
    above = {parts[:depth] for parts in present for depth in range(1, len(parts))}
    last: dict[tuple[int, ...], int] = {}
    for parts in present | above:
        last[parts[:-1]] = max(last.get(parts[:-1], 0), parts[-1])
    missing = [
        (*parent, place)
        for parent, end in last.items()
        for place in range(1, end + 1)
        if (*parent, place) not in present
    ]
    return [Gap(".".join(map(str, parts)), parts in above) for parts in sorted(missing)]


def _close(found: list[Clause], number: str, heading: str, body: list[str]) -> None:
    # Blank lines around a text are the page's, those inside are the author's.
    text = "\n".join(line.rstrip() for line in body).strip()
    if number or text:
        found.append(Clause(number, heading, text))


# --- lines -------------------------------------------------------------------------------------
def _lines(text: str) -> list[_Line]:
    raw = text.split("\n")
    read = _listed if _in_a_list(raw) else _plain
    return [read(line) for line in raw]


def _in_a_list(raw: list[str]) -> bool:
    """Whether a site put a list around the text: more clauses bear two numbers than one."""
    twice = once = 0
    for line in raw:
        noise = _NOISE.fullmatch(line)
        if noise and _plain(noise.group(1)).deep:
            twice += 1
        elif _plain(line).deep:
            once += 1
    return twice > once


def _plain(line: str) -> _Line:
    match = _DEEP.fullmatch(line) or _BARE.fullmatch(line) or _TOP.fullmatch(line)
    return _Line(line, match.group(2), match.group(1)) if match else _Line(line, line)


def _listed(line: str) -> _Line:
    noise = _NOISE.fullmatch(line)
    if noise is None:
        return _Line(line, line)
    inner = _plain(noise.group(1))
    inner.listed = True
    return inner


# --- chapters ----------------------------------------------------------------------------------
def _keep_true_chapters(lines: list[_Line]) -> None:
    """Leave their numbers to chapters alone: lists inside a clause are numbered 1, 2, 3 too.

    A chapter goes forward, and not past the clause that comes next. Of two lines with one number
    before a clause the later is the chapter, the earlier a list or a table of contents.
    """
    ahead: list[tuple[int, bool]] = []
    following, later = 0, set[int]()
    for line in reversed(lines):
        if line.deep:
            following, later = line.chapter, set()
        if not line.number or line.deep:
            ahead.append((following, False))
            continue
        ahead.append((following, line.chapter in later))
        later.add(line.chapter)
    current = 0
    for line, (following, again) in zip(lines, reversed(ahead), strict=True):
        if line.deep:
            current = line.chapter
        elif line.number:
            own = following == line.chapter
            forward = current < line.chapter and not again
            if forward and (own or not following or following > line.chapter and line.like_heading):
                current = line.chapter
                # With clauses of its own even "1. Terms." is a heading, not a sentence.
                short = own and len(line.text) <= LONGEST_HEADING and line.text.strip() != ""
                line.heading = line.like_heading or short
            else:
                line.text, line.number = line.whole, ""


def _number_headings(lines: list[_Line]) -> None:
    """Give the chapters of a site's list the numbers that their place leaves them."""
    current, waiting = 0, list[_Line]()
    followed = False
    for line in lines:
        if line.number:
            room = range(current + 1, line.chapter + 1 if line.deep else line.chapter)
            # The nearest heading is the clause's own; one more than there is room for is none.
            for chapter, heading in zip(reversed(room), reversed(waiting), strict=False):
                _head(heading, chapter)
            current, waiting, followed = line.chapter, [], False
        elif line.listed and line.like_heading:
            waiting.append(line)
            followed = False
        elif line.text.strip():
            followed = bool(waiting)
    if current and followed:
        # After the last clause: only what has a text of its own, so no signature.
        _head(waiting[-1], current + 1)


def _head(line: _Line, chapter: int) -> None:
    line.number, line.heading = str(chapter), True
