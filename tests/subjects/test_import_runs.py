"""Runs that are cut short, tried, doubled and disturbed; what they leave in memory and in view."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from registry import seam
from registry.services import audit
from subjects.choices import ImportState
from subjects.models import DataSubject, PersonalDatum, SubjectImport, VaultKey
from subjects.models.imports import ImportSeen
from subjects.services import destruction
from subjects.services.importing import errors, pool, runs, taking
from subjects.services.importing.parts import Chunk
from subjects.services.importing.pool import Processes, WorkerFailed
from subjects.services.importing.reading import records, scan, stream_source
from subjects.services.keys import kek_rotate, keys_retire_due, lost_keys
from subjects.vault import store
from tests.conftest import Office
from tests.processes import wait_for
from tests.subjects.test_import_common import (
    NOW,
    ROW,
    counts,
    fingerprint,
    imported,
    published,
    rejects,
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


class Stopped(Exception):
    """Stands for whatever ends a process half-way."""


def stopping_after(chunks: int) -> Any:
    left = [chunks]

    def progress(run: SubjectImport) -> None:
        left[0] -= 1
        if not left[0]:
            raise Stopped

    return progress


# --- cut short -----------------------------------------------------------------------------------
def test_a_run_that_was_cut_short_goes_on_to_the_same_end(ready: Office) -> None:
    team = ready.pandev
    # The rows of a person come in two halves of the file, and one line is wrong.
    lines = synthetic("pandev", 60).splitlines(keepends=True)
    content = b"".join([lines[0], *lines[1::2], b"bad\n", *lines[2::2]])
    whole = imported(team, content, rows=20)
    told, counted = story(team.operator), counts(whole)
    assert counted["new"] == 60 and counted["rejected"] == 1
    with connection.cursor() as cursor:
        tables = seam.history_tables()
        seam.lift_append_only(tables)
        for table_name in (
            "subjects_importreject", "subjects_subjectimport", "subjects_consent",
            "subjects_historicalconsent", "subjects_ground", "subjects_historicalground",
            "subjects_personaldatum", "subjects_historicalpersonaldatum", "subjects_datasubject",
            "subjects_historicaldatasubject", "subjects_vaultkey", "subjects_searchtoken",
        ):  # fmt: skip
            cursor.execute(f"DELETE FROM {table_name}")
        seam.append_only(tables)
    with pytest.raises(Stopped):
        imported(team, content, rows=20, progress=stopping_after(2))
    cut = SubjectImport.objects.get()
    assert cut.state == ImportState.WAITING and 0 < cut.done_bytes < len(content)
    assert ImportSeen.objects.filter(run=cut.pk).exists()
    again = imported(team, content, rows=7)
    assert again.pk == cut.pk and again.state == ImportState.DONE
    assert counts(again) == counted and story(team.operator) == told
    assert [line for line, _, _ in rejects(again)] == [lines[1::2].__len__() + 2]
    assert not ImportSeen.objects.exists() and lost_keys() == []


def test_another_file_begins_a_run_of_its_own(ready: Office) -> None:
    team = ready.pandev
    with pytest.raises(Stopped):
        imported(team, synthetic("pandev", 20), rows=5, progress=stopping_after(1))
    other = imported(team, table(ROW))
    assert counts(other)["new"] == 1 and SubjectImport.objects.count() == 2
    rest = imported(team, synthetic("pandev", 20), rows=5)
    assert rest.pk < other.pk and counts(rest)["new"] == 20


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


# --- beside one another --------------------------------------------------------------------------
def test_two_imports_of_one_operator_do_not_run_beside_each_other(live: Office) -> None:
    def other() -> str:
        try:
            imported(live.pandev, table(ROW))
            return "ran"
        except errors.OtherImportRuns as error:
            return str(error)
        finally:
            connection.close()

    told: list[str] = []

    def progress(run: SubjectImport) -> None:
        if not told:
            with ThreadPoolExecutor(1) as threads:
                told.append(threads.submit(other).result(30))

    imported(live.pandev, synthetic("pandev", 20), rows=5, progress=progress)
    assert live.pandev.operator.name in told[0]


def test_a_key_that_is_retired_meanwhile_is_not_used(
    live: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run begins anew under the new key from the last whole chunk."""
    turned = []

    def progress(run: SubjectImport) -> None:
        if not turned:
            turned.append(run.done_lines)
            kek_rotate(by=None, now=NOW, retire_on=NOW.date())
            keys_retire_due(now=NOW, today=NOW.date())

    run = imported(live.pandev, synthetic("pandev", 40), rows=10, progress=progress)
    assert counts(run)["new"] == 40 and len(story(live.pandev.operator)) == 40
    assert set(VaultKey.objects.values_list("kek", flat=True)) == {
        max(VaultKey.objects.values_list("kek", flat=True))
    }


def test_a_run_that_is_always_disturbed_gives_up_and_waits(
    ready: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disturbed(self: Any, prepared: Any) -> None:
        raise store.KeyRetiredMeanwhile()

    monkeypatch.setattr(taking.Taking, "take", disturbed)
    with pytest.raises(errors.ImportDisturbed):
        imported(ready.pandev, table(ROW))
    assert SubjectImport.objects.get().state == ImportState.WAITING


# --- trial runs ----------------------------------------------------------------------------------
def test_a_trial_run_counts_as_the_real_one_and_saves_nothing(ready: Office) -> None:
    team = ready.pandev
    imported(team, table(ROW, ROW | {"account": "u-2", "email": "b@example.org"}))
    content = table(
        ROW | {"email": "new@example.org"},
        ROW | {"account": "u-3", "iin": "850101300005"},
        ROW | {"account": "u-4", "iin": "850101300005"},
        ROW | {"account": "u-5", "activity": "none"},
        ROW | {"account": "u-2", "email": "b@example.org"},
    )
    before = fingerprint("ImportReject")
    trial = imported(team, content, dry_run=True, rows=2)
    assert fingerprint("ImportReject") == before
    real = imported(team, content, rows=2)
    assert counts(trial) == counts(real)
    assert counts(real) == {"new": 2, "changed": 1, "same": 1, "rejected": 1, "conflicts": 1}
    assert rejects(trial) == rejects(real) and trial.state == ImportState.DONE
    again = imported(team, content, dry_run=True)
    assert counts(again)["same"] == 4


# --- the command ---------------------------------------------------------------------------------
def run_command(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("import_subjects", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), err.getvalue() + str(error)
    return 0, out.getvalue(), err.getvalue()


def test_the_command_tells_by_its_exit_code_how_it_went(ready: Office, tmp_path: Path) -> None:
    path, where = tmp_path / "people.csv", tmp_path / "rejects.csv"
    options = ("--operator", "pandev", "--rejects", str(where))
    path.write_bytes(table(ROW))
    code, out, _ = run_command(str(path), *options, "--dry-run")
    assert code == 0 and "1" in out and not DataSubject.objects.exists()
    code, out, _ = run_command(str(path), *options)
    assert code == 0 and where.read_text() == "line,column,reason\n"
    canary = "zqcanary"
    path.write_bytes(table(ROW, ROW | {"account": canary, "email": f"{canary}@"}))
    code, out, err = run_command(str(path), *options)
    assert code == 1 and "3,email," in where.read_text()
    assert canary not in out + err + where.read_text()
    path.write_bytes(b"name\n" + canary.encode())
    code, out, err = run_command(str(path), *options)
    assert code == 2 and canary not in out + err
    assert run_command(str(tmp_path / "none"), *options)[0] == 2
    assert run_command(str(path), "--operator", "nobody")[0] == 2
    nowhere = str(tmp_path / "none" / "rejects.csv")
    assert run_command(str(path), "--operator", "pandev", "--rejects", nowhere)[0] == 2


def test_a_closed_operator_takes_nobody(ready: Office) -> None:
    operator = ready.pandev.operator
    operator.is_active = False
    audit.save(operator, by=None, reason="test", fields=["is_active"])
    with pytest.raises(errors.OperatorError, match="no new cases"):
        imported(ready.pandev, table(ROW))


# --- rejects -------------------------------------------------------------------------------------
def test_beyond_a_limit_rejects_are_counted_only(
    ready: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "REJECTS_KEPT", 5)
    content = table(*(ROW | {"account": f"u-{number}", "activity": "x"} for number in range(9)))
    run = imported(ready.pandev, content, rows=2)
    assert run.rows_rejected == 9 and run.rejects.count() == 5


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


def test_destruction_between_chunks_is_heeded(ready: Office) -> None:
    """A value that goes while the file is read is not brought back by the rest of the file."""
    other = [ROW | {"account": f"u-{n}", "email": f"u{n}@example.org"} for n in range(2, 6)]
    content = table(ROW, *other, ROW | {"activity": "services"})
    gone: list[int] = []

    def progress(run: SubjectImport) -> None:
        if not gone:
            datum = PersonalDatum.objects.get(category__code="email")
            assert datum.value_key is not None
            gone.append(datum.value_key)
            later = NOW + timedelta(hours=1)
            destruction.keys_destroy(gone, reason="test", by=None, now=later)

    run = imported(ready.pandev, content, rows=1, progress=progress)
    assert [(line, column) for line, column, _ in rejects(run)] == [(7, "email")]
    assert not VaultKey.objects.filter(pk__in=gone).exists()
