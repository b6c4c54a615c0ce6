"""Values planted in every form and every container, and the search for them."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import quopri
import sqlite3
import tarfile
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
from fpdf import FPDF

from subjects.traces import Limits, Needles, Trace, Unread, search_paths

NAME = "Ёлкин Йосиф ?>"  # its base64 has the two characters in which the alphabets differ
KAZAKH = "Қайрат Әлиұлы"
MAIL = "ё.o'neil&co@example.org"
HYPHEN = "Анна-Мария Ким <a-b@example.org>"
PROSE = "Ничего личного здесь нет. " * 40
LONG = "Константинопольский Александр Владимирович, улица Академика Королёва, дом 12, кв. 345"
SECRET = "Қуанышбек Ёлкин"


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
