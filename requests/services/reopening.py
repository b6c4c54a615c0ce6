"""A request that was over goes on: the answer was incomplete, or it was closed by mistake."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from registry.errors import OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from registry.states import move
from requests import states
from requests.models import SubjectRequest
from requests.models.letters import LetterKind, LetterState
from requests.models.subject_requests import RequestState
from requests.services.ends import correspondence_undated
from requests.services.inquiries import NotYet
from requests.services.moving import reason_given, request_locked
from requests.services.subject_requests import Demand, clock_of_item, item_add
from subjects.choices import StopKind
from subjects.models import Stop
from subjects.services.people import card_locked
from subjects.services.stops import stop_place
from subjects.vault import store


class Forgotten(OperatorError):
    template = gettext_noop(
        "%(number)s: the correspondence is destroyed. Register the letter as a new request."
    )


class ReopenNeedsDemand(OperatorError):
    template = gettext_noop(
        "%(number)s: everything was decided. Say what is asked for now, or it stays closed."
    )


class AskedBeforeLetter(OperatorError):
    template = gettext_noop("%(number)s: this was not asked before the first letter.")


class ClosingOnItsWay(OperatorError):
    template = gettext_noop(
        "%(number)s: the closing letter is still on its way. Cancel it or let it go first."
    )


@transaction.atomic
def request_reopen(
    *,
    subject_request: SubjectRequest,
    reason: str,
    demand: Demand | None = None,
    asked_at: datetime | None = None,
    by: User | None,
    now: datetime,
) -> SubjectRequest:
    """Open a request again that was closed or taken back, for the reason given.

    A closed one needs a new ``demand``, whose clock counts from ``asked_at`` (now, if not told); of
    one that was taken back the old demands go on, with the clocks that they had: the law knows no
    later day, so they may be overdue at once. Routine leaves the data alone again, and what is
    left of the correspondence has no end any more. The contact was destroyed with the closing
    letter: the answer then goes to the page of the request, or by hand. Refuses what is forgotten
    already.
    """
    reason = reason_given(subject_request, reason)
    row = request_locked(subject_request, "reopen")
    number = row.number
    if asked_at is not None and asked_at > now:
        raise NotYet(number=number)
    if asked_at is not None and asked_at < row.received_at:
        raise AskedBeforeLetter(number=number)
    if store.destroyed_among([row.tracking_key or 0]):
        raise Forgotten(number=number)
    standing = row.items.filter(decision=states.OPEN)
    if demand is None and not standing.exists():
        raise ReopenNeedsDemand(number=number)
    going = [LetterState.QUEUED, LetterState.SENDING, LetterState.FAILED, LetterState.PRINTED]
    if row.letters.filter(kind=LetterKind.CLOSING, state__in=going).exists():
        raise ClosingOnItsWay(number=number)
    row.state = RequestState(move(states.REQUEST, row.state, "reopen", number=number))
    row.ended_at, row.withdrawn_reason = None, ""
    audit.save(row, by=by, reason=reason, fields=["state", "ended_at", "withdrawn_reason"])
    correspondence_undated(row, by=by)
    for link in row.people.filter(unlinked_at=None).select_related("subject__merged_into"):
        card = link.subject.merged_into or link.subject
        card_locked(card)
        mine = Stop.objects.filter(subject=card, kind=StopKind.REQUEST, label=number)
        if not mine.filter(ended_at=None).exists():
            stop_place(subject=card, label=number, reason="open request", by=by, now=now)
    for item in standing.order_by("pk"):
        item.request = row
        clock_of_item(item, owner=None, by=by, now=now)
    if demand is not None:
        item_add(subject_request=row, demand=demand, asked_at=asked_at or now, by=by, now=now)
    row.refresh_from_db()
    return row
