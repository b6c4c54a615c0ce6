"""The mailbox is read: taken once, from its arrival on, and left empty."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import override_settings
from django.utils.translation import override

from registry.choices import Intake, RunState
from registry.models import JobRun, SubjectLine
from requests import tasks
from requests.mailboxes import MailboxAt, mailboxes
from requests.models import IncomingMail, SubjectRequest
from requests.services import fetching
from requests.services.fetching import mailboxes_fetch
from requests.services.mailbox import mail_ingested
from requests.services.told import told
from tests.conftest import Office
from tests.requests.asking import item_of
from tests.requests.imap_server import PASSWORD, USER, Shelf, serving
from tests.requests.mailing import READ, TEXT, UPDATE, WITHDRAWAL, ingest, mail

CAME = datetime(2026, 3, 5, 9, tzinfo=UTC)
ALL_TAKEN = {"taken": 1, "left": 0, "failed": 0}


@pytest.fixture
def english() -> Any:
    with override("en"):
        yield


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def port(shelf: Shelf) -> Iterator[int]:
    with serving(shelf) as found:
        yield found


def at(code: str, port: int, **changed: Any) -> MailboxAt:
    found: dict[str, Any] = {
        "operator": code, "security": "imap", "host": "127.0.0.1", "port": port, "user": USER,
        "password": PASSWORD,
    }  # fmt: skip
    return MailboxAt(**(found | changed))


def fetch(*boxes: MailboxAt, now: datetime = READ) -> dict[str, int]:
    return mailboxes_fetch(boxes=boxes, now=now)


# --- taken ---------------------------------------------------------------------------------------
def test_a_mail_is_sealed_here_then_leaves_the_mailbox(
    office: Office, shelf: Shelf, port: int
) -> None:
    shelf.put(mail(WITHDRAWAL))
    assert fetch(at("ipm", port)) == ALL_TAKEN
    request = SubjectRequest.objects.get()
    # The server's own stamp counts: not the mail's Date, nor the moment of reading.
    assert (request.received_at, request.registered_at) == (CAME, READ)
    assert item_of(request).deadlines.get().trigger_at == CAME
    assert TEXT in told(request, opened=True)["message"].text
    assert shelf.left() == []
    assert fetch(at("ipm", port)) == ALL_TAKEN | {"taken": 0}


def test_dying_between_the_sealing_and_the_leaving_doubles_nothing(
    office: Office, shelf: Shelf, port: int
) -> None:
    shelf.put(mail())
    shelf.dies_before = "STORE"
    assert fetch(at("ipm", port)) == {"taken": 1, "left": 0, "failed": 1}
    assert shelf.left() == [1]
    assert fetch(at("ipm", port)) == ALL_TAKEN
    assert shelf.left() == []
    assert SubjectRequest.objects.count() == IncomingMail.objects.count() == 1


def test_the_same_again_is_no_flood(office: Office, shelf: Shelf, port: int) -> None:
    for _again in range(25):
        ingest(office.ipm, mail("Hello"))
    other = ingest(office.ipm, mail(UPDATE, number="<2@example.org>"))
    assert (other.place, other.why) == ("request", "marked")


def test_mails_may_go_to_a_folder_instead(office: Office, shelf: Shelf, port: int) -> None:
    shelf.put(mail())
    assert fetch(at("ipm", port, moved_to="Taken")) == ALL_TAKEN
    assert (shelf.left(), shelf.left("Taken")) == ([], [1])
    shelf.put(mail(WITHDRAWAL, number="<2@example.org>"))
    # A folder that is not there loses nothing.
    assert fetch(at("ipm", port, moved_to="Nowhere"))["failed"] == 1
    assert shelf.left() == [2]
    assert IncomingMail.objects.count() == 2


def test_of_a_mail_that_is_too_big_the_request_counts_all_the_same(
    office: Office, shelf: Shelf, port: int
) -> None:
    uid = shelf.put(mail(WITHDRAWAL, text=TEXT + "\n" + "long\n" * 100_000))
    shelf.sizes[uid] = 60 * 1024 * 1024
    for _again in range(2):
        assert fetch(at("ipm", port)) == {"taken": 1, "left": 1, "failed": 0}
    assert SubjectRequest.objects.get().received_at == CAME
    assert shelf.left() == [uid]


def test_a_stamp_of_tomorrow_is_now(office: Office, shelf: Shelf, port: int) -> None:
    shelf.put(mail(), came="05-Mar-2036 09:00:00 +0000")
    fetch(at("ipm", port))
    assert IncomingMail.objects.get().received_at == READ


# --- refused -------------------------------------------------------------------------------------
def test_one_mailbox_that_fails_keeps_no_other_waiting(
    office: Office, shelf: Shelf, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.put(mail())
    wrong = [
        at("ipm", port, password="wrong"),
        at("ipm", port, folder="Nowhere"),
        at("ipm", 1),
        at("nobody", port),
    ]
    with caplog.at_level(logging.DEBUG):
        assert fetch(*wrong, at("pandev", port)) == {"taken": 1, "left": 0, "failed": 4}
    assert IncomingMail.objects.get().operator == office.pandev.operator
    assert "canary" not in caplog.text and PASSWORD not in caplog.text


def test_what_an_operator_may_not_take_stays_where_it_is(
    office: Office, shelf: Shelf, port: int
) -> None:
    operator = office.ipm.operator
    operator.is_active = False
    operator.save()
    shelf.put(mail())
    assert fetch(at("ipm", port)) == {"taken": 0, "left": 1, "failed": 0}
    assert shelf.left() == [1]


def test_a_mail_that_breaks_us_keeps_no_other_waiting(
    office: Office, shelf: Shelf, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        shelf.put(mail(number=f"<{number}@x>"))

    def broken(*, raw: bytes, **found: Any) -> Any:
        if b"<1@x>" in raw:
            raise RuntimeError("canary")
        return mail_ingested(raw=raw, **found)

    monkeypatch.setattr(fetching, "mail_ingested", broken)
    assert fetch(at("ipm", port)) == {"taken": 2, "left": 1, "failed": 1}
    assert shelf.left() == [2]
    monkeypatch.undo()
    assert fetch(at("ipm", port)) == ALL_TAKEN


def certificate(folder: Path, day: datetime) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(day - timedelta(days=1))
        .not_valid_after(day + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain = folder / "chain.pem"
    chain.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


def test_a_server_that_nobody_vouches_for_gets_no_password(
    office: Office, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.put(mail())
    with serving(shelf, certificate(tmp_path, datetime.now(UTC))) as port:
        box = at("ipm", port, security="imaps", host="localhost")
        assert fetch(box)["failed"] == 1
        assert "LOGIN" not in shelf.asked
        trusted = ssl.create_default_context(cafile=str(tmp_path / "chain.pem"))
        monkeypatch.setattr(fetching.ssl, "create_default_context", lambda: trusted)
        assert fetch(box) == ALL_TAKEN


# --- the job -------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_job_reads_what_the_settings_name(office: Office, shelf: Shelf, port: int) -> None:
    shelf.put(mail(), came="05-Mar-2020 09:00:00 +0000")
    with override_settings(MAILBOXES=(at("ipm", port),)):
        tasks.fetch_mail()
    assert JobRun.objects.get(job="fetch_mail").state == RunState.DONE
    with override_settings(MAILBOXES=(at("ipm", 1),)):
        tasks.fetch_mail()
    assert JobRun.objects.filter(job="fetch_mail").latest("pk").state == RunState.FAILED
    assert IncomingMail.objects.count() == 1


# --- the operator's own subject lines ------------------------------------------------------------
OWN = [
    ("ru", "Отзыв согласия на обработку данных", Intake.WITHDRAWAL, "withdrawal"),
    ("kk", "Дербес деректерді жою туралы", Intake.DESTRUCTION, "destruction"),
    ("ru", "Запрос сведений", Intake.INFORMATION, "information"),
    ("kk", "Деректерді түзету", Intake.RECTIFICATION, "correction"),
    ("en", "A question about my data", Intake.QUESTION, "other"),
]


@pytest.mark.parametrize(("language", "text", "intake", "kind"), OWN)
def test_a_line_of_the_register_opens_its_request(
    office: Office, language: str, text: str, intake: str, kind: str
) -> None:
    team = office.pandev
    SubjectLine.objects.create(
        operator=team.operator, text=text, language=language, intake=intake,
        mailbox="requests@example.com", clause="8",
    )  # fmt: skip
    row = ingest(team, mail(f"Re: {text.upper()} - А. А."))
    assert row.request is not None
    assert [item.kind for item in row.request.items.all()] == [kind]
    assert row.request.language == language
    # Another operator has not promised it.
    assert ingest(office.ipm, mail(text)).place == "triage"


def test_a_line_for_anything_is_read_by_a_person(office: Office) -> None:
    SubjectLine.objects.create(
        operator=office.ipm.operator, text="Обращение", language="ru", intake=Intake.ANY,
        mailbox="requests@example.com", clause="8",
    )  # fmt: skip
    assert ingest(office.ipm, mail("Обращение")).place == "triage"


# --- the setting ---------------------------------------------------------------------------------
def test_the_setting_names_mailboxes() -> None:
    ipm, pandev = mailboxes(
        f"ipm=imaps://{quote(USER)}:{quote(PASSWORD)}@mail.example.com "
        "pandev=imap+starttls://u:p@mail.example.com:1143/Personal%20data?moved_to=Taken"
    )
    assert (ipm.user, ipm.password, ipm.port, ipm.folder) == (USER, PASSWORD, 993, "INBOX")
    assert (pandev.port, pandev.folder, pandev.moved_to) == (1143, "Personal data", "Taken")
    assert PASSWORD not in repr(ipm) and USER not in repr(ipm)
    assert mailboxes("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "imaps://u:secret@h", "ipm=", "ipm=imaps://h", "ipm=imaps://u@h", "ipm=imaps://u:secret@",
        "ipm=pop3://u:secret@h", "ipm=imap://u:secret@mail.example.com", "ipm=imaps://u:secret@h:x",
        "ipm=imaps://u:secret@h?after=keep", "ipm=imaps://u:secret@h?x", "=imaps://u:secret@h",
        "ipm=imaps://u:secret@h ipm=imaps://u:secret@h", "ipm=imaps://u:secret@h#x",
        "ipm=imaps://[u:secret@h",
    ],
)  # fmt: skip
def test_a_setting_that_is_wrong_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"^MAILBOXES.*\.$") as refusal:
        mailboxes(text)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None
