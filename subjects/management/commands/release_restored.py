from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext

from registry.commands import OfficeCommand
from registry.services.holding import release


class Command(OfficeCommand):
    help = (
        "Lets a restored office send mail and run its jobs again, in the name of a DPO who has "
        "looked at what waits in the outbox."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="the account of a DPO")

    def work(self, **options: Any) -> None:
        now = timezone.now()
        release(username=options["username"], now=now, today=now.date())
        self.stdout.write(gettext("Released: the jobs of the clock run again."))
