"""A person with three grounds and eight data, as a clerk would have recorded them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from registry.models import ConsentText, DataCategory, LegalBasis, ProcessingActivity
from registry.services.consents import consent_text_draft, consent_text_publish
from subjects.models import Consent, DataSubject, Ground, PersonalDatum
from subjects.services.grounds import consent_give, ground_start
from subjects.services.people import datum_record, subject_register
from tests.conftest import Team

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = NOW.date()
SINCE = date(2026, 2, 1)
VALUES = {
    "full_name": "Серікова Әсел Нұрланқызы",
    "iin": "900101400013",
    "email": "assel.canary@example.kz",
    "phone": "+77015559087",
    "account": "assel-canary",
    "ip_address": "192.0.2.77",
    "device": "Firefox Canary 140",
    "subject_status": "individual-canary",
}
EVIDENCE = "ip=198.51.100.9 canary"
BASIS = {"pandev": "KZ.7.1", "ipm": "RU.6.1.1"}
OTHER = {"pandev": "accounts", "ipm": "email_information"}


@dataclass
class Person:
    card: DataSubject
    data: dict[str, PersonalDatum] = field(default_factory=dict)
    grounds: list[Ground] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)


def text_of(team: Team, code: str = "registration", **changed: Any) -> ConsentText:
    """A published consent text over accounts; the same one each time."""
    standing = ConsentText.objects.filter(operator=team.operator, code=code).first()
    if standing is not None:
        return standing
    activities = ProcessingActivity.objects.filter(
        operator=team.operator, code__in=["accounts", "identification"]
    )
    text = consent_text_draft(
        **{
            "operator": team.operator,
            "code": code,
            "activities": list(activities),
            "in_force_on": date(2026, 1, 1),
            "name_en": "Registration",
            "name_ru": "Регистрация",
            "name_kk": "Тіркелу",
            "end_event": "purpose_achieved",
            "third_parties": False,
            "cross_border": False,
            "dissemination": False,
            "withdrawal_channels": ["email"],
            "by": team.dpo,
            "now": NOW,
        }
        | changed
    )
    consent_text_publish(text=text, by=team.dpo, now=NOW)
    text.refresh_from_db()
    return text


def register(team: Team) -> DataSubject:
    return subject_register(operator=team.operator, by=team.clerk, now=NOW)


def agree(team: Team, card: DataSubject, activity: str = "accounts", **changed: Any) -> Consent:
    return consent_give(
        **{
            "subject": card,
            "activity": ProcessingActivity.objects.get(operator=team.operator, code=activity),
            "legal_basis": LegalBasis.objects.get(code=BASIS[team.operator.code]),
            "text": text_of(team),
            "given_at": NOW,
            "channel": "web_form",
            "evidence": EVIDENCE,
            "language": "en",
            "by": team.clerk,
            "now": NOW,
        }
        | changed
    )


def hold(team: Team, card: DataSubject, code: str, text: str) -> PersonalDatum:
    return datum_record(
        subject=card,
        category=DataCategory.objects.get(operator=team.operator, code=code),
        text=text,
        collected_on=SINCE,
        by=team.clerk,
        today=TODAY,
    )


def other_ground(team: Team, card: DataSubject) -> Ground:
    """A ground that is no consent: the office law gives the activity one more article."""
    activity = ProcessingActivity.objects.get(
        operator=team.operator, code=OTHER[team.operator.code]
    )
    basis = (
        LegalBasis.objects.filter(jurisdiction=team.operator.jurisdiction, closed_on=None)
        .exclude(kind="consent")
        .first()
    )
    activity.legal_bases.add(basis)
    return ground_start(
        subject=card, activity=activity, legal_basis=basis, started_on=SINCE, by=team.clerk,
        today=TODAY,
    )  # fmt: skip


def person(team: Team, values: dict[str, str] = VALUES) -> Person:
    found = Person(register(team))
    for activity in ("accounts", "identification"):
        found.consents.append(agree(team, found.card, activity))
    found.grounds = [consent.ground for consent in found.consents]
    found.grounds.append(other_ground(team, found.card))
    for code, text in values.items():
        found.data[code] = hold(team, found.card, code, text)
    found.card = DataSubject.objects.select_related("operator__jurisdiction").get(pk=found.card.pk)
    return found
