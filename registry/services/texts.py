"""The words of the office's mails to its staff. No person's data: numbers and dates only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from registry.choices import MINIMUM_EFFECTS
from registry.explain import long_day, short_day
from registry.models import Deadline, NoticeLine, Operator, Reminder, User


def link(deadline: Deadline) -> str:
    """The page of the thing that the clock is about."""
    kind = deadline.about_type
    path = reverse(f"admin:{kind.app_label}_{kind.model}_change", args=[quote(deadline.about_id)])
    return settings.OFFICE_URL.rstrip("/") + path


def when_due(deadline: Deadline) -> str:
    """The last moment, in the operator's zone and the reader's words."""
    if deadline.due_at is not None:
        local = deadline.due_at.astimezone(deadline.operator.zone)
        return f"{long_day(local.date())}, {local:%H:%M}"
    return long_day(deadline.due_on) if deadline.due_on else _("no date yet")


def state(deadline: Deadline, now: datetime) -> str:
    """How long is left, or how late it is."""
    if deadline.ends_at is None or deadline.due_on is None:
        return _("no date yet")
    zone = deadline.operator.zone
    if deadline.effect in MINIMUM_EFFECTS and now >= deadline.ends_at:
        return _("the term is over")
    if now >= deadline.ends_at:
        late = (now.astimezone(zone).date() - deadline.due_on).days
        if late == 0:
            return _("overdue since today")
        return ngettext("overdue by %(count)s day", "overdue by %(count)s days", late) % {
            "count": late
        }
    left = (deadline.due_on - now.astimezone(zone).date()).days
    if left == 0:
        return _("due today")
    return ngettext("%(count)s day left", "%(count)s days left", left) % {"count": left}


def describe(deadline: Deadline, now: datetime) -> str:
    """Three lines about one clock: what, when, where."""
    lines = [
        f"{deadline.label}: {deadline.get_effect_display()} ({state(deadline, now)})",
        "  " + _("due: %(when)s") % {"when": when_due(deadline)},
    ]
    if deadline.internal_on and deadline.internal_on != deadline.due_on:
        lines.append(
            "  " + _("safe internal date: %(day)s") % {"day": long_day(deadline.internal_on)}
        )
    lines.append("  " + link(deadline))
    return "\n".join(lines)


def _greeting(recipient: User, lines: Sequence[NoticeLine]) -> list[str]:
    """Says so when the reader is not the owner."""
    others = {
        str(line.reminder.deadline.owner)
        for line in lines
        if line.reminder.deadline.owner and line.reminder.deadline.owner_id != recipient.pk
    }
    if not others:
        return []
    return [
        _("You receive this for %(people)s: as their substitute, or because it is escalated.")
        % {"people": ", ".join(sorted(others))},
        "",
    ]


def write_urgent(
    *, deadline: Deadline, lines: Sequence[NoticeLine], recipient: User, now: datetime
) -> tuple[str, str]:
    """Subject and text of a reminder that does not wait for the morning."""
    with override(recipient.language):
        subject = _("Urgent: %(label)s, %(state)s") % {
            "label": deadline.label,
            "state": state(deadline, now),
        }
        body = [
            *_greeting(recipient, lines),
            describe(deadline, now),
            *_missed(lines, now),
        ]
        return subject, "\n".join(body) + "\n"


def write_digest(
    *, operator: Operator, lines: Sequence[NoticeLine], recipient: User, now: datetime
) -> tuple[str, str]:
    """Subject and text of the morning mail: each clock once, the most urgent first."""
    with override(recipient.language):
        deadlines: dict[int, Deadline] = {}
        for line in lines:
            deadline = line.reminder.deadline
            deadline.operator = operator
            deadlines.setdefault(deadline.pk, deadline)
        late = sum(1 for row in deadlines.values() if row.ends_at and row.ends_at <= now)
        today = short_day(now.astimezone(operator.zone).date())
        subject = _("%(operator)s, %(day)s: deadlines %(count)s, overdue %(late)s") % {
            "operator": operator.name,
            "day": today,
            "count": len(deadlines),
            "late": late,
        }
        parts = [*_greeting(recipient, lines)]
        for deadline in deadlines.values():
            parts += [describe(deadline, now), ""]
        parts += _missed(lines, now)
        return subject, "\n".join(parts).rstrip("\n") + "\n"


def _missed(lines: Sequence[NoticeLine], now: datetime) -> list[str]:
    """Reminders that should have come on earlier days are named, never swallowed."""
    earlier = [
        line.reminder
        for line in lines
        if (now - line.reminder.planned_at).total_seconds() > 24 * 3600
    ]
    if not earlier:
        return []
    named = [f"  {row.deadline.label}: {_local_day(row)}" for row in earlier]
    return ["", _("These reminders could not be sent on their day and come late:"), *named]


def _local_day(reminder: Reminder) -> str:
    zone = reminder.deadline.operator.zone
    return short_day(reminder.planned_at.astimezone(zone).date())
