"""When the same may be asked again: the shortest interval between two requests for information."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from registry.choices import Effect, Event
from registry.errors import OperatorError, gettext_noop
from registry.services.rules import outcome, rules_for
from requests import states
from requests.models import RequestItem
from requests.models.subject_requests import RequestKind
from requests.services.outlook import people_of

# The ground of the law's list that says "asked again too early" (152-FZ 14(6)).
TOO_EARLY = frozenset({"RU.14.6"})


class NotTooEarly(OperatorError):
    template = gettext_noop(
        "%(number)s: this person has no complete answer of the last interval, so it is not asked "
        "too early (152-FZ 14(4)-(6))."
    )


@dataclass(frozen=True, slots=True)
class Repeat:
    """The request before this one, and the first day on which it might be made again."""

    number: str
    again_on: date
    article: str


def repeat_of(item: RequestItem) -> Repeat | None:
    """The earlier request that this one repeats too early; None: it may be asked.

    Only one that was answered in full counts: after an incomplete answer, or none, the person may
    ask again at once (152-FZ 14(5)). A law without such an interval knows none.
    """
    if item.kind != RequestKind.INFORMATION:
        return None
    operator = item.request.operator
    people = [card.pk for card in people_of(item.request)]
    earlier = (
        RequestItem.objects.filter(
            kind=RequestKind.INFORMATION,
            request__people__subject__in=people,
            request__people__unlinked_at=None,
            received_at__lt=item.received_at,
            decision=states.ACCEPTED,
        )
        .exclude(request=item.request_id)
        .select_related("request")
        .distinct()
        .order_by("-received_at", "-pk")
    )
    asked_on = item.received_at.astimezone(operator.zone).date()
    for one in earlier:
        if one.done_at is None or one.done_at > item.received_at:
            continue
        day = one.received_at.astimezone(operator.zone).date()
        statute, promise = rules_for(
            operator=operator, event=Event.FIRST_REQUEST_RECEIVED, effect=Effect.REPEAT_ALLOWED,
            day=day,
        )  # fmt: skip
        rule = statute or promise
        if rule is None:
            return None
        found = outcome(operator=operator, statute=statute, promise=promise, trigger=day)
        if found.due_on is not None and asked_on < found.due_on:
            return Repeat(one.request.number, found.due_on, rule.article)
        return None
    return None


def require_too_early(item: RequestItem, refusal: str) -> None:
    """Refuse the refusal "asked again too early" where it is not."""
    if refusal in TOO_EARLY and repeat_of(item) is None:
        raise NotTooEarly(number=item.request.number)
