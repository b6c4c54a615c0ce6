"""Doorbells of the clock for what has a correspondent."""

from __future__ import annotations

from datetime import datetime

from celery import shared_task
from django.utils import timezone

from registry.services import runs
from requests.services.ends import ends_sweep
from requests.services.forgetting import submissions_sweep
from requests.services.incident_export import exports_sweep
from requests.services.posting import letters_deliver


@shared_task
def forget_submissions() -> None:
    """Destroy what came in by the public form and nobody confirmed."""
    runs.run("forget_submissions", submissions_sweep, now=timezone.now())


@shared_task
def post_letters() -> None:
    """Make the receipts that are missing and send the letters that wait."""
    runs.run("post_letters", letters_deliver, now=timezone.now())


@shared_task
def end_correspondence() -> None:
    """Date and destroy what requests that are over still hold, and the exports of incidents."""
    runs.run("end_correspondence", _ends, now=timezone.now())


def _ends(*, now: datetime) -> dict[str, int]:
    did, ended = ends_sweep(now=now), exports_sweep(now=now)
    return did | {"exports": ended["exports"], "failed": did["failed"] + ended["failed"]}
