"""The states of what has a correspondent, as data. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from registry.errors import Conflict, gettext_noop

OPEN = "open"
ANSWERED = "answered"
WITHDRAWN = "withdrawn"

# From a state, by a verb, to a state. What is not here is refused.
INQUIRY: Mapping[str, Mapping[str, str]] = {
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


class ForbiddenTransition(Conflict):
    """A verb that the present state does not allow."""

    template = gettext_noop("%(number)s can no longer be changed this way: it is %(state)s.")


def move(machine: Mapping[str, Mapping[str, str]], state: str, verb: str, *, number: str) -> str:
    """The state after the verb; ``ForbiddenTransition`` when there is none."""
    try:
        return machine[state][verb]
    except KeyError:
        raise ForbiddenTransition(number=number, state=state) from None
