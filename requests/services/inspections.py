"""The verbs of an inspection: order, what is asked and given, findings, prescription, end.

The law gives these terms no number: the authority states the day on its paper, and it alone can
move it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model

from registry import seam
from registry.choices import Effect, Event
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Authority, Deadline, Operator, User
from registry.services import audit
from registry.services.clocks import (
    DeadlineClosed,
    deadline_meet,
    deadline_open,
    deadline_recount,
    deadline_void,
    span_of,
)
from registry.services.numbering import next_number
from registry.states import move
from requests import states
from requests.models.inspections import (
    SHEETS_LIMIT,
    Inspection,
    InspectionAnswer,
    InspectionItem,
    Prescription,
    PrescriptionDelay,
)
from requests.services.incident_rows import check_fields
from requests.services.inquiries import ForeignAuthority, NotYet, OperatorInactive, ReasonMissing
from requests.services.inspector_access import inspector_close


class OrderKnown(Conflict):
    template = gettext_noop("The order %(order)s has been registered already: %(number)s.")


class DaysMisordered(OperatorError):
    template = gettext_noop("%(number)s: %(later)s cannot be before %(earlier)s.")


class GivenAlready(Conflict):
    template = gettext_noop("%(number)s has been given already; what was given is never changed.")


class CopiesMissing(OperatorError):
    template = gettext_noop("%(number)s: write down what was given.")


class SheetsOutOfRange(OperatorError):
    template = gettext_noop("%(number)s: the number of sheets is from 0 to %(limit)s.")


class PapersMissing(OperatorError):
    template = gettext_noop("%(number)s: give the numbers of the papers.")


class DelayMovesNothing(OperatorError):
    template = gettext_noop("%(number)s: a delay moves the day on, and %(day)s stands there.")


class PrescriptionKnown(Conflict):
    template = gettext_noop("The prescription %(number)s has been registered already.")


class StillAsked(Conflict):
    template = gettext_noop("%(number)s: what the inspectors asked is not all given: %(open)s.")


class StillPrescribed(Conflict):
    template = gettext_noop("%(number)s: a prescription is not fulfilled yet: %(open)s.")


# --- rows ----------------------------------------------------------------------------------------
def _held(inspection: Inspection, verb: str) -> Inspection:
    """The inspection, held with its operator, if its state allows the verb."""
    seam.lock(Operator.objects.filter(pk=inspection.operator_id)).get()
    row = (
        seam.lock(Inspection.objects.filter(pk=inspection.pk))
        .select_related("operator__jurisdiction", "operator__responsible")
        .get()
    )
    move(states.INSPECTION, row.state, verb, number=row.number)
    return row


def _held_part(part: Any, verb: str) -> Any:
    """An item or a prescription, held with its inspection and its operator."""
    inspection = _held(part.inspection, verb)
    row = seam.lock(type(part)._default_manager.filter(pk=part.pk)).get()
    row.inspection = inspection
    return row


def _today(operator: Operator, now: datetime) -> date:
    return now.astimezone(operator.zone).date()


def _ordered(number: str, **days: date | None) -> None:
    """Refuse days that do not follow each other; the names of the fields say which."""
    known = [(name, day) for name, day in days.items() if day is not None]
    for (first, earlier), (second, later) in zip(known, known[1:], strict=False):
        if later < earlier:
            raise DaysMisordered(number=number, earlier=_word(first), later=_word(second))


def _word(name: str) -> str:
    for model in (Inspection, InspectionItem, Prescription, PrescriptionDelay):
        for field in model._meta.concrete_fields:
            if field.name == name:
                return str(field.verbose_name)
    return name


def clock_of_part(part: InspectionItem | Prescription) -> Deadline:
    """The clock of what is asked or prescribed; refuses when it has become void."""
    kind = ContentType.objects.get_for_model(type(part))
    clock = (
        Deadline.objects.filter(about_type=kind, about_id=part.pk, voided_at=None)
        .select_related("operator__jurisdiction", "owner")
        .first()
    )
    if clock is None:
        raise DeadlineClosed(label=part.number)
    return clock


def _clock_start(
    part: Model, label: str, *, inspection: Inspection, event: str, effect: str,
    since: date, until: date, owner: User | None, by: User | None, now: datetime,
) -> None:  # fmt: skip
    operator = inspection.operator
    trigger_at, _ = span_of(since, until, operator)
    deadline_open(
        operator=operator, about=part, label=label, event=event, effect=effect,
        trigger_at=trigger_at, stated_on=until, owner=owner or operator.responsible, by=by, now=now,
    )  # fmt: skip


# --- the order -----------------------------------------------------------------------------------
@transaction.atomic
def inspection_register(
    *,
    operator: Operator,
    authority: Authority,
    order_number: str,
    ordered_on: date,
    kind: str,
    basis: str,
    begins_on: date,
    ends_on: date,
    by: User | None,
    now: datetime,
    inspectors: str = "",
) -> Inspection:
    """Register the order of an inspection.

    Refuses an order from the future or registered already, an authority of another state, an end
    before the beginning, a beginning before the order.
    """
    operator = (
        seam.lock(Operator.objects.filter(pk=operator.pk))
        .select_related("jurisdiction", "responsible")
        .get()
    )
    order_number = order_number.strip()
    if not operator.is_active:
        raise OperatorInactive(operator=str(operator))
    if authority.jurisdiction_id != operator.jurisdiction_id:
        raise ForeignAuthority(authority=str(authority), operator=str(operator))
    known = Inspection.objects.filter(
        operator=operator, authority=authority, order_number=order_number, ordered_on=ordered_on
    ).first()
    if known is not None:
        raise OrderKnown(order=order_number, number=known.number)
    if ordered_on > _today(operator, now):
        raise NotYet(number=order_number)
    _ordered(order_number, ordered_on=ordered_on, begins_on=begins_on, ends_on=ends_on)
    row = Inspection(
        operator=operator, number=_next_number(operator, now), authority=authority,
        order_number=order_number, ordered_on=ordered_on, kind=kind, basis=basis.strip(),
        begins_on=begins_on, ends_on=ends_on, inspectors=inspectors.strip(), registered_at=now,
        registered_by=by,
    )  # fmt: skip
    check_fields(row, name=order_number, only=["order_number", "kind", "basis", "inspectors"])
    return audit.save(row, by=by, reason="registered")


def _next_number(operator: Operator, now: datetime) -> str:
    """The next number of the operator's year; the operator's row is locked by the caller."""
    prefix = f"{Inspection.numbered}-{now.astimezone(operator.zone):%Y}-"
    rows = Inspection.objects.filter(operator=operator)
    return next_number(rows, operator=operator, prefix=prefix)


@transaction.atomic
def inspection_begin(*, inspection: Inspection, by: User | None, now: datetime) -> Inspection:
    """The inspectors have begun; not before the day on the order."""
    row = _held(inspection, "begin")
    if _today(row.operator, now) < row.begins_on:
        raise NotYet(number=row.number)
    row.state = move(states.INSPECTION, row.state, "begin", number=row.number)
    return audit.save(row, by=by, reason="begun", fields=["state"])


# --- what is asked and given ---------------------------------------------------------------------
@transaction.atomic
def inspection_ask(
    *,
    inspection: Inspection,
    what: str,
    asked_on: date,
    due_on: date,
    by: User | None,
    now: datetime,
    owner: User | None = None,
) -> InspectionItem:
    """Write down what the inspectors ask for, and start its clock by the day that they stated.

    Refuses a demand from the future or older than the order, a day before the demand.
    """
    row = _held(inspection, "ask")
    if asked_on > _today(row.operator, now):
        raise NotYet(number=row.number)
    _ordered(row.number, ordered_on=row.ordered_on, asked_on=asked_on, due_on=due_on)
    item = InspectionItem(
        inspection=row, number=f"{row.number}/{row.items.count() + 1}", what=what.strip(),
        asked_on=asked_on, due_on=due_on,
    )  # fmt: skip
    check_fields(item, name=item.number, only=["what"])
    audit.save(item, by=by, reason="asked")
    _clock_start(
        item, item.number, inspection=row, event=Event.INSPECTION_ASKED,
        effect=Effect.ANSWER_AUTHORITY, since=asked_on, until=due_on, owner=owner, by=by, now=now,
    )  # fmt: skip
    return item


@transaction.atomic
def item_give(
    *,
    item: InspectionItem,
    given_at: datetime,
    copies: str,
    by: User | None,
    now: datetime,
    sheets: int | None = None,
) -> InspectionAnswer:
    """What was asked is given; its clock stops at that moment. Once: the answer never changes."""
    row: InspectionItem = _held_part(item, "give")
    if row.state == states.GIVEN:
        raise GivenAlready(number=row.number)
    copies = copies.replace("\r\n", "\n").strip()
    if not copies:
        raise CopiesMissing(number=row.number)
    if sheets is not None and not 0 <= sheets <= SHEETS_LIMIT:
        raise SheetsOutOfRange(number=row.number, limit=SHEETS_LIMIT)
    if given_at > now:
        raise NotYet(number=row.number)
    if given_at < span_of(row.asked_on, row.due_on, row.operator)[0]:
        raise DaysMisordered(
            number=row.number, earlier=_word("asked_on"),
            later=str(InspectionAnswer._meta.get_field("given_at").verbose_name),
        )  # fmt: skip
    answer = InspectionAnswer(
        item=row, given_at=given_at, copies=copies, sheets=sheets, recorded_at=now, given_by=by
    )
    check_fields(answer, name=row.number, only=["copies"])
    row.state = move(states.ASKED, row.state, "give", number=row.number)
    audit.save(row, by=by, reason="given", fields=["state"])
    answer.save()
    deadline_meet(deadline=clock_of_part(row), met_at=given_at, by=by, reason="given")
    return answer


@transaction.atomic
def item_drop(
    *, item: InspectionItem, reason: str, by: User | None, now: datetime
) -> InspectionItem:
    """The inspectors no longer ask for it; its clock is void."""
    row: InspectionItem = _held_part(item, "drop")
    reason = reason.strip()
    if not reason:
        raise ReasonMissing(number=row.number)
    row.state = move(states.ASKED, row.state, "drop", number=row.number)
    row.dropped_reason = reason
    check_fields(row, name=row.number, only=["dropped_reason"])
    audit.save(row, by=by, reason=reason, fields=["state", "dropped_reason"])
    deadline_void(deadline=clock_of_part(row), by=by, reason=reason, now=now)
    return row


# --- what was found ------------------------------------------------------------------------------
@transaction.atomic
def inspection_find(
    *,
    inspection: Inspection,
    act_number: str,
    act_on: date,
    findings: str,
    by: User | None,
    now: datetime,
) -> Inspection:
    """The act of the authority has come: its number, its date, what it says."""
    row = _held(inspection, "find")
    if not act_number.strip():
        raise PapersMissing(number=row.number)
    if act_on > _today(row.operator, now):
        raise NotYet(number=row.number)
    _ordered(row.number, begins_on=row.begins_on, act_on=act_on)
    row.state = move(states.INSPECTION, row.state, "find", number=row.number)
    row.act_number, row.act_on = act_number.strip(), act_on
    row.findings = findings.replace("\r\n", "\n").strip()
    fields = ["act_number", "findings"]
    check_fields(row, name=row.number, only=fields)
    return audit.save(row, by=by, reason="findings", fields=["state", "act_on", *fields])


@transaction.atomic
def prescription_register(
    *,
    inspection: Inspection,
    number: str,
    dated_on: date,
    demands: str,
    due_on: date,
    by: User | None,
    now: datetime,
    owner: User | None = None,
) -> Prescription:
    """Register what the authority orders to put right; its clock runs to the day it stated.

    Refuses one from the future, one due before its date, one registered already.
    """
    row = _held(inspection, "prescribe")
    number = number.strip()
    if row.prescriptions.filter(number=number).exists():
        raise PrescriptionKnown(number=number)
    if dated_on > _today(row.operator, now):
        raise NotYet(number=number or row.number)
    _ordered(number, begins_on=row.begins_on, dated_on=dated_on, due_on=due_on)
    found = Prescription(
        inspection=row, number=number, dated_on=dated_on, demands=demands.strip(), due_on=due_on
    )
    check_fields(found, name=number or row.number, only=["number", "demands"])
    audit.save(found, by=by, reason="registered")
    _clock_start(
        found, f"{row.number}: {number}", inspection=row, event=Event.PRESCRIPTION_RECEIVED,
        effect=Effect.FULFIL_PRESCRIPTION, since=dated_on, until=due_on, owner=owner, by=by,
        now=now,
    )  # fmt: skip
    return found


@transaction.atomic
def prescription_delay(
    *,
    prescription: Prescription,
    asked: str,
    paper: str,
    granted_on: date,
    due_on: date,
    by: User | None,
    now: datetime,
) -> PrescriptionDelay:
    """The authority granted a later day by a paper of its own; the clock follows."""
    row: Prescription = _held_part(prescription, "delay")
    move(states.PRESCRIPTION, row.state, "delay", number=row.number)
    asked, paper = asked.strip(), paper.strip()
    if not (asked and paper):
        raise PapersMissing(number=row.number)
    if granted_on > _today(row.operator, now):
        raise NotYet(number=row.number)
    _ordered(row.number, dated_on=row.dated_on, granted_on=granted_on)
    if due_on <= row.due_on:
        raise DelayMovesNothing(number=row.number, day=row.due_on)
    delay = PrescriptionDelay(
        prescription=row, asked=asked, paper=paper, granted_on=granted_on, due_before=row.due_on,
        due_after=due_on, recorded_at=now, recorded_by=by,
    )  # fmt: skip
    check_fields(delay, name=row.number, only=["asked", "paper"])
    row.due_on = due_on
    audit.save(row, by=by, reason=paper, fields=["due_on"])
    delay.save()
    deadline_recount(deadline=clock_of_part(row), by=by, reason=paper, stated_on=due_on)
    return delay


@transaction.atomic
def prescription_fulfil(
    *,
    prescription: Prescription,
    fulfilled_at: datetime,
    report_number: str,
    by: User | None,
    now: datetime,
) -> Prescription:
    """It is put right and reported to the authority; the clock stops at that moment."""
    row: Prescription = _held_part(prescription, "fulfil")
    state = move(states.PRESCRIPTION, row.state, "fulfil", number=row.number)
    if not report_number.strip():
        raise PapersMissing(number=row.number)
    if fulfilled_at > now:
        raise NotYet(number=row.number)
    _ordered(row.number, dated_on=row.dated_on, fulfilled_at=_today(row.operator, fulfilled_at))
    row.state, row.fulfilled_at, row.report_number = state, fulfilled_at, report_number.strip()
    check_fields(row, name=row.number, only=["report_number"])
    audit.save(row, by=by, reason="fulfilled", fields=["state", "fulfilled_at", "report_number"])
    deadline_meet(deadline=clock_of_part(row), met_at=fulfilled_at, by=by, reason="fulfilled")
    return row


# --- the end -------------------------------------------------------------------------------------
@transaction.atomic
def inspection_close(
    *, inspection: Inspection, reason: str, by: User | None, now: datetime
) -> Inspection:
    """With what result it ended; the log-ins of its inspectors end with it.

    Not while something is asked or a prescription is open.
    """
    row = _held(inspection, "close")
    reason = reason.strip()
    if not reason:
        raise ReasonMissing(number=row.number)
    asked = list(row.items.filter(state=states.OPEN).values_list("number", flat=True)[:5])
    if asked:
        raise StillAsked(number=row.number, open=", ".join(asked))
    ordered = row.prescriptions.filter(state=states.OPEN).values_list("number", flat=True)
    if ordered:
        raise StillPrescribed(number=row.number, open=", ".join(ordered[:5]))
    row.state = move(states.INSPECTION, row.state, "close", number=row.number)
    row.closed_at, row.closed_reason = now, reason
    check_fields(row, name=row.number, only=["closed_reason"])
    for access in row.accesses.filter(closed_at=None):
        inspector_close(access=access, reason=reason, by=by, now=now)
    return audit.save(row, by=by, reason=reason, fields=["state", "closed_at", "closed_reason"])
