"""Minting, opening and indexing: everything that touches the vault's two tables but destruction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import BinaryField, CharField, DateTimeField, IntegerField, Value

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from subjects import sealing
from subjects.vault import keyring
from subjects.vault.models import LABELS, DestructionItem, KeyUse, MasterKey, SearchToken, VaultKey

Term = tuple[str, str]
# Numbers in one statement: SQLite's builds take a thousand parameters at least, and a number may
# stand in it twice.
AT_ONCE = 400


class ValueDestroyed(Conflict):
    template = gettext_noop(
        "This value was destroyed; nothing can be saved in its place. Collect it anew, on a "
        "ground of its own."
    )


class ValueLost(OperatorError):
    status = 500
    template = gettext_noop(
        "The key of a sealed value is gone and no destruction names it: this is an incident."
    )


class ForeignKeyOfValue(OperatorError):
    status = 500
    template = gettext_noop("A sealed value carries the key of another row.")


class ValueMoved(Conflict):
    template = gettext_noop(
        "This value was moved to another card meanwhile. Open the page once more."
    )


class KeyRetiredMeanwhile(Conflict):
    template = gettext_noop("The keys were rotated while this was saved. Save it once more.")


@dataclass(frozen=True, slots=True)
class Place:
    """What a sealed value is tied to: which field, whose, of which category."""

    kind: int
    owner: int
    category: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a value is found, among the people of one operator (``realm``)."""

    realm: int
    terms: Sequence[Term]


@dataclass(frozen=True, slots=True)
class Minted:
    """A new key in the database, and its data key for as long as it is needed."""

    number: int
    data_key: bytes


def bound_key(kind: int, owner: int, category: int | None) -> bytes:
    """What a wrapped key is tied to: a key row given to another owner does not open."""
    return b"key:%d:%d:%d" % (kind, owner, category or 0)


def bound_value(kind: int, number: int) -> bytes:
    """What a value is tied to: its key's number and the literal name of its field."""
    return LABELS[kind] + b":%d" % number  # type: ignore[index]


# --- minting -----------------------------------------------------------------------------------
def mint(place: Place, terms: Terms | None = None) -> Minted:
    return mint_many([(place, terms)])[0]


def mint_many(wanted: Sequence[tuple[Place, Terms | None]]) -> list[Minted]:
    """A key of its own for each value, under the newest KEK, and its tokens; in a transaction."""
    if not wanted:
        return []
    number = keyring.ring().active(KeyUse.KEK)
    with in_use(KeyUse.KEK, number):
        kek = keyring.kek(number)
    search = keyring.ring().active(KeyUse.SEARCH)
    keys = [sealing.new_key() for _ in wanted]
    rows = VaultKey.objects.bulk_create(
        VaultKey(
            kind=place.kind,
            owner=place.owner,
            category=place.category,
            wrapped=sealing.wrap(kek, key, bound_key(place.kind, place.owner, place.category)),
            kek=number,
            search=search if terms and terms.terms else None,
        )
        for (place, terms), key in zip(wanted, keys, strict=True)
    )
    require_in_use(
        {(KeyUse.KEK, number), *((KeyUse.SEARCH, row.search) for row in rows if row.search)}
    )
    tokens = [
        SearchToken(token=token, key=row.pk)
        for row, (_, terms) in zip(rows, wanted, strict=True)
        if terms
        for token in tokens_of(terms, search)
    ]
    SearchToken.objects.bulk_create(tokens)
    return [Minted(row.pk, key) for row, key in zip(rows, keys, strict=True)]


def require_in_use(wanted: set[tuple[Any, int]]) -> None:
    """Refuse to keep anything under a key that was retired between its reading and the saving.

    Asked after the rows are written: retiring locks their table, so one of the two sees the other.
    """
    standing = MasterKey.objects.filter(retired_at=None).values_list("use", "number")
    if not wanted <= set(standing):
        keyring.forget()
        raise KeyRetiredMeanwhile()


@contextmanager
def in_use(use: Any, number: int) -> Iterator[None]:
    """Tell a key that was retired while something was made under it from one that is missing."""
    try:
        yield
    except keyring.KeysMissing:
        require_in_use({(use, number)})
        raise


# --- opening -----------------------------------------------------------------------------------
def unwrap(row: VaultKey) -> bytes:
    """The data key of a row of the vault, as the row stands in memory."""
    return sealing.unwrap(
        keyring.kek(row.kek), bytes(row.wrapped), bound_key(row.kind, row.owner, row.category)
    )


def open_key(row: VaultKey) -> bytes:
    """The data key of a row of the vault.

    Read once more where it was wrapped anew, and its old KEK retired, since the row was read.
    Refuses a value that was destroyed meanwhile.
    """
    try:
        return unwrap(row)
    except keyring.KeysMissing:
        again = keys_of([row.pk]).get(row.pk)
        if again is None and destroyed_among([row.pk]):
            raise ValueDestroyed() from None
        if again is None or again.kek == row.kek:
            raise
        return unwrap(again)


def keys_of(numbers: Iterable[int]) -> dict[int, VaultKey]:
    """The rows that still exist, by number; one query, none when nothing is asked."""
    wanted = [number for number in numbers if number]
    return VaultKey.objects.in_bulk(wanted) if wanted else {}


class Gone(NamedTuple):
    """What an item of a destruction says to whoever shows the value's place."""

    destroyed_at: datetime
    reason: str


def keys_and_gone(numbers: Iterable[int]) -> tuple[dict[int, VaultKey], dict[int, Gone]]:
    """The rows that still exist, and what became of those that were destroyed, by number.

    One query for a page; a number in neither is lost.
    """
    wanted = sorted(set(numbers))
    keys: dict[int, VaultKey] = {}
    gone: dict[int, Gone] = {}
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        nothing = Value(None, IntegerField())
        standing = VaultKey.objects.filter(pk__in=part).values_list(
            "pk", "kind", "owner", "category", "wrapped", "kek",
            Value(None, DateTimeField()), Value(None, CharField()),
        )  # fmt: skip
        items = DestructionItem.objects.filter(key__in=part).values_list(
            "key", nothing, nothing, nothing, Value(None, BinaryField()), nothing,
            "destroyed_at", "reason",
        )  # fmt: skip
        for number, kind, owner, category, wrapped, kek, at, reason in standing.union(
            items, all=True
        ):
            if at is None:
                keys[number] = VaultKey(number, kind, owner, category, wrapped, kek)
            else:
                gone[number] = Gone(at, reason)
    return keys, gone


def destroyed_among(numbers: Iterable[int]) -> set[int]:
    """Which of these keys an item of a destruction names."""
    wanted = [number for number in numbers if number]
    if not wanted:
        return set()
    return set(DestructionItem.objects.filter(key__in=wanted).values_list("key", flat=True))


# --- sealing one value -------------------------------------------------------------------------
def seal_value(
    *, plain: bytes, number: int | None, place: Place, terms: Terms | None
) -> tuple[int, bytes]:
    """Seal under the value's own key, minting one when it has none yet; index its terms.

    Locks the key: two that save the same value follow one another, and a value that was
    destroyed meanwhile refuses instead of coming back under a new key.
    """
    with transaction.atomic():
        if number is None:
            minted = mint(place, terms)
        else:
            row = seam.lock(VaultKey.objects.filter(pk=number)).first()
            if row is None:
                if destroyed_among([number]):
                    raise ValueDestroyed()
                raise ValueLost()
            require_owner(row, place)
            minted = Minted(row.pk, open_key(row))
            index_anew(row, terms)
        sealed = sealing.seal(minted.data_key, plain, bound_value(place.kind, minted.number))
    return minted.number, sealed


def require_owner(row: VaultKey, place: Place) -> None:
    """Opening and saving check that the key's owner is the row's."""
    if (row.kind, row.owner, row.category) != (place.kind, place.owner, place.category):
        raise ForeignKeyOfValue()


# --- the index ---------------------------------------------------------------------------------
def index_anew(row: VaultKey, terms: Terms | None) -> None:
    """Make a value findable by these terms and by no others; its key is locked."""
    search = keyring.ring().active(KeyUse.SEARCH) if terms and terms.terms else None
    if row.search != search:
        VaultKey.objects.filter(pk=row.pk).update(search=search)
        if search:
            require_in_use({(KeyUse.SEARCH, search)})
    SearchToken.objects.filter(key=row.pk).delete()
    if terms and search:
        SearchToken.objects.bulk_create(
            SearchToken(token=token, key=row.pk) for token in tokens_of(terms, search)
        )


def tokens_of(terms: Terms, search: int) -> list[bytes]:
    """The tokens of a value under one search key, each once, in the order of the index."""
    with in_use(KeyUse.SEARCH, search):
        secret = keyring.ring().get(KeyUse.SEARCH, search)
    return sorted({sealing.token(secret, terms.realm, kind, term) for kind, term in terms.terms})


def tokens_for(realm: int, terms: Iterable[Term]) -> list[bytes]:
    """The tokens of these terms under every search key in use (two during a rotation)."""
    ring = keyring.ring()
    secrets = [ring.get(KeyUse.SEARCH, number) for number in ring.numbers(KeyUse.SEARCH)]
    return [sealing.token(secret, realm, kind, term) for kind, term in terms for secret in secrets]


def found(realm: int, terms: Iterable[Term]) -> Any:
    """Numbers of the keys whose value has any of these terms, as a query."""
    return SearchToken.objects.filter(token__in=tokens_for(realm, terms)).values("key")
