"""The states of what has a correspondent, as data. Standard library only."""

from __future__ import annotations

from registry.states import Machine

OPEN = "open"
ANSWERED = "answered"
WITHDRAWN = "withdrawn"

INQUIRY: Machine = {
    OPEN: {
        "draft": OPEN,
        "restate": OPEN,
        "extend": OPEN,
        "answer": ANSWERED,
        "withdraw": WITHDRAWN,
    },
    ANSWERED: {"prove": ANSWERED},
    WITHDRAWN: {},
}

# --- the request of a person ---------------------------------------------------------------------
RECEIVED = "received"
IN_WORK = "in_work"
WAITING = "waiting"
DECIDED = "decided"
DONE = "done"

REQUEST: Machine = {
    # Linking, checking an identity, adding what else the letter asks for, deciding: all is work.
    RECEIVED: {"assign": RECEIVED, "work": IN_WORK, "withdraw": WITHDRAWN},
    IN_WORK: {
        "assign": IN_WORK,
        "draft": IN_WORK,
        "work": IN_WORK,
        # One demand is barred while another is still open.
        "resume": IN_WORK,
        "wait": WAITING,
        "decide": DECIDED,
        "withdraw": WITHDRAWN,
    },
    # For an obligation of the person (94-V 8(2)); once it is met the withdrawal comes back.
    WAITING: {"assign": WAITING, "draft": WAITING, "resume": IN_WORK, "withdraw": WITHDRAWN},
    DECIDED: {"assign": DECIDED, "draft": DECIDED, "close": DONE},
    DONE: {},
    WITHDRAWN: {},
}

# What becomes of one thing that a request asks for.
ACCEPTED = "accepted"
PARTLY = "partly"
REFUSED = "refused"
BARRED = "barred"

ITEM: Machine = {
    OPEN: {"accept": ACCEPTED, "part": PARTLY, "refuse": REFUSED, "bar": BARRED},
    ACCEPTED: {},
    PARTLY: {},
    # A refusal for now: met, it stays the refusal that it was, and a new thing is opened.
    BARRED: {"met": REFUSED},
    REFUSED: {},
}
