"""The processes of an import: killed, broken, ended, and the memory that they take."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from subjects.choices import ImportState
from subjects.models import DataSubject, SubjectImport
from subjects.services.importing import errors, pool, runs
from subjects.services.importing.parts import Chunk
from subjects.services.importing.pool import Processes, WorkerFailed
from subjects.services.importing.reading import records, scan, stream_source
from subjects.services.keys import lost_keys
from tests.conftest import Office
from tests.processes import wait_for
from tests.subjects.test_import_common import (
    NOW,
    ROW,
    Stopped,
    counts,
    imported,
    published,
    stopping_after,
    story,
    synthetic,
    table,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ready(office: Office) -> Office:
    published(office.pandev.operator, office.pandev.dpo)
    return office


@pytest.fixture
def live(live_office: Office) -> Office:
    published(live_office.pandev.operator, live_office.pandev.dpo)
    return live_office


# --- killed --------------------------------------------------------------------------------------
CHILD = """
import sys, time
import django
django.setup()
from datetime import datetime, UTC
from pathlib import Path
from registry.models import Operator
from subjects.services.importing.reading import file_source
from subjects.services.importing.runs import import_file
def progress(run):
    print(run.done_lines, flush=True)
    time.sleep(0.3)
import_file(operator=Operator.objects.get(code="pandev"), source=file_source(Path(sys.argv[1])),
    by=None, now=datetime(2026, 3, 2, 9, tzinfo=UTC), rows=50, processes=1, progress=progress)
"""


def _child_environment() -> dict[str, str]:
    name = str(connection.settings_dict["NAME"])
    url = f"sqlite:///{name}"
    if connection.vendor == "postgresql":
        url = urlsplit(os.environ["TEST_DATABASE_URL"])._replace(path=f"/{name}").geturl()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": url,
        "OFFICE_VAR": str(settings.OFFICE_VAR),
        "OFFICE_SECRETS": str(settings.OFFICE_SECRETS),
    }


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def test_killed_in_earnest_it_goes_on_and_nothing_is_lost_or_doubled(
    live: Office, tmp_path: Path
) -> None:
    operator = live.pandev.operator
    path = tmp_path / "people.csv"
    path.write_bytes(synthetic("pandev", 150))
    secrets = [file.read_text().strip() for file in Path(settings.OFFICE_KEYS).iterdir()]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        cwd=ROOT, env=_child_environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        child.stdout.readline()
        child.stdout.readline()
        workers = _children(child.pid)
        assert workers
        for worker in workers:
            seen = Path(f"/proc/{worker}/cmdline").read_bytes()
            seen += Path(f"/proc/{worker}/environ").read_bytes()
            assert not any(secret.encode() in seen for secret in secrets)
            assert b"SECRET" not in seen and b"DATABASE" not in seen
        # While it runs, nobody else may.
        with pytest.raises(errors.OtherImportRuns):
            imported(live.pandev, table(ROW))
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait(20)
        child.stdout.close()
    wait_for(lambda: not any(Path(f"/proc/{worker}/cwd").exists() for worker in workers), "workers")
    cut = SubjectImport.objects.get()
    assert cut.state == ImportState.RUNNING and 0 < cut.done_bytes < cut.size
    done = cut.people_new
    assert DataSubject.objects.count() == done > 0

    def go_on() -> SubjectImport | None:
        try:
            return imported(live.pandev, path.read_bytes(), by=None)
        except errors.OtherImportRuns:
            # The server has not noticed yet that the other one died.
            return None

    run = wait_for(go_on, "the lock of the dead")
    assert run.pk == cut.pk and counts(run)["new"] == 150
    assert DataSubject.objects.filter(operator=operator).count() == 150
    assert len(story(operator)) == 150 and lost_keys() == []
    again = imported(live.pandev, path.read_bytes())
    assert counts(again)["same"] == 150


# --- worker processes ----------------------------------------------------------------------------
def test_processes_and_none_make_the_same(ready: Office) -> None:
    team = ready.pandev
    imported(team, synthetic("pandev", 30), rows=10, processes=2)
    assert len(story(team.operator)) == 30
    assert counts(imported(team, synthetic("pandev", 30)))["same"] == 30


def test_a_worker_that_breaks_says_how_and_never_with_what(ready: Office) -> None:
    setup = _setup(ready)
    processes = Processes(setup, 1, lambda prepared: prepared)
    try:
        canary = b"zqcanary,\xff"
        with pytest.raises(WorkerFailed) as failed:
            processes.submit(Chunk([(1, canary)], [1], [1] * 20)).result(30)
        assert "UnicodeDecodeError" in str(failed.value) and "canary" not in repr(failed.value)
        processes.started[0].kill()
        processes.started[0].wait()
        with pytest.raises(WorkerFailed):
            processes.submit(Chunk([(1, b"x")], [1], [1] * 20)).result(30)
    finally:
        processes.close()
    assert "zq" not in repr(setup) + repr(Chunk([(1, canary)], [1], [1]))


def _setup(office: Office) -> Any:
    register = runs.Register(office.pandev.operator, now=NOW)
    found = scan(stream_source(lambda: [table(ROW)]))
    return runs._setup(register, found)[0]


def test_the_pool_ends_with_its_run(ready: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    start = pool._start
    monkeypatch.setattr(pool, "_start", lambda: started.append(start()) or started[-1])
    with pytest.raises(Stopped):
        imported(
            ready.pandev, synthetic("pandev", 30), rows=5, processes=2, progress=stopping_after(1)
        )
    assert len(started) == 2 and all(process.poll() is not None for process in started)


# --- memory --------------------------------------------------------------------------------------
def _most() -> int:
    """The most that this process has ever taken, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def test_reading_a_large_file_takes_no_more_memory_than_a_small_one() -> None:
    header, line = table(ROW).split(b"\r\n")[:2]
    piece = (line + b"\n") * 5_000

    def pieces(count: int) -> Iterator[bytes]:
        yield header + b"\n"
        for _ in range(count):
            yield piece

    def read(count: int) -> int:
        source = stream_source(lambda: pieces(count))
        assert scan(source).size > count * len(piece)
        return sum(1 for _ in records(source(0)))

    read(3)
    before = _most()
    assert read(300_000_000 // len(piece)) > 1_000_000
    assert _most() - before < 30


def test_many_chunks_take_no_more_memory_than_a_few(ready: Office) -> None:
    seen: list[int] = []
    content = synthetic("pandev", 1_500)
    imported(ready.pandev, content, rows=60, progress=lambda run: seen.append(_most()))
    assert len(seen) > 30
    assert seen[-1] - seen[len(seen) // 4] < 30
