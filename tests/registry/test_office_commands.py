"""What every command of the office does when somebody stops it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from registry.commands import OfficeCommand


class Endless(OfficeCommand):
    def work(self, **options: Any) -> None:
        raise KeyboardInterrupt


def test_a_command_that_is_stopped_says_so_in_a_sentence() -> None:
    with pytest.raises(CommandError) as stopped:
        call_command(Endless(), stdout=io.StringIO(), stderr=io.StringIO())
    assert stopped.value.returncode == 130 and str(stopped.value).startswith("Interrupted.")
