from typing import Any

from django.utils import timezone

from registry.commands import OfficeCommand
from registry.services.law import law_load


class Command(OfficeCommand):
    help = "Load both laws: calendars, authorities, legal bases, deadline rules. Safe to repeat."

    def work(self, **options: Any) -> None:
        report = law_load(now=timezone.now())
        self.stdout.write(f"law: {report.line()}")
        for kept in report.kept:
            self.stdout.write(f"kept as changed by hand: {kept}")
