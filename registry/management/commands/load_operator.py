from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from registry.commands import OfficeCommand
from registry.services.operators import operator_load


class Command(OfficeCommand):
    help = "Load an operator and the facts of its policy from a TOML file. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="such as registry/data/operators/pandev.toml")

    def work(self, **options: Any) -> None:
        operator, report = operator_load(path=options["file"], now=timezone.now())
        self.stdout.write(f"{operator.code}: {report.line()}")
        for kept in report.kept:
            self.stdout.write(f"kept as changed by hand: {kept}")
