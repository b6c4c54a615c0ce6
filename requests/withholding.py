"""Passages that somebody else's privacy keeps out of an answer, taken out of its texts.

Standard library only. A passage leaves the text itself: nothing is drawn over it, and what stands
in its place is of one length whatever it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# Shorter ones would take pieces out of every word.
LEAST = 2
LIMIT = 300


@dataclass(frozen=True, slots=True, repr=False)
class Passage:
    """Words to withhold and their number in the answer; the words stay out of the repr."""

    number: int
    words: str


def spelled(words: str) -> str:
    """As it is compared: composed, one space between words, no invisible signs."""
    text = unicodedata.normalize("NFC", words)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return " ".join(text.split())


def _pattern(words: str) -> re.Pattern[str]:
    """The words in any case, across line breaks and hidden signs, not inside a longer word."""
    hidden = "[\u00ad\u200b-\u200f\u2060\ufeff]*"
    letters = [
        r"\s+" if sign == " " else "[её]" if sign.casefold() in "её" else re.escape(sign)
        for sign in spelled(words)
    ]
    before = r"(?<!\w)" if words[:1].isalnum() else ""
    after = r"(?!\w)" if words[-1:].isalnum() else ""
    return re.compile(before + hidden.join(letters) + after, re.IGNORECASE)


def withheld(
    text: str, passages: Iterable[Passage], marks: Mapping[int, str]
) -> tuple[str, dict[int, int]]:
    """The text without the passages, each replaced by its mark, and how often each stood in it.

    ``marks``: number -> what stands in its place. The longest goes first, so that a name inside a
    longer passage does not leave the rest of it behind.
    """
    text = unicodedata.normalize("NFC", text)
    found: dict[int, int] = {}
    places: list[tuple[int, int, int]] = []
    for passage in sorted(passages, key=lambda one: (-len(one.words), one.number)):
        for match in _pattern(passage.words).finditer(text):
            start, end = match.span()
            if not any(start < taken_end and taken < end for taken, taken_end, _n in places):
                places.append((start, end, passage.number))
                found[passage.number] = found.get(passage.number, 0) + 1
    pieces, at = [], 0
    for start, end, number in sorted(places):
        pieces += [text[at:start], marks[number]]
        at = end
    return "".join([*pieces, text[at:]]), found


def left_over(texts: Sequence[str], passages: Iterable[Passage]) -> list[int]:
    """Numbers of the passages that can still be read in these texts, however they are broken."""
    joined = spelled(" ".join(texts))
    bare = "".join(joined.split()).casefold().replace("ё", "е")
    found = []
    for passage in passages:
        words = "".join(spelled(passage.words).split()).casefold().replace("ё", "е")
        # A short one stands inside other words by chance: it counts where it stands alone.
        short = len(words) < 6
        if _pattern(passage.words).search(joined) or (not short and words in bare):
            found.append(passage.number)
    return found
