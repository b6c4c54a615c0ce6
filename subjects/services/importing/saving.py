"""What a chunk brings, written all at once; and the conflicts that it makes known."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from registry import seam
from subjects import sealing
from subjects.models import Consent, DataSubject, Ground, ImportConflict, PersonalDatum
from subjects.models.imports import ImportSeen
from subjects.services import bulk
from subjects.services.importing.finished import Finished, New, Strong
from subjects.services.importing.known import CHANGED, NEW, SAME, Held, Person, owners_of
from subjects.services.importing.parts import KEY_COLUMNS, TOKEN_COLUMNS
from subjects.services.importing.worker import Preparing
from subjects.vault import store
from subjects.vault.field import Ciphertext
from subjects.vault.models import SearchToken, VaultKey


@dataclass
class Plan:
    """What a chunk will write."""

    # Who is written as finished lines.
    new: New
    subjects: list[DataSubject] = field(default_factory=list)
    grounds: list[Ground] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    data: list[PersonalDatum] = field(default_factory=list)
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    tokens: list[tuple[bytes, int]] = field(default_factory=list)
    # Values that are put right: what is held, the column and the new text.
    rectified: list[tuple[Held, str, str]] = field(default_factory=list)
    strong: list[Strong] = field(default_factory=list)
    people: dict[int, Person] = field(default_factory=dict)


class Saving:
    """Writes plan after plan of one run; each call stands in a transaction."""

    def __init__(
        self,
        *,
        finished: Finished,
        preparing: Preparing,
        run: int,
        search: int,
        trail: dict[str, Any],
    ) -> None:
        self.finished, self.preparing, self.run = finished, preparing, run
        self.search, self.trail = search, trail
        # A column of the file as a bit: which of them a person was given.
        self.bits = {name: 1 << place for place, name in enumerate(preparing.setup.header)}

    def save(self, plan: Plan) -> None:
        numbered: list[tuple[Any, list[Any]]] = [
            (Ground, plan.grounds), (Consent, plan.consents), (PersonalDatum, plan.data),
        ]  # fmt: skip
        for model, rows in numbered:
            for row, number in zip(rows, seam.reserve_ids(model, len(rows)), strict=True):
                row.id = number
        for consent in plan.consents:
            # Until now it held the draft itself.
            consent.__dict__["ground_id"] = consent.__dict__["ground_id"].id
        lines = self.finished.lines(plan.new)
        for model, rows in [(DataSubject, plan.subjects), *numbered]:
            bulk.write(model, rows, lines=lines[model], **self.trail)
        self.finished.keys(plan.new)
        bulk.insert(VaultKey, KEY_COLUMNS, plan.keys)
        bulk.insert(SearchToken, TOKEN_COLUMNS, plan.tokens)
        self._rectify(plan)

    def _rectify(self, plan: Plan) -> None:
        """New text under the same key: the old one stays in the history and goes with it."""
        if not plan.rectified:
            return
        texts = {held.datum: (held, name, text) for held, name, text in plan.rectified}
        numbers = [held.key for held, _, _ in texts.values()]
        locked = seam.lock(VaultKey.objects.filter(pk__in=numbers).order_by("pk"))
        if len(locked) < len(numbers):
            raise store.ValueDestroyed()
        rows = list(PersonalDatum.objects.filter(pk__in=texts).order_by("pk"))
        SearchToken.objects.filter(key__in=numbers).delete()
        found: list[int] = []
        written: list[tuple[bytes, int]] = []
        for row in rows:
            held, name, text = texts[row.pk]
            key: Any = held.row
            bound = store.bound_value(key.kind, held.key)
            row.value = Ciphertext(sealing.seal(key.opened(), text.encode(), bound))
            tokens = self.preparing.tokens(name, text)
            written += [(token, held.key) for token in tokens]
            if tokens:
                found.append(held.key)
        bulk.insert(SearchToken, TOKEN_COLUMNS, written)
        bulk.change(PersonalDatum, rows, ["value"], **self.trail)
        VaultKey.objects.filter(pk__in=found).exclude(search=self.search).update(search=self.search)

    def conflicts(self, plan: Plan) -> dict[tuple[int, int, str], int]:
        """Cards with the same strong identifier, before they are saved: pair, column -> line."""
        strong = sorted(plan.new.strong + plan.strong, key=itemgetter(1))
        if not strong:
            return {}
        found: dict[bytes, set[int]] = defaultdict(set)
        found.update(owners_of([token for _, _, _, tokens in strong for token in tokens]))
        pairs: dict[tuple[int, int, str], int] = {}
        for subject, line, name, tokens in strong:
            for token in tokens:
                for other in found[token] - {subject}:
                    pairs[min(subject, other), max(subject, other), name] = line
                # The next one of this chunk that says the same finds this card.
                found[token].add(subject)
        return pairs

    def tell(self, pairs: dict[tuple[int, int, str], int]) -> int:
        """Both cards stay, and somebody decides; each pair is told once."""
        if not pairs:
            return 0
        there = set(
            ImportConflict.objects.filter(subject__in={first for first, _, _ in pairs}).values_list(
                "subject", "other", "column"
            )
        )
        made = ImportConflict.objects.bulk_create(
            ImportConflict(
                run_id=self.run, line=line, column=name, subject_id=first, other_id=second
            )
            for (first, second, name), line in sorted(pairs.items(), key=lambda item: item[1])
            if (first, second, name) not in there
        )
        return len(made)

    def remember(self, plan: Plan) -> dict[str, int]:
        """Whom the run has met, for its later chunks; the change of its counters."""
        counts = {NEW: len(plan.new.said), CHANGED: 0, SAME: 0}
        for person in plan.people.values():
            if person.outcome != person.outcome_before:
                counts[person.outcome] += 1
                if person.outcome_before:
                    counts[person.outcome_before] -= 1
        again = [person.subject for person in plan.people.values() if person.outcome_before]
        if again:
            ImportSeen.objects.filter(run=self.run, subject__in=again).delete()
        bulk.insert(
            ImportSeen,
            ("run", "subject", "line", "outcome", "given"),
            (
                *(
                    (self.run, person.subject, person.line, person.outcome, f"{person.given:x}")
                    for person in plan.people.values()
                ),
                *(
                    (self.run, subject, line, NEW, f"{sum(map(self.bits.__getitem__, said)):x}")
                    for subject, line, said in plan.new.said
                ),
            ),
        )
        return counts
