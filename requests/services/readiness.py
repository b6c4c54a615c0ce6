"""Gathers what the office holds, for the list of questions of an inspection."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet

from registry.choices import RegisterPaperKind
from registry.models import (
    ConsentText,
    ControlRecord,
    Deadline,
    Filing,
    InformationSystem,
    Membership,
    Operator,
    PolicyVersion,
    ProcessingActivity,
    ProcessorInstruction,
    RegisterPaper,
    RetentionRule,
    SecurityMeasure,
    Transfer,
)
from registry.services.findings import findings_of
from requests.models import Incident, Prescription, RegulatorInquiry, SubjectRequest
from requests.readiness import Answer, Facts, answers
from subjects.choices import ActState
from subjects.models import AccessEvent, DestructionAct

# What an inspector asks of records: those of the last year.
YEAR = timedelta(days=365)


def readiness_of(*, operator: Operator, now: datetime) -> list[Answer]:
    """Every question that the operator's law knows, answered from what the office holds now.

    As many queries, however much that is. An acknowledged finding is no longer to be looked at.
    Refuses a law of which the office has no checks.
    """
    today = now.astimezone(operator.zone).date()
    found = findings_of(operator=operator, today=today)
    overdue = (
        Deadline.objects.overdue(now)
        .filter(operator=operator)
        .order_by()
        .values_list("effect")
        .annotate(Count("pk"))
    )
    facts = Facts(
        law=operator.jurisdiction.code,
        findings=tuple(one.id for one in found if one.is_open),
        counts=_counts(operator, now),
        late=dict(overdue),
    )
    return answers(facts)


def _counts(operator: Operator, now: datetime) -> dict[str, int]:
    today = now.astimezone(operator.zone).date()
    signed = dict(
        RegisterPaper.objects.filter(operator=operator, signed_at__isnull=False)
        .order_by()
        .values_list("kind")
        .annotate(Count("pk"))
    )
    going = Q(started_on__lte=today) & (Q(ended_on=None) | Q(ended_on__gte=today))
    staff = Membership.objects.filter(going, operator=operator).aggregate(
        all=Count("pk"), sworn=Count("pk", filter=Q(undertaking_on__lte=today))
    )
    mine = {"operator": operator}
    # An access event is a row of millions: whether there is one is enough.
    looked = AccessEvent.objects.filter(operator=operator, at__gte=now - YEAR).exists()
    rows: dict[str, QuerySet[Any]] = {
        "filings": Filing.objects.filter(paper__operator=operator),
        "policies": PolicyVersion.objects.in_force(today).filter(**mine),
        "activities": ProcessingActivity.objects.filter(**mine),
        "consent_texts": ConsentText.objects.in_force(today).filter(**mine),
        "control_records": ControlRecord.objects.filter(
            step__operator=operator, done_on__gte=today - YEAR
        ),
        "measures": SecurityMeasure.objects.filter(**mine),
        "systems": InformationSystem.objects.filter(**mine),
        "instructions": ProcessorInstruction.objects.filter(**mine),
        "transfers": Transfer.objects.filter(**mine),
        "retention_rules": RetentionRule.objects.filter(**mine),
        "destructions": DestructionAct.objects.filter(state=ActState.CLOSED, **mine),
        "requests": SubjectRequest.objects.filter(received_at__gte=now - YEAR, **mine),
        "inquiries": RegulatorInquiry.objects.filter(**mine),
        "incidents": Incident.objects.filter(**mine),
        "prescriptions": Prescription.objects.filter(inspection__operator=operator),
    }
    return {
        "responsible": int(operator.responsible_id is not None),
        "data_lists": signed.get(RegisterPaperKind.DATA_LIST, 0),
        "control_plans": signed.get(RegisterPaperKind.CONTROL_PLAN, 0),
        "harm_acts": signed.get(RegisterPaperKind.HARM, 0),
        "staff": staff["all"],
        "undertakings": staff["sworn"],
        "looks": int(looked),
        **{name: query.count() for name, query in rows.items()},
    }
