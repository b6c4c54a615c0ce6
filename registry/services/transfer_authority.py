"""What the authority asks about a transfer and bans (152-FZ 12(6), 12(10), 12(12)-(14))."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from registry.choices import Effect, Event, Gate
from registry.models import Deadline, Extension, Transfer, User
from registry.services import audit
from registry.services.clocks import deadline_extend, deadline_meet
from registry.services.transfer_gates import clock_about, opens_on, transfer_gate, unlooked
from registry.services.transfer_rows import (
    NOTIFIED,
    checked,
    document_of,
    has_come,
    locked,
    start_clock,
    start_of,
    stop_waiting,
    today_of,
)
from registry.transfer_refusals import (
    BanNotOfThisLaw,
    NoQuestionOpen,
    NotBannedYet,
    QuestionBeforeNotice,
    StepInFuture,
    TransferBanned,
)
from registry.transfer_steps import RU


@transaction.atomic
def transfer_ban(
    *, transfer: Transfer, banned_on: date, document: str, by: User | None, now: datetime
) -> Transfer:
    """The authority has banned it: closed at once, at whatever step (152-FZ 12(12)-(14)).

    Starts the clock of stopping it and of making the recipient destroy what it has received. A
    banned transfer never opens again. Under 94-V no authority bans a single transfer.
    """
    row = locked(transfer)
    if row.filed_on is None:
        # What has been notified has a country, whatever became of the recipient's card.
        row.gate = transfer_gate(row)
    if row.banned_on is not None:
        raise TransferBanned(transfer=row.code, day=row.banned_on)
    if row.operator.jurisdiction.code != RU or row.gate not in NOTIFIED:
        raise BanNotOfThisLaw(transfer=row.code)
    has_come(row, banned_on, now)
    row.banned_on, row.ban_document = banned_on, document_of(row, document)
    checked(row, row, "ban_document")
    audit.save(row, by=by, reason="banned by the authority", fields=["banned_on", "ban_document"])
    stop_waiting(row, reason="banned by the authority", by=by, now=now)
    # Of a ban learned today the hour counts; of an older one the day is known, and it was due then.
    began = now if banned_on == today_of(row, now) else start_of(banned_on, row)
    start_clock(row, Event.TRANSFER_BANNED, Effect.STOP_TRANSFER, began, by=by, now=now)
    return unlooked(row)


@transaction.atomic
def ban_carry_out(*, transfer: Transfer, document: str, by: User | None, now: datetime) -> Transfer:
    """The recipient has stopped and destroyed what it had received, by that paper (12(14))."""
    row = locked(transfer)
    clock = clock_about(row, Event.TRANSFER_BANNED)
    if row.banned_on is None or clock is None:
        raise NotBannedYet(transfer=row.code)
    reason = f"carried out: {document_of(row, document)}"
    deadline_meet(deadline=clock, met_at=now, by=by, reason=reason)
    return unlooked(row)


@transaction.atomic
def authority_asked(
    *, transfer: Transfer, asked_at: datetime, document: str, by: User | None, now: datetime
) -> Deadline:
    """The authority wants what was found out about the recipient: ten working days (152-FZ 12(6)).

    Its review stands still until the answer, and so does the waiting period (12(10)). Refuses
    before the notice, a moment to come, and a second question about the same transfer.
    """
    row = locked(transfer)
    if row.filed_on is None or asked_at.astimezone(row.operator.zone).date() < row.filed_on:
        raise QuestionBeforeNotice(transfer=row.code)
    if asked_at > now:
        raise StepInFuture(transfer=row.code, day=asked_at.astimezone(row.operator.zone).date())
    reason = f"the authority asked: {document_of(row, document)}"
    clock = start_clock(
        row, Event.AUTHORITY_ASKED_RECIPIENT_INFO, Effect.ANSWER_AUTHORITY, asked_at, by=by, now=now
    )
    audit.save(row, by=by, reason=reason, fields=["notice_number"])
    return clock


def _question(row: Transfer) -> Deadline:
    clock = clock_about(row, Event.AUTHORITY_ASKED_RECIPIENT_INFO)
    if clock is None or not clock.is_open:
        raise NoQuestionOpen(transfer=row.code)
    return clock


@transaction.atomic
def authority_answered(
    *, transfer: Transfer, answered_at: datetime, document: str, by: User | None, now: datetime
) -> Transfer:
    """The answer was sent: its clock is met, the waiting period runs on from here."""
    row = locked(transfer)
    clock = _question(row)
    if answered_at > now:
        raise StepInFuture(transfer=row.code, day=answered_at.astimezone(row.operator.zone).date())
    if answered_at < clock.trigger_at:
        raise NoQuestionOpen(transfer=row.code)
    reason = f"answered: {document_of(row, document)}"
    deadline_meet(deadline=clock, met_at=answered_at, by=by, reason=reason)
    if row.gate == Gate.WAIT and row.opened_on is None:
        row.opens_on = opens_on(row)
    audit.save(row, by=by, reason=reason, fields=["opens_on"])
    return unlooked(row)


@transaction.atomic
def answer_extend(
    *,
    transfer: Transfer,
    reasons: str,
    notice_number: str,
    notice_sent_at: datetime,
    by: User | None,
    now: datetime,
) -> Extension:
    """Extend the answer once, by a notice with reasons sent before expiry (152-FZ 12(6))."""
    row = locked(transfer)
    return deadline_extend(
        deadline=_question(row),
        reasons=reasons,
        notice_number=notice_number,
        notice_sent_at=notice_sent_at,
        by=by,
        now=now,
    )
