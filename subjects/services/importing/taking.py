"""One prepared chunk: which rows are taken, what they change, and the saving of it all at once."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from registry import seam
from registry.choices import DataFormat, SearchKind
from registry.errors import OperatorError
from registry.models import User
from subjects import sealing
from subjects.choices import HeldIn, Source
from subjects.models import Consent, DataSubject, Ground, ImportConflict, PersonalDatum
from subjects.models.base import ALPHABET, CODE_LENGTH
from subjects.models.imports import ImportSeen
from subjects.sealing import TOKEN_BYTES
from subjects.services import bulk
from subjects.services.covering import WITHOUT_CATEGORY
from subjects.services.grounds import GroundTwice
from subjects.services.importing import errors
from subjects.services.importing.finished import Finished, New, Strong
from subjects.services.importing.known import (
    CHANGED,
    NEW,
    SAME,
    Held,
    Known,
    Person,
    Standing,
    owners_of,
)
from subjects.services.importing.reading import ACCOUNT
from subjects.services.importing.register import Register, Spec, Wrong
from subjects.services.importing.worker import (
    KEY_COLUMNS,
    TOKEN_COLUMNS,
    Group,
    Prepared,
    Preparing,
    Reject,
    Row,
    Sealed,
    refusal,
)
from subjects.services.people import CardMerged
from subjects.vault import store
from subjects.vault.field import Ciphertext
from subjects.vault.models import KeyUse, SearchToken, VaultKey
from subjects.vault.models import Sealed as Kind

DATUM, EVIDENCE = int(Kind.DATUM), int(Kind.EVIDENCE)


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


@dataclass
class Taken:
    """What became of a chunk's people and rows."""

    counts: dict[str, int]
    conflicts: int
    rejects: list[Reject]
    rejected: int


class Taking:
    """Takes chunk after chunk of one run; each call stands in a transaction of its caller."""

    def __init__(
        self,
        *,
        register: Register,
        preparing: Preparing,
        run: int,
        kek: int,
        search: int,
        by: User | None,
        now: datetime,
    ) -> None:
        self.register, self.preparing, self.run = register, preparing, run
        self.kek, self.search = kek, search
        self.trail: dict[str, Any] = {"by": by, "reason": f"import {run}", "at": now}
        self.now = now
        self.known = Known(register, run)
        self.names = {row.pk: row.name for row in register.categories.values()}
        strong = {
            row.code
            for row in register.categories.values()
            if row.format == DataFormat.IIN and row.search == SearchKind.WHOLE
        }
        self.strong = strong & set(preparing.setup.columns)
        self.card = bulk.drafts(
            DataSubject, operator_id=register.operator.pk, registered_at=now, code=""
        )
        self.ground = bulk.drafts(Ground)
        self.consent = bulk.drafts(Consent)
        self.datum = bulk.drafts(PersonalDatum, held_in=HeldIn.VAULT, source=Source.SUBJECT)
        columns = preparing.setup.columns
        self.places = {
            name: column.category or WITHOUT_CATEGORY for name, column in columns.items()
        }
        self.places[ACCOUNT] = preparing.setup.account.category or WITHOUT_CATEGORY
        self.bits = {name: 1 << place for place, name in enumerate(preparing.setup.header)}
        self.finished = Finished(
            register=register,
            places=self.places,
            strong=self.strong,
            lookup=preparing.lookup,
            now=now,
        )

    def take(self, prepared: Prepared) -> Taken:
        """Save everything of the chunk that may be saved; says what was not, and why."""
        seam.by_index()
        tokens = [token for group in prepared.groups for token in group.tokens]
        people = self.known.people(tokens)
        codes = iter(_new_codes(len(prepared.groups)))
        rejects, rejected = list(prepared.rejects), prepared.rejected
        plan = Plan(self.finished.take(prepared.groups, people, codes))
        for group, row in _in_order(plan.new.others):
            person = next((people[token] for token in group.tokens if token in people), None)
            if person is None:
                person = Person(group.subject, next(codes))
                people[group.tokens[0]] = person
            wrong = self._row(plan, person, group, row)
            if wrong:
                rejects += [refusal(row.line, column, error) for column, error in wrong]
                rejected += 1
        pairs = self._conflicts(plan)
        self._save(plan)
        conflicts = self._tell(pairs)
        counts = self._remember(plan)
        store.require_in_use({(KeyUse.KEK, self.kek), (KeyUse.SEARCH, self.search)})
        rejects.sort(key=lambda reject: reject.line)
        return Taken(counts, conflicts, rejects, rejected)

    # --- one row -----------------------------------------------------------------------------
    def _row(self, plan: Plan, person: Person, group: Group, row: Row) -> Wrong:
        """Plan what the row brings; or say what is wrong with it, and plan nothing."""
        if person.merged_into:
            return [(ACCOUNT, CardMerged(code=person.code, other=person.merged_into))]
        spec, wrong = self.register.judge(row.facts)
        if wrong:
            return wrong
        if spec is not None:
            spec = self._still_new(person, spec, row, wrong)
        covered = person.covered
        if spec is not None:
            covered = covered | spec.covers if covered else spec.covers
        added: list[str] = []
        rectified: list[tuple[Held, str, str]] = []
        # Most rows of an account say what its last row said.
        if row.values is not person.said and row.values != person.said:
            for name, text in row.values.items():
                if name == ACCOUNT and (person.known or person.outcome):
                    continue
                try:
                    held = self._value(person, row, name, text, covered)
                except OperatorError as error:
                    wrong.append((name, error))
                    continue
                if held is None:
                    added.append(name)
                elif held.text != text:
                    rectified.append((held, name, text))
        if wrong:
            return wrong
        self._apply(plan, person, group, row, spec, added, rectified)
        return []

    def _still_new(self, person: Person, spec: Spec, row: Row, wrong: Wrong) -> Spec | None:
        """The ground, unless the card has it; one that ended is not opened again by an old row."""
        same = [
            ground
            for ground in person.standing
            if (ground.activity, ground.basis) == (spec.activity, spec.basis)
        ]
        for ground in same:
            recorded = (
                (ground.text, ground.given_at) == (spec.text, row.facts.given_at)
                if spec.text
                else ground.started_on == spec.started_on
            )
            if recorded:
                return None
        if any(ground.ended_on is None for ground in same):
            wrong.append(("activity", GroundTwice(code=person.code, ground=spec.name)))
            return None
        for ground in same:
            if ground.withdrawn_at is not None and row.facts.given_at is not None:
                old = row.facts.given_at <= ground.withdrawn_at
            else:
                old = ground.ended_on is not None and spec.started_on < ground.ended_on
            if old:
                return None
        return spec

    def _value(
        self, person: Person, row: Row, name: str, text: str, covered: Iterable[int]
    ) -> Held | None:
        """The value on the card that this is, or takes the place of; None: there is none yet."""
        category = self.places[name]
        called = self.names.get(category, name)
        if category not in covered:
            raise errors.RowNotCovered(category=called)
        present = person.held.get(category)
        if not present:
            return None
        live = [held for held in present if held.opened() is not None]
        for held in live:
            if held.text == text:
                return held
        if person.given & self.bits[name]:
            raise errors.OtherLineSays(line=person.line)
        if len(live) > 1:
            raise errors.SeveralValues(code=person.code, category=called)
        if live:
            return live[0]
        for held in present:
            if held.gone_at is None:
                raise store.ValueLost()
            gone_on = held.gone_at.astimezone(self.register.operator.zone).date()
            said_on = row.facts.given_on or row.facts.started_on
            if said_on is None or said_on <= gone_on:
                raise errors.DestroyedSince(category=called, code=person.code, day=str(gone_on))
        return None

    def _apply(
        self,
        plan: Plan,
        person: Person,
        group: Group,
        row: Row,
        spec: Spec | None,
        added: list[str],
        rectified: list[tuple[Held, str, str]],
    ) -> None:
        fresh = not person.known and not person.outcome
        if fresh:
            plan.subjects.append(self.card(id=person.subject, code=person.code))
        if spec is not None:
            self._ground(plan, person, group, row, spec)
        for name in added:
            self._add(plan, person, group, row, name)
        for held, name, text in rectified:
            held.text = text
            plan.rectified.append((held, name, text))
            if name in self.strong:
                plan.strong.append(
                    (person.subject, row.line, name, self.preparing.lookup(name, text))
                )
        if fresh:
            person.outcome = NEW
        elif person.outcome in ("", SAME):
            wrote = spec is not None or added or rectified
            person.outcome = CHANGED if wrote else person.outcome or SAME
        person.line = person.line or row.line
        if row.values is not person.said and row.values != person.said:
            person.said = row.values
            for name in row.values:
                person.given |= self.bits[name]
        plan.people[person.subject] = person

    def _ground(self, plan: Plan, person: Person, group: Group, row: Row, spec: Spec) -> None:
        ground = self.ground(
            subject_id=person.subject,
            activity_id=spec.activity,
            legal_basis_id=spec.basis,
            started_on=spec.started_on,
        )
        plan.grounds.append(ground)
        facts = row.facts
        person.standing.append(
            Standing(spec.activity, spec.basis, spec.started_on, None, spec.text, facts.given_at)
        )
        covered = person.covered
        person.covered = covered | spec.covers if covered else spec.covers
        if spec.text is None:
            return
        evidence = row.evidence
        if evidence is not None:
            if group.subject != person.subject:
                evidence = self.preparing.proof(evidence.text, person.subject, evidence.key)
            self._sealed(plan, evidence, EVIDENCE, person.subject, None)
        plan.consents.append(
            self.consent(
                ground_id=ground,
                text_id=spec.text,
                given_at=facts.given_at,
                channel=spec.channel,
                expires_on=spec.expires_on,
                evidence=Ciphertext(evidence.raw) if evidence else None,
                evidence_key=evidence.key if evidence else None,
                third_parties="third_parties" in spec.scopes,
                cross_border="cross_border" in spec.scopes,
                dissemination="dissemination" in spec.scopes,
            )
        )

    def _add(self, plan: Plan, person: Person, group: Group, row: Row, name: str) -> None:
        text = row.values[name]
        sealed = group.sealed.get(name)
        if sealed is None or group.subject != person.subject or sealed.text != text:
            # Under the number that was reserved for it, which nothing has used.
            number = sealed.key if sealed else group.ready.keys[name]  # type: ignore[union-attr]
            sealed = self.preparing.value(name, text, person.subject, number)
        place = self.places[name]
        category = place or None
        self._sealed(plan, sealed, DATUM, person.subject, category)
        plan.data.append(
            self.datum(
                subject_id=person.subject,
                category_id=category,
                identity=name == ACCOUNT,
                value=Ciphertext(sealed.raw),
                value_key=sealed.key,
                collected_on=row.facts.given_on or row.facts.started_on or self.register.today,
            )
        )
        person.held[place].append(Held(0, sealed.key, text=text))
        if name in self.strong:
            plan.strong.append((person.subject, row.line, name, self.preparing.lookup(name, text)))

    def _sealed(
        self, plan: Plan, sealed: Sealed, kind: int, owner: int, category: int | None
    ) -> None:
        search = self.search if sealed.tokens else None
        plan.keys.append(
            (sealed.key, kind, owner, category, sealed.wrapped, self.kek, search, None)
        )
        joined = sealed.tokens
        for start in range(0, len(joined), TOKEN_BYTES):
            plan.tokens.append((joined[start : start + TOKEN_BYTES], sealed.key))

    # --- saving ------------------------------------------------------------------------------
    def _save(self, plan: Plan) -> None:
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

    def _conflicts(self, plan: Plan) -> dict[tuple[int, int, str], int]:
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

    def _tell(self, pairs: dict[tuple[int, int, str], int]) -> int:
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

    def _remember(self, plan: Plan) -> dict[str, int]:
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


def _in_order(groups: list[Group]) -> Iterator[tuple[Group, Row]]:
    """The rows as they stand in the file; those of an account keep their order anyway."""
    rows = [(group, row) for group in groups for row in group.rows]
    rows.sort(key=lambda pair: pair[1].line)
    return iter(rows)


def _new_codes(number: int) -> list[str]:
    """So many codes that no card has; one query."""
    codes: set[str] = set()
    while len(codes) < number:
        wanted = {_code() for _ in range(number - len(codes))} - codes
        taken = seam.among(DataSubject.objects.all(), "code", wanted).values_list("code", flat=True)
        codes |= wanted - set(taken)
    return list(codes)


def _code() -> str:
    """``new_code`` with one random number in the place of eight."""
    drawn, letters = secrets.randbelow(len(ALPHABET) ** CODE_LENGTH), ""
    for _ in range(CODE_LENGTH):
        drawn, place = divmod(drawn, len(ALPHABET))
        letters += ALPHABET[place]
    return f"S-{letters}"
