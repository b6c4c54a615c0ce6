"""The outbox of letters: once, again under the same number, never with a word of the person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.test import override_settings

from registry.models import JobRun
from registry.services.sending import PAUSES, STUCK_AFTER
from requests import states, tasks
from requests.models import Letter
from requests.services import posting
from requests.services.letters import letter_addresses, letter_text
from requests.services.posting import letters_deliver, message_id
from subjects.services.destruction import keys_destroy
from subjects.services.stops import block_place
from subjects.services.tables import database_rows
from subjects.traces import Needles, Search
from tests.conftest import Office
from tests.requests import asking
from tests.requests import corresponding as c
from tests.requests.asking import LATER, NOW, TOLD


class Refusing(BaseEmailBackend):
    """A mail server whose error names the address and the letter."""

    def send_messages(self, email_messages: Any) -> int:
        raise RuntimeError(f"550 {email_messages[0].to} {email_messages[0].body}")


class Dying(BaseEmailBackend):
    """The process dies after the letter has gone and before anything is written down."""

    def send_messages(self, email_messages: Any) -> int:
        mail.outbox.extend(email_messages)
        raise KeyboardInterrupt


REFUSING, DYING = f"{__name__}.Refusing", f"{__name__}.Dying"


def did(**changed: int) -> dict[str, int]:
    return {"receipts": 0, "failed": 0, "sent": 0, "not_sent": 0} | changed


def test_a_receipt_goes_by_itself_and_once(office: Office) -> None:
    request = asking.again(asking.receive(office.pandev))
    asking.receive(office.ipm, answer_by="post")
    taken_back = asking.receive(office.ipm)
    asking.withdraw(taken_back, office.ipm)
    assert letters_deliver(now=NOW) == did(receipts=1, sent=1)
    letter = c.only(request, "receipt")
    assert (letter.state, letter.sent_at, letter.attempts) == (states.SENT, NOW, 1)
    assert (letter.made_by, letter.error) == (None, "")
    (sent,) = mail.outbox
    assert sent.to == [TOLD["email"]] and sent.body == letter_text(letter).text
    assert request.number in sent.subject and TOLD["name"] not in sent.subject
    assert sent.extra_headers["Message-ID"] == message_id(letter)
    assert TOLD["email"] not in message_id(letter)
    assert sent.reply_to == [office.pandev.operator.email]
    assert letters_deliver(now=NOW + timedelta(hours=1)) == did()
    assert len(mail.outbox) == 1


@override_settings(EMAIL_BACKEND=REFUSING)
def test_what_fails_is_tried_again_then_waits_for_a_person(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team))
    now = NOW
    for attempt, pause in enumerate([*PAUSES, None], 1):
        letters_deliver(now=now)
        letter = c.only(request, "receipt")
        assert (letter.attempts, letter.error, letter.sent_at) == (attempt, "RuntimeError", None)
        if pause is None:
            break
        assert (letter.state, letter.next_attempt_at) == (states.QUEUED, now + pause)
        assert letters_deliver(now=now + pause - timedelta(seconds=1)) == did()
        now += pause
    assert letter.state == states.FAILED
    assert letters_deliver(now=now + timedelta(days=9)) == did()
    kept = f"{caplog.text} {list(letter.history.values('error', 'history_change_reason'))}"
    assert not [word for word in c.SECRETS if word in kept]
    c.retry(letter, team, now=now)
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        assert letters_deliver(now=now) == did(sent=1)


def test_a_killed_worker_sends_again_under_the_same_number(office: Office) -> None:
    request = asking.again(asking.receive(office.pandev))
    with override_settings(EMAIL_BACKEND=DYING), pytest.raises(KeyboardInterrupt):
        letters_deliver(now=NOW)
    letter = c.only(request, "receipt")
    assert (letter.state, letter.sent_at) == (states.SENDING, None)
    # Not while the other may still be at it.
    assert letters_deliver(now=NOW + STUCK_AFTER - timedelta(seconds=1)) == did()
    assert letters_deliver(now=NOW + STUCK_AFTER) == did(sent=1)
    first, second = (one.extra_headers["Message-ID"] for one in mail.outbox)
    assert first == second == message_id(letter)


def test_who_wakes_too_late_undoes_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    request = asking.again(asking.receive(office.pandev))
    send = posting._send

    def slow(letter: Letter) -> str | None:
        monkeypatch.setattr(posting, "_send", send)
        assert letters_deliver(now=NOW + STUCK_AFTER)["sent"] == 1
        return "TimeoutError"

    monkeypatch.setattr(posting, "_send", slow)
    letters_deliver(now=NOW)
    letter = c.only(request, "receipt")
    assert (letter.state, letter.attempts, letter.error) == (states.SENT, 2, "")
    assert letter.sent_at == NOW + STUCK_AFTER


def test_a_receipt_that_cannot_be_written_keeps_nobody_waiting(office: Office) -> None:
    lost = asking.again(asking.receive(office.pandev))
    whole = asking.again(asking.receive(office.ipm))
    keys_destroy([lost.email_key], reason="by mistake", by=None, now=NOW)
    assert letters_deliver(now=NOW) == did(receipts=1, failed=1, sent=1)
    assert Letter.objects.get().request == whole


def test_a_destroyed_letter_is_not_sent(office: Office) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team, answer_by="by_hand"))
    letter = c.send(c.draft(request, team, way="email"), team)
    keys_destroy([letter.body_key], reason="due", by=None, now=LATER)
    assert letters_deliver(now=LATER) == did(not_sent=1)
    assert c.fresh(letter).error == "ValueDestroyed" and not mail.outbox


def test_a_block_stops_no_letter_of_its_own_request(office: Office) -> None:
    """152-FZ 21(1): what is blocked is used for nothing but the request; its letters are that."""
    team = office.pandev
    known, request = asking.asked(team)
    block_place(
        subject=known.card, why="check", label=request.number, reason="checked", by=team.dpo,
        now=NOW,
    )  # fmt: skip
    assert letters_deliver(now=NOW) == did(receipts=1, sent=1)
    (sent,) = mail.outbox
    # Where the letter itself came from, never what the card holds.
    assert sent.to == [TOLD["email"]]
    data = [TOLD["email"], TOLD["name"]]
    held = [value for value in asking.VALUES.values() if value not in data]
    assert not [value for value in held if value in sent.body]


def test_the_task_records_its_run(office: Office) -> None:
    asking.receive(office.pandev)
    tasks.post_letters()
    run = JobRun.objects.get(job="post_letters")
    assert (run.state, run.did["sent"], run.error) == ("done", 1, "")


def test_no_table_holds_a_word_of_a_letter(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    team = office.pandev
    _known, request = c.decided(team)
    reply = c.send(c.draft(request, team), team)
    c.send(c.draft(request, team, kind="decision"), team)
    paper = c.send(c.draft(request, team, way="post"), team)
    c.printed(paper, team)
    c.prove(paper, team)
    asking.close(request, team)
    letters_deliver(now=LATER)
    assert c.fresh(reply).state == states.SENT
    assert letter_addresses([reply], opened=True)[reply].text == TOLD["email"]
    needles = Needles([*TOLD.values(), "canary-reply", "canary-message"])
    found = list(Search(needles).rows(database_rows()))
    assert [one for one in found if "letter" in str(one).lower()] == []
    assert found == []
    assert not [word for word in c.SECRETS if word in caplog.text]
