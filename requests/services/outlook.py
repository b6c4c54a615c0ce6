"""What a demand would do, before anybody decides: what ends, what goes and when, what stays.

Read for all cards of a request at once: the number of queries does not grow with them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from registry import seam
from registry.choices import BasisKind
from registry.models import ProcessingActivity
from requests import states
from requests.models import RequestItem, SubjectRequest
from requests.models.subject_requests import Finding, RequestKind, Scope
from requests.services.duties import CHECKED_KINDS, ENDS_ALL, ENDS_NOTHING
from subjects import fate
from subjects.choices import GroundEnd, HeldIn, Outcome
from subjects.models import ActItem, Consent, DataSubject, Ground, PersonalDatum
from subjects.services.covering import (
    End,
    Law,
    categories_of,
    cover,
    given,
    grounds_of,
)
from subjects.services.reading import data_of, key_of
from subjects.vault import store

# What a withdrawal ends: consents, those too that bear the kind of what they are about.
_CONSENTS = frozenset({BasisKind.CONSENT, BasisKind.DISSEMINATION_CONSENT})
_WRITTEN_CONSENTS = frozenset({"RU.10.2.1", "RU.11.1"})
# What a demand ends beside them. All other grounds of 152-FZ 6(1)(2)-(11), 10(2), 11(2) and 94-V 9
# outlive it (152-FZ 9(2), 21(5.1)).
_DEMANDED = frozenset({BasisKind.PUBLIC_DATA})


@dataclass(frozen=True, slots=True)
class Ending:
    """A ground that the demand ends, why (a ``GroundEnd``), and the day from which it is over."""

    ground: Ground
    event: str
    on: date


@dataclass(slots=True)
class CardOutlook:
    """One card: what ends and narrows; every datum that is still there with its fate after it."""

    card: DataSubject
    endings: list[Ending] = field(default_factory=list)
    narrowed: list[Consent] = field(default_factory=list)
    fates: list[tuple[PersonalDatum, fate.Fate]] = field(default_factory=list)

    @property
    def goes(self) -> list[tuple[PersonalDatum, fate.Fate]]:
        return [pair for pair in self.fates if not pair[1].stays]

    @property
    def stays(self) -> list[tuple[PersonalDatum, fate.Fate]]:
        return [pair for pair in self.fates if pair[1].stays]

    @property
    def kept_by_law(self) -> list[tuple[PersonalDatum, fate.Holding]]:
        """Data that no ground needs any longer, and that a law orders to be kept."""
        return [
            (datum, found.held_by[0])
            for datum, found in self.stays
            if all(holding.keep is not None for holding in found.held_by)
        ]


def people_of(subject_request: SubjectRequest) -> list[DataSubject]:
    """The cards that hold the data of the people linked now, by number.

    A card that was merged meanwhile leads to the one that holds its data.
    """
    linked = subject_request.people.filter(unlinked_at=None).select_related("subject")
    numbers = {link.subject.merged_into_id or link.subject_id for link in linked}
    return list(
        DataSubject.objects.filter(pk__in=numbers)
        .select_related("operator__jurisdiction")
        .order_by("pk")
    )


def item_preview(
    item: RequestItem,
    *,
    today: date,
    activities: Iterable[ProcessingActivity] = (),
    keep: Collection[int] = (),
    people: Sequence[DataSubject] | None = None,
) -> list[CardOutlook]:
    """What accepting the demand today would do to each card; decided, what is so today.

    ``activities``: those that are marketing, where that is the demand. ``keep``: numbers of grounds
    that are not to end. What a letter answers does nothing to any card, unless the check has shown
    that the processing is unlawful: then the ``activities`` are those that are.
    """
    if item.kind in ENDS_NOTHING and item.finding != Finding.UNLAWFUL:
        return []
    cards = people_of(item.request) if people is None else people
    numbers = [card.pk for card in cards]
    if not numbers:
        return []
    law = Law(item.operator)
    grounds = grounds_of(numbers)
    categories = categories_of(grounds)
    data = list(data_of(numbers).order_by("category", "pk"))
    by_number = {card.pk: card for card in cards}
    for ground in grounds:
        ground.subject = by_number[ground.subject_id]
    for datum in data:
        datum.subject = by_number[datum.subject_id]
    gone = _gone(data)
    mine: dict[int, list[Ground]] = defaultdict(list)
    for ground in grounds:
        mine[ground.subject_id].append(ground)
    held: dict[int, list[PersonalDatum]] = defaultdict(list)
    for datum in data:
        if datum.pk not in gone:
            held[datum.subject_id].append(datum)
    wanted = {activity.pk for activity in activities}
    facts = {one.id: one for one in given(data)}
    return [
        _outlook(
            item, card, mine[card.pk], held[card.pk], categories, law, today, wanted, keep, facts
        )
        for card in cards
    ]


def _gone(data: Sequence[PersonalDatum]) -> set[int]:
    """Numbers of the data that are there no more: without a key, or confirmed to be gone where they
    were held. Nothing is opened for it.
    """
    numbers = {datum.pk: key_of(datum) for datum in data}
    standing = store.keys_of(number for number in numbers.values() if number)
    gone = {pk for pk, number in numbers.items() if number and number not in standing}
    elsewhere = [datum.pk for datum in data if datum.held_in != HeldIn.VAULT]
    if elsewhere:
        confirmed = ActItem.objects.filter(outcome=Outcome.DESTROYED, key=None)
        gone |= set(seam.numbered(confirmed, "datum_id", elsewhere).values_list("datum", flat=True))
    return gone


def _outlook(
    item: RequestItem, card: DataSubject, grounds: list[Ground], data: list[PersonalDatum],
    categories: Mapping[int, frozenset[int]], law: Law, today: date, activities: set[int],
    keep: Collection[int], given: Mapping[int, fate.Datum],
) -> CardOutlook:  # fmt: skip
    found = CardOutlook(card)
    if item.decision == states.OPEN:
        found.narrowed = _narrowed(item, grounds, keep)
        found.endings = _endings(item, grounds, activities, keep)
    covers = {ground.pk: cover(ground, categories[ground.pk], law) for ground in grounds}
    ended = {
        ending.ground.pk: cover(
            ending.ground, categories[ending.ground.pk], law, End(ending.on, ending.event)
        )
        for ending in found.endings
    }
    after = fate.what_if([given[datum.pk] for datum in data], covers.values(), ended, today)
    found.fates = list(zip(data, after, strict=True))
    return found


def _meant_at(item: RequestItem) -> datetime:
    """Up to when what the demand speaks of can have begun.

    A demand that comes back counts from another day, and means no more than the letter did.
    """
    return item.request.received_at if item.follows_id else item.received_at


def _asked(item: RequestItem, ground: Ground, keep: Collection[int]) -> bool:
    """Whether the demand speaks of a ground that is open, and was when it came."""
    day = _meant_at(item).astimezone(item.operator.zone).date()
    return (
        ground.ended_on is None
        and ground.started_on <= day
        and ground.pk not in keep
        and (
            item.activity_id in (None, ground.activity_id)
            or item.kind == RequestKind.MARKETING
            or item.kind in CHECKED_KINDS
        )
    )


def _consent(item: RequestItem, ground: Ground) -> Consent | None:
    """The ground's consent, if it stands and is older than the letter."""
    consent: Consent | None = getattr(ground, "consent", None)
    if consent is None or consent.withdrawn_at is not None:
        return None
    return consent if consent.given_at <= _meant_at(item) else None


def _narrowed(item: RequestItem, grounds: list[Ground], keep: Collection[int]) -> list[Consent]:
    if not item.scope:
        return []
    return [
        consent
        for ground in grounds
        if _asked(item, ground, keep)
        and (consent := _consent(item, ground)) is not None
        and item.consent_id in (None, consent.pk)
        and getattr(consent, item.scope)
    ]


def _endings(
    item: RequestItem, grounds: list[Ground], activities: set[int], keep: Collection[int]
) -> list[Ending]:
    if item.scope and item.scope != Scope.DISSEMINATION:
        return []
    day = item.received_at.astimezone(item.operator.zone).date()
    found = []
    for ground in grounds:
        if not _asked(item, ground, keep):
            continue
        consent = _consent(item, ground)
        if hasattr(ground, "consent") and consent is None:
            # Given after the letter: the letter cannot mean it.
            continue
        basis = ground.legal_basis
        if item.kind in CHECKED_KINDS:
            # Found to be unlawful, on whatever it stood (152-FZ 21(3), 94-V 18, 25(2)(8)).
            if ground.activity_id in activities:
                found.append(Ending(ground, GroundEnd.UNLAWFUL, max(day, ground.started_on)))
            continue
        free = basis.kind in _CONSENTS or basis.code in _WRITTEN_CONSENTS
        if item.scope:
            # A consent of its own, which ends as a whole (152-FZ 10.1(1), (12)-(13)).
            if basis.kind == BasisKind.DISSEMINATION_CONSENT:
                found.append(Ending(ground, GroundEnd.WITHDRAWN, max(day, ground.started_on)))
            continue
        if item.kind == RequestKind.WITHDRAWAL:
            if item.consent_id is not None and item.consent_id != getattr(consent, "pk", None):
                continue
            ends = free
        elif item.kind in ENDS_ALL:
            ends = free or basis.kind in _DEMANDED
        else:
            # Marketing stops whatever it stood on (152-FZ 15(2)).
            ends = ground.activity_id in activities or item.activity_id == ground.activity_id
        if ends:
            withdrawn = consent is not None or item.kind == RequestKind.WITHDRAWAL
            event = GroundEnd.WITHDRAWN if withdrawn else GroundEnd.CEASE
            found.append(Ending(ground, event, max(day, ground.started_on)))
    return found
