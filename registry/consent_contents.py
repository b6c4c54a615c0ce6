"""What the law demands of the text of a consent, and what a text says. Standard library only.

``missing(contents)`` names, article by article, what a draft lacks: 152-FZ 9(1), 9(4), 10.1(1) and
Law 156-FZ in Russia, 94-V 7(8), 7(9), 8(1), 8(4)-(6) in Kazakhstan. It judges the words of the
text itself where it can (names, marks) and otherwise the choices that stand beside it.

``digest(contents)`` is the fingerprint under which a text is published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from registry.errors import OperatorError, gettext_noop

RU, KZ = "RU", "KZ"
LANGUAGES = {
    "ru": gettext_noop("Russian"),
    "kk": gettext_noop("Kazakh"),
    "en": gettext_noop("English"),
}
# Places that are filled in when a person gives the consent.
NAME, ADDRESS, DOCUMENT, SIGNATURE = "{name}", "{address}", "{document}", "{signature}"
# A consent is a document of its own from this day on (Law 156-FZ of 24.06.2025).
SEPARATE_SINCE = date(2025, 9, 1)
# Words by which a text gives itself no end.
INDEFINITE = (
    "неопределенный срок",
    "неопределенного срока",
    "бессрочн",
    "белгісіз мерзім",
    "мерзімсіз",
    "indefinite",
)


class UnknownLaw(OperatorError):
    template = gettext_noop(
        "The office does not know what the law of %(law)s demands of a consent."
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the register, by its code and its names (language -> name)."""

    code: str
    names: Mapping[str, str]

    def called(self, language: str) -> str:
        """Its name in the language, else in the first that it has."""
        for wanted in (language, *LANGUAGES):
            if self.names.get(wanted):
                return self.names[wanted]
        return self.code


@dataclass(frozen=True, slots=True)
class Contents:
    """A text of a consent: what it says, and what the register says it must name."""

    law: str
    # --- what the text says: all of it stands in the digest ---
    operator: str
    code: str
    version: int
    names: Mapping[str, str]
    texts: Mapping[str, str]
    activities: tuple[str, ...]
    data: tuple[Listed, ...]
    operations: tuple[str, ...]
    third_parties: bool | None
    cross_border: bool | None
    dissemination: bool | None
    term_length: int | None
    term_unit: str
    end_event: str
    withdrawal_channels: tuple[str, ...]
    separate_document: bool
    in_force_on: date | None
    # --- what the register says beside it ---
    operator_name: str = ""
    operator_address: str = ""
    operator_bin: str = ""
    purposes: tuple[Listed, ...] = ()
    processors: tuple[Listed, ...] = ()
    third_party_recipients: tuple[Listed, ...] = ()
    activity_data: frozenset[str] = frozenset()
    modes: frozenset[str] = frozenset()
    channel_addresses: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that the law demands and the draft lacks; ``template % params`` is its sentence."""

    code: str
    article: str
    template: str
    params: Mapping[str, Any]

    def __str__(self) -> str:
        return self.template % self.params


TEMPLATES = {
    "language": gettext_noop("The text is not written in any language (%(article)s)."),
    "activity": gettext_noop("No processing activity is chosen (%(article)s)."),
    "in_force_on": gettext_noop("The day from which it is in force is not given (%(article)s)."),
    "subject_name": gettext_noop(
        "Text in %(language)s: no place for the person's name, %(mark)s (%(article)s)."
    ),
    "subject_address": gettext_noop(
        "Text in %(language)s: no place for the person's address, %(mark)s (%(article)s)."
    ),
    "subject_document": gettext_noop(
        "Text in %(language)s: no place for the person's identity document, %(mark)s (%(article)s)."
    ),
    "operator_name": gettext_noop(
        "Text in %(language)s: the full name of the operator, “%(name)s”, does not stand in it "
        "(%(article)s)."
    ),
    "operator_address": gettext_noop(
        "Text in %(language)s: the address of the operator, “%(name)s”, does not stand in it "
        "(%(article)s)."
    ),
    "operator_address_unknown": gettext_noop(
        "The operator's card has no address for the text to name (%(article)s)."
    ),
    "operator_bin": gettext_noop(
        "Text in %(language)s: the BIN of the operator, %(name)s, does not stand in it "
        "(%(article)s)."
    ),
    "operator_bin_unknown": gettext_noop(
        "The operator's card has no BIN for the text to name (%(article)s)."
    ),
    "purpose": gettext_noop(
        "Text in %(language)s: the purpose “%(name)s” is not named (%(article)s)."
    ),
    "data_list": gettext_noop("No data category is chosen (%(article)s)."),
    "data": gettext_noop("Text in %(language)s: the data “%(name)s” are not named (%(article)s)."),
    "data_beyond": gettext_noop(
        "The data “%(name)s” belong to none of the chosen activities (%(article)s)."
    ),
    "processor": gettext_noop(
        "Text in %(language)s: “%(name)s”, who processes the data for the operator, is not named "
        "(%(article)s)."
    ),
    "operations": gettext_noop("No operation with the data is chosen (%(article)s)."),
    "term": gettext_noop(
        "Neither a term nor an event that ends the consent is given (%(article)s)."
    ),
    "indefinite": gettext_noop(
        "Text in %(language)s: a consent for an indefinite period, “%(name)s”, is not allowed "
        "(%(article)s)."
    ),
    "withdrawal": gettext_noop("No way to withdraw the consent is chosen (%(article)s)."),
    "third_parties": gettext_noop(
        "It is not said whether data may be given to third parties (%(article)s)."
    ),
    "cross_border": gettext_noop(
        "It is not said whether data may be transferred abroad (%(article)s)."
    ),
    "dissemination": gettext_noop(
        "It is not said whether data may be shown to everybody (%(article)s)."
    ),
    "dissemination_separate": gettext_noop(
        "A consent to show data to everybody must be a document of its own (%(article)s)."
    ),
    "separate": gettext_noop(
        "From 1 September 2025 a consent must be a document of its own (%(article)s)."
    ),
    "signature": gettext_noop(
        "Text in %(language)s: no place for the signature, %(mark)s (%(article)s)."
    ),
}

# What each law demands, in the order of its articles; what is not here it does not ask for.
DEMANDS: Mapping[str, Mapping[str, str]] = {
    RU: {
        "language": "152-FZ 9(1)",
        "activity": "152-FZ 9(4)(4)",
        "in_force_on": "152-FZ 9(3)",
        "separate": "152-FZ 9(1), Law 156-FZ",
        "subject_name": "152-FZ 9(4)(1)",
        "subject_address": "152-FZ 9(4)(1)",
        "subject_document": "152-FZ 9(4)(1)",
        "operator_name": "152-FZ 9(4)(3)",
        "operator_address": "152-FZ 9(4)(3)",
        "operator_address_unknown": "152-FZ 9(4)(3)",
        "purpose": "152-FZ 9(4)(4)",
        "data_list": "152-FZ 9(4)(5)",
        "data": "152-FZ 9(4)(5)",
        "data_beyond": "152-FZ 5(5)",
        "processor": "152-FZ 9(4)(6)",
        "operations": "152-FZ 9(4)(7)",
        "third_parties": "152-FZ 7",
        "cross_border": "152-FZ 12",
        "dissemination": "152-FZ 10.1(1)",
        "dissemination_separate": "152-FZ 10.1(1)",
        "term": "152-FZ 9(4)(8)",
        "withdrawal": "152-FZ 9(4)(8)",
        "signature": "152-FZ 9(4)(9)",
    },
    KZ: {
        "language": "94-V 8(4)",
        "activity": "94-V 7(8)",
        "in_force_on": "94-V 25(2)(5)",
        "operator_name": "94-V 8(4)(1)",
        "operator_bin": "94-V 8(4)(1)",
        "operator_bin_unknown": "94-V 8(4)(1)",
        "subject_name": "94-V 8(4)(2)",
        "term": "94-V 8(4)(3), 8(5)-(6)",
        "indefinite": "94-V 8(4)(3), 8(5)-(6)",
        "third_parties": "94-V 8(4)(4)",
        "cross_border": "94-V 8(4)(5)",
        "dissemination": "94-V 8(4)(6)",
        "data_list": "94-V 8(4)(7)",
        "data": "94-V 8(4)(7)",
        "data_beyond": "94-V 7(9)",
        "purpose": "94-V 7(8)",
        "withdrawal": "94-V 8(1)",
    },
}


def missing(contents: Contents) -> list[Missing]:
    """Everything that the operator's law demands and the draft lacks; empty when it is complete.

    Refuses a law that the office does not know.
    """
    demands = DEMANDS.get(contents.law)
    if demands is None:
        raise UnknownLaw(law=contents.law)
    order = list(demands)
    found = [
        Missing(code, demands[code], TEMPLATES[code], {**params, "article": demands[code]})
        for code, params in (*_choices(contents), *_words(contents))
        if code in demands
    ]
    return sorted(found, key=lambda item: order.index(item.code))


Gap = tuple[str, dict[str, Any]]


def _choices(contents: Contents) -> Iterator[Gap]:
    """What stands beside the words."""
    absent = {
        "language": not _written(contents),
        "activity": not contents.activities,
        "in_force_on": contents.in_force_on is None,
        "data_list": not contents.data,
        "operations": not contents.operations,
        "term": not (contents.term_length and contents.term_unit) and not contents.end_event,
        "withdrawal": not contents.withdrawal_channels,
        "third_parties": contents.third_parties is None,
        "cross_border": contents.cross_border is None,
        "dissemination": contents.dissemination is None,
        "dissemination_separate": bool(contents.dissemination) and not contents.separate_document,
        "separate": contents.in_force_on is not None
        and contents.in_force_on >= SEPARATE_SINCE
        and not contents.separate_document,
        "operator_address_unknown": not contents.operator_address.strip(),
        "operator_bin_unknown": not contents.operator_bin.strip(),
    }
    yield from ((code, {}) for code, lacks in absent.items() if lacks)
    for item in contents.data:
        if contents.activities and item.code not in contents.activity_data:
            yield "data_beyond", {"name": item.code}


def _words(contents: Contents) -> Iterator[Gap]:
    """What stands in the words of each language, or does not."""
    marks = {
        "subject_name": NAME,
        "subject_address": ADDRESS,
        "subject_document": DOCUMENT,
        "signature": SIGNATURE,
    }
    wholes = {
        "operator_name": contents.operator_name,
        "operator_address": contents.operator_address,
        "operator_bin": contents.operator_bin,
    }
    lists = {
        "purpose": contents.purposes,
        "data": contents.data,
        "processor": contents.processors,
    }
    for language, text in _written(contents).items():
        said, where = _folded(text), {"language": LANGUAGES[language]}
        for code, mark in marks.items():
            if mark not in text:
                yield code, {**where, "mark": mark}
        for code, whole in wholes.items():
            if whole.strip() and _folded(whole) not in said:
                yield code, {**where, "name": whole}
        for code, rows in lists.items():
            for row in rows:
                if _folded(row.called(language)) not in said:
                    yield code, {**where, "name": row.called(language)}
        for words in INDEFINITE:
            if words in said:
                yield "indefinite", {**where, "name": words}


def _written(contents: Contents) -> dict[str, str]:
    return {
        language: contents.texts[language]
        for language in LANGUAGES
        if contents.texts.get(language, "").strip()
    }


def _folded(text: str) -> str:
    """Case, the letter yo and the breaking of lines make no difference."""
    return " ".join(text.casefold().replace("ё", "е").split())


def canonical(contents: Contents) -> str:
    """Everything the text says as one JSON that is always written the same way."""
    said = {
        "operator": contents.operator,
        "code": contents.code,
        "version": contents.version,
        "names": {key: value for key, value in contents.names.items() if value},
        "texts": {key: value for key, value in contents.texts.items() if value},
        "activities": sorted(contents.activities),
        "data_categories": sorted(item.code for item in contents.data),
        "operations": sorted(contents.operations),
        "third_parties": contents.third_parties,
        "cross_border": contents.cross_border,
        "dissemination": contents.dissemination,
        "term_length": contents.term_length,
        "term_unit": contents.term_unit,
        "end_event": contents.end_event,
        "withdrawal_channels": sorted(contents.withdrawal_channels),
        "separate_document": contents.separate_document,
        "in_force_on": contents.in_force_on.isoformat() if contents.in_force_on else None,
    }
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(contents: Contents) -> str:
    """SHA-256 of ``canonical``, in hexadecimal."""
    return hashlib.sha256(canonical(contents).encode()).hexdigest()
