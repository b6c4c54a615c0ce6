"""The papers of an act read back by other hands than those that wrote them, and searched."""

from __future__ import annotations

import io
import re
from datetime import date
from typing import Any

import pikepdf
import pytest
from django.utils.translation import override

from registry.explain import long_day
from subjects.choices import PaperKind
from subjects.models import ActItem, ActPaper, DestructionAct
from subjects.synthetic import people
from tests.subjects.detector import Found, personal
from tests.subjects.people import category_of
from tests.subjects.test_act_papers import EMAIL, NAME, content_of, printed, whole

__all__ = ["whole"]  # a fixture

LANGUAGES = ("ru", "kk", "en")
# What stands beside a name that signs, in each language.
SIGNATURE = {"ru": "подпись", "kk": "қолы", "en": "signature"}


# --- every field of Order 179, 3 -----------------------------------------------------------------
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_letter_of_the_order_is_answered_in_the_text(whole: Any, language: str) -> None:
    team, act, (gone, *_) = whole
    text = printed(act, language)
    operator = team.operator
    item = ActItem.objects.get(act=act, key=None, outcome="destroyed")
    with override(language):
        address = re.sub(r"\s+", " ", operator.address)
        day = long_day(date(2026, 3, 27))
        categories = [str(category_of(team, one)) for one in ("full_name", "email", "phone")]
    folder = "7-папка" if language == "kk" else "Папка 7"
    wanted = {
        "a": [operator.name, address],
        "b": ["Cloud keeper"],
        "c": [gone.code],
        "d": ["Archivist", "Әлиева", "Head of privacy", "Иванова", SIGNATURE[language]],
        "e": categories,
        "f": [folder, "14"],
        "g": [item.why],
        "h": [item.article.split(";")[0], "KZ.CONSENT.WITHDRAW"],
        "i": [day],
    }
    for letter, words in wanted.items():
        for one in words:
            assert one in text, (letter, one)


# --- by another library --------------------------------------------------------------------------
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_file_is_whole_and_carries_nothing_beside_its_pages(whole: Any, language: str) -> None:
    _, act, _ = whole
    content = content_of(ActPaper.objects.get(act=act, kind=PaperKind.ACT, language=language))
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert pdf.check_pdf_syntax() == [] and len(pdf.pages) >= 1
        assert not pdf.is_encrypted and len(pdf.attachments) == 0
        assert str(pdf.Root.Lang) == language
        # It opens on its first page: a place, not an action.
        assert isinstance(pdf.Root.get("/OpenAction", pikepdf.Array()), pikepdf.Array)
        beside = {"/AA", "/AcroForm", "/Names", "/JavaScript", "/Collection"}
        assert not beside & set(pdf.Root.keys())
        for one in pdf.objects:
            if isinstance(one, pikepdf.Dictionary | pikepdf.Stream):
                found = set(one.keys())
                assert not found & {"/JS", "/EmbeddedFile", "/EF", "/AA", "/Launch"}
                assert one.get("/S") not in ("/JavaScript", "/Launch", "/URI", "/SubmitForm")
        told = {str(name): str(value) for name, value in pdf.docinfo.items()}
        assert set(told) <= {"/Title", "/Producer", "/CreationDate", "/Creator", "/ModDate"}
        with pdf.open_metadata() as metadata:
            xmp = str(metadata)
    for value in (NAME, EMAIL, *NAME.split()):
        assert value not in f"{told} {xmp}"
    assert list(personal(f"{told} {xmp}")) == []


# --- by a detector -------------------------------------------------------------------------------
STAFF = {"Иванова Анна", "Әлиева Айгерім"}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("e-mail", "писать на only.one@example.org, и всё"),
        ("phone", "тел. +7 703 123 45 67."),
        ("phone", "8(495)123-45-67"),
        ("IIN", "ИИН 900101400013;"),
        ("INN", "ИНН 500100732259"),
        ("SNILS", "112-233-445 95"),
        ("card", "карта 4111 1111 1111 1111"),
        ("IP", "ip=192.0.2.7"),
        ("name", "Иванов Иван Иванович"),
        ("name", "акт о Анне: Анна Петрова, клиент"),
        ("name", "Нұрлан Серікұлы Омаров"),
        ("name", "Сұлтанова Айгерім"),
    ],
)
def test_the_detector_finds_what_is_planted(kind: str, text: str) -> None:
    assert kind in {found.kind for found in personal(f"Carrier 7, {text} № 12 от 2026-03-27")}


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-27T14:00:00+05:00,4711,ACT-2026-0001", "БИН 970340000123", "S-7F3K9QWX",
        "Республика Казахстан, город Алматы", "900101400014", "4111 1111 1111 1112",
        "Закон Республики Казахстан О персональных данных", "KZ.CONSENT.WITHDRAW 25(2)(4)",
    ],
)  # fmt: skip
def test_the_detector_leaves_alone_what_is_no_value(text: str) -> None:
    assert list(personal(text)) == []


def test_the_detector_knows_nearly_everybody_who_can_be_made_up() -> None:
    names = mails = 0
    rows = list(people(operator="pandev", count=300, seed=7, today=date(2026, 3, 2)))
    for row in rows:
        found = {one.kind for one in personal("; ".join(map(str, row.values())))}
        names += "name" in found
        mails += {"e-mail", "phone", "IIN"} <= found
    # A few have Latin names.
    assert mails == len(rows) and names > 0.9 * len(rows)


def found_in(act: DestructionAct) -> set[Found]:
    """In every paper of the act, its extract too, and in what the act itself says of them."""
    texts = [printed(act, language) for language in LANGUAGES]
    log = ActPaper.objects.get(act=act, kind=PaperKind.LOG)
    return {one for text in [*texts, content_of(log).decode()] for one in personal(text)}


def test_the_detector_finds_nobody_in_the_papers_but_who_signs(whole: Any) -> None:
    team, act, _ = whole
    assert found_in(act) == set()
    # Nothing but the names of the staff comes to it, where they are whole.
    text = printed(act, "ru").replace("Иванова", "Иванова Анна").replace("Әлиева", "Әлиева Айгерім")
    assert {one.text for one in personal(text)} == STAFF
