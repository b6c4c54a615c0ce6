"""Acts of destruction under kill -9, an emptied broker, a stopped database, a clock put back.

Real workers and beat; what must be true afterwards stands in tests/subjects/act_office.py, written
down before any of it began. The places at which a process dies are put in by act_script.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from tests import processes, servers
from tests.processes import BASE_DIR, WAIT_SECONDS, Office, Store, wait_for
from tests.subjects.act_office import ALL, GROUP, NEVER, PHOTOS, VALUES, WITHDRAWN
from tests.subjects.postmaster import Postmaster

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        not Path("/proc/self/stat").exists(), reason="Processes are counted through /proc (Linux)."
    ),
]

SCRIPT = "tests.subjects.act_script"
ON_THE_DAY = datetime(2026, 3, 27, 9, tzinfo=UTC)
ITEMS = 100  # of a chunk: four of each act
ACTS = len(WITHDRAWN)
OF_AN_ACT = GROUP * VALUES + PHOTOS
KEYS = ALL * VALUES + PHOTOS * (ACTS - 1)

GONE = "SELECT count(*) FROM subjects_destructionitem"
CLOSED = "SELECT count(*) FROM subjects_destructionact WHERE state = 'closed'"
SWEPT = "SELECT count(*) FROM registry_jobrun WHERE job = 'sweep_destruction' AND state = '{}'"


# --- the office ----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def postmaster() -> Iterator[Postmaster | None]:
    """Where the run has PostgreSQL, one of our own beside it: a test here stops and starts it."""
    if not os.environ.get("TEST_DATABASE_URL"):
        yield None
        return
    if reason := servers.missing_wheel():
        pytest.skip(f"The server that the run names is not ours to stop. {reason}")
    with servers.postgres() as url:
        found = Postmaster(url)
        try:
            yield found
        finally:
            found.end()


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, postmaster: Postmaster | None
) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("acts"))
    if postmaster is not None:
        store.postgres = postmaster.url
    yield store
    store.close()


@pytest.fixture(scope="module")
def template(store: Store) -> tuple[str, list[str]]:
    """Its database and the numbers of its acts, in the order of their days."""
    url = store.create()
    with processes.office(store.folder / "template", url, "") as prepared:
        _clock(prepared, ON_THE_DAY)
        began = time.monotonic()
        found = script(prepared, "seed")
        print(f"seed: {found['keys']} keys, {time.monotonic() - began:.1f} s")
    assert found["keys"] == KEYS and len(found["acts"]) == ACTS
    assert found["evidence"] == 2 * ALL
    return url, found["acts"]


@pytest.fixture
def acts(template: tuple[str, list[str]]) -> list[str]:
    return template[1]


@pytest.fixture
def office(store: Store, template: tuple[str, list[str]], tmp_path: Path) -> Iterator[Office]:
    for folder in ("secrets", "var"):
        shutil.copytree(store.folder / "template" / folder, tmp_path / folder)
    began = time.monotonic()
    with processes.office(tmp_path, store.create(template[0]), store.broker()) as opened:
        (tmp_path / "room").mkdir()
        opened.environment |= {"ACT_ROOM": str(tmp_path / "room"), "ACT_ITEMS": str(ITEMS)}
        _clock(opened, ON_THE_DAY)
        yield opened
    print(f"{time.monotonic() - began:.1f} s")


def _clock(office: Office, now: datetime) -> None:
    """From this moment on it is so late for every program that is started."""
    office.environment["ACT_CLOCK"] = str((now - datetime.now(UTC)).total_seconds())


def script(office: Office, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", SCRIPT, *words],
        check=False, cwd=BASE_DIR, env=office.environment, stdin=subprocess.DEVNULL,
        # A seed migrates first, which a busy machine takes its time for.
        capture_output=True, text=True, timeout=5 * WAIT_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def worker(office: Office, *stops: str, name: str = "worker", rung: bool = False) -> Any:
    """A worker that stops at these places, started; with a bell to answer when it is rung for."""
    office.environment |= {"ACT_STOP": ",".join(stops), "ACT_RING": "1" if rung else ""}
    (program,) = office.start([SCRIPT, "worker", "--hostname", f"{name}@office"])
    return program


def here(office: Office) -> list[int]:
    """The processes that have come to their place and wait there."""
    return [int(path.stem) for path in (office.folder / "room").glob("*.here")]


def stopped(office: Office, number: int = 1) -> list[int]:
    wait_for(lambda: len(here(office)) >= number, "the process to come to its place", 0.02)
    return here(office)


def go_on(office: Office) -> None:
    for pid in here(office):
        (office.folder / "room" / f"{pid}.go").touch()


def kill(office: Office, program: Any) -> None:
    office.kill([program])
    for path in (office.folder / "room").glob("*.here"):
        path.unlink()


def swept(office: Office, number: int = 1, state: str = "done") -> None:
    wait_for(lambda: office.number(SWEPT.format(state)) >= number, "the sweep")


def files(office: Office) -> int:
    """Of people; what a killed closing sealed and named nowhere is mute, and taken a day later."""
    photo = "SELECT count(*) FROM subjects_sealedfile WHERE kind = 3 AND place_on_disk = '{}'"
    paths = (office.folder / "var" / "sealed").rglob("*")
    return sum(office.number(photo.format(path.name)) for path in paths if path.is_file())


def assert_nothing_is_half_done(office: Office) -> None:
    assert {name: office.number(query) for name, query in NEVER.items()} == dict.fromkeys(NEVER, 0)


def assert_all_is_done_once(office: Office) -> dict[str, Any]:
    found = script(office, "check")
    assert found["wrong"] == {}, office.log.read_text()[-2000:]
    assert (found["gone"], found["closed"], found["papers"]) == (KEYS, ACTS, 4 * ACTS)
    assert found["evidence"] == 2 * ALL
    assert_nothing_is_half_done(office)
    return found


# --- killed --------------------------------------------------------------------------------------
# Of which act, where it dies, and what is then true of the act: its state, how much of it is gone,
# whether it is verified. Papers are there only once it is closed.
NOTHING, ALL_OF_IT = range(1), range(OF_AN_ACT, OF_AN_ACT + 1)
A_CHUNK, TWO = (range(ITEMS * n - 9, ITEMS * n + 1) for n in (1, 2))
PLACES: list[tuple[int, str, str, range, bool]] = [
    # The values of the request are sought everywhere after they have gone.
    (0, "by_value", "running", range(VALUES, VALUES + 1), False),
    (1, "claim", "approved", NOTHING, False),
    # Each worker does, or passes, one chunk and is inside the next one.
    (1, "keys", "running", A_CHUNK, False),
    (1, "items", "running", TWO, False),
    (1, "verify", "running", ALL_OF_IT, False),
    (1, "papers", "running", ALL_OF_IT, True),
    # The photos lie in the first chunk.
    (2, "files", "running", A_CHUNK, False),
    (2, "chunk", "running", TWO, False),
    (2, "pdf", "running", ALL_OF_IT, True),
    (2, "closed", "closed", ALL_OF_IT, True),
]


def test_killed_at_every_place_each_act_is_done_once(office: Office, acts: list[str]) -> None:
    """Each worker goes on with what the one before has left, and dies a little further on."""
    script(office, "ring", str(len(PLACES) + 1))
    for at, place, state, gone, verified in PLACES:
        dying = worker(office, f"{place}@{acts[at]}")
        stopped(office)
        # Not even while it stands inside its transaction does anybody else see half of it.
        assert_nothing_is_half_done(office)
        kill(office, dying)
        assert_nothing_is_half_done(office)
        act = f"FROM subjects_destructionact WHERE number = '{acts[at]}'"
        assert office.number(f"SELECT count(*) {act} AND state = '{state}'") == 1, place
        items = office.number(f"{GONE} WHERE act_id = (SELECT id {act})")
        assert items in gone, (place, items)
        assert office.number(f"SELECT count(verified_at) {act}") == verified, place
        assert office.number(CLOSED) == at + (state == "closed"), place
        if place == "files":
            # Mute files of the destroyed, which whoever comes next takes away.
            assert files(office) == PHOTOS
    # Nobody rings for this one: the last message still hangs.
    worker(office)
    swept(office)
    found = assert_all_is_done_once(office)
    # The request's values were in the memory of the dead, and nobody else's.
    assert found["by_value"] == ["lost"] and found["failed"] == 0


def test_a_child_that_dies_alone_leaves_its_message_to_the_next(
    office: Office, acts: list[str]
) -> None:
    """Killed inside the transaction, without a second ring."""
    worker(office, f"items@{acts[1]}", rung=True)
    (child,) = stopped(office)
    os.kill(child, signal.SIGKILL)
    swept(office)
    found = assert_all_is_done_once(office)
    assert found["by_value"] == ["done"]


# --- the broker ----------------------------------------------------------------------------------
def empty(office: Office) -> None:
    """Whatever lies in the broker is gone: messages, and its tables of queues."""
    url = office.environment["REDIS_URL"]
    if url:
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return
    for path in (office.folder / "var" / "broker").rglob("*"):
        if path.is_file():
            path.unlink()


def test_an_emptied_broker_loses_nothing(office: Office, acts: list[str]) -> None:
    """Between approval and execution, and again in the middle, under all who go on."""
    office.environment["ACT_STOP"] = ""
    ringing = subprocess.Popen(
        [sys.executable, "-m", SCRIPT, "ring_and_hold"],
        cwd=BASE_DIR, env=office.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    office.programs.append(ringing)  # type: ignore[arg-type]
    assert ringing.stdout is not None and ringing.stdin is not None
    assert json.loads(ringing.stdout.readline()) == {"rung": 1}
    empty(office)
    worker(office, f"chunk@{acts[1]}")
    office.start([SCRIPT, "beat"])
    # The bell was lost; beat's is heard.
    stopped(office)
    assert office.number(CLOSED) == 1 and 0 < office.number(GONE) < KEYS
    empty(office)
    go_on(office)
    swept(office)
    # The worker still hears whoever rings through a connection that was open all the while.
    ringing.stdin.write("again\n")
    ringing.stdin.flush()
    assert json.loads(ringing.stdout.readline()) == {"rung": 2}
    swept(office, 2)
    found = assert_all_is_done_once(office)
    assert found["told_of"] == KEYS and found["failed"] == 0


# --- the database --------------------------------------------------------------------------------
def test_a_database_that_is_stopped_and_started_again(
    office: Office, acts: list[str], postmaster: Postmaster | None
) -> None:
    """At once and in the middle of a transaction; then in order and between two chunks."""
    if postmaster is None:
        pytest.skip("SQLite has no server to restart; the next test locks its file instead.")
    postmaster.settle(office.database)
    worker(office, f"items@{acts[1]}", f"chunk@{acts[2]}", rung=True)
    for failures, how in ((1, signal.SIGQUIT), (2, signal.SIGINT)):
        stopped(office)
        gone = office.number(GONE)
        postmaster.stop(how)
        go_on(office)
        wait_for(lambda n=failures: failed_tasks(office) >= n, "the worker to notice")
        postmaster.start()
        assert office.number(GONE) == gone
        assert_nothing_is_half_done(office)
        script(office, "ring")
    swept(office)
    found = assert_all_is_done_once(office)
    assert found["by_value"] == ["done"]


def test_a_database_that_is_locked_for_longer_than_a_worker_waits(
    office: Office, acts: list[str]
) -> None:
    if not office.database.startswith("sqlite"):
        pytest.skip("PostgreSQL has no lock on all of it; the test before restarts it instead.")
    office.environment["ACT_PATIENCE"] = "0.5"
    worker(office, f"chunk@{acts[1]}", rung=True)
    stopped(office)
    gone = office.number(GONE)
    path = office.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        go_on(office)
        wait_for(lambda: failed_tasks(office), "the worker to give up")
        other.execute("ROLLBACK")
    assert office.number(GONE) == gone
    assert_nothing_is_half_done(office)
    script(office, "ring")
    swept(office)
    found = assert_all_is_done_once(office)
    assert found["by_value"] == ["done"]


def failed_tasks(office: Office) -> int:
    return office.log.read_bytes().count(b"raised unexpected: OperationalError")


# --- many hands ----------------------------------------------------------------------------------
def test_two_workers_and_the_command_do_each_thing_once(office: Office) -> None:
    office.environment["ACT_PAUSE"] = "0.1"
    for number in (1, 2):
        worker(office, "claim", name=f"worker{number}", rung=True)
    command = subprocess.Popen(
        [sys.executable, "-m", SCRIPT, "destroy", ON_THE_DAY.date().isoformat()],
        cwd=BASE_DIR, env=office.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    office.programs.append(command)  # type: ignore[arg-type]
    # All three have found the same acts, and claim them now.
    stopped(office, 3)
    go_on(office)
    printed, _ = command.communicate(timeout=WAIT_SECONDS)
    assert command.returncode == 0, printed
    swept(office, 2)
    did = json.loads(printed.splitlines()[-1])["did"]
    found = assert_all_is_done_once(office)
    assert found["told_of"] + did["destroyed"] == KEYS
    assert found["failed"] == did["failed"] == did["gone"] == 0
    assert 0 < did["destroyed"] < KEYS
    print(f"the command destroyed {did['destroyed']} of {KEYS}")


# --- the clock -----------------------------------------------------------------------------------
def test_a_clock_that_goes_back_an_hour(office: Office, acts: list[str]) -> None:
    """Across midnight, in the middle of an act: nothing twice, nothing before its day."""
    last = acts[-1]
    # 00:50 in Almaty on the last act's day, and the day before.
    late, early = (
        datetime(2026, 3, 26, 19, 50, tzinfo=UTC),
        datetime(2026, 3, 26, 18, 50, tzinfo=UTC),
    )
    _clock(office, early)
    program = worker(office, rung=True)
    swept(office)
    kill(office, program)
    assert (office.number(CLOSED), office.number(GONE)) == (ACTS - 1, KEYS - OF_AN_ACT)

    _clock(office, late)
    program = worker(office, f"chunk@{last}", rung=True)
    stopped(office)
    kill(office, program)
    gone = office.number(GONE)
    assert KEYS - OF_AN_ACT < gone < KEYS

    _clock(office, early)
    program = worker(office, rung=True)
    # It has begun, but its day has not come again yet: the sweep says so, and does nothing.
    swept(office, state="failed")
    kill(office, program)
    assert office.number(GONE) == gone and office.number(CLOSED) == ACTS - 1

    # 00:20: the day has come, and the clock still shows less than when the act was begun.
    _clock(office, datetime(2026, 3, 26, 19, 20, tzinfo=UTC))
    worker(office, rung=True)
    swept(office, 2)
    found = assert_all_is_done_once(office)
    assert found["failed"] == 1
