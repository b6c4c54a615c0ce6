"""Backups and restores: nothing readable leaves, and nothing destroyed comes back."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from registry import seam
from registry.models import JobRun, User
from registry.services import holding
from subjects.models import (
    DataSubject,
    DestructionItem,
    PersonalDatum,
    SealedFile,
)
from subjects.services import backing_up, backup_format, keys
from subjects.services import destruction_journal as journal
from subjects.services.files import file_open
from subjects.vault import keyring, store
from subjects.vault.models import SearchToken, VaultKey
from tests.conftest import Office
from tests.subjects.backup_room import (
    NAMES,
    PHOTO,
    asked,
    back_up,
    databases,
    destroy,
    people,
    places,
    restore,
    rows,
)
from tests.subjects.backups import empty_database, office_at, opened, texts_of
from tests.subjects.people import person
from tests.subjects.test_keys import run

# Fixtures of the room.
__all__ = ["databases", "people", "places"]


# --- what is in it -------------------------------------------------------------------------------
def test_every_table_is_backed_up_or_left_out_by_name() -> None:
    every = {model._meta.label for model in apps.get_models(include_auto_created=True)
             if model._meta.managed and not model._meta.proxy}  # fmt: skip
    kept = {model._meta.label for model in backup_format.backed_up()}
    assert kept | set(backup_format.LEFT_OUT) == every
    assert not kept & set(backup_format.LEFT_OUT)
    # Only what can be made again, or must not be kept, is left out.
    assert {label.split(".")[0] for label in backup_format.LEFT_OUT} <= {
        "subjects", "sessions", "axes", "requests",
    }  # fmt: skip


@pytest.mark.django_db
def test_no_table_of_the_database_is_without_a_model() -> None:
    known = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert set(connection.introspection.table_names()) - known == {"django_migrations"}


def test_nothing_readable_is_in_a_backup(people: Any, tmp_path: Path) -> None:
    told = back_up(tmp_path / "backup")
    content = texts_of(tmp_path / "backup")
    for word in [*NAMES, *NAMES.values(), "ip=192.0.2.7"]:
        assert word.encode() not in content, word
        assert json.dumps(word)[1:-1].encode() not in content
    assert PHOTO not in content
    for path in keyring.folder().iterdir():
        assert (
            path.read_bytes().strip() not in content and keyring.read_file(path.name) not in content
        )
    for path in (tmp_path / "backup").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    # The data open nothing by themselves: no wrapped key, no token.
    data = texts_of(Path(told["data"]))
    for wrapped in VaultKey.objects.values_list("wrapped", flat=True):
        assert backup_format._base64(bytes(wrapped)).encode() not in data
    assert not any(
        table in str(sorted(os.listdir(told["data"]))) for table in ("vaultkey", "token")
    )
    assert told["wrapped"] == VaultKey.objects.count() and told["files"] == 1


# --- there and back ------------------------------------------------------------------------------
def test_everything_comes_back(live_office: Office, people: Any, tmp_path: Path) -> None:
    back_up(tmp_path / "backup")
    before, texts, numbers = rows(), opened(), seam.ids_given()
    tokens = set(SearchToken.objects.values_list("token", "key"))
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        done = restore(tmp_path / "backup")
        assert done["lost"] == done["destroyed"] == done["withheld"] == done["unneeded"] == 0
        # But for the row that holds the clock.
        JobRun.objects.filter(job=holding.JOB).delete()
        assert rows() == before
        assert opened() == texts and set(texts.values()) == {*NAMES, *NAMES.values()}
        assert set(SearchToken.objects.values_list("token", "key")) == tokens
        assert run("check_vault") == (0, "The vault is whole.\n")
        (file,) = SealedFile.objects.all()
        assert b"".join(file_open(file)) == PHOTO
        for table, number in numbers.items():
            assert seam.ids_given().get(table, 0) >= number or table.split("_")[0] in (
                "axes", "django",
            ), table  # fmt: skip
        assert not seam.tables_without_triggers() and not seam.tables_without_freeze()
        # The office goes on from here.
        person(live_office.pandev, name="Новая Вера", email="new@example.org")
        assert back_up(tmp_path / "again")["wrapped"] > done["keys"]


def test_one_who_was_destroyed_since_stays_destroyed(
    live_office: Office, people: Any, tmp_path: Path
) -> None:
    """The backup of the keys is as old as the data: it would open everything."""
    back_up(tmp_path / "backup")
    items = destroy(people["gone@example.org"])
    number = max(seam.ids_given()["subjects_destructionitem"], items[-1].pk)
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        done = restore(tmp_path / "backup")
        assert done["destroyed"] == done["withheld"] == len(items) and done["lost"] == 0
        states = opened()
        for pk in PersonalDatum.objects.filter(value_key__in=[item.key for item in items]):
            assert states.pop(pk.pk) == "destroyed"
        assert set(states.values()) == {"stays@example.org", NAMES["stays@example.org"]}
        again = DestructionItem.objects.order_by("pk")
        assert [(row.pk, row.key, row.reason, row.destroyed_at) for row in again] == [
            (row.pk, row.key, row.reason, row.destroyed_at) for row in items
        ]
        assert not SearchToken.objects.filter(key__in=[item.key for item in items]).exists()
        assert asked(live_office, "gone@example.org") == 1
        assert asked(live_office, "stays@example.org") == 0
        assert run("check_vault") == (0, "The vault is whole.\n")
        later = destroy(DataSubject.objects.get(pk=people["stays@example.org"].pk))
        assert min(row.pk for row in later) > number
        assert journal.journal_sweep(now=timezone.now()) == 0


def test_older_data_with_newer_keys(live_office: Office, people: Any, tmp_path: Path) -> None:
    """What is usual: the data of last month, and the one backup of the keys that is kept."""
    with time_machine.travel(timezone.now() - timedelta(days=2), tick=False):
        back_up(tmp_path / "old", "--keys", str(tmp_path / "keys"))
    destroy(people["gone@example.org"])
    person(live_office.pandev, name="Новая Вера", email="new@example.org")
    keys.kek_rotate(by=None, now=timezone.now(), retire_on=timezone.now().date())
    keys.keys_keep(now=timezone.now(), today=timezone.now().date())
    newer = back_up(tmp_path / "newer", "--keys", str(tmp_path / "keys"))
    assert len(newer["gone"]) == 1 and len(os.listdir(tmp_path / "keys")) == 1
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        done = restore(tmp_path / "old", "--keys", str(tmp_path / "keys"))
        assert done["destroyed"] == 2 and done["unneeded"] == 3 and done["lost"] == 0
        assert {"stays@example.org", NAMES["stays@example.org"], "destroyed"} == {
            *map(str, opened().values())
        }
        assert asked(live_office, "gone@example.org") == 1
        assert run("check_vault") == (0, "The vault is whole.\n")


def test_newer_data_with_older_keys(live_office: Office, people: Any, tmp_path: Path) -> None:
    """What came since is lost and said so; what was destroyed since is destroyed."""
    with time_machine.travel(timezone.now() - timedelta(days=2), tick=False):
        back_up(tmp_path / "old")
    items = destroy(people["gone@example.org"])
    person(live_office.pandev, name="Новая Вера", email="new@example.org")
    back_up(tmp_path / "newer")
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        done = restore(tmp_path / "newer", "--keys", str(tmp_path / "old"), code=1)
        assert done["lost"] == 3 and done["destroyed"] == 0 and done["withheld"] == len(items)
        assert not VaultKey.objects.filter(pk__in=[item.key for item in items]).exists()


def test_after_the_retirement_an_old_backup_opens_nothing(people: Any, tmp_path: Path) -> None:
    told = back_up(tmp_path / "backup")
    now = timezone.now()
    path = Path(told["keys"]) / f"{VaultKey._meta.db_table}.jsonl"
    stolen = [VaultKey(**row) for chunk in backup_format.chunks_of(VaultKey, path) for row in chunk]
    # Until then it is a copy of the data.
    assert all(store.unwrap(row) for row in stolen)
    keys.kek_rotate(by=None, now=now, retire_on=now.date())
    keys.keys_keep(now=now, today=now.date())
    for row in stolen:
        with pytest.raises(keyring.KeysMissing):
            store.unwrap(row)
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        said = restore(tmp_path / "backup", code=2)
        assert "kek-" in said and "opens nothing" in said
        assert not DataSubject.objects.exists()


# --- refusing ------------------------------------------------------------------------------------
def test_a_backup_that_was_cut_short_is_none(people: Any, tmp_path: Path, monkeypatch: Any) -> None:
    class Killed(BaseException):
        pass

    def killed(*args: Any, **kw: Any) -> None:
        raise Killed

    whole = backing_up._finish
    with monkeypatch.context() as patched:
        patched.setattr(backing_up, "_finish", killed)
        # A process that is killed removes nothing.
        patched.setattr(backing_up.shutil, "rmtree", lambda *args, **kw: None)
        with pytest.raises(Killed):
            run("backup", str(tmp_path / "backup"))
    assert whole is backing_up._finish
    (part,) = (tmp_path / "backup").glob(".data-*.part")
    back_up(tmp_path / "whole")
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        assert "no whole backup" in restore(tmp_path / "backup", code=2)
        assert "no backup" in restore(part, "--keys", str(tmp_path / "whole"), code=2)
        assert not DataSubject.objects.exists()
    back_up(tmp_path / "backup")
    assert not part.exists()


@pytest.mark.parametrize("what", ["subjects_personaldatum.jsonl", "sealed", "keys", "manifest"])
def test_a_damaged_backup_is_refused(people: Any, tmp_path: Path, what: str) -> None:
    told = back_up(tmp_path / "backup")
    place = Path(told["data"])
    path = {
        "sealed": next(path for path in place.rglob("sealed/*/*")),
        "keys": Path(told["keys"]) / f"{VaultKey._meta.db_table}.jsonl",
        "manifest": place / backup_format.MANIFEST,
    }.get(what, place / what)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content if what != "manifest" else content[:-9])
    other = tmp_path / "other"
    with office_at(empty_database(tmp_path), other):
        said = restore(tmp_path / "backup", code=2)
        assert len(said.splitlines()) == 1 and ("damaged" in said or "no backup" in said)
        assert not any(models.QuerySet(model).exists() for model in (User, DataSubject, JobRun))
        assert not other.exists()


def test_a_failure_half_way_leaves_nothing(people: Any, tmp_path: Path, monkeypatch: Any) -> None:
    back_up(tmp_path / "backup")

    def broken(**kw: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(holding, "hold", broken)
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        with pytest.raises(RuntimeError):
            run("restore", str(tmp_path / "backup"))
        assert not any(models.QuerySet(model).exists() for model in (User, DataSubject, VaultKey))
        assert not [path for path in (tmp_path / "other").rglob("*") if path.is_file()]
        monkeypatch.undo()


def test_a_database_with_rows_is_refused(people: Any, tmp_path: Path) -> None:
    back_up(tmp_path / "backup")
    before = rows()
    assert "empty database" in restore(tmp_path / "backup", code=2)
    assert rows() == before


def test_another_version_and_another_office_are_refused(people: Any, tmp_path: Path) -> None:
    told = back_up(tmp_path / "backup")
    path = Path(told["data"]) / backup_format.MANIFEST
    manifest = json.loads(path.read_text())
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        for wrong, words in (
            ({"format": 2}, "another version"),
            ({"migrations": manifest["migrations"][1:]}, "another version"),
            ({"office": "0" * 16}, "same office"),
            ({"kind": "keys"}, "no backup"),
        ):
            path.write_text(json.dumps(manifest | wrong))
            assert words in restore(tmp_path / "backup", code=2)
        assert "no whole backup" in restore(tmp_path, code=2)
    code, said = run("backup", "/proc/nowhere")
    assert code == 2 and "/proc/nowhere" in said
