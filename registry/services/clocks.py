"""The verbs of a running clock: open, meet, void, extend, assign, count again."""

from __future__ import annotations

from datetime import MINYEAR, UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model

from registry import seam
from registry.choices import Binding, Role
from registry.deadlines import Outcome
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Absence, Deadline, Extension, Membership, Operator, User
from registry.services import audit
from registry.services.rules import outcome, rules_for
from registry.workdays import CalendarMissing

COUNTED = [
    "due_on",
    "due_at",
    "ends_at",
    "internal_on",
    "internal_at",
    "binding",
    "statute_due_on",
    "promise_due_on",
    "steps",
]


class ClockRunsAlready(Conflict):
    template = gettext_noop("%(label)s: the clock of this duty runs already.")


class DeadlineClosed(Conflict):
    template = gettext_noop("%(label)s: this clock no longer runs.")


class ExtendedAlready(Conflict):
    template = gettext_noop("%(label)s: the law allows one extension, and it has been used.")


class NoExtensionInLaw(OperatorError):
    template = gettext_noop("%(label)s: the law gives this term no extension.")


class PromiseBinds(OperatorError):
    template = gettext_noop(
        "%(label)s: the operator's own promise binds (%(article)s, due on %(day)s), and a "
        "promise is never extended."
    )


class StatedDateBinds(OperatorError):
    template = gettext_noop(
        "%(label)s: %(day)s is a stated date; only whoever stated it can move it."
    )


class ExtensionTooLate(OperatorError):
    template = gettext_noop("%(label)s: the term ended on %(day)s; an extension comes before that.")


class ExtensionMovesNothing(OperatorError):
    template = gettext_noop("%(label)s: the extension would end on the same day, %(day)s.")


class NoticeNotSent(OperatorError):
    template = gettext_noop("%(label)s: the notice must have been sent already, not in the future.")


class ReasonsMissing(OperatorError):
    template = gettext_noop("An extension needs its reasons and the number of its notice.")


class NotOnTheStaff(OperatorError):
    template = gettext_noop("%(user)s is not on the staff of %(operator)s.")


class OwnerOnlyReads(OperatorError):
    template = gettext_noop("%(user)s is an auditor, who changes nothing: name somebody else.")


def end_of_day(day: date, operator: Operator) -> datetime:
    """The instant at which the operator's day is over (CC RU 194, CC KZ 176: 24:00)."""
    return datetime.combine(day + timedelta(days=1), time.min, operator.zone)


def span_of(since: date, until: date, operator: Operator) -> tuple[datetime, datetime]:
    """The instants from which and before which these days are, both counted, where the operator is.

    Refuses days at the ends of the calendar, whose midnight no clock can tell.
    """
    try:
        first = end_of_day(since - timedelta(days=1), operator)
        last = end_of_day(until, operator)
        for moment in (first, last):
            moment.astimezone(UTC)
    except OverflowError:
        year = since.year if since.year == MINYEAR else until.year
        raise CalendarMissing(code=operator.jurisdiction.code, year=year) from None
    return first, last


def _count(deadline: Deadline, *, extended: bool) -> Outcome:
    return outcome(
        operator=deadline.operator,
        statute=deadline.statute,
        promise=deadline.promise,
        trigger=deadline.trigger_at,
        stated_on=deadline.stated_on,
        extended=extended,
    )


def _fill(deadline: Deadline, found: Outcome) -> None:
    deadline.due_on = found.due_on
    deadline.due_at = found.due_at
    deadline.ends_at = found.due_at or (
        end_of_day(found.due_on, deadline.operator) if found.due_on else None
    )
    deadline.internal_on = found.internal_on
    deadline.internal_at = found.internal_at
    deadline.binding = found.binding or ""
    deadline.statute_due_on = found.statute_due_on
    deadline.promise_due_on = found.promise_due_on
    deadline.steps = [[step.code, dict(step.params)] for step in found.steps]


def _locked(deadline: Deadline) -> Deadline:
    row = (
        seam.lock(Deadline.objects.filter(pk=deadline.pk))
        .select_related("operator__jurisdiction", "statute", "promise")
        .get()
    )
    if not row.is_open:
        raise DeadlineClosed(label=row.label)
    return row


def roles_on(user: User, operator: Operator, day: date) -> set[str]:
    """The roles of the user with the operator on that day."""
    memberships = Membership.objects.filter(user=user, operator=operator)
    return {row.role for row in memberships if row.holds_on(day)}


def person_on_duty(*, user: User, operator: Operator, today: date) -> User:
    """The user, or whoever stands in for them today, through a chain of absences."""
    seen = {user.pk}
    person = user
    while True:
        absence = (
            Absence.objects.filter(
                operator=operator, user=person, first_on__lte=today, last_on__gte=today
            )
            .select_related("substitute")
            .first()
        )
        if absence is None or absence.substitute_id in seen:
            return person
        if not (absence.substitute.is_active and roles_on(absence.substitute, operator, today)):
            return person
        seen.add(absence.substitute_id)
        person = absence.substitute


@transaction.atomic
def deadline_open(
    *,
    operator: Operator,
    about: Model,
    label: str,
    event: str,
    effect: str,
    trigger_at: datetime,
    owner: User | None,
    by: User | None,
    now: datetime,
    stated_on: date | None = None,
) -> Deadline:
    """Start the clock of an event. The version of the rule is the one of the trigger's day.

    A new case of somebody who is away goes to the substitute.
    """
    day = trigger_at.astimezone(operator.zone).date()
    statute, promise = rules_for(operator=operator, event=event, effect=effect, day=day)
    if owner is not None:
        check_owner(user=owner, operator=operator, today=now.astimezone(operator.zone).date())
        owner = person_on_duty(
            user=owner, operator=operator, today=now.astimezone(operator.zone).date()
        )
    about_type = ContentType.objects.get_for_model(about)
    duty = {"about_type": about_type, "about_id": about.pk, "event": event, "effect": effect}
    # One clock a duty; whoever starts a second one at the same moment waits here.
    seam.lock(Operator.objects.filter(pk=operator.pk)).get()
    if Deadline.objects.filter(**duty, voided_at=None).exists():
        raise ClockRunsAlready(label=label)
    deadline = Deadline(
        operator=operator,
        **duty,
        label=label,
        statute=statute,
        promise=promise,
        trigger_at=trigger_at,
        stated_on=stated_on,
        owner=owner,
        created_at=now,
    )
    _fill(deadline, _count(deadline, extended=False))
    return audit.save(deadline, by=by, reason="clock started")


@transaction.atomic
def deadline_recount(
    *, deadline: Deadline, by: User | None, reason: str, stated_on: date | None | type[Any] = Any
) -> Deadline:
    """Count again with the same version of the rules: another calendar, fact or number."""
    row = _locked(deadline)
    if stated_on is not Any:
        row.stated_on = stated_on  # type: ignore[assignment]
    before = [getattr(row, name) for name in COUNTED]
    _fill(row, _count(row, extended=Extension.objects.filter(deadline=row).exists()))
    if [getattr(row, name) for name in COUNTED] != before or stated_on is not Any:
        audit.save(row, by=by, reason=reason, fields=[*COUNTED, "stated_on"])
    return row


@transaction.atomic
def deadline_meet(
    *, deadline: Deadline, met_at: datetime, by: User | None, reason: str
) -> Deadline:
    """The duty was done at that moment, in time or late."""
    row = _locked(deadline)
    row.met_at = met_at
    return audit.save(row, by=by, reason=reason, fields=["met_at"])


@transaction.atomic
def deadline_correct(
    *,
    deadline: Deadline,
    trigger_at: datetime | None = None,
    met_at: datetime | None = None,
    by: User | None,
    reason: str,
) -> Deadline:
    """A moment was written down wrongly: that of the trigger (then it is counted again, by the
    same version of the rules), or that at which the duty was done. Refused of a void clock, and a
    meeting of one that nobody has met.
    """
    row = (
        seam.lock(Deadline.objects.filter(pk=deadline.pk))
        .select_related("operator__jurisdiction", "statute", "promise")
        .get()
    )
    if row.voided_at is not None or (met_at is not None and row.met_at is None):
        raise DeadlineClosed(label=row.label)
    fields = []
    if trigger_at is not None:
        row.trigger_at = trigger_at
        _fill(row, _count(row, extended=Extension.objects.filter(deadline=row).exists()))
        fields += ["trigger_at", *COUNTED]
    if met_at is not None:
        row.met_at = met_at
        fields.append("met_at")
    return audit.save(row, by=by, reason=reason, fields=fields)


@transaction.atomic
def deadline_void(*, deadline: Deadline, by: User | None, reason: str, now: datetime) -> Deadline:
    """There is nothing left to do, for the reason given."""
    row = _locked(deadline)
    row.voided_at = now
    return audit.save(row, by=by, reason=reason, fields=["voided_at"])


def check_owner(*, user: User, operator: Operator, today: date) -> None:
    """Refuse an owner who is not on the staff today, or who only reads."""
    roles = roles_on(user, operator, today)
    if not roles or not user.is_active:
        raise NotOnTheStaff(user=str(user), operator=str(operator))
    if roles == {Role.AUDITOR}:
        raise OwnerOnlyReads(user=str(user))


@transaction.atomic
def deadline_assign(
    *, deadline: Deadline, owner: User | None, by: User | None, now: datetime, reason: str
) -> Deadline:
    """Give the clock an owner; while the owner is away, the substitute gets it."""
    row = _locked(deadline)
    if owner is not None:
        today = now.astimezone(row.operator.zone).date()
        check_owner(user=owner, operator=row.operator, today=today)
        owner = person_on_duty(user=owner, operator=row.operator, today=today)
    row.owner = owner
    return audit.save(row, by=by, reason=reason, fields=["owner"])


def _check_not_bound(row: Deadline) -> None:
    """Refuse when something stands before the law's term that no extension can move."""
    if row.binding == Binding.PROMISE and row.promise is not None:
        raise PromiseBinds(label=row.label, article=row.promise.article, day=row.due_on)
    if row.binding == Binding.STATED:
        raise StatedDateBinds(label=row.label, day=row.due_on)


@transaction.atomic
def deadline_extend(
    *,
    deadline: Deadline,
    reasons: str,
    notice_number: str,
    notice_sent_at: datetime,
    by: User | None,
    now: datetime,
) -> Extension:
    """Extend once, by a notice with reasons that was sent before the term ended (152-FZ 20(4)).

    Refused: under a promise or a date of the authority's own, twice, after the end, for a term
    without an extension, with a notice that was not sent yet.
    """
    row = _locked(deadline)
    if not (reasons.strip() and notice_number.strip()):
        raise ReasonsMissing()
    if Extension.objects.filter(deadline=row).exists():
        raise ExtendedAlready(label=row.label)
    _check_not_bound(row)
    if row.statute is None or not row.statute.extension_length or row.ends_at is None:
        raise NoExtensionInLaw(label=row.label)
    if now >= row.ends_at:
        raise ExtensionTooLate(label=row.label, day=row.due_on)
    if notice_sent_at > now:
        raise NoticeNotSent(label=row.label)
    before = row.due_on
    _fill(row, _count(row, extended=True))
    assert before is not None and row.due_on is not None
    if row.due_on <= before:
        # The law's term moved, but a promise or a stated date of the same day did not.
        _check_not_bound(row)
        raise ExtensionMovesNothing(label=row.label, day=row.due_on)
    audit.save(row, by=by, reason=f"extended by notice {notice_number}", fields=COUNTED)
    return audit.save(
        Extension(
            deadline=row,
            reasons=reasons,
            notice_number=notice_number,
            notice_sent_at=notice_sent_at,
            due_before=before,
            due_after=row.due_on,
        ),
        by=by,
        reason=f"extended by notice {notice_number}",
    )
