from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext

from registry.commands import OfficeCommand
from registry.errors import gettext_noop
from subjects.services.files import files_look
from subjects.services.keys import lost_keys, retired_files
from subjects.vault import keyring

# What is looked for, and how a line about it begins.
_LINES = {
    "keys": gettext_noop("key missing or wrong: %(what)s"),
    "lost": gettext_noop("value lost, its key is gone and no destruction names it: key %(what)s"),
    "missing": gettext_noop("sealed file gone: number %(what)s"),
    "orphans": gettext_noop("file that no row names: %(what)s"),
    "mute": gettext_noop("file of a destroyed value, still there: %(what)s"),
    "retired": gettext_noop("key file that should be destroyed: %(what)s"),
}


class Command(OfficeCommand):
    help = (
        "Checks that every sealed value still has its key, every key its file, and every sealed "
        "file its row. Changes nothing. Exit code: 0 all is well, 1 something is wrong, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def work(self, **options: Any) -> None:
        ring = keyring.ring(fresh=True)
        looked = files_look(now=timezone.now())
        found: dict[str, list[Any]] = {
            "keys": ring.missing or ([] if ring.keys else [keyring.name_of("kek", 1)]),
            "lost": lost_keys(),
            "missing": looked.missing,
            "orphans": [path.name for path in looked.orphans],
            "mute": [path.name for path in looked.mute],
            "retired": retired_files(),
        }
        wrong = sum(map(len, found.values()))
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            for name, all_of_it in found.items():
                for what in all_of_it:
                    self.stdout.write(gettext(_LINES[name]) % {"what": what})
            if not wrong:
                self.stdout.write(gettext("The vault is whole."))
        if wrong:
            sys.exit(1)
