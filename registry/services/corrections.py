"""A correction (a holiday decreed later, a wrong number) moves open deadlines in one step.

A *new version* of a rule moves nothing: it touches only triggers from its first day on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from registry import seam
from registry.models import Correction, CorrectionItem, Deadline, Operator, User
from registry.services import audit
from registry.services.clocks import deadline_recount

# Makes the correction; returns the operator whose own it is, None when it is the law's.
Change = Callable[[], Operator | None]


@dataclass(frozen=True, slots=True)
class Move:
    """An open deadline that a correction moves."""

    deadline: Deadline
    due_before: date | None
    due_after: date | None
    internal_before: date | None
    internal_after: date | None


class _Rehearsal(Exception):
    """Carries the moves out of a transaction that must not happen."""

    def __init__(self, moves: list[Move]) -> None:
        self.moves = moves


def _recount_open(*, by: User | None, reason: str) -> list[Move]:
    moves = []
    deadlines = seam.lock(Deadline.objects.open().order_by("pk")).select_related("operator")
    for deadline in deadlines:
        row = deadline_recount(deadline=deadline, by=by, reason=reason)
        if (row.due_on, row.internal_on) != (deadline.due_on, deadline.internal_on):
            moves.append(
                Move(row, deadline.due_on, row.due_on, deadline.internal_on, row.internal_on)
            )
    return moves


@transaction.atomic
def correct(
    *,
    change: Change,
    what: str,
    reason: str,
    by: User | None,
    now: datetime,
    always_record: bool = True,
) -> tuple[Correction | None, list[Move]]:
    """Make the change, count every open deadline again, record what moved: all or nothing."""
    operator = change()
    moves = _recount_open(by=by, reason=f"correction: {what}")
    if not (moves or always_record):
        return None, []
    correction = audit.save(
        Correction(operator=operator, what=what, reason=reason, made_by=by, made_at=now),
        by=by,
        reason=reason,
    )
    for move in moves:
        audit.save(
            CorrectionItem(
                correction=correction,
                deadline=move.deadline,
                due_before=move.due_before,
                due_after=move.due_after,
            ),
            by=by,
            reason=reason,
        )
    return correction, moves


def rehearse(*, change: Change, by: User | None, now: datetime) -> list[Move]:
    """What the change would move. The act itself is run and undone, so it cannot differ."""
    try:
        with transaction.atomic():
            _, moves = correct(change=change, what="rehearsal", reason="rehearsal", by=by, now=now)
            raise _Rehearsal(moves)
    except _Rehearsal as rehearsal:
        return rehearsal.moves
