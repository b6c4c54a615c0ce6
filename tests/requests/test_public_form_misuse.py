"""What the public form refuses: wrong fields, wrong files, floods, forged and broken requests."""

from __future__ import annotations

import io
import time
import zipfile
import zlib
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.test import Client

from registry.models import Operator
from requests.models import SubjectRequest, Submission
from subjects.models import SealedFile, VaultKey
from tests.conftest import Office
from tests.crawl.pages import faults
from tests.requests.forms import (
    BY_POST,
    FORM,
    MESSAGE,
    NAME,
    NOW,
    PDF,
    confirm,
    counts,
    mailed_code,
    opened,
    other_code,
    page_of,
    path,
    send,
    sent,
    upload,
)

pytestmark = pytest.mark.django_db
MEGABYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def clock(office: Office) -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def refused(fields: dict[str, Any], *words: str, status: int = 422) -> str:
    """The form comes back with these words, and nothing is kept."""
    before = counts()
    answer = send(Client(), fields, query="?lang=en")
    text = answer.content.decode()
    assert answer.status_code == status
    for word in words:
        assert word in text, word
    assert counts() == before and not mail.outbox
    return text


# --- fields --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"wish": ""}, "Choose what you want."),
        ({"wish": "arson"}, "Select a valid choice"),
        ({"name": ""}, "Write your name."),
        ({"name": "x" * 201}, "at most 200"),
        ({"name": "Ann\r\nBcc: x@example.org"}, "in one line"),
        ({"name": "An\u200bn"}, "invisible character at position 3"),
        ({"name": "\u202egro.elpmaxe"}, "invisible character at position 1"),
        ({"name": "An\x00n"}, "invisible character at position 3"),
        ({"email": ""}, "Write your e-mail address"),
        ({"email": "nobody"}, "This is not an e-mail address"),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "invisible character"),
        ({"email": "a@example.org,b@example.org"}, "This is not an e-mail address"),
        ({"email": "a@example.org\u200b"}, "invisible character"),
        ({"message": "x" * 5001}, "at most 5000"),
        ({"message": "a\u2066b"}, "invisible character at position 2"),
        ({"wish": "other", "message": " "}, "Say what it is about."),
        ({"wish": "correction", "message": ""}, "Say what it is about."),
    ],
)
def test_a_field_that_is_wrong_says_so_beside_it_and_in_the_summary(
    changed: dict[str, str], words: str
) -> None:
    text = refused(FORM | changed, words, "This has to be mended")
    assert text.count(words) == 2
    (name, _value), *_ = [pair for pair in changed.items() if pair[0] != "wish"] or changed.items()
    assert f'id="id_{name}_error"' in text
    assert f'href="#id_{name}' in text
    # What was typed is still there.
    if name != "message" and "\x00" not in str(changed):
        assert MESSAGE in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"answer_by": ""}, "Choose how you get the answer."),
        ({"answer_by": "email"}, "Select a valid choice"),
        ({"postal": ""}, "Write where the answer goes."),
        ({"postal": "x" * 501}, "at most 500"),
        ({"postal": "a\u200fb"}, "invisible character at position 2"),
    ],
)
def test_without_an_email_the_answer_needs_a_way(changed: dict[str, str], words: str) -> None:
    refused(BY_POST | changed, words)


def test_the_longest_texts_are_taken() -> None:
    row = sent(Client(), FORM | {"name": "я" * 200, "message": "ұ" * 5000})
    assert row.told_key is not None


def test_markup_is_shown_as_it_was_typed_and_acts_nowhere() -> None:
    name = '"><script>alert(1)</script>'
    answer = send(Client(), FORM | {"name": name, "wish": ""})
    assert "<script>alert" not in answer.content.decode()
    assert not faults(answer, logged_in=False)


# --- files ---------------------------------------------------------------------------------------
def zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(200 * MEGABYTE))
    return packed.getvalue()


def png_bomb() -> bytes:
    """A picture of 60,000 by 60,000 points in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    size = (60_000).to_bytes(4, "big") * 2
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + bytes([8, 0, 0, 0, 0]))
        + chunk(b"IDAT", zlib.compress(bytes(60_000)))
        + chunk(b"IEND", b"")
    )


NO = "This file is no PDF, JPEG or PNG, whatever its name says."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"MZ\x90\x00\x03" + bytes(200), NO),
        (b"\x7fELF\x02\x01\x01" + bytes(200), NO),
        (b"<!DOCTYPE html><html><script>alert(1)</script></html>", NO),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", NO),
        (b"GIF89a" + bytes(20), NO),
        (b"name;phone\ncanary;1", NO),
        (b"PK\x03\x04" + bytes(200), NO),
        (b"", "This file is empty."),
        (b"\xff\xd8\xff\xe0 and then nothing of a picture", "damaged"),
        (png_bomb(), "million pixels"),
        (b"%PDF-" + bytes(5 * MEGABYTE), "This file is larger than 5 MB."),
    ],
)
def test_a_file_is_what_it_holds_not_what_it_is_called(content: bytes, words: str) -> None:
    text = refused(FORM | {"file_2": upload(content, "canary-passport.pdf")}, words)
    assert 'id="id_file_2_error"' in text and text.count(words) == 2
    assert "canary-passport" not in text
    assert not SealedFile.objects.exists()


def test_a_zip_bomb_is_refused_unopened() -> None:
    started = time.monotonic()
    refused(FORM | {"file_1": upload(zip_bomb(), "photos.pdf")}, NO)
    assert time.monotonic() - started < 5


def test_a_file_of_exactly_five_megabytes_is_taken() -> None:
    content = b"%PDF-" + bytes(5 * MEGABYTE - 5)
    sent(Client(), FORM | {"file_1": upload(content)})
    assert SealedFile.objects.get().size == 5 * MEGABYTE


def test_files_that_were_not_asked_for_are_not_read() -> None:
    sent(Client(), FORM | {"file_4": upload(PDF), "passport": upload(PDF), "name_": "x"})
    assert not SealedFile.objects.exists()


def test_of_a_refused_form_no_file_is_kept_and_the_page_says_so() -> None:
    refused(
        FORM | {"name": "", "file_1": upload(PDF)}, "If you chose files, choose them again"
    )  # fmt: skip
    assert not SealedFile.objects.exists()


# --- machines ------------------------------------------------------------------------------------
def test_a_filled_honeypot_is_answered_like_a_success_and_nothing_is_kept() -> None:
    before, keys = counts(), VaultKey.objects.count()
    answer = send(Client(), FORM | {"website": "https://spam.example"})
    honest = send(Client(), FORM)
    assert answer.status_code == honest.status_code == 302
    fake, real = answer.headers["Location"], honest.headers["Location"]
    assert len(fake) == len(real) and fake.rsplit("/", 2)[0] == real.rsplit("/", 2)[0]
    # The honest one is all that came of the two.
    assert Submission.objects.count() == 1 and len(mail.outbox) == 1
    assert VaultKey.objects.count() == keys + 1
    assert before["requests.Submission"] == 0
    text = Client().get(path()).content.decode()
    assert 'class="elsewhere" aria-hidden="true"' in text and 'autocomplete="off"' in text


# --- broken and forged requests ------------------------------------------------------------------
def test_what_is_no_form_gets_its_status_and_no_traceback() -> None:
    client = Client()
    row = sent(client)
    before = counts()
    for method in ("put", "delete", "patch", "options"):
        for address in (path(), page_of(row)):
            answer = getattr(client, method)(address)
            assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD, POST"
            assert not faults(answer, logged_in=False)
    for content_type, status in (
        ("application/json", 415), ("text/plain", 415), ("", 415), ("multipart/form-data", 400),
    ):  # fmt: skip
        answer = client.generic("POST", path(), b'{"wish": "other"}', content_type=content_type)
        assert answer.status_code == status, content_type
        assert not faults(answer, logged_in=False)
    big = {"message": "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}
    assert client.post(path(), FORM | big).status_code == 413
    many = {f"field{number}": "x" for number in range(1100)}
    assert client.post(path(), many).status_code == 400
    answer = client.generic(
        "POST", path(), b"x", content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(50 * MEGABYTE),
    )  # fmt: skip
    assert answer.status_code == 413
    assert client.head(path()).status_code == 200
    assert counts() == before


def test_a_forged_form_is_refused_in_plain_words() -> None:
    strict = Client(enforce_csrf_checks=True)
    nonce = opened(strict)
    strict.cookies.clear()
    before = counts()
    answer = strict.post(path() + "?lang=en", FORM | {"nonce": nonce})
    text = answer.content.decode()
    assert answer.status_code == 403 and counts() == before
    assert "cookie" in text and "desk" not in text and "Back to the form" in text
    assert '<html lang="en">' in text and not faults(answer, logged_in=False)
    # And the page of the code, by somebody without its cookie.
    row = sent(Client())
    assert Client(enforce_csrf_checks=True).post(page_of(row), {"code": "1"}).status_code == 403
    # With the cookie it works.
    honest = Client(enforce_csrf_checks=True)
    page = honest.get(path()).content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    nonce = page.split('name="nonce" value="')[1].split('"')[0]
    data = FORM | {"nonce": nonce, "csrfmiddlewaretoken": token, "email": "canary9@example.org"}
    assert honest.post(path(), data).status_code == 302


def test_an_operator_that_is_not_there_or_takes_nothing_is_no_page() -> None:
    client = Client()
    row = sent(client)
    Operator.objects.filter(code="pandev").update(is_active=False)
    for address in (path("nobody"), path(), page_of(row), "/pandev/request/unknown/"):
        for answer in (client.get(address), client.post(address, FORM)):
            assert answer.status_code == 404
            assert "/admin/" not in answer.content.decode()
            assert not faults(answer, logged_in=False)
    assert confirm(client, row).status_code == 404
    assert not SubjectRequest.objects.exists()


def test_a_receipt_outlives_the_operators_taking_requests() -> None:
    client = Client()
    row = sent(client)
    confirm(client, row)
    Operator.objects.filter(code="pandev").update(is_active=False)
    assert client.get(page_of(row)).status_code == 200


def test_a_number_of_another_operator_or_of_nobody_is_gone() -> None:
    client = Client()
    row = sent(client)
    for address in (f"/ipm/request/{row.public_id}/", "/pandev/request/x/",
                    f"/pandev/request/{row.public_id[:-1]}/"):  # fmt: skip
        answer = client.get(address + "?lang=en")
        assert answer.status_code == 404
        assert "Fill in the form once more" in answer.content.decode()
        assert client.post(address, {"code": "123456"}).status_code == 404
    assert client.get("/pandev/request").headers["Location"].endswith("/pandev/request/")


def test_every_page_is_strict_and_in_no_cache() -> None:
    client = Client()
    answers = [client.get(path()), send(client, FORM | {"wish": ""})]
    row = sent(client)
    answers += [client.get(page_of(row)), confirm(client, row, other_code(mailed_code()))]
    confirm(client, row)
    answers += [client.get(page_of(row)), client.get("/pandev/request/none/")]
    assert [answer.status_code for answer in answers] == [200, 422, 200, 422, 200, 404]
    for answer in answers:
        assert not faults(answer, logged_in=False)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert "<script" not in answer.content.decode()
        assert NAME not in answer.content.decode() or answer.status_code == 422
