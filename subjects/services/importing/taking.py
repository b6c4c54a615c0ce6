"""One prepared chunk: which rows are taken, what they change, and the saving of it all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry import seam
from registry.choices import DataFormat, SearchKind
from registry.errors import OperatorError
from registry.models import User
from subjects.choices import HeldIn, Source
from subjects.models import Consent, DataSubject, Ground, PersonalDatum
from subjects.sealing import TOKEN_BYTES
from subjects.services import bulk
from subjects.services.covering import WITHOUT_CATEGORY
from subjects.services.grounds import GroundTwice
from subjects.services.importing import errors
from subjects.services.importing.codes import new_codes
from subjects.services.importing.finished import Finished, Ripe
from subjects.services.importing.known import (
    CHANGED,
    NEW,
    SAME,
    Held,
    Known,
    Person,
    Standing,
)
from subjects.services.importing.parts import (
    Group,
    Reject,
    Row,
    Sealed,
    refusal,
)
from subjects.services.importing.reading import ACCOUNT
from subjects.services.importing.register import Register, Spec, Wrong
from subjects.services.importing.returning import Returning
from subjects.services.importing.saving import Plan, Saving
from subjects.services.importing.worker import Preparing
from subjects.services.people import CardMerged
from subjects.vault import store
from subjects.vault.field import Ciphertext
from subjects.vault.models import KeyUse
from subjects.vault.models import Sealed as Kind

DATUM, EVIDENCE = int(Kind.DATUM), int(Kind.EVIDENCE)


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
        self.register, self.preparing = register, preparing
        self.kek, self.search = kek, search
        trail: dict[str, Any] = {"by": by, "reason": f"import {run}", "at": now}
        self.now = now
        self.known = Known(register, run)
        setup = preparing.setup
        self.returning = Returning(register, [setup.account, *setup.columns.values()])
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
        self.finished = Finished(
            register=register,
            places=self.places,
            strong=self.strong,
            lookup=preparing.lookup,
            now=now,
        )
        self.saving = Saving(
            finished=self.finished, preparing=preparing, run=run, search=search, trail=trail
        )
        self.bits = self.saving.bits

    def take(self, ripe: Ripe) -> Taken:
        """Save everything of the chunk that may be saved; says what was not, and why."""
        prepared = ripe.prepared
        seam.by_index()
        tokens = [token for group in prepared.groups for token in group.tokens]
        people = self.known.people(tokens)
        self.returning.meet(prepared.groups)
        codes = iter(new_codes(len(prepared.groups)))
        rejects, rejected = list(prepared.rejects), prepared.rejected
        plan = Plan(self.finished.take(ripe, people, codes, self.returning.met))
        for group, row in _in_order(plan.new.others):
            person = next((people[token] for token in group.tokens if token in people), None)
            if person is None:
                person = Person(group.subject, next(codes))
                people[group.tokens[0]] = person
            wrong = self._row(plan, person, group, row)
            if wrong:
                rejects += [refusal(row.line, column, error) for column, error in wrong]
                rejected += 1
                self.returning.refuse(row)
        self.returning.note(self.now)
        pairs = self.saving.conflicts(plan)
        self.saving.save(plan)
        conflicts = self.saving.tell(pairs)
        counts = self.saving.remember(plan)
        store.require_in_use({(KeyUse.KEK, self.kek), (KeyUse.SEARCH, self.search)})
        rejects.sort(key=lambda reject: reject.line)
        return Taken(counts, conflicts, rejects, rejected)

    # --- one row -----------------------------------------------------------------------------
    def _row(self, plan: Plan, person: Person, group: Group, row: Row) -> Wrong:
        """Plan what the row brings; or say what is wrong with it, and plan nothing."""
        if person.merged_into:
            return [(ACCOUNT, CardMerged(code=person.code, other=person.merged_into))]
        if blocked := self._blocked(person, row):
            return blocked
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
        if not wrong and (spec is not None or added or rectified):
            # What brings nothing new brings nobody back.
            wrong = self.returning.wrong(row)
        if wrong:
            return wrong
        self._apply(plan, person, group, row, spec, added, rectified)
        return []

    def _blocked(self, person: Person, row: Row) -> Wrong:
        """Nothing comes in over what is blocked; it is not even compared."""
        names = [ACCOUNT, *(name for name in row.values if name != ACCOUNT)]
        for block in person.blocks:
            for name in names:
                if block.covers(None if name == ACCOUNT else self.places[name]):
                    day = block.since.astimezone(self.register.operator.zone).date()
                    error = errors.RowBlocked(code=person.code, label=block.label, day=str(day))
                    return [(name, error)]
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
                self.returning.came_back = held.gone_at
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


def _in_order(groups: list[Group]) -> Iterator[tuple[Group, Row]]:
    """The rows as they stand in the file; those of an account keep their order anyway."""
    rows = [(group, row) for group in groups for row in group.rows]
    rows.sort(key=lambda pair: pair[1].line)
    return iter(rows)
