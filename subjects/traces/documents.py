"""Documents and letters: PDF and MIME."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.errors import HeaderParseError, InvalidBase64LengthDefect
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import IO, Any

import pypdf
from pypdf.errors import LimitReachedError
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    IndirectObject,
    StreamObject,
    TextStringObject,
)

from subjects.traces.pieces import Member, Piece, Trouble, Words
from subjects.traces.results import BROKEN, ENCRYPTED, TOO_LARGE


@contextmanager
def _silence() -> Iterator[None]:
    """pypdf's warnings may quote what it reads."""
    logger = logging.getLogger("pypdf")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def pdf_pieces(stream: IO[bytes]) -> Iterator[Piece]:
    """The text of every page, the document's information, every string and decoded stream."""
    with _silence():
        reader = pypdf.PdfReader(stream, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            yield Trouble("", ENCRYPTED)
            return
        yield from _pages(reader)
        for number, generation in _objects(reader):
            inside = f"object {number}"
            try:
                found = reader.get_object(IndirectObject(number, generation, reader))
                texts = "\n".join(_strings(found))
                data = found.get_data() if isinstance(found, StreamObject) else b""
            except LimitReachedError:
                yield Trouble(inside, TOO_LARGE)
                continue
            except Exception:  # whatever a broken file makes of pypdf
                yield Trouble(inside, BROKEN)
                continue
            if texts:
                yield Words(inside, texts)
            if data:
                yield Member(inside, io.BytesIO(data))


def _pages(reader: pypdf.PdfReader) -> Iterator[Piece]:
    for number in range(1, len(reader.pages) + 1):
        try:
            text = reader.pages[number - 1].extract_text()
        except Exception:  # as above
            yield Trouble(f"page {number}", BROKEN)
            continue
        yield Words(f"page {number}", text, drawn=True)
    for key, value in (reader.metadata or {}).items():
        yield Words("document information", f"{key}\n{value}")


def _objects(reader: pypdf.PdfReader) -> list[tuple[int, int]]:
    """Numbers and generations of all objects, those packed in streams too."""
    found = {
        (number, generation)
        for generation, numbers in reader.xref.items()
        for number in numbers
        if number
    }
    return sorted(found | {(number, 0) for number in reader.xref_objStm})


def _strings(found: Any) -> Iterable[str]:
    """The strings of one object, without following it to others."""
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, TextStringObject):
            yield one
        elif isinstance(one, ByteStringObject):
            yield one.decode("latin-1")
        elif isinstance(one, DictionaryObject):
            waiting += [one.raw_get(key) for key in one]
        elif isinstance(one, ArrayObject):
            waiting += list(one)


def mail_pieces(stream: IO[bytes]) -> Iterator[Piece]:
    """Decoded headers and decoded parts of a message, or of every message of a mailbox."""
    data = stream.read().lstrip(b"\r\n")
    letters = [data]
    if data.startswith(b"From "):
        letters = [b"From " + one for one in b"\n".join([b"", data]).split(b"\nFrom ")[1:]]
    for number, letter in enumerate(letters, start=1):
        before = f"message {number}, " if len(letters) > 1 else ""
        yield from _letter(message_from_bytes(letter), before)


def _letter(message: Message, before: str) -> Iterator[Piece]:
    number = 0
    for part in message.walk():
        number += not part.is_multipart()
        inside = f"{before}headers" if part.is_multipart() else f"{before}part {number}"
        headers = [_header(str(value)) for value in part.values()]
        headers.append(_header(collapse_rfc2231_value(part.get_filename(""))))
        yield Words(inside, "\n".join(headers))
        if not part.is_multipart():
            yield from _body(part, inside)


def _body(part: Message, inside: str) -> Iterator[Piece]:
    data = part.get_payload(decode=True)
    if any(isinstance(defect, InvalidBase64LengthDefect) for defect in part.defects):
        yield Trouble(inside, BROKEN)
    if not isinstance(data, bytes):
        return
    yield Member(inside, io.BytesIO(data))
    charset = part.get_content_charset("utf-8")
    if charset in {"utf-8", "us-ascii"}:
        return
    try:
        yield Words(inside, data.decode(charset, "replace"))
    except LookupError:
        yield Trouble(inside, BROKEN)


def _header(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (
        LookupError,
        ValueError,
        HeaderParseError,
    ):  # an unknown charset, or bytes that it does not have
        return value
