from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils.translation import gettext, ngettext

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from subjects.services.tables import database_rows
from subjects.traces import (
    Counts,
    Needles,
    Search,
    Trace,
    Unread,
    search_paths,
)

FOUND, NOT_ALL_READ = 1, 3  # exit codes; 2 is a refusal

# The ways through containers, as the engine names them.
_STEPS = {
    "part": gettext_noop("part %(number)s"),
    "page": gettext_noop("page %(number)s"),
    "object": gettext_noop("object %(number)s"),
    "message": gettext_noop("message %(number)s"),
    "row": gettext_noop("row %(number)s"),
}
_WORDS = {
    "headers": gettext_noop("headers"),
    "document information": gettext_noop("document information"),
    "name": gettext_noop("name"),
}
_NUMBERED = re.compile(r"(part|page|object|message|row) (.+)", re.DOTALL)


class NotUtf8(OperatorError):
    template = gettext_noop("The values must be text in UTF-8: line %(number)s is not.")


class NoSuchPlace(OperatorError):
    template = gettext_noop("There is no file or folder %(path)s.")


class Command(OfficeCommand):
    help = (
        "Looks for values that should be gone: everywhere in the database, in the folder of the "
        "office and in the given places, in every encoding and inside archives and documents. "
        "Reads the values from standard input, one a line; prints where each was found and never "
        "the value. Give every spelling on a line of its own. Exit code: 0 nothing found, 1 found, "
        "2 refused, 3 nothing found but something could not be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "paths",
            nargs="*",
            metavar="PATH",
            help="more places: the data folder and the log of PostgreSQL, a dump, a backup",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--no-database",
            dest="database",
            action="store_false",
            help="do not look into the tables of the database",
        )

    def work(self, **options: Any) -> None:
        needles = Needles(_values())
        for path in options["paths"]:
            if not Path(path).exists():
                raise NoSuchPlace(path=needles.redacted(path))
        counts = Counts()
        traces: list[Trace] = []
        unread: list[Unread] = []
        for found in _search(needles, options, counts):
            if isinstance(found, Unread):
                unread.append(found)
                continue
            traces.append(found)
            if not options["json"]:
                self.stdout.write(_trace_line(found))
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "traces": [asdict(one) for one in traces],
                        "unread": [asdict(one) for one in unread],
                        "searched": asdict(counts),
                    },
                    ensure_ascii=False,
                )
            )
        else:
            for one in unread:
                self.stdout.write(_unread_line(one))
            self.stdout.write(_summary(traces, unread, counts))
        code = FOUND if traces else NOT_ALL_READ if unread else 0
        if code:
            sys.exit(code)


def _values() -> list[str]:
    """The lines of standard input."""
    if sys.stdin.isatty():
        print(
            gettext("Type the values, one a line; end with Ctrl-D. They are shown as you type."),
            file=sys.stderr,
        )
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        return sys.stdin.read().split("\n")
    lines = stream.read().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    values = []
    for number, line in enumerate(lines, start=1):
        try:
            values.append(line.decode())
        except UnicodeDecodeError:
            raise NotUtf8(number=number) from None
    return values


def _search(needles: Needles, options: dict[str, Any], counts: Counts) -> Iterator[Trace | Unread]:
    # The database first: one that does not answer is said before hours of reading.
    if options["database"]:
        yield from Search(needles, counts=counts).rows(database_rows())
    yield from search_paths(needles, [*_own_places(), *options["paths"]], counts=counts)


def _own_places() -> Iterable[Path]:
    """The folder of the office, and the files of SQLite when they lie elsewhere."""
    yield settings.OFFICE_VAR
    for database in settings.DATABASES.values():
        if database["ENGINE"].endswith("sqlite3"):
            for ending in ("", "-wal", "-shm", "-journal"):
                path = Path(f"{database['NAME']}{ending}")
                if path.exists():
                    yield path


def _step(text: str) -> str:
    numbered = _NUMBERED.fullmatch(text)
    if numbered:
        return gettext(_STEPS[numbered[1]]) % {"number": numbered[2]}
    return gettext(_WORDS[text]) if text in _WORDS else text


def _where(found: Trace | Unread) -> str:
    steps = found.inside.split(", ") if found.inside else []
    return ", ".join([found.path, *(_step(step) for step in steps)])


def _trace_line(trace: Trace) -> str:
    params = {
        "number": trace.value_number,
        "where": _where(trace),
        "form": trace.form,
        "offset": trace.offset,
    }
    if trace.offset is None:
        return gettext("value %(number)s: %(where)s, %(form)s") % params
    return gettext("value %(number)s: %(where)s, %(form)s, at byte %(offset)s") % params


def _unread_line(unread: Unread) -> str:
    return gettext("not read: %(where)s: %(reason)s") % {
        "where": _where(unread),
        "reason": gettext(unread.reason),
    }


def _summary(traces: list[Trace], unread: list[Unread], counts: Counts) -> str:
    parts = [
        ngettext("%(number)s trace found", "%(number)s traces found", len(traces))
        % {"number": len(traces)},
        ngettext("%(number)s place not read", "%(number)s places not read", len(unread))
        % {"number": len(unread)},
        gettext("searched: files %(files)s, bytes %(bytes)s, cells %(cells)s") % asdict(counts),
    ]
    return "; ".join(parts) + "."
