"""A published consent text, a file of people and its import: what the import's tests share."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import UTC, date, datetime
from typing import Any

from django.apps import apps
from django.db import connection
from django.utils.translation import override

from registry.models import ConsentText, Operator, ProcessingActivity, User
from registry.services.consents import consent_text_draft, consent_text_publish
from subjects.models import DataSubject, ImportReject, PersonalDatum, SubjectImport
from subjects.services.importing.reading import stream_source
from subjects.services.importing.rejects import worded
from subjects.services.importing.runs import import_file
from subjects.synthetic import SHAPES, write_csv
from subjects.vault.sealing_bridge import open_rows
from tests.conftest import Team

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
IN_FORCE = date(2024, 1, 1)
ROW = {
    "account": "u-1",
    "full_name": "Иванова Анна Петровна",
    "email": "canary.one@example.org",
    "activity": "accounts",
    "basis": "KZ.7.1",
    "accepted_at": "2025-06-01T10:00:00+05:00",
    "consent_text": "registration-1",
    "scopes": "third_parties",
    "channel": "web_form",
    "evidence": "ip=192.0.2.1",
}


def published(operator: Operator, by: User, code: str = "", **said: Any) -> ConsentText:
    """The text that the synthetic people of the operator agreed to, in force long ago."""
    wanted = code or SHAPES[operator.code].consent_text.rpartition("-")[0]
    facts: dict[str, Any] = {
        "activities": list(ProcessingActivity.objects.filter(operator=operator)),
        "in_force_on": IN_FORCE,
        "end_event": "purpose_achieved",
        "third_parties": True,
        "cross_border": True,
        "dissemination": False,
        "withdrawal_channels": ["email"],
        "name_en": wanted,
        "name_ru": wanted,
    }
    draft = consent_text_draft(operator=operator, code=wanted, by=by, now=NOW, **facts | said)
    return consent_text_publish(text=draft, by=by, now=NOW)


def table(*rows: dict[str, str], delimiter: str = ",") -> bytes:
    """A file of these rows; the columns are those that any of them has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, restval="", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def synthetic(operator: str, count: int, seed: int = 1) -> bytes:
    stream = io.StringIO(newline="")
    write_csv(stream, operator=operator, count=count, seed=seed, today=NOW.date())
    return stream.getvalue().encode()


def imported(team: Team, content: bytes, **options: Any) -> SubjectImport:
    facts: dict[str, Any] = {"by": team.clerk, "now": NOW, "processes": 0}
    return import_file(
        operator=team.operator, source=stream_source(lambda: [content]), **facts | options
    )


def counts(run: SubjectImport) -> dict[str, int]:
    return {
        "new": run.people_new,
        "changed": run.people_changed,
        "same": run.people_same,
        "rejected": run.rows_rejected,
        "conflicts": run.conflicts_found,
    }


def none(**more: int) -> dict[str, int]:
    return {"new": 0, "changed": 0, "same": 0, "rejected": 0, "conflicts": 0} | more


def rejects(run: SubjectImport) -> list[tuple[int, str, str]]:
    rows = ImportReject.objects.filter(run=run).order_by("line", "pk")
    with override("en"):
        return [(row.line, row.column, worded(row)) for row in rows]


class Stopped(Exception):
    """Stands for whatever ends a process half-way."""


def stopping_after(chunks: int) -> Any:
    left = [chunks]

    def progress(run: SubjectImport) -> None:
        left[0] -= 1
        if not left[0]:
            raise Stopped

    return progress


def card_of(operator: Operator, account: str) -> DataSubject:
    for datum in PersonalDatum.objects.filter(identity=True, subject__operator=operator):
        if open_rows([datum], "value")[datum.pk].text == account:
            return datum.subject
    raise AssertionError("nobody has this account")


def values_of(card: DataSubject) -> dict[str, str]:
    data = list(PersonalDatum.objects.filter(subject=card).select_related("subject", "category"))
    opened = open_rows(data, "value")
    return {(d.category.code if d.category else "account"): opened[d.pk].text for d in data}


def fingerprint(*without: str) -> dict[str, str]:
    """Of every table of people, vault and history; equal when nothing was written at all."""
    found = {}
    models = [*apps.get_app_config("subjects").get_models(include_auto_created=True)]
    for model in models:
        name = model._meta.db_table
        if model._meta.object_name in ("SubjectImport", *without):
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
            rows = sorted(repr([_plain(cell) for cell in row]) for row in cursor.fetchall())
        found[name] = f"{len(rows)}:{hashlib.sha256(''.join(rows).encode()).hexdigest()}"
    return found


def _plain(cell: Any) -> Any:
    return bytes(cell) if isinstance(cell, memoryview) else cell


def story(operator: Operator) -> list[Any]:
    """What is known of the people, without numbers and keys: two like databases tell the same."""
    told = []
    data = PersonalDatum.objects.filter(subject__operator=operator)
    by_card: dict[int, dict[str, str]] = {}
    for start in range(0, data.count(), 500):
        part = list(data.select_related("subject", "category").order_by("pk")[start : start + 500])
        opened = open_rows(part, "value")
        for datum in part:
            code = datum.category.code if datum.category else "account"
            by_card.setdefault(datum.subject_id, {})[code] = opened[datum.pk].text
    grounds: dict[int, list[Any]] = {}
    cards = DataSubject.objects.filter(operator=operator)
    for subject, *facts in cards.values_list(
        "pk", "grounds__activity__code", "grounds__started_on", "grounds__consent__given_at"
    ):
        grounds.setdefault(subject, []).append(tuple(map(str, facts)))
    for card in cards:
        trail = (card.history.count(), card.data.count())
        told.append((sorted(by_card[card.pk].items()), sorted(grounds[card.pk]), trail))
    return sorted(told)
