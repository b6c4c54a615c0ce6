"""The station of the canary where a real worker has the values in hand, and its log lies open."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from registry.choices import RunState
from registry.models import JobRun
from registry.tasks import ring
from subjects import import_tasks, tasks
from subjects.choices import ImportState
from subjects.models import SubjectImport
from tests import processes
from tests.processes import WORKER, wait_for
from tests.subjects.page_stations import client_of, new_name
from tests.subjects.test_import_common import ROW, table
from tests.subjects.vault_office import database_url, environment

JOBS = {"keep_keys", "watch_vault", "forget_results", "import_sweep"}
WRONG = {
    "email": "no address {}",
    "full_name": "=HYPERLINK({})",
    "phone": "+7701 {}",
    "iin": "910512 {}",
    "consent_text": "imported-{}",
    "channel": "pigeon {}",
}


def left_to_a_worker(at: Any) -> None:
    """Its jobs and an import, which fails with all values in hand before it is done."""
    with processes.office(at.folder, database_url(), settings.REDIS_URL) as office:
        # As the office starts it; but whoever speaks at any level is heard, and every key is due.
        office.environment = environment() | {
            "REDIS_URL": settings.REDIS_URL, "KEK_ROTATION_DAYS": "0", "KEK_RETIREMENT_DAYS": "0",
        }  # fmt: skip
        with no_datum_is_taken():
            run = uploaded(at)
            office.start([*WORKER, "--loglevel", "DEBUG"])
            wait_for(lambda: b"refused" in office.log.read_bytes(), "the import to fail")
        run.refresh_from_db()
        assert run.state == ImportState.WAITING
        before = set(JobRun.objects.values_list("pk", flat=True))
        for task in (tasks.keep_keys, tasks.watch_vault, tasks.forget_results):
            ring(task)
        ring(import_tasks.import_sweep)
        runs = JobRun.objects.exclude(pk__in=before)
        wait_for(
            lambda: set(runs.exclude(finished_at=None).values_list("job", flat=True)) >= JOBS,
            "the jobs",
        )
    did = {row.job: row.did for row in runs}
    assert not runs.exclude(state=RunState.DONE).exists(), did
    assert did["keep_keys"]["rotated"] and did["keep_keys"]["retired"], did
    assert did["forget_results"]["results"] and not did["watch_vault"]["lost"], did
    assert did["import_sweep"] == {"imported": 1, "passed": 0}, did
    run.refresh_from_db()
    assert (run.state, run.people_new, run.rows_rejected) == (ImportState.DONE, 2, 1 + len(WRONG))
    assert set(WRONG) <= set(run.rejects.values_list("column", flat=True))
    # Its bell hangs once more, for whoever looks into the queue.
    ring(import_tasks.import_run.si(run.pk))


def uploaded(at: Any) -> SubjectImport:
    """A file of people, taken by the page, which rings for the worker."""
    name = at.a("name of the file", f"people-{secrets.token_hex(8)}.csv")
    upload = {
        "operator": at.office.pandev.operator.pk,
        "content": SimpleUploadedFile(name, table(*people(at)), "text/csv"),
    }
    answer = client_of(at.clerk).post("/admin/subjects/subjectimport/add/", upload)
    assert answer.status_code == 302
    return SubjectImport.objects.latest("pk")


def people(at: Any) -> list[dict[str, str]]:
    """Two whose rows are right, one row that contradicts the second, and one for each fault."""
    rows = []
    for number in range(3):
        tag = f"{number}-{secrets.token_hex(8)}"
        rows.append({
            "account": at.a(f"worker's account {number}", f"wrk-{tag}"),
            "email": at.a(f"worker's email {number}", f"wrk.{tag}@example.org"),
            "full_name": at.a(f"worker's name {number}", f"Рабочая {new_name()}"),
            "evidence": at.a(f"worker's evidence {number}", f"sheet {tag}"),
        })  # fmt: skip
    rows[2]["account"] = rows[1]["account"]
    for column, wrong in WRONG.items():
        cell = at.a(f"wrong {column}", wrong.format(secrets.token_hex(8)))
        rows.append({"account": f"wrk-{column}", column: cell})
    return [ROW | {"consent_text": "imported-1"} | row for row in rows]


@contextmanager
def no_datum_is_taken() -> Iterator[None]:
    """The database refuses every datum, and whoever saves one fails with its row in hand."""
    if connection.vendor == "postgresql":
        # The error quotes the row, and so does the server's own log.
        refuse = """
            CREATE FUNCTION canary() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE EXCEPTION 'refused %', NEW; END $$;
            CREATE TRIGGER canary BEFORE INSERT ON subjects_personaldatum
            FOR EACH ROW EXECUTE FUNCTION canary()"""
        allow = "DROP FUNCTION canary() CASCADE"
    else:
        refuse = """
            CREATE TRIGGER canary BEFORE INSERT ON subjects_personaldatum
            BEGIN INSERT INTO refused VALUES (NEW.value); END"""
        allow = "DROP TRIGGER canary"
    with connection.cursor() as cursor:
        cursor.execute(refuse)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(allow)
