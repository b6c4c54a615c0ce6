"""Internal control to test with: steps of an operator, and checks of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from registry.models import ControlRecord, ControlStep
from registry.services import audit
from registry.services.control import control_record
from tests.conftest import Team

# Noon in Moscow and in Almaty of Monday, 2 March 2026.
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
TODAY = date(2026, 3, 2)


def step(team: Team, **fields: Any) -> ControlStep:
    told: dict[str, Any] = {
        "operator": team.operator, "code": f"step-{ControlStep.objects.count()}",
        "name_en": "Access rights", "every_months": 3, "responsible": team.clerk,
        "next_on": TODAY,
    } | fields  # fmt: skip
    row = ControlStep(**told)
    row.full_clean()
    return audit.save(row, by=team.dpo, reason="planned")


def check(row: ControlStep, team: Team, done_on: date = TODAY, **fields: Any) -> ControlRecord:
    told: dict[str, Any] = {
        "step": row, "done_on": done_on, "found": "In order.", "remedy": "", "by": team.clerk,
        "now": NOW,
    } | fields  # fmt: skip
    return control_record(**told)
