"""How the two laws are named in findings. No Django."""

from __future__ import annotations

from registry.findings.facts import Register

TITLES = {"RU": "152-FZ", "KZ": "94-V"}


def article(register: Register, **articles: str) -> str:
    """The article of the operator's own law: ``article(r, RU="9(4)", KZ="8(4)")``."""
    law = register.operator.jurisdiction
    return f"{TITLES[law]} {articles[law]}"


def cited(law: str, text: str) -> str:
    """An article of a law that may be another's: ``cited("RU", "12(3)")``.

    A law of which the office has no checks is named by the code of its state.
    """
    return f"{TITLES.get(law, law)} {text}"


def under(register: Register, law: str) -> bool:
    """Whether the operator's policy follows that state's law."""
    return register.operator.jurisdiction == law


def looked_at(register: Register, law: str) -> bool:
    """Whether that state's law counts: it is the operator's own, or one that it said it also
    looks at (152-FZ 1(1.1)). Where two laws are looked at, the stricter one is kept to."""
    return under(register, law) or law in register.operator.also_under
