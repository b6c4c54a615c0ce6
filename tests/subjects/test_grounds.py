"""Grounds and consents: what the law lets begin, and how it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from registry.choices import BasisKind
from registry.models import LegalBasis
from registry.services import audit
from registry.services.consents import consent_text_draft
from subjects.choices import GroundEnd, Permission
from subjects.models import Consent, DataSubject, Ground
from subjects.services import grounds
from subjects.services.people import ForeignRow, NotYet
from subjects.vault.sealing_bridge import open_rows
from tests.conftest import Office
from tests.subjects.people import (
    NOW,
    TODAY,
    activity_of,
    basis_of,
    card,
    category_of,
    consent,
    person,
    text_of,
)


def law_basis(office: Office, **fields: Any) -> LegalBasis:
    basis = LegalBasis.objects.filter(
        jurisdiction=office.pandev.operator.jurisdiction, kind=BasisKind.LAW
    ).first()
    assert basis is not None
    for name, value in fields.items():
        setattr(basis, name, value)
    audit.save(basis, by=office.admin, reason="test")
    activity_of(office.pandev).legal_bases.add(basis)
    return basis


def start(office: Office, **fields: Any) -> Ground:
    options = {
        "subject": fields.pop("subject", None) or card(office.pandev),
        "activity": activity_of(office.pandev),
        "started_on": TODAY,
        "by": office.pandev.clerk,
        "today": TODAY,
    } | fields
    return grounds.ground_start(**options)


def test_a_ground_of_law_starts_on_an_article_of_the_activity(office: Office) -> None:
    basis = law_basis(office)
    row = start(office, legal_basis=basis)
    assert row.covers_on(TODAY) and not row.covers_on(TODAY - timedelta(days=1))
    assert row.history.get().history_user == office.pandev.clerk


def test_an_article_that_the_activity_does_not_have_is_refused(office: Office) -> None:
    basis = law_basis(office)
    with pytest.raises(grounds.BasisNotOfActivity):
        start(office, legal_basis=basis, activity=activity_of(office.pandev, "services"))


@pytest.mark.parametrize(("days", "refused"), [(0, True), (-1, True), (1, False)])
def test_a_repealed_article_starts_nothing_from_its_last_day(
    office: Office, days: int, refused: bool
) -> None:
    basis = law_basis(office, closed_on=TODAY + timedelta(days=days))
    if refused:
        with pytest.raises(grounds.BasisClosed):
            start(office, legal_basis=basis)
    else:
        start(office, legal_basis=basis)


def test_a_consent_is_not_recorded_as_a_bare_ground(office: Office) -> None:
    with pytest.raises(grounds.ConsentNeeded):
        start(office, legal_basis=basis_of(office.pandev))


def test_a_ground_for_a_finished_purpose_or_activity_is_refused(office: Office) -> None:
    basis = law_basis(office)
    activity = activity_of(office.pandev)
    activity.ended_on = TODAY
    audit.save(activity, by=office.pandev.dpo, reason="test")
    with pytest.raises(grounds.ActivityEnded):
        start(office, legal_basis=basis)
    activity.ended_on = None
    audit.save(activity, by=office.pandev.dpo, reason="test")
    activity.purpose.ended_on = TODAY
    audit.save(activity.purpose, by=office.pandev.dpo, reason="test")
    with pytest.raises(grounds.PurposeEnded):
        start(office, legal_basis=basis, activity=activity_of(office.pandev))


def test_one_ground_of_a_kind_at_a_time(office: Office) -> None:
    basis = law_basis(office)
    subject = card(office.pandev)
    first = start(office, subject=subject, legal_basis=basis)
    with pytest.raises(grounds.GroundTwice):
        start(office, subject=subject, legal_basis=basis)
    grounds.ground_end(
        ground=first, ended_on=TODAY, end_reason=GroundEnd.ACHIEVED, by=office.pandev.dpo,
        today=TODAY, reason="done",
    )  # fmt: skip
    start(office, subject=subject, legal_basis=basis)
    with pytest.raises(IntegrityError), transaction.atomic():
        Ground.objects.create(
            subject=subject, activity=first.activity, legal_basis=basis, started_on=TODAY
        )


def test_the_days_of_a_ground_are_in_order_and_not_to_come(office: Office) -> None:
    basis = law_basis(office)
    with pytest.raises(NotYet):
        start(office, legal_basis=basis, started_on=TODAY + timedelta(days=1))
    row = start(office, legal_basis=basis)
    end = {"ground": row, "end_reason": GroundEnd.ACHIEVED, "by": None, "reason": "x"}
    with pytest.raises(NotYet):
        grounds.ground_end(ended_on=TODAY + timedelta(days=1), today=TODAY, **end)
    with pytest.raises(grounds.EndBeforeStart):
        grounds.ground_end(ended_on=TODAY - timedelta(days=1), today=TODAY, **end)
    grounds.ground_end(ended_on=TODAY, today=TODAY, **end)
    with pytest.raises(grounds.GroundEnded):
        grounds.ground_end(ended_on=TODAY, today=TODAY, **end)


def test_a_consent_keeps_its_proof_sealed(office: Office) -> None:
    subject = card(office.pandev)
    row = consent(
        office.pandev, subject, evidence="ip=192.0.2.7", third_parties=True, by_action=True
    )
    row = Consent.objects.select_related("ground").get(pk=row.pk)
    assert open_rows([row], "evidence")[row.pk].text == "ip=192.0.2.7"
    assert row.ground.started_on == TODAY and row.third_parties and row.by_action
    assert row.history.get().evidence == row.evidence


def test_the_day_of_a_consent_is_the_operators(office: Office) -> None:
    """20:30 UTC is the next day in Almaty already."""
    late = datetime(2026, 3, 1, 20, 30, tzinfo=UTC)
    row = consent(office.pandev, card(office.pandev), given_at=late)
    assert row.ground.started_on == date(2026, 3, 2)


def test_a_text_nobody_published_nobody_agreed_to(office: Office) -> None:
    team = office.pandev
    draft = consent_text_draft(
        operator=team.operator, code="draft", activities=[activity_of(team)], name_en="Draft",
        in_force_on=TODAY, end_event="purpose_achieved", by=team.dpo, now=NOW,
    )  # fmt: skip
    with pytest.raises(grounds.TextNotPublished):
        consent(team, card(team), text=draft)


def test_a_consent_older_than_its_text_is_refused(office: Office) -> None:
    team = office.pandev
    text = text_of(team, code="new", in_force_on=date(2026, 3, 1))
    with pytest.raises(grounds.TextNotInForce):
        consent(team, card(team), text=text, given_at=datetime(2026, 2, 28, 12, tzinfo=UTC))
    consent(team, card(team), text=text, given_at=datetime(2026, 2, 28, 19, 30, tzinfo=UTC))


def test_a_text_of_another_activity_covers_nothing_here(office: Office) -> None:
    with pytest.raises(grounds.TextOfOtherActivity):
        consent(office.pandev, card(office.pandev), "services")


def test_a_text_of_another_operator_is_refused(office: Office) -> None:
    with pytest.raises(ForeignRow):
        consent(office.pandev, card(office.pandev), text=text_of(office.ipm))


def test_nobody_read_a_text_in_a_language_that_it_does_not_have(office: Office) -> None:
    """The policy of this operator is in English, and so is its text."""
    row = consent(office.pandev, card(office.pandev), language="en")
    assert row.language == "en"
    with pytest.raises(grounds.TextNotInLanguage):
        consent(office.pandev, card(office.pandev), language="ru")


@pytest.mark.parametrize("scope", ["cross_border", "dissemination"])
def test_nobody_agrees_to_what_the_text_does_not_ask(office: Office, scope: str) -> None:
    with pytest.raises(grounds.ScopeNotInText):
        consent(office.pandev, card(office.pandev), **{scope: True})


def test_a_consent_of_tomorrow_is_refused(office: Office) -> None:
    with pytest.raises(NotYet):
        consent(office.pandev, card(office.pandev), given_at=NOW + timedelta(seconds=1))


def test_an_article_that_is_no_consent_takes_no_text(office: Office) -> None:
    with pytest.raises(grounds.NoConsentBasis):
        grounds.consent_give(
            subject=card(office.pandev), activity=activity_of(office.pandev),
            legal_basis=law_basis(office), text=text_of(office.pandev), given_at=NOW,
            channel="web_form", by=office.pandev.clerk, now=NOW,
        )  # fmt: skip


def test_a_withdrawal_ends_the_ground_on_the_day_it_arrived(office: Office) -> None:
    team = office.pandev
    row = consent(team, card(team))
    later = NOW + timedelta(days=3)
    grounds.consent_withdraw(
        consent=row, channel="state_service", received_at=later, by=team.clerk, now=later
    )
    row = Consent.objects.select_related("ground").get(pk=row.pk)
    assert row.withdrawn_by == "state_service" and row.withdrawn_at == later
    assert (row.ground.ended_on, row.ground.end_reason) == (later.date(), GroundEnd.WITHDRAWN)
    with pytest.raises(grounds.WithdrawnAlready):
        grounds.consent_withdraw(
            consent=row, channel="email", received_at=later, by=team.clerk, now=later
        )


def test_a_withdrawal_is_neither_to_come_nor_older_than_the_consent(office: Office) -> None:
    team = office.pandev
    row = consent(team, card(team))
    with pytest.raises(NotYet):
        grounds.consent_withdraw(
            consent=row, channel="email", received_at=NOW + timedelta(hours=1), by=None, now=NOW
        )
    with pytest.raises(grounds.WithdrawnBeforeGiven):
        grounds.consent_withdraw(
            consent=row, channel="email", received_at=NOW - timedelta(hours=1), by=None, now=NOW
        )


def test_dissemination_is_chosen_category_by_category(office: Office) -> None:
    team = office.pandev
    text = text_of(team, code="public", name_en="Publication", dissemination=True)
    row = consent(team, card(team), text=text, dissemination=True)
    email, phone = category_of(team, "email"), category_of(team, "phone")
    permit = {"consent": row, "started_on": TODAY, "by": team.clerk, "today": TODAY}
    first = grounds.dissemination_permit(category=email, permission=Permission.ALLOWED, **permit)
    grounds.dissemination_permit(category=phone, permission=Permission.PROHIBITED, **permit)
    with pytest.raises(grounds.ConditionsMissing):
        grounds.dissemination_permit(category=email, permission=Permission.CONDITIONS, **permit)
    second = grounds.dissemination_permit(
        category=email, permission=Permission.CONDITIONS, conditions="only in the office", **permit
    )
    first.refresh_from_db()
    assert first.ended_on == TODAY and second.ended_on is None
    stopped = grounds.dissemination_stop(
        permission=second, by=team.clerk, today=TODAY, reason="asked"
    )
    assert stopped.ended_on == TODAY
    with pytest.raises(grounds.GroundEnded):
        grounds.dissemination_stop(permission=second, by=team.clerk, today=TODAY, reason="x")


def test_silence_allows_no_dissemination(office: Office) -> None:
    team = office.pandev
    row = consent(team, card(team))
    with pytest.raises(grounds.NotForDissemination):
        grounds.dissemination_permit(
            consent=row, category=category_of(team, "email"), permission=Permission.ALLOWED,
            started_on=TODAY, by=team.clerk, today=TODAY,
        )  # fmt: skip


def test_a_permission_for_what_the_consent_does_not_name_is_refused(office: Office) -> None:
    team = office.pandev
    text = text_of(
        team, code="public", name_en="Publication", dissemination=True,
        data_categories=[category_of(team, "email")],
    )  # fmt: skip
    row = consent(team, card(team), text=text, dissemination=True)
    with pytest.raises(grounds.NotInConsent):
        grounds.dissemination_permit(
            consent=row, category=category_of(team, "phone"), permission=Permission.ALLOWED,
            started_on=TODAY, by=team.clerk, today=TODAY,
        )  # fmt: skip


def test_a_card_has_every_ground_once_in_its_trail(office: Office) -> None:
    subject = person(office.pandev)
    assert Ground.history.filter(subject_id=subject.pk).count() == 1
    assert Consent.history.filter(ground_id=subject.grounds.get().pk).count() == 1


def test_more_than_a_thousand_consents_open_at_once(office: Office) -> None:
    """SQLite refuses a condition of more than a thousand parts."""
    team = office.pandev
    given = consent(team, card(team))
    cards = DataSubject.objects.bulk_create(
        DataSubject(operator=team.operator, registered_at=NOW) for _ in range(1_100)
    )
    rows = Ground.objects.bulk_create(
        Ground(
            subject=one, activity=given.ground.activity, legal_basis=given.ground.legal_basis,
            started_on=TODAY,
        )
        for one in cards
    )  # fmt: skip
    Consent.objects.bulk_create(
        Consent(
            ground=ground, text=given.text, given_at=NOW, channel="email", evidence="sheet 7"
        )
        for ground in rows
    )  # fmt: skip
    opened = open_rows(Consent.objects.exclude(pk=given.pk), "evidence")
    assert len(opened) == 1_100
    assert {one.text for one in opened.values()} == {"sheet 7"}
