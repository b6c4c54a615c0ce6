"""The affected people with their data, sealed, as the authority asks for it (Order 187).

A copy of values must not outlive them: it ends after thirty days, and at once when anything in it
has been destroyed since, or when somebody in it turns out not to be affected.
"""

from __future__ import annotations

import csv
import io
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext, override

from registry.cells import safe
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import DataCategory, User
from registry.states import move
from requests import states
from requests.models import AffectedPerson, Incident, IncidentExport
from requests.models.incidents import EntryKind
from requests.services.incident_data import data_in_systems, data_then
from requests.services.incident_rows import entry_write, incident_held, incident_locked
from requests.services.sealed_copies import copies_end, outlived, packed, unpacked
from subjects.choices import Looked
from subjects.models import AccessEvent, DataSubject, PersonalDatum, VaultKey
from subjects.services.destruction import flush
from subjects.services.evidence_keys import evidence_key_ready
from subjects.services.files import file_open, file_seal
from subjects.services.guard import first_blocked
from subjects.services.looking import look
from subjects.services.reading import Shown, State, data_of, show
from subjects.vault.models import Sealed

log = logging.getLogger(__name__)

TERM = timedelta(days=30)
DAY = timedelta(days=1)
DOCUMENT_LIMIT = 300
ROWS = 500


class ExportDocumentMissing(OperatorError):
    template = gettext_noop("%(number)s: name the letter of the authority that asks for it.")


class DocumentTooLong(OperatorError):
    template = gettext_noop("%(number)s: the document is named in %(limit)s characters at most.")


class CategoriesMissing(OperatorError):
    template = gettext_noop(
        "%(number)s: say first which data categories it concerns: nothing else is given."
    )


class NobodyAffected(OperatorError):
    template = gettext_noop("%(number)s: nobody is named as affected yet.")


class ExportOver(Conflict):
    template = gettext_noop("%(number)s: the term of this export is over; make another one.")


class ExportOutlived(Conflict):
    template = gettext_noop(
        "%(number)s: data in this export have been destroyed since it was made, and go with it. "
        "Make another one."
    )


class PeopleMoved(Conflict):
    template = gettext_noop(
        "%(number)s: the affected people changed while the export was made. Make it again."
    )


class ExportBlocked(Conflict):
    template = gettext_noop(
        "%(number)s: %(block)s has blocked data of %(code)s since this export was made. Make "
        "another one: it leaves out what is blocked."
    )


# --- making --------------------------------------------------------------------------------------
def incident_export(
    *, incident: Incident, document: str, by: User, now: datetime, language: str = "ru"
) -> IncidentExport:
    """Seal a CSV of the affected people with the values that the incident concerns: in its
    categories, of its systems, there when it happened.

    Each person gets an access event. Whose data are destroyed is named by the code alone, and what
    is blocked is not passed on: its number stands in its place. Nobody waits while it is made:
    what is destroyed or blocked meanwhile is found when it is opened. Refuses without the
    authority's letter, without categories, without people, and when these change meanwhile.
    """
    document = document.strip()
    if not document:
        raise ExportDocumentMissing(number=incident.number)
    if len(document) > DOCUMENT_LIMIT:
        raise DocumentTooLong(number=incident.number, limit=DOCUMENT_LIMIT)
    row = incident
    move(states.INCIDENT, row.state, "export", number=row.number)
    categories = list(row.data_categories.order_by("pk"))
    if not categories:
        raise CategoriesMissing(number=row.number)
    keys: set[int] = set()
    with transaction.atomic():
        people = _people(row)
        if not people:
            raise NobodyAffected(number=row.number)
        export = IncidentExport.objects.create(
            incident=row, document=document, people=len(people), made_at=now, made_by=by,
            ends_on=now.astimezone(row.operator.zone).date() + TERM,
        )  # fmt: skip
        with override(language):
            file = file_seal(
                operator=row.operator, kind=Sealed.EXPORT, owner=export.pk, category=None,
                pieces=_pieces(row, export, people, categories, keys, by=by, now=now),
                media_type="text/csv", now=now,
            )  # fmt: skip
        VaultKey.objects.filter(pk=file.key).update(destroy_on=export.ends_on)
        export.file, export.keys = file, packed(keys)
        export.save(update_fields=["file", "keys"])
        # Held only now, so that nobody waits while it is made: whom it names is asked once more.
        row = incident_locked(incident, "export")
        if people != _people(row):
            raise PeopleMoved(number=row.number)
        entry_write(
            row, EntryKind.EXPORT, gettext_noop("Export of %(people)s people for: %(document)s"),
            by=by, now=now, people=len(people), document=document,
        )  # fmt: skip
    return export


def _people(row: Incident) -> list[int]:
    """The living cards of everybody affected, each once, by number."""
    pairs = (
        AffectedPerson.objects.standing()
        .filter(incident=row)
        .values_list("subject", "subject__merged_into")
    )
    return sorted({heir or number for number, heir in pairs})


@dataclass(slots=True)
class _Line:
    """What is told of one person: category -> values, and what is not told, and why."""

    values: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: dict[str, None] = field(default_factory=dict)


def _pieces(
    row: Incident,
    export: IncidentExport,
    people: Sequence[int],
    categories: Sequence[DataCategory],
    keys: set[int],
    *,
    by: User,
    now: datetime,
) -> Iterator[bytes]:
    """The file, five hundred people at a time; the keys of what stands in it go into ``keys``."""
    concerned = data_then(row).filter(data_in_systems(row))
    names = [str(one) for one in categories]
    yield _csv([[gettext("Code of the card"), *names, gettext("Note")]])
    for start in range(0, len(people), ROWS):
        piece = people[start : start + ROWS]
        codes = dict(
            DataSubject.objects.filter(pk__in=piece).order_by("pk").values_list("pk", "code")
        )
        told = _told(piece, concerned, keys)
        # Written before the values are given out.
        AccessEvent.objects.bulk_create(
            AccessEvent(
                operator_id=row.operator_id, subject_id=number, user=by, what=Looked.EXPORT,
                at=now, reason=row.number, details={"incident_export": export.pk},
            )
            for number in piece
        )  # fmt: skip
        yield _csv(
            [
                code,
                *("; ".join(told[number].values[one.pk]) for one in categories),
                "; ".join(told[number].notes),
            ]
            for number, code in codes.items()
        )


def _csv(lines: Iterator[list[str]] | list[list[str]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerows([safe(cell) for cell in line] for line in lines)
    return stream.getvalue().encode()


def _told(
    people: Sequence[int], concerned: QuerySet[PersonalDatum], keys: set[int]
) -> dict[int, _Line]:
    """A few queries for all of them."""
    found: dict[int, _Line] = defaultdict(_Line)
    mine = concerned.filter(subject__in=people).values("pk")
    data = list(data_of(people).filter(pk__in=mine).order_by("subject", "pk"))
    for datum, shown in show(data, opened=True).items():
        line = found[datum.subject_id]
        if shown.state == State.OPEN:
            line.values[datum.category_id].append(shown.text)
            keys.add(datum.value_key)
        elif note := _note(shown):
            line.notes[f"{datum.category}: {note}"] = None
    for number in people:
        if not (found[number].values or found[number].notes):
            found[number].notes[gettext("nothing is held in these categories")] = None
    return found


def _note(shown: Shown) -> str:
    if shown.state == State.BLOCKED and shown.block is not None:
        return gettext("blocked by %(number)s") % {"number": shown.block.label}
    return {
        State.DESTROYED: gettext("destroyed"),
        State.FILE: gettext("an image, kept in the office"),
        State.ELSEWHERE: gettext("held elsewhere"),
        State.LOST: gettext("lost"),
    }.get(shown.state, "")


# --- reading -------------------------------------------------------------------------------------
def incident_export_open(*, export: IncidentExport, user: User, now: datetime) -> Iterator[bytes]:
    """The file, while its term runs; leaves an access event each time.

    Refuses after its term, of an incident that was none, once anything in it has been destroyed
    (destroyed means that nobody reads it through the office, from whichever copy), and while
    anything in it is blocked.
    """
    row = export.incident
    if (
        export.file is None
        or row.state == states.DISMISSED
        or now.astimezone(row.operator.zone).date() >= export.ends_on
        or not VaultKey.objects.filter(pk=export.file.key).exists()
    ):
        raise ExportOver(number=row.number)
    keys = unpacked(bytes(export.keys))
    if outlived(keys):
        raise ExportOutlived(number=row.number)
    blocked = first_blocked(keys)
    if blocked is not None:
        card, block = blocked
        raise ExportBlocked(number=row.number, code=card.code, block=block.label)
    pieces = file_open(export.file)
    look(
        operator=row.operator_id, what=Looked.DOWNLOAD, user=user, now=now, reason=row.number,
        incident_export=export.pk, people=export.people,
    )  # fmt: skip
    return pieces


# --- its end -------------------------------------------------------------------------------------
def _end(export: IncidentExport, *, reason: str, by: User | None, now: datetime) -> bool:
    assert export.file is not None
    return copies_end([export.file], reason=reason, by=by, now=now)


def exports_shut(row: Incident, *, reason: str, by: User | None, now: datetime) -> int:
    """End every export of the incident before its term; the incident is held by the caller."""
    standing = row.exports.filter(file__key__in=VaultKey.objects.values("pk"))
    ended = [
        _end(export, reason=f"{row.number}: {reason}"[:300], by=by, now=now)
        for export in standing.select_related("file")
    ]
    if any(ended):
        words = gettext_noop("Exports ended before their term (%(count)s): %(reason)s")
        entry_write(row, EntryKind.EXPORT, words, by=by, now=now, count=sum(ended), reason=reason)
        flush()
    return sum(ended)


def exports_sweep(*, now: datetime) -> dict[str, int]:
    """End the exports whose term is over, or that hold what has been destroyed; what was done.

    Late, twice or killed half-way it does no harm: what is due is found by its key. What fails for
    one does not keep the others waiting. Must not stand in a transaction.
    """
    did = dict.fromkeys(("exports", "failed"), 0)
    evidence_key_ready(now=now)
    live = (
        VaultKey.objects.filter(kind=Sealed.EXPORT).order_by("pk").values_list("owner", flat=True)
    )
    for number in list(live):
        try:
            did["exports"] += _end_due(number, now)
        except (OperationalError, InterfaceError):
            # The database itself is away: nobody's turn would come.
            raise
        except Exception as error:
            log.error("export %s: %s", number, type(error).__name__)
            did["failed"] += 1
    if did["exports"]:
        flush()
    return did


@transaction.atomic
def _end_due(number: int, now: datetime) -> int:
    export = IncidentExport.objects.select_related("file", "incident").get(pk=number)
    row = incident_held(export.incident)
    over = now.astimezone(row.operator.zone).date() >= export.ends_on
    if not over and not outlived(unpacked(bytes(export.keys))):
        return 0
    words = gettext_noop("An export has ended: its term is over.")
    if not over:
        words = gettext_noop("An export has ended: data in it have been destroyed.")
    ended = _end(export, reason=f"{row.number}: the export has ended", by=None, now=now)
    if ended:
        entry_write(row, EntryKind.EXPORT, words, by=None, now=now)
    return int(ended)
