"""Many rows found, changed, deleted at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


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
