"""The subject line of a mail -> the request that it opens. Standard library only.

Operators publish marked subjects: who writes under one has asked, whatever the text says. Words
that merely resemble one open nothing; a person reads those.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_PREFIX = re.compile(
    r"(?:re|fwd?|aw|wg|отв|ответ|пересл|пер|жауап|қайта жіберу)\s*"
    r"(?:\[\d{1,4}\]|\(\d{1,4}\))?\s*:\s*"
)
_QUOTES = "\"'«»„“”‘’"
# What may part the marked words from what the sender added: a name, a date, an account.
_AFTER = re.compile(r"\s*[-–—:,.;!|/#(\[]")


@dataclass(frozen=True, slots=True)
class MarkedSubject:
    """Words of a subject line and the kind of request that they open."""

    words: str
    kind: str
    language: str


# Every operator has these beside its own.
COMMON = (
    MarkedSubject("Personal Data Update", "correction", "en"),
    MarkedSubject("Withdrawal of Consent to Personal Data Processing", "withdrawal", "en"),
)


def folded(subject: str) -> str:
    """For comparing: without case, extra spaces, invisible signs, quotes, and yo as e."""
    text = unicodedata.normalize("NFKC", subject)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf" and c not in _QUOTES)
    return " ".join(text.casefold().replace("ё", "е").split())


def without_prefixes(subject: str) -> str:
    """The folded subject after every ``Re:``, ``Fwd:``, ``Ответ:``, ``Жауап:`` before it."""
    text = folded(subject)
    while (prefix := _PREFIX.match(text)) is not None:
        text = text[prefix.end() :]
    return text


def recognised(subject: str, marked: Iterable[MarkedSubject] = COMMON) -> MarkedSubject | None:
    """The marked subject that this line is, or None.

    The line is the marked words, or begins with them before a sign of punctuation. The longest
    wins; where two of one length name different kinds, none does: a person decides.
    """
    text = without_prefixes(subject)
    found = [
        (len(words), one) for one in marked if (words := folded(one.words)) and _is(text, words)
    ]
    if not found:
        return None
    longest = max(length for length, _one in found)
    best = [one for length, one in found if length == longest]
    return best[0] if len({one.kind for one in best}) == 1 else None


def _is(text: str, words: str) -> bool:
    return text == words or (text.startswith(words) and bool(_AFTER.match(text[len(words) :])))
