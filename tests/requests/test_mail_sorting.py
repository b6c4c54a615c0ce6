"""Every mail goes to one place: machines open nothing, strangers join no case, nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests.mail_reading import ReadMail, read_mail
from requests.mail_sorting import HOURLY_LIMIT, Known, Place, Sorted, Why, sort_mail

KNOWN = Known(
    addresses=frozenset({"dpo@operator.kz"}),
    loop_marks=frozenset({"office"}),
    cases_of_ids={"<letter-1@operator.kz>": "2026-7", "<letter-2@operator.kz>": "2026-9"},
    cases_of_sender=frozenset({"2026-7"}),
)
UPDATE = "Personal Data Update"


def mail(subject: str = "hello", *headers: str, sender: str = "anna@example.kz") -> ReadMail:
    lines = (f"From: {sender}", f"Subject: {subject}", "Message-ID: <m@example.kz>", *headers)
    return read_mail(("\r\n".join(lines) + "\r\n\r\nhello").encode())


def test_a_marked_subject_opens_its_request() -> None:
    assert sort_mail(mail(UPDATE), KNOWN) == Sorted(Place.REQUEST, Why.MARKED, kind="correction")


def test_an_answer_to_our_letter_joins_its_case() -> None:
    read = mail("Re: your letter", "In-Reply-To: <letter-2@operator.kz>")
    assert sort_mail(read, KNOWN) == Sorted(Place.REPLY, Why.ANSWERS_LETTER, case="2026-9")


def test_a_number_joins_only_for_whoever_is_known_there() -> None:
    assert sort_mail(mail("Request № 2026-7, my passport"), KNOWN) == Sorted(
        Place.REPLY, Why.NAMES_CASE, case="2026-7"
    )
    stranger = replace(KNOWN, cases_of_sender=frozenset())
    assert sort_mail(mail("Request 2026-7"), stranger) == Sorted(Place.TRIAGE, Why.UNKNOWN)
    assert sort_mail(mail("Request 2026-9"), KNOWN) == Sorted(Place.TRIAGE, Why.UNKNOWN)


@pytest.mark.parametrize(
    "subject", ["№2026-7", "(2026-7)", "Re: [2026-7]", "2026-7.", "no. 2026-7"]
)
def test_a_number_is_seen_among_signs(subject: str) -> None:
    assert sort_mail(mail(subject), KNOWN).place == Place.REPLY


@pytest.mark.parametrize("subject", ["2026-77", "12026-7", "1-2026-7", "2026-7-1", "piano2026-7"])
def test_a_number_within_a_longer_one_is_not_it(subject: str) -> None:
    assert sort_mail(mail(subject), KNOWN).place == Place.TRIAGE


def test_a_marked_subject_typed_in_an_answer_is_a_request_of_its_own() -> None:
    answers = "In-Reply-To: <letter-1@operator.kz>"
    assert sort_mail(mail(UPDATE, answers), KNOWN).place == Place.REQUEST
    assert sort_mail(mail(f"Re: {UPDATE}", answers), KNOWN).place == Place.REPLY
    assert sort_mail(mail(f"Re: {UPDATE}"), KNOWN).place == Place.REQUEST


def test_between_two_cases_a_person_decides() -> None:
    both = "References: <letter-1@operator.kz> <letter-2@operator.kz>"
    assert sort_mail(mail("Re: x", both), KNOWN) == Sorted(Place.TRIAGE, Why.SEVERAL_CASES)
    known = replace(KNOWN, cases_of_sender=frozenset({"2026-7", "2026-8"}))
    assert sort_mail(mail("2026-7 2026-8"), known).why == Why.SEVERAL_CASES


@pytest.mark.parametrize(
    "read",
    [
        mail(UPDATE, sender="DPO@Operator.KZ"),
        mail(UPDATE, "X-Loop: office"),
        replace(mail(UPDATE), message_id="<letter-1@operator.kz>"),
        mail(UPDATE, "Auto-Submitted: auto-replied"),
        mail(UPDATE, "Precedence: bulk"),
        mail(UPDATE, "Return-Path: <>"),
        mail(UPDATE, sender="mailer-daemon@example.kz"),
        mail(UPDATE, sender=""),
        mail(UPDATE, sender="a@b.c, d@e.f"),
    ],
    ids=["own", "mark", "own-id", "auto", "bulk", "returned", "daemon", "nobody", "two"],
)
def test_machines_loops_and_nobody_open_no_request(read: ReadMail) -> None:
    assert sort_mail(read, KNOWN).place not in (Place.REQUEST, Place.REPLY)


def test_a_returned_letter_names_its_case() -> None:
    read = mail("Undelivered", "Return-Path: <>", "References: <letter-1@operator.kz>")
    assert sort_mail(read, KNOWN) == Sorted(Place.BOUNCE, Why.RETURNED, case="2026-7")


def test_the_mail_that_reaches_the_limit_of_the_hour_goes_to_a_person() -> None:
    below = replace(KNOWN, mails_this_hour=HOURLY_LIMIT - 1)
    at = replace(KNOWN, mails_this_hour=HOURLY_LIMIT)
    assert sort_mail(mail(UPDATE), below).place == Place.REQUEST
    assert sort_mail(mail(UPDATE), at) == Sorted(Place.TRIAGE, Why.FLOOD)


@given(st.binary(max_size=300))
def test_any_bytes_have_a_place(raw: bytes) -> None:
    found = sort_mail(read_mail(raw), KNOWN)
    assert (found.kind != "") is (found.place == Place.REQUEST)
    assert found.place != Place.REPLY or found.case
