"""The register of incidents of a period, as CSV and PDF: what an inspector asks for.

Numbers of people and never who: it may outlive the data, and whoever reads incidents may print it.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext, override

from registry.cells import safe
from registry.explain import long_day
from registry.models import Operator
from registry.papers import Paper
from registry.services.clocks import span_of
from requests.models import Incident, IncidentEntry, IncidentSending
from requests.models.incidents import EntryKind, NoticeStep
from requests.services.incident_people import people_counted
from subjects.services.disclosure_register import Media, PeriodUpsideDown


@dataclass(frozen=True, slots=True)
class Line:
    """One incident as the register tells it."""

    row: Incident
    people: int
    notices: Mapping[str, list[IncidentSending]]
    measures: list[IncidentEntry]

    @property
    def concerned(self) -> str:
        """How many are named, and about how many it is thought to be."""
        about = self.row.people_estimate
        words = [str(self.people)] if self.people or about is None else []
        if about is not None:
            words.append(gettext("about %(count)s") % {"count": about})
        return ", ".join(words)


def incident_register_export(
    *, operator: Operator, since: date, until: date, media: str, language: str, now: datetime
) -> bytes:
    """The incidents detected on these days, both counted, in this language; the oldest first.

    Those that were none stand there too, and say so. Refuses a period that ends before it begins.
    """
    if until < since:
        raise PeriodUpsideDown()
    media = Media(media)
    with override(language):
        lines = _gather(operator, since, until)
        if media == Media.CSV:
            return _csv(operator, lines)
        return _pdf(operator, lines, since, until, language, now)


def _gather(operator: Operator, since: date, until: date) -> list[Line]:
    """Four queries, however many there are."""
    first, last = span_of(since, until, operator)
    rows = list(
        Incident.objects.filter(
            operator=operator, detected_at__gte=first, detected_at__lt=last
        ).order_by("detected_at", "pk")
    )
    counts = people_counted(rows)
    notices: dict[int, dict[str, list[IncidentSending]]] = defaultdict(lambda: defaultdict(list))
    sent = IncidentSending.objects.standing().filter(notice__incident__in=rows)
    for one in sent.select_related("notice").order_by("sent_at", "pk"):
        notices[one.notice.incident_id][one.notice.step].append(one)
    measures: dict[int, list[IncidentEntry]] = defaultdict(list)
    noted = IncidentEntry.objects.filter(incident__in=rows, kind=EntryKind.MEASURE)
    for entry in noted.order_by("happened_at", "pk"):
        measures[entry.incident_id].append(entry)
    return [Line(row, counts.get(row.pk, 0), notices[row.pk], measures[row.pk]) for row in rows]


def _at(moment: datetime | None, operator: Operator) -> str:
    return f"{moment.astimezone(operator.zone):%Y-%m-%d %H:%M}" if moment else ""


def _told(line: Line, step: NoticeStep, operator: Operator) -> str:
    sent = line.notices.get(step, [])
    return "\n".join(f"{_at(one.sent_at, operator)} ({one.reference})" for one in sent)


def _what(row: Incident) -> str:
    kind = str(row.get_kind_display()) if row.kind else gettext("not known yet")
    return "\n".join(filter(None, [kind, row.description]))


def _closed(row: Incident, operator: Operator) -> str:
    if row.ended_at is None:
        return str(row.get_state_display())
    return f"{_at(row.ended_at, operator)}, {row.get_state_display()}: {row.ended_reason}"


def _columns() -> list[str]:
    return [
        gettext("Number"), gettext("Detected at"), gettext("What happened"), gettext("People"),
        gettext("First notice"), gettext("Results of the investigation"),
        gettext("Measures taken"), gettext("Closed"),
    ]  # fmt: skip


def _cells(line: Line, operator: Operator) -> list[str]:
    row = line.row
    return [
        row.number,
        _at(row.detected_at, operator),
        _what(row),
        line.concerned,
        _told(line, NoticeStep.FIRST, operator),
        _told(line, NoticeStep.FINDINGS, operator),
        "\n".join(f"{_at(one.happened_at, operator)} {one.text}" for one in line.measures),
        _closed(row, operator),
    ]


def _csv(operator: Operator, lines: list[Line]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(_columns())
    writer.writerows([safe(cell) for cell in _cells(line, operator)] for line in lines)
    return stream.getvalue().encode()


def _pdf(
    operator: Operator,
    lines: list[Line],
    since: date,
    until: date,
    language: str,
    now: datetime,
) -> bytes:
    paper = Paper(
        gettext("Register of incidents with personal data"),
        language=language,
        subtitle=f"{long_day(since)} – {long_day(until)}",
        made_at=now,
        footer=operator.name,
    )
    paper.facts(
        [
            (gettext("Operator"), operator.name),
            (gettext("Law"), str(operator.jurisdiction.law)),
            (gettext("Records"), str(len(lines))),
        ]
    )
    columns = _columns()
    for line in lines:
        # Eight columns of sentences are too narrow for a page: each incident is a section.
        cells = _cells(line, operator)
        paper.heading(f"{cells[0]} · {cells[1]}")
        paper.facts(list(zip(columns[2:], cells[2:], strict=True)))
    if not lines:
        paper.text(gettext("No incident was detected on these days."))
    responsible = operator.responsible
    name = responsible.get_full_name() if responsible else ""
    paper.signatures([(gettext("Responsible person"), name)])
    return paper.render()
