"""Keys that are retired, replaced or kept for longer between two looks of another process.

Each race is played in one process: what the other one does happens inside of a call of this one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from subjects.models import SearchToken
from subjects.services import keys
from subjects.services.destruction import keys_destroy
from subjects.vault import keyring, store
from subjects.vault.models import KeyUse, MasterKey
from subjects.vault.sealing_bridge import State, open_rows
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY
from tests.subjects.test_keys import newest, texts, under
from tests.subjects.vault_office import many_people


def before(patch: Any, module: Any, name: str, other: Callable[[], Any]) -> None:
    """The other process does its work once, just before this one's next call of a function."""
    real = getattr(module, name)

    def late(*args: Any, **named: Any) -> Any:
        patch.setattr(module, name, real)
        other()
        return real(*args, **named)

    patch.setattr(module, name, late)


def retire(key: MasterKey) -> None:
    keys.key_retire(key=key, by=None, now=NOW, today=TODAY)


def test_a_key_retired_between_its_row_and_its_file_is_not_missing(
    office: Office, monkeypatch: Any
) -> None:
    many_people(office.pandev, 2)
    old = newest()
    keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
    before(monkeypatch, keyring, "read_file", lambda: retire(old))
    found = keyring.ring(fresh=True)
    assert not keyring.is_there(keyring.name_of("kek", old.number))
    assert (found.missing, found.lacking) == ([], set())
    assert found.active(KeyUse.KEK) == newest().number and len(texts()) == 2


def test_a_key_whose_file_is_gone_without_a_word_is_missing(office: Office) -> None:
    (keyring.folder() / keyring.name_of("kek", newest().number)).unlink()
    assert keyring.ring(fresh=True).lacking == {("kek", newest().number)}


def test_a_value_wrapped_anew_while_it_is_opened_opens(office: Office, monkeypatch: Any) -> None:
    """Rotated and retired on one day, after the row of the key was read."""
    (row,) = many_people(office.pandev, 1)
    text, old = texts()[row.pk], newest()

    def other() -> None:
        keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
        retire(old)

    before(monkeypatch, store, "unwrap", other)
    assert open_rows([row], "value")[row.pk].text == text


def test_a_value_destroyed_while_it_is_opened_is_destroyed(
    office: Office, monkeypatch: Any
) -> None:
    (row,) = many_people(office.pandev, 1)
    old = newest()

    def other() -> None:
        keys_destroy([row.value_key], reason="test", by=None, now=NOW)
        keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
        retire(old)

    before(monkeypatch, store, "unwrap", other)
    assert open_rows([row], "value")[row.pk].state == State.DESTROYED


@pytest.mark.parametrize("use", [KeyUse.KEK, KeyUse.SEARCH])
def test_a_rotation_to_a_key_that_was_retired_meanwhile_says_so(office: Office, use: str) -> None:
    """Another has rotated once more, and retired the key to which this one still rotates."""
    many_people(office.pandev, 2)
    rotate, go_on, column = {
        KeyUse.KEK: (keys.kek_rotate, keys.rewrap, "kek"),
        KeyUse.SEARCH: (keys.search_rotate, keys.reindex, "search"),
    }[KeyUse(use)]
    rotate(by=None, now=NOW, retire_on=TODAY)
    middle = newest(use)
    rotate(by=None, now=NOW, retire_on=TODAY)
    retire(middle)
    where, tokens = under(column), set(SearchToken.objects.values_list("token", "key"))
    with pytest.raises(store.KeyRetiredMeanwhile):
        go_on(middle.number)
    assert under(column) == where
    assert set(SearchToken.objects.values_list("token", "key")) == tokens


@pytest.mark.parametrize("use", [KeyUse.KEK, KeyUse.SEARCH])
def test_a_new_value_under_a_key_that_was_retired_meanwhile_says_so(
    office: Office, monkeypatch: Any, use: str
) -> None:
    many_people(office.pandev, 1)
    old = newest(use)
    rotate = {KeyUse.KEK: keys.kek_rotate, KeyUse.SEARCH: keys.search_rotate}[KeyUse(use)]

    def other() -> None:
        rotate(by=None, now=NOW, retire_on=TODAY)
        retire(old)

    # The number was taken before, the key is asked for after it.
    module, name = (keyring, "kek") if use == KeyUse.KEK else (store, "tokens_of")
    before(monkeypatch, module, name, other)
    # Savers stand in a transaction; here the other could not commit its own inside of it.
    with pytest.raises(store.KeyRetiredMeanwhile):
        store.mint(store.Place(1, 1, 1), store.Terms(1, [("word", "aidar")]))


def test_of_two_that_retire_at_once_one_keeps_the_key_for_longer(
    office: Office, monkeypatch: Any
) -> None:
    """The search key of evidence: one has postponed it since the other read that it is due."""
    rows = many_people(office.pandev, 2)
    old = newest(KeyUse.SEARCH)
    keys_destroy([rows[0].value_key], reason="test", by=None, now=NOW)
    keys.search_rotate(by=None, now=NOW, retire_on=TODAY)
    monkeypatch.setattr(keys, "_finish", lambda use: 0)
    other = [keys.keys_retire_due(now=NOW, today=TODAY)]

    def postponed() -> None:
        other.append(keys.keys_retire_due(now=NOW, today=TODAY))

    MasterKey.objects.filter(pk=old.pk).update(retire_on=TODAY)
    before(monkeypatch, keys, "key_retire", postponed)
    assert keys.keys_retire_due(now=NOW, today=TODAY) == 0 and other == [0, 0]
    old.refresh_from_db()
    assert old.retired_at is None and old.retire_on > TODAY + timedelta(days=3 * 365)
