"""What recipients of an act were told, what they answered, and who of them is late."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext

from registry import seam
from registry.choices import Channel
from registry.errors import OperatorError, gettext_noop
from registry.explain import short_day
from registry.models import Recipient, User
from registry.services import audit
from registry.services.outbox import escalate
from registry.states import ForbiddenTransition, move
from subjects import states
from subjects.choices import ActState, RecipientState
from subjects.models import DestructionAct, RecipientNotice
from subjects.services.acts import ActReasonMissing, NotYetApproved, act_locked, fitting
from subjects.services.recipients import NotGiven, expected, notices_draft


class ToldInTheFuture(OperatorError):
    template = gettext_noop("%(number)s: that moment has not come yet.")


class AnsweredBeforeTold(OperatorError):
    template = gettext_noop("%(number)s: the recipient cannot have answered before it was told.")


class NotToldYet(OperatorError):
    template = gettext_noop("%(number)s: write down first that the recipient was told.")


@transaction.atomic
def recipient_tell(
    *,
    act: DestructionAct,
    recipient: Recipient,
    way: str,
    document: str,
    told_at: datetime,
    by: User,
    now: datetime,
) -> RecipientNotice:
    """The recipient was told to destroy its copy; ``document``: by which letter.

    From then on nothing waits in the vault for it. Refuses an act that is not approved or was
    cancelled, a moment ahead, and who was given nothing or has confirmed.
    """
    row, notice = _notice(act, recipient, now)
    state = move(states.NOTICE, notice.state, "tell", number=row.number)
    notice.document = _said(document, row)
    if told_at > now:
        raise ToldInTheFuture(number=row.number)
    notice.state, notice.told_way = RecipientState(state), Channel(way)
    notice.told_at, notice.told_by = told_at, by
    notice.answered_at, notice.answered_by = None, None
    notice.answered_way, notice.answer = "", ""
    notice.due_on = expected(row.operator, told_at.astimezone(row.operator.zone).date())
    return audit.save(notice, by=by, reason=row.number)


@transaction.atomic
def recipient_confirm(
    *,
    act: DestructionAct,
    recipient: Recipient,
    way: str,
    document: str,
    answered_at: datetime,
    by: User,
    now: datetime,
) -> RecipientNotice:
    """The recipient has destroyed its copy; ``document``: by which answer that is proved."""
    row, notice = _notice(act, recipient, now)
    if notice.state == RecipientState.WAITING:
        raise NotToldYet(number=row.number)
    notice.answered_way = Channel(way)
    return _answered(row, notice, "confirm", document, answered_at, by=by, now=now)


@transaction.atomic
def recipient_refuse(
    *,
    act: DestructionAct,
    recipient: Recipient,
    reason: str,
    answered_at: datetime,
    by: User,
    now: datetime,
) -> RecipientNotice:
    """The recipient keeps its copy, or cannot be told any more; ``reason``: why, by which letter.

    Nothing waits in the vault for it after that.
    """
    row, notice = _notice(act, recipient, now)
    return _answered(row, notice, "refuse", reason, answered_at, by=by, now=now)


def _notice(
    act: DestructionAct, recipient: Recipient, now: datetime
) -> tuple[DestructionAct, RecipientNotice]:
    """The act and its notice, both held; drafted now where the act has not been executed yet."""
    row = act_locked(act)
    if row.state == ActState.DRAFTED:
        raise NotYetApproved(number=row.number)
    if row.state == ActState.CANCELLED:
        raise ForbiddenTransition(number=row.number, state=row.state)
    if row.state == ActState.APPROVED:
        notices_draft(row, now=now)
    notices = RecipientNotice.objects.filter(act=row, recipient=recipient, people__gt=0)
    notice = seam.lock(notices).first()
    if notice is None:
        raise NotGiven(number=row.number)
    return row, notice


def _answered(
    act: DestructionAct,
    notice: RecipientNotice,
    verb: str,
    text: str,
    answered_at: datetime,
    *,
    by: User,
    now: datetime,
) -> RecipientNotice:
    state = move(states.NOTICE, notice.state, verb, number=act.number)
    notice.answer = _said(text, act)
    if answered_at > now:
        raise ToldInTheFuture(number=act.number)
    if notice.told_at is not None and answered_at < notice.told_at:
        raise AnsweredBeforeTold(number=act.number)
    notice.state = RecipientState(state)
    notice.answered_at, notice.answered_by = answered_at, by
    return audit.save(notice, by=by, reason=act.number)


def _said(text: str, act: DestructionAct) -> str:
    text = fitting(text, act)
    if not text:
        raise ActReasonMissing(number=act.number)
    return text


def open_notices() -> QuerySet[RecipientNotice]:
    """Recipients that nobody has told, or that have not answered."""
    return RecipientNotice.objects.filter(
        state__in=[RecipientState.WAITING, RecipientState.TOLD], people__gt=0
    ).exclude(act__state=ActState.CANCELLED)


def notices_escalate(*, now: datetime) -> int:
    """Tell the DPO, once, of each recipient that is overdue to be told or to answer; how many.

    Killed between the mail and its mark, it writes no second mail.
    """
    rows = open_notices().filter(Q(escalated_on=None) | Q(escalated_on__lt=F("due_on")))
    # Whose day it is where the operator is, is told below.
    late = rows.filter(due_on__lt=now.date() + timedelta(days=1)).order_by("pk")
    count = 0
    for number in list(late.values_list("pk", flat=True)):
        with transaction.atomic():
            row = seam.lock(late.filter(pk=number)).select_related(
                "act__operator__jurisdiction", "recipient"
            ).first()  # fmt: skip
            if row is None:
                continue
            today = now.astimezone(row.act.operator.zone).date()
            if today <= row.due_on:
                continue
            key = f"recipient:{row.pk}:{row.due_on}"
            if escalate(operator=row.act.operator, key=key, words=partial(_late, row), now=now):
                row.escalated_on = today
                audit.save(row, by=None, reason="escalated", fields=["escalated_on"])
                count += 1
    return count


def _late(row: RecipientNotice) -> tuple[str, str]:
    facts = {"act": row.act.number, "recipient": row.recipient, "day": short_day(row.due_on)}
    if row.state == RecipientState.WAITING:
        title = gettext("%(act)s: %(recipient)s has not been told")
        text = gettext(
            "%(recipient)s was given data that %(act)s destroys, and was to be told by %(day)s. "
            "Tell it, or write down why it cannot be told."
        )
    else:
        title = gettext("%(act)s: %(recipient)s has not answered")
        text = gettext(
            "%(recipient)s was told of %(act)s and was to answer by %(day)s. Ask again, or write "
            "down what it answered."
        )
    return title % facts, text % facts
