from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from registry.commands import OfficeCommand
from subjects.services.keys import keys_make
from subjects.vault import keyring


class Command(OfficeCommand):
    help = (
        "Makes the first keys of the vault, where there are none. Safe to repeat. Says in which "
        "folder they lie: it belongs into a backup of its own, never into that of the database."
    )

    def work(self, **options: Any) -> None:
        made = keys_make(by=None, now=timezone.now())
        keyring.ring(fresh=True).require_whole()
        names = ", ".join(keyring.name_of(row.use, row.number) for row in made)
        params = {"folder": keyring.folder(), "names": names}
        if made:
            self.stdout.write(gettext("Made %(names)s in %(folder)s.") % params)
        else:
            self.stdout.write(gettext("The keys are there already, in %(folder)s.") % params)
