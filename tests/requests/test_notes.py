"""Notes of the staff, what the person sends besides, and what else the same people ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from registry.models import User
from requests.models import Letter, RequestNote, SubjectRequest
from requests.services.ends import ends_sweep, kept_until
from requests.services.letters import RequestOver
from requests.services.noting import (
    NoteEmpty,
    NoteTooLong,
    TooManyNotes,
    note_add,
    notes_of,
)
from requests.services.subject_requests import TrackTooLong
from requests.services.told import letter_open
from subjects.vault import store
from tests.conftest import Office, Team
from tests.requests.asking import (
    LATER,
    WITHDRAWAL,
    again,
    asked,
    close,
    everything,
    item_of,
    receive,
    refuse,
    refused,
)
from tests.requests.checking import COMPLAINT
from tests.requests.forms import PDF

LogIn = Callable[[User], Client]
TEXT = "canary-note: she called twice"
TRACK = "RR123456789KZ"


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False), override("en"):
        yield


def note(request: SubjectRequest, team: Team, **changed: Any) -> RequestNote:
    return note_add(
        **{"subject_request": request, "text": TEXT, "by": team.clerk, "now": LATER} | changed
    )


def page(request: SubjectRequest, verb: str = "change") -> str:
    return reverse(f"admin:requests_subjectrequest_{verb}", args=[request.pk])


# --- notes ---------------------------------------------------------------------------------------
def test_a_note_is_sealed_and_read_with_the_letter(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    request = receive(team)
    note(request, team)
    assert "canary" not in repr(list(RequestNote.objects.values_list()))
    client = as_user(team.dpo)
    assert TEXT not in client.get(page(request)).content.decode()
    letter_open(subject_request=request, user=team.dpo, now=LATER)
    assert TEXT in client.get(page(request)).content.decode()
    # Open to one is open to nobody else.
    assert TEXT not in as_user(team.clerk).get(page(request)).content.decode()


def test_a_note_ends_with_the_letter(office: Office) -> None:
    team = office.ipm
    request = receive(team)
    made = note(request, team)
    refuse(item_of(request), team)
    close(request, team)
    kept = kept_until(team.operator, LATER.date()).until
    assert made.text_key is not None
    key = store.keys_of([made.text_key])[made.text_key]
    assert key.destroy_on == kept + timedelta(days=1)
    Letter.objects.filter(request=request).update(state="cancelled")
    with time_machine.travel(LATER + timedelta(days=1200), tick=False) as clock:
        del clock
        did = ends_sweep(now=LATER + timedelta(days=1200))
    assert did["failed"] == 0 and did["destroyed"]
    assert store.destroyed_among([made.text_key])
    assert [text for _note, text in notes_of(again(request), opened=True)] == ["destroyed"]


@pytest.mark.parametrize(
    ("text", "refusal"), [(" \n ", NoteEmpty), ("x" * 5_001, NoteTooLong)], ids=["empty", "long"]
)
def test_bad_notes_write_nothing(office: Office, text: str, refusal: type[Any]) -> None:
    request = receive(office.ipm)
    with refused(refusal):
        note(request, office.ipm, text=text)
    assert not RequestNote.objects.exists()


def test_notes_have_a_limit_and_an_end(office: Office, monkeypatch: Any) -> None:
    team = office.ipm
    request = receive(team)
    monkeypatch.setattr("requests.services.noting.NOTES_LIMIT", 1)
    note(request, team)
    with refused(TooManyNotes):
        note(request, team)
    refuse(item_of(request), team)
    close(request, team)
    with refused(RequestOver):
        note(request, team)


# --- what came besides ---------------------------------------------------------------------------
def scan(**changed: Any) -> dict[str, Any]:
    return {
        "came_at": "2026-03-09T10:00", "way": "post", "text": "",
        "file_1": SimpleUploadedFile("canary-name.pdf", PDF, content_type="application/pdf"),
    } | changed  # fmt: skip


def test_the_scan_of_an_envelope_is_kept_with_the_correspondence(
    office: Office, as_user: LogIn
) -> None:
    team = office.pandev
    request = receive(team, channel="registered_mail", track=TRACK)
    client = as_user(team.clerk)
    assert 'enctype="multipart/form-data"' in client.get(page(request, "file")).content.decode()
    response = client.post(page(request, "file"), scan())
    assert response.status_code == 302, response.content.decode()
    letter = Letter.objects.get(request=request, kind="incoming")
    assert (letter.by, letter.made_by, letter.files.count()) == ("post", team.clerk, 1)
    assert letter.sent_at is not None and letter.sent_at.isoformat().startswith("2026-03-09")
    assert "canary-name" not in repr(everything())
    shown = client.get(page(request)).content.decode()
    assert TRACK in shown


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"file_1": ""}, "empty"),
        ({"came_at": "2026-03-11T10:00"}, "future"),
        ({"file_1": SimpleUploadedFile("a.pdf", b"MZ no pdf")}, "PDF"),
        ({"way": "pigeon"}, "Select a valid choice"),
        ({"came_at": ""}, "required"),
    ],
    ids=["nothing", "future", "program", "way", "when"],
)
def test_bad_scans_are_refused(
    office: Office, as_user: LogIn, changed: dict[str, Any], words: str
) -> None:
    request = receive(office.pandev)
    response = as_user(office.pandev.clerk).post(page(request, "file"), scan(**changed))
    assert response.status_code in {200, 422}
    assert words in response.content.decode()
    assert not Letter.objects.filter(kind="incoming").exists()


def test_a_scan_that_is_too_big_is_refused_by_name(
    office: Office, as_user: LogIn, settings: Any
) -> None:
    settings.IMPORT_LIMIT_MB = 1
    request = receive(office.pandev)
    big = SimpleUploadedFile("a.pdf", PDF + b" " * (1024 * 1024))
    response = as_user(office.pandev.clerk).post(page(request, "file"), scan(file_1=big))
    assert 400 <= response.status_code < 500
    assert not Letter.objects.filter(kind="incoming").exists()


def test_a_track_number_has_its_length(office: Office) -> None:
    with refused(TrackTooLong):
        receive(office.ipm, track="x" * 41)


# --- who may -------------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", ["note", "file"])
def test_the_staff_add_and_nobody_else(office: Office, as_user: LogIn, verb: str) -> None:
    team = office.pandev
    request = receive(team)
    for user, status in (
        (team.auditor, 403), (office.admin, 404), (office.nobody, 404), (office.ipm.dpo, 404),
        (office.ipm.clerk, 404),
    ):  # fmt: skip
        form = {"text": TEXT} if verb == "note" else scan()
        assert as_user(user).get(page(request, verb)).status_code == status, user
        assert as_user(user).post(page(request, verb), form).status_code == status, user
    assert not RequestNote.objects.exists() and not Letter.objects.filter(kind="incoming").exists()
    for user in (team.clerk, team.dpo):
        form = {"text": TEXT} if verb == "note" else scan()
        assert as_user(user).post(page(request, verb), form).status_code == 302
    response = as_user(team.clerk).post(page(request, "note"), {"text": " "})
    assert response.status_code in {200, 422}


# --- the page ----------------------------------------------------------------------------------
def test_the_page_costs_the_same_whatever_stands_on_it(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    known, first = asked(team, WITHDRAWAL)
    receive(team, COMPLAINT, subjects=[known.card])
    note(first, team)
    client = as_user(team.dpo)
    letter_open(subject_request=first, user=team.dpo, now=LATER)
    client.get(page(first))
    with CaptureQueriesContext(connection) as one:
        client.get(page(first))
    for _ in range(4):
        receive(team, COMPLAINT, subjects=[known.card])
        note(first, team)
    with CaptureQueriesContext(connection) as five:
        client.get(page(first))
    assert len(five) == len(one)
