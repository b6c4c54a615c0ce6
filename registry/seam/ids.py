"""Numbers of rows that were given out, and reading everything as of one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, transaction


def ids_given() -> dict[str, int]:
    """Table -> the highest number that it has ever given out, to rows that are gone too."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                # CASE: conditions are asked in any order, and a table has no last value.
                "SELECT t.relname, CASE WHEN s.relkind = 'S' "
                "THEN pg_sequence_last_value(s.oid) END FROM pg_class s "
                "JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass "
                "AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') "
                "JOIN pg_class t ON t.oid = d.refobjid "
                "WHERE s.relkind = 'S' AND t.relnamespace = current_schema()::regnamespace"
            )
        else:
            cursor.execute("SELECT name, seq FROM sqlite_sequence")
        return {str(table): int(number) for table, number in cursor.fetchall() if number}


def ids_raise(floors: Mapping[str, int]) -> None:
    """Let every table go on above these numbers and above its own rows; never below."""
    quote = connection.ops.quote_name
    for model in apps.get_models(include_auto_created=True):
        key: Any = model._meta.pk
        if not key.get_internal_type().endswith("AutoField") or model._meta.proxy:
            continue
        table, column = model._meta.db_table, str(key.column)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT max({quote(column)}) FROM {quote(table)}")
            floor = max(int(cursor.fetchone()[0] or 0), floors.get(table, 0))
            if not floor:
                continue
            if connection.vendor == "postgresql":
                cursor.execute(
                    "SELECT setval(s.name, greatest(%s, pg_sequence_last_value(s.name))) FROM "
                    "(SELECT pg_get_serial_sequence(%s, %s)::regclass AS name) AS s",
                    [floor, quote(table), column],
                )
                continue
            cursor.execute(
                "UPDATE sqlite_sequence SET seq = max(seq, %s) WHERE name = %s RETURNING seq",
                [floor, table],
            )
            if cursor.fetchone() is None:
                # AUTOINCREMENT makes its entry with the first row.
                cursor.execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, floor]
                )


@contextmanager
def snapshot() -> Iterator[None]:
    """Whatever is read inside is read as of one moment; others go on writing meanwhile.

    Must not stand in a transaction. Nothing can be written inside.
    """
    about: Any = connection
    if connection.vendor == "postgresql":
        with transaction.atomic(durable=True):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    connection.ensure_connection()
    usual = about.transaction_mode
    # A transaction that only reads takes no lock: others save while a backup is made.
    about.transaction_mode = "DEFERRED"
    try:
        with transaction.atomic(durable=True):
            about.transaction_mode = usual
            with connection.cursor() as cursor:
                # The moment is that of the first reading.
                cursor.execute("SELECT count(*) FROM sqlite_master")
                cursor.fetchone()
                cursor.execute("PRAGMA query_only = ON")
            try:
                yield
            finally:
                with connection.cursor() as cursor:
                    cursor.execute("PRAGMA query_only = OFF")
    finally:
        about.transaction_mode = usual
