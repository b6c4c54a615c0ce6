"""An act before its execution: what comes into it, who may approve it, and its clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.deadline_steps import Step, english
from registry.models import Absence, Deadline, InformationSystem, RetentionRule
from registry.services import audit
from registry.states import ForbiddenTransition
from subjects.choices import ActState, Outcome
from subjects.models import ActItem, DestructionAct, PersonalDatum, VaultKey
from subjects.services import acts
from subjects.services.acts import act_approve, act_cancel, act_draft, item_confirm, plan
from subjects.services.grounds import ground_end
from subjects.services.holds import hold_place
from subjects.services.people import datum_record
from subjects.services.stops import stop_end, stop_place
from tests.conftest import Office, Team
from tests.subjects.acting import (
    achieve,
    automatic,
    dates_sweep,
    draft,
    due_of,
    leaving,
    withdraw,
)
from tests.subjects.people import NOW, TODAY, card, category_of, consent, datum, person

LATER = TODAY + timedelta(days=60)


def clock_of(act: DestructionAct) -> Deadline:
    return Deadline.objects.get(about_type__model="destructionact", about_id=act.pk)


# --- the plan ------------------------------------------------------------------------------------
def test_a_plan_says_what_goes_by_when_and_why_and_what_stays(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    person(team, email="stays@example.org")
    before = VaultKey.objects.count(), DestructionAct.objects.count()
    found = plan(team.operator, until=LATER, today=TODAY)
    assert {one.code for one in found.going} == {subject.code}
    assert len(found.going) == 2
    for one in found.going:
        assert (one.due_on, one.rule) == (due_of(subject), "KZ.CONSENT.WITHDRAW")
        assert one.event == "consent_withdrawn" and one.article and not one.automatic
    (proof,) = found.staying
    assert proof.code == subject.code and proof.why.startswith("KZ.EVIDENCE.CONSENT; ")
    assert proof.due_on == date(2029, 3, 3) and not proof.stopped
    assert (VaultKey.objects.count(), DestructionAct.objects.count()) == before


def test_nothing_is_due_before_its_day(office: Office) -> None:
    subject = leaving(office.pandev)
    day = due_of(subject)
    operator = office.pandev.operator
    assert plan(operator, until=day - timedelta(days=1), today=TODAY).going == []
    assert len(plan(operator, until=day, today=TODAY).going) == 2
    assert plan(office.ipm.operator, until=LATER, today=TODAY).going == []


def test_of_chosen_people_everything_is_told(office: Office) -> None:
    team = office.pandev
    going, staying = leaving(team), person(team, email="stays@example.org")
    found = plan(team.operator, until=LATER, subjects=[staying.pk], today=TODAY)
    assert found.going == [] and len(found.staying) == 3
    assert {one.why.split("; ")[0] for one in found.staying if one.category} == {"accounts"}
    assert plan(team.operator, until=LATER, subjects=[going.pk], today=TODAY).going
    # Another operator's card is nobody's here.
    assert plan(office.ipm.operator, until=LATER, subjects=[going.pk], today=TODAY).going == []


def test_what_an_open_act_holds_and_whom_a_stop_protects_are_left_out(office: Office) -> None:
    team = office.pandev
    first, second = leaving(team), leaving(team, email="b@example.org")
    act = draft(team, subjects=[first.pk])
    stop = stop_place(subject=second, label="REQ-1", reason="open", by=team.clerk, now=NOW)
    found = plan(team.operator, until=LATER, today=TODAY)
    assert found.going == []
    assert [one.why for one in found.staying if one.stopped] == ["open_request; REQ-1"] * 2
    # The request's own act is not stopped by its own stop.
    chosen = plan(team.operator, until=LATER, label="REQ-1", subjects=[second.pk], today=TODAY)
    assert len(chosen.going) == 2
    act_cancel(act=act, reason="wrong", by=team.dpo, now=NOW)
    stop_end(stop=stop, by=team.clerk, now=NOW, reason="done")
    assert len(plan(team.operator, until=LATER, today=TODAY).going) == 4


def test_a_legal_hold_stops_whatever_its_number_is(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    hold_place(
        subject=subject, document="ruling of a court", label="REQ-1", reason="court", by=team.dpo,
        now=NOW,
    )  # fmt: skip
    assert plan(team.operator, until=LATER, label="REQ-1", today=TODAY).going == []


# --- the draft -----------------------------------------------------------------------------------
def test_one_act_for_each_day_and_way_of_approval(office: Office) -> None:
    team = office.pandev
    one, two = leaving(team), person(team, email="b@example.org")
    withdraw(team, two, NOW + timedelta(days=3))
    found = act_draft(
        operator=team.operator, until=LATER, by=team.clerk, now=NOW + timedelta(days=3)
    )
    assert [act.number for act in found] == ["ACT-2026-0001", "ACT-2026-0002"]
    assert [act.due_on for act in found] == [due_of(one), due_of(two)]
    assert {act.state for act in found} == {ActState.DRAFTED}
    assert [ActItem.objects.filter(act=act).count() for act in found] == [2, 2]
    item = ActItem.objects.filter(act=found[0])[0]
    assert item.subject == one and item.rule == "KZ.CONSENT.WITHDRAW" and item.outcome == ""
    assert item.key in VaultKey.objects.filter(owner=one.pk).values_list("pk", flat=True)
    # Nothing comes twice.
    assert act_draft(operator=team.operator, until=LATER, by=None, now=NOW) == []


def test_the_numbers_are_the_operators_own_of_its_year(office: Office) -> None:
    team = office.pandev
    DestructionAct.objects.create(
        operator=team.operator, number="ACT-2026-9999", due_on=TODAY, drafted_at=NOW
    )
    leaving(team)
    leaving(office.ipm)
    assert draft(team).number == "ACT-2026-10000"
    assert draft(office.ipm).number == "ACT-2026-0001"


def test_an_automatic_rule_approves_its_own_act_and_needs_no_clock(office: Office) -> None:
    team = office.pandev
    automatic(team)
    leaving(team)
    act = draft(team)
    assert (act.automatic, act.state, act.approved_by) == (True, ActState.APPROVED, None)
    assert not Deadline.objects.filter(about_id=act.pk).exists()


def test_what_a_request_asks_for_always_needs_an_approval(office: Office) -> None:
    team = office.pandev
    automatic(team)
    subject = leaving(team)
    act = draft(team, label="REQ-2026-0001", subjects=[subject.pk], by=team.clerk)
    assert (act.automatic, act.state, act.label) == (False, ActState.DRAFTED, "REQ-2026-0001")


def test_an_act_that_needs_people_has_a_clock_of_its_rule(office: Office) -> None:
    team = office.pandev
    operator = team.operator
    operator.responsible = team.dpo
    audit.save(operator, by=None, reason="test")
    subject = leaving(team)
    act = draft(team)
    clock = clock_of(act)
    assert (clock.event, clock.effect) == ("consent_withdrawn", "stop_or_refuse")
    assert (clock.due_on, clock.owner, clock.label) == (due_of(subject), team.dpo, act.number)
    assert clock.is_open
    act_cancel(act=act, reason="wrong", by=team.dpo, now=NOW)
    assert clock_of(act).voided_at == NOW


def test_a_responsible_person_who_left_does_not_hold_a_draft_up(office: Office) -> None:
    team = office.pandev
    operator = team.operator
    operator.responsible = office.nobody
    operator.save()
    leaving(team)
    assert clock_of(draft(team)).owner is None


def test_data_held_elsewhere_belong_to_the_act(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    system = InformationSystem.objects.filter(operator=team.operator).first()
    assert system is not None
    row = datum_record(
        subject=subject, category=category_of(team, "phone"), held_in="system", system=system,
        collected_on=TODAY, by=team.clerk, today=TODAY,
    )  # fmt: skip
    withdraw(team, subject)
    act = draft(team)
    item = ActItem.objects.get(act=act, key=None)
    assert (item.datum_id, item.subject_id) == (row.pk, subject.pk)
    with pytest.raises(acts.NotYetApproved):
        item_confirm(item=item, how="deleted", by=team.clerk, now=NOW)
    act_approve(act=act, by=team.dpo, now=NOW)
    with pytest.raises(acts.ActReasonMissing):
        item_confirm(item=item, how="  ", by=team.clerk, now=NOW)
    item = item_confirm(item=item, how="deleted, log 7", by=team.clerk, now=NOW)
    assert (item.outcome, item.why) == (Outcome.DESTROYED, "deleted, log 7")
    assert (item.confirmed_by, item.confirmed_at) == (team.clerk, NOW)
    with pytest.raises(acts.ConfirmedAlready):
        item_confirm(item=item, how="again", by=team.clerk, now=NOW)
    with pytest.raises(acts.NotElsewhere):
        item_confirm(
            item=ActItem.objects.filter(act=act, key__isnull=False)[0], how="x", by=team.clerk,
            now=NOW,
        )  # fmt: skip
    # What is gone there is planned no more.
    later = plan(team.operator, until=LATER, subjects=[subject.pk], today=TODAY)
    assert row.pk not in {one.datum for one in later.going}


def test_a_draft_reads_people_in_a_fixed_number_of_queries(office: Office) -> None:
    team = office.pandev
    leaving(team)
    with CaptureQueriesContext(connection) as one:
        first = draft(team)
    for n in range(5):
        leaving(team, email=f"p{n}@example.org")
    with CaptureQueriesContext(connection) as many:
        second = draft(team)
    assert ActItem.objects.filter(act=second).count() == 10
    assert first.due_on == second.due_on and len(many) <= len(one) + 1


# --- the approval --------------------------------------------------------------------------------
def test_whoever_drafted_does_not_approve(office: Office) -> None:
    team = office.pandev
    leaving(team)
    second_dpo(team)
    act = draft(team, by=team.dpo)
    with pytest.raises(acts.ApprovedByDrafter):
        act_approve(act=act, by=team.dpo, now=NOW, waiver="nobody")
    act = act_approve(act=act, by=team.deputy, now=NOW)
    assert (act.state, act.approved_by, act.waiver) == (ActState.APPROVED, team.deputy, "")
    with pytest.raises(ForbiddenTransition):
        act_approve(act=act, by=team.deputy, now=NOW)


def second_dpo(team: Team) -> None:
    row = team.deputy.memberships.get()
    row.role = "dpo"
    audit.save(row, by=None, reason="test")


def test_an_operator_of_one_person_records_a_waiver(office: Office) -> None:
    team = office.pandev
    leaving(team)
    act = draft(team, by=team.dpo)
    with pytest.raises(acts.WaiverMissing):
        act_approve(act=act, by=team.dpo, now=NOW, waiver="  ")
    act = act_approve(act=act, by=team.dpo, now=NOW, waiver="Only one officer is employed.")
    assert (act.state, act.waiver) == (ActState.APPROVED, "Only one officer is employed.")
    newest = act.history.first()
    assert newest.history_user == team.dpo and newest.waiver == act.waiver


def test_the_other_officer_is_away_or_has_left(office: Office) -> None:
    """Somebody who cannot approve that day is nobody; who stands in for them is somebody."""
    team = office.pandev
    leaving(team)
    second_dpo(team)
    act = draft(team, by=team.dpo)
    away = Absence(
        operator=team.operator, user=team.deputy, substitute=team.clerk, first_on=TODAY,
        last_on=TODAY, order_number="1",
    )  # fmt: skip
    audit.save(away, by=None, reason="test")
    assert acts.approvers(team.operator, TODAY) == {team.dpo.pk, team.clerk.pk}
    with pytest.raises(acts.ApprovedByDrafter):
        act_approve(act=act, by=team.dpo, now=NOW, waiver="alone")
    away.substitute = team.dpo
    audit.save(away, by=None, reason="test")
    assert acts.approvers(team.operator, TODAY) == {team.dpo.pk}
    assert act_approve(act=act, by=team.dpo, now=NOW, waiver="alone").waiver == "alone"
    away.delete()
    left = team.deputy.memberships.get()
    left.ended_on = TODAY - timedelta(days=1)
    audit.save(left, by=None, reason="left")
    assert acts.approvers(team.operator, TODAY) == {team.dpo.pk}


def test_a_cancelled_act_says_why_and_gives_its_data_back(office: Office) -> None:
    team = office.pandev
    leaving(team)
    act = draft(team)
    with pytest.raises(acts.ActReasonMissing):
        act_cancel(act=act, reason=" ", by=team.dpo, now=NOW)
    with pytest.raises(acts.ActReasonTooLong):
        act_cancel(act=act, reason="x" * 301, by=team.dpo, now=NOW)
    act = act_cancel(act=act, reason="wrong people", by=team.dpo, now=NOW)
    assert (act.state, act.cancelled_reason) == (ActState.CANCELLED, "wrong people")
    for verb in (
        lambda: act_cancel(act=act, reason="again", by=team.dpo, now=NOW),
        lambda: act_approve(act=act, by=team.dpo, now=NOW),
    ):
        with pytest.raises(ForbiddenTransition):
            verb()
    assert draft(team).number == "ACT-2026-0002"


def test_data_that_nothing_covers_have_the_clock_of_unlawful_processing(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    consent(team, subject, evidence="")
    stray = datum(team, subject, "email", "stray@example.org")
    subject.grounds.update(activity=subject.grounds.get().activity)
    PersonalDatum.objects.filter(pk=stray.pk).update(subject=card(team))
    row = PersonalDatum.objects.get(pk=stray.pk)
    VaultKey.objects.filter(pk=row.value_key).update(owner=row.subject_id, destroy_on=TODAY)
    act = draft(team)
    clock = clock_of(act)
    assert (act.due_on, clock.event) == (TODAY, "unlawful_processing_found")
    # Found today: the term of the law runs from today.
    assert (clock.due_on, clock.binding) == (TODAY + timedelta(days=1), "statute")


def test_an_achieved_purpose_is_drafted_ahead(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    achieve(team, TODAY + timedelta(days=5))
    now = NOW + timedelta(hours=1)
    dates_sweep(now=now)
    act = draft(team, until=TODAY + acts.LEAD)
    assert act.due_on == due_of(subject) > TODAY + timedelta(days=5)
    clock = clock_of(act)
    assert (clock.event, clock.due_on) == ("purpose_achieved", act.due_on)
    assert datetime.combine(TODAY + timedelta(days=5), datetime.min.time()).date() == (
        clock.trigger_at.astimezone(team.operator.zone).date()
    )


# --- the clock of an act whose day the operator's own policy sets ---------------------------------
@pytest.mark.parametrize(
    ("code", "event", "clock"),
    [
        ("pandev", "consent_withdrawn", ("consent_withdrawn", "stop_or_refuse")),
        ("pandev", "cease_demanded", ("consent_withdrawn", "stop_or_refuse")),
        ("pandev", "contract_ended", ("purpose_achieved", "destroy")),
        ("ipm", "consent_withdrawn", ("consent_withdrawn", "destroy")),
        ("ipm", "cease_demanded", ("cease_demanded", "stop")),
        ("ipm", "contract_ended", ("purpose_achieved", "destroy")),
        ("ipm", "unlawful_processing_found", ("unlawful_processing_found", "destroy")),
    ],
)
def test_a_term_of_the_policy_has_a_clock_too(
    office: Office, code: str, event: str, clock: tuple[str, str]
) -> None:
    team: Team = getattr(office, code)
    subject = person(team)
    kept = {"cease_demanded": "consent_withdrawn"}.get(event, event)
    RetentionRule.objects.filter(operator=team.operator, event=kept).delete()
    rule = RetentionRule(
        operator=team.operator, code="days", event=kept, length=1, unit="calendar_day",
        clause="7.2",
    )  # fmt: skip
    audit.save(rule, by=team.dpo, reason="test")
    ended_on = TODAY
    ground_end(
        ground=subject.grounds.get(), ended_on=ended_on, end_reason=event, by=team.clerk,
        today=TODAY, reason="test",
    )  # fmt: skip
    act = draft(team, subjects=[subject.pk])
    assert act.due_on == TODAY + timedelta(days=1)
    found = clock_of(act)
    assert (found.event, found.effect) == clock
    # Never after the act's own day, and counted from the end of the ground.
    assert found.due_on == act.due_on and found.is_open
    assert found.trigger_at.astimezone(team.operator.zone).date() == TODAY
    if (code, event) != ("pandev", "contract_ended"):
        assert (found.binding, found.stated_on) == ("stated", act.due_on)
        said = " ".join(english(Step(*step)) for step in found.steps)
        assert "authority" not in said and "stated" in said
    else:
        assert (found.binding, found.stated_on) == ("statute", None)


def test_the_clock_of_a_proof_ends_on_the_day_of_its_act(office: Office) -> None:
    team = office.ipm
    leaving(team)
    late = datetime(2029, 3, 3, 9, tzinfo=NOW.tzinfo)
    acts_ = act_draft(operator=team.operator, until=late.date(), by=None, now=late)
    assert [(clock_of(act).due_on, clock_of(act).event) for act in acts_] == [
        (date(2026, 4, 1), "consent_withdrawn"), (date(2029, 3, 3), "purpose_achieved"),
    ]  # fmt: skip
