"""What every verb of a transfer begins with: the lock, the day, and the refusals they share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from django.core.exceptions import ValidationError

from registry import seam
from registry.choices import Event, Gate
from registry.consent_contents import Missing
from registry.explain import missing_in_words
from registry.models import Deadline, Operator, Transfer, User
from registry.services.clocks import deadline_open, deadline_void
from registry.services.transfer_gates import clock_about, gated, responsible_on, transfer_gate
from registry.transfer_refusals import (
    DocumentMissing,
    NoNoticeWanted,
    NoticeFiledAlready,
    StepInFuture,
    TransferBanned,
    TransferFieldsRefused,
    TransferIsOver,
)

NOTIFIED = (Gate.NOTICE, Gate.WAIT)


def locked(transfer: Transfer) -> Any:
    seam.lock(Operator.objects.filter(pk=transfer.operator_id)).get()
    return gated(seam.lock(Transfer.objects.filter(pk=transfer.pk))).get()


def today_of(row: Transfer, now: datetime) -> date:
    return now.astimezone(row.operator.zone).date()


def start_of(day: date, row: Transfer) -> datetime:
    return datetime.combine(day, time.min, row.operator.zone)


def has_come(row: Transfer, day: date, now: datetime) -> None:
    if day > today_of(row, now):
        raise StepInFuture(transfer=row.code, day=day)


def still_alive(row: Transfer) -> None:
    if row.banned_on is not None:
        raise TransferBanned(transfer=row.code, day=row.banned_on)
    if row.ended_on is not None:
        raise TransferIsOver(transfer=row.code, day=row.ended_on)


def before_the_notice(row: Transfer) -> None:
    """A step that leads to the notice: a gate that wants one, and none filed yet."""
    row.gate = transfer_gate(row)
    still_alive(row)
    if row.gate not in NOTIFIED:
        raise NoNoticeWanted(transfer=row.code)
    if row.filed_on is not None:
        raise NoticeFiledAlready(transfer=row.code, day=row.filed_on)


def document_of(row: Transfer, text: str) -> str:
    if not text.strip():
        raise DocumentMissing(transfer=row.code)
    return text.strip()


def words(found: Iterable[Missing]) -> str:
    return " ".join(missing_in_words(found))


def checked(row: Any, transfer: Transfer, *names: str) -> None:
    """Refuse by name what the fields refuse, before the database does it by its own words."""
    others = [one.name for one in row._meta.concrete_fields if one.name not in names]
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        why = " ".join(text for texts in error.message_dict.values() for text in texts)
        raise TransferFieldsRefused(transfer=transfer.code, why=why) from None


def start_clock(
    row: Transfer, event: str, effect: str, trigger_at: datetime, *, by: User | None, now: datetime
) -> Deadline:
    return deadline_open(
        operator=row.operator,
        about=row,
        label=row.code,
        event=event,
        effect=effect,
        trigger_at=trigger_at,
        # Nobody when the responsible person has left: what the authority does goes on.
        owner=responsible_on(row.operator, today_of(row, now)),
        by=by,
        now=now,
    )


def stop_waiting(row: Transfer, *, reason: str, by: User | None, now: datetime) -> None:
    clock = clock_about(row, Event.AUTHORITY_RECEIVED_TRANSFER_NOTICE)
    if clock is not None and clock.is_open:
        deadline_void(deadline=clock, by=by, reason=reason, now=now)
