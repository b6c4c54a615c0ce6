"""The journal of internal control of a period, as CSV and PDF (152-FZ 18.1(1)(4), 94-V 25(3))."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime

from django.db.models import TextChoices
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from registry.cells import safe
from registry.errors import OperatorError, gettext_noop
from registry.explain import long_day
from registry.models import ControlRecord, Operator
from registry.papers import Paper

# A cell that begins so is a formula to a spreadsheet.


class JournalMedia(TextChoices):
    """As what the journal is printed."""

    PDF = "pdf", _("PDF, to sign and to file")
    CSV = "csv", _("CSV, a line for each check")


class JournalUpsideDown(OperatorError):
    template = gettext_noop("The last day of the period is before its first.")


def control_journal(
    *, operator: Operator, since: date, until: date, media: str, language: str, now: datetime
) -> bytes:
    """What was checked in these days, both counted, the oldest first, in this language.

    Refuses a period that ends before it begins.
    """
    if until < since:
        raise JournalUpsideDown()
    records = (
        ControlRecord.objects.filter(step__operator=operator, done_on__range=(since, until))
        .select_related("step", "recorded_by")
        .order_by("done_on", "pk")
    )
    with override(language):
        if JournalMedia(media) == JournalMedia.CSV:
            return _csv(operator, records)
        return _pdf(operator, records, f"{long_day(since)} – {long_day(until)}", language, now)


def _csv(operator: Operator, records: Iterable[ControlRecord]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(
        [
            gettext("Day"), gettext("Code"), gettext("What was checked"), gettext("What was found"),
            gettext("What is done about it"), gettext("Recorded by"), gettext("Recorded at"),
        ]
    )  # fmt: skip
    for row in records:
        recorded = row.recorded_at.astimezone(operator.zone).isoformat(timespec="seconds")
        line = [
            row.done_on.isoformat(), row.step.code, row.step.name, row.found, row.remedy,
            _recorder(row), recorded,
        ]  # fmt: skip
        writer.writerow([safe(cell) for cell in line])
    return stream.getvalue().encode()


def _recorder(row: ControlRecord) -> str:
    return "–" if row.recorded_by is None else str(row.recorded_by)


def _pdf(
    operator: Operator,
    records: Iterable[ControlRecord],
    period: str,
    language: str,
    now: datetime,
) -> bytes:
    lines = [
        (
            row.done_on.isoformat(), row.step.name, row.found, row.remedy, _recorder(row)
        )
        for row in records
    ]  # fmt: skip
    paper = Paper(
        gettext("Journal of internal control of the processing of personal data"),
        language=language,
        subtitle=period,
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
    paper.heading(gettext("What was checked"))
    paper.table(
        [
            gettext("Day"), gettext("What was checked"), gettext("What was found"),
            gettext("What is done about it"), gettext("Recorded by"),
        ],
        lines,
        widths=[15, 21, 28, 24, 17],
    )  # fmt: skip
    person = operator.responsible
    paper.signatures([(gettext("Responsible person"), person.get_full_name() if person else "")])
    return paper.render()
