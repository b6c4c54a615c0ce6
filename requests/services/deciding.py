"""The decision of a demand: accepted, in part, refused, barred by an obligation that is met later.

A decision holds the operator, the request and the cards, in this order, so that of two who decide
at once one is told that it has been done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from registry.choices import Effect
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Deadline, ProcessingActivity, User
from registry.services import audit
from registry.services.clocks import deadline_meet
from registry.states import move
from requests import states
from requests.models import RequestItem, SubjectRequest
from requests.models.subject_requests import Decision, RequestKind
from requests.refusals import refusal_of, refusals_for
from requests.services.duties import ANSWERED_KINDS, ENDS_ALL, STOPPED_BY_DECISION
from requests.services.effects import block_data, draft_act, end_grounds
from requests.services.inquiries import NotYet
from requests.services.linking import checks_place, stops_end
from requests.services.matching import require_proof
from requests.services.moving import moved, request_locked
from requests.services.outlook import CardOutlook, item_preview, people_of
from requests.services.repeating import require_too_early
from requests.services.subject_requests import item_opened
from subjects.choices import BlockReason
from subjects.models import Block, DataSubject
from subjects.services.dates import dates_keep
from subjects.services.people import card_locked, require_own
from subjects.services.stops import block_end

REASONS_LIMIT = 5_000
# Decided, it is not done: a letter answers it, or what it says is still looked into.
_DONE_LATER = ANSWERED_KINDS | {RequestKind.BLOCKING}


class RefusalWithoutReasons(OperatorError):
    template = gettext_noop("%(number)s: a refusal needs its reasons.")


class ReasonsTooLong(OperatorError):
    template = gettext_noop("%(number)s: the reasons are longer than %(limit)s characters.")


class ActivityMissing(OperatorError):
    template = gettext_noop(
        "%(number)s: choose the processing activities that are marketing, or say that there is "
        "none."
    )


class StaysWithoutGround(OperatorError):
    template = gettext_noop(
        "%(number)s: a part of the data stays. Accept in part, with the ground of the law and the "
        "reasons."
    )


class NothingKept(OperatorError):
    template = gettext_noop("%(number)s: nothing would stay, so there is nothing to refuse.")


class NotBarredInThisLaw(OperatorError):
    template = gettext_noop(
        "%(number)s: only a withdrawal under Law 94-V is barred by an obligation (article 8(2))."
    )


class NothingBlocked(OperatorError):
    template = gettext_noop(
        "%(number)s: no check blocks the data of these people, so there is nothing to lift."
    )


class BeforeDecision(OperatorError):
    template = gettext_noop("%(number)s: this cannot be older than the decision.")


class GoneMeanwhile(Conflict):
    template = gettext_noop("%(number)s: this ground is not among those that would end.")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an acceptance did: the demand, and how many things ended, narrowed, go and stay."""

    item: RequestItem
    ended: int
    narrowed: int
    goes: int
    stays: int

    @property
    def nothing_left(self) -> bool:
        """Nothing was there any more: destroyed, ended or withdrawn meanwhile."""
        return not (self.ended or self.narrowed or self.goes or self.stays)


def item_locked(item: RequestItem, verb: str, *, request_verb: str = "work") -> RequestItem:
    """The demand, with its request and operator, if its state allows the verb."""
    subject_request = request_locked(item.request, request_verb)
    row = RequestItem.objects.select_related("consent", "activity", "decided_by").get(pk=item.pk)
    row.request = subject_request
    move(states.ITEM, row.decision, verb, number=subject_request.number)
    return row


@transaction.atomic
def item_accept(
    *,
    item: RequestItem,
    activities: Iterable[ProcessingActivity] = (),
    keep: Collection[int] = (),
    refusal: str = "",
    reasons: str = "",
    by: User | None,
    now: datetime,
) -> Accepted:
    """Do what the person asks: end grounds or narrow consents, set the dates, draft the act.

    ``activities``: those that are marketing. ``keep``: numbers of grounds that stay; then, and
    where a demand for destruction leaves data that a law holds, it is accepted in part, with a
    ``refusal`` of the law's list and reasons. What a law orders to be kept is blocked (Digital Code
    41(3)). Of a person who was destroyed meanwhile nothing is left, and that is the answer. What a
    letter answers is accepted as that: no ground ends, no datum is touched, and it is done when
    the letter has gone; a part of the answer may be refused. A block stands until the check has
    shown something (``checking.item_find``); to lift one ends the blocks of every check.
    Refuses without the least proof of the kind, a demand that was decided, a ground that is not
    among those that would end.
    """
    activities = list(activities)
    row = item_locked(item, "part" if refusal else "accept")
    number = row.request.number
    require_own(row.request.operator_id, *activities)
    links = row.request.people.filter(unlinked_at=None).select_related("subject").order_by("pk")
    require_proof(row, links, now=now)
    if row.kind == RequestKind.MARKETING and not (activities or row.activity_id):
        raise ActivityMissing(number=number)
    people = people_of(row.request)
    for card in people:
        card_locked(card)
    today = now.astimezone(row.operator.zone).date()
    found = item_preview(row, today=today, activities=activities, keep=keep, people=people)
    if keep:
        whole = item_preview(row, today=today, activities=activities, people=people)
        _check_kept(row, whole, keep)
    _check_part(row, found, keep=keep, refusal=refusal)
    if refusal:
        law = row.operator.jurisdiction.code
        refusal_of(refusal, jurisdiction=law, kind=row.kind)
        require_too_early(row, refusal)
        reasons = _reasons(row, reasons)
    for outlook in found:
        end_grounds(row, outlook, by=by, now=now)
    numbers = [card.pk for card in people]
    dates_keep(numbers, today=today)
    for outlook in found:
        block_data(row, outlook, by=by, now=now)
    if row.kind == RequestKind.BLOCKING:
        checks_place(row.request, reason=number, by=by, now=now)
    elif row.kind == RequestKind.UNBLOCKING:
        _unblock(row, people, by=by, now=now)
    goes = [fate for outlook in found for _, fate in outlook.goes]
    row.refusal, row.reasons = (refusal, reasons) if refusal else ("", "")
    done = not goes and row.kind not in _DONE_LATER
    _decided(row, "part" if refusal else "accept", done=done, by=by, now=now)
    draft_act(row, found, numbers, by=by, now=now)
    return Accepted(
        item=row,
        ended=sum(len(outlook.endings) for outlook in found),
        narrowed=sum(len(outlook.narrowed) for outlook in found),
        goes=len(goes),
        stays=sum(len(outlook.stays) for outlook in found),
    )


def _unblock(
    row: RequestItem, people: list[DataSubject], *, by: User | None, now: datetime
) -> None:
    """Blocks of a check protect the person, who no longer wants it; no other block is theirs."""
    blocks = list(
        Block.objects.filter(subject__in=people, why=BlockReason.CHECK, ended_at=None).order_by(
            "pk"
        )
    )
    if not blocks:
        raise NothingBlocked(number=row.request.number)
    for block in blocks:
        block_end(block=block, by=by, now=now, reason=row.request.number)


def _check_kept(row: RequestItem, whole: list[CardOutlook], keep: Collection[int]) -> None:
    """Only what the demand would end can be kept from ending."""
    would = {ending.ground.pk for outlook in whole for ending in outlook.endings}
    would |= {consent.ground_id for outlook in whole for consent in outlook.narrowed}
    if not set(keep) <= would:
        raise GoneMeanwhile(number=row.request.number)


def _check_part(
    row: RequestItem, found: list[CardOutlook], *, keep: Collection[int], refusal: str
) -> None:
    """What stays is refused by name, and nothing is refused that does not stay."""
    if row.kind in ANSWERED_KINDS:
        # A part of an answer is refused by its ground alone (152-FZ 14(8), 94-V 25(2)(7)).
        return
    stays = bool(keep) or (row.kind in ENDS_ALL and any(outlook.stays for outlook in found))
    if stays and not refusal:
        raise StaysWithoutGround(number=row.request.number)
    if refusal and not stays:
        raise NothingKept(number=row.request.number)


def _decided(
    row: RequestItem, verb: str, *, done: bool, by: User | None, now: datetime
) -> RequestItem:
    """Save the decision; the request follows when nothing of it is open any more."""
    row.decision = Decision(move(states.ITEM, row.decision, verb, number=row.request.number))
    row.decided_at, row.decided_by = now, by
    row.done_at = now if done else None
    fields = ["decision", "refusal", "reasons", "decided_at", "decided_by", "done_at"]
    audit.save(row, by=by, reason=row.request.number, fields=fields)
    if row.decision in {states.ACCEPTED, states.PARTLY, states.BARRED}:
        for clock in clocks_of_item(row):
            # What such a duty wants is that something stops, and it has.
            if Effect(clock.effect) in STOPPED_BY_DECISION:
                deadline_meet(deadline=clock, met_at=now, by=by, reason=row.request.number)
    _settle(row, by=by, now=now)
    return row


def _settle(row: RequestItem, *, by: User | None, now: datetime) -> None:
    """The request follows its demands.

    Once all are decided, routine may go on with the data: two requests of one person would hold up
    each other's acts for ever. Only one that still owes an answer about the data holds them.
    """
    subject_request = row.request
    decisions = set(subject_request.items.values_list("decision", flat=True))
    moved(subject_request, "work", by=by, reason=subject_request.number)
    if states.OPEN in decisions:
        return
    verb = "wait" if states.BARRED in decisions else "decide"
    moved(subject_request, verb, by=by, reason=subject_request.number)
    stops_settle(subject_request, by=by, now=now)


def stops_settle(subject_request: SubjectRequest, *, by: User | None, now: datetime) -> None:
    """Routine goes on with the data once all is decided and no check or answer needs them."""
    owed = subject_request.items.filter(kind__in=_DONE_LATER, done_at=None)
    if subject_request.state == states.DECIDED and not owed.exists():
        stops_end(subject_request, by=by, now=now, reason=subject_request.number)


def _reasons(row: RequestItem, reasons: str) -> str:
    reasons = reasons.replace("\r\n", "\n").strip()
    if not reasons:
        raise RefusalWithoutReasons(number=row.request.number)
    if len(reasons) > REASONS_LIMIT:
        raise ReasonsTooLong(number=row.request.number, limit=REASONS_LIMIT)
    return reasons


@transaction.atomic
def item_refuse(
    *, item: RequestItem, refusal: str, reasons: str, by: User | None, now: datetime
) -> RequestItem:
    """Refuse the whole demand by a ground of the law's list (152-FZ 20(2), 94-V 8(7)).

    No proof is asked for. Refuses a ground of another law or of another kind of demand, and to
    call too early what is not (152-FZ 14(4)-(6)).
    """
    row = item_locked(item, "refuse")
    refusal_of(refusal, jurisdiction=row.operator.jurisdiction.code, kind=row.kind)
    require_too_early(row, refusal)
    row.refusal, row.reasons = refusal, _reasons(row, reasons)
    return _decided(row, "refuse", done=True, by=by, now=now)


@transaction.atomic
def item_bar(
    *,
    item: RequestItem,
    reasons: str,
    activities: Iterable[ProcessingActivity] = (),
    no_marketing: bool = False,
    by: User | None,
    now: datetime,
) -> RequestItem:
    """Refuse a withdrawal for as long as the person owes something (94-V 8(2)).

    Its clock is met: that was the reasoned refusal. Marketing stops at once: the ``activities``
    that are marketing end, or ``no_marketing`` says that there is none. ``obligation_met`` brings
    the withdrawal back.
    """
    activities = list(activities)
    row = item_locked(item, "bar")
    number = row.request.number
    known = refusals_for(jurisdiction=row.operator.jurisdiction.code, kind=row.kind, bars=True)
    if not known:
        raise NotBarredInThisLaw(number=number)
    require_own(row.request.operator_id, *activities)
    if bool(activities) == no_marketing:
        raise ActivityMissing(number=number)
    row.refusal, row.reasons = known[0].code, _reasons(row, reasons)
    links = row.request.people.filter(unlinked_at=None).select_related("subject").order_by("pk")
    require_proof(row, links, now=now)
    people = people_of(row.request)
    for card in people:
        card_locked(card)
    today = now.astimezone(row.operator.zone).date()
    if activities:
        # What stops is marketing, not what the person asked to end.
        stop = RequestItem(
            request=row.request,
            kind=RequestKind.MARKETING,
            received_at=row.received_at,
            follows=row.follows,
        )
        found = item_preview(stop, today=today, activities=activities, people=people)
        numbers = [card.pk for card in people]
        for outlook in found:
            end_grounds(row, outlook, by=by, now=now)
        dates_keep(numbers, today=today)
        for outlook in found:
            block_data(stop, outlook, by=by, now=now)
        draft_act(row, found, numbers, by=by, now=now)
    return _decided(row, "bar", done=True, by=by, now=now)


@transaction.atomic
def obligation_met(
    *, item: RequestItem, met_at: datetime, by: User | None, now: datetime
) -> RequestItem:
    """The person has performed the obligation: the withdrawal comes back, with a clock of its own.

    It counts from ``met_at``. What was refused stays refused; a new demand follows it.
    """
    row = item_locked(item, "met", request_verb="resume")
    number = row.request.number
    if met_at > now:
        raise NotYet(number=number)
    if row.decided_at is not None and met_at < row.decided_at:
        raise BeforeDecision(number=number)
    row.decision = Decision(move(states.ITEM, row.decision, "met", number=number))
    audit.save(row, by=by, reason=number, fields=["decision"])
    moved(row.request, "resume", by=by, reason=number)
    back = RequestItem(
        request=row.request, kind=row.kind, scope=row.scope, consent=row.consent,
        activity=row.activity, received_at=met_at, follows=row,
    )  # fmt: skip
    return item_opened(back, owner=None, by=by, now=now)


def clocks_of_item(item: RequestItem) -> list[Deadline]:
    """The clock of the demand, if it still runs."""
    return list(item.deadlines.open())
