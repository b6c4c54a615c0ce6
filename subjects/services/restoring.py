"""Restores: the rows as they were, without what was destroyed since; and then nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.services import audit, holding
from subjects import sealing
from subjects.models import SealedFile
from subjects.services import backup_format as form
from subjects.services import destruction_journal as journal
from subjects.services import keys as vault_keys
from subjects.services.destruction import destruction_repeat
from subjects.services.evidence_keys import evidence_key_again
from subjects.vault import keyring, store
from subjects.vault.models import KeyUse, MasterKey, SearchToken, VaultKey


class DatabaseNotEmpty(Conflict):
    template = gettext_noop(
        "A backup is restored into an empty database that was migrated and nothing else: "
        "%(table)s has rows."
    )


class BackupsApart(OperatorError):
    template = gettext_noop("%(data)s and %(keys)s are not of the same office.")


class BackupNotFound(OperatorError):
    template = gettext_noop("There is no whole backup of %(kind)s in %(place)s.")


class BackupKeyGone(OperatorError):
    template = gettext_noop(
        "%(keys)s opens nothing: its master key %(name)s is not in OFFICE_KEYS, or is another one. "
        "After the retirement of that key nobody opens this backup any more."
    )


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back and what did not.

    ``destroyed``: destroyed again, by the journal; ``withheld``: keys of the backup that open what
    was destroyed; ``unneeded``: keys of values that came after the data; ``lost``: values without
    a key (at most a thousand are counted); ``missing``: numbers of sealed files that the backup
    does not hold; ``mute``: keys whose values do not open; ``lacking``: master keys without file.
    """

    rows: int
    keys: int
    destroyed: int
    withheld: int
    unneeded: int
    indexed: int
    files: int
    lost: int
    missing: list[int]
    mute: list[int]
    lacking: list[str]

    @property
    def wrong(self) -> bool:
        return bool(self.lost or self.missing or self.mute or self.lacking)


def newest(place: Path, kind: str) -> Path:
    """The backup itself, or the newest whole one in the folder; refuses where there is none."""
    if (place / form.MANIFEST).exists() or place.name.startswith((f"{kind}-", f".{kind}-")):
        return place
    found = [one for one in place.glob(f"{kind}-*") if (one / form.MANIFEST).is_file()]
    if not found:
        raise BackupNotFound(kind=kind, place=str(place))
    return max(found, key=lambda one: one.name)


def backup_restore(*, data: Path, keys: Path, now: datetime) -> Restored:
    """Put a backup back into an empty database, and hold the clock until a DPO releases it.

    What the journal says was destroyed since is destroyed again: its keys are never loaded. No
    number that was given out comes twice. Refuses, before anything is written, what is no whole
    backup of this version, keys of another office or whose master key is gone, and a database with
    rows. All of it, or nothing. Must not stand in a transaction.
    """
    data, keys = newest(data, form.DATA), newest(keys, form.KEYS)
    of_data, of_keys = form.read_manifest(data, form.DATA), form.read_manifest(keys, form.KEYS)
    _require_fitting(data, of_data, keys, of_keys)
    _require_empty()
    laid: list[Path] = []
    try:
        with transaction.atomic(durable=True):
            # Nobody begins to use the office while it is put back.
            seam.lock_table(MasterKey)
            _require_empty()
            done = _restore(data, keys, of_data, now=now, laid=laid)
    except BaseException:
        for path in laid:
            path.unlink(missing_ok=True)
        raise
    finally:
        keyring.forget()
        ContentType.objects.clear_cache()
    seam.flush_deleted([VaultKey, SearchToken])
    return done


# --- refusing ------------------------------------------------------------------------------------
def _require_fitting(
    data: Path, of_data: dict[str, Any], keys: Path, of_keys: dict[str, Any]
) -> None:
    applied = form.migrations()
    for place, manifest, wanted in (
        (data, of_data, form.backed_up()),
        (keys, of_keys, form.OF_KEYS),
    ):
        tables = {model._meta.db_table for model in wanted}
        if manifest["migrations"] != applied or set(manifest["rows"]) != tables:
            raise form.BackupOfAnotherFormat(place=place.name)
        if not {f"{table}.jsonl" for table in tables} <= set(manifest["files"]):
            raise form.NotABackup(place=str(place))
        form.require_whole(place, manifest)
    if of_data["office"] != of_keys["office"]:
        raise BackupsApart(data=data.name, keys=keys.name)
    there = {(row.use, row.number): row for row in _master_keys(keys)}
    for number in of_keys["keks"]:
        _require_file(there[KeyUse.KEK, number], keys)


def _master_keys(keys: Path) -> list[MasterKey]:
    """The rows of a keys backup; nothing is written."""
    path = keys / f"{MasterKey._meta.db_table}.jsonl"
    return [MasterKey(**cells) for chunk in form.chunks_of(MasterKey, path) for cells in chunk]


def _file_fits(row: MasterKey) -> bool:
    try:
        key = keyring.read_file(keyring.name_of(row.use, row.number))
    except keyring.KeyFileWrong:
        return False
    return sealing.fingerprint(key) == row.fingerprint


def _require_file(row: MasterKey, keys: Path) -> None:
    if not _file_fits(row):
        raise BackupKeyGone(keys=keys.name, name=keyring.name_of(row.use, row.number))


def _require_empty() -> None:
    """Refuse a table with rows; those that migrating fills are replaced."""
    made: set[type[models.Model]] = {ContentType, Permission}
    looked: list[type[models.Model]] = [*form.backed_up(), VaultKey, SearchToken]
    for model in looked:
        rows: models.QuerySet[Any] = models.QuerySet(model)
        if model not in made and rows.exists():
            raise DatabaseNotEmpty(table=model._meta.db_table)


# --- putting back --------------------------------------------------------------------------------
def _restore(
    data: Path, keys: Path, of_data: dict[str, Any], *, now: datetime, laid: list[Path]
) -> Restored:
    Permission.objects.all().delete()
    ContentType.objects.all().delete()
    rows = 0
    for model in form.backed_up():
        table = model._meta.db_table
        done = form.rows_load(model, data / f"{table}.jsonl")
        if done != of_data["rows"][table]:
            raise form.BackupDamaged(place=data.name, name=table)
        rows += done
    office = of_data["office"]
    counters = journal.counters_of(office)
    # Before anything new gets a number.
    seam.ids_raise(counters["ids"])
    _master_keys_merge(keys, now=now)
    keyring.forget()
    destroyed = 0
    for lines in journal.unknown_lines(office):
        for year in {mark[2] for line in lines for mark in line["marks"]}:
            evidence_key_again(year, now=now)
        destruction_repeat(lines, today=now.date())
        destroyed += len(lines)
    loaded, withheld, unneeded = _keys_load(keys)
    seam.ids_raise(counters["ids"])
    indexed, mute = vault_keys.tokens_rebuild()
    files, missing = _files_lay(data, laid)
    told = Restored(
        rows=rows, keys=loaded, destroyed=destroyed, withheld=withheld, unneeded=unneeded,
        indexed=indexed, files=files, lost=len(vault_keys.lost_keys()), missing=missing, mute=mute,
        lacking=_lacking(),
    )  # fmt: skip
    did = {"rows": rows, "keys": loaded, "destroyed": destroyed, "lost": told.lost}
    holding.hold(did=did, numbers=counters["numbers"], now=now)
    return told


def _master_keys_merge(keys: Path, *, now: datetime) -> None:
    """Master keys that came, or retired, between the data and a later backup of the keys.

    One whose day has come and whose file is gone retired later still.
    """
    there = {(row.use, row.number): row for row in MasterKey.objects.all()}
    for told in _master_keys(keys):
        row = there.setdefault((told.use, told.number), told)
        if row is told:
            row.pk = None
            audit.save(row, by=None, reason="restored with the keys")
        elif row.retired_at is None and (told.retired_at or told.retire_on != row.retire_on):
            row.retire_on, row.retired_at = told.retire_on or row.retire_on, told.retired_at
            audit.save(
                row, by=None, reason="restored with the keys", fields=["retire_on", "retired_at"]
            )
    for row in MasterKey.objects.filter(retired_at=None, retire_on__lte=now.date()):
        if not keyring.is_there(keyring.name_of(row.use, row.number)):
            row.retired_at = now
            audit.save(row, by=None, reason="its file is gone", fields=["retired_at"])


def _keys_load(keys: Path) -> tuple[int, int, int]:
    """The wrapped keys, but those of destroyed values and those that no value names."""
    path = keys / f"{VaultKey._meta.db_table}.jsonl"
    loaded = withheld = unneeded = 0
    holders = vault_keys.holders()
    for chunk in form.chunks_of(VaultKey, path):
        numbers = [cells["id"] for cells in chunk]
        gone: set[int] = set()
        named: set[int] = set()
        for part in _parts(numbers):
            gone |= store.destroyed_among(part)
            for model, column in holders:
                found = model._base_manager.filter(**{f"{column}__in": part})
                named.update(found.values_list(column, flat=True))
        wanted = [cells for cells in chunk if cells["id"] in named - gone]
        form.chunk_load(VaultKey, wanted)
        loaded += len(wanted)
        withheld += len(gone)
        unneeded += len(set(numbers) - named - gone)
    return loaded, withheld, unneeded


def _parts(numbers: list[int]) -> Iterable[list[int]]:
    return (numbers[at : at + store.AT_ONCE] for at in range(0, len(numbers), store.AT_ONCE))


def _files_lay(data: Path, laid: list[Path]) -> tuple[int, list[int]]:
    """Lay the sealed files of values that still open in their place; those that are missing."""
    done, missing = 0, []
    rows = SealedFile.objects.filter(key__in=VaultKey.objects.values("pk")).order_by("pk")
    for row in rows.iterator(chunk_size=form.CHUNK):
        source = data / "sealed" / row.place_on_disk[:2] / row.place_on_disk
        if row.path.exists():
            # The folder outlived its database.
            continue
        if not source.is_file():
            missing.append(row.pk)
            continue
        laid.append(row.path)
        form.write_file(row.path, form.read_file(source))
        form.sync(row.path.parent)
        done += 1
    return done, missing


def _lacking() -> list[str]:
    """Master keys in use whose files are not there."""
    rows = MasterKey.objects.filter(retired_at=None).order_by("use", "number")
    return [keyring.name_of(row.use, row.number) for row in rows if not _file_fits(row)]
