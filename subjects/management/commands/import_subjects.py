from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from registry.services.rules import operator_by_code
from subjects.models import ImportReject, SubjectImport
from subjects.services.importing.reading import file_source
from subjects.services.importing.rejects import worded
from subjects.services.importing.runs import import_file

PROGRESS_SECONDS = 2.0


class RejectsNotWritable(OperatorError):
    template = gettext_noop("The file for rejected rows cannot be written: %(reason)s.")


class Command(OfficeCommand):
    help = (
        "Import people of an operator from a CSV file: one column for each data category, and "
        "account, activity, basis, started_on, accepted_at, consent_text, scopes, channel, "
        "evidence. Killed half-way, it goes on when it is started again with the same file. "
        "Exit code: 0 every row was taken, 1 some were rejected, 2 the file was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="CSV in UTF-8; commas, semicolons or tabs")
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument(
            "--dry-run", action="store_true", help="read and check everything, save no person"
        )
        parser.add_argument(
            "--rejects", help="write line, column and reason of rejected rows here (CSV)"
        )

    def work(self, **options: Any) -> None:
        operator = operator_by_code(options["operator"])
        target = options["rejects"]
        if target:
            # Found out before hours of work, not after.
            self._rejects(Path(target), None)
        started = time.monotonic()
        run = import_file(
            operator=operator,
            source=file_source(Path(options["file"])),
            dry_run=options["dry_run"],
            by=None,
            now=timezone.now(),
            progress=self._shows(started),
        )
        if target:
            self._rejects(Path(target), run)
        self.stdout.write(_summary(run))
        if run.rows_rejected:
            raise CommandError(
                gettext("Rows rejected: %(count)s.") % {"count": run.rows_rejected}, returncode=1
            )

    def _shows(self, started: float) -> Any:
        said = started

        def progress(run: SubjectImport) -> None:
            nonlocal said
            now = time.monotonic()
            if now - said < PROGRESS_SECONDS:
                return
            said = now
            people = run.people_new + run.people_changed + run.people_same
            self.stderr.write(
                gettext("%(percent)s %%: line %(line)s, people %(people)s, rejected %(rejected)s")
                % {
                    "percent": 100 * run.done_bytes // max(run.size, 1),
                    "line": run.done_lines,
                    "people": people,
                    "rejected": run.rows_rejected,
                }
            )

        return progress

    def _rejects(self, path: Path, run: SubjectImport | None) -> None:
        try:
            with path.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(["line", "column", "reason"])
                if run is not None:
                    rows = ImportReject.objects.filter(run=run).order_by("line", "pk")
                    for row in rows.iterator(chunk_size=2_000):
                        writer.writerow([row.line, row.column, worded(row)])
        except OSError as error:
            raise RejectsNotWritable(reason=error.strerror) from None


def _summary(run: SubjectImport) -> str:
    text = gettext(
        "Import %(number)s: new %(new)s, changed %(changed)s, unchanged %(same)s, "
        "rejected rows %(rejected)s, conflicts %(conflicts)s."
    )
    if run.dry_run:
        text = gettext(
            "Trial run %(number)s, nothing was saved: new %(new)s, changed %(changed)s, "
            "unchanged %(same)s, rejected rows %(rejected)s, conflicts %(conflicts)s."
        )
    return text % {
        "number": run.pk,
        "new": run.people_new,
        "changed": run.people_changed,
        "same": run.people_same,
        "rejected": run.rows_rejected,
        "conflicts": run.conflicts_found,
    }
