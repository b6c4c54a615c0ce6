"""The hourly sweep of what must go: date it, draft it, execute it, verify it, close it.

Each step finds its work by the rows alone, so a step that failed or a process that died is made up
by the next sweep; late or twice, it does no harm. What fails for one act or one operator does not
keep the others waiting: it is counted as "failed", which fails the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

from django.db import InterfaceError, OperationalError
from django.db.models import Q, QuerySet

from registry.errors import OperatorError
from registry.models import Operator
from registry.states import ForbiddenTransition
from subjects.choices import ActState
from subjects.models import DestructionAct
from subjects.services.act_files import papers_due, papers_end
from subjects.services.acts import LEAD, act_draft
from subjects.services.closing import act_close, unconfirmed
from subjects.services.dates import operator_dates
from subjects.services.executing import act_execute, elsewhere_settle
from subjects.services.holds import holds_lapse
from subjects.services.recipient_answers import notices_escalate
from subjects.services.rulings import rulings_settle
from subjects.services.stops import gone_blocks_end
from subjects.services.verifying import act_search, act_verify, needles_of

log = logging.getLogger(__name__)


def destruction_sweep(
    *, now: datetime, operator: Operator | None = None, until: date | None = None
) -> dict[str, int]:
    """Do all that is due by today for one operator or for all; what was done, by count.

    ``until``: only what is due by that day, and nothing drafted ahead of it. ``waiting``: acts
    that are due and that nobody has approved. ``lapsed``: legal holds whose last day is over.
    ``elsewhere``: values by which people are found in other systems and on paper, which go with
    the last confirmation there. ``papers``: those of acts whose three years are over, and their
    scans. Must not stand in a transaction.
    """
    did = dict.fromkeys(
        ("looked", "dated", "drafted", "executed", "destroyed", "stays", "stopped", "gone",
         "elsewhere", "verified", "closed", "waiting", "lapsed", "papers", "failed"),
        0,
    )  # fmt: skip
    rows = Operator.objects.select_related("jurisdiction").order_by("pk")
    for one in rows.filter(pk=operator.pk) if operator else rows:
        today = now.astimezone(one.zone).date()
        with _alone(did, f"holds of {one.code}"):
            did["lapsed"] += holds_lapse(one, now=now)
        with _alone(did, f"dates of {one.code}"):
            for name, number in operator_dates(one, today=today).items():
                did[name] += number
        with _alone(did, f"draft of {one.code}"):
            did["drafted"] += len(
                act_draft(operator=one, until=until or today + LEAD, by=None, now=now)
            )
        due = _due(one, today, until=until)
        for act in due.filter(state__in=[ActState.APPROVED, ActState.RUNNING], closed_at=None):
            with _alone(did, act.number):
                _carry_on(act, did, now=now, today=today)
        did["waiting"] += due.filter(state=ActState.DRAFTED).count()
    for act in papers_due(now=now, operator=operator):
        with _alone(did, f"papers of {act.number}"):
            did["papers"] += papers_end(act=act, now=now)
    with _alone(did, "decisions and blocks of what is gone"):
        rulings_settle(now=now)
        gone_blocks_end(now=now)
    with _alone(did, "recipients that have not answered"):
        notices_escalate(now=now)
    return did


def act_carry_out(
    act: DestructionAct,
    *,
    now: datetime,
    today: date,
    after_chunk: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Execute, verify and close one approved act as far as it goes; see ``act_execute``.

    Whatever another hand does to it at the same time is not done twice, and is no failure.

    An act with data elsewhere stays open, executed and verified, until somebody confirms them.
    """
    did = dict.fromkeys(
        ("executed", "destroyed", "stays", "stopped", "gone", "elsewhere", "verified", "closed"), 0
    )
    _carry_on(act, did, now=now, today=today, after_chunk=after_chunk)
    return did


def unverified() -> list[str]:
    """The numbers of acts whose verification has failed: each one is an incident."""
    rows = DestructionAct.objects.filter(state=ActState.RUNNING, verified_at=None)
    return [row.number for row in rows.order_by("pk") if row.verification.get("failed")]


def _due(operator: Operator, today: date, *, until: date | None) -> QuerySet[DestructionAct]:
    """Acts of the day or older, any that has begun, and what a request asks for once approved.

    Nobody waits for the last lawful day with that; ``until``: but who names a day means it.
    """
    wanted = Q(due_on__lte=min(until or today, today)) | Q(state=ActState.RUNNING)
    if until is None:
        wanted |= ~Q(label="") & Q(state=ActState.APPROVED)
    rows = DestructionAct.objects.filter(wanted, operator=operator)
    return rows.order_by("due_on", "pk")


def _carry_on(
    act: DestructionAct,
    did: dict[str, int],
    *,
    now: datetime,
    today: date,
    after_chunk: Callable[[int], None] | None = None,
) -> None:
    """From wherever the act stands to its end, by this hand or by another one meanwhile."""
    try:
        # Read again: it may have been listed a while ago.
        row = DestructionAct.objects.get(pk=act.pk)
        if row.state != ActState.CLOSED:
            _steps(row, did, now=now, today=today, after_chunk=after_chunk)
    except ForbiddenTransition:
        if not DestructionAct.objects.filter(pk=act.pk, state=ActState.CLOSED).exists():
            raise


def _steps(
    act: DestructionAct,
    did: dict[str, int],
    *,
    now: datetime,
    today: date,
    after_chunk: Callable[[int], None] | None,
) -> None:
    """What is left to do, counting each step as it is done."""
    needles = None
    if act.finished_at is None:
        needles = needles_of(act)
        done = act_execute(act, now=now, today=today, after_chunk=after_chunk)
        did["executed"] += 1
        for name, number in done.items():
            did[name] += number
        if done["elsewhere"]:
            # The rest goes with the last confirmation; what is gone is sought while it is known.
            if done["destroyed"]:
                act_search(act, needles=needles)
            return
    if act.verified_at is None:
        act_verify(act, now=now, needles=needles)
        did["verified"] += 1
    if unconfirmed(act):
        for name, number in elsewhere_settle(act, now=now, today=today).items():
            did[name] += number
    if not unconfirmed(act):
        act_close(act, now=now)
        did["closed"] += 1


@contextmanager
def _alone(did: dict[str, int], what: str) -> Iterator[None]:
    """Around one operator or act: a failure is counted and leaves the others their turn."""
    try:
        yield
    except (OperationalError, InterfaceError):
        # The database itself is away: nobody's turn would come.
        raise
    except OperatorError as error:
        log.error("%s: %s", what, error)
        did["failed"] += 1
    except Exception as error:
        log.error("%s: %s", what, type(error).__name__)
        did["failed"] += 1
