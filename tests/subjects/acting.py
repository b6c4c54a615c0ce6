"""People whose data are due, and acts about them, at each stage."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

from registry.models import Operator, RetentionRule
from registry.services import audit
from subjects.models import ActItem, Consent, DataSubject, DestructionAct, DestructionItem
from subjects.services.acts import act_approve, act_draft
from subjects.services.dates import dates_keep, operator_dates
from subjects.services.grounds import consent_withdraw
from subjects.vault.models import VaultKey
from tests.conftest import Team
from tests.subjects.people import NOW, TODAY, activity_of, person

# A withdrawal on 2 March 2026 in Kazakhstan: fifteen working days, with Nauryz in between.
DUE = date(2026, 3, 27)
ON_DUE = datetime(2026, 3, 27, 9, tzinfo=UTC)


def withdraw(team: Team, subject: DataSubject, at: datetime = NOW) -> None:
    row = Consent.objects.get(ground__subject=subject, withdrawn_at=None)
    consent_withdraw(consent=row, channel="email", received_at=at, by=team.clerk, now=at)
    dates_keep([subject.pk], today=at.astimezone(team.operator.zone).date())


def leaving(team: Team, **fields: Any) -> DataSubject:
    """Somebody who took the consent back: two values are due, the proof stays three years."""
    subject = person(team, **fields)
    withdraw(team, subject)
    return subject


def dates_sweep(now: datetime) -> dict[str, int]:
    """What the hourly sweep does first, for every operator."""
    did: Counter[str] = Counter()
    for operator in Operator.objects.select_related("jurisdiction").order_by("pk"):
        did.update(operator_dates(operator, today=now.astimezone(operator.zone).date()))
    return dict(did)


def due_of(subject: DataSubject) -> date:
    found = VaultKey.objects.filter(owner=subject.pk, kind=1).values_list("destroy_on", flat=True)
    (day,) = set(found)
    assert day is not None
    return day


def automatic(team: Team, event: str = "consent_withdrawn") -> None:
    """The operator's rules of this event need no approval."""
    for rule in RetentionRule.objects.filter(operator=team.operator, event=event):
        rule.automatic = True
        audit.save(rule, by=team.dpo, reason="test")
    if not RetentionRule.objects.filter(operator=team.operator, event=event).exists():
        rule = RetentionRule(operator=team.operator, code=event, event=event, automatic=True)
        audit.save(rule, by=team.dpo, reason="test")


def achieve(team: Team, on: date, activity: str = "") -> None:
    purpose = activity_of(team, activity).purpose
    purpose.ended_on = on
    audit.save(purpose, by=team.dpo, reason="achieved")


def draft(team: Team, *, by: Any = None, now: datetime = NOW, **options: Any) -> DestructionAct:
    given = {"until": TODAY + timedelta(days=60)} | options
    (act,) = act_draft(operator=team.operator, by=by, now=now, **given)
    return act


def approved(team: Team, **options: Any) -> DestructionAct:
    return act_approve(act=draft(team, **options), by=team.dpo, now=NOW)


def outcomes(act: DestructionAct) -> list[str]:
    """Of each item: its outcome, "gone!" when its own item says it was destroyed."""
    done = set(DestructionItem.objects.filter(act=act).values_list("key", flat=True))
    return [
        item.outcome or ("destroyed!" if item.key in done else "")
        for item in ActItem.objects.filter(act=act).order_by("pk")
    ]
