from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext

from registry.commands import OfficeCommand
from registry.errors import gettext_noop
from subjects.services.restoring import Restored, backup_restore

_LINES = {
    "rows": gettext_noop("rows: %(what)s"),
    "keys": gettext_noop("keys: %(what)s"),
    "destroyed": gettext_noop("destroyed again, by the journal: %(what)s"),
    "withheld": gettext_noop("keys of destroyed values, not loaded: %(what)s"),
    "unneeded": gettext_noop("keys of values that came after the data, not loaded: %(what)s"),
    "indexed": gettext_noop("values that can be found: %(what)s"),
    "files": gettext_noop("sealed files: %(what)s"),
    "lost": gettext_noop("values lost, no backup has their key: %(what)s"),
    "missing": gettext_noop("sealed files that the backup does not hold, by number: %(what)s"),
    "mute": gettext_noop("keys whose values do not open, by number: %(what)s"),
    "lacking": gettext_noop("key files that are not in OFFICE_KEYS: %(what)s"),
}


class Command(OfficeCommand):
    help = (
        "Puts a backup back into an empty, migrated database. What the journal says was destroyed "
        "since is destroyed again. Then nothing is sent and no job runs until release_restored. "
        "Exit code: 0 all is well, 1 something is lost or missing, 2 refused and nothing changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("place", metavar="DIR", help="a backup of data, or where they lie")
        parser.add_argument(
            "--keys",
            metavar="DIR",
            help="a backup of keys, or where they lie; else beside the data",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def work(self, **options: Any) -> None:
        place = Path(options["place"]).resolve()
        beside = place.parent if place.name.startswith("data-") else place
        keys = Path(options["keys"]).resolve() if options["keys"] else beside
        done = backup_restore(data=place, keys=keys, now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(asdict(done)))
        else:
            self._tell(done)
        if done.wrong:
            sys.exit(1)

    def _tell(self, done: Restored) -> None:
        for name, what in asdict(done).items():
            if isinstance(what, list):
                what = ", ".join(map(str, what))
            if what or name in {"rows", "keys", "destroyed", "lost"}:
                self.stdout.write(gettext(_LINES[name]) % {"what": what})
        self.stdout.write(
            gettext(
                "Nothing is sent and no job runs until a DPO has looked at the outbox and says: "
                "manage.py release_restored NAME"
            )
        )
