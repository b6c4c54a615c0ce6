"""Consent texts to test with: drafts from a complete register, and published ones."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from registry.models import ConsentText, ProcessingActivity
from registry.models.base import LANGUAGES
from registry.services import audit
from registry.services.consents import consent_text_draft, consent_text_publish
from tests.conftest import Team

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def ready(team: Team) -> Team:
    """What the two policies leave open, filled in: languages, and the address of IPM."""
    operator = team.operator
    operator.languages = list(LANGUAGES)
    operator.address = operator.address or "101000, Москва, улица 1"
    audit.save(operator, by=team.dpo, reason="test")
    return team


def draft(team: Team, **changes: Any) -> ConsentText:
    asked: dict[str, Any] = {
        "operator": team.operator,
        "code": "account",
        "activities": ProcessingActivity.objects.filter(operator=team.operator),
        "in_force_on": date(2026, 3, 10),
        "by": team.dpo,
        "now": NOW,
        "name_ru": "Учётная запись",
        "cross_border": False,
        "term_length": 3,
        "term_unit": "year",
    }
    return consent_text_draft(**asked | changes)


def published(team: Team, **changes: Any) -> ConsentText:
    return consent_text_publish(text=draft(team, **changes), by=team.dpo, now=NOW)


def link(row: ConsentText, page: str = "change") -> str:
    return f"/admin/registry/consenttext/{row.pk}/{page}/"


def fingerprint(row: ConsentText) -> Any:
    return (
        list(ConsentText.objects.filter(pk=row.pk).values_list()),
        sorted(row.activities.values_list("pk", flat=True)),
        sorted(row.data_categories.values_list("pk", flat=True)),
        row.history.count(),
    )
