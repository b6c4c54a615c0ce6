from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from registry.services.policies import policy_import
from registry.services.rules import operator_by_code


class NoSuchPolicyDay(OperatorError):
    template = gettext_noop("%(given)s is no day: write it as 2026-02-09.")


class Command(OfficeCommand):
    help = (
        "Record a policy that people have read, as it stands, in force from its date. Safe to "
        "repeat; another language of the same date joins its version."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the text of the policy in UTF-8")
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument("--language", required=True, help="ru, kk or en")
        parser.add_argument("--dated", required=True, help="such as 2026-02-09")
        parser.add_argument("--label", default="", help="as the policy names itself, such as v2")

    def work(self, **options: Any) -> None:
        dated = _day(options["dated"])
        version, created = policy_import(
            operator=operator_by_code(options["operator"]),
            language=options["language"],
            dated=dated,
            text=options["file"],
            label=options["label"],
            by=None,
            now=timezone.now(),
        )
        text = version.texts.get(language=options["language"])
        said = "imported" if created else "known already, unchanged"
        self.stdout.write(
            f"{version}, {dated.isoformat()}, {text.language}: {said}, "
            f"{len(text.clauses)} clauses, SHA-256 {text.digest}"
        )


def _day(given: str) -> date:
    # fromisoformat alone would take weeks and days of the year as well.
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given):
        try:
            return date.fromisoformat(given)
        except ValueError:
            pass
    raise NoSuchPolicyDay(given=given)
