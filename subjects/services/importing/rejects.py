"""Rejected rows in the reader's words."""

from __future__ import annotations

from registry.errors import OperatorError
from registry.explain import sentence
from subjects.models import ImportReject


class _Kept(OperatorError):
    """A refusal as it was kept: its template and parameters."""

    def __init__(self, template: str, params: dict[str, object]) -> None:
        self.template = template
        super().__init__(**params)


def worded(row: ImportReject) -> str:
    """Why the row was not taken, as one sentence in the active language."""
    return sentence(_Kept(row.reason, row.params))
