"""The one place where SQLite and PostgreSQL differ; each side has its test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from django.apps import apps
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


def history_tables() -> list[str]:
    """The tables of the audit trail, many-to-many ones too."""
    return sorted(
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if hasattr(model, "history_id") or hasattr(model, "m2m_history_id")
    )


def append_only(tables: Iterable[str]) -> None:
    """Refuse UPDATE and DELETE (and TRUNCATE on PostgreSQL) on the tables; idempotent."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION office_append_only() RETURNS trigger "
                "LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION 'history is append-only' USING ERRCODE = 'raise_exception'; "
                "END $$"
            )
        for table in tables:
            for statement in _statements(table):
                cursor.execute(statement)


def _statements(table: str) -> list[str]:
    quoted = connection.ops.quote_name(table)
    if connection.vendor == "postgresql":
        return [
            f"CREATE OR REPLACE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {quoted} "
            "FOR EACH ROW EXECUTE FUNCTION office_append_only()",
            f"CREATE OR REPLACE TRIGGER append_only_table BEFORE TRUNCATE ON {quoted} "
            "FOR EACH STATEMENT EXECUTE FUNCTION office_append_only()",
        ]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {connection.ops.quote_name(f'{table}_no_{verb}')} "
        f"BEFORE {verb.upper()} ON {quoted} "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
        for verb in ("update", "delete")
    ]


def lift_append_only(tables: Iterable[str]) -> None:
    """Take the triggers away: for the emptying of a test database, nothing else."""
    with connection.cursor() as cursor:
        for table in tables:
            quoted = connection.ops.quote_name(table)
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER IF EXISTS append_only_rows ON {quoted}")
                cursor.execute(f"DROP TRIGGER IF EXISTS append_only_table ON {quoted}")
            else:
                for verb in ("update", "delete"):
                    name = connection.ops.quote_name(f"{table}_no_{verb}")
                    cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def tables_without_triggers() -> list[str]:
    """History tables that could be bent unnoticed; empty when all is well."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT relname, count(*) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
                "WHERE tgname IN ('append_only_rows', 'append_only_table') "
                "AND tgenabled <> 'D' GROUP BY relname"
            )
        else:
            cursor.execute(
                "SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'trigger' "
                "AND (name = tbl_name || '_no_update' OR name = tbl_name || '_no_delete') "
                "GROUP BY tbl_name"
            )
        guarded = {table for table, count in cursor.fetchall() if count == 2}
    return [table for table in history_tables() if table not in guarded]
