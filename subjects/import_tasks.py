"""Doorbells of imports: their only argument is the number of a run."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from registry.services import runs
from subjects.models import SubjectImport
from subjects.services.importing import errors, uploading


@shared_task
def import_run(number: int) -> None:
    """Import one uploaded file. One that is done, or beside another, is no failure."""
    run = SubjectImport.objects.select_related("operator__jurisdiction", "file", "made_by").get(
        pk=number
    )
    try:
        uploading.import_run(run=run, now=timezone.now())
    except (errors.OtherImportRuns, errors.NotWaiting):
        # Somebody else is at it, or the sweep will find it again.
        return


@shared_task
def import_sweep() -> None:
    """Every uploaded file that waits or whose worker died."""
    runs.run("import_sweep", uploading.import_sweep, now=timezone.now())
