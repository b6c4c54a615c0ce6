"""What differs between two policies: both texts can be read out of it again."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.clause_changes import Piece, changes, pieces
from registry.clauses import Clause, split

OLD = [Clause("", "", "Site"), Clause("1", "Terms", ""), Clause("1.1", "", "A word.")]


def told(before: list[Clause], after: list[Clause]) -> list[tuple[str, str]]:
    return [(change.number, change.kind) for change in changes(before, after)]


def test_each_clause_is_found_by_its_number() -> None:
    new = [
        Clause("1", "Terms and words", ""),
        Clause("1.1", "", "A word."),
        Clause("1.2", "", "More."),
    ]
    assert told(OLD, new) == [("", "removed"), ("1", "changed"), ("1.2", "added")]
    assert told(new, OLD) == [("", "added"), ("1", "changed"), ("1.2", "removed")]
    assert told(OLD, OLD) == told([], []) == []


def test_what_went_stands_where_it_stood() -> None:
    old = split("1. A\n1.1. a\n1.2. b\n1.3. c\n2. B\n2.1. d")
    new = split("1. A\n1.1. a\n1.3. c\n1.4. e\n2. B\n2.1. D")
    assert told(old, new) == [("1.2", "removed"), ("1.4", "added"), ("2.1", "changed")]


def test_a_number_that_comes_twice_is_compared_in_its_order() -> None:
    old = [Clause("1", "", "a"), Clause("1", "", "b")]
    assert told(old, [Clause("1", "", "a"), Clause("1", "", "c")]) == [("1", "changed")]
    assert told(old, [Clause("1", "", "a")]) == [("1", "removed")]


def test_words_are_marked_and_white_space_is_not() -> None:
    assert pieces("Any visitor is\n\na client.", "Any  registered visitor is a client.") == (
        Piece("same", "Any  "),
        Piece("added", "registered "),
        Piece("same", "visitor is a client."),
    )
    assert told([Clause("1", "", "a  b\n c")], [Clause("1", "", "a b c")]) == []
    assert pieces("", "") == ()


WORDS = st.lists(st.sampled_from(["а", "ә", "word", ".", "-", "12", "word"]), max_size=12).map(
    " ".join
)


@settings(max_examples=300, deadline=None)
@given(WORDS, WORDS)
def test_both_texts_can_be_read_again(old: str, new: str) -> None:
    found = pieces(old, new)
    for kind, text in (("removed", old), ("added", new)):
        kept = [piece.text for piece in found if piece.kind in {"same", kind}]
        # White space between what stayed is that of the newer text.
        assert "".join("".join(kept).split()) == "".join(text.split())
    assert (old.split() == new.split()) == all(piece.kind == "same" for piece in found)


@pytest.mark.parametrize("separator", [" ", "\n"])
def test_a_text_too_long_for_words_is_compared_by_lines_or_whole(separator: str) -> None:
    words = ["word"] * 1501
    old, new = separator.join(words), separator.join([*words, "more"])
    found = pieces(old, new)
    assert found[-1].kind == "added" and found[-1].text.endswith("more")
    assert [piece.kind for piece in found] == ["removed", "added"]


def test_the_worst_text_takes_no_minutes() -> None:
    words = ["a", "b", "a", "a", "b", "b", "b", "a"] * 180
    old, new = " ".join(words), " ".join(reversed(words[:-1]))
    began = time.perf_counter()
    assert pieces(old, new)
    assert time.perf_counter() - began < 2


def test_a_long_clause_of_prose_is_still_compared_word_by_word() -> None:
    words = [f"w{number % 300}" + "," * (number % 9 == 0) for number in range(1200)]
    found = pieces(" ".join(words), " ".join([*words[:600], "new", *words[600:]]))
    assert [piece.kind for piece in found] == ["same", "added", "same"]
