"""An office of real processes: workers and beat beside a database and a broker of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis

BASE_DIR = Path(__file__).resolve().parent.parent
WAIT_SECONDS = 300  # on a busy machine; seconds on an idle one
# Of a Redis that the tests may use as they like: far from the database that the run names.
REDIS_DATABASE = 9

WORKER = [
    *("celery", "--app", "config", "--quiet", "worker", "--loglevel", "WARNING"),
    *("--pool", "prefork", "--concurrency", "1", "--without-gossip", "--without-mingle"),
]
BEAT = [
    *("celery", "--app", "config", "--quiet", "beat", "--loglevel", "WARNING"),
    *("--scheduler", "celery.beat:Scheduler"),
]


def wait_for(condition: Callable[[], Any], what: str, every: float = 0.1) -> Any:
    """The first true answer of the condition; fails after ``WAIT_SECONDS``."""
    ends = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < ends, f"waited in vain for {what}"
        time.sleep(every)
    return found


def members(session: int) -> list[int]:
    """What still runs of a session; the dead that nobody has reaped do not count."""
    found = []
    for state in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = state.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(state.parent.name))
    return found


class Store:
    """A database server to copy prepared databases in: files, or the PostgreSQL of the run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = os.environ.get("TEST_DATABASE_URL", "")
        self.redis = os.environ.get("TEST_REDIS_URL", "")
        self._made: list[str] = []

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def create(self, template: str = "") -> str:
        """The URL of a new database, a copy of the template's when one is given."""
        name = f"office_processes_{uuid.uuid4().hex[:12]}"
        if self.postgres:
            copied = urlsplit(template).path[1:] or "template1"
            self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{copied}"')
            self._made.append(name)
            return urlsplit(self.postgres)._replace(path=f"/{name}").geturl()
        path = self.folder / f"{name}.sqlite3"
        if template:
            shutil.copy(template.removeprefix("sqlite:///"), path)
        return f"sqlite:///{path}"

    def broker(self) -> str:
        """The URL of an empty broker; empty for the one of files, which each office has."""
        if not self.redis:
            return ""
        url = urlsplit(self.redis)._replace(path=f"/{REDIS_DATABASE}").geturl()
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url

    def close(self) -> None:
        for name in self._made:
            self._administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.broker()


class Office:
    """One office: its folder, its database, and the programs that were started for it."""

    def __init__(self, folder: Path, database: str, broker: str) -> None:
        self.folder = folder
        self.database = database
        self.programs: list[subprocess.Popen[bytes]] = []
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TEST_", "OFFICE_", "DJANGO_", "PYTEST_"))
        } | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "OFFICE_MODE": "development",
            "OFFICE_VAR": str(folder / "var"),
            "OFFICE_SECRETS": str(folder / "secrets"),
            "SECRET_KEY": "only-for-tests-" + "x" * 50,
            "DATABASE_URL": database,
            "REDIS_URL": broker,
            "EMAIL_URL": "",
        }

    def script(self, verb: str) -> dict[str, Any]:
        """Run a verb of tests/process_script.py inside this office."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.process_script", verb],
            check=False, cwd=BASE_DIR, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=WAIT_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def start(self, *commands: list[str]) -> list[subprocess.Popen[bytes]]:
        """Each program in a session of its own, which whatever it starts belongs to."""
        started = []
        for command in commands:
            with self.log.open("ab") as stream:
                program = subprocess.Popen(
                    [sys.executable, "-m", *command],
                    cwd=BASE_DIR, env=self.environment, stdin=subprocess.DEVNULL,
                    stdout=stream, stderr=stream, start_new_session=True,
                )  # fmt: skip
            started.append(program)
        self.programs += started
        return started

    def start_all(self) -> list[subprocess.Popen[bytes]]:
        """Two workers and beat."""
        workers = [[*WORKER, "--hostname", f"worker{number}@office"] for number in (1, 2)]
        return self.start(*workers, BEAT)

    def kill(self, programs: list[subprocess.Popen[bytes]]) -> None:
        """``kill -9`` for each program and all that it has started, at once."""
        for program in programs:
            if self._left_of(program):
                os.killpg(program.pid, signal.SIGKILL)
        wait_for(lambda: not any(map(self._left_of, programs)), "the killed to end")

    @staticmethod
    def _left_of(program: subprocess.Popen[bytes]) -> list[int]:
        program.poll()
        return members(program.pid)

    def number(self, statement: str) -> int:
        """One number from the database, past Django."""
        if self.database.startswith("sqlite"):
            path = self.database.removeprefix("sqlite:///")
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                return int(connection.execute(statement).fetchone()[0])
        with psycopg.connect(self.database) as connection:
            row = connection.execute(statement).fetchone()  # type: ignore[call-overload]
            return int(row[0])

    @property
    def mails(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "var" / "mail").glob("*"))

    @property
    def log(self) -> Path:
        return self.folder / "programs.log"


@contextmanager
def office(folder: Path, database: str, broker: str) -> Iterator[Office]:
    """An office of which no process is left when the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = Office(folder, database, broker)
    try:
        yield opened
    finally:
        opened.kill(opened.programs)
