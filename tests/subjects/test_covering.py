"""From the rows of a person to what becomes of each datum, with the dates of both laws."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from registry.models import CalendarYear, RetentionRule
from registry.services import audit
from subjects import fate
from subjects.choices import GroundEnd
from subjects.models import DataSubject, Ground
from subjects.services.covering import Coverage, NotCovered, end_of, grounds_of, require_cover
from subjects.services.grounds import consent_withdraw, ground_end
from subjects.services.people import datum_record
from tests.conftest import Office, Team
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


def fates(subject: DataSubject, today: date) -> dict[str, fate.Fate]:
    coverage = Coverage(subject)
    codes = {row.pk: row.category.code for row in coverage.data if row.category}
    return {codes[number]: found for number, found in coverage.fates(today).items()}


def end_purpose(team: Team, on: date, activity: str = "") -> None:
    purpose = activity_of(team, activity).purpose
    purpose.ended_on = on
    audit.save(purpose, by=team.dpo, reason="achieved")


def test_a_live_consent_holds_what_its_text_names(office: Office) -> None:
    subject = person(office.pandev)
    found = fates(subject, TODAY)
    assert all(one.stays and one.due_on is None for one in found.values())
    assert found["email"].held_by[0].article == "7(1), 8"


def test_a_withdrawal_in_kazakhstan_gives_fifteen_working_days(office: Office) -> None:
    subject = person(office.pandev)
    received = datetime(2026, 3, 5, 9, tzinfo=UTC)
    consent_withdraw(
        consent=subject.grounds.get().consent, channel="email", received_at=received,
        by=office.pandev.clerk, now=received,
    )  # fmt: skip
    found = fates(subject, received.date())["email"]
    # The vector of the working calendar: Nauryz stands in between.
    assert (found.stays, found.due_on) == (False, date(2026, 4, 1))
    assert found.limit is not None and found.limit.code == "KZ.CONSENT.WITHDRAW"
    assert found.event == GroundEnd.WITHDRAWN


def test_a_withdrawal_in_russia_gives_thirty_calendar_days(office: Office) -> None:
    given = datetime(2025, 12, 1, 9, tzinfo=UTC)
    subject = card(office.ipm)
    consent(office.ipm, subject, given_at=given, now=given)
    datum(office.ipm, subject, "email", "test@example.org")
    received = datetime(2025, 12, 8, 9, tzinfo=UTC)
    consent_withdraw(
        consent=subject.grounds.get().consent, channel="email", received_at=received,
        by=office.ipm.clerk, now=NOW,
    )  # fmt: skip
    found = fates(subject, received.date())["email"]
    # 30 days end on 7 January; the holidays roll it to the 12th.
    assert found.due_on == date(2026, 1, 12)
    assert found.limit is not None and found.limit.code == "RU.CONSENT.WITHDRAW"


def test_the_end_of_the_purpose_ends_the_ground_on_its_own(office: Office) -> None:
    subject = person(office.pandev)
    end_purpose(office.pandev, date(2026, 3, 20))
    before, after = fates(subject, date(2026, 3, 19)), fates(subject, date(2026, 3, 20))
    assert before["email"].stays and before["email"].due_on == date(2026, 3, 26)
    assert not after["email"].stays and after["email"].due_on == date(2026, 3, 26)
    assert after["email"].limit is not None
    assert after["email"].limit.code == "KZ.RETENTION.DESTROY"


def test_another_ground_keeps_what_it_covers_and_nothing_else(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    both = text_of(team, "accounts", "services")
    consent(team, subject, "accounts", text=both)
    narrow = text_of(
        team, "platform_security", code="security", name_en="Security",
        data_categories=[category_of(team, "email")],
    )  # fmt: skip
    consent(team, subject, "platform_security", text=narrow)
    datum(team, subject, "email", "test@example.org")
    datum(team, subject, "full_name", "Тестов Пробный")
    first = subject.grounds.get(activity__code="accounts")
    consent_withdraw(
        consent=first.consent, channel="email", received_at=NOW, by=team.clerk, now=NOW
    )
    found = fates(subject, TODAY)
    assert found["email"].stays
    assert [holding.activity for holding in found["email"].held_by] == [
        str(activity_of(team, "platform_security"))
    ]
    assert not found["full_name"].stays


def test_a_consent_expires_by_its_own_term(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    text = text_of(
        team, code="yearly", name_en="For a year", end_event="", term_length=1, term_unit="year"
    )
    row = consent(team, subject, text=text)
    datum(team, subject, "email", "test@example.org")
    assert row.expires_on == date(2027, 3, 2)
    ground = grounds_of([subject.pk])[0]
    assert (end_of(ground).on, end_of(ground).event) == (row.expires_on, GroundEnd.EXPIRED)
    assert fates(subject, date(2027, 3, 1))["email"].stays
    assert not fates(subject, date(2027, 3, 2))["email"].stays


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (GroundEnd.UNLAWFUL, "KZ.UNLAWFUL.DESTROY"),
        (GroundEnd.ACHIEVED, "KZ.RETENTION.DESTROY"),
        (GroundEnd.CONTRACT, "KZ.RETENTION.DESTROY"),
        (GroundEnd.WITHDRAWN, "KZ.CONSENT.WITHDRAW"),
    ],
)
def test_what_would_happen_is_what_then_happens(office: Office, event: str, code: str) -> None:
    team = office.pandev
    subject = person(team)
    coverage = Coverage(subject)
    predicted, going = coverage.if_ended(coverage.grounds[0], event, TODAY)
    assert {one.limit.code for one in going if one.limit} == {code}
    ground_end(
        ground=coverage.grounds[0], ended_on=TODAY, end_reason=event, by=team.clerk,
        today=TODAY, reason="test",
    )  # fmt: skip
    assert list(Coverage(subject).fates(TODAY).values()) == predicted


@pytest.mark.parametrize("event", GroundEnd.values)
@pytest.mark.parametrize("code", ["pandev", "ipm"])
def test_every_end_has_a_day(office: Office, code: str, event: str) -> None:
    """No way of ending a ground may leave data without a day by which they go."""
    team: Team = getattr(office, code)
    subject = person(team)
    coverage = Coverage(subject)
    after, going = coverage.if_ended(coverage.grounds[0], event, TODAY)
    assert len(going) == 2 and all(one.due_on is not None for one in after)
    assert all(one.limit is not None for one in going)


def test_a_period_of_law_holds_first_and_the_term_follows(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    RetentionRule.objects.filter(operator=team.operator).delete()
    rule = RetentionRule(
        operator=team.operator, code="accounting", event="purpose_achieved", length=5,
        unit="year", counted_from="end_of_reporting_year", article="Accounting Law 20",
    )  # fmt: skip
    audit.save(rule, by=team.dpo, reason="test")
    end_purpose(team, date(2026, 3, 20))
    found = fates(subject, date(2026, 4, 1))["email"]
    assert found.stays and found.held_by[0].article == "Accounting Law 20"
    assert found.held_by[0].until == date(2031, 12, 31)
    assert found.due_on is not None and found.due_on > date(2031, 12, 31)
    assert not Coverage(subject).covered(category_of(team, "email"), date(2026, 4, 1))


def test_a_period_that_only_the_policy_names_is_a_limit(office: Office) -> None:
    team = office.ipm
    subject = person(team)
    rule = RetentionRule.objects.get(operator=team.operator, event="purpose_achieved")
    rule.length, rule.unit = 5, "calendar_day"
    audit.save(rule, by=team.dpo, reason="test")
    end_purpose(team, date(2026, 3, 3))
    found = fates(subject, date(2026, 3, 3))["email"]
    assert found.due_on == date(2026, 3, 8)
    assert found.limit is not None and found.limit.source == fate.Source.POLICY


def test_nothing_is_recorded_without_a_live_ground(office: Office) -> None:
    subject = card(office.pandev)
    with pytest.raises(NotCovered, match=subject.code):
        require_cover(subject=subject, category=category_of(office.pandev, "email"), today=TODAY)
    consent(office.pandev, subject)
    require_cover(subject=subject, category=category_of(office.pandev, "email"), today=TODAY)
    # Not before its first day, and not from its last.
    with pytest.raises(NotCovered):
        require_cover(
            subject=subject,
            category=category_of(office.pandev, "email"),
            today=TODAY - timedelta(days=1),
        )


def test_the_identity_of_the_row_goes_with_the_last_ground(office: Office) -> None:
    team = office.ipm
    subject = card(team)
    consent(team, subject)
    row = datum_record(
        subject=subject, category=None, identity=True, text="u-1", collected_on=TODAY,
        by=team.clerk, today=TODAY,
    )  # fmt: skip
    assert Coverage(subject).fates(TODAY)[row.pk].stays
    ground: Ground = subject.grounds.get()
    ground_end(
        ground=ground, ended_on=TODAY, end_reason=GroundEnd.ACHIEVED, by=team.clerk,
        today=TODAY, reason="test",
    )  # fmt: skip
    assert not Coverage(subject).fates(TODAY)[row.pk].stays


def test_a_page_of_fates_costs_a_known_number_of_queries(
    office: Office, django_assert_max_num_queries: object
) -> None:
    subject = person(office.pandev)
    subject = DataSubject.objects.select_related("operator__jurisdiction").get(pk=subject.pk)
    with django_assert_max_num_queries(7):  # type: ignore[operator]
        coverage = Coverage(subject)
        coverage.fates(TODAY)
        for ground in coverage.grounds:
            coverage.if_ended(ground, GroundEnd.WITHDRAWN, TODAY)


# --- a day in a year whose calendar nobody knows -------------------------------------------------
def archive(team: Team, event: str, **fields: object) -> RetentionRule:
    """A law that orders the data to be kept for twenty years after the event."""
    given = {"code": "archive", "length": 20, "unit": "year", "article": "Archive Law 17"}
    rule = RetentionRule(operator=team.operator, event=event, **(given | fields))
    RetentionRule.objects.filter(operator=team.operator, event=event).delete()
    audit.save(rule, by=team.dpo, reason="test")
    return rule


@pytest.mark.parametrize(
    ("code", "ends", "due"),
    [
        # In Kazakhstan 16 March 2046, one working day on; in Russia 30 days end on 15 April. Were
        # the year known, the weekend of 17 March would move the first to Monday the 19th.
        ("pandev", date(2026, 3, 16), date(2046, 3, 17)),
        ("ipm", date(2026, 3, 16), date(2046, 4, 15)),
    ],
)
def test_a_year_without_a_calendar_gives_the_day_unrolled_until_it_is_loaded(
    office: Office, code: str, ends: date, due: date
) -> None:
    team: Team = getattr(office, code)
    subject = person(team)
    archive(team, "purpose_achieved")
    end_purpose(team, ends)
    found = fates(subject, ends)["email"]
    assert (found.stays, found.due_on) == (True, due)
    CalendarYear.objects.create(jurisdiction=team.operator.jurisdiction, year=2046, decreed=False)
    known = fates(subject, ends)["email"].due_on
    assert known is not None and known > due and known.weekday() == 0


def test_a_consent_for_twenty_years_takes_data_in_and_can_be_withdrawn(office: Office) -> None:
    team = office.pandev
    text = text_of(
        team, code="long", name_en="For long", end_event="", term_length=20, term_unit="year"
    )
    subject = card(team)
    given = consent(team, subject, text=text)
    datum(team, subject, "email", "test@example.org")
    assert fates(subject, TODAY)["email"].due_on == date(2046, 3, 3)
    archive(team, "consent_withdrawn")
    consent_withdraw(consent=given, channel="email", received_at=NOW, by=team.clerk, now=NOW)
    found = fates(subject, TODAY)["email"]
    assert found.stays and found.held_by[0].until == date(2046, 3, 2)
    # The first day on which nothing holds it is the earliest possible.
    assert found.due_on == date(2046, 3, 3)


# --- after a storage term ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (GroundEnd.WITHDRAWN, "consent_withdrawn"),
        (GroundEnd.CEASE, "consent_withdrawn"),
        (GroundEnd.EXPIRED, "consent_expired"),
        (GroundEnd.CONTRACT, "contract_ended"),
        (GroundEnd.UNLAWFUL, "unlawful_processing_found"),
    ],
)
@pytest.mark.parametrize(
    ("code", "limit", "due"),
    [
        # The storage term ends on 2 March 2027: one working day more, whatever ended the ground
        # (94-V 18(1), 25(2)(8)); in Russia thirty days, then the purpose is achieved (21(4)).
        ("pandev", "KZ.RETENTION.DESTROY", date(2027, 3, 3)),
        ("ipm", "RU.PURPOSE.DESTROY", date(2027, 4, 1)),
    ],
)
def test_the_end_of_a_storage_term_is_an_achieved_purpose(
    office: Office, code: str, limit: str, due: date, event: str, rule: str
) -> None:
    team: Team = getattr(office, code)
    subject = person(team)
    archive(team, rule, length=1)
    coverage = Coverage(subject)
    after, going = coverage.if_ended(coverage.grounds[0], event, TODAY)
    assert going == ()
    for one in after:
        assert one.limit is not None and one.event == event
        assert (one.limit.code, one.due_on) == (limit, due)
        assert one.held_by[0].until == date(2027, 3, 2)
