"""One office of the import's benchmark: its people, its imports, its plain COPY.

Every import runs in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from registry import seam
from registry.models import Operator, ProcessingActivity, User
from registry.services.consents import consent_text_draft, consent_text_publish
from registry.services.law import law_load
from registry.services.operators import operator_load
from subjects import models
from subjects.services.importing.reading import file_source
from subjects.services.importing.runs import import_file
from subjects.services.keys import keys_make
from subjects.synthetic import write_csv

LEAST = 0.6
ROUNDS = int(os.environ.get("ROUNDS", "2"))
PEOPLE = int(os.environ.get("PEOPLE", "100000"))
ROOT = Path(__file__).resolve().parent.parent
OPERATOR = "pandev"
PIECE = 256 * 1024


# --- one import, in a process of its own ---------------------------------------------------------
def memory() -> int:
    """The most that this process and its workers have taken, in MB."""
    me = os.getpid()
    pids = [str(me), *Path(f"/proc/{me}/task/{me}/children").read_text().split()]
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    total += int(line.split()[1])
    return total // 1024


def import_once(path: Path) -> dict[str, Any]:
    seen: dict[str, int] = {}

    def progress(run: Any) -> None:
        if run.done_bytes * 10 >= run.size and "tenth" not in seen:
            seen["tenth"] = memory()
        seen["end"] = memory()

    operator = Operator.objects.select_related("jurisdiction").get(code=OPERATOR)
    started, before = time.monotonic(), os.times()
    run = import_file(
        operator=operator,
        source=file_source(path),
        by=None,
        now=timezone.now(),
        progress=progress,
    )
    seconds, after = time.monotonic() - started, os.times()
    return {
        "seconds": seconds,
        "own": after.user + after.system - before.user - before.system,
        "workers": after.children_user + after.children_system,
        "new": run.people_new,
        "same": run.people_same,
        "rejected": run.rows_rejected,
        **seen,
    }


def one_import(path: Path) -> dict[str, Any]:
    connection.close()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "import", str(path)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# --- the office ----------------------------------------------------------------------------------
def prepare(path: Path) -> None:
    """The law, the operators, a published text, and the file."""
    call_command("migrate", verbosity=0, skip_checks=True)
    now = timezone.now()
    keys_make(by=None, now=now)
    law_load(now=now)
    for file in sorted((ROOT / "registry" / "data" / "operators").glob("*.toml")):
        operator_load(path=file, now=now)
    operator = Operator.objects.get(code=OPERATOR)
    user = User.objects.create(username="bench", email="bench@example.org")
    text = consent_text_draft(
        operator=operator,
        code="registration",
        activities=list(ProcessingActivity.objects.filter(operator=operator)),
        in_force_on=date(2020, 1, 1),
        name_ru="bench",
        end_event="purpose_achieved",
        third_parties=True,
        cross_border=True,
        dissemination=False,
        withdrawal_channels=["email"],
        by=user,
        now=datetime(2020, 1, 1, tzinfo=UTC),
    )
    consent_text_publish(text=text, by=user, now=now)
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_csv(stream, operator=OPERATOR, count=PEOPLE, today=now.date())


def tables() -> list[str]:
    """The tables that an import fills, those that are referred to first."""
    found = []
    for model in (models.DataSubject, models.Ground, models.Consent, models.PersonalDatum):
        live: Any = model
        found += [model._meta.db_table, live.history.model._meta.db_table]
    return [*found, models.VaultKey._meta.db_table, models.SearchToken._meta.db_table]


def empty() -> None:
    history = seam.history_tables()
    seam.lift_append_only(history)
    more = "subjects_subjectimport, subjects_importseen"
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables())}, {more} CASCADE")
        cursor.execute("CHECKPOINT")
    seam.append_only(history)


def keep(folder: Path) -> None:
    """The finished rows, table by table, as files for COPY."""
    with connection.cursor() as cursor:
        for table in tables():
            with (
                (folder / table).open("wb") as stream,
                cursor.copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy,
            ):
                for piece in copy:
                    stream.write(piece)


def bring_back(folder: Path) -> float:
    started = time.monotonic()
    with connection.cursor() as cursor:
        for table in tables():
            with (
                (folder / table).open("rb") as stream,
                cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy,
            ):
                while piece := stream.read(PIECE):
                    copy.write(piece)
    return time.monotonic() - started


# --- the measures --------------------------------------------------------------------------------
def say(name: str, seconds: float, found: dict[str, Any] | None = None) -> None:
    text = f"{name:<44}{seconds:8.1f} s {PEOPLE / seconds:8.0f} people/s"
    if found:
        text += (
            f"  most memory {found['tenth']} MB at 10 %, {found['end']} MB at the end; "
            f"processor {found['own']:.1f} s here, {found['workers']:.1f} s in workers"
        )
    print(text, flush=True)


def on_postgresql(folder: Path) -> int:
    path = folder / "people.csv"
    prepare(path)
    ours: list[float] = []
    plain: list[float] = []
    for number in range(ROUNDS):
        empty()
        found = one_import(path)
        assert found["new"] == PEOPLE and not found["rejected"], found
        ours.append(found["seconds"])
        say("A  import", found["seconds"], found)
        if not number:
            keep(folder)
        if number < ROUNDS - 1 or ROUNDS == 1:
            empty()
            plain.append(bring_back(folder))
            say("B  plain COPY of the same rows", plain[-1])
    found = one_import(path)
    assert found["same"] == PEOPLE, found
    say("   the same file once more: nothing changes", found["seconds"], found)
    if ROUNDS > 1:
        empty()
        plain.append(bring_back(folder))
        say("B  plain COPY of the same rows", plain[-1])
    ratio = (sum(plain) / len(plain)) / (sum(ours) / len(ours))
    print(f"A reaches {ratio:.2f} of B's speed; at least {LEAST} is wanted.", flush=True)
    return int(ratio < LEAST)


def on_sqlite(folder: Path) -> int:
    path = folder / "people.csv"
    prepare(path)
    for name in ("SQLite  import", "SQLite  the same file once more"):
        found = one_import(path)
        assert found["new"] + found["same"] == PEOPLE, found
        say(name, found["seconds"], found)
    return 0


def main(arguments: list[str]) -> int:
    what, where = arguments[0], Path(arguments[1])
    if what == "import":
        print(json.dumps(import_once(where)))
        return 0
    return on_postgresql(where) if what == "postgresql" else on_sqlite(where)
