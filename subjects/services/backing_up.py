"""Backups: the data without what makes them readable, and the wrapped keys apart from them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from subjects import sealing
from subjects.models import SealedFile
from subjects.services import backup_format as form
from subjects.services import destruction_journal as journal
from subjects.vault import keyring, store
from subjects.vault.models import VaultKey


class BackupRuns(Conflict):
    template = gettext_noop("Another backup is being made.")


class BackupThere(Conflict):
    template = gettext_noop("%(place)s is there already; a backup is never overwritten.")


class NoPlaceForBackup(OperatorError):
    template = gettext_noop("%(place)s is no folder that can be written to.")


class BackupNotWritten(OperatorError):
    status = 500
    template = gettext_noop("The backup could not be written (%(reason)s). Nothing of it is kept.")


@dataclass(frozen=True, slots=True)
class Made:
    """``missing``: numbers of sealed files that were not in their place; ``damaged``: numbers of
    keys that do not open; ``gone``: names of older backups of the keys, which the new one replaces.
    """

    data: Path
    keys: Path
    rows: int
    wrapped: int
    files: int
    missing: list[int]
    damaged: list[int]
    gone: list[str]


def backup_make(*, data: Path, keys: Path, now: datetime) -> Made:
    """A backup of the data in ``data``, of the wrapped keys in ``keys``; as of one moment.

    Older backups of the keys in ``keys`` go once every key of the new one was opened: each of them
    would open what was destroyed since, as long as its KEK is there. Cut short, it leaves nothing
    that looks like a backup. The key files of OFFICE_KEYS are in neither. Must not stand in a
    transaction.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    places = [data / f"{form.DATA}-{stamp}", keys / f"{form.KEYS}-{stamp}"]
    drafts = [place.with_name(f".{place.name}.part") for place in places]
    with seam.alone("backup", 1) as alone:
        if not alone:
            raise BackupRuns()
        for place in places:
            if place.exists():
                raise BackupThere(place=str(place))
            _leftovers_remove(place.parent)
        for draft in drafts:
            _folder(draft)
        try:
            # What was destroyed until now is written down first: a restore learns it from there.
            journal.journal_sweep(now=now)
            journal.counters_note(now=now)
            with seam.snapshot():
                told = {
                    "format": form.FORMAT,
                    "stamp": stamp,
                    "office": journal.office_mark(),
                    "vendor": connection.vendor,
                    "migrations": form.migrations(),
                }
                rows, missing, files = _data(drafts[0], told)
                wrapped = _keys(drafts[1], told)
            damaged = _verify(drafts[1])
            for place, draft in zip(places, drafts, strict=True):
                draft.rename(place)
                form.sync(place.parent)
        except OSError as error:
            raise BackupNotWritten(reason=error.strerror) from None
        finally:
            for draft in drafts:
                shutil.rmtree(draft, ignore_errors=True)
        gone = [] if damaged else _older_remove(places[1])
    return Made(places[0], places[1], rows, wrapped, files, missing, damaged, gone)


def _folder(draft: Path) -> None:
    try:
        draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
    except OSError:
        raise NoPlaceForBackup(place=str(draft.parent)) from None


def _data(place: Path, told: dict[str, Any]) -> tuple[int, list[int], int]:
    """Every table and every sealed file that its rows name; rows, missing files, files."""
    rows, digests = _tables(place, form.backed_up())
    tables = len(digests)
    missing = []
    for file in SealedFile.objects.order_by("pk").iterator(chunk_size=form.CHUNK):
        name = f"sealed/{file.place_on_disk[:2]}/{file.place_on_disk}"
        try:
            digests[name] = form.write_file(place / name, form.read_file(file.path))
        except FileNotFoundError:
            (place / name).unlink(missing_ok=True)
            # Of a destroyed value it is gone by right.
            if not store.destroyed_among([file.key]):
                missing.append(file.pk)
    _finish(place, told, form.DATA, rows, digests)
    return sum(rows.values()), missing, len(digests) - tables


def _keys(place: Path, told: dict[str, Any]) -> int:
    rows, digests = _tables(place, form.OF_KEYS)
    keks = VaultKey.objects.order_by("kek").values_list("kek", flat=True).distinct()
    # Without these master keys the backup opens nothing.
    told = told | {"keks": list(keks)}
    _finish(place, told, form.KEYS, rows, digests)
    return rows[VaultKey._meta.db_table]


def _tables(place: Path, chosen: Any) -> tuple[dict[str, int], dict[str, str]]:
    rows: Counter[str] = Counter()
    digests = {}
    for model in chosen:
        table = model._meta.db_table
        # The line of the columns is no row.
        rows[table] = -1

        def counted(model: Any = model, table: str = table) -> Iterator[bytes]:
            for line in form.rows_of(model):
                rows[table] += 1
                yield line

        name = f"{table}.jsonl"
        digests[name] = form.write_file(place / name, counted())
    return dict(rows), digests


def _finish(
    place: Path, told: dict[str, Any], kind: str, rows: dict[str, int], digests: dict[str, str]
) -> None:
    """The manifest, last: without it a folder is no backup."""
    manifest = told | {"kind": kind, "rows": rows, "files": digests}
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    form.write_file(place / form.MANIFEST, [text.encode()])
    for folder in {place, *(path for path in place.rglob("*") if path.is_dir())}:
        form.sync(folder)


def _verify(place: Path) -> list[int]:
    """Read the keys back from the disk, and open each; the numbers of those that do not open."""
    manifest = form.read_manifest(place, form.KEYS)
    form.require_whole(place, manifest)
    damaged = []
    table = VaultKey._meta.db_table
    seen = 0
    for chunk in form.chunks_of(VaultKey, place / f"{table}.jsonl"):
        seen += len(chunk)
        for row in (VaultKey(**cells) for cells in chunk):
            try:
                store.unwrap(row)
            except (sealing.CannotOpen, keyring.KeysMissing):
                damaged.append(row.pk)
    if seen != manifest["rows"][table]:
        raise form.BackupDamaged(place=place.name, name=table)
    return damaged


def _older_remove(newest: Path) -> list[str]:
    """Take the older backups of this office's keys away; their names."""
    office = form.read_manifest(newest, form.KEYS)["office"]
    gone = []
    for place in sorted(newest.parent.glob(f"{form.KEYS}-*")):
        if place.name >= newest.name:
            continue
        try:
            if form.read_manifest(place, form.KEYS)["office"] != office:
                continue
        except OperatorError:
            continue
        shutil.rmtree(place)
        gone.append(place.name)
    form.sync(newest.parent)
    return gone


def _leftovers_remove(folder: Path) -> None:
    """What backups that were killed have left; nobody else is at it."""
    for kind in (form.DATA, form.KEYS):
        for draft in folder.glob(f".{kind}-*.part"):
            shutil.rmtree(draft)
