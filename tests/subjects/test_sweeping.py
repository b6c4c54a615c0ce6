"""What the sweep does with acts side by side: a day that moves, a request beside the routine."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from registry.models import InformationSystem
from subjects.choices import ActState, Outcome
from subjects.models import ActItem, DataSubject, DestructionAct, DestructionItem, PersonalDatum
from subjects.services import planning
from subjects.services.acts import act_approve, act_draft, item_confirm, plan
from subjects.services.cards import cards_merge
from subjects.services.fates import Fates
from subjects.services.people import datum_record
from subjects.services.stops import stop_place
from subjects.services.sweeping import destruction_sweep
from tests.conftest import Office, Team
from tests.subjects.acting import achieve, draft, due_of, leaving, outcomes, withdraw
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

LATER = TODAY + timedelta(days=60)
SOON = datetime(2026, 3, 20, 9, tzinfo=NOW.tzinfo)


def at(day: date) -> datetime:
    return datetime.combine(day, NOW.timetz())


def sweep(day: date) -> dict[str, int]:
    return {name: number for name, number in destruction_sweep(now=at(day)).items() if number}


def approve_all(team: Team, day: date) -> None:
    for act in DestructionAct.objects.filter(state=ActState.DRAFTED):
        act_approve(act=act, by=team.dpo, now=at(day))


def for_some_days(team: Team) -> DataSubject:
    """A consent that expires on 22 March, in the days of Nauryz: due on 26 March."""
    text = text_of(
        team, code="days", name_en="For some days", end_event="", term_length=20,
        term_unit="calendar_day",
    )  # fmt: skip
    subject = card(team)
    consent(team, subject, text=text)
    datum(team, subject, "full_name", "Тестов Пробный")
    return subject


def elsewhere(team: Team, subject: DataSubject, category: str = "phone") -> PersonalDatum:
    """Something about the person that lies in a system outside the vault."""
    return datum_record(
        subject=subject, category=category_of(team, category), held_in="system",
        system=InformationSystem.objects.filter(operator=team.operator)[0], collected_on=TODAY,
        by=team.clerk, today=TODAY,
    )  # fmt: skip


def asked(team: Team, subject: DataSubject, label: str = "REQ-1") -> None:
    stop_place(subject=subject, label=label, reason="open", by=team.clerk, now=NOW)


# --- a day that moves ----------------------------------------------------------------------------
def test_a_day_that_moves_earlier_is_kept_although_an_act_holds_the_value(
    live_office: Office,
) -> None:
    """The purpose is achieved before the term of the consent ends (94-V 18, 25(2)(8))."""
    team = live_office.pandev
    subject = for_some_days(team)
    assert sweep(date(2026, 3, 16))["drafted"] == 1
    assert due_of(subject) == date(2026, 3, 26)
    approve_all(team, date(2026, 3, 16))
    achieve(team, date(2026, 3, 17))
    assert sweep(date(2026, 3, 17)) == {"looked": 1, "dated": 2, "drafted": 1}
    assert due_of(subject) == date(2026, 3, 18)
    approve_all(team, date(2026, 3, 17))
    assert sweep(date(2026, 3, 18))["destroyed"] == 1
    # The old act is carried to its end, and says where the value went.
    assert sweep(date(2026, 3, 26))["gone"] == 1
    old, new = DestructionAct.objects.order_by("pk")
    assert ActItem.objects.get(act=old).why == new.number
    assert {old.state, new.state} == {ActState.CLOSED}
    assert DestructionItem.objects.count() == 1


def test_a_day_that_moves_later_or_stays_is_drafted_once(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    act = draft(team)
    assert act_draft(operator=team.operator, until=LATER, by=None, now=NOW) == []
    # Another consent covers everything until it expires.
    text = text_of(
        team, code="month", name_en="For a month", end_event="", term_length=1, term_unit="month"
    )
    consent(team, subject, text=text, evidence="")
    assert due_of(subject) > act.due_on
    assert act_draft(operator=team.operator, until=LATER, by=None, now=NOW) == []


def test_what_an_act_has_begun_to_destroy_is_in_no_other(office: Office) -> None:
    team = office.pandev
    subject = for_some_days(team)
    act = draft(team)
    act.state, act.approved_by, act.approved_at = ActState.RUNNING, team.dpo, NOW
    act.save()
    achieve(team, TODAY + timedelta(days=1))
    options = {"until": LATER, "subjects": [subject.pk], "today": TODAY + timedelta(days=1)}
    for label in ("", "REQ-1"):
        assert plan(team.operator, label=label, **options).going == []


def test_data_elsewhere_follow_the_earlier_day_and_are_confirmed_once(live_office: Office) -> None:
    team = live_office.pandev
    subject = for_some_days(team)
    elsewhere(team, subject)
    sweep(date(2026, 3, 16))
    achieve(team, date(2026, 3, 17))
    sweep(date(2026, 3, 17))
    approve_all(team, date(2026, 3, 17))
    old, new = DestructionAct.objects.order_by("pk")
    item = ActItem.objects.get(act=new, key=None)
    item_confirm(item=item, how="deleted", by=team.clerk, now=at(date(2026, 3, 18)))
    assert sweep(date(2026, 3, 18))["closed"] == 1
    assert sweep(date(2026, 3, 26))["closed"] == 1
    left = ActItem.objects.get(act=old, key=None)
    assert (left.outcome, left.why, left.confirmed_at) == (Outcome.GONE, new.number, None)


# --- a request beside the routine ----------------------------------------------------------------
def test_the_act_of_a_request_takes_over_from_the_routine(live_office: Office) -> None:
    team = live_office.pandev
    subject = leaving(team)
    routine = draft(team)
    asked(team, subject)
    act = draft(team, label="REQ-1", subjects=[subject.pk], by=team.clerk, now=SOON)
    assert ActItem.objects.filter(act=act).count() == 2
    # Once: what an act of a request holds is in no other of a request.
    again = act_draft(
        operator=team.operator, label="REQ-1", subjects=[subject.pk], until=LATER, by=team.clerk,
        now=SOON,
    )  # fmt: skip
    assert again == []
    approve_all(team, SOON.date())
    assert sweep(SOON.date())["destroyed"] == 2
    assert sweep(routine.due_on)["gone"] == 2
    assert outcomes(act) == ["destroyed!"] * 2 and outcomes(routine) == ["gone"] * 2


def test_what_the_routine_may_not_destroy_the_request_still_does(live_office: Office) -> None:
    team = live_office.pandev
    subject = leaving(team)
    routine = draft(team)
    asked(team, subject)
    act = draft(team, label="REQ-1", subjects=[subject.pk], by=team.clerk, now=SOON)
    act_approve(act=routine, by=team.dpo, now=SOON)
    assert sweep(routine.due_on)["stopped"] == 2
    act_approve(act=act, by=team.dpo, now=at(routine.due_on))
    assert sweep(routine.due_on)["destroyed"] == 2


def test_an_approved_act_of_a_request_waits_for_no_day_and_the_routine_does(
    live_office: Office,
) -> None:
    team = live_office.pandev
    first, second = leaving(team), leaving(team, email="b@example.org")
    asked(team, first)
    act = draft(team, label="REQ-1", subjects=[first.pk], by=team.clerk)
    routine = draft(team)
    # A draft that is not due is not told as waiting.
    assert "waiting" not in sweep(TODAY)
    approve_all(team, TODAY)
    assert sweep(TODAY) == {
        "looked": 2, "executed": 1, "destroyed": 2, "verified": 1, "closed": 1,
    }  # fmt: skip
    act.refresh_from_db()
    routine.refresh_from_db()
    assert (act.state, routine.state) == (ActState.CLOSED, ActState.APPROVED)
    assert set(DestructionItem.objects.values_list("owner", flat=True)) == {first.pk}
    assert due_of(second) == routine.due_on


def test_by_hand_only_what_is_due_by_that_day(live_office: Office) -> None:
    team = live_office.pandev
    subject = leaving(team)
    act = act_approve(
        act=draft(team, label="REQ-1", subjects=[subject.pk], by=team.clerk), by=team.dpo, now=NOW
    )
    did = destruction_sweep(now=NOW, until=act.due_on - timedelta(days=1))
    assert (did["executed"], did["failed"]) == (0, 0)
    assert destruction_sweep(now=at(act.due_on), until=act.due_on)["closed"] == 1


# --- the stops -----------------------------------------------------------------------------------
def test_the_stop_of_a_merged_card_went_to_the_one_that_stays(office: Office) -> None:
    team = office.pandev
    gone, into = leaving(team), card(team)
    asked(team, gone, "REQ-7")
    cards_merge(into=into, other=gone, by=team.dpo, now=NOW, reason="the same")
    assert planning.standing_stops([into.pk], label="") == {into.pk: "open_request; REQ-7"}
    assert planning.standing_stops([into.pk], label="REQ-7") == {}


# --- what the draft reads ------------------------------------------------------------------------
@pytest.fixture
def read(monkeypatch: Any) -> list[int]:
    """The cards whose data are read, in the order in which they are."""
    seen: list[int] = []
    whole = Fates.read

    def watch(self: Fates, subjects: Any, *args: Any, **options: Any) -> Any:
        seen.extend(subjects)
        return whole(self, subjects, *args, **options)

    monkeypatch.setattr(Fates, "read", watch)
    return seen


def test_nobody_is_read_for_data_elsewhere_that_a_ground_holds_or_that_are_gone(
    office: Office, read: list[int]
) -> None:
    team = office.pandev
    held, narrow, gone = person(team), card(team), person(team, email="g@example.org")
    consent(team, narrow, text=text_of(
        team, code="narrow", data_categories=[category_of(team, "phone")]
    ))  # fmt: skip
    for subject in (held, narrow, gone):
        elsewhere(team, subject)
    withdraw(team, gone)
    act = act_approve(act=draft(team), by=team.dpo, now=NOW)
    item_confirm(item=ActItem.objects.get(act=act, key=None), how="deleted", by=team.clerk, now=NOW)
    read.clear()
    found = plan(team.operator, until=TODAY, today=TODAY)
    assert found.going == [] and found.staying == [] and read == []


def test_whoever_may_have_something_due_elsewhere_is_read(office: Office, read: list[int]) -> None:
    """Each way in which data held elsewhere can be due, without a key that says so."""
    team = office.pandev
    withdrawn, expiring, uncovered, later = card(team), card(team), card(team), card(team)
    consent(team, withdrawn, evidence="")
    elsewhere(team, withdrawn)
    withdraw(team, withdrawn)
    text = text_of(
        team, code="days", name_en="For some days", end_event="", term_length=20,
        term_unit="calendar_day",
    )  # fmt: skip
    consent(team, expiring, text=text, evidence="")
    elsewhere(team, expiring)
    consent(team, uncovered, evidence="", text=text_of(
        team, code="narrow", data_categories=[category_of(team, "phone")]
    ))  # fmt: skip
    stray = elsewhere(team, uncovered)
    PersonalDatum.objects.filter(pk=stray.pk).update(category=category_of(team, "email"))
    activity = activity_of(team, "services")
    services = text_of(team, "services", code="services", name_en="Services")
    consent(team, later, "services", text=services, evidence="")
    (category,) = services.data_categories.filter(format="phone")[:1] or [None]
    assert category is not None
    elsewhere(team, later, category.code)
    achieve(team, TODAY + timedelta(days=3), activity.code)
    found = plan(team.operator, until=LATER, today=TODAY)
    cards = {withdrawn.pk, expiring.pk, uncovered.pk, later.pk}
    assert set(read) == cards and {one.subject for one in found.going} == cards
