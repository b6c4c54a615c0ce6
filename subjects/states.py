"""The states of an act of destruction and of its notices, as data. Standard library only."""

from __future__ import annotations

from registry.states import Machine

DRAFTED = "drafted"
APPROVED = "approved"
RUNNING = "running"
CLOSED = "closed"
CANCELLED = "cancelled"

ACT: Machine = {
    DRAFTED: {"approve": APPROVED, "cancel": CANCELLED},
    # A worker that died half-way has left it running; the next one goes on.
    APPROVED: {"execute": RUNNING, "cancel": CANCELLED},
    RUNNING: {"execute": RUNNING, "close": CLOSED},
    CLOSED: {},
    CANCELLED: {},
}

WAITING = "waiting"
TOLD = "told"
CONFIRMED = "confirmed"
REFUSED = "refused"

# Of a notice to a recipient of an act.
NOTICE: Machine = {
    # Refused before it was told: nobody can be told any more, and why.
    WAITING: {"tell": TOLD, "refuse": REFUSED},
    # Told again: a letter that came back.
    TOLD: {"tell": TOLD, "confirm": CONFIRMED, "refuse": REFUSED},
    REFUSED: {"tell": TOLD},
    CONFIRMED: {},
}
