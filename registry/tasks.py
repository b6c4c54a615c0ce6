"""Doorbells of the clock. Each reads the time, runs a sweep, and records that it ran."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from registry.services import notices_watch, outbox, reminders, runs

log = logging.getLogger(__name__)


@shared_task
def remind() -> None:
    """Make the reminders that have come due."""
    record = runs.run("remind", reminders.remind, now=timezone.now())
    if record.did["reminders"]:
        ring(deliver)


@shared_task
def digest() -> None:
    """Gather the morning's mails, of all the reminders that have come due.

    A digest that overtook the reminders would leave the rest to come one by one.
    """
    now = timezone.now()
    made = runs.run("remind", reminders.remind, now=now).did["reminders"]
    gathered = runs.run("digest", reminders.digest, now=now).did["digests"]
    if made or gathered:
        ring(deliver)


@shared_task
def deliver() -> None:
    """Send what the outbox holds."""
    runs.run("deliver", outbox.deliver, now=timezone.now())


@shared_task
def watch_notices() -> None:
    """Compare what the authority was told with the register, and start the clocks that follow."""
    runs.run(notices_watch.JOB, notices_watch.watch_notices, now=timezone.now())


def ring(task: Any) -> None:
    """Ring a doorbell. Nobody there is no harm: the next sweep finds the same rows."""
    try:
        task.apply_async(expires=3300, retry=False)
    except (OperationalError, OSError):
        log.warning("the broker cannot be reached; the hourly sweep will do the work")
