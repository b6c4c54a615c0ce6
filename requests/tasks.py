"""Doorbells of the clock for what has a correspondent."""

from __future__ import annotations

from datetime import datetime

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from registry.services import runs
from registry.tasks import remind, ring
from requests.services.answer_ends import answers_sweep
from requests.services.ends import ends_sweep
from requests.services.fetching import mailboxes_fetch
from requests.services.forgetting import submissions_sweep
from requests.services.incident_export import exports_sweep
from requests.services.posting import letters_deliver
from requests.services.triage import mails_sweep


@shared_task
def forget_submissions() -> None:
    """Destroy what came in by the public form and nobody confirmed."""
    runs.run("forget_submissions", submissions_sweep, now=timezone.now())


@shared_task
def fetch_mail() -> None:
    """Take what came to the operators' mailboxes; its clocks stand from their arrival."""
    did = runs.run("fetch_mail", _fetch, now=timezone.now()).did
    if did.get("taken"):
        ring(remind)
        ring(post_letters)


def _fetch(*, now: datetime) -> dict[str, int]:
    return mailboxes_fetch(boxes=settings.MAILBOXES, now=now)


@shared_task
def post_letters() -> None:
    """Make the receipts that are missing and send the letters that wait."""
    runs.run("post_letters", letters_deliver, now=timezone.now())


@shared_task
def end_correspondence() -> None:
    """Date and destroy what requests that are over still hold, exports of incidents, and mails."""
    runs.run("end_correspondence", _ends, now=timezone.now())


def _ends(*, now: datetime) -> dict[str, int]:
    # Answers first: a contact stays as long as one can be fetched.
    found = [answers_sweep(now=now), ends_sweep(now=now), exports_sweep(now=now)]
    found.append(mails_sweep(now=now))
    did = {name: count for one in found for name, count in one.items()}
    return did | {"failed": sum(one["failed"] for one in found)}
