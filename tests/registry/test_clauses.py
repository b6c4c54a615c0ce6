"""Policies split into their clauses: both real texts, clean ones exactly, no letter ever lost."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.clauses import Clause, Gap, gaps, restored, split

POLICIES = Path(__file__).resolve().parents[3] / "shared" / "policies"


def real(name: str) -> list[Clause]:
    path = POLICIES / f"{name}.txt"
    if not path.exists():
        pytest.skip("the two policies (../shared/policies) are not on this machine")
    return split(path.read_text(encoding="utf-8-sig"))


def by_number(clauses: list[Clause]) -> dict[str, Clause]:
    found = {clause.number: clause for clause in clauses}
    assert len(found) == len(clauses), "a number comes twice"
    return found


def children(clauses: list[Clause], chapter: int) -> list[str]:
    return [row.number for row in clauses if row.parts[:1] == (chapter,) and len(row.parts) > 1]


# --- the real texts ----------------------------------------------------------------------------
def test_the_policy_of_pandev_as_it_stands() -> None:
    clauses = real("pandev")
    found = by_number(clauses)
    assert [len(children(clauses, chapter)) for chapter in range(1, 12)] == [
        10, 0, 1, 2, 6, 2, 1, 5, 3, 7, 5,
    ]  # fmt: skip
    chapters = [row.number for row in clauses if len(row.parts) == 1]
    assert chapters == ["1", "2", "3", "5", "6", "7", "8", "9", "10", "11"]
    assert all(found[number].heading for number in chapters)
    assert gaps(clauses) == [Gap("4", heading=True), Gap("10.2", heading=False)]
    assert found["1"].heading == "Terms and Definitions"
    # What the site put in front, and the preamble, have no number.
    assert clauses[0].number == "" and clauses[0].text.startswith("Skip to main content")
    # The card of the operator and bulleted lists belong to their clause.
    assert "KCJBKZKX" in found["2"].text and "Telegram@" in found["2"].text
    assert found["6.1"].text.count("•") == 10 and found["7.1"].text.count("•") == 15
    assert found["8.3"].text.count("•") == 4 and found["8.3"].text.count("\n\n") >= 2
    assert found["10.1.5"].text.startswith("to appeal against")


def test_the_policy_of_ipm_as_it_stands() -> None:
    clauses = real("ipm")
    found = by_number(clauses)
    assert [len(children(clauses, chapter)) for chapter in range(1, 13)] == [
        2, 14, 2, 3, 7, 0, 7, 9, 2, 2, 0, 3,
    ]  # fmt: skip
    chapters = [row for row in clauses if len(row.parts) == 1]
    assert [row.number for row in chapters] == [str(number) for number in range(1, 13)]
    assert gaps(clauses) == []
    for number, heading in {
        "1": "General Provisions",
        "3": "Main Rights and Obligations of the Operator",
        "6": "Purposes of Personal Data Processing",
        "7": "Conditions for Personal Data Processing",
        "11": "Confidentiality of Personal Data",
        "12": "Final Provisions",
    }.items():
        assert found[number].heading == heading
    # Paragraphs without a number of their own, a table, a list; the list's numbers are gone.
    assert "149‑FZ" in found["6"].text and found["11"].text.startswith("The Operator and other")
    assert found["8"].text.startswith("The security of personal data")
    assert found["3.2"].text.count("—") == 8 and "26." not in found["3.2"].text
    assert found["2.2"].text.startswith("Blocking of personal data")
    assert found["12.3"].text.endswith("Tilda")


@pytest.mark.parametrize("name", ["pandev", "ipm"])
def test_no_letter_of_a_real_text_is_lost(name: str) -> None:
    clauses = real(name)
    text = (POLICIES / f"{name}.txt").read_text(encoding="utf-8-sig")
    assert letters(joined(clauses)) == letters(text)


# --- any text ----------------------------------------------------------------------------------
def joined(clauses: list[Clause]) -> str:
    return "\n".join(f"{row.number}\n{row.heading}\n{row.text}" for row in clauses)


def letters(text: str) -> str:
    """What no splitting may lose: all but numbers, their full stops, and white space."""
    return "".join(
        char for char in text if not (char.isspace() or char in string.digits or char == ".")
    )


WORDS = st.text(alphabet="абвгдәіңқabc ,;:()«»—•-", max_size=30)
LINES = st.one_of(
    WORDS,
    st.builds(
        "{}{}{} {}".format,
        st.sampled_from(["", "  ", " 12. ", "7. "]),
        st.sampled_from(["1", "2", "3.1", "2.10", "4.1.2", "09.02.2026", "0.5", "99.99"]),
        st.sampled_from([".", "", ")", ".."]),
        WORDS,
    ),
    st.text(max_size=20),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=25).map("\n".join))
def test_no_letter_is_ever_lost(text: str) -> None:
    clauses = split(text)
    assert letters(joined(clauses)) == letters(text)
    assert all(row.number or row.text for row in clauses)
    assert [row.stored() for row in restored([row.stored() for row in clauses])] == [
        row.stored() for row in clauses
    ]
    gaps(clauses)


SENTENCE = st.text(alphabet="абвгдеәіңқөұabcdef ", min_size=1, max_size=60).map(
    lambda text: f"А{text.strip()}."
)
HEADING = st.text(alphabet="абвгдеәіңқabcdef ", min_size=1, max_size=40).map(
    lambda text: f"О{text.strip()}"
)
BODY = st.lists(st.one_of(SENTENCE, SENTENCE.map("— {}".format)), min_size=1, max_size=3).map(
    "\n".join
)


@st.composite
def clean(draw: st.DrawFn) -> list[Clause]:
    """A policy with a preamble, chapters in their order and clauses, some of them left out."""
    found = [Clause("", "", draw(BODY))] if draw(st.booleans()) else []
    for chapter in range(1, draw(st.integers(1, 12)) + 1):
        left_out = chapter > 1 and draw(st.integers(0, 9)) == 0
        texts = draw(st.lists(BODY, min_size=0 if not left_out else 1, max_size=12))
        if not left_out:
            intro = draw(st.one_of(st.just(""), BODY))
            found.append(Clause(str(chapter), draw(HEADING), intro))
        for place, text in enumerate(texts, 1):
            if place == 1 or place == len(texts) or draw(st.integers(0, 5)):
                found.append(Clause(f"{chapter}.{place}", "", text))
    return found


def written(clauses: list[Clause]) -> str:
    def one(row: Clause) -> str:
        number = f"{row.number}. " if row.number else ""
        return f"{number}{row.heading}\n{row.text}" if row.heading else f"{number}{row.text}"

    return "\n\n".join(one(row) for row in clauses)


@settings(max_examples=200, deadline=None)
@given(clean())
def test_a_clean_policy_is_split_back_exactly(clauses: list[Clause]) -> None:
    assert split(written(clauses)) == clauses


@settings(max_examples=200, deadline=None)
@given(clean())
def test_gaps_are_what_was_left_out(clauses: list[Clause]) -> None:
    there = {row.parts for row in clauses if row.number}
    chapters = {parts[0] for parts in there}
    wanted = {(chapter,) for chapter in range(1, max(chapters) + 1)}
    for chapter in chapters:
        places = [parts[1] for parts in there if len(parts) == 2 and parts[0] == chapter]
        wanted |= {(chapter, place) for place in range(1, max(places, default=0) + 1)}
    missing = [tuple(int(part) for part in gap.number.split(".")) for gap in gaps(clauses)]
    assert missing == sorted(wanted - there)
    assert all(gap.heading == (len(gap.number.split(".")) == 1) for gap in gaps(clauses))


# --- shapes ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1. Общие положения.\n1.1 Настоящая политика действует.\n1.2. Она есть.",
         ["1", "1.1", "1.2"]),
        ("1. Жалпы ережелер\n1.1. Осы саясат қолданылады.\n2. Құқықтар\n2.1. Субъект құқылы.",
         ["1", "1.1", "2", "2.1"]),
        # A list inside a clause, a table of contents, a date and a sum are no clauses.
        ("1. Terms\n1.1. We do:\n1. collect\n2. store\n2. Data\n2.1. Names.",
         ["1", "1.1", "2", "2.1"]),
        ("1. Terms\n2. Data\n\n1. Terms\n1.1. A word.\n2. Data\n2.1. Names.",
         ["", "1", "1.1", "2", "2.1"]),
        ("1. Terms\n1.1. Dated\n12.10.2026\n1.5 million people\n09.02.2026 was the day.",
         ["1", "1.1"]),
        # Clauses without chapters, chapters without clauses, a number on a line of its own.
        ("1. We keep names.\n2. We sell nothing.\n3. Ask us.", ["1", "2", "3"]),
        ("1. Terms\nWords.\n3. Rights\nMore words.", ["1", "3"]),
        ("2.1.\nNames.\n2.3.\nPhones.", ["2.1", "2.3"]),
        ("Just a text.\n\nWithout numbers.", [""]),
        ("", []),
        ("\n \n", []),
        # As many parts as this are no number of a clause.
        ("1.1.1.1.1.1.1.1. Deep", [""]),
    ],
)  # fmt: skip
def test_shapes(text: str, numbers: list[str]) -> None:
    assert [row.number for row in split(text)] == numbers


def test_a_sites_list_around_a_text_with_gaps() -> None:
    text = (
        "Title\n  1. Terms\n  2. 1.1. A word.\n  3. — of a list;\n  4. Rights\n  5. A paragraph.\n"
        "  6. 3.1. Ask us.\n  7. Last words\n  8. They have a text.\n"
    )
    assert [(row.number, row.heading, row.text) for row in split(text)] == [
        ("", "", "Title"),
        ("1", "Terms", ""),
        ("1.1", "", "A word.\n— of a list;"),
        ("3", "Rights", "A paragraph."),
        ("3.1", "", "Ask us."),
        ("4", "Last words", "They have a text."),
    ]
    assert gaps(split(text)) == [Gap("2", heading=False)]


def test_gaps_of_three_levels() -> None:
    clauses = [Clause(number, "", "x") for number in ("1", "1.2", "3.1.1", "3.1.3")]
    assert gaps(clauses) == [
        Gap("1.1", False), Gap("2", False), Gap("3", True), Gap("3.1", True), Gap("3.1.2", False),
    ]  # fmt: skip
    assert gaps([Clause("", "", "x")]) == []


@pytest.mark.parametrize(
    "text",
    ["1. " * 300_000, "1.1" + " " * 900_000 + "a", "1." * 450_000, "1. Heading\n" * 90_000,
     "  1. 1.1. Word\n" * 60_000, "1.1. A\n" * 140_000],
    ids=["tops", "spaces", "deep", "chapters", "noise", "clauses"],
)  # fmt: skip
def test_the_longest_texts_are_split_at_once(text: str) -> None:
    """In a time that grows with the text; a square would take hours here."""
    clauses = split(text)
    gaps(clauses)
    assert letters(joined(clauses)) == letters(text)
