"""What every list and the desk show, by who looks."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from registry.models import Membership
from registry.services import audit
from tests.conftest import Office

PEOPLE = "/admin/subjects/datasubject/"


def columns(response: Any) -> list[str]:
    return list(response.context["cl"].list_display)


def test_whoever_works_for_one_operator_is_not_told_its_name_in_each_line(
    office: Office, as_user: Any
) -> None:
    team = office.pandev
    assert "operator" not in columns(as_user(team.dpo).get(PEOPLE))
    both = Membership(
        operator=office.ipm.operator, user=team.dpo, role="dpo", started_on="2025-01-01",
        undertaking="7", undertaking_on="2025-01-01",
    )  # fmt: skip
    audit.save(both, by=office.admin, reason="both")
    assert "operator" in columns(as_user(team.dpo).get(PEOPLE))
    assert "operator" in columns(as_user(office.admin).get("/admin/registry/informationsystem/"))


@pytest.mark.parametrize(
    "who, buttons",
    [("dpo", 2), ("clerk", 2), ("auditor", 0)],
)
def test_the_desk_offers_to_register_what_one_may(
    office: Office, as_user: Any, who: str, buttons: int
) -> None:
    with override("en"):
        text = as_user(getattr(office.ipm, who)).get("/admin/").content.decode()
    assert text.count('class="primary-action"') == buttons
    assert ("When a letter arrives" in text) == bool(buttons)
    assert "Nothing is open." in text
