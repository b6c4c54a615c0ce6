"""Every cell of every table, for a search: read-only, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, transaction

from subjects.traces import NOT_READ_BY_DATABASE, Row, Trouble

ROWS = 100  # held at once

# Tables of every schema; a partitioned table's rows are those of its partitions.
_TABLES = """
    SELECT n.nspname, c.relname, pg_table_is_visible(c.oid) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%'
      AND n.nspname <> 'information_schema'
    ORDER BY 1, 2
"""
# Statistics keep copies of values; large objects lie in a table of their own.
_HIDDEN = {
    "pg_stats": (
        "SELECT concat_ws('.', schemaname, tablename, attname), most_common_vals::text, "
        "histogram_bounds::text, most_common_elems::text FROM pg_stats "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ),
    "pg_largeobject": "SELECT oid, lo_get(oid) FROM pg_largeobject_metadata",
}


def database_rows() -> Iterator[Row | Trouble]:
    """All rows of all tables, and by name every table that the database does not give out."""
    for table, select, key in _selects():
        try:
            yield from _rows(table, select, key)
        except DatabaseError:
            yield Trouble(table, NOT_READ_BY_DATABASE)


def _selects() -> list[tuple[str, str, tuple[int, ...]]]:
    """Name, query, and which of its columns are the primary key."""
    quote = connection.ops.quote_name
    found: list[tuple[str, str, tuple[int, ...]]] = []
    with connection.cursor() as cursor:
        for schema, table in _tables(cursor):
            name = table if schema is None else f"{schema}.{table}"
            source = quote(table) if schema is None else f"{quote(schema)}.{quote(table)}"
            if schema is not None:
                found.append((name, f"SELECT * FROM {source}", ()))
                continue
            columns = [
                column.name
                for column in connection.introspection.get_table_description(cursor, table)
            ]
            keys = connection.introspection.get_primary_key_columns(cursor, table) or []
            # A plus keeps SQLite's module from reading a date where a text may stand.
            plus = "+" if connection.vendor == "sqlite" else ""
            listed = ", ".join(f"{plus}{quote(column)} AS {quote(column)}" for column in columns)
            places = tuple(columns.index(key) for key in keys)
            found.append((name, f"SELECT {listed} FROM {source}", places))
    if connection.vendor == "postgresql":
        found += [(name, select, (0,)) for name, select in _HIDDEN.items()]
    return found


def _tables(cursor: Any) -> list[tuple[str | None, str]]:
    """Schemas and names; no schema where the table is found without it."""
    if connection.vendor == "postgresql":
        cursor.execute(_TABLES)
        return [(None if seen else schema, table) for schema, table, seen in cursor.fetchall()]
    tables = connection.introspection.get_table_list(cursor)
    return [(None, table.name) for table in tables if table.type == "t"]


def _rows(table: str, select: str, key: tuple[int, ...]) -> Iterator[Row]:
    number = 0
    with _reading(), connection.chunked_cursor() as cursor:
        cursor.execute(select)
        while rows := cursor.fetchmany(ROWS):
            names = [column[0] for column in cursor.description]
            for row in rows:
                number += 1
                known = "-".join(str(row[place]) for place in key) or str(number)
                yield Row(table, f"row {known}", list(zip(names, row, strict=True)))


@contextmanager
def _reading() -> Iterator[None]:
    """Nothing can be written meanwhile through this connection."""
    if connection.vendor == "sqlite":
        # Not in a transaction: ours take the write lock at once, and others would wait.
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = ON")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA query_only = OFF")
        return
    # Server-side cursors outside a transaction would copy the table into a file of the server.
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        try:
            yield
        finally:
            transaction.set_rollback(True)
