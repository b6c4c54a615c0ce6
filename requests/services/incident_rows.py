"""What every verb of an incident shares: its lock, its journal, what it refuses alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext

from registry import seam
from registry.choices import Effect
from registry.errors import OperatorError, gettext_noop
from registry.models import Deadline, Operator, User
from registry.states import move
from registry.workdays import CalendarMissing
from requests import states
from requests.models import Incident, IncidentEntry
from requests.models.incidents import TEXT_LIMIT, EntryKind, NoticeStep
from requests.services.inquiries import FieldsRefused, NotYet, ReasonMissing
from requests.services.moving import REASON_LIMIT, ReasonTooLong
from subjects.models import DataSubject

# What people write themselves; every other entry is the office's own words.
WRITTEN = frozenset({EntryKind.MEASURE, EntryKind.INVESTIGATION})
# So many codes stand in an entry of the journal.
NAMED = 50
# Which clock a notice meets.
MEETS = {
    NoticeStep.FIRST: Effect.NOTIFY_AUTHORITY_FIRST,
    NoticeStep.FINDINGS: Effect.NOTIFY_AUTHORITY_FINDINGS,
}


class BeforeDetection(OperatorError):
    template = gettext_noop("%(number)s: this cannot be older than the detection of the incident.")


class EntryEmpty(OperatorError):
    template = gettext_noop("%(number)s: write what was done.")


class EntryTooLong(OperatorError):
    template = gettext_noop("The text has %(length)s characters; the office takes %(limit)s.")


# --- rows ----------------------------------------------------------------------------------------
def incident_held(incident: Incident) -> Incident:
    """The incident in whatever state, held with its operator until the transaction ends.

    The operator first: cards are locked after it everywhere.
    """
    seam.lock(Operator.objects.filter(pk=incident.operator_id)).get()
    return (
        seam.lock(Incident.objects.filter(pk=incident.pk))
        .select_related("operator__jurisdiction", "operator__responsible", "contact")
        .get()
    )


def incident_locked(incident: Incident, verb: str) -> Incident:
    """The incident, held with its operator, if its state allows the verb."""
    row = incident_held(incident)
    move(states.INCIDENT, row.state, verb, number=row.number)
    return row


def clocks_of(incident: Incident) -> list[Deadline]:
    """The clocks of the incident that are not void, the most urgent first; one query."""
    kind = ContentType.objects.get_for_model(Incident)
    rows = Deadline.objects.filter(about_type=kind, about_id=incident.pk, voided_at=None)
    return list(
        rows.select_related("operator__jurisdiction", "owner", "statute", "promise").order_by(
            "ends_at", "pk"
        )
    )


def open_clocks(incident: Incident) -> list[Deadline]:
    return [clock for clock in clocks_of(incident) if clock.is_open]


# --- what was typed ------------------------------------------------------------------------------
def reason_of(incident: Incident, reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise ReasonMissing(number=incident.number)
    if len(reason) > REASON_LIMIT:
        raise ReasonTooLong(number=incident.number, limit=REASON_LIMIT)
    return reason


def text_of(text: str) -> str:
    """The text as it is kept: one kind of line end; refuses one too long."""
    text = text.replace("\r\n", "\n").strip()
    if len(text) > TEXT_LIMIT:
        raise EntryTooLong(length=len(text), limit=TEXT_LIMIT)
    return text


def require_past(incident: Incident, *moments: datetime | None, now: datetime) -> None:
    """Refuse the future, and moments that no clock can tell."""
    for moment in moments:
        if moment is None:
            continue
        if moment > now:
            raise NotYet(number=incident.number)
        try:
            moment.astimezone(UTC)
            moment.astimezone(incident.operator.zone)
        except OverflowError:
            # The first hours of the year 1, east of Greenwich.
            code = incident.operator.jurisdiction.code
            raise CalendarMissing(code=code, year=moment.year) from None


def codes_of(cards: Iterable[DataSubject]) -> str:
    """Codes hold no value; of very many the first: each of them stands in a row of its own."""
    codes = sorted(card.code for card in cards)
    return ", ".join(codes[:NAMED] + ["…"] * (len(codes) > NAMED))


def check_fields(row: Any, *, name: str, only: Iterable[str]) -> None:
    """Refuse by name what the fields refuse, before the database does it by its own words."""
    wanted = set(only)
    others = [one.name for one in row._meta.concrete_fields if one.name not in wanted]
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        why = " ".join(
            f"{capfirst(str(row._meta.get_field(field).verbose_name))}: {' '.join(messages)}"
            for field, messages in error.message_dict.items()
        )
        raise FieldsRefused(number=name, why=why) from None


def digest_of(said: Any) -> str:
    """SHA-256 of what was said as JSON that is always written the same way."""
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# --- the journal ---------------------------------------------------------------------------------
def entry_write(
    row: Incident,
    kind: str,
    text: str,
    *,
    by: User | None,
    now: datetime,
    at: datetime | None = None,
    **params: Any,
) -> IncidentEntry:
    """One line of the journal. ``params`` hold codes, numbers and reasons, never a value."""
    return IncidentEntry.objects.create(
        incident=row, kind=EntryKind(kind), happened_at=at or now, text=text, params=params,
        recorded_at=now, recorded_by=by,
    )  # fmt: skip


def entry_words(entry: IncidentEntry, *, people: bool = True) -> str:
    """The entry in the reader's language; what somebody wrote is not translated.

    ``people``: whether the reader may see the codes of cards.
    """
    if entry.kind in WRITTEN:
        return entry.text
    params = dict(entry.params)
    if not people and "codes" in params:
        params["codes"] = "…"
    if "fields" in params:
        names = (Incident._meta.get_field(name) for name in params["fields"])
        params["fields"] = ", ".join(str(getattr(one, "verbose_name", "")) for one in names)
    return gettext(entry.text) % params
