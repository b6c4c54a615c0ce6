"""The execution of an act: what goes, what stays, whatever kills it, whoever does it at once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry.models import DataCategory
from registry.states import ForbiddenTransition
from subjects.choices import ActState, Outcome
from subjects.models import (
    ActItem,
    Consent,
    DestructionAct,
    DestructionItem,
    MasterKey,
    PersonalDatum,
    SearchToken,
    VaultKey,
)
from subjects.services import executing, keys
from subjects.services.acts import act_approve, act_cancel, act_draft, plan
from subjects.services.cards import cards_merge
from subjects.services.destruction import keys_destroy
from subjects.services.evidence import ConsentOlderThanDestruction
from subjects.services.executing import NotDueYet, act_execute
from subjects.services.files import file_seal
from subjects.services.holds import hold_place
from subjects.services.people import datum_record
from subjects.services.stops import stop_place
from subjects.vault import keyring
from subjects.vault.models import Sealed
from subjects.vault.sealing_bridge import State, open_rows
from tests.conftest import Office, Team
from tests.subjects.acting import approved, automatic, draft, leaving, outcomes, withdraw
from tests.subjects.people import NOW, TODAY, card, consent, person
from tests.subjects.vault_office import side_by_side

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")


def run(act: DestructionAct, day: date | None = None, **options: Any) -> dict[str, int]:
    day = day or act.due_on
    now = datetime.combine(day, NOW.timetz())
    return act_execute(act, now=now, today=day, **options)


def test_the_values_go_on_the_day_and_everything_else_stays(office: Office) -> None:
    team = office.pandev
    gone, stays = leaving(team), person(team, email="stays@example.org")
    rows = list(PersonalDatum.objects.order_by("pk").values())
    versions = list(PersonalDatum.history.order_by("history_id").values())
    act = approved(team)
    assert run(act) == {"destroyed": 2, "stays": 0, "stopped": 0, "gone": 0, "elsewhere": 0}
    data = PersonalDatum.objects.filter(subject=gone)
    assert {one.state for one in open_rows(data, "value").values()} == {State.DESTROYED}
    other = PersonalDatum.objects.filter(subject=stays)
    assert {one.state for one in open_rows(other, "value").values()} == {State.OPEN}
    items = DestructionItem.objects.filter(act=act)
    assert {item.destroyed_by for item in items} == {team.dpo}
    assert {item.reason for item in items} == {f"KZ.CONSENT.WITHDRAW {_article(act)}"}
    assert outcomes(act) == ["destroyed!"] * 2
    numbers = [item.key for item in items]
    assert not VaultKey.objects.filter(pk__in=numbers).exists()
    assert not SearchToken.objects.filter(key__in=numbers).exists()
    # No row of people or of history was touched.
    assert list(PersonalDatum.objects.order_by("pk").values()) == rows
    assert list(PersonalDatum.history.order_by("history_id").values()) == versions
    assert keys.lost_keys() == []
    act.refresh_from_db()
    assert (act.state, act.started_at, act.finished_at) == (
        ActState.RUNNING, act.started_at, act.started_at,
    )  # fmt: skip
    assert act.finished_at is not None


def _article(act: DestructionAct) -> str:
    return ActItem.objects.filter(act=act)[0].article


def test_the_proof_of_the_consent_stays_three_years(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    run(approved(team))
    proof = Consent.objects.filter(ground__subject=subject)
    assert {one.state for one in open_rows(proof, "evidence").values()} == {State.OPEN}
    late = datetime(2029, 3, 3, 9, tzinfo=NOW.tzinfo)
    act = draft(team, until=late.date(), now=late)
    act = act_approve(act=act, by=team.dpo, now=late)
    assert act.due_on == date(2029, 3, 3)
    with pytest.raises(NotDueYet):
        run(act, date(2029, 3, 2))


def test_once_its_three_years_are_over_the_proof_goes(live_office: Office) -> None:
    team = live_office.pandev
    subject = leaving(team)
    late = datetime(2029, 3, 3, 9, tzinfo=NOW.tzinfo)
    for act in act_draft(operator=team.operator, until=late.date(), by=None, now=late):
        act_approve(act=act, by=team.dpo, now=late)
        act_execute(act, now=late, today=late.date())
    proof = Consent.objects.filter(ground__subject=subject)
    assert {one.state for one in open_rows(proof, "evidence").values()} == {State.DESTROYED}


def test_it_is_refused_unapproved_too_early_cancelled_and_closed(office: Office) -> None:
    team = office.pandev
    leaving(team)
    act = draft(team)
    with pytest.raises(ForbiddenTransition):
        run(act)
    act = act_approve(act=act, by=team.dpo, now=NOW)
    with pytest.raises(NotDueYet, match="2026"):
        run(act, act.due_on - timedelta(days=1))
    act_cancel(act=act, reason="wrong", by=team.dpo, now=NOW)
    with pytest.raises(ForbiddenTransition):
        run(act)
    assert not DestructionItem.objects.exists()


def test_what_a_request_asks_for_does_not_wait_for_the_day(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    stop_place(subject=subject, label="REQ-1", reason="open", by=team.clerk, now=NOW)
    act = approved(team, label="REQ-1", subjects=[subject.pk], by=team.clerk)
    assert act.due_on > TODAY
    assert run(act, TODAY)["destroyed"] == 2
    assert all(item.reason.startswith("REQ-1: KZ.") for item in DestructionItem.objects.all())


def test_an_automatic_act_runs_without_anybody(office: Office) -> None:
    automatic(office.pandev)
    leaving(office.pandev)
    act = draft(office.pandev)
    assert run(act)["destroyed"] == 2
    assert set(DestructionItem.objects.values_list("destroyed_by", flat=True)) == {None}


# --- what stays ----------------------------------------------------------------------------------
def test_a_stop_in_place_at_execution_stops_its_person_alone(office: Office) -> None:
    team = office.pandev
    held, goes = leaving(team), leaving(team, email="b@example.org")
    act = approved(team)
    hold_place(
        subject=held, document="ruling of a court", label="2-145/2026", reason="court", by=team.dpo,
        now=NOW,
    )  # fmt: skip
    assert run(act) == {"destroyed": 2, "stays": 0, "stopped": 2, "gone": 0, "elsewhere": 0}
    assert set(DestructionItem.objects.values_list("owner", flat=True)) == {goes.pk}
    stopped = ActItem.objects.filter(act=act, subject=held)
    assert {(item.outcome, item.why) for item in stopped} == {
        (Outcome.STOPPED, "legal_hold; 2-145/2026")
    }


def test_another_requests_stop_stops_a_request(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    act = approved(team, label="REQ-1", subjects=[subject.pk], by=team.clerk)
    stop_place(subject=subject, label="REQ-2", reason="open", by=team.clerk, now=NOW)
    assert run(act)["stopped"] == 2


def test_a_ground_given_between_draft_and_execution_keeps_the_data(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    act = approved(team)
    consent(team, subject, evidence="")
    assert run(act) == {"destroyed": 0, "stays": 2, "stopped": 0, "gone": 0, "elsewhere": 0}
    items = ActItem.objects.filter(act=act)
    assert {(item.outcome, item.why) for item in items} == {(Outcome.STAYS, "accounts; 7(1), 8")}
    assert not DestructionItem.objects.exists()


def test_what_another_act_destroyed_is_said(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    act = approved(team)
    numbers = list(ActItem.objects.filter(act=act).values_list("key", flat=True))
    other = DestructionAct.objects.create(
        operator=team.operator, number="ACT-X", due_on=TODAY, drafted_at=NOW
    )
    keys_destroy(filter(None, numbers[:1]), reason="x", by=None, now=NOW, act=other)
    assert run(act) == {"destroyed": 1, "stays": 0, "stopped": 0, "gone": 1, "elsewhere": 0}
    assert ActItem.objects.get(act=act, key=numbers[0]).why == "ACT-X"
    assert subject.data.count() == 2


def test_a_card_merged_after_the_draft_is_followed(office: Office) -> None:
    """Its data lie on another card now: that one's grounds and stops count."""
    team = office.pandev
    first, second = leaving(team), leaving(team, email="b@example.org")
    act = approved(team)
    for gone, covered in ((first, False), (second, True)):
        into = card(team)
        cards_merge(into=into, other=gone, by=team.dpo, now=NOW, reason="the same")
        if covered:
            consent(team, into, evidence="")
    assert run(act) == {"destroyed": 2, "stays": 2, "stopped": 0, "gone": 0, "elsewhere": 0}
    assert keys.lost_keys() == []


def test_a_stop_on_the_card_that_was_merged_still_holds(office: Office) -> None:
    team = office.pandev
    gone, into = leaving(team), card(team)
    hold_place(
        subject=gone, document="ruling of a court", label="7", reason="court", by=team.dpo, now=NOW
    )
    cards_merge(into=into, other=gone, by=team.dpo, now=NOW, reason="the same")
    found = plan(team.operator, until=date(2026, 12, 1), subjects=[into.pk], today=TODAY)
    assert found.going == [] and sum(one.stopped for one in found.staying) == 2


# --- files ---------------------------------------------------------------------------------------
def test_sealed_files_are_removed(live_office: Office) -> None:
    team = live_office.pandev
    subject = person(team)
    category = DataCategory.objects.filter(operator=team.operator, format="image")[0]
    with transaction.atomic():
        file = file_seal(
            operator=team.operator, kind=Sealed.FILE, owner=subject.pk, category=category.pk,
            pieces=[JPEG], media_type="image/jpeg", now=NOW,
        )  # fmt: skip
        datum_record(
            subject=subject, category=category, file=file, collected_on=TODAY, by=team.clerk,
            today=TODAY,
        )  # fmt: skip
    withdraw(team, subject)
    assert file.path.exists()
    act = approved(team)
    assert run(act)["destroyed"] == 3
    assert not Path(file.path).exists()


# --- the keys of the day -------------------------------------------------------------------------
def test_the_act_says_from_when_no_copy_opens(office: Office, settings: Any) -> None:
    settings.KEK_ROTATION_DAYS, settings.KEK_RETIREMENT_DAYS = 30, 7
    team = office.pandev
    leaving(team)
    kek = MasterKey.objects.get(use="kek")
    act = approved(team)
    run(act)
    act.refresh_from_db()
    # Made in January 2025, it should have been rotated long ago: at the earliest that is today.
    assert (act.kek, act.mute_on) == (kek.number, act.due_on + timedelta(days=7))
    young = MasterKey(made_at=NOW, use="kek", number=9)
    assert executing.retires_on(young, NOW) == TODAY + timedelta(days=37)
    young.retire_on = TODAY + timedelta(days=3)
    assert executing.retires_on(young, NOW) == TODAY + timedelta(days=3)


def test_it_works_without_the_kek(office: Office) -> None:
    """The destroyer opens nothing."""
    team = office.pandev
    leaving(team)
    act = approved(team)
    for path in keyring.folder().glob("kek-*"):
        path.unlink()
    keyring.forget()
    try:
        assert run(act)["destroyed"] == 2
    except keyring.KeysMissing:
        pytest.skip("the evidence key's ring wants all keys whole")


# --- killed, twice, at once ----------------------------------------------------------------------
class Killed(BaseException):
    """What no ``except Exception`` catches."""


def many(team: Team, count: int) -> DestructionAct:
    for n in range(count):
        leaving(team, email=f"p{n}@example.org")
    return approved(team)


def test_killed_between_chunks_it_goes_on(office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr(executing, "ITEMS", 3)
    act = many(office.pandev, 4)

    def kill(looked: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        run(act, after_chunk=kill)
    done = DestructionItem.objects.count()
    act.refresh_from_db()
    assert 0 < done < 8 and act.state == ActState.RUNNING and act.finished_at is None
    # A person's values go together.
    assert done % 2 == 0
    assert run(act)["destroyed"] == 8 - done
    assert outcomes(act) == ["destroyed!"] * 8


@pytest.mark.parametrize("where", ["keys_destroy_many", "standing_stops", "_say_keks"])
def test_killed_inside_a_chunk_nothing_of_it_is_done(
    office: Office, monkeypatch: Any, where: str
) -> None:
    monkeypatch.setattr(executing, "ITEMS", 3)
    act = many(office.pandev, 3)
    whole = getattr(executing, where)
    calls: list[int] = []

    def second_time(*args: Any, **options: Any) -> Any:
        calls.append(1)
        found = whole(*args, **options)
        if len(calls) == 2:
            raise Killed
        return found

    monkeypatch.setattr(executing, where, second_time)
    with pytest.raises(Killed):
        run(act)
    assert DestructionItem.objects.count() == 2
    left = set(VaultKey.objects.values_list("pk", flat=True))
    assert not left & set(DestructionItem.objects.values_list("key", flat=True))
    assert keys.lost_keys() == []
    assert run(act)["destroyed"] == 4


def test_twice_does_nothing_more(office: Office) -> None:
    act = many(office.pandev, 2)
    run(act)
    act.refresh_from_db()
    before = list(DestructionItem.objects.values()), act.history.count(), act.finished_at
    assert run(act, act.due_on + timedelta(days=9)) == {
        "destroyed": 0, "stays": 0, "stopped": 0, "gone": 0, "elsewhere": 0,
    }  # fmt: skip
    act.refresh_from_db()
    assert (list(DestructionItem.objects.values()), act.history.count(), act.finished_at) == before


def test_queries_do_not_grow_with_the_people_of_a_chunk(office: Office) -> None:
    few, more = many(office.pandev, 2), many(office.pandev, 8)
    with CaptureQueriesContext(connection) as one:
        run(few)
    with CaptureQueriesContext(connection) as other:
        run(more)
    assert DestructionItem.objects.filter(act=more).count() == 16
    assert len(other) <= len(one) + 2


def test_two_workers_never_do_it_twice(live_office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr(executing, "ITEMS", 3)
    act = many(live_office.pandev, 6)
    found = side_by_side(*[lambda: run(act)] * 3)
    assert not [one for one in found if isinstance(one, BaseException)], found
    assert sum(one["destroyed"] for one in found) == 12
    assert DestructionItem.objects.filter(act=act).count() == 12
    act.refresh_from_db()
    assert act.finished_at is not None and act.history.filter(
        history_change_reason="executed"
    ).count() == 1  # fmt: skip


def test_a_ground_that_begins_at_the_same_moment_wins_or_is_refused(live_office: Office) -> None:
    """Whoever is first: never a live ground over a destroyed value that nobody was told of."""
    team = live_office.pandev
    for n in range(4):
        subject = leaving(team, email=f"p{n}@example.org")
        act = approved(team)

        def give(subject: Any = subject) -> Any:
            return consent(team, subject, evidence="")

        given, did = side_by_side(give, lambda act=act: run(act))
        if isinstance(given, Consent):
            assert (did["destroyed"], did["stays"]) == (0, 2)
        else:
            assert isinstance(given, ConsentOlderThanDestruction), given
            assert (did["destroyed"], did["stays"]) == (2, 0)


def test_rotation_and_execution_at_once_do_not_wait_for_each_other(live_office: Office) -> None:
    team = live_office.pandev
    act = many(team, 10)
    rotated, did = side_by_side(
        lambda: keys.kek_rotate(by=None, now=timezone.now()), lambda: run(act)
    )
    assert isinstance(rotated, MasterKey), rotated
    assert did["destroyed"] == 20
    act.refresh_from_db()
    assert act.mute_on is not None
