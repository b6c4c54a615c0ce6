"""The sweep that reminds: late, twice or by two workers at once, every mark is made once.

A mark is a row with a unique constraint; a mail is a row too. The sweep asks "which marks of
this clock have come and have no row?", so a missed night is made up and a second run finds
nothing. What fails for one clock or one person does not keep the others waiting: it is counted
as "failed", which fails the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from itertools import groupby

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from registry import seam
from registry.calendars import work_calendar
from registry.choices import Binding, NoticeKind, Role, Unit
from registry.marks import MORNING, Mark, Pace, marks
from registry.models import (
    Absence,
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

log = logging.getLogger(__name__)

CHUNK = 500  # clocks looked at together


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

    Nobody of them is here today: the clerks, then the administrators of the office. Never nobody
    by silence: an empty list leaves the mark unmade for the next sweep.
    """
    operator = deadline.operator
    today = now.astimezone(operator.zone).date()
    found: dict[int, User] = {}

    def add(people: Iterable[User]) -> None:
        for person in people:
            on_duty = person_on_duty(user=person, operator=operator, today=today)
            found.setdefault(on_duty.pk, on_duty)

    def anybody_here() -> bool:
        # Somebody whose substitutes are away too, or have left, will not read it in time.
        away = Absence.objects.filter(
            operator=operator, user__in=found, first_on__lte=today, last_on__gte=today
        )
        return len(found) > away.values("user").distinct().count()

    owner = deadline.owner
    if owner is not None and owner in staff(operator, now, Role.DPO, Role.CLERK):
        add([owner])
    if escalate or not anybody_here():
        add(staff(operator, now, Role.DPO))
    if not anybody_here():
        add(staff(operator, now, Role.CLERK))
    if not anybody_here():
        add(User.objects.filter(is_active=True, is_superuser=True).order_by("pk"))
    return list(found.values())


def remind(*, now: datetime) -> dict[str, int]:
    """Make every reminder that has come due; returns how many clocks and marks.

    One transaction a clock: killed in the middle, it leaves whole clocks done and the rest for
    the next sweep. Urgent marks become notices here, the others wait for the digest. On return
    every mark that had come has its row, whichever worker made it.
    """
    sweep = _Sweep(now)
    held_elsewhere = [pk for pk in sweep.behind() if not sweep.visit(pk, seam.claim)]
    for pk in held_elsewhere:
        sweep.visit(pk, seam.lock)
    return sweep.did


@contextmanager
def _alone(did: dict[str, int], what: str) -> Iterator[None]:
    """Around one clock or person: a failure is counted and leaves the others their turn."""
    try:
        yield
    except (OperationalError, InterfaceError):
        # The database itself is away: nobody's turn would come.
        raise
    except Exception as error:
        log.error("%s: %s", what, type(error).__name__)
        did["failed"] += 1


class _Sweep:
    """One run of the reminders: its moment, its counters, what it has looked up already."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.did = {"clocks": 0, "reminders": 0, "unheard": 0, "failed": 0}
        self._calendars: dict[int, WorkCalendar] = {}
        self._hearers: dict[tuple[int, int | None, bool], list[User]] = {}

    def behind(self) -> list[int]:
        """The open clocks that seem to miss a mark; a few queries for all of them."""
        found: list[int] = []
        clocks = (
            Deadline.objects.open()
            .duties()
            .exclude(ends_at=None)
            .select_related("operator__jurisdiction", "statute", "promise")
            .defer("steps")
            .order_by("pk")
        )
        last = 0
        while chunk := list(clocks.filter(pk__gt=last)[:CHUNK]):
            last = chunk[-1].pk
            pairs = (
                Reminder.objects.filter(deadline__in=chunk)
                .order_by("deadline_id")
                .values_list("deadline_id", "mark")
            )
            made = {pk: {mark for _, mark in rows} for pk, rows in groupby(pairs, lambda r: r[0])}
            for deadline in chunk:
                with _alone(self.did, f"clock {deadline.pk} was not looked at"):
                    marks_come = self._marks(deadline, deadline.created_at)
                    if not {mark.code for mark in marks_come} <= made.get(deadline.pk, set()):
                        found.append(deadline.pk)
        return found

    def visit(self, pk: int, hold: Callable[[QuerySet[Deadline]], QuerySet[Deadline]]) -> bool:
        """Make what the clock misses. False: closed meanwhile, or held by another worker."""
        with _alone(self.did, f"clock {pk} was not reminded of"), transaction.atomic():
            deadline = (
                hold(Deadline.objects.open().exclude(ends_at=None).filter(pk=pk))
                .select_related(
                    "operator__jurisdiction", "owner", "statute", "promise", "about_type"
                )
                .first()
            )
            if deadline is None:
                return False
            made = self._make(deadline)
            self.did["reminders"] += made
            self.did["clocks"] += bool(made)
        return True

    def _marks(self, deadline: Deadline, since: datetime) -> list[Mark]:
        assert deadline.ends_at and deadline.due_on
        jurisdiction = deadline.operator.jurisdiction
        if jurisdiction.pk not in self._calendars:
            self._calendars[jurisdiction.pk] = work_calendar(jurisdiction)
        return marks(
            pace=pace_of(deadline),
            since=since,
            internal_on=deadline.internal_on or deadline.due_on,
            due_on=deadline.due_on,
            ends_at=deadline.ends_at,
            now=self.now,
            zone=deadline.operator.zone,
            calendar=self._calendars[jurisdiction.pk],
        )

    def _heard_by(self, deadline: Deadline, escalate: bool) -> list[User]:
        key = (deadline.operator_id, deadline.owner_id, escalate)
        if key not in self._hearers:
            self._hearers[key] = hearers(deadline, self.now, escalate=escalate)
        return self._hearers[key]

    def _make(self, deadline: Deadline) -> int:
        present = set(deadline.reminders.values_list("mark", flat=True))
        come = self._marks(deadline, dates_since(deadline, self.now))
        missing = [mark for mark in come if mark.code not in present]
        if not missing:
            return 0
        people = {loud: self._heard_by(deadline, loud) for loud in {m.escalate for m in missing}}
        if not all(people.values()):
            self.did["unheard"] += 1
            return 0
        reminders = Reminder.objects.bulk_create(
            Reminder(
                deadline=deadline,
                mark=mark.code,
                planned_at=mark.planned_at,
                created_at=self.now,
            )
            for mark in missing
        )
        gone = _who_had_a_digest(
            deadline.operator,
            {user.pk for mark in missing if not mark.urgent for user in people[mark.escalate]},
            self.now.astimezone(deadline.operator.zone).date(),
        )
        lines: list[NoticeLine] = []
        at_once: dict[int, list[NoticeLine]] = {}
        for mark, reminder in zip(missing, reminders, strict=True):
            for person in people[mark.escalate]:
                line = NoticeLine(reminder=reminder, recipient=person)
                lines.append(line)
                # Hours and "immediate" never wait; a day's mark does, unless today's digest
                # has gone.
                if mark.urgent or person.pk in gone:
                    at_once.setdefault(person.pk, []).append(line)
        for own in at_once.values():
            person = own[0].recipient
            subject, body = write_urgent(
                deadline=deadline, lines=own, recipient=person, now=self.now
            )
            notice = _notice(
                kind=NoticeKind.URGENT,
                key=f"urgent:{deadline.pk}:{person.pk}:{own[-1].reminder.mark}",
                operator=deadline.operator,
                recipient=person,
                subject=subject,
                body=body,
                now=self.now,
            )
            for line in own:
                line.notice = notice
        NoticeLine.objects.bulk_create(lines)
        return len(missing)


def dates_since(deadline: Deadline, now: datetime) -> datetime:
    """When the clock was recorded, or its dates were last moved: its history knows."""
    since, dates = deadline.created_at, None
    if pace_of(deadline) is Pace.IMMEDIATE:
        return since
    for saved_at, *found in deadline.history.order_by("history_date", "history_id").values_list(
        "history_date", "internal_on", "due_on", "ends_at"
    ):
        if dates not in (None, found) and deadline.created_at < saved_at <= now:
            since = saved_at
        dates = found
    return since


def _notice(
    *,
    kind: NoticeKind,
    key: str,
    operator: Operator,
    recipient: User,
    subject: str,
    body: str,
    now: datetime,
) -> Notice:
    return Notice.objects.create(
        operator=operator,
        recipient=recipient,
        kind=kind,
        key=key,
        # One line, as long as the column: neither a mail header nor the row may refuse it.
        subject=" ".join(subject.split())[: Notice._meta.get_field("subject").max_length],
        body=body,
        next_attempt_at=now,
        created_at=now,
    )


def _digest_key(operator: Operator, person_id: int, day: date) -> str:
    return f"digest:{operator.pk}:{person_id}:{day}"


def _who_had_a_digest(operator: Operator, people: set[int], today: date) -> set[int]:
    """Those whose digest of today has gone; no other begins until this transaction ends."""
    if not people:
        return set()
    list(seam.lock(User.objects.filter(pk__in=people).order_by("pk")))
    keys = {_digest_key(operator, pk, today): pk for pk in people}
    return {keys[key] for key in Notice.objects.filter(key__in=keys).values_list("key", flat=True)}


def _waiting() -> QuerySet[NoticeLine]:
    """Lines that no mail has carried yet; what was answered meanwhile is left out."""
    return NoticeLine.objects.filter(
        notice=None, reminder__deadline__met_at=None, reminder__deadline__voided_at=None
    )


def _waiting_people() -> list[tuple[Operator, User]]:
    pairs = list(
        _waiting()
        .order_by("reminder__deadline__operator_id", "recipient_id")
        .values_list("reminder__deadline__operator_id", "recipient_id")
        .distinct()
    )
    operators = Operator.objects.select_related("jurisdiction").in_bulk({pair[0] for pair in pairs})
    people = User.objects.in_bulk({pair[1] for pair in pairs})
    return [(operators[operator_id], people[person_id]) for operator_id, person_id in pairs]


def digest(*, now: datetime) -> dict[str, int]:
    """Gather what waits into one mail a person and operator, once each morning from eight.

    By operator, because a mail that mixed two operators would show each to the other's staff
    in the outbox. What waits for somebody who has left meanwhile goes to those who are here.
    """
    did = {"digests": 0, "failed": 0}
    for operator, person in _waiting_people():
        if not (person.is_active and (person.is_superuser or _on_the_staff(operator, person, now))):
            with _alone(did, f"what waits for user {person.pk} was not handed on"):
                _hand_on(operator, person, now)
    for operator, person in _waiting_people():
        if now.astimezone(operator.zone).time() >= MORNING:
            with _alone(did, f"the digest of user {person.pk} was not made"):
                did["digests"] += _digest_of(operator, person, now)
    return did


def _on_the_staff(operator: Operator, person: User, now: datetime) -> bool:
    return person in staff(operator, now, *Role.values)


@transaction.atomic
def _hand_on(operator: Operator, leaver: User, now: datetime) -> None:
    waiting = _waiting().filter(recipient=leaver, reminder__deadline__operator=operator)
    for line in seam.lock(waiting).select_related("reminder__deadline__owner"):
        deadline = line.reminder.deadline
        deadline.operator = operator
        people = [user for user in hearers(deadline, now, escalate=False) if user != leaver]
        for person in people:
            # Who has been told already is not told twice.
            NoticeLine.objects.get_or_create(reminder=line.reminder, recipient=person)
        if people:
            line.delete()


@transaction.atomic
def _digest_of(operator: Operator, person: User, now: datetime) -> int:
    person = seam.lock(User.objects.filter(pk=person.pk)).get()
    key = _digest_key(operator, person.pk, now.astimezone(operator.zone).date())
    if Notice.objects.filter(key=key).exists():
        return 0
    waiting = _waiting().filter(recipient=person, reminder__deadline__operator=operator)
    lines = list(
        seam.lock(waiting)
        .select_related(
            "reminder__deadline__owner",
            "reminder__deadline__about_type",
        )
        .order_by("reminder__deadline__ends_at", "reminder__deadline_id", "reminder__planned_at")
    )
    if not lines:
        return 0
    subject, body = write_digest(operator=operator, lines=lines, recipient=person, now=now)
    notice = _notice(
        kind=NoticeKind.DIGEST,
        key=key,
        operator=operator,
        recipient=person,
        subject=subject,
        body=body,
        now=now,
    )
    NoticeLine.objects.filter(pk__in=[line.pk for line in lines]).update(notice=notice)
    return 1
