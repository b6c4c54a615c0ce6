"""Writes a policy from facts, in numbered clauses. Standard library only.

The phrases stand in ``registry/data/policy/<language>.toml``, not in the translation catalogue:
a better translation must not change a text that is in force. One fact stands on one line, so
that a text can be read back into its facts, and nothing is said that no fact says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from registry.errors import OperatorError, gettext_noop
from registry.policy_contents import (
    Basis,
    Data,
    Facts,
    Flow,
    Period,
    Place,
    Process,
    Receiver,
    Term,
    Words,
    missing,
)

FOLDER = Path(__file__).resolve().parent / "data" / "policy"
Phrases = Mapping[str, Any]
# A chapter is its heading and its clauses; a clause is its lines.
Clause = list[str]


class NotInLanguage(OperatorError):
    """``policy_facts`` names every row; this only keeps a hole out of a text."""

    template = gettext_noop("%(code)s has no text in the language of the policy.")


@cache
def phrases(language: str) -> dict[str, Any]:
    """The sentences of one language, as its file says."""
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def written(facts: Facts, language: str) -> str:
    """The whole policy in the language. Refuses facts that have no text in it."""
    for item in missing(facts, [language]):
        raise NotInLanguage(code=item.code)
    return "\n".join(_Policy(facts, language, phrases(language)).lines()) + "\n"


class _Policy:
    """One text while it is being written."""

    def __init__(self, facts: Facts, language: str, words: Phrases) -> None:
        self.facts, self.language, self.words = facts, language, words

    def lines(self) -> Iterator[str]:
        yield self.words["title"]
        yield self.facts.card.name
        number = 0
        for name in self.words["chapter"]:
            clauses = list(getattr(self, f"_{name}")())
            if not clauses:
                continue
            number += 1
            yield ""
            yield f"{number}. {self.words['chapter'][name]}"
            for place, clause in enumerate(clauses, 1):
                yield f"{number}.{place}. {clause[0]}"
                yield from clause[1:]

    # --- chapters ------------------------------------------------------------------------------
    def _operator(self) -> Iterator[Clause]:
        card = self.facts.card
        for field, label in self.words["card"].items():
            value = getattr(card, field)
            if value:
                yield [f"{label}: {value}"]
        yield [f"{self.words['law']}: {self._said(self.facts.law)}"]

    def _people(self) -> Iterator[Clause]:
        for people in self.facts.people:
            clause = [self._said(people.name)]
            if people.condition is not None:
                clause.append(f"{self.words['condition']}: {self._said(people.condition)}")
            yield clause

    def _processing(self) -> Iterator[Clause]:
        # Purposes for which the same is done stand together.
        groups: dict[Process, list[Words]] = {}
        for aim in self.facts.aims:
            for process in aim.processes:
                names = groups.setdefault(process, [])
                if aim.name not in names:
                    names.append(aim.name)
        for process, names in groups.items():
            yield [*self._listed("purposes", map(self._said, names)), *self._process(process)]
        idle = [aim.name for aim in self.facts.aims if not aim.processes]
        if idle:
            yield self._listed("idle", map(self._said, idle))

    def _process(self, process: Process) -> Iterator[str]:
        words = self.words
        yield from self._listed("people", map(self._said, process.people))
        yield from self._listed("data", map(self._datum, process.data))
        yield from self._listed("bases", map(self._basis, process.bases))
        for name, chosen in (("operation", process.operations), ("way", process.ways)):
            if chosen:
                yield f"{words['label'][name]}: {', '.join(words[name][code] for code in chosen)}"
        if process.mode:
            yield f"{words['label']['mode']}: {words['mode'][process.mode]}"
        if process.over_network is not None:
            answer = "yes" if process.over_network else "no"
            yield f"{words['label']['network']}: {words['network'][answer]}"
        yield from self._listed("systems", map(self._place, process.systems))
        yield from self._listed("recipients", map(self._said, process.recipients))
        yield from self._listed("periods", map(self._period, process.periods))

    def _sharing(self) -> Iterator[Clause]:
        facts, words = self.facts, self.words
        if facts.recipients:
            yield self._listed("receivers", map(self._receiver, facts.recipients))
        elif facts.given_to_nobody:
            yield [words["nobody"]]
        for flow in facts.flows:
            yield list(self._flow(flow))
        if facts.stay_at_home:
            yield [words["at_home"]]
        if facts.published_nowhere:
            yield [words["unpublished"]]

    def _flow(self, flow: Flow) -> Iterator[str]:
        where = f"{self._said(flow.recipient)}; {self._country(flow.country)}"
        yield f"{self.words['label']['flow']}: {where}"
        yield from self._listed("purposes", [self._said(flow.purpose)])
        yield from self._listed("data", map(self._datum, flow.data))
        yield from self._listed("bases", [self._basis(flow.basis)])

    def _storage(self) -> Iterator[Clause]:
        for period in self.facts.periods:
            yield [self._period(period)]

    def _rights(self) -> Iterator[Clause]:
        facts, words = self.facts, self.words
        if facts.rights:
            yield self._listed("rights", map(self._said, facts.rights))
        for intake, label in words["intake"].items():
            ways = [way for way in facts.ways if way.intake == intake]
            if ways:
                yield [
                    f"{label}:",
                    *(
                        f"- {words['channel'][way.channel]}"
                        + (f": {way.address}" if way.address else "")
                        for way in ways
                    ),
                ]
        if facts.authorities:
            yield self._listed("authorities", map(self._said, facts.authorities))

    def _answers(self) -> Iterator[Clause]:
        for term in self.facts.terms:
            label = self.words["label"]["promise" if term.promise else "term"]
            yield [
                self._said(term.trigger),
                f"{self.words['label']['duty']}: {self._said(term.duty)}",
                f"{label}: {self._length(term)}",
            ]

    def _security(self) -> Iterator[Clause]:
        for kind, label in self.words["measure"].items():
            names = [m.name for m in self.facts.measures if m.kind == kind]
            if names:
                yield [f"{label}:", *(f"- {self._said(name)}" for name in names)]

    # --- one fact ------------------------------------------------------------------------------
    def _said(self, words: Words) -> str:
        return words.said(self.language)

    def _listed(self, name: str, items: Iterable[str]) -> Clause:
        """A label and its list; nothing where there is nothing to list."""
        found = list(dict.fromkeys(items))
        if not found:
            return []
        label = self.words["list"][name]
        return [f"{label[0] if len(found) == 1 else label[1]}:", *(f"- {item}" for item in found)]

    def _datum(self, datum: Data) -> str:
        kind = self.words["kind"].get(datum.kind)
        return f"{self._said(datum.name)} ({kind})" if kind else self._said(datum.name)

    def _basis(self, basis: Basis) -> str:
        article = Template(self.words["article"]).substitute(article=basis.article)
        return f"{article}: {self._said(basis.name)}"

    def _country(self, country: Words) -> str:
        return f"{self.words['label']['country']}: {self._said(country)}"

    def _place(self, place: Place) -> str:
        name = self._said(place.name)
        return f"{name}; {self._country(place.country)}" if place.country else name

    def _receiver(self, receiver: Receiver) -> str:
        line = f"{self._said(receiver.name)}; {self.words['recipient'][receiver.kind]}"
        return f"{line}; {self._country(receiver.country)}" if receiver.country else line

    def _period(self, period: Period) -> str:
        words = self.words["period"]
        if period.length:
            how_long = Template(words["length"]).substitute(
                length=self._count(period.length, period.unit),
                counted=words["counted"][period.counted_from],
            )
        else:
            how_long = words["by_law"]
        line = Template(words["line"]).substitute(
            event=words["event"][period.event],
            how_long=how_long,
            after=words["after"][period.after],
        )
        source = Template(words["source"]).substitute(article=period.article)
        return f"{line} {source}" if period.article else line

    def _length(self, term: Term) -> str:
        words = self.words["term"]
        line = self._count(term.length, term.unit) if term.length else words[term.unit]
        if term.extension_length:
            longer = self._count(term.extension_length, term.extension_unit)
            line += Template(words["extended"]).substitute(length=longer)
        if term.article:
            line += f" ({Template(self.words['article']).substitute(article=term.article)})"
        return line

    def _count(self, number: int, unit: str) -> str:
        forms = self.words["unit"][unit]
        return f"{number} {forms[self._form(number, len(forms))]}"

    @staticmethod
    def _form(number: int, forms: int) -> int:
        """Which form of a noun follows the number: Russian has three, English two, Kazakh one."""
        if forms == 1:
            return 0
        if forms == 2:
            return 0 if number == 1 else 1
        if number % 10 == 1 and number % 100 != 11:
            return 0
        if number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14}:
            return 1
        return 2
