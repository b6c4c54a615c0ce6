"""Internal control: each step of the plan is checked, written down, and comes back in its time.

152-FZ 18.1(1)(4) and 94-V 25(3). What is overdue is computed from the step's next day, never
stored; what was recorded is never changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext, ngettext

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import ControlRecord, ControlStep, Operator, User
from registry.services import audit
from registry.services.clocks import check_owner, person_on_duty
from registry.terms import Unit, end_of_term
from registry.workdays import WorkCalendar

SOON = 14  # days: what comes due within them is named by its day
# Months are counted without looking at days off.
NO_DAYS_OFF = WorkCalendar("", (), {})


class CheckedInFuture(OperatorError):
    template = gettext_noop("%(step)s cannot have been checked on %(day)s: that day has not come.")


class CheckedBeforeLast(OperatorError):
    template = gettext_noop(
        "%(step)s was checked on %(day)s already: a record follows the one before, it does not "
        "come under it."
    )


class CheckFoundMissing(OperatorError):
    template = gettext_noop("Say what was found; if nothing is wrong, say that.")


class ControlStepEnded(OperatorError):
    template = gettext_noop("%(step)s ended on %(day)s: from that day on it is not checked.")


class CheckerAway(OperatorError):
    template = gettext_noop(
        "%(user)s is away on %(day)s: %(substitute)s stands in and records the check."
    )


class ControlStepGone(Conflict):
    template = gettext_noop("This step of internal control is gone: somebody has deleted it.")


# --- verbs -------------------------------------------------------------------------------------
@transaction.atomic
def control_record(
    *, step: ControlStep, done_on: date, found: str, remedy: str, by: User, now: datetime
) -> ControlRecord:
    """Write down that a step was checked; it comes back so many months after that day.

    On the last day of a shorter month where that month has no such day. Refuses a day to come, a
    day on which the step had ended, a day before the last record of the step, an empty finding,
    and whoever is not on duty with the operator today: not on the staff, only reading, or away.
    """
    row = _locked(step)
    today = now.astimezone(row.operator.zone).date()
    check_owner(user=by, operator=row.operator, today=today)
    on_duty = person_on_duty(user=by, operator=row.operator, today=today)
    if on_duty != by:
        raise CheckerAway(user=str(by), day=today, substitute=str(on_duty))
    if done_on > today:
        raise CheckedInFuture(step=row.code, day=done_on)
    if not row.goes_on(done_on):
        raise ControlStepEnded(step=row.code, day=row.ended_on)
    last = row.records.order_by("-done_on").values_list("done_on", flat=True).first()
    if last is not None and done_on < last:
        raise CheckedBeforeLast(step=row.code, day=last)
    if not found.strip():
        raise CheckFoundMissing()
    record = ControlRecord.objects.create(
        step=row,
        done_on=done_on,
        found=found.strip(),
        remedy=remedy.strip(),
        recorded_at=now,
        recorded_by=by,
    )
    row.next_on = next_after(done_on, row.every_months)
    audit.save(row, by=by, reason=f"checked on {done_on}", fields=["next_on"])
    return record


def control_step_to_save(step: ControlStep, *, changed: Iterable[str]) -> ControlStep:
    """Make an edited step ready for saving: locked until the transaction ends.

    A form that was opened before somebody recorded a check, or ended the step, does not bring the
    old day back.
    """
    if step.pk:
        row = _locked(step)
        for name in {"next_on", "ended_on"}.difference(changed):
            setattr(step, name, getattr(row, name))
    return step


def _locked(step: ControlStep) -> ControlStep:
    operator = (
        seam.lock(Operator.objects.filter(pk=step.operator_id)).select_related("jurisdiction").get()
    )
    row = seam.lock(ControlStep.objects.filter(pk=step.pk)).first()
    if row is None:
        raise ControlStepGone()
    row.operator = operator
    return row


def next_after(done_on: date, every_months: int) -> date:
    """When a step that was checked on that day is checked again."""
    return end_of_term(done_on, every_months, Unit.MONTH, NO_DAYS_OFF)


# --- what is due -------------------------------------------------------------------------------
def going_on(day: date) -> Q:
    """Steps that are still checked on that day (``ControlStep.goes_on``)."""
    return Q(ended_on=None) | Q(ended_on__gt=day)


def coming_before(now: datetime, days: int = 0) -> Q:
    """Steps that go on and whose day comes within so many days, where each operator is; 0:
    overdue. One query."""
    found = Q(pk__in=[])
    for today, operators in _days(now).items():
        until = today + timedelta(days=days)
        found |= Q(going_on(today), operator__in=operators, next_on__lt=until)
    return found


def ended_by(now: datetime) -> Q:
    """Steps that have ended, where each operator is. One query."""
    found = Q(pk__in=[])
    for today, operators in _days(now).items():
        found |= Q(operator__in=operators, ended_on__lte=today)
    return found


def _days(now: datetime) -> dict[date, list[int]]:
    """The days that it is now -> the operators where it is that day."""
    by_day: dict[date, list[int]] = {}
    for operator in Operator.objects.select_related("jurisdiction"):
        by_day.setdefault(now.astimezone(operator.zone).date(), []).append(operator.pk)
    return by_day


def step_state(step: ControlStep, today: date) -> str:
    """That the step has ended, how late it is, or how soon it comes, in plain words."""
    if not step.goes_on(today):
        return gettext("ended")
    left = (step.next_on - today).days
    if left < 0:
        return ngettext("overdue by %(count)s day", "overdue by %(count)s days", -left) % {
            "count": -left
        }
    if left == 0:
        return gettext("due today")
    if left <= SOON:
        return ngettext("%(count)s day left", "%(count)s days left", left) % {"count": left}
    return gettext("later")


def how_often(every_months: int) -> str:
    """Every month, every 3 months, every year, in the reader's language."""
    if every_months == 1:
        return gettext("every month")
    if every_months == 12:
        return gettext("every year")
    years, rest = divmod(every_months, 12)
    if rest == 0:
        return ngettext("every %(count)s year", "every %(count)s years", years) % {"count": years}
    return ngettext("every %(count)s month", "every %(count)s months", every_months) % {
        "count": every_months
    }
