"""New people whose rows are all taken: their lines of COPY, mostly as the workers made them.

A shortcut of ``taking`` for PostgreSQL, for the people who are the most of a first import. Whoever
is known, has rows that differ or one that is refused goes row by row; a test holds both against
each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from registry import seam
from subjects.choices import HeldIn, Source
from subjects.models import Consent, DataSubject, Ground, PersonalDatum
from subjects.services import bulk
from subjects.services.importing.parts import (
    DATUM_COLUMNS,
    KEY_COLUMNS,
    TOKEN_COLUMNS,
    Group,
    Prepared,
    Row,
)
from subjects.services.importing.register import Register, Spec
from subjects.services.importing.worker import TOKEN_ROWS
from subjects.vault.models import SearchToken, VaultKey

GROUND_COLUMNS = ("id", "subject_id", "activity_id", "legal_basis_id", "started_on")
CONSENT_COLUMNS = (
    "id", "ground_id", "given_at", "evidence", "evidence_key", "text_id", "channel", "expires_on",
    "third_parties", "cross_border", "dissemination",
)  # fmt: skip

# A strong identifier that was written: card, line, column, and by what it is looked up.
Strong = tuple[int, int, str, list[bytes]]


@dataclass(slots=True)
class New:
    """The new people of a chunk: their rows as lines, what else is said of them, and the rest."""

    others: list[Group] = field(default_factory=list)
    subjects: list[int] = field(default_factory=list)
    grounds: list[int] = field(default_factory=list)
    consents: list[int] = field(default_factory=list)
    data: list[int] = field(default_factory=list)
    lines: dict[Any, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    # Card, first line, values.
    said: list[tuple[int, int, dict[str, str]]] = field(default_factory=list)
    strong: list[Strong] = field(default_factory=list)


class Lines(NamedTuple):
    """What is made ahead for a person whose rows would all be taken, should nobody know them.

    The lines stand without their own numbers; a row that is no consent has None in its place.
    """

    grounds: list[bytes]
    consents: list[bytes | None]
    # Strong identifier -> by what it is looked up.
    strong: dict[str, list[bytes]]


class Ripe(NamedTuple):
    """A chunk as the worker prepared it, and the lines of each group that may have some."""

    prepared: Prepared
    lines: list[Lines | None]


def datum_lines() -> tuple[list[str], bytes]:
    """The columns of a datum that an import writes, and how its line ends."""
    return bulk.line_end(PersonalDatum, DATUM_COLUMNS, held_in=HeldIn.VAULT, source=Source.SUBJECT)


class Finished:
    """Chooses these people of a chunk and writes them; each call stands in a transaction."""

    def __init__(
        self,
        *,
        register: Register,
        places: dict[str, int],
        strong: Set[str],
        lookup: Callable[[str, str], list[bytes]],
        now: datetime,
    ) -> None:
        self.register, self.places = register, places
        self.strong, self.lookup = strong, lookup
        self.subject_columns, self.subject_end = bulk.line_end(
            DataSubject,
            ("id", "code"),
            operator_id=register.operator.pk,
            registered_at=now,
        )
        self.ground_columns, self.ground_end = bulk.line_end(Ground, GROUND_COLUMNS)
        self.consent_columns, self.consent_end = bulk.line_end(Consent, CONSENT_COLUMNS)
        self.datum_columns, _ = datum_lines()
        self._places_of = lru_cache(maxsize=1_000)(self._places)
        self._ends = lru_cache(maxsize=10_000)(self._spec_ends)

    def compose(self, prepared: Prepared) -> Ripe:
        """Make what can be made of each person's lines before anybody asks the database.

        Runs in a thread of the pool, while PostgreSQL takes in the chunk before.
        """
        return Ripe(prepared, [self._person(group) for group in prepared.groups])

    def _person(self, group: Group) -> Lines | None:
        specs = self._specs(group.rows) if group.ready else None
        if specs is None:
            return None
        values = group.rows[0].values
        grounds, consents = [], []
        for spec, row in zip(specs, group.rows, strict=True):
            ground_end, consent_end = self._ends(spec)
            grounds.append(b"\t%d\t%b" % (group.subject, ground_end))
            consents.append(None if spec.text is None else _consent(row, consent_end))
        strong = {name: self.lookup(name, values[name]) for name in self.strong & values.keys()}
        return Lines(grounds, consents, strong)

    def take(
        self,
        ripe: Ripe,
        people: Collection[bytes],
        codes: Iterator[str],
        met: Callable[[Group], bool],
    ) -> New:
        """Choose the new people and number their lines; ``met``: of whom evidence speaks."""
        groups = ripe.prepared.groups
        new = New()
        times = Counter(token for group in groups for token in group.tokens)
        chosen: list[tuple[Group, Lines]] = []
        for group, lines in zip(groups, ripe.lines, strict=True):
            alone = all(times[token] == 1 and token not in people for token in group.tokens)
            if lines is not None and alone and not met(group):
                chosen.append((group, lines))
            else:
                new.others.append(group)
        new.grounds = seam.reserve_ids(Ground, sum(len(group.rows) for group, _ in chosen))
        new.consents = seam.reserve_ids(
            Consent, sum(line is not None for _, lines in chosen for line in lines.consents)
        )
        new.data = seam.reserve_ids(
            PersonalDatum, sum(len(group.rows[0].values) for group, _ in chosen)
        )
        self._number(new, chosen, codes)
        return new

    def _number(self, new: New, chosen: list[tuple[Group, Lines]], codes: Iterator[str]) -> None:
        grounds, consents, data = iter(new.grounds), iter(new.consents), iter(new.data)
        for group, lines in chosen:
            ready, subject, first = group.ready, group.subject, group.rows[0]
            assert ready is not None
            new.subjects.append(subject)
            new.lines[DataSubject].append(
                b"%d\t%b%b" % (subject, next(codes).encode(), self.subject_end)
            )
            for rest, consent in zip(lines.grounds, lines.consents, strict=True):
                ground = next(grounds)
                new.lines[Ground].append(b"%d%b" % (ground, rest))
                if consent is not None:
                    new.lines[Consent].append(b"%d\t%d%b" % (next(consents), ground, consent))
            numbers = tuple(islice(data, len(first.values)))
            new.lines[PersonalDatum].append(ready.data % numbers)
            new.lines[VaultKey].append(ready.vault)
            new.lines[SearchToken].append(ready.tokens)
            new.said.append((subject, first.line, first.values))
            for name, tokens in lines.strong.items():
                new.strong.append((subject, first.line, name, tokens))

    def _specs(self, rows: list[Row]) -> list[Spec] | None:
        """The ground of each row; None when one of them would be refused, or brings nothing."""
        specs: list[Spec] = []
        for row in rows:
            spec, wrong = self.register.judge(row.facts)
            if wrong or spec is None:
                return None
            specs.append(spec)
        if len({(spec.activity, spec.basis) for spec in specs}) < len(specs):
            return None
        return specs if self._places_of(tuple(rows[0].values)) <= specs[0].covers else None

    def _places(self, names: tuple[str, ...]) -> frozenset[int]:
        return frozenset(self.places[name] for name in names)

    def _spec_ends(self, spec: Spec) -> tuple[bytes, bytes]:
        """How the lines of a ground and of its consent end."""
        ground = (spec.activity, spec.basis, spec.started_on)
        consent = (
            spec.text,
            spec.channel,
            spec.expires_on,
            *(name in spec.scopes for name in CONSENT_COLUMNS[-3:]),
        )
        return (
            b"\t".join(map(seam.copy_text, ground)) + self.ground_end,
            b"\t".join(map(seam.copy_text, consent)) + self.consent_end,
        )

    def lines(self, new: New) -> dict[Any, bulk.Lines]:
        """What is to be written of these people, model by model."""
        written = (
            (DataSubject, self.subject_columns, new.subjects),
            (Ground, self.ground_columns, new.grounds),
            (Consent, self.consent_columns, new.consents),
            (PersonalDatum, self.datum_columns, new.data),
        )
        return {
            model: bulk.Lines(columns, new.lines[model], numbers)
            for model, columns, numbers in written
        }

    def keys(self, new: New) -> None:
        """Write their keys and tokens in the vault."""
        if new.subjects:
            seam.copy_lines(VaultKey._meta.db_table, KEY_COLUMNS, new.lines[VaultKey], binary=True)
            # In the index's order: the same page is not fetched for each of its entries anew.
            tokens = sorted(row for (row,) in TOKEN_ROWS(b"".join(new.lines[SearchToken])))
            seam.copy_lines(SearchToken._meta.db_table, TOKEN_COLUMNS, tokens, binary=True)


def _consent(row: Row, end: bytes) -> bytes:
    """The line of a consent after its number and its ground's."""
    evidence = row.evidence
    return b"\t%b\t%b\t%b\t%b" % (
        _moment(row.facts.given_at),
        seam.copy_text(evidence.raw if evidence else None),
        b"%d" % evidence.key if evidence else b"\\N",
        end,
    )


@lru_cache(maxsize=1_000)
def _moment(moment: datetime | None) -> bytes:
    return seam.copy_text(moment)
