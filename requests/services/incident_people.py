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
from requests.services.incident_data import data_then, under
from requests.services.incident_export import exports_shut
from requests.services.incident_lists import Listed, listed_cards
from requests.services.incident_rows import codes_of, entry_write, incident_locked, reason_of
from subjects.choices import Looked
from subjects.models import DataSubject
from subjects.services.looking import look
from subjects.services.people import require_own


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


# --- who it is ------------------------------------------------------------------------------------
def affected_cards(incident: Incident) -> QuerySet[DataSubject]:
    """The living cards of the affected people, each once, by number."""
    rows = AffectedPerson.objects.standing().filter(incident=incident).order_by()
    heirs = rows.annotate(heir=Coalesce("subject__merged_into", "subject"))
    return DataSubject.objects.filter(pk__in=heirs.values("heir")).order_by("pk")


def people_counted(
    incidents: Iterable[Incident], *, at: datetime | None = None
) -> Mapping[int, int]:
    """Incident -> how many people, each once; one query for all. ``at``: as of that moment."""
    people = AffectedPerson.objects.then(at) if at else AffectedPerson.objects.standing()
    rows = people.filter(incident__in=[row.pk for row in incidents]).order_by()
    heirs = Count(Coalesce("subject__merged_into", "subject"), distinct=True)
    return dict(rows.values_list("incident").annotate(heirs=heirs))


def found_by(incident: Incident) -> list[tuple[str, int]]:
    """By what the people were found, and how many by each."""
    rows = AffectedPerson.objects.standing().filter(incident=incident).order_by()
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
    standing = AffectedPerson.objects.standing()
    merged = standing.filter(incident=row, subject__merged_into__isnull=False)
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
    there = Q(pk__in=data_then(row).filter(system__in=numbers).values("subject"))
    cards = _of_operator(row).filter(there | under(row, set(using)))
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
    cards = _of_operator(row).filter(under(row, {one.pk for one in chosen}))
    return _added(
        row, cards, FoundBy.ACTIVITY,
        gettext_noop("By activity (%(names)s): %(added)s added, %(known)s known already."),
        by=by, now=now, names=", ".join(one.code for one in chosen),
    )  # fmt: skip


def affected_by_file(*, incident: Incident, content: bytes, by: User, now: datetime) -> Affected:
    """Add the people of a list: a line each, by the card's code, e-mail, phone, IIN or account.

    Nothing of the list is kept; of a line that names nobody its number and why stand in the
    journal. Leaves an access event: the list was a search. Refuses what is no text in UTF-8, and a
    list that is too long.
    """
    # Before anything is locked: 200,000 lines keep nobody else of the operator waiting.
    listed = listed_cards(incident.operator, content)
    with transaction.atomic():
        row = incident_locked(incident, "affect")
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
        by=by, now=now, codes=codes_of(cards),
    )  # fmt: skip


@transaction.atomic
def affected_remove(
    *,
    incident: Incident,
    subjects: Iterable[DataSubject],
    reason: str,
    by: User | None,
    now: datetime,
) -> int:
    """They are not affected after all: each keeps the row, which says when and by whom they were
    removed; why stands in the journal.

    An export that names them ends at once. Refuses an empty reason, and people who are not among
    the affected.
    """
    row = incident_locked(incident, "affect")
    reason = reason_of(row, reason)
    numbers = {card.pk for card in subjects}
    merged = seam.numbered(DataSubject.objects.order_by(), "merged_into_id", numbers)
    numbers |= set(merged.values_list("pk", flat=True))
    standing = AffectedPerson.objects.standing().filter(incident=row).order_by()
    chosen = dict(seam.numbered(standing, "subject_id", numbers).values_list("pk", "subject"))
    if not chosen:
        raise NobodyToRemove(number=row.number)
    people = seam.numbered(AffectedPerson.objects.order_by(), "id", chosen)
    people.update(removed_at=now, removed_by=by)
    cards = seam.numbered(DataSubject.objects.order_by(), "id", set(chosen.values()))
    entry_write(
        row, EntryKind.PEOPLE, gettext_noop("Removed (%(codes)s): %(reason)s"), by=by, now=now,
        codes=codes_of(cards), reason=reason,
    )  # fmt: skip
    exports_shut(row, reason=reason, by=by, now=now)
    return len(chosen)
