"""The end of a request: everything decided, everything done, its clocks met, its stops ended."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from registry.choices import Effect
from registry.errors import OperatorError, gettext_noop
from registry.models import Deadline, User
from registry.services import audit
from registry.services.clocks import deadline_assign, deadline_meet
from registry.states import move
from requests import states
from requests.models import RequestItem, SubjectRequest
from requests.models.subject_requests import RequestState
from requests.services.duties import STOPPED_BY_DECISION
from requests.services.linking import holds_end
from requests.services.moving import clocks_of, moved, request_locked
from requests.services.outlook import item_preview, people_of
from subjects.models import DestructionAct, DestructionItem
from subjects.services.acts import act_draft
from subjects.vault.models import Sealed


class StillHeld(OperatorError):
    template = gettext_noop(
        "%(number)s: %(count)s data that must go are still there. Execute the act first."
    )


class NothingToDraft(OperatorError):
    template = gettext_noop(
        "%(number)s: nothing that must go is outside of an act. Look at the acts that are open."
    )


class NoClockRuns(OperatorError):
    template = gettext_noop("%(number)s: no clock of this request runs any more.")


@transaction.atomic
def request_close(
    *, subject_request: SubjectRequest, by: User | None, now: datetime
) -> SubjectRequest:
    """Everything is decided and done: the clocks are met, routine goes on with the people's data.

    A clock is met at the moment at which its duty was done, which may be long before: the decision
    where something had to stop, the destruction where data had to go. Refuses while a demand is
    open or waits, and while something that must go is still there.
    """
    row = request_locked(subject_request, "close")
    today = now.astimezone(row.operator.zone).date()
    people = people_of(row)
    gone_at = _gone_at([card.pk for card in people])
    done = {}
    for item in row.items.order_by("pk"):
        item.request = row
        if item.done_at is None:
            held = sum(len(card.goes) for card in item_preview(item, today=today, people=people))
            if held:
                raise StillHeld(number=row.number, count=held)
            # Destroyed before the decision, or held elsewhere and confirmed: known only now.
            late = gone_at is None or item.decided_at is None or gone_at < item.decided_at
            item.done_at = now if late else gone_at
            audit.save(item, by=by, reason=row.number, fields=["done_at"])
        done[item.pk] = item
    for clock in clocks_of(row):
        met_at = _met_at(done[clock.about_id], clock)
        deadline_meet(deadline=clock, met_at=met_at, by=by, reason=row.number)
    holds_end(row, by=by, now=now, reason=row.number)
    row.state = RequestState(move(states.REQUEST, row.state, "close", number=row.number))
    row.ended_at = now
    return audit.save(row, by=by, reason="closed", fields=["state", "ended_at"])


def _met_at(item: RequestItem, clock: Deadline) -> datetime:
    assert item.done_at is not None and item.decided_at is not None
    refused = item.decision == states.REFUSED
    return (
        item.decided_at if refused or Effect(clock.effect) in STOPPED_BY_DECISION else item.done_at
    )


def _gone_at(people: list[int]) -> datetime | None:
    """When the last of these people's values was destroyed."""
    # The numbers of other owners (an operator's, a request's) are not those of cards.
    kinds = [Sealed.DATUM, Sealed.FILE]
    items = DestructionItem.objects.filter(owner__in=people, kind__in=kinds)
    return items.order_by("-destroyed_at").values_list("destroyed_at", flat=True).first()


@transaction.atomic
def request_act(
    *, subject_request: SubjectRequest, by: User | None, now: datetime
) -> list[DestructionAct]:
    """Draft the act of what must go once more, under the number of the request.

    For what the first draft did not take: an act that was cancelled, data that stood in an act of a
    rule, which the request itself had stopped. Refuses when there is nothing to draft.
    """
    row = request_locked(subject_request, "draft")
    today = now.astimezone(row.operator.zone).date()
    people = people_of(row)
    accepted = row.items.filter(decision__in=[states.ACCEPTED, states.PARTLY]).order_by("pk")
    days = []
    for item in accepted[:1]:
        item.request = row
        for card in item_preview(item, today=today, people=people):
            days += [fate.due_on for _, fate in card.goes if fate.due_on]
    acts = (
        act_draft(
            operator=row.operator, label=row.number, subjects=[card.pk for card in people],
            until=max(days), by=by, now=now,
        )
        if days
        else []
    )  # fmt: skip
    if not acts:
        raise NothingToDraft(number=row.number)
    return acts


@transaction.atomic
def request_assign(
    *, subject_request: SubjectRequest, owner: User | None, by: User | None, now: datetime
) -> list[Deadline]:
    """Give every clock of the request that runs to one person; while away, to the substitute."""
    row = request_locked(subject_request, "assign")
    clocks = clocks_of(row)
    if not clocks:
        raise NoClockRuns(number=row.number)
    moved(row, "assign", by=by, reason="assigned")
    return [
        deadline_assign(deadline=clock, owner=owner, by=by, now=now, reason="assigned")
        for clock in clocks
    ]
