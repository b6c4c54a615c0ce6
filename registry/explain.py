"""Refusals and counting steps in the reader's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext

from registry.consent_contents import Missing
from registry.deadlines import STEP_TEXTS
from registry.errors import OperatorError
from registry.findings import Finding, Words

# Parameters whose English words stand in the catalogue; what people typed is never translated.
_WORDS = frozenset({"kind", "language", "state", "why"})
_LONG_DAY = {"kk": "Y ж. j E, l"}
_SHORT_DAY = {"kk": "Y ж. j E"}


def _shown(name: str, value: Any) -> Any:
    """A date in the reader's way (``..day`` may be an ISO text), a known word in their language."""
    if isinstance(value, date):
        return long_day(value)
    if isinstance(value, Words):
        return ", ".join(map(gettext, value.texts))
    if isinstance(value, str) and name.endswith("day"):
        try:
            return long_day(date.fromisoformat(value))
        except ValueError:
            return value
    if isinstance(value, str) and value and name in _WORDS:
        return gettext(value)
    return value


def _all_shown(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _shown(name, value) for name, value in params.items()}


def long_day(day: date) -> str:
    """A day with its weekday: Monday, 12 January 2026; in Russian and Kazakh in small letters."""
    if not day:
        return ""
    language = get_language() or "en"
    text = date_format(day, _LONG_DAY.get(language, "l, j E Y"))
    return text if language == "en" else text.lower()


def short_day(day: date | None) -> str:
    """A day without its weekday, so that it can stand after a preposition; a dash without one."""
    if not day:
        return "–"
    return date_format(day, _SHORT_DAY.get(get_language() or "en", "j E Y"))


def sentence(error: OperatorError) -> str:
    """The refusal as one sentence in the active language."""
    return gettext(error.template) % _all_shown(error.params)


def step_sentence(code: str, params: Mapping[str, Any]) -> str:
    """One step of a count as a sentence in the active language."""
    return gettext(STEP_TEXTS[code]) % _all_shown(params)


def steps_in_words(steps: Iterable[tuple[str, Mapping[str, Any]] | list[Any]]) -> list[str]:
    """The stored steps (pairs of code and parameters) as sentences."""
    return [step_sentence(code, params) for code, params in steps]


def missing_in_words(found: Iterable[Missing]) -> list[str]:
    """What a consent text lacks, as sentences in the active language."""
    return [gettext(item.template) % _all_shown(item.params) for item in found]


def finding_message(finding: Finding) -> str:
    """What a check says about a row, in the active language."""
    return gettext(finding.check.message) % _all_shown(finding.hit.params)


def finding_clears(finding: Finding) -> str:
    """What to do about it, in the active language."""
    return gettext(finding.check.clears) % _all_shown(finding.hit.params)
