"""Sealed files: streamed in and out, under a key each, with no name on the disk that says whose.

A file stands in its place before its row is committed. What a rolled-back transaction leaves is
mute, because its key went with the transaction; the sweep takes it away a day later, after asking
the database. Removing it at once would lose a file whose commit succeeded unheard.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from registry.errors import OperatorError, gettext_noop
from registry.models import Operator
from subjects import sealing
from subjects.models import DestructionItem, SealedFile, VaultKey
from subjects.services.pictures import photo_check, sniff
from subjects.vault import store
from subjects.vault.models import Sealed

__all__ = ["file_open", "file_seal", "files_look", "files_sweep", "photo_check", "sniff"]

READ_BYTES = 256 * 1024
# Longer than any transaction: an older file that no row names will never be named.
ORPHAN_AFTER = timedelta(days=1)
ROWS = 1_000


class FileEmpty(OperatorError):
    template = gettext_noop("The file is empty.")


class FileGone(OperatorError):
    status = 500
    template = gettext_noop(
        "A sealed file is not in its place and no destruction names it: this is an incident."
    )


def file_seal(
    *,
    operator: Operator,
    kind: int,
    owner: int,
    category: int | None,
    pieces: Iterable[bytes],
    media_type: str,
    now: datetime,
) -> SealedFile:
    """Seal a stream under a key of its own, in the same transaction; memory does not grow with it.

    ``kind``: ``Sealed.FILE`` (``owner``: the person) or ``Sealed.UPLOAD`` (the operator). Refuses
    an empty stream. Whatever fails here leaves neither key nor file.
    """
    place = store.Place(kind=Sealed(kind), owner=owner, category=category)
    name = secrets.token_hex(32)
    with transaction.atomic():
        minted = store.mint(place)
        row = SealedFile(
            operator=operator,
            kind=place.kind,
            owner=owner,
            category=category,
            key=minted.number,
            place_on_disk=name,
            media_type=media_type,
            made_at=now,
        )
        bound = store.bound_value(place.kind, minted.number)
        row.size = _write(row.path, minted.data_key, pieces, bound)
        try:
            row.save(force_insert=True)
        except BaseException:
            row.path.unlink(missing_ok=True)
            raise
    return row


def _write(path: Path, key: bytes, pieces: Iterable[bytes], bound: bytes) -> int:
    """Write beside the place, make it last, rename; returns the plain size in bytes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    size = 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for piece in pieces:
            size += len(piece)
            yield piece

    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            for sealed in sealing.seal_stream(key, counted(), bound):
                stream.write(sealed)
            stream.flush()
            os.fsync(stream.fileno())
        if not size:
            raise FileEmpty()
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)
    return size


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_open(file: SealedFile) -> Iterator[bytes]:
    """The plain pieces, each checked before it is given out.

    Refuses at once, before the first piece: a destroyed file (``ValueDestroyed``), one whose key
    is lost (``ValueLost``) or that is gone (``FileGone``), a key of another owner. A damaged or
    cut file refuses where the damage is.
    """
    key = store.keys_of([file.key]).get(file.key)
    if key is None:
        raise store.ValueDestroyed() if store.destroyed_among([file.key]) else store.ValueLost()
    store.require_owner(key, file.sealed_place)
    data_key = store.open_key(key)
    try:
        stream = file.path.open("rb")
    except FileNotFoundError:
        if store.destroyed_among([file.key]):
            raise store.ValueDestroyed() from None
        raise FileGone() from None

    def pieces() -> Iterator[bytes]:
        with stream:
            while piece := stream.read(READ_BYTES):
                yield piece

    return sealing.unseal_stream(data_key, pieces(), store.bound_value(key.kind, key.pk))


# --- the sweep -----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Sweep:
    """``orphans``: files that no row names; ``mute``: files whose key was destroyed;
    ``missing``: numbers of rows whose file is gone while its key stands.
    """

    orphans: list[Path]
    mute: list[Path]
    missing: list[int]


def files_look(*, now: datetime) -> Sweep:
    """What the folder and the rows do not tell alike; changes nothing."""
    orphans: list[Path] = []
    mute: list[Path] = []
    paths: list[Path] = []
    for path in _on_disk():
        paths.append(path)
        if len(paths) == ROWS:
            _judge(paths, orphans, mute, now)
            paths = []
    _judge(paths, orphans, mute, now)
    missing = []
    live = SealedFile.objects.filter(key__in=VaultKey.objects.values("pk"))
    for row in live.order_by("pk").iterator(chunk_size=ROWS):
        # Asked again: it may have been destroyed since the rows were read.
        if not row.path.exists() and store.keys_of([row.key]):
            missing.append(row.pk)
    return Sweep(orphans, mute, missing)


def files_sweep(*, now: datetime) -> Sweep:
    """Remove the orphans and the mute files; the missing are for somebody to look into."""
    found = files_look(now=now)
    for path in [*found.orphans, *found.mute]:
        with suppress(FileNotFoundError):
            path.unlink()
    return found


def _on_disk() -> Iterator[Path]:
    root = Path(settings.OFFICE_SEALED)
    if root.is_dir():
        yield from (path for path in root.glob("*/*") if path.is_file())


def _judge(paths: list[Path], orphans: list[Path], mute: list[Path], now: datetime) -> None:
    keys = dict(
        SealedFile.objects.filter(place_on_disk__in=[path.name for path in paths]).values_list(
            "place_on_disk", "key"
        )
    )
    gone = set(DestructionItem.objects.filter(key__in=keys.values()).values_list("key", flat=True))
    for path in paths:
        if path.name in keys:
            if keys[path.name] in gone:
                mute.append(path)
            continue
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < now.timestamp() - ORPHAN_AFTER.total_seconds():
                orphans.append(path)
