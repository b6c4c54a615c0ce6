"""Rows of incidents for the crawl: one that is described, its people, notices, journal, export."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Model

from registry import models as r
from requests import models as q
from requests.services.incident_people import affected_by_hand
from requests.services.incidents import (
    incident_describe,
    incident_note,
    incident_register,
    incident_version,
)
from subjects import models as s
from tests.conftest import Team
from tests.crawl.makers import make, maker

DETECTED = datetime(2026, 3, 5, 9, tzinfo=UTC)
NOW = datetime(2026, 3, 6, 9, tzinfo=UTC)


@maker(q.Incident)
def incident(team: Team, mark: str) -> Model:
    row = incident_register(operator=team.operator, detected_at=DETECTED, by=team.clerk, now=NOW)
    said = {
        "kind": "leak", "description": mark, "causes": mark, "harm": mark,
        "systems": [make(r.InformationSystem, team)],
        "activities": [make(r.ProcessingActivity, team)],
        "data_categories": [make(r.DataCategory, team)],
    }  # fmt: skip
    return incident_describe(
        incident=row, said=said, read=incident_version(row), by=team.dpo, now=NOW
    )


@maker(q.AffectedPerson)
def affected(team: Team, mark: str) -> Model:
    row: Any = make(q.Incident, team)
    affected_by_hand(incident=row, subjects=[make(s.DataSubject, team)], by=team.dpo, now=NOW)
    return row.affected.get()


@maker(q.IncidentEntry)
def entry(team: Team, mark: str) -> Model:
    return incident_note(
        incident=make(q.Incident, team), kind="measure", happened_at=DETECTED, text=mark,
        by=team.clerk, now=NOW,
    )  # fmt: skip


@maker(q.IncidentNotice)
def notice(team: Team, mark: str) -> Model:
    facts = {"title": mark, "article": mark, "sections": [], "missing": [],
             "particulars": {"number": mark, "operator": mark, "signer": mark}}  # fmt: skip
    return q.IncidentNotice.objects.create(
        incident=make(q.Incident, team), step="first", language="ru", facts=facts,
        digest="0" * 64, made_at=NOW, made_by=team.dpo,
    )  # fmt: skip


@maker(q.IncidentSending)
def sending(team: Team, mark: str) -> Model:
    return q.IncidentSending.objects.create(
        notice=make(q.IncidentNotice, team), sent_at=NOW, reference=mark, recorded_at=NOW,
        recorded_by=team.dpo,
    )  # fmt: skip


@maker(q.IncidentExport)
def export(team: Team, mark: str) -> Model:
    return q.IncidentExport.objects.create(
        incident=make(q.Incident, team), document=mark, people=1, made_at=NOW, made_by=team.dpo,
        ends_on=date(2026, 3, 6) + timedelta(days=30),
    )  # fmt: skip
