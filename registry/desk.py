"""The desk: what is overdue, due today, due this week, without an owner.

One query for the clocks, one for what they are about, and one for internal control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.admin.utils import quote
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import mark_safe
from django.utils.translation import gettext, pgettext

from registry.access import scoped
from registry.charts import Bar, columns
from registry.explain import long_day, steps_in_words
from registry.models import ControlStep, Deadline, Operator
from registry.services.control import going_on, step_state
from registry.services.texts import state, when_due

DRAWN = 14  # days in the picture
SHOWN = 200  # clocks on one page, the most urgent first; the list of deadlines has the rest

# By app and model: what each row is about, in a few words; one query for all of them.
Gists = Callable[[list[int]], dict[int, str]]
_gists: dict[tuple[str, str], Gists] = {}


def told_by(app_label: str, model: str) -> Callable[[Gists], Gists]:
    """Registers who tells what rows of that kind are about: this room does not know upper ones."""

    def register(gists: Gists) -> Gists:
        _gists[app_label, model] = gists
        return gists

    return register


# What upper rooms count on the desk beside clocks, for whoever looks: one query each.
Counts = Callable[[Any, str], "Counter | None"]
_counts: list[Counts] = []


def counted_by(counts: Counts) -> Counts:
    """Registers who counts something that waits and is no clock (user, operator's code)."""
    _counts.append(counts)
    return counts


@dataclass(frozen=True, slots=True)
class Counter:
    """So many of something wait; where they are listed."""

    title: str
    count: int
    link: str
    urgent: bool = False


@dataclass(slots=True)
class Entry:
    """One clock on the desk; ``safe`` is the internal day where it is not the due day."""

    deadline: Deadline
    link: str
    due: str
    state: str
    safe: str
    gist: str
    steps: list[str]
    mine: bool


@dataclass(slots=True)
class Check:
    """A step of internal control that is overdue or comes this week."""

    step: ControlStep
    state: str
    late: bool
    mine: bool


@dataclass(slots=True)
class Desk:
    """The groups of the first page, and the operators to choose from."""

    overdue: list[Entry] = field(default_factory=list)
    today: list[Entry] = field(default_factory=list)
    this_week: list[Entry] = field(default_factory=list)
    later: list[Entry] = field(default_factory=list)
    undated: list[Entry] = field(default_factory=list)
    unowned: list[Entry] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    counters: list[Counter] = field(default_factory=list)
    coming: str = ""
    operators: list[tuple[Operator, int]] = field(default_factory=list)
    chosen: str = ""
    total: int = 0
    more: bool = False


def link_of(deadline: Deadline) -> str:
    kind = deadline.about_type
    try:
        return reverse(
            f"admin:{kind.app_label}_{kind.model}_change", args=[quote(deadline.about_id)]
        )
    except NoReverseMatch:
        return reverse("admin:registry_deadline_change", args=[deadline.pk])


def desk(*, user: Any, now: datetime, operator_code: str = "") -> Desk:
    """What the user must know this morning. Overdue means: the last moment has passed."""
    board = Desk(chosen=operator_code)
    clocks = scoped(Deadline.objects.open().duties(), user).select_related(
        "operator__jurisdiction", "owner", "about_type"
    )
    rows = list(clocks.order_by("ends_at", "pk")[: SHOWN + 1])
    board.more = len(rows) > SHOWN
    rows = rows[:SHOWN]
    gists = _gists_of(rows)
    counts: dict[int, tuple[Operator, int]] = {}
    for deadline in rows:
        operator = deadline.operator
        counts[operator.pk] = (operator, counts.get(operator.pk, (operator, 0))[1] + 1)
        if operator_code and operator.code != operator_code:
            continue
        _place(board, deadline, gists.get(deadline.pk, ""), user, now)
    board.checks = _checks(user, now, operator_code)
    counted = (counts(user, operator_code) for counts in _counts)
    board.counters = [one for one in counted if one is not None and one.count]
    board.coming = _coming(board, now)
    board.operators = sorted(counts.values(), key=lambda pair: pair[0].code)
    return board


def _coming(board: Desk, now: datetime) -> str:
    """How many clocks end on each of the next days, and how many are late, as a picture."""
    dated = [*board.overdue, *board.today, *board.this_week, *board.later]
    if not dated:
        return ""
    today = timezone.localdate(now)
    days = [today + timedelta(days=ahead) for ahead in range(DRAWN)]
    counts: dict[date, int] = {}
    for entry in [*board.today, *board.this_week, *board.later]:
        due = max(entry.deadline.due_on or today, today)
        counts[due] = counts.get(due, 0) + 1
    bars = [Bar(pgettext("chart", "late"), len(board.overdue), "late")]
    bars += [
        Bar(date_format(day, "D j"), counts.get(day, 0), "today" if day == today else "")
        for day in days
    ]
    return mark_safe(columns(gettext("Deadlines of the next two weeks"), bars))


def _gists_of(deadlines: Iterable[Deadline]) -> dict[int, str]:
    """What each clock is about; one query a kind of row."""
    by_kind: dict[tuple[str, str], list[Deadline]] = {}
    for deadline in deadlines:
        kind = deadline.about_type
        by_kind.setdefault((kind.app_label, kind.model), []).append(deadline)
    found: dict[int, str] = {}
    for kind_of_row, rows in by_kind.items():
        if kind_of_row in _gists:
            texts = _gists[kind_of_row]([row.about_id for row in rows])
            found |= {row.pk: texts.get(row.about_id, "") for row in rows}
    return found


def _checks(user: Any, now: datetime, operator_code: str) -> list[Check]:
    """Steps of internal control that go on, until the end of the week, the most urgent first;
    one query."""
    # Whose day it is where the operator is, is told below: here only what may be of this week, and
    # may go on where it is still yesterday.
    steps = scoped(ControlStep.objects.all(), user).filter(
        going_on(now.date() - timedelta(days=1)), next_on__lte=now.date() + timedelta(days=8)
    )
    if operator_code:
        steps = steps.filter(operator__code=operator_code)
    found = []
    for step in steps.select_related("operator__jurisdiction", "responsible").order_by(
        "next_on", "pk"
    )[:SHOWN]:
        today = now.astimezone(step.operator.zone).date()
        sunday = today + timedelta(days=6 - today.weekday())
        if step.next_on <= sunday and step.goes_on(today):
            found.append(
                Check(
                    step=step,
                    state=step_state(step, today),
                    late=step.next_on < today,
                    mine=step.responsible_id == user.pk,
                )
            )
    return found


def _place(board: Desk, deadline: Deadline, gist: str, user: Any, now: datetime) -> None:
    internal_on = deadline.internal_on if deadline.internal_on != deadline.due_on else None
    entry = Entry(
        deadline=deadline,
        link=link_of(deadline),
        due=when_due(deadline),
        state=state(deadline, now),
        safe=long_day(internal_on) if internal_on else "",
        gist=gist,
        steps=steps_in_words(deadline.steps),
        mine=deadline.owner_id == user.pk,
    )
    board.total += 1
    if deadline.owner_id is None:
        board.unowned.append(entry)
    today = now.astimezone(deadline.operator.zone).date()
    if deadline.ends_at is None or deadline.due_on is None:
        board.undated.append(entry)
    elif deadline.ends_at <= now:
        board.overdue.append(entry)
    elif deadline.due_on == today or (deadline.internal_on and deadline.internal_on <= today):
        board.today.append(entry)
    elif deadline.due_on <= today + timedelta(days=6 - today.weekday()) or (
        deadline.internal_on and deadline.internal_on <= today + timedelta(days=6 - today.weekday())
    ):
        board.this_week.append(entry)
    else:
        board.later.append(entry)
