"""Telling systems by machine what to destroy: a row first, a claim, the call, what was answered.

Only where ``WEBHOOKS`` names the system, and only once the act is being executed: until then a stop
or a ground may still come. Who is told is read anew for each try, so that nobody is told of whom a
stop holds by now, and no value is kept on the way. Between the call and its record a process may
die; the system is then called again under the same key, and what it has confirmed stays confirmed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.services import sending
from registry.services.holding import held
from registry.services.outbox import escalate
from registry.services.returns import return_note
from registry.services.sending import STUCK_AFTER
from subjects.choices import ActState, CallState, HeldIn, Looked, Outcome
from subjects.models import ActItem, SystemCall
from subjects.services.acts import act_locked
from subjects.services.cards import code_of
from subjects.services.elsewhere import UnknownPlace, codes_confirm, free_there, persons
from subjects.services.looking import look
from subjects.webhooks import CallFailed, WebhookAt, call

PEOPLE = 500  # of one call; the next ones are told when these are confirmed
ALARM = 3  # tries in vain, and the DPO hears of it
SILENCE = timedelta(days=3)  # so long a system may take to confirm what it was told
CODES_LIMIT = 10_000


class AnswerUnreadable(OperatorError):
    template = gettext_noop(
        'The answer of a system is a JSON object such as {"done": ["S-7F3K9QWX"]}.'
    )


class NeverConfirmed(OperatorError):
    template = gettext_noop(
        "Line %(line)s: nothing of this card was confirmed as destroyed at this place. Nothing was "
        "recorded."
    )


class CallGoesOn(Conflict):
    template = gettext_noop("%(call)s: this call does not wait for another try.")


def hook_of(operator: str, system: str) -> WebhookAt | None:
    """Where this system of this operator listens, if the settings name it."""
    named = (one for one in settings.WEBHOOKS if (one.operator, one.system) == (operator, system))
    return next(named, None)


def _place(system: int) -> str:
    return f"{HeldIn.SYSTEM}-{system}"


# --- the sweep -----------------------------------------------------------------------------------
def calls_sweep(*, now: datetime) -> dict[str, int]:
    """Tell each system what waits there; how many were told, how many data they confirmed at once.

    Late, twice or by two workers at once: each part of a call is claimed before it goes. Nothing
    goes while a restored database waits for its release.
    """
    did = {"called": 0, "not_called": 0, "confirmed": 0, "escalated": 0}
    if held() or not settings.WEBHOOKS:
        return did
    calls_draft(now=now)
    ready = Q(state=CallState.WAITING, next_try_at__lte=now) | Q(
        state=CallState.SENDING, claimed_at__lte=now - STUCK_AFTER
    )

    def claim(pk: int) -> SystemCall | None:
        claimed = SystemCall.objects.filter(ready, pk=pk).update(
            state=CallState.SENDING, claimed_at=now, attempts=F("attempts") + 1
        )
        rows = SystemCall.objects.select_related("act__operator__jurisdiction", "system")
        return rows.get(pk=pk) if claimed == 1 else None

    def send(row: SystemCall) -> str | None:
        try:
            did["confirmed"] += _tell(row, now=now)
        except CallFailed as error:
            return str(error)
        except OperatorError as error:
            # What it confirmed is not to be destroyed, or was never asked for.
            return type(error).__name__
        return None

    sent = sending.send_round(
        list(SystemCall.objects.filter(ready).order_by("pk").values_list("pk", flat=True)),
        claim=claim,
        send=send,
        settle=lambda row, problem: _settle(row, problem, now),
    )
    did["called"], did["not_called"] = sent["sent"], sent["not_sent"]
    did["escalated"] = calls_escalate(now=now)
    return did


def calls_draft(*, now: datetime) -> None:
    """A row for each act that is being executed and each system that waits to be told of it."""
    waiting = ActItem.objects.filter(
        key=None, outcome="", act__state=ActState.RUNNING, datum__system__isnull=False
    ).order_by()
    for hook in settings.WEBHOOKS:
        mine = waiting.filter(
            act__operator__code=hook.operator, datum__system__code=hook.system
        ).values_list("act", "datum__system")
        for act, system in sorted(set(mine.distinct())):
            SystemCall.objects.get_or_create(
                act_id=act, system_id=system, defaults={"next_try_at": now, "made_at": now}
            )


def _tell(row: SystemCall, *, now: datetime) -> int:
    """Call the system with those who wait there; how many data it confirmed at once."""
    hook = hook_of(row.act.operator.code, row.system.code)
    if hook is None:
        raise CallFailed("no webhook is set")
    people = _people(row, now)
    if not people:
        return 0
    SystemCall.objects.filter(pk=row.pk).update(people=len(people))
    body = json.dumps(
        {
            "operator": row.act.operator.code,
            "system": row.system.code,
            "act": row.act.number,
            "answer_to": settings.OFFICE_URL.rstrip("/") + answer_path(row),
            "people": people,
        },
        ensure_ascii=False,
    ).encode()
    said = call(hook, key=row.key, body=body, now=now.timestamp())
    return answer_take(row=row, said=said, how=row.key, now=now)


def answer_path(row: SystemCall) -> str:
    """Where the system answers, if it does later: what it signs."""
    return f"/webhooks/destruction/{row.act_id}/{row.system_id}/"


def _people(row: SystemCall, now: datetime) -> list[dict[str, Any]]:
    """The first of those who wait there and whom nothing holds, with an access event."""
    with transaction.atomic():
        act = act_locked(row.act)
        try:
            items = free_there(act, _place(row.system_id), now)
        except UnknownPlace:
            return []
        numbers = sorted({one.subject_id for one in items})[:PEOPLE]
        if not numbers:
            return []
        look(
            operator=act.operator_id, what=Looked.EXPORT, user=None, now=now, reason=act.number,
            kind="webhook", place=_place(row.system_id), people=len(numbers),
        )  # fmt: skip
        chosen = set(numbers)
        return [
            {
                "card": one.code,
                "found_by": one.found_by,
                "categories": [row.code if row else "identity" for row in one.categories],
                "due_on": one.due_on.isoformat(),
            }
            for one in persons([one for one in items if one.subject_id in chosen])
        ]


def _settle(row: SystemCall, problem: str | None, now: datetime) -> None:
    mine = SystemCall.objects.filter(
        pk=row.pk, state=CallState.SENDING, attempts=row.attempts
    )  # fmt: skip
    if problem is None:
        left = _there(row).exists()
        found = SystemCall.objects.get(pk=row.pk)
        progress = found.confirmed_at is not None and found.confirmed_at >= now
        if left and progress and found.people >= PEOPLE:
            mine.update(
                state=CallState.WAITING, part=row.part + 1, attempts=0, next_try_at=now,
                sent_at=now, last_error="",
            )  # fmt: skip
            return
        # Told, and not everything confirmed: the system answers later.
        mine.update(state=CallState.SENT if left else CallState.DONE, sent_at=now, last_error="")
        return
    again_at = sending.next_try(row.attempts, now)
    mine.update(
        state=CallState.WAITING if again_at else CallState.FAILED,
        next_try_at=again_at or now, claimed_at=None, last_error=problem[:100],
    )  # fmt: skip


def _there(row: SystemCall) -> QuerySet[ActItem]:
    return ActItem.objects.filter(
        act=row.act_id, key=None, outcome="", datum__system=row.system_id
    )  # fmt: skip


# --- what a system answers -----------------------------------------------------------------------
def answer_take(*, row: SystemCall, said: Any, how: str, now: datetime) -> int:
    """Record what a system says it has destroyed: all of it or nothing; how many data.

    Refuses what is no answer, a card of which nothing waits there, and one that a stop or a ground
    holds. The same answer twice is one. Where more people wait, the next part is told.
    """
    codes, still = _codes(said, "done"), _codes(said, "still_here")
    if not codes and not still:
        return 0
    with transaction.atomic():
        act = act_locked(row.act)
        if still:
            _came_back(row, still, now)
        if not codes:
            return 0
        call_row = seam.lock(SystemCall.objects.filter(pk=row.pk)).get()
        count = codes_confirm(
            act=act, place=_place(row.system_id), how=f"webhook {how}", codes=codes, now=now
        )
        if count:
            _go_on(call_row, now)
    return count


def _came_back(row: SystemCall, codes: Sequence[str], now: datetime) -> None:
    """What was confirmed as destroyed is there all the same: a finding, until it is cleaned."""
    gone = ActItem.objects.filter(
        act=row.act_id, key=None, datum__system=row.system_id, outcome=Outcome.DESTROYED
    )
    known = set(gone.values_list("subject__code", flat=True))
    found = [code_of(code) for code in codes]
    missing = next((line for line, code in enumerate(found, 1) if code not in known), None)
    if missing is not None:
        raise NeverConfirmed(line=missing)
    return_note(
        operator=row.act.operator, system=row.system, act=row.act.number, rows=len(set(found)),
        now=now,
    )  # fmt: skip


def _codes(said: Any, name: str) -> Sequence[str]:
    done = said.get(name, []) if isinstance(said, dict) else None
    if (
        not isinstance(done, list)
        or len(done) > CODES_LIMIT
        or not all(isinstance(code, str) and 0 < len(code) <= 20 for code in done)
    ):
        raise AnswerUnreadable()
    return done


def _go_on(row: SystemCall, now: datetime) -> None:
    """Done, or the next part where more wait than were told; a try under way settles itself.

    The caller holds the row.
    """
    row.confirmed_at = now
    if row.state != CallState.SENDING and not _there(row).exists():
        row.state = CallState.DONE
    elif row.state != CallState.SENDING and row.people >= PEOPLE:
        row.state, row.part, row.attempts = CallState.WAITING, row.part + 1, 0
        row.next_try_at = now
    row.save(update_fields=["confirmed_at", "state", "part", "attempts", "next_try_at"])


@transaction.atomic
def call_retry(*, row: SystemCall, now: datetime) -> SystemCall:
    """Give a call that failed, waits, or was never confirmed another try at once."""
    found = seam.lock(SystemCall.objects.filter(pk=row.pk)).get()
    if found.state not in {CallState.FAILED, CallState.WAITING, CallState.SENT}:
        raise CallGoesOn(call=str(row))
    found.state, found.attempts, found.next_try_at = CallState.WAITING, 0, now
    found.escalated_at = None
    found.save(update_fields=["state", "attempts", "next_try_at", "escalated_at"])
    return found


# --- who is silent -------------------------------------------------------------------------------
def troubled(now: datetime) -> QuerySet[SystemCall]:
    """Calls that failed several times, and systems that have not confirmed for days."""
    failing = Q(state=CallState.FAILED) | Q(
        state__in=[CallState.WAITING, CallState.SENDING], attempts__gte=ALARM
    )
    silent = Q(state=CallState.SENT, sent_at__lte=now - SILENCE)
    return SystemCall.objects.filter(failing | silent, act__state=ActState.RUNNING)


def calls_escalate(*, now: datetime) -> int:
    """Tell the DPO, once, of each call that is in trouble; how many."""
    count = 0
    rows = troubled(now).filter(escalated_at=None).select_related(
        "act__operator__jurisdiction", "system"
    )  # fmt: skip
    for row in rows.order_by("pk"):
        with transaction.atomic():
            key = f"call:{row.pk}:{row.part}:{row.made_at.timestamp():.0f}"
            heard = escalate(operator=row.act.operator, key=key, words=partial(_silent, row),
                             now=now)  # fmt: skip
            if heard:
                SystemCall.objects.filter(pk=row.pk).update(escalated_at=now)
                count += 1
    return count


def _silent(row: SystemCall) -> tuple[str, str]:
    facts = {"act": row.act.number, "system": row.system, "error": row.last_error or "–"}
    title = gettext("%(act)s: %(system)s has not confirmed the destruction")
    text = gettext(
        "%(system)s was told by its webhook what to destroy for %(act)s and has not confirmed it "
        "(%(error)s). Look at the system, or take the work list and confirm the place by hand."
    )
    return title % facts, text % facts


def call_for(act: int, system: int) -> SystemCall | None:
    """The call that an answer belongs to, with what checks its signature."""
    rows = SystemCall.objects.select_related("act__operator__jurisdiction", "system")
    return rows.filter(act=act, system=system).first()
