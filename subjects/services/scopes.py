"""A consent that is taken back in part: one scope of it ends, the rest goes on."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from subjects.models import Consent
from subjects.services.grounds import (
    SCOPES,
    WithdrawnAlready,
    WithdrawnBeforeGiven,
    dissemination_stop,
)
from subjects.services.people import NotYet, card_locked


class UnknownScope(OperatorError):
    template = gettext_noop("A consent has no such scope.")


class ScopeNotGiven(Conflict):
    template = gettext_noop("This consent does not allow this: %(scope)s.")


def consent_narrow(
    *,
    consent: Consent,
    scope: str,
    received_at: datetime,
    by: User | None,
    now: datetime,
    reason: str,
) -> Consent:
    """The person took back one scope of the consent (94-V 24(1), 152-FZ 10.1(12)).

    ``scope``: third_parties, cross_border or dissemination; it goes off and never on again here.
    With dissemination the permissions to show end that day. Refuses a withdrawn consent, a scope
    that was not given, a moment before the consent or in the future.
    """
    if scope not in SCOPES:
        raise UnknownScope()
    if received_at > now:
        raise NotYet()
    with transaction.atomic():
        card_locked(consent.ground.subject)
        row = (
            seam.lock(Consent.objects.filter(pk=consent.pk))
            .select_related("ground__subject__operator__jurisdiction")
            .get()
        )
        if row.withdrawn_at is not None:
            raise WithdrawnAlready()
        if received_at < row.given_at:
            raise WithdrawnBeforeGiven()
        if not getattr(row, scope):
            raise ScopeNotGiven(scope=str(SCOPES[scope]))
        setattr(row, scope, False)
        audit.save(row, by=by, reason=reason, fields=[scope])
        if scope == "dissemination":
            today = now.astimezone(row.operator.zone).date()
            for permission in row.permissions.filter(ended_on=None).order_by("pk"):
                dissemination_stop(permission=permission, by=by, today=today, reason=reason)
        return row
