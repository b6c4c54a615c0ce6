"""Rows of any number, a part at a time, from a cursor that is closed whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def streamed(rows: QuerySet[M], *, at_once: int) -> AbstractContextManager[Iterator[M]]:
    """Left half-way, a cursor of PostgreSQL would be closed by the collector of garbage: in some
    later transaction, which that breaks.
    """
    found: Any = rows.iterator(chunk_size=at_once)
    return closing(found)
