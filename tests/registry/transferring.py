"""Transfers to test with: an operator of whom a notice can be filed, and the steps of its gate."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from registry.models import (
    Country,
    DataCategory,
    Deadline,
    LegalBasis,
    ProcessingActivity,
    ProcessorInstruction,
    Recipient,
    SubjectCategory,
    Transfer,
)
from registry.services import audit
from registry.services.transfer_authority import transfer_ban
from registry.services.transfer_gates import gate_to_write
from registry.services.transfers import (
    information_record,
    notice_file,
    recipient_assess,
    transfer_open,
)
from tests.conftest import Team

# Thursday; ten working days of Russia end on Tuesday 20.01.2026 (holidays until the 11th).
FILED_ON = date(2025, 12, 25)
OPENS_ON = date(2026, 1, 21)
ASKED_ON = date(2025, 12, 8)
ASSESSED_ON = date(2025, 12, 15)
FACTS = ("measures", "regulation", "contacts")


def noon(team: Team, day: date, hour: int = 12, minute: int = 0) -> datetime:
    """That moment on the operator's own clock."""
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=team.operator.zone)
    return local.astimezone(UTC)


def prepared(team: Team) -> Team:
    """Everything about the operator that a notice names (152-FZ 12(4)(1)-(2))."""
    person, operator = team.dpo, team.operator
    person.first_name, person.last_name = "Анна", "Иванова"
    audit.save(person, by=None, reason="test")
    operator.refresh_from_db()
    operator.address, operator.phone = "101000, Москва, улица 1", "+7 495 000-00-00"
    operator.responsible = person
    audit.save(operator, by=None, reason="test")
    return team


def recipient(team: Team, country: str | None, kind: str = "third_party") -> Recipient:
    row = Recipient(
        operator=team.operator,
        code=f"cloud-{Recipient.objects.count()}",
        name_en="Cloud",
        kind=kind,
        country=Country.objects.get(code=country) if country else None,
    )
    return audit.save(row, by=team.dpo, reason="test")


def activity(team: Team, basis: str) -> ProcessingActivity:
    """An activity of its own, with one kind of people, two kinds of data and one ground."""
    like = ProcessingActivity.objects.filter(operator=team.operator).first()
    assert like is not None
    purpose = like.purpose
    purpose.pk, purpose.code = None, f"p-{ProcessingActivity.objects.count()}"
    audit.save(purpose, by=team.dpo, reason="test")
    row = ProcessingActivity(
        operator=team.operator,
        code=f"a-{ProcessingActivity.objects.count()}",
        name_en="Newsletter",
        purpose=purpose,
        started_on=date(2025, 1, 1),
    )
    audit.save(row, by=team.dpo, reason="test")
    row.data_categories.set(DataCategory.objects.filter(operator=team.operator)[:2])
    row.subject_categories.set(SubjectCategory.objects.filter(operator=team.operator)[:1])
    row.legal_bases.set([LegalBasis.objects.get(code=basis)])
    return row


def plan(
    team: Team, country: str | None = "US", *, kind: str = "third_party", basis: str = ""
) -> Transfer:
    """A transfer that has taken no step yet."""
    basis = basis or {"RU": "RU.6.1.5", "KZ": "KZ.9.4"}[team.operator.jurisdiction.code]
    done_for = activity(team, basis)
    row = Transfer(
        operator=team.operator,
        code=f"t-{Transfer.objects.count()}",
        name_en="Newsletter abroad",
        recipient=recipient(team, country, kind),
        activity=done_for,
        legal_basis=LegalBasis.objects.get(code=basis),
    )
    row.gate = gate_to_write(row)
    audit.save(row, by=team.dpo, reason="planned")
    row.data_categories.set(done_for.data_categories.all())
    return row


def inform(row: Transfer, team: Team, *facts: str, **changes: Any) -> None:
    for fact in facts or FACTS:
        asked: dict[str, Any] = {
            "transfer": row, "fact": fact, "received_on": ASKED_ON, "document": "letter 1",
            "by": team.dpo, "now": noon(team, FILED_ON),
        }  # fmt: skip
        information_record(**asked | changes)


def assess(row: Transfer, team: Team, day: date = ASSESSED_ON) -> Transfer:
    return recipient_assess(transfer=row, assessed_on=day, by=team.dpo, now=noon(team, FILED_ON))


def file(row: Transfer, team: Team, day: date = FILED_ON, **changes: Any) -> Transfer:
    asked: dict[str, Any] = {
        "transfer": row, "filed_on": day, "number": "17-xb", "by": team.dpo,
        "now": noon(team, day),
    }  # fmt: skip
    return notice_file(**asked | changes)


def open_(row: Transfer, team: Team, day: date = OPENS_ON, **changes: Any) -> Transfer:
    asked: dict[str, Any] = {
        "transfer": row, "opened_on": day, "by": team.dpo, "now": noon(team, day),
    }  # fmt: skip
    return transfer_open(**asked | changes)


def at_step(step: str, team: Team, country: str = "US", **given: Any) -> Transfer:
    """A transfer that has come as far as the step: planned, collecting, .. open."""
    row = plan(team, country, **given)
    if step == "planned":
        return row
    if step == "collecting":
        inform(row, team, "measures")
        return row
    inform(row, team)
    for name, act in (("assessed", assess), ("filed", file), ("open", open_)):
        row = act(row, team)
        if name == step:
            break
    return fresh(row)


def fresh(row: Transfer) -> Transfer:
    return Transfer.objects.select_related("operator__jurisdiction").get(pk=row.pk)


def instruct(row: Transfer, team: Team, **changes: Any) -> ProcessorInstruction:
    """A whole instruction that covers the transfer."""
    asked: dict[str, Any] = {
        "operator": team.operator, "recipient": row.recipient, "number": "7",
        "signed_on": date(2025, 6, 1), "operations": ["storage"], "confidentiality": True,
        "localisation": True, "security": True, "incident_notice": True,
    }  # fmt: skip
    found = ProcessorInstruction(**asked | changes)
    audit.save(found, by=team.dpo, reason="test")
    found.activities.add(row.activity)
    found.data_categories.set(row.data_categories.all())
    return found


def ban(row: Transfer, team: Team, day: date, **changes: Any) -> Transfer:
    asked: dict[str, Any] = {
        "transfer": row, "banned_on": day, "document": "decision 5", "by": team.dpo,
        "now": noon(team, day),
    }  # fmt: skip
    return transfer_ban(**asked | changes)


def fingerprint(row: Transfer) -> Any:
    return list(Transfer.objects.filter(pk=row.pk).values_list()), row.history.count()


def refused(error: type[Exception], act: Any, row: Transfer) -> Any:
    """The act is refused by name and nothing of it is left."""
    before = fingerprint(row)
    clocks = Deadline.objects.count()
    with pytest.raises(error) as caught:
        act()
    assert (fingerprint(row), Deadline.objects.count()) == (before, clocks)
    return caught.value
