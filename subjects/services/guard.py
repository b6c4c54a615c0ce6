"""The one guard of blocked data: kept, but neither used nor changed nor passed on.

152-FZ 3(7): blocking ends every processing but the one that clarifies the data; 21(1), 21(6); 94-V
25(2)(8). Whoever reads, exports, mails, imports over or changes asks here. What narrows or ends
processing (a withdrawal, the end of a ground, a destruction) never asks: a block protects the
person from use, not from the end of it.

A number opens what it blocks: a request reads the data that it asked to be blocked. Where several
numbers block the same datum, all of them must be named (``"REQ-1, REQ-2"``), because each of them
forbids every use but its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import override

from registry import seam
from registry.errors import Conflict, gettext_noop
from registry.models import DataCategory
from registry.seam.gathering import gathered
from subjects.choices import BlockReason
from subjects.models import Block, Consent, DataSubject, PersonalDatum, Stop

# An annotation of cards and of data: the blocks that stand over them.
BLOCKS, STOPS = "standing_blocks", "standing_stops"


class DataBlocked(Conflict):
    template = gettext_noop(
        "%(code)s: %(label)s blocks this since %(day)s (%(why)s). Blocked data are neither used "
        "nor changed nor passed on (152-FZ 3(7), 21, 94-V 25(2)(8))."
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """A block or a stop that stands, as pages tell of it. ``category`` None: everything."""

    number: int
    label: str
    why: str
    since: datetime
    category: int | None = None
    reason: str = ""
    name: str = ""
    # Of a legal hold: the paper that orders it, its last day, the day of its review.
    document: str = ""
    until: date | None = None
    review: date | None = None

    def covers(self, category: int | None) -> bool:
        return self.category is None or self.category == category


def numbers_in(label: str) -> frozenset[str]:
    """The numbers that a label or a reason names: the whole of it, and its parts."""
    parts = {part.strip() for part in (label, *re.split(r"[,;]", label))}
    return frozenset(parts - {""})


def against(blocks: Iterable[Standing], label: str = "") -> Standing | None:
    """The oldest of these blocks that the label does not name; None: the way is free."""
    named = numbers_in(label)
    foreign = [block for block in blocks if block.label not in named]
    return min(foreign, key=lambda block: (block.since, block.number), default=None)


def refusal(subject: DataSubject, block: Standing) -> DataBlocked:
    """The refusal in words: whose card, which number, since when and why; never a value."""
    with override(None):
        why = str(BlockReason(block.why).label)
    day = block.since.astimezone(subject.operator.zone).date().isoformat()
    return DataBlocked(code=subject.code, label=block.label, day=day, why=why)


def require_unblocked(
    subject: DataSubject, *, category: DataCategory | None = None, label: str = ""
) -> None:
    """Refuse what a standing block forbids: one of the whole card, or of this category.

    ``label``: the number for which it is done; a block of that very number does not forbid it.
    Whoever changes something holds the card's lock, so that no block comes in between.
    """
    wanted = category.pk if category is not None else None
    found = [block for block in standing([subject.pk])[subject.pk] if block.covers(wanted)]
    block = against(found, label)
    if block is not None:
        raise refusal(subject, block)


def require_no_block(subject: DataSubject) -> None:
    """Refuse while anything of the card is blocked, under whichever number."""
    block = against(standing([subject.pk])[subject.pk])
    if block is not None:
        raise refusal(subject, block)


def first_blocked(
    keys: Iterable[int], *, for_label: str = ""
) -> tuple[DataSubject, Standing] | None:
    """Of the data under these keys, one that a block covers, and the block; None: all are free.

    For copies that were made before: whatever was copied is passed on no more than the datum is,
    unless ``for_label`` names every number that blocks it.
    """
    foreign = _over_data().exclude(label__in=numbers_in(for_label))
    blocked = PersonalDatum.objects.filter(Exists(foreign)).select_related("subject")
    datum = seam.numbered(blocked.order_by("pk"), "value_key", keys).first()
    if datum is None:
        return None
    block = against(over([datum])[datum], for_label)
    return None if block is None else (datum.subject, block)


# --- querysets -----------------------------------------------------------------------------------
def _over_data() -> QuerySet[Block]:
    """The standing blocks over the datum of the outer query."""
    return Block.objects.filter(ended_at=None, subject=OuterRef("subject")).filter(
        Q(category=None) | Q(category=OuterRef("category"))
    )


def blocks_of_data() -> Subquery:
    """An annotation of data: the blocks that stand over each, without a query of their own."""
    return gathered(
        _over_data(),
        number="pk", label="label", why="why", since="started_at", category="category",
    )  # fmt: skip


def blocks_of_cards() -> Subquery:
    """An annotation of cards: all blocks that stand, with what a banner says of them."""
    rows = Block.objects.filter(ended_at=None, subject=OuterRef("pk"))
    names = {f"name_{code}": f"category__name_{code}" for code in ("ru", "kk", "en")}
    return gathered(
        rows,
        number="pk", label="label", why="why", since="started_at", category="category",
        reason="reason", **names,
    )  # fmt: skip


def stops_of_cards() -> Subquery:
    """An annotation of cards: all stops that stand."""
    rows = Stop.objects.filter(ended_at=None, subject=OuterRef("pk"))
    return gathered(
        rows, number="pk", label="label", why="kind", since="started_at", reason="reason",
        document="document", until="until_on", review="review_on",
    )  # fmt: skip


def annotated(row: Any, name: str = BLOCKS) -> list[Standing]:
    """What the annotation of this row says, the oldest first."""
    found = [_standing(**facts) for facts in getattr(row, name) or []]
    return sorted(found, key=lambda one: (one.since, one.number))


def _standing(*, since: str, **facts: Any) -> Standing:
    names = {key: facts.pop(key) or "" for key in ("name_ru", "name_kk", "name_en") if key in facts}
    at = datetime.fromisoformat(since)
    name = str(DataCategory(**names)) if any(names.values()) else ""
    for day in ("until", "review"):
        if facts.get(day):
            facts[day] = date.fromisoformat(facts[day])
    return Standing(since=at if at.tzinfo else at.replace(tzinfo=UTC), name=name, **facts)


# --- rows in hand --------------------------------------------------------------------------------
def standing(subjects: Iterable[int]) -> Mapping[int, list[Standing]]:
    """Card -> the blocks that stand over it or a category of it; one query."""
    found: dict[int, list[Standing]] = defaultdict(list)
    rows = Block.objects.filter(subject__in=list(subjects), ended_at=None)
    for subject, number, label, why, since, category in rows.order_by(
        "started_at", "pk"
    ).values_list("subject", "pk", "label", "why", "started_at", "category"):
        found[subject].append(Standing(number, label, why, since, category))
    return found


def over(rows: Iterable[Any]) -> dict[Any, list[Standing]]:
    """Data and consents -> the blocks that stand over each.

    Read from the annotation of the row or of its card; one query for all rows without one: who
    forgets to annotate shows no more for it. The evidence of a consent has no category: only a
    block of everything covers it.
    """
    found: dict[Any, list[Standing]] = {}
    unknown: list[tuple[Any, int, int | None]] = []
    for row in rows:
        owner = row.ground if isinstance(row, Consent) else row
        category = None if isinstance(row, Consent) else row.category_id
        card = owner._state.fields_cache.get("subject")
        known = next((one for one in (row, card) if hasattr(one, BLOCKS)), None)
        if known is None:
            unknown.append((row, owner.subject_id, category))
        else:
            found[row] = [block for block in annotated(known) if block.covers(category)]
    if unknown:
        asked = standing({subject for _row, subject, _category in unknown})
        for row, subject, category in unknown:
            found[row] = [block for block in asked[subject] if block.covers(category)]
    return found
