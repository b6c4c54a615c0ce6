"""Writes the text of a consent from what the register says. Standard library only.

The sentences stand in ``registry/data/consent_templates.toml``, not in the translation
catalogue: the text that a person signed must not change when a translation is improved.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from registry.consent_contents import DEMANDS, Contents, UnknownLaw

FILE = Path(__file__).resolve().parent / "data" / "consent_templates.toml"


@cache
def templates() -> dict[str, dict[str, Any]]:
    """Language -> the sentences, as the file says."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def written(contents: Contents, language: str) -> str:
    """The whole text in the language, complete as far as the register is.

    Leaves out what is not known or not said; ``missing`` then names it. Refuses a law that the
    office does not know.
    """
    if contents.law not in DEMANDS:
        raise UnknownLaw(law=contents.law)
    return "\n\n".join(_paragraphs(contents, language, templates()[language])) + "\n"


def _paragraphs(contents: Contents, language: str, words: Mapping[str, Any]) -> Iterator[str]:
    yield words["title"][contents.law]
    yield Template(words["opening"][contents.law]).substitute(
        operator=contents.operator_name,
        address=contents.operator_address,
        bin=contents.operator_bin,
    )
    if contents.purposes:
        yield _list(words["purposes"], (row.called(language) for row in contents.purposes))
    if contents.data:
        yield _list(words["data"], (row.called(language) for row in contents.data))
    if contents.operations:
        actions = ", ".join(words["operation"][code] for code in contents.operations)
        yield Template(words["operations"]).substitute(list=actions)
    if contents.modes:
        yield words["mode"][_mode(contents.modes)]
    if contents.processors:
        names = (row.called(language) for row in contents.processors)
        yield _list(words["processors"]["some"], names)
    else:
        yield words["processors"]["none"]
    yield from _flags(contents, language, words)
    if contents.term_length and contents.term_unit:
        yield Template(words["term"]).substitute(
            length=contents.term_length,
            unit=_unit(words, contents.term_unit, contents.term_length, language),
        )
    elif contents.end_event:
        yield words["end"][contents.end_event]
    if contents.withdrawal_channels:
        yield _list(words["withdrawal"], _ways(contents, words))
    yield words["signature"]


def _flags(contents: Contents, language: str, words: Mapping[str, Any]) -> Iterator[str]:
    if contents.third_parties and contents.third_party_recipients:
        names = (row.called(language) for row in contents.third_party_recipients)
        yield _list(words["third_parties"]["list"], names)
    elif contents.third_parties is not None:
        yield words["third_parties"]["yes" if contents.third_parties else "no"]
    for name in ("cross_border", "dissemination"):
        said: bool | None = getattr(contents, name)
        if said is not None:
            yield words[name]["yes" if said else "no"]


def _ways(contents: Contents, words: Mapping[str, Any]) -> Iterator[str]:
    known = contents.channel_addresses or {}
    for channel in contents.withdrawal_channels:
        addresses = ", ".join(known.get(channel, ()))
        way = words["channel"][channel]
        yield f"{way} ({addresses})" if addresses else way


def _list(heading: str, items: Iterable[str]) -> str:
    return "\n".join([heading, *(f"- {item}" for item in items)])


def _mode(modes: frozenset[str]) -> str:
    return next(iter(modes)) if len(modes) == 1 else "mixed"


def _unit(words: Mapping[str, Any], unit: str, length: int, language: str) -> str:
    """The word for the unit; Russian says "21 года" (genitive) and "11 лет"."""
    one, many = words["unit"][unit]
    if language == "ru":
        return str(one if length % 10 == 1 and length % 100 != 11 else many)
    return str(one if length == 1 else many)
