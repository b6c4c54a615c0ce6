"""How a way to people's data is classified: it bites, it shows nothing, or it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def nothing(world: Any) -> None:
    """There is nothing to prepare."""


@dataclass(frozen=True)
class Bites:
    """Refuses what is blocked. ``ready``: what must stand before the block."""

    call: Callable[[Any], Any]
    ready: Callable[[Any], Any] = nothing


@dataclass(frozen=True)
class Shows:
    """Answers, with nothing of what is blocked. ``shows``: a free person it does show."""

    call: Callable[[Any], Any]
    shows: bool = True
    ready: Callable[[Any], Any] = nothing


@dataclass(frozen=True)
class GoesOn:
    """Works as ever, because."""

    because: str
    call: Callable[[Any], Any]
    ready: Callable[[Any], Any] = nothing
