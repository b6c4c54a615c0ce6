"""Sending what the outbox holds: the office's mails to its staff; see ``sending``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import override

from registry import seam
from registry.choices import NoticeKind, NoticeState, Role
from registry.errors import Conflict, gettext_noop
from registry.models import Notice, Operator, User
from registry.services import sending
from registry.services.clocks import person_on_duty
from registry.services.reminders import staff
from registry.services.sending import PAUSES, ROUND, STUCK_AFTER

__all__ = ["PAUSES", "ROUND", "STUCK_AFTER", "deliver", "escalate", "message_id", "notice_retry"]


class NoticeAlreadySent(Conflict):
    template = gettext_noop("This notice does not wait for another try.")


def message_id(notice: Notice) -> str:
    """The same for every try of one notice."""
    return sending.message_id("notice", notice.pk, notice.key)


def deliver(*, now: datetime) -> dict[str, int]:
    """Send every notice whose time has come, those whose worker died too."""
    ready = Q(state=NoticeState.PENDING, next_attempt_at__lte=now) | Q(
        state=NoticeState.SENDING, claimed_at__lte=now - STUCK_AFTER
    )

    def claim(pk: int) -> Notice | None:
        claimed = Notice.objects.filter(ready, pk=pk).update(
            state=NoticeState.SENDING, claimed_at=now, attempts=F("attempts") + 1
        )
        return Notice.objects.select_related("recipient").get(pk=pk) if claimed == 1 else None

    return sending.send_round(
        list(Notice.objects.filter(ready).order_by("pk").values_list("pk", flat=True)),
        claim=claim,
        send=_send,
        settle=lambda notice, problem: _settle(notice, problem, now),
    )


def _mine(notice: Notice) -> QuerySet[Notice]:
    """The notice while this try is its last: nobody has taken it over since."""
    return Notice.objects.filter(pk=notice.pk, state=NoticeState.SENDING, attempts=notice.attempts)


def _send(notice: Notice) -> str | None:
    """None when the mail has gone; otherwise why not, without addresses."""
    if not notice.recipient.is_active:
        return "the recipient has left"
    if not notice.recipient.email:
        return "no address"
    return sending.send(
        EmailMessage(
            subject=notice.subject,
            body=notice.body,
            to=[notice.recipient.email],
            headers={"Message-ID": message_id(notice), "Auto-Submitted": "auto-generated"},
        )
    )


def _settle(notice: Notice, problem: str | None, now: datetime) -> None:
    if problem is None:
        _mine(notice).update(state=NoticeState.SENT, sent_at=now, error="")
        return
    again_at = sending.next_try(notice.attempts, now)
    _mine(notice).update(
        state=NoticeState.PENDING if again_at else NoticeState.FAILED,
        next_attempt_at=again_at or now,
        claimed_at=None,
        error=problem,
    )


@transaction.atomic
def notice_retry(*, notice: Notice, now: datetime) -> Notice:
    """Give a notice that failed, or waits for its next try, another one at once."""
    row = seam.lock(Notice.objects.filter(pk=notice.pk)).get()
    if row.state not in {NoticeState.FAILED, NoticeState.PENDING}:
        raise NoticeAlreadySent()
    Notice.objects.filter(pk=row.pk).update(
        state=NoticeState.PENDING, attempts=0, next_attempt_at=now
    )
    row.refresh_from_db()
    return row


def escalate(
    *, operator: Operator, key: str, words: Callable[[], tuple[str, str]], now: datetime
) -> int:
    """A mail to the DPOs on duty, once for its ``key``: of what people must do and no clock counts.

    ``words``: subject and text, asked in each reader's language; numbers and dates only. Nobody is
    DPO today: the clerks, then the administrators. How many hear of it, now or before.
    """
    people = staff(operator, now, Role.DPO) or staff(operator, now, Role.CLERK)
    people = people or list(User.objects.filter(is_active=True, is_superuser=True).order_by("pk"))
    today = now.astimezone(operator.zone).date()
    hearing = {
        one.pk: one
        for person in people
        for one in [person_on_duty(user=person, operator=operator, today=today)]
    }
    for person in hearing.values():
        with override(person.language):
            subject, body = words()
        room = Notice._meta.get_field("subject").max_length
        Notice.objects.get_or_create(
            key=f"{key}:{person.pk}",
            defaults={
                "operator": operator, "recipient": person, "kind": NoticeKind.URGENT,
                "subject": " ".join(subject.split())[:room], "body": body,
                "next_attempt_at": now, "created_at": now,
            },
        )  # fmt: skip
    return len(hearing)
