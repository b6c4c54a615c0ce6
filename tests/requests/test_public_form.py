"""From the public form by the mailed code to the receipt, and what stays of it where."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.explain import long_day
from registry.models import Deadline, Operator
from requests.models import IdentityCheck, SubjectRequest, Submission
from requests.models.subject_requests import RequestKind
from requests.services.told import told as told_of
from requests.services.tracking import code_of, tracking_path
from subjects.models import DestructionItem, SealedFile, VaultKey
from subjects.services.keys import lost_keys
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.requests.forms import (
    BY_POST,
    CANARIES,
    EMAIL,
    FORM,
    MESSAGE,
    NAME,
    NOW,
    PDF,
    POSTAL,
    confirm,
    counts,
    everywhere,
    mailed_code,
    opened,
    other_code,
    page_of,
    path,
    picture,
    send,
    sent,
    upload,
)
from tests.subjects.people import person

pytestmark = pytest.mark.django_db
WISHES = sorted(RequestKind.values)


@pytest.fixture(autouse=True)
def clock(office: Office) -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def later(clock: Any, **passed: float) -> datetime:
    clock.shift(timedelta(**passed))
    return datetime.now(NOW.tzinfo)


# --- with an e-mail ------------------------------------------------------------------------------
@pytest.mark.parametrize("code", ["pandev", "ipm"])
@pytest.mark.parametrize("wish", WISHES)
def test_a_confirmed_form_is_a_request_with_a_clock(code: str, wish: str, clock: Any) -> None:
    client = Client()
    row = sent(client, FORM | {"wish": wish}, code)
    assert not SubjectRequest.objects.exists()
    confirmed_at = later(clock, minutes=10)
    assert confirm(client, row).headers["Location"] == page_of(row)
    request = SubjectRequest.objects.get()
    assert (request.operator.code, request.channel, request.state) == (code, "web_form", "received")
    # The confirmation is the receipt, not the sending of the form.
    assert request.received_at == request.registered_at == confirmed_at
    assert (request.answer_by, request.language) == ("email", "en")
    assert [item.kind for item in request.items.all()] == [wish]
    assert Deadline.objects.get().trigger_at == confirmed_at
    shown = told_of(request, opened=True)
    assert {name: shown[name].text for name in ("name", "email", "message", "postal")} == {
        "name": NAME, "email": EMAIL, "message": MESSAGE, "postal": "",
    }  # fmt: skip
    check = IdentityCheck.objects.get()
    assert (check.kind, check.checked_by, check.request) == ("contact", None, request)


def test_what_the_form_held_is_destroyed_when_it_became_a_request() -> None:
    client = Client()
    row = sent(client, FORM | {"file_1": upload(PDF), "file_2": upload(picture())})
    files = list(SealedFile.objects.filter(kind=Sealed.SUBMISSION, owner=row.pk))
    paths = [file.path for file in files]
    assert len(files) == 2 and all(file.path.exists() for file in files)
    keys = {row.told_key, *(file.key for file in files)}
    with CommitHooks():
        confirm(client, row)
    assert not VaultKey.objects.filter(kind=Sealed.SUBMISSION).exists()
    assert set(DestructionItem.objects.values_list("key", flat=True)) == keys
    assert not SealedFile.objects.filter(kind=Sealed.SUBMISSION).exists()
    assert not [path for path in paths if path.exists()]
    assert lost_keys() == []
    # The files are the request's now, with the types that their contents have.
    (letter,) = SubjectRequest.objects.get().letters.all()
    assert [row.file.media_type for row in letter.files.order_by("pk")] == [
        "application/pdf", "image/jpeg",
    ]  # fmt: skip


class CommitHooks:
    """Runs what waits for the commit: a test's own transaction never comes to it."""

    def __enter__(self) -> None:
        self.before = len(connection.run_on_commit)

    def __exit__(self, *_: Any) -> None:
        hooks = connection.run_on_commit[self.before :]
        connection.run_on_commit = connection.run_on_commit[: self.before]
        for _ids, hook, _robust in hooks:
            hook()


def test_the_receipt_says_number_date_and_why_in_the_language_of_the_person(clock: Any) -> None:
    client = Client()
    answer = send(client, FORM, query="?lang=en")
    row = Submission.objects.get()
    assert confirm(client, row).status_code == 302
    request = SubjectRequest.objects.get()
    assert request.language == "en"
    text = client.get(answer.headers["Location"]).content.decode()
    assert '<html lang="en">' in text
    due = Deadline.objects.get()
    for words in (
        request.number, code_of(request), tracking_path(request), long_day(due.due_on),
        "Why this date?", "I want my data deleted", "Thursday, 5 March 2026",
    ):  # fmt: skip
        assert words and words in text
    assert len(due.steps) > 1 and text.count("<li>") >= len(due.steps)
    assert not [canary for canary in CANARIES if canary in text]
    # The rest of the day it can be read again; then only the tracking page is left.
    later(clock, hours=23, minutes=59)
    assert client.get(page_of(row)).status_code == 200
    later(clock, minutes=1)
    assert client.get(page_of(row)).status_code == 404


def test_a_code_once_right_shows_the_same_receipt_whatever_follows() -> None:
    client = Client()
    row = sent(client)
    code = mailed_code()
    confirm(client, row)
    before = counts()
    receipt = client.get(page_of(row)).content
    for replay in (code, other_code(code), "000000"):
        answer = client.post(page_of(row), {"code": replay})
        assert answer.headers["Location"] == page_of(row)
    assert client.post(page_of(row), {"again": "1"}).headers["Location"] == page_of(row)
    assert client.get(page_of(row)).content == receipt
    assert counts() == before and len(mail.outbox) == 1


def test_the_mail_holds_the_code_and_the_operators_name_alone() -> None:
    client = Client()
    send(client, FORM, query="?lang=kk")
    (message,) = mail.outbox
    operator = Operator.objects.get(code="pandev")
    assert message.to == [EMAIL] and not message.cc and not message.bcc
    assert operator.name in message.subject and operator.name in str(message.body)
    assert mailed_code() not in message.subject
    built = message.message().as_string().replace(EMAIL, "")
    assert not [canary for canary in CANARIES if canary in built + str(message.body)]
    assert Submission.objects.get().public_id not in built


# --- the code ------------------------------------------------------------------------------------
def test_a_code_lasts_fifteen_minutes(clock: Any) -> None:
    client = Client()
    row = sent(client)
    later(clock, minutes=14, seconds=59)
    early = sent(client, FORM | {"email": "canary.two@example.org"})
    later(clock, seconds=1)
    answer = client.post(page_of(row), {"code": _code_of_mail(0)})
    assert answer.status_code == 422 and not SubjectRequest.objects.exists()
    assert confirm(client, early).status_code == 302


def _code_of_mail(number: int) -> str:
    message: EmailMessage = mail.outbox[number]
    return next(part for part in str(message.body).split() if part.isdigit() and len(part) == 6)


def test_five_wrong_codes_end_it_and_the_right_one_comes_too_late() -> None:
    client = Client()
    row = sent(client)
    wrong = other_code(mailed_code())
    for number in range(5):
        assert confirm(client, row, wrong).status_code == 422
        row.refresh_from_db()
        assert row.tries == number + 1
    assert confirm(client, row).status_code == 422
    row.refresh_from_db()
    assert row.tries == 5 and not SubjectRequest.objects.exists()
    # What cannot be a code is refused without a word about tries, and counts for none.
    assert confirm(client, row, "12345").status_code == 422


def test_what_is_no_code_costs_no_try_and_spaces_do_no_harm() -> None:
    client = Client()
    row = sent(client)
    for nonsense in ("12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 34 5x"):
        assert confirm(client, row, nonsense).status_code == 422
    row.refresh_from_db()
    assert row.tries == 0
    code = mailed_code()
    assert confirm(client, row, f" {code[:3]} {code[3:]} ").status_code == 302


def test_a_new_code_makes_the_old_one_worthless_and_three_are_all(clock: Any) -> None:
    client = Client()
    row = sent(client)
    first = mailed_code()
    # At once it is a double click.
    assert client.post(page_of(row), {"again": "1"}).status_code == 409
    assert len(mail.outbox) == 1
    later(clock, seconds=31)
    for _ in range(3):
        confirm(client, row, other_code(first))
    assert client.post(page_of(row), {"again": "1"}).status_code == 302
    row.refresh_from_db()
    assert (row.codes, row.tries) == (2, 0)
    second = mailed_code()
    if first != second:
        assert confirm(client, row, first).status_code == 422
    later(clock, seconds=31)
    assert client.post(page_of(row), {"again": "1"}).status_code == 302
    later(clock, seconds=31)
    assert client.post(page_of(row), {"again": "1"}).status_code == 409
    assert len(mail.outbox) == 3
    assert confirm(client, row).status_code == 302


def test_a_mail_that_cannot_go_says_so_and_another_may_be_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: EmailMessage, fail_silently: bool = False) -> int:
        raise OSError(f"550 no such mailbox {self.to}")

    client = Client()
    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", broken)
        answer = send(client, FORM, query="?lang=en")
        assert answer.status_code == 302
        row = Submission.objects.get()
        assert (row.code_sent_at, row.codes) == (None, 0)
        assert "could not be sent" in client.get(page_of(row)).content.decode()
        assert client.post(page_of(row), {"again": "1"}).status_code == 302
    assert "OSError" in caplog.text and EMAIL not in caplog.text
    assert client.post(page_of(row), {"again": "1"}).status_code == 302
    assert "could not be sent" not in client.get(page_of(row)).content.decode()
    assert confirm(client, row).status_code == 302


def test_the_code_stands_nowhere_in_the_database() -> None:
    client = Client()
    first, second = sent(client), sent(client, FORM | {"email": "canary.b@example.org"})
    assert mailed_code() not in first.code_hash + second.code_hash
    assert len(first.code_hash) == 64 and first.code_hash != second.code_hash
    assert f"'{mailed_code()}'" not in everywhere()


# --- without an e-mail ---------------------------------------------------------------------------
@pytest.mark.parametrize("answer_by", ["post", "by_hand"])
def test_without_an_email_the_request_is_registered_at_once(answer_by: str) -> None:
    client = Client()
    fields = BY_POST | {"answer_by": answer_by, "file_3": upload(picture("PNG"))}
    row = sent(client, fields)
    request = SubjectRequest.objects.get()
    assert row.request == request and row.confirmed_at == request.received_at == NOW
    assert (request.channel, request.answer_by) == ("web_form", answer_by)
    shown = told_of(request, opened=True)
    # An address that is not needed is not kept.
    assert shown["postal"].text == (POSTAL if answer_by == "post" else "")
    assert shown["email"].text == ""
    assert not IdentityCheck.objects.exists() and not mail.outbox
    text = client.get(page_of(row)).content.decode()
    code = code_of(request)
    assert request.number in text and code and code in text
    assert row.told_key is None and not VaultKey.objects.filter(kind=Sealed.SUBMISSION).exists()
    (letter,) = request.letters.all()
    assert letter.files.get().file.media_type == "image/png"


def test_a_hidden_email_is_not_kept() -> None:
    row = sent(Client(), BY_POST | {"email": "not an address"})
    assert row.confirmed_at is not None


# --- twice ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("fields", [FORM, BY_POST])
def test_a_page_sent_twice_is_one_submission(fields: dict[str, str]) -> None:
    client = Client()
    nonce = opened(client)
    first = client.post(path(), fields | {"nonce": nonce})
    before = counts()
    second = client.post(path(), fields | {"nonce": nonce, "message": "changed meanwhile"})
    assert first.headers["Location"] == second.headers["Location"]
    assert counts() == before and Submission.objects.count() == 1 >= len(mail.outbox)


def test_the_nonce_of_a_page_is_ours_of_this_operator_and_a_day_old_at_most(clock: Any) -> None:
    client = Client()
    foreign, old = opened(client, "ipm"), opened(client)
    later(clock, hours=24, seconds=1)
    for nonce in ("", "x", foreign, old):
        answer = client.post(path(), FORM | {"nonce": nonce})
        assert answer.status_code == 422
        # What was typed is still there, with a page that is new.
        assert MESSAGE in answer.content.decode()
    assert not Submission.objects.exists()


# --- nobody is looked up -------------------------------------------------------------------------
def test_a_known_person_gets_the_same_answer_by_the_same_queries(office: Office) -> None:
    known = "canary.known@example.org"
    person(office.pandev, name=NAME, email=known)
    found = []
    for email in (EMAIL, known):
        client = Client(REMOTE_ADDR=f"198.51.100.{len(found) + 1}")
        nonce = opened(client)
        with CaptureQueriesContext(connection) as queries:
            answer = client.post(path(), FORM | {"nonce": nonce, "email": email})
            row = Submission.objects.latest("pk")
            page = client.get(page_of(row)).content.decode()
            confirmed = confirm(client, row)
        asked = [query["sql"] for query in queries]
        assert not [sql for sql in asked if "datasubject" in sql or "personaldatum" in sql]
        assert not [sql for sql in asked if "searchtoken" in sql and "SELECT" in sql]
        found.append((answer.status_code, len(asked), len(page), confirmed.status_code))
    assert found[0] == found[1]


def test_what_was_typed_stands_nowhere_in_the_open(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = Client()
    row = sent(client, FORM | {"file_1": upload(PDF)})
    for state in ("waiting", "wrong", "confirmed"):
        if state == "wrong":
            confirm(client, row, other_code(mailed_code()))
        if state == "confirmed":
            confirm(client, row)
        found = everywhere() + str(dict(client.session))
        assert not [canary for canary in CANARIES if canary in found], state
    sent(client, BY_POST)
    send(client, FORM | {"email": "canary broken@", "wish": ""})
    assert not [canary for canary in CANARIES if canary in everywhere()]
    assert row.public_id not in caplog.text
    logged = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("django.db")
    )
    assert not [canary for canary in CANARIES if canary in logged]
    for file in Path(settings.OFFICE_SEALED).rglob("*"):
        if file.is_file():
            assert b"canary-pdf" not in file.read_bytes()
            assert "canary" not in file.name


# --- languages -----------------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_language_needs_no_cookie(language: str) -> None:
    client = Client()
    answer = client.get(path() + f"?lang={language}")
    text = answer.content.decode()
    assert f'<html lang="{language}">' in text
    assert answer.headers["Content-Language"] == language
    assert "django_language" not in answer.cookies and "sessionid" not in answer.cookies
    assert text.count('hreflang="') == 3


def test_without_being_asked_the_browser_decides_then_the_operator() -> None:
    client = Client()
    assert (
        '<html lang="kk">' in client.get(path(), headers={"Accept-Language": "kk"}).content.decode()
    )
    # The policy of PanDev is in English.
    for nothing in ("", "de", "*", "x;q=y"):
        text = client.get(path(), headers={"Accept-Language": nothing}).content.decode()
        assert '<html lang="en">' in text
    links = [text.index(f'hreflang="{code}"') for code in ("en", "ru", "kk")]
    assert links == sorted(links)
    assert '<html lang="en">' in client.get(path() + "?lang=xx").content.decode()
