"""The register of inspections of a period, as CSV and PDF: a line for each order.

It names the inspectors, as the orders do, and nobody else.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext, override

from registry.cells import safe
from registry.explain import long_day
from registry.models import Operator, User
from registry.papers import Paper
from registry.services.clocks import span_of
from requests.models import Inspection, InspectionItem, Prescription
from requests.services.journals import YEARS, PeriodTooLong
from subjects.choices import Looked
from subjects.services.disclosure_register import Media, PeriodUpsideDown
from subjects.services.looking import look


@transaction.atomic
def inspection_register_export(
    *,
    operator: Operator,
    since: date,
    until: date,
    media: str,
    language: str,
    by: User,
    now: datetime,
) -> bytes:
    """The inspections ordered on these days, both counted, in this language; the oldest first.

    Leaves an access event. Refuses a period that ends before it begins, that is longer than five
    years, or lies outside of what a calendar can say.
    """
    if until < since:
        raise PeriodUpsideDown()
    if until - since > timedelta(days=366 * YEARS):
        raise PeriodTooLong(years=YEARS)
    span_of(since, until, operator)
    media = Media(media)
    with override(language):
        rows = _gather(operator, since, until)
        if media == Media.CSV:
            content = _csv(operator, rows)
        else:
            content = _pdf(operator, rows, f"{long_day(since)} – {long_day(until)}", language, now)
    look(
        operator=operator, what=Looked.EXPORT, user=by, now=now,
        reason=f"{since.isoformat()} – {until.isoformat()}", journal="inspections",
        lines=len(rows), form=str(media),
    )  # fmt: skip
    return content


def _gather(operator: Operator, since: date, until: date) -> list[Inspection]:
    """Three queries, however many there are."""
    rows = Inspection.objects.filter(
        operator=operator, ordered_on__gte=since, ordered_on__lte=until
    )
    return list(
        rows.select_related("authority")
        .prefetch_related("items__answer", "prescriptions")
        .order_by("ordered_on", "pk")
    )


def _columns() -> list[str]:
    return [
        gettext("Number"), gettext("Authority and order"), gettext("Kind and basis"),
        gettext("Days"), gettext("Inspectors"), gettext("Asked and given"), gettext("Findings"),
        gettext("Prescriptions"), gettext("State"),
    ]  # fmt: skip


def _cells(row: Inspection, operator: Operator) -> list[str]:
    act = f"{row.act_number}, {row.act_on}" if row.act_on else ""
    ended = [row.get_state_display()]
    if row.closed_at:
        ended += [f"{row.closed_at.astimezone(operator.zone):%Y-%m-%d}: {row.closed_reason}"]
    return [
        row.number,
        f"{row.authority}\n{row.order_number}, {row.ordered_on}",
        f"{row.get_kind_display()}\n{row.basis}",
        f"{row.begins_on} – {row.ends_on}",
        row.inspectors,
        "\n".join(_asked(item, operator) for item in row.items.all()),
        "\n".join(filter(None, [act, row.findings])),
        "\n".join(_prescribed(one, operator) for one in row.prescriptions.all()),
        ", ".join(str(word) for word in ended),
    ]


def _asked(item: InspectionItem, operator: Operator) -> str:
    answer = getattr(item, "answer", None)
    said = f"{item.number}: {item.what} ({item.due_on}, {item.get_state_display()})"
    if answer is None:
        return said
    at = f"{answer.given_at.astimezone(operator.zone):%Y-%m-%d %H:%M}"
    sheets = "" if answer.sheets is None else gettext("; sheets: %(n)s") % {"n": answer.sheets}
    return f"{said}\n{at}: {answer.copies}{sheets}"


def _prescribed(one: Prescription, operator: Operator) -> str:
    said = f"{one.number}, {one.dated_on}: {one.demands} ({one.due_on}, {one.get_state_display()})"
    if one.fulfilled_at is None:
        return said
    return f"{said}\n{one.fulfilled_at.astimezone(operator.zone):%Y-%m-%d}: {one.report_number}"


def _csv(operator: Operator, rows: list[Inspection]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(_columns())
    writer.writerows([safe(cell) for cell in _cells(row, operator)] for row in rows)
    return stream.getvalue().encode()


def _pdf(
    operator: Operator, rows: list[Inspection], period: str, language: str, now: datetime
) -> bytes:
    paper = Paper(
        gettext("Register of inspections"), language=language, subtitle=period, made_at=now,
        footer=operator.name,
    )  # fmt: skip
    paper.facts(
        [
            (gettext("Operator"), operator.name),
            (gettext("Law"), str(operator.jurisdiction.law)),
            (gettext("Records"), str(len(rows))),
        ]
    )
    columns = _columns()
    for row in rows:
        # Nine columns of sentences are too narrow for a page: each inspection is a section.
        cells = _cells(row, operator)
        paper.heading(f"{cells[0]} · {row.order_number}")
        paper.facts(list(zip(columns[1:], cells[1:], strict=True)))
    if not rows:
        paper.text(gettext("No inspection was ordered on these days."))
    responsible = operator.responsible
    name = responsible.get_full_name() if responsible else ""
    paper.signatures([(gettext("Responsible person"), name)])
    return paper.render()
