"""State machines as data, and the one way to move in them. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from registry.errors import Conflict, gettext_noop

# From a state, by a verb, to a state. What is not there is refused.
Machine = Mapping[str, Mapping[str, str]]


class ForbiddenTransition(Conflict):
    """A verb that the present state does not allow."""

    template = gettext_noop("%(number)s can no longer be changed this way: it is %(state)s.")


def move(machine: Machine, state: str, verb: str, *, number: str) -> str:
    """The state after the verb; ``ForbiddenTransition`` when there is none."""
    try:
        return machine[state][verb]
    except KeyError:
        raise ForbiddenTransition(number=number, state=state) from None
