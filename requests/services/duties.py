"""Which duty of the law a demand starts, and so which clock runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from registry.choices import Effect, Event
from registry.models import Operator
from registry.services.rules import rules_for
from requests.models.subject_requests import RequestKind, Scope

Duty = tuple[Event, Effect]

# What a letter of the staff answers: accepting such a demand ends no ground and touches no datum.
ANSWERED_KINDS = frozenset(
    {
        RequestKind.INFORMATION,
        RequestKind.CORRECTION,
        RequestKind.OBJECTION,
        RequestKind.COMPLAINT,
        RequestKind.OTHER,
    }
)
# What says that data are wrong or used against the law: it is looked into, and the finding has
# duties of its own.
CHECKED_KINDS = frozenset({RequestKind.BLOCKING, RequestKind.CORRECTION, RequestKind.COMPLAINT})
# Accepting such a demand ends no ground.
ENDS_NOTHING = ANSWERED_KINDS | {RequestKind.BLOCKING, RequestKind.UNBLOCKING}
# What asks for all of it to end: what stays then is a refusal in part.
ENDS_ALL = frozenset({RequestKind.DESTRUCTION, RequestKind.CEASE})

# Kazakhstan has one term for whatever is taken back: stop in 15 working days, or refuse with
# reasons (94-V 8(7)).
_KZ: Duty = (Event.CONSENT_WITHDRAWN, Effect.STOP_OR_REFUSE)
# A part of the consent is taken back: the data stay, that processing ceases (152-FZ 21(5.1), 10
# working days; 21(5) speaks of the consent as a whole and of destruction).
_PART: tuple[Duty, ...] = ((Event.CEASE_DEMANDED, Effect.STOP), _KZ)
_ANSWERED: tuple[Duty, ...] = ((Event.REQUEST_RECEIVED, Effect.ANSWER),)

# The first duty that a law or a promise of the operator knows on that day is the one; each law
# has its own, so no law is named here.
DUTIES: Mapping[tuple[str, str], tuple[Duty, ...]] = {
    (RequestKind.WITHDRAWAL, ""): ((Event.CONSENT_WITHDRAWN, Effect.DESTROY), _KZ),
    (RequestKind.WITHDRAWAL, Scope.THIRD_PARTIES): _PART,
    (RequestKind.WITHDRAWAL, Scope.CROSS_BORDER): _PART,
    # At once (152-FZ 10.1(12)-(13)).
    (RequestKind.WITHDRAWAL, Scope.DISSEMINATION): (
        (Event.DISSEMINATION_STOP_DEMANDED, Effect.STOP_DISSEMINATION),
        _KZ,
    ),
    # "Delete my data" proves nothing unlawful, so it is no demand under 152-FZ 20(3) or 21(3);
    # it is the demand to cease all processing (21(5.1)), the shortest term that fits. In
    # Kazakhstan a right of its own since 12.07.2026 (Digital Code 41), before that a withdrawal.
    (RequestKind.DESTRUCTION, ""): (
        (Event.ERASURE_DEMANDED, Effect.DESTROY_OR_RESTRICT),
        (Event.CEASE_DEMANDED, Effect.STOP),
        _KZ,
    ),
    # At once (152-FZ 15(2)); 94-V has no rule of its own: the consent to it is taken back.
    (RequestKind.MARKETING, ""): (
        (Event.MARKETING_STOP_DEMANDED, Effect.STOP_MARKETING),
        _KZ,
    ),
    # Whatever else a person writes is answered (152-FZ 14(3), 20(1); 94-V 25(2)(6)). A letter that
    # says that data are wrong proves nothing yet: the term of a correction runs from the proof.
    (RequestKind.INFORMATION, ""): _ANSWERED,
    (RequestKind.CORRECTION, ""): _ANSWERED,
    (RequestKind.COMPLAINT, ""): _ANSWERED,
    (RequestKind.OTHER, ""): _ANSWERED,
    # 152-FZ 21(5.1). 94-V has no demand of this name: whoever makes it takes the consent back.
    (RequestKind.CEASE, ""): ((Event.CEASE_DEMANDED, Effect.STOP), _KZ),
    # While it is looked into (152-FZ 21(1) at once, 94-V 25(2)(8) in one working day).
    (RequestKind.BLOCKING, ""): ((Event.BREACH_ALLEGED, Effect.BLOCK),),
    (RequestKind.UNBLOCKING, ""): _ANSWERED,
    # 94-V 19-1(3); 152-FZ 16(4) gives 30 days, and the general term of an answer is shorter.
    (RequestKind.OBJECTION, ""): (
        (Event.AUTOMATED_DECISION_OBJECTED, Effect.ANSWER),
        *_ANSWERED,
    ),
}
# Done when the decision is: what such a duty wants is that something stops.
STOPPED_BY_DECISION = frozenset(
    {
        Effect.STOP,
        Effect.STOP_OR_REFUSE,
        Effect.STOP_MARKETING,
        Effect.STOP_DISSEMINATION,
        Effect.BLOCK,
    }
)


def duty_of(*, operator: Operator, kind: str, scope: str, received_at: datetime) -> Duty:
    """The event and the effect of a demand that was received then; the version is of that day.

    Where nothing is in force the last one is named, and the clock refuses it by name.
    """
    day = received_at.astimezone(operator.zone).date()
    wanted = DUTIES[kind, scope]
    for event, effect in wanted:
        if any(rules_for(operator=operator, event=event, effect=effect, day=day)):
            return event, effect
    return wanted[-1]
