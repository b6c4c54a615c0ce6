"""The states of an act of destruction, as data. Standard library only."""

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
