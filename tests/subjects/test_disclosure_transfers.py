"""Disclosures by a transfer: within the consent, while it is open, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry.errors import OperatorError
from registry.models import Country, LegalBasis, ProcessingActivity, Transfer
from registry.services import audit
from registry.transfer_refusals import (
    CountryChangedSinceNotice,
    InstructionLacking,
    NoticeNotFiled,
    TransferObstructed,
)
from subjects.choices import Looked
from subjects.models import (
    AccessEvent,
    Consent,
    DataSubject,
    DisclosedPerson,
    Disclosure,
)
from subjects.services.disclosable import (
    ConsentLacksScope,
    NotForThisTransfer,
    TransferShut,
)
from subjects.services.disclosures import (
    CategoryBeyondTransfer,
    CountryUnknown,
)
from subjects.services.grounds import consent_withdraw, ground_start
from subjects.services.scopes import consent_narrow
from tests.conftest import Office, Team
from tests.registry.transferring import instruct
from tests.subjects.disclosing import (
    by_transfer,
    categories_of,
    given,
    protects,
    transfer,
)
from tests.subjects.people import NOW, TODAY, activity_of, basis_of, text_of

YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(params=["pandev", "ipm"])
def team(request: Any, office: Office) -> Team:
    found: Team = getattr(office, request.param)
    return found


def events(what: str = Looked.DISCLOSURE) -> list[AccessEvent]:
    return list(AccessEvent.objects.filter(what=what).order_by("pk"))


def nothing_recorded() -> bool:
    return not Disclosure.objects.exists() and not DisclosedPerson.objects.exists()


# --- by a transfer -------------------------------------------------------------------------------
def test_a_transfer_within_the_consent_is_recorded_as_it_was_that_day(team: Team) -> None:
    subject = given(team, third_parties=True, cross_border=True)
    row = transfer(team, abroad=True)
    made = by_transfer(team, row, subject)
    assert (made.transfer, made.legal_basis) == (row, row.legal_basis)
    assert (made.third_party, made.cross_border) == (True, True)
    assert made.country == row.recipient.country
    assert (made.body, made.body_kind) == ("", "")
    home = by_transfer(team, transfer(team, code="home"), subject)
    assert (home.third_party, home.cross_border) == (True, False)
    processor = by_transfer(team, transfer(team, code="host", kind="processor"), subject)
    # In Kazakhstan a processor is one as well (94-V 7(6), 8(4)(4)).
    assert (processor.third_party, processor.cross_border) == (
        team.operator.code == "pandev",
        False,
    )
    assert len(events()) == 3 and not events(Looked.DISCLOSURE_REFUSED)


@pytest.mark.parametrize(
    ("abroad", "kind", "scopes", "lacks"),
    [
        (False, "third_party", {}, "third_parties"),
        (False, "third_party", {"cross_border": True}, "third_parties"),
        (True, "third_party", {"third_parties": True}, "cross_border"),
        (True, "processor", {"third_parties": True}, "cross_border"),
        (True, "processor", {"cross_border": True}, ""),
        (False, "processor", {}, ""),
        (False, "third_party", {"third_parties": True}, ""),
        (True, "third_party", {"third_parties": True, "cross_border": True}, ""),
    ],
)
def test_a_consent_without_the_flag_stops_the_transfer_and_the_attempt_is_logged(
    team: Team, abroad: bool, kind: str, scopes: dict[str, bool], lacks: str
) -> None:
    if kind == "processor" and team.operator.code == "pandev":
        lacks = "" if scopes.get("third_parties") else "third_parties"
        lacks = lacks or ("cross_border" if abroad and not scopes.get("cross_border") else "")
    free = given(team, email="free@example.org", third_parties=True, cross_border=True)
    subject = given(team, **scopes)
    row = transfer(team, abroad=abroad, kind=kind)
    if not lacks:
        by_transfer(team, row, free, subject)
        assert not events(Looked.DISCLOSURE_REFUSED)
        return
    with pytest.raises(ConsentLacksScope, match=subject.code) as refused:
        by_transfer(team, row, free, subject)
    assert free.code not in str(refused.value)
    assert nothing_recorded() and not events()
    (tried,) = events(Looked.DISCLOSURE_REFUSED)
    assert (tried.subject, tried.user, tried.at) == (subject, team.dpo, NOW)
    assert tried.reason == "Contract 12 of 12.01.2026"
    assert tried.details == {"transfer": row.code, "scope": lacks}


def test_a_scope_taken_back_stops_the_next_transfer(office: Office) -> None:
    team = office.pandev
    subject, row = given(team, third_parties=True), transfer(team)
    by_transfer(team, row, subject)
    consent_narrow(
        consent=Consent.objects.get(ground__subject=subject), scope="third_parties",
        received_at=NOW, by=team.clerk, now=NOW, reason="asked",
    )  # fmt: skip
    with pytest.raises(ConsentLacksScope):
        by_transfer(team, row, subject)
    assert Disclosure.objects.count() == 1


def test_a_consent_for_something_else_or_withdrawn_carries_nothing(office: Office) -> None:
    team = office.pandev
    subject = given(team, third_parties=True)
    other = ProcessingActivity.objects.filter(
        operator=team.operator, data_categories__code="email"
    ).exclude(pk=activity_of(team).pk)[0]
    other.legal_bases.add(basis_of(team))
    text_of(team, other.code, code="other", third_parties=True)
    with pytest.raises(NotForThisTransfer, match=subject.code):
        by_transfer(team, transfer(team, "email", activity=other), subject)
    row = transfer(team, code="second")
    consent_withdraw(
        consent=Consent.objects.get(ground__subject=subject), channel="email", received_at=NOW,
        by=team.clerk, now=NOW,
    )  # fmt: skip
    with pytest.raises(NotForThisTransfer):
        by_transfer(team, row, subject)
    assert nothing_recorded()


def test_a_contract_carries_its_own_transfer_without_a_consent(office: Office) -> None:
    team = office.ipm
    contract = LegalBasis.objects.get(code="RU.6.1.5")
    activity_of(team).legal_bases.add(contract)
    subject = given(team)
    row = transfer(team, legal_basis=contract)
    # The person has only a consent, which allows no third party.
    with pytest.raises(ConsentLacksScope):
        by_transfer(team, row, subject)
    ground_start(
        subject=subject, activity=activity_of(team), legal_basis=contract, started_on=TODAY,
        by=team.clerk, today=TODAY,
    )  # fmt: skip
    by_transfer(team, row, subject)
    # A transfer that stands on consent is not carried by the contract.
    with pytest.raises(ConsentLacksScope):
        by_transfer(team, transfer(team, code="second"), subject)


def test_a_transfer_that_the_law_wants_needs_no_consent(office: Office) -> None:
    team = office.pandev
    law = LegalBasis.objects.get(code="KZ.9.5-1")
    activity_of(team).legal_bases.add(law)
    by_transfer(team, transfer(team, legal_basis=law), given(team))


def test_a_transfer_that_is_not_open_that_day_is_refused_and_logged(office: Office) -> None:
    team = office.pandev
    subject = given(team, third_parties=True)
    cases: list[dict[str, Any]] = [
        {"opened_on": None},
        {"opened_on": TODAY + timedelta(days=1)},
        {"ended_on": YESTERDAY},
        {"banned_on": TODAY, "ban_document": "Order 5"},
    ]
    for number, fields in enumerate(cases, 1):
        row = transfer(team, code=f"shut{number}", **fields)
        with pytest.raises(TransferShut):
            by_transfer(team, row, subject)
        tried = events(Looked.DISCLOSURE_REFUSED)
        assert len(tried) == number
        assert (tried[-1].subject, tried[-1].details) == (None, {"transfer": row.code})
    assert nothing_recorded()
    by_transfer(team, transfer(team, code="last", ended_on=TODAY), subject)


# --- open once, but borne no longer --------------------------------------------------------------
def stopped(team: Team, row: Transfer, subject: DataSubject, error: type[OperatorError]) -> Any:
    """Refused by that name, nothing recorded, the attempt logged."""
    before = len(events(Looked.DISCLOSURE_REFUSED))
    with pytest.raises(error) as refused:
        by_transfer(team, row, subject)
    assert nothing_recorded()
    tried = events(Looked.DISCLOSURE_REFUSED)
    assert len(tried) == before + 1
    assert (tried[-1].subject, tried[-1].details) == (None, {"transfer": row.code})
    return refused.value


def test_an_open_transfer_carries_nothing_on_an_article_that_is_closed(team: Team) -> None:
    subject, row = given(team, third_parties=True), transfer(team)
    basis = row.legal_basis
    basis.closed_on = TODAY
    audit.save(basis, by=None, reason="repealed")
    found = stopped(team, row, subject, TransferObstructed)
    assert [one.code for one in found.missing] == ["basis_closed"]
    basis.closed_on = TODAY + timedelta(days=1)
    audit.save(basis, by=None, reason="repealed")
    by_transfer(team, row, subject)


def test_an_open_transfer_carries_nothing_of_an_activity_that_has_ended(team: Team) -> None:
    subject, row = given(team, third_parties=True), transfer(team)
    activity = row.activity
    activity.ended_on = TODAY
    audit.save(activity, by=None, reason="over")
    found = stopped(team, row, subject, TransferObstructed)
    assert [one.code for one in found.missing] == ["activity_ended"]
    activity.ended_on = TODAY + timedelta(days=1)
    audit.save(activity, by=None, reason="over")
    by_transfer(team, row, subject)


def test_a_processor_without_an_instruction_that_day_is_given_nothing(team: Team) -> None:
    subject = given(team, third_parties=True)
    row = transfer(team, kind="processor", instructed=False)
    told = instruct(row, team, ended_on=YESTERDAY)
    found = stopped(team, row, subject, InstructionLacking)
    assert [one.code for one in found.missing] == ["none"]
    told.ended_on = TODAY  # its last day is one of it
    audit.save(told, by=None, reason="prolonged")
    by_transfer(team, row, subject)


@pytest.mark.parametrize("adequate", [True, False])
def test_what_nobody_was_told_of_does_not_cross_the_border(office: Office, adequate: bool) -> None:
    """It opened within the country, or under another law: today it wants a notice."""
    team = office.ipm
    subject = given(team, third_parties=True, cross_border=True)
    row = transfer(team, abroad=True, notified=False)
    protects(team, row, adequate)
    stopped(team, row, subject, NoticeNotFiled)
    filed = transfer(team, abroad=True, code="told")
    assert by_transfer(team, filed, subject).cross_border


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("third_party", "a third party"),
        ("processor", "a processor"),
        ("state_body", "a state body"),
    ],
)
def test_the_record_says_whose_hands(office: Office, as_user: Any, kind: str, words: str) -> None:
    team = office.ipm
    made = by_transfer(team, transfer(team, kind=kind), given(team, third_parties=True))
    page = as_user(team.clerk).get(f"/admin/subjects/disclosure/{made.pk}/change/")
    assert f"{words}, {made.country}" in page.content.decode()


def test_a_country_that_the_notice_does_not_name_is_given_nothing(office: Office) -> None:
    team = office.ipm
    subject = given(team, third_parties=True, cross_border=True)
    row = transfer(team, abroad=True)
    elsewhere = Country.objects.exclude(code="RU").exclude(pk=row.recipient.country_id)
    row.recipient.country = elsewhere.order_by("code")[0]
    audit.save(row.recipient, by=None, reason="moved")
    stopped(team, row, subject, CountryChangedSinceNotice)


def test_kazakhstan_sends_to_no_unprotected_state_on_another_ground(office: Office) -> None:
    team = office.pandev
    treaty = LegalBasis.objects.get(code="KZ.9.1")
    activity_of(team).legal_bases.add(treaty)
    subject, row = given(team), transfer(team, abroad=True, legal_basis=treaty)
    protects(team, row, False)
    found = stopped(team, row, subject, TransferObstructed)
    assert [one.code for one in found.missing] == ["basis_kind"]
    protects(team, row, True)
    by_transfer(team, row, subject)


def test_a_category_beyond_the_transfer_and_an_unknown_country_are_refused(office: Office) -> None:
    team = office.pandev
    subject, row = given(team, third_parties=True), transfer(team, "email")
    with pytest.raises(CategoryBeyondTransfer):
        by_transfer(team, row, people={subject: categories_of(team, "email", "full_name")})
    row.recipient.country = None
    audit.save(row.recipient, by=team.dpo, reason="nobody knows")
    with pytest.raises(CountryUnknown):
        by_transfer(team, row, subject)
    assert nothing_recorded()
