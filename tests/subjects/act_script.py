"""What tests/subjects/test_act_kills.py runs inside its office: ``VERB [ARGUMENT ...]``.

``seed`` fills an empty database with acts whose day has come, ``check`` compares what the workers
have left with what the seed wrote down, ``ring`` rings the sweep. ``worker``, ``beat`` and
``destroy`` are the office's own programs with a clock, small chunks and one place at which they
stop: there they leave a file that says so and wait, to be killed or told to go on.

Said through the environment, which nothing else reads: ``ACT_CLOCK`` (seconds between the real
clock and the office's), ``ACT_ITEMS`` (of a chunk), ``ACT_STOP`` (``PLACE@ACT,...``; the first
process that comes there stops; ``PLACE`` alone: every process stops, at its first act),
``ACT_PAUSE`` (seconds of rest after a chunk), ``ACT_ROOM`` (the folder of the files),
``ACT_PATIENCE`` (seconds to wait for a locked SQLite), ``ACT_RING`` (a worker rings first).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
import time_machine

time_machine.travel(
    datetime.now(UTC) + timedelta(seconds=float(os.environ["ACT_CLOCK"])), tick=True
).start()
# It stands still until it is read for the first time.
datetime.now(UTC)
django.setup()

from celery.__main__ import main as celery_main  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from registry.services import audit  # noqa: E402
from subjects import tasks  # noqa: E402
from subjects.models import DestructionItem  # noqa: E402
from subjects.services import (  # noqa: E402
    act_papers,
    bulk,
    executing,
    sweeping,
    verifying,
)
from tests.processes import BEAT, WAIT_SECONDS, WORKER  # noqa: E402
from tests.subjects.act_office import check, seed, tell  # noqa: E402

ROOM = Path(os.environ.get("ACT_ROOM", "."))
STOPS = list(filter(None, os.environ.get("ACT_STOP", "").split(",")))


# --- the places ----------------------------------------------------------------------------------
class Stops:
    """Where the processes stop. ``act``: the one that this process is at."""

    def __init__(self) -> None:
        self.act = ""
        self.times: dict[tuple[str, str], int] = {}
        self.done: set[str] = set()

    def at(self, place: str, which: int = 1) -> None:
        """Stop here, where it is said so, at the so-manieth time in this act."""
        for stop in STOPS:
            named, _, act = stop.partition("@")
            if named != place or act not in ("", self.act) or stop in self.done:
                continue
            seen = self.times[stop, self.act] = self.times.get((stop, self.act), 0) + 1
            if seen < which:
                continue
            self.done.add(stop)
            if act:
                try:
                    (ROOM / f"{stop}.stopped").open("x").close()
                except FileExistsError:
                    # Another process stopped here, and this one goes on in its stead.
                    continue
            _wait()


def _wait() -> None:
    here, go = ROOM / f"{os.getpid()}.here", ROOM / f"{os.getpid()}.go"
    here.touch()
    for _ in range(WAIT_SECONDS * 20):
        if go.exists():
            here.unlink()
            go.unlink()
            return
        time.sleep(0.05)
    # Whoever should have killed this process is gone.
    os._exit(9)


def before(module: Any, name: str, place: str, which: int = 1) -> None:
    whole = getattr(module, name)

    def stopping(*args: Any, **options: Any) -> Any:
        AT.at(place, which)
        return whole(*args, **options)

    setattr(module, name, stopping)


def after(module: Any, name: str, place: str, which: int = 1, rest: float = 0) -> None:
    whole = getattr(module, name)

    def stopping(*args: Any, **options: Any) -> Any:
        found = whole(*args, **options)
        AT.at(place, which)
        if found:
            time.sleep(rest)
        return found

    setattr(module, name, stopping)


def places() -> None:
    """Put the places into the services of this process, and of those that it forks."""
    carry_on, insert, save = sweeping._carry_on, bulk.insert, audit.save

    def carrying_on(act: Any, *args: Any, **options: Any) -> None:
        AT.act = act.number
        carry_on(act, *args, **options)

    def inserting(model: Any, *args: Any, **options: Any) -> None:
        if model is DestructionItem:
            # The keys, their tokens and the evidence have been written; no item has.
            AT.at("keys", 2)
        insert(model, *args, **options)
        if model is DestructionItem:
            AT.at("items", 2)

    def saving(row: Any, **options: Any) -> Any:
        if options.get("reason") == "closed":
            # The papers lie in their table; the act has not been closed.
            AT.at("papers")
        return save(row, **options)

    sweeping._carry_on = carrying_on
    bulk.insert = inserting
    audit.save = saving
    before(executing, "_begin", "claim")
    after(executing, "_chunk", "chunk", 2)
    before(executing, "_remove", "files")
    before(verifying, "_try", "verify")
    before(verifying, "database_rows", "by_value")
    # Half-way down the act in its second language.
    before(act_papers, "_verification", "pdf", 2)
    after(sweeping, "act_close", "closed")
    after(executing, "_chunk", "", rest=float(os.environ.get("ACT_PAUSE", "0")))
    executing.ITEMS = int(os.environ.get("ACT_ITEMS", executing.ITEMS))


AT = Stops()


# --- the verbs -----------------------------------------------------------------------------------
def worker(*arguments: str) -> None:
    """A real worker, by the command line of any other; rung for first, when that is asked."""
    if os.environ.get("ACT_RING"):
        tasks.sweep_destruction.apply_async()
    places()
    if "ACT_PATIENCE" in os.environ and connection.vendor == "sqlite":
        wait = int(float(os.environ["ACT_PATIENCE"]) * 1000)
        options = settings.DATABASES["default"]["OPTIONS"]
        options["timeout"] = wait / 1000
        options["init_command"] += f"PRAGMA busy_timeout={wait};"
    sys.argv = [*WORKER, *arguments]
    celery_main()


def beat() -> None:
    sys.argv = BEAT
    celery_main()


def destroy(day: str) -> None:
    """``manage.py destroy_due`` beside the workers."""
    places()
    call_command("destroy_due", date=day, json=True)


def ring(times: str = "1") -> None:
    for _ in range(int(times)):
        tasks.sweep_destruction.apply_async()
    tell({"rung": int(times)})


def ring_and_hold() -> None:
    """Ring; and once more through the same connection, after the other side has said so."""
    tasks.sweep_destruction.apply_async()
    tell({"rung": 1})
    sys.stdin.readline()
    tasks.sweep_destruction.apply_async()
    tell({"rung": 2})


VERBS: dict[str, Callable[..., None]] = {
    "seed": seed, "check": check, "worker": worker, "beat": beat, "destroy": destroy,
    "ring": ring, "ring_and_hold": ring_and_hold,
}  # fmt: skip

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
