"""Watches what the authority was told: the clocks of changed particulars and of the end (22(7)).

Runs hourly, late, twice or by two workers: what it has done is a row, and it looks again under the
lock of the operator before it writes.
"""

from __future__ import annotations

import logging
from datetime import date, datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet

from registry import seam
from registry.choices import Effect, Event, RunState
from registry.models import Deadline, JobRun, Operator, RegisterPaper
from registry.particular_changes import Key, changed
from registry.services.clocks import deadline_void
from registry.services.notice_moments import earliest_change
from registry.services.notices import END, ceasing_clock, clock_start, clocks_of, notice_in_force
from registry.services.particulars import particulars_of
from registry.services.rules import rules_for

log = logging.getLogger(__name__)
JOB = "watch_notices"


def watch_notices(*, now: datetime) -> dict[str, int]:
    """Start and void the clocks of 152-FZ 22(7) for every operator; returns what was done.

    Changed particulars: a difference between the notice in force and the register of today starts
    one clock about that notice, from the earliest change that history tells (see
    ``notice_moments``); further changes join it. Changed back: void. A notice that is only drafted
    or signed changes nothing here until it is filed.

    The end: a notice of the end that is written but not filed starts the clock from the day of
    ceasing that it names; void when it was discarded.

    One transaction an operator; one that fails is counted and leaves the others their turn.
    """
    did = {"operators": 0, "started": 0, "voided": 0, "failed": 0}
    for operator in Operator.objects.select_related("jurisdiction", "responsible").order_by("pk"):
        try:
            for verb in (_watch_change, _watch_end):
                for done in verb(operator, now):
                    did[done] += 1
            did["operators"] += 1
        except (OperationalError, InterfaceError):
            # The database itself is away: nobody's turn would come.
            raise
        except Exception as error:
            log.error("notices of operator %s: %s", operator.pk, type(error).__name__)
            did["failed"] += 1
    return did


def _today(operator: Operator, now: datetime) -> date:
    return now.astimezone(operator.zone).date()


# --- changed particulars -----------------------------------------------------------------------
def _watch_change(operator: Operator, now: datetime) -> list[str]:
    if _change_step(operator, now) is None:
        return []
    with transaction.atomic():
        seam.lock(Operator.objects.filter(pk=operator.pk)).get()
        step = _change_step(operator, now)
        if step is None:
            return []
        paper, keys, clock = step
        if clock is not None:
            reason = "the particulars are those of the notice again"
            deadline_void(deadline=clock, by=None, reason=reason, now=now)
            return ["voided"]
        trigger_at = earliest_change(paper=paper, keys=keys, since=equal_since(paper), now=now)
        started = clock_start(
            paper, Event.PARTICULARS_CHANGED, Effect.NOTIFY_AUTHORITY, trigger_at,
            by=None, now=now,
        )  # fmt: skip
        return ["started"] if started else []


def _change_step(
    operator: Operator, now: datetime
) -> tuple[RegisterPaper, list[Key], Deadline | None] | None:
    """The notice in force with what differs (a clock is wanted), or with the clock that is void;
    None when nothing is to be done.
    """
    today = _today(operator, now)
    event, effect = Event.PARTICULARS_CHANGED, Effect.NOTIFY_AUTHORITY
    paper = notice_in_force(operator)
    if paper is None or not any(
        rules_for(operator=operator, event=event, effect=effect, day=today)
    ):
        return None
    keys = changed(paper.particulars, particulars_of(operator=operator, today=today))
    clock = clocks_of(operator, event).filter(about_id=paper.pk).first()
    if bool(keys) is (clock is not None):
        return None
    return paper, keys, clock


def equal_since(paper: RegisterPaper) -> datetime:
    """The last moment at which the register is known to have been as the notice says: when it was
    signed, or the last whole run of this job after its filing (it would have started a clock).
    """
    assert paper.signed_at is not None
    run = (
        JobRun.objects.filter(
            job=JOB, state=RunState.DONE, started_at__gte=paper.filing.recorded_at
        )
        .order_by("-started_at")
        .first()
    )
    return max(paper.signed_at, run.started_at) if run else paper.signed_at


# --- the end -----------------------------------------------------------------------------------
def _unfiled(operator: Operator) -> QuerySet[RegisterPaper]:
    """Notices of the end that nobody has filed, the signed before the drafts, the newest first."""
    rows = RegisterPaper.objects.filter(operator=operator, kind=END, filing=None)
    return rows.select_related("operator__jurisdiction", "operator__responsible").order_by(
        F("signed_at").desc(nulls_last=True), "-made_at", "-pk"
    )


def _watch_end(operator: Operator, now: datetime) -> list[str]:
    clocks = clocks_of(operator, Event.PROCESSING_CEASED)
    if not clocks.exists() and not _unfiled(operator).exists():
        return []
    done = []
    with transaction.atomic():
        seam.lock(Operator.objects.filter(pk=operator.pk)).get()
        papers = list(_unfiled(operator))
        written = {paper.pk for paper in papers}
        for clock in clocks:
            if clock.about_id not in written:
                reason = "the notice of the end was discarded"
                deadline_void(deadline=clock, by=None, reason=reason, now=now)
                done.append("voided")
        if papers and ceasing_clock(papers[0], by=None, now=now):
            done.append("started")
    return done
