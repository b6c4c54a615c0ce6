from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from io import TextIOWrapper
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError, CommandParser

from registry.commands import OfficeCommand
from registry.deadlines import Outcome
from registry.errors import OperatorError, gettext_noop
from registry.explain import sentence, step_sentence
from registry.services.rules import due, operator_by_code


class NotAMoment(OperatorError):
    template = gettext_noop("%(text)s is neither a date nor a date with a time.")


class NotALine(OperatorError):
    template = gettext_noop("A line is CODE OPERATOR WHEN, such as RU.REG.INQUIRY ipm 2025-12-25.")


def moment(text: str, zone: ZoneInfo) -> datetime | date:
    """A date, or a date with a time: of the operator's zone unless it names its own."""
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        if text[10:11] not in {"T", " "}:
            raise NotAMoment(text=text)
        at = datetime.fromisoformat(text)
        at = at if at.utcoffset() is not None else at.replace(tzinfo=zone)
        # The first and the last hours of the calendar have no date in every zone.
        return at.astimezone(UTC) and at.astimezone(zone)
    except (ValueError, OverflowError):
        raise NotAMoment(text=text) from None


def as_json(code: str, found: Outcome) -> dict[str, Any]:
    def iso(value: date | datetime | None) -> str | None:
        return value.isoformat() if value else None

    return {
        "code": code,
        "due_on": iso(found.due_on),
        "due_at": iso(found.due_at),
        "internal_on": iso(found.internal_on),
        "binding": found.binding,
        "statute_due_on": iso(found.statute_due_on),
        "promise_due_on": iso(found.promise_due_on),
        "steps": [step_sentence(step.code, step.params) for step in found.steps],
    }


class Command(OfficeCommand):
    help = (
        "When is it due, and why? With --json - reads lines CODE OPERATOR WHEN and prints one "
        "JSON object a line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", nargs="?", help="such as RU.REG.INQUIRY")
        parser.add_argument("--operator", help="code of the operator")
        parser.add_argument("--from", dest="when", help="2025-12-25 or 2025-12-25T17:40")
        parser.add_argument("--stated", help="the date that the authority's inquiry names")
        parser.add_argument("--extended", action="store_true", help="after the one extension")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--language", choices=["en", "ru", "kk"], default="en")

    def language(self, options: Mapping[str, Any]) -> str:
        # Not the terminal's: whoever reads the answer by a program counts on English.
        return str(options["language"])

    def work(self, **options: Any) -> None:
        if options["code"] == "-":
            self._lines(options)
        else:
            self._one(options)

    def _one(self, options: dict[str, Any]) -> None:
        for name, option in (("code", "CODE"), ("operator", "--operator"), ("when", "--from")):
            if not options[name]:
                raise CommandError(f"{option} is missing.", returncode=2)
        found = self._count(options["code"], options["operator"], options["when"], options)
        if options["json"]:
            self._print(as_json(options["code"], found))
            return
        for step in found.steps:
            self.stdout.write(step_sentence(step.code, step.params))

    def _lines(self, options: dict[str, Any]) -> None:
        if not options["json"]:
            raise CommandError("Lines are read only with --json.", returncode=2)
        if isinstance(sys.stdin, TextIOWrapper):
            # A line that is no text is refused like any other, without ending the rest.
            sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        refused = 0
        for line in sys.stdin:
            words = line.split()
            if not words:
                continue
            try:
                if len(words) != 3:
                    raise NotALine()
                code, operator, when = words
                self._print(as_json(code, self._count(code, operator, when, options)))
            except OperatorError as error:
                refused += 1
                self._print({"code": words[0], "error": sentence(error)})
        if refused:
            raise CommandError(f"Lines refused: {refused}.", returncode=2)

    def _count(self, code: str, operator: str, when: str, options: dict[str, Any]) -> Outcome:
        card = operator_by_code(operator)
        stated = moment(options["stated"], card.zone) if options["stated"] else None
        if isinstance(stated, datetime):
            raise NotAMoment(text=options["stated"])
        return due(
            code=code,
            operator=card,
            trigger=moment(when, card.zone),
            stated_on=stated,
            extended=options["extended"],
        )

    def _print(self, found: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(found, ensure_ascii=False))
