"""Stops and blocks: what keeps data from being destroyed, and what keeps them from being used.

An upper room (a request, an inspection) writes them here under its own number and ends them by
it; destruction reads only these rows, never the room that wrote them.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import DataCategory, User
from registry.services import audit
from subjects.choices import BlockReason, HeldIn, Outcome, StopKind
from subjects.models import ActItem, Block, DataSubject, PersonalDatum, Stop, VaultKey
from subjects.services.people import card_locked, require_own
from subjects.vault.models import Sealed


class StopReasonMissing(OperatorError):
    template = gettext_noop("A stop and a block need a number and a reason.")


class StoppedAlready(Conflict):
    template = gettext_noop("%(code)s: %(label)s stops its destruction already.")


class BlockedAlready(Conflict):
    template = gettext_noop("%(code)s: %(label)s blocks this already.")


class EndedAlready(Conflict):
    template = gettext_noop("%(what)s has ended already.")


@transaction.atomic
def stop_place(
    *, subject: DataSubject, label: str, reason: str, by: User | None, now: datetime
) -> Stop:
    """An open request: nothing of the person is destroyed from now on, but by what it asks for.

    Refuses the same stop twice. A legal hold has its document and its days (``holds``).
    """
    return stop_begin(
        subject=subject, kind=StopKind.REQUEST, label=label, reason=reason, by=by, now=now
    )


@transaction.atomic
def stop_begin(
    *,
    subject: DataSubject,
    kind: StopKind,
    label: str,
    reason: str,
    by: User | None,
    now: datetime,
    document: str = "",
    until_on: date | None = None,
    review_on: date | None = None,
) -> Stop:
    """One more stop of either kind; called by ``stop_place`` and ``holds.hold_place``."""
    label, reason = _given(label, reason)
    card_locked(subject)
    standing = Stop.objects.filter(subject=subject, kind=kind, label=label, ended_at=None)
    if standing.exists():
        raise StoppedAlready(code=subject.code, label=label)
    row = Stop(
        operator_id=subject.operator_id,
        subject=subject,
        kind=kind,
        label=label,
        reason=reason,
        document=document,
        until_on=until_on,
        review_on=review_on,
        started_at=now,
    )
    return audit.save(row, by=by, reason=reason)


@transaction.atomic
def stop_end(
    *,
    stop: Stop,
    by: User | None,
    now: datetime,
    reason: str,
    lapsed_on: date | None = None,
) -> Stop:
    """The hold is lifted; what is overdue by then is destroyed by the next sweep.

    ``lapsed_on``: only if its last day is before that; somebody may have moved it meanwhile.
    """
    row = seam.lock(Stop.objects.filter(pk=stop.pk)).get()
    if row.ended_at is not None:
        raise EndedAlready(what=str(row))
    if lapsed_on is not None and (row.until_on is None or row.until_on >= lapsed_on):
        return row
    if not reason.strip():
        raise StopReasonMissing()
    row.ended_at = now
    return audit.save(row, by=by, reason=reason, fields=["ended_at"])


@transaction.atomic
def block_place(
    *,
    subject: DataSubject,
    category: DataCategory | None = None,
    why: str,
    label: str,
    reason: str,
    by: User | None,
    now: datetime,
) -> Block:
    """Data of the person are kept but no longer used; ``category`` None: all of them."""
    label, reason = _given(label, reason)
    require_own(subject.operator_id, category)
    card_locked(subject)
    standing = Block.objects.filter(subject=subject, category=category, label=label, ended_at=None)
    if standing.exists():
        raise BlockedAlready(code=subject.code, label=label)
    row = Block(
        operator_id=subject.operator_id,
        subject=subject,
        category=category,
        why=BlockReason(why),
        label=label,
        reason=reason,
        started_at=now,
    )
    return audit.save(row, by=by, reason=reason)


@transaction.atomic
def block_end(*, block: Block, by: User | None, now: datetime, reason: str) -> Block:
    """The data may be used again."""
    row = seam.lock(Block.objects.filter(pk=block.pk)).get()
    if row.ended_at is not None:
        raise EndedAlready(what=str(row))
    if not reason.strip():
        raise StopReasonMissing()
    row.ended_at = now
    return audit.save(row, by=by, reason=reason, fields=["ended_at"])


# Blocks of what is kept no longer than until it goes: a law kept it, it could not go in time, or
# it was decided that it goes.
UNTIL_GONE = (BlockReason.STORAGE, BlockReason.IMPOSSIBLE, BlockReason.RULED)


def gone_blocks_end(*, now: datetime) -> int:
    """End the blocks of what was only kept until it goes, once nothing of it is left.

    Returns how many. A block that outlived the last value would forbid what the person agrees to
    later (Digital Code 41(3), 152-FZ 5(7), 21(6)).
    """
    mine = {"subject": OuterRef("subject"), "category": OuterRef("category")}
    keys = VaultKey.objects.filter(
        kind__in=[Sealed.DATUM, Sealed.FILE],
        owner=OuterRef("subject"),
        category=OuterRef("category"),
    )
    gone = ActItem.objects.filter(datum=OuterRef("pk"), key=None, outcome=Outcome.DESTROYED)
    elsewhere = PersonalDatum.objects.exclude(held_in=HeldIn.VAULT).filter(~Exists(gone), **mine)
    over = Block.objects.filter(
        ~Exists(keys), ~Exists(elsewhere), why__in=UNTIL_GONE, ended_at=None
    ).exclude(category=None)
    ended = 0
    for block in over.order_by("pk"):
        with suppress(EndedAlready):
            block_end(block=block, by=None, now=now, reason="nothing is left of it")
            ended += 1
    return ended


def _given(label: str, reason: str) -> tuple[str, str]:
    if not (label.strip() and reason.strip()):
        raise StopReasonMissing()
    return label.strip(), reason.strip()
