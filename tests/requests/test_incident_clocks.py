"""The hours and the day in which the authority hears of an incident."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils.translation import override

from registry.models import DeadlineRule, Membership, Notice, Reminder
from registry.services.reminders import remind
from registry.states import ForbiddenTransition
from registry.workdays import CalendarMissing
from requests.models import Incident
from requests.services.incident_rows import BeforeDetection
from requests.services.incidents import BeganAfterDetection, SameDetection
from requests.services.inquiries import NotYet, ReasonMissing
from tests.conftest import Office
from tests.requests import happening as h
from tests.requests.happening import clock, found

FIRST, FINDINGS = "notify_authority_first", "notify_authority_findings"
MOSCOW, ALMATY = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Almaty")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def effects(incident: Incident) -> set[str]:
    return set(incident.deadlines.values_list("effect", flat=True))


# --- Russia: hours without pause -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("detected", "first", "findings"),
    [
        # A night in the middle of a week.
        ("2026-03-03T23:30", "2026-03-04T23:30", "2026-03-06T23:30"),
        # New Year 2027: eleven days off, and not one hour of rest.
        ("2026-12-31T23:59", "2027-01-01T23:59", "2027-01-03T23:59"),
        ("2027-01-01T00:01", "2027-01-02T00:01", "2027-01-04T00:01"),
        # A Saturday.
        ("2026-03-07T10:00", "2026-03-08T10:00", "2026-03-10T10:00"),
        # When clocks are moved elsewhere: in Moscow they are not.
        ("2026-03-28T20:00", "2026-03-29T20:00", "2026-03-31T20:00"),
        ("2026-10-24T20:00", "2026-10-25T20:00", "2026-10-27T20:00"),
    ],
)
def test_russia_counts_24_and_72_hours_from_the_detection_through_nights_and_days_off(
    office: Office, detected: str, first: str, findings: str
) -> None:
    at = datetime.fromisoformat(detected).replace(tzinfo=MOSCOW)
    # Registered six hours later: the hours run from the detection all the same.
    row = found(office.ipm, detected_at=at, now=at + timedelta(hours=6))
    assert effects(row) == {FIRST, FINDINGS}
    for effect, due, hours in ((FIRST, first, 24), (FINDINGS, findings, 72)):
        one = clock(row, effect)
        assert one.due_at is not None
        assert one.due_at.astimezone(MOSCOW) == datetime.fromisoformat(due).replace(tzinfo=MOSCOW)
        assert one.due_at - at == timedelta(hours=hours)
        assert one.ends_at == one.due_at


def test_each_clock_names_its_own_article(office: Office) -> None:
    row = found(office.ipm)
    articles = {clock(row, one).statute.article for one in (FIRST, FINDINGS)}  # type: ignore[union-attr]
    assert articles == {"21(3.1)(1); RKN order 187 of 14.11.2022", "21(3.1)(2)"}


# --- Kazakhstan: one working day -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("detected", "due"),
    [
        # As the clause table says: Nauryz and the days moved after it.
        ("2026-03-20T10:00", date(2026, 3, 26)),
        ("2026-03-03T23:59", date(2026, 3, 4)),
        ("2026-03-04T00:01", date(2026, 3, 5)),
        # New Year 2027 is a Friday, and Orthodox Christmas a Thursday.
        ("2026-12-31T18:00", date(2027, 1, 5)),
        ("2027-01-06T12:00", date(2027, 1, 8)),
    ],
)
def test_kazakhstan_counts_one_working_day(office: Office, detected: str, due: date) -> None:
    at = datetime.fromisoformat(detected).replace(tzinfo=ALMATY)
    row = found(office.pandev, detected_at=at, now=at)
    assert effects(row) == {FIRST}
    one = clock(row)
    assert one.due_on == due
    assert one.ends_at == datetime.combine(due + timedelta(days=1), datetime.min.time(), ALMATY)


def test_before_the_law_there_is_an_incident_and_no_clock(office: Office) -> None:
    """94-V 25(2)(8) para 5 is in force from 1 July 2024."""
    for day, number in ((30, 0), (31, 1)):
        at = datetime(2024, 6, 30, 12, tzinfo=ALMATY) + timedelta(days=day - 30)
        row = found(office.pandev, detected_at=at, now=at)
        assert row.deadlines.count() == number


@pytest.mark.parametrize("effect", ["notify_subject", FINDINGS])
def test_a_promise_that_no_verb_could_meet_starts_no_clock(office: Office, effect: str) -> None:
    """Nobody tells people here, and the law of Kazakhstan knows no notice of findings."""
    operator = office.pandev.operator
    DeadlineRule.objects.create(
        code="PANDEV.INCIDENT", operator=operator, event="incident_detected",
        effect=effect, direction="due", length=2, unit="calendar_day",
        source="promise", article="policy 9.3", effective_from=date(2026, 1, 1),
        trigger_en="x", duty_en="x", verification="confirmed",
    )  # fmt: skip
    assert effects(found(office.pandev)) == {FIRST}
    assert effects(found(office.ipm)) == {FIRST, FINDINGS}


# --- whose they are ------------------------------------------------------------------------------
def test_the_responsible_person_owns_them(office: Office) -> None:
    row = found(office.ipm)
    assert {one.owner for one in row.deadlines.all()} == {office.ipm.dpo}


def test_an_incident_is_registered_though_nobody_is_responsible(office: Office) -> None:
    """The hours run whether the office has somebody for them or not."""
    operator = office.ipm.operator
    operator.responsible = office.ipm.auditor
    operator.save()
    row = found(office.ipm)
    assert {one.owner for one in row.deadlines.all()} == {None}
    operator.responsible = None
    operator.save()
    assert found(office.ipm).deadlines.count() == 2


def test_somebody_who_has_left_owns_nothing(office: Office) -> None:
    team = office.pandev
    operator = team.operator
    operator.responsible = team.deputy
    operator.save()
    Membership.objects.filter(user=team.deputy).update(ended_on=date(2026, 2, 1))
    assert {one.owner for one in found(team).deadlines.all()} == {None}


# --- reminders -----------------------------------------------------------------------------------
def test_the_existing_reminders_count_its_hours(office: Office) -> None:
    row = found(office.ipm)
    one = clock(row)
    assert one.due_at is not None
    remind(now=one.due_at - timedelta(hours=2))
    told = Reminder.objects.filter(deadline__in=row.deadlines.all())
    assert told.filter(deadline=one).exists()
    assert Notice.objects.filter(kind="urgent", recipient=office.ipm.dpo).exists()


# --- met, late, void, started anew ---------------------------------------------------------------
@pytest.mark.parametrize(("late", "in_time"), [(-1, True), (1, False)])
def test_a_notice_meets_its_clock_at_the_moment_of_sending(
    office: Office, late: int, in_time: bool
) -> None:
    row = h.known(office.ipm)
    due = clock(row).due_at
    assert due is not None
    sent = due + timedelta(minutes=late)
    # Recorded two days later: what counts is when it was sent.
    h.notify(row, office.ipm, sent_at=sent, now=sent + timedelta(days=2))
    one = clock(row)
    assert one.met_at == sent and (one.met_at < due) == in_time
    assert clock(row, FINDINGS).is_open


def test_dismissing_voids_the_clocks_and_reopening_starts_them_from_the_same_detection(
    office: Office,
) -> None:
    row = found(office.ipm)
    before = {one.effect: one.due_at for one in row.deadlines.all()}
    h.dismiss(row, office.ipm)
    assert not row.deadlines.filter(voided_at=None).exists()
    h.reopen(row, office.ipm, now=h.DETECTED + timedelta(days=30))
    standing = row.deadlines.filter(voided_at=None)
    assert {one.effect: one.due_at for one in standing} == before
    assert all(one.is_open for one in standing)


def test_a_clock_that_was_met_does_not_start_again(office: Office) -> None:
    row = h.known(office.ipm)
    h.notify(row, office.ipm)
    h.dismiss(row, office.ipm)
    h.reopen(row, office.ipm)
    met = row.deadlines.get(effect=FIRST)
    assert met.met_at == h.LATER and met.voided_at is None
    assert row.deadlines.filter(effect=FINDINGS, voided_at=None).count() == 1


def test_the_far_ends_of_the_calendar_are_refused_by_name(office: Office) -> None:
    far: Any = datetime(1, 1, 1, 1, tzinfo=MOSCOW)
    with h.refused(CalendarMissing):
        found(office.ipm, detected_at=far)


# --- a detection that was written down wrongly ---------------------------------------------------
def test_the_clocks_run_from_the_right_detection(office: Office) -> None:
    team = office.ipm
    row = h.known(team)
    sending = h.notify(row, team, sent_at=h.DETECTED + timedelta(hours=20))
    first, findings = h.clock(row), h.clock(row, FINDINGS)
    assert sending.sent_at < first.ends_at
    right = h.DETECTED - timedelta(hours=6)
    h.redetect(row, team, detected_at=right)
    assert h.fresh(row).detected_at == right
    # 24 and 72 hours from there: what was in time is late now, and says so.
    again = h.clock(row)
    assert (again.pk, again.trigger_at) == (first.pk, right)
    assert again.ends_at == right + timedelta(hours=24) and again.met_at == sending.sent_at
    assert again.met_at > again.ends_at
    assert h.clock(row, FINDINGS).ends_at == right + timedelta(hours=72)
    assert h.clock(row, FINDINGS).pk == findings.pk
    assert again.history.first().history_change_reason == "the log says so"
    last = row.entries.order_by("pk").last()
    assert (last.kind, last.params) == ("detected", {"reason": "the log says so"})


def test_a_detection_is_corrected_within_what_is_known(office: Office) -> None:
    team = office.ipm
    row = h.known(team)
    sent = h.DETECTED + timedelta(minutes=10)
    h.notify(row, team, sent_at=sent)
    hour = timedelta(hours=1)
    for moment, error in (
        (h.DETECTED, SameDetection), (h.NOW + timedelta(seconds=1), NotYet),
        (h.DETECTED - timedelta(days=4), BeganAfterDetection), (sent + hour / 3, BeforeDetection),
    ):  # fmt: skip
        with h.refused(error):
            h.redetect(row, team, detected_at=moment)
    with h.refused(ReasonMissing):
        h.redetect(row, team, reason="  ")
    h.dismiss(other := h.found(team), team)
    with h.refused(ForbiddenTransition):
        h.redetect(other, team)
