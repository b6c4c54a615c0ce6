"""The journal of destructions, outside the database: what a restored database must destroy again.

An append-only file in ``OFFICE_JOURNAL`` with one JSON line for each destroyed key, written after
the commit; no value, and marks that say nothing without their evidence key. Beside it lies the
highest number that each table has given out, so that none comes twice. Both are named by the first
key-encryption key of the database: those of another one never mix in.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from registry import seam
from registry.services.numbering import numbers_given
from subjects.models import DestructionItem, Evidence
from subjects.vault import store
from subjects.vault.models import KeyUse, MasterKey

# Operator, mark, evidence key, search key, last day.
Mark = tuple[int, str, int, int, str]
# Longer than any transaction: an item older than this is in the journal once the sweep has passed.
SETTLED_AFTER = timedelta(days=1)
CHUNK = 2_000


def office_mark() -> str:
    """Which database this is, by the fingerprint of its first KEK; empty before there is one."""
    rows = MasterKey.objects.filter(use=KeyUse.KEK).order_by("pk")
    return rows.values_list("fingerprint", flat=True).first() or ""


def journal_path(office: str) -> Path:
    return Path(settings.OFFICE_JOURNAL) / f"destructions-{office}.jsonl"


def _counters_path(office: str) -> Path:
    return Path(settings.OFFICE_JOURNAL) / f"numbers-{office}.json"


# --- writing -------------------------------------------------------------------------------------
def journal_note(keys: Collection[int], marks: Iterable[Sequence[Any]]) -> None:
    """Write these destroyed keys down once the transaction has committed.

    A process that dies in between leaves it to the sweep; a folder that cannot be written to does
    not undo the destruction: the sweep fails until it can. ``marks``: rows of the evidence.
    """
    if not keys:
        return
    kept: dict[int, list[Mark]] = {key: [] for key in keys} | _by_key(marks)
    transaction.on_commit(lambda: _write(kept), robust=True)


def _by_key(marks: Iterable[Sequence[Any]]) -> dict[int, list[Mark]]:
    found: dict[int, list[Mark]] = defaultdict(list)
    for operator, mark, year, search, key, until in marks:
        found[key].append((operator, bytes(mark).hex(), year, search, str(until)))
    return found


def _write(marks: dict[int, list[Mark]]) -> None:
    office = office_mark()
    with _locked(office):
        numbers = sorted(marks)
        for start in range(0, len(numbers), CHUNK):
            part = numbers[start : start + CHUNK]
            items = seam.among(DestructionItem.objects.select_related("act"), "key", part)
            _append(office, [_line(item, marks[item.key]) for item in items.order_by("pk")])
        _counters_merge(office, ids=seam.ids_given())


def _line(item: DestructionItem, marks: Sequence[Mark]) -> dict[str, Any]:
    return {
        "item": item.pk,
        "key": item.key,
        "kind": item.kind,
        "owner": item.owner,
        "category": item.category,
        "act": [item.act.pk, item.act.number] if item.act else None,
        "reason": item.reason,
        "at": item.destroyed_at.isoformat(),
        "by": item.destroyed_by_id,
        "marks": marks,
    }


@contextmanager
def _locked(office: str) -> Iterator[None]:
    """One writer at a time, in whichever process."""
    folder = Path(settings.OFFICE_JOURNAL)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / f".{office}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _append(office: str, lines: Sequence[dict[str, Any]]) -> None:
    """Add lines that survive a power cut; half a line of somebody who died is closed off first."""
    if not lines:
        return
    path = journal_path(office)
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
        for line in lines:
            stream.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    if new:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- reading -------------------------------------------------------------------------------------
def lines_from(office: str, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines from a byte of the journal on, each with the byte where it begins.

    Half a line, of somebody who was killed while he wrote it, is passed over: the sweep has
    written it once more.
    """
    path = journal_path(office)
    if not path.exists():
        return
    with path.open("rb") as stream:
        stream.seek(start)
        at = start
        for raw in stream:
            try:
                line = json.loads(raw)
            except ValueError:
                line = None
            if isinstance(line, dict) and "key" in line:
                yield at, line
            at += len(raw)


# --- the sweep -----------------------------------------------------------------------------------
def journal_sweep(*, now: datetime) -> int:
    """Write down every item that the journal does not know yet; returns how many.

    Cheap: what is older than a day is never looked at again. Writes the highest numbers down too.
    """
    office = office_mark()
    if not office:
        return 0
    numbers = numbers_given(now)
    with _locked(office):
        counters = counters_of(office)
        settled, start = counters["settled"]
        known: dict[int, int] = {}
        for at, line in lines_from(office, start):
            known.setdefault(line["item"], at)
        added = 0
        items = DestructionItem.objects.filter(pk__gt=settled).order_by("pk")
        missing: list[DestructionItem] = []
        for item in items.select_related("act").iterator(chunk_size=CHUNK):
            if item.pk not in known:
                missing.append(item)
            if len(missing) == CHUNK:
                added += _make_up(office, missing)
                missing = []
        added += _make_up(office, missing)
        old = DestructionItem.objects.filter(destroyed_at__lte=now - SETTLED_AFTER)
        last = old.order_by("-pk").values_list("pk", flat=True).first()
        if last is not None and last > settled:
            # What is younger stays within what is read next time.
            later = [at for pk, at in known.items() if pk > last]
            path = journal_path(office)
            size = path.stat().st_size if path.exists() else 0
            settled, start = last, min(later, default=start if added else size)
        _counters_merge(office, ids=seam.ids_given(), numbers=numbers, settled=[settled, start])
    return added


def _make_up(office: str, items: Sequence[DestructionItem]) -> int:
    if items:
        rows = seam.among(Evidence.objects.all(), "key", [item.key for item in items])
        marks = _by_key(
            rows.values_list("operator_id", "mark", "year", "search", "key", "keep_until")
        )
        _append(office, [_line(item, marks.get(item.key, [])) for item in items])
    return len(items)


# --- the highest numbers -------------------------------------------------------------------------
def counters_of(office: str) -> dict[str, Any]:
    """``ids``: table -> highest number; ``numbers``: operator and prefix -> the same; ``settled``:
    the item up to which the journal is whole, and the byte from which it is read again.
    """
    path = _counters_path(office)
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {"ids": {}, "numbers": {}, "settled": [0, 0]} | found


def counters_note(*, now: datetime) -> None:
    """Write the highest numbers down as they stand."""
    office, numbers = office_mark(), numbers_given(now)
    with _locked(office):
        _counters_merge(office, ids=seam.ids_given(), numbers=numbers)


def _counters_merge(
    office: str,
    *,
    ids: dict[str, int],
    numbers: dict[str, int] | None = None,
    settled: list[int] | None = None,
) -> None:
    """The higher of what is there and what is told; renamed into place."""
    found = counters_of(office)
    for name, told in (("ids", ids), ("numbers", numbers or {})):
        kept = found[name]
        found[name] = kept | {key: max(told[key], kept.get(key, 0)) for key in told}
    if settled is not None:
        found["settled"] = settled
    path = _counters_path(office)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(found, stream, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)


# --- doing it again ------------------------------------------------------------------------------
def unknown_lines(office: str) -> Iterator[list[dict[str, Any]]]:
    """The lines whose key no item of this database names, each key once, chunk by chunk."""
    chunk: dict[int, dict[str, Any]] = {}
    for _, line in lines_from(office):
        chunk.setdefault(line["key"], line)
        if len(chunk) == CHUNK // 5:
            yield _unknown(chunk)
            chunk = {}
    yield _unknown(chunk)


def _unknown(chunk: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    there = store.destroyed_among(chunk)
    return [line for key, line in chunk.items() if key not in there]
