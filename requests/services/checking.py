"""What the check of a letter has shown: data are wrong, used against the law, or neither."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from registry.choices import Effect, Event
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Deadline, ProcessingActivity, User
from registry.services import audit
from registry.services.clocks import deadline_meet, deadline_open
from registry.services.rules import rules_for
from registry.states import move
from requests import states
from requests.models import RequestItem
from requests.models.subject_requests import Finding, RequestKind
from requests.services.deciding import stops_settle
from requests.services.duties import CHECKED_KINDS, Duty
from requests.services.effects import block_data, draft_act, end_grounds
from requests.services.inquiries import NotYet
from requests.services.linking import checks_end
from requests.services.matching import NobodyLinked
from requests.services.moving import known, moved, reason_given, request_locked
from requests.services.outlook import item_preview, people_of
from subjects.services.dates import dates_keep
from subjects.services.people import card_locked, require_own

# What each finding obliges to; of those in one line the first that the law of the day knows.
_RECTIFY: tuple[Duty, ...] = (
    (Event.INACCURACY_CONFIRMED, Effect.RECTIFY),
    (Event.CORRECTION_PROVED, Effect.RECTIFY),
)
_PROVED: tuple[Duty, ...] = ((Event.CORRECTION_PROVED, Effect.RECTIFY),)
_UNBLOCK: tuple[Duty, ...] = ((Event.BREACH_NOT_CONFIRMED, Effect.UNBLOCK),)
_STOP: tuple[Duty, ...] = ((Event.UNLAWFUL_PROCESSING_FOUND, Effect.STOP),)
_DESTROY: tuple[Duty, ...] = ((Event.UNLAWFUL_PROCESSING_FOUND, Effect.DESTROY),)
# The person has shown it: a shorter term (152-FZ 20(3)).
_SHOWN: tuple[Duty, ...] = ((Event.UNLAWFUL_OR_UNNEEDED_PROVED, Effect.DESTROY),)


class NothingToCheck(OperatorError):
    template = gettext_noop(
        "%(number)s: only a complaint, a correction or a block has a check. Add such a demand "
        "first."
    )


class BlockFirst(OperatorError):
    template = gettext_noop(
        "%(number)s: the data are blocked first, while they are checked: accept the demand."
    )


class FoundAlready(Conflict):
    template = gettext_noop("%(number)s: what this check has shown is recorded already.")


class FoundBeforeLetter(OperatorError):
    template = gettext_noop("%(number)s: the check cannot be older than the letter.")


class UnlawfulNeedsActivities(OperatorError):
    template = gettext_noop("%(number)s: choose the processing activities that are unlawful.")


@transaction.atomic
def item_find(
    *,
    item: RequestItem,
    finding: str,
    shown_by: str,
    found_at: datetime,
    activities: Iterable[ProcessingActivity] = (),
    by_person: bool = False,
    by: User | None,
    now: datetime,
) -> RequestItem:
    """Record what the check has shown, start the clocks that follow, and do what is due at once.

    ``found_at``: when it became certain (the documents were submitted); the terms run from it.
    Not confirmed: the block ends. Wrong: it is to be corrected, and the block stays till then.
    Unlawful: the ``activities`` end for these people, what nothing else covers is blocked and goes
    into an act; ``by_person``: their documents have shown it, which makes the term shorter in
    Russia (152-FZ 20(3), 21(1)-(3); 94-V 18, 25(2)(8)). Refuses a demand of another kind, one that
    is refused, a second finding, one from the future or older than the letter.
    """
    activities = list(activities)
    known(finding, Finding)
    shown_by = reason_given(item.request, shown_by)
    row = _checked(item)
    number = row.request.number
    if found_at > now:
        raise NotYet(number=number)
    if found_at < row.request.received_at:
        raise FoundBeforeLetter(number=number)
    require_own(row.request.operator_id, *activities)
    if finding == Finding.UNLAWFUL and not activities:
        raise UnlawfulNeedsActivities(number=number)
    row.finding, row.shown_by = Finding(finding), shown_by
    row.found_at, row.found_by = found_at, by
    audit.save(row, by=by, reason=number, fields=["finding", "shown_by", "found_at", "found_by"])
    moved(row.request, "check", by=by, reason=number)
    if finding == Finding.UNLAWFUL:
        _unlawful(row, activities, by_person=by_person, by=by, now=now)
    elif finding == Finding.INACCURATE:
        proved = _PROVED if row.kind == RequestKind.CORRECTION else _RECTIFY
        clock_start(row, proved, by=by, now=now)
    else:
        _cleared(row, by=by, now=now)
    return row


def _checked(item: RequestItem) -> RequestItem:
    """The demand, held with its request, if it still waits for a finding."""
    subject_request = request_locked(item.request, "check")
    number = subject_request.number
    row = RequestItem.objects.select_related("consent", "activity", "decided_by").get(pk=item.pk)
    row.request = subject_request
    if row.kind not in CHECKED_KINDS:
        raise NothingToCheck(number=number)
    move(states.ITEM, row.decision, "find", number=number)
    if row.finding:
        raise FoundAlready(number=number)
    if row.kind == RequestKind.BLOCKING and row.decision == states.OPEN:
        raise BlockFirst(number=number)
    return row


def clock_start(
    row: RequestItem, wanted: Sequence[Duty], *, by: User | None, now: datetime
) -> Deadline | None:
    """The clock of the first of these duties that the law knew on the day of the finding."""
    assert row.found_at is not None
    operator = row.request.operator
    day = row.found_at.astimezone(operator.zone).date()
    for event, effect in wanted:
        if any(rules_for(operator=operator, event=event, effect=effect, day=day)):
            return deadline_open(
                operator=operator, about=row, label=row.request.number, event=event,
                effect=effect, trigger_at=row.found_at, owner=operator.responsible, by=by, now=now,
            )  # fmt: skip
    return None


def _cleared(row: RequestItem, *, by: User | None, now: datetime) -> None:
    """Nothing speaks for the block any more (94-V 25(2)(8): one working day)."""
    number = row.request.number
    clock = clock_start(row, _UNBLOCK, by=by, now=now)
    checks_end(row.request, by=by, now=now, reason=number)
    if clock is not None:
        deadline_meet(deadline=clock, met_at=now, by=by, reason=number)
    check_done(row, by=by, now=now)


def check_done(row: RequestItem, *, by: User | None, now: datetime) -> None:
    """The block has served: its demand is done. A complaint is, when it is answered."""
    if row.kind == RequestKind.BLOCKING:
        row.done_at = now
        audit.save(row, by=by, reason=row.request.number, fields=["done_at"])
        stops_settle(row.request, by=by, now=now)


def _unlawful(
    row: RequestItem, activities: list[ProcessingActivity], *, by_person: bool, by: User | None,
    now: datetime,
) -> None:  # fmt: skip
    number = row.request.number
    people = people_of(row.request)
    if not people:
        raise NobodyLinked(number=number)
    for card in people:
        card_locked(card)
    today = now.astimezone(row.operator.zone).date()
    assert row.found_at is not None
    # The grounds end on the day of the finding, not on that of the letter.
    found = RequestItem(
        request=row.request, kind=row.kind, received_at=row.found_at, finding=row.finding
    )
    outlooks = item_preview(found, today=today, activities=activities, people=people)
    for outlook in outlooks:
        end_grounds(found, outlook, by=by, now=now)
    numbers = [card.pk for card in people]
    dates_keep(numbers, today=today)
    for outlook in outlooks:
        block_data(found, outlook, by=by, now=now)
    stop = clock_start(row, _STOP, by=by, now=now)
    if stop is not None:
        deadline_meet(deadline=stop, met_at=now, by=by, reason=number)
    terms = [_DESTROY, _SHOWN] if by_person else [_DESTROY]
    clocks = [clock_start(row, wanted, by=by, now=now) for wanted in terms]
    goes = [fate for outlook in outlooks for _, fate in outlook.goes]
    if not goes:
        for clock in filter(None, clocks):
            deadline_meet(deadline=clock, met_at=now, by=by, reason=number)
    draft_act(found, outlooks, numbers, by=by, now=now)
    checks_end(row.request, by=by, now=now, reason=number)
    if not goes:
        check_done(row, by=by, now=now)
