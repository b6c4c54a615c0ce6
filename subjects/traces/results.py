"""What the search tells, and how far it goes."""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import gettext_noop

# Why something was not read; the command says it in the reader's language.
GONE = gettext_noop("it went away meanwhile")
NO_PERMISSION = gettext_noop("no permission")
NOT_A_FILE = gettext_noop("neither a file nor a folder")
LEADS_OUTSIDE = gettext_noop("a symbolic link that leads outside")
UNREADABLE = gettext_noop("it cannot be read")
NOT_READ_BY_DATABASE = gettext_noop("the database does not give it")
BROKEN = gettext_noop("broken")
ENCRYPTED = gettext_noop("encrypted")
TOO_LARGE = gettext_noop("too large when unpacked")
TOO_LARGE_INSIDE = gettext_noop("too large to be opened inside another file")
TOO_DEEP = gettext_noop("packed too many times")
UNKNOWN_PACKING = gettext_noop("packed in a way that the office cannot open")


@dataclass(frozen=True)
class Trace:
    """Where a value was found: never the value.

    ``inside``: the way through containers, empty for the file itself. ``offset``: in bytes of
    what ``inside`` names, None where bytes have no order (a name, a drawn text).
    ``value_number``: the line of the input, from 1.
    """

    path: str
    inside: str
    form: str
    offset: int | None
    value_number: int


@dataclass(frozen=True)
class Unread:
    """What was not read, and why (one of the reasons above)."""

    path: str
    inside: str
    reason: str


@dataclass(frozen=True)
class Limits:
    """How far containers are unpacked. Sizes in bytes.

    A file may grow ``ratio`` times when unpacked, and always to ``least``; what has to be
    held whole (a ZIP inside a message) may have ``whole``. At most ``depth`` containers in
    one another.
    """

    depth: int = 5
    whole: int = 64 << 20
    least: int = 256 << 20
    ratio: int = 100


@dataclass
class Counts:
    """What was searched: files, bytes (unpacked ones too) and cells of databases."""

    files: int = 0
    bytes: int = 0
    cells: int = 0


class TooLarge(Exception):
    """What comes out of one file exceeds the limit."""
