"""What outlives a restore: the journal, the numbers, the hold, one moment, another database."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone

from registry.models import JobRun, Notice
from registry.services import audit, holding, outbox
from registry.services.numbering import next_number
from registry.tasks import deliver
from subjects.models import (
    DestructionAct,
)
from subjects.services import backing_up
from subjects.services import destruction_journal as journal
from subjects.tasks import sweep_destruction
from subjects.vault import store
from subjects.vault.models import VaultKey
from tests.conftest import ROOT, Office
from tests.crawl.rows import make
from tests.subjects.backup_room import (
    NAMES,
    asked,
    back_up,
    databases,
    destroy,
    keys_of,
    people,
    places,
    restore,
    rows,
)
from tests.subjects.backups import empty_database, office_at, opened, texts_of
from tests.subjects.people import person
from tests.subjects.test_keys import run
from tests.subjects.vault_office import environment, side_by_side

# Fixtures of the room.
__all__ = ["databases", "people", "places"]


# --- the journal ---------------------------------------------------------------------------------
def test_the_journal_holds_each_destruction_and_no_value(people: Any, places: Any) -> None:
    items = destroy(people["gone@example.org"])
    path = journal.journal_path(journal.office_mark())
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["key"] for line in lines] == [item.key for item in items]
    assert {line["reason"] for line in lines} == {"demand"}
    content = texts_of(Path(places.OFFICE_JOURNAL))
    for word in (*NAMES, *NAMES.values()):
        assert word.encode() not in content
    assert path.stat().st_mode & 0o777 == 0o600
    # Only from the line of the address can be told, and only with the evidence key.
    assert [len(line["marks"]) for line in lines] == [0, 1]


def test_what_a_dead_process_did_not_write_the_sweep_does(
    people: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    back_up(tmp_path / "backup")
    office = journal.office_mark()
    with monkeypatch.context() as dead:
        dead.setattr(journal, "_write", lambda marks: None)
        first = destroy(people["gone@example.org"])
    assert not list(journal.lines_from(office))
    # Somebody else's half line, and a whole one after it.
    path = journal.journal_path(office)
    path.write_bytes(b'{"item": 1, "ke')
    second = destroy(people["stays@example.org"])
    sweep_destruction()
    assert JobRun.objects.get(job="sweep_destruction").did["journalled"] == len(first)
    found = {line["key"]: line for _, line in journal.lines_from(office)}
    assert set(found) == {item.key for item in [*first, *second]}
    assert sum(len(line["marks"]) for line in found.values()) == 2
    # Twice does no harm; and what has settled is not read again.
    assert journal.journal_sweep(now=timezone.now()) == 0
    size = path.stat().st_size
    assert journal.journal_sweep(now=timezone.now() + timedelta(days=2)) == 0
    assert path.stat().st_size == size
    last = max(item.pk for item in [*first, *second])
    assert journal.counters_of(office)["settled"] == [last, size]
    assert journal.journal_sweep(now=timezone.now() + timedelta(days=3)) == 0


def test_a_rolled_back_destruction_leaves_no_line(people: Any) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        destroy(people["gone@example.org"])
        raise RuntimeError
    assert not list(journal.lines_from(journal.office_mark()))


def test_a_journal_that_cannot_be_written_undoes_nothing(
    people: Any, places: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    places.OFFICE_JOURNAL = tmp_path / "file"
    items = destroy(people["gone@example.org"])
    assert store.destroyed_among([item.key for item in items])
    # The job fails until it can: the health page says so.
    with pytest.raises(OSError):
        sweep_destruction()
    assert JobRun.objects.get(job="sweep_destruction").state == "failed"


# --- numbers -------------------------------------------------------------------------------------
def test_no_number_comes_twice(live_office: Office, people: Any, tmp_path: Path) -> None:
    back_up(tmp_path / "backup")
    newest = person(live_office.pandev, name="Новая Вера", email="new@example.org")
    highest = max(keys_of(newest))
    destroy(newest)
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        restore(tmp_path / "backup")
        another = person(live_office.pandev, name="Ещё Одна", email="another@example.org")
        assert another.pk > newest.pk and min(keys_of(another)) > highest
        # She is known as destroyed although her card came after the backup.
        assert asked(live_office, "new@example.org") == 1


def test_no_number_that_people_read_comes_twice(
    live_office: Office, people: Any, tmp_path: Path
) -> None:
    operator, now = live_office.pandev.operator, timezone.now()
    back_up(tmp_path / "backup")
    prefix = f"ACT-{now.astimezone(operator.zone):%Y}-"
    act = make(DestructionAct, live_office.pandev)
    act.number = f"{prefix}0041"
    audit.save(act, by=None, reason="test", fields=["number"])
    sweep_destruction()
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        restore(tmp_path / "backup")
        acts = DestructionAct.objects.filter(operator=operator)
        assert not acts.filter(number=act.number).exists()
        assert next_number(acts, operator=operator, prefix=prefix) == f"{prefix}0042"
        other = live_office.ipm.operator
        acts = DestructionAct.objects.filter(operator=other)
        assert next_number(acts, operator=other, prefix=prefix) == f"{prefix}0001"


def test_data_and_keys_are_of_one_moment(
    live_office: Office, people: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """Others go on working while the backup is made; what they do is in all of it or in nothing."""
    write, did = backing_up._keys, []

    def meanwhile(place: Path, told: dict[str, Any]) -> int:
        if not did:
            did.append(True)
            gone = side_by_side(
                lambda: destroy(people["gone@example.org"]),
                lambda: person(live_office.pandev, name="Новая Вера", email="new@example.org"),
            )
            assert not [one for one in gone if isinstance(one, BaseException)], gone
        return write(place, told)

    monkeypatch.setattr(backing_up, "_keys", meanwhile)
    before = VaultKey.objects.count()
    assert back_up(tmp_path / "backup")["wrapped"] == before
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        done = restore(tmp_path / "backup")
        assert done["keys"] == before - 2 and done["destroyed"] == done["withheld"] == 2
        assert done["lost"] == done["unneeded"] == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="from one database into the other")
def test_a_backup_goes_from_one_database_into_the_other(
    people: Any, tmp_path: Path, places: Any
) -> None:
    back_up(tmp_path / "backup")
    before, texts = rows(), opened()
    about = environment() | {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'moved.sqlite3'}",
        "OFFICE_VAR": str(tmp_path / "moved"),
        "OFFICE_JOURNAL": str(places.OFFICE_JOURNAL),
    }
    for words in (
        ("migrate", "--verbosity", "0"),
        ("restore", str(tmp_path / "backup")),
        ("check_vault",),
        ("backup", str(tmp_path / "again")),
    ):
        subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=about, check=True, timeout=300
        )
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        restore(tmp_path / "again")
        JobRun.objects.filter(job=holding.JOB).delete()
        after = rows()
        # What a run of a job left on the way is no row of the office.
        assert {name: sorted(table) for name, table in after.items()} == {
            name: sorted(table) for name, table in before.items()
        }
        assert opened() == texts


# --- the hold ------------------------------------------------------------------------------------
def test_nothing_goes_out_until_a_dpo_releases_it(
    live_office: Office, people: Any, tmp_path: Path, client: Any
) -> None:
    make(Notice, live_office.pandev)
    back_up(tmp_path / "backup")
    with office_at(empty_database(tmp_path), tmp_path / "other"):
        restore(tmp_path / "backup")
        runs = JobRun.objects.count()
        waiting = Notice.objects.filter(state="pending").count()
        assert waiting and outbox.deliver(now=timezone.now()) == {"sent": 0, "not_sent": 0}
        deliver()
        sweep_destruction()
        assert JobRun.objects.count() == runs and mail.outbox == []
        assert Notice.objects.filter(state="pending").count() == waiting
        assert "held since" in client.get("/readyz").json()["checks"]["restored"]
        for nobody in ("clerk@pandev", "nobody", "admin"):
            assert run("release_restored", nobody)[0] == 2
        assert holding.held()
        assert run("release_restored", "dpo@pandev")[0] == 0
        assert run("release_restored", "dpo@pandev")[0] == 2
        released = JobRun.objects.get(job=holding.JOB)
        assert released.did[holding.RELEASED_BY] == live_office.pandev.dpo.pk
        assert released.finished_at is not None
        assert client.get("/readyz").json()["checks"]["restored"] == "ok"
        deliver()
        assert JobRun.objects.count() == runs + 1 and len(mail.outbox) == waiting
