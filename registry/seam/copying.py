"""Many new rows at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import Model


def reserve_ids(model: type[Model], number: int) -> list[int]:
    """So many primary keys that nobody else will ever get.

    PostgreSQL takes them from the sequence, and never gives one twice. SQLite's counter is part of
    the transaction: a number comes again only after a rollback that nothing outlived.
    """
    if number < 1:
        return []
    table = model._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The name is looked up once; in the list it would be looked up for each number.
            drawn = (
                "SELECT nextval(name) AS id FROM generate_series(1, %s), "
                "(SELECT pg_get_serial_sequence(%s, %s)::regclass AS name OFFSET 0) AS sequence"
            )
            given: list[Any] = [
                number,
                connection.ops.quote_name(table),
                str(model._meta.pk.column),
            ]
            cursor.execute(f"SELECT min(id), max(id) FROM ({drawn}) AS drawn", given)
            first, last = cursor.fetchone()
            if last - first + 1 == number:
                return list(range(first, last + 1))
            # Somebody drew some in between: these are let go, and others are asked for by name.
            cursor.execute(drawn, given)
            return [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s RETURNING seq",
            [number, table],
        )
        row = cursor.fetchone()
        if row is None:
            # AUTOINCREMENT makes its entry with the first row; the table has had none yet.
            cursor.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, number]
            )
            row = (number,)
        return list(range(row[0] - number + 1, row[0] + 1))


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows whose cells are in the shape of their columns: COPY, or one prepared INSERT."""
    quote = connection.ops.quote_name
    named = ", ".join(quote(column) for column in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with (
                connection.wrap_database_errors,
                # As text: measured, it takes less of both sides than binary.
                cursor.copy(f"COPY {quote(table)} ({named}) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {quote(table)} ({named}) VALUES ({marks})", list(rows))


def copy_text(value: Any) -> bytes:
    """One cell as PostgreSQL's COPY takes it in its text format."""
    if value is None:
        return b"\\N"
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int | date):
        return str(value).encode()
    if isinstance(value, bytes):
        return b"\\\\x" + value.hex().encode()
    if isinstance(value, str):
        return value.translate(_COPY_ESCAPES).encode()
    raise TypeError(f"no text of COPY for {type(value).__name__}")


_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

# Bytes that are handed to PostgreSQL at once.
COPY_PIECE = 64 * 1024


def copy_lines(
    table: str, columns: Sequence[str], lines: Iterable[bytes], *, binary: bool = False
) -> None:
    """Insert rows that are finished already; PostgreSQL only.

    Lines of ``copy_text`` with tabs between and a line feed at the end; or rows of the binary
    format, whose cells have exactly the width of their columns.
    """
    quote = connection.ops.quote_name
    named = ", ".join(quote(column) for column in columns)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(
            f"COPY {quote(table)} ({named}) FROM STDIN{' (FORMAT binary)' if binary else ''}"
        ) as copy,
    ):
        waiting, size = [_BINARY_START] if binary else [], 0
        for line in lines:
            waiting.append(line)
            size += len(line)
            if size >= COPY_PIECE:
                copy.write(b"".join(waiting))
                waiting, size = [], 0
        if binary:
            waiting.append(_BINARY_END)
        copy.write(b"".join(waiting))


# What stands before and after the rows of the binary format.
_BINARY_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)

_BINARY_END = b"\xff\xff"


def takes_lines() -> bool:
    """Whether ``copy_lines`` can be used."""
    return connection.vendor == "postgresql"


def copy_over(
    source: type[Model],
    target: type[Model],
    columns: Sequence[str],
    more: Mapping[str, Any],
    numbers: Sequence[int],
) -> None:
    """Copy these columns of these rows (each named once, one at least) into another table.

    ``more``: fields of the other table that get one value for all.
    """
    quote = connection.ops.quote_name
    postgresql = connection.vendor == "postgresql"
    given: list[Any]
    fields: list[Any] = [target._meta.get_field(name) for name in more]
    named = ", ".join(quote(column) for column in columns)
    added = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    first, last = min(numbers), max(numbers)
    if last - first + 1 == len(numbers):
        chosen, given = "BETWEEN %s AND %s", [first, last]
    elif postgresql:
        chosen, given = "= ANY(%s)", [list(numbers)]
    else:
        chosen, given = "IN (SELECT value FROM json_each(%s))", [json.dumps(list(numbers))]
    values = [
        field.get_db_prep_save(value, connection)
        for field, value in zip(fields, more.values(), strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(target._meta.db_table)} ({named}, {added}) "
            f"SELECT {named}, {marks} FROM {quote(source._meta.db_table)} "
            f"WHERE {quote(str(source._meta.pk.column))} {chosen}",
            [*values, *given],
        )
