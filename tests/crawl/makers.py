"""How rows of the crawl are made: one maker for each model, each row with a mark of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.db.models import Model

from registry.services import audit
from tests.conftest import Team

_numbers = count(1)


@dataclass(frozen=True)
class Made:
    """A row, and the operators to which it belongs (none: the law, the machine)."""

    row: Any
    operators: frozenset[int]


Maker = Callable[[Team, str], Model]
MAKERS: dict[type[Model], Maker] = {}


def maker(model: type[Model]) -> Callable[[Maker], Maker]:
    def keep(function: Maker) -> Maker:
        MAKERS[model] = function
        return function

    return keep


def mark_of(team: Team) -> str:
    """A new mark of the operator, such as ``ZZPANDEV-17``; fits a slug too."""
    return f"ZZ{team.operator.code.upper()}-{next(_numbers)}"


def law_mark() -> str:
    return f"ZZLAW-{next(_numbers)}"


def make(model: type[Model], team: Team) -> Any:
    """A new row of the operator (of nobody, for the law), with its history."""
    return MAKERS[model](team, mark_of(team))


def saved(row: Any, team: Team, mark: str) -> Any:
    """Saved twice, so that its history has a difference to show."""
    audit.save(row, by=team.dpo, reason=f"{mark} first")
    return audit.save(row, by=team.dpo, reason=f"{mark} again")


def named(mark: str) -> dict[str, str]:
    return {"name_ru": f"{mark} ru", "name_kk": f"{mark} kk", "name_en": f"{mark} en"}
