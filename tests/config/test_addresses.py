"""An operator's public pages begin with its code, and no page of the office can be taken so."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.urls import resolve

from config import checks
from registry.models import operators
from tests.conftest import Office


@pytest.mark.parametrize("code", ["admin", "healthz", "readyz", "language", "static"])
def test_an_operator_cannot_take_an_address_of_the_office(office: Office, code: str) -> None:
    operator = office.pandev.operator
    operator.full_clean()
    operator.code = code
    with pytest.raises(ValidationError) as refusal:
        operator.full_clean()
    assert set(refusal.value.message_dict) == {"code"}


def test_a_new_address_is_an_error_until_no_operator_can_take_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert checks.no_operator_takes_our_addresses() == []
    fewer = operators.RESERVED_CODES - {"admin", "static"}
    monkeypatch.setattr(checks, "RESERVED_CODES", fewer)
    found = checks.no_operator_takes_our_addresses()
    assert [error.id for error in found] == ["office.E004"] * 2
    assert "admin/" in found[0].msg and "static/" in found[1].msg


def test_the_offices_own_pages_come_first() -> None:
    assert resolve("/admin/request/").url_name != "public_form"
    assert resolve("/pandev/request/").url_name == "public_form"
