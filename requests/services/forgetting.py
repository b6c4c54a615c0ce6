"""The hourly sweep of the public form: submissions that are over, counters of hours that are."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet

from registry import seam
from requests.models import Submission
from requests.services.submissions import (
    CONFIRMED,
    LIFE,
    UNCONFIRMED,
    contents_destroy,
    files_of,
)
from requests.services.throttling import counters_forget
from subjects.services.destruction import flush
from subjects.services.evidence_keys import evidence_key_ready

log = logging.getLogger(__name__)
# Since the last sweep, with room for one that came late.
LATELY = timedelta(hours=2)


def submissions_sweep(*, now: datetime) -> dict[str, int]:
    """Destroy what nobody confirmed within a day, and forget the way to receipts a day old.

    Late or twice it does no harm. What fails for one does not keep the others waiting: it is
    counted as "failed", which fails the run. Must not stand in a transaction.
    """
    evidence_key_ready(now=now)
    did = dict.fromkeys(("submissions", "receipts", "failed"), 0)
    for pk in list(_over(now).order_by("pk").values_list("pk", flat=True)):
        try:
            ended = _end(pk, now)
        except (OperationalError, InterfaceError):
            # The database itself is away: nobody's turn would come.
            raise
        except Exception as error:
            log.error("submission %s: %s", pk, type(error).__name__)
            did["failed"] += 1
        else:
            if ended:
                did[ended] += 1
    if did["submissions"] or Submission.objects.filter(confirmed_at__gt=now - LATELY).exists():
        flush()
    did["counters"] = counters_forget(now=now)
    return did


def _over(now: datetime) -> QuerySet[Submission]:
    since = now - LIFE
    return Submission.objects.filter(
        Q(confirmed_at=None, made_at__lte=since) | Q(confirmed_at__lte=since)
    )


@transaction.atomic
def _end(pk: int, now: datetime) -> str:
    """What ended; empty when another worker, or whoever typed the code in, was faster."""
    row = seam.claim(_over(now).filter(pk=pk)).first()
    if row is None:
        return ""
    reason = UNCONFIRMED if row.confirmed_at is None else CONFIRMED
    contents_destroy(row, list(files_of(row)), reason=reason, now=now)
    # ``delete()`` of sealed rows refuses, as their values are destroyed first: these are.
    seam.delete_returning(Submission, [row.pk], ["id"])
    return "submissions" if row.confirmed_at is None else "receipts"
