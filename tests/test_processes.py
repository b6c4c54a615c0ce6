"""No deadline is lost: late, twice, by two workers, killed half-way. Real workers, real beat."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import processes
from tests.processes import BEAT, WORKER, Office, Store, wait_for

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        not Path("/proc/self/stat").exists(), reason="Processes are counted through /proc (Linux)."
    ),
]

INQUIRIES, INCIDENTS = 60, 80
# One digest for each of four people; of each clock in hours one mail for each of two.
KINDS = {"digest": 4, "urgent": 2 * INCIDENTS}
MAILS = sum(KINDS.values())

REMINDERS = "SELECT count(*) FROM registry_reminder"
SENT = "SELECT count(*) FROM registry_notice WHERE state = 'sent'"
SENDING = "SELECT count(*) FROM registry_notice WHERE state = 'sending'"
NOT_SENT = "SELECT count(*) FROM registry_notice WHERE state <> 'sent'"
WAITING = "SELECT count(*) FROM registry_noticeline WHERE notice_id IS NULL"
RUNNING = "SELECT count(*) FROM registry_jobrun WHERE state = 'running'"
DONE = "SELECT count(*) FROM registry_jobrun WHERE state = 'done'"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("processes"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def template(store: Store) -> str:
    """A database in which a week and more of reminders has come due, and none is made."""
    url = store.create()
    with processes.office(store.folder / "template", url, "") as prepared:
        assert prepared.script("seed")["clocks"] == INQUIRIES + INCIDENTS
    return url


@pytest.fixture
def office(store: Store, template: str, tmp_path: Path) -> Iterator[Office]:
    # The copy of the database needs the keys that were made with it: their task runs here too.
    shutil.copytree(store.folder / "template" / "secrets", tmp_path / "secrets")
    with processes.office(tmp_path, store.create(template), store.broker()) as opened:
        yield opened


def assert_all_is_made_once(office: Office, found: dict[str, Any]) -> None:
    assert found["demanded"] > 20 * found["clocks"] - 1
    assert found["made"] == found["demanded"] and found["exact"]
    assert found["told_exactly"] and found["waiting_lines"] == 0
    assert found["kinds"] == KINDS and found["states"] == {"sent": MAILS}
    assert office.mails == found["mails"] and len(set(office.mails)) == MAILS
    assert found["failed_runs"] == 0, office.log.read_text()[-3000:]


def report(office: Office, what: str, seconds: float, found: dict[str, Any]) -> None:
    print(
        f"{what}: {found['clocks']} clocks, {found['made']} marks, {len(office.mails)} mails, "
        f"{seconds:.1f} s"
    )


def wait_until_all_is_quiet(office: Office, runs: int = 1) -> None:
    """Every bell answered and nothing left to do."""
    wait_for(lambda: office.number(DONE) >= runs, "the jobs to run")
    wait_for(
        lambda: not any(map(office.number, (WAITING, NOT_SENT))) and office.number(SENT),
        "the last mail",
    )
    # The bells that still hang, and the runs that they start, change nothing any more.
    time.sleep(1)


def test_after_a_week_without_beat_every_reminder_comes_once(office: Office) -> None:
    began = time.monotonic()
    office.start_all()
    wait_until_all_is_quiet(office, runs=3)
    seconds = time.monotonic() - began
    found = office.script("check")
    report(office, "a week of silence", seconds, found)
    assert_all_is_made_once(office, found)
    assert found["attempts"] == MAILS


def test_every_job_rung_twice_for_two_workers(office: Office) -> None:
    began = time.monotonic()
    assert office.script("ring")["rung"] == 6
    office.start(*([*WORKER, "--hostname", f"worker{number}@office"] for number in (1, 2)))
    # A digest makes the reminders first, and each job that made something rings for delivery.
    wait_until_all_is_quiet(office, runs=2 + 2 * 2 + 2)
    seconds = time.monotonic() - began
    found = office.script("check")
    report(office, "rung twice, two workers", seconds, found)
    assert_all_is_made_once(office, found)
    assert found["attempts"] == MAILS
    sweeps = [run for run in found["runs"] if run[0] == "remind"]
    assert len(sweeps) == 4
    # Two sweeps ran at the same time, and both made reminders.
    first, second = sweeps[:2]
    assert first[2] < second[3] and second[2] < first[3]
    assert sum(run[4]["reminders"] for run in sweeps) == found["made"]


def test_killed_while_it_makes_reminders(office: Office) -> None:
    began = time.monotonic()
    programs = office.start_all()
    wait_for(lambda: office.number(REMINDERS) > 200, "the sweep to be half-way", 0.005)
    office.kill(programs)
    made = office.number(REMINDERS)
    assert 200 < made < office.script("check")["demanded"] - 200
    assert office.number(RUNNING) >= 1
    office.start_all()
    wait_until_all_is_quiet(office)
    seconds = time.monotonic() - began
    found = office.script("check")
    report(office, f"killed after {made} marks", seconds, found)
    assert_all_is_made_once(office, found)


def test_killed_while_it_sends(office: Office) -> None:
    began = time.monotonic()
    programs = office.start_all()
    wait_for(lambda: office.number(SENT) > 20, "the delivery to be half-way", 0.005)
    office.kill(programs)
    sent = office.number(SENT)
    assert 20 < sent < MAILS - 20
    on_the_way = office.number(SENDING)
    assert on_the_way <= 2
    office.start(WORKER, BEAT)
    wait_for(
        lambda: (
            office.number(NOT_SENT) == office.number(SENDING) == on_the_way
            and office.number(SENT) == MAILS - on_the_way
        ),
        "all but what the dead had in hand",
    )
    # What they had in hand waits until they must be dead, then it goes under its old name.
    office.script("age")
    office.script("ring")
    wait_until_all_is_quiet(office)
    seconds = time.monotonic() - began
    found = office.script("check")
    report(office, f"killed after {sent} mails, {on_the_way} in hand", seconds, found)
    assert_all_is_made_once(office, found)
    assert found["attempts"] == MAILS + on_the_way


def test_a_worker_that_dies_leaves_its_work_to_the_other(office: Office) -> None:
    began = time.monotonic()
    first, *_ = office.start_all()
    wait_for(lambda: office.number(REMINDERS) > 200, "the sweep to be half-way", 0.005)
    office.kill([first])
    wait_for(lambda: office.number(DONE) >= 1, "the other worker to go on")
    office.script("ring")
    wait_for(lambda: not office.number(WAITING), "the digests")
    wait_for(lambda: office.number(NOT_SENT) == office.number(SENDING), "the last mail")
    office.script("age")
    office.script("ring")
    wait_until_all_is_quiet(office)
    seconds = time.monotonic() - began
    found = office.script("check")
    report(office, "one of two workers killed", seconds, found)
    assert_all_is_made_once(office, found)
