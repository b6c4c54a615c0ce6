"""Two hands on one act, and a clock that goes back: neither may leave a word that is not true."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from subjects.choices import ActState
from subjects.models import ActPaper, DestructionAct, DestructionItem
from subjects.services import executing, sweeping
from subjects.services.closing import act_close
from subjects.services.executing import act_execute
from subjects.services.sweeping import act_carry_out, destruction_sweep
from subjects.services.verifying import act_verify
from tests.conftest import Office, Team
from tests.subjects.acting import approved, leaving, outcomes
from tests.subjects.people import NOW
from tests.subjects.vault_office import side_by_side

HOUR = timedelta(hours=1)


def of_many(team: Team, count: int) -> DestructionAct:
    for n in range(count):
        leaving(team, email=f"p{n}@example.org")
    return approved(team)


def moment(act: DestructionAct) -> datetime:
    return datetime.combine(act.due_on, NOW.timetz())


def test_a_chunk_that_another_hand_has_just_done_is_not_called_gone_before(
    office: Office, monkeypatch: Any
) -> None:
    """The other one commits between this one's look and its lock."""
    act = of_many(office.pandev, 3)
    now = moment(act)
    whole = executing.act_locked
    calls: list[int] = []
    other: list[dict[str, int]] = []

    def late(row: DestructionAct) -> DestructionAct:
        calls.append(1)
        # The first time it is the claim; the second time it is the lock of the chunk.
        if len(calls) == 2:
            other.append(act_execute(act, now=now, today=act.due_on))
            # It has not said yet that it is through.
            DestructionAct.objects.filter(pk=act.pk).update(finished_at=None)
        return whole(row)

    monkeypatch.setattr(executing, "act_locked", late)
    did = act_execute(act, now=now, today=act.due_on)
    assert other[0]["destroyed"] == 6
    assert did == {"destroyed": 0, "stays": 0, "stopped": 0, "gone": 0, "elsewhere": 0}
    assert outcomes(act) == ["destroyed!"] * 6


def test_three_hands_leave_one_word_about_each_value(live_office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr(executing, "ITEMS", 3)
    act = of_many(live_office.pandev, 6)
    found = side_by_side(*[lambda: act_execute(act, now=moment(act), today=act.due_on)] * 3)
    assert sum(one["destroyed"] for one in found) == 12
    assert not any(one["gone"] for one in found)
    assert outcomes(act) == ["destroyed!"] * 12


@pytest.mark.parametrize("before", ["act_execute", "act_verify", "act_close"])
def test_an_act_that_another_hand_has_closed_meanwhile_is_no_failure(
    live_office: Office, monkeypatch: Any, before: str
) -> None:
    act = of_many(live_office.pandev, 2)
    now = moment(act)
    whole = getattr(sweeping, before)
    closed: list[dict[str, int]] = []

    def late(*args: Any, **options: Any) -> Any:
        if not closed:
            closed.append({})
            fresh = DestructionAct.objects.get(pk=act.pk)
            closed[0] = act_carry_out(fresh, now=now, today=act.due_on)
        return whole(*args, **options)

    monkeypatch.setattr(sweeping, before, late)
    did = destruction_sweep(now=now)
    assert closed[0]["closed"] == 1
    assert (did["failed"], did["closed"]) == (0, 0)
    assert ActPaper.objects.filter(act=act).count() == 4


def test_a_sweep_that_listed_an_act_which_is_closed_when_its_turn_comes(
    live_office: Office, monkeypatch: Any
) -> None:
    """Two acts were listed; while the first was done, another hand did the second."""
    team = live_office.pandev
    one, two = leaving(team), leaving(team, email="b@example.org")
    first, second = (approved(team, subjects=[person.pk]) for person in (one, two))
    now = moment(second)
    whole = sweeping.act_close

    def late(act: DestructionAct, **options: Any) -> Any:
        found = whole(act, **options)
        if act.pk == first.pk:
            act_carry_out(second, now=now, today=second.due_on)
        return found

    monkeypatch.setattr(sweeping, "act_close", late)
    did = destruction_sweep(now=now)
    assert (did["failed"], did["closed"]) == (0, 1)
    assert set(DestructionAct.objects.values_list("state", flat=True)) == {ActState.CLOSED}


# --- the clock goes back -------------------------------------------------------------------------
def test_no_step_of_an_act_is_dated_before_the_step_that_led_to_it(office: Office) -> None:
    """Each step an hour before the last one, by a clock that is put right meanwhile."""
    team = office.pandev
    leaving(team)
    act = approved(team)
    DestructionAct.objects.filter(pk=act.pk).update(approved_at=moment(act))
    act_execute(act, now=moment(act) - HOUR, today=act.due_on)
    act_verify(act, now=moment(act) - 2 * HOUR)
    act_close(act, now=moment(act) - 3 * HOUR)
    act.refresh_from_db()
    steps = [act.approved_at, act.started_at, act.finished_at, act.verified_at, act.closed_at]
    assert steps == [moment(act)] * 5
    made = ActPaper.objects.filter(act=act).values_list("made_at", flat=True)
    assert set(made) == {moment(act)}
    gone = DestructionItem.objects.filter(act=act).values_list("destroyed_at", flat=True)
    assert set(gone) == {moment(act)}


def test_what_goes_after_the_clock_went_back_is_not_dated_before_the_execution_began(
    office: Office, monkeypatch: Any
) -> None:
    monkeypatch.setattr(executing, "ITEMS", 2)
    act = of_many(office.pandev, 3)

    def kill(looked: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        act_execute(act, now=moment(act), today=act.due_on, after_chunk=kill)
    act_execute(act, now=moment(act) - HOUR, today=act.due_on)
    gone = DestructionItem.objects.filter(act=act).values_list("destroyed_at", flat=True)
    assert list(gone) == [moment(act)] * 6
    act.refresh_from_db()
    assert act.finished_at == moment(act)


def test_the_end_is_not_dated_before_what_a_later_hand_destroyed(
    office: Office, monkeypatch: Any
) -> None:
    """Each hand dates by the moment at which its own sweep began."""
    monkeypatch.setattr(executing, "ITEMS", 2)
    act = of_many(office.pandev, 2)
    whole = executing.act_locked
    calls: list[int] = []

    def late(row: DestructionAct) -> DestructionAct:
        calls.append(1)
        # The claim, the first chunk; then the other one does the second, and is not through yet.
        if len(calls) == 3:
            act_execute(act, now=moment(act) + HOUR, today=act.due_on)
            DestructionAct.objects.filter(pk=act.pk).update(finished_at=None)
        return whole(row)

    monkeypatch.setattr(executing, "act_locked", late)
    act_execute(act, now=moment(act), today=act.due_on)
    gone = DestructionItem.objects.filter(act=act).order_by("pk")
    assert list(gone.values_list("destroyed_at", flat=True)) == [
        *[moment(act)] * 2, *[moment(act) + HOUR] * 2,
    ]  # fmt: skip
    act.refresh_from_db()
    assert act.finished_at == moment(act) + HOUR
