"""Passages taken out of texts: wherever they stand, and nothing else."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests.withholding import Passage, left_over, spelled, withheld

MARKS = {1: "[1]", 2: "[2]"}


def taken(text: str, *words: str) -> str:
    passages = [Passage(number, one) for number, one in enumerate(words, 1)]
    told, _counted = withheld(text, passages, MARKS)
    assert left_over([told], passages) == []
    return told


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("Пишет Пётр Иванов.", "Пётр Иванов", "Пишет [1]."),
        ("ПЕТР\n  ИВАНОВ и Пётр Иванов", "Пётр Иванов", "[1] и [1]"),
        ("Пе\u00adтр Ива\u200bнов", "Петр Иванов", "[1]"),
        (unicodedata.normalize("NFD", "Сестра Ойжай"), "Ойжай", "Сестра [1]"),
        ("Анна и Аннабель", "Анна", "[1] и Аннабель"),
        ("тел. +7 (701) 555-90-87!", "+7 (701) 555-90-87", "тел. [1]!"),
        ("a.b aXb", "a.b", "[1] aXb"),
    ],
)
def test_a_passage_goes_wherever_it_stands(text: str, words: str, told: str) -> None:
    assert taken(text, words) == told


def test_the_longest_goes_first() -> None:
    assert taken("Анна Петрова и Анна", "Анна", "Анна Петрова") == "[2] и [1]"


def test_it_is_counted() -> None:
    _told, counted = withheld("да нет да", [Passage(1, "да"), Passage(2, "где")], MARKS)
    assert counted == {1: 2}


def test_what_is_left_is_found_however_it_is_broken() -> None:
    one = [Passage(1, "Пётр Иванов"), Passage(2, "да")]
    assert left_over(["Пе", "тр Ива", "нов"], one) == [1]
    assert left_over(["Здравствуйте, дата"], one) == []
    assert left_over(["да"], one) == [2]
    assert "Пётр" not in repr(one)


LETTERS = st.text(alphabet="абвё ab12-\u00ad\n", min_size=1, max_size=40)


@given(LETTERS, st.text(alphabet="абвёab12", min_size=2, max_size=4), LETTERS)
def test_whatever_stands_around_it(before: str, words: str, after: str) -> None:
    passages = [Passage(1, spelled(words))]
    told, _counted = withheld(f"{before} {words} {after}", passages, {1: "[]"})
    assert "[]" in told
    assert left_over([told], passages) == []
