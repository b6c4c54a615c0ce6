"""``manage.py run``: one start, one Ctrl-C, nothing left. Real processes throughout."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent
# Other suites may run beside it.
START_SECONDS = 180
STOP_SECONDS = 30
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="Processes are counted through /proc (Linux)."
)


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def running() -> dict[int, tuple[int, str]]:
    """Process id -> (parent, command line) of everything that runs and is not a zombie."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if state not in "ZX":
            found[int(folder.name)] = (int(parent), line)
    return found


def descendants(root: int) -> dict[int, str]:
    """Process id -> command line of everything that a process has started."""
    processes = running()
    found: dict[int, str] = {}
    ring = {root}
    while ring:
        ring = {pid for pid, (parent, _) in processes.items() if parent in ring}
        found |= {pid: processes[pid][1] for pid in ring}
    return found


class Office:
    """An office with a database, secrets and a mailbox of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TEST_", "OFFICE_", "DJANGO_", "PYTEST_", "SECRET_", "EMAIL_"))
        } | {
            "OFFICE_MODE": "development",
            "OFFICE_VAR": str(folder / "var"),
            "OFFICE_SECRETS": str(folder / "secrets"),
            "DATABASE_URL": f"sqlite:///{folder / 'office.sqlite3'}",
            "REDIS_URL": "",
        }

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            check=False,
            cwd=BASE_DIR,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run", "--port", str(self.port), *arguments],
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def is_healthy(self) -> bool:
        assert self.process is None or self.process.poll() is None, self.output()
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def is_complete(self) -> bool:
        """Web with its worker process, worker with its pool process, and beat are there."""
        assert self.process is not None
        lines = [line for line in descendants(self.process.pid).values() if "python" in line]
        counts = [
            sum(name in line for line in lines) for name in (" granian ", " worker ", " beat")
        ]
        return counts[0] >= 1 and counts[1] >= 2 and counts[2] >= 1

    def start_and_wait(self, *arguments: str) -> dict[int, str]:
        process = self.start(*arguments)
        wait_for(self.is_healthy, START_SECONDS, "no answer from /healthz")
        wait_for(self.is_complete, START_SECONDS, "worker or beat did not start")
        wait_for(lambda: "Ctrl-C" in self.output(), 5, "the address was not printed")
        return descendants(process.pid)

    @property
    def log(self) -> Path:
        return self.folder / "output.txt"

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def counts(self) -> dict[str, int]:
        """Rows by table, without what the clock may add while it runs: jobs, reminders, mails."""
        with sqlite3.connect(self.folder / "office.sqlite3") as connection:
            tables = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            ).fetchall()
            return {
                table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
                for (table,) in tables
                if not re.search("jobrun|notice|reminder|session", table)
            }

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            left = descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.end()


def assert_all_gone(office: Office, started: dict[int, str]) -> None:
    survivors = {
        pid: line for pid, line in started.items() if running().get(pid, (0, ""))[1] == line
    }
    assert survivors == {}
    assert not listens(office.port)


def files_of_the_tree() -> set[Path]:
    """What lies in the checkout itself, except what the interpreter and the tests cache."""
    return {
        path.relative_to(BASE_DIR)
        for pattern in ("*", "config/*", "registry/*", "requests/*", "subjects/*")
        for path in BASE_DIR.glob(pattern)
        if path.name != "__pycache__" and "cache" not in path.name and path.name != ".hypothesis"
    }


def test_one_ctrl_c_stops_the_whole_office_and_a_second_start_doubles_nothing(
    office: Office,
) -> None:
    before = files_of_the_tree()
    started = office.start_and_wait()
    assert office.process is not None
    output = office.output()
    assert f"http://127.0.0.1:{office.port}/" in output
    assert str(office.folder / "var" / "mail") in output
    office.process.send_signal(signal.SIGINT)
    assert office.process.wait(STOP_SECONDS) == 0, office.output()
    assert_all_gone(office, started)
    assert "Traceback" not in office.output()
    rows = office.counts()
    assert rows["registry_operator"] == 2
    assert rows["subjects_datasubject"] == 400

    began = time.monotonic()
    started = office.start_and_wait()
    assert time.monotonic() - began < 30
    office.process.send_signal(signal.SIGTERM)
    assert office.process.wait(STOP_SECONDS) == 0, office.output()
    assert_all_gone(office, started)
    assert office.counts() == rows
    # Nothing is written beside OFFICE_VAR, OFFICE_SECRETS and the database.
    assert files_of_the_tree() == before


@pytest.mark.parametrize("victim", ["granian", "worker", "beat"])
def test_a_program_that_dies_stops_the_others_and_is_named(office: Office, victim: str) -> None:
    migrated = office.manage("migrate")
    assert migrated.returncode == 0, migrated.stderr
    started = office.start_and_wait("--no-setup")
    assert office.process is not None
    leaders = [
        pid
        for pid, (parent, line) in running().items()
        if parent == office.process.pid and f" {victim} " in line
    ]
    assert len(leaders) == 1
    os.kill(leaders[0], signal.SIGKILL)
    assert office.process.wait(STOP_SECONDS) == 1
    assert_all_gone(office, started)
    name = {"granian": "web"}.get(victim, victim)
    assert re.search(rf"stopped because {name} ended by itself", office.output())
    # Of the command itself; what a killed worker's orphan says on its way out is Celery's.
    assert "commands/run.py" not in office.output()


def test_a_busy_port_is_one_sentence_before_anything_is_started(office: Office) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", office.port))
        taken.listen()
        run = office.manage("run", "--port", str(office.port))
    assert run.returncode == 2
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1 and str(office.port) in run.stderr
    assert not (office.folder / "office.sqlite3").exists()


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_refused(office: Office, port: str) -> None:
    run = office.manage("run", f"--port={port}")
    assert run.returncode == 2
    assert "1 to 65535" in run.stderr and "Traceback" not in run.stderr


def test_production_is_refused_in_one_sentence(office: Office) -> None:
    run = office.manage(
        *("run", "--port", str(office.port)),
        OFFICE_MODE="production",
        SECRET_KEY="x" * 25 + "Y7" * 15,
        ALLOWED_HOSTS="office.example",
        EMAIL_URL="smtp://mail.example",
        OFFICE_URL="https://office.example",
    )
    assert run.returncode == 2, run.stderr
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1 and "production" in run.stderr


# --- the group itself, with programs that misbehave -----------------------------------------

SUPERVISOR = """
import os, sys
from pathlib import Path
from config import processes
from config.processes import Ended, ProcessGroup

processes.STOP_SECONDS = processes.GRACE_SECONDS = 1
try:
    with ProcessGroup(folder=Path.cwd(), environment=os.environ) as group:
        for number, script in enumerate(sys.argv[1:]):
            group.start(f"program-{number}", [sys.executable, "-c", script])
        group.watch(lambda: None)
except Ended as ended:
    sys.exit(str(ended))
"""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)"
SLEEP = f"import os, signal, time; {DEAF}; os.write(1, b'up\\n'); time.sleep(600)"
PARENT = textwrap.dedent(
    f"""
    import subprocess, sys, time
    subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
    time.sleep(600)
    """
)


def supervise(*scripts: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, *scripts],
        cwd=BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_stops(process: subprocess.Popen[str], code: int) -> str:
    """The supervisor ends with this code and nothing of what it started still runs."""
    started = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == code, errors
    assert not started.keys() & running().keys()
    return errors


@pytest.mark.parametrize("script", [SLEEP, PARENT], ids=["program", "grandchild"])
def test_whoever_does_not_listen_is_killed(script: str) -> None:
    process = supervise(script, SLEEP.replace("up", "ready"))
    assert process.stdout is not None
    assert {process.stdout.readline().strip() for _ in range(2)} == {"up", "ready"}
    assert assert_stops(process, 0) == ""


def test_what_an_ended_program_leaves_behind_is_killed() -> None:
    orphaning = PARENT.replace("time.sleep(600)\n", "time.sleep(1); sys.exit(3)\n")
    process = supervise("import time; time.sleep(600)", orphaning)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    started = descendants(process.pid)
    _, errors = process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == 1
    assert errors.strip() == "program-1 ended by itself with exit code 3"
    assert len(started) == 3 and not started.keys() & running().keys()
