"""A list of people as a file: each line a card's code or an identifier; nothing of it is kept."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from registry import seam
from registry.errors import OperatorError, gettext_noop
from registry.models import Operator
from subjects.folding import query_terms
from subjects.models import DataSubject, SearchToken, VaultKey
from subjects.services.cards import code_of
from subjects.services.search import TEXT_LIMIT
from subjects.vault import store
from subjects.vault.models import Sealed

LINES_LIMIT = 200_000
# Identifiers of one person; a name or four digits would name half of the town.
TAKEN = frozenset({"email", "phone", "iin", "bin", "account"})
DELIMITERS = ",;\t"
# What the first line of a list may say instead of naming somebody.
HEADS = TAKEN | {"code"}
# Numbers of lines that stand in the journal.
TOLD = 100


class ListNotText(OperatorError):
    template = gettext_noop("The list is no text in UTF-8. Save it as CSV in UTF-8.")


class ListEmpty(OperatorError):
    template = gettext_noop("The list has no lines.")


class ListTooLong(OperatorError):
    template = gettext_noop("The list has more than %(limit)s lines: cut it into several.")


@dataclass(slots=True)
class Listed:
    """Whom the lines name; ``nobody``, ``unread``: numbers of lines from 1, never their text."""

    cards: list[int] = field(default_factory=list)
    nobody: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)

    def told(self) -> dict[str, str]:
        """For the journal."""
        return {"nobody": _numbers(self.nobody), "unread": _numbers(self.unread)}


def _numbers(lines: list[int]) -> str:
    named = ", ".join(map(str, lines[:TOLD]))
    more = f" … ({len(lines)})" if len(lines) > TOLD else ""
    return f"{named}{more}" if named else "–"


def listed_cards(operator: Operator, content: bytes) -> Listed:
    """The living cards of the operator that the lines name; a card of another one is nobody.

    Of each line the first cell counts, as a code first. A few queries for each thousand of lines.
    """
    typed = list(_typed(content))
    if not typed:
        raise ListEmpty()
    found = Listed()
    by_code = _cards_with(operator, {code for _line, text in typed if (code := code_of(text))})
    tokens: dict[int, list[bytes]] = {}
    for line, text in typed:
        card = by_code.get(code_of(text))
        if card is not None:
            found.cards.append(card)
        elif terms := _terms(text):
            tokens[line] = store.tokens_for(operator.pk, terms)
        else:
            (found.nobody if code_of(text) else found.unread).append(line)
    owners = _owners({token for mine in tokens.values() for token in mine})
    living = _living(operator, {owner for mine in owners.values() for owner in mine})
    for line, mine in tokens.items():
        cards = {
            living[owner] for token in mine for owner in owners.get(token, ()) if owner in living
        }
        found.cards.extend(cards)
        if not cards:
            found.nobody.append(line)
    found.cards = sorted(set(found.cards))
    found.nobody.sort()
    return found


def _typed(content: bytes) -> Iterator[tuple[int, str]]:
    """Number and first cell of each line that has one."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ListNotText() from None
    # Excel writes what its country writes.
    head = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=head.count)
    try:
        for number, cells in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1
        ):
            if number > LINES_LIMIT:
                raise ListTooLong(limit=LINES_LIMIT)
            typed = cells[0].strip().removeprefix("'") if cells else ""
            if typed and not (number == 1 and typed.casefold() in HEADS):
                yield number, typed
    except csv.Error:
        # A NUL, or one cell of more than 128 KB: no list of identifiers.
        raise ListNotText() from None


def _terms(typed: str) -> list[store.Term]:
    if len(typed) > TEXT_LIMIT:
        return []
    meanings = [one for one in query_terms(typed) if one.label in TAKEN]
    # Everything could be an account: words are not, for a name is no identifier.
    if any(sign.isspace() for sign in typed):
        meanings = [one for one in meanings if one.label != "account"]
    return [term for meaning in meanings for term in meaning.groups[0]]


def _pieces(wanted: Collection[Any]) -> Iterator[list[Any]]:
    listed = sorted(wanted)
    for start in range(0, len(listed), store.AT_ONCE):
        yield listed[start : start + store.AT_ONCE]


def _cards_with(operator: Operator, codes: set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    rows = DataSubject.objects.filter(operator=operator).order_by()
    for piece in _pieces(codes):
        for code, number, heir in rows.filter(code__in=piece).values_list(
            "code", "pk", "merged_into"
        ):
            found[code] = heir or number
    return found


def _owners(tokens: set[bytes]) -> dict[bytes, set[int]]:
    """Token -> numbers of the people whose value has it."""
    keys: dict[int, list[bytes]] = defaultdict(list)
    for piece in _pieces(tokens):
        for token, key in SearchToken.objects.filter(token__in=piece).values_list("token", "key"):
            keys[key].append(bytes(token))
    data = VaultKey.objects.filter(kind=Sealed.DATUM).order_by()
    found: dict[bytes, set[int]] = defaultdict(set)
    for key, owner in seam.numbered(data, "id", keys).values_list("pk", "owner"):
        for token in keys[key]:
            found[token].add(owner)
    return found


def _living(operator: Operator, owners: Iterable[int]) -> dict[int, int]:
    rows = DataSubject.objects.filter(operator=operator).order_by()
    found = seam.numbered(rows, "id", owners).values_list("pk", "merged_into")
    return {number: heir or number for number, heir in found}
