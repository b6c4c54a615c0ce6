"""Saving with a trace: who and why stand in the history row of every write."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model

from registry.models import User

M = TypeVar("M", bound=Model)


def save(row: M, *, by: User | None, reason: str, fields: list[str] | None = None) -> M:
    """Save the row (only ``fields`` of it, when given) and record who did it and why."""
    audited: Any = row
    audited._history_user = by
    audited._change_reason = reason
    row.save(update_fields=fields)
    return row
