"""The end of an act: its papers are written, and nothing of it changes any more."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from registry.errors import Conflict, gettext_noop
from registry.services import audit
from registry.states import move
from subjects import states
from subjects.models import ActItem, DestructionAct
from subjects.services.act_files import papers_keep
from subjects.services.act_papers import papers_of
from subjects.services.acts import act_locked, clock_meet, not_before


class NotVerified(Conflict):
    template = gettext_noop("%(number)s has not been verified: it cannot be closed.")


class NotConfirmed(Conflict):
    template = gettext_noop(
        "%(number)s: %(count)s things held elsewhere have not been confirmed as destroyed yet."
    )


def act_close(act: DestructionAct, *, now: datetime) -> DestructionAct:
    """Write the papers (Order 179) and close the act; its clock is met when all of it was gone.

    Refuses an act that is not verified, and one with data elsewhere that nobody has confirmed.
    Killed while it writes the papers, it has written none.
    """
    row = DestructionAct.objects.select_related(
        "operator__jurisdiction", "operator__responsible", "drafted_by", "approved_by"
    ).get(pk=act.pk)
    _check(row)
    now = not_before(now, row.verified_at)
    # Outside the lock: the papers of many people take a while, and nothing of it changes.
    printed = papers_of(row, now=now)
    with transaction.atomic():
        row = act_locked(row)
        _check(row)
        gone_at = _gone_at(row, now)
        papers_keep(act=row, printed=printed, gone_at=gone_at, now=now)
        row.state, row.closed_at = move(states.ACT, row.state, "close", number=row.number), now
        audit.save(row, by=None, reason="closed", fields=["state", "closed_at"])
        clock_meet(row, met_at=gone_at)
    return row


def unconfirmed(act: DestructionAct) -> int:
    """How many things held elsewhere still wait for somebody's word."""
    return ActItem.objects.filter(act=act, key=None, outcome="").count()


def _check(act: DestructionAct) -> None:
    move(states.ACT, act.state, "close", number=act.number)
    if act.verified_at is None:
        raise NotVerified(number=act.number)
    waiting = unconfirmed(act)
    if waiting:
        raise NotConfirmed(number=act.number, count=waiting)


def _gone_at(act: DestructionAct, now: datetime) -> datetime:
    confirmed = ActItem.objects.filter(act=act, confirmed_at__isnull=False)
    last = confirmed.order_by("-confirmed_at").values_list("confirmed_at", flat=True).first()
    return max(filter(None, [act.finished_at, last]), default=now)
