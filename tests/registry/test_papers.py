"""Papers as PDF: every letter and row comes back, nothing is cut, the same input the same file."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
import time_machine
from django.utils.translation import gettext, override
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from registry.papers import Paper
from registry.sheets import BODY, BOX, NOTHING, broken_lines, glyph_widths, measured, printable

MADE_AT = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
HASH = sha256(b"a paper").hexdigest()
TEXTS = {
    "ru": "Съешь ещё этих мягких французских булок, да выпей чаю. ЪЫЭЁ № 152-ФЗ «О данных» — так.",
    "kk": "Әлем, ғажап, қалам, жаңа, өлең, ұлт, үлкен, һәм, іс. Ә Ғ Қ Ң Ө Ұ Ү Һ І: «94-V» туралы.",
    "en": "The quick brown fox jumps over the lazy dog: 94-V, 152-FZ.",
}
LANGUAGES = pytest.mark.parametrize("language", TEXTS)


def paper(language: str = "ru", title: str = "Акт") -> Paper:
    return Paper(title, language=language, made_at=MADE_AT)


def pages(made: Paper) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(made.render())).pages]


def solid(text: str) -> str:
    """The text without its spaces and line breaks."""
    return "".join(text.split())


def everything(made: Paper) -> str:
    return solid("".join(pages(made)))


@LANGUAGES
def test_letters_come_back_wherever_they_stand(language: str) -> None:
    text = TEXTS[language]
    made = Paper(f"1{text}", language=language, number=f"2{text}", subtitle=f"3{text}")
    made.heading(f"4{text}")
    made.text(f"5{text}")
    made.facts([(f"6{text}", f"7{text}")])
    made.table([f"8{text}"], [[f"9{text}"]])
    made.quote(f"10{text}")
    made.signatures([(f"11{text}", f"12{text}")])
    found = everything(made)
    assert [place for place in range(1, 13) if f"{place}{solid(text)}" not in found] == []


@LANGUAGES
def test_pages_are_numbered_in_the_language_of_the_paper(language: str) -> None:
    made = paper(language)
    made.quote("\n".join(["line"] * 100))
    with override("en" if language == "ru" else "ru"):
        found = pages(made)
    with override(language):
        wanted = [
            gettext("page %(page)d of %(pages)d") % {"page": n, "pages": 3} for n in (1, 2, 3)
        ]
    assert len(found) == 3
    assert all(words in text for words, text in zip(wanted, found, strict=True))


def test_each_row_is_there_once_and_the_header_on_each_page() -> None:
    made = paper()
    rows = [
        [f"<{n:03}>", "Имя и отчество, " * (n % 5), HASH if n % 7 == 0 else ""] for n in range(500)
    ]
    made.table(["Номер", "Сведения", "Сумма"], rows)
    made.text("Конец")
    found = pages(made)
    everywhere = solid("".join(found))
    assert [n for n in range(500) if everywhere.count(f"<{n:03}>") != 1] == []
    assert everywhere.index("<000>") < everywhere.index("<250>") < everywhere.index("<499>")
    assert everywhere.count("Имяиотчество,") == 1000
    assert everywhere.count(HASH) == 72
    assert len(found) > 10
    assert all(text.count("Номер") == text.count("Сведения") == 1 for text in found)


def test_a_row_longer_than_a_page_goes_on_over_pages() -> None:
    made = paper()
    words = " ".join(f"слово{n:04}" for n in range(3000))
    made.table(["Номер", "Сведения"], [["1", "до"], ["2", words], ["3", "после"]], widths=[1, 5])
    found = pages(made)
    assert len(found) > 5
    assert all("Сведения" in text for text in found)
    everywhere = solid("".join(found))
    assert [n for n in range(3000) if everywhere.count(f"слово{n:04}") != 1] == []


def test_a_long_word_is_cut_at_the_edge_and_not_lost() -> None:
    made = paper()
    made.facts([("Сумма", HASH)])
    made.table(["А", "Б", "В", "Г"], [[HASH] * 4])
    made.text(HASH * 3)
    assert everything(made).count(HASH) == 8
    longest = max(len(line) for text in pages(made) for line in text.splitlines())
    assert longest < 90


@given(st.text(max_size=300), st.floats(60, 500))
@settings(max_examples=150)
def test_lines_fit_and_lose_no_letter(text: str, width: float) -> None:
    shown = printable(text, "ru")
    lines = broken_lines(shown, BODY, width)
    assert solid("".join(lines)) == solid(shown)
    assert all(measured(line, BODY) <= width for line in lines)


def test_line_breaks_stay_but_no_number_is_torn_from_its_sign() -> None:
    wide = measured("Закона № 1", BODY)
    assert broken_lines("Закона № 152-ФЗ\n\nда", BODY, wide) == ["Закона", "№ 152-ФЗ", "", "да"]


def test_a_quote_of_several_pages_keeps_its_lines() -> None:
    made = paper()
    made.quote("\n".join(f"строка {n}" for n in range(150)))
    lines = [line for text in pages(made) for line in text.splitlines() if "строка" in line]
    assert lines == [f"строка {n}" for n in range(150)]


PEOPLE = [
    ("Председатель комиссии, заместитель директора", "Әлиев А. Б."),
    ("Член комиссии", "Иванова М. П."),
    ("Секретарь", ""),
]


@pytest.mark.parametrize("before", range(20, 44, 2))
def test_signatures_stand_on_one_page_with_the_end_of_the_text(before: int) -> None:
    made = paper()
    made.quote("\n".join(["строка"] * before))
    made.text("Начало. " + "Слова о деле. " * 30 + "Окончание.")
    made.signatures(PEOPLE)
    last = pages(made)[-1]
    words = ("Окончание.", "Председатель", "Әлиев", "Член", "Иванова", "Секретарь")
    assert all(word in last for word in words)


def test_more_signatures_than_a_page_holds_are_all_there_and_none_is_cut() -> None:
    made = paper()
    made.signatures([(f"Член комиссии № {n:02}", f"Имя{n:02}") for n in range(40)])
    found = pages(made)
    assert len(found) > 2
    for n in range(40):
        assert [f"№ {n:02}" in text for text in found] == [f"Имя{n:02}" in text for text in found]
        assert "".join(found).count(f"Имя{n:02}") == 1


@pytest.mark.parametrize("before", range(24, 44, 2))
def test_a_heading_is_never_the_last_of_a_page(before: int) -> None:
    made = paper()
    made.quote("\n".join(["строка"] * before))
    made.heading("Глава")
    made.table(["Номер"], [["<1>"], ["<2>"]])
    assert all(("Глава" in text) == ("<1>" in text) for text in pages(made))


def test_the_same_input_gives_the_same_bytes() -> None:
    def made(moment: datetime | None) -> Paper:
        built = Paper("Акт", language="kk", made_at=moment)
        built.text(TEXTS["kk"])
        built.table(["Саны"], [[str(n)] for n in range(100)])
        return built

    once = made(MADE_AT)
    assert once.render() == once.render() == made(MADE_AT).render()
    almaty = MADE_AT.astimezone(timezone(timedelta(hours=5)))
    assert made(almaty).render() == once.render()
    assert made(MADE_AT + timedelta(seconds=1)).render() != once.render()
    with time_machine.travel(MADE_AT, tick=False):
        undated = made(None).render()
    with time_machine.travel(MADE_AT + timedelta(seconds=1), tick=False):
        assert made(None).render() == undated


def test_properties_of_the_file_say_nothing_of_the_machine() -> None:
    title = "Жою туралы\nакт \u202e😀"
    raw = Paper(title, language="kk", made_at=MADE_AT).render()
    reader = PdfReader(io.BytesIO(raw))
    assert reader.metadata is not None
    assert reader.metadata.title == "Жою туралы акт 😀"
    assert reader.metadata.creation_date == MADE_AT
    assert set(reader.metadata) == {"/Title", "/Producer", "/CreationDate"}
    assert reader.metadata.producer == "Personal Data Office"
    assert reader.root_object["/Lang"] == "kk"
    assert b"fpdf" not in raw.lower() and b"site-packages" not in raw
    undated = PdfReader(io.BytesIO(Paper("Акт", language="ru").render())).metadata
    assert undated is not None and "/CreationDate" not in undated


@pytest.mark.parametrize(
    "text, shown",
    [
        ("Ким 😀 李小龙", f"Ким {BOX} {BOX * 3}"),
        ("محمد", BOX * 4),
        ("Nguyễn", f"Nguy{BOX}n"),
        ("Əliyev Oʻgʻli Şahin", "Əliyev Oʻgʻli Şahin"),
        ("\u202eабв\u2066г\u200b\u0000д\x1be\ufeff", "абвгдe"),
        ("и\u0306 е\u0308", "й ё"),
        ("हिन्दी", BOX * 3),
        ("☎\ufe0f да", f"{BOX} да"),
        ("5\u202f000 ₸ → ４２", "5 000 тг -> 42"),
        ("один\r\nдва\rтри\u2028четыре", "один\nдва\nтри\nчетыре"),
        ("\ud800 \ue000", f"{BOX} {BOX}"),
        ("{nb} %(page)d **a** (b) \\", "{nb} %(page)d **a** (b) \\"),
    ],
)
def test_a_letter_that_the_font_lacks_is_a_box_and_what_directs_is_left_out(
    text: str, shown: str
) -> None:
    assert printable(text, "ru") == shown
    made = paper(title=text)
    made.text(text)
    made.table([text], [[text]])
    made.quote(text)
    made.signatures([(text, text)])
    assert everything(made).count(solid(shown)) >= 6


def test_both_weights_of_the_font_have_the_same_letters() -> None:
    assert (
        glyph_widths(False).keys() == glyph_widths(True).keys() >= set("әғқңөұүһіӘҒҚҢӨҰҮҺІ№«»–—₽")
    )


def test_an_empty_value_is_a_dash() -> None:
    made = paper()
    made.facts([("Примечание", ""), ("Срок", " \n")])
    made.text("")
    made.quote("\n")
    made.table(["А", "Б"], [["", "\u200b"]])
    made.table(["В", "Г"], [])
    assert everything(made).count(NOTHING) == 8


def test_number_and_footer_stand_on_each_page() -> None:
    made = Paper("Акт", language="ru", number="№ 12-26", footer="ТОО «Каспий»")
    made.quote("\n" * 150 + "конец")
    made.text("и всё")
    assert all("№ 12-26 · ТОО «Каспий»" in text for text in pages(made))


def test_what_only_a_mistake_can_give_is_refused() -> None:
    with pytest.raises(ValueError, match="No papers in 'de'"):
        Paper("Akt", language="de")
    with pytest.raises(ValueError, match="time zone"):
        Paper("Акт", language="ru", made_at=datetime(2026, 1, 12))
    with pytest.raises(ValueError, match="cells"):
        paper().table(["А", "Б"], [["1"]])
    with pytest.raises(ValueError, match="cells"):
        paper().table([], [])
    with pytest.raises(ValueError, match="widths"):
        paper().table(["А", "Б"], [["1", "2"]], widths=[1])
