"""What a policy says, as plain facts of one operator on one day. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

# Operations by which data leave the operator; "transfer" is the umbrella of the others.
GIVING = frozenset({"transfer", "dissemination", "provision", "access"})
PUBLISHING = frozenset({"transfer", "dissemination"})


@dataclass(frozen=True, slots=True)
class Words:
    """What one field of one row says in each language; ``row`` is the name of its model."""

    row: str
    code: str
    ru: str
    kk: str
    en: str

    def said(self, language: str) -> str:
        return str(getattr(self, language))


@dataclass(frozen=True, slots=True)
class Card:
    """The operator's card: its own names and addresses, the same in every language."""

    name: str
    bin: str = ""
    inn: str = ""
    address: str = ""
    website: str = ""
    email: str = ""
    requests_email: str = ""
    phone: str = ""
    telegram: str = ""
    bank_account: str = ""
    bank_name: str = ""
    bank_code: str = ""
    responsible: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """A kind of people, and what makes somebody one of them."""

    name: Words
    condition: Words | None


@dataclass(frozen=True, slots=True)
class Data:
    """One element of the list of data; ``kind`` as in the register."""

    name: Words
    kind: str


@dataclass(frozen=True, slots=True)
class Basis:
    """An article that permits the processing."""

    article: str
    name: Words


@dataclass(frozen=True, slots=True)
class Place:
    """An information system and the country where it stands; None: not known."""

    name: Words
    country: Words | None


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom data are given to."""

    name: Words
    kind: str
    country: Words | None


@dataclass(frozen=True, slots=True)
class Period:
    """How long data stay after an event; without a length the law alone sets it."""

    event: str
    counted_from: str
    length: int | None
    unit: str
    after: str
    article: str


@dataclass(frozen=True, slots=True)
class Process:
    """What is done for a purpose; two purposes of the same process read alike."""

    people: tuple[Words, ...]
    data: tuple[Data, ...]
    bases: tuple[Basis, ...]
    operations: tuple[str, ...]
    ways: tuple[str, ...]
    mode: str
    over_network: bool | None
    systems: tuple[Place, ...]
    recipients: tuple[Words, ...]
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Aim:
    """A purpose and what is done for it; without processes nothing is done for it now."""

    name: Words
    processes: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """An open transfer to another country."""

    recipient: Words
    country: Words
    purpose: Words
    data: tuple[Data, ...]
    basis: Basis


@dataclass(frozen=True, slots=True)
class Way:
    """How people can write, and for what."""

    intake: str
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class Measure:
    kind: str
    name: Words


@dataclass(frozen=True, slots=True)
class Term:
    """By when the operator must do what: a statute, or a promise of its own."""

    trigger: Words
    duty: Words
    length: int | None
    unit: str
    extension_length: int | None
    extension_unit: str
    article: str
    promise: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the policy of one operator says on one day.

    ``abroad``: whether a system, a recipient or the mailbox is in another country than the law;
    ``unknown_countries``: whether the country of one is not known.
    """

    card: Card
    law: Words
    authorities: tuple[Words, ...]
    people: tuple[People, ...]
    aims: tuple[Aim, ...]
    recipients: tuple[Receiver, ...]
    flows: tuple[Flow, ...]
    periods: tuple[Period, ...]
    rights: tuple[Words, ...]
    ways: tuple[Way, ...]
    terms: tuple[Term, ...]
    measures: tuple[Measure, ...]
    abroad: bool
    unknown_countries: bool

    @property
    def processes(self) -> tuple[Process, ...]:
        return tuple(process for aim in self.aims for process in aim.processes)

    @property
    def given_to_nobody(self) -> bool:
        """Nobody is named, and nothing that is done with the data gives them away."""
        return not self.recipients and not self.flows and self._never(GIVING)

    @property
    def published_nowhere(self) -> bool:
        return self._never(PUBLISHING)

    @property
    def stay_at_home(self) -> bool:
        """Every country is known, and each is the operator's own."""
        return bool(self.processes) and not (self.flows or self.abroad or self.unknown_countries)

    def _never(self, operations: frozenset[str]) -> bool:
        """A process that does not say what it does rules nothing out."""
        return bool(self.processes) and all(
            process.operations and not operations & set(process.operations)
            for process in self.processes
        )


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact without a text in a language."""

    row: str
    code: str
    language: str


def missing(facts: Facts, languages: Iterable[str]) -> list[Missing]:
    """Each row that says nothing in one of the languages, once, in the order of the policy."""
    wanted = list(languages)
    found = {
        Missing(words.row, words.code, language): None
        for words in _all_words(facts)
        for language in wanted
        if not words.said(language)
    }
    return list(found)


def _all_words(value: Any) -> Iterator[Words]:
    # Every field is walked, so that a fact added later cannot be forgotten here.
    if isinstance(value, Words):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _all_words(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _all_words(getattr(value, field.name))
