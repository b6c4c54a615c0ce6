"""The whole register of an operator as a file: JSON for a program, XLSX and PDF for a reader.

The register is not people's data: what leaves here are purposes, lists of data, recipients and
dates. Of the staff it names only those whom the register itself makes responsible. What the
keys of JSON mean stands in ``docs/register-export.md``.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from registry.choices import Language
from registry.errors import OperatorError, gettext_noop
from registry.models import Operator
from registry.services.export_paper import as_pdf
from registry.services.export_rows import Snapshot, snapshot_of
from registry.services.export_sheets import as_xlsx
from registry.services.export_tables import CARD, TABLES, Row, Table

# Raised when a key of JSON changes its meaning or goes; a new key does not raise it.
FORMAT = 1


class ExportFormat(TextChoices):
    JSON = "json", _("register as JSON")
    XLSX = "xlsx", _("register as XLSX")
    PDF = "pdf", _("register as PDF")


MEDIA_TYPES = {
    ExportFormat.JSON: "application/json",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.PDF: "application/pdf",
}


class UnknownExportFormat(OperatorError):
    template = gettext_noop("The register is written as json, xlsx or pdf, not as %(code)s.")


class UnknownExportLanguage(OperatorError):
    template = gettext_noop("The register is written in ru, kk or en, not in %(code)s.")


def register_export(*, operator: Operator, format: str, language: str, now: datetime) -> bytes:
    """The register as it stands at that moment, as a file in that language; one query.

    JSON is the same in every language. The same register and moment give the same bytes. Refuses
    a format and a language that the office does not write.
    """
    if format not in ExportFormat.values:
        raise UnknownExportFormat(code=format)
    if language not in Language.values:
        raise UnknownExportLanguage(code=language)
    with override(language):
        snapshot = snapshot_of(operator=operator, now=now)
        if format == ExportFormat.XLSX:
            return as_xlsx(snapshot)
        return as_pdf(snapshot, language) if format == ExportFormat.PDF else as_json(snapshot)


def export_name(operator: Operator, format: str, language: str, now: datetime) -> str:
    """What the file is called: the operator's code, its day, and the language if it has one."""
    day = now.astimezone(operator.zone).date()
    tail = "" if format == ExportFormat.JSON else f"-{language}"
    return f"register-{operator.code}-{day.isoformat()}{tail}.{format}"


def as_json(snapshot: Snapshot) -> bytes:
    """Codes, ISO dates and all three languages, under the keys that are documented."""
    told: dict[str, Any] = {
        "format": FORMAT,
        "made_at": snapshot.moment.replace(microsecond=0).isoformat(),
        "operator": _object(CARD, snapshot.card),
        "counts": {key: len(rows) for key, rows in snapshot.rows.items()},
    }
    for table in TABLES:
        told[table.key] = [_object(table, row) for row in snapshot.rows[table.key]]
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def _object(table: Table, row: Row) -> dict[str, Any]:
    return {column.key: column.told(row) for column in table.columns}
