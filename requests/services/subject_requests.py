"""The verbs of a person's request but its decision: receive, demand, link, check, withdraw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from registry import seam
from registry.choices import Language
from registry.deadlines import NoRule
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, ProcessingActivity, User
from registry.services import audit
from registry.services.clocks import deadline_open, deadline_void
from registry.services.numbering import next_number
from registry.services.rules import UnknownOperator
from registry.states import move
from registry.workdays import CalendarMissing
from requests import states
from requests.models import RequestItem, SubjectRequest
from requests.models.subject_requests import (
    AnswerBy,
    RequestChannel,
    RequestKind,
    RequestState,
    Scope,
)
from requests.services.duties import duty_of
from requests.services.inquiries import NotYet, OperatorInactive
from requests.services.linking import holds_end, link_row, linked_to
from requests.services.moving import (
    DecidedAlready,
    clocks_of,
    known,
    moved,
    reason_given,
    request_locked,
)
from requests.services.tracking import hash_of, new_code
from subjects import values
from subjects.models import Consent, DataSubject
from subjects.services.people import require_own
from subjects.vault.field import Plain

REASON_LIMIT = 300
NAME_LIMIT = 300
TRACK_LIMIT = 40


class NoTermInForce(OperatorError):
    template = gettext_noop(
        "%(what)s: on %(day)s no term for this was in force (%(law)s). Add the rule of that day "
        "first."
    )


class NothingAsked(OperatorError):
    template = gettext_noop("Say what the person asks for: a request has one demand at least.")


class UnknownDemand(OperatorError):
    template = gettext_noop("The office knows no such demand, or it has no such part.")


class DemandTwice(Conflict):
    template = gettext_noop("This demand stands in the request already: %(what)s.")


class ContactMissing(OperatorError):
    template = gettext_noop("The answer goes by %(way)s: write down where to.")


class NameTooLong(OperatorError):
    template = gettext_noop("The name is longer than %(limit)s characters.")


class TrackTooLong(OperatorError):
    template = gettext_noop("The track number is longer than %(limit)s characters.")


class ForeignConsent(OperatorError):
    template = gettext_noop("This consent is not of a person whom the request is about.")


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing that a letter asks for. ``scope``: of a withdrawal; empty: the whole consent."""

    kind: str
    scope: str = ""
    consent: Consent | None = None
    activity: ProcessingActivity | None = None


def _next_number(operator: Operator, now: datetime) -> str:
    """The next number of the operator's year; the operator's row is locked by the caller."""
    prefix = f"{SubjectRequest.numbered}-{now.astimezone(operator.zone):%Y}-"
    rows = SubjectRequest.objects.filter(operator=operator)
    return next_number(rows, operator=operator, prefix=prefix)


def _told(**given: str) -> dict[str, str]:
    """What the writer told, checked; what is empty is left out. No refusal names a value."""
    formats = {"email": values.EMAIL, "phone": values.PHONE}
    found = {
        # Not as a name: whoever writes decides how to sign.
        name: values.check(formats.get(name, values.LOG), text)
        for name, text in given.items()
        if text.strip()
    }
    if "name" in found:
        found["name"] = " ".join(found["name"].split())
        if len(found["name"]) > NAME_LIMIT:
            raise NameTooLong(limit=NAME_LIMIT)
    return found


def _track(track: str) -> str:
    track = " ".join(track.split())
    if len(track) > TRACK_LIMIT:
        raise TrackTooLong(limit=TRACK_LIMIT)
    return track


@transaction.atomic
def request_receive(
    *,
    operator: Operator,
    channel: str,
    received_at: datetime,
    language: str,
    answer_by: str,
    items: Sequence[Demand],
    name: str = "",
    email: str = "",
    phone: str = "",
    postal: str = "",
    message: str = "",
    track: str = "",
    subjects: Iterable[DataSubject] = (),
    owner: User | None = None,
    by: User | None,
    now: datetime,
) -> SubjectRequest:
    """Register a letter of a person and start a clock for each thing it asks for.

    The receipt counts, the registration is recorded beside it. Nothing of a linked person is
    destroyed by routine from now on, and a code of its own leads to its tracking page. Refuses a
    letter from the future, an operator that is unknown or takes no new cases, a letter that asks
    for nothing, an answer that has nowhere to go.
    """
    found = seam.lock(Operator.objects.filter(pk=operator.pk)).first()
    if found is None:
        raise UnknownOperator(code=operator.code)
    operator = Operator.objects.select_related("jurisdiction", "responsible").get(pk=found.pk)
    if not operator.is_active:
        raise OperatorInactive(operator=str(operator))
    known(channel, RequestChannel)
    known(language, Language)
    known(answer_by, AnswerBy)
    if not items:
        raise NothingAsked()
    number = _next_number(operator, now)
    if received_at > now:
        raise NotYet(number=number)
    try:
        received_at.astimezone(UTC)
    except OverflowError:
        raise CalendarMissing(code=operator.jurisdiction.code, year=received_at.year) from None
    told = _told(name=name, email=email, phone=phone, postal=postal, message=message)
    needed = {AnswerBy.EMAIL: "email", AnswerBy.POST: "postal"}.get(AnswerBy(answer_by))
    if needed and needed not in told:
        raise ContactMissing(way=str(AnswerBy(answer_by).label))
    row = SubjectRequest(
        operator=operator,
        number=number,
        channel=channel,
        received_at=received_at,
        registered_at=now,
        language=language,
        answer_by=answer_by,
        track=_track(track),
    )
    audit.save(row, by=by, reason="registered")
    # Their keys are bound to the row, which has a number only now.
    for part, text in told.items():
        setattr(row, part, Plain(text))
    code = new_code()
    row.tracking, row.tracking_hash = Plain(code), hash_of(code)  # type: ignore[assignment]
    audit.save(row, by=by, reason="registered", fields=[*told, "tracking", "tracking_hash"])
    for subject in subjects:
        link_row(row, subject, by=by, now=now)
    for demand in items:
        _demand(row, demand, received_at=received_at, owner=owner, by=by, now=now)
    return row


def _demand(
    row: SubjectRequest, demand: Demand, *, received_at: datetime, owner: User | None,
    by: User | None, now: datetime,
) -> RequestItem:  # fmt: skip
    only_withdrawal = demand.scope or demand.consent
    if (
        demand.kind not in RequestKind
        or (demand.scope and demand.scope not in Scope)
        or (only_withdrawal and demand.kind != RequestKind.WITHDRAWAL)
    ):
        raise UnknownDemand()
    require_own(row.operator_id, demand.activity)
    consent = demand.consent
    if consent is not None and not linked_to(row, consent.ground.subject).exists():
        raise ForeignConsent()
    item = RequestItem(
        request=row,
        kind=demand.kind,
        scope=demand.scope,
        consent=demand.consent,
        activity=demand.activity,
        received_at=received_at,
    )
    standing = row.items.filter(
        kind=item.kind, scope=item.scope, consent=item.consent, activity=item.activity,
        decision__in=[states.OPEN, states.BARRED],
    )  # fmt: skip
    if standing.exists():
        raise DemandTwice(what=item.what)
    return item_opened(item, owner=owner, by=by, now=now)


def item_opened(
    item: RequestItem, *, owner: User | None, by: User | None, now: datetime
) -> RequestItem:
    """Save a new demand and start its clock, under the rules of the day from which it counts."""
    audit.save(item, by=by, reason=item.request.number)
    clock_of_item(item, owner=owner, by=by, now=now)
    return item


def clock_of_item(item: RequestItem, *, owner: User | None, by: User | None, now: datetime) -> None:
    """Start the clock of a demand that has none."""
    operator = item.request.operator
    event, effect = duty_of(
        operator=operator, kind=item.kind, scope=item.scope, received_at=item.received_at
    )
    try:
        deadline_open(
            operator=operator,
            about=item,
            label=item.request.number,
            event=event,
            effect=effect,
            trigger_at=item.received_at,
            owner=owner or operator.responsible,
            by=by,
            now=now,
        )
    except NoRule:
        day = item.received_at.astimezone(operator.zone).date()
        law = str(operator.jurisdiction.law)
        raise NoTermInForce(what=item.what, day=day.isoformat(), law=law) from None


@transaction.atomic
def item_add(
    *,
    subject_request: SubjectRequest,
    demand: Demand,
    asked_at: datetime | None = None,
    by: User | None,
    now: datetime,
) -> RequestItem:
    """The letter asks for one thing more; its clock counts from the same receipt.

    ``asked_at``: of a request that was opened again, when the person asked for it.
    """
    row = request_locked(subject_request, "work")
    counts_from = asked_at or row.received_at
    item = _demand(row, demand, received_at=counts_from, owner=None, by=by, now=now)
    moved(row, "work", by=by, reason=row.number)
    return item


# --- the end without a decision ------------------------------------------------------------------
@transaction.atomic
def request_withdraw(
    *, subject_request: SubjectRequest, reason: str, by: User | None, now: datetime
) -> SubjectRequest:
    """The person takes the request back: its clocks are void, its stops end.

    Refused once a demand was accepted: what follows from that goes on.
    """
    reason = reason_given(subject_request, reason)
    row = request_locked(subject_request, "withdraw")
    if row.items.filter(decision__in=[states.ACCEPTED, states.PARTLY]).exists():
        raise DecidedAlready(number=row.number)
    row.state = RequestState(move(states.REQUEST, row.state, "withdraw", number=row.number))
    row.withdrawn_reason, row.ended_at = reason, now
    audit.save(row, by=by, reason=reason, fields=["state", "withdrawn_reason", "ended_at"])
    for clock in clocks_of(row):
        deadline_void(deadline=clock, by=by, reason=reason, now=now)
    holds_end(row, by=by, now=now, reason=reason)
    return row
