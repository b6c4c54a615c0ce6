"""All that a card says, as one document: for the person's access request, and nothing hidden."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from registry.models import User
from subjects.choices import Looked
from subjects.models import DataSubject
from subjects.services.covering import grounds_of
from subjects.services.guard import require_unblocked
from subjects.services.looking import REASON_LIMIT, ReasonMissing, ReasonTooLong, look
from subjects.services.reading import Shown, State, data_of, events_of, show


def card_export(*, subject: DataSubject, user: User, reason: str, now: datetime) -> dict[str, Any]:
    """The card with its values, grounds, consents and who looked, as plain JSON types.

    Leaves an access event. Refuses an empty reason and a blocked card, whatever the reason: what is
    blocked is not passed on (a blocked category stands there without its value).
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing()
    if len(reason) > REASON_LIMIT:
        raise ReasonTooLong(limit=REASON_LIMIT)
    require_unblocked(subject)
    data = list(data_of([subject.pk]).order_by("category", "pk"))
    grounds = grounds_of([subject.pk])
    consents = [ground.consent for ground in grounds if hasattr(ground, "consent")]
    for ground in grounds:
        ground.subject = subject
    shown = show([*data, *consents], opened=True)
    events = events_of([subject.pk], 1_000)
    look(
        operator=subject.operator_id, what=Looked.EXPORT, user=user, now=now, subject=subject,
        reason=reason, data=len(data),
    )  # fmt: skip
    return {
        "code": subject.code,
        "operator": subject.operator.name,
        "kind": subject.kind,
        "category": str(subject.category or ""),
        "registered_at": subject.registered_at.isoformat(),
        "made_at": now.isoformat(),
        "data": [
            {
                "category": str(datum.category or ""),
                "identity": datum.identity,
                "held_in": datum.held_in,
                "place": str(datum.system or datum.carrier or ""),
                **_value(shown[datum]),
                "source": datum.source,
                "collected_on": datum.collected_on.isoformat(),
                "verified_on": datum.verified_on.isoformat() if datum.verified_on else None,
            }
            for datum in data
        ],
        "grounds": [
            {
                "activity": ground.activity.name,
                "purpose": ground.activity.purpose.name,
                "article": ground.legal_basis.article,
                "started_on": ground.started_on.isoformat(),
                "ended_on": ground.ended_on.isoformat() if ground.ended_on else None,
                "end_reason": ground.end_reason,
                "consent": _consent(ground.consent, shown[ground.consent])
                if hasattr(ground, "consent")
                else None,
            }
            for ground in grounds
        ],
        "seen": [
            {
                "at": event.at.isoformat(),
                "what": event.what,
                "who": str(event.user or ""),
                "reason": event.reason,
            }
            for event in events
        ],
    }


def _consent(consent: Any, evidence: Shown) -> dict[str, Any]:
    return {
        "text": consent.text.code,
        "version": consent.text.version,
        "digest": consent.text.digest,
        "given_at": consent.given_at.isoformat(),
        "channel": consent.channel,
        "third_parties": consent.third_parties,
        "cross_border": consent.cross_border,
        "dissemination": consent.dissemination,
        "by_action": consent.by_action,
        "expires_on": consent.expires_on.isoformat() if consent.expires_on else None,
        "withdrawn_at": consent.withdrawn_at.isoformat() if consent.withdrawn_at else None,
        "withdrawn_by": consent.withdrawn_by,
        "evidence": evidence.text if evidence.state == State.OPEN else None,
    }


def _value(shown: Shown) -> dict[str, Any]:
    destroyed_at = shown.item.destroyed_at.isoformat() if shown.item else None
    return {
        "value": shown.text if shown.state == State.OPEN else None,
        "state": str(shown.state),
        "destroyed_at": destroyed_at,
    }
