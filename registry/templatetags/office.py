"""Days and moments on pages, written as everywhere else in the office."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

from django import template
from django.utils.translation import gettext

from registry.errors import gettext_noop
from registry.explain import long_day as day_in_words
from registry.explain import short_day

register = template.Library()

# The reasons that the office itself writes into the history. What people typed stays as it is.
REASONS = {
    gettext_noop("registered"),
    gettext_noop("draft of the answer"),
    gettext_noop("answer sent"),
    gettext_noop("proof of sending"),
    gettext_noop("clock started"),
    gettext_noop("assigned"),
    gettext_noop("added in the admin"),
    gettext_noop("deleted in the admin"),
    gettext_noop("chose the language"),
    gettext_noop("recorded"),
    gettext_noop("verified"),
    gettext_noop("withdrawn"),
    gettext_noop("published"),
    gettext_noop("written from the register"),
    gettext_noop("imported as it stands"),
    gettext_noop("a newer draft took its place"),
    gettext_noop("discarded"),
    gettext_noop("acknowledged"),
    gettext_noop("taken back"),
    gettext_noop("rotation"),
    gettext_noop("retired"),
    gettext_noop("first key"),
    gettext_noop("demo"),
    gettext_noop("drafted"),
    gettext_noop("approved"),
    gettext_noop("execution began"),
    gettext_noop("executed"),
    gettext_noop("not verified"),
    gettext_noop("closed"),
    gettext_noop("signed"),
    gettext_noop("act closed"),
    gettext_noop("open request"),
}


@register.filter
def long_day(day: date | None) -> str:
    """A day with its weekday, a dash where there is none."""
    return day_in_words(day) if day else "–"


register.filter("short_day", short_day)


@register.filter
def reason(text: str | None) -> str:
    """Why a row was changed, in the reader's language where the office wrote it."""
    return gettext(text) if text in REASONS else text or ""


@register.filter
def moment(at: datetime, zone: tzinfo | str) -> str:
    """A day with its weekday and the time of day, as clocks of that zone show it."""
    local = at.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)
    return f"{day_in_words(local.date())}, {local:%H:%M}"
