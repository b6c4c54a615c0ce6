"""Notices of processing after they are signed: filed, entered by the authority, and their clocks.

What was filed last says what the authority knows (152-FZ 22); ``notices_watch`` compares it with
the register. The notices themselves are written by ``notice_writing``.
"""

from __future__ import annotations

from datetime import date, datetime, time

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from registry import seam
from registry.choices import Effect, Event, RegisterPaperKind
from registry.models import Deadline, Filing, Operator, RegisterPaper, User
from registry.notice_refusals import (
    ChangeAfterEnd,
    EntryBeforeFiling,
    EntryDocumentMissing,
    EntryInFuture,
    EntryNotAwaited,
    FiledBeforeSigned,
    FiledInFuture,
    FilingNumberMissing,
    FilingRefused,
    NoSuchNotice,
    NoticeFiledTwice,
    NoticeUnsigned,
)
from registry.paper_refusals import PaperGone
from registry.services.clocks import deadline_meet, deadline_open, deadline_void
from registry.services.rules import rules_for
from registry.services.transfer_gates import responsible_on

START, CHANGE, END = (
    RegisterPaperKind.NOTICE_START,
    RegisterPaperKind.NOTICE_CHANGE,
    RegisterPaperKind.NOTICE_END,
)
NOTICES = (START, CHANGE, END)


# --- reading -----------------------------------------------------------------------------------
def notice_in_force(operator: Operator) -> RegisterPaper | None:
    """The notice of start or change that was filed last; None after a filed end, or before any."""
    last = (
        RegisterPaper.objects.filter(operator=operator, kind__in=NOTICES, filing__isnull=False)
        .select_related("filing", "operator__jurisdiction", "operator__responsible")
        .order_by("-filing__filed_on", "-filing__pk")
        .first()
    )
    return None if last is None or last.kind == END else last


def clocks_of(operator: Operator, event: str) -> QuerySet[Deadline]:
    """The open clocks of that event about papers of the operator."""
    return Deadline.objects.open().filter(
        operator=operator,
        about_type=ContentType.objects.get_for_model(RegisterPaper),
        event=event,
    )


def entry_awaited(paper: RegisterPaper) -> Deadline | None:
    """The clock of the authority's entry about that notice, while it runs (152-FZ 22(4))."""
    clocks = clocks_of(paper.operator, Event.AUTHORITY_RECEIVED_NOTICE)
    return clocks.filter(about_id=paper.pk).first()


def start_of(day: date, operator: Operator) -> datetime:
    return datetime.combine(day, time.min, operator.zone)


# --- verbs -------------------------------------------------------------------------------------
@transaction.atomic
def notice_file(
    *, paper: RegisterPaper, filed_on: date, reference: str, by: User | None, now: datetime
) -> Filing:
    """Record that a signed notice went to the authority on that day, under that number.

    A notice of start starts the watch over the authority's thirty days (152-FZ 22(4)); one of
    start or change stops the clock of changed particulars, one of the end that of ceasing
    (22(7)), and voids the others: there is nothing left to change or to enter. Refuses another
    paper, a draft, a day before the signing or to come, no number, a second filing, and a change
    that is told after the end.
    """
    row = _locked(paper)
    if row.kind not in NOTICES:
        raise NoSuchNotice(number=row.number)
    if row.signed_on is None:
        raise NoticeUnsigned(number=row.number)
    filed = Filing.objects.filter(paper=row).first()
    if filed is not None:
        raise NoticeFiledTwice(number=row.number, day=filed.filed_on)
    if filed_on > now.astimezone(row.operator.zone).date():
        raise FiledInFuture(number=row.number, day=filed_on)
    if filed_on < row.signed_on:
        raise FiledBeforeSigned(number=row.number, filed_day=filed_on, day=row.signed_on)
    if not reference.strip():
        raise FilingNumberMissing(number=row.number)
    if row.kind == CHANGE:
        _require_unended(row, filed_on)
    filing = Filing(
        paper=row, filed_on=filed_on, reference=reference.strip(), recorded_at=now, recorded_by=by
    )
    try:
        filing.clean_fields()
    except ValidationError as error:
        why = " ".join(text for texts in error.message_dict.values() for text in texts)
        raise FilingRefused(number=row.number, why=why) from None
    filing.save()
    # Of an earlier day than another filing it says nothing newer: the clocks of that one go on.
    last = notice_in_force(row.operator)
    if row.kind == END:
        # Whatever day a watch has counted from, the one that was told counts, in time or late.
        for clock in clocks_of(row.operator, Event.PROCESSING_CEASED).exclude(about_id=row.pk):
            reason = f"another notice of the end was filed: {row.number}"
            deadline_void(deadline=clock, by=by, reason=reason, now=now)
        ceasing_clock(row, ceased_on=ceased_on_of(row), by=by, now=now)
        _meet(row.operator, Event.PROCESSING_CEASED, filing, by=by, now=now)
        if last is None:
            reason = f"the end of processing was filed: {row.number}"
            _void(row, Event.PARTICULARS_CHANGED, reason, by=by, now=now)
            _void(row, Event.AUTHORITY_RECEIVED_NOTICE, reason, by=by, now=now)
    elif last == row:
        _meet(row.operator, Event.PARTICULARS_CHANGED, filing, by=by, now=now)
    if row.kind == START:
        if last == row:
            reason = f"another notice of start was filed: {row.number}"
            _void(row, Event.AUTHORITY_RECEIVED_NOTICE, reason, by=by, now=now)
        clock_start(
            row, Event.AUTHORITY_RECEIVED_NOTICE, Effect.REGISTERED_BY_AUTHORITY,
            start_of(filed_on, row.operator), by=by, now=now,
        )  # fmt: skip
    return filing


@transaction.atomic
def notice_entered(
    *, paper: RegisterPaper, entered_on: date, document: str, by: User | None, now: datetime
) -> Deadline:
    """The authority has entered the operator in its register: the watch over it ends (22(4)).

    ``document``: number of the entry. Refuses when no entry is awaited about this notice, a day
    before the filing or to come, and no number.
    """
    row = _locked(paper)
    clock = entry_awaited(row)
    if clock is None:
        raise EntryNotAwaited(number=row.number)
    if entered_on > now.astimezone(row.operator.zone).date():
        raise EntryInFuture(number=row.number, day=entered_on)
    if entered_on < row.filing.filed_on:
        raise EntryBeforeFiling(number=row.number, entry_day=entered_on, day=row.filing.filed_on)
    if not document.strip():
        raise EntryDocumentMissing(number=row.number)
    return deadline_meet(
        deadline=clock, met_at=_moment(entered_on, clock, now), by=by,
        reason=f"entered in the register of operators: {document.strip()}",
    )  # fmt: skip


# --- clocks ------------------------------------------------------------------------------------
def clock_start(
    paper: RegisterPaper, event: str, effect: str, trigger_at: datetime, *,
    by: User | None, now: datetime,
) -> Deadline | None:  # fmt: skip
    """Start a clock about the paper; None where the operator's law had no such rule that day."""
    operator = paper.operator
    day = trigger_at.astimezone(operator.zone).date()
    if not any(rules_for(operator=operator, event=event, effect=effect, day=day)):
        return None
    return deadline_open(
        operator=operator,
        about=paper,
        label=paper.number,
        event=event,
        effect=effect,
        trigger_at=trigger_at,
        # Nobody when the responsible person has left: the duty stays.
        owner=responsible_on(operator, now.astimezone(operator.zone).date()),
        by=by,
        now=now,
    )


def ceased_on_of(paper: RegisterPaper) -> date:
    """The day of ceasing that a notice of the end names."""
    return date.fromisoformat(paper.particulars["ceased_on"])


def ceasing_clock(
    paper: RegisterPaper, *, ceased_on: date, by: User | None, now: datetime
) -> Deadline | None:
    """Start the clock of telling the authority that the processing ceased (152-FZ 22(7)).

    None where the law has no such rule, while a clock of the same ceasing runs, and when the one
    about this paper was met already.
    """
    if clocks_of(paper.operator, Event.PROCESSING_CEASED).exists() or _met_about(paper):
        return None
    trigger_at = start_of(ceased_on, paper.operator)
    return clock_start(
        paper, Event.PROCESSING_CEASED, Effect.NOTIFY_AUTHORITY, trigger_at, by=by, now=now
    )


def _met_about(paper: RegisterPaper) -> bool:
    return Deadline.objects.filter(
        about_type=ContentType.objects.get_for_model(RegisterPaper),
        about_id=paper.pk,
        event=Event.PROCESSING_CEASED,
        met_at__isnull=False,
    ).exists()


def _require_unended(row: RegisterPaper, filed_on: date) -> None:
    """Refuse a change that is told after the end of everything."""
    last = (
        Filing.objects.filter(
            paper__operator=row.operator, paper__kind__in=NOTICES, filed_on__lte=filed_on
        )
        .select_related("paper")
        .order_by("-filed_on", "-pk")
        .first()
    )
    if last is not None and last.paper.kind == END:
        raise ChangeAfterEnd(number=row.number, day=last.filed_on)


def _void(row: RegisterPaper, event: str, reason: str, *, by: User | None, now: datetime) -> None:
    for clock in clocks_of(row.operator, event):
        deadline_void(deadline=clock, by=by, reason=reason, now=now)


def _meet(
    operator: Operator, event: str, filing: Filing, *, by: User | None, now: datetime
) -> None:
    for clock in clocks_of(operator, event):
        met_at = _moment(filing.filed_on, clock, now)
        reason = f"notice {filing.paper.number} filed"
        deadline_meet(deadline=clock, met_at=met_at, by=by, reason=reason)


def _moment(day: date, clock: Deadline, now: datetime) -> datetime:
    """Of a duty done today the hour counts, of an earlier day its beginning; never before its
    clock began.
    """
    if day == now.astimezone(clock.operator.zone).date():
        return now
    return min(now, max(start_of(day, clock.operator), clock.trigger_at))


def _locked(paper: RegisterPaper) -> RegisterPaper:
    """The paper as it is now, its operator locked first: every verb takes them in this order."""
    seam.lock(Operator.objects.filter(pk=paper.operator_id)).get()
    rows = seam.lock(RegisterPaper.objects.filter(pk=paper.pk))
    row = rows.select_related("operator__jurisdiction", "operator__responsible").first()
    if row is None:
        raise PaperGone()
    return row
