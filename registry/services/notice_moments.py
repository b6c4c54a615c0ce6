"""When the particulars of a notice began to differ: read from the history of the register.

152-FZ 22(7) counts from the month in which a particular changed, not from the hour in which a job
noticed it. Rows of the register keep every change with its moment, and some keep a day on which
they change by themselves (the end of an activity).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Model, Q

from registry.models import (
    InformationSystem,
    Membership,
    Operator,
    ProcessingActivity,
    Purpose,
    Recipient,
    RegisterPaper,
    RetentionRule,
    SecurityMeasure,
    Transfer,
    User,
)
from registry.particular_changes import Key
from registry.services.particulars import EVERYTHING

DAY = timedelta(days=1)
EVERY = Q()
CARD = ("name", "address", "inn", "bin")
# Of an activity: what each particular of its purpose is read from; all of them end with it.
ENDS = ("purpose", "ended_on")
OF_ACTIVITY = {
    "data": "data_categories",
    "people": "subject_categories",
    "bases": "legal_bases",
    "operations": "operations",
    "modes": "mode",
    "network": "over_network",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Rows whose history may hold the change: which, by which fields, and the days that they name.

    ``days``: field -> days after it from which the particulars are others by themselves.
    """

    model: type[Model]
    rows: Q
    fields: tuple[str, ...]
    days: tuple[tuple[str, int], ...] = ()


def earliest_change(
    *, paper: RegisterPaper, keys: Iterable[Key], since: datetime, now: datetime
) -> datetime:
    """The moment from which the clock of changed particulars counts.

    The earliest change since then, recorded or come by itself on its day, of the rows behind the
    particulars that differ; a day that was entered afterwards counts as the day itself. ``now``
    where no history tells. After a long stop of the job a change that was taken back meanwhile
    counts too: rather too early than too late.
    """
    window = _Window(paper, since, now)
    moments = [
        moment
        for source in _sources(paper.operator, list(keys))
        for moment in window.moments(source)
    ]
    return min(moments, default=now)


@dataclass(frozen=True, slots=True)
class _Window:
    paper: RegisterPaper
    since: datetime
    now: datetime

    def moments(self, source: Source) -> Iterator[datetime]:
        yield from self._first_entry(source, source.rows, source.fields)
        model: Any = source.model
        if source.days:
            for row in model._default_manager.filter(source.rows):
                yield from self._days(row, source)

    def _first_entry(self, source: Source, rows: Q, fields: tuple[str, ...]) -> Iterator[datetime]:
        """The moment of the first entry of the history that matters, if there is one."""
        model: Any = source.model
        entries = model.history.filter(
            rows, history_date__gte=self.since, history_date__lte=self.now
        ).order_by("history_date", "history_id")
        for entry in entries:
            if _is_relevant(entry, fields):
                yield entry.history_date
                return

    def _days(self, row: Any, source: Source) -> Iterator[datetime]:
        zone = self.paper.operator.zone
        written_on = self.paper.made_at.astimezone(zone).date()
        for name, later in source.days:
            if getattr(row, name) is None:
                continue
            day = getattr(row, name) + later * DAY
            moment = datetime.combine(day, time.min, zone)
            if day <= written_on or moment > self.now:
                continue
            # A day that passed before is old news, unless it was entered only now.
            if moment > self.since or any(self._first_entry(source, Q(id=row.pk), (name,))):
                yield moment


def _is_relevant(row: Any, fields: tuple[str, ...]) -> bool:
    """Whether this entry of the history made, changed or took away what a particular is read from.

    Without the entry before it nobody can tell, so it counts.
    """
    before = row.prev_record if row.history_type == "~" else None
    return before is None or bool(row.diff_against(before, included_fields=fields).changes)


# --- where each particular is read from --------------------------------------------------------
def _sources(operator: Operator, keys: list[Key]) -> list[Source]:
    parts: dict[str, list[Key]] = {}
    for key in keys:
        parts.setdefault(key[0], []).append(key)
    found: list[Source] = []
    for part, of_part in parts.items():
        found += SOURCES[part](operator, of_part)
    return found


def _operator(operator: Operator, keys: list[Key]) -> list[Source]:
    return [Source(Operator, Q(id=operator.pk), tuple(key[1] for key in keys))]


def _responsible(operator: Operator, keys: list[Key]) -> list[Source]:
    history: Any = Operator
    people = history.history.filter(id=operator.pk).values("responsible_id")
    return [
        Source(Operator, Q(id=operator.pk), ("responsible", "phone", "email", "address")),
        Source(User, Q(id__in=people), ("first_name", "last_name", "email", "is_active")),
        Source(
            Membership, Q(operator=operator.pk, user__in=people),
            ("role", "started_on", "ended_on"), (("started_on", 0), ("ended_on", 1)),
        ),
    ]  # fmt: skip


def _activities(operator: Operator, fields: Iterable[str], purposes: Q = EVERY) -> list[Source]:
    """The activities of these purposes, by these fields, and the ends of both."""
    history: Any = Purpose
    known = history.history.filter(purposes, operator=operator.pk).values("id")
    activities: Any = ProcessingActivity
    ever = activities.history.filter(operator=operator.pk, purpose__in=known)
    return [
        Source(Purpose, Q(operator=operator.pk) & purposes, ("ended_on",), (("ended_on", 0),)),
        Source(
            # Those as well that were moved to another purpose since.
            ProcessingActivity, Q(operator=operator.pk, id__in=ever.values("id")),
            (*ENDS, *fields), (("ended_on", 0),),
        ),
    ]  # fmt: skip


def _purposes(operator: Operator, keys: list[Key]) -> list[Source]:
    codes = {key[1] for key in keys}
    return _activities(operator, sorted({OF_ACTIVITY[key[2]] for key in keys}), Q(code__in=codes))


def _measures(operator: Operator, keys: list[Key]) -> list[Source]:
    return [Source(SecurityMeasure, Q(operator=operator.pk), ("kind",))]


def _started(operator: Operator, keys: list[Key]) -> list[Source]:
    return [Source(ProcessingActivity, Q(operator=operator.pk), ("started_on",))]


def _ceasing(operator: Operator, keys: list[Key]) -> list[Source]:
    rule = Source(
        RetentionRule, Q(operator=operator.pk),
        ("activity", "event", "counted_from", "length", "unit", "after"),
    )  # fmt: skip
    codes = {key[1] for key in keys} - {EVERYTHING}
    return [rule, *(_activities(operator, (), Q(code__in=codes)) if codes else ())]


def _crossing(operator: Operator, keys: list[Key]) -> list[Source]:
    mine = Q(operator=operator.pk)
    return [
        Source(
            Transfer, mine, ("recipient", "activity", "opened_on", "banned_on", "ended_on"),
            (("opened_on", 0), ("banned_on", 0), ("ended_on", 1)),
        ),
        Source(Recipient, mine, ("country",)),
        *_activities(operator, ("recipients",)),
    ]  # fmt: skip


def _systems(operator: Operator, keys: list[Key]) -> list[Source]:
    codes = {key[1] for key in keys}
    return [
        Source(InformationSystem, Q(operator=operator.pk, code__in=codes), ("country", "address")),
        *_activities(operator, ("systems",)),
    ]


SOURCES: dict[str, Callable[[Operator, list[Key]], list[Source]]] = {
    "operator": _operator,
    "purposes": _purposes,
    "measures": _measures,
    "responsible": _responsible,
    "started_on": _started,
    "ceasing": _ceasing,
    "cross_border": _crossing,
    "systems": _systems,
}
