"""What a backup is: which tables it holds, how a row is written, what says that it is whole.

Two folders apart: ``data-<stamp>`` (every table but the vault's two, and the sealed files) and
``keys-<stamp>`` (the wrapped keys, and which master keys there are). A table is a file of JSON
lines, its columns first; the manifest is written last and names the digest of every file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder

from registry import seam
from registry.errors import OperatorError, gettext_noop
from subjects.vault.field import PREFIX, Ciphertext
from subjects.vault.models import MasterKey, VaultKey

FORMAT = 1
MANIFEST = "manifest.json"
DATA, KEYS = "data", "keys"
CHUNK = 2_000
READ_BYTES = 256 * 1024

# What a backup leaves out, and why. Every other table is in it.
LEFT_OUT = {
    "subjects.VaultKey": "makes values readable: has a backup of its own",
    "subjects.SearchToken": "makes values findable: made anew from the values",
    "subjects.SearchResult": "what somebody searched for within the half hour",
    "sessions.Session": "log-ins: everybody logs in anew",
    "axes.AccessAttempt": "failed log-ins of the last minutes",
    "axes.AccessAttemptExpiration": "failed log-ins of the last minutes",
    "axes.AccessFailureLog": "not used by this office",
    "axes.AccessLog": "not used by this office",
    "requests.Throttle": "who has used the public form within the hour",
}
OF_KEYS: tuple[type[models.Model], ...] = (MasterKey, VaultKey)


class NotABackup(OperatorError):
    template = gettext_noop("%(place)s is no backup, or one that was cut short.")


class BackupOfAnotherFormat(OperatorError):
    template = gettext_noop(
        "%(place)s was made by another version of the office: restore it with that version, then "
        "migrate."
    )


class BackupDamaged(OperatorError):
    template = gettext_noop("%(place)s is damaged: %(name)s is not what was written.")


def backed_up() -> list[type[models.Model]]:
    """The models of a backup's data, in the order in which they can be loaded.

    Links of many-to-many fields first: those of a published text can only come before it.
    """
    chosen = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.label not in LEFT_OUT
    ]
    return sorted(chosen, key=lambda model: (not model._meta.auto_created, model._meta.label))


def migrations() -> list[str]:
    """What the tables look like: the migrations that were applied, by name."""
    rows = MigrationRecorder.Migration.objects.values_list("app", "name")
    return sorted(f"{app}.{name}" for app, name in rows)


# --- rows ----------------------------------------------------------------------------------------
def columns_of(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if not field.generated]


def rows_of(model: type[models.Model]) -> Iterator[bytes]:
    """A line with the columns, then one for each row; memory does not grow with the table."""
    fields = columns_of(model)
    yield _json([field.attname for field in fields])
    # Not by a manager of the model, which may hide rows.
    rows: models.QuerySet[Any] = models.QuerySet(model)
    listed = rows.order_by("pk").values_list(*(field.attname for field in fields))
    for row in listed.iterator(chunk_size=CHUNK):
        yield _json([_plain(value) for value in row])


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(value: Any) -> Any:
    """As JSON holds it, and as the field's ``to_python`` reads it back."""
    if value is None or isinstance(value, bool | int | float | str | dict | list):
        return value
    if isinstance(value, Ciphertext):
        return PREFIX + _base64(value.raw)
    if isinstance(value, bytes | memoryview):
        return _base64(bytes(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a backup cannot hold {type(value).__name__}")


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def rows_load(model: type[models.Model], path: Path) -> int:
    """Insert the rows of a table's file as they were; returns how many."""
    done = 0
    for chunk in chunks_of(model, path):
        chunk_load(model, chunk)
        done += len(chunk)
    return done


def chunks_of(model: type[models.Model], path: Path) -> Iterator[list[dict[str, Any]]]:
    """The rows of a table's file, chunk by chunk: column -> value, as the model has it."""
    fields = columns_of(model)
    names = [field.attname for field in fields]
    with path.open("rb") as stream:
        if json.loads(stream.readline() or b"0") != names:
            raise BackupOfAnotherFormat(place=path.parent.name)
        chunk: list[dict[str, Any]] = []
        for line in stream:
            cells = zip(fields, json.loads(line), strict=True)
            chunk.append({field.attname: _read(field, value) for field, value in cells})
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk


def _read(field: models.Field[Any, Any], value: Any) -> Any:
    return None if value is None else field.to_python(value)


def chunk_load(model: type[models.Model], chunk: Iterable[dict[str, Any]]) -> None:
    """Insert rows of ``chunks_of``, past managers, histories and defaults."""
    fields = columns_of(model)
    seam.copy_rows(
        model._meta.db_table,
        [str(field.column) for field in fields],
        (tuple(_cell(field, row[field.attname]) for field in fields) for row in chunk),
    )


def _cell(field: models.Field[Any, Any], value: Any) -> Any:
    return None if value is None else field.get_db_prep_save(value, connection)


# --- files ---------------------------------------------------------------------------------------
def write_file(path: Path, pieces: Iterable[bytes]) -> str:
    """Write a new file for its owner alone, that survives a power cut; its digest."""
    # mkdir gives its mode to the last folder only.
    for folder in reversed([path.parent, *path.parent.parents]):
        folder.mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        for piece in pieces:
            digest.update(piece)
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest()


def read_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(READ_BYTES):
            yield piece


def sync(folder: Path) -> None:
    """Let the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    for piece in read_file(path):
        digest.update(piece)
    return digest.hexdigest()


def read_manifest(place: Path, kind: str) -> dict[str, Any]:
    """The manifest of a whole backup of this kind; refuses anything else, by name."""
    try:
        found = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise NotABackup(place=str(place)) from None
    if not isinstance(found, dict) or found.get("kind") != kind:
        raise NotABackup(place=str(place))
    if found.get("format") != FORMAT:
        raise BackupOfAnotherFormat(place=place.name)
    return found


def require_whole(place: Path, manifest: dict[str, Any]) -> None:
    """Refuse a backup one of whose files is not the one that was written."""
    for name, digest in manifest["files"].items():
        path = place / name
        if not path.is_file() or digest_of(path) != digest:
            raise BackupDamaged(place=place.name, name=name)
