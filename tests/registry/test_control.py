"""Checks of internal control: recorded once and for all, and each step comes back in its time."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections, transaction
from django.utils.translation import override

from registry.choices import Role
from registry.models import Absence, ControlRecord, ControlStep, Membership
from registry.services import audit
from registry.services.clocks import NotOnTheStaff, OwnerOnlyReads
from registry.services.control import (
    CheckedBeforeLast,
    CheckedInFuture,
    CheckerAway,
    CheckFoundMissing,
    ControlStepGone,
    coming_before,
    control_step_to_save,
    how_often,
    step_state,
)
from registry.services.control_journal import JournalUpsideDown, control_journal
from registry.services.staff import SuccessorMissing, open_work, staff_leave
from tests.conftest import Office, Team, make_user
from tests.registry.controlling import NOW, TODAY, check, step
from tests.registry.papering import words_of

DAY = timedelta(days=1)


@pytest.fixture(params=["ipm", "pandev"])
def team(request: Any, office: Office) -> Team:
    found: Team = getattr(office, request.param)
    return found


def refused(error: type[Exception], row: ControlStep, team: Team, **told: Any) -> Any:
    """The check is refused by name; no record, no other day, no row of history."""

    def state() -> object:
        stored = list(ControlStep.objects.filter(pk=row.pk).values())
        return stored, ControlRecord.objects.count(), ControlStep.history.count()

    before = state()
    with pytest.raises(error) as caught:
        check(row, team, **told)
    assert type(caught.value) is error
    assert state() == before
    return caught.value


# --- recording ---------------------------------------------------------------------------------
def test_a_check_is_recorded_and_the_step_comes_back(team: Team) -> None:
    row = step(team)
    made = check(row, team, found="  Two rights too many. ", remedy=" Taken away. ")
    assert (made.step, made.done_on) == (row, TODAY)
    assert (made.found, made.remedy) == ("Two rights too many.", "Taken away.")
    assert (made.recorded_at, made.recorded_by) == (NOW, team.clerk)
    row.refresh_from_db()
    assert row.next_on == date(2026, 6, 2)
    told = row.history.first()
    assert (told.history_user, told.history_change_reason) == (team.clerk, f"checked on {TODAY}")
    assert told.next_on == row.next_on


@pytest.mark.parametrize(
    ("done_on", "months", "next_on"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2025, 11, 30), 3, date(2026, 2, 28)),
        (date(2025, 12, 15), 1, date(2026, 1, 15)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 2, 28), 12, date(2027, 2, 28)),
        (date(2026, 3, 1), 60, date(2031, 3, 1)),
    ],
)
def test_the_next_day_is_counted_from_the_check(
    office: Office, done_on: date, months: int, next_on: date
) -> None:
    row = step(office.ipm, every_months=months)
    check(row, office.ipm, done_on)
    row.refresh_from_db()
    assert row.next_on == next_on


def test_a_day_to_come_is_refused_on_both_sides_of_midnight(team: Team) -> None:
    row = step(team)
    midnight = datetime(2026, 3, 3, tzinfo=team.operator.zone).astimezone(UTC)
    refused(CheckedInFuture, row, team, done_on=TODAY + DAY, now=midnight - timedelta(minutes=1))
    assert check(row, team, TODAY + DAY, now=midnight).done_on == TODAY + DAY


def test_records_follow_each_other(team: Team) -> None:
    row, other = step(team), step(team)
    check(row, team, TODAY - DAY)
    said = refused(CheckedBeforeLast, row, team, done_on=TODAY - 2 * DAY)
    assert said.params["day"] == TODAY - DAY
    # A correction is another record of the same day; another step has records of its own.
    check(row, team, TODAY - DAY, found="It was in order.")
    check(other, team, TODAY - 2 * DAY)
    assert row.records.count() == 2


@pytest.mark.parametrize("found", ["", "  \n "])
def test_a_check_says_what_was_found(team: Team, found: str) -> None:
    refused(CheckFoundMissing, step(team), team, found=found)


def test_only_who_is_on_duty_with_the_operator_records(office: Office) -> None:
    team = office.ipm
    row = step(team)
    for user in (office.pandev.dpo, office.nobody, office.admin):
        refused(NotOnTheStaff, row, team, by=user)
    refused(OwnerOnlyReads, row, team, by=team.auditor)
    absence = Absence(
        operator=team.operator, user=team.clerk, substitute=team.deputy,
        first_on=TODAY, last_on=TODAY, order_number="5",
    )  # fmt: skip
    audit.save(absence, by=team.dpo, reason="leave")
    said = refused(CheckerAway, row, team)
    assert said.params["substitute"] == str(team.deputy)
    assert check(row, team, by=team.deputy).recorded_by == team.deputy
    # The day after, and for another one who is there.
    check(row, team, by=team.dpo)
    check(row, team, now=NOW + DAY)
    membership = Membership.objects.get(user=team.clerk)
    membership.ended_on = TODAY - DAY
    audit.save(membership, by=team.dpo, reason="left")
    refused(NotOnTheStaff, row, team)


def test_a_step_that_is_gone_is_a_conflict(team: Team) -> None:
    row = step(team)
    stale = ControlStep.objects.get(pk=row.pk)
    row.delete()
    with pytest.raises(ControlStepGone):
        check(stale, team)


def test_a_record_never_changes(team: Team) -> None:
    made = check(step(team), team)
    for change in (
        lambda: ControlRecord.objects.filter(pk=made.pk).update(found="Nothing."),
        lambda: ControlRecord.objects.filter(pk=made.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert ControlRecord.objects.get().found == "In order."


@pytest.mark.parametrize("months", [0, 61])
def test_a_step_comes_back_after_one_to_sixty_months(team: Team, months: int) -> None:
    with override("en"), pytest.raises(ValidationError, match="1 to 60 months"):
        step(team, every_months=months)


def test_a_form_of_before_brings_no_old_day_back(team: Team) -> None:
    row = step(team)
    stale = ControlStep.objects.get(pk=row.pk)
    check(row, team)
    assert control_step_to_save(stale, changed=["name_en"]).next_on == date(2026, 6, 2)
    stale.next_on = date(2026, 4, 1)
    assert control_step_to_save(stale, changed=["next_on"]).next_on == date(2026, 4, 1)
    ended = ControlStep.objects.get(pk=row.pk)
    ended.ended_on = date(2026, 3, 1)
    audit.save(ended, by=None, reason="test")
    assert control_step_to_save(stale, changed=["name_en"]).ended_on == date(2026, 3, 1)


def test_two_checks_at_once_are_one_after_the_other(live_office: Office) -> None:
    """Whoever comes second sees the first: an older day is refused then."""
    team = live_office.ipm
    row = step(team)
    told: dict[date, str] = {}
    start = threading.Barrier(2)

    def record(day: date) -> None:
        try:
            start.wait()
            check(row, team, day)
            told[day] = "recorded"
        except CheckedBeforeLast:
            told[day] = "refused"
        finally:
            connections.close_all()

    threads = [threading.Thread(target=record, args=(day,)) for day in (TODAY, TODAY - DAY)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    row.refresh_from_db()
    days = list(ControlRecord.objects.order_by("pk").values_list("done_on", flat=True))
    assert told[TODAY] == "recorded" and days == sorted(days)
    assert (told[TODAY - DAY] == "recorded") == (len(days) == 2)
    assert row.next_on == date(2026, 6, 2)


# --- what is due -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("left", "words"),
    [
        (-20, "overdue by 20 days"), (-1, "overdue by 1 day"), (0, "due today"), (1, "1 day left"),
        (14, "14 days left"), (15, "later"), (400, "later"),
    ],
)  # fmt: skip
def test_the_state_in_plain_words(left: int, words: str) -> None:
    with override("en"):
        assert step_state(ControlStep(next_on=TODAY + left * DAY), TODAY) == words


@pytest.mark.parametrize(
    ("months", "words"),
    [
        (1, "every month"), (2, "every 2 months"), (12, "every year"), (18, "every 18 months"),
        (24, "every 2 years"), (60, "every 5 years"),
    ],
)  # fmt: skip
def test_how_often_in_plain_words(months: int, words: str) -> None:
    with override("en"):
        assert how_often(months) == words


def test_what_is_overdue_is_so_where_the_operator_is(office: Office) -> None:
    """At 20:00 UTC of 2 March it is the 3rd in Almaty and still the 2nd in Moscow."""
    here, there = step(office.pandev), step(office.ipm)
    late = datetime(2026, 3, 2, 20, tzinfo=UTC)
    overdue = ControlStep.objects.filter(coming_before(late))
    assert list(overdue) == [here]
    assert set(ControlStep.objects.filter(coming_before(late + DAY))) == {here, there}
    assert not ControlStep.objects.filter(coming_before(late - DAY)).exists()
    assert set(ControlStep.objects.filter(coming_before(NOW, 1))) == {here, there}


# --- leaving -----------------------------------------------------------------------------------
def test_who_leaves_hands_over_their_steps(office: Office) -> None:
    team = office.ipm
    row, elsewhere = step(team), step(office.pandev)
    others = step(team, responsible=team.dpo)
    membership = Membership.objects.get(user=team.clerk)
    work = open_work(membership=membership, today=TODAY)
    assert (work.steps, work.anything) == ([row], True)
    asked: dict[str, Any] = {"membership": membership, "by": team.dpo, "now": NOW}
    with pytest.raises(SuccessorMissing):
        staff_leave(**asked, successor=None, reason="order 7")
    done = staff_leave(**asked, successor=team.deputy, reason="order 7")
    assert done.steps == [row]
    row.refresh_from_db()
    assert row.responsible == team.deputy
    told = row.history.first()
    assert (told.history_change_reason, told.history_user) == ("order 7", team.dpo)
    assert told.responsible == team.deputy
    for one, person in ((elsewhere, office.pandev.clerk), (others, team.dpo)):
        one.refresh_from_db()
        assert one.responsible == person and one.history.count() == 1
    assert not open_work(membership=membership, today=TODAY).anything


# --- the journal -------------------------------------------------------------------------------
def test_the_journal_of_a_period_as_a_table(office: Office) -> None:
    team = office.ipm
    row = step(team, name_en="=Access")
    for number, day in enumerate((TODAY - 2 * DAY, TODAY - DAY, TODAY)):
        check(row, team, day, found=f"finding {number}", remedy="+fix")
    check(step(office.pandev), office.pandev, TODAY, found="not ours")
    asked: dict[str, Any] = {
        "operator": team.operator, "since": TODAY - DAY, "until": TODAY, "media": "csv",
        "language": "en", "now": NOW,
    }  # fmt: skip
    lines = control_journal(**asked).decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [str(TODAY - DAY), str(TODAY)]
    # A spreadsheet takes neither for a formula.
    assert ",'=Access,finding 1,'+fix,clerk@ipm,2026-03-02T11:00:00+03:00" in lines[1]
    with pytest.raises(JournalUpsideDown):
        control_journal(**asked | {"since": TODAY, "until": TODAY - DAY})


@pytest.mark.parametrize("media", ["csv", "pdf"])
def test_the_journal_has_a_dash_where_nobody_recorded(office: Office, media: str) -> None:
    team = office.ipm
    ControlRecord.objects.create(
        step=step(team), done_on=TODAY, found="In order.", recorded_at=NOW, recorded_by=None
    )
    told = control_journal(
        operator=team.operator, since=TODAY, until=TODAY, media=media, language="en", now=NOW
    )
    text = words_of(told) if media == "pdf" else told.decode()
    assert "None" not in text
    assert ("In order. – –" if media == "pdf" else "In order.,,–,2026") in text


def test_somebody_new_can_be_made_responsible(office: Office) -> None:
    newcomer = make_user("new@ipm")
    membership = Membership(
        user=newcomer, operator=office.ipm.operator, role=Role.CLERK, started_on=TODAY
    )
    audit.save(membership, by=None, reason="hired")
    row = step(office.ipm, responsible=newcomer)
    assert check(row, office.ipm, by=newcomer).recorded_by == newcomer
