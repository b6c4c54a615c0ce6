"""What is older than the destruction of the same person is refused: consents, and values."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry.models import DataCategory, LegalBasis
from subjects.models import Consent, PersonalDatum
from subjects.services import evidence
from subjects.services.destruction import keys_destroy
from subjects.services.grounds import GroundTwice, consent_withdraw, ground_end, ground_start
from tests.conftest import Office
from tests.subjects.people import (
    NOW,
    TODAY,
    activity_of,
    card,
    category_of,
    consent,
    datum,
    person,
    text_of,
)
from tests.subjects.test_evidence import MAIL, destroyed


def test_an_older_consent_does_not_bring_back_a_destroyed_card(office: Office) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    destroyed(team, subject, NOW)
    later = NOW + timedelta(days=3)
    older = NOW - timedelta(seconds=1)
    with pytest.raises(evidence.ConsentOlderThanDestruction, match="2026-03-02") as refused:
        consent(team, subject, given_at=older, now=later)
    assert subject.code in str(refused.value) and MAIL not in str(refused.value)
    assert Consent.objects.filter(ground__subject=subject, withdrawn_at=None).count() == 0
    assert consent(team, subject, given_at=NOW, now=later).pk
    with pytest.raises(GroundTwice):
        consent(team, subject, given_at=later, now=later)


def test_a_consent_to_something_else_is_not_refused_while_the_card_lives(office: Office) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    mail = PersonalDatum.objects.get(subject=subject, category__code="email")
    given = Consent.objects.get(ground__subject=subject)
    text = given.text
    other = DataCategory.objects.filter(operator=team.operator, open_ended=False).exclude(
        pk__in=text.data_categories.values("pk")
    )
    keys_destroy([mail.value_key], reason="x", by=None, now=NOW)
    before = NOW - timedelta(days=1)
    with pytest.raises(evidence.ConsentOlderThanDestruction):
        evidence.require_newer_consent(subject=subject, text=text, given_at=before)

    class Elsewhere:
        data_categories = other

    elsewhere: Any = Elsewhere()
    evidence.require_newer_consent(subject=subject, text=elsewhere, given_at=before)
    rest = PersonalDatum.objects.filter(subject=subject).values_list("value_key", flat=True)
    keys_destroy(list(rest), reason="x", by=None, now=NOW)
    with pytest.raises(evidence.ConsentOlderThanDestruction):
        evidence.require_newer_consent(subject=subject, text=elsewhere, given_at=before)


def test_a_value_collected_before_it_was_destroyed_is_refused_on_any_card(office: Office) -> None:
    team = office.pandev
    destroyed(team, person(team, email=MAIL))
    fresh = card(team)
    later = NOW + timedelta(days=3)
    consent(team, fresh, given_at=NOW - timedelta(days=9))
    count = PersonalDatum.objects.count()
    for shape in (MAIL, MAIL.upper()):
        with pytest.raises(evidence.OlderThanDestruction, match="2026-03-02") as refused:
            datum(
                team, fresh, "email", shape, collected_on=TODAY - timedelta(days=1),
                today=later.date(),
            )  # fmt: skip
        assert MAIL not in str(refused.value).lower() and refused.value.status == 409
    assert PersonalDatum.objects.count() == count
    # Another value of that day is taken.
    datum(team, fresh, "full_name", "Тестов Пробный", collected_on=TODAY - timedelta(days=1))
    # The same one since: not by the old consent, whatever day the form says.
    for day in (TODAY, later.date()):
        with pytest.raises(evidence.OlderThanDestruction):
            datum(team, fresh, "email", MAIL, collected_on=day, today=later.date())
    # Another operator never heard of it.
    assert not evidence.evidence_stands(office.ipm.operator, TODAY)


def test_a_newer_ground_brings_the_value_back(office: Office) -> None:
    """Judged by the newest live ground that covers it: its consent's moment, else its first day."""
    team = office.pandev
    destroyed(team, person(team, email=MAIL))
    later = NOW + timedelta(days=3)
    today = later.date()
    returned, bound = card(team), card(team)
    consent(team, returned, given_at=NOW - timedelta(days=9))
    # A newer consent, but to something else.
    services = text_of(
        team, "services", code="other", name_en="Other",
        data_categories=[category_of(team, "phone")],
    )  # fmt: skip
    consent(team, returned, "services", text=services, given_at=later, now=later)
    with pytest.raises(evidence.OlderThanDestruction):
        datum(team, returned, "email", MAIL, collected_on=today, today=today)
    # On the day of the destruction the moment of the consent tells.
    before = card(team)
    consent(team, before, given_at=NOW - timedelta(seconds=1))
    with pytest.raises(evidence.OlderThanDestruction):
        datum(team, before, "email", MAIL, collected_on=today, today=today)
    # The destruction was at that very moment, and the consent comes a second later.
    old = Consent.objects.get(ground__subject=returned, ground__activity__code="accounts")
    consent_withdraw(consent=old, channel="email", received_at=later, by=team.clerk, now=later)
    since = NOW + timedelta(seconds=1)
    consent(team, returned, given_at=since, now=later)
    assert datum(team, returned, "email", MAIL, collected_on=TODAY, today=today).pk
    # A ground without a consent has a day only: on that of the destruction it tells nothing.
    for day, taken in ((TODAY - timedelta(days=1), False), (TODAY, True)):
        basis = LegalBasis.objects.get(code="KZ.9.8")
        activity = activity_of(team)
        activity.legal_bases.add(basis)
        ground = ground_start(
            subject=bound, activity=activity, legal_basis=basis, started_on=day, by=team.clerk,
            today=today,
        )  # fmt: skip
        if taken:
            assert datum(team, bound, "email", MAIL, collected_on=today, today=today).pk
        else:
            with pytest.raises(evidence.OlderThanDestruction):
                datum(team, bound, "email", MAIL, collected_on=today, today=today)
            ground_end(
                ground=ground, ended_on=today, end_reason="contract_ended", by=team.clerk,
                today=today, reason="test",
            )  # fmt: skip


def test_the_last_digits_of_a_destroyed_phone_stop_nobody(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    consent(team, subject)
    datum(team, subject, "phone", "+77011234567")
    destroyed(team, subject)
    fresh = card(team)
    consent(team, fresh, given_at=NOW + timedelta(days=1), now=NOW + timedelta(days=1))
    early, later = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
    assert datum(team, fresh, "phone", "+77770004567", collected_on=early, today=later).pk
    with pytest.raises(evidence.OlderThanDestruction):
        datum(team, fresh, "phone", "+77011234567", collected_on=early, today=later)
