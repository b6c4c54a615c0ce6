"""The end of a request: everything decided, everything done, its clocks met, its stops ended."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q

from registry.choices import Effect
from registry.errors import OperatorError, gettext_noop
from registry.models import Deadline, User
from registry.services import audit
from registry.services.clocks import deadline_assign, deadline_meet
from registry.states import move
from requests import states
from requests.models import RequestItem, SubjectRequest
from requests.models.subject_requests import Finding, RequestState
from requests.services.approving import require_refusals_told
from requests.services.correcting import untold
from requests.services.duties import (
    ANSWERED_KINDS,
    CHECKED_KINDS,
    ENDS_NOTHING,
    STOPPED_BY_DECISION,
)
from requests.services.ends import correspondence_dated
from requests.services.letters import answered_at
from requests.services.linking import holds_end
from requests.services.moving import clocks_of, moved, request_locked
from requests.services.outlook import item_preview, people_of
from requests.services.representing import require_told
from requests.services.writing import closing_letter
from subjects.models import ActItem, DestructionAct, DestructionItem
from subjects.services.acts import act_draft
from subjects.vault.models import Sealed


class StillHeld(OperatorError):
    template = gettext_noop(
        "%(number)s: %(count)s data that must go are still there. Execute the act first."
    )


class NotAnswered(OperatorError):
    template = gettext_noop(
        "%(number)s: no answer has been sent since the decision. Send the letter first."
    )


class CheckOpen(OperatorError):
    template = gettext_noop("%(number)s: write down first what the check has shown (%(what)s).")


class NotCorrected(OperatorError):
    template = gettext_noop("%(number)s: what was found to be wrong is not corrected yet.")


class NotGoneYet(OperatorError):
    template = gettext_noop(
        "%(number)s: what cannot be put right has not been destroyed yet. Its act waits for that."
    )


class NotTold(OperatorError):
    template = gettext_noop(
        "%(number)s: recipients of the data who are not told yet: %(count)s (152-FZ 20(3)). "
        "Tell them, or write down why they cannot be told."
    )


class LetterUnsent(OperatorError):
    template = gettext_noop("%(number)s: a letter is still a draft. Send it or cancel it first.")


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
    where something had to stop, the destruction where data had to go, the sending of the letter
    where a demand is answered or refused (152-FZ 20(2), 94-V 8(7)). Refuses while a demand is open
    or waits, while something that must go is still there, while what was accepted has no answer,
    and while a letter is a draft. The closing letter is made with it; the contact goes when that
    letter has gone. Refuses, too, before a check has a finding, before what is wrong is corrected,
    and before those who were given such data are told.
    """
    row = request_locked(subject_request, "close")
    if row.letters.filter(state=states.DRAFT).exists():
        raise LetterUnsent(number=row.number)
    today = now.astimezone(row.operator.zone).date()
    require_told(row, today=today)
    require_refusals_told(row)
    people = people_of(row)
    gone_at = _gone_at([card.pk for card in people])
    done = {}
    for item in row.items.order_by("pk"):
        item.request = row
        _check_checked(item)
        if item.done_at is None:
            held = sum(len(card.goes) for card in item_preview(item, today=today, people=people))
            if held:
                raise StillHeld(number=row.number, count=held)
        _check_told(item)
        if item.done_at is None and item.kind in ANSWERED_KINDS:
            item.done_at = _answered_at(item)
            audit.save(item, by=by, reason=row.number, fields=["done_at"])
        elif item.done_at is None:
            # Destroyed before the decision, or held elsewhere and confirmed: known only now.
            late = gone_at is None or item.decided_at is None or gone_at < item.decided_at
            item.done_at = now if late else gone_at
            audit.save(item, by=by, reason=row.number, fields=["done_at"])
        done[item.pk] = item
    for clock in clocks_of(row):
        met_at = _met_at(done[clock.about_id], clock, gone_at, now)
        deadline_meet(deadline=clock, met_at=met_at, by=by, reason=row.number)
    holds_end(row, by=by, now=now, reason=row.number)
    row.state = RequestState(move(states.REQUEST, row.state, "close", number=row.number))
    row.ended_at = now
    audit.save(row, by=by, reason="closed", fields=["state", "ended_at"])
    closing_letter(row, by=by, now=now)
    correspondence_dated(row, by=by, now=now)
    return row


def _check_checked(item: RequestItem) -> None:
    """What was granted because something is wrong has a finding, and what follows from it."""
    number = item.request.number
    if item.kind not in CHECKED_KINDS or item.decision == states.REFUSED:
        return
    if not item.finding:
        raise CheckOpen(number=number, what=item.what)
    if item.finding == Finding.INACCURATE and not item.corrections.exists():
        raise NotCorrected(number=number)
    if item.corrections.filter(ruling__isnull=False, ruling__ended_at=None).exists():
        raise NotGoneYet(number=number)
    if any(Effect(clock.effect) == Effect.RECTIFY for clock in item.deadlines.open()):
        raise NotCorrected(number=number)


def _check_told(item: RequestItem) -> None:
    count = 0 if item.decision == states.REFUSED else len(untold(item))
    if count:
        raise NotTold(number=item.request.number, count=count)


def _answered_at(item: RequestItem) -> datetime:
    """When the letter went that answers the demand."""
    sent_at = answered_at(item.request, since=item.decided_at)
    if sent_at is None:
        raise NotAnswered(number=item.request.number)
    return sent_at


def _met_at(
    item: RequestItem, clock: Deadline, gone_at: datetime | None, now: datetime
) -> datetime:
    """A refusal is due to the person: with its letter, the closing letter at the latest."""
    assert item.done_at is not None and item.decided_at is not None
    if item.finding == Finding.UNLAWFUL and Effect(clock.effect) == Effect.DESTROY:
        assert item.found_at is not None
        return now if gone_at is None else max(gone_at, item.found_at)
    if item.decision == states.REFUSED:
        return answered_at(item.request, since=item.decided_at) or now
    return item.decided_at if Effect(clock.effect) in STOPPED_BY_DECISION else item.done_at


def _gone_at(people: list[int]) -> datetime | None:
    """When the last of these people's data was destroyed, here or where else they were held."""
    # The numbers of other owners (an operator's, a request's) are not those of cards.
    kinds = [Sealed.DATUM, Sealed.FILE]
    items = DestructionItem.objects.filter(owner__in=people, kind__in=kinds)
    elsewhere = ActItem.objects.filter(subject__in=people, confirmed_at__isnull=False)
    last = [
        items.aggregate(last=Max("destroyed_at"))["last"],
        elsewhere.aggregate(last=Max("confirmed_at"))["last"],
    ]
    return max((moment for moment in last if moment), default=None)


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
    # Of a barred withdrawal marketing has ended.
    decided = row.items.filter(decision__in=[states.ACCEPTED, states.PARTLY, states.BARRED])
    days = []
    touched = ~Q(kind__in=ENDS_NOTHING) | Q(finding=Finding.UNLAWFUL)
    for item in decided.filter(touched).order_by("pk")[:1]:
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
