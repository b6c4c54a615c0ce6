"""Triggers: histories only grow, and what is published stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection


def history_tables() -> list[str]:
    """The tables of the audit trail: histories, many-to-many ones too, and journals of looks.

    A model that only grows without being a history says ``append_only = True``.
    """
    return sorted(
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if hasattr(model, "history_id")
        or hasattr(model, "m2m_history_id")
        or getattr(model, "append_only", False)
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


@dataclass(frozen=True, slots=True)
class Frozen:
    """A table whose rows cannot change once ``owner.column`` is filled in.

    ``link``: the column of a many-to-many table that points at its owner; empty in the owner's
    own table.
    """

    table: str
    owner: str
    column: str
    link: str = ""

    @property
    def triggers(self) -> tuple[str, ...]:
        if connection.vendor == "postgresql":
            return ("frozen_rows", "frozen_table")
        verbs = ("insert", "update", "delete") if self.link else ("update", "delete")
        return tuple(f"{self.table}_frozen_{verb}" for verb in verbs)


def frozen_tables() -> list[Frozen]:
    """The tables of models that say ``frozen_once = <column>``, many-to-many ones too."""
    found = []
    for model in apps.get_models():
        column = getattr(model, "frozen_once", None)
        if column is None:
            continue
        owner = model._meta.db_table
        found.append(Frozen(owner, owner, column))
        for field in model._meta.local_many_to_many:
            links: Any = field
            found.append(Frozen(links.m2m_db_table(), owner, column, links.m2m_column_name()))
    return found


def freeze(tables: Iterable[Frozen]) -> None:
    """Refuse UPDATE and DELETE of a published row, any change of the rows that hang on it, and
    TRUNCATE on PostgreSQL; idempotent.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for function in _FROZEN_FUNCTIONS:
                cursor.execute(function)
        for frozen in tables:
            for statement in _freezing(frozen):
                cursor.execute(statement)


# FOR SHARE waits for a publication that is under way, and then sees it.
_FROZEN_FUNCTIONS = (
    "CREATE OR REPLACE FUNCTION office_frozen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "RAISE EXCEPTION 'what is published is immutable' USING ERRCODE = 'raise_exception'; END $$",
    "CREATE OR REPLACE FUNCTION office_frozen_link() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "DECLARE asked text := format('SELECT %I IS NOT NULL FROM %I WHERE id = ($1).%I FOR SHARE', "
    "TG_ARGV[1], TG_ARGV[0], TG_ARGV[2]); published boolean; BEGIN "
    "IF TG_OP <> 'INSERT' THEN EXECUTE asked INTO published USING OLD; END IF; "
    "IF TG_OP <> 'DELETE' AND published IS NOT TRUE THEN "
    "EXECUTE asked INTO published USING NEW; END IF; "
    "IF published THEN RAISE EXCEPTION 'what is published is immutable' "
    "USING ERRCODE = 'raise_exception'; END IF; "
    "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$",
)


def _freezing(frozen: Frozen) -> list[str]:
    quote = connection.ops.quote_name
    table, column = quote(frozen.table), quote(frozen.column)
    if connection.vendor == "postgresql":
        rows = (
            "BEFORE INSERT OR UPDATE OR DELETE ON {0} FOR EACH ROW EXECUTE FUNCTION "
            f"office_frozen_link('{frozen.owner}', '{frozen.column}', '{frozen.link}')"
            if frozen.link
            else f"BEFORE UPDATE OR DELETE ON {{0}} FOR EACH ROW WHEN (OLD.{column} IS NOT NULL) "
            "EXECUTE FUNCTION office_frozen()"
        )
        return [
            f"CREATE OR REPLACE TRIGGER frozen_rows {rows.format(table)}",
            f"CREATE OR REPLACE TRIGGER frozen_table BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION office_frozen()",
        ]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {quote(name)} BEFORE {name.rpartition('_')[2].upper()} "
        f"ON {table} WHEN {_published(frozen, name.rpartition('_')[2])} "
        "BEGIN SELECT RAISE(ABORT, 'what is published is immutable'); END"
        for name in frozen.triggers
    ]


def _published(frozen: Frozen, verb: str) -> str:
    """SQLite's condition under which the verb is refused."""
    quote = connection.ops.quote_name
    if not frozen.link:
        return f"OLD.{quote(frozen.column)} IS NOT NULL"
    sides = {"insert": ("NEW",), "update": ("OLD", "NEW"), "delete": ("OLD",)}[verb]
    owners = ", ".join(f"{side}.{quote(frozen.link)}" for side in sides)
    return (
        f"EXISTS (SELECT 1 FROM {quote(frozen.owner)} "
        f"WHERE id IN ({owners}) AND {quote(frozen.column)} IS NOT NULL)"
    )


def lift_freeze(tables: Iterable[Frozen]) -> None:
    """Take the triggers away: while migrations run, and for the emptying of a test database.

    SQLite cannot rebuild a table that the trigger of another one reads.
    """
    with connection.cursor() as cursor:
        for frozen in tables:
            for name in frozen.triggers:
                statement = f"DROP TRIGGER IF EXISTS {connection.ops.quote_name(name)}"
                if connection.vendor == "postgresql":
                    statement += f" ON {connection.ops.quote_name(frozen.table)}"
                cursor.execute(statement)


def tables_without_freeze() -> list[str]:
    """Tables whose published rows could be changed; empty when all is well."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
                "WHERE tgname IN ('frozen_rows', 'frozen_table') AND tgenabled <> 'D'"
            )
        else:
            cursor.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
        laid = set(cursor.fetchall())
    return [
        frozen.table
        for frozen in frozen_tables()
        if any((frozen.table, name) not in laid for name in frozen.triggers)
    ]
