"""A marked subject opens its request however it is written; words that resemble one do not."""

from __future__ import annotations

import pytest

from requests.mail_reading import read_mail
from requests.mail_subjects import COMMON, MarkedSubject, recognised
from requests.models.subject_requests import RequestKind

OWN = (
    *COMMON,
    MarkedSubject("Отзыв согласия", "withdrawal", "ru"),
    MarkedSubject("Отзыв согласия на рассылку", "marketing", "ru"),
    MarkedSubject("Келісімді кері қайтарып алу", "withdrawal", "kk"),
)


def kind_of(subject: str) -> str | None:
    found = recognised(subject, OWN)
    return found.kind if found else None


def test_the_common_subjects_open_kinds_that_the_office_has() -> None:
    assert {one.kind for one in COMMON} <= set(RequestKind.values)


@pytest.mark.parametrize(
    "subject",
    [
        "Personal Data Update",
        "personal data UPDATE",
        "  Personal\tData   Update ",
        "Re: Personal Data Update",
        "RE: Fwd: FW: re[2]: Personal Data Update",
        "Ответ: Пересл: Personal Data Update",
        "«Personal Data Update»",
        "Personal Data Update - Anna Kim",
        "Personal Data Update: new address",
        "Personal\u00a0Data\u200b Update.",
    ],
)
def test_an_update_is_recognised(subject: str) -> None:
    assert kind_of(subject) == "correction"


@pytest.mark.parametrize(
    "subject",
    [
        "Отзыв согласия",
        "ОТЗЫВ СОГЛАСИЯ.",
        "Жауап: Келісімді кері қайтарып алу",
        "withdrawal of consent to personal data processing",
    ],
)
def test_a_withdrawal_is_recognised(subject: str) -> None:
    assert kind_of(subject) == "withdrawal"


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "Re:",
        "Personal Data",
        "Personal Data Updates",
        "Personal Data Update newsletter of March",
        "Your Personal Data Update",
        "Not a Withdrawal of Consent to Personal Data Processing",
    ],
)
def test_what_resembles_a_marked_subject_opens_nothing(subject: str) -> None:
    assert kind_of(subject) is None


def test_the_longest_words_win() -> None:
    assert kind_of("Отзыв согласия на рассылку") == "marketing"
    assert kind_of("Отзыв согласия: на рассылку") == "withdrawal"


def test_between_two_kinds_of_the_same_words_nobody_is_guessed() -> None:
    both = (MarkedSubject("Запрос", "information", "ru"), MarkedSubject("запрос", "other", "ru"))
    assert recognised("Запрос", both) is None


def test_a_folded_and_encoded_subject_of_a_mail_is_recognised() -> None:
    raw = (
        b"From: a@b.c\r\nSubject: Fwd:\r\n =?utf-8?q?Withdrawal_of_Consent?=\r\n"
        b"\t=?utf-8?b?IHRvIFBlcnNvbmFsIERhdGE=?=\r\n Processing\r\n\r\nx"
    )
    found = recognised(read_mail(raw).subject)
    assert found is not None and found.kind == "withdrawal"
