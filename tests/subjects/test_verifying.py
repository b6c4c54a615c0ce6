"""After the destruction: nothing opens, nothing was left, and what was found keeps the act open."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction

from config import health
from registry.models import InformationSystem
from registry.states import ForbiddenTransition
from subjects.choices import ActState, PaperKind
from subjects.models import ActItem, ActPaper, DestructionAct, PersonalDatum, VaultKey
from subjects.services import closing, executing, sweeping, verifying
from subjects.services.acts import act_approve, act_draft, item_confirm
from subjects.services.closing import NotConfirmed, NotVerified, act_close
from subjects.services.executing import act_execute
from subjects.services.people import datum_record
from subjects.services.sweeping import act_carry_out, destruction_sweep
from subjects.services.verifying import (
    NotExecuted,
    VerificationFailed,
    act_verify,
    needles_of,
)
from subjects.vault import keyring
from tests.conftest import Office, Team
from tests.subjects.acting import approved, automatic, leaving, withdraw
from tests.subjects.people import NOW, TODAY, card, category_of, consent, datum, person

EMAIL = "unmistakable.person@example.org"
LATER = datetime(2026, 6, 1, 9, tzinfo=NOW.tzinfo)


def moment(act: DestructionAct) -> datetime:
    return datetime.combine(act.due_on, NOW.timetz())


def executed(act: DestructionAct) -> DestructionAct:
    act_execute(act, now=moment(act), today=act.due_on)
    act.refresh_from_db()
    return act


def of_request(team: Team, subject: Any = None) -> DestructionAct:
    subject = subject or leaving(team, email=EMAIL)
    return approved(team, label="REQ-1", subjects=[subject.pk], by=team.clerk)


# --- the structure -------------------------------------------------------------------------------
def test_every_version_of_every_value_is_mute(office: Office) -> None:
    team = office.pandev
    leaving(team)
    act = executed(approved(team))
    act = act_verify(act, now=moment(act))
    assert act.verified_at == moment(act)
    structure = act.verification["structure"]
    assert (structure["keys"], structure["live"], structure["tried"]) == (2, 2, 4)
    assert structure["history"] == 2
    assert not any(structure[name] for name in verifying.MUST_BE_NONE)
    assert act.verification["by_value"] == {"state": "not_asked", "values": 0, "found": 0}
    assert act.verification["failed"] == []
    # Again: nothing happens.
    assert act_verify(act, now=LATER).verified_at == moment(act)


def test_what_was_not_executed_is_not_verified(office: Office) -> None:
    leaving(office.pandev)
    act = approved(office.pandev)
    with pytest.raises(NotExecuted):
        act_verify(act, now=NOW)
    with pytest.raises(ForbiddenTransition):
        act_close(act, now=NOW)


@pytest.mark.parametrize("left", ["key", "token", "item", "version"])
def test_whatever_is_left_keeps_the_act_open(office: Office, left: str) -> None:
    team = office.pandev
    subject = leaving(team)
    other = person(team, email="other@example.org")
    act = executed(approved(team))
    key = ActItem.objects.filter(act=act)[0].key
    stands = VaultKey.objects.filter(owner=other.pk)[0]
    with connection.cursor() as cursor:
        if left == "key":
            stands.pk = key
            stands.save(force_insert=True)
        elif left == "token":
            cursor.execute(
                "INSERT INTO subjects_searchtoken (token, key) VALUES (%s, %s)", [b"x" * 8, key]
            )
        elif left == "item":
            ActItem.objects.create(act=act, subject=subject, key=10**9, due_on=TODAY)
        else:
            row = PersonalDatum.objects.get(value_key=key)
            names = ", ".join(
                field.column for field in PersonalDatum.history.model.tracked_fields
                if field.column != "value_key"
            )  # fmt: skip
            cursor.execute(
                f"INSERT INTO subjects_historicalpersonaldatum ({names}, value_key, history_date, "
                f"history_type) SELECT {names}, %s, CURRENT_TIMESTAMP, '~' "
                "FROM subjects_personaldatum WHERE id = %s",
                [stands.pk, row.pk],
            )
    with pytest.raises(VerificationFailed, match=act.number):
        act_verify(act, now=NOW)
    act.refresh_from_db()
    assert act.verified_at is None and act.verification["failed"]
    with pytest.raises(NotVerified):
        act_close(act, now=NOW)
    assert sweeping.unverified() == [act.number]
    assert act.number in health._checks()["acts"]


# --- by value ------------------------------------------------------------------------------------
def test_a_request_is_searched_for_by_value(live_office: Office) -> None:
    team = live_office.pandev
    act = of_request(team)
    needles = needles_of(act)
    # The name is no identifier; nothing of it stands in the repr.
    assert needles.values == (EMAIL,) and EMAIL not in repr(needles)
    act = act_verify(executed(act), now=NOW, needles=needles)
    found = act.verification["by_value"]
    assert (found["state"], found["values"], found["found"]) == ("done", 1, 0)
    assert found["cells"] > 1_000
    assert EMAIL not in json.dumps(act.verification)


@pytest.mark.parametrize("where", ["session", "cell", "queue"])
def test_a_value_that_was_left_is_found_and_not_told(
    live_office: Office, settings: Any, where: str
) -> None:
    team = live_office.pandev
    act = of_request(team)
    needles = needles_of(act)
    act = executed(act)
    place = settings.OFFICE_VAR / "broker" / "left.msg"
    session = SessionStore()
    if where == "session":
        # Packed and signed as the office keeps it.
        session["typed"] = EMAIL
        session.save()
    elif where == "cell":
        ActItem.objects.filter(act=act).update(why=f"said by {EMAIL}")
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(EMAIL)
    try:
        with pytest.raises(VerificationFailed) as failure:
            act_verify(act, now=NOW, needles=needles)
    finally:
        place.unlink(missing_ok=True)
    assert EMAIL not in str(failure.value)
    act.refresh_from_db()
    found = act.verification["by_value"]
    assert found["found"] and act.verification["failed"] == ["traces"]
    assert EMAIL not in json.dumps(act.verification) and found["places"]
    # Looking again without knowing for what does not make it good.
    with pytest.raises(VerificationFailed):
        act_verify(act, now=NOW)
    ActItem.objects.filter(act=act).update(why="")
    session.delete()
    assert act_verify(act, now=LATER, needles=needles).verified_at == LATER


def test_without_the_kek_it_says_so(office: Office) -> None:
    act = of_request(office.pandev)
    for path in keyring.folder().glob("kek-*"):
        path.unlink()
    keyring.forget()
    assert needles_of(act) == verifying.Remembered("keys_missing")


def test_a_crash_in_between_leaves_the_structural_check(office: Office) -> None:
    act = executed(of_request(office.pandev))
    act = act_verify(act, now=LATER, needles=None)
    assert act.verified_at == LATER and act.verification["by_value"]["state"] == "lost"


def test_begun_again_it_says_that_it_knew_a_part(office: Office, monkeypatch: Any) -> None:
    team = office.pandev
    monkeypatch.setattr(executing, "ITEMS", 2)
    people = [leaving(team, email=f"unmistakable{n}@example.org") for n in range(2)]
    act = approved(team, label="REQ-1", subjects=[one.pk for one in people], by=team.clerk)

    def kill(looked: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        act_execute(act, now=moment(act), today=act.due_on, after_chunk=kill)
    needles = needles_of(act)
    assert needles.state == "partly" and needles.values == ("unmistakable1@example.org",)


# --- the close -----------------------------------------------------------------------------------
def test_an_act_is_closed_when_all_of_it_is_gone(live_office: Office) -> None:
    team = live_office.pandev
    subject = person(team)
    system = InformationSystem.objects.filter(operator=team.operator)[0]
    datum_record(
        subject=subject, category=category_of(team, "phone"), held_in="system", system=system,
        collected_on=TODAY, by=team.clerk, today=TODAY,
    )  # fmt: skip
    withdraw(team, subject)
    act = approved(team)
    did = act_carry_out(act, now=moment(act), today=act.due_on)
    # The address, by which the person is found there, waits for the confirmation.
    assert (did["executed"], did["elsewhere"], did["verified"], did["closed"]) == (1, 1, 0, 0)
    with pytest.raises(NotVerified):
        act_close(DestructionAct.objects.get(pk=act.pk), now=moment(act))
    item_confirm(
        item=ActItem.objects.get(act=act, key=None), how="deleted", by=team.clerk, now=moment(act)
    )
    assert act_carry_out(
        DestructionAct.objects.get(pk=act.pk), now=moment(act), today=act.due_on
    )["closed"] == 1  # fmt: skip
    act.refresh_from_db()
    assert (act.state, act.closed_at) == (ActState.CLOSED, moment(act))
    papers = ActPaper.objects.filter(act=act)
    assert {(row.kind, row.language) for row in papers} == {
        (PaperKind.LOG, ""), (PaperKind.ACT, "ru"), (PaperKind.ACT, "kk"), (PaperKind.ACT, "en"),
    }  # fmt: skip


def test_what_nobody_has_confirmed_is_not_closed(live_office: Office) -> None:
    """Executed and verified: nothing finds the person there but a name, which waits for nobody."""
    team = live_office.pandev
    subject = card(team)
    consent(team, subject)
    datum(team, subject, "full_name", "Тестов Пробный")
    system = InformationSystem.objects.filter(operator=team.operator)[0]
    datum_record(
        subject=subject, category=category_of(team, "phone"), held_in="system", system=system,
        collected_on=TODAY, by=team.clerk, today=TODAY,
    )  # fmt: skip
    withdraw(team, subject)
    act = approved(team)
    did = act_carry_out(act, now=moment(act), today=act.due_on)
    assert (did["destroyed"], did["verified"], did["closed"]) == (1, 1, 0)
    with pytest.raises(NotConfirmed):
        act_close(DestructionAct.objects.get(pk=act.pk), now=moment(act))
    assert not ActPaper.objects.exists()


def test_killed_while_the_papers_are_written_it_has_none(office: Office, monkeypatch: Any) -> None:
    team = office.pandev
    leaving(team)
    act = act_verify(executed(approved(team)), now=NOW)

    def kill(*args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(closing, "clock_meet", kill)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        act_close(act, now=NOW)
    assert not ActPaper.objects.exists()
    monkeypatch.undo()
    assert act_close(act, now=NOW).state == ActState.CLOSED
    assert ActPaper.objects.filter(act=act).count() == 4


# --- the sweep -----------------------------------------------------------------------------------
def test_the_sweep_does_it_all_on_the_day_and_not_before(live_office: Office) -> None:
    team = live_office.pandev
    automatic(team)
    subject = leaving(team)
    (day,) = set(
        VaultKey.objects.filter(owner=subject.pk, kind=1).values_list("destroy_on", flat=True)
    )
    zone = team.operator.zone
    early = destruction_sweep(now=NOW)
    assert (early["drafted"], early["executed"], early["failed"]) == (0, 0, 0)
    before = datetime(day.year, day.month, day.day - 1, 23, 59, tzinfo=zone)
    did = destruction_sweep(now=before)
    assert (did["drafted"], did["executed"], did["failed"]) == (1, 0, 0)
    after = datetime(day.year, day.month, day.day, 0, 1, tzinfo=zone)
    did = destruction_sweep(now=after)
    assert (did["destroyed"], did["verified"], did["closed"], did["failed"]) == (2, 1, 1, 0)
    # Twice, and late.
    did = destruction_sweep(now=after)
    assert not any(number for name, number in did.items() if name != "looked")
    assert DestructionAct.objects.count() == 1


def test_a_missed_month_is_made_up(live_office: Office) -> None:
    automatic(live_office.pandev)
    leaving(live_office.pandev)
    did = destruction_sweep(now=datetime(2026, 6, 1, 9, tzinfo=NOW.tzinfo))
    assert (did["drafted"], did["destroyed"], did["closed"]) == (1, 2, 1)


def test_what_needs_people_waits_for_them(live_office: Office) -> None:
    team = live_office.pandev
    leaving(team)
    late = datetime(2026, 6, 1, 9, tzinfo=NOW.tzinfo)
    did = destruction_sweep(now=late)
    assert (did["drafted"], did["waiting"], did["executed"]) == (1, 1, 0)
    act = DestructionAct.objects.get()
    act_approve(act=act, by=team.dpo, now=late)
    assert destruction_sweep(now=late)["closed"] == 1


def test_one_failing_act_does_not_stop_the_others(live_office: Office, monkeypatch: Any) -> None:
    for team in (live_office.pandev, live_office.ipm):
        automatic(team)
        leaving(team)
    whole = sweeping.act_execute

    def fails(act: DestructionAct, **options: Any) -> Any:
        if act.operator == live_office.ipm.operator:
            raise RuntimeError("secret")
        return whole(act, **options)

    monkeypatch.setattr(sweeping, "act_execute", fails)
    late = datetime(2026, 6, 1, 9, tzinfo=NOW.tzinfo)
    did = destruction_sweep(now=late)
    assert (did["closed"], did["failed"]) == (1, 1)
    monkeypatch.undo()
    assert destruction_sweep(now=late)["closed"] == 1


def test_an_evidence_of_a_year_is_drafted_for_people(office: Office) -> None:
    """No retention rule speaks of proofs: somebody approves."""
    team = office.pandev
    leaving(team)
    late = datetime(2029, 3, 3, 9, tzinfo=NOW.tzinfo)
    acts = act_draft(operator=team.operator, until=late.date(), by=None, now=late)
    assert [act.automatic for act in acts] == [False, False]
