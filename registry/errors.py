"""Everything the office refuses, by name. Standard library only.

An edge (admin, form, command) catches ``OperatorError`` and shows its sentence in the
person's language: ``registry.explain.sentence(error)``. ``str(error)`` is the English one.
"""

from __future__ import annotations

from typing import Any


def gettext_noop(text: str) -> str:
    """Mark a text for the translation catalogue; return it unchanged."""
    return text


class OperatorError(Exception):
    """A refusal with one clear sentence: ``template % params``.

    ``status``: what a web page answers with; 409 when somebody else was first.
    """

    status = 422
    template = gettext_noop("The office refuses this.")

    def __init__(self, **params: Any) -> None:
        self.params = params
        super().__init__(self.template % params)


class Conflict(OperatorError):
    """Something happened already, or meanwhile."""

    status = 409
    template = gettext_noop("This has been done already.")
