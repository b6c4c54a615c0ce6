"""Carriers have sheets, and somebody of their operator who keeps them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import override

from registry.models import Carrier
from tests.conftest import Office, Team
from tests.crawl.rows import make
from tests.registry.consenting import ready


@pytest.fixture(autouse=True)
def english() -> Any:
    with override("en"):
        yield


@pytest.fixture
def pandev(office: Office) -> Team:
    return ready(office.pandev)


def test_a_carrier_is_kept_by_somebody_of_its_operator(pandev: Team, office: Office) -> None:
    carrier = make(Carrier, pandev)
    carrier.full_clean()
    carrier.responsible = office.ipm.clerk
    with pytest.raises(ValidationError, match="staff"):
        carrier.full_clean()
    carrier.responsible = office.nobody
    with pytest.raises(ValidationError, match="staff"):
        carrier.full_clean()


def test_whoever_leaves_hands_over_carriers(pandev: Team, as_user: Any) -> None:
    carrier = make(Carrier, pandev)
    role = pandev.clerk.memberships.get()
    path = f"/admin/registry/membership/{role.pk}/leave/"
    client = as_user(pandev.dpo)
    assert carrier.name_en in client.get(path).content.decode()
    assert client.post(path, {"reason": "order 5", "successor": ""}).status_code == 422
    data = {"reason": "order 5", "successor": pandev.deputy.pk}
    assert client.post(path, data).status_code == 302
    carrier.refresh_from_db()
    assert carrier.responsible == pandev.deputy
    assert carrier.history.first().history_change_reason == "order 5"


def test_a_carrier_has_sheets_or_is_not_counted_yet(pandev: Team) -> None:
    carrier = make(Carrier, pandev)
    carrier.sheets = None
    carrier.full_clean()
    carrier.sheets = 0
    with pytest.raises(ValidationError, match="at least one sheet"):
        carrier.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        carrier.save()
