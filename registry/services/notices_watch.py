"""Watches what the authority was told: the clocks of changed particulars and of the end (22(7)).

Runs hourly, late, twice or by two workers: what it has done is a row, and it looks again under the
lock of the operator before it writes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, QuerySet

from registry import seam
from registry.choices import Effect, Event, RunState
from registry.models import Deadline, JobRun, Operator, ProcessingActivity, RegisterPaper
from registry.particular_changes import Key, changed
from registry.services.clocks import deadline_void
from registry.services.notice_moments import earliest_change
from registry.services.notices import (
    END,
    ceased_on_of,
    ceasing_clock,
    clock_start,
    clocks_of,
    notice_in_force,
    start_of,
)
from registry.services.particulars import particulars_of
from registry.services.rules import rules_for

log = logging.getLogger(__name__)
JOB = "watch_notices"
# What does the watching for one operator, and counts what it did by its name.
Watch = Callable[[Operator, datetime], list[str]]
# The paper that tells an end, or would have to, and the day of ceasing.
Ending = tuple[RegisterPaper, date]


def watch_notices(*, now: datetime) -> dict[str, int]:
    """Start and void the clocks of 152-FZ 22(7) for every operator; returns what was done.

    Changed particulars: a difference between the notice in force and the register of today starts
    one clock about that notice, from the earliest change that history tells (see
    ``notice_moments``); further changes join it. Changed back: void. A notice that is only drafted
    or signed changes nothing here until it is filed.

    The end: a notice of the end that is written but not filed starts the clock from the day of
    ceasing that it names, of several the signed one, else the earliest day; without one the last
    end in the register does, once nothing goes on. Void when nothing says so any more.

    A transaction a clock; one that fails is counted and leaves the others their turn.
    """
    did = {"operators": 0, "started": 0, "voided": 0, "failed": 0}
    for operator in Operator.objects.select_related("jurisdiction", "responsible").order_by("pk"):
        watched = [_watched(verb, operator, now, did) for verb in (_watch_change, _watch_end)]
        did["operators" if all(watched) else "failed"] += 1
    return did


def _watched(verb: Watch, operator: Operator, now: datetime, did: dict[str, int]) -> bool:
    """Whether the verb had its turn; what it did is counted."""
    try:
        for done in verb(operator, now):
            did[done] += 1
    except Exception as error:
        if not connection.is_usable():
            # The database itself is away, not only locked: nobody's turn would come.
            raise
        name, kind = verb.__name__, type(error).__name__
        log.error("notices of operator %s, %s: %s", operator.pk, name, kind)
        return False
    return True


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
    """The last moment at which the register is known to have been as the notice says: the end of
    the day under the signature or the moment when it was recorded, whichever is earlier, or the
    last whole run of this job after its filing (it would have started a clock).
    """
    assert paper.signed_at is not None and paper.signed_on is not None
    next_day = start_of(paper.signed_on + timedelta(days=1), paper.operator)
    signed_at = min(paper.signed_at, next_day - timedelta(microseconds=1))
    run = (
        JobRun.objects.filter(
            job=JOB, state=RunState.DONE, started_at__gte=paper.filing.recorded_at
        )
        .order_by("-started_at")
        .first()
    )
    return max(signed_at, run.started_at) if run else signed_at


# --- the end -----------------------------------------------------------------------------------
def _watch_end(operator: Operator, now: datetime) -> list[str]:
    if not _end_steps(operator, now):
        return []
    with transaction.atomic():
        seam.lock(Operator.objects.filter(pk=operator.pk)).get()
        wanted, clocks = _end_wanted(operator, now), _end_clocks(operator)
        done = []
        for clock in clocks:
            if not _is_about(clock, wanted):
                reason = "another notice or day of the end counts" if wanted else "no end is left"
                deadline_void(deadline=clock, by=None, reason=reason, now=now)
                done.append("voided")
        if wanted and not any(_is_about(clock, wanted) for clock in clocks):
            paper, ceased_on = wanted
            if ceasing_clock(paper, ceased_on=ceased_on, by=None, now=now):
                done.append("started")
        return done


def _end_steps(operator: Operator, now: datetime) -> bool:
    """Whether anything is to be done: a clock is wanted that does not run, or runs unwanted."""
    wanted, clocks = _end_wanted(operator, now), _end_clocks(operator)
    running = [clock for clock in clocks if _is_about(clock, wanted)]
    return len(running) != len(clocks) or (wanted is not None and not running)


def _end_clocks(operator: Operator) -> list[Deadline]:
    return list(
        clocks_of(operator, Event.PROCESSING_CEASED).select_related("operator__jurisdiction")
    )


def _is_about(clock: Deadline, wanted: Ending | None) -> bool:
    if wanted is None:
        return False
    paper, ceased_on = wanted
    return clock.about_id == paper.pk and clock.trigger_at == start_of(ceased_on, paper.operator)


def _end_wanted(operator: Operator, now: datetime) -> Ending | None:
    """The paper about which the clock of ceasing runs, and the day from which it counts."""
    papers = list(_unfiled(operator))
    signed = [paper for paper in papers if paper.is_signed]
    if signed:
        return signed[0], ceased_on_of(signed[0])
    if papers:
        # Of drafts nobody knows which is right: the earliest day harms nobody.
        paper = min(papers, key=lambda paper: (ceased_on_of(paper), paper.pk))
        return paper, ceased_on_of(paper)
    notice = notice_in_force(operator)
    ceased_on = _ceased_by_itself(operator, _today(operator, now)) if notice else None
    return (notice, ceased_on) if notice and ceased_on else None


def _unfiled(operator: Operator) -> QuerySet[RegisterPaper]:
    """Notices of the end that nobody has filed, the one signed last first. One that was written
    before another was filed is past: that other has told the end."""
    rows = RegisterPaper.objects.filter(operator=operator, kind=END)
    told = rows.filter(filing__isnull=False).order_by("-filing__recorded_at").first()
    rows = rows.filter(filing=None)
    if told is not None:
        rows = rows.filter(made_at__gt=told.filing.recorded_at)
    return rows.select_related("operator__jurisdiction", "operator__responsible").order_by(
        F("signed_at").desc(nulls_last=True), "-made_at", "-pk"
    )


def _ceased_by_itself(operator: Operator, today: date) -> date | None:
    """The day on which the last activity of the register ended; None while one goes on."""
    rows = ProcessingActivity.objects.filter(operator=operator).values_list(
        "ended_on", "purpose__ended_on"
    )
    ends = [min(filter(None, days), default=None) for days in rows]
    days = [day for day in ends if day is not None and day <= today]
    return max(days) if days and len(days) == len(ends) else None
