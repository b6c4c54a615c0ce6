"""A register with a row in every table, and how the files of an export are read back."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from pypdf import PdfReader

from registry import models as r
from registry.services.export_tables import TABLES
from registry.services.register_export import register_export
from tests.conftest import Team
from tests.crawl.rows import make
from tests.registry.transferring import at_step, prepared

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STEPS = ("planned", "collecting", "assessed", "filed", "open")


def whole(team: Team) -> Team:
    """Adds a row to every table, transfers at each step of the gate, a paper that was filed and a
    step of internal control that was checked."""
    prepared(team)
    for table in TABLES:
        make(table.model, team)
    for model in (r.Filing, r.ControlRecord):
        make(model, team)
    # Kazakhstan wants no notice: its gates have no steps.
    for step in STEPS if team.operator.jurisdiction.code == "RU" else STEPS[:1]:
        at_step(step, team)
    return team


def many_activities(team: Team, count: int) -> None:
    """Activities with all that a row can have, and a transfer and a term for each."""
    operator = team.operator
    purpose = r.Purpose.objects.create(operator=operator, code="many", name_en="Many things")
    basis = r.LegalBasis.objects.filter(jurisdiction=operator.jurisdiction)[0]
    others: dict[str, Any] = {
        "data_categories": list(r.DataCategory.objects.filter(operator=operator)[:8]),
        "subject_categories": list(r.SubjectCategory.objects.filter(operator=operator)[:2]),
        "systems": list(r.InformationSystem.objects.filter(operator=operator)[:2]),
        "recipients": list(r.Recipient.objects.filter(operator=operator)[:3]),
        "legal_bases": [basis],
    }
    rows = r.ProcessingActivity.objects.bulk_create(
        r.ProcessingActivity(
            operator=operator, code=f"many-{n}", name_ru=f"Процесс обработки номер {n}",
            purpose=purpose, operations=["collection", "storage", "use", "destruction"],
            collection_ways=["web_form"], mode="automated", over_network=True,
            started_on=date(2025, 1, 1), review_on=date(2027, 1, 1), clause="6.1",
        )
        for n in range(count)
    )  # fmt: skip
    for name, far in others.items():
        field: Any = r.ProcessingActivity._meta.get_field(name)
        through = field.remote_field.through
        target = f"{field.m2m_reverse_field_name()}_id"
        through.objects.bulk_create(
            through(processingactivity_id=row.pk, **{target: one.pk}) for row in rows for one in far
        )
    r.Transfer.objects.bulk_create(
        r.Transfer(
            operator=operator, code=f"many-{n}", name_en="Transfer", gate="none", activity=row,
            recipient=others["recipients"][n % 3], legal_basis=basis,
        )
        for n, row in enumerate(rows)
    )  # fmt: skip
    r.RetentionRule.objects.bulk_create(
        r.RetentionRule(
            operator=operator, code=f"many-{n}", activity=row, event="purpose_achieved", length=3,
            unit="year",
        )
        for n, row in enumerate(rows)
    )  # fmt: skip


def export(team: Team, format: str, language: str = "en", now: datetime = NOW) -> bytes:
    return register_export(operator=team.operator, format=format, language=language, now=now)


def told(team: Team, now: datetime = NOW) -> dict[str, Any]:
    found = json.loads(export(team, "json", now=now))
    assert isinstance(found, dict)
    return found


def own_rows(model: Any, team: Team) -> list[Any]:
    """What the database holds of the operator, asked for in the plainest way."""
    if model is r.LegalBasis:
        mine = [
            *r.LegalBasis.objects.filter(activities__operator=team.operator),
            *r.LegalBasis.objects.filter(transfers__operator=team.operator),
            *r.LegalBasis.objects.filter(claims__operator=team.operator),
        ]
        return list({row.pk: row for row in mine}.values())
    if model is r.RecipientInformation:
        return list(model.objects.filter(transfer__operator=team.operator))
    return list(model.objects.filter(operator=team.operator))


# --- PDF -----------------------------------------------------------------------------------------
def pdf_pages(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


def solid(text: str) -> str:
    """The text without its spaces and line breaks."""
    return "".join(text.split())


# --- XLSX ----------------------------------------------------------------------------------------
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
FIRST_DAY = datetime(1899, 12, 30)


class Book:
    """An XLSX as its bytes have it: sheets by title, each a list of rows of Python values."""

    def __init__(self, content: bytes) -> None:
        self.zip = zipfile.ZipFile(io.BytesIO(content))
        self.texts = [
            "".join(part.text or "" for part in item.iter(f"{MAIN}t"))
            for item in self.xml("xl/sharedStrings.xml")
        ]
        styles = self.xml("xl/styles.xml")
        formats = {
            one.get("numFmtId"): one.get("formatCode", "") for one in styles.iter(f"{MAIN}numFmt")
        }
        cells = styles.find(f"{MAIN}cellXfs")
        assert cells is not None
        self.formats = [formats.get(one.get("numFmtId"), "") for one in cells]
        files = {
            one.get("Id"): f"xl/{one.get('Target')}"
            for one in self.xml("xl/_rels/workbook.xml.rels")
        }
        self.files = {
            one.get("name", ""): files[one.get(RELATION)]
            for one in self.xml("xl/workbook.xml").iter(f"{MAIN}sheet")
        }

    def xml(self, name: str) -> ElementTree.Element:
        return ElementTree.fromstring(self.zip.read(name))

    def rows(self, title: str) -> list[list[Any]]:
        found = []
        for row in self.xml(self.files[title]).iter(f"{MAIN}row"):
            values: list[Any] = []
            for cell in row:
                values += [None] * (_column(cell.get("r", "")) - len(values))
                values.append(self._value(cell))
            found.append(values)
        return found

    def table(self, title: str) -> list[dict[str, Any]]:
        """The rows by their headings."""
        head, *rows = self.rows(title)
        return [dict(zip(head, row + [None] * (len(head) - len(row)), strict=True)) for row in rows]

    def _value(self, cell: ElementTree.Element) -> Any:
        found = cell.find(f"{MAIN}v")
        if found is None or found.text is None:
            return None
        if cell.get("t") == "s":
            return self.texts[int(found.text)]
        number = float(found.text)
        code = self.formats[int(cell.get("s", "0"))]
        if "yy" in code:
            moment = FIRST_DAY + timedelta(seconds=round(number * 86400))
            return moment if "hh" in code else moment.date()
        return int(number)


def _column(place: str) -> int:
    number = 0
    for letter in place.rstrip("0123456789"):
        number = number * 26 + ord(letter) - 64
    return number - 1
