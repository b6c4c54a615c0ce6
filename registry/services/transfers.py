"""The verbs of a transfer, from the first information to its end.

Each locks the operator, then the transfer, looks at the gate anew and refuses a step out of order
by name (152-FZ 12, 94-V 16). A day is the operator's own; it is refused while it has not come.
What the authority asks and bans stands in ``transfer_authority``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import transaction

from registry import seam
from registry.choices import Effect, Event, Gate, RecipientFact
from registry.models import Operator, Recipient, RecipientInformation, Transfer, User
from registry.services import audit
from registry.services.clocks import deadline_meet
from registry.services.instructions import instruction_gaps
from registry.services.transfer_gates import (
    clock_about,
    gate_to_write,
    looked_at,
    obstacles,
    opens_on,
    particulars_missing,
    transfer_gate,
    unlooked,
)
from registry.services.transfer_rows import (
    NOTIFIED,
    before_the_notice,
    checked,
    document_of,
    has_come,
    locked,
    start_clock,
    start_of,
    still_alive,
    stop_waiting,
    today_of,
    words,
)
from registry.transfer_refusals import (
    AssessedTooEarly,
    AuthorityWaits,
    CountryChangedSinceNotice,
    EndsBeforeItOpened,
    FiledBeforeAssessment,
    InformationUnknown,
    InstructionLacking,
    NotAssessed,
    NoticeIncomplete,
    NoticeNotFiled,
    NoticeNumberMissing,
    OpensBeforeNotice,
    RecipientInformationMissing,
    RecipientOfOpenTransfers,
    TransferFixed,
    TransferObstructed,
    TransferOpenAlready,
    WaitingPeriodRuns,
)
from registry.transfer_steps import assessment_holds, facts_needed, missing_facts

# What a notice says, or an opening stands on: fixed from then on.
FIXED = ("recipient", "activity", "legal_basis")


# --- before the notice -------------------------------------------------------------------------
def is_fixed(transfer: Transfer) -> bool:
    """Whether recipient, activity, data and ground can no longer be changed."""
    return any((transfer.filed_on, transfer.opened_on, transfer.banned_on, transfer.ended_on))


def recipient_is_fixed(transfer: Transfer) -> bool:
    """What was found out is about this recipient and no other."""
    return (
        is_fixed(transfer)
        or transfer.assessed_on is not None
        or bool(transfer.pk and transfer.information.exists())
    )


def transfer_to_save(transfer: Transfer, *, changed: Iterable[str] = ()) -> Transfer:
    """Make an edited row ready for saving: its gate looked at, and locked until the transaction
    ends. Refuses a change of what is fixed by now, though it was not when the form was opened.
    """
    if transfer.pk:
        row = locked(transfer)
        data_changed = "data_categories" in changed
        fixed = [name for name in FIXED if _moved(row, transfer, name)]
        if (is_fixed(row) and (fixed or data_changed)) or (
            "recipient" in fixed and recipient_is_fixed(row)
        ):
            raise TransferFixed(transfer=row.code)
        # A form of before would write back the steps as they were when it was opened.
        for field in Transfer._meta.concrete_fields:
            if not field.editable:
                setattr(transfer, field.attname, getattr(row, field.attname))
        if is_fixed(row):
            return transfer
    transfer.gate = gate_to_write(transfer)
    return transfer


def transfer_to_delete(transfer: Transfer) -> None:
    """Lock a row that is about to be deleted. Refuses one that has taken a step since it was shown:
    what the authority was told of, or what data went through, stays in the register.
    """
    if is_fixed(locked(transfer)):
        raise TransferFixed(transfer=transfer.code)


def recipient_to_change(recipient: Recipient) -> None:
    """Lock before its country or kind is changed. Refuses while a transfer to it is open: it would
    go on through a gate that was another one (152-FZ 12, 94-V 16).
    """
    seam.lock(Operator.objects.filter(pk=recipient.operator_id)).get()
    codes = (
        recipient.transfers.filter(opened_on__isnull=False, banned_on=None, ended_on=None)
        .order_by("code")
        .values_list("code", flat=True)
    )
    if codes:
        raise RecipientOfOpenTransfers(recipient=recipient.code, transfers=", ".join(codes))


def _moved(row: Transfer, edited: Transfer, name: str) -> bool:
    return getattr(row, f"{name}_id") != getattr(edited, f"{name}_id")


@transaction.atomic
def information_record(
    *,
    transfer: Transfer,
    fact: str,
    received_on: date,
    document: str,
    by: User | None,
    now: datetime,
) -> RecipientInformation:
    """Write down what was found out about the recipient, or a newer answer (152-FZ 12(5)).

    Refuses a fact that the law does not ask for, a day to come, an answer without its document,
    and any after the notice.
    """
    row = locked(transfer)
    before_the_notice(row)
    if fact not in RecipientFact.values:
        raise InformationUnknown(transfer=row.code, fact=fact)
    has_come(row, received_on, now)
    found = RecipientInformation.objects.filter(transfer=row, fact=fact).first()
    found = found or RecipientInformation(transfer=row, fact=fact)
    found.received_on, found.document = received_on, document_of(row, document)
    checked(found, row, "document")
    return audit.save(found, by=by, reason="information about the recipient")


@transaction.atomic
def recipient_assess(
    *, transfer: Transfer, assessed_on: date, by: User | None, now: datetime
) -> Transfer:
    """The recipient's confidentiality and security were assessed (152-FZ 12(4)(7), 12(5)).

    Refuses until all information that is needed has come, and a day before the last of it. May be
    done again until the notice is filed.
    """
    row = locked(transfer)
    before_the_notice(row)
    has_come(row, assessed_on, now)
    received = _received(row)
    lacking = missing_facts(received, row.gate_protects)
    if lacking:
        raise RecipientInformationMissing(missing=lacking, transfer=row.code, why=words(lacking))
    last = max(received[fact] for fact in facts_needed(row.gate_protects))
    if assessed_on < last:
        raise AssessedTooEarly(transfer=row.code, day=last)
    row.assessed_on = assessed_on
    audit.save(row, by=by, reason="recipient assessed", fields=["gate", "assessed_on"])
    return unlooked(row)


def _received(row: Any) -> dict[str, date]:
    return {one.fact: one.received_on for one in row.information.all()}


@transaction.atomic
def notice_file(
    *, transfer: Transfer, filed_on: date, number: str, by: User | None, now: datetime
) -> Transfer:
    """The notice was filed with the authority (152-FZ 12(3)-(4)); starts the waiting period where
    the country is not known to protect data (12(9)-(11)).

    Refuses before the assessment, with particulars missing (all of them named), for data, purpose
    or ground that do not bear a transfer, and a second notice.
    """
    row = locked(transfer)
    before_the_notice(row)
    has_come(row, filed_on, now)
    if not number.strip():
        raise NoticeNumberMissing(transfer=row.code)
    if not assessment_holds(row.assessed_on, _received(row), row.gate_protects):
        raise NotAssessed(transfer=row.code)
    if filed_on < row.assessed_on:
        raise FiledBeforeAssessment(transfer=row.code, day=row.assessed_on)
    lacking = particulars_missing(row, today_of(row, now))
    if lacking:
        raise NoticeIncomplete(missing=lacking, transfer=row.code, why=words(lacking))
    _refuse_obstacles(row, filed_on)
    row.filed_on, row.notice_number = filed_on, number.strip()
    checked(row, row, "notice_number")
    fields = ["gate", "filed_on", "notice_number", "opens_on"]
    if row.gate == Gate.WAIT:
        start_clock(
            row, Event.AUTHORITY_RECEIVED_TRANSFER_NOTICE, Effect.TRANSFER_ALLOWED,
            start_of(filed_on, row), by=by, now=now,
        )  # fmt: skip
        row.opens_on = opens_on(row)
    audit.save(row, by=by, reason=f"notice {row.notice_number} filed", fields=fields)
    return unlooked(row)


def _refuse_obstacles(row: Transfer, day: date) -> None:
    found = obstacles(row, day)
    if found:
        raise TransferObstructed(missing=found, transfer=row.code, why=words(found))


# --- open, end ---------------------------------------------------------------------------------
@transaction.atomic
def transfer_open(
    *, transfer: Transfer, opened_on: date, by: User | None, now: datetime
) -> Transfer:
    """From that day on data may go to the recipient.

    Refuses every step that is missing by its name: the country, the assessment, the notice, the
    waiting period, an answer that the authority waits for, the instruction of a processor, data,
    purpose or ground that do not bear it, that day or today; a second opening, and one after a
    ban or the end.
    """
    row = locked(transfer)
    row.gate = transfer_gate(row)
    still_alive(row)
    if row.opened_on is not None:
        raise TransferOpenAlready(transfer=row.code, day=row.opened_on)
    has_come(row, opened_on, now)
    if row.gate in NOTIFIED:
        _notice_bears(row, opened_on)
    # Of a day gone by the register must still say so today: from today on data would go as well.
    for day in dict.fromkeys([opened_on, today_of(row, now)]):
        _refuse_unborne(row, day)
    row.opened_on = opened_on
    audit.save(row, by=by, reason="opened", fields=["gate", "opens_on", "opened_on"])
    clock = clock_about(row, Event.AUTHORITY_RECEIVED_TRANSFER_NOTICE)
    if clock is not None and clock.is_open:
        if row.gate == Gate.WAIT:
            opened_at = min(now, max(start_of(opened_on, row), clock.trigger_at))
            deadline_meet(deadline=clock, met_at=opened_at, by=by, reason="transfer opened")
        else:
            stop_waiting(row, reason="no waiting period any more", by=by, now=now)
    return unlooked(row)


def _refuse_unborne(row: Transfer, day: date) -> None:
    _refuse_obstacles(row, day)
    gaps = instruction_gaps(row, day)
    if gaps:
        raise InstructionLacking(missing=gaps, transfer=row.code, why=words(gaps))


def require_borne(transfer: Transfer, *, day: date) -> None:
    """Refuse to send data by an open transfer that the register bears no longer on that day.

    What would not open today carries nothing: a closed article, an ended activity, a processor
    without an instruction, a gate that by now wants a notice which nobody has filed.
    """
    row = looked_at(transfer)
    if transfer_gate(row) in NOTIFIED:
        if row.filed_on is None:
            raise NoticeNotFiled(transfer=row.code)
        _refuse_changed_country(row)
    _refuse_unborne(row, day)


def _notice_bears(row: Transfer, opened_on: date) -> None:
    """The notice was filed, says what is still so, and its waiting period is over."""
    if row.filed_on is None:
        if row.assessed_on is None:
            raise NotAssessed(transfer=row.code)
        raise NoticeNotFiled(transfer=row.code)
    if opened_on < row.filed_on:
        raise OpensBeforeNotice(transfer=row.code, day=row.filed_on)
    _refuse_changed_country(row)
    if row.gate != Gate.WAIT:
        return
    row.opens_on = opens_on(row)
    if row.opens_on is None:
        question = clock_about(row, Event.AUTHORITY_ASKED_RECIPIENT_INFO)
        assert question is not None
        raise AuthorityWaits(
            transfer=row.code, day=question.trigger_at.astimezone(row.operator.zone).date()
        )
    if opened_on < row.opens_on:
        raise WaitingPeriodRuns(transfer=row.code, day=row.opens_on)


def _refuse_changed_country(row: Transfer) -> None:
    """The notice names states (152-FZ 12(4)(6)); the history knows what it named then."""
    filed = row.history.filter(filed_on__isnull=False).order_by("history_date", "history_id")
    written = filed.first()
    if written is None:
        return
    then = (
        Recipient.history.filter(id=row.recipient_id, history_date__lte=written.history_date)
        .order_by("-history_date", "-history_id")
        .first()
    )
    if then is not None and then.country_id != row.recipient.country_id:
        raise CountryChangedSinceNotice(transfer=row.code, recipient=row.recipient.code)


@transaction.atomic
def transfer_end(*, transfer: Transfer, ended_on: date, by: User | None, now: datetime) -> Transfer:
    """No data go to the recipient after that day; a transfer that never opened is given up.

    Needs no country: to stop is possible at any time.
    """
    row = locked(transfer)
    row.gate = gate_to_write(row)
    still_alive(row)
    has_come(row, ended_on, now)
    if row.opened_on is not None and ended_on < row.opened_on:
        raise EndsBeforeItOpened(transfer=row.code, day=row.opened_on)
    row.ended_on = ended_on
    # An open transfer keeps the gate through which it went.
    fields = ["ended_on"] if row.opened_on else ["gate", "ended_on"]
    audit.save(row, by=by, reason="ended", fields=fields)
    stop_waiting(row, reason="the transfer was given up", by=by, now=now)
    return unlooked(row)
