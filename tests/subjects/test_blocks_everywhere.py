"""A block bites everywhere: each service, verb, page, task and command is classified and called.

Whatever nobody has classified makes this red. What bites is called twice: on a free person, where
it works (or shows something), and on a blocked one, where it refuses or shows nothing. What goes
on is called on a blocked person and works.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.db import transaction

from config.celery import app
from registry.errors import OperatorError
from subjects import services
from subjects.admin.acts import VERBS
from subjects.models import DataSubject, PersonalDatum
from subjects.services.guard import DataBlocked
from tests.conftest import ROOT, Office
from tests.crawl.pages import pages_of
from tests.subjects.blocked_calls import SERVICES
from tests.subjects.blocked_edges import COMMANDS, PAGES, TASKS, VERB_CASES
from tests.subjects.blocked_world import World
from tests.subjects.blocking import leaks
from tests.subjects.classified import Bites, GoesOn, Shows
from tests.subjects.persons import NOW


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(office: Office, as_user: Any, tmp_path: Path) -> World:
    return World(office, as_user, tmp_path)


# --- nothing is forgotten ------------------------------------------------------------------------
# Beside what takes keyword-only arguments: what gives out something of values.
READERS = {"guard.first_blocked", "reading.contacts", "reading.hits", "reading.data_of"}


def services_there() -> Iterator[str]:
    """Every public function of the services that takes keyword-only arguments."""
    for found in pkgutil.walk_packages(services.__path__, "subjects.services."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        short = found.name.removeprefix("subjects.services.")
        for name, function in vars(module).items():
            ours = inspect.isfunction(function) and function.__module__ == found.name
            if not ours or name.startswith("_"):
                continue
            kinds = {one.kind for one in inspect.signature(function).parameters.values()}
            if inspect.Parameter.KEYWORD_ONLY in kinds or f"{short}.{name}" in READERS:
                yield f"{short}.{name}"


def test_every_service_is_classified() -> None:
    assert set(services_there()) == set(SERVICES)


def test_every_verb_and_page_of_a_card_is_classified() -> None:
    assert {verb.name for verb in VERBS} == set(VERB_CASES)
    card = admin.site._registry[DataSubject]
    named = {pattern.name for pattern in card.get_urls() if pattern.name}
    beside = {name for name in named if name.startswith("people_")}
    pages = {*pages_of(card), *beside}
    assert pages - set(VERB_CASES) == set(PAGES) and set(VERB_CASES) <= pages


def test_every_task_and_command_is_classified() -> None:
    for name in ("subjects.tasks", "subjects.import_tasks"):
        importlib.import_module(name)
    there = {name for name in app.tasks if name.startswith("subjects.")}
    assert there == {f"subjects.{name}" for name in TASKS}
    files = (ROOT / "subjects" / "management" / "commands").glob("*.py")
    assert {file.stem for file in files} - {"__init__"} == set(COMMANDS)


# --- and each does what it says ------------------------------------------------------------------
@contextmanager
def undone() -> Iterator[None]:
    """What is done here is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass
class Outcome:
    """``refusal``: what was refused, in words; ``said``: what came out."""

    said: Any = None
    refusal: str = ""


def outcome(call: Callable[[World], Any], world: World) -> Outcome:
    try:
        said = call(world)
    except DataBlocked as error:
        return Outcome(refusal=str(error))
    except OperatorError as error:
        raise AssertionError(f"{type(error).__name__}: {error}") from error
    if getattr(said, "status_code", 200) >= 400:
        form = said.context["form"]
        return Outcome(said.content, refusal=str(form.non_field_errors()))
    if getattr(said, "status_code", 302) == 200 and said.context and "form" in said.context:
        raise AssertionError(said.context["form"].errors)
    return Outcome(getattr(said, "content", said))


ALL = {
    **{f"service {name}": case for name, case in SERVICES.items()},
    **{f"verb {name}": case for name, case in VERB_CASES.items()},
    **{f"page {name}": case for name, case in PAGES.items()},
    **{f"task {name}": case for name, case in TASKS.items()},
    **{f"command {name}": case for name, case in COMMANDS.items()},
}


def of_kind(kind: type) -> list[str]:
    return [name for name, case in ALL.items() if isinstance(case, kind)]


def rows() -> list[Any]:
    """All that is held about everybody, as it lies there."""
    return sorted(
        (row.pk, row.verified_on, row.value and row.value.raw, row.subject_id)
        for row in PersonalDatum.objects.all()
    )


@pytest.mark.parametrize("name", of_kind(Bites))
def test_what_bites_refuses(name: str, world: World) -> None:
    case = ALL[name]
    case.ready(world)
    with undone():
        free = outcome(case.call, world)
        assert not free.refusal, "it refuses a free person too: this proves nothing"
    world.block()
    before = rows()
    bitten = outcome(case.call, world)
    assert bitten.refusal and "REQ-2026-0001" in bitten.refusal
    assert world.card.code in bitten.refusal
    assert not leaks(bitten.refusal) and not leaks(bitten.said)
    assert rows() == before


@pytest.mark.parametrize("name", of_kind(Shows))
def test_what_shows_people_shows_nothing_of_the_blocked(name: str, world: World) -> None:
    case = ALL[name]
    case.ready(world)
    if case.shows:
        assert leaks(case.call(world)), "it shows nothing of a free person: this proves nothing"
    world.block()
    assert not leaks(case.call(world))


@pytest.mark.parametrize("name", of_kind(GoesOn))
def test_what_goes_on_works(name: str, world: World) -> None:
    case = ALL[name]
    assert case.because
    case.ready(world)
    world.block()
    found = outcome(case.call, world)
    assert not found.refusal, found.refusal
    assert found.said is not None
