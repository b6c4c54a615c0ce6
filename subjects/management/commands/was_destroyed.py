from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from registry.services.rules import operator_by_code
from subjects.services.consents_told import ConsentTold
from subjects.services.evidence import Answer, were_destroyed

FOUND = 1  # exit code; 2 is a refusal


class NotUtf8(OperatorError):
    template = gettext_noop("The values must be text in UTF-8: line %(number)s is not.")


class Command(OfficeCommand):
    help = (
        "Asks whether people were destroyed: reads e-mails, phones, IINs or accounts from standard "
        "input, one a line, and answers each by its number, never by what it says. Each question "
        "is recorded, and a thousand an hour are answered. Exit code: 0 nobody of them was "
        "destroyed, 1 somebody was, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def work(self, **options: Any) -> None:
        operator = operator_by_code(options["operator"])
        lines = {number: text for number, text in enumerate(_lines(), start=1) if text.strip()}
        found = were_destroyed(operator=operator, lines=lines, now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(found), ensure_ascii=False))
        else:
            for number, answers in found.items():
                said = "; ".join(in_words(one, operator.zone) for one in answers)
                self.stdout.write(f"{number}: {said or gettext('no evidence of a destruction')}")
        if any(found.values()):
            sys.exit(FOUND)


def _lines() -> list[str]:
    """Standard input, line by line; refuses one that is no text, by its number."""
    if sys.stdin.isatty():
        print(
            gettext("Type the values, one a line; end with Ctrl-D. They are shown as you type."),
            file=sys.stderr,
        )
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        return sys.stdin.read().split("\n")
    found = []
    for number, line in enumerate(stream.read().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            found.append(line.decode())
        except UnicodeDecodeError:
            raise NotUtf8(number=number) from None
    return found


def in_words(one: Answer, zone: Any) -> str:
    """The answer as one line."""
    text = gettext("%(code)s destroyed on %(day)s (%(reason)s), found by %(matched)s")
    said = text % {
        "code": one.code,
        "day": one.destroyed_at.astimezone(zone).date().isoformat(),
        "reason": one.reason,
        "matched": one.matched,
    }
    if one.stays:
        said += ", " + gettext("merged into %(code)s") % {"code": one.stays}
    if one.act:
        said += ", " + gettext("act %(number)s") % {"number": one.act}
    return said + ", " + (one.by or gettext("the office itself"))


def _consent(one: ConsentTold) -> dict[str, Any]:
    until = one.until.isoformat() if one.until else None
    return asdict(one) | {"given_at": one.given_at.isoformat(), "until": until}


def _as_json(found: dict[int, list[Answer]]) -> dict[str, Any]:
    return {
        "lines": {
            str(number): [
                asdict(one)
                | {
                    "destroyed_at": one.destroyed_at.isoformat(),
                    "consents": [_consent(each) for each in one.consents],
                }
                for one in answers
            ]
            for number, answers in found.items()
        }
    }
