"""The pages of an inquiry's verbs with bad input: one sentence, nothing saved."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from registry.services.clocks import deadline_assign
from requests.models import RegulatorInquiry
from requests.services.inquiries import clock_of
from tests.conftest import Office
from tests.requests.letters import draft, everything, letter
from tests.requests.pages import (
    NOON,
    LogIn,
    errors,
    page_of,
    post,
    refuses,
)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def inquiry(office: Office) -> RegulatorInquiry:
    return letter(office.ipm)


# --- bad input -------------------------------------------------------------------------------
def test_one_click_twice_answers_once(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    client = as_user(office.ipm.dpo)
    assert post(client, inquiry, "answer").status_code == 302
    refuses(client, inquiry, "answer", 409)
    refuses(client, inquiry, "withdraw", 409)


def test_one_click_twice_saves_one_draft(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    client = as_user(office.ipm.clerk)
    assert post(client, inquiry, "draft").status_code == 302
    before = everything()
    assert post(client, inquiry, "draft").status_code == 302
    assert everything() == before


@pytest.mark.parametrize("verb", ["draft", "answer"])
def test_a_text_of_a_megabyte_is_one_sentence(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn, verb: str
) -> None:
    response = refuses(as_user(office.ipm.dpo), inquiry, verb, 200, answer="x" * 1_048_576)
    assert errors(response) == ("Ensure this value has at most 100000 characters (it has 1048576).")


@pytest.mark.parametrize("verb", ["draft", "answer"])
def test_a_text_of_the_whole_limit_with_line_ends_is_taken(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn, verb: str
) -> None:
    text = "a\r\n" * 49_999 + "bc"
    assert post(as_user(office.ipm.dpo), inquiry, verb, answer=text).status_code == 302
    inquiry.refresh_from_db()
    assert inquiry.answer == text.replace("\r\n", "\n")


def test_a_body_beyond_every_measure_is_400(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    response = refuses(as_user(office.ipm.dpo), inquiry, "answer", 400, answer="x" * 2_700_000)
    assert "This was not understood" in response.content.decode()


@pytest.mark.parametrize("verb", ["draft", "answer"])
def test_what_was_read_cannot_be_forged_away(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn, verb: str
) -> None:
    draft(inquiry, office.ipm, answer="Of the clerk.")
    response = refuses(
        as_user(office.ipm.dpo), inquiry, verb, 409, answer="Mine.", read="Never written."
    )
    assert errors(response) == (
        "INQ-2025-0001 was changed by somebody else while you were writing. Nothing was saved: "
        "look at the new text first."
    )
    assert "Mine.</textarea>" in response.content.decode()
    refuses(as_user(office.ipm.dpo), inquiry, verb, 409, answer="Mine.", read="x" * 1_048_576)


@pytest.mark.parametrize(
    ("verb", "wrong", "status", "words"),
    [
        ("answer", {"sent_at": "2025-12-29T12:01"}, 422, "in the future"),
        ("answer", {"sent_at": "2025-12-25T11:59"}, 422, "older than the inquiry"),
        ("answer", {"sent_at": "0001-01-01T00:00"}, 422, "older than the inquiry"),
        ("answer", {"sent_at": "9999-12-31T23:59"}, 422, "in the future"),
        ("answer", {"sent_at": "at noon"}, 200, "Enter a valid date/time."),
        ("answer", {"answer": " "}, 422, "write the answer before you mark it as sent"),
        ("answer", {"sent_channel": ""}, 200, "This field is required."),
        ("answer", {"sent_channel": "pigeon"}, 200, "Select a valid choice"),
        ("answer", {"proof": "x" * 301}, 200, "at most 300 characters"),
        ("draft", {"answer": "a\x00b"}, 200, "Null characters are not allowed."),
        ("restate", {"stated_on": "2026-02-30"}, 200, "Enter a valid date."),
        ("restate", {"stated_on": "9999-12-31"}, 422, "has no year 9999"),
        ("restate", {"reason": "  "}, 200, "This field is required."),
        ("extend", {"reasons": " "}, 200, "This field is required."),
        ("extend", {"notice_sent_at": "2025-12-01T10:00"}, 422, "older than the inquiry"),
        ("withdraw", {"reason": ""}, 200, "This field is required."),
        ("withdraw", {"reason": "x" * 301}, 200, "at most 300 characters"),
    ],
)
def test_what_is_typed_wrongly_is_one_sentence(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn,
    verb: str, wrong: dict[str, str], status: int, words: str,
) -> None:  # fmt: skip
    response = refuses(as_user(office.ipm.dpo), inquiry, verb, status, **wrong)
    assert words in errors(response)
    assert words in unescape(response.content.decode())


def test_what_is_typed_never_becomes_markup(
    office: Office, inquiry: RegulatorInquiry, as_user: LogIn
) -> None:
    client, evil = as_user(office.ipm.dpo), "</textarea><script>alert(1)</script>"
    post(client, inquiry, "draft", answer=evil)
    pages = [client.get(page_of(inquiry, "answer"))]
    post(client, inquiry, "answer", answer=evil, read=evil, proof=evil)
    for name in ("change", "history"):
        url = reverse(f"admin:requests_regulatorinquiry_{name}", args=[inquiry.pk])
        pages.append(client.get(url))
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode()
    assert "&lt;script&gt;alert(1)" in pages[1].content.decode()


def test_without_its_token_a_form_is_refused(office: Office, inquiry: RegulatorInquiry) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(office.ipm.dpo, backend="registry.access.RoleBackend")
    response = refuses(client, inquiry, "answer", 403)
    assert "This page was open for too long" in response.content.decode()


def test_assigning_leaves_who_and_why(office: Office, inquiry: RegulatorInquiry) -> None:
    clock = deadline_assign(
        deadline=clock_of(inquiry), owner=office.ipm.clerk, by=office.ipm.dpo, now=NOON,
        reason="assigned",
    )  # fmt: skip
    newest = clock.history.order_by("-history_id").first()
    assert (newest.history_user, newest.history_change_reason) == (office.ipm.dpo, "assigned")
