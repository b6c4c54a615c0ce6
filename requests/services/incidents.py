"""The verbs of an incident: from the moment of its detection to its end, and back.

It is saved with the moment of detection alone: the hours of the law run from there, through nights
and days off (152-FZ 21(3.1), CC RU 190; 94-V 25(2)(8) para 5), whatever is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from registry import seam
from registry.choices import Event
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Deadline, Operator, User
from registry.services import audit
from registry.services.clocks import (
    NotOnTheStaff,
    OwnerOnlyReads,
    check_owner,
    deadline_correct,
    deadline_open,
    deadline_void,
)
from registry.services.numbering import next_number
from registry.services.rules import rules_for
from registry.states import move
from registry.workdays import CalendarMissing
from requests import states
from requests.models import Incident, IncidentEntry, IncidentSending, Letter
from requests.models.incident_people import FoundBy
from requests.models.incidents import EntryKind, IncidentKind
from requests.models.letters import Way
from requests.services.incident_contents import steps_of
from requests.services.incident_export import exports_shut
from requests.services.incident_people import affect_cards
from requests.services.incident_rows import (
    MEETS,
    WRITTEN,
    BeforeDetection,
    EntryEmpty,
    check_fields,
    clocks_of,
    digest_of,
    entry_write,
    incident_locked,
    open_clocks,
    reason_of,
    require_past,
    text_of,
)
from requests.services.inquiries import OperatorInactive
from requests.services.moving import UnknownChoice, known
from subjects.models import DataSubject
from subjects.services.people import require_own

PLAIN = (
    "kind", "happened_from", "happened_until", "description", "causes", "harm",
    "people_estimate", "contact", "findings", "culprits",
)  # fmt: skip
TEXTS = frozenset({"description", "causes", "harm", "findings", "culprits"})
MANY = ("systems", "activities", "data_categories")
# A letter in one of these has left the house, or lies in its envelope.
GONE_OUT = frozenset({states.SENT, states.PROVEN, states.PRINTED})


class DetectedInFuture(OperatorError):
    template = gettext_noop("An incident cannot be detected in the future.")


class LetterNotOut(OperatorError):
    template = gettext_noop(
        "%(number)s: only a letter of ours that has gone out can go to the wrong person."
    )


class DetectedBeforeLetter(OperatorError):
    template = gettext_noop("%(number)s: the letter was written after this moment.")


class IncidentOfLetterKnown(Conflict):
    template = gettext_noop("This letter is an incident already: %(number)s.")


class IncidentChanged(Conflict):
    template = gettext_noop(
        "%(number)s was changed by somebody else while you were writing. Nothing was saved: "
        "look at what it says now."
    )


class EndedBeforeItBegan(OperatorError):
    template = gettext_noop("%(number)s: it cannot have ended before it began.")


class BeganAfterDetection(OperatorError):
    template = gettext_noop("%(number)s: it cannot have begun after it was detected.")


class SameDetection(OperatorError):
    template = gettext_noop("%(number)s: this is the moment that stands there already.")


class NoticeDue(Conflict):
    template = gettext_noop(
        "%(number)s: a notice to the authority is still due. Send it, or say that there was no "
        "incident."
    )


# --- registration --------------------------------------------------------------------------------
@transaction.atomic
def incident_register(
    *,
    operator: Operator,
    detected_at: datetime,
    by: User | None,
    now: datetime,
    letter: Letter | None = None,
    kind: str = "",
) -> Incident:
    """Register an incident by its moment of detection and start every clock that the law has for
    it: 24 and 72 hours (152-FZ 21(3.1)), one working day (94-V 25(2)(8) para 5).

    The responsible person owns them, or whoever stands in; nobody does where there is none, and
    that keeps no incident from being registered. ``letter``: it went to the wrong person; the
    cards of its request are affected. Refuses the future, an operator that takes no cases, a
    letter that has not gone out, that is an incident already or that was written later.
    """
    operator = (
        seam.lock(Operator.objects.filter(pk=operator.pk))
        .select_related("jurisdiction", "responsible")
        .get()
    )
    if not operator.is_active:
        raise OperatorInactive(operator=str(operator))
    if detected_at > now:
        raise DetectedInFuture()
    try:
        detected_at.astimezone(UTC)
    except OverflowError:
        # The first hours of the year 1, east of Greenwich: no calendar has them either.
        raise CalendarMissing(code=operator.jurisdiction.code, year=detected_at.year) from None
    if letter is not None:
        _require_gone_out(operator, letter, detected_at)
        kind = kind or IncidentKind.MISDIRECTED
    row = Incident(
        operator=operator, number=_next_number(operator, now), detected_at=detected_at,
        registered_at=now, registered_by=by, kind=kind, letter=letter,
    )  # fmt: skip
    check_fields(row, name=row.number, only=["kind"])
    audit.save(row, by=by, reason="registered")
    entry_write(row, EntryKind.DETECTED, gettext_noop("Detected."), at=detected_at, by=by, now=now)
    _clocks_start(row, by=by, now=now)
    if letter is not None:
        linked = letter.request.people.filter(unlinked_at=None).values("subject")
        cards = DataSubject.objects.filter(pk__in=linked)
        added = affect_cards(row, cards, found_by=FoundBy.HAND, by=by, now=now)
        entry_write(
            row, EntryKind.PEOPLE,
            gettext_noop("The people of the request %(number)s: %(added)s."),
            by=by, now=now, number=letter.request.number, added=added,
        )  # fmt: skip
    return row


def _next_number(operator: Operator, now: datetime) -> str:
    """The next number of the operator's year; the operator's row is locked by the caller."""
    prefix = f"{Incident.numbered}-{now.astimezone(operator.zone):%Y}-"
    rows = Incident.objects.filter(operator=operator)
    return next_number(rows, operator=operator, prefix=prefix)


def _require_gone_out(operator: Operator, letter: Letter, detected_at: datetime) -> None:
    number = letter.request.number
    require_own(operator.pk, letter.request)
    if letter.way != Way.OUT or letter.state not in GONE_OUT:
        raise LetterNotOut(number=number)
    if detected_at < (letter.sent_at or letter.made_at):
        raise DetectedBeforeLetter(number=number)
    known_already = Incident.objects.filter(letter=letter).exclude(state=states.DISMISSED).first()
    if known_already is not None:
        raise IncidentOfLetterKnown(number=known_already.number)


def _clocks_start(row: Incident, *, by: User | None, now: datetime) -> list[Deadline]:
    """The clocks of the notices that the law of the operator knows, by its rule or by a promise,
    and that are not there. Of other effects none is started: no verb here could ever meet it.
    """
    operator = row.operator
    day = row.detected_at.astimezone(operator.zone).date()
    running = {clock.effect for clock in clocks_of(row)}
    started = []
    known_to_law = {MEETS[step] for step in steps_of(operator)}
    for effect in sorted(known_to_law - running):
        wanted = rules_for(operator=operator, event=Event.INCIDENT_DETECTED, effect=effect, day=day)
        if any(wanted):
            started.append(
                deadline_open(
                    operator=operator,
                    about=row,
                    label=row.number,
                    event=Event.INCIDENT_DETECTED,
                    effect=effect,
                    trigger_at=row.detected_at,
                    owner=_owner(operator, now),
                    by=by,
                    now=now,
                )
            )
    return started


def _owner(operator: Operator, now: datetime) -> User | None:
    """The responsible person, unless they are no longer on the staff: the hours do not wait."""
    person = operator.responsible
    if person is None:
        return None
    try:
        check_owner(user=person, operator=operator, today=now.astimezone(operator.zone).date())
    except (NotOnTheStaff, OwnerOnlyReads):
        return None
    return person


# --- what is known -------------------------------------------------------------------------------
def described(incident: Incident) -> dict[str, Any]:
    """What is known of it, as plain JSON; three queries."""
    found: dict[str, Any] = {}
    for name in PLAIN:
        value = incident.contact_id if name == "contact" else getattr(incident, name)
        found[name] = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
    for name in MANY:
        rows = getattr(incident, name).order_by("pk")
        found[name] = list(rows.values_list("pk", flat=True))
    return found


def incident_version(incident: Incident) -> str:
    """Tells one state of what is known from another, and says nothing of it."""
    return digest_of(described(incident))


@transaction.atomic
def incident_describe(
    *, incident: Incident, said: Mapping[str, Any], read: str, by: User | None, now: datetime
) -> Incident:
    """Write down what is known by now: any of ``PLAIN`` and ``MANY``, by name.

    ``read``: the ``incident_version`` that the writer started from; refuses if it has been changed
    since, unless the same is said again (a second click). Refuses the future, an end before the
    beginning, a beginning after the detection, rows of another operator, and a contact who is
    not on the staff.
    """
    row = incident_locked(incident, "describe")
    if not set(said) <= {*PLAIN, *MANY}:
        raise UnknownChoice()
    require_past(row, said.get("happened_from"), said.get("happened_until"), now=now)
    before = described(row)
    chosen = {name: _in_order(row, said[name]) for name in MANY if name in said}
    for name in PLAIN:
        if name in said:
            value = text_of(said[name]) if name in TEXTS else said[name]
            setattr(row, name, value)
    after = {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in (
            (name, row.contact_id if name == "contact" else getattr(row, name)) for name in PLAIN
        )
    }
    after |= {name: before[name] for name in MANY}
    after |= {name: [one.pk for one in rows] for name, rows in chosen.items()}
    changed = [name for name in (*PLAIN, *MANY) if after[name] != before[name]]
    if not changed:
        return row
    if digest_of(before) != read:
        raise IncidentChanged(number=row.number)
    _check_described(row, changed, now=now)
    reason = "described"
    audited: Any = row
    audited._history_user, audited._change_reason = by, reason
    for name in MANY:
        if name in changed:
            getattr(row, name).set(chosen[name])
    audit.save(row, by=by, reason=reason, fields=[name for name in PLAIN if name in changed])
    entry_write(
        row, EntryKind.DESCRIBED, gettext_noop("Written down: %(fields)s."), by=by, now=now,
        fields=changed,
    )  # fmt: skip
    return row


def _in_order(row: Incident, rows: Iterable[Any]) -> list[Any]:
    found = sorted({one.pk: one for one in rows}.values(), key=lambda one: one.pk)
    require_own(row.operator_id, *found)
    return found


def _check_described(row: Incident, changed: list[str], *, now: datetime) -> None:
    check_fields(row, name=row.number, only=set(changed) & set(PLAIN))
    if row.happened_from and row.happened_from > row.detected_at:
        raise BeganAfterDetection(number=row.number)
    if row.happened_from and row.happened_until and row.happened_until < row.happened_from:
        raise EndedBeforeItBegan(number=row.number)
    if "contact" in changed and row.contact is not None:
        today = now.astimezone(row.operator.zone).date()
        check_owner(user=row.contact, operator=row.operator, today=today)


@transaction.atomic
def incident_note(
    *,
    incident: Incident,
    kind: str,
    happened_at: datetime,
    text: str,
    by: User | None,
    now: datetime,
) -> IncidentEntry:
    """Write a measure, or a step of the investigation, into the journal; it is never changed.

    A measure may be older than the detection (something stopped by itself). Refuses the future,
    an empty text and any other kind: those the office writes itself.
    """
    row = incident_locked(incident, "note")
    known(kind, EntryKind)
    if kind not in WRITTEN:
        raise UnknownChoice()
    require_past(row, happened_at, now=now)
    text = text_of(text)
    if not text:
        raise EntryEmpty(number=row.number)
    return entry_write(row, kind, text, at=happened_at, by=by, now=now)


@transaction.atomic
def incident_redetect(
    *, incident: Incident, detected_at: datetime, reason: str, by: User | None, now: datetime
) -> Incident:
    """The moment of the detection was written down wrongly: its clocks are counted again from the
    right one, those too that are met.

    Refuses an empty reason, a moment after the registration, after the beginning of a sending or
    before the incident began or its letter went, and the same moment.
    """
    row = incident_locked(incident, "correct")
    reason = reason_of(row, reason)
    require_past(row, detected_at, now=row.registered_at)
    if detected_at == row.detected_at:
        raise SameDetection(number=row.number)
    if row.happened_from and row.happened_from > detected_at:
        raise BeganAfterDetection(number=row.number)
    if row.letter is not None and detected_at < (row.letter.sent_at or row.letter.made_at):
        raise DetectedBeforeLetter(number=row.letter.request.number)
    sent = IncidentSending.objects.standing().filter(notice__incident=row)
    if sent.filter(sent_at__lt=detected_at).exists():
        raise BeforeDetection(number=row.number)
    row.detected_at = detected_at
    audit.save(row, by=by, reason=reason, fields=["detected_at"])
    entry_write(
        row, EntryKind.DETECTED,
        gettext_noop("The moment of the detection is corrected: %(reason)s"),
        at=detected_at, by=by, now=now, reason=reason,
    )  # fmt: skip
    for clock in clocks_of(row):
        deadline_correct(deadline=clock, trigger_at=detected_at, by=by, reason=reason)
    return row


# --- its end -------------------------------------------------------------------------------------
@transaction.atomic
def incident_close(*, incident: Incident, reason: str, by: User | None, now: datetime) -> Incident:
    """Everything is done; ``reason``: with what result. Refuses while a notice is still due."""
    row = incident_locked(incident, "close")
    if open_clocks(row):
        raise NoticeDue(number=row.number)
    return _ended(row, "close", gettext_noop("Closed: %(reason)s"), reason, by=by, now=now)


@transaction.atomic
def incident_dismiss(
    *, incident: Incident, reason: str, by: User | None, now: datetime
) -> Incident:
    """It was no incident, for the reason given: its clocks are void, its exports end."""
    row = incident_locked(incident, "dismiss")
    row = _ended(row, "dismiss", gettext_noop("No incident: %(reason)s"), reason, by=by, now=now)
    exports_shut(row, reason=row.ended_reason, by=by, now=now)
    for clock in open_clocks(row):
        deadline_void(deadline=clock, by=by, reason=row.ended_reason, now=now)
    return row


def _ended(
    row: Incident, verb: str, words: str, reason: str, *, by: User | None, now: datetime
) -> Incident:
    row.ended_reason = reason_of(row, reason)
    row.state = move(states.INCIDENT, row.state, verb, number=row.number)
    row.ended_at = now
    audit.save(row, by=by, reason=row.ended_reason, fields=["state", "ended_at", "ended_reason"])
    entry_write(row, EntryKind.STATE, words, by=by, now=now, reason=row.ended_reason)
    return row


@transaction.atomic
def incident_reopen(*, incident: Incident, reason: str, by: User | None, now: datetime) -> Incident:
    """It was one after all, or there is more to do.

    Clocks that became void start anew, from the same detection: the law knows no later one, so
    they may be overdue at once. Refuses one whose letter became another incident meanwhile.
    """
    row = incident_locked(incident, "reopen")
    reason = reason_of(row, reason)
    others = Incident.objects.filter(letter=row.letter_id).exclude(pk=row.pk)
    other = others.exclude(state=states.DISMISSED).first() if row.letter_id else None
    if other is not None:
        raise IncidentOfLetterKnown(number=other.number)
    row.state = move(states.INCIDENT, row.state, "reopen", number=row.number)
    row.ended_at, row.ended_reason = None, ""
    audit.save(row, by=by, reason=reason, fields=["state", "ended_at", "ended_reason"])
    entry_write(
        row, EntryKind.STATE, gettext_noop("Opened again: %(reason)s"), by=by, now=now,
        reason=reason,
    )  # fmt: skip
    _clocks_start(row, by=by, now=now)
    return row
