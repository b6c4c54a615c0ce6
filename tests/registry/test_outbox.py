"""The outbox: each notice goes once; what fails waits its turn; what died is taken up again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test import override_settings

from registry import tasks
from registry.choices import NoticeKind, NoticeState
from registry.models import Notice, User
from registry.services import outbox, sending
from registry.services.outbox import (
    PAUSES,
    ROUND,
    STUCK_AFTER,
    NoticeAlreadySent,
    deliver,
    message_id,
    notice_retry,
)
from tests.conftest import Office

NOW = datetime(2026, 3, 18, 6, tzinfo=UTC)
FILES = "registry.mailfiles.EmailBackend"


def make_notice(office: Office, key: str = "one", **changes: Any) -> Notice:
    fields = {
        "operator": office.ipm.operator,
        "recipient": office.ipm.clerk,
        "kind": NoticeKind.URGENT,
        "key": key,
        "subject": "Срочно: INQ-2026-0001",
        "body": "Жауап беру мерзімі бүгін.\n",
        "next_attempt_at": NOW,
        "created_at": NOW,
    } | changes
    return Notice.objects.create(**fields)


class Refusing(BaseEmailBackend):
    """A mail server that answers every letter with the address it does not know."""

    def send_messages(self, email_messages: Any) -> int:
        raise SMTPRecipientsRefused({"clerk.ipm@example.org": (550, b"clerk.ipm@example.org")})


class Dying(BaseEmailBackend):
    """The worker dies after the letter has gone and before anything is written down."""

    def send_messages(self, email_messages: Any) -> int:
        mail.outbox.extend(email_messages)
        raise KeyboardInterrupt


# As config.settings has it: whoever rings does not wait for a broker that is away.
QUICK = {"max_retries": 1, "interval_start": 0}
REFUSING = f"{__name__}.Refusing"
DYING = f"{__name__}.Dying"


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Path]:
    with override_settings(EMAIL_BACKEND=FILES, OFFICE_MAIL=tmp_path / "mail"):
        yield tmp_path / "mail"


def read(path: Path) -> Message:
    return message_from_bytes(path.read_bytes())


# --- once -----------------------------------------------------------------------------------
def test_a_notice_is_sent_once(office: Office) -> None:
    notice = make_notice(office)
    assert deliver(now=NOW) == {"sent": 1, "not_sent": 0}
    assert deliver(now=NOW + timedelta(days=30)) == {"sent": 0, "not_sent": 0}
    (letter,) = mail.outbox
    assert letter.to == ["clerk.ipm@example.org"]
    assert letter.extra_headers["Message-ID"] == message_id(notice)
    assert letter.extra_headers["Auto-Submitted"] == "auto-generated"
    notice.refresh_from_db()
    assert (notice.state, notice.sent_at, notice.attempts) == (NoticeState.SENT, NOW, 1)


def test_a_notice_waits_for_its_time(office: Office) -> None:
    make_notice(office, next_attempt_at=NOW + timedelta(seconds=1))
    assert deliver(now=NOW)["sent"] == 0
    assert deliver(now=NOW + timedelta(seconds=1))["sent"] == 1


def test_two_workers_send_each_notice_once(live_office: Office, mailbox: Path) -> None:
    notices = [make_notice(live_office, str(number)) for number in range(40)]
    barrier = threading.Barrier(2)
    counts: list[int] = []

    def work() -> None:
        try:
            barrier.wait(10)
            counts.append(deliver(now=NOW)["sent"])
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(counts) == 2 and sum(counts) == len(notices)
    assert len(list(mailbox.iterdir())) == len(notices)
    assert set(Notice.objects.values_list("state", "attempts")) == {("sent", 1)}


def test_each_notice_has_a_message_id_of_its_own_that_never_changes(office: Office) -> None:
    one, other = make_notice(office), make_notice(office, "other")
    assert message_id(one) == message_id(Notice.objects.get(pk=one.pk)) != message_id(other)
    assert "@" in message_id(one) and "clerk" not in message_id(one)


# --- failing --------------------------------------------------------------------------------
def test_a_failing_server_is_tried_again_with_growing_pauses_then_a_person_must_look(
    office: Office,
) -> None:
    notice = make_notice(office)
    now = NOW
    with override_settings(EMAIL_BACKEND=REFUSING):
        for number, pause in enumerate(PAUSES, 1):
            assert deliver(now=now)["not_sent"] == 1
            notice.refresh_from_db()
            assert (notice.state, notice.attempts) == (NoticeState.PENDING, number)
            assert notice.next_attempt_at == now + pause
            assert deliver(now=now + pause - timedelta(seconds=1))["not_sent"] == 0
            now += pause
        assert deliver(now=now)["not_sent"] == 1
    notice.refresh_from_db()
    assert (notice.state, notice.attempts) == (NoticeState.FAILED, len(PAUSES) + 1)
    assert sorted(PAUSES) == PAUSES
    assert deliver(now=now + timedelta(days=30)) == {"sent": 0, "not_sent": 0}


def test_the_error_names_no_address(office: Office) -> None:
    notice = make_notice(office)
    with override_settings(EMAIL_BACKEND=REFUSING):
        deliver(now=NOW)
    notice.refresh_from_db()
    assert notice.error == "SMTPRecipientsRefused"


def test_one_letter_that_fails_does_not_stop_the_others(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = make_notice(office, "bad", subject="two\nlines"), make_notice(office, "good")
    assert deliver(now=NOW) == {"sent": 1, "not_sent": 1}
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.error, good.state) == ("BadHeaderError", NoticeState.SENT)


def test_it_is_sent_when_the_server_is_back(office: Office) -> None:
    notice = make_notice(office)
    with override_settings(EMAIL_BACKEND=REFUSING):
        deliver(now=NOW)
    assert deliver(now=NOW + PAUSES[0])["sent"] == 1
    notice.refresh_from_db()
    assert (notice.state, notice.error, notice.attempts) == (NoticeState.SENT, "", 2)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"email": ""}, "no address"), ({"is_active": False}, "the recipient has left")],
)
def test_without_somebody_to_send_to_it_waits(
    office: Office, change: dict[str, Any], error: str
) -> None:
    notice = make_notice(office)
    User.objects.filter(pk=office.ipm.clerk.pk).update(**change)
    assert deliver(now=NOW) == {"sent": 0, "not_sent": 1}
    notice.refresh_from_db()
    assert (notice.state, notice.error) == (NoticeState.PENDING, error)
    assert mail.outbox == []


def test_a_person_gives_a_failed_notice_another_try(office: Office) -> None:
    notice = make_notice(office, state=NoticeState.FAILED, attempts=9, error="TimeoutError")
    later = NOW + timedelta(days=3)
    assert notice_retry(notice=notice, now=later).state == NoticeState.PENDING
    assert deliver(now=later)["sent"] == 1


@pytest.mark.parametrize("state", [NoticeState.SENT, NoticeState.SENDING])
def test_what_was_sent_or_is_being_sent_gets_no_other_try(office: Office, state: str) -> None:
    sent_at = NOW if state == NoticeState.SENT else None
    notice = make_notice(office, state=state, sent_at=sent_at, claimed_at=NOW)
    with pytest.raises(NoticeAlreadySent):
        notice_retry(notice=notice, now=NOW)


# --- dying ----------------------------------------------------------------------------------
def test_what_another_worker_has_claimed_is_left_alone_until_it_must_have_died(
    office: Office,
) -> None:
    make_notice(office, state=NoticeState.SENDING, claimed_at=NOW, attempts=1)
    almost = NOW + STUCK_AFTER - timedelta(seconds=1)
    assert deliver(now=almost) == {"sent": 0, "not_sent": 0}
    assert mail.outbox == []
    assert deliver(now=NOW + STUCK_AFTER)["sent"] == 1


def test_a_letter_whose_worker_died_goes_again_under_the_same_message_id(office: Office) -> None:
    notice = make_notice(office)
    with override_settings(EMAIL_BACKEND=DYING), pytest.raises(KeyboardInterrupt):
        deliver(now=NOW)
    notice.refresh_from_db()
    assert (notice.state, notice.sent_at) == (NoticeState.SENDING, None)
    assert deliver(now=NOW + STUCK_AFTER)["sent"] == 1
    first, second = (letter.extra_headers["Message-ID"] for letter in mail.outbox)
    assert first == second == message_id(notice)


@pytest.mark.parametrize("outcome", [None, "TimeoutError"], ids=["sent", "failed"])
def test_a_worker_that_wakes_too_late_does_not_undo_what_another_did(
    office: Office, monkeypatch: pytest.MonkeyPatch, outcome: str | None
) -> None:
    notice = make_notice(office)
    send = outbox._send

    def slow(row: Notice) -> str | None:
        monkeypatch.setattr(outbox, "_send", send)
        # Meanwhile ten minutes pass and another worker takes it over.
        assert deliver(now=NOW + STUCK_AFTER)["sent"] == 1
        return outcome

    monkeypatch.setattr(outbox, "_send", slow)
    deliver(now=NOW)
    notice.refresh_from_db()
    assert (notice.state, notice.attempts) == (NoticeState.SENT, 2)
    assert notice.sent_at == NOW + STUCK_AFTER


def test_a_round_ends_before_its_claims_look_dead(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        make_notice(office, str(number))
    assert ROUND < STUCK_AFTER / 2
    seconds = iter([0.0, 1.0, ROUND.total_seconds() + 1])
    monkeypatch.setattr(sending.time, "monotonic", lambda: next(seconds))
    assert deliver(now=NOW)["sent"] == 1
    monkeypatch.undo()
    assert deliver(now=NOW)["sent"] == 2


# --- the demo's mail files ------------------------------------------------------------------
def test_a_mail_file_is_named_by_its_message_id_and_reads_back(
    office: Office, mailbox: Path
) -> None:
    notice = make_notice(office)
    deliver(now=NOW)
    (path,) = mailbox.iterdir()
    assert path.name == f"{message_id(notice)[1:-1]}.eml"
    letter = read(path)
    assert letter["Message-ID"] == message_id(notice)
    payload = letter.get_payload(decode=True)
    assert isinstance(payload, bytes) and payload.decode() == notice.body
    assert mailbox.stat().st_mode & 0o077 == 0


def test_a_letter_that_goes_twice_is_one_file(office: Office, mailbox: Path) -> None:
    notice = make_notice(office)
    for _ in range(2):
        Notice.objects.filter(pk=notice.pk).update(state=NoticeState.PENDING, sent_at=None)
        assert deliver(now=NOW)["sent"] == 1
    assert len(list(mailbox.iterdir())) == 1


def test_a_mail_file_is_there_whole_or_not_at_all(
    office: Office, mailbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = make_notice(office)
    write = Path.write_bytes

    def torn(path: Path, content: bytes) -> int:
        write(path, content[: len(content) // 2])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", torn)
    assert deliver(now=NOW)["not_sent"] == 1
    notice.refresh_from_db()
    assert notice.error == "OSError"
    assert list(mailbox.iterdir()) == []
    monkeypatch.undo()
    with override_settings(EMAIL_BACKEND=FILES, OFFICE_MAIL=mailbox):
        assert deliver(now=NOW + PAUSES[0])["sent"] == 1


def test_no_message_id_leaves_the_folder(mailbox: Path) -> None:
    with override_settings(EMAIL_BACKEND=FILES, OFFICE_MAIL=mailbox):
        EmailMessage("x", "y", to=["a@b"], headers={"Message-ID": "<../../x@y>"}).send()
    (path,) = mailbox.iterdir()
    assert path.parent == mailbox


# --- the doorbell ---------------------------------------------------------------------------
def test_a_bell_that_nobody_hears_is_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = "redis://127.0.0.1:1/0"
    with tasks.deliver.app.connection_for_write(broker, transport_options=QUICK) as nobody:
        ring = tasks.deliver.apply_async
        monkeypatch.setattr(
            tasks.deliver, "apply_async", lambda **kw: ring(connection=nobody, **kw)
        )
        tasks.ring(tasks.deliver)
