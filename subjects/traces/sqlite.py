"""SQLite files, cell by cell: a long value lies in pages that need not follow each other."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

from subjects.traces.pieces import Piece, Row, Trouble
from subjects.traces.results import UNREADABLE

_FORMAT_VERSIONS = slice(18, 20)  # 2 means a write-ahead log, which memory has none of


def sqlite_pieces(stream: IO[bytes]) -> Iterator[Piece]:
    """Every row of every table. Nothing is written: not even a lock or a log is made."""
    connection = _opened(stream)
    connection.text_factory = bytes
    try:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name"
        ).fetchall()
        for (raw,) in [(b"sqlite_master",), *tables]:
            table = raw.decode("utf-8", "replace")
            try:
                yield from _rows(connection, table)
            except sqlite3.Error:
                yield Trouble(table, UNREADABLE)
    finally:
        connection.close()


def _opened(stream: IO[bytes]) -> sqlite3.Connection:
    name = getattr(stream, "name", None)
    if isinstance(name, str):
        address = f"file:{quote(os.fsencode(Path(name).absolute()))}?mode=ro&immutable=1"
        return sqlite3.connect(address, uri=True)
    image = bytearray(stream.read())
    image[_FORMAT_VERSIONS] = b"\1\1"
    connection = sqlite3.connect(":memory:")
    connection.deserialize(bytes(image))
    return connection


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[Piece]:
    escaped = table.replace('"', '""')
    try:
        rows = connection.execute(f'SELECT rowid, * FROM "{escaped}"')
    except sqlite3.OperationalError:  # a table WITHOUT ROWID: its rows are counted
        rows = connection.execute(f'SELECT NULL, * FROM "{escaped}"')
    names = [column[0] for column in rows.description[1:]]
    for number, row in enumerate(rows, start=1):
        yield Row(table, f"row {row[0] or number}", list(zip(names, row[1:], strict=True)))
