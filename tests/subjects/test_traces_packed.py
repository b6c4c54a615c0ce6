"""Every container is opened for the search, and what cannot be read is said."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfWriter

from subjects.traces import Limits, Trace, Unread
from tests.subjects.planted import (
    CONTAINERS,
    LONG,
    NAME,
    SECRET,
    letter,
    printed,
    search,
    sqlite_file,
    subject,
    tarred,
    traces,
    unread,
    zipped,
)


@pytest.mark.parametrize("make, inside, form", CONTAINERS.values(), ids=CONTAINERS)
def test_every_container_is_opened(
    tmp_path: Path, make: Callable[[str], bytes], inside: str, form: str
) -> None:
    # Its name says nothing of what it is.
    (tmp_path / "file").write_bytes(make(SECRET))
    found = search(tmp_path, values=(SECRET,))
    ways = {(one.inside.rstrip("0123456789 "), one.form) for one in found if isinstance(one, Trace)}
    assert (inside.rstrip("0123456789 "), form) in ways
    assert not [one for one in found if isinstance(one, Unread)]
    (tmp_path / "file").write_bytes(make("Somebody Else"))
    assert search(tmp_path, values=(SECRET,)) == []


def test_tar_on_disk_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(tarred(gzip.compress(SECRET.encode())))
    assert "a.txt, gzip" in {one.inside for one in traces(tmp_path, values=(SECRET,))}


def test_headers_are_decoded(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(subject("Ёлкин Иосиф"))
    assert [one.inside for one in traces(tmp_path, values=("Ёлкин Иосиф",))] == ["part 1"]


def test_a_part_in_another_alphabet_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(letter("Ёлкин Иосиф", "base64", "koi8-r"))
    assert [one.inside for one in traces(tmp_path, values=("Ёлкин Иосиф",))] == ["part 1"]


def test_every_message_of_a_mailbox_is_read(tmp_path: Path) -> None:
    box = b"From a\n" + letter("nothing", "base64") + b"\nFrom b\n" + letter(SECRET, "base64")
    (tmp_path / "file").write_bytes(box)
    assert "message 2, part 1" in {one.inside for one in traces(tmp_path, values=(SECRET,))}


def test_a_name_wrapped_on_a_page_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(printed("слово " * 13 + LONG))
    assert "page 1" in {one.inside for one in traces(tmp_path, values=(LONG,))}


def test_a_cell_over_many_pages_of_sqlite_is_found(tmp_path: Path) -> None:
    """Its pages need not follow each other in the file."""
    path = tmp_path / "file"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = 512")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, notes)")
    for offset in range(40, 600, 8):
        text = "~" * offset + SECRET + "~" * 3000
        connection.execute("INSERT INTO t (notes) VALUES (?)", [text])
    connection.commit()
    connection.close()
    before = path.read_bytes()
    cells = [one for one in traces(path, values=(SECRET,)) if one.inside.startswith("t.notes")]
    assert len(cells) == 70
    assert path.read_bytes() == before and [one.name for one in tmp_path.iterdir()] == ["file"]


def test_the_log_of_sqlite_is_searched(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (notes)")
    connection.execute("INSERT INTO t VALUES (?)", [SECRET])
    connection.commit()
    found = {Path(one.path).name for one in traces(tmp_path, values=(SECRET,))}
    connection.close()
    assert found == {"db-wal"}


def test_numbers_in_cells_are_compared_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(sqlite_file(77011234567, 12.5))
    assert [one.form for one in traces(tmp_path, values=("77011234567",))] == ["number"]
    assert traces(tmp_path, values=("7701123",)) == []


# --- what cannot be read ------------------------------------------------------------------------
def locked_zip() -> bytes:
    """The standard library writes none: the flag of encryption is set in both headers."""
    data = bytearray(zipped(b"secret"))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def locked_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("a password", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def spoiled_zip() -> bytes:
    data = bytearray(zipped(os.urandom(999)))
    data[500] ^= 0xFF
    return bytes(data)


def odd_zip() -> bytes:
    data = bytearray(zipped(b"secret"))
    data[8] = 97
    data[data.index(b"PK\x01\x02") + 10] = 97
    return bytes(data)


def layers(number: int) -> bytes:
    data = b"nothing at all"
    for _ in range(number):
        data = gzip.compress(data)
    return data


BOMB = gzip.compress(bytes(9 << 20))
UNREADABLE: dict[str, tuple[bytes, str, str]] = {
    "locked zip": (locked_zip(), "a.txt", "encrypted"),
    "locked pdf": (locked_pdf(), "", "encrypted"),
    "broken zip": (zipped(b"secret" * 100)[:-30], "", "broken"),
    "broken member": (spoiled_zip(), "a.txt", "broken"),
    "odd zip": (odd_zip(), "a.txt", "packed in a way that the office cannot open"),
    "broken gzip": (gzip.compress(os.urandom(5000))[:3000], "gzip", "broken"),
    "broken bzip2": (bz2.compress(os.urandom(5000))[:3000], "bzip2", "broken"),
    "broken xz": (lzma.compress(os.urandom(5000))[:3000], "xz", "broken"),
    "broken tar": (tarred(bytes(5000))[:2000], "", "broken"),
    "broken pdf": (b"%PDF-1.7\nnothing", "", "broken"),
    "broken sqlite": (b"SQLite format 3\x00" + b"!" * 500, "", "broken"),
    "broken mail": (
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nabcde\n", "part 1",
        "broken",
    ),
    "7-zip": (b"7z\xbc\xaf\x27\x1c", "", "packed in a way that the office cannot open"),
    "dump of Valkey": (b"REDIS0011", "", "packed in a way that the office cannot open"),
    "dump of PostgreSQL": (b"PGDMP", "", "packed in a way that the office cannot open"),
    "bomb": (BOMB, "gzip", "too large when unpacked"),
    "bomb in a zip": (zipped(BOMB), "a.txt, gzip", "too large when unpacked"),
    "large in a gzip": (
        gzip.compress(zipped(os.urandom(3 << 20))), "gzip",
        "too large to be opened inside another file",
    ),
    "six layers": (layers(6), "gzip, gzip, gzip, gzip, gzip", "packed too many times"),
}  # fmt: skip
SMALL = Limits(whole=2 << 20, least=8 << 20, ratio=1)


@pytest.mark.parametrize("data, inside, reason", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_said(tmp_path: Path, data: bytes, inside: str, reason: str) -> None:
    (tmp_path / "file").write_bytes(data)
    said = unread(tmp_path, limits=SMALL)
    assert (inside, reason) in said
    # And what lies beside it is read all the same.
    (tmp_path / "other").write_text(NAME)
    assert len(traces(tmp_path)) == 1


def test_a_document_with_faults_is_read_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, _, _ = printed(SECRET).rpartition(b"startxref")
    (tmp_path / "file").write_bytes(before + b"startxref\n7\n%%EOF\n")
    assert "page 1" in {one.inside for one in traces(tmp_path, values=(SECRET,))}
    assert caplog.records == []


def test_five_layers_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(layers(5))
    assert unread(tmp_path) == []


def test_what_is_broken_is_searched_raw(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"%PDF-1.7\n" + NAME.encode())
    assert len(traces(tmp_path)) == 1 and unread(tmp_path) == [("", "broken")]


def test_pipes_and_sockets_are_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert unread(tmp_path) == [("", "neither a file nor a folder")] * 2


@pytest.mark.parametrize(
    "error, reason",
    [
        (PermissionError(), "no permission"),
        (FileNotFoundError(), "it went away meanwhile"),
        (OSError(), "it cannot be read"),
    ],
)
def test_a_file_that_does_not_open_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str
) -> None:
    (tmp_path / "file").write_text(NAME)

    def refuse(*args: object) -> int:
        raise error

    # Root may open everything: the refusal is put in by hand.
    monkeypatch.setattr("subjects.traces.walk.os.open", refuse)
    assert unread(tmp_path) == [("", reason)]
