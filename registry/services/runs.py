"""Every job records its run: started, done or failed, and what it did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from registry.choices import RunState
from registry.models import JobRun

KEPT_FOR = timedelta(days=90)


def run(job: str, work: Callable[..., dict[str, int]], *, now: datetime) -> JobRun:
    """Run the job under a record of it. A failure is recorded by its class and raised again.

    Work that counts something as "failed" has failed, whatever else it did.
    """
    JobRun.objects.filter(job=job, started_at__lt=now - KEPT_FOR).delete()
    record = JobRun.objects.create(job=job, started_at=now)
    try:
        record.did = work(now=now)
        record.state = RunState.FAILED if record.did.get("failed") else RunState.DONE
    except BaseException as error:
        record.state = RunState.FAILED
        record.error = type(error).__name__
        raise
    finally:
        record.finished_at = timezone.now()
        record.save(update_fields=["did", "state", "error", "finished_at"])
    return record
