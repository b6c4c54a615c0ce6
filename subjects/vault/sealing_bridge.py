"""Between a row and the store: what the sealed field asks for, and how a page of rows is opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import prefetch_related_objects

from registry.errors import OperatorError, gettext_noop
from subjects import sealing
from subjects.vault import store
from subjects.vault.models import VaultKey


class State(Enum):
    """What became of a value."""

    OPEN = "open"
    ELSEWHERE = "elsewhere"
    DESTROYED = "destroyed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Opened:
    """A value in the hands of a page; its repr says nothing."""

    state: State
    text: str = ""

    def __repr__(self) -> str:
        return f"<{self.state.value}>"

    __str__ = __repr__


class NotText(OperatorError):
    template = gettext_noop("The value has characters that no text can have.")


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # The library's own error quotes the value.
        raise NotText() from None


def seal(row: Any, name: str, text: str, number: int | None) -> tuple[int, bytes]:
    """The key's number and the ciphertext of one value of one row."""
    return store.seal_value(
        plain=_bytes(text),
        number=number,
        place=row.sealed_place(name),
        terms=row.sealed_terms(name, text),
    )


def seal_many(rows: Sequence[Any], name: str) -> None:
    """Mint the keys of all new values at once; rows that have a key are sealed when saved."""
    if not rows:
        return
    field = rows[0]._meta.get_field(name)
    fresh = [
        row
        for row in rows
        if isinstance(getattr(row, name), str) and getattr(row, field.key) is None
    ]
    places = [row.sealed_place(name) for row in fresh]
    texts = [str(getattr(row, name)) for row in fresh]
    plain = [_bytes(text) for text in texts]
    terms = [row.sealed_terms(name, text) for row, text in zip(fresh, texts, strict=True)]
    minted = store.mint_many(list(zip(places, terms, strict=True)))
    for row, place, value, key in zip(fresh, places, plain, minted, strict=True):
        bound = store.bound_value(place.kind, key.number)
        setattr(row, name, field.to_ciphertext(sealing.seal(key.data_key, value, bound)))
        setattr(row, field.key, key.number)


def open_rows(rows: Iterable[Any], name: str) -> Mapping[Any, Opened]:
    """The values of a page of rows, by primary key: one query (two when some are gone).

    Versions in the history open too, as the live row's (one query more). Refuses a value that
    was moved or damaged, and the rows of a migration, which know no owner.
    """
    rows = list(rows)
    if not rows:
        return {}
    field = rows[0]._meta.get_field(name)
    numbers = {row.pk: getattr(row, field.key) for row in rows}
    keys = store.keys_of(numbers.values())
    gone = [number for number in numbers.values() if number and number not in keys]
    destroyed = store.destroyed_among(gone)
    owners = _owners([row for row in rows if numbers[row.pk] in keys])
    found = {}
    for row in rows:
        number, value = numbers[row.pk], getattr(row, name)
        if number is None and value is None:
            found[row.pk] = Opened(State.ELSEWHERE)
        elif number is None or value is None:
            found[row.pk] = Opened(State.LOST)
        elif number in keys:
            found[row.pk] = _open(owners[row.pk], name, keys[number], value)
        else:
            found[row.pk] = Opened(State.DESTROYED if number in destroyed else State.LOST)
    return found


def _owners(rows: Sequence[Any]) -> dict[Any, Any]:
    """Row or version -> the row that says whose value it is: as it stands now."""
    if not rows:
        return {}
    model = getattr(type(rows[0]), "instance_type", type(rows[0]))
    if not hasattr(model, "sealed_place"):
        raise FieldError(f"{model._meta.label}: a migration cannot open what is sealed.")
    if model is type(rows[0]):
        # Django asks for related rows by one condition each.
        for start in range(0, len(rows), store.AT_ONCE):
            prefetch_related_objects(rows[start : start + store.AT_ONCE], *model.sealed_with)
        return {row.pk: row for row in rows}
    key = model._meta.pk.attname
    live = model._base_manager.select_related(*model.sealed_with).in_bulk(
        {getattr(row, key) for row in rows}
    )
    return {row.pk: live.get(getattr(row, key)) or row.instance for row in rows}


def _open(row: Any, name: str, key: VaultKey, value: Any) -> Opened:
    try:
        return Opened(State.OPEN, text_of(row, name, key, value.raw))
    except store.ValueDestroyed:
        return Opened(State.DESTROYED)


def text_of(row: Any, name: str, key: VaultKey, raw: bytes) -> str:
    """One sealed text, opened with its key for the live row that says whose it is.

    Refuses the key of another row, what was moved or destroyed since the row was read, and what is
    damaged.
    """
    require_own(row, name, key)
    bound = store.bound_value(key.kind, key.pk)
    return sealing.unseal(store.open_key(key), raw, bound).decode()


def require_own(row: Any, name: str, key: VaultKey) -> None:
    """The key belongs to the row; one that went to another card after the row was read is told."""
    place = row.sealed_place(name)
    try:
        store.require_owner(key, place)
    except store.ForeignKeyOfValue:
        live = type(row)._base_manager.select_related(*row.sealed_with).filter(pk=row.pk).first()
        if live is None or live.sealed_place(name) == place:
            raise
        raise store.ValueMoved() from None
