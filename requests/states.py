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

# --- an incident ---------------------------------------------------------------------------------
CLOSED = "closed"
DISMISSED = "dismissed"

INCIDENT: Machine = {
    OPEN: {
        "describe": OPEN,
        "note": OPEN,
        "affect": OPEN,
        "correct": OPEN,
        "notify": OPEN,
        "export": OPEN,
        "close": CLOSED,
        "dismiss": DISMISSED,
    },
    # The authority may still ask when all is done.
    CLOSED: {
        "note": CLOSED,
        "notify": CLOSED,
        "export": CLOSED,
        "correct": CLOSED,
        "reopen": OPEN,
    },
    DISMISSED: {"reopen": OPEN},
}

# --- an inspection -------------------------------------------------------------------------------
ANNOUNCED = "announced"
RUNNING = "running"
FINDINGS = "findings"
GIVEN = "given"
DROPPED = "dropped"
FULFILLED = "fulfilled"

_ASKING = ("ask", "give", "drop")
INSPECTION: Machine = {
    # Papers are asked for before the first day, and still after the act.
    ANNOUNCED: {**dict.fromkeys(_ASKING, ANNOUNCED), "begin": RUNNING, "close": CLOSED},
    RUNNING: {**dict.fromkeys(_ASKING, RUNNING), "find": FINDINGS, "close": CLOSED},
    FINDINGS: {
        **dict.fromkeys((*_ASKING, "prescribe", "delay", "fulfil"), FINDINGS),
        "close": CLOSED,
    },
    CLOSED: {},
}
ASKED: Machine = {OPEN: {"give": GIVEN, "drop": DROPPED}, GIVEN: {}, DROPPED: {}}
PRESCRIPTION: Machine = {OPEN: {"delay": OPEN, "fulfil": FULFILLED}, FULFILLED: {}}

# --- the request of a person ---------------------------------------------------------------------
RECEIVED = "received"
IN_WORK = "in_work"
WAITING = "waiting"
DECIDED = "decided"
DONE = "done"

REQUEST: Machine = {
    # Linking, checking an identity, adding what else the letter asks for, deciding: all is work.
    # "check": what the letter says is looked into, corrected and told; may outlast the decision.
    RECEIVED: {"assign": RECEIVED, "work": IN_WORK, "check": IN_WORK, "withdraw": WITHDRAWN},
    IN_WORK: {
        "assign": IN_WORK,
        "draft": IN_WORK,
        "work": IN_WORK,
        # One demand is barred while another is still open.
        "resume": IN_WORK,
        "wait": WAITING,
        "decide": DECIDED,
        "check": IN_WORK,
        "withdraw": WITHDRAWN,
    },
    # For an obligation of the person (94-V 8(2)); once it is met the withdrawal comes back.
    WAITING: {
        "assign": WAITING,
        "draft": WAITING,
        "check": WAITING,
        "resume": IN_WORK,
        "withdraw": WITHDRAWN,
    },
    DECIDED: {"assign": DECIDED, "draft": DECIDED, "check": DECIDED, "close": DONE},
    DONE: {"reopen": IN_WORK},
    WITHDRAWN: {"reopen": IN_WORK},
}

# What becomes of one thing that a request asks for.
ACCEPTED = "accepted"
PARTLY = "partly"
REFUSED = "refused"
BARRED = "barred"

ITEM: Machine = {
    OPEN: {"accept": ACCEPTED, "part": PARTLY, "refuse": REFUSED, "bar": BARRED, "find": OPEN},
    ACCEPTED: {"find": ACCEPTED},
    PARTLY: {"find": PARTLY},
    # A refusal for now: met, it stays the refusal that it was, and a new thing is opened.
    BARRED: {"met": REFUSED},
    REFUSED: {},
}

# --- a letter of the correspondence --------------------------------------------------------------
DRAFT = "draft"
QUEUED = "queued"
SENDING = "sending"
SENT = "sent"
FAILED = "failed"
PRINTED = "printed"
PROVEN = "proven"
CANCELLED = "cancelled"

LETTER: Machine = {
    DRAFT: {"edit": DRAFT, "send": QUEUED, "publish": SENT, "cancel": CANCELLED},
    # By e-mail it is claimed, on paper it is printed.
    QUEUED: {"claim": SENDING, "print": PRINTED, "reroute": QUEUED, "cancel": CANCELLED},
    # "claim" again: the process that had it died.
    SENDING: {"claim": SENDING, "sent": SENT, "put_off": QUEUED, "fail": FAILED},
    FAILED: {"retry": QUEUED, "reroute": QUEUED, "cancel": CANCELLED},
    PRINTED: {"print": PRINTED, "prove": PROVEN, "reroute": QUEUED, "cancel": CANCELLED},
    SENT: {},
    PROVEN: {},
    CANCELLED: {},
    # Of the person.
    RECEIVED: {},
}
# It has reached the person, or never will: nothing of it is still to be done.
SETTLED = frozenset({SENT, PROVEN, CANCELLED, RECEIVED})

# --- the answer to a demand for information -----------------------------------------------------
RELEASED = "released"

ANSWER: Machine = {
    DRAFT: {"open": DRAFT, "withhold": DRAFT, "release": RELEASED, "withdraw": WITHDRAWN},
    RELEASED: {"open": RELEASED, "print": RELEASED, "withdraw": WITHDRAWN},
    WITHDRAWN: {},
}
