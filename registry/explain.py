"""Refusals and counting steps in the reader's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext

from registry.deadlines import STEP_TEXTS
from registry.errors import OperatorError


def _shown(value: Any) -> Any:
    """Dates in the reader's way; a text that the catalogue knows in the reader's language."""
    if isinstance(value, date):
        return long_day(value)
    if isinstance(value, str) and value:
        try:
            return long_day(date.fromisoformat(value)) if len(value) == 10 else gettext(value)
        except ValueError:
            return gettext(value)
    return value


def long_day(day: date) -> str:
    """A day with its weekday: Monday 12 January 2026."""
    return date_format(day, "l, j E Y") if day else ""


def sentence(error: OperatorError) -> str:
    """The refusal as one sentence in the active language."""
    return gettext(error.template) % {name: _shown(value) for name, value in error.params.items()}


def step_sentence(code: str, params: Mapping[str, Any]) -> str:
    """One step of a count as a sentence in the active language."""
    return gettext(STEP_TEXTS[code]) % {name: _shown(value) for name, value in params.items()}


def steps_in_words(steps: Iterable[tuple[str, Mapping[str, Any]] | list[Any]]) -> list[str]:
    """The stored steps (pairs of code and parameters) as sentences."""
    return [step_sentence(code, params) for code, params in steps]
