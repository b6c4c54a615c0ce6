"""Uploaded files: sealed at once, imported by a worker, their keys destroyed when the run ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop, override

from registry import seam
from registry.errors import OperatorError
from registry.explain import sentence
from registry.models import Operator, User
from subjects.choices import ConflictState, ImportState
from subjects.models import ImportConflict, SubjectImport
from subjects.services.cards import cards_link
from subjects.services.destruction import keys_destroy
from subjects.services.files import file_open, file_seal
from subjects.services.importing import errors
from subjects.services.importing.reading import scan, stream_source
from subjects.services.importing.register import Register
from subjects.services.importing.runs import import_resume
from subjects.vault.models import Sealed, SearchToken, VaultKey

REFUSAL_LIMIT = 500
ENDED = gettext_noop("The import of the file ended.")


def import_request(
    *,
    operator: Operator,
    pieces: Callable[[], Iterable[bytes]],
    dry_run: bool,
    by: User | None,
    now: datetime,
) -> SubjectImport:
    """Seal an uploaded file and let it wait for a worker.

    Reads it once first, and refuses what no row can be taken from (``errors.FileRefused``):
    nothing of such a file is kept. ``pieces`` begins the file anew at each call.
    """
    found = scan(stream_source(pieces))
    Register(operator, now=now).columns(found.header)
    with transaction.atomic():
        file = file_seal(
            operator=operator,
            kind=Sealed.UPLOAD,
            owner=operator.pk,
            category=None,
            pieces=pieces(),
            media_type="text/csv",
            now=now,
        )
        return SubjectImport.objects.create(
            operator=operator,
            dry_run=dry_run,
            file=file,
            digest=found.digest,
            size=found.size,
            made_by=by,
            made_at=now,
        )


def import_run(*, run: SubjectImport, now: datetime) -> SubjectImport:
    """Import an uploaded file, or go on with it. A file that is refused says so on its row.

    Refuses a run that is neither waiting nor cut short, and one beside another of the operator:
    both stay as they are.
    """
    file = run.file
    if file is None or run.state not in (ImportState.WAITING, ImportState.RUNNING):
        raise errors.NotWaiting()
    try:
        import_resume(run=run, source=stream_source(lambda: file_open(file)), now=now)
    except errors.FileRefused as error:
        _refuse(run, error, now)
    _close(run, now)
    return run


def _refuse(run: SubjectImport, error: OperatorError, now: datetime) -> None:
    language = run.made_by.language if run.made_by else "en"
    with override(language):
        run.refusal = sentence(error)[:REFUSAL_LIMIT]
    run.state, run.finished_at = ImportState.REFUSED, now
    run.save(update_fields=["refusal", "state", "finished_at"])


def _close(run: SubjectImport, now: datetime) -> None:
    """The file has done its work; its key goes, and then the file itself."""
    file = run.file
    assert file is not None
    keys_destroy([file.key], reason=ENDED, by=None, now=now)
    transaction.on_commit(lambda: file.path.unlink(missing_ok=True))
    seam.flush_deleted([VaultKey, SearchToken])


def import_sweep(*, now: datetime) -> dict[str, int]:
    """Every uploaded file that still waits, or whose worker died."""
    done = passed = 0
    waiting = SubjectImport.objects.filter(
        file__isnull=False, state__in=(ImportState.WAITING, ImportState.RUNNING)
    ).select_related("operator__jurisdiction", "file", "made_by")
    for run in waiting.order_by("pk"):
        try:
            import_run(run=run, now=now)
            done += 1
        except (errors.OtherImportRuns, errors.NotWaiting):
            passed += 1
    return {"imported": done, "passed": passed}


def conflict_resolve(
    *, conflict: ImportConflict, state: str, by: User, now: datetime
) -> ImportConflict:
    """Somebody decided about two cards with one identifier: linked, or different people.

    Merging is a verb of the cards themselves. Refuses a second decision.
    """
    if state not in (ConflictState.LINKED, ConflictState.DIFFERENT):
        raise errors.NotADecision()
    with transaction.atomic():
        row = (
            seam.lock(ImportConflict.objects.filter(pk=conflict.pk))
            .select_related("subject__operator", "other__operator", "run")
            .get()
        )
        if row.state != ConflictState.OPEN:
            raise errors.ConflictDecided()
        if state == ConflictState.LINKED:
            reason = f"import {row.run_id}, line {row.line}"
            cards_link(first=row.subject, second=row.other, by=by, now=now, reason=reason)
        row.state, row.decided_by, row.decided_at = ConflictState(state), by, now
        row.save(update_fields=["state", "decided_by", "decided_at"])
    return row
