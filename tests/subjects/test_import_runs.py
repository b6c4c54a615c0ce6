"""Runs that are cut short, doubled, disturbed and tried, and the command that starts them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from registry import seam
from registry.services import audit
from subjects.choices import ImportState
from subjects.models import DataSubject, PersonalDatum, SubjectImport, VaultKey
from subjects.models.imports import ImportSeen
from subjects.services import destruction
from subjects.services.importing import errors, runs, taking
from subjects.services.keys import kek_rotate, keys_retire_due, lost_keys
from subjects.vault import store
from tests.conftest import Office
from tests.subjects.test_import_common import (
    NOW,
    ROW,
    Stopped,
    counts,
    fingerprint,
    imported,
    published,
    rejects,
    stopping_after,
    story,
    synthetic,
    table,
)


@pytest.fixture
def ready(office: Office) -> Office:
    published(office.pandev.operator, office.pandev.dpo)
    return office


@pytest.fixture
def live(live_office: Office) -> Office:
    published(live_office.pandev.operator, live_office.pandev.dpo)
    return live_office


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
