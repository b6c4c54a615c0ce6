"""Walk through files and folders and search them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from subjects.traces.needles import Needles
from subjects.traces.results import (
    GONE,
    LEADS_OUTSIDE,
    NO_PERMISSION,
    NOT_A_FILE,
    UNREADABLE,
    Counts,
    Limits,
    Trace,
    Unread,
)
from subjects.traces.search import Search


def search_paths(
    needles: Needles,
    paths: Iterable[str | Path],
    *,
    limits: Limits | None = None,
    counts: Counts | None = None,
) -> Iterator[Trace | Unread]:
    """Every first trace of every form in every file under the paths, and what was not read.

    A file that has several names is read once. ``counts`` is added to as the search goes.
    Writes nothing anywhere; unpacks in memory only.
    """
    yield from _Walk(Search(needles, limits, counts), [Path(path) for path in paths]).all()


class _Walk:
    def __init__(self, search: Search, roots: list[Path]) -> None:
        self._search = search
        self._roots = roots
        self._real = [Path(os.path.realpath(root)) for root in roots]
        self._seen: set[tuple[int, int]] = set()

    def all(self) -> Iterator[Trace | Unread]:
        for root, real in zip(self._roots, self._real, strict=True):
            # A root that is a symbolic link was named by a person: it is followed.
            yield from self._entry(str(real) if root.is_symlink() else str(root))

    def _entry(self, path: str) -> Iterator[Trace | Unread]:
        yield from self._search.name(path, os.fsencode(os.path.basename(path)))
        try:
            about = os.lstat(path)
            if stat.S_ISLNK(about.st_mode):
                yield from self._link(path)
            elif stat.S_ISDIR(about.st_mode):
                with os.scandir(path) as entries:
                    names = sorted(entry.name for entry in entries)
                for name in names:
                    yield from self._entry(os.path.join(path, name))
            elif stat.S_ISREG(about.st_mode):
                yield from self._file(path)
            else:
                yield self._unread(path, NOT_A_FILE)
        except OSError as error:
            yield self._unread(path, _reason(error))

    def _link(self, path: str) -> Iterator[Trace | Unread]:
        yield from self._search.name(path, os.fsencode(os.readlink(path)))
        target = Path(os.path.realpath(path))
        if target.exists() and not any(target.is_relative_to(root) for root in self._real):
            yield self._unread(path, LEADS_OUTSIDE)

    def _file(self, path: str) -> Iterator[Trace | Unread]:
        with _opened(path) as stream:
            about = os.fstat(stream.fileno())
            if (about.st_dev, about.st_ino) in self._seen:
                return
            self._seen.add((about.st_dev, about.st_ino))
            yield from self._search.file(path, stream, about.st_size)

    def _unread(self, path: str, reason: str) -> Unread:
        return self._search.unread(self._search.place(path, 0), reason)


def _opened(path: str) -> IO[bytes]:
    """A pipe that took the file's place meanwhile does not keep us waiting."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NONBLOCK | os.O_NOFOLLOW)

    return open(path, "rb", opener=opener)


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return GONE
    return NO_PERMISSION if isinstance(error, PermissionError) else UNREADABLE
