"""The register of what was given to whom in a period, as CSV and PDF (94-V 22(1)(5)).

It accounts for the actions of 8(4)(3)-(6): given to third parties, across the border, and what a
person lets be shown to everybody. Codes of cards and categories only, no value, so that it may
outlive the data.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction
from django.db.models import TextChoices
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from registry.cells import safe
from registry.errors import OperatorError, gettext_noop
from registry.explain import long_day
from registry.models import DataCategory, Operator, User
from registry.papers import Paper
from subjects.choices import Looked, Permission
from subjects.models import DisclosedPerson, Disclosure, DisseminationPermission
from subjects.services.act_papers import LISTED
from subjects.services.looking import look


class Media(TextChoices):
    """As what the register is printed."""

    PDF = "pdf", _("PDF, to sign and to file")
    CSV = "csv", _("CSV, a line for each person")


class PeriodUpsideDown(OperatorError):
    template = gettext_noop("The last day of the period is before its first.")


@dataclass(slots=True)
class Entry:
    """One disclosure with its people: code -> names of the categories."""

    row: Disclosure
    people: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def categories(self) -> list[str]:
        return sorted({name for names in self.people.values() for name in names})


@dataclass(slots=True)
class Register:
    """All entries of a period, the oldest first."""

    operator: Operator
    since: date
    until: date
    entries: list[Entry]
    shown: list[DisseminationPermission]


@transaction.atomic
def disclosure_export(
    *,
    operator: Operator,
    since: date,
    until: date,
    media: str,
    language: str,
    by: User,
    now: datetime,
) -> bytes:
    """The register of these days, both counted, in this language; leaves an access event.

    What was reversed stands there too, and says so. Refuses a period that ends before it begins.
    """
    if until < since:
        raise PeriodUpsideDown()
    media = Media(media)
    with override(language):
        found = _gather(operator, since, until)
        content = _csv(found) if media == Media.CSV else _pdf(found, language, now)
    look(
        operator=operator, what=Looked.EXPORT, user=by, now=now,
        reason=f"{since.isoformat()} – {until.isoformat()}", disclosures=len(found.entries),
        form=str(media),
    )  # fmt: skip
    return content


def _gather(operator: Operator, since: date, until: date) -> Register:
    rows = Disclosure.objects.filter(operator=operator, given_on__range=(since, until))
    entries = {
        row.pk: Entry(row)
        for row in rows.select_related(
            "transfer__recipient", "country", "legal_basis", "recorded_by", "reversal__reversed_by"
        ).order_by("given_on", "pk")
    }
    names = {row.pk: str(row) for row in DataCategory.objects.filter(operator=operator)}
    people = DisclosedPerson.objects.filter(disclosure__in=rows.order_by().values("pk"))
    for disclosure, code, category in people.order_by("subject_id", "category_id").values_list(
        "disclosure", "subject__code", "category"
    ):
        entries[disclosure].people[code].append(names[category])
    shown = (
        DisseminationPermission.objects.filter(
            consent__ground__subject__operator=operator, started_on__range=(since, until)
        )
        .exclude(permission=Permission.PROHIBITED)
        .select_related("category", "consent__ground__subject", "consent__text")
        .order_by("started_on", "pk")
    )
    return Register(operator, since, until, list(entries.values()), list(shown))


def _yes(value: bool) -> str:
    return gettext("Yes") if value else gettext("No")


def _reversed(row: Disclosure, operator: Operator) -> str:
    if not row.is_reversed:
        return ""
    day = row.reversal.reversed_at.astimezone(operator.zone).date()
    return gettext("reversed on %(day)s: %(reason)s") % {
        "day": day.isoformat(),
        "reason": row.reversal.reason,
    }


# --- CSV -----------------------------------------------------------------------------------------
def _csv(found: Register) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(
        [
            gettext("Number"), gettext("Day"), gettext("Kind"), gettext("To whom"),
            gettext("Country"), gettext("To a third party"), gettext("Across the border"),
            gettext("Legal basis"), gettext("Document"), gettext("Given by"),
            gettext("Code of the card"), gettext("Data categories"), gettext("Recorded at"),
            gettext("Recorded by"), gettext("Reversed"),
        ]
    )  # fmt: skip
    for line in (*_given_lines(found), *_shown_lines(found)):
        writer.writerow([safe(cell) for cell in line])
    return stream.getvalue().encode()


def _given_lines(found: Register) -> Iterator[list[str]]:
    zone = found.operator.zone
    for entry in found.entries:
        row = entry.row
        recorded = row.recorded_at.astimezone(zone).isoformat(timespec="seconds")
        for code, names in entry.people.items():
            yield [
                row.number, row.given_on.isoformat(), str(row.get_kind_display()), row.recipient,
                str(row.country or ""), _yes(row.third_party), _yes(row.cross_border),
                row.legal_basis.article, row.document, str(row.get_way_display()), code,
                ", ".join(names), recorded, str(row.recorded_by), _reversed(row, found.operator),
            ]  # fmt: skip


def _shown_lines(found: Register) -> Iterator[list[str]]:
    for row in found.shown:
        ground = row.consent.ground
        ended = row.ended_on.isoformat() if row.ended_on else ""
        yield [
            "", row.started_on.isoformat(), gettext("dissemination"), row.resource, "", "", "",
            "", str(row.consent.text), str(row.get_permission_display()), ground.subject.code,
            str(row.category), "", "",
            gettext("ended on %(day)s") % {"day": ended} if ended else "",
        ]  # fmt: skip


# --- PDF -----------------------------------------------------------------------------------------
def _pdf(found: Register, language: str, now: datetime) -> bytes:
    operator = found.operator
    period = f"{long_day(found.since)} – {long_day(found.until)}"
    paper = Paper(
        gettext("Register of disclosures and transfers of personal data"),
        language=language,
        subtitle=period,
        made_at=now,
        footer=operator.name,
    )
    paper.facts(
        [
            (gettext("Operator"), operator.name),
            (gettext("Law"), str(operator.jurisdiction.law)),
            (gettext("Records"), str(len(found.entries))),
            (
                gettext("Of them to a third party"),
                str(sum(one.row.third_party for one in found.entries)),
            ),
            (
                gettext("Of them across the border"),
                str(sum(one.row.cross_border for one in found.entries)),
            ),
        ]
    )
    paper.heading(gettext("What was given to whom"))
    paper.table(
        [
            gettext("Number"), gettext("To whom"), gettext("Ground and document"),
            gettext("Data categories"), gettext("People"),
        ],
        [_cells(entry, operator) for entry in found.entries],
        widths=[14, 26, 26, 24, 8],
    )  # fmt: skip
    _people(paper, found)
    paper.heading(gettext("What may be shown to everybody"))
    paper.table(
        [
            gettext("Code of the card"), gettext("Data category"), gettext("permission"),
            gettext("where shown"), gettext("from"), gettext("ends on"),
        ],
        [
            [
                row.consent.ground.subject.code, str(row.category),
                str(row.get_permission_display()), row.resource, row.started_on.isoformat(),
                row.ended_on.isoformat() if row.ended_on else "",
            ]
            for row in found.shown
        ],
        widths=[15, 22, 17, 24, 12, 12],
    )  # fmt: skip
    responsible = operator.responsible
    name = responsible.get_full_name() if responsible else ""
    paper.signatures([(gettext("Responsible person"), name)])
    return paper.render()


def _cells(entry: Entry, operator: Operator) -> list[str]:
    row = entry.row
    to = [row.recipient]
    if row.country is not None:
        to.append(str(row.country))
    if row.cross_border:
        to.append(gettext("across the border"))
    why = [row.legal_basis.article, row.document, _reversed(row, operator)]
    return [
        f"{row.number}\n{row.given_on.isoformat()}",
        "\n".join(to),
        "\n".join(filter(None, why)),
        ", ".join(entry.categories),
        str(len(entry.people)),
    ]


def _people(paper: Paper, found: Register) -> None:
    paper.heading(gettext("About whom"))
    lines = [
        (entry.row.number, code, ", ".join(names))
        for entry in found.entries
        for code, names in entry.people.items()
    ]
    paper.text(gettext("A person is named by the code of the card, which holds no value."))
    if len(lines) > LISTED:
        paper.text(
            gettext("%(count)s lines: they are listed in the same register as CSV.")
            % {"count": len(lines)}
        )
        return
    paper.table(
        [gettext("Number"), gettext("Code of the card"), gettext("Data categories")],
        lines,
        widths=[3, 3, 10],
    )
