"""A value that is left anywhere is found, in every form, and never shown."""

from __future__ import annotations

import base64
import gzip
import os
import quopri
import tracemalloc
from pathlib import Path

import pytest

from subjects.traces import Needles, NoValues, Trace, Unread, ValueTooShort, search_paths
from subjects.traces.scanner import PIECE
from tests.subjects.planted import CONTAINERS, FORMS, LONG, NAME, PROSE, SECRET, search, traces


@pytest.mark.parametrize("form, value, planted", FORMS.values(), ids=FORMS)
def test_every_form_is_found(tmp_path: Path, form: str, value: str, planted: bytes) -> None:
    (tmp_path / "file").write_bytes(b"before " + planted + b" after")
    found = traces(tmp_path, values=("something else", value))
    assert [(one.form, one.value_number) for one in found] == [(form, 2)]
    assert found[0].path == str(tmp_path / "file") and found[0].inside == ""


@pytest.mark.parametrize("form, value, planted", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("shift", [1, 9])
def test_a_value_across_two_pieces_is_found(
    tmp_path: Path, form: str, value: str, planted: bytes, shift: int
) -> None:
    (tmp_path / "file").write_bytes(b"~" * (PIECE - shift) + planted + b"~" * 100)
    assert {one.form for one in traces(tmp_path, values=(value,))} == {form}


def test_the_offset_is_that_of_the_value(tmp_path: Path) -> None:
    for at in (0, 5, PIECE - 3, PIECE, 3 * PIECE + 17):
        (tmp_path / "file").write_bytes(b"~" * at + NAME.encode() + b"~" * PIECE)
        assert [one.offset for one in traces(tmp_path)] == [at]


# --- what stands in the middle of a value -------------------------------------------------------


@pytest.mark.parametrize("width", [60, 64, 76])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\\n", "\n  "])
def test_base64_in_lines_is_found(tmp_path: Path, width: int, ending: str) -> None:
    text = base64.b64encode((PROSE + LONG + PROSE).encode()).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    (tmp_path / "file").write_text(ending.join(lines), newline="")
    assert [one.form for one in traces(tmp_path, values=(LONG,))] == ["base64"]


def test_hex_in_lines_is_found(tmp_path: Path) -> None:
    text = LONG.encode().hex()
    (tmp_path / "file").write_text("\n".join(text[at : at + 60] for at in range(0, 300, 60)))
    assert [one.form for one in traces(tmp_path, values=(LONG[:60],))] == ["hex"]


@pytest.mark.parametrize("value", [LONG, "a.very.long.address." * 5 + "@example.org"])
def test_soft_breaks_are_seen_through(tmp_path: Path, value: str) -> None:
    (tmp_path / "file").write_bytes(quopri.encodestring(f"{value} and more".encode()))
    assert len(traces(tmp_path, values=(value,))) == 1


def test_the_offset_in_broken_lines_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"one\ntwo\nthree\n~ivan@exam=\nple.org")
    assert [one.offset for one in traces(tmp_path, values=("ivan@example.org",))] == [15]


def test_a_name_wrapped_between_its_words_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("Dear Ivan\n  Petrovich, hello")
    assert [one.offset for one in traces(tmp_path, values=("Ivan Petrovich",))] == [5]


def test_a_word_cut_by_tags_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("<t>Konstan</t></r><r><t>tinov</t>")
    assert [one.offset for one in traces(tmp_path, values=("Konstantinov",))] == [3]


@pytest.mark.parametrize(
    "text, found", [(b"~ADEyMzR4", 1), (b"~AEEyMzR4", 0), (b"~ADEyMzX4", 0), (b"~ADEyMzQ=", 1)]
)
def test_base64_of_another_value_is_not_taken_for_ours(
    tmp_path: Path, text: bytes, found: int
) -> None:
    """The characters at the edges hold bits of the value: they are compared too."""
    (tmp_path / "file").write_bytes(text)
    assert len(traces(tmp_path, values=("1234",))) == found


# --- what is refused ----------------------------------------------------------------------------
def test_a_short_value_is_refused_without_being_said() -> None:
    with pytest.raises(ValueTooShort, match=r"^Value 3 is shorter than 4 characters") as refused:
        Needles(["long enough", "", "Юля"])
    assert "Юля" not in repr(refused.value)


@pytest.mark.parametrize("values", [[], ["", "  "]])
def test_no_values_are_refused(values: list[str]) -> None:
    with pytest.raises(NoValues):
        Needles(values)


# --- names --------------------------------------------------------------------------------------
def test_a_value_in_the_name_of_a_file_is_found_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / f"card of {SECRET}").mkdir()
    (tmp_path / f"card of {SECRET}" / "plain").write_text("no")
    (tmp_path / f"card of {SECRET}" / "broken").write_bytes(b"\x1f\x8b\x08 no")
    found = search(tmp_path, values=(SECRET,))
    named = [one for one in found if isinstance(one, Trace)]
    assert [(one.path, one.inside) for one in named] == [(f"{tmp_path}/card of ***", "name")]
    assert [one.path for one in found if isinstance(one, Unread)] == [
        f"{tmp_path}/card of ***/broken"
    ]


def test_a_symbolic_link_is_not_followed_out_of_the_places(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.mkdir()
    outer.mkdir()
    (outer / "file").write_text(SECRET)
    (inner / "link").symlink_to(outer)
    (inner / SECRET).symlink_to("nowhere")
    (inner / "other").symlink_to(f"of {SECRET}")
    found = search(inner, values=(SECRET,))
    assert [one.inside for one in found if isinstance(one, Trace)] == ["name", "name"]
    assert [one.reason for one in found if isinstance(one, Unread)] == [
        "a symbolic link that leads outside"
    ]
    # Inside the places it says nothing, and the file is read once.
    assert len([one for one in search(inner, outer, inner, values=(SECRET,))
                if isinstance(one, Trace) and one.inside == ""]) == 1  # fmt: skip
    # What a person names is followed.
    assert len(traces(inner / "link", values=(SECRET,))) == 1


def test_a_file_of_two_names_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(NAME)
    os.link(tmp_path / "a", tmp_path / f"of {NAME}")
    assert [one.inside for one in traces(tmp_path)] == ["", "name"]


# --- the rest -----------------------------------------------------------------------------------
def test_a_clean_tree_has_no_traces(tmp_path: Path) -> None:
    for name, (make, _, _) in CONTAINERS.items():
        (tmp_path / name).write_bytes(make("Somebody Else"))
    for name, (_, _, planted) in FORMS.items():
        (tmp_path / name.replace("/", "_")).write_bytes(planted)
    assert search(tmp_path, values=(SECRET, "Нигде Такого Нет")) == []


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        for at in range(20):
            file.seek(at * (10 << 20))
            file.write(os.urandom(PIECE))
        file.seek(200 << 20)
        file.write(NAME.encode())
    (tmp_path / "packed").write_bytes(gzip.compress(bytes(32 << 20), 1))
    needles = Needles([NAME])
    tracemalloc.start()
    found = list(search_paths(needles, [tmp_path]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(one.form, one.offset) for one in found if isinstance(one, Trace)] == [
        ("utf-8", 200 << 20)
    ]
    assert len(found) == 1 and peak < 8 << 20
