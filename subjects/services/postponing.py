"""Destruction that is not possible in time: blocked at once, and a second clock (152-FZ 21(6)).

What the office can destroy it destroys all the same; the second term is for what it cannot reach,
such as a copy on paper or in a system that nobody can get at just now.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from registry import seam
from registry.choices import Effect, Event
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Deadline, DeadlineRule, Operator, User
from registry.services import audit
from registry.services.clocks import deadline_open, deadline_void
from registry.services.rules import in_force
from registry.states import ForbiddenTransition
from subjects.choices import BlockReason
from subjects.models import ActItem, Block, DataSubject, DestructionAct, VaultKey
from subjects.services import bulk
from subjects.services.acts import ActReasonMissing, act_locked, clocks_of, fitting
from subjects.services.planning import OPEN

CHUNK = 2_000  # people


class NoSecondTerm(OperatorError):
    template = gettext_noop(
        "%(number)s: this law knows no second term for a destruction that is not possible in time. "
        "It is due, and stays due."
    )


class PostponedAlready(Conflict):
    template = gettext_noop("%(number)s: the second term has begun already; there is no third.")


class NothingLeft(Conflict):
    template = gettext_noop("%(number)s: nothing of it is left that could not be destroyed.")


@transaction.atomic
def act_postpone(*, act: DestructionAct, reason: str, by: User, now: datetime) -> DestructionAct:
    """It cannot be destroyed in time, and ``reason`` says why: blocked now, gone within the term.

    The clocks of the act, and of the request that asks for it, end; those of the second term begin:
    six months from now, or from the end of the first term where that is over. The sweep goes on
    destroying what it can. Refuses a law without such a term (94-V has none), a second time, an act
    of which nothing is left, and one without a reason.
    """
    operator = seam.lock(Operator.objects.filter(pk=act.operator_id)).get()
    row = act_locked(act)
    if row.state not in OPEN:
        raise ForbiddenTransition(number=row.number, state=row.state)
    if row.postponed_at is not None:
        raise PostponedAlready(number=row.number)
    reason = fitting(reason, row)
    if not reason:
        raise ActReasonMissing(number=row.number)
    today = now.astimezone(operator.zone).date()
    event, effect = Event.DESTRUCTION_IMPOSSIBLE, Effect.DESTROY
    if not has_second_term(operator, today):
        raise NoSecondTerm(number=row.number)
    wanted = _left(row)
    if not wanted:
        raise NothingLeft(number=row.number)
    _block(row, wanted, reason=reason, by=by, now=now)
    mine = list(clocks_of(row))
    if row.label:
        mine += (
            Deadline.objects.open()
            .filter(operator=operator, label=row.label, effect=effect)
            .exclude(event=event)
        )
    last = None
    for clock in mine:
        about, since = clock.about, now
        assert about is not None
        if clock.ends_at is not None and clock.ends_at < now:
            # Of a day it is the midnight after it.
            since = clock.ends_at - timedelta(microseconds=1)
        deadline_void(deadline=clock, by=by, reason=reason, now=now)
        second = deadline_open(
            operator=operator, about=about, label=clock.label, event=event, effect=effect,
            trigger_at=since, owner=clock.owner, by=by, now=now,
        )  # fmt: skip
        if last is None or about == row:
            last = second.due_on
    if last is None:
        # An act that runs without people had no clock; now people have to see to it.
        last = deadline_open(
            operator=operator, about=row, label=row.number, event=event, effect=effect,
            trigger_at=now, owner=None, by=by, now=now,
        ).due_on  # fmt: skip
    row.postponed_at, row.postponed_by, row.postponed_reason = now, by, reason
    row.postponed_until = last
    fields = ["postponed_at", "postponed_by", "postponed_reason", "postponed_until"]
    return audit.save(row, by=by, reason=reason, fields=fields)


def has_second_term(operator: Operator, today: date | None = None) -> bool:
    """Whether the operator's law knows one; without a day: on any."""
    rules = DeadlineRule.objects.filter(
        jurisdiction=operator.jurisdiction_id,
        event=Event.DESTRUCTION_IMPOSSIBLE,
        effect=Effect.DESTROY,
    )
    return (rules if today is None else rules.filter(in_force(today))).exists()


def _left(act: DestructionAct) -> dict[int, set[int]]:
    """Card -> data categories of what the act has not destroyed yet."""
    keys = VaultKey.objects.filter(pk=OuterRef("key"))
    rows = ActItem.objects.filter(Q(key=None) | Exists(keys), act=act, outcome="").order_by()
    found: dict[int, set[int]] = defaultdict(set)
    for subject, into, category in rows.values_list(
        "subject", "subject__merged_into", "category"
    ).distinct():
        # What has no category is the row's own identifier, or the proof of a consent: nobody uses
        # it, and a block without a category would be of everything.
        found[into or subject].update([category] if category else [])
    return found


def _block(
    act: DestructionAct, wanted: dict[int, set[int]], *, reason: str, by: User, now: datetime
) -> None:
    numbers = sorted(wanted)
    for start in range(0, len(numbers), CHUNK):
        part = numbers[start : start + CHUNK]
        list(
            seam.lock(seam.numbered(DataSubject.objects.order_by("pk"), "id", part))
            .values_list("pk", flat=True)
        )  # fmt: skip
        standing = set(
            seam.numbered(Block.objects.filter(ended_at=None, label=act.number), "subject_id", part)
            .values_list("subject", "category")
        )  # fmt: skip
        pairs = [
            (subject, category)
            for subject in part
            for category in sorted(wanted[subject])
            if (subject, category) not in standing
        ]
        if not pairs:
            continue
        ids = seam.reserve_ids(Block, len(pairs))
        rows = [
            Block(
                pk=number, operator_id=act.operator_id, subject_id=subject, category_id=category,
                why=BlockReason.IMPOSSIBLE, label=act.number, reason=reason, started_at=now,
            )
            for number, (subject, category) in zip(ids, pairs, strict=True)
        ]  # fmt: skip
        bulk.write(Block, rows, by=by, reason=reason, at=now)
