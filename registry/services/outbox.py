"""Sending what the outbox holds: claimed first, retried later, never lost, never doubled.

A mail carries a Message-ID made from its row. Between the send and the row's "sent" a process
may die; the mail is then sent again under the same Message-ID, which mail systems fold into
one and the demo's mail files overwrite.
"""

from __future__ import annotations

import hashlib
import time
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q, QuerySet

from registry import seam
from registry.choices import NoticeState
from registry.errors import Conflict, gettext_noop
from registry.models import Notice

STUCK_AFTER = timedelta(minutes=10)
ROUND = timedelta(minutes=4)
# Between tries; after the last the notice has failed and waits for a person.
PAUSES = [timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720, 1440)]


class NoticeAlreadySent(Conflict):
    template = gettext_noop("This notice does not wait for another try.")


def message_id(notice: Notice) -> str:
    """The same for every try of one notice."""
    digest = hashlib.sha256(f"{notice.pk}:{notice.key}".encode()).hexdigest()[:24]
    return f"<notice-{notice.pk}-{digest}@{urlsplit(settings.OFFICE_URL).hostname or 'office'}>"


def deliver(*, now: datetime) -> dict[str, int]:
    """Send every notice whose time has come, those whose worker died too.

    Ends after ``ROUND``; the rest is for the next bell. A round that lasted longer than
    ``STUCK_AFTER`` would have its own claims taken for a dead worker's.
    """
    ready = Q(state=NoticeState.PENDING, next_attempt_at__lte=now) | Q(
        state=NoticeState.SENDING, claimed_at__lte=now - STUCK_AFTER
    )
    sent = not_sent = 0
    ends = time.monotonic() + ROUND.total_seconds()
    for pk in list(Notice.objects.filter(ready).order_by("pk").values_list("pk", flat=True)):
        if time.monotonic() > ends:
            break
        claimed = Notice.objects.filter(ready, pk=pk).update(
            state=NoticeState.SENDING, claimed_at=now, attempts=F("attempts") + 1
        )
        if claimed != 1:
            continue
        notice = Notice.objects.select_related("recipient").get(pk=pk)
        problem = _send(notice)
        if problem is None:
            _mine(notice).update(state=NoticeState.SENT, sent_at=now, error="")
            sent += 1
        else:
            _put_off(notice, problem, now)
            not_sent += 1
    return {"sent": sent, "not_sent": not_sent}


def _mine(notice: Notice) -> QuerySet[Notice]:
    """The notice while this try is its last: nobody has taken it over since."""
    return Notice.objects.filter(pk=notice.pk, state=NoticeState.SENDING, attempts=notice.attempts)


def _send(notice: Notice) -> str | None:
    """None when the mail has gone; otherwise why not, without addresses."""
    if not notice.recipient.is_active:
        return "the recipient has left"
    if not notice.recipient.email:
        return "no address"
    mail = EmailMessage(
        subject=notice.subject,
        body=notice.body,
        to=[notice.recipient.email],
        headers={"Message-ID": message_id(notice), "Auto-Submitted": "auto-generated"},
    )
    try:
        mail.send()
    except Exception as error:
        return type(error).__name__
    return None


def _put_off(notice: Notice, problem: str, now: datetime) -> None:
    state, next_attempt_at = NoticeState.FAILED, now
    if notice.attempts <= len(PAUSES):
        state, next_attempt_at = NoticeState.PENDING, now + PAUSES[notice.attempts - 1]
    _mine(notice).update(
        state=state, next_attempt_at=next_attempt_at, claimed_at=None, error=problem
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
