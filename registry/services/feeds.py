"""The calendar of clocks as iCalendar (RFC 5545), under a token that its reader can revoke.

Numbers, duties and days; no value of any person (the labels of clocks carry none).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext, override
from icalendar import Calendar, Event

from registry import seam
from registry.access import scoped
from registry.errors import Conflict, gettext_noop
from registry.models import CalendarFeed, Deadline, User
from registry.services import audit
from registry.services.texts import link, state

# Calendars poll every hour or so; what is far away comes in time.
AHEAD = timedelta(days=400)
MOST = 2_000


class NoCalendar(Conflict):
    template = gettext_noop("You have no calendar that could be revoked.")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def feed_make(*, user: User, mine_only: bool, now: datetime) -> tuple[CalendarFeed, str]:
    """A new calendar with the token that opens it, told this once; an older one ends with it."""
    seam.lock(User.objects.filter(pk=user.pk)).get()
    _end(user, by=user, now=now, reason="a new one was made")
    token = secrets.token_urlsafe(32)
    row = CalendarFeed(user=user, token_hash=_hash(token), mine_only=mine_only, made_at=now)
    return audit.save(row, by=user, reason="calendar made"), token


@transaction.atomic
def feed_revoke(*, user: User, by: User | None, now: datetime) -> CalendarFeed:
    """Nobody reads the calendar of this user from now on. Refused where there is none."""
    seam.lock(User.objects.filter(pk=user.pk)).get()
    row = _end(user, by=by, now=now, reason="calendar revoked")
    if row is None:
        raise NoCalendar()
    return row


def _end(user: User, *, by: User | None, now: datetime, reason: str) -> CalendarFeed | None:
    row = CalendarFeed.objects.filter(user=user, revoked_at=None).first()
    if row is None:
        return None
    row.revoked_at = now
    return audit.save(row, by=by, reason=reason, fields=["revoked_at"])


def feed_of(user: User) -> CalendarFeed | None:
    """The calendar that the user has now."""
    return CalendarFeed.objects.filter(user=user, revoked_at=None).first()


def feed_open(token: str) -> CalendarFeed | None:
    """The calendar that the token opens; None for one that is revoked, unknown, or whose user may
    not log in any more.
    """
    return (
        CalendarFeed.objects.filter(token_hash=_hash(token), revoked_at=None, user__is_active=True)
        .select_related("user")
        .first()
    )


def feed_calendar(*, feed: CalendarFeed, now: datetime) -> bytes:
    """Every clock of a duty that runs and that the user may see today, in the user's language."""
    user = feed.user
    clocks = scoped(Deadline.objects.open().duties(), user).filter(
        ends_at__isnull=False, ends_at__lte=now + AHEAD
    )
    if feed.mine_only:
        clocks = clocks.filter(owner=user)
    rows = clocks.select_related("operator__jurisdiction", "owner", "about_type")
    with override(user.language):
        found = Calendar()
        found.add("prodid", "-//Personal Data Office//Deadlines//EN")
        found.add("version", "2.0")
        found.add("method", "PUBLISH")
        found.add("x-wr-calname", gettext("Deadlines of the office"))
        for row in rows.order_by("ends_at", "pk")[:MOST]:
            found.add_component(_event(row, now))
    return found.to_ical()


def _event(row: Deadline, now: datetime) -> Event:
    """A whole day; for a term in hours the moment itself, since a day would be too late."""
    assert row.due_on is not None
    event = Event()
    host = settings.OFFICE_URL.split("://")[-1].split("/")[0]
    event.add("uid", f"deadline-{row.pk}@{host}")
    event.add("dtstamp", now)
    what = f"{row.label}: {row.get_effect_display()}"
    event.add("summary", what if row.ends_at is None or row.ends_at > now else f"! {what}")
    if row.due_at is not None:
        event.add("dtstart", row.due_at)
        event.add("duration", timedelta(0))
    else:
        event.add("dtstart", row.due_on)
        event.add("dtend", row.due_on + timedelta(days=1))
    lines = [str(row.operator), state(row, now)]
    lines.append(str(row.owner) if row.owner else gettext("no owner"))
    event.add("description", "\n".join(lines))
    event.add("url", link(row))
    event.add("transp", "TRANSPARENT")
    return event
