from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext

from registry.commands import OfficeCommand
from subjects.management.commands.rotate_kek import day
from subjects.services.keys import search_rotate
from subjects.vault import keyring


class Command(OfficeCommand):
    help = (
        "Replaces the search key and makes all search tokens anew from the values. Searching works "
        "throughout. Killed half-way, the next call goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--retire-on", metavar="DATE", help="when the replaced key may be destroyed"
        )

    def work(self, **options: Any) -> None:
        newest = search_rotate(by=None, now=timezone.now(), retire_on=day(options["retire_on"]))
        name = keyring.name_of(newest.use, newest.number)
        self.stdout.write(gettext("Everything is now found through %(name)s.") % {"name": name})
