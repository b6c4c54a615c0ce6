"""An act after its execution: what waits elsewhere meets a hold, and traces need a judgement."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore

from registry.models import InformationSystem
from registry.states import ForbiddenTransition
from subjects.choices import ActState, Outcome
from subjects.models import ActItem, DataSubject, DestructionAct
from subjects.services import verifying
from subjects.services.acts import ActReasonMissing, ActReasonTooLong, HeldElsewhere, item_confirm
from subjects.services.closing import act_close
from subjects.services.executing import act_execute
from subjects.services.holds import hold_place
from subjects.services.people import datum_record
from subjects.services.sweeping import act_carry_out, destruction_sweep, unverified
from subjects.services.verifying import (
    FoundAfterClosing,
    NoTraces,
    VerificationFailed,
    act_verify,
    needles_of,
    traces_judge,
)
from tests.conftest import Office, Team
from tests.subjects.acting import ON_DUE, approved, leaving, withdraw
from tests.subjects.people import TODAY, category_of, consent, person
from tests.subjects.test_act_papers import printed

AFTER = ON_DUE + timedelta(days=2)
EMAIL = "unmistakable.person@example.org"


# --- held elsewhere ------------------------------------------------------------------------------
@pytest.fixture
def waiting(office: Office) -> tuple[Team, DataSubject, ActItem]:
    """Executed and verified; what a system holds waits for somebody's word."""
    team = office.pandev
    subject = person(team)
    datum_record(
        subject=subject, category=category_of(team, "email"), held_in="system",
        system=InformationSystem.objects.filter(operator=team.operator)[0],
        collected_on=TODAY, by=team.clerk, today=TODAY,
    )  # fmt: skip
    withdraw(team, subject)
    act = approved(team)
    act_carry_out(act, now=ON_DUE, today=ON_DUE.date())
    item = ActItem.objects.get(act=act, key=None)
    assert item.outcome == "" and item.act.state == ActState.RUNNING
    return team, subject, item


def hold(team: Team, subject: DataSubject) -> None:
    hold_place(
        subject=subject, document="ruling of a court", label="COURT-1", reason="a court orders it",
        by=team.dpo, now=AFTER,
    )  # fmt: skip


def new_ground(team: Team, subject: DataSubject) -> None:
    consent(team, subject, given_at=AFTER, now=AFTER)


@pytest.mark.parametrize(
    ("hinder", "outcome"), [(hold, Outcome.STOPPED), (new_ground, Outcome.STAYS)]
)
def test_what_is_held_since_the_execution_is_not_confirmed_and_stays(
    waiting: tuple[Team, DataSubject, ActItem], hinder: Any, outcome: str
) -> None:
    team, subject, item = waiting
    hinder(team, subject)
    with pytest.raises(HeldElsewhere):
        item_confirm(item=item, how="wiped", by=team.clerk, now=AFTER)
    item.refresh_from_db()
    assert (item.outcome, item.confirmed_at) == ("", None)
    did = destruction_sweep(now=AFTER + timedelta(hours=1))
    item.refresh_from_db()
    # By what the person is found there stays with it.
    assert (item.outcome, did[outcome], did["closed"]) == (outcome, 2, 1) and item.why


def test_what_nothing_holds_goes_on_waiting(waiting: tuple[Team, DataSubject, ActItem]) -> None:
    team, _subject, item = waiting
    did = destruction_sweep(now=AFTER)
    item.refresh_from_db()
    assert (item.outcome, did["closed"]) == ("", 0)
    assert item_confirm(item=item, how="wiped", by=team.clerk, now=AFTER).confirmed_at == AFTER
    assert destruction_sweep(now=AFTER)["closed"] == 1


# --- traces --------------------------------------------------------------------------------------
def found(team: Team) -> DestructionAct:
    """A request's act whose search by value has found the address in a session."""
    subject = leaving(team, email=EMAIL)
    act = approved(team, label="REQ-1", subjects=[subject.pk], by=team.clerk)
    needles = needles_of(act)
    session = SessionStore()
    session["typed"] = EMAIL
    session.save()
    act_execute(act, now=ON_DUE, today=ON_DUE.date())
    act.refresh_from_db()
    with pytest.raises(VerificationFailed):
        act_verify(act, now=ON_DUE, needles=needles)
    session.delete()
    act.refresh_from_db()
    return act


def judge(act: DestructionAct, team: Team, **changed: Any) -> DestructionAct:
    return traces_judge(
        **{"act": act, "reason": "An old session; removed.", "by": team.dpo, "now": AFTER} | changed
    )


def test_traces_that_were_found_are_judged_by_a_person(live_office: Office) -> None:
    team = live_office.pandev
    act = found(team)
    # Looked at again nobody knows for what: it is not verified by itself.
    with pytest.raises(VerificationFailed):
        act_verify(act, now=ON_DUE)
    assert unverified() == [act.number]
    for reason, refusal in ((" ", ActReasonMissing), ("x" * 301, ActReasonTooLong)):
        with pytest.raises(refusal):
            judge(act, team, reason=reason)
    act = judge(act, team)
    assert act.verified_at == AFTER and unverified() == []
    assert destruction_sweep(now=AFTER)["closed"] == 1
    act.refresh_from_db()
    assert act.state == ActState.CLOSED
    for language in ("ru", "kk"):
        assert "An old session; removed." in printed(act, language)
    assert act.verification["by_value"]["found"] and act.verification["judged"]
    told = [str(row) for row in act.history.values_list("history_change_reason", flat=True)]
    assert "An old session; removed." in told
    with pytest.raises((NoTraces, ForbiddenTransition)):
        judge(act, team)


def test_only_traces_are_judged(office: Office) -> None:
    team = office.pandev
    leaving(team)
    act = approved(team)
    with pytest.raises(ForbiddenTransition):
        judge(act, team)
    act_execute(act, now=ON_DUE, today=ON_DUE.date())
    with pytest.raises(NoTraces):
        judge(act, team)
    DestructionAct.objects.filter(pk=act.pk).update(
        verification={"failed": ["keys_left", "traces"], "by_value": {"found": 1}}
    )
    with pytest.raises(NoTraces):
        judge(act, team)


@pytest.mark.parametrize("closed", [False, True])
def test_who_found_traces_is_heard_though_another_verified_meanwhile(
    live_office: Office, monkeypatch: Any, closed: bool
) -> None:
    """Begun twice: the second has nothing in memory, looks first, and finds everything in order."""
    team = live_office.pandev
    subject = leaving(team, email=EMAIL)
    act = approved(team, label="REQ-1", subjects=[subject.pk], by=team.clerk)
    needles = needles_of(act)
    session = SessionStore()
    session["typed"] = EMAIL
    session.save()
    act_execute(act, now=ON_DUE, today=ON_DUE.date())
    real = verifying._by_value

    def other_first(*about: Any) -> Any:
        monkeypatch.setattr(verifying, "_by_value", real)
        act_verify(act, now=ON_DUE)
        if closed:
            act_close(act, now=ON_DUE)
        return real(*about)

    monkeypatch.setattr(verifying, "_by_value", other_first)
    with pytest.raises(FoundAfterClosing if closed else VerificationFailed):
        act_verify(act, now=ON_DUE, needles=needles)
    act.refresh_from_db()
    assert act.verification["failed"] == ["traces"] and act.verification["by_value"]["places"]
    # What is closed stays closed, with its papers; it is the job that fails.
    assert (act.verified_at is not None) == closed
