"""The one place where SQLite and PostgreSQL differ; each side has its test."""

from __future__ import annotations

import fcntl
import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from django.apps import apps
from django.db import connection, transaction
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


# --- rows that are immutable once published ----------------------------------------------------
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


def rewrite(model: type[Model], rows: list[M], columns: list[str]) -> None:
    """Write these columns of rows that exist and are locked, in one statement for all."""
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    table = connection.ops.quote_name(model._meta.db_table)
    names = [connection.ops.quote_name(str(field.column)) for field in fields]
    values = [
        [
            row.pk,
            *(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields),
        ]
        for row in rows
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            casts = ["bigint", *(str(field.db_type(connection)) for field in fields)]
            arrays = ", ".join(f"%s::{cast}[]" for cast in casts)
            targets = ", ".join(f"{name} = new.c{i}" for i, name in enumerate(names, 1))
            columns_of_new = ", ".join(f"c{i}" for i in range(len(casts)))
            cursor.execute(
                f"UPDATE {table} SET {targets} FROM unnest({arrays}) AS new({columns_of_new}) "
                f"WHERE {table}.id = new.c0",
                [list(column) for column in zip(*values, strict=True)],
            )
        else:
            targets = ", ".join(f"{name} = %s" for name in names)
            cursor.executemany(
                f"UPDATE {table} SET {targets} WHERE id = %s",
                [[*rest, pk] for pk, *rest in values],
            )


def delete_returning(
    model: type[Model], numbers: list[int], columns: list[str], *, by: str = "id"
) -> list[tuple]:  # type: ignore[type-arg]
    """Delete the rows whose ``by`` is among the numbers, and say what each deleted one held.

    Whoever deletes a row has claimed it. Rows are locked in the order of their numbers first, like
    everywhere: two that delete or rewrite the same rows follow one another. Rows found by another
    column than their own number hang on rows that the caller has claimed already.
    """
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(by)
    wanted = ", ".join(map(quote, columns))
    found: list[tuple] = []  # type: ignore[type-arg]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            if by == "id":
                cursor.execute(
                    f"SELECT FROM {table} WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [numbers]
                )
            cursor.execute(
                f"DELETE FROM {table} WHERE {key} = ANY(%s) RETURNING {wanted}", [numbers]
            )
            return cursor.fetchall()
        for start in range(0, len(numbers), 500):
            part = numbers[start : start + 500]
            marks = ", ".join(["%s"] * len(part))
            cursor.execute(f"DELETE FROM {table} WHERE {key} IN ({marks}) RETURNING {wanted}", part)
            found += cursor.fetchall()
    return found


def lock_table(model: type[Model]) -> None:
    """Nobody writes to the table until this transaction ends; on SQLite nobody does anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


# A checkpoint waits this long for readers; the sweep of the next hour comes again.
CHECKPOINT_WAIT = 2_000  # milliseconds


def flush_deleted(models: Iterable[type[Model]]) -> None:
    """Take deleted rows out of the files too: VACUUM, or a checkpoint that cuts the log off.

    Inside a transaction there is nothing to do yet; a reader that stands in the way is no error,
    the next one does it.
    """
    if connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for model in models:
                cursor.execute(f"VACUUM {connection.ops.quote_name(model._meta.db_table)}")
            return
        cursor.execute("PRAGMA busy_timeout")
        patience = int(cursor.fetchone()[0])
        cursor.execute(f"PRAGMA busy_timeout={CHECKPOINT_WAIT}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            cursor.execute(f"PRAGMA busy_timeout={patience}")


# Bytes that are handed to PostgreSQL at once.
COPY_PIECE = 64 * 1024


# --- rows in bulk ------------------------------------------------------------------------------
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


def by_index() -> None:
    """Until this transaction ends, PostgreSQL looks rows up by their indexes.

    While a table is filled, its statistics are those of a smaller one, and it would be read whole
    for each thousand of rows that are looked for.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")


def among(queryset: QuerySet[M], column: str, wanted: Collection[Any]) -> QuerySet[M]:
    """Rows whose column is one of very many values, which PostgreSQL gets as one array.

    A thousand parameters take longer to write down than to look up.
    """
    if connection.vendor != "postgresql":
        return queryset.filter(**{f"{column}__in": wanted})
    quote = connection.ops.quote_name
    table = quote(queryset.model._meta.db_table)
    return queryset.extra(where=[f"{table}.{quote(column)} = ANY(%s)"], params=[list(wanted)])


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
