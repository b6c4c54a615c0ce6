"""The clocks of 152-FZ 22(7): what changed since the notice, when, and until when to tell it."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.utils import OperationalError
from django.utils.translation import override

from registry.admin.notices import gists
from registry.choices import Effect, Event, RunState
from registry.choices import RegisterPaperKind as Kind
from registry.models import (
    Deadline,
    JobRun,
    ProcessingActivity,
    Purpose,
)
from registry.services.notices import entry_awaited, notice_in_force
from registry.services.notices_watch import JOB, watch_notices
from registry.services.particulars import particulars_of
from registry.services.register_papers import paper_discard, paper_sign
from registry.tasks import watch_notices as task
from tests.conftest import Office, Team
from tests.registry.noticing import (
    FILED_ON,
    at,
    clocks,
    drafted,
    filed,
    local_day,
    notified,
    rule_of,
    saved,
    signed,
    watched,
    whole,
)
from tests.registry.transferring import noon

DAY = timedelta(days=1)
JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 1)
# The 15th of February 2026 is a Sunday.
DUE = date(2026, 2, 16)
ACTIVITY = "email_information"
QUIET = {"operators": 2, "started": 0, "voided": 0, "failed": 0}


@pytest.fixture
def ipm(office: Office) -> Team:
    team = whole(office.ipm)
    notified(team)
    return team


def activity(team: Team) -> ProcessingActivity:
    return ProcessingActivity.objects.get(operator=team.operator, code=ACTIVITY)


def change(team: Team, day: date, hour: int = 12, minute: int = 0, phone: str = "+7 1") -> None:
    with at(team, day, hour, minute):
        team.operator.refresh_from_db()
        saved(team.operator, phone=phone)


def only(team: Team) -> Deadline:
    (clock,) = clocks(team, Event.PARTICULARS_CHANGED)
    return clock


# --- the term ----------------------------------------------------------------------------------
def test_a_change_starts_one_clock_about_the_notice_in_force(ipm: Team) -> None:
    assert watched(ipm, JANUARY - DAY) == QUIET
    change(ipm, JANUARY)
    assert watched(ipm, FEBRUARY, 0, 10) == QUIET | {"started": 1}
    clock = only(ipm)
    assert (clock.effect, rule_of(clock)) == (Effect.NOTIFY_AUTHORITY, "RU.NOTIFY.CHANGE")
    assert clock.about == notice_in_force(ipm.operator)
    assert (clock.owner, clock.label) == (ipm.dpo, "RP-2025-0001")
    assert clock.trigger_at == noon(ipm, JANUARY)
    assert clock.due_on == DUE
    # Twice, and days later: one clock.
    for day in (FEBRUARY, FEBRUARY + DAY * 3):
        assert watched(ipm, day) == QUIET
    assert only(ipm).due_on == DUE


@pytest.mark.parametrize(
    ("day", "hour", "minute", "due"),
    [(JANUARY, 23, 59, DUE), (FEBRUARY, 0, 1, date(2026, 3, 16))],
)
def test_the_month_is_the_operators_own_on_both_sides_of_midnight(
    ipm: Team, day: date, hour: int, minute: int, due: date
) -> None:
    change(ipm, day, hour, minute)
    # In UTC both are the 31st of January.
    assert noon(ipm, day, hour, minute).date() == JANUARY
    watched(ipm, FEBRUARY, 0, 10)
    assert only(ipm).due_on == due  # the 15th of March 2026 is a Sunday too


def test_a_job_that_comes_a_month_late_counts_from_the_change(ipm: Team) -> None:
    watched(ipm, date(2026, 1, 10))
    change(ipm, date(2026, 1, 20))
    change(ipm, date(2026, 2, 20), phone="+7 2")
    watched(ipm, date(2026, 3, 1))
    assert local_day(only(ipm).trigger_at, ipm) == date(2026, 1, 20)
    assert only(ipm).due_on == DUE


def test_what_other_rows_went_through_moves_no_trigger(ipm: Team) -> None:
    with at(ipm, date(2026, 1, 10)):
        saved(ipm.operator, website="https://example.org")
        saved(Purpose.objects.get(operator=ipm.operator, code=ACTIVITY), name_en="Better")
        saved(activity(ipm), name_en="Better", review_on=FEBRUARY)
    with at(ipm, FEBRUARY):
        saved(activity(ipm), operations=["storage"])
    watched(ipm, date(2026, 3, 3))
    assert local_day(only(ipm).trigger_at, ipm) == FEBRUARY


def test_a_change_taken_back_before_the_last_run_moves_no_trigger(ipm: Team) -> None:
    old = ipm.operator.phone
    change(ipm, date(2026, 1, 10))
    change(ipm, date(2026, 1, 10), 13, phone=old)
    watched(ipm, date(2026, 1, 11))
    change(ipm, FEBRUARY)
    watched(ipm, FEBRUARY + DAY)
    assert local_day(only(ipm).trigger_at, ipm) == FEBRUARY


# --- back, and on its way ----------------------------------------------------------------------
def test_particulars_that_are_as_before_void_the_clock_and_may_start_another(ipm: Team) -> None:
    old = ipm.operator.phone
    change(ipm, JANUARY)
    watched(ipm, FEBRUARY)
    change(ipm, FEBRUARY + DAY, phone=old)
    assert watched(ipm, FEBRUARY + DAY * 2) == QUIET | {"voided": 1}
    clock = only(ipm)
    assert clock.voided_at is not None
    assert "those of the notice again" in clock.history.first().history_change_reason
    assert watched(ipm, FEBRUARY + DAY * 3) == QUIET
    change(ipm, FEBRUARY + DAY * 4)
    assert watched(ipm, FEBRUARY + DAY * 5) == QUIET | {"started": 1}
    assert [one.due_on for one in clocks(ipm, Event.PARTICULARS_CHANGED)] == [
        DUE, date(2026, 3, 16),
    ]  # fmt: skip


def test_a_change_while_a_notice_is_on_its_way_starts_a_clock_of_its_own(ipm: Team) -> None:
    change(ipm, JANUARY)
    watched(ipm, FEBRUARY)
    first = only(ipm)
    draft = drafted(ipm, FEBRUARY + DAY, Kind.NOTICE_CHANGE)
    watched(ipm, FEBRUARY + DAY, 18)
    assert only(ipm).is_open  # written is not told
    paper = signed(draft, ipm, FEBRUARY + DAY * 2)
    with at(ipm, FEBRUARY + DAY * 3):
        saved(activity(ipm), operations=["storage"])
    assert watched(ipm, FEBRUARY + DAY * 4) == QUIET  # one clock runs, and tells all of it
    filed(paper, ipm, FEBRUARY + DAY * 5)
    first.refresh_from_db()
    assert first.met_at is not None
    assert local_day(first.met_at, ipm) == FEBRUARY + DAY * 5
    assert watched(ipm, FEBRUARY + DAY * 6) == QUIET | {"started": 1}
    second = clocks(ipm, Event.PARTICULARS_CHANGED)[1]
    assert second.about == paper and second.is_open
    assert local_day(second.trigger_at, ipm) == FEBRUARY + DAY * 3
    assert second.due_on == date(2026, 3, 16)


def test_a_filing_that_was_recorded_later_meets_the_clock_on_its_day(ipm: Team) -> None:
    change(ipm, JANUARY)
    watched(ipm, FEBRUARY)
    paper = signed(drafted(ipm, FEBRUARY + DAY, Kind.NOTICE_CHANGE), ipm, FEBRUARY + DAY)
    filed(paper, ipm, date(2026, 2, 20), filed_on=DUE)
    clock = only(ipm)
    assert clock.met_at is not None and clock.ends_at is not None
    assert local_day(clock.met_at, ipm) == DUE and clock.met_at < clock.ends_at


def test_a_new_notice_of_start_tells_the_changes_too(ipm: Team) -> None:
    change(ipm, JANUARY)
    watched(ipm, FEBRUARY)
    paper = notified(ipm, FEBRUARY + DAY)
    assert only(ipm).met_at is not None
    assert entry_awaited(paper) is not None
    assert watched(ipm, FEBRUARY + DAY * 2) == QUIET


# --- whom it concerns --------------------------------------------------------------------------
def test_before_a_filing_and_under_another_law_nothing_is_watched(office: Office) -> None:
    for team in (whole(office.ipm), whole(office.pandev)):
        paper = signed(drafted(team, FILED_ON), team, FILED_ON)
        change(team, FILED_ON + DAY)
        assert watched(team, JANUARY) == QUIET
        if team is office.pandev:
            filed(paper, team, JANUARY)
            change(team, FEBRUARY, phone="+7 9")
            assert watched(team, FEBRUARY + DAY) == QUIET
            assert not Deadline.objects.exists()


def test_one_operator_that_fails_leaves_the_other_its_turn(
    ipm: Team, office: Office, monkeypatch: Any
) -> None:
    change(ipm, JANUARY)

    def failing(**asked: Any) -> Any:
        if asked["operator"].pk == ipm.operator.pk:
            raise ValueError("secret 12345")
        return particulars_of(**asked)

    monkeypatch.setattr("registry.services.notices_watch.particulars_of", failing)
    did = watched(ipm, FEBRUARY)
    assert did == {"operators": 1, "started": 0, "voided": 0, "failed": 1}
    assert JobRun.objects.filter(job=JOB).latest("pk").state == RunState.FAILED
    # A run that failed is no proof that nothing had changed.
    monkeypatch.undo()
    watched(ipm, FEBRUARY + DAY)
    assert only(ipm).due_on == DUE

    def locked(**asked: Any) -> Any:
        raise OperationalError

    # A lock that did not come is one operator's bad luck; without a database nobody has a turn.
    monkeypatch.setattr("registry.services.notices_watch.particulars_of", locked)
    assert watched(ipm, FEBRUARY + DAY * 2)["failed"] == 1
    monkeypatch.setattr("registry.services.notices_watch.connection", Away())
    with pytest.raises(OperationalError):
        watched(ipm, FEBRUARY + DAY * 3)


class Away:
    """A connection whose database is gone."""

    def is_usable(self) -> bool:
        return False


def test_the_end_is_watched_though_the_change_failed(ipm: Team, monkeypatch: Any) -> None:
    ended(ipm, FEBRUARY, date(2026, 1, 30))

    def failing(**asked: Any) -> Any:
        raise ValueError

    monkeypatch.setattr("registry.services.notices_watch.particulars_of", failing)
    assert watched(ipm, FEBRUARY, 13) == {"operators": 1, "started": 1, "voided": 0, "failed": 1}


def test_the_task_records_its_run(ipm: Team) -> None:
    change(ipm, JANUARY)
    with at(ipm, FEBRUARY):
        task()
    run = JobRun.objects.get(job=JOB)
    assert (run.state, run.did["started"]) == (RunState.DONE, 1)


# --- the end -----------------------------------------------------------------------------------
def ended(team: Team, day: date, ceased_on: date) -> Any:
    return drafted(team, day, Kind.NOTICE_END, ceased_on=ceased_on.isoformat(), reason="closed")


def test_a_written_end_starts_ten_working_days_from_its_day(ipm: Team) -> None:
    paper = ended(ipm, FEBRUARY, date(2026, 1, 30))
    assert watched(ipm, FEBRUARY, 13) == QUIET | {"started": 1}
    (clock,) = clocks(ipm, Event.PROCESSING_CEASED)
    assert (clock.about, clock.due_on) == (paper, date(2026, 2, 13))
    assert watched(ipm, FEBRUARY, 14) == QUIET
    paper = signed(paper, ipm, FEBRUARY + DAY)
    assert watched(ipm, FEBRUARY + DAY * 2) == QUIET
    filed(paper, ipm, FEBRUARY + DAY * 2)
    (clock,) = clocks(ipm, Event.PROCESSING_CEASED)
    assert clock.met_at is not None
    assert watched(ipm, FEBRUARY + DAY * 3) == QUIET


def test_a_discarded_end_voids_its_clock_and_another_draft_takes_it_over(ipm: Team) -> None:
    first = ended(ipm, FEBRUARY, date(2026, 1, 30))
    watched(ipm, FEBRUARY, 13)
    second = ended(ipm, FEBRUARY + DAY, date(2026, 1, 31))
    assert watched(ipm, FEBRUARY + DAY, 13) == QUIET
    with at(ipm, FEBRUARY + DAY, 14) as now:
        paper_discard(paper=first, by=ipm.dpo, now=now, reason="wrong day")
    assert watched(ipm, FEBRUARY + DAY, 15) == QUIET | {"started": 1, "voided": 1}
    old, new = clocks(ipm, Event.PROCESSING_CEASED)
    assert old.voided_at is not None and new.about == second and new.is_open
    with at(ipm, FEBRUARY + DAY, 16) as now:
        paper_discard(paper=second, by=ipm.dpo, now=now, reason="it goes on")
    assert watched(ipm, FEBRUARY + DAY, 17) == QUIET | {"voided": 1}


def test_of_two_drafts_the_earlier_day_counts_and_a_signed_one_before_both(ipm: Team) -> None:
    ended(ipm, FEBRUARY, date(2026, 1, 30))
    watched(ipm, FEBRUARY, 13)
    earlier = ended(ipm, FEBRUARY, date(2026, 1, 20))
    assert watched(ipm, FEBRUARY, 14) == QUIET | {"started": 1, "voided": 1}
    assert open_end(ipm).about == earlier
    assert local_day(open_end(ipm).trigger_at, ipm) == date(2026, 1, 20)
    last = signed(ended(ipm, FEBRUARY, date(2026, 1, 31)), ipm, FEBRUARY)
    assert watched(ipm, FEBRUARY, 15) == QUIET | {"started": 1, "voided": 1}
    assert open_end(ipm).about == last


def test_another_end_beside_the_filed_one_breaks_nothing(ipm: Team) -> None:
    """The first is signed, so nobody can discard it; the corrected one is filed."""
    first = signed(ended(ipm, FEBRUARY, date(2026, 1, 30)), ipm, FEBRUARY)
    watched(ipm, FEBRUARY, 15)
    second = signed(ended(ipm, FEBRUARY + DAY, date(2026, 1, 20)), ipm, FEBRUARY + DAY)
    filed(second, ipm, FEBRUARY + DAY)
    told = Deadline.objects.get(about_id=second.pk, event=Event.PROCESSING_CEASED)
    # Late by the day that was told, whatever the watch had counted from.
    assert told.met_at is not None and told.due_on == date(2026, 2, 3)
    for hour in (15, 16):
        assert watched(ipm, FEBRUARY + DAY, hour) == QUIET
    # Sent after all, it says nothing new and starts nothing that stays open.
    filed(first, ipm, FEBRUARY + DAY * 2, "RKN-9")
    assert watched(ipm, FEBRUARY + DAY * 3) == QUIET
    assert not Deadline.objects.open().filter(event=Event.PROCESSING_CEASED).exists()


def test_when_everything_has_ended_the_ten_days_run_by_themselves(ipm: Team) -> None:
    with at(ipm, date(2026, 1, 10)):
        for row in ProcessingActivity.objects.filter(operator=ipm.operator):
            saved(row, ended_on=date(2026, 2, 2))
    assert "started" in watched(ipm, date(2026, 2, 1))
    assert not clocks(ipm, Event.PROCESSING_CEASED)
    watched(ipm, date(2026, 2, 2), 0, 10)
    clock = open_end(ipm)
    assert (clock.about, clock.due_on) == (notice_in_force(ipm.operator), date(2026, 2, 16))
    assert watched(ipm, date(2026, 2, 2), 13)["started"] == 0
    paper = ended(ipm, date(2026, 2, 3), date(2026, 2, 2))
    watched(ipm, date(2026, 2, 3), 13)
    assert open_end(ipm).about == paper
    with at(ipm, date(2026, 2, 3), 14) as now:
        paper_discard(paper=paper, by=ipm.dpo, now=now, reason="it goes on")
    with at(ipm, date(2026, 2, 3), 15):
        saved(activity(ipm), ended_on=None)
    watched(ipm, date(2026, 2, 3), 16)
    assert not Deadline.objects.open().filter(event=Event.PROCESSING_CEASED).exists()


def open_end(team: Team) -> Deadline:
    return Deadline.objects.open().get(operator=team.operator, event=Event.PROCESSING_CEASED)


def test_an_end_that_fell_between_signature_and_record_counts_from_its_day(office: Office) -> None:
    team = whole(office.ipm)
    with at(team, date(2026, 1, 10)):
        other = ProcessingActivity(
            operator=team.operator, code="other", name_en="Other", purpose=activity(team).purpose,
            mode="automated", operations=["storage"], started_on=date(2025, 1, 1),
            ended_on=JANUARY,
        )  # fmt: skip
        saved(other)
        for name in ("subject_categories", "data_categories", "legal_bases", "systems"):
            getattr(other, name).set(getattr(activity(team), name).all())
    paper = drafted(team, date(2026, 1, 30))
    with at(team, date(2026, 2, 3)) as now:
        paper = paper_sign(
            paper=paper, signer=team.dpo, order_number="", signed_on=date(2026, 1, 30),
            by=team.dpo, now=now,
        )  # fmt: skip
    filed(paper, team, date(2026, 2, 3))
    watched(team, date(2026, 2, 3), 15)
    (clock,) = clocks(team, Event.PARTICULARS_CHANGED)
    assert (local_day(clock.trigger_at, team), clock.due_on) == (JANUARY, DUE)


def test_kazakhstan_has_no_clock_of_the_end(office: Office) -> None:
    team = whole(office.pandev)
    ended(team, FEBRUARY, date(2026, 1, 30))
    assert watched(team, FEBRUARY, 13) == QUIET


# --- the desk ----------------------------------------------------------------------------------
def test_the_desk_says_what_the_clocks_are_about(ipm: Team, as_user: Any) -> None:
    change(ipm, JANUARY)
    paper = ended(ipm, FEBRUARY, date(2026, 1, 30))
    watched(ipm, FEBRUARY, 13)
    start = notice_in_force(ipm.operator)
    assert start is not None
    with override("en"):
        told = gists([start.pk, paper.pk])
    assert told == {
        start.pk: "notice of the start of processing, filed on Monday, 1 December 2025",
        paper.pk: "notice of the end of processing, written and not filed yet",
    }
    with at(ipm, FEBRUARY, 14):
        page = as_user(ipm.dpo).get("/admin/").content.decode()
    assert "filed on Monday, 1 December 2025" in page and "written and not filed yet" in page


# --- two at once -------------------------------------------------------------------------------
def test_two_workers_start_one_clock(live_office: Office) -> None:
    team = whole(live_office.ipm)
    notified(team)
    change(team, JANUARY)
    ended(team, FEBRUARY, date(2026, 1, 30))
    now = datetime(2026, 2, 1, 9, tzinfo=UTC)
    gate = threading.Barrier(4)
    told: list[dict[str, int]] = []

    def worker() -> None:
        try:
            gate.wait()
            told.append(watch_notices(now=now))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(did["started"] for did in told) == 2
    assert sum(did["failed"] for did in told) == 0
    assert len(clocks(team, Event.PARTICULARS_CHANGED)) == 1
    assert len(clocks(team, Event.PROCESSING_CEASED)) == 1
