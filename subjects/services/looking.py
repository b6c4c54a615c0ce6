"""Who may see a card open, for how long, and the trace that each look leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from registry.errors import OperatorError, gettext_noop
from registry.models import Operator, User
from subjects.choices import Looked
from subjects.models import AccessEvent, DataSubject
from subjects.services.guard import require_unblocked

REASON_LIMIT = 300


class ReasonMissing(OperatorError):
    template = gettext_noop("Write why you need to see the data: it stands beside your name.")


class ReasonTooLong(OperatorError):
    template = gettext_noop("The reason is longer than %(limit)s characters.")


def look(
    *,
    operator: Operator | int,
    what: str,
    user: User | None,
    now: datetime,
    subject: DataSubject | None = None,
    reason: str = "",
    until: datetime | None = None,
    **details: Any,
) -> AccessEvent:
    """Record that somebody saw, searched, exported or downloaded. ``details`` hold no value."""
    return AccessEvent.objects.create(
        operator_id=operator if isinstance(operator, int) else operator.pk,
        subject=subject,
        user=user,
        what=Looked(what),
        at=now,
        until=until,
        reason=reason,
        details=details,
    )


def card_reveal(*, subject: DataSubject, user: User, reason: str, now: datetime) -> AccessEvent:
    """Show this card's values to this person for ``REVEAL_MINUTES``; the reason is kept.

    From a request the number of the request is the reason, and one click does it. A card that is
    blocked as a whole opens for the number that blocks it and for nothing else; where only a
    category is blocked, the rest opens for any reason and that category for its number.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing()
    if len(reason) > REASON_LIMIT:
        raise ReasonTooLong(limit=REASON_LIMIT)
    require_unblocked(subject, label=reason)
    return look(
        operator=subject.operator_id,
        what=Looked.REVEAL,
        user=user,
        now=now,
        subject=subject,
        reason=reason,
        until=now + timedelta(minutes=settings.REVEAL_MINUTES),
    )


def card_hide(*, subject: DataSubject, user: User, now: datetime) -> AccessEvent:
    """Mask the card again before its time is over."""
    return look(operator=subject.operator_id, what=Looked.HIDE, user=user, now=now, subject=subject)


def reveal_event(subject: DataSubject, user: Any, now: datetime) -> AccessEvent | None:
    """The reveal by which this person sees the card open; None: it is masked. One query."""
    events = AccessEvent.objects.filter(
        subject=subject, user=user, what__in=[Looked.REVEAL, Looked.HIDE]
    ).order_by("-at", "-id")
    last = events.first()
    return last if last is not None and last.until is not None and last.until > now else None


def reveal_of(subject: DataSubject, user: Any, now: datetime) -> datetime | None:
    """Until when this person sees the card open; one query."""
    event = reveal_event(subject, user, now)
    return event.until if event is not None else None
