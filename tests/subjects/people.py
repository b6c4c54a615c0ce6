"""A person to test with: consent texts of both operators, and cards that hold something."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from registry.models import ConsentText, DataCategory, LegalBasis, ProcessingActivity
from registry.services.consents import consent_text_draft, consent_text_publish
from subjects.models import Consent, DataSubject, PersonalDatum
from subjects.services.grounds import consent_give
from subjects.services.people import datum_record, subject_register
from tests.conftest import Team

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = NOW.date()
BASIS = {"pandev": "KZ.7.1", "ipm": "RU.6.1.1"}
ACTIVITY = {"pandev": "accounts", "ipm": "email_information"}


def activity_of(team: Team, code: str = "") -> ProcessingActivity:
    code = code or ACTIVITY[team.operator.code]
    return ProcessingActivity.objects.get(operator=team.operator, code=code)


def category_of(team: Team, code: str) -> DataCategory:
    return DataCategory.objects.get(operator=team.operator, code=code)


def basis_of(team: Team) -> LegalBasis:
    return LegalBasis.objects.get(code=BASIS[team.operator.code])


def text_of(team: Team, *activities: str, code: str = "registration", **fields: Any) -> ConsentText:
    """A published text that speaks of these activities; made once."""
    found = ConsentText.objects.filter(operator=team.operator, code=code).first()
    if found is not None:
        return found
    options: dict[str, Any] = {
        "name_en": "Registration",
        "end_event": "purpose_achieved",
        "third_parties": True,
        "cross_border": False,
        "dissemination": False,
        "withdrawal_channels": ["email"],
        "in_force_on": date(2025, 9, 1),
    } | fields
    operator = team.operator
    if operator.jurisdiction.code == "RU" and not operator.address:
        # The policy of this operator names neither; a written consent needs both.
        operator.address = "1, Example Street, Moscow"
        operator.save()
    text = consent_text_draft(
        operator=operator,
        code=code,
        activities=[activity_of(team, name) for name in activities or ("",)],
        by=team.dpo,
        now=NOW,
        **options,
    )
    consent_text_publish(text=text, by=team.dpo, now=NOW)
    text.refresh_from_db()
    return text


def card(team: Team) -> DataSubject:
    return subject_register(operator=team.operator, by=team.clerk, now=NOW)


def consent(team: Team, subject: DataSubject, activity: str = "", **fields: Any) -> Consent:
    options: dict[str, Any] = {
        "text": text_of(team),
        "given_at": NOW,
        "channel": "web_form",
        "evidence": "ip=192.0.2.7",
        "by": team.clerk,
        "now": NOW,
    } | fields
    return consent_give(
        subject=subject,
        activity=activity_of(team, activity),
        legal_basis=basis_of(team),
        **options,
    )


def datum(
    team: Team, subject: DataSubject, category: str, text: str, **fields: Any
) -> PersonalDatum:
    options: dict[str, Any] = {"collected_on": TODAY, "by": team.clerk, "today": TODAY} | fields
    row = datum_record(subject=subject, category=category_of(team, category), text=text, **options)
    return PersonalDatum.objects.select_related("subject__operator", "category").get(pk=row.pk)


def person(
    team: Team, *, name: str = "Тестов Пробный", email: str = "test@example.org"
) -> DataSubject:
    """A card with a consent, a name and an address."""
    subject = card(team)
    consent(team, subject)
    datum(team, subject, "full_name", name)
    datum(team, subject, "email", email)
    return subject
