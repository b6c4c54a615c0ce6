"""What became of a request, for the person who wrote it: facts that outlive every key.

Read from decisions, acts and items of destruction; nothing is opened here, so the story can be
told when the data, the card and the correspondence are gone. No name and no value is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from django.db.models import Count, Min, Prefetch

from registry.choices import Supervises
from registry.models import Authority, DataCategory, Deadline, Extension
from requests import states
from requests.models import RequestItem, SubjectRequest
from requests.models.subject_requests import CheckKind
from requests.services.duties import ENDS_NOTHING
from requests.services.letter_facts import clock_shown
from requests.services.matching import VERIFIES
from requests.services.outlook import item_preview
from requests.services.representing import lapsed
from subjects import fate
from subjects.choices import ActState, Outcome
from subjects.models import ActItem, DestructionAct, DestructionItem, PersonalDatum
from subjects.vault import store

_ACCEPTED = frozenset({states.ACCEPTED, states.PARTLY})
# To whom it may be told which data are held: who was checked, or answered at their own contact.
_KNOWN = VERIFIES | {CheckKind.CONTACT}
_TAKEN_BACK_IN = frozenset({states.RECEIVED, states.IN_WORK, states.WAITING})


class Happened(StrEnum):
    """What can happen to a request, in the order in which it does on one day."""

    RECEIVED = "received"
    IN_WORK = "in_work"
    RETURNED = "returned"
    DECIDED = "decided"
    EXTENDED = "extended"
    EXECUTED = "executed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, when, and to what."""

    at: datetime
    what: Happened
    item: RequestItem | None = None
    act: DestructionAct | None = None
    extension: Extension | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A demand and its clock, if one ran."""

    item: RequestItem
    clock: Deadline | None


@dataclass(slots=True)
class Went:
    """What one act destroyed: what it was (a kind and a category, if any), and how many of it."""

    act: DestructionAct
    things: list[tuple[int | None, DataCategory | None, int]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(count for _, _, count in self.things)


@dataclass(slots=True)
class Story:
    """Everything that the tracking page tells.

    ``over``: the correspondence has come to its own end; only number, dates and outcome are left.
    ``known``: the writer has shown who they are, so that categories may be named. ``stays`` and
    ``goes``: what is still held of the people concerned, with its fate.
    """

    request: SubjectRequest
    over: bool
    known: bool
    asked: list[Asked]
    events: list[Event]
    went: list[Went] = field(default_factory=list)
    goes: list[tuple[PersonalDatum, fate.Fate]] = field(default_factory=list)
    stays: list[tuple[PersonalDatum, fate.Fate]] = field(default_factory=list)
    authorities: list[Authority] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.request.ended_at is not None

    @property
    def granted(self) -> bool:
        """Something was accepted, as a whole or in part."""
        return any(one.item.decision in _ACCEPTED for one in self.asked)

    @property
    def can_take_back(self) -> bool:
        """Nothing was accepted yet, and something is still open."""
        return self.request.state in _TAKEN_BACK_IN and not self.granted

    @property
    def clock(self) -> Deadline | None:
        """The clock that ends first, of those that run."""
        running = [one.clock for one in self.asked if one.clock and one.clock.is_open]
        return min(running, key=_ends, default=None)


def _ends(clock: Deadline) -> tuple[bool, float]:
    """By their end; a clock that has none yet is the last."""
    return clock.ends_at is None, clock.ends_at.timestamp() if clock.ends_at else 0.0


def story_of(row: SubjectRequest, *, today: date) -> Story:
    """What became of the request. The number of queries does not grow with what it holds."""
    asked = _asked(row)
    acts = list(
        DestructionAct.objects.filter(operator=row.operator_id, label=row.number)
        .exclude(state=ActState.CANCELLED)
        .order_by("pk")
    )
    story = Story(
        request=row,
        over=bool(store.destroyed_among([row.tracking_key or 0])),
        # Whoever may no longer speak for the person sees no more of the data.
        known=row.checks.filter(kind__in=_KNOWN).exists() and not lapsed(row, today=today),
        asked=asked,
        events=_events(row, asked, acts),
    )
    if story.over:
        return story
    story.went = _went(row, acts)
    story.authorities = list(
        Authority.objects.filter(
            jurisdiction=row.operator.jurisdiction_id, supervises=Supervises.PERSONAL_DATA
        ).order_by("code")
    )
    done = [one.item for one in asked if one.item.decision in _ACCEPTED]
    done = [item for item in done if item.kind not in ENDS_NOTHING]
    if story.known and done:
        _fates(story, done[0], today=today)
    return story


def _asked(row: SubjectRequest) -> list[Asked]:
    clocks = Deadline.objects.select_related("extension", "statute").order_by("pk")
    items = row.items.order_by("pk").prefetch_related(Prefetch("deadlines", queryset=clocks))
    found = []
    for item in items:
        item.request = row
        for clock in item.deadlines.all():
            clock.operator = row.operator
        found.append(Asked(item, clock_shown(item.deadlines.all())))
    return found


def _begun(row: SubjectRequest) -> datetime | None:
    """When somebody first did something for it: a confirmed contact is the form's own doing."""
    checks = row.checks.exclude(kind=CheckKind.CONTACT).aggregate(first=Min("checked_at"))
    links = row.people.aggregate(first=Min("linked_at"))
    return min(filter(None, [checks["first"], links["first"]]), default=None)


def _events(
    row: SubjectRequest, asked: Iterable[Asked], acts: Iterable[DestructionAct]
) -> list[Event]:
    found = [Event(row.received_at, Happened.RECEIVED)]
    begun = _begun(row)
    if begun is not None:
        found.append(Event(begun, Happened.IN_WORK))
    for one in asked:
        item = one.item
        if item.follows_id is not None:
            found.append(Event(item.received_at, Happened.RETURNED, item))
        if item.decided_at is not None:
            found.append(Event(item.decided_at, Happened.DECIDED, item))
        extension = getattr(one.clock, "extension", None)
        if extension is not None:
            found.append(Event(extension.notice_sent_at, Happened.EXTENDED, item, None, extension))
    for act in acts:
        if act.finished_at is not None:
            found.append(Event(act.finished_at, Happened.EXECUTED, act=act))
    if row.ended_at is not None:
        taken_back = row.state == states.WITHDRAWN
        found.append(Event(row.ended_at, Happened.WITHDRAWN if taken_back else Happened.CLOSED))
    order = list(Happened)
    return sorted(found, key=lambda event: (event.at, order.index(event.what)))


def _went(row: SubjectRequest, acts: Iterable[DestructionAct]) -> list[Went]:
    """What the request's acts destroyed, in the vault and where it was held elsewhere."""
    found = {act.pk: Went(act) for act in acts if act.finished_at is not None}
    if not found:
        return []
    items = DestructionItem.objects.filter(act__in=found).order_by("act", "kind", "category")
    sealed = items.values_list("act", "kind", "category").annotate(count=Count("pk"))
    others = ActItem.objects.filter(act__in=found, key=None, outcome=Outcome.DESTROYED)
    others = others.order_by("act", "category")
    elsewhere = others.values_list("act", "category").annotate(count=Count("pk"))
    rows = [*sealed, *((act, None, category, count) for act, category, count in elsewhere)]
    categories = DataCategory.objects.filter(operator=row.operator_id).in_bulk()
    for act, kind, category, count in rows:
        found[act].things.append((kind, categories.get(category), count))
    return [went for went in found.values() if went.things]


def _fates(story: Story, item: RequestItem, *, today: date) -> None:
    """What is still held, as it stands today; what was collected after the end is another story."""
    ended_at = story.request.ended_at
    last = ended_at.astimezone(story.request.operator.zone).date() if ended_at else today
    for card in item_preview(item, today=today):
        story.goes += [pair for pair in card.goes if pair[0].collected_on <= last]
        story.stays += [pair for pair in card.stays if pair[0].collected_on <= last]
