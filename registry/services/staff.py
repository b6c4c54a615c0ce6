"""People who come, stand in and leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction

from registry import seam
from registry.choices import Role
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import (
    Absence,
    Carrier,
    ControlStep,
    Deadline,
    InspectorPass,
    Membership,
    NoticeLine,
    Operator,
    User,
)
from registry.services import audit
from registry.services.clocks import check_owner, deadline_assign, person_on_duty
from registry.services.control import going_on


class LeftAlready(Conflict):
    template = gettext_noop("%(user)s has left already.")


class SuccessorMissing(OperatorError):
    template = gettext_noop("%(user)s has open work: name who takes it over.")


class SuccessorIsLeaver(OperatorError):
    template = gettext_noop("Nobody hands over to themselves.")


class SuccessorNeedsLeaver(OperatorError):
    template = gettext_noop(
        "%(user)s stands in for %(successor)s from %(day)s: name another substitute there first."
    )


class RoleHeldAlready(Conflict):
    template = gettext_noop("%(user)s has a role with %(operator)s already.")


class InspectorHasNoRole(OperatorError):
    template = gettext_noop("%(user)s is the account of an inspector: it never gets a role.")


@dataclass(frozen=True, slots=True)
class Handover:
    """What a leaver leaves with one operator."""

    deadlines: list[Deadline]
    substitutions: list[Absence]
    carriers: list[Carrier]
    steps: list[ControlStep]
    is_responsible: bool

    @property
    def anything(self) -> bool:
        return bool(
            self.deadlines
            or self.substitutions
            or self.carriers
            or self.steps
            or self.is_responsible
        )


def open_work(*, membership: Membership, today: date) -> Handover:
    """Everything open that the person holds with this operator; read-only."""
    return Handover(
        deadlines=list(
            Deadline.objects.open()
            .filter(operator=membership.operator, owner=membership.user)
            .select_related("operator__jurisdiction", "about_type")
        ),
        substitutions=list(
            Absence.objects.filter(
                operator=membership.operator, substitute=membership.user, last_on__gte=today
            ).select_related("user")
        ),
        carriers=list(
            Carrier.objects.filter(operator=membership.operator, responsible=membership.user)
        ),
        steps=list(
            ControlStep.objects.filter(
                going_on(today), operator=membership.operator, responsible=membership.user
            )
        ),
        is_responsible=membership.operator.responsible_id == membership.user_id,
    )


@transaction.atomic
def membership_start(
    *,
    user: User,
    operator: Operator,
    role: str,
    started_on: date,
    by: User | None,
    reason: str,
    position: str = "",
    undertaking: str = "",
    undertaking_on: date | None = None,
) -> Membership:
    """Give a person a role with an operator. Refuses a second role beside the first.

    ``undertaking``: number of the promise not to disclose people's data, signed on that day;
    without one the role opens no page of people (152-FZ 7, 94-V 11).
    """
    seam.lock(Operator.objects.filter(pk=operator.pk)).get()
    if Membership.objects.filter(user=user, operator=operator, ended_on=None).exists():
        raise RoleHeldAlready(user=str(user), operator=str(operator))
    if InspectorPass.objects.filter(user=user).exists():
        raise InspectorHasNoRole(user=str(user))
    membership = Membership(
        user=user, operator=operator, role=Role(role), started_on=started_on, position=position,
        undertaking=undertaking, undertaking_on=undertaking_on,
    )  # fmt: skip
    membership.full_clean()
    audit.save(membership, by=by, reason=reason)
    if operator.responsible_id is None and role == Role.DPO:
        operator.refresh_from_db()
        operator.responsible = user
        audit.save(operator, by=by, reason=reason, fields=["responsible"])
    return membership


@transaction.atomic
def staff_leave(
    *,
    membership: Membership,
    successor: User | None,
    by: User | None,
    now: datetime,
    reason: str,
) -> Handover:
    """Hand over everything open, end the role, and the sessions when it was the last one.

    The person is deactivated, never deleted. Refuses when open work would be left to nobody.
    """
    # The operator first, as every verb that starts a clock does.
    seam.lock(Operator.objects.filter(pk=membership.operator_id)).get()
    row = (
        seam.lock(Membership.objects.filter(pk=membership.pk))
        .select_related("operator__jurisdiction", "user")
        .get()
    )
    today = now.astimezone(row.operator.zone).date()
    leaver = row.user
    if row.ended_on is not None:
        raise LeftAlready(user=str(leaver))
    work = open_work(membership=row, today=today)
    if successor is not None:
        if successor.pk == leaver.pk:
            raise SuccessorIsLeaver()
        check_owner(user=successor, operator=row.operator, today=today)
        _hand_over(work, membership=row, successor=successor, by=by, now=now, reason=reason)
    elif work.anything:
        raise SuccessorMissing(user=str(leaver))
    # The last day is yesterday when the role is older: from this moment nothing opens any more.
    row.ended_on = max(row.started_on, today - timedelta(days=1))
    audit.save(row, by=by, reason=reason, fields=["ended_on"])
    if not leaver.memberships.filter(ended_on=None).exists() and not leaver.is_superuser:
        user_deactivate(user=leaver, by=by, reason=reason)
    return work


def _hand_over(
    work: Handover,
    *,
    membership: Membership,
    successor: User,
    by: User | None,
    now: datetime,
    reason: str,
) -> None:
    operator, leaver = membership.operator, membership.user
    for absence in work.substitutions:
        if absence.user_id == successor.pk:
            raise SuccessorNeedsLeaver(
                user=str(leaver), successor=str(successor), day=absence.first_on
            )
    # Substitutions first: through one of them a clock would come back to the leaver.
    for absence in work.substitutions:
        absence.substitute = successor
        audit.save(absence, by=by, reason=reason, fields=["substitute"])
    for deadline in work.deadlines:
        deadline_assign(deadline=deadline, owner=successor, by=by, now=now, reason=reason)
    for carrier in work.carriers:
        carrier.responsible = successor
        audit.save(carrier, by=by, reason=reason, fields=["responsible"])
    for step in work.steps:
        step.responsible = successor
        audit.save(step, by=by, reason=reason, fields=["responsible"])
    if work.is_responsible:
        operator.responsible = successor
        audit.save(operator, by=by, reason=reason, fields=["responsible"])
    today = now.astimezone(operator.zone).date()
    on_duty = person_on_duty(user=successor, operator=operator, today=today)
    _move_waiting_lines(leaver, on_duty, operator)


def _move_waiting_lines(leaver: User, successor: User, operator: Operator) -> None:
    waiting = NoticeLine.objects.filter(
        notice=None, recipient=leaver, reminder__deadline__operator=operator
    )
    told = NoticeLine.objects.filter(
        recipient=successor, reminder__deadline__operator=operator
    ).values_list("reminder_id", flat=True)
    # Who has been told already is not told twice.
    waiting.filter(reminder_id__in=list(told)).delete()
    waiting.update(recipient=successor)


@transaction.atomic
def user_deactivate(*, user: User, by: User | None, reason: str) -> User:
    """No log-in any more, and every session of theirs ends now."""
    user.is_active = False
    user.set_unusable_password()
    audit.save(user, by=by, reason=reason, fields=["is_active", "password"])
    sessions_end(user=user)
    return user


def sessions_end(*, user: User) -> int:
    """Delete the sessions of the user; returns how many."""
    mine = [
        session.pk
        for session in Session.objects.iterator()
        if session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    count, _ = Session.objects.filter(pk__in=mine).delete()
    return count
