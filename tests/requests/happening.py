"""Incidents for the tests: registered, described, noted, told to the authority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.errors import OperatorError
from registry.models import (
    DataCategory,
    Deadline,
    InformationSystem,
    Operator,
    ProcessingActivity,
)
from requests.models import (
    AffectedPerson,
    Incident,
    IncidentEntry,
    IncidentExport,
    IncidentNotice,
    IncidentSending,
)
from requests.services.incident_export import incident_export
from requests.services.incident_notices import incident_notify, notice_write, sending_correct
from requests.services.incident_people import affected_by_hand, affected_remove
from requests.services.incidents import (
    incident_close,
    incident_describe,
    incident_dismiss,
    incident_note,
    incident_redetect,
    incident_register,
    incident_reopen,
    incident_version,
)
from tests.conftest import Team

# Of people of ``tests.subjects.persons``: their data are collected in February 2026.
DETECTED = datetime(2026, 3, 5, 9, tzinfo=UTC)
NOW = DETECTED + timedelta(hours=1)
LATER = DETECTED + timedelta(hours=20)
KNOWN = {
    "kind": "leak",
    "description": "A copy of the table lay open.",
    "causes": "A forgotten rule of the firewall.",
    "harm": "Unwanted letters.",
    "people_estimate": 120,
    "findings": "The copy was read twice.",
    "culprits": "The administrator of the contractor.",
}


def fresh(incident: Incident) -> Incident:
    return Incident.objects.select_related("operator__jurisdiction").get(pk=incident.pk)


def found(team: Team, **changed: Any) -> Incident:
    """Detected on 5 March 2026, registered an hour later by the clerk."""
    row = incident_register(
        **{"operator": team.operator, "detected_at": DETECTED, "by": team.clerk, "now": NOW}
        | changed
    )
    return fresh(row)


def describe(incident: Incident, team: Team, **said: Any) -> Incident:
    more = {name: said.pop(name) for name in ("read", "by", "now") if name in said}
    row = incident_describe(
        **{
            "incident": incident, "said": said, "read": incident_version(incident),
            "by": team.clerk, "now": NOW,
        }
        | more
    )  # fmt: skip
    return fresh(row)


def note(incident: Incident, team: Team, **changed: Any) -> IncidentEntry:
    return incident_note(
        **{
            "incident": incident, "kind": "measure", "happened_at": DETECTED,
            "text": "The access was closed.", "by": team.clerk, "now": NOW,
        }
        | changed
    )  # fmt: skip


def category(team: Team, code: str) -> DataCategory:
    return DataCategory.objects.get(operator=team.operator, code=code)


def activity(team: Team, code: str) -> ProcessingActivity:
    return ProcessingActivity.objects.get(operator=team.operator, code=code)


def system(team: Team, code: str = "crm", **changed: Any) -> InformationSystem:
    row, _ = InformationSystem.objects.get_or_create(
        operator=team.operator, code=code, defaults={"name_en": code} | changed
    )
    return row


def named(team: Team) -> Team:
    """The operator and its responsible person have all that a notice says of them."""
    Operator.objects.filter(pk=team.operator.pk).update(
        inn="7707083893" if team.operator.code == "ipm" else "",
        address="1 Main Street, 101000", phone="+7 495 000-00-00",
    )  # fmt: skip
    team.operator.refresh_from_db()
    team.dpo.first_name, team.dpo.last_name = "Дана", "Әлиева"
    team.dpo.save()
    return team


def known(team: Team, **changed: Any) -> Incident:
    """An incident of which everything is known that a notice can say."""
    named(team)
    row = found(team, **changed)
    row = describe(
        row, team, data_categories=[category(team, "email")], systems=[system(team)],
        activities=[ProcessingActivity.objects.filter(operator=team.operator)[0]],
        happened_from=DETECTED - timedelta(days=3), **KNOWN,
    )  # fmt: skip
    note(row, team)
    note(row, team, kind="investigation", text="The logs were read.")
    return fresh(row)


def notify(incident: Incident, team: Team, step: str = "first", **changed: Any) -> IncidentSending:
    return incident_notify(
        **{
            "incident": incident, "step": step, "language": "ru", "sent_at": LATER,
            "reference": f"17-{step}", "by": team.dpo, "now": LATER,
        }
        | changed
    )  # fmt: skip


def close(incident: Incident, team: Team, **changed: Any) -> Incident:
    return incident_close(
        **{"incident": incident, "reason": "all done", "by": team.dpo, "now": LATER} | changed
    )


def dismiss(incident: Incident, team: Team, **changed: Any) -> Incident:
    return incident_dismiss(
        **{"incident": incident, "reason": "a test table", "by": team.dpo, "now": LATER} | changed
    )


def reopen(incident: Incident, team: Team, **changed: Any) -> Incident:
    return incident_reopen(
        **{"incident": incident, "reason": "there is more", "by": team.dpo, "now": LATER} | changed
    )


def affect(incident: Incident, team: Team, *cards: Any, **changed: Any) -> Any:
    return affected_by_hand(
        **{"incident": incident, "subjects": cards, "by": team.dpo, "now": NOW} | changed
    )


def remove(incident: Incident, team: Team, *cards: Any, **changed: Any) -> int:
    return affected_remove(
        **{
            "incident": incident, "subjects": cards, "reason": "not hers", "by": team.dpo,
            "now": LATER,
        }
        | changed
    )  # fmt: skip


def export(incident: Incident, team: Team, **changed: Any) -> IncidentExport:
    return incident_export(
        **{
            "incident": incident, "document": "letter 08-1 of 6 March 2026", "by": team.dpo,
            "now": LATER, "language": "en",
        }
        | changed
    )  # fmt: skip


def redetect(incident: Incident, team: Team, **changed: Any) -> Incident:
    return incident_redetect(
        **{
            "incident": incident, "detected_at": DETECTED - timedelta(hours=2),
            "reason": "the log says so", "by": team.dpo, "now": LATER,
        }
        | changed
    )  # fmt: skip


def correct(sending: IncidentSending, team: Team, **changed: Any) -> IncidentSending:
    return sending_correct(
        **{
            "sending": sending, "sent_at": sending.sent_at, "reference": sending.reference,
            "reason": "a slip of the pen", "by": team.dpo, "now": LATER,
        }
        | changed
    )  # fmt: skip


def write(incident: Incident, team: Team, step: str = "first", **changed: Any) -> IncidentNotice:
    return notice_write(
        **{"incident": incident, "step": step, "language": "ru", "by": team.dpo, "now": NOW}
        | changed
    )


def clock(incident: Incident, effect: str = "notify_authority_first") -> Deadline:
    """The newest of that effect, void or not."""
    rows = Deadline.objects.select_related("operator__jurisdiction").order_by("-pk")
    return rows.filter(about_type__model="incident", about_id=incident.pk, effect=effect)[0]


def journal(incident: Incident) -> list[str]:
    return list(incident.entries.order_by("pk").values_list("kind", flat=True))


def everything() -> dict[str, list[Any]]:
    """All rows that a verb of an incident could write, history too."""
    models = (
        Incident, Incident.history.model, IncidentEntry, IncidentNotice, IncidentSending,
        IncidentExport, AffectedPerson, Deadline, Deadline.history.model,
    )  # fmt: skip
    found = {model._meta.label: list(model.objects.order_by("pk").values()) for model in models}
    for name in ("systems", "activities", "data_categories"):
        through = getattr(Incident, name).through
        found[name] = list(through.objects.order_by("pk").values())
    return found


@contextmanager
def refused(kind: type[OperatorError], *words: str) -> Iterator[Any]:
    """The refusal by name, its words, and nothing written."""
    before = everything()
    with pytest.raises(kind) as refusal:
        yield refusal
    for word in words:
        assert word in str(refusal.value)
    assert everything() == before
