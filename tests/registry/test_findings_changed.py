"""The page of findings: what has changed since it was acknowledged, and a law without checks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from registry.models import ProcessingActivity
from registry.services import audit
from tests.conftest import Team
from tests.registry.findings.clean_office import clean_office
from tests.registry.findings.registers import TODAY
from tests.registry.test_findings_page import NOW, acknowledge, address, listed, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_day() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def team() -> Team:
    return clean_office("RU")


def test_what_says_something_else_now_is_open_again_and_the_page_says_why(
    team: Team, as_user: Any
) -> None:
    activity = ProcessingActivity.objects.get(operator=team.operator, code="employment")
    activity.review_on = TODAY - timedelta(days=9)
    audit.save(activity, by=None, reason="test")
    acknowledge(team, finding="ACT-004", object="activity:employment")
    key, client = ("ACT-004", "activity:employment"), as_user(team.dpo)
    assert key not in listed(client.get(address(team.operator)))
    activity.review_on = TODAY - timedelta(days=2)
    audit.save(activity, by=None, reason="test")
    response = client.get(address(team.operator))
    assert key in listed(response)
    assert "Acknowledged until Tuesday, 22 December 2026, but it says something else now" in (
        text_of(response)
    )
    assert key not in listed(client.get(address(team.operator, state="acknowledged")))
    asked = {"finding": key[0], "object": key[1]}
    form = client.get(address(team.operator, "acknowledge", **asked))
    assert "Order 7" in form.content.decode(), "what was said is there to be said again"


def test_a_law_without_checks_is_a_sentence(team: Team, as_user: Any) -> None:
    law = team.operator.jurisdiction
    law.pk, law.code = None, "UZ"
    audit.save(law, by=None, reason="test")
    team.operator.jurisdiction = law
    audit.save(team.operator, by=None, reason="test")
    response = as_user(team.dpo).get(address(team.operator))
    assert response.status_code == 422
    assert "The office has no checks for the law of UZ" in text_of(response)
