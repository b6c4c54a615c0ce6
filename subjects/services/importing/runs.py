"""The verbs of an import: begin or go on, take chunk after chunk, end.

A run's memory is its row. Each chunk is one transaction together with how far it came, so that a
run that was cut short goes on where it stopped, with the same file only.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from registry import seam
from registry.models import Operator, User
from subjects.choices import ImportState
from subjects.models import DataSubject, ImportReject, SubjectImport
from subjects.models.imports import ImportSeen
from subjects.services import bulk
from subjects.services.importing import errors
from subjects.services.importing.finished import Ripe, datum_lines
from subjects.services.importing.known import CHANGED, NEW, SAME
from subjects.services.importing.parts import (
    Chunk,
    Finish,
    Reject,
    Setup,
)
from subjects.services.importing.pool import Pool, cores, workers
from subjects.services.importing.reading import Record, Scan, Source, records, scan
from subjects.services.importing.register import Register
from subjects.services.importing.taking import Taken, Taking
from subjects.services.importing.worker import Preparing
from subjects.vault import keyring, store
from subjects.vault.models import LABELS, KeyUse, Sealed, VaultKey

ROWS = 2_000
CHUNK_BYTES = 4 * 1024 * 1024
REJECTS_KEPT = 100_000
# Below this a file is done before worker processes would have started.
WORTH_PROCESSES = 512 * 1024
TRIES = 5
# What little garbage there is in cycles (refusals with their tracebacks) goes every so many chunks.
COLLECT_EVERY = 20

Progress = Callable[[SubjectImport], None]


@dataclass
class Import:
    """One run under way: the row, its file, and who looks on."""

    run: SubjectImport
    source: Source
    scan: Scan
    now: datetime
    processes: int
    rows: int = ROWS
    progress: Progress = lambda run: None
    # Kept apart from the row: a trial run is rolled back, and its rejects are saved after that.
    rejects: list[Reject] = field(default_factory=list)
    kept: int = 0


def import_file(
    *,
    operator: Operator,
    source: Source,
    dry_run: bool = False,
    by: User | None,
    now: datetime,
    progress: Progress = lambda run: None,
    processes: int | None = None,
    rows: int = ROWS,
) -> SubjectImport:
    """Import a file, or go on with it where an earlier run of the same file was cut short.

    Refuses the whole file before anything is written (``errors.FileRefused``), and a second run
    of the operator beside the first (``OtherImportRuns``). ``processes``: 0 for none.
    """
    found = scan(source)
    register = Register(operator, now=now)
    register.columns(found.header)
    with seam.alone("import", operator.pk) as mine:
        if not mine:
            raise errors.OtherImportRuns(operator=operator.name)
        run = _begin(operator, found, dry_run=dry_run, by=by, now=now)
        work = Import(run, source, found, now, _processes(found, processes), rows, progress)
        return _work(work)


def import_resume(
    *, run: SubjectImport, source: Source, now: datetime, processes: int | None = None
) -> SubjectImport:
    """Do the work of an uploaded file's run that waits or was cut short."""
    with seam.alone("import", run.operator_id) as mine:
        if not mine:
            raise errors.OtherImportRuns(operator=run.operator.name)
        run.refresh_from_db()
        if run.state not in (ImportState.WAITING, ImportState.RUNNING):
            raise errors.NotWaiting()
        found = scan(source)
        if found.digest != run.digest:
            raise errors.FileUnreadable(reason="SHA-256")
        Register(run.operator, now=now).columns(found.header)
        _claim(run)
        return _work(Import(run, source, found, now, _processes(found, processes)))


def _processes(found: Scan, wanted: int | None) -> int:
    if wanted is not None:
        return wanted
    return cores() if found.size >= WORTH_PROCESSES else 0


def _begin(
    operator: Operator, found: Scan, *, dry_run: bool, by: User | None, now: datetime
) -> SubjectImport:
    """The run of this file that was cut short, else a new one. Nobody else is in here."""
    cut = SubjectImport.objects.filter(
        operator=operator,
        digest=found.digest,
        dry_run=dry_run,
        file=None,
        state__in=(ImportState.WAITING, ImportState.RUNNING),
    ).first()
    run = cut or SubjectImport(
        operator=operator,
        dry_run=dry_run,
        digest=found.digest,
        size=found.size,
        made_by=by,
        made_at=now,
    )
    _claim(run)
    return run


def _claim(run: SubjectImport) -> None:
    with transaction.atomic():
        # Whoever is marked as running has died: its lock is free.
        SubjectImport.objects.filter(operator=run.operator, state=ImportState.RUNNING).exclude(
            pk=run.pk
        ).update(state=ImportState.WAITING)
        run.state = ImportState.RUNNING
        if run.dry_run:
            _forget(run)
        run.save()


def _forget(run: SubjectImport) -> None:
    """A trial run always begins anew: it left nothing to go on from."""
    run.done_bytes = run.done_lines = run.rows_rejected = run.conflicts_found = 0
    run.people_new = run.people_changed = run.people_same = 0


def _work(work: Import) -> SubjectImport:
    run = work.run
    try:
        for attempt in range(1, TRIES + 1):
            try:
                _once(work)
                break
            except (store.KeyRetiredMeanwhile, store.ValueDestroyed, IntegrityError):
                # A rotation, a destruction or a clerk came between: on from the last whole chunk.
                if attempt == TRIES:
                    raise errors.ImportDisturbed() from None
                keyring.ring(fresh=True)
                fresh = SubjectImport.objects.get(pk=run.pk)
                for name in COUNTED:
                    setattr(run, name, getattr(fresh, name))
                work.rejects.clear()
    except BaseException:
        SubjectImport.objects.filter(pk=run.pk, state=ImportState.RUNNING).update(
            state=ImportState.WAITING
        )
        raise
    with transaction.atomic():
        ImportSeen.objects.filter(run=run.pk).delete()
        if run.dry_run:
            _save_rejects(run, work.rejects)
        run.state, run.finished_at = ImportState.DONE, work.now
        run.save()
    return run


def _once(work: Import) -> None:
    work.kept = ImportReject.objects.filter(run=work.run).count()
    if not work.run.dry_run:
        _stream(work)
        return
    # Everything happens as in earnest, so the counts are those of the real run; then it has not.
    with transaction.atomic():
        _stream(work)
        transaction.set_rollback(True)


# --- the stream ----------------------------------------------------------------------------------
COUNTED = (
    "done_bytes", "done_lines", "people_new", "people_changed", "people_same", "rows_rejected",
    "conflicts_found",
)  # fmt: skip


def _stream(work: Import) -> None:
    """Chunk after chunk: while one is saved here, the next are prepared in the pool."""
    run, found = work.run, work.scan
    register = Register(run.operator, now=work.now)
    setup, kek, search = _setup(register, found)
    taking = Taking(
        register=register,
        preparing=Preparing(setup),
        run=run.pk,
        kek=kek,
        search=search,
        by=run.made_by,
        now=work.now,
    )
    start, line = found.body, found.body_line
    if run.done_bytes:
        start, line = run.done_bytes, run.done_lines + 1
    chunks = _chunks(records(work.source(start), line=line, start=start), work.rows)
    with _no_collection(), workers(setup, work.processes, taking.finished.compose) as pool:
        # A key for each value, the account's, and the evidence's.
        flow = _Flow(pool, chunks, keys_each=len(setup.columns) + 2)
        for number, (end, last, ripe) in enumerate(flow, start=1):
            with transaction.atomic():
                _count(run, taking.take(ripe), end, last, work)
            work.progress(run)
            if number % COLLECT_EVERY == 0:
                gc.collect()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Rows and sealed values are no garbage in cycles; looking for it takes half of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _setup(register: Register, found: Scan) -> tuple[Setup, int, int]:
    """What the workers need, and the numbers of the keys that they will use."""
    ring = keyring.ring()
    kek, searches = ring.active(KeyUse.KEK), ring.numbers(KeyUse.SEARCH)
    setup = Setup(
        realm=register.operator.pk,
        zone=register.operator.zone.key,
        delimiter=found.delimiter,
        header=found.header,
        account=register.account(),
        columns=register.columns(found.header),
        kek=keyring.kek(kek),
        searches=tuple(ring.get(KeyUse.SEARCH, number) for number in searches),
        labels={"datum": LABELS[Sealed.DATUM], "evidence": LABELS[Sealed.EVIDENCE]},
        kinds={"datum": int(Sealed.DATUM), "evidence": int(Sealed.EVIDENCE)},
        finish=None,
    )
    if seam.takes_lines():
        _, end = datum_lines()
        end = end.replace(b"%", b"%%")
        setup = setup._replace(finish=Finish(kek, searches[0], register.today, end))
    return setup, kek, searches[0]


def _chunks(source: Iterable[Record], rows: int) -> Iterator[list[Record]]:
    """So many records, fewer when they are long."""
    chunk: list[Record] = []
    size = 0
    for record in source:
        chunk.append(record)
        size += len(record.raw)
        if len(chunk) >= rows or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class _Flow:
    """Keeps the pool busy a few chunks ahead; gives what is prepared in the file's order."""

    def __init__(self, pool: Pool[Ripe], chunks: Iterator[list[Record]], *, keys_each: int) -> None:
        self.pool, self.chunks, self.keys_each = pool, chunks, keys_each
        self.under_way: deque[tuple[int, int, Future[Ripe]]] = deque()
        self.stock: dict[Any, list[int]] = {DataSubject: [], VaultKey: []}

    def __iter__(self) -> Iterator[tuple[int, int, Ripe]]:
        while True:
            self._fill()
            if not self.under_way:
                return
            end, last, future = self.under_way.popleft()
            ripe = future.result()
            self.stock[DataSubject] += ripe.prepared.subjects_left
            self.stock[VaultKey] += ripe.prepared.keys_left
            # Before the caller saves this one, so that the processes have work meanwhile.
            self._fill()
            yield end, last, ripe

    def _fill(self) -> None:
        while len(self.under_way) < self.pool.ahead:
            chunk = next(self.chunks, None)
            if chunk is None:
                return
            final = chunk[-1]
            job = Chunk(
                records=[(record.line, record.raw) for record in chunk],
                subjects=self._numbers(DataSubject, len(chunk)),
                keys=self._numbers(VaultKey, len(chunk) * self.keys_each),
            )
            last = final.line + max(final.raw.count(b"\n") - 1, 0)
            self.under_way.append((final.end, last, self.pool.submit(job)))

    def _numbers(self, model: Any, wanted: int) -> list[int]:
        stock = self.stock[model]
        if len(stock) < wanted:
            stock += seam.reserve_ids(model, wanted - len(stock))
        taken, self.stock[model] = stock[:wanted], stock[wanted:]
        return taken


def _count(run: SubjectImport, taken: Taken, end: int, last: int, work: Import) -> None:
    """How far the run has come, saved with what it took."""
    run.done_bytes, run.done_lines = end, last
    run.people_new += taken.counts[NEW]
    run.people_changed += taken.counts[CHANGED]
    run.people_same += taken.counts[SAME]
    run.rows_rejected += taken.rejected
    run.conflicts_found += taken.conflicts
    kept = taken.rejects[: max(0, REJECTS_KEPT - work.kept)]
    work.kept += len(kept)
    if run.dry_run:
        work.rejects += kept
    else:
        _save_rejects(run, kept)
    run.save(update_fields=COUNTED)


def _save_rejects(run: SubjectImport, rejects: Iterable[Reject]) -> None:
    adapt = ImportReject._meta.get_field("params").get_db_prep_save
    bulk.insert(
        ImportReject,
        ("run_id", "line", "column", "reason", "params"),
        (
            (run.pk, line, column, reason, adapt(params, connection))
            for line, column, reason, params in rejects
        ),
    )
