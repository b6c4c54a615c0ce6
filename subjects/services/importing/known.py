"""Who of a chunk is known already, with all that decides what a row may change; few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from registry import seam
from registry.models import Operator
from subjects import sealing
from subjects.models import DataSubject, Ground, PersonalDatum
from subjects.models.imports import ImportSeen
from subjects.services import guard
from subjects.services.covering import WITHOUT_CATEGORY
from subjects.services.importing.register import Register
from subjects.vault import keyring, store
from subjects.vault.models import DestructionItem, Sealed, SearchToken, VaultKey

NEW, CHANGED, SAME = "new", "changed", "same"


class KeyRow(NamedTuple):
    """A row of the vault, with the KEK that wrapped it."""

    pk: int
    kind: int
    owner: int
    category: int | None
    wrapped: bytes
    kek: bytes

    def __repr__(self) -> str:
        return f"<key {self.pk}>"

    def opened(self) -> bytes:
        """``store.open_key`` without asking for the KEK again."""
        bound = store.bound_key(self.kind, self.owner, self.category)
        return sealing.unwrap(self.kek, self.wrapped, bound)


@dataclass(slots=True)
class Held:
    """One value on a card: open, destroyed at a moment, or lost."""

    datum: int
    key: int
    raw: bytes = b""
    row: KeyRow | None = None
    gone_at: datetime | None = None
    text: str | None = None

    def opened(self) -> str | None:
        """The value; None when its key is gone."""
        if self.text is None and self.row is not None:
            bound = store.bound_value(self.row.kind, self.key)
            self.text = sealing.unseal(self.row.opened(), self.raw, bound).decode()
        return self.text


@dataclass(slots=True)
class Standing:
    """A ground of the person, ended or not."""

    activity: int
    basis: int
    started_on: date
    ended_on: date | None
    text: int | None = None
    given_at: datetime | None = None
    withdrawn_at: datetime | None = None


@dataclass(slots=True)
class Person:
    """A card as an import sees it, new or known; the rows of a chunk are taken one by one."""

    subject: int
    code: str = ""
    known: bool = False
    merged_into: str = ""
    held: dict[int, list[Held]] = field(default_factory=lambda: defaultdict(list))
    standing: list[Standing] = field(default_factory=list)
    covered: frozenset[int] = frozenset()
    blocks: list[guard.Standing] = field(default_factory=list)
    # What this run has met of the person already.
    line: int = 0
    given: int = 0
    outcome: str = ""
    outcome_before: str = ""
    # The values of the last row of this chunk that was taken.
    said: dict[str, str] | None = None


class Known:
    """Finds cards by the tokens of their accounts and reads them whole; locks what it reads."""

    def __init__(self, register: Register, run: int) -> None:
        self.register, self.run = register, run

    def people(self, tokens: Collection[bytes]) -> dict[bytes, Person]:
        """Token of an account -> the card that has it, locked until the transaction ends."""
        operator = self.register.operator
        # Whoever records an account by hand takes this lock too.
        seam.lock(Operator.objects.filter(pk=operator.pk)).values_list("pk").first()
        keys = {
            key: bytes(token)
            for token, key in seam.among(SearchToken.objects.all(), "token", tokens).values_list(
                "token", "key"
            )
        }
        if not keys:
            return {}
        owners = PersonalDatum.objects.filter(identity=True, value_key__in=list(keys)).values_list(
            "value_key", "subject"
        )
        found = {keys[key]: subject for key, subject in owners}
        people = self._cards(set(found.values())) if found else {}
        return {token: people[subject] for token, subject in found.items()}

    def _cards(self, numbers: set[int]) -> dict[int, Person]:
        cards = seam.lock(
            DataSubject.objects.filter(pk__in=numbers, operator=self.register.operator).order_by(
                "pk"
            )
        ).values_list("pk", "code", "merged_into__code")
        people = {
            number: Person(number, code, known=True, merged_into=other or "")
            for number, code, other in cards
        }
        # After the lock: nobody blocks a card that we hold.
        for number, blocks in guard.standing(people).items():
            people[number].blocks = blocks
        self._grounds(people)
        self._data(people)
        seen = ImportSeen.objects.filter(run=self.run, subject__in=numbers)
        for subject, line, outcome, given in seen.values_list(
            "subject", "line", "outcome", "given"
        ):
            person = people[subject]
            person.line, person.outcome, person.given = line, outcome, int(given, 16)
            person.outcome_before = outcome
        return people

    def _grounds(self, people: dict[int, Person]) -> None:
        register = self.register
        activities = {row.pk: row for row in register.activities.values()}
        rows = Ground.objects.filter(subject__in=list(people)).values_list(
            "subject", "activity", "legal_basis", "started_on", "ended_on",
            "consent__text", "consent__given_at", "consent__withdrawn_at", "consent__expires_on",
        )  # fmt: skip
        for (
            subject, activity, basis, started_on, ended_on, text, given_at, withdrawn_at,
            expires_on,
        ) in rows:  # fmt: skip
            person = people[subject]
            person.standing.append(
                Standing(activity, basis, started_on, ended_on, text, given_at, withdrawn_at)
            )
            if register.live(activities[activity], started_on, ended_on, expires_on):
                covered = register.data_of_text[text] if text else register.data_of[activity]
                person.covered |= {*covered, WITHOUT_CATEGORY}

    def _data(self, people: dict[int, Person]) -> None:
        data = PersonalDatum.objects.filter(subject__in=list(people), value_key__isnull=False)
        kek = lru_cache(maxsize=None)(keyring.kek)
        keys = {
            number: KeyRow(number, kind, owner, category, bytes(wrapped), kek(by))
            for number, kind, owner, category, wrapped, by in VaultKey.objects.filter(
                pk__in=data.values("value_key")
            ).values_list("pk", "kind", "owner", "category", "wrapped", "kek")
        }
        gone = []
        for pk, subject, category, number, value in data.order_by("pk").values_list(
            "pk", "subject", "category", "value_key", "value"
        ):
            row = keys.get(number)
            if row and (row.kind, row.owner, row.category) != (Sealed.DATUM, subject, category):
                raise store.ForeignKeyOfValue()
            held = Held(pk, number, value.raw, row)
            people[subject].held[category or WITHOUT_CATEGORY].append(held)
            if held.row is None:
                gone.append(held)
        if gone:
            moments = dict(
                DestructionItem.objects.filter(key__in=[held.key for held in gone]).values_list(
                    "key", "destroyed_at"
                )
            )
            for held in gone:
                held.gone_at = moments.get(held.key)


def owners_of(tokens: Iterable[bytes]) -> dict[bytes, set[int]]:
    """Token -> the cards that have a value with it; cards merged away do not count. Two queries."""
    keys: dict[int, list[bytes]] = defaultdict(list)
    for token, key in seam.among(SearchToken.objects.all(), "token", list(tokens)).values_list(
        "token", "key"
    ):
        keys[key].append(bytes(token))
    found: dict[bytes, set[int]] = defaultdict(set)
    if keys:
        data = PersonalDatum.objects.filter(
            value_key__in=list(keys), subject__merged_into=None
        ).values_list("value_key", "subject")
        for key, subject in data:
            for token in keys[key]:
                found[token].add(subject)
    return found
