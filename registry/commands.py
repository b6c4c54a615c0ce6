"""What the office's commands share: a refusal is one sentence on stderr and exit code 2."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import override

from registry.errors import OperatorError
from registry.explain import sentence


def terminal_language() -> str:
    """Russian or Kazakh when the terminal says so, else English."""
    wanted = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    return wanted[:2] if wanted[:2] in {"ru", "kk"} else "en"


class OfficeCommand(BaseCommand):
    """A command whose ``work`` may refuse."""

    def handle(self, *args: Any, **options: Any) -> None:
        with override(terminal_language()):
            try:
                self.work(**options)
            except OperatorError as error:
                raise CommandError(sentence(error), returncode=2) from None

    def work(self, **options: Any) -> None:
        raise CommandError("This command does nothing.", returncode=2)
