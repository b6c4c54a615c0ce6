"""What a system answers later, how both sides sign, and the setting that names it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from subjects.choices import ActState, CallState
from subjects.models import ActItem, DestructionAct, SystemCall
from subjects.services.calling import (
    answer_path,
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
from tests.conftest import Office
from tests.subjects.acting import NOW
from tests.subjects.calling_room import english, running, set_up, sweep, system
from tests.subjects.system_server import SECRET, System
from tests.subjects.test_elsewhere import carry_out

# Fixtures of the room.
__all__ = ["english", "system"]


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
