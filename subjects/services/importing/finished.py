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
from typing import Any

from registry import seam
from subjects.choices import HeldIn, Source
from subjects.models import Consent, DataSubject, Ground, PersonalDatum
from subjects.services import bulk
from subjects.services.importing.register import Register, Spec
from subjects.services.importing.worker import (
    DATUM_COLUMNS,
    KEY_COLUMNS,
    TOKEN_COLUMNS,
    Group,
    Row,
)
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

    def take(self, groups: list[Group], known: Collection[bytes], codes: Iterator[str]) -> New:
        """Choose the new people, write their tokens and make their other lines.

        PostgreSQL takes in the tokens, the most of all rows, while the lines are made.
        """
        new = New()
        most = [group for group in groups if group.ready]
        if not most:
            new.others = groups
            return new
        times = Counter(token for group in groups for token in group.tokens)
        # As many as there can be: used from the first on, without a gap between them.
        rows = sum(len(group.rows) for group in most)
        grounds = iter(seam.reserve_ids(Ground, rows))
        consents = iter(seam.reserve_ids(Consent, rows))
        data = iter(
            seam.reserve_ids(PersonalDatum, sum(len(group.rows[0].values) for group in most))
        )

        def lines() -> Iterator[bytes]:
            for group in groups:
                alone = all(times[token] == 1 and token not in known for token in group.tokens)
                specs = self._specs(group.rows) if group.ready and alone else None
                if group.ready is None or specs is None:
                    new.others.append(group)
                    continue
                yield group.ready.tokens
                subject, first = group.subject, group.rows[0]
                new.subjects.append(subject)
                new.lines[DataSubject].append(
                    b"%d\t%b%b" % (subject, next(codes).encode(), self.subject_end)
                )
                for spec, row in zip(specs, group.rows, strict=True):
                    self._ground(new, subject, spec, row, grounds, consents)
                numbers = list(islice(data, len(first.values)))
                new.data += numbers
                new.lines[PersonalDatum].append(group.ready.data % tuple(numbers))
                new.lines[VaultKey].append(group.ready.vault)
                new.said.append((subject, first.line, first.values))
                for name in self.strong & first.values.keys():
                    tokens = self.lookup(name, first.values[name])
                    new.strong.append((subject, first.line, name, tokens))

        seam.copy_lines(SearchToken._meta.db_table, TOKEN_COLUMNS, lines())
        return new

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

    def _ground(
        self,
        new: New,
        subject: int,
        spec: Spec,
        row: Row,
        grounds: Iterator[int],
        consents: Iterator[int],
    ) -> None:
        ground = next(grounds)
        ground_end, consent_end = self._ends(spec)
        new.grounds.append(ground)
        new.lines[Ground].append(b"%d\t%d\t%b" % (ground, subject, ground_end))
        if spec.text is None:
            return
        number, evidence = next(consents), row.evidence
        new.consents.append(number)
        new.lines[Consent].append(
            b"%d\t%d\t%b\t%b\t%b\t%b"
            % (
                number,
                ground,
                _moment(row.facts.given_at),
                seam.copy_text(evidence.raw if evidence else None),
                b"%d" % evidence.key if evidence else b"\\N",
                consent_end,
            )
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
        """Write their keys in the vault."""
        if new.subjects:
            seam.copy_lines(VaultKey._meta.db_table, KEY_COLUMNS, new.lines[VaultKey])


@lru_cache(maxsize=1_000)
def _moment(moment: datetime | None) -> bytes:
    return seam.copy_text(moment)
