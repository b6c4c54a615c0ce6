"""Who speaks for the person: what shows it, how far it goes, and until when.

A power that has ended, or never went so far, stops what would be told and done; no clock waits
for a new one (152-FZ 14(3), 9(1); 94-V 24(2)).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from registry.errors import OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from requests import powers, states
from requests.models import SubjectRequest
from requests.models.subject_requests import RepresentedBy, RequestKind
from requests.services.moving import known, moved, reason_given, request_locked
from requests.services.told import told
from subjects.services.reading import State
from subjects.vault import store
from subjects.vault.field import Plain

DOCUMENT_LIMIT = 300
_GRANTED = (states.ACCEPTED, states.PARTLY)


class PowerLapsed(OperatorError):
    template = gettext_noop(
        "%(number)s: the power of the representative has ended. Nothing is told or done for them "
        "until a new one is noted; the term runs all the same."
    )


class BeyondPower(OperatorError):
    template = gettext_noop("%(number)s: the power of the representative does not cover this.")


class PowerDocumentMissing(OperatorError):
    template = gettext_noop("%(number)s: say what shows that they may speak for the person.")


class DocumentTooLong(OperatorError):
    template = gettext_noop("%(number)s: this is longer than %(limit)s characters.")


class NobodyRepresents(OperatorError):
    template = gettext_noop("%(number)s: no representative is noted.")


@dataclass(frozen=True, slots=True)
class Power:
    """``last_on``: None has no end. ``kinds``: of demands that it covers; empty: all."""

    kind: str
    document: str
    last_on: date | None
    kinds: frozenset[str]

    def holds_on(self, day: date) -> bool:
        return self.last_on is None or day <= self.last_on

    def covers(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


@transaction.atomic
def representative_note(
    *,
    subject_request: SubjectRequest,
    kind: str,
    document: str,
    given_on: date | None = None,
    until: date | None = None,
    born_on: date | None = None,
    kinds: Collection[str] = (),
    by: User | None,
    now: datetime,
) -> SubjectRequest:
    """Note who speaks for the person, or a newer power in the place of an older one.

    ``document``: by what it is known; sealed, with the last day, and it ends with the rest of the
    letter. ``born_on``: of the child, kept only as the day before the age of 18. ``kinds``: of
    demands that the power covers; empty: all. Refuses what ``powers.last_day`` refuses.
    """
    known(kind, RepresentedBy)
    for one in kinds:
        known(one, RequestKind)
    row = request_locked(subject_request, "check")
    number, document = row.number, " ".join(document.split())
    if not document:
        raise PowerDocumentMissing(number=number)
    if len(document) > DOCUMENT_LIMIT:
        raise DocumentTooLong(number=number, limit=DOCUMENT_LIMIT)
    last = powers.last_day(
        kind=kind, jurisdiction=row.operator.jurisdiction.code, given_on=given_on, until=until,
        born_on=born_on, today=now.astimezone(row.operator.zone).date(),
    )  # fmt: skip
    row.represented_by = RepresentedBy(kind)
    row.power_for = sorted(set(kinds))
    told_ = {"document": document, "last_on": last.isoformat() if last else ""}
    row.power = Plain(json.dumps(told_, ensure_ascii=False))  # type: ignore[assignment]
    audit.save(row, by=by, reason=number, fields=["represented_by", "power_for", "power"])
    return moved(row, "check", by=by, reason=number)


@transaction.atomic
def representative_end(
    *, subject_request: SubjectRequest, reason: str, by: User | None, now: datetime
) -> SubjectRequest:
    """The person speaks for themselves from now on, for the reason given."""
    reason = reason_given(subject_request, reason)
    row = request_locked(subject_request, "check")
    if not row.represented_by:
        raise NobodyRepresents(number=row.number)
    row.represented_by, row.power_for = "", []
    audit.save(row, by=by, reason=reason, fields=["represented_by", "power_for"])
    return moved(row, "check", by=by, reason=row.number)


def power_of(row: SubjectRequest) -> Power | None:
    """The power that is noted, opened; None: the person speaks for themselves, or it is gone."""
    if not row.represented_by:
        return None
    shown = told(row, opened=True, names=["power"])["power"]
    if shown.state == State.LOST:
        raise store.ValueLost()
    if shown.state != State.OPEN:
        return None
    found = json.loads(shown.text)
    last = date.fromisoformat(found["last_on"]) if found["last_on"] else None
    return Power(row.represented_by, found["document"], last, frozenset(row.power_for))


def lapsed(row: SubjectRequest, *, today: date) -> bool:
    """Somebody is noted who may no longer speak for the person."""
    power = power_of(row)
    return power is not None and not power.holds_on(today)


def require_power(row: SubjectRequest, kind: str, *, today: date) -> None:
    """Refuse a demand of that kind that the representative may not make today."""
    power = power_of(row)
    if power is None:
        return
    if not power.holds_on(today):
        raise PowerLapsed(number=row.number)
    if not power.covers(kind):
        raise BeyondPower(number=row.number)


def require_told(row: SubjectRequest, *, today: date) -> None:
    """Refuse to tell what became of the data to whoever may no longer speak for the person.

    That everything is refused may be told: it says nothing of the data.
    """
    if row.items.filter(decision__in=_GRANTED).exists() and lapsed(row, today=today):
        raise PowerLapsed(number=row.number)
