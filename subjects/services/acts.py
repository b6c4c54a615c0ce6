"""The verbs of an act of destruction before and beside its execution: draft, approve, cancel.

An act is drafted ahead of the day by which its data must go, so that there is time to approve it
(152-FZ 21, Order 179; 94-V 18). A retention rule that is automatic approves its acts itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.db import connection, transaction
from django.db.models import Q

from registry import seam
from registry.choices import Effect, Event
from registry.deadlines import NoRule
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Absence, Deadline, Membership, Operator, User
from registry.services import audit
from registry.services.clocks import (
    NotOnTheStaff,
    OwnerOnlyReads,
    check_owner,
    deadline_meet,
    deadline_open,
    deadline_recount,
    deadline_void,
)
from registry.services.numbering import next_number
from registry.states import ForbiddenTransition, move
from subjects import states
from subjects.choices import ActState, Outcome
from subjects.models import ActItem, DataSubject, DestructionAct
from subjects.services import bulk
from subjects.services.covering import DUTIES, RULINGS, Law
from subjects.services.fates import Fates
from subjects.services.planning import OPEN, Plan, Planned, plan, plans, standing_stops

__all__ = ["LEAD", "Plan", "act_approve", "act_cancel", "act_draft", "item_confirm", "plan"]

# So many days before the day by which the data must go, people get the act to approve.
LEAD = timedelta(days=10)
WORDS = 300  # the room of a reason


class ApprovedByDrafter(OperatorError):
    template = gettext_noop(
        "%(number)s: whoever drafted an act does not approve it. Somebody else must."
    )


class WaiverMissing(OperatorError):
    template = gettext_noop(
        "%(number)s: nobody but the drafter can approve it today. Write down why there is nobody "
        "else; it becomes a finding."
    )


class HeldElsewhere(Conflict):
    template = gettext_noop(
        "%(number)s: this must not be destroyed, here or elsewhere: %(why)s. If it was, that is an "
        "incident."
    )


class ActReasonMissing(OperatorError):
    template = gettext_noop("%(number)s: give the reason.")


class ActReasonTooLong(OperatorError):
    template = gettext_noop("%(number)s: %(limit)s characters at the most.")


class NotElsewhere(OperatorError):
    template = gettext_noop(
        "%(number)s: this lies in the vault, and the office destroys it by itself."
    )


class ConfirmedAlready(Conflict):
    template = gettext_noop("%(number)s: this has been settled already.")


class NotYetApproved(OperatorError):
    template = gettext_noop("%(number)s: nothing is destroyed before the act is approved.")


# --- the draft -----------------------------------------------------------------------------------
@dataclass(slots=True)
class _Draft:
    """An act that is being filled, and what its clock will count from."""

    act: DestructionAct
    clocks: set[tuple[date, str, str, bool]] = field(default_factory=set)


@transaction.atomic
def act_draft(
    *,
    operator: Operator,
    label: str = "",
    subjects: Iterable[int] | None = None,
    until: date,
    by: User | None,
    now: datetime,
) -> list[DestructionAct]:
    """Acts of all that is due by ``until`` and in no open act; one a day and way of approval.

    ``label``: the number of the request that asks for it; such an act always needs an approval.
    ``subjects``: only these cards. What needs people gets a clock, which reminds them. Nothing
    due: no act. Whoever else drafts for this operator waits.
    """
    operator = (
        seam.lock(Operator.objects.filter(pk=operator.pk))
        .select_related("jurisdiction", "responsible")
        .get()
    )
    today = now.astimezone(operator.zone).date()
    law = Law(operator)
    drafts: dict[tuple[date, bool], _Draft] = {}
    found = plans(operator, until=until, label=label, subjects=subjects, today=today)
    for part in found:
        groups: dict[tuple[date, bool], list[Planned]] = {}
        for one in part.going:
            groups.setdefault((one.due_on, one.automatic and not label), []).append(one)
        for (due_on, automatic), items in sorted(groups.items()):
            draft = drafts.get((due_on, automatic))
            if draft is None:
                act = _act(operator, label, due_on, automatic=automatic, by=by, now=now)
                draft = drafts[due_on, automatic] = _Draft(act)
            _fill(draft.act, items)
            for one in items:
                draft.clocks.update(_clocks(law, one, today))
    for draft in drafts.values():
        if not draft.act.automatic:
            _open_clock(draft, operator, by=by, now=now)
    return [draft.act for draft in drafts.values()]


def _act(
    operator: Operator,
    label: str,
    due_on: date,
    *,
    automatic: bool,
    by: User | None,
    now: datetime,
) -> DestructionAct:
    act = DestructionAct(
        operator=operator,
        number=_next_number(operator, now),
        label=label,
        due_on=due_on,
        automatic=automatic,
        state=ActState.APPROVED if automatic else ActState.DRAFTED,
        drafted_at=now,
        drafted_by=by,
    )
    return audit.save(act, by=by, reason="drafted")


def _next_number(operator: Operator, now: datetime) -> str:
    """The next number of the operator's year; the operator's row is locked by the caller."""
    prefix = f"{DestructionAct.numbered}-{now.astimezone(operator.zone):%Y}-"
    rows = DestructionAct.objects.filter(operator=operator)
    return next_number(rows, operator=operator, prefix=prefix)


def _fill(act: DestructionAct, items: Iterable[Planned]) -> None:
    day = connection.ops.adapt_datefield_value(act.due_on)
    columns = [
        "act_id", "subject_id", "key", "datum_id", "category_id", "due_on", "event", "rule",
        "article", "outcome", "why",
    ]  # fmt: skip
    bulk.insert(
        ActItem,
        columns,
        (
            (
                act.pk, one.subject, one.key, None if one.key else one.datum, one.category, day,
                one.event, one.rule, one.article, "", "",
            )
            for one in items
        ),
    )  # fmt: skip


def _clocks(law: Law, one: Planned, today: date) -> Iterator[tuple[date, str, str, bool]]:
    """From which day the duty runs, and which: its own rule's, else those of the ground's end.

    Where the operator's own term sets the day, one law has a rule for one duty of that end, and the
    other for another. Last: whether the clock ends with the act's own day.
    """
    if one.never_covered:
        # Held without a ground: unlawful, and found today (152-FZ 21(3), 94-V 25(2)(8)). The term
        # runs from today, although the act is due at once.
        yield today, Event.UNLAWFUL_PROCESSING_FOUND, Effect.DESTROY, False
        return
    counted_from = one.counted_from or today
    if one.event == Event.CONSENT_ENDED:
        # The proof of a consent: what it was kept for is over (152-FZ 21(4), 94-V 18(1)).
        yield one.due_on - timedelta(days=1), Event.PURPOSE_ACHIEVED, Effect.DESTROY, True
        return
    for rule in law.rules:
        if rule.code == one.rule:
            yield counted_from, rule.event, rule.effect, True
            return
    for event, effect in DUTIES.get(one.event) or RULINGS[one.event]:
        yield counted_from, event, effect, True


def _open_clock(draft: _Draft, operator: Operator, *, by: User | None, now: datetime) -> None:
    """One clock an act, the earliest; the office reminds of it until the act is closed.

    It ends on the act's own day at the latest, which the operator's policy may have set.
    """
    owner = operator.responsible
    if owner is not None:
        try:
            check_owner(
                user=owner, operator=operator, today=now.astimezone(operator.zone).date()
            )  # fmt: skip
        except (NotOnTheStaff, OwnerOnlyReads):
            # A draft is not held up by this: the desk shows it as nobody's.
            owner = None
    for counted_from, event, effect, with_act in sorted(draft.clocks):
        try:
            clock = deadline_open(
                operator=operator,
                about=draft.act,
                label=draft.act.number,
                event=event,
                effect=effect,
                trigger_at=datetime.combine(counted_from, time.min, operator.zone),
                owner=owner,
                by=by,
                now=now,
            )
        except NoRule:
            continue
        if with_act and (clock.due_on is None or clock.due_on > draft.act.due_on):
            deadline_recount(
                deadline=clock, by=by, reason="the act's own day", stated_on=draft.act.due_on
            )
        return


def clocks_of(act: DestructionAct) -> Iterator[Deadline]:
    """The clock that runs for the act; none for one that needed no people."""
    yield from Deadline.objects.open().filter(
        about_type__app_label="subjects", about_type__model="destructionact", about_id=act.pk
    )


# --- the verbs of people -------------------------------------------------------------------------
def act_locked(act: DestructionAct) -> DestructionAct:
    """The act as it stands, held until the transaction ends."""
    return (
        seam.lock(DestructionAct.objects.filter(pk=act.pk))
        .select_related("operator__jurisdiction")
        .get()
    )


def not_before(now: datetime, *steps: datetime | None) -> datetime:
    """Now, or the latest of the steps that led here, where the clock has gone back since.

    The papers say in which order it was done (Order 179), whatever the clock was set to.
    """
    return max([now, *filter(None, steps)])


@transaction.atomic
def act_approve(
    *, act: DestructionAct, by: User, now: datetime, waiver: str = ""
) -> DestructionAct:
    """A second person agrees. Refuses the drafter.

    Unless nobody else has the right today: then ``waiver`` says so, and is demanded.
    """
    row = act_locked(act)
    state = move(states.ACT, row.state, "approve", number=row.number)
    text = ""
    if row.drafted_by_id == by.pk:
        if approvers(row.operator, now.astimezone(row.operator.zone).date()) - {by.pk}:
            raise ApprovedByDrafter(number=row.number)
        text = waiver.strip()
        if not text:
            raise WaiverMissing(number=row.number)
    row.state, row.approved_at, row.approved_by = state, now, by
    row.waiver = fitting(text, row)
    fields = ["state", "approved_at", "approved_by", "waiver"]
    return audit.save(row, by=by, reason="approved", fields=fields)


def approvers(operator: Operator, today: date) -> set[int]:
    """Who can approve today: those with the right who are here, and those who stand in."""
    members = [
        row
        for row in Membership.objects.filter(operator=operator, user__is_active=True)
        if row.holds_on(today)
    ]
    here = {row.user_id for row in members}
    away = dict(
        Absence.objects.filter(
            operator=operator, first_on__lte=today, last_on__gte=today
        ).values_list("user_id", "substitute_id")
    )
    able = {
        row.user_id for row in members if "approve" in DestructionAct.access.grants(row.role)
    }  # fmt: skip
    return {away.get(user, user) for user in able} & here - away.keys()


@transaction.atomic
def act_cancel(
    *, act: DestructionAct, reason: str, by: User | None, now: datetime
) -> DestructionAct:
    """It will not be executed; what is still due comes into the next draft. Not once it runs."""
    row = act_locked(act)
    state = move(states.ACT, row.state, "cancel", number=row.number)
    reason = fitting(reason, row)
    if not reason:
        raise ActReasonMissing(number=row.number)
    row.state, row.cancelled_reason = state, reason
    audit.save(row, by=by, reason=reason, fields=["state", "cancelled_reason"])
    for clock in clocks_of(row):
        deadline_void(deadline=clock, by=by, reason=reason, now=now)
    return row


@transaction.atomic
def item_confirm(*, item: ActItem, how: str, by: User, now: datetime) -> ActItem:
    """A datum held elsewhere is gone there too; ``how`` says by what (Order 179: the way).

    Refuses what lies in the vault, what is settled already, an act that is not approved, and what
    a stop or a ground holds today.
    """
    act = act_locked(item.act)
    # Its day may have moved to before that of an act which holds it too: nobody is asked twice.
    same = Q(datum=item.datum_id, key=None, outcome="", act__state__in=OPEN)
    numbers = ActItem.objects.filter(Q(pk=item.pk) | same).values_list("pk", flat=True)
    held = seam.lock(ActItem.objects.filter(pk__in=list(numbers)).order_by("pk"))
    found = {one.pk: one for one in held}
    row = found.pop(item.pk)
    if row.key is not None:
        raise NotElsewhere(number=act.number)
    if row.outcome:
        raise ConfirmedAlready(number=act.number)
    if act.state == ActState.DRAFTED:
        raise NotYetApproved(number=act.number)
    if act.state not in {ActState.APPROVED, ActState.RUNNING}:
        raise ForbiddenTransition(number=act.number, state=act.state)
    how = fitting(how, act)
    if not how:
        raise ActReasonMissing(number=act.number)
    _require_may_go(row, act, now)
    row.outcome, row.why = Outcome.DESTROYED, how
    row.confirmed_at, row.confirmed_by = now, by
    row.save(update_fields=["outcome", "why", "confirmed_at", "confirmed_by"])
    for other in found.values():
        if other.outcome:
            continue
        other.outcome, other.why = Outcome.GONE, act.number
        other.save(update_fields=["outcome", "why"])
    return row


def _require_may_go(item: ActItem, act: DestructionAct, now: datetime) -> None:
    """Neither a stop nor a ground holds it; the card is locked."""
    card = seam.lock(DataSubject.objects.filter(pk=item.subject_id)).get()
    if card.merged_into_id:
        card = seam.lock(DataSubject.objects.filter(pk=card.merged_into_id)).get()
    why = standing_stops([card.pk], label=act.label).get(card.pk, "")
    if not why:
        today = now.astimezone(act.operator.zone).date()
        held = Fates(Law(act.operator), today).read([card.pk])
        found = next((one for one in held if one.key is None and one.datum == item.datum_id), None)
        why = found.destiny.why if found and found.destiny.stays else ""
    if why:
        raise HeldElsewhere(number=act.number, why=why)


def clock_meet(act: DestructionAct, *, met_at: datetime) -> None:
    """The duty was done at that moment, in time or late."""
    for clock in clocks_of(act):
        deadline_meet(deadline=clock, met_at=met_at, by=None, reason="act closed")


def fitting(text: str, act: DestructionAct) -> str:
    text = text.strip()
    if len(text) > WORDS:
        raise ActReasonTooLong(number=act.number, limit=WORDS)
    return text
