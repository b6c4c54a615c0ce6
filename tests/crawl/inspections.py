"""Rows of inspections for the crawl: an order, what was asked and given, a prescription."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Model

from registry import models as r
from requests import models as q
from requests.services.inspections import (
    inspection_ask,
    inspection_begin,
    inspection_find,
    inspection_register,
    item_give,
    prescription_delay,
    prescription_register,
)
from requests.services.inspector_access import inspector_open
from requests.services.packing import inspection_pack
from tests.conftest import Team
from tests.crawl.makers import make, maker

ORDERED = date(2026, 3, 2)
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


@maker(q.Inspection)
def inspection(team: Team, mark: str) -> Model:
    return inspection_register(
        operator=team.operator,
        authority=r.Authority.objects.filter(jurisdiction=team.operator.jurisdiction).first(),
        order_number=mark, ordered_on=ORDERED, kind="planned", basis=mark,
        begins_on=date(2026, 3, 5), ends_on=date(2026, 3, 20), inspectors=mark, by=team.clerk,
        now=NOW,
    )  # fmt: skip


@maker(q.InspectionItem)
def item(team: Team, mark: str) -> Model:
    return inspection_ask(
        inspection=make(q.Inspection, team), what=mark, asked_on=date(2026, 3, 6),
        due_on=date(2026, 3, 12), owner=team.clerk, by=team.clerk, now=NOW,
    )  # fmt: skip


@maker(q.InspectionAnswer)
def answer(team: Team, mark: str) -> Model:
    return item_give(
        item=make(q.InspectionItem, team), given_at=NOW, copies=mark, sheets=3, by=team.clerk,
        now=NOW,
    )  # fmt: skip


@maker(q.Prescription)
def prescription(team: Team, mark: str) -> Model:
    row: Any = make(q.Inspection, team)
    inspection_begin(inspection=row, by=team.dpo, now=NOW)
    inspection_find(
        inspection=row, act_number=mark, act_on=date(2026, 3, 9), findings=mark, by=team.dpo,
        now=NOW,
    )  # fmt: skip
    return prescription_register(
        inspection=row, number=mark, dated_on=date(2026, 3, 9), demands=mark,
        due_on=date(2026, 4, 9), by=team.dpo, now=NOW,
    )  # fmt: skip


@maker(q.PrescriptionDelay)
def delay(team: Team, mark: str) -> Model:
    return prescription_delay(
        prescription=make(q.Prescription, team), asked=mark, paper=mark,
        granted_on=date(2026, 3, 10), due_on=date(2026, 5, 12), by=team.dpo, now=NOW,
    )  # fmt: skip


@maker(q.InspectionPack)
def pack(team: Team, mark: str) -> Model:
    return inspection_pack(
        inspection=make(q.Inspection, team), parts=["asked", "incidents"], since=ORDERED,
        until=date(2026, 3, 10), language="en", by=team.dpo, now=NOW,
    ).row  # fmt: skip


@maker(q.InspectorAccess)
def inspector_access(team: Team, mark: str) -> Model:
    row: Any = make(q.Inspection, team)
    return inspector_open(
        inspection=row, name=mark, login=f"{mark}.visit", rooms=["register"], by=team.dpo, now=NOW,
        until=datetime(2026, 3, 20, 9, tzinfo=UTC),
    )[0]  # fmt: skip


@maker(r.InspectorPass)
def inspector_pass(team: Team, mark: str) -> Model:
    row: Any = make(q.InspectorAccess, team)
    return row.visit
