"""Strangers, guessers, floods and mistakes at the tracking page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from registry.models import Deadline, User
from requests.models import Letter, Throttle
from requests.public.tracking import MISSES, REPLIES
from requests.services.tracking import code_of
from subjects.models import SealedFile, Stop
from tests.conftest import Office
from tests.requests.asking import (
    BOTH,
    DESTRUCTION,
    LATER,
    TOLD,
    WITHDRAWAL,
    accept,
    again,
    asked,
    bar,
    close,
    item_of,
    receive,
    refuse,
    team_of,
)
from tests.requests.corresponding import draft, send
from tests.requests.forms import counts, picture
from tests.requests.test_other_kinds import OTHER
from tests.requests.tracked import PDF, VISIT, path_of, visit, with_file, write

LogIn = Callable[[User], Client]
WRONG = "22222-22222-22222-22222"


def get(path: str, **extra: Any) -> Any:
    with time_machine.travel(VISIT, tick=False):
        return Client().get(path, **extra)


def post(path: str, data: dict[str, Any], client: Client | None = None, **extra: Any) -> Any:
    with time_machine.travel(VISIT, tick=False):
        return (client or Client()).post(path, data, **extra)


def file(content: bytes = PDF, name: str = "canary-name.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="application/pdf")


# --- guessing --------------------------------------------------------------------------------
def test_a_wrong_code_and_another_operators_get_one_answer(office: Office) -> None:
    request = receive(office.pandev)
    code = str(code_of(again(request)))
    pages = set()
    for path in (f"/ipm/track/{WRONG}/", f"/ipm/track/{code}/", f"/ipm/track/{code}/cancel/",
                 f"/ipm/track/{code}/files/1/"):  # fmt: skip
        answer = get(path, headers={"accept-language": "en"})
        assert answer.status_code == 404
        pages.add(answer.content)
    (page,) = pages
    assert request.number not in page.decode() and "Type in number and code" in page.decode()
    for path in (f"/nobody/track/{code}/", "/nobody/track/", f"/nobody/track/{code}/files/1/"):
        assert get(path).status_code == 404


def test_who_misses_too_often_finds_nothing_for_an_hour(office: Office) -> None:
    request = receive(office.pandev)
    path = path_of(request)
    for _ in range(MISSES.times):
        assert get(f"/pandev/track/{WRONG}/").status_code == 404
    # Right or wrong, by whichever door: nothing tells which.
    for door in (f"/pandev/track/{WRONG}/", path, f"{path}cancel/", f"{path}files/1/"):
        answer = get(door)
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
        assert request.number not in answer.content.decode()
    entry = {"number": request.number, "tracking": code_of(again(request))}
    assert post("/pandev/track/", entry).status_code == 429
    # Somebody else comes in, and an hour later everybody.
    assert get(path, REMOTE_ADDR="203.0.113.9").status_code == 200
    with time_machine.travel(VISIT + timedelta(hours=1), tick=False):
        assert Client().get(path).status_code == 200


def test_who_has_the_link_may_look_as_often_as_they_like(office: Office) -> None:
    path = path_of(receive(office.pandev))
    for _ in range(MISSES.times + 5):
        assert get(path).status_code == 200
    assert not Throttle.objects.exists()


# --- number and code -------------------------------------------------------------------------
def test_number_and_code_lead_to_the_page_however_they_are_typed(office: Office) -> None:
    request = receive(office.pandev)
    code = str(code_of(again(request)))
    for number, typed in ((request.number, code), (f" {request.number.lower()} ", code.lower()),
                          (request.number, code.replace("-", "/"))):  # fmt: skip
        answer = post("/pandev/track/?lang=kk", {"number": number, "tracking": typed})
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"/pandev/track/{code}/?lang=kk"
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_wrong_number_and_a_wrong_code_are_told_alike(office: Office) -> None:
    request, other = receive(office.pandev), receive(office.pandev)
    code = str(code_of(again(request)))
    said = set()
    for number, typed in ((request.number, WRONG), (other.number, code), ("REQ-1", code),
                          (request.number, str(code_of(again(other))))):  # fmt: skip
        answer = post("/pandev/track/?lang=en", {"number": number, "tracking": typed})
        assert answer.status_code == 404
        (problem,) = answer.context["problems"]
        said.add(problem["text"])
    assert said == {"No request is found by this number and code."}
    # Each was a miss.
    assert sum(Throttle.objects.values_list("count", flat=True)) == 4
    empty = post("/pandev/track/?lang=en", {})
    assert empty.status_code == 422 and "Write the code." in empty.content.decode()


# --- what the person writes ------------------------------------------------------------------
def test_a_letter_with_files_arrives_once(office: Office) -> None:
    request = receive(office.pandev)
    for _ in range(2):
        answer = write(request, message="Вот документ, canary-reply", file_1=file(),
                       file_3=file(picture(), "x.jpg"))  # fmt: skip
        assert (answer.status_code, answer.headers["Location"]) == (
            302, f"{path_of(request)}?lang=en#letters",
        )  # fmt: skip
    letter = Letter.objects.get()
    assert (letter.way, letter.kind, letter.by) == ("in", "incoming", "page")
    assert [one.file.media_type for one in letter.files.all()] == ["application/pdf", "image/jpeg"]
    page = visit(request)
    assert "Вот документ" in page and "file 2 (JPEG)" in page and "canary-name" not in page
    # The same words with another paper are another letter; a file may come alone.
    write(request, message="Вот документ, canary-reply", file_1=file(PDF + b"2"))
    write(request, message="", file_1=file(PDF + b"3"))
    write(request, message="", file_1=file(PDF + b"4"))
    assert Letter.objects.count() == 4


def test_what_cannot_be_taken_is_said_beside_its_field_and_nothing_is_kept(office: Office) -> None:
    request = receive(office.pandev)
    before = counts()
    for fields, words in (
        ({"message": "  "}, "Write something, or add a file."),
        ({"message": "x" * 5_001}, "5000"),
        ({"message": "m", "file_1": file(b"MZ\x90\x00 a program")}, "no PDF, JPEG or PNG"),
        ({"message": "m", "file_1": file(b"PK\x03\x04 a zip")}, "no PDF, JPEG or PNG"),
        ({"message": "m", "file_1": file(b"<html><script>")}, "no PDF, JPEG or PNG"),
        ({"message": "m", "file_2": file(PDF + b"0" * (5 * 1024 * 1024))}, "larger than 5 MB"),
    ):
        answer = write(request, **fields)
        assert answer.status_code == 422, words
        assert words in answer.content.decode()
    assert counts() == before
    # What was typed is not lost.
    assert "kept words" in write(request, message="kept words", file_1=file(b"MZ")).content.decode()


def test_so_many_letters_an_hour_and_no_more(office: Office) -> None:
    request = receive(office.pandev)
    for number in range(REPLIES.times):
        assert write(request, message=f"letter {number}").status_code == 302
    # From any address: it is the request that is full.
    with time_machine.travel(VISIT, tick=False):
        answer = Client().post(path_of(request), {"message": "more"}, REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 429
    assert Letter.objects.count() == REPLIES.times
    # Reading goes on, and another request has room.
    visit(request)
    assert write(receive(office.pandev), message="first").status_code == 302


def test_nothing_is_written_to_what_is_over(office: Office) -> None:
    request = receive(office.pandev, OTHER)
    refuse(item_of(request), office.pandev, refusal="KZ.NOT_ABOUT_DATA")
    close(request, office.pandev)
    letters = Letter.objects.count()
    answer = write(request, message="canary-late")
    assert answer.status_code == 409 and "is over" in answer.content.decode()
    assert Letter.objects.count() == letters


def test_a_forged_letter_is_refused_and_its_link_is_in_no_log(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    request = receive(office.pandev)
    code = str(code_of(again(request)))
    client = Client(enforce_csrf_checks=True)
    before = counts()
    with caplog.at_level(logging.DEBUG):
        assert post(path_of(request), {"message": "forged"}, client).status_code == 403
        assert post(f"{path_of(request)}cancel/", {}, client).status_code == 403
        assert post("/pandev/track/", {"number": "x", "tracking": code}, client).status_code == 403
        for path in (f"/ipm/track/{code}/", f"{path_of(request)}files/99/"):
            assert get(path).status_code == 404
        assert write(request, message="").status_code == 422
    assert counts() == before
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert code not in logged


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_other_methods_are_refused(office: Office, method: str) -> None:
    path = path_of(receive(office.pandev))
    for door in (path, f"{path}cancel/", "/pandev/track/"):
        with time_machine.travel(VISIT, tick=False):
            assert getattr(Client(), method)(door).status_code == 405
    with time_machine.travel(VISIT, tick=False):
        assert Client().post(f"{path}files/1/").status_code == 405
        strange = Client().post(path, b"{}", content_type="application/json")
    assert strange.status_code == 415


# --- files -----------------------------------------------------------------------------------
def test_a_file_comes_to_be_saved_under_a_name_that_is_nobodys(office: Office) -> None:
    request = receive(office.pandev)
    kept = with_file(request)
    answer = get(f"{path_of(request)}files/{kept.pk}/")
    assert answer.status_code == 200 and answer.content == PDF
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="{request.number}-{kept.pk}.pdf"'
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_number_leads_to_a_file_of_another_request(office: Office) -> None:
    mine, theirs = receive(office.pandev), receive(office.pandev)
    foreign = receive(office.ipm)
    kept = with_file(theirs)
    far = with_file(foreign)
    assert get(f"{path_of(theirs)}files/{kept.pk}/").status_code == 200
    for number in (kept.pk, far.pk, kept.pk + 1000, 0):
        answer = get(f"{path_of(mine)}files/{number}/")
        assert answer.status_code == 404 and PDF not in answer.content


def test_a_file_that_is_gone_from_the_disk_says_so(office: Office) -> None:
    request = receive(office.pandev)
    kept = with_file(request)
    SealedFile.objects.get(pk=kept.file_id).path.unlink()
    assert get(f"{path_of(request)}files/{kept.pk}/").status_code == 410


# --- taking it back --------------------------------------------------------------------------
@BOTH
def test_the_person_takes_the_request_back_after_being_asked_once_more(
    office: Office, code: str
) -> None:
    team = team_of(office, code)
    _known, request = asked(team)
    path = path_of(request)
    shown = get(f"{path}cancel/?lang=en")
    assert shown.status_code == 200 and "Yes, take it back" in shown.content.decode()
    assert again(request).state == "in_work"
    answer = post(f"{path}cancel/?lang=en", {})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{path}?lang=en")
    row = again(request)
    assert (row.state, row.ended_at) == ("withdrawn", VISIT)
    assert Deadline.objects.get().voided_at == VISIT
    assert not Stop.objects.filter(label=request.number, ended_at=None).exists()
    assert row.history.order_by("-history_id")[0].history_user is None
    page = visit(request)
    assert "The request was taken back." in page and "Taken back</" not in page
    assert "Take the request back" not in page
    # Pressed again: told, not broken.
    assert post(f"{path}cancel/", {}).status_code == 409


def test_what_was_accepted_goes_on(office: Office) -> None:
    _known, request = asked(office.ipm, DESTRUCTION, WITHDRAWAL)
    accept(item_of(request, "destruction"), office.ipm)
    path = path_of(request)
    shown = get(f"{path}cancel/?lang=en").content.decode()
    assert "cannot be taken back any more" in shown and "Yes, take it back" not in shown
    answer = post(f"{path}cancel/?lang=en", {})
    assert answer.status_code == 409 and "What was decided goes on" in answer.content.decode()
    assert again(request).state == "in_work"


def test_what_only_waits_can_be_taken_back(office: Office) -> None:
    _known, request = asked(office.pandev)
    bar(item_of(request), office.pandev)
    assert post(f"{path_of(request)}cancel/", {}).status_code == 302
    assert again(request).state == "withdrawn"


# --- staff -----------------------------------------------------------------------------------
def test_staff_see_the_link_only_while_the_letter_is_open_to_them(
    office: Office, as_user: LogIn
) -> None:
    request = receive(office.pandev)
    link = path_of(request)
    page = reverse("admin:requests_subjectrequest_change", args=[request.pk])
    opening = reverse("admin:requests_subjectrequest_open", args=[request.pk])
    for user in (office.pandev.clerk, office.pandev.dpo):
        client = as_user(user)
        assert link not in client.get(page).content.decode()
        client.post(opening)
        assert link in client.get(page).content.decode()
    for user in (office.pandev.auditor, office.ipm.dpo, office.nobody, office.admin):
        client = as_user(user)
        client.post(opening)
        assert link not in client.get(page).content.decode()


def test_a_role_adds_nothing_to_the_link_and_takes_nothing_from_it(
    office: Office, as_user: LogIn
) -> None:
    request = receive(office.pandev)
    for user in office.everyone():
        with time_machine.travel(VISIT, tick=False):
            assert as_user(user).get(path_of(request)).status_code == 200
            answer = as_user(user).get(f"/pandev/track/{WRONG}/")
        assert answer.status_code in {404, 429}


def test_nothing_that_was_written_stands_in_the_page_of_a_wrong_link(office: Office) -> None:
    request = receive(office.pandev, OTHER)
    send(draft(request, office.pandev, way="page"), office.pandev, now=LATER)
    page = get(f"/pandev/track/{WRONG}/").content.decode()
    assert not [secret for secret in TOLD.values() if secret in page]
