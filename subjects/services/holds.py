"""Legal holds: nothing of a person is destroyed while one stands, whoever wants it.

Each has its document, and a day by which somebody asks whether it is still needed: a hold that
nobody looks at would keep data without a ground for ever (152-FZ 5(7), 94-V 12).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta

from django.db import transaction

from registry import seam
from registry.errors import OperatorError, gettext_noop
from registry.models import Operator, User
from registry.services import audit
from subjects.choices import StopKind
from subjects.models import DataSubject, Stop
from subjects.services.stops import EndedAlready, StopReasonMissing, stop_begin, stop_end

# The longest a hold stands without anybody asking for its reason, and the usual time.
LONGEST = timedelta(days=366)
USUAL = timedelta(days=90)
LAPSED = "its last day is over"


class HoldDocumentMissing(OperatorError):
    template = gettext_noop("A legal hold needs the document that orders it, with its day.")


class HoldEndsInThePast(OperatorError):
    template = gettext_noop("The last day of the hold, %(day)s, is over already.")


class HoldReviewTooFar(OperatorError):
    template = gettext_noop(
        "A hold is reviewed on a day to come, within a year, and while it stands: between "
        "%(first_day)s and %(last_day)s."
    )


class NotLegalHold(OperatorError):
    template = gettext_noop("%(stop)s is no legal hold: what asks for it also ends it.")


@transaction.atomic
def hold_place(
    *,
    subject: DataSubject,
    label: str,
    document: str,
    reason: str,
    until_on: date | None = None,
    review_on: date | None = None,
    by: User | None,
    now: datetime,
) -> Stop:
    """Nothing of the person is destroyed from now on, by any path.

    ``until_on``: the last day that the document names; None: until somebody releases it.
    ``review_on``: by when somebody asks whether it is still needed; None: in 90 days, or on the
    last day. Refuses the same hold twice, one without a document, and days that are over.
    """
    if not document.strip():
        raise HoldDocumentMissing()
    today = now.astimezone(subject.operator.zone).date()
    return stop_begin(
        subject=subject,
        kind=StopKind.LEGAL_HOLD,
        label=label,
        reason=reason,
        document=document.strip(),
        until_on=until_on,
        review_on=_review_day(review_on, until_on, today),
        by=by,
        now=now,
    )


@transaction.atomic
def hold_review(
    *,
    stop: Stop,
    reason: str,
    document: str = "",
    until_on: date | None,
    review_on: date | None = None,
    by: User,
    now: datetime,
) -> Stop:
    """It is still needed, and ``reason`` says why; the next review and the last day anew.

    ``document``: of a new order; empty: the one that stands. Refuses what no longer stands.
    """
    row = seam.lock(Stop.objects.filter(pk=stop.pk)).select_related("operator__jurisdiction").get()
    if row.kind != StopKind.LEGAL_HOLD:
        raise NotLegalHold(stop=str(row))
    if row.ended_at is not None:
        raise EndedAlready(what=str(row))
    if not reason.strip():
        raise StopReasonMissing()
    today = now.astimezone(row.operator.zone).date()
    row.review_on = _review_day(review_on, until_on, today)
    row.until_on = until_on
    row.document = document.strip() or row.document
    fields = ["review_on", "until_on", "document"]
    return audit.save(row, by=by, reason=reason.strip(), fields=fields)


def _review_day(wanted: date | None, until: date | None, today: date) -> date:
    if until is not None and until < today:
        raise HoldEndsInThePast(day=until)
    last = min(filter(None, [until, today + LONGEST]))
    day = wanted or min(last, today + USUAL)
    # A hold of today alone is looked at today.
    first = min(today + timedelta(days=1), last)
    if not first <= day <= last:
        raise HoldReviewTooFar(first_day=first, last_day=last)
    return day


def holds_lapse(operator: Operator, *, now: datetime) -> int:
    """Release the holds whose last day is over; returns how many. Each in its own transaction.

    What they stopped is due, and the sweep that comes after takes it.
    """
    today = now.astimezone(operator.zone).date()
    over = Stop.objects.filter(operator=operator, ended_at=None, until_on__lt=today)
    lapsed = 0
    for row in over.order_by("pk"):
        with suppress(EndedAlready):
            at = max(now, row.started_at)
            ended = stop_end(stop=row, by=None, now=at, reason=LAPSED, lapsed_on=today)
            lapsed += ended.ended_at is not None
    return lapsed
