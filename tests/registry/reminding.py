"""Clocks to be reminded of, and what the tests of reminders ask about them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType

from registry.choices import Binding, Effect, Event
from registry.models import (
    Absence,
    Deadline,
    DeadlineRule,
    Notice,
    NoticeLine,
    Reminder,
    User,
)
from registry.services import audit
from registry.services.reminders import digest, remind
from requests.models import RegulatorInquiry
from tests.conftest import Team

# A Wednesday; the five days before it hold one weekend and no holiday of either state.
DAY = date(2026, 3, 18)
BEFORE = ["before-5:2026-03-18", "before-2:2026-03-18", "before-1:2026-03-18"]
LATE = "could not be sent on their day"


def at(team: Team, day: date, hour: int = 9, minute: int = 0) -> datetime:
    """That moment on the operator's own clock."""
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=team.operator.zone)
    return local.astimezone(UTC)


def make_clock(team: Team, **changes: Any) -> Deadline:
    """An open clock in days, of the clerk, due on DAY, recorded two weeks before it."""
    number = Deadline.objects.count() + 1
    due_on = changes.get("due_on", DAY)
    fields: dict[str, Any] = {
        "operator": team.operator,
        "about_type": ContentType.objects.get_for_model(RegulatorInquiry),
        "about_id": number,
        "label": f"INQ-2026-{number:04d}",
        "event": Event.INQUIRY_RECEIVED,
        "effect": Effect.ANSWER_AUTHORITY,
        "statute": DeadlineRule.objects.get(code="RU.REG.INQUIRY"),
        "trigger_at": at(team, DAY - timedelta(days=14)),
        "due_on": due_on,
        "internal_on": due_on,
        "ends_at": at(team, due_on + timedelta(days=1), 0),
        "binding": Binding.STATUTE,
        "owner": team.clerk,
        "created_at": at(team, DAY - timedelta(days=14)),
    } | changes
    return audit.save(Deadline(**fields), by=None, reason="test")


def make_hour_clock(team: Team, ends_at: datetime, **changes: Any) -> Deadline:
    """24 hours from the detection of an incident."""
    local = ends_at.astimezone(team.operator.zone)
    return make_clock(
        team,
        event=Event.INCIDENT_DETECTED, effect=Effect.NOTIFY_AUTHORITY_FIRST,
        statute=DeadlineRule.objects.get(code="RU.INCIDENT.NOTICE1"),
        due_on=local.date(), due_at=ends_at, ends_at=ends_at,
        internal_on=local.date(), created_at=ends_at - timedelta(hours=24),
        **changes,
    )  # fmt: skip


def marks_of(deadline: Deadline) -> list[str]:
    rows = Reminder.objects.filter(deadline=deadline).order_by("planned_at", "pk")
    return list(rows.values_list("mark", flat=True))


def told(mark: str, deadline: Deadline) -> set[str]:
    return set(
        NoticeLine.objects.filter(
            reminder__deadline=deadline, reminder__mark__startswith=mark
        ).values_list("recipient__username", flat=True)
    )


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Reminder, NoticeLine, Notice)]


def sweep(now: datetime) -> None:
    remind(now=now)
    digest(now=now)


def away(team: Team, user: User, substitute: User) -> None:
    Absence.objects.create(
        operator=team.operator, user=user, substitute=substitute,
        first_on=DAY - timedelta(days=7), last_on=DAY + timedelta(days=7), order_number="7-k",
    )  # fmt: skip
