"""What a page shows of people: values opened or masked, a page of rows with one query for keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Value

from registry.choices import DataFormat
from subjects.choices import HeldIn, Looked
from subjects.masking import HIDDEN, mask
from subjects.models import (
    AccessEvent,
    Block,
    Consent,
    DataSubject,
    DestructionRuling,
    Ground,
    PersonalDatum,
    Stop,
    SubjectLink,
)
from subjects.services import guard
from subjects.services.guard import Standing
from subjects.services.ruling_facts import RULINGS_OF, rulings_of_data
from subjects.vault import store
from subjects.vault.sealing_bridge import text_of


class State(StrEnum):
    """What became of a value, and how much of it the reader gets."""

    OPEN = "open"
    MASKED = "masked"
    FILE = "file"
    BLOCKED = "blocked"
    ELSEWHERE = "elsewhere"
    DESTROYED = "destroyed"
    LOST = "lost"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as this reader may see it. ``text``: the value when open, else its mask.

    Of what is blocked there is no mask either: ``block`` says by which number.
    """

    state: State
    text: str = field(default="", repr=False)
    item: store.Gone | None = None
    block: Standing | None = None


def key_of(row: Any) -> int | None:
    """The key of the one sealed thing of a datum or a consent."""
    return row.evidence_key if isinstance(row, Consent) else row.key_number


def show(rows: Iterable[Any], *, opened: bool, for_label: str = "") -> dict[Any, Shown]:
    """Data and consents -> what to show; one query for all keys and what became of them.

    What is blocked is not opened at all, not even for a mask, unless ``for_label`` names the
    number that blocks it (one query more for rows that ``data_of`` has not read). Refuses a value
    that carries the key of another row.
    """
    rows = list(rows)
    numbers = {row: key_of(row) for row in rows}
    keys, gone = store.keys_and_gone(number for number in numbers.values() if number)
    blocks = guard.over(row for row, number in numbers.items() if number in keys)
    found = {}
    for row, number in numbers.items():
        if number is None:
            elsewhere = isinstance(row, PersonalDatum) and row.held_in != HeldIn.VAULT
            found[row] = Shown(State.ELSEWHERE if elsewhere else State.EMPTY)
        elif number in gone:
            found[row] = Shown(State.DESTROYED, item=gone[number])
        elif number not in keys:
            found[row] = Shown(State.LOST)
        elif block := guard.against(blocks[row], for_label):
            found[row] = Shown(State.BLOCKED, block=block)
        else:
            found[row] = _present(row, keys[number], opened)
    return found


def _present(row: Any, key: Any, opened: bool) -> Shown:
    if isinstance(row, PersonalDatum) and row.file_id:
        return Shown(State.FILE)
    state = State.OPEN if opened else State.MASKED
    if isinstance(row, Consent):
        # Free text: no part of it is safe to show.
        return Shown(state, text_of(row, "evidence", key, row.evidence.raw) if opened else HIDDEN)
    text = text_of(row, "value", key, row.value.raw)
    return Shown(state, text if opened else mask(format_of(row), text))


def shown_texts(
    wanted: Mapping[Any, tuple[Any, str]], *, opened: bool, masked: Callable[[Any, str], str]
) -> dict[Any, Shown]:
    """What is wanted -> the sealed field of a row, as a reader gets it; one query for all.

    For rows that no block covers, of requests and letters. ``masked``: of what is wanted and its
    text, what may be shown of it.
    """
    numbers = {one: getattr(row, f"{name}_key") for one, (row, name) in wanted.items()}
    keys, gone = store.keys_and_gone(number for number in numbers.values() if number)
    found = {}
    for one, number in numbers.items():
        row, name = wanted[one]
        if number is None:
            found[one] = Shown(State.EMPTY)
        elif number in gone:
            found[one] = Shown(State.DESTROYED, item=gone[number])
        elif number not in keys:
            found[one] = Shown(State.LOST)
        else:
            text = text_of(row, name, keys[number], getattr(row, name).raw)
            found[one] = (
                Shown(State.OPEN, text) if opened else Shown(State.MASKED, masked(one, text))
            )
    return found


def format_of(datum: PersonalDatum) -> str:
    """The format of a datum's category; what only identifies a row is an account."""
    return datum.category.format if datum.category else DataFormat.ACCOUNT


def data_of(subjects: Iterable[int]) -> QuerySet[PersonalDatum]:
    """The data of these people; each says which blocks and decisions stand over it."""
    rows = PersonalDatum.objects.filter(subject__in=list(subjects))
    return rows.select_related("category", "system", "carrier", "file").annotate(
        **{guard.BLOCKS: guard.blocks_of_data(), RULINGS_OF: rulings_of_data()}
    )


# --- one card ------------------------------------------------------------------------------------
def with_state(cards: QuerySet[DataSubject], user: Any) -> QuerySet[DataSubject]:
    """Cards that also say what this user last did to see them, which blocks and stops stand, and
    whether other cards matter.

    All in the query of the card itself: the page of a card is counted in queries.
    """
    mine = AccessEvent.objects.filter(
        subject=OuterRef("pk"), user=user.pk, what__in=[Looked.REVEAL, Looked.HIDE]
    ).order_by("-at", "-id")
    standing = SubjectLink.objects.filter(ended_at=None)
    return cards.select_related("operator__jurisdiction", "category", "merged_into").annotate(
        last_reveal=Subquery(mine.values("until")[:1]),
        last_reason=Subquery(mine.values("reason")[:1]),
        had_holds=Exists(Block.objects.filter(subject=OuterRef("pk")))
        | Exists(Stop.objects.filter(subject=OuterRef("pk")))
        | Exists(DestructionRuling.objects.filter(datum__subject=OuterRef("pk"))),
        has_links=Exists(standing.filter(first=OuterRef("pk")))
        | Exists(standing.filter(second=OuterRef("pk"))),
        has_merged=Exists(DataSubject.objects.filter(merged_into=OuterRef("pk"))),
        **{guard.BLOCKS: guard.blocks_of_cards(), guard.STOPS: guard.stops_of_cards()},
    )


def open_for(card: DataSubject, now: datetime) -> str:
    """For which reason the user of ``with_state`` sees this card open; empty: it is masked."""
    return getattr(card, "last_reason", "") or "" if open_until(card, now) else ""


def open_until(card: DataSubject, now: datetime) -> datetime | None:
    """Until when the user of ``with_state`` sees this card open; None: it is masked."""
    until: datetime | None = getattr(card, "last_reveal", None)
    return until if until is not None and until > now else None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another card of the same person: linked to this one, or merged into it."""

    pk: int
    code: str
    merged: bool
    link: int


def neighbours(card: DataSubject) -> list[Neighbour]:
    """Cards linked to this one and cards merged into it; one query, none when there are none."""
    if not (getattr(card, "has_links", True) or getattr(card, "has_merged", True)):
        return []
    standing = SubjectLink.objects.filter(ended_at=None)
    merged = (
        DataSubject.objects.filter(merged_into=card)
        .order_by()
        .values_list("pk", "code", Value(1), Value(0))
    )
    forth = standing.filter(first=card).values_list("second", "second__code", Value(0), "pk")
    back = standing.filter(second=card).values_list("first", "first__code", Value(0), "pk")
    rows = merged.union(forth, back, all=True)
    return [Neighbour(pk, code, bool(is_merged), link) for pk, code, is_merged, link in rows]


def events_of(cards: Sequence[int], limit: int) -> list[AccessEvent]:
    """Who looked at these cards, the newest first; one query."""
    rows = AccessEvent.objects.filter(subject__in=cards).select_related("user", "subject")
    return list(rows.order_by("-at", "-id")[:limit])


# --- many cards ----------------------------------------------------------------------------------
# Enough to recognise a person in a list.
TELLING = (DataFormat.NAME, DataFormat.EMAIL, DataFormat.PHONE)


def contacts(cards: Iterable[int]) -> Mapping[int, list[str]]:
    """Card -> masks of names and contacts; two queries for the whole page, one of them for keys."""
    data = list(data_of(cards).filter(category__format__in=TELLING, value_key__isnull=False))
    shown = show(data, opened=False)
    found: dict[int, list[str]] = defaultdict(list)
    for datum in sorted(data, key=lambda row: (TELLING.index(format_of(row)), row.pk)):
        if shown[datum].state == State.MASKED:
            found[datum.subject_id].append(shown[datum].text)
    return found


@dataclass(slots=True)
class Hit:
    """A card among the hits of a search."""

    card: DataSubject
    values: list[tuple[str, str]]
    gone: int
    since: date | None
    grounds: int
    blocked: bool


def hits(cards: Sequence[DataSubject], today: date) -> list[Hit]:
    """What tells the hits apart: masks by category, first day of collection, live grounds.

    Three queries for all.
    """
    numbers = [card.pk for card in cards]
    data = list(data_of(numbers))
    shown = show(data, opened=False)
    live = dict(
        Ground.objects.filter(subject__in=numbers, started_on__lte=today)
        .filter(Q(ended_on=None) | Q(ended_on__gt=today))
        .order_by()
        .values_list("subject")
        .annotate(Count("pk"))
    )
    by_card: dict[int, list[PersonalDatum]] = defaultdict(list)
    for datum in data:
        by_card[datum.subject_id].append(datum)
    found = []
    for card in cards:
        mine = by_card[card.pk]
        masked = [
            (str(datum.category or ""), shown[datum].text)
            for datum in mine
            if shown[datum].state == State.MASKED and shown[datum].text.strip("•")
        ]
        gone = sum(shown[datum].state == State.DESTROYED for datum in mine)
        since = min((datum.collected_on for datum in mine), default=None)
        blocked = any(shown[datum].state == State.BLOCKED for datum in mine)
        found.append(Hit(card, masked, gone, since, live.get(card.pk, 0), blocked))
    return found
