"""A value that is left anywhere is found, in every form and every container, and never shown."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import os
import quopri
import socket
import sqlite3
import tarfile
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable
from email.header import Header
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.quoprimime import header_encode
from pathlib import Path
from urllib.parse import quote, quote_plus

import fontpkg
import pytest
from fpdf import FPDF
from pypdf import PdfWriter

from subjects.traces import Limits, Needles, NoValues, Trace, Unread, ValueTooShort, search_paths
from subjects.traces.scanner import PIECE

NAME = "Ёлкин Йосиф ?>"  # its base64 has the two characters in which the alphabets differ
KAZAKH = "Қайрат Әлиұлы"
MAIL = "ё.o'neil&co@example.org"
HYPHEN = "Анна-Мария Ким <a-b@example.org>"
PROSE = "Ничего личного здесь нет. " * 40


def search(*paths: Path, values: tuple[str, ...] = (NAME,), **options: Limits) -> list[object]:
    found = list(search_paths(Needles(values), paths, **options))
    for one in found:
        for value in values:
            assert value not in repr(one)
    return found


def traces(*paths: Path, values: tuple[str, ...] = (NAME,)) -> list[Trace]:
    return [one for one in search(*paths, values=values) if isinstance(one, Trace)]


def unread(*paths: Path, **options: Limits) -> list[tuple[str, str]]:
    found = search(*paths, **options)
    return [(one.inside, one.reason) for one in found if isinstance(one, Unread)]


def b64(data: bytes, before: int) -> bytes:
    return base64.b64encode(b"abc"[:before] + data + b"xy")


# Form, value, and the bytes in which it is planted.
FORMS: dict[str, tuple[str, str, bytes]] = {
    "utf-8": ("utf-8", NAME, NAME.encode()),
    "utf-8 decomposed": ("utf-8", NAME, unicodedata.normalize("NFD", NAME).encode()),
    "utf-8 lower": ("utf-8", NAME, NAME.lower().encode()),
    "utf-8 upper": ("utf-8", NAME, NAME.upper().encode()),
    "utf-16-le": ("utf-16-le", NAME, NAME.encode("utf-16-le")),
    "utf-16-be": ("utf-16-be", NAME, NAME.encode("utf-16-be")),
    "cp1251": ("cp1251", NAME, NAME.encode("cp1251")),
    "kz1048": ("kz1048", KAZAKH, KAZAKH.encode("kz1048")),
    **{
        f"base64 {before}": ("base64", NAME, b64(NAME.encode(), before))
        for before in range(3)
    },
    **{
        f"base64 urlsafe {before}": (
            "base64", NAME, b64(NAME.encode(), before).translate(bytes.maketrans(b"+/", b"-_")),
        )
        for before in range(3)
    },
    **{
        f"base64 utf-16 {before}": (
            "base64 of utf-16-le", NAME, b64(NAME.encode("utf-16-le"), before)
        )
        for before in range(3)
    },
    **{
        f"base64 json {before}": ("base64", NAME, b64(json.dumps(NAME).encode(), before))
        for before in range(3)
    },
    "json": ("json", NAME, json.dumps(NAME).encode()),
    "json upper": ("json", NAME, json.dumps(NAME).upper().replace("\\U", "\\u").encode()),
    "json unicode": ("json", 'Илья "Кот"', json.dumps('Илья "Кот"', ensure_ascii=False).encode()),
    "url": ("url", NAME, quote(NAME).encode()),
    "url lower": ("url", NAME, quote(NAME).lower().encode()),
    "url plus": ("url", NAME, quote_plus(NAME).encode()),
    "url plus lower": ("url", NAME, quote_plus(NAME).lower().encode()),
    "url address": ("url", MAIL, quote(MAIL, safe="@'&").encode()),
    "hex": ("hex", NAME, NAME.encode().hex().encode()),
    "hex upper": ("hex", NAME, NAME.encode().hex().upper().encode()),
    **{
        f"hex {encoding} {name}": (
            f"hex of {encoding}", NAME, change(NAME.encode(encoding).hex()).encode(),
        )
        for encoding in ("utf-16-le", "utf-16-be")
        for name, change in (("lower", str.lower), ("upper", str.upper))
    },
    "quoted-printable": ("quoted-printable", MAIL, quopri.encodestring(MAIL.encode())),
    "quoted-printable lower": (
        "quoted-printable", KAZAKH,
        "".join(f"={byte:02x}" if byte > 32 else chr(byte) for byte in KAZAKH.encode()).encode(),
    ),
    "quoted-printable header": (
        "quoted-printable", HYPHEN, header_encode(HYPHEN.encode(), "utf-8").encode()
    ),
    "quoted-printable all": (
        "quoted-printable", HYPHEN,
        "".join(c if c.isalnum() and c.isascii() else "".join(f"={b:02X}" for b in c.encode())
                for c in HYPHEN).encode(),
    ),
    "quoted-printable all in a header": (
        "quoted-printable", KAZAKH, quopri.encodestring(KAZAKH.encode(), header=True)
    ),
    # Letters beside an escape are not of it.
    "json beside": ("json", "=ab Ёabc", json.dumps("=ab Ёabc").encode()),
    "url beside": ("url", "a Ёabc", quote("a Ёabc").encode()),
    "html": ("html", MAIL, html.escape(MAIL).encode()),
    "html django": ("html", MAIL, html.escape(MAIL).replace("&#x27;", "&#39;").encode()),
    "html unquoted": ("html", MAIL, html.escape(MAIL, quote=False).encode()),
    "xml apostrophe": ("html", MAIL, html.escape(MAIL).replace("&#x27;", "&apos;").encode()),
    **{
        f"references {reference}": (
            "character references", KAZAKH,
            "".join(c if c == " " else reference.format(ord(c)) for c in KAZAKH).encode(),
        )
        for reference in ("&#{};", "&#x{:x};", "&#x{:X};", "&#x{:04x};", "&#x{:04X};")
    },
    "references all": (
        "character references", "ivan@example.org",
        "".join(f"&#{ord(c)};" for c in "ivan@example.org").encode(),
    ),
}  # fmt: skip


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
LONG = "Константинопольский Александр Владимирович, улица Академика Королёва, дом 12, кв. 345"


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


# --- containers ---------------------------------------------------------------------------------
def zipped(data: bytes, name: str = "a.txt") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return packed.getvalue()


def tarred(data: bytes, name: str = "a.txt") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def pdf(text: str, **information: str) -> FPDF:
    document = FPDF()
    document.add_font("PT", fname=fontpkg.path("PT Sans"))
    document.set_font("PT", size=12)
    document.add_page()
    document.multi_cell(0, text=text)
    if information:
        document.set_title(information["title"])
    return document


def printed(text: str) -> bytes:
    return bytes(pdf(text).output())


def titled(text: str) -> bytes:
    return bytes(pdf("nothing", title=text).output())


def attached_to_pdf(text: str) -> bytes:
    document = pdf("nothing")
    document.embed_file(bytes=text.encode(), basename="a.txt", compress=True)
    return bytes(document.output())


def noted(text: str) -> bytes:
    document = pdf("nothing")
    document.text_annotation(50, 50, text)
    return bytes(document.output())


def spaced(text: str) -> bytes:
    """Letters far from each other come back with spaces between them."""
    document = pdf("nothing")
    for char in text:
        document.cell(w=12, text=char)
    return bytes(document.output())


def packed_object(text: str) -> bytes:
    """A string in octal escapes, in an object that lies in a stream of objects."""
    coded = "".join(f"\\{byte:03o}" for byte in b"\xfe\xff" + text.encode("utf-16-be"))
    inner = f"<</Note ({coded})>>"
    bodies = {
        1: "<</Type /Catalog /Pages 2 0 R /Extra 3 0 R>>",
        2: "<</Type /Pages /Kids [] /Count 0>>",
        4: f"<</Type /ObjStm /N 1 /First 4 /Length {4 + len(inner)}>>\n"
        f"stream\n3 0 {inner}\nendstream",
    }
    data, offsets = b"%PDF-1.7\n", {}
    for number, body in bodies.items():
        offsets[number] = len(data)
        data += f"{number} 0 obj\n{body}\nendobj\n".encode()
    offsets[5] = len(data)
    table = b"\0\0\0\0\0\0"
    for number in range(1, 6):
        kind, where = (2, 4) if number == 3 else (1, offsets[number])
        table += bytes([kind]) + where.to_bytes(4, "big") + b"\0"
    head = f"5 0 obj\n<</Type /XRef /Size 6 /W [1 4 1] /Root 1 0 R /Length {len(table)}>>\n"
    data += head.encode() + b"stream\n" + table + b"\nendstream\nendobj\n"
    return data + f"startxref\n{offsets[5]}\n%%EOF\n".encode()


def letter(text: str, encoding: str, charset: str = "utf-8") -> bytes:
    message = EmailMessage()
    message["Subject"] = "hello"
    message.set_content(text, cte=encoding, charset=charset)
    return message.as_bytes()


def subject(text: str) -> bytes:
    coded = Header(text, "koi8-r").encode()
    return f"MIME-Version: 1.0\nSubject: {coded}\n\nhello\n".encode()


def attached(data: bytes, name: str = "a.bin") -> bytes:
    message = MIMEMultipart()
    part = MIMEApplication(data)
    part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", name))
    message.attach(part)
    return message.as_bytes()


def sqlite_file(*values: object, schema: str = "") -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE people (name, notes)")
    connection.execute("INSERT INTO people VALUES (?, ?)", values)
    connection.execute(schema)
    connection.commit()
    return bytes(connection.serialize())


def with_log(data: bytes) -> bytes:
    """As it is on disk in the mode WAL."""
    return data[:18] + b"\2\2" + data[20:]


def zipped_text(text: str) -> bytes:
    return zipped(text.encode())


SECRET = "Қуанышбек Ёлкин"
# How it is packed, and where the trace is said to be.
CONTAINERS: dict[str, tuple[Callable[[str], bytes], str, str]] = {
    "zip": (zipped_text, "a.txt", "utf-8"),
    "xlsx": (
        lambda text: zipped(f"<sst><t>{text}</t></sst>".encode(), "xl/sharedStrings.xml"),
        "xl/sharedStrings.xml", "utf-8",
    ),
    "docx runs": (
        lambda text: zipped(
            f"<w:t>{text[:4]}</w:t></w:r><w:r><w:t>{text[4:]}</w:t>".encode(), "word/document.xml"
        ),
        "word/document.xml", "utf-8",
    ),
    "name in zip": (lambda text: zipped(b"", f"of {text}.txt"), "of ***.txt", "utf-8"),
    "gzip": (lambda text: gzip.compress(text.encode()), "gzip", "utf-8"),
    "bzip2": (lambda text: bz2.compress(text.encode()), "bzip2", "utf-8"),
    "xz": (lambda text: lzma.compress(text.encode()), "xz", "utf-8"),
    "tar.gz": (lambda text: gzip.compress(tarred(text.encode())), "gzip, a.txt", "utf-8"),
    "name in tar.gz": (
        lambda text: gzip.compress(tarred(b"", f"of {text}.txt")), "gzip, of ***.txt", "utf-8",
    ),
    "pdf text": (printed, "page 1", "utf-8"),
    "pdf information": (titled, "document information", "utf-8"),
    "pdf attachment": (attached_to_pdf, "object", "utf-8"),
    "pdf note": (noted, "object", "utf-8"),
    "pdf spaced": (spaced, "page 1", "utf-8"),
    "pdf packed object": (packed_object, "object", "utf-8"),
    "mail base64": (lambda text: letter(text, "base64"), "part 1", "utf-8"),
    "mail quoted": (lambda text: letter(text, "quoted-printable"), "part 1", "utf-8"),
    "mail attachment": (lambda text: attached(text.encode()), "part 1", "utf-8"),
    "mail file name": (lambda text: attached(b"no", f"{text}.txt"), "part 1", "utf-8"),
    "mail in zip": (lambda text: zipped(letter(text, "base64")), "a.txt, part 1", "utf-8"),
    "sqlite": (lambda text: sqlite_file(text, 1), "people.name, row 1", "utf-8"),
    "sqlite blob": (lambda text: sqlite_file(1, text.encode()), "people.notes, row 1", "utf-8"),
    "zip in sqlite": (
        lambda text: sqlite_file(1, zipped_text(text)), "people.notes, row 1, a.txt", "utf-8",
    ),
    "sqlite schema": (
        lambda text: sqlite_file(1, 1, schema=f"CREATE TABLE t (a DEFAULT '{text}')"),
        "sqlite_master.sql, row 2", "utf-8",
    ),
    "sqlite with a log in gzip": (
        lambda text: gzip.compress(with_log(sqlite_file(text, 1))),
        "gzip, people.name, row 1", "utf-8",
    ),
    "sqlite in gzip": (
        lambda text: gzip.compress(sqlite_file(text, 1)), "gzip, people.name, row 1", "utf-8",
    ),
    "pdf in mail in zip": (
        lambda text: zipped(attached(printed(text)), "letter.eml"),
        "letter.eml, part 1, page 1", "utf-8",
    ),
    "zip in mail in tar.xz": (
        lambda text: lzma.compress(tarred(attached(zipped_text(text)))),
        "xz, a.txt, part 1, a.txt", "utf-8",
    ),
}  # fmt: skip


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
