"""What the office's commands share: a refusal is one sentence on stderr and exit code 2.

Whoever stops one by Ctrl-C gets a sentence too, and exit code 130.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError
from django.utils.translation import gettext, override

from registry.errors import OperatorError, gettext_noop
from registry.explain import sentence


class NotText(OperatorError):
    template = gettext_noop("The input has characters that no text can have.")


class DatabaseNotReady(OperatorError):
    template = gettext_noop(
        "The database does not answer: does it run, and has manage.py migrate made its tables?"
    )


def terminal_language() -> str:
    """Russian or Kazakh when the terminal says so, else English."""
    wanted = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    return wanted[:2] if wanted[:2] in {"ru", "kk"} else "en"


def check_text(options: Mapping[str, Any]) -> None:
    """Refuse control characters and bytes that are no text: no database takes them."""
    for value in options.values():
        if any(unicodedata.category(char) in {"Cc", "Cs"} for char in str(value or "")):
            raise NotText()


class OfficeCommand(BaseCommand):
    """A command whose ``work`` may refuse."""

    def language(self, options: Mapping[str, Any]) -> str:
        """In which it speaks, refusals too."""
        return terminal_language()

    def handle(self, *args: Any, **options: Any) -> None:
        with override(self.language(options)):
            try:
                check_text(options)
                self.work(**options)
            except OperatorError as error:
                raise CommandError(sentence(error), returncode=2) from None
            except (OperationalError, ProgrammingError) as error:
                # --traceback shows the database's own words.
                raise CommandError(sentence(DatabaseNotReady()), returncode=2) from error
            except KeyboardInterrupt:
                # As a shell counts it: 128 and the number of the signal.
                raise CommandError(
                    gettext("Interrupted. What had been finished by then is saved."),
                    returncode=130,
                ) from None

    def work(self, **options: Any) -> None:
        raise CommandError("This command does nothing.", returncode=2)
