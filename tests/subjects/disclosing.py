"""Transfers, demands and people for the tests of disclosures."""

from __future__ import annotations

from datetime import date
from typing import Any

from registry.choices import Gate
from registry.models import Adequacy, Country, DataCategory, LegalBasis, Recipient, Transfer
from registry.services import audit
from subjects.models import DataSubject, DisclosedPerson, Disclosure
from subjects.services.disclosures import disclosure_record
from tests.conftest import Team
from tests.registry.transferring import instruct
from tests.subjects.people import (
    NOW,
    TODAY,
    activity_of,
    basis_of,
    card,
    category_of,
    consent,
    datum,
    text_of,
)

MAIL = "given.canary@example.org"
STATE = {"pandev": "KZ.9.1", "ipm": "RU.6.1.3"}


def text(team: Team) -> Any:
    """What the people here agree to: it asks for every scope of a transfer."""
    return text_of(
        team, code="passing_on", third_parties=True, cross_border=True, name_en="Passing on"
    )


def given(team: Team, *, email: str = MAIL, **scopes: bool) -> DataSubject:
    """A card with a consent of these scopes, a name and an address."""
    subject = card(team)
    consent(team, subject, text=text(team), **scopes)
    datum(team, subject, "full_name", "Каверина Проба")
    datum(team, subject, "email", email)
    return DataSubject.objects.select_related("operator__jurisdiction").get(pk=subject.pk)


def state_basis(team: Team) -> LegalBasis:
    return LegalBasis.objects.get(code=STATE[team.operator.code])


def country_of(team: Team, *, home: bool = True) -> Country:
    code = team.operator.jurisdiction.country
    rows = Country.objects.filter(code=code) if home else Country.objects.exclude(code=code)
    return rows.order_by("code")[0]


def transfer(
    team: Team,
    *categories: str,
    abroad: bool = False,
    kind: str = "third_party",
    code: str = "agency",
    notified: bool = True,
    instructed: bool = True,
    **fields: Any,
) -> Transfer:
    """An open transfer of the activity to which ``given`` has agreed, in order in every way."""
    recipient = Recipient(
        operator=team.operator, code=code, name_en=f"Agency {code}", kind=kind,
        country=country_of(team, home=not abroad),
    )  # fmt: skip
    audit.save(recipient, by=team.dpo, reason="test")
    if abroad and notified and team.operator.jurisdiction.code == "RU":
        notice: dict[str, Any] = {
            "gate": Gate.WAIT, "assessed_on": date(2025, 12, 1), "filed_on": date(2025, 12, 2),
            "notice_number": "17-xb", "opens_on": date(2025, 12, 17),
        }  # fmt: skip
        fields = notice | fields
    row = Transfer(
        **{
            "operator": team.operator, "code": code, "name_en": f"To {code}",
            "recipient": recipient, "activity": activity_of(team), "legal_basis": basis_of(team),
            "gate": Gate.NONE, "opened_on": date(2026, 1, 12),
        }
        | fields
    )  # fmt: skip
    audit.save(row, by=team.dpo, reason="test")
    row.data_categories.set(categories_of(team, *(categories or ("email", "full_name"))))
    if kind == "processor" and instructed:
        instruct(row, team)
    return row


def protects(team: Team, row: Transfer, adequate: bool) -> None:
    """From now on the operator's law says so of the recipient's country."""
    found = Adequacy.objects.filter(
        jurisdiction=team.operator.jurisdiction, country=row.recipient.country
    ).first() or Adequacy(jurisdiction=team.operator.jurisdiction, country=row.recipient.country)
    found.adequate = adequate
    audit.save(found, by=None, reason="another order")


def categories_of(team: Team, *codes: str) -> list[DataCategory]:
    return [category_of(team, code) for code in codes]


def to_state(team: Team, *cards: DataSubject, **changed: Any) -> Disclosure:
    """The address of each, to a court."""
    return disclosure_record(
        **{
            "operator": team.operator, "kind": "state_body", "body_kind": "court",
            "body": "Bostandyk district court", "legal_basis": state_basis(team),
            "document": "Ruling 7 of 27.02.2026", "given_on": TODAY, "way": "post",
            "people": {one: categories_of(team, "email") for one in cards},
            "by": team.dpo, "now": NOW,
        }
        | changed
    )  # fmt: skip


def by_transfer(team: Team, row: Transfer, *cards: DataSubject, **changed: Any) -> Disclosure:
    """The address of each, by this transfer."""
    return disclosure_record(
        **{
            "operator": team.operator, "kind": "transfer", "transfer": row,
            "document": "Contract 12 of 12.01.2026", "given_on": TODAY, "way": "non_state_service",
            "people": {one: categories_of(team, "email") for one in cards},
            "by": team.dpo, "now": NOW,
        }
        | changed
    )  # fmt: skip


def given_away(team: Team, known: Any) -> None:
    """The address of this person went to an agency, whatever they agreed to."""
    row = transfer(team)
    disclosure = Disclosure.objects.create(
        operator=team.operator, number="DIS-7", kind="transfer", transfer=row,
        legal_basis=row.legal_basis, document="contract 7", given_on=TODAY, way="post",
        third_party=True, cross_border=False, recorded_at=NOW, recorded_by=team.dpo,
    )  # fmt: skip
    DisclosedPerson.objects.create(
        disclosure=disclosure, subject=known.card, category=known.data["email"].category
    )
