"""Whom an incident concerns: cards found by system, by activity, by a list, or chosen by hand.

A card counts whose data still existed when it happened. A merged card leads to the one that holds
its data: nobody is named twice. Cards are not locked while a whole system is gone through: what is
merged meanwhile is read through its heir.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import (
    BigIntegerField,
    CharField,
    Count,
    DateTimeField,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Coalesce

from registry import seam
from registry.errors import OperatorError, gettext_noop
from registry.models import InformationSystem, ProcessingActivity, User
from requests.models import AffectedPerson, Incident
from requests.models.incident_people import FoundBy
from requests.models.incidents import EntryKind
from requests.services.incident_export import exports_shut
from requests.services.incident_lists import Listed, listed_cards
from requests.services.incident_rows import entry_write, incident_locked, reason_of
from subjects.choices import HeldIn, Looked, Outcome
from subjects.models import ActItem, DataSubject, DestructionItem, Ground, PersonalDatum
from subjects.services.looking import look
from subjects.services.people import require_own

# So many codes stand in an entry of the journal.
NAMED = 50


class NothingToLookBy(OperatorError):
    template = gettext_noop("%(number)s: say by what the people are to be found.")


class NobodyToRemove(OperatorError):
    template = gettext_noop("%(number)s: none of these people is among the affected.")


@dataclass(frozen=True, slots=True)
class Affected:
    """How many were added; ``known``: how many of those found were among them before."""

    added: int
    known: int
    listed: Listed | None = None


# --- who it is -----------------------------------------------------------------------------------
def _data_then(row: Incident) -> QuerySet[PersonalDatum]:
    """The data that the incident can concern: of its categories, collected by then, and not
    destroyed before it happened (before it was detected, where nobody knows since when).
    """
    day = (row.happened_until or row.detected_at).astimezone(row.operator.zone).date()
    since = row.happened_from or row.detected_at
    data = PersonalDatum.objects.filter(collected_on__lte=day).order_by()
    categories = list(row.data_categories.values_list("pk", flat=True))
    if categories:
        data = data.filter(category__in=categories)
    gone = DestructionItem.objects.filter(destroyed_at__lt=since)
    elsewhere = ActItem.objects.filter(key=None, outcome=Outcome.DESTROYED, confirmed_at__lt=since)
    return data.exclude(
        Exists(gone.filter(key=OuterRef("value_key")))
        | Exists(gone.filter(key=OuterRef("file__key")))
        | Q(~Q(held_in=HeldIn.VAULT), Exists(elsewhere.filter(datum=OuterRef("pk"))))
    )


def _under(row: Incident, activities: Iterable[int]) -> Q:
    """Cards with a ground of these activities, and data of the categories that these process."""
    chosen = list(activities)
    day = (row.happened_until or row.detected_at).astimezone(row.operator.zone).date()
    grounds = Ground.objects.filter(activity__in=chosen, started_on__lte=day).order_by()
    data = _data_then(row).filter(Q(category__activities__in=chosen) | Q(category=None))
    # Lists, not questions for each card: SQLite may answer those by going through a whole system.
    return Q(pk__in=grounds.values("subject")) & Q(pk__in=data.values("subject"))


def affected_cards(incident: Incident) -> QuerySet[DataSubject]:
    """The living cards of the affected people, each once, by number."""
    rows = AffectedPerson.objects.filter(incident=incident).order_by()
    heirs = rows.annotate(heir=Coalesce("subject__merged_into", "subject"))
    return DataSubject.objects.filter(pk__in=heirs.values("heir")).order_by("pk")


def people_counted(incidents: Iterable[Incident]) -> Mapping[int, int]:
    """Incident -> how many people, each once; one query for all."""
    rows = AffectedPerson.objects.filter(incident__in=[row.pk for row in incidents]).order_by()
    heirs = Count(Coalesce("subject__merged_into", "subject"), distinct=True)
    return dict(rows.values_list("incident").annotate(heirs=heirs))


def found_by(incident: Incident) -> list[tuple[str, int]]:
    """By what the people were found, and how many by each."""
    rows = AffectedPerson.objects.filter(incident=incident).order_by()
    counts = dict(rows.values_list("found_by").annotate(Count("pk")))
    return [(str(way.label), counts[way]) for way in FoundBy if way in counts]


# --- adding --------------------------------------------------------------------------------------
def affect_cards(
    row: Incident, cards: QuerySet[DataSubject], *, found_by: str, by: User | None, now: datetime
) -> int:
    """Add these cards, or the living ones that they were merged into; returns how many are new.

    One statement, however many they are. The incident is held by the caller.
    """
    own = cards.order_by().filter(operator=row.operator_id)
    merged = own.filter(merged_into__isnull=False).values("merged_into")
    people = DataSubject.objects.filter(
        Q(pk__in=own.filter(merged_into=None).values("pk")) | Q(pk__in=merged)
    )
    return _insert(row, people, found_by=found_by, by=by, now=now)


def _insert(
    row: Incident, people: QuerySet[DataSubject], *, found_by: str, by: User | None, now: datetime
) -> int:
    # Whoever was affected under a card that has been merged since stands there already. A list, not
    # a question for each card: among 100,000 that would be asked 100,000 times of as many rows.
    merged = AffectedPerson.objects.filter(incident=row, subject__merged_into__isnull=False)
    chosen = (
        people.filter(operator=row.operator_id, merged_into=None)
        .exclude(pk__in=merged.order_by().values("subject__merged_into"))
        .order_by()
        .annotate(
            to_incident=Value(row.pk, BigIntegerField()),
            to_found=Value(FoundBy(found_by).value, CharField()),
            to_at=Value(now, DateTimeField()),
            to_by=Value(by.pk if by else None, BigIntegerField()),
        )
        .values_list("to_incident", "pk", "to_found", "to_at", "to_by")
    )
    sql, params = chosen.query.sql_with_params()
    quote = connection.ops.quote_name
    names = ("incident", "subject", "found_by", "added_at", "added_by")
    fields: list[Any] = [AffectedPerson._meta.get_field(name) for name in names]
    columns = ", ".join(quote(field.column) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(AffectedPerson._meta.db_table)} ({columns}) {sql} "
            "ON CONFLICT DO NOTHING",
            params,
        )
        return int(cursor.rowcount)


def _added(
    row: Incident,
    cards: QuerySet[DataSubject],
    way: FoundBy,
    words: str,
    *,
    by: User | None,
    now: datetime,
    **params: Any,
) -> Affected:
    """Added, counted and written into the journal."""
    found = cards.count()
    added = _insert(row, cards, found_by=way, by=by, now=now)
    entry_write(
        row, EntryKind.PEOPLE, words, by=by, now=now, added=added, known=found - added, **params
    )
    return Affected(added, found - added)


def _of_operator(row: Incident) -> QuerySet[DataSubject]:
    return DataSubject.objects.filter(operator=row.operator_id, merged_into=None)


@transaction.atomic
def affected_by_system(
    *,
    incident: Incident,
    systems: Iterable[InformationSystem],
    by: User | None,
    now: datetime,
) -> Affected:
    """Add everybody whose data lie in one of these systems: who has a datum there, or a ground of
    an activity that uses it. Twice adds nobody twice. Refuses a system of another operator.
    """
    row = incident_locked(incident, "affect")
    chosen = list(systems)
    if not chosen:
        raise NothingToLookBy(number=row.number)
    require_own(row.operator_id, *chosen)
    numbers = [one.pk for one in chosen]
    using = ProcessingActivity.objects.filter(systems__in=numbers).values_list("pk", flat=True)
    there = Q(pk__in=_data_then(row).filter(system__in=numbers).values("subject"))
    cards = _of_operator(row).filter(there | _under(row, set(using)))
    return _added(
        row, cards, FoundBy.SYSTEM,
        gettext_noop("By system (%(names)s): %(added)s added, %(known)s known already."),
        by=by, now=now, names=", ".join(one.code for one in chosen),
    )  # fmt: skip


@transaction.atomic
def affected_by_activity(
    *,
    incident: Incident,
    activities: Iterable[ProcessingActivity],
    by: User | None,
    now: datetime,
) -> Affected:
    """Add everybody who has a ground of one of these activities and data that it processes.

    Twice adds nobody twice. Refuses an activity of another operator.
    """
    row = incident_locked(incident, "affect")
    chosen = list(activities)
    if not chosen:
        raise NothingToLookBy(number=row.number)
    require_own(row.operator_id, *chosen)
    cards = _of_operator(row).filter(_under(row, {one.pk for one in chosen}))
    return _added(
        row, cards, FoundBy.ACTIVITY,
        gettext_noop("By activity (%(names)s): %(added)s added, %(known)s known already."),
        by=by, now=now, names=", ".join(one.code for one in chosen),
    )  # fmt: skip


@transaction.atomic
def affected_by_file(*, incident: Incident, content: bytes, by: User, now: datetime) -> Affected:
    """Add the people of a list: a line each, by the card's code, e-mail, phone, IIN or account.

    Nothing of the list is kept; of a line that names nobody its number and why stand in the
    journal. Leaves an access event: the list was a search. Refuses what is no text in UTF-8, and a
    list that is too long.
    """
    row = incident_locked(incident, "affect")
    listed = listed_cards(row.operator, content)
    cards = seam.numbered(_of_operator(row), "id", listed.cards)
    look(
        operator=row.operator_id, what=Looked.SEARCH, user=by, now=now, reason=row.number,
        kind="list", hits=len(listed.cards),
    )  # fmt: skip
    found = _added(
        row, cards, FoundBy.FILE,
        gettext_noop(
            "By a list: %(added)s added, %(known)s known already. Lines that name nobody: "
            "%(nobody)s. Lines that are no code or identifier: %(unread)s."
        ),
        by=by, now=now, **listed.told(),
    )  # fmt: skip
    return Affected(found.added, found.known, listed)


@transaction.atomic
def affected_by_hand(
    *, incident: Incident, subjects: Iterable[DataSubject], by: User | None, now: datetime
) -> Affected:
    """Add these people. Refuses cards of another operator, and nobody at all."""
    row = incident_locked(incident, "affect")
    chosen = list(subjects)
    if not chosen:
        raise NothingToLookBy(number=row.number)
    require_own(row.operator_id, *chosen)
    locked = seam.lock(
        DataSubject.objects.filter(pk__in=[card.pk for card in chosen]).order_by("pk")
    )
    heirs = {card.merged_into_id or card.pk for card in locked}
    cards = _of_operator(row).filter(pk__in=heirs)
    return _added(
        row, cards, FoundBy.HAND,
        gettext_noop("By hand (%(codes)s): %(added)s added, %(known)s known already."),
        by=by, now=now, codes=_codes(cards),
    )  # fmt: skip


def _codes(cards: Iterable[DataSubject]) -> str:
    """Codes hold no value; of very many the first."""
    codes = sorted(card.code for card in cards)
    return ", ".join(codes[:NAMED] + ["…"] * (len(codes) > NAMED))


@transaction.atomic
def affected_remove(
    *,
    incident: Incident,
    subjects: Iterable[DataSubject],
    reason: str,
    by: User | None,
    now: datetime,
) -> int:
    """They are not affected after all; who and why stays in the journal.

    An export that names them ends at once: nobody would know later whose data it holds. Refuses an
    empty reason, and people who are not among the affected.
    """
    row = incident_locked(incident, "affect")
    reason = reason_of(row, reason)
    numbers = [card.pk for card in subjects]
    rows = AffectedPerson.objects.filter(incident=row).filter(
        Q(subject__in=numbers) | Q(subject__merged_into__in=numbers)
    )
    cards = list(DataSubject.objects.filter(incidents__in=rows.values("pk")).distinct())
    if not cards:
        raise NobodyToRemove(number=row.number)
    rows.delete()
    exports_shut(row, reason=reason, by=by, now=now)
    entry_write(
        row, EntryKind.PEOPLE, gettext_noop("Removed (%(codes)s): %(reason)s"), by=by, now=now,
        codes=_codes(cards), reason=reason,
    )  # fmt: skip
    return len(cards)
