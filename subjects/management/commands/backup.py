from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from registry.commands import OfficeCommand
from subjects.services.backing_up import backup_make


class Command(OfficeCommand):
    help = (
        "Writes a backup: DIR/data-TIME holds every table but the keys and the search index, and "
        "the sealed files; DIR/keys-TIME holds the wrapped keys, of which only the newest is kept. "
        "The key files of OFFICE_KEYS are in neither: keep them yourself, apart. Exit code: 0 all "
        "is well, 1 something was missing or damaged, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("place", metavar="DIR", help="where the backup goes")
        parser.add_argument(
            "--keys", metavar="DIR", help="where the wrapped keys go instead, best another machine"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def work(self, **options: Any) -> None:
        place = Path(options["place"]).resolve()
        keys = Path(options["keys"]).resolve() if options["keys"] else place
        made = backup_make(data=place, keys=keys, now=timezone.now())
        if options["json"]:
            told = {
                "data": str(made.data), "keys": str(made.keys), "rows": made.rows,
                "wrapped": made.wrapped, "files": made.files, "missing": made.missing,
                "damaged": made.damaged, "gone": made.gone,
            }  # fmt: skip
            self.stdout.write(json.dumps(told))
        else:
            self._tell(made)
        if made.missing or made.damaged:
            sys.exit(1)

    def _tell(self, made: Any) -> None:
        lines = [
            ngettext("%(place)s: %(rows)s row", "%(place)s: %(rows)s rows", made.rows)
            % {"place": made.data, "rows": made.rows},
            ngettext("%(number)s sealed file", "%(number)s sealed files", made.files)
            % {"number": made.files},
            ngettext("%(place)s: %(number)s key", "%(place)s: %(number)s keys", made.wrapped)
            % {"place": made.keys, "number": made.wrapped},
        ]
        lines += [
            gettext("older backup of the keys, taken away: %(name)s") % {"name": name}
            for name in made.gone
        ]
        lines += [gettext("sealed file gone: number %(what)s") % {"what": n} for n in made.missing]
        lines += [
            gettext("key that does not open: number %(what)s; the older backup of the keys stays")
            % {"what": number}
            for number in made.damaged
        ]
        self.stdout.write("\n".join(lines))
