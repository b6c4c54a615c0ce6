"""What came in a year, and whether it was answered in time: by kind and month, names of nobody."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import MAXYEAR, MINYEAR, date, datetime

from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext

from registry.errors import OperatorError, gettext_noop
from registry.models import Deadline, Operator
from registry.services.clocks import span_of
from requests import states
from requests.models import RegulatorInquiry, RequestItem
from requests.models.subject_requests import RequestKind

INQUIRY = "inquiry"
MONTHS = range(1, 13)


class NoSuchYear(OperatorError):
    template = gettext_noop("There are no statistics of the year %(year)s.")


@dataclass(slots=True)
class Count:
    """How many came, and what became of them; ``refused`` and ``withdrawn`` may be in time too.

    A thing is ``late`` when one of its clocks was met after its last moment, or runs past it;
    ``running`` while its clocks run and none is past; else ``in_time``.
    """

    received: int = 0
    in_time: int = 0
    late: int = 0
    running: int = 0
    refused: int = 0
    withdrawn: int = 0

    def add(self, other: Count) -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(slots=True)
class Statistics:
    """``cells``: kind -> month -> count, only where something came; the order is that of kinds."""

    operator: Operator
    year: int
    cells: Mapping[str, Mapping[int, Count]]

    def of_kind(self, kind: str) -> Count:
        return _sum(self.cells[kind].values())

    def of_month(self, month: int) -> Count:
        return _sum(of[month] for of in self.cells.values() if month in of)

    @property
    def whole(self) -> Count:
        return _sum(count for of in self.cells.values() for count in of.values())


def _sum(counts: Iterable[Count]) -> Count:
    found = Count()
    for count in counts:
        found.add(count)
    return found


def kind_name(kind: str) -> str:
    """The kind in the reader's words."""
    if kind == INQUIRY:
        return gettext("inquiry of the authority")
    return str(RequestKind(kind).label)


def statistics_of(*, operator: Operator, year: int, now: datetime) -> Statistics:
    """What came to the operator in that year of its own time; four queries however much came.

    Refuses a year that no calendar has.
    """
    if not MINYEAR < year < MAXYEAR:
        raise NoSuchYear(year=year)
    first, last = span_of(date(year, 1, 1), date(year, 12, 31), operator)
    items = list(
        RequestItem.objects.filter(
            request__operator=operator, received_at__gte=first, received_at__lt=last
        ).values_list("pk", "kind", "received_at", "decision", "request__state")
    )
    inquiries = list(
        RegulatorInquiry.objects.filter(
            operator=operator, received_at__gte=first, received_at__lt=last
        ).values_list("pk", "received_at", "state")
    )
    of_items = _clocks(RequestItem, operator, first)
    of_inquiries = _clocks(RegulatorInquiry, operator, first)
    cells: dict[str, dict[int, Count]] = {
        kind: defaultdict(Count) for kind in [*RequestKind.values, INQUIRY]
    }
    for pk, kind, received_at, decision, state in items:
        count = _judged(of_items.get(pk, ()), now, withdrawn=state == states.WITHDRAWN)
        count.refused = int(decision in {states.REFUSED, states.BARRED})
        cells[kind][received_at.astimezone(operator.zone).month].add(count)
    for pk, received_at, state in inquiries:
        count = _judged(of_inquiries.get(pk, ()), now, withdrawn=state == states.WITHDRAWN)
        cells[INQUIRY][received_at.astimezone(operator.zone).month].add(count)
    return Statistics(operator, year, {kind: of for kind, of in cells.items() if of})


Clock = tuple[datetime | None, datetime | None]


def _clocks(model: type, operator: Operator, since: datetime) -> Mapping[int, list[Clock]]:
    """Number of the thing -> the last moment and the meeting of each clock that is not void."""
    found: dict[int, list[Clock]] = defaultdict(list)
    rows = Deadline.objects.duties().filter(
        operator=operator, about_type=ContentType.objects.get_for_model(model), voided_at=None,
        trigger_at__gte=since,
    )  # fmt: skip
    for about, ends_at, met_at in rows.values_list("about_id", "ends_at", "met_at"):
        found[about].append((ends_at, met_at))
    return found


def _judged(clocks: Iterable[Clock], now: datetime, *, withdrawn: bool) -> Count:
    count = Count(received=1, withdrawn=int(withdrawn))
    if withdrawn:
        return count
    clocks = list(clocks)
    if any(ends is not None and (met or now) >= ends for ends, met in clocks):
        count.late = 1
    elif any(met is None for _, met in clocks):
        count.running = 1
    else:
        count.in_time = 1
    return count


def columns() -> list[str]:
    """The heads of the counts, in the order of ``Count``."""
    return [
        gettext("received"), gettext("in time"), gettext("late"), gettext("still running"),
        gettext("refused"), gettext("taken back"),
    ]  # fmt: skip


def numbers(count: Count) -> list[int]:
    return [getattr(count, one.name) for one in fields(count)]


def statistics_csv(found: Statistics) -> bytes:
    """A line for each kind and month in which something came, in the reader's language."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow([gettext("month"), gettext("kind"), *columns()])
    for kind, of in found.cells.items():
        for month in sorted(of):
            month_name = f"{found.year}-{month:02d}"
            writer.writerow([month_name, kind_name(kind), *numbers(of[month])])
    return stream.getvalue().encode()
