"""What differs between two texts of a policy, clause by clause. Standard library only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from registry.clauses import Clause

Kind = Literal["same", "added", "removed"]
# Comparing takes the product of both, and its square where the same few words come again and
# again: a page for everybody must not take minutes.
MOST_PAIRS = 2_000_000
MOST_ALIKE = 40
_WORDS = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words in a row that stayed, came or went."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A clause that came, went, or changed in its heading or its words."""

    number: str
    kind: Literal["added", "removed", "changed"]
    heading: tuple[Piece, ...]
    text: tuple[Piece, ...]


def changes(before: Iterable[Clause], after: Iterable[Clause]) -> list[Change]:
    """The clauses that differ, in the order of the newer text; what went stands where it stood.

    A clause is known by its number (by number and place among its like, where one comes twice).
    White space alone is no difference.
    """
    old, new = _named(before), _named(after)
    gone: dict[tuple[str, int] | None, list[Change]] = {}
    place = None
    for key, clause in old.items():
        if key in new:
            place = key
        else:
            gone.setdefault(place, []).append(_change(clause, None))
    found = gone.pop(None, [])
    for key, clause in new.items():
        change = _change(old.get(key), clause)
        if change.kind != "changed" or _differs(change):
            found.append(change)
        found += gone.get(key, [])
    return found


def _named(clauses: Iterable[Clause]) -> dict[tuple[str, int], Clause]:
    times: Counter[str] = Counter()
    named = {}
    for clause in clauses:
        named[clause.number, times[clause.number]] = clause
        times[clause.number] += 1
    return named


def _change(old: Clause | None, new: Clause | None) -> Change:
    one = new or old
    if one is None:
        raise ValueError("A change of nothing.")
    return Change(
        one.number,
        "changed" if old and new else "added" if new else "removed",
        pieces(old.heading if old else "", new.heading if new else ""),
        pieces(old.text if old else "", new.text if new else ""),
    )


def _differs(change: Change) -> bool:
    return any(piece.kind != "same" for piece in (*change.heading, *change.text))


def pieces(old: str, new: str) -> tuple[Piece, ...]:
    """The newer text with what came and what went, word by word; joined it is both texts."""
    if old.split() == new.split():
        return (Piece("same", new),) if new else ()
    one, two = _WORDS.findall(old), _WORDS.findall(new)
    if _too_much(one, two):
        one, two = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if _too_much(one, two):
        one, two = [old], [new]
    found: list[Piece] = []
    # White space is no difference, so what is compared has none.
    keys = [tuple(word.split()) for word in one], [tuple(word.split()) for word in two]
    for kind, a, b, c, d in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if kind == "equal":
            _add(found, "same", two[c:d])
        else:
            _add(found, "removed", one[a:b])
            _add(found, "added", two[c:d])
    return tuple(found)


def _too_much(one: Sequence[str], two: Sequence[str]) -> bool:
    """By how many pairs of equal words there are beside the pairs of all: each is looked at."""
    if len(one) * len(two) > MOST_PAIRS:
        return True
    times = Counter(word.strip() for word in two)
    alike = sum(times[word.strip()] for word in one)
    return alike > MOST_ALIKE * (len(one) + len(two) + 100)


def _add(found: list[Piece], kind: Kind, words: Sequence[str]) -> None:
    if words:
        found.append(Piece(kind, "".join(words)))
