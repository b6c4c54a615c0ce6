"""A mail is read whatever its bytes are, and says what it says."""

from __future__ import annotations

import base64
import importlib
import re
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from requests import mail_reading
from requests.mail_reading import Problem, ReadMail, read_mail, read_unguarded
from requests.mail_words import decode_words, html_to_text


def corpus() -> list[Path]:
    """The mails with which CPython tests its own parser; empty where the interpreter has none."""
    try:
        package = importlib.import_module("test.test_email")
    except ModuleNotFoundError:
        return []
    folder = Path(str(package.__file__)).parent / "data"
    return sorted(path for path in folder.glob("*") if path.is_file())


CORPUS = corpus()
HEAD_END = re.compile(rb"\r?\n\r?\n")


def mail(*lines: str, body: str = "hello") -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8")


def written(text: str = "Удалите мои данные", subject: str = "Отзыв") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Анна Ким <anna@Example.KZ>"
    message["To"] = "dpo@operator.kz, copy@operator.kz"
    message["Subject"] = subject
    message["Message-ID"] = "<one@example.kz>"
    message["Date"] = "Mon, 02 Nov 2026 10:00:00 +0500"
    message.set_content(text)
    return message


# --- CPython's own mails -------------------------------------------------------------------------
@pytest.mark.skipif(not CORPUS, reason="this interpreter came without the package test.test_email")
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_each_mail_of_cpython_is_read_without_a_crash(path: Path) -> None:
    read = read_unguarded(path.read_bytes())
    for value in (read.subject, read.text, read.sender, read.sender_name):
        value.encode("utf-8")
        assert "\0" not in value


@pytest.mark.skipif(not CORPUS, reason="this interpreter came without the package test.test_email")
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_each_mail_of_cpython_cut_anywhere_is_read(path: Path) -> None:
    raw = path.read_bytes()
    for end in range(0, len(raw), max(1, len(raw) // 25)):
        assert isinstance(read_unguarded(raw[:end]), ReadMail)


@pytest.mark.skipif(not CORPUS, reason="this interpreter came without the package test.test_email")
def test_no_mail_of_cpython_with_words_is_read_as_nothing() -> None:
    silent = [
        path.name
        for path in CORPUS
        if path.suffix == ".txt" and b"".join(HEAD_END.split(path.read_bytes(), 1)[1:]).strip()
        for read in [read_mail(path.read_bytes())]
        if not (read.text.strip() or read.attachments or read.subject or read.sender)
    ]
    assert silent == []


# --- any bytes -----------------------------------------------------------------------------------
PIECES = st.sampled_from(
    [
        b"From: a@b.c\r\n",
        b"From: \xff\xfe<\r\n",
        b"From: ((((((\r\n",
        b"Subject: =?utf-8?b?//\r\n",
        b"Subject: =?x?q?=FF?= =?utf-8?b?0L/RgA?=\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=idna\r\n",
        b"Content-Type: text/plain; charset*=x'\r\n",
        b"Content-Type: ;;;\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: uuencode\r\n",
        b"Content-Disposition: attachment; filename*0*=%ff''x\r\n",
        b"Content-Type: message/delivery-status\r\n",
        b"Date: Mon, 99 Foo 0000 99:99:99 +9999\r\n",
        b"Date: 1 Jan 1 00:00:00 +2300\r\n",
        b"Received: ;\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"--x\r\n",
        b"--x--\r\n",
        b" folded\r\n",
        b"<![if a>",
        b"<p>&#9;&#xFFFFFFFFF;</p>",
        b"\0",
        b"\xd0",
        b"=?",
        b"=",
        b"begin 666 x\n#0V%T\n",
        b"AAA",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=20), max_size=30).map(b"".join))
def test_no_bytes_stop_the_reading(raw: bytes) -> None:
    read = read_unguarded(raw)
    for value in (read.subject, read.text, read.sender, read.sender_name, read.message_id):
        value.encode("utf-8")
        assert "\0" not in value
    assert "\n" not in read.subject
    for file in read.attachments:
        assert "/" not in file.name and "\\" not in file.name


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["utf-8", "utf-16", "koi8-r", "none-such"]))
def test_no_header_stops_the_decoding(payload: str, charset: str) -> None:
    decode_words(f"=?{charset}?b?{payload}?= =?{charset}?q?{payload}?=").encode("utf-8")
    html_to_text(f"<p {payload}>{payload}<{payload}").encode("utf-8")


def test_a_mail_that_nobody_foresaw_is_handed_on_as_its_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(raw: bytes) -> ReadMail:
        raise RuntimeError

    monkeypatch.setattr(mail_reading, "read_unguarded", fails)
    read = read_mail("From: a@b.c\n\nПрошу\0".encode())
    assert read.text == "From: a@b.c\n\nПрошу" and read.problems == (Problem.BROKEN,)


def test_empty_bytes_and_no_mail_at_all_are_named() -> None:
    assert Problem.EMPTY in read_mail(b"").problems
    read = read_mail("просто текст без заголовков".encode())
    assert Problem.NO_HEADERS in read.problems
    assert "просто текст" in read.text


# --- what a good mail says -----------------------------------------------------------------------
def test_a_plain_mail_says_who_when_and_what() -> None:
    read = read_mail(written().as_bytes())
    assert (read.sender, read.sender_name) == ("anna@example.kz", "Анна Ким")
    assert read.to == ("dpo@operator.kz", "copy@operator.kz")
    assert (read.subject, read.text.strip()) == ("Отзыв", "Удалите мои данные")
    assert read.message_id == "<one@example.kz>"
    assert read.date_claimed == datetime(2026, 11, 2, 5, tzinfo=UTC)
    assert read.problems == ()
    assert not (read.is_auto_reply or read.is_bounce or read.is_forward or read.is_from_html)


def test_no_value_of_a_mail_stands_in_its_repr() -> None:
    message = written()
    message.add_attachment(b"secret-bytes", maintype="image", subtype="png", filename="ann.png")
    shown = repr(read_mail(message.as_bytes()))
    for value in ("anna", "Анна", "Отзыв", "Удалите", "ann.png", "secret"):
        assert value not in shown


def test_of_the_same_words_twice_the_plain_ones_are_kept() -> None:
    message = written("простые слова")
    message.add_alternative("<p>те же слова</p>", subtype="html")
    read = read_mail(message.as_bytes())
    assert (read.text.strip(), read.is_from_html) == ("простые слова", False)


def test_html_alone_becomes_text() -> None:
    message = written()
    message.set_content(
        "<style>p{}</style><p>Прошу&nbsp;удалить<br>мои <b>данные</b></p><!-- нет --><p>5 < 6</p>",
        subtype="html",
    )
    read = read_mail(message.as_bytes())
    assert read.is_from_html
    assert read.text.split("\n")[:2] == ["Прошу удалить", "мои данные"]
    assert "5 < 6" in read.text
    assert "нет" not in read.text and "p{}" not in read.text


def test_words_after_a_file_are_not_lost() -> None:
    message = written("до")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="скан.pdf")
    message.add_attachment("после", disposition="inline")
    read = read_mail(message.as_bytes())
    assert "до" in read.text and "после" in read.text
    assert [(f.name, f.content) for f in read.attachments] == [("скан.pdf", b"%PDF")]


def test_a_file_name_is_no_path() -> None:
    raw = mail(
        "From: a@b.c",
        "Content-Type: application/pdf",
        'Content-Disposition: attachment; filename="../../etc/pass\\\\wd"',
    )
    assert [file.name for file in read_mail(raw).attachments] == ["wd"]


def test_outlooks_parcel_is_kept_as_a_file_and_named() -> None:
    message = written()
    message.add_attachment(
        b"x\x9f>", maintype="application", subtype="ms-tnef", filename="winmail.dat"
    )
    read = read_mail(message.as_bytes())
    assert Problem.TNEF in read.problems
    assert read.attachments[0].content == b"x\x9f>"


def test_a_mail_passed_on_as_a_file_is_kept_whole() -> None:
    message = written("см. вложение")
    message.add_attachment(written("само письмо"))
    read = read_mail(message.as_bytes())
    assert read.is_forward
    assert read.text.strip() == "см. вложение"
    inner = read_mail(read.attachments[0].content)
    assert inner.text.strip() == "само письмо"


# --- charsets and headers ------------------------------------------------------------------------
@pytest.mark.parametrize("said", ["windows-1251", "none-such", "utf-8", "us-ascii", "idna", ""])
def test_cyrillic_is_read_whatever_charset_the_mail_claims(said: str) -> None:
    raw = f"From: a@b.c\r\nContent-Type: text/plain; charset={said}\r\n\r\n".encode()
    read = read_mail(raw + "Прошу удалить мои данные".encode("cp1251"))
    assert read.text == "Прошу удалить мои данные"
    assert (Problem.CHARSET in read.problems) is (said != "windows-1251")


def test_one_broken_character_does_not_turn_a_text_into_another_alphabet() -> None:
    raw = b"From: a@b.c\r\n\r\n" + "Прошу удалить мои данные. ".encode() * 3 + b"\xff"
    assert read_mail(raw).text.startswith("Прошу удалить")


def test_a_character_cut_between_two_encoded_words_is_whole_again() -> None:
    content = "Отзыв согласия".encode()
    words = [base64.b64encode(piece).decode() for piece in (content[:5], content[5:])]
    subject = "\r\n ".join(f"=?UTF-8?B?{word}?=" for word in words)
    assert read_mail(mail("From: a@b.c", f"Subject: {subject}")).subject == "Отзыв согласия"


def test_a_subject_in_bare_bytes_is_read() -> None:
    raw = b"From: a@b.c\r\nSubject: " + "Отзыв согласия".encode("cp1251") + b"\r\n\r\nx"
    assert read_mail(raw).subject == "Отзыв согласия"


def test_words_between_encoded_words_keep_their_spaces() -> None:
    assert decode_words("=?utf-8?q?a?= b =?utf-8?q?c_d?= =?utf-8?q?e?=") == "a b c de"
    assert decode_words("=?utf-8?b?A?= =?utf-8?q?x?=") == "=?utf-8?b?A?= x"


def test_an_address_hidden_in_an_encoded_name_is_not_the_sender() -> None:
    name = base64.b64encode(b'"Boss" <boss@operator.kz>,').decode()
    read = read_mail(mail(f"From: =?utf-8?b?{name}?= <thief@example.com>"))
    assert read.sender == "thief@example.com"


@pytest.mark.parametrize("value", ["", "nobody", "((((((((((" * 300, "<>", "@", ",,,;"])
def test_a_sender_that_cannot_be_read_is_named(value: str) -> None:
    read = read_mail(mail(f"From: {value}"))
    assert read.sender == "" and Problem.SENDER in read.problems


def test_two_senders_are_named() -> None:
    assert Problem.SEVERAL_SENDERS in read_mail(mail("From: a@b.c, d@e.f")).problems


@pytest.mark.parametrize("value", ["yesterday", "Mon, 99 Foo 0000", "31 Dec 9999 23:00:00 -2300"])
def test_a_date_that_cannot_be_read_is_none(value: str) -> None:
    read = read_mail(mail("From: a@b.c", f"Date: {value}"))
    assert read.date_claimed is None and Problem.DATE in read.problems


def test_the_topmost_received_header_is_the_arrival() -> None:
    read = read_mail(
        mail(
            "Received: from x by y; Mon, 2 Nov 2026 10:00:00 +0500",
            "Received: from w by x; Sun, 1 Nov 2026 10:00:00 +0500",
            "From: a@b.c",
        )
    )
    assert read.stamped_at == datetime(2026, 11, 2, 5, tzinfo=UTC)


def test_what_a_mail_answers_comes_nearest_first() -> None:
    read = read_mail(
        mail("From: a@b.c", "In-Reply-To: <c@x>", "References: <a@x>", " <b@x> <c@x> nonsense")
    )
    assert read.answers == ("<c@x>", "<b@x>", "<a@x>")


# --- machines ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: AUTO-generated; x=y",
        "X-Auto-Response-Suppress: All",
        "Precedence: bulk",
        "X-Autoreply: yes",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
    ],
)
def test_a_machine_is_seen(header: str) -> None:
    read = read_mail(mail("From: a@b.c", header))
    assert read.is_auto_reply and not read.is_bounce


@pytest.mark.parametrize("header", ["Auto-Submitted: no", "Precedence: first-class", "X-A: b"])
def test_a_person_is_no_machine(header: str) -> None:
    read = read_mail(mail("From: a@b.c", "Return-Path: <a@b.c>", header))
    assert not (read.is_auto_reply or read.is_bounce)


@pytest.mark.parametrize(
    "header",
    [
        "Return-Path: <>",
        "From: Mail Delivery <MAILER-DAEMON@example.com>",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
    ],
)
def test_a_bounce_is_seen(header: str) -> None:
    assert read_mail(mail(header, "From: a@b.c")).is_bounce


def test_a_returned_mail_is_not_a_forwarded_one() -> None:
    inner = written().as_string()
    body = f"--x\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--x--\r\n"
    kind = "Content-Type: multipart/report; report-type=delivery-status; boundary=x"
    read = read_mail(mail("From: a@b.c", kind, body=body))
    assert read.is_bounce and not read.is_forward and read.attachments


# --- size and time -------------------------------------------------------------------------------
def test_of_a_mail_too_large_the_head_and_the_first_words_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail_reading, "SIZE_LIMIT", 1000)
    monkeypatch.setattr(mail_reading, "TEXT_LIMIT", 500)
    read = read_mail(mail("From: a@b.c", "Subject: big", body="x" * 5000))
    assert (read.sender, read.subject, len(read.text)) == ("a@b.c", "big", 500)
    assert {Problem.TOO_LARGE, Problem.TEXT_CUT} <= set(read.problems)


@pytest.mark.parametrize(
    "raw",
    [
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)
        ),
        b"Content-Type: message/rfc822\n\n" * 3000,
        b"From: a@b.c\n" + b"\n" * 2_000_000,
        b"From: a@b.c\nContent-Type: text/html\n\n" + b"<!--" * 300_000,
        b"From: a@b.c\nContent-Type: text/html\n\n" + b"<a x='" * 300_000,
        b"From: a@b.c\nContent-Type: text/html\n\n&#" + b"9" * 300_000,
        b"Subject: " + b"=?a?q?" * 200_000 + b"\n\nx",
        b"From: " + b"(" * 300_000 + b"\n\nx",
        b"From: a@b.c\nReferences: " + b"<" * 300_000 + b"\n\nx",
    ],
    ids=["parts", "mails", "lines", "comments", "tags", "entity", "words", "comment", "ids"],
)
def test_a_mail_made_to_hurt_is_read_in_time(raw: bytes) -> None:
    begun = time.monotonic()
    assert isinstance(read_unguarded(raw), ReadMail)
    assert time.monotonic() - begun < 15
