"""What becomes of the data of many people at once: ``covering`` for whole chunks of cards.

Seven queries a chunk, whatever it holds. People whose grounds are alike (the same activities, the
same ends) have the same fates, so each kind of them is decided once.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from django.db.models import Q

from registry import seam
from registry.choices import Effect, Event, RuleSource
from registry.errors import OperatorError
from registry.models import (
    ConsentText,
    DeadlineRule,
    LegalBasis,
    ProcessingActivity,
)
from registry.services.rules import outcome
from subjects import fate
from subjects.choices import HeldIn
from subjects.models import DataSubject, DestructionRuling, Ground, PersonalDatum
from subjects.services.covering import WITHOUT_CATEGORY, End, Law, cover, known_end
from subjects.services.ruling_facts import rulings_on
from subjects.vault.models import Sealed, VaultKey

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
# What separates the parts of ``Destiny.why``; no code and no article has it.
APART = "; "


@dataclass(frozen=True, slots=True)
class Destiny:
    """What becomes of a value, and by what.

    ``due_on`` None: nothing sets a day. ``rule`` and ``article``: what sets it; ``event``: the end
    that it follows; ``counted_from``: the day from which the rule counts. ``why``: what holds it
    as long as it stays: the code of an activity (or rule), its article, the last day if known.
    ``never``: no ground ever covered it.
    """

    stays: bool
    due_on: date | None
    event: str = ""
    rule: str = ""
    article: str = ""
    counted_from: date | None = None
    automatic: bool = False
    why: str = ""
    never: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """One value of a person: a key that stands in the vault, or a datum held elsewhere (no key).

    ``dated``: what its key says today.
    """

    subject: int
    kind: int
    key: int | None
    datum: int | None
    category: int | None
    dated: date | None
    destiny: Destiny

    @property
    def destroy_on(self) -> date | None:
        """What its key is to say. Data that nothing covers are due since the day it was seen."""
        if self.destiny.never and self.dated and self.destiny.due_on:
            return min(self.dated, self.destiny.due_on)
        return self.destiny.due_on


# A ground: number, activity, basis, start (None: it has begun), end, event, consent text.
_GroundShape = tuple[int, int, date | None, date | None, str, int | None]
_Shape = tuple[_GroundShape, ...]


class Fates:
    """The fates of some of an operator's people on one day.

    For one chunk: the register is read with it, so that nothing is decided by an old one. ``law``
    goes on from chunk to chunk. ``achieved``: purposes (by number) as if they ended on that day.
    """

    def __init__(self, law: Law, today: date, achieved: Mapping[int, date] | None = None) -> None:
        self.law = law
        self.today = today
        self.achieved = achieved or {}
        self._covers: dict[_Shape, list[fate.Cover]] = {}
        self._destinies: dict[tuple[_Shape, int], Destiny] = {}
        self._proofs: dict[date, Destiny] = {}
        self._texts: dict[int, frozenset[int]] = {}

    # --- the register, once ----------------------------------------------------------------------
    @cached_property
    def activities(self) -> dict[int, ProcessingActivity]:
        rows = ProcessingActivity.objects.filter(operator=self.law.operator)
        found = rows.select_related("purpose").in_bulk()
        for activity in found.values():
            if activity.purpose_id in self.achieved:
                activity.purpose.ended_on = self.achieved[activity.purpose_id]
        return found

    @cached_property
    def _bases(self) -> dict[int, LegalBasis]:
        return LegalBasis.objects.in_bulk()

    @cached_property
    def _of_activities(self) -> Mapping[int, frozenset[int]]:
        through = ProcessingActivity.data_categories.through
        rows = through.objects.filter(processingactivity__operator=self.law.operator)
        return _gathered(rows.values_list("processingactivity_id", "datacategory_id"))

    @cached_property
    def _proof_rules(self) -> list[DeadlineRule]:
        return list(
            DeadlineRule.objects.filter(
                Q(jurisdiction=self.law.operator.jurisdiction_id),
                event=Event.CONSENT_ENDED,
                effect=Effect.KEEP_EVIDENCE,
                source=RuleSource.STATUTE,
            )
        )

    @cached_property
    def _rulings(self) -> Mapping[int, fate.Ruling]:
        return rulings_on(DestructionRuling.objects.filter(operator=self.law.operator))

    def _read_texts(self, wanted: set[int]) -> None:
        """Which categories these consent texts name, of those not read yet."""
        missing = wanted - self._texts.keys()
        if not missing:
            return
        through = ConsentText.data_categories.through
        found = _gathered(
            seam.numbered(through.objects.all(), "consenttext_id", missing).values_list(
                "consenttext_id", "datacategory_id"
            )
        )
        self._texts |= {text: found.get(text, frozenset()) for text in missing}

    # --- the people ------------------------------------------------------------------------------
    def read(
        self, subjects: Iterable[int], failed: dict[int, OperatorError] | None = None
    ) -> list[Held]:
        """All that is held about these people of the operator, with what becomes of it.

        ``failed``: takes in whoever has no fate, and why (a term past the last year there is); they
        are left out, so that the others do not wait. Without it, the first of them is refused.
        """
        numbers = list(subjects)
        if not numbers:
            return []
        data = list(
            seam.numbered(PersonalDatum.objects.order_by(), "subject_id", numbers).values_list(
                "pk", "subject_id", "category_id", "value_key", "file__key", "held_in"
            )
        )
        grounds = list(
            seam.numbered(Ground.objects.order_by("pk"), "subject_id", numbers).values_list(
                "subject_id", "activity_id", "legal_basis_id", "started_on", "ended_on",
                "end_reason", "consent__expires_on", "consent__text_id", "consent__evidence_key",
            )
        )  # fmt: skip
        keys = [row[3] or row[4] for row in data if row[5] == HeldIn.VAULT]
        keys += [row[8] for row in grounds if row[8]]
        dated = dict(
            seam.numbered(VaultKey.objects.order_by(), "id", keys).values_list("pk", "destroy_on")
        )
        shapes, proofs = self._shapes(grounds)
        found = []
        for pk, subject, category, value, file, held_in in data:
            key = value or file
            in_vault = held_in == HeldIn.VAULT
            if in_vault and key not in dated:
                continue
            if failed and subject in failed:
                continue
            try:
                destiny = self._destiny(
                    shapes.get(subject, ()), category or WITHOUT_CATEGORY, self._rulings.get(pk)
                )
            except OperatorError as error:
                if failed is None:
                    raise
                failed[subject] = error
                continue
            found.append(
                Held(
                    subject=subject,
                    kind=Sealed.DATUM if value or not in_vault else Sealed.FILE,
                    key=key if in_vault else None,
                    datum=pk,
                    category=category,
                    dated=dated[key] if in_vault else None,
                    destiny=destiny,
                )
            )
        for subject, key, end in proofs:
            if key in dated and subject not in (failed or ()):
                found.append(
                    Held(subject, Sealed.EVIDENCE, key, None, None, dated[key], self._proof(end))
                )
        return found

    def _shapes(
        self,
        grounds: Iterable[tuple],  # type: ignore[type-arg]
    ) -> tuple[dict[int, _Shape], list[tuple[int, int, End | None]]]:
        shapes: dict[int, list[_GroundShape]] = defaultdict(list)
        proofs = []
        texts = set()
        for subject, activity, basis, start, ended, reason, expires, text, proof in grounds:
            end = known_end(
                started_on=start,
                ended_on=ended,
                end_reason=reason,
                expires_on=expires,
                activity=self.activities[activity],
            )
            # When it began tells nothing more about a ground that has begun.
            begins = start if start > self.today else None
            shapes[subject].append(
                (activity, basis, begins, end.on if end else None, end.event if end else "", text)
            )
            if text:
                texts.add(text)
            if proof:
                proofs.append((subject, proof, end))
        self._read_texts(texts)
        return {subject: tuple(shape) for subject, shape in shapes.items()}, proofs

    def _destiny(self, shape: _Shape, category: int, ruling: fate.Ruling | None) -> Destiny:
        if ruling is not None:
            return self._decide(shape, category, ruling)
        known = self._destinies.get((shape, category))
        if known is None:
            known = self._destinies[shape, category] = self._decide(shape, category)
        return known

    def _decide(self, shape: _Shape, category: int, ruling: fate.Ruling | None = None) -> Destiny:
        covers = self._covers.get(shape)
        if covers is None:
            covers = self._covers[shape] = [
                self._cover(number, ground) for number, ground in enumerate(shape)
            ]
        (found,) = fate.decide([fate.Datum(0, category, ruling)], covers, self.today)
        why = ""
        if found.stays:
            last = max(found.held_by, key=lambda one: one.until or date.max)
            activity = self.activities[shape[last.ground][0]]
            until = [last.until.isoformat()] if last.until else []
            why = APART.join([activity.code, last.article, *until])
        if ruling is not None and found.reason == fate.Reason.RULED:
            return Destiny(
                stays=False,
                due_on=found.due_on,
                event=found.event,
                rule=ruling.limit.code,
                article=ruling.limit.article,
                counted_from=ruling.counted_from,
            )
        if found.ground is None:
            return Destiny(
                found.stays,
                found.due_on,
                why=why,
                never=found.reason == fate.Reason.NEVER_COVERED,
            )
        leading = covers[found.ground]
        rule = self.law.after(self._ground(found.ground, shape[found.ground]), found.event)
        return Destiny(
            stays=found.stays,
            due_on=found.due_on,
            event=found.event,
            rule=found.limit.code if found.limit else rule.code if rule else "",
            article=found.limit.article if found.limit else leading.article,
            counted_from=leading.keep.until if leading.keep else leading.ended_on,
            # Depersonalising is another thing than destroying: somebody has to decide.
            automatic=rule is not None and rule.automatic and found.then != fate.Then.DEPERSONALISE,
            why=why,
        )

    def _ground(self, number: int, shape: _GroundShape) -> Ground:
        """A ground of that shape, which is in no table and has no consent of its own."""
        row = Ground(
            id=number,
            activity=self.activities[shape[0]],
            legal_basis=self._bases[shape[1]],
            started_on=shape[2] or date.min,
        )
        row._state.fields_cache["consent"] = None
        return row

    def _cover(self, number: int, shape: _GroundShape) -> fate.Cover:
        activity, _, _, ends, event, text = shape
        # A consent reaches no further than its text, whatever the activity has become.
        categories = self._texts[text] if text else self._of_activities.get(activity, frozenset())
        end = End(ends, event) if ends else None
        return cover(self._ground(number, shape), categories, self.law, end)

    def _proof(self, end: End | None) -> Destiny:
        """The proof of a consent stays while it is needed, then as long as a claim can come."""
        if end is None or end.on > self.today:
            return Destiny(stays=True, due_on=None)
        known = self._proofs.get(end.on)
        if known is None:
            known = self._proofs[end.on] = self._proof_after(end.on)
        return known

    def _proof_after(self, ended_on: date) -> Destiny:
        rule = next(
            (
                rule
                for rule in self._proof_rules
                if (rule.effective_from or date.min)
                <= ended_on
                <= (rule.effective_until or date.max)
            ),
            None,
        )
        last = None
        if rule is not None:
            last = outcome(
                operator=self.law.operator,
                statute=rule,
                promise=None,
                trigger=ended_on,
                calendar=self.law.ahead,
            ).due_on
        if rule is None or last is None:
            # No rule is no licence.
            return Destiny(False, ended_on, Event.CONSENT_ENDED, counted_from=ended_on)
        stays = self.today <= last
        return Destiny(
            stays=stays,
            due_on=last + DAY,
            event=Event.CONSENT_ENDED,
            rule=rule.code,
            article=rule.article,
            counted_from=ended_on,
            why=APART.join([rule.code, rule.article, last.isoformat()]) if stays else "",
        )


def failures_tell(failed: Mapping[int, OperatorError]) -> None:
    """Into the log: the code of each card and what is wrong; neither holds a value."""
    cards = DataSubject.objects.filter(pk__in=failed).values_list("pk", "code")
    for number, code in cards.order_by("pk") if failed else ():
        log.error("fate of %s: %s", code, failed[number])


def _gathered(rows: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for owner, category in rows:
        found[owner].add(category)
    return {owner: frozenset(categories) for owner, categories in found.items()}
