"""Who may change what while another one is at it."""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def claim(queryset: QuerySet[M]) -> QuerySet[M]:
    """Rows for this worker alone, inside a transaction; another worker passes them over.

    On SQLite a writing transaction holds the only lock already (IMMEDIATE).
    """
    if connection.vendor == "postgresql":
        return queryset.select_for_update(skip_locked=True, of=("self",), no_key=True)
    return queryset


def lock(queryset: QuerySet[M]) -> QuerySet[M]:
    """Rows that nobody else changes until this transaction ends; waits for them.

    Rows that merely refer to them may come meanwhile, as with any UPDATE.
    """
    if connection.vendor == "postgresql":
        return queryset.select_for_update(of=("self",), no_key=True)
    return queryset


def lock_table(model: type[Model]) -> None:
    """Nobody writes to the table until this transaction ends; on SQLite nobody does anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


@contextmanager
def alone(name: str, number: int) -> Iterator[bool]:
    """Whether this process is the only one in here, under that name and number.

    Held by the session (PostgreSQL) or by an open file (SQLite), so it ends with the process,
    however that dies.
    """
    if connection.vendor == "postgresql":
        key = [zlib.crc32(name.encode()) - 2**31, number]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
            mine = bool(cursor.fetchone()[0])
        try:
            yield mine
        finally:
            # A connection that broke has let go by itself.
            if mine and connection.is_usable():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
        return
    folder = Path(str(connection.settings_dict["NAME"])).parent
    with (folder / f"{name}-{number}.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
