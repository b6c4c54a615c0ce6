"""A lost second factor is forgotten, and nothing that it verified lives on."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.conftest import Office


def test_the_device_and_the_sessions_of_that_person_end(office: Office, as_user: Any) -> None:
    mine, other = as_user(office.ipm.dpo), as_user(office.ipm.clerk)
    TOTPDevice.objects.create(user=office.ipm.dpo, name="lost")
    TOTPDevice.objects.create(user=office.ipm.clerk, name="kept")
    call_command("reset_two_factor", "dpo@ipm")
    assert list(TOTPDevice.objects.values_list("name", flat=True)) == ["kept"]
    assert mine.get("/admin/").status_code == 302
    assert other.get("/admin/").status_code == 200


def test_an_unknown_account_is_one_sentence(office: Office) -> None:
    with pytest.raises(CommandError, match="knows no account nobody-here") as refusal:
        call_command("reset_two_factor", "nobody-here")
    assert refusal.value.returncode == 2
