"""An act that is being executed, and a system that waits to be told of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils.translation import override

from subjects.choices import ActState
from subjects.models import DestructionAct
from subjects.services.calling import (
    calls_sweep,
)
from tests.conftest import Team
from tests.subjects.acting import approved
from tests.subjects.system_server import System, listening
from tests.subjects.test_elsewhere import ACCOUNT, carry_out, moment, somebody, system_of


@pytest.fixture(autouse=True)
def english() -> Any:
    with override("en"):
        yield


@pytest.fixture
def system() -> Iterator[System]:
    with listening() as found:
        yield found


def set_up(team: Team, system: System) -> Any:
    return override_settings(WEBHOOKS=(system.hook(team.operator.code, system_of(team).code),))


def running(team: Team, people: int = 1) -> DestructionAct:
    """An act that is being executed, and waits for a system."""
    for number in range(people):
        somebody(team, email=f"p{number}@example.org", account=f"{ACCOUNT}-{number}")
    act = approved(team)
    carry_out(act)
    act.refresh_from_db()
    assert act.state == ActState.RUNNING
    return act


def sweep(act: DestructionAct, after: timedelta = timedelta()) -> dict[str, int]:
    return {name: n for name, n in calls_sweep(now=moment(act) + after).items() if n}
