"""The words of the letters to people: one file for each language, complete on its own.

Templates of Django's language without its settings: no escaping (a letter is plain text), no tags
but the built-in ones. Facts come in as values and are never read as templates.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.template import Context, Engine, Template

from requests.models import LetterTemplate
from requests.models.letter_templates import FRAME, LetterPart
from requests.services.letter_language import filled, tidy
from requests.services.letters import BODY_LIMIT

log = logging.getLogger(__name__)

FOLDER = Path(__file__).resolve().parent.parent / "data" / "letters"
LANGUAGES = ("ru", "kk", "en")
_NONE: Mapping[str, LetterTemplate] = MappingProxyType({})


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
    return tidy(_template(language, section, name).render(Context(dict(facts), autoescape=False)))


def own_text(language: str, part: str) -> tuple[str, str]:
    """The office's own words of a part: subject line (empty where it has none) and text."""
    if part in FRAME:
        return "", texts(language)["frame"][part].strip()
    return texts(language)[part]["title"], texts(language)[part]["text"].strip()


@dataclass(frozen=True, slots=True)
class Words:
    """A letter's text, and the operator's own words that stand in it: part -> version."""

    body: str
    used: Mapping[str, LetterTemplate]


def title_of(
    *, language: str, kind: str, number: str, template: LetterTemplate | None = None
) -> str:
    """The subject line of a letter of that kind: no word of the person.

    ``template``: the words that the letter was made from; none: the office's own.
    """
    facts = {"number": number}
    said = _said(template, template.title, facts) if template is not None else ""
    return said or _filled(language, kind, "title", facts)


def body_of(
    *,
    language: str,
    kind: str,
    facts: Mapping[str, Any],
    templates: Mapping[str, LetterTemplate] = _NONE,
) -> Words:
    """The whole letter: greeting, text, where to complain, how long it is kept, who writes.

    ``templates``: the operator's own words in force, see ``letter_templates.in_force``. Where
    some cannot be used the office's own stand in their place, so that no letter is held up.
    """
    said: list[str] = []
    used: dict[str, LetterTemplate] = {}
    for part, own in (
        (LetterPart.GREETING, ("frame", "greeting")),
        (LetterPart(kind), (kind, "text")),
        (LetterPart.FOOTER, ("frame", "footer")),
    ):
        template = templates.get(part)
        text = _said(template, template.text, facts) if template is not None else ""
        if template is not None and text:
            used[part] = template
        said.append(text or _filled(language, *own, facts))
    body = "\n\n".join(said)
    if used and len(body) > BODY_LIMIT:
        log.error("letter templates %s: too long", sorted(row.pk for row in used.values()))
        return body_of(language=language, kind=kind, facts=facts)
    return Words(body, used)


def _said(template: LetterTemplate, text: str, facts: Mapping[str, Any]) -> str:
    """The operator's words, filled in; empty when they cannot be used."""
    try:
        said = filled(text, facts)
    except Exception as error:
        # They were tried before they were saved, so this is a fault of the office itself; a letter
        # with a term waits for nobody. No value stands in the log.
        log.error("letter template %s: %s", template.pk, type(error).__name__)
        return ""
    if not said:
        log.error("letter template %s: empty", template.pk)
    return said
