"""Refusals and steps as sentences, in the three languages of the office."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation import gettext, override

import registry
import requests
from registry.deadline_steps import STEP_TEXTS, Step, english
from registry.errors import Conflict, OperatorError
from registry.explain import long_day, sentence, step_sentence, steps_in_words
from registry.states import ForbiddenTransition
from requests.services.inquiries import LetterKnown, clock_of
from tests.conftest import Office
from tests.requests.letters import letter

LANGUAGES = ("ru", "kk", "en")
DAY = date(2026, 1, 12)
DAYS = {
    "ru": "понедельник, 12 января 2026",
    "kk": "2026 ж. 12 қаңтар, дүйсенбі",
    "en": "Monday, 12 January 2026",
}
SAMPLES: dict[str, str | int] = {
    "day": "2026-01-12",
    "next_day": "2026-01-13",
    "time": "09:30",
    "zone": "Asia/Almaty",
    "source": "RU.REG.INQUIRY, 20(4)",
    "length": 10,
    "skipped": 3,
    "calendar": "KZ",
    "year": 2027,
}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
ROOMS = (registry, requests)


def every_module() -> Iterator[Any]:
    for room in ROOMS:
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if ".migrations" not in found.name:
                yield importlib.import_module(found.name)


def every_refusal() -> list[type[OperatorError]]:
    """All children of OperatorError, wherever they are declared."""
    list(every_module())
    found: set[type[OperatorError]] = {OperatorError}
    waiting = [OperatorError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child not in found and child.__module__.split(".")[0] in {"registry", "requests"}:
                found.add(child)
                waiting.append(child)
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


REFUSALS = every_refusal()


def raisers() -> list[tuple[str, str, frozenset[str]]]:
    """Each refusal that the source makes: where, its name, what is passed to it."""
    found = []
    for room in ROOMS:
        for path in sorted(Path(next(iter(room.__path__))).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    words = frozenset(word.arg for word in node.keywords if word.arg)
                    found.append((f"{path.name}:{node.lineno}", node.func.id, words))
                elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name):
                    found.append((f"{path.name}:{node.lineno}", node.exc.id, frozenset()))
    return found


KINDS = {kind.__name__: kind for kind in REFUSALS}
RAISED = [item for item in raisers() if item[1] in KINDS]


def placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


# --- days ------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_is_written_as_its_readers_write_it(language: str) -> None:
    with override(language):
        assert long_day(DAY).lower() == DAYS[language].lower()


# --- steps -----------------------------------------------------------------------------------
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", STEP_TEXTS)
def test_every_step_is_a_whole_sentence(code: str, language: str) -> None:
    params = {name: SAMPLES[name] for name in placeholders(STEP_TEXTS[code])}
    with override(language):
        text = step_sentence(code, params)
        assert text.endswith((".", "!"))
        assert "%(" not in text
        assert ("day" in params) == (long_day(DAY) in text)
    for day in ("2026-01-12", "2026-01-13"):
        assert day not in text


@pytest.mark.parametrize("code", STEP_TEXTS)
def test_every_step_has_its_plain_english(code: str) -> None:
    params = {name: SAMPLES[name] for name in placeholders(STEP_TEXTS[code])}
    assert "%(" not in english(Step(code, params))


@pytest.mark.django_db
def test_the_steps_of_a_real_clock_read_in_every_language(office: Office) -> None:
    for team in (office.ipm, office.pandev):
        steps = clock_of(letter(team, stated_on=date(2026, 1, 3))).steps
        told = {}
        for language in LANGUAGES:
            with override(language):
                told[language] = steps_in_words(steps)
        assert {len(lines) for lines in told.values()} == {len(steps)}
        assert told["en"][0].startswith("The clock starts on Thursday, 25 December 2025 at ")


# --- refusals --------------------------------------------------------------------------------
def test_a_refusal_shows_its_days_in_words() -> None:
    class Refusal(OperatorError):
        template = "It ended on %(day)s."

    error = Refusal(day=DAY)
    assert str(error) == "It ended on 2026-01-12."
    with override("en"):
        assert sentence(error) == "It ended on Monday, 12 January 2026."


def test_a_refusal_translates_states_and_never_what_people_typed() -> None:
    for typed in ("open", "2025-12-25", "answered", "2025-W52-4"):
        for language in LANGUAGES:
            with override(language):
                assert typed in sentence(LetterKnown(reference=typed, number="INQ-1"))
    error = ForbiddenTransition(number="INQ-1", state="answered")
    with override("en"):
        assert sentence(error) == "INQ-1 can no longer be changed this way: it is answered."
    with override("ru"):
        assert gettext("answered") in sentence(error)


# What the pages for the public refuse to strangers: what is not theirs, and what is too much.
STRANGERS = {"SubmissionGone": 404, "NoSuchRequest": 404, "ComesTooOften": 429}


def test_a_conflict_is_409_and_any_other_refusal_422() -> None:
    assert {kind.status for kind in REFUSALS if issubclass(kind, Conflict)} == {409}
    others = {kind.__name__: kind.status for kind in REFUSALS if not issubclass(kind, Conflict)}
    assert {name: status for name, status in others.items() if status != 422} == STRANGERS


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_is_one_sentence_in_every_language(
    kind: type[OperatorError], language: str
) -> None:
    params = {name: SAMPLES.get(name, "x") for name in placeholders(kind.template)}
    error = OperatorError.__new__(kind)
    OperatorError.__init__(error, **params)
    with override(language):
        text = sentence(error)
    assert text and "%(" not in text and "%s" not in text


def test_every_refusal_has_a_raiser() -> None:
    """A sentence that nobody says any more is taken out."""
    said = {name for _where, name, _params in RAISED}
    families = {base.__name__ for kind in REFUSALS for base in kind.__mro__[1:]}
    assert [name for name in KINDS if name not in said | families] == []


@pytest.mark.parametrize(
    ("where", "name", "passed"), RAISED, ids=[f"{where}-{name}" for where, name, _p in RAISED]
)
def test_a_raiser_passes_what_the_sentence_needs(
    where: str, name: str, passed: frozenset[str]
) -> None:
    assert placeholders(KINDS[name].template) <= passed, where


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_every_refusal_and_step_stands_in_the_catalogue(language: str) -> None:
    path = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"
    if not path.exists():
        pytest.skip(f"there is no catalogue of {language} yet")
    with path.open("rb") as stream:
        known = {message.id: message for message in read_po(stream) if message.id}
    texts = {kind.template for kind in REFUSALS} | set(STEP_TEXTS.values())
    assert sorted(text for text in texts if text not in known) == []
    translated = [text for text in texts if known[text].string]
    if len(translated) < len(texts) / 2:
        pytest.skip(f"the catalogue of {language} is not translated yet")
    for text in texts:
        assert known[text].string, text
        assert placeholders(str(known[text].string)) == placeholders(text)


def test_the_moment_of_the_clock_is_shown_with_its_zone() -> None:
    moment = datetime(2026, 1, 12, 6, 30, tzinfo=UTC)
    params = {"day": moment.date().isoformat(), "time": "09:30", "zone": "Europe/Moscow"}
    with override("en"):
        assert step_sentence("due_moment", params) == (
            "Due on Monday, 12 January 2026 at 09:30, local time of Europe/Moscow."
        )
