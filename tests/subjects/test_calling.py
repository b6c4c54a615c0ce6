"""Systems that are told by webhook: once, signed, held where they must be, and nothing leaks."""

from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.urls import reverse

from registry.models import Notice
from registry.services import holding, sending
from registry.services.sending import PAUSES, STUCK_AFTER
from subjects.choices import CallState, Outcome
from subjects.models import AccessEvent, ActItem, SystemCall
from subjects.services import calling
from subjects.services.calling import (
    CallGoesOn,
    call_retry,
    calls_draft,
    calls_sweep,
)
from subjects.services.holds import hold_place
from subjects.webhooks import (
    ANSWER_LIMIT,
)
from tests.conftest import Office
from tests.subjects.acting import NOW, approved
from tests.subjects.calling_room import english, running, set_up, sweep, system
from tests.subjects.system_server import System, all_done, listening
from tests.subjects.test_elsewhere import ACCOUNT, carry_out, moment, somebody, system_of

# Fixtures of the room.
__all__ = ["english", "system"]


# --- told and confirmed --------------------------------------------------------------------------
def test_a_system_is_told_and_confirms_at_once(live_office: Office, system: System) -> None:
    team = live_office.pandev
    system.answer = all_done
    act = running(team)
    with set_up(team, system):
        assert sweep(act) == {"called": 1, "confirmed": 1}
        assert sweep(act) == {}
    (told,) = system.asked
    assert system.signed == [True]
    item = ActItem.objects.get(key=None)
    assert told["people"] == [
        {"card": item.subject.code, "found_by": [f"{ACCOUNT}-0"], "categories": ["phone"],
         "due_on": item.due_on.isoformat()}
    ]  # fmt: skip
    assert (item.outcome, item.confirmed_by) == (Outcome.DESTROYED, None)
    row = SystemCall.objects.get()
    assert item.why == f"webhook {row.key}" and row.state == CallState.DONE
    event = AccessEvent.objects.filter(what="export").latest("pk")
    assert event.user is None and event.details["kind"] == "webhook"
    assert carry_out(act)["closed"] == 1


def test_nobody_is_told_before_the_execution_or_without_a_webhook(
    live_office: Office, system: System
) -> None:
    team = live_office.pandev
    somebody(team, account=ACCOUNT)
    act = approved(team)
    with set_up(team, system):
        assert sweep(act) == {}
    carry_out(act)
    assert sweep(act) == {}
    with override_settings(WEBHOOKS=(system.hook("ipm", system_of(team).code),)):
        assert sweep(act) == {}
    assert system.asked == [] and not SystemCall.objects.exists()


def test_whom_a_stop_holds_by_then_nobody_is_told_of(live_office: Office, system: System) -> None:
    team = live_office.pandev
    act = running(team, people=2)
    held = ActItem.objects.filter(key=None)[0].subject
    hold_place(subject=held, document="ruling", label="2-145", reason="court", by=team.dpo, now=NOW)
    with set_up(team, system):
        sweep(act)
    (told,) = system.asked
    assert len(told["people"]) == 1 and held.code not in json.dumps(told)


def test_what_is_confirmed_in_parts_is_told_in_parts(
    live_office: Office, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "PEOPLE", 2)
    team = live_office.pandev
    system.answer = all_done
    act = running(team, people=3)
    with set_up(team, system):
        assert sweep(act) == {"called": 1, "confirmed": 2}
        assert sweep(act) == {"called": 1, "confirmed": 1}
    assert [len(told["people"]) for told in system.asked] == [2, 1]
    assert len(set(system.keys)) == 2
    assert SystemCall.objects.get().state == CallState.DONE


# --- late, twice, killed -------------------------------------------------------------------------
def test_what_fails_is_tried_again_under_the_same_key_and_escalated_once(
    live_office: Office, system: System
) -> None:
    team = live_office.pandev
    system.status = 503
    act = running(team)
    after = timedelta()
    with set_up(team, system):
        for pause in PAUSES:
            assert "called" not in sweep(act, after)
            # Nothing goes before the pause is over.
            assert sweep(act, after + pause - timedelta(seconds=1)) == {}
            after += pause
        assert SystemCall.objects.get().state == CallState.WAITING
        sweep(act, after)
        row = SystemCall.objects.get()
        assert (row.state, row.last_error) == (CallState.FAILED, "HTTP 503")
        assert sweep(act, after + timedelta(days=30)) == {}
        (mail,) = Notice.objects.filter(key__startswith="call:")
        assert mail.recipient == team.dpo and ACCOUNT not in mail.body + mail.subject
        assert len(system.keys) == len(PAUSES) + 1 and len(set(system.keys)) == 1
        system.status, system.answer = 200, all_done
        call_retry(row=row, now=moment(act) + after)
        assert sweep(act, after) == {"called": 1, "confirmed": 1}
    with pytest.raises(CallGoesOn):
        call_retry(row=row, now=moment(act))


def test_a_death_between_the_call_and_its_record_doubles_nothing(
    live_office: Office, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = live_office.pandev
    system.answer = all_done
    act = running(team)
    with set_up(team, system):

        def dies(*_args: Any, **_named: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(calling, "answer_take", dies)
            with pytest.raises(KeyboardInterrupt):
                sweep(act)
        assert SystemCall.objects.get().state == CallState.SENDING
        assert sweep(act, STUCK_AFTER - timedelta(seconds=1)) == {}
        assert sweep(act, STUCK_AFTER) == {"called": 1, "confirmed": 1}
    assert len(system.keys) == 2 and len(set(system.keys)) == 1
    assert ActItem.objects.get(key=None).outcome == Outcome.DESTROYED


def test_dead_after_the_confirmation_it_is_not_told_again(
    live_office: Office, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = live_office.pandev
    system.answer = all_done
    act = running(team)
    with set_up(team, system):

        def dies(*_args: Any, **_named: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(calling, "_settle", dies)
            with pytest.raises(KeyboardInterrupt):
                sweep(act)
        assert ActItem.objects.get(key=None).outcome == Outcome.DESTROYED
        sweep(act, STUCK_AFTER)
    assert len(system.asked) == 1 and SystemCall.objects.get().state == CallState.DONE


def test_two_workers_tell_once(
    live_office: Office, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = live_office.pandev
    # It answers later: what keeps the second from calling is the claim alone.
    act = running(team)
    barrier = threading.Barrier(2)
    failed: list[BaseException] = []
    round_of = sending.send_round

    def both_have_listed(numbers: Any, **verbs: Any) -> dict[str, int]:
        assert len(numbers) == 1
        barrier.wait(10)
        return round_of(numbers, **verbs)

    monkeypatch.setattr(sending, "send_round", both_have_listed)

    def work() -> None:
        try:
            calls_sweep(now=moment(act))
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    with set_up(team, system):
        calls_draft(now=moment(act))
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert failed == [] and len(system.asked) == 1


def test_nothing_goes_while_a_restored_database_waits(live_office: Office, system: System) -> None:
    team = live_office.pandev
    act = running(team)
    holding.hold(did={}, numbers={}, now=NOW)
    with set_up(team, system):
        assert sweep(act) == {}
    assert system.asked == [] and not SystemCall.objects.exists()


def test_a_clock_that_went_back_loses_nothing(live_office: Office, system: System) -> None:
    team = live_office.pandev
    system.status = 503
    act = running(team)
    with set_up(team, system):
        sweep(act, timedelta(days=1))
        assert sweep(act) == {}
        system.status, system.answer = 200, all_done
        assert sweep(act, timedelta(days=1, minutes=1)) == {"called": 1, "confirmed": 1}


@pytest.mark.parametrize(
    "status, answer, headers, error",
    [
        (302, b"", {"Location": "/elsewhere"}, "HTTP 302"),
        (500, ACCOUNT.encode(), {}, "HTTP 500"),
        (200, b"{", {}, "no JSON"),
        (200, b"[1]", {}, "AnswerUnreadable"),
        (200, b'{"done": "S-22222222"}', {}, "AnswerUnreadable"),
        (200, b'{"done": ["S-22222222"]}', {}, "LineOfNobody"),
        (200, b'{"done": ["canary-account-1-0"]}', {}, "LineOfNobody"),
        (200, b" " * (ANSWER_LIMIT + 1), {}, "answer too large"),
    ],
)
def test_what_a_system_answers_wrong_confirms_nothing(
    live_office: Office, system: System, caplog: pytest.LogCaptureFixture,
    status: int, answer: bytes, headers: dict[str, str], error: str,
) -> None:  # fmt: skip
    team = live_office.pandev
    system.status, system.answer, system.headers = status, lambda told: answer, headers
    act = running(team)
    with set_up(team, system), caplog.at_level(logging.DEBUG):
        assert sweep(act) == {"not_called": 1}
    assert SystemCall.objects.get().last_error == error
    assert not ActItem.objects.exclude(outcome="").exists()
    assert len(system.asked) == 1 and ACCOUNT not in caplog.text


def test_a_system_that_is_not_there_is_an_error_without_its_words(live_office: Office) -> None:
    team = live_office.pandev
    act = running(team)
    with listening() as gone:
        pass
    with set_up(team, gone):
        assert sweep(act) == {"not_called": 1}
    assert SystemCall.objects.get().last_error == "ConnectionRefusedError"


def test_what_it_confirms_of_somebody_held_meanwhile_is_refused(
    live_office: Office, system: System
) -> None:
    team = live_office.pandev
    act = running(team)
    subject = ActItem.objects.get(key=None).subject

    def hold() -> None:
        try:
            hold_place(
                subject=subject, document="ruling", label="2-145", reason="court",
                by=team.dpo, now=NOW,
            )  # fmt: skip
        finally:
            connection.close()

    system.answer, system.meanwhile = all_done, hold
    with set_up(team, system):
        assert sweep(act) == {"not_called": 1}
    assert SystemCall.objects.get().last_error == "LineHeld"
    assert not ActItem.objects.exclude(outcome="").exists()


def test_a_system_that_is_silent_for_days_is_escalated(live_office: Office, system: System) -> None:
    team = live_office.pandev
    act = running(team)
    with set_up(team, system):
        assert sweep(act) == {"called": 1}
        assert SystemCall.objects.get().state == CallState.SENT
        assert sweep(act, timedelta(days=2)) == {}
        assert sweep(act, timedelta(days=3)) == {"escalated": 1}
        assert sweep(act, timedelta(days=4)) == {}


# --- the pages -----------------------------------------------------------------------------------
def test_the_desk_and_the_page_of_a_call(live_office: Office, system: System, as_user: Any) -> None:
    team = live_office.pandev
    system.status = 503
    act = running(team)
    with set_up(team, system):
        for hours in range(3):
            sweep(act, timedelta(hours=hours))
    row = SystemCall.objects.get()
    desk = as_user(team.dpo).get(reverse("admin:index")).content.decode()
    assert "systems that have not confirmed" in desk
    listed = reverse("admin:subjects_systemcall_changelist") + "?trouble=yes"
    assert act.number in as_user(team.auditor).get(listed).content.decode()
    page = reverse("admin:subjects_systemcall_retry", args=[row.pk])
    for user, status in (
        (team.auditor, 403), (live_office.ipm.dpo, 404), (live_office.ipm.clerk, 404),
        (live_office.nobody, 404),
    ):  # fmt: skip
        assert as_user(user).get(page).status_code == status
        assert as_user(user).post(page).status_code == status
    assert as_user(team.clerk).post(page).status_code == 302
    assert SystemCall.objects.get().attempts == 0
    assert as_user(team.clerk).get(page).status_code == 200
