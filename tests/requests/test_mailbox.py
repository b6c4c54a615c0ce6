"""A mail arrives: what it opens, what it joins, what waits, what is never dropped."""

from __future__ import annotations

from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import override

from requests.mail_reading import read_mail
from requests.models import IncomingMail, Letter, SubjectRequest
from requests.services.inquiries import NotYet, OperatorInactive
from requests.services.letters import letter_text
from requests.services.mailbox import MailEmpty, MailTooBig, mail_ingested
from requests.services.posting import message_id
from requests.services.told import told
from requests.services.triage import mail_told
from subjects.models import SealedFile, VaultKey
from subjects.services.files import file_open
from subjects.services.reading import State
from tests.conftest import Office
from tests.requests.asking import BOTH, LATER, close, item_of, refuse, team_of
from tests.requests.corresponding import draft, send
from tests.requests.forms import everywhere
from tests.requests.mailing import (
    ARRIVED,
    NAME,
    PDF,
    READ,
    SECRETS,
    SENDER,
    TEXT,
    UPDATE,
    WITHDRAWAL,
    ingest,
    mail,
)
from tests.requests.test_mail_reading import CORPUS

pytestmark = pytest.mark.usefixtures("english")


@pytest.fixture
def english() -> Any:
    with override("en"):
        yield


# --- the marked subjects -------------------------------------------------------------------------
@BOTH
@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        (UPDATE, "correction"),
        (f"Fwd: {UPDATE}", "correction"),
        (WITHDRAWAL.upper(), "withdrawal"),
        (f"{WITHDRAWAL} - Iv. Iv.", "withdrawal"),
    ],
)
def test_a_marked_subject_opens_its_request(
    office: Office, code: str, subject: str, kind: str
) -> None:
    team = team_of(office, code)
    row = ingest(team, mail(subject, files={"a.pdf": PDF, "b.docx": b"PK-canary"}))
    assert (row.place, row.why) == ("request", "marked")
    request = row.request
    assert request is not None
    assert (request.channel, request.answer_by, request.language) == ("email", "email", "en")
    # The arrival counts, not the reading and not what the mail says of itself.
    assert (request.received_at, request.registered_at) == (ARRIVED, READ)
    assert [item.kind for item in request.items.all()] == [kind]
    assert item_of(request).deadlines.get().trigger_at == ARRIVED
    shown = told(request, opened=True)
    assert (shown["name"].text, shown["email"].text) == (NAME, SENDER)
    assert TEXT in shown["message"].text
    # A file that a letter takes stands with the letters; the others in the mail itself.
    assert row.letter is not None and row.letter.files.count() == 1
    assert not [secret for secret in SECRETS if secret in everywhere()]


def test_the_mail_itself_is_kept_sealed_as_it_came(office: Office) -> None:
    raw = mail("Hello")
    row = ingest(office.ipm, raw)
    assert row.file is not None
    assert b"".join(file_open(row.file)) == raw
    assert b"canary" not in row.file.path.read_bytes()
    keys = VaultKey.objects.filter(kind=9)
    assert {key.owner for key in keys} == {row.pk} and keys.count() == 2
    state, said = mail_told(row, opened=True)
    assert state == State.OPEN and (said["sender"], said["subject"]) == (SENDER, "Hello")
    assert mail_told(row, opened=False)[1] == {}


# --- once ----------------------------------------------------------------------------------------
def test_the_same_mail_twice_is_one_and_by_another_way_too(office: Office) -> None:
    team = office.ipm
    first = ingest(team, mail())
    assert ingest(team, mail()).pk == first.pk
    # Another copy: another server stamped it.
    assert ingest(team, b"Received: by mx; Fri, 06 Mar 2026 09:00:00 +0000\r\n" + mail()).pk == (
        first.pk
    )
    assert SubjectRequest.objects.count() == IncomingMail.objects.count() == 1
    # Another operator has a mailbox of its own.
    assert ingest(office.pandev, mail()).pk != first.pk


def test_a_forged_number_is_not_dropped(office: Office) -> None:
    team = office.ipm
    ingest(team, mail())
    other = ingest(team, mail(WITHDRAWAL, text="canary: something else"))
    assert (other.place, other.why, other.request) == ("triage", "same_number", None)
    # Without a number it is known by what it says.
    bare = ingest(team, mail("Hello", number=""))
    assert ingest(team, mail("Hello", number="")).pk == bare.pk
    assert ingest(team, mail("Hello again", number="")).pk != bare.pk


# --- replies -------------------------------------------------------------------------------------
def test_an_answer_to_our_letter_joins_its_request(office: Office) -> None:
    team = office.pandev
    request = ingest(team, mail()).request
    assert request is not None
    letter = send(draft(request, team, way="email"), team)
    answer = mail("Re: whatever", number="<2@x>", In_Reply_To=message_id(letter))
    row = ingest(team, answer, received_at=LATER, now=LATER)
    assert (row.place, row.why, row.request) == ("reply", "answers_letter", request)
    assert row.letter is not None and TEXT in letter_text(row.letter).text
    assert (row.letter.by, row.letter.sent_at) == ("email", LATER)
    # A guessed number of a letter proves nothing.
    forged = message_id(letter).replace("letter-", "letter-0")[:-6] + "aaaa>"
    row = ingest(team, mail("Re: x", number="<3@x>", In_Reply_To=forged), now=LATER)
    assert row.place == "triage"


def test_the_number_of_a_request_counts_only_from_its_own_address(office: Office) -> None:
    team = office.ipm
    request = ingest(team, mail()).request
    assert request is not None
    mine = ingest(team, mail(f"My request {request.number}", number="<2@x>"), now=LATER)
    assert (mine.place, mine.request) == ("reply", request)
    theirs = mail(f"My request {request.number}", number="<3@x>", sender="other@example.org")
    row = ingest(team, theirs, now=LATER)
    assert (row.place, row.request) == ("triage", None)


def test_a_reply_to_what_is_over_waits_for_somebody(office: Office) -> None:
    team = office.ipm
    request = ingest(team, mail(WITHDRAWAL)).request
    assert request is not None
    letter = send(draft(request, team, way="page"), team)
    refuse(item_of(request), team)
    close(request, team)
    row = ingest(
        team, mail("Re: x", number="<2@x>", In_Reply_To=message_id(letter)), received_at=LATER,
        now=LATER,
    )  # fmt: skip
    assert (row.place, row.why, row.request, row.letter) == ("triage", "not_taken", None, None)


# --- machines ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("heads", "place", "why"),
    [
        ({"Auto_Submitted": "auto-replied"}, "auto", "machine"),
        ({"Return_Path": "<>"}, "bounce", "returned"),
    ],
)
def test_what_a_machine_wrote_opens_nothing(
    office: Office, heads: dict[str, str], place: str, why: str
) -> None:
    row = ingest(office.ipm, mail(UPDATE, **heads))
    assert (row.place, row.why, row.request) == (place, why, None)
    assert not SubjectRequest.objects.exists()


def test_our_own_address_is_a_loop(office: Office) -> None:
    team = office.ipm
    row = ingest(team, mail(sender=team.operator.requests_email))
    assert (row.place, row.why) == ("auto", "ours")


def test_a_flood_of_one_sender_waits_for_a_person(office: Office) -> None:
    rows = [ingest(office.ipm, mail(number=f"<{n}@x>", text=f"canary {n}")) for n in range(22)]
    assert [row.place for row in rows] == ["request"] * 20 + ["triage"] * 2
    assert rows[-1].why == "flood"
    # The next hour is another one.
    late = ingest(office.ipm, mail(number="<99@x>"), now=READ + timedelta(hours=1))
    assert late.place == "request"


# --- bad mails -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"raw": b" \r\n"}, MailEmpty),
        ({"received_at": READ + timedelta(minutes=1)}, NotYet),
    ],
)
def test_what_is_refused_writes_nothing(
    office: Office, changed: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        ingest(office.ipm, **({"raw": mail()} | changed))
    assert not IncomingMail.objects.exists() and not VaultKey.objects.filter(kind=9).exists()


def test_what_is_too_big_or_for_nobody_is_refused(office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr("requests.services.mailbox.MAIL_BYTES", 100)
    with pytest.raises(MailTooBig):
        ingest(office.ipm, mail())
    monkeypatch.undo()
    office.ipm.operator.is_active = False
    office.ipm.operator.save()
    with pytest.raises(OperatorInactive):
        ingest(office.ipm, mail())


@pytest.mark.parametrize(
    "raw",
    [
        mail(sender=""),
        mail(sender="no address at all"),
        mail(text="x" * 100_000),
        mail("Personal Data Update\x00", text="nul \x00 and bell \x07"),
        b"\xff\xfe\x00 no mail at all",
        b"Subject: Personal Data Update\r\n\r\nno sender",
    ],
    ids=["empty", "words", "long", "nul", "bytes", "bare"],
)
def test_no_mail_is_lost_and_none_stops_the_box(office: Office, raw: bytes) -> None:
    row = ingest(office.ipm, raw)
    assert row.place in {"request", "triage"}
    assert row.file is not None and b"".join(file_open(row.file)) == raw


def test_the_mails_of_cpython_go_through_without_a_crash_or_a_loss(office: Office) -> None:
    """The data of ``test.test_email``: broken in every way that people have reported."""
    files = [path.read_bytes() for path in CORPUS if path.name.startswith("msg_")]
    if not files:
        pytest.skip("this interpreter came without the package test.test_email")
    assert len(files) > 40
    kept: dict[int, bytes] = {}
    for number, raw in enumerate(files):
        row = ingest(office.ipm, raw, now=READ + timedelta(hours=number))
        first = kept.setdefault(row.pk, raw)
        assert row.file is not None and b"".join(file_open(row.file)) == first
        # Taken for the same mail only where the same was read.
        one, other = read_mail(first), read_mail(raw)
        assert (one.message_id, one.sender, one.subject, one.text) == (
            other.message_id, other.sender, other.subject, other.text,
        )  # fmt: skip
        assert [file.content for file in one.attachments] == [
            file.content for file in other.attachments
        ]
    assert len(kept) >= 40
    assert SealedFile.objects.filter(kind=9).count() == len(kept)


# --- the command ---------------------------------------------------------------------------------
def test_the_command_takes_a_file(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "letter.eml"
    file.write_bytes(b"Received: by mx; Thu, 05 Mar 2026 09:00:00 +0000\r\n" + mail())
    out = StringIO()
    call_command("ingest_mail", str(file), "--operator", "ipm", stdout=out)
    row = IncomingMail.objects.get()
    assert "opened a request" in out.getvalue() and "REQ-2026-0001" in out.getvalue()
    # As the last server stamped it.
    assert row.received_at == ARRIVED
    assert not [secret for secret in SECRETS if secret in out.getvalue()]
    file.write_bytes(mail(number="<2@x>"))
    moment = "2026-03-05T23:30"
    call_command("ingest_mail", str(file), "--operator", "ipm", "--received-at", moment, stdout=out)
    newest = IncomingMail.objects.latest("pk")
    assert newest.received_at.astimezone(newest.operator.zone).date() == date(2026, 3, 5)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("none.eml", [], "cannot be read"),
        ("letter.eml", ["--received-at", "yesterday"], "--received-at"),
        ("letter.eml", ["--received-at", "2999-01-01T00:00"], "future"),
        ("empty.eml", [], "empty"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    office: Office, tmp_path: Path, name: str, options: list[str], words: str
) -> None:
    (tmp_path / "letter.eml").write_bytes(mail())
    (tmp_path / "empty.eml").write_bytes(b"")
    with pytest.raises(CommandError, match=words) as refusal:
        call_command("ingest_mail", str(tmp_path / name), "--operator", "ipm", *options)
    assert refusal.value.returncode == 2
    assert not IncomingMail.objects.exists()
    with pytest.raises(CommandError) as unknown:
        call_command("ingest_mail", str(tmp_path / "letter.eml"), "--operator", "nobody")
    assert unknown.value.returncode == 2


def test_a_mail_that_fails_half_way_leaves_nothing(office: Office, monkeypatch: Any) -> None:
    def broken(*args: Any, **kw: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("requests.services.mailbox.letter_receive", broken)
    with pytest.raises(RuntimeError):
        mail_ingested(
            operator=office.ipm.operator, raw=mail(files={"a.pdf": PDF}), received_at=ARRIVED,
            by=None, now=READ,
        )  # fmt: skip
    assert not IncomingMail.objects.exists() and not SubjectRequest.objects.exists()
    assert not Letter.objects.exists()
