"""The one seam for many rows at once: rows and their history in two statements, not in two each.

What is written here is what ``save()`` would have written, history too; a test compares them.
Signals, ``clean()`` and sealing do not happen: values come sealed, rows come with their numbers
(``seam.reserve_ids``) and checked by whoever made them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar

from django.db import connection, models

from registry import seam
from registry.models import User
from subjects.vault.field import Ciphertext, SealedField

M = TypeVar("M", bound=models.Model)
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Lines:
    """New rows as finished lines (``seam.copy_lines``), and their numbers."""

    columns: Sequence[str]
    lines: Iterable[bytes]
    numbers: Sequence[int]


def write(
    model: type[M],
    rows: Sequence[M],
    *,
    lines: Lines | None = None,
    by: User | None,
    reason: str,
    at: datetime,
) -> None:
    """Insert new rows, which have their numbers, and a ``+`` row of history for each."""
    numbers: list[int] = []
    if lines is not None and lines.numbers:
        seam.copy_lines(model._meta.db_table, lines.columns, lines.lines)
        numbers += lines.numbers
    if rows:
        seam.copy_rows(model._meta.db_table, _columns(model), _cells(model, rows))
        numbers += _numbers(model, rows)
    if numbers:
        _remember(model, numbers, "+", by=by, reason=reason, at=at)


def change(
    model: type[M],
    rows: Sequence[M],
    columns: Sequence[str],
    *,
    by: User | None,
    reason: str,
    at: datetime,
) -> None:
    """Write these columns of rows that exist and are locked, and a ``~`` row of history each."""
    if not rows:
        return
    seam.rewrite(model, list(rows), list(columns))
    _remember(model, _numbers(model, rows), "~", by=by, reason=reason, at=at)


def insert(
    model: type[models.Model], columns: Sequence[str], cells: Iterable[Sequence[Any]]
) -> None:
    """Rows of a table without history (the vault's); the cells are in the columns' own shape."""
    seam.copy_rows(model._meta.db_table, columns, cells)


def drafts(model: type[M], **fixed: Any) -> Callable[..., M]:
    """Makes new rows of a model quickly: for ``write``, never for ``save()``.

    The model's own ``__init__`` runs once, for the defaults; it would cost more than COPY does.
    Columns are given by ``attname`` (``subject_id``) and are not checked.
    """
    pattern = dict(model(**fixed).__dict__)

    def draft(**said: Any) -> M:
        row = model.__new__(model)
        row.__dict__ = {**pattern, **said}
        return row

    return draft


def line_end(
    model: type[models.Model], varying: Sequence[str], **fixed: Any
) -> tuple[list[str], bytes]:
    """For lines of new rows: their columns, and how each ends after the ``varying`` ones.

    ``varying``: by ``attname``, in the order in which a line begins; the rest is as in ``drafts``.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields}
    rest = [name for name in fields if name not in varying]
    (cells,) = _cells(model, [model(**fixed)])
    cell = dict(zip(fields, cells, strict=True))
    end = b"".join(b"\t" + seam.copy_text(cell[name]) for name in rest)
    return [str(fields[name].column) for name in (*varying, *rest)], end + b"\n"


def _numbers(model: type[models.Model], rows: Iterable[models.Model]) -> list[int]:
    pk: Any = model._meta.pk
    return [row.__dict__[pk.attname] for row in rows]


def _remember(
    model: type[models.Model],
    numbers: Sequence[int],
    kind: str,
    *,
    by: User | None,
    reason: str,
    at: datetime,
) -> None:
    """The rows as they stand now, copied into their history by the database itself."""
    live: Any = model
    trail = getattr(live, live._meta.simple_history_manager_attribute).model
    seam.copy_over(
        model,
        trail,
        [str(field.column) for field in trail.tracked_fields],
        {
            "history_date": at,
            "history_change_reason": reason,
            "history_type": kind,
            "history_user": by.pk if by else None,
        },
        numbers,
    )


@cache
def _columns(model: type[models.Model]) -> list[str]:
    return [str(field.column) for field in model._meta.concrete_fields]


def _cells(model: type[models.Model], rows: Iterable[models.Model]) -> Iterable[tuple[Any, ...]]:
    """Each row's cells in the order of ``_columns``, as the database takes them."""
    fields = model._meta.concrete_fields
    read = itemgetter(*(field.attname for field in fields))
    converts = [(place, _convert(field)) for place, field in enumerate(fields)]
    wanted = [(place, convert) for place, convert in converts if convert is not None]
    for row in rows:
        # Past the descriptors of foreign keys; a field that was not loaded is missed by name.
        cells = list(read(row.__dict__))
        for place, convert in wanted:
            if cells[place] is not None:
                cells[place] = convert(cells[place])
        yield tuple(cells)


def _convert(field: models.Field) -> Convert | None:
    """From Python to the column; None where the driver takes the value as it is."""
    if isinstance(field, SealedField):
        return _raw
    if isinstance(field, models.ForeignKey):
        return None
    if isinstance(field, models.IntegerField | models.BooleanField | models.AutoField):
        return None
    if isinstance(field, models.CharField | models.TextField):
        return _text
    adapts = connection.vendor != "postgresql"
    if isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value if adapts else None
    if isinstance(field, models.DateField):
        return connection.ops.adapt_datefield_value if adapts else None
    return lambda value: field.get_db_prep_save(value, connection)


def _raw(value: Any) -> bytes:
    if not isinstance(value, Ciphertext):
        raise TypeError("a bulk write takes sealed values only")
    return value.raw


def _text(value: Any) -> str:
    return str(value.value) if isinstance(value, Enum) else value
