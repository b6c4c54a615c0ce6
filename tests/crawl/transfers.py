"""Transfers for the crawl: one through half its gate, an answer, an instruction."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Model

from registry import models as r
from registry.choices import Operation
from registry.services.transfer_gates import gate_to_write
from tests.conftest import Team
from tests.crawl.makers import make, maker, named, saved


def _recipient(team: Team, kind: str) -> Any:
    """Abroad, in a state of which the law says nothing."""
    row = make(r.Recipient, team)
    row.kind, row.country = kind, r.Country.objects.get(code="US")
    row.save()
    return row


@maker(r.Transfer)
def transfer(team: Team, mark: str) -> Model:
    activity = make(r.ProcessingActivity, team)
    row = r.Transfer(
        operator=team.operator, code=mark.lower(), clause=mark, activity=activity,
        recipient=_recipient(team, "third_party"), legal_basis=activity.legal_bases.get(),
        **named(mark),
    )  # fmt: skip
    row.gate = gate_to_write(row)
    row = saved(row, team, mark)
    row.data_categories.set(activity.data_categories.all())
    return row


@maker(r.RecipientInformation)
def information(team: Team, mark: str) -> Model:
    row = r.RecipientInformation(
        transfer=make(r.Transfer, team),
        fact="measures",
        received_on=date(2025, 3, 3),
        document=mark,
    )
    return saved(row, team, mark)


@maker(r.ProcessorInstruction)
def instruction(team: Team, mark: str) -> Model:
    row = r.ProcessorInstruction(
        operator=team.operator, recipient=_recipient(team, "processor"), number=mark,
        signed_on=date(2025, 1, 1), operations=[Operation.STORAGE], confidentiality=True,
    )  # fmt: skip
    row = saved(row, team, mark)
    activity = make(r.ProcessingActivity, team)
    row.activities.add(activity)
    row.data_categories.set(activity.data_categories.all())
    return row
