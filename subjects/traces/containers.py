"""What is inside a file: its pieces, one after another."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, Any

from subjects.traces.documents import mail_pieces, pdf_pieces
from subjects.traces.kinds import Kind
from subjects.traces.pieces import Member, Piece, Reader, Trouble, Words
from subjects.traces.results import ENCRYPTED, UNKNOWN_PACKING
from subjects.traces.sqlite import sqlite_pieces


def _gzip(stream: Any) -> Iterator[Piece]:
    yield Member("gzip", gzip.GzipFile(fileobj=stream))


def _bzip2(stream: Any) -> Iterator[Piece]:
    yield Member("bzip2", bz2.BZ2File(stream))


def _xz(stream: Any) -> Iterator[Piece]:
    with lzma.LZMAFile(stream) as unpacked:
        yield Member("xz", unpacked)


def _tar(stream: Any) -> Iterator[Piece]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            words = (info.name, info.linkname, info.uname, info.gname, *info.pax_headers.values())
            yield Words(info.name, "\n".join(words))
            member = archive.extractfile(info) if info.isreg() else None
            if member is not None:
                yield Member(info.name, member)


def _zip(stream: IO[bytes]) -> Iterator[Piece]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            comment = info.comment.decode("utf-8", "replace")
            yield Words(info.filename, f"{info.filename}\n{comment}")
            if info.is_dir():
                continue
            if info.flag_bits & 0x1:
                yield Trouble(info.filename, ENCRYPTED)
                continue
            try:
                member = archive.open(info)
            except NotImplementedError:
                # How zipfile says that it does not know the packing of this member.
                yield Trouble(info.filename, UNKNOWN_PACKING)
                continue
            with member:
                yield Member(info.filename, member)


_UNPACKERS: dict[Kind, Callable[[Any], Iterator[Piece]]] = {
    Kind.GZIP: _gzip,
    Kind.BZIP2: _bzip2,
    Kind.XZ: _xz,
    Kind.TAR: _tar,
    Kind.ZIP: _zip,
    Kind.PDF: pdf_pieces,
    Kind.MAIL: mail_pieces,
    Kind.SQLITE: sqlite_pieces,
}


def unpack(kind: Kind, stream: Reader) -> Iterator[Piece]:
    """The pieces of a container; a broken one raises whatever its reader raises.

    A Member's stream is to be read before the next piece is asked for.
    """
    return _UNPACKERS[kind](stream)
