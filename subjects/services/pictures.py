"""What an upload is, by its content: names and declared types lie. No Django, no database."""

from __future__ import annotations

import codecs
from typing import IO

from PIL import Image

from registry.errors import OperatorError, gettext_noop

HEAD_BYTES = 4096
PHOTO_BYTES = 10 * 1024 * 1024
PHOTO_PIXELS = 40_000_000

JPEG, PNG, WEBP, GIF = "image/jpeg", "image/png", "image/webp", "image/gif"
PDF, CSV, TEXT = "application/pdf", "text/csv", "text/plain"
# Formats of Pillow -> media types of photos that the office keeps.
PHOTOS = {"JPEG": JPEG, "PNG": PNG, "WEBP": WEBP}

_CONTROLS = (frozenset(range(32)) | {127}) - frozenset(b"\t\r\n")
_SEPARATORS = (";", "\t", ",", "|")


class UnknownContent(OperatorError):
    template = gettext_noop("The office does not know what this file contains.")


class NotAPhoto(OperatorError):
    template = gettext_noop("This is no photo: JPEG, PNG and WebP are taken.")


class PhotoDamaged(OperatorError):
    template = gettext_noop("This photo is damaged: it cannot be drawn.")


class PhotoTooBig(OperatorError):
    template = gettext_noop("The photo is larger than %(limit)s MB.")


class PhotoTooWide(OperatorError):
    template = gettext_noop("The photo has more than %(limit)s million pixels.")


def sniff(head: bytes) -> str:
    """The media type of what begins so (``HEAD_BYTES`` are enough); refuses what is not known.

    Markup is never known: an HTML page or an SVG picture could act where it is shown.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return GIF
    if head.startswith(b"%PDF-"):
        return PDF
    text = _text(head)
    if text is None or not text.strip() or text.lstrip().startswith("<"):
        raise UnknownContent()
    first = text.strip().splitlines()[0]
    return CSV if any(sign in first for sign in _SEPARATORS) else TEXT


def _text(head: bytes) -> str | None:
    """The head as text; None when it is not: in Unicode, or in a code page of Cyrillic."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):  # fmt: skip
        if head.startswith(mark):
            return _decoded(head.removeprefix(mark), encoding)
    if _CONTROLS & frozenset(head):
        return None
    return _decoded(head, "utf-8") or head.decode("cp1251", "replace")


def _decoded(head: bytes, encoding: str) -> str | None:
    try:
        # The head may end in the middle of a letter.
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
    return None if any(ord(char) in _CONTROLS for char in text) else text


def photo_check(stream: IO[bytes], size: int) -> str:
    """The media type of a photo, which is left at its start.

    Refuses what is no JPEG, PNG or WebP by its content, what cannot be drawn, more than 10 MB,
    more than 40 million pixels (asked before anything is unpacked).
    """
    if size > PHOTO_BYTES:
        raise PhotoTooBig(limit=PHOTO_BYTES // (1024 * 1024))
    stream.seek(0)
    try:
        found = sniff(stream.read(HEAD_BYTES))
    except UnknownContent:
        raise NotAPhoto() from None
    if found not in PHOTOS.values():
        raise NotAPhoto()
    try:
        return _looked_at(stream)
    finally:
        stream.seek(0)


def _looked_at(stream: IO[bytes]) -> str:
    stream.seek(0)
    try:
        # Only these readers: others would be asked for what a file pretends to be.
        image = Image.open(stream, formats=list(PHOTOS))
        kind = PHOTOS[str(image.format)]
        if image.width * image.height > PHOTO_PIXELS:
            raise PhotoTooWide(limit=PHOTO_PIXELS // 1_000_000)
        if kind == JPEG:
            # An eighth of its size: the whole file is read, little of it is held.
            image.draft("L", (image.width // 8 or 1, image.height // 8 or 1))
            image.load()
        else:
            image.verify()
    except Image.DecompressionBombError:
        raise PhotoTooWide(limit=PHOTO_PIXELS // 1_000_000) from None
    except OperatorError:
        raise
    except Exception:
        # Readers of broken pictures raise whatever they like, and may quote what they have read.
        raise PhotoDamaged() from None
    return kind
