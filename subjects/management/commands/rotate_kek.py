from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from subjects.services.keys import kek_rotate, keys_retire_due
from subjects.vault import keyring
from subjects.vault.models import KeyUse, MasterKey


class NotADate(OperatorError):
    template = gettext_noop("A date looks like 2026-03-31.")


def day(text: str | None) -> date | None:
    """A day of the command line; refuses what is none."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotADate() from None


class Command(OfficeCommand):
    help = (
        "Replaces the key-encryption key and wraps every key of the vault anew; the data are not "
        "touched. Killed half-way, the next call goes on. The old key retires on its day: from "
        "then on, copies of destroyed values open no more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--retire-on", metavar="DATE", help="when the replaced key may be destroyed"
        )
        parser.add_argument(
            "--retire",
            action="store_true",
            help="replace nothing: destroy the replaced keys whose day has come",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def work(self, **options: Any) -> None:
        now = timezone.now()
        retire_on = day(options["retire_on"])
        done = self._retire(now) if options["retire"] else self._rotate(now, retire_on)
        if options["json"]:
            self.stdout.write(json.dumps({name: value for name, value in done.items() if name}))
        else:
            self.stdout.write(done[""])

    def _rotate(self, now: datetime, retire_on: date | None) -> dict[str, Any]:
        wrapped = 0

        def count(done: int) -> None:
            nonlocal wrapped
            wrapped = done

        newest = kek_rotate(by=None, now=now, retire_on=retire_on, after_chunk=count)
        older = MasterKey.objects.filter(use=KeyUse.KEK, retired_at=None).exclude(pk=newest.pk)
        retires = {keyring.name_of(row.use, row.number): str(row.retire_on) for row in older}
        name = keyring.name_of(newest.use, newest.number)
        text = ngettext(
            "%(name)s now wraps everything: %(number)s key was wrapped anew.",
            "%(name)s now wraps everything: %(number)s keys were wrapped anew.",
            wrapped,
        ) % {"name": name, "number": wrapped}
        for old, on in retires.items():
            text += " " + gettext("%(name)s retires on %(day)s.") % {"name": old, "day": on}
        return {"": text, "key": name, "wrapped": wrapped, "retires": retires}

    def _retire(self, now: datetime) -> dict[str, Any]:
        retired = keys_retire_due(now=now, today=now.date())
        text = ngettext("%(number)s key retired.", "%(number)s keys retired.", retired)
        return {"": text % {"number": retired}, "retired": retired}
