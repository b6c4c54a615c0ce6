"""Letters to and from people: what each verb does and refuses, and what is kept of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from PIL import Image
from pypdf import PdfReader

from registry.errors import OperatorError
from registry.states import ForbiddenTransition
from requests import states
from requests.models import Letter
from requests.services.closing import LetterUnsent
from requests.services.inquiries import NotYet, ProofMissing
from requests.services.letters import (
    FILE_BYTES,
    LetterEmpty,
    LetterFileTooBig,
    LetterFileUnknown,
    RequestOver,
    TooManyFiles,
    answered_at,
    letter_addresses,
    letter_file_open,
    letter_receive,
    letter_text,
    letter_texts,
    letters_of,
)
from requests.services.moving import ReasonMissing, UnknownChoice
from requests.services.writing import (
    AddressMissing,
    BeforePrinting,
    LetterChanged,
    NothingDecided,
    NotOnPaper,
    WordsMissing,
    version_of,
)
from subjects.models import AccessEvent, SealedFile, VaultKey
from subjects.services.pictures import PhotoDamaged
from subjects.services.reading import State
from subjects.values import WrongValue
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.requests import asking
from tests.requests import corresponding as c
from tests.requests.asking import LATER, NOW, TOLD

PDF = b"%PDF-1.4\n% canary-file\n%%EOF\n"


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "PNG")
    return stream.getvalue()


def rows() -> list[Any]:
    found: list[Any] = [VaultKey.objects.count(), SealedFile.objects.count()]
    for model in (Letter, Letter.history.model):
        found.append(
            [
                tuple(bytes(part.raw) if hasattr(part, "raw") else part for part in row)
                for row in model._base_manager.order_by("pk").values_list()
            ]
        )
    return found


def refused(kind: type[OperatorError], act: Callable[[], Any]) -> None:
    """By name, without any word of the person, and nothing written."""
    before = rows()
    with pytest.raises(kind) as refusal, transaction.atomic():
        act()
    assert not [word for word in c.SECRETS if word in f"{refusal.value} {refusal.value.params}"]
    assert rows() == before


# --- ours ----------------------------------------------------------------------------------------
def test_a_reply_from_its_draft_to_the_queue(office: Office) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team))
    letter = c.draft(request, team)
    assert (letter.state, letter.by, letter.language) == (states.DRAFT, "email", "ru")
    assert letter_text(letter).state == State.OPEN and c.WORDS in letter_text(letter).text
    shown = letter_addresses([letter])[letter]
    assert shown.state == State.MASKED and TOLD["email"] not in shown.text and "@" in shown.text
    assert letter_addresses([letter], opened=True)[letter].text == TOLD["email"]
    assert c.WORDS not in letter_texts([letter], opened=False)[letter].text
    keys = VaultKey.objects.filter(kind=Sealed.LETTER, owner=letter.pk)
    assert set(keys.values_list("pk", flat=True)) == {letter.body_key, letter.address_key}
    assert letters_of(request) == [] and answered_at(request) is None
    refused(ForbiddenTransition, lambda: c.printed(letter, team))
    refused(ForbiddenTransition, lambda: c.prove(letter, team))
    refused(ForbiddenTransition, lambda: c.retry(letter, team))
    version = version_of(letter)
    edited = c.edit(letter, team, body="Иначе.\r\nДа.")
    assert letter_text(edited).text == "Иначе.\nДа." and edited.body_key == letter.body_key
    refused(LetterChanged, lambda: c.edit(letter, team, version=version))
    refused(LetterEmpty, lambda: c.edit(edited, team, body="  \n"))
    queued = c.send(letter, team)
    assert (queued.state, queued.next_attempt_at) == (states.QUEUED, LATER)
    refused(ForbiddenTransition, lambda: c.send(letter, team))
    refused(ForbiddenTransition, lambda: c.edit(queued, team))
    assert c.cancel(letter, team).state == states.CANCELLED
    refused(ForbiddenTransition, lambda: c.cancel(letter, team))
    trail = [
        (version.history_change_reason, version.history_user)
        for version in letter.history.order_by("history_id")
    ]
    assert trail[-3:] == [("changed", team.clerk), ("sent", team.dpo), ("a mistake", team.dpo)]


def test_what_a_draft_refuses(office: Office) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team, answer_by="by_hand", email="", postal="", phone=""))
    refused(WordsMissing, lambda: c.draft(request, team, text=" "))
    refused(NothingDecided, lambda: c.draft(request, team, kind="decision"))
    refused(UnknownChoice, lambda: c.draft(request, team, kind="closing"))
    refused(UnknownChoice, lambda: c.draft(request, team, way="pigeon"))
    refused(AddressMissing, lambda: c.draft(request, team, way="email"))
    refused(AddressMissing, lambda: c.draft(request, team, way="post"))
    refused(WrongValue, lambda: c.draft(request, team, text="a\u202eb"))
    letter = c.draft(request, team)
    assert letter.by == "by_hand"
    assert letter_addresses([letter], opened=True)[letter].text == TOLD["name"]
    refused(ReasonMissing, lambda: c.cancel(letter, team, reason=" "))
    asking.withdraw(request, team)
    refused(RequestOver, lambda: c.draft(request, team))
    refused(RequestOver, lambda: c.send(letter, team))


def test_a_letter_on_paper_from_the_queue_to_its_proof(office: Office) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team, language="kk"))
    letter = c.send(c.draft(request, team, way="post"), team)
    assert letter.next_attempt_at is None
    refused(ForbiddenTransition, lambda: c.prove(letter, team))
    before = AccessEvent.objects.count()
    page = PdfReader(io.BytesIO(c.printed(letter, team))).pages[0]
    text = page.extract_text()
    for part in (*TOLD["name"].split(), "Абая 1", c.WORDS[:12], request.number):
        assert part in text
    event = AccessEvent.objects.latest("pk")
    assert AccessEvent.objects.count() == before + 1
    assert (event.what, event.reason, event.user) == ("paper", request.number, team.clerk)
    assert event.details == {"letter": letter.pk}
    # Torn in the printer: once more.
    c.printed(letter, team)
    refused(ProofMissing, lambda: c.prove(letter, team, proof="  "))
    refused(NotYet, lambda: c.prove(letter, team, sent_at=LATER + timedelta(days=1)))
    refused(BeforePrinting, lambda: c.prove(letter, team, sent_at=LATER - timedelta(days=1)))
    proven = c.prove(letter, team)
    assert (proven.state, proven.proof) == (states.PROVEN, "RR123456789KZ")
    assert letters_of(request) == [proven]
    refused(ForbiddenTransition, lambda: c.prove(letter, team))
    by_mail = c.send(c.draft(request, team), team)
    refused(NotOnPaper, lambda: c.printed(by_mail, team))


def test_another_way_takes_another_address_and_starts_anew(office: Office) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team))
    letter = c.send(c.draft(request, team), team)
    refused(AddressMissing, lambda: c.reroute(letter, team, way="page"))
    moved = c.reroute(letter, team, way="post")
    assert (moved.by, moved.state, moved.next_attempt_at) == ("post", states.QUEUED, None)
    address = letter_addresses([moved], opened=True)[moved].text
    assert address == f"{TOLD['name']}\n{TOLD['postal']}"
    assert moved.address_key == letter.address_key


def test_what_stands_on_the_page_is_there_at_once(office: Office) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team))
    letter = c.send(c.draft(request, team, way="page"), team)
    assert (letter.state, letter.sent_at, letter.address_key) == (states.SENT, LATER, None)
    assert letters_of(request) == [letter]


def test_an_answer_counts_from_the_decision(office: Office) -> None:
    team = office.pandev
    _known, request = asking.asked(team)
    c.send(c.draft(request, team, way="page", now=NOW), team, now=NOW)
    assert answered_at(request) is None
    asking.refuse(asking.item_of(request), team)
    assert answered_at(asking.again(request)) is None
    later = LATER + timedelta(hours=3)
    c.send(c.draft(request, team, way="page", now=later), team, now=later)
    assert answered_at(request) == later
    assert answered_at(request, since=NOW) == NOW


def test_a_request_is_not_closed_over_a_draft(office: Office) -> None:
    team = office.pandev
    _known, request = c.decided(team)
    letter = c.draft(request, team, kind="decision")
    refused(LetterUnsent, lambda: asking.close(request, team))
    c.send(letter, team)
    asking.close(request, team)
    closing = c.only(request, "closing")
    assert (closing.state, closing.by, closing.made_by) == (states.QUEUED, "email", team.dpo)


def test_the_database_itself_holds_what_is_made_once(office: Office) -> None:
    _known, request = c.closed(office.pandev)
    closing = c.only(request, "closing")
    fields = {"request": request, "way": "out", "language": "ru", "by": "page", "made_at": NOW}
    for wrong in (
        {"kind": "closing", "state": "draft"},
        {"kind": "incoming", "state": "draft"},
        {"kind": "reply", "state": "received", "sent_at": NOW},
        {"kind": "reply", "state": "sent"},
        {"kind": "reply", "state": "proven", "sent_at": NOW},
        {"kind": "reply", "state": "queued", "by": "email"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Letter(**(fields | wrong)).save()
    assert str(closing).startswith(f"{request.number}: ")


# --- the person's --------------------------------------------------------------------------------
def test_a_letter_of_the_person_with_its_files(office: Office) -> None:
    request = asking.again(asking.receive(office.pandev))
    letter = letter_receive(
        subject_request=request, body=" canary-reply\r\nдва ", now=LATER,
        files=[(PDF, "text/html"), (png(), "image/png")],
    )  # fmt: skip
    assert (letter.way, letter.state, letter.sent_at) == ("in", states.RECEIVED, LATER)
    assert letter_text(letter).text == "canary-reply\nдва"
    (found,) = letters_of(request)
    first, second = found.files.all()
    assert (first.file.media_type, second.file.media_type) == ("application/pdf", "image/png")
    assert b"".join(letter_file_open(first)) == PDF
    assert b"canary" not in first.file.path.read_bytes()
    assert (first.file.kind, first.file.owner) == (Sealed.LETTER, letter.pk)
    only_files = letter_receive(subject_request=request, body="", files=[(PDF, "")], now=LATER)
    assert letter_text(only_files).state == State.EMPTY


@pytest.mark.parametrize(
    ("body", "files", "kind"),
    [
        ("", [], LetterEmpty),
        ("x", [(PDF, "")] * 4, TooManyFiles),
        ("x", [(PDF + b"0" * FILE_BYTES, "")], LetterFileTooBig),
        ("x", [(b"MZ\x90\x00 program", "application/pdf")], LetterFileUnknown),
        ("x", [(b"<html>", "text/html")], LetterFileUnknown),
        ("x", [(b"PK\x03\x04zip", "application/pdf")], LetterFileUnknown),
        ("x", [(b"a,b\n1,2\n", "image/png")], LetterFileUnknown),
        ("x", [(b"\x89PNG\r\n\x1a\n broken", "image/png")], PhotoDamaged),
        ("x\u202e", [], WrongValue),
    ],
)
def test_what_is_not_taken_from_a_person(
    office: Office, body: str, files: list[tuple[bytes, str]], kind: type[OperatorError]
) -> None:
    request = asking.again(asking.receive(office.pandev))
    refused(
        kind, lambda: letter_receive(subject_request=request, body=body, files=files, now=LATER)
    )


def test_nobody_fills_the_office_and_nobody_writes_to_what_is_over(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests.services.letters.LETTERS_LIMIT", 1)
    request = asking.again(asking.receive(office.pandev))

    def write() -> Letter:
        return letter_receive(subject_request=request, body="x", now=LATER)

    write()
    refused(OperatorError, write)
    asking.withdraw(request, office.pandev)
    refused(RequestOver, write)
