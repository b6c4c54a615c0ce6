"""Where a canary lives: whatever is logged and spooled lies open, and everything is searched."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connection

from config.celery import app
from registry import seam
from subjects.models import SearchToken, VaultKey
from subjects.services.tables import database_rows
from subjects.traces import Counts, Needles, Search, Trace, Unread, search_paths
from tests.subjects.attacker import data_folder

# Not ours: the programs of PostgreSQL, and what it locks.
NOT_A_LEAK = ("postmaster.pid", "postmaster.opts")


@contextmanager
def listening(folder: Path, monkeypatch: Any) -> Iterator[Path]:
    """Whatever anybody logs, at every level, and whatever is spooled to a temporary folder."""
    (folder / "spool").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "spool"))
    handler = logging.FileHandler(folder / "office.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    root = logging.getLogger()
    quiet = [
        (logger, logger.level, logger.propagate)
        for logger in map(logging.getLogger, ("", "django", "django.request", "office"))
    ]
    root.addHandler(handler)
    for logger, _, _ in quiet:
        logger.setLevel(logging.DEBUG)
        logger.propagate = True
    yield folder
    root.removeHandler(handler)
    handler.close()
    for logger, level, propagate in quiet:
        logger.setLevel(level)
        logger.propagate = propagate
    app.control.purge()


def flush() -> list[Path]:
    """Make every server write down what it has, and say where."""
    places = [Path(settings.TEST_ROOM)]
    seam.flush_deleted([VaultKey, SearchToken])
    if connection.vendor == "postgresql":
        folder = data_folder()
        assert folder is not None, "the data folder of PostgreSQL must be at hand"
        places += [folder, *folder.parent.glob("server.log")]
        assert (folder.parent / "server.log").exists()
    return places


def queue(room: Path) -> list[Path]:
    """What Valkey keeps, without the first bytes by which its file is taken for a closed one."""
    if not settings.REDIS_URL:
        assert list((Path(settings.OFFICE_VAR) / "broker").rglob("*.msg")), "the bells hang"
        return []
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.config_set("rdbcompression", "no")
        assert client.llen("celery") >= 3, "the bells hang"
        client.save()
        dump = Path(os.fsdecode(client.config_get("dir")["dir"])) / "dump.rdb"
    content = dump.read_bytes()
    assert content[:5] in (b"REDIS", b"VALKE")
    (room / "valkey.bin").write_bytes(content[9:])
    return [room / "valkey.bin"]


def leaks(at: Any) -> tuple[set[tuple[str, str]], list[Unread], Counts]:
    """(which value, where) for every find; what was not read; how much was.

    ``at``: a ``Journey``: the values that were given, and the folder in which it took place.
    """
    names = list(at.given)
    needles = Needles(at.given.values())
    counts = Counts()
    found: set[tuple[str, str]] = set()
    unread: list[Unread] = []
    places = [at.folder, *queue(at.folder), *flush()]
    results = [
        *Search(needles, counts=counts).rows(database_rows()),
        *search_paths(needles, places, counts=counts),
    ]
    # Whoever closes a file gives up all locks of this process on it: SQLite's next process would
    # take itself for the last one and remove the log under us.
    connection.close()
    for one in results:
        if isinstance(one, Trace):
            found.add((names[one.value_number - 1], one.path))
        elif Path(one.path).name not in NOT_A_LEAK:
            unread.append(one)
    return found, unread, counts
