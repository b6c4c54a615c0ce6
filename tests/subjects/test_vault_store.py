"""Minting and indexing; fixtures and migrations, which go past the services."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.core.serializers.base import DeserializationError
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from registry import seam
from subjects.models import PersonalDatum, SearchToken, VaultKey
from subjects.sealing import CannotOpen
from subjects.services.destruction import keys_destroy
from subjects.services.people import datum_rectify
from subjects.vault import keyring, store
from subjects.vault.field import Plain
from subjects.vault.models import LABELS, KeyUse, MasterKey, Sealed
from subjects.vault.sealing_bridge import State, open_rows
from subjects.vault.store import Place, Terms
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY, person

PLACE = Place(kind=Sealed.DATUM, owner=7, category=3)
EMAIL = "round-trip@example.org"


# --- minting -------------------------------------------------------------------------------------
def test_labels_and_bounds_never_change(db: None) -> None:
    """They are data: whatever was sealed under them would never open again."""
    assert {int(kind): label for kind, label in LABELS.items()} == {
        1: b"datum.value", 2: b"consent.evidence", 3: b"file.content", 4: b"import.content",
        5: b"request.text", 6: b"letter.text", 7: b"submission.text",
        8: b"export.content",
        9: b"mail.text",
        10: b"answer.content",
        11: b"act.paper",
    }  # fmt: skip
    assert store.bound_value(Sealed.DATUM, 12) == b"datum.value:12"
    assert store.bound_key(1, 7, 3) == b"key:1:7:3"
    assert store.bound_key(2, 7, None) == b"key:2:7:0"
    assert set(LABELS) == set(Sealed)


def test_each_value_has_a_key_of_its_own_and_numbers_are_not_used_again(db: None) -> None:
    minted = store.mint_many([(PLACE, None)] * 5)
    assert len({one.data_key for one in minted}) == 5
    last = max(one.number for one in minted)
    seam.delete_returning(VaultKey, [last], ["id"])
    assert store.mint(PLACE).number > last
    assert store.mint_many([]) == []
    row = VaultKey.objects.get(pk=minted[0].number)
    assert store.open_key(row) == minted[0].data_key
    assert len(bytes(row.wrapped)) == 60 and minted[0].data_key not in bytes(row.wrapped)


@pytest.mark.parametrize("column", ["owner", "category", "kind"])
def test_a_key_row_given_to_another_owner_does_not_open(db: None, column: str) -> None:
    row = VaultKey.objects.get(pk=store.mint(PLACE).number)
    setattr(row, column, 4)
    with pytest.raises(CannotOpen):
        store.open_key(row)


def test_terms_are_found_within_their_operator_alone(db: None) -> None:
    terms = [("email", "a@b.kz"), ("email", "a@b.kz"), ("word", "ivan")]
    number = store.mint(PLACE, Terms(1, terms)).number
    assert SearchToken.objects.filter(key=number).count() == 2
    assert [row["key"] for row in store.found(1, [("email", "a@b.kz")])] == [number]
    assert not store.found(2, [("email", "a@b.kz")])
    assert not store.found(1, [("word", "a@b.kz")])
    row = VaultKey.objects.get(pk=number)
    store.index_anew(row, Terms(1, [("word", "petr")]))
    assert not store.found(1, [("word", "ivan")]) and store.found(1, [("word", "petr")])
    store.index_anew(row, None)
    assert not SearchToken.objects.filter(key=number).exists()
    assert VaultKey.objects.get(pk=number).search is None


@pytest.mark.parametrize("use", [KeyUse.KEK, KeyUse.SEARCH])
def test_nothing_is_kept_under_a_key_that_was_retired_meanwhile(
    db: None, use: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(keyring, "_SETTLED_NS", -1)
    keyring.ring(fresh=True)
    # Another process has retired it; this one has not looked at the folder since.
    MasterKey.objects.filter(use=use).update(retire_on=TODAY, retired_at=NOW)
    with pytest.raises(store.KeyRetiredMeanwhile), transaction.atomic():
        store.mint(PLACE, Terms(1, [("word", "ivan")]))
    assert not VaultKey.objects.exists() and not SearchToken.objects.exists()
    MasterKey.objects.filter(use=use).update(retired_at=None)
    assert store.mint(PLACE).number


def test_indexing_anew_under_a_retired_search_key_refuses(office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr(keyring, "_SETTLED_NS", -1)
    row = PersonalDatum.objects.get(subject=person(office.pandev), category__code="email")
    VaultKey.objects.filter(pk=row.value_key).update(search=None)
    keyring.ring(fresh=True)
    MasterKey.objects.filter(use=KeyUse.SEARCH).update(retire_on=TODAY, retired_at=NOW)
    with pytest.raises(store.KeyRetiredMeanwhile):
        datum_rectify(datum=row, text="n@example.org", by=None, today=TODAY, reason="x")
    MasterKey.objects.filter(use=KeyUse.SEARCH).update(retired_at=None)


def test_a_key_wrapped_anew_between_reading_and_opening_is_read_again(
    office: Office, monkeypatch: Any
) -> None:
    row = PersonalDatum.objects.get(subject=person(office.pandev), category__code="email")
    real, asked = store.keys_of, []

    def stale(numbers: Any) -> dict[int, VaultKey]:
        found = real(numbers)
        if not asked:
            # What was read before the rotation names a KEK that is gone by now.
            for key in found.values():
                key.kek = 999
        asked.append(1)
        return found

    monkeypatch.setattr(store, "keys_of", stale)
    assert open_rows([row], "value")[row.pk].state == State.OPEN and len(asked) == 2
    asked.clear()
    VaultKey.objects.filter(pk=row.value_key).update(kek=999)
    with pytest.raises(keyring.KeysMissing, match="kek-0999"):
        open_rows([row], "value")


# --- dumpdata, loaddata --------------------------------------------------------------------------
def contents() -> dict[str, list[tuple[Any, ...]]]:
    """Every cell of every table of people, as it lies there."""
    found = {}
    for model in apps.get_app_config("subjects").get_models(include_auto_created=True):
        table = connection.ops.quote_name(model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            rows = [tuple(map(_cell, row)) for row in cursor.fetchall()]
        found[table] = sorted(rows, key=repr)
    return found


def _cell(cell: Any) -> Any:
    if isinstance(cell, memoryview):
        return bytes(cell)
    if isinstance(cell, datetime):
        # JSON of Django counts milliseconds.
        return cell.replace(microsecond=cell.microsecond // 1000 * 1000)
    return cell


@pytest.mark.parametrize("format", ["json", "xml", "jsonl"])
def test_dumpdata_and_loaddata_carry_ciphertext_keys_and_tokens(
    office: Office, tmp_path: Path, format: str
) -> None:
    subject = person(office.pandev, email=EMAIL)
    row = PersonalDatum.objects.get(subject=subject, category__code="email")
    gone = PersonalDatum.objects.get(subject=subject, category__code="full_name")
    datum_rectify(datum=row, text=f"x{EMAIL}", by=None, today=TODAY, reason="wrong")
    keys_destroy([gone.value_key], reason="test", by=None, now=NOW)
    before = contents()
    assert sum(map(len, before.values())) > 15
    fixture = tmp_path / f"people.{format}"
    call_command("dumpdata", "subjects", format=format, output=str(fixture), verbosity=0)
    dumped = fixture.read_text()
    assert EMAIL not in dumped and "sealed:" in dumped

    seam.lift_append_only(seam.history_tables())
    with connection.cursor() as cursor:
        for table in before:
            cursor.execute(f"DELETE FROM {table}")
    assert not any(contents().values())
    call_command("loaddata", str(fixture), verbosity=0)
    assert contents() == before
    keyring.forget()
    assert open_rows([PersonalDatum.objects.get(pk=row.pk)], "value")[row.pk].text == f"x{EMAIL}"
    assert open_rows([gone], "value")[gone.pk].state == State.DESTROYED
    # What is minted next takes no number that was in use.
    assert store.mint(PLACE).number > max(row.value_key, gone.value_key)


def test_loaddata_refuses_plain_text(office: Office, tmp_path: Path) -> None:
    row = PersonalDatum.objects.get(subject=person(office.pandev, email=EMAIL), file=None,
                                    category__code="email")  # fmt: skip
    fixture = tmp_path / "people.json"
    call_command("dumpdata", "subjects.personaldatum", output=str(fixture), verbosity=0)
    whole = fixture.read_text()
    start = whole.index("sealed:")
    for typed in ("plain@example.org", "sealed:###"):
        end = whole.index('"', start)
        fixture.write_text(whole[:start] + typed + whole[end:])
        keys_before = VaultKey.objects.count()
        with pytest.raises((FieldError, DeserializationError)), transaction.atomic():
            call_command("loaddata", str(fixture), verbosity=0)
        assert VaultKey.objects.count() == keys_before
    assert open_rows([row], "value")[row.pk].text == EMAIL


def test_dumpdata_refuses_what_was_never_sealed(office: Office) -> None:
    row = PersonalDatum.objects.filter(subject=person(office.pandev))[0]
    row.value = Plain(EMAIL)
    with pytest.raises(FieldError) as caught:
        PersonalDatum._meta.get_field("value").value_to_string(row)
    assert EMAIL not in str(caught.value)


# --- migrations ----------------------------------------------------------------------------------
def test_a_migration_copies_ciphertext_and_can_neither_seal_nor_open(office: Office) -> None:
    row = PersonalDatum.objects.get(
        subject=person(office.pandev, email=EMAIL), category__code="email"
    )
    state = MigrationLoader(connection).project_state()
    model = state.apps.get_model("subjects", "PersonalDatum")
    assert model is not PersonalDatum
    old = model.objects.get(pk=row.pk)
    assert EMAIL not in repr(old.value)
    old.source = "automatic"
    old.save()
    assert open_rows([PersonalDatum.objects.get(pk=row.pk)], "value")[row.pk].text == EMAIL
    with pytest.raises(FieldError, match="migration cannot open"):
        open_rows([old], "value")
    keys_before = VaultKey.objects.count()
    old.value = "typed@example.org"
    for write in (
        old.save,
        lambda: model.objects.bulk_create([old]),
        lambda: model.objects.update(value="typed@example.org"),
        lambda: model.objects.bulk_update([old], ["value"]),
        lambda: list(model.objects.filter(value="typed@example.org")),
        lambda: list(model.objects.order_by("value")),
    ):
        with pytest.raises(FieldError), transaction.atomic():
            write()
    assert VaultKey.objects.count() == keys_before


def test_a_key_column_before_its_value_is_refused_at_the_start() -> None:
    field = PersonalDatum._meta.get_field("value")
    assert field.check() == []
    wrong = field.clone()
    wrong.key, wrong.model, wrong.name = "id", PersonalDatum, "value"
    assert [found.id for found in wrong.check()][-1:] == ["office.E003"]
