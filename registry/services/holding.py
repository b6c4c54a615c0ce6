"""After a restore the clock stands still: nothing is sent or done by itself until it is released.

What the database of an earlier day would send may have gone out since, and what it would do by
itself may be wrong by now. The hold is a row, the open run of the job "restore", and so it is there
for every process of the office.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.db import transaction

from registry import seam
from registry.choices import Role, RunState
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import JobRun, Membership, User

JOB = "restore"
# Before the numbers that were given out until the restore, see ``floor_of``.
NUMBERS = "number "
RELEASED_BY = "released by user"


class NothingHeld(Conflict):
    template = gettext_noop("Nothing is held: no restored database waits for its release.")


class ReleasedByNoDpo(OperatorError):
    template = gettext_noop(
        "%(username)s is no DPO of this office: a restored database is released by a DPO."
    )


def held() -> bool:
    """Whether a restored database still waits for its release."""
    return JobRun.objects.filter(job=JOB, finished_at=None).exists()


def held_since() -> datetime | None:
    """When the database was restored that still waits."""
    row = JobRun.objects.filter(job=JOB, finished_at=None).order_by("-started_at").first()
    return row.started_at if row else None


def hold(*, did: Mapping[str, int], numbers: Mapping[str, int], now: datetime) -> JobRun:
    """Hold the clock. ``did``: what the restore did; ``numbers``: the highest ones given out."""
    floors = {NUMBERS + prefix: number for prefix, number in numbers.items()}
    return JobRun.objects.create(job=JOB, started_at=now, did={**did, **floors})


def release(*, username: str, now: datetime, today: date) -> JobRun:
    """Let the clock run again, in the name of a DPO, who has looked at what waits in the outbox.

    Refuses anybody else, and when nothing is held.
    """
    user = User.objects.filter(username=username, is_active=True).first()
    roles = Membership.objects.filter(user=user, role=Role.DPO, started_on__lte=today)
    if user is None or not roles.exclude(ended_on__lte=today).exists():
        raise ReleasedByNoDpo(username=username)
    with transaction.atomic():
        rows = list(seam.lock(JobRun.objects.filter(job=JOB, finished_at=None).order_by("pk")))
        if not rows:
            raise NothingHeld()
        for row in rows:
            row.finished_at, row.state = now, RunState.DONE
            row.did = {**row.did, RELEASED_BY: user.pk}
            row.save(update_fields=["finished_at", "state", "did"])
    return rows[-1]


def floor_of(operator: str, prefix: str) -> int:
    """The highest number with this prefix that the operator had given out before a restore."""
    runs = JobRun.objects.filter(job=JOB).values_list("did", flat=True)
    return max((did.get(f"{NUMBERS}{operator} {prefix}", 0) for did in runs), default=0)
