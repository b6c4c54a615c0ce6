"""What the papers of an act tell, gathered once for all of them and put into words; no value."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from django.utils.translation import gettext

from registry import seam
from registry.explain import long_day
from registry.models import DataCategory
from subjects.choices import Outcome, StopKind
from subjects.models import ActItem, DataSubject, DestructionAct, DestructionItem
from subjects.services.executing import NO_GROUND, reason_of
from subjects.services.fates import APART
from subjects.vault.models import Sealed

CHUNK = 5_000


@dataclass(slots=True)
class Gone:
    """What an act destroyed, gathered once for all its papers; no value."""

    people: dict[int, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    values: Counter[tuple[int, int]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    codes: dict[int, str] = field(default_factory=dict)
    categories: dict[int, DataCategory] = field(default_factory=dict)
    elsewhere: list[ActItem] = field(default_factory=list)
    left: list[ActItem] = field(default_factory=list)
    # Values that stayed after the execution began, to find the people elsewhere by them.
    found_by: int = 0


def items(act: DestructionAct) -> Iterator[tuple[int, int, int, int | None, str, datetime]]:
    """Key, owner, kind, category, reason and moment of all that was destroyed, in its order."""
    last = 0
    rows = DestructionItem.objects.filter(act=act).order_by("pk")
    while part := list(
        rows.filter(pk__gt=last).values_list(
            "pk", "key", "owner", "kind", "category", "reason", "destroyed_at"
        )[:CHUNK]
    ):
        for _, *cells in part:
            yield tuple(cells)  # type: ignore[misc]
        last = part[-1][0]


def gather(act: DestructionAct) -> Gone:
    gone = Gone()
    waited = _waited(act)
    for _, owner, kind, category, reason, at in items(act):
        gone.people[owner].add((kind, category or 0))
        gone.values[kind, category or 0] += 1
        gone.reasons[reason] += 1
        gone.found_by += owner in waited and at >= waited[owner]
    others = ActItem.objects.filter(act=act).exclude(outcome="").order_by("pk")
    for item in others.select_related(
        "subject", "category", "datum__carrier", "datum__system", "confirmed_by"
    ):
        if item.outcome == Outcome.DESTROYED:
            gone.elsewhere.append(item)
            gone.reasons[reason_of(act.label, item.rule, item.article)] += 1
        else:
            gone.left.append(item)
    people = seam.numbered(DataSubject.objects.order_by(), "id", list(gone.people))
    gone.codes = dict(people.values_list("pk", "code"))
    gone.categories = DataCategory.objects.filter(operator=act.operator).in_bulk()
    return gone


def _waited(act: DestructionAct) -> dict[int, datetime]:
    """Card -> when the last of its data elsewhere was confirmed, after the execution began."""
    rows = ActItem.objects.filter(
        act=act, outcome=Outcome.DESTROYED, confirmed_at__gt=act.started_at
    ).values_list("subject", "subject__merged_into", "confirmed_at")
    found: dict[int, datetime] = {}
    for subject, heir, at in rows.iterator():
        assert at is not None
        owner = heir or subject
        found[owner] = max(at, found.get(owner, at))
    return found


def thing(kind: int, category: DataCategory | None) -> str:
    """What was destroyed, in the reader's language: a data category, or what has none."""
    if kind == Sealed.EVIDENCE:
        return gettext("evidence of a consent")
    return str(category) if category else gettext("identifier of the person's row")


def reason_in_words(reason: str) -> str:
    """A reason as items hold it, in the reader's language where it has no rule."""
    return reason.replace(NO_GROUND, gettext("no ground ever covered the data"))


def why_in_words(item: ActItem, activities: dict[str, str] | None = None) -> str:
    """Why something of an act stays, in the reader's language; see ``fates.Destiny.why``."""
    first, *rest = item.why.split(APART)
    if item.outcome == Outcome.STOPPED:
        return " ".join([str(dict(StopKind.choices).get(first, first)), *rest])
    if item.outcome == Outcome.GONE:
        return gettext("destroyed before: %(act)s") % {"act": first or "–"}
    named = (activities or {}).get(first, first)
    article = rest[0] if rest else ""
    words = f"{named} ({article})" if article else named
    if len(rest) > 1:
        day = long_day(date.fromisoformat(rest[1]))
        return gettext("%(what)s, through %(day)s") % {"what": words, "day": day}
    return words
