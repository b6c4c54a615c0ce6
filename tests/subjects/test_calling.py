"""Systems that are told by webhook: once, signed, held where they must be, and nothing leaks."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse
from django.utils.translation import override

from registry.models import Notice
from registry.services import holding, sending
from registry.services.sending import PAUSES, STUCK_AFTER
from subjects.choices import ActState, CallState, Outcome
from subjects.models import AccessEvent, ActItem, DestructionAct, SystemCall
from subjects.services import calling
from subjects.services.calling import (
    CallGoesOn,
    answer_path,
    call_retry,
    calls_draft,
    calls_sweep,
)
from subjects.services.holds import hold_place
from subjects.webhooks import (
    ANSWER,
    ANSWER_LIMIT,
    CALL,
    SIGNATURE_HEADER,
    TIME_HEADER,
    CallFailed,
    WebhookAt,
    call,
    is_signed,
    signature,
    webhooks,
)
from tests.conftest import Office, Team
from tests.subjects.acting import NOW, approved
from tests.subjects.system_server import SECRET, System, all_done, listening
from tests.subjects.test_elsewhere import ACCOUNT, carry_out, moment, somebody, system_of


@pytest.fixture(autouse=True)
def english() -> Any:
    with override("en"):
        yield


@pytest.fixture
def system() -> Iterator[System]:
    with listening() as found:
        yield found


def set_up(team: Team, system: System) -> Any:
    return override_settings(WEBHOOKS=(system.hook(team.operator.code, system_of(team).code),))


def running(team: Team, people: int = 1) -> DestructionAct:
    """An act that is being executed, and waits for a system."""
    for number in range(people):
        somebody(team, email=f"p{number}@example.org", account=f"{ACCOUNT}-{number}")
    act = approved(team)
    carry_out(act)
    act.refresh_from_db()
    assert act.state == ActState.RUNNING
    return act


def sweep(act: DestructionAct, after: timedelta = timedelta()) -> dict[str, int]:
    return {name: n for name, n in calls_sweep(now=moment(act) + after).items() if n}


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


# --- what a system answers later -----------------------------------------------------------------
@pytest.fixture
def told(live_office: Office, system: System) -> Iterator[tuple[SystemCall, DestructionAct]]:
    """A system that was told and has not confirmed; the test runs with its webhook set."""
    team = live_office.pandev
    act = running(team, people=2)
    with set_up(team, system):
        sweep(act)
        yield SystemCall.objects.get(), act


def answer(row: SystemCall, said: Any, **changed: Any) -> Any:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    path = changed.get("path", answer_path(row))
    at = int(time.time()) + changed.get("late", 0)
    sign = signature(
        changed.get("secret", SECRET), who=changed.get("who", ANSWER),
        path=changed.get("signed_path", path), at=at, body=changed.get("signed", body),
    )  # fmt: skip
    return Client().post(
        path, body, content_type="application/json",
        headers={TIME_HEADER: str(at), SIGNATURE_HEADER: sign},
    )  # fmt: skip


def codes() -> list[str]:
    return sorted(ActItem.objects.filter(key=None).values_list("subject__code", flat=True))


def test_it_answers_later_as_often_as_it_likes(told: Any) -> None:
    row, act = told
    first, second = codes()
    for _ in range(2):
        found = answer(row, {"done": [first]})
        assert found.status_code == 200
    assert found.json() == {"confirmed": 0}
    assert answer(row, {"done": [first, second]}).json() == {"confirmed": 1}
    assert SystemCall.objects.get().state == CallState.DONE
    carry_out(act)
    act.refresh_from_db()
    assert act.state == ActState.CLOSED
    # A replay after the end harms nothing.
    assert answer(row, {"done": [first, second]}).json() == {"confirmed": 0}
    assert answer(row, {"done": ["S-22222222"]}).status_code == 409


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": "x" * 40}, {"late": -301}, {"late": 302}, {"who": CALL}, {"signed": b"{}"},
        {"signed_path": "/webhooks/destruction/1/1/"}, {"path": "/webhooks/destruction/0/0/"},
    ],
)  # fmt: skip
def test_what_is_not_signed_for_this_is_refused(told: Any, changed: dict[str, Any]) -> None:
    row, _ = told
    found = answer(row, {"done": codes()}, **changed)
    assert (found.status_code, found.json()) == (403, {"error": "not signed"})
    assert not ActItem.objects.exclude(outcome="").exists()


def test_without_its_webhook_a_system_is_nobody(told: Any) -> None:
    row, _ = told
    with override_settings(WEBHOOKS=()):
        assert answer(row, {"done": codes()}).status_code == 403


@pytest.mark.parametrize(
    "said, status",
    [
        ({"done": ["S-22222222"]}, 422), ({"done": [1]}, 422), ([], 422), (b"{", 422),
        (b"\xff", 422), (b"[" * 200_000, 422), (b" " * (ANSWER_LIMIT + 1), 413),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_changes_nothing(
    told: Any, said: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    row, _ = told
    with caplog.at_level(logging.DEBUG):
        assert answer(row, said).status_code == status
    assert "S-22222222" not in caplog.text
    assert not ActItem.objects.exclude(outcome="").exists()


def test_one_wrong_code_records_none_of_the_others(told: Any) -> None:
    row, _ = told
    assert answer(row, {"done": [*codes(), "S-22222222"]}).status_code == 422
    assert not ActItem.objects.exclude(outcome="").exists()


def test_what_a_stop_holds_is_a_conflict(told: Any, live_office: Office) -> None:
    row, _ = told
    hold_place(
        subject=ActItem.objects.filter(key=None)[0].subject, document="ruling", label="2-145",
        reason="court",
        by=live_office.pandev.dpo, now=NOW,
    )  # fmt: skip
    found = answer(row, {"done": codes()})
    assert (found.status_code, found.json()["error"]) == (409, "LineHeld")
    assert not ActItem.objects.exclude(outcome="").exists()


def test_only_a_post_is_taken(told: Any) -> None:
    row, _ = told
    assert Client().get(answer_path(row)).status_code == 405
    assert Client(enforce_csrf_checks=True).post(answer_path(row)).status_code == 403


# --- the setting ---------------------------------------------------------------------------------
def test_the_setting_names_systems_and_hides_secrets() -> None:
    text = f"pandev/crm=https://office:{SECRET}@crm.example.org:8443/gone?a=1"
    (found,) = webhooks(text, loopback=False)
    assert found == WebhookAt("pandev", "crm", "https://crm.example.org:8443/gone?a=1", SECRET)
    assert SECRET not in repr(found)
    assert webhooks("", loopback=False) == ()
    assert webhooks(f"a/b=http://x:{SECRET}@[::1]:80/", loopback=True)[0].url == "http://[::1]:80/"


@pytest.mark.parametrize(
    "text",
    [
        f"a/b=http://x:{SECRET}@example.org/", f"a/b=http://x:{SECRET}@127.0.0.1/",
        "a/b=https://x:short@example.org/", "a/b=https://example.org/",
        f"b=https://x:{SECRET}@example.org/", f"a/b=https://x:{SECRET}@example.org:port/",
        f"a/b=ftp://x:{SECRET}@example.org/", f"a/b=https://x:{SECRET}@h/ a/b=https://x:{SECRET}@h/",
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^WEBHOOKS.*\.$") as refusal:
        webhooks(text, loopback=False)
    assert SECRET not in str(refusal.value) and "short" not in str(refusal.value).split("is ")[0]


def test_a_signature_is_of_one_speaker_path_and_time() -> None:
    facts = {"who": CALL, "path": "/gone", "body": b"x"}
    sign = signature(SECRET, at=1000, **facts)  # type: ignore[arg-type]
    good = {"at": "1000", "sign": sign, "now": 1000.0, **facts}
    assert is_signed(SECRET, **good)  # type: ignore[arg-type]
    for changed in (
        {"who": ANSWER}, {"path": "/"}, {"body": b"y"}, {"at": "1001"}, {"now": 1301.0},
        {"now": 699.0}, {"at": "+1000"}, {"at": "١٠٠٠"}, {"at": ""}, {"sign": ""}, {"sign": "é"},
    ):  # fmt: skip
        assert not is_signed(SECRET, **(good | changed))  # type: ignore[arg-type]


def test_a_certificate_that_nobody_knows_is_refused(system: System) -> None:
    hook = WebhookAt("a", "b", f"https://127.0.0.1:{system.port}/", SECRET)
    with pytest.raises(CallFailed, match="SSL"):
        call(hook, key="k", body=b"{}", now=0.0)


def test_without_a_setting_nobody_is_called() -> None:
    assert settings.WEBHOOKS == ()


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
