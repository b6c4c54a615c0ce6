"""The sweep that reminds: late, twice or by two workers at once, every mark is made once.

A mark is a row with a unique constraint; a mail is a row too. The sweep asks "which marks of
this clock have come and have no row?", so a missed night is made up and a second run finds
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from registry import seam
from registry.calendars import work_calendar
from registry.choices import Binding, NoticeKind, Role, Unit
from registry.marks import MORNING, Mark, Pace, marks
from registry.models import (
    Deadline,
    Membership,
    Notice,
    NoticeLine,
    Operator,
    Reminder,
    User,
)
from registry.services.clocks import person_on_duty
from registry.services.texts import write_digest, write_urgent
from registry.workdays import WorkCalendar


def pace_of(deadline: Deadline) -> Pace:
    """How the binding term is counted."""
    if deadline.due_at is None or deadline.binding == Binding.STATED:
        return Pace.DAYS
    rule = deadline.promise if deadline.binding == Binding.PROMISE else deadline.statute
    if rule is not None and rule.unit == Unit.IMMEDIATE:
        return Pace.IMMEDIATE
    return Pace.HOURS


def staff(operator: Operator, now: datetime, *roles: str) -> list[User]:
    """Active staff of the operator in these roles today, the responsible person first."""
    today = now.astimezone(operator.zone).date()
    memberships = Membership.objects.filter(
        operator=operator, role__in=roles, user__is_active=True
    ).select_related("user")
    people = [row.user for row in memberships if row.holds_on(today)]
    return sorted(people, key=lambda user: (user.pk != operator.responsible_id, user.pk))


def hearers(deadline: Deadline, now: datetime, *, escalate: bool) -> list[User]:
    """Who must hear of a mark: the owner or substitute; the DPOs when there is none, or louder.

    Nobody there at all: the clerks, then the administrators of the office. Never nobody by
    silence: an empty list leaves the mark unmade for the next sweep.
    """
    operator = deadline.operator
    today = now.astimezone(operator.zone).date()
    found: dict[int, User] = {}

    def add(people: Iterable[User]) -> None:
        for person in people:
            on_duty = person_on_duty(user=person, operator=operator, today=today)
            found.setdefault(on_duty.pk, on_duty)

    owner = deadline.owner
    if owner is not None and owner in staff(operator, now, Role.DPO, Role.CLERK):
        add([owner])
    if escalate or not found:
        add(staff(operator, now, Role.DPO))
    if not found:
        add(staff(operator, now, Role.CLERK))
    if not found:
        add(User.objects.filter(is_active=True, is_superuser=True).order_by("pk"))
    return list(found.values())


def remind(*, now: datetime) -> dict[str, int]:
    """Make every reminder that has come due; returns how many clocks and marks.

    One transaction a clock: killed in the middle, it leaves whole clocks done and the rest for
    the next sweep. Urgent marks become notices here, the others wait for the digest.
    """
    calendars: dict[int, WorkCalendar] = {}
    made = clocks = unheard = 0
    open_ids = list(
        Deadline.objects.open()
        .exclude(ends_at=None)
        .order_by("operator__jurisdiction_id", "pk")
        .values_list("pk", "operator__jurisdiction_id")
    )
    for pk, jurisdiction_id in open_ids:
        with transaction.atomic():
            deadline = (
                seam.claim(Deadline.objects.open().filter(pk=pk))
                .select_related("operator__jurisdiction", "owner", "statute", "promise")
                .first()
            )
            if deadline is None:
                continue
            if jurisdiction_id not in calendars:
                calendars[jurisdiction_id] = work_calendar(deadline.operator.jurisdiction)
            count, heard = _remind_one(deadline, calendars[jurisdiction_id], now)
        made += count
        clocks += bool(count)
        unheard += not heard
    return {"clocks": clocks, "reminders": made, "unheard": unheard}


def _remind_one(deadline: Deadline, calendar: WorkCalendar, now: datetime) -> tuple[int, bool]:
    assert deadline.ends_at and deadline.due_on
    operator = deadline.operator
    due = marks(
        pace=pace_of(deadline),
        created_at=deadline.created_at,
        internal_on=deadline.internal_on or deadline.due_on,
        due_on=deadline.due_on,
        ends_at=deadline.ends_at,
        now=now,
        zone=operator.zone,
        calendar=calendar,
    )
    present = set(deadline.reminders.values_list("mark", flat=True))
    missing = [mark for mark in due if mark.code not in present]
    if not missing:
        return 0, True
    today = now.astimezone(operator.zone).date()
    urgent: dict[int, tuple[User, list[NoticeLine]]] = {}
    heard: dict[bool, list[User]] = {}
    for mark in missing:
        if mark.escalate not in heard:
            heard[mark.escalate] = hearers(deadline, now, escalate=mark.escalate)
        if not heard[mark.escalate]:
            return 0, False
    for mark in missing:
        reminder = Reminder.objects.create(
            deadline=deadline, mark=mark.code, planned_at=mark.planned_at, created_at=now
        )
        for person in heard[mark.escalate]:
            line = NoticeLine.objects.create(reminder=reminder, recipient=person)
            if _at_once(mark, operator, person, today):
                urgent.setdefault(person.pk, (person, []))[1].append(line)
    for person, lines in urgent.values():
        subject, body = write_urgent(deadline=deadline, lines=lines, recipient=person, now=now)
        notice = Notice.objects.create(
            operator=operator,
            recipient=person,
            kind=NoticeKind.URGENT,
            key=f"urgent:{deadline.pk}:{person.pk}:{lines[-1].reminder.mark}",
            subject=subject,
            body=body,
            next_attempt_at=now,
            created_at=now,
        )
        NoticeLine.objects.filter(pk__in=[line.pk for line in lines]).update(notice=notice)
    return len(missing), True


def _digest_key(operator: Operator, person: User, day: object) -> str:
    return f"digest:{operator.pk}:{person.pk}:{day}"


def _at_once(mark: Mark, operator: Operator, person: User, today: object) -> bool:
    """Hours and "immediate" never wait; a day's mark does, unless today's digest has gone."""
    return mark.urgent or Notice.objects.filter(key=_digest_key(operator, person, today)).exists()


def digest(*, now: datetime) -> dict[str, int]:
    """Gather what waits into one mail a person and operator, once each morning from eight.

    By operator, because a mail that mixed two operators would show each to the other's staff
    in the outbox. What was answered meanwhile is left out.
    """
    made = 0
    waiting = (
        NoticeLine.objects.filter(
            notice=None,
            reminder__deadline__met_at=None,
            reminder__deadline__voided_at=None,
        )
        .order_by("reminder__deadline__operator_id", "recipient_id")
        .values_list("reminder__deadline__operator_id", "recipient_id")
        .distinct()
    )
    operators = {row.pk: row for row in Operator.objects.select_related("jurisdiction")}
    for operator_id, recipient_id in list(waiting):
        operator = operators[operator_id]
        local = now.astimezone(operator.zone)
        if local.time() < MORNING:
            continue
        with transaction.atomic():
            person = seam.lock(User.objects.filter(pk=recipient_id)).get()
            key = _digest_key(operator, person, local.date())
            if Notice.objects.filter(key=key).exists():
                continue
            lines = list(
                NoticeLine.objects.filter(
                    notice=None,
                    recipient=person,
                    reminder__deadline__operator=operator,
                    reminder__deadline__met_at=None,
                    reminder__deadline__voided_at=None,
                )
                .select_related("reminder__deadline__statute", "reminder__deadline__promise")
                .order_by("reminder__deadline__ends_at", "reminder__planned_at")
            )
            if not lines:
                continue
            subject, body = write_digest(operator=operator, lines=lines, recipient=person, now=now)
            notice = Notice.objects.create(
                operator=operator,
                recipient=person,
                kind=NoticeKind.DIGEST,
                key=key,
                subject=subject,
                body=body,
                next_attempt_at=now,
                created_at=now,
            )
            NoticeLine.objects.filter(pk__in=[line.pk for line in lines]).update(notice=notice)
            made += 1
    return {"digests": made}
