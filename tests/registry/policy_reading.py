"""A generated policy read back into its facts; ``policy_asking`` asks the register for the same.

Neither asks ``policy_facts`` or ``policy_contents``: what those forget shows here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from registry.policy_writing import phrases

Row = tuple[Any, ...]
CHAPTER = re.compile(r"([1-9]\d*)\. (.+)")
CLAUSE = re.compile(r"([1-9]\d*)\.([1-9]\d*)\. (.+)")


@dataclass
class Read:
    """Everything that a text, or a register, says."""

    card: set[Row] = field(default_factory=set)
    law: str = ""
    people: set[Row] = field(default_factory=set)
    # One for each purpose and process: all that is done for it.
    processes: set[Row] = field(default_factory=set)
    idle: set[str] = field(default_factory=set)
    recipients: set[Row] = field(default_factory=set)
    flows: set[Row] = field(default_factory=set)
    periods: set[Row] = field(default_factory=set)
    rights: set[str] = field(default_factory=set)
    ways: set[Row] = field(default_factory=set)
    authorities: set[str] = field(default_factory=set)
    terms: set[Row] = field(default_factory=set)
    measures: set[Row] = field(default_factory=set)
    sentences: set[str] = field(default_factory=set)


PROCESS = ("people", "data", "bases", "operation", "way", "mode", "network", "systems",
           "recipients", "periods")  # fmt: skip
FLOW = ("purposes", "data", "bases")


class Reader:
    """Reads one text. Refuses a line that it cannot place, so that nothing is passed over."""

    def __init__(self, text: str, language: str) -> None:
        self.words = phrases(language)
        self.found = Read()
        self.lines = text.rstrip("\n").split("\n")

    def read(self) -> Read:
        assert self.lines[0] == self.words["title"]
        self.found.card.add(("title", self.lines[1]))
        headings = {heading: name for name, heading in self.words["chapter"].items()}
        chapters: list[tuple[str, list[list[str]]]] = []
        for line in self.lines[2:]:
            if not line:
                continue
            clause = CLAUSE.fullmatch(line)
            chapter = CHAPTER.fullmatch(line)
            if clause:
                assert int(clause[1]) == len(chapters), line
                chapters[-1][1].append([clause[3]])
                assert int(clause[2]) == len(chapters[-1][1]), line
            elif chapter and chapter[2] in headings:
                assert int(chapter[1]) == len(chapters) + 1, line
                chapters.append((headings[chapter[2]], []))
            else:
                chapters[-1][1][-1].append(line)
        for name, clauses in chapters:
            assert clauses, f"{name} is empty"
            for lines in clauses:
                getattr(self, f"read_{name}")(lines)
        return self.found

    # --- chapters ------------------------------------------------------------------------------
    def read_operator(self, lines: list[str]) -> None:
        (line,) = lines
        label, value = line.split(": ", 1)
        fields = {label: name for name, label in self.words["card"].items()}
        if label in fields:
            self.found.card.add((fields[label], value))
        else:
            assert label == self.words["law"] and not self.found.law
            self.found.law = value

    def read_people(self, lines: list[str]) -> None:
        condition = ""
        if len(lines) > 1:
            (line,) = lines[1:]
            condition = self.after(line, self.words["condition"])
        self.found.people.add((lines[0], condition))

    def read_processing(self, lines: list[str]) -> None:
        said = dict(self.blocks(lines))
        if "idle" in said:
            self.found.idle |= set(said.pop("idle"))
            assert not said
            return
        purposes = said.pop("purposes")
        process = tuple(said.pop(name, frozenset()) for name in PROCESS)
        assert not said, said
        for purpose in purposes:
            row = (purpose, *process)
            assert row not in self.found.processes
            self.found.processes.add(row)

    def read_sharing(self, lines: list[str]) -> None:
        words = self.words
        sentences = {words[name]: name for name in ("nobody", "at_home", "unpublished")}
        flow = f"{words['label']['flow']}: "
        if lines[0] in sentences:
            assert len(lines) == 1
            self.found.sentences.add(sentences[lines[0]])
        elif lines[0].startswith(flow):
            where, country = self.of_country(lines[0].removeprefix(flow))
            said = dict(self.blocks(lines[1:]))
            self.found.flows.add((where, country, *(said.pop(name) for name in FLOW)))
            assert not said
        else:
            ((name, rows),) = self.blocks(lines)
            assert name == "receivers"
            self.found.recipients |= set(rows)

    def read_storage(self, lines: list[str]) -> None:
        (line,) = lines
        self.found.periods.add(self.period(line))

    def read_rights(self, lines: list[str]) -> None:
        intakes = {f"{label}:": name for name, label in self.words["intake"].items()}
        if lines[0] in intakes:
            for item in lines[1:]:
                self.found.ways.add((intakes[lines[0]], *self.way(item.removeprefix("- "))))
            return
        ((name, rows),) = self.blocks(lines)
        getattr(self.found, {"rights": "rights", "authorities": "authorities"}[name]).update(rows)

    def read_answers(self, lines: list[str]) -> None:
        trigger, duty, last = lines
        label = self.words["label"]
        promise = last.startswith(f"{label['promise']}: ")
        length = self.after(last, label["promise" if promise else "term"])
        done = self.after(duty, label["duty"])
        self.found.terms.add((trigger, done, *self.term(length), promise))

    def read_security(self, lines: list[str]) -> None:
        kinds = {f"{label}:": kind for kind, label in self.words["measure"].items()}
        for line in lines[1:]:
            self.found.measures.add((kinds[lines[0]], line.removeprefix("- ")))

    # --- one clause ----------------------------------------------------------------------------
    def blocks(self, lines: list[str]) -> Iterator[tuple[str, Any]]:
        """Each label with its list, or with what stands on its line."""
        heads = {f"{form}:": name for name, forms in self.words["list"].items() for form in forms}
        kinds = ("operation", "way", "mode", "network")
        inline = {self.words["label"][name]: name for name in kinds}
        name, items = "", list[str]()
        for line in lines:
            if line.startswith("- "):
                assert name, line
                items.append(line.removeprefix("- "))
                continue
            if name:
                yield name, self.items(name, items)
            name, items = "", []
            if line in heads:
                name = heads[line]
                continue
            label, value = line.split(": ", 1)
            kind = inline[label]
            codes = {word: code for code, word in self.words[kind].items()}
            many = kind in {"operation", "way"}
            said = frozenset(codes[word] for word in value.split(", ")) if many else codes[value]
            yield kind, said
        if name:
            yield name, self.items(name, items)

    def items(self, name: str, items: list[str]) -> frozenset[Any]:
        assert items and len(set(items)) == len(items)
        read = {
            "data": self.datum, "bases": self.basis, "systems": self.of_country,
            "receivers": self.receiver, "periods": self.period,
        }.get(name, str)  # fmt: skip
        return frozenset(read(item) for item in items)

    # --- one line ------------------------------------------------------------------------------
    def after(self, line: str, label: str) -> str:
        assert line.startswith(f"{label}: "), line
        return line.removeprefix(f"{label}: ")

    def datum(self, item: str) -> Row:
        for kind, label in self.words["kind"].items():
            if item.endswith(f" ({label})"):
                return item.removesuffix(f" ({label})"), kind
        return item, ""

    def basis(self, item: str) -> Row:
        cited = _as_pattern(self.words["article"], article="([^:]+?)")
        match = re.fullmatch(f"{cited}: (.+)", item)
        assert match, item
        return match[1], match[2]

    def of_country(self, item: str) -> Row:
        name, mark, country = item.rpartition(f"; {self.words['label']['country']}: ")
        return (name, country) if mark else (item, "")

    def receiver(self, item: str) -> Row:
        rest, country = self.of_country(item)
        for kind, label in self.words["recipient"].items():
            if rest.endswith(f"; {label}"):
                return rest.removesuffix(f"; {label}"), kind, country
        raise AssertionError(item)

    def way(self, item: str) -> Row:
        for channel, label in self.words["channel"].items():
            if item == label:
                return channel, ""
            if item.startswith(f"{label}: "):
                return channel, item.removeprefix(f"{label}: ")
        raise AssertionError(item)

    def count(self, said: str) -> Row:
        number, _, noun = said.partition(" ")
        (unit,) = [unit for unit, forms in self.words["unit"].items() if noun in forms]
        return int(number), unit

    def period(self, item: str) -> Row:
        words = self.words["period"]
        source = _as_pattern(words["source"], article="(.+)")
        line = _as_pattern(
            words["line"],
            event=_one_of(words["event"]), how_long="(.+?)", after=_one_of(words["after"]),
        )  # fmt: skip
        match = re.fullmatch(f"{line}(?: {source})?", item)
        assert match, item
        event, how_long, after, article = match.groups()
        length: Row = (None, "")
        counted = ""
        if how_long != words["by_law"]:
            for code, label in words["counted"].items():
                shape = _as_pattern(words["length"], length=r"(\d+ .+?)", counted=re.escape(label))
                if found := re.fullmatch(shape, how_long):
                    length, counted = self.count(found[1]), code
            assert counted, how_long
        return (
            _code(words["event"], event), *length, counted, _code(words["after"], after),
            article or "",
        )  # fmt: skip

    def term(self, said: str) -> Row:
        words = self.words["term"]
        article = ""
        cited = _as_pattern(self.words["article"], article=r"([\d.,() -]+)")
        shape = rf"(.+) \({cited}\)"
        if found := re.fullmatch(shape, said):
            said, article = found[1], found[2]
        longer: Row = (None, "")
        if found := re.fullmatch(
            f"(.+?){_as_pattern(words['extended'], length='(.+?)')}", said
        ):  # fmt: skip
            said, longer = found[1], self.count(found[2])
        by_word = {words[unit]: unit for unit in words if unit != "extended"}
        length: Row = (None, by_word[said]) if said in by_word else self.count(said)
        return (*length, *longer, article)


def _as_pattern(template: str, **parts: str) -> str:
    pieces = re.split(r"\$(\w+)", template)
    return "".join(
        parts[piece] if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)
    )


def _one_of(words: dict[str, str]) -> str:
    return "(" + "|".join(re.escape(word) for word in words.values()) + ")"


def _code(words: dict[str, str], said: str) -> str:
    return next(code for code, word in words.items() if word == said)


def read(text: str, language: str) -> Read:
    return Reader(text, language).read()
