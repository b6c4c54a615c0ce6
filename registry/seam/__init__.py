"""The one place where SQLite and PostgreSQL differ; each side has its test."""

from __future__ import annotations

from registry.seam.copying import (
    COPY_PIECE,
    copy_lines,
    copy_over,
    copy_rows,
    copy_text,
    reserve_ids,
    takes_lines,
)
from registry.seam.guards import (
    Frozen,
    append_only,
    freeze,
    frozen_tables,
    history_tables,
    lift_append_only,
    lift_freeze,
    tables_without_freeze,
    tables_without_triggers,
)
from registry.seam.ids import ids_given, ids_raise, snapshot
from registry.seam.locks import alone, claim, lock, lock_table
from registry.seam.numbers import numbered
from registry.seam.rows import (
    CHECKPOINT_WAIT,
    among,
    by_index,
    delete_returning,
    flush_deleted,
    rewrite,
)

__all__ = [
    "CHECKPOINT_WAIT",
    "COPY_PIECE",
    "Frozen",
    "alone",
    "among",
    "append_only",
    "by_index",
    "claim",
    "copy_lines",
    "copy_over",
    "copy_rows",
    "copy_text",
    "delete_returning",
    "flush_deleted",
    "freeze",
    "frozen_tables",
    "history_tables",
    "ids_given",
    "ids_raise",
    "lift_append_only",
    "lift_freeze",
    "lock",
    "lock_table",
    "numbered",
    "reserve_ids",
    "rewrite",
    "snapshot",
    "tables_without_freeze",
    "tables_without_triggers",
    "takes_lines",
]
