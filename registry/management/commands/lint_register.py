"""``lint_register``: where policy, register and law part, for a terminal or a program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from registry.explain import long_day
from registry.findings import Severity
from registry.models.base import LANGUAGES
from registry.services.findings import HEADINGS, Standing, findings_of
from registry.services.rules import operator_by_code


class UnknownLanguage(OperatorError):
    template = gettext_noop("The office does not speak %(code)s: choose ru, kk or en.")


def as_json(found: Standing, *, everything: bool) -> dict[str, Any]:
    """One finding; with ``everything``, also who lets it stand until when (null: nobody)."""
    told: dict[str, Any] = {
        "id": found.id,
        "severity": str(found.severity),
        "article": found.article,
        "object": found.object,
        "message": found.message,
        "clears": found.clears,
    }
    if everything:
        said = found.acknowledgement
        told["acknowledged"] = said and {"until": said.until.isoformat(), "reason": said.reason}
    return told


class Command(OfficeCommand):
    help = (
        "Says where policy, register and law part, with articles and with what clears each "
        "finding. Findings that somebody let stand until a day are left out unless --all is "
        "given. Exit code: 1 while an error is open, 0 otherwise (warnings and notes are no "
        "errors), 2 when the question itself is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument("--language", default="en", help="ru, kk or en (default)")
        parser.add_argument("--json", action="store_true", help="print one JSON list")
        parser.add_argument(
            "--all", action="store_true", help="also what somebody has acknowledged"
        )

    def language(self, options: Mapping[str, Any]) -> str:
        # Not the terminal's: whoever reads the answer by a program counts on English.
        return options["language"] if options["language"] in LANGUAGES else "en"

    def work(self, **options: Any) -> None:
        if options["language"] not in LANGUAGES:
            raise UnknownLanguage(code=options["language"])
        operator = operator_by_code(options["operator"])
        today = timezone.localdate(timezone.now(), operator.zone)
        found = findings_of(operator=operator, today=today)
        shown = [one for one in found if options["all"] or one.is_open]
        if options["json"]:
            rows = [as_json(one, everything=options["all"]) for one in shown]
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1))
        else:
            self._print(shown, acknowledged=sum(not one.is_open for one in found))
        errors = sum(one.is_open and one.severity is Severity.ERROR for one in found)
        if errors:
            raise CommandError(
                ngettext("%(count)s error is open.", "%(count)s errors are open.", errors)
                % {"count": errors},
                returncode=1,
            )

    def _print(self, shown: Sequence[Standing], *, acknowledged: int) -> None:
        for severity in Severity:
            rows = [one for one in shown if one.severity is severity]
            if rows:
                self.stdout.write(f"{gettext(HEADINGS[severity])}: {len(rows)}")
            for one in rows:
                self._print_one(one)
        if not shown:
            self.stdout.write(gettext("Nothing is open: policy, register and law agree."))
        if acknowledged:
            self.stdout.write(gettext("Acknowledged: %(count)s") % {"count": acknowledged})

    def _print_one(self, found: Standing) -> None:
        self.stdout.write(f"  {found.id}  {found.article}  {found.object}")
        self.stdout.write(f"    {found.message}")
        self.stdout.write(f"    → {found.clears}")
        said = found.acknowledgement
        if said is not None:
            words = gettext("acknowledged until %(day)s: %(reason)s")
            self.stdout.write(
                "    "
                + words % {"day": long_day(said.until), "reason": " ".join(said.reason.split())}
            )
