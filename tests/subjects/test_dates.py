"""By when each key must go: what the verbs and the hourly sweep write into the keys."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import CalendarYear, RetentionRule
from registry.services import audit
from registry.terms import TermTooLong
from subjects.models import Consent, DataSubject, PersonalDatum, VaultKey
from subjects.services import dates
from subjects.services.cards import cards_merge
from subjects.services.covering import Coverage, Law
from subjects.services.dates import dates_keep, operator_dates
from subjects.services.fates import Fates
from subjects.services.grounds import consent_withdraw, ground_end
from subjects.services.planning import plan
from subjects.services.sweeping import destruction_sweep
from tests.conftest import Office, Team
from tests.subjects.acting import dates_sweep
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


def dated(subject: DataSubject) -> dict[str, date | None]:
    """Category (or "proof") -> what the key says."""
    keys = dict(VaultKey.objects.values_list("pk", "destroy_on"))
    found = {
        row.category.code: keys[row.key_number]
        for row in PersonalDatum.objects.filter(subject=subject).select_related("category", "file")
        if row.category and row.key_number in keys
    }
    for row in Consent.objects.filter(ground__subject=subject, evidence_key__isnull=False):
        if row.evidence_key in keys:
            found["proof"] = keys[row.evidence_key]
    return found


def withdraw(team: Team, subject: DataSubject, at: datetime = NOW) -> None:
    row = Consent.objects.get(ground__subject=subject)
    consent_withdraw(consent=row, channel="email", received_at=at, by=team.clerk, now=at)


def achieve(team: Team, on: date, activity: str = "") -> None:
    purpose = activity_of(team, activity).purpose
    purpose.ended_on = on
    audit.save(purpose, by=team.dpo, reason="achieved")


def forget_dates() -> None:
    VaultKey.objects.update(destroy_on=None)


def test_while_a_ground_covers_nothing_has_a_date(office: Office) -> None:
    subject = person(office.pandev)
    assert dates_keep([subject.pk], today=TODAY) == 0
    assert set(dated(subject).values()) == {None}


def test_a_withdrawal_dates_the_data_and_the_proof_three_years_later(office: Office) -> None:
    subject, other = person(office.pandev), person(office.pandev, email="other@example.org")
    withdraw(office.pandev, subject)
    forget_dates()
    assert dates_keep([subject.pk], today=TODAY) == 3
    due = Coverage(subject).fates(TODAY)
    found = dated(subject)
    assert {found["email"], found["full_name"]} == {one.due_on for one in due.values()}
    # Withdrawn on 2 March 2026: kept through 2 March 2029, destroyed the day after.
    assert found["proof"] == date(2029, 3, 3)
    assert set(dated(other).values()) == {None}
    with CaptureQueriesContext(connection) as asked:
        assert dates_keep([subject.pk], today=TODAY) == 0
    assert not any(query["sql"].startswith("UPDATE") for query in asked)


def test_the_law_of_the_operator_counts(office: Office) -> None:
    subject = person(office.ipm)
    withdraw(office.ipm, subject)
    dates_keep([subject.pk], today=TODAY)
    assert dated(subject) == {
        # 30 days (152-FZ 21(5)) end on 1 April 2026, a Wednesday.
        "email": date(2026, 4, 1), "full_name": date(2026, 4, 1), "proof": date(2029, 3, 3),
    }  # fmt: skip


def test_a_new_ground_takes_the_date_away(office: Office) -> None:
    subject = person(office.pandev)
    withdraw(office.pandev, subject)
    dates_keep([subject.pk], today=TODAY)
    assert None not in dated(subject).values()
    consent(office.pandev, subject, evidence="")
    dates_keep([subject.pk], today=TODAY)
    found = dated(subject)
    assert (found["email"], found["full_name"]) == (None, None)
    assert found["proof"] == date(2029, 3, 3)


def test_a_known_end_dates_ahead_and_the_proof_only_after_it(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    text = text_of(
        team, code="yearly", name_en="For a year", end_event="", term_length=1, term_unit="year"
    )
    consent(team, subject, text=text)
    datum(team, subject, "email", "test@example.org")
    dates_sweep(now=NOW)
    # The term ends on 2 March 2027; one working day more (94-V 18, 25(2)(8)).
    assert dated(subject) == {"email": date(2027, 3, 3), "proof": None}
    # Asia/Almaty is five hours ahead: its 2 March begins at 19:00 UTC.
    dates_sweep(now=datetime(2027, 3, 1, 18, 59, tzinfo=UTC))
    assert dated(subject)["proof"] is None
    dates_sweep(now=datetime(2027, 3, 1, 19, 1, tzinfo=UTC))
    # 2 March 2030 is a Saturday: the limitation period ends on Monday, and the proof goes after it.
    assert dated(subject) == {"email": date(2027, 3, 3), "proof": date(2030, 3, 5)}


def test_an_achieved_purpose_is_found_by_the_sweep(office: Office) -> None:
    team = office.pandev
    subject, other = person(team), person(office.ipm)
    achieve(team, date(2026, 3, 20))
    assert dates_sweep(now=NOW) == {"looked": 2, "dated": 2, "failed": 0}
    assert dated(subject) == {
        "email": date(2026, 3, 26), "full_name": date(2026, 3, 26), "proof": None,
    }  # fmt: skip
    assert set(dated(other).values()) == {None}
    # Twice, and late, is the same.
    assert dates_sweep(now=NOW)["dated"] == 0
    assert dates_sweep(now=NOW + timedelta(days=400))["dated"] == 1
    assert dated(subject)["proof"] == date(2029, 3, 21)
    assert dated(subject)["email"] == date(2026, 3, 26)


@pytest.mark.parametrize(
    ("counted_from", "due"),
    [
        # Ended on 10 March 2026: five years from that day, or from the last day of its year; then
        # one working day (94-V 18).
        ("event", date(2031, 3, 11)),
        ("end_of_reporting_year", date(2032, 1, 5)),
        ("next_tax_period", date(2032, 1, 5)),
    ],
)
def test_a_storage_term_of_the_law_is_counted_from_its_day(
    office: Office, counted_from: str, due: date
) -> None:
    team = office.pandev
    subject = person(team)
    rule = RetentionRule(
        operator=team.operator, code="accounting", event="contract_ended", length=5, unit="year",
        counted_from=counted_from, article="Tax Code 48", activity=activity_of(team),
    )  # fmt: skip
    audit.save(rule, by=team.dpo, reason="test")
    ground_end(
        ground=subject.grounds.get(), ended_on=date(2026, 3, 10), end_reason="contract_ended",
        by=team.clerk, today=date(2026, 3, 10), reason="test",
    )  # fmt: skip
    dates_sweep(now=datetime(2026, 3, 11, 9, tzinfo=UTC))
    assert dated(subject)["email"] == due
    assert dated(subject)["proof"] == date(2029, 3, 13)


def test_data_that_no_ground_ever_covered_are_due_since_they_were_seen(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    narrow = text_of(team, code="narrow", data_categories=[category_of(team, "email")])
    consent(team, subject, text=narrow)
    datum(team, subject, "email", "test@example.org")
    stray = datum(team, subject, "email", "stray@example.org")
    outside = category_of(team, "full_name")
    PersonalDatum.objects.filter(pk=stray.pk).update(category=outside)
    dates_sweep(now=NOW)
    assert VaultKey.objects.get(pk=stray.value_key).destroy_on == TODAY
    # The day does not drift with the clock.
    dates_sweep(now=NOW + timedelta(days=3))
    assert VaultKey.objects.get(pk=stray.value_key).destroy_on == TODAY


def test_a_merged_card_stands_for_the_one_that_stays(office: Office) -> None:
    team = office.pandev
    gone, stays = person(team), card(team)
    cards_merge(into=stays, other=gone, by=team.dpo, now=NOW, reason="the same")
    withdraw(team, stays)
    forget_dates()
    assert dates_keep([gone.pk], today=TODAY) == 3
    assert dated(stays)["email"] is not None


def test_what_is_destroyed_is_passed_by(office: Office) -> None:
    subject = person(office.pandev)
    withdraw(office.pandev, subject)
    forget_dates()
    VaultKey.objects.filter(owner=subject.pk).delete()
    assert dates_keep([subject.pk], today=TODAY) == 0


def test_many_people_are_read_as_one_is(office: Office) -> None:
    """Every shape of person there is here, by the bulk reader and by the one card's."""
    team = office.pandev
    subjects = [person(team, email=f"p{n}@example.org") for n in range(4)]
    both = text_of(team, "accounts", "services", code="both", name_en="Both")
    consent(team, subjects[1], "services", text=both)
    withdraw(team, subjects[2])
    consent(team, subjects[2])
    ground_end(
        ground=subjects[3].grounds.get(), ended_on=TODAY, end_reason="unlawful_processing_found",
        by=team.clerk, today=TODAY, reason="test",
    )  # fmt: skip
    activity = activity_of(team, "services")
    activity.ended_on = TODAY + timedelta(days=30)
    audit.save(activity, by=team.dpo, reason="test")
    for day in (TODAY - timedelta(days=9), TODAY, TODAY + timedelta(days=20), date(2027, 1, 1)):
        many = Fates(Law(team.operator), day).read([subject.pk for subject in subjects])
        got = {held.datum: held.destiny for held in many if held.datum}
        for subject in subjects:
            for number, wanted in Coverage(subject).fates(day).items():
                destiny = got.pop(number)
                assert (destiny.stays, destiny.due_on) == (wanted.stays, wanted.due_on)
                assert destiny.event == wanted.event
                if wanted.limit:
                    assert (destiny.rule, destiny.article) == (
                        wanted.limit.code, wanted.limit.article,
                    )  # fmt: skip
                if wanted.stays:
                    articles = {holding.article for holding in wanted.held_by}
                    assert destiny.why.split("; ")[1] in articles
        assert not got


def test_thousands_in_seconds(office: Office, monkeypatch: Any) -> None:
    """The queries do not grow with the people of a chunk, and a killed sweep goes on."""
    team = office.pandev
    for n in range(6):
        withdraw(team, person(team, email=f"p{n}@example.org"))
    forget_dates()
    monkeypatch.setattr(dates, "CHUNK", 3)
    with CaptureQueriesContext(connection) as first:
        dates_sweep(now=NOW)
    forget_dates()
    monkeypatch.setattr(dates, "CHUNK", 2_000)
    with CaptureQueriesContext(connection) as second:
        dates_sweep(now=NOW)
    assert len(second) < len(first) <= 52
    assert VaultKey.objects.filter(destroy_on=None).count() == 0
    began = time.perf_counter()
    dates_sweep(now=NOW)
    assert time.perf_counter() - began < 5


# --- far-off and impossible dates ----------------------------------------------------------------
def rule_of(team: Team, event: str, activity: str = "", **fields: Any) -> RetentionRule:
    given = {"code": "far", "unit": "year", "article": "Archive Law 17"} | fields
    rule = RetentionRule(
        operator=team.operator, event=event, activity=activity_of(team, activity), **given
    )
    return audit.save(rule, by=team.dpo, reason="test")


def test_a_far_off_day_is_counted_again_when_its_year_is_known(office: Office) -> None:
    team = office.pandev
    rule_of(team, "consent_withdrawn", length=50)
    subject = person(team)
    withdraw(team, subject, datetime(2026, 3, 2, 9, tzinfo=UTC))
    # 2 March 2076 is a Monday; one day more.
    assert dated(subject)["email"] == date(2076, 3, 3)
    withdraw(team, later := person(team, email="b@example.org"), NOW + timedelta(days=4))
    # 6 March 2076 is a Friday; the next working day is Monday, after Women's Day: Tuesday.
    assert dated(later)["email"] == date(2076, 3, 7)
    CalendarYear.objects.create(jurisdiction=team.operator.jurisdiction, year=2076, decreed=False)
    assert dates_sweep(now=NOW + timedelta(days=4))["dated"] == 2
    assert dated(subject)["email"] == date(2076, 3, 3)
    assert dated(later)["email"] == date(2076, 3, 10)


def test_one_person_without_a_day_does_not_keep_the_others_waiting(
    office: Office, caplog: Any
) -> None:
    """A term past the last year there is: mistyped, and no reason to hold everybody up."""
    team = office.pandev
    subjects = [person(team, email=f"p{n}@example.org") for n in range(3)]
    odd = card(team)
    consent(
        team, odd, "services", text=text_of(team, "services", code="services", name_en="Services")
    )
    datum(team, odd, "email", "odd@example.org")
    for subject in (*subjects, odd):
        withdraw(team, subject)
    rule_of(team, "consent_withdrawn", "services", length=9_000)
    forget_dates()
    did = operator_dates(team.operator, today=TODAY)
    assert (did["looked"], did["dated"], did["failed"]) == (4, 9, 1)
    assert all(None not in dated(subject).values() for subject in subjects)
    assert set(dated(odd).values()) == {None}
    assert odd.code in caplog.text and "odd@example.org" not in caplog.text
    # The draft goes on too; who asks for this person is told what is wrong.
    VaultKey.objects.filter(owner=odd.pk).update(destroy_on=TODAY)
    found = plan(team.operator, until=date(2026, 12, 1), today=TODAY)
    assert {one.subject for one in found.going} == {subject.pk for subject in subjects}
    with pytest.raises(TermTooLong):
        plan(team.operator, until=date(2026, 12, 1), subjects=[odd.pk], today=TODAY)
    assert destruction_sweep(now=NOW)["failed"] == 1
    with pytest.raises(TermTooLong):
        dates_keep([odd.pk], today=TODAY)
