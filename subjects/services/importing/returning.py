"""Rows of a chunk that are older than the destruction of somebody with the same identifiers.

A first import is not slowed down: without any evidence of the operator a chunk costs one query that
finds nothing, with some one more that looks all identifiers of the chunk up at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef

from registry.services.returns import return_note
from subjects.folding import Term, index_terms
from subjects.models import DestructionAct, DestructionItem
from subjects.services import evidence
from subjects.services.importing.parts import ACCOUNT, Column, Group, Row
from subjects.services.importing.register import Register, Wrong


class Returning:
    """What evidence says of the identifiers of one chunk after another; each in a transaction."""

    def __init__(self, register: Register, columns: Iterable[Column]) -> None:
        self.register = register
        found = {column.name: column for column in columns}
        self.columns = {
            name: column
            for name, column in found.items()
            if name == ACCOUNT or column.format in evidence.LEFT_BY
        }
        self.called = {row.code: row.name for row in register.categories.values()}
        self.gone: dict[tuple[str, str], datetime] = {}
        # When what a row wants to bring was destroyed, where the card itself says so.
        self.came_back: datetime | None = None
        # When they were destroyed -> how many rows of the chunk were refused that name them.
        self.refused: Counter[datetime] = Counter()
        self.acts: dict[datetime, str] = {}

    def meet(self, groups: Iterable[Group]) -> None:
        """Look up whom the chunk names; after its cards are locked, so that none goes meanwhile."""
        self.gone, self.came_back = {}, None
        self.refused.clear()
        operator, today = self.register.operator, self.register.today
        if not evidence.evidence_stands(operator, today):
            return
        said = {
            (name, row.values[name])
            for group in groups
            for row in group.rows
            for name in self.columns.keys() & row.values.keys()
        }
        terms = {one: self._terms(*one) for one in said}
        every = {term for some in terms.values() for term in some}
        moments = evidence.last_destroyed(operator.pk, every, today)
        for one, some in terms.items():
            at = max((moments[term] for term in some if term in moments), default=None)
            if at is not None:
                self.gone[one] = at

    def _terms(self, name: str, text: str) -> list[Term]:
        terms = index_terms(self.columns[name].format, "whole", text)
        if name == ACCOUNT:
            terms += index_terms("account", "whole", text)
        return [term for term in terms if term[0] in evidence.ASKED]

    def met(self, group: Group) -> bool:
        """Whether a row of theirs has to be judged; the others are taken as they are."""
        if not self.gone:
            return False
        return any(one in self.gone for row in group.rows for one in row.values.items())

    def wrong(self, row: Row) -> Wrong:
        """What the row says that a destroyed person said too, later than the row."""
        found: Wrong = []
        for name, at in self._older(row):
            day = str(at.astimezone(self.register.operator.zone).date())
            called = self.called.get(name, name)
            found.append((name, evidence.OlderThanDestruction(category=called, day=day)))
        return found

    def _older(self, row: Row) -> list[tuple[str, datetime]]:
        """By which columns the row names somebody who was destroyed after it, and when."""
        if not self.gone:
            return []
        day = row.facts.given_on or row.facts.started_on or self.register.today
        zone = self.register.operator.zone
        found = []
        for name in self.columns.keys() & row.values.keys():
            at = self.gone.get((name, row.values[name]))
            if at is not None and evidence.is_older(row.facts.given_at, day, at, zone):
                found.append((name, at))
        return sorted(found)

    # --- the source that still carries them --------------------------------------------------
    def refuse(self, row: Row) -> None:
        """Count a row that was not taken, whatever for, if it names somebody who was destroyed."""
        moments = [at for _name, at in self._older(row)]
        if self.came_back is not None:
            moments.append(self.came_back)
        self.came_back = None
        if moments:
            self.refused[max(moments)] += 1

    def note(self, now: datetime) -> None:
        """Write down that the file still carries them, in the transaction of the chunk."""
        for at, rows in sorted(self.refused.items()):
            if at not in self.acts:
                self.acts[at] = self._act(at)
            return_note(
                operator=self.register.operator, system=None, act=self.acts[at], rows=rows, now=now
            )

    def _act(self, at: datetime) -> str:
        """The act that destroyed something at that very moment; empty: none, or one of several."""
        acts = DestructionAct.objects.filter(operator=self.register.operator, started_at__lte=at)
        items = DestructionItem.objects.filter(act=OuterRef("pk"), destroyed_at=at)
        numbers = list(acts.filter(Exists(items)).values_list("number", flat=True)[:2])
        return numbers[0] if len(numbers) == 1 else ""
