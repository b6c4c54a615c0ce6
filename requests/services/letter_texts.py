"""The words of the letters to people: one file for each language, complete on its own.

Templates of Django's language without its settings: no escaping (a letter is plain text), no tags
but the built-in ones. Facts come in as values and are never read as templates.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.template import Context, Engine, Template

FOLDER = Path(__file__).resolve().parent.parent / "data" / "letters"
LANGUAGES = ("ru", "kk", "en")
_GAP = re.compile(r"\n{3,}")


@cache
def texts(language: str) -> Mapping[str, Mapping[str, str]]:
    """Everything that the file of a language says: section -> name -> words or template."""
    found: dict[str, dict[str, str]] = tomllib.loads(
        (FOLDER / f"{language}.toml").read_text(encoding="utf-8")
    )
    return found


def word(language: str, section: str, name: str) -> str:
    return texts(language)[section][name]


@cache
def _template(language: str, section: str, name: str) -> Template:
    engine = Engine(autoescape=False, debug=False)
    return engine.from_string(texts(language)[section][name])


def _filled(language: str, section: str, name: str, facts: Mapping[str, Any]) -> str:
    text = _template(language, section, name).render(Context(dict(facts), autoescape=False))
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return _GAP.sub("\n\n", lines)


def title_of(*, language: str, kind: str, number: str) -> str:
    """The subject line of a letter of that kind: no word of the person."""
    return _filled(language, kind, "title", {"number": number})


def body_of(*, language: str, kind: str, facts: Mapping[str, Any]) -> str:
    """The whole letter: greeting, text, where to complain, how long it is kept, who writes."""
    return "\n\n".join(
        [
            _filled(language, "frame", "greeting", facts),
            _filled(language, kind, "text", facts),
            _filled(language, "frame", "footer", facts),
        ]
    )
