"""A disk that is full in the middle of an act: whole chunks are done, the rest goes later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from subjects.choices import ActState
from subjects.models import ActItem, DestructionAct, DestructionItem, Evidence, VaultKey
from subjects.services import destruction_journal as journal
from subjects.services import executing
from subjects.services.sweeping import act_carry_out
from subjects.vault.models import SearchToken
from tests.conftest import Office
from tests.subjects.acting import ON_DUE, approved, leaving

PEOPLE = 6


class FullDisk:
    """The table of the items takes so many chunks, then the database says what a full disk says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, chunks: int) -> None:
        self.left = chunks
        self.copy = executing.keys_destroy_many
        monkeypatch.setattr(executing, "keys_destroy_many", self)

    def __call__(self, *args: Any, **options: Any) -> int:
        if self.left:
            self.left -= 1
            return self.copy(*args, **options)
        # The keys are gone and their items are written, but nothing is committed.
        self.copy(*args, **options)
        with connection.cursor() as cursor:
            fill(cursor)
        raise AssertionError("the disk took it")


def fill(cursor: Any) -> None:
    """Write until the database itself refuses; PostgreSQL says what it would say."""
    if connection.vendor == "postgresql":
        cursor.execute(
            "DO $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' "
            "USING ERRCODE = 'disk_full'; END $$"
        )
        return
    cursor.execute("PRAGMA page_count")
    pages = cursor.fetchone()[0]
    cursor.execute(f"PRAGMA max_page_count = {pages}")
    cursor.execute("CREATE TABLE ballast (content BLOB)")
    for _ in range(2_000):
        cursor.execute("INSERT INTO ballast VALUES (zeroblob(65536))")


@pytest.fixture
def room() -> Any:
    """Room again, whatever the test has left."""
    yield
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")


def free() -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")


def test_a_full_disk_leaves_whole_chunks_and_the_rest_goes_later(
    live_office: Office, monkeypatch: pytest.MonkeyPatch, room: Any
) -> None:
    team = live_office.pandev
    people = [leaving(team, email=f"p{number}@example.org") for number in range(PEOPLE)]
    act = approved(team)
    keys = set(ActItem.objects.filter(act=act).values_list("key", flat=True))
    assert len(keys) == 2 * PEOPLE
    # Two people a chunk, and room for one of them.
    monkeypatch.setattr(executing, "ITEMS", 4)
    with monkeypatch.context() as patch:
        FullDisk(patch, chunks=1)
        with pytest.raises(OperationalError):
            act_carry_out(act, now=ON_DUE, today=act.due_on)
    free()
    gone = set(DestructionItem.objects.values_list("key", flat=True))
    standing = set(VaultKey.objects.filter(pk__in=keys).values_list("pk", flat=True))
    assert gone and standing and gone | standing == keys and not gone & standing
    # Neither a token without its key nor a mark without its item.
    assert not SearchToken.objects.filter(key__in=gone).exists()
    assert set(Evidence.objects.values_list("key", flat=True)) <= gone
    assert DestructionAct.objects.get(pk=act.pk).state == ActState.RUNNING
    did = act_carry_out(act, now=ON_DUE, today=act.due_on)
    assert did["closed"] == 1 and did["destroyed"] == len(standing)
    assert DestructionItem.objects.count() == len(keys)
    assert not VaultKey.objects.filter(pk__in=keys).exists()
    assert {item.subject_id for item in ActItem.objects.filter(act=act)} == {
        one.pk for one in people
    }


def test_a_journal_on_a_full_disk_undoes_nothing_and_is_made_up(
    live_office: Office, tmp_path: Path, settings: Any
) -> None:
    """Every write to this device fails as a full disk does."""
    team = live_office.pandev
    leaving(team)
    act = approved(team)
    settings.OFFICE_JOURNAL = tmp_path
    path = journal.journal_path(journal.office_mark())
    path.symlink_to("/dev/full")
    did = act_carry_out(act, now=ON_DUE, today=act.due_on)
    assert did["closed"] == 1 and did["destroyed"] == 2
    path.unlink()
    journal.journal_sweep(now=ON_DUE)
    lines = path.read_text().splitlines()
    assert len(lines) == DestructionItem.objects.count() == 2
