"""``export_register``: the register of an operator into a file, for people or for a program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from registry.commands import OfficeCommand, terminal_language
from registry.errors import OperatorError, gettext_noop
from registry.models.base import LANGUAGES
from registry.services.register_export import ExportFormat, register_export
from registry.services.rules import operator_by_code

STDOUT = "-"


class ExportFileExists(OperatorError):
    template = gettext_noop("%(file)s is there already: name another file, or add --force.")


class ExportNotAFile(OperatorError):
    template = gettext_noop("%(file)s is no file: name one.")


class CannotWriteExport(OperatorError):
    template = gettext_noop("%(file)s cannot be written.")


class Command(OfficeCommand):
    help = (
        "Writes the whole register of an operator as it is now: JSON for a program, XLSX or PDF "
        "for people. docs/register-export.md tells what the keys of JSON mean. Exit code: 2 when "
        "the question is wrong or the file cannot be written; then no file is left behind."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument("--format", required=True, help=", ".join(ExportFormat.values))
        parser.add_argument(
            "--language",
            help="ru, kk or en; without it, the terminal's. JSON is the same in each",
        )
        parser.add_argument(
            "--out", required=True, metavar="FILE", help="where to; - for standard output"
        )
        parser.add_argument("--force", action="store_true", help="replace a file that is there")

    def language(self, options: Mapping[str, Any]) -> str:
        wanted = options["language"]
        return wanted if wanted in LANGUAGES else terminal_language()

    def work(self, **options: Any) -> None:
        out = options["out"]
        if out != STDOUT:
            _check(Path(out), force=options["force"])
        content = register_export(
            operator=operator_by_code(options["operator"]),
            format=options["format"],
            language=terminal_language() if options["language"] is None else options["language"],
            now=timezone.now(),
        )
        if out == STDOUT:
            bytewise: Any = self.stdout
            bytewise.buffer.write(content)
            bytewise.buffer.flush()
        else:
            _write(Path(out), content, force=options["force"])
            self.stdout.write(out)


def _check(path: Path, *, force: bool) -> None:
    """Refuse what is no file, such as a folder or a device, and a file that is there already."""
    if os.path.lexists(path):
        if not path.is_file():
            raise ExportNotAFile(file=str(path))
        if not force:
            raise ExportFileExists(file=str(path))


def _write(path: Path, content: bytes, *, force: bool) -> None:
    """Whole or not at all: a file beside it takes its place once everything is on the disk.

    Without ``force`` also a file that has appeared since the check is refused.
    """
    part = None
    try:
        # The file itself where the path is a link to it.
        target = path.resolve()
        handle, part = mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if force:
            os.replace(part, target)
            part = None
        else:
            # Unlike a replacement, a link never takes the place of a file; ``part`` goes below.
            os.link(part, target)
    except FileExistsError:
        raise ExportFileExists(file=str(path)) from None
    except OSError:
        raise CannotWriteExport(file=str(path)) from None
    finally:
        if part is not None:
            Path(part).unlink(missing_ok=True)
