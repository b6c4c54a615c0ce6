"""What a file is, by its first bytes: names lie."""

from __future__ import annotations

import re
from enum import Enum

HEAD = 16 << 10  # bytes that tell the kind

_HEADER = re.compile(rb"[!-9;-~]{1,70}:")
_MAIL = re.compile(rb"^(?:MIME-Version|Content-Type|Received):", re.IGNORECASE | re.MULTILINE)
# Readers of PDF accept some lines in front.
_PDF = re.compile(rb"^%PDF-\d", re.MULTILINE)
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_BLANK = re.compile(rb"\r?\n\r?\n")


class Kind(Enum):
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    TAR = "tar"
    ZIP = "zip"
    PDF = "pdf"
    SQLITE = "sqlite"
    MAIL = "mail"
    CLOSED = "closed"
    PLAIN = "plain"


# Read from start to end; the others are read here and there, and so held or reopened.
STREAMED = frozenset({Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.TAR})

_MAGIC = (
    (b"\x1f\x8b\x08", Kind.GZIP),
    (b"\xfd7zXZ\x00", Kind.XZ),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"SQLite format 3\x00", Kind.SQLITE),
    # 7-Zip, RAR, Zstandard, LZ4, pg_dump's own format; Redis and Valkey compress strings.
    (b"7z\xbc\xaf\x27\x1c", Kind.CLOSED),
    (b"Rar!\x1a\x07", Kind.CLOSED),
    (b"\x28\xb5\x2f\xfd", Kind.CLOSED),
    (b"\x04\x22\x4d\x18", Kind.CLOSED),
    (b"PGDMP", Kind.CLOSED),
    (b"REDIS00", Kind.CLOSED),
    (b"VALKEY0", Kind.CLOSED),
)


def kind_of(head: bytes) -> Kind:
    """The kind of what begins so; PLAIN for everything else."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return Kind.TAR
    if _BZIP2.match(head):
        return Kind.BZIP2
    if _PDF.search(head[:1024]):
        return Kind.PDF
    return Kind.MAIL if _is_mail(head) else Kind.PLAIN


def _is_mail(head: bytes) -> bool:
    start = head.lstrip(b"\r\n")
    if start.startswith(b"From "):
        start = start.partition(b"\n")[2]
    if not _HEADER.match(start):
        return False
    return _MAIL.search(_BLANK.split(start, maxsplit=1)[0]) is not None
