"""Who writes which paper of the register: upper rooms register theirs here, as the desk has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from registry.choices import RegisterPaperKind
from registry.models import Operator, ProcessingActivity
from registry.paper_contents import Contents


@dataclass(frozen=True, slots=True)
class Ask:
    """What a paper is written for; ``given``: what somebody answered on the form, plain JSON.

    The writer runs with the language active, so that names and messages come out in it.
    """

    operator: Operator
    language: str
    today: date
    activity: ProcessingActivity | None = None
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaperKind:
    """``laws``: the jurisdictions that know the paper; ``notice``: it goes to the authority;
    ``order``: it takes effect by an order with a number; ``per_activity``: about one activity;
    ``binds``: the particulars that must still be so when it is signed, none: every word of it.
    """

    kind: RegisterPaperKind
    write: Callable[[Ask], Contents]
    laws: frozenset[str]
    notice: bool = False
    order: bool = False
    per_activity: bool = False
    binds: tuple[str, ...] = ()


KINDS: dict[str, PaperKind] = {}


def writes(
    kind: RegisterPaperKind, *, laws: str, **how: Any
) -> Callable[[Callable[[Ask], Contents]], Callable[[Ask], Contents]]:
    """Registers the writer of a kind of paper; ``laws`` as ``"RU KZ"``."""

    def register(write: Callable[[Ask], Contents]) -> Callable[[Ask], Contents]:
        KINDS[kind] = PaperKind(kind, write, frozenset(laws.split()), **how)
        return write

    return register
