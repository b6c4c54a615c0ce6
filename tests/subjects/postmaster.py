"""A database server that a test may stop and start: never the one that the run has named."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from tests import servers
from tests.processes import WAIT_SECONDS, wait_for


class Postmaster:
    """A PostgreSQL of ``tests.servers`` that is stopped and started while its block lasts."""

    def __init__(self, url: str) -> None:
        self.url = url
        with psycopg.connect(url) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        self.data = Path(row[0])
        self.pid = int((self.data / "postmaster.pid").read_text().split()[0])
        words = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")[:-1]
        self.command = [os.fsdecode(word) for word in words]
        self.started: subprocess.Popen[bytes] | None = None

    def settle(self, database: str) -> None:
        """This database as in production, where a commit that was told of survives a crash.

        And as after the first minutes: a copy of a template takes over how far its sequences were
        logged, but not the log; killed before a checkpoint, the server gives numbers out twice.
        """
        with psycopg.connect(database, autocommit=True) as connection:
            name = sql.Identifier(connection.info.dbname)
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET synchronous_commit = on").format(name)
            )
            connection.execute("CHECKPOINT")

    def stop(self, how: signal.Signals) -> None:
        os.kill(self.pid, how)
        wait_for(self._ended, "PostgreSQL to stop", 0.02)

    def _ended(self) -> bool:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except OSError:
            return True

    def start(self) -> None:
        if self.started is not None:
            self.started.wait(WAIT_SECONDS)
        self.started = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            **servers._as_nobody(self.data.parent),
        )  # fmt: skip
        self.pid = self.started.pid
        wait_for(self._answers, "PostgreSQL to start", 0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def end(self) -> None:
        """The one that ``tests.servers`` started it ends itself; the later ones are ours."""
        if self.started is not None and not self._ended():
            self.stop(signal.SIGINT)
            self.started.wait(WAIT_SECONDS)
