"""Uploading a file in the admin, its run by the worker's task, and deciding about conflicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.urls import reverse
from kombu.exceptions import OperationalError

from registry.models import JobRun, User
from subjects import import_tasks, uploads
from subjects.admin import imports
from subjects.choices import ConflictState, ImportState
from subjects.models import (
    DataSubject,
    DestructionItem,
    ImportConflict,
    SealedFile,
    SubjectImport,
    SubjectLink,
    VaultKey,
)
from subjects.services.importing import errors, uploading
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.subjects.test_import_common import NOW, ROW, counts, imported, published, table

ADD = "admin:subjects_subjectimport_add"
ONE = "admin:subjects_subjectimport_change"
IIN = "850101300005"


@pytest.fixture
def ready(office: Office, settings: Any) -> Office:
    settings.FILE_UPLOAD_HANDLERS = ["subjects.uploads.LimitedMemoryHandler"]
    published(office.pandev.operator, office.pandev.dpo)
    return office


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The doorbells that were rung, as their messages say it."""
    bells: list[Any] = []
    monkeypatch.setattr(imports, "ring", lambda bell: bells.append((bell.task, bell.args)))
    return bells


def send(client: Any, office: Office, content: bytes, **data: Any) -> Any:
    file = SimpleUploadedFile("canary-name.csv", content, "text/csv")
    facts = {"operator": office.pandev.operator.pk, "content": file} | data
    return client.post(reverse(ADD), facts)


def test_an_uploaded_file_is_sealed_waits_and_is_imported_by_the_task(
    ready: Office, as_user: Any, rung: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    client = as_user(ready.pandev.clerk)
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(client, ready, table(ROW, ROW | {"account": "", "email": ""}))
    run = SubjectImport.objects.get()
    assert answer.status_code == 302 and answer["Location"] == reverse(ONE, args=[run.pk])
    assert (run.state, run.made_by) == (ImportState.WAITING, ready.pandev.clerk)
    file = run.file
    assert file is not None
    assert b"canary" not in file.path.read_bytes() and "canary" not in repr(vars(file))
    assert rung == [("subjects.import_tasks.import_run", (run.pk,))]
    # The message is the number and nothing else.
    assert json.dumps(rung[0][1]) == f"[{run.pk}]"
    with django_capture_on_commit_callbacks(execute=True):
        import_tasks.import_run(run.pk)
    run.refresh_from_db()
    assert run.state == ImportState.DONE and counts(run)["new"] == 1
    assert DestructionItem.objects.get(key=file.key).kind == Sealed.UPLOAD
    assert not file.path.exists() and not VaultKey.objects.filter(pk=file.key).exists()
    page = client.get(reverse(ONE, args=[run.pk]))
    text = page.content.decode()
    assert page.status_code == 200 and "<progress" in text and "canary" not in text
    assert "This cell is empty; the row needs it." in text
    # A second ring finds nothing to do.
    import_tasks.import_run(run.pk)
    assert DataSubject.objects.count() == 1


def test_the_sweep_finds_what_no_bell_told_of(
    ready: Office, as_user: Any, rung: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    send(as_user(ready.pandev.dpo), ready, table(ROW), dry_run="on")
    with django_capture_on_commit_callbacks(execute=True):
        import_tasks.import_sweep()
    run = SubjectImport.objects.get()
    assert run.state == ImportState.DONE and run.dry_run and not DataSubject.objects.exists()
    assert JobRun.objects.get(job="import_sweep").did == {"imported": 1, "passed": 0}
    import_tasks.import_sweep()
    assert SubjectImport.objects.count() == 1


def test_a_broker_that_is_away_is_no_harm(
    ready: Office, as_user: Any, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    def away(*args: Any, **kw: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(import_tasks.import_run, "apply_async", away)
    with django_capture_on_commit_callbacks(execute=True):
        assert send(as_user(ready.pandev.clerk), ready, table(ROW)).status_code == 302


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name\nx\n", "has no column account"),
        (table(ROW).decode().encode("cp1251"), "Windows-1251"),
        (b"", ""),
    ],
)
def test_a_file_that_is_refused_is_not_kept(
    ready: Office, as_user: Any, content: bytes, says: str
) -> None:
    answer = send(as_user(ready.pandev.clerk), ready, content)
    assert answer.status_code in (200, 422) and says in answer.content.decode()
    assert not SubjectImport.objects.exists() and not SealedFile.objects.exists()


def test_no_file_is_refused_at_its_field(ready: Office, as_user: Any) -> None:
    answer = as_user(ready.pandev.clerk).post(reverse(ADD), {"operator": ready.pandev.operator.pk})
    assert "Choose a file." in answer.content.decode()


def test_an_upload_over_the_limit_is_refused_in_one_sentence(
    ready: Office, as_user: Any, settings: Any
) -> None:
    settings.IMPORT_LIMIT_MB = 1
    answer = send(as_user(ready.pandev.clerk), ready, b"x" * (uploads.MEGABYTE + 1))
    assert answer.status_code == 413 and "larger than 1 MB" in answer.content.decode()
    assert not SealedFile.objects.exists()
    assert send(as_user(ready.pandev.clerk), ready, table(ROW)).status_code == 302


def test_an_upload_of_several_megabytes_stays_in_memory(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILE_UPLOAD_HANDLERS = ["subjects.uploads.LimitedMemoryHandler"]
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "none")
    big = b"y" * (5 * uploads.MEGABYTE)
    request = RequestFactory().post("/", {"content": SimpleUploadedFile("a", big)})
    request.user = AnonymousUser()
    # Whoever has no session takes no more of the memory than a form needs.
    assert "content" not in request.FILES
    with pytest.raises(errors.UploadTooBig):
        uploads.require_small(request)
    request = RequestFactory().post("/", {"content": SimpleUploadedFile("a", big)})
    request.COOKIES[settings.SESSION_COOKIE_NAME] = "somebody"
    assert request.FILES["content"].read() == big
    uploads.require_small(request)


@pytest.mark.parametrize(
    ("who", "status"),
    [("dpo", 200), ("clerk", 200), ("auditor", 403), ("stranger", 403), ("admin", 403)],
)
def test_who_may_upload(ready: Office, as_user: Any, who: str, status: int) -> None:
    users: dict[str, User] = {
        "dpo": ready.pandev.dpo, "clerk": ready.pandev.clerk, "auditor": ready.pandev.auditor,
        "stranger": ready.nobody, "admin": ready.admin,
    }  # fmt: skip
    assert as_user(users[who]).get(reverse(ADD)).status_code == status


def test_another_operators_staff_neither_upload_nor_see(
    ready: Office, as_user: Any, rung: list[Any]
) -> None:
    stranger = as_user(ready.ipm.dpo)
    assert send(stranger, ready, table(ROW)).status_code == 200
    assert not SubjectImport.objects.exists()
    run = imported(ready.pandev, table(ROW))
    assert stranger.get(reverse(ONE, args=[run.pk])).status_code == 404
    assert as_user(ready.pandev.auditor).get(reverse(ONE, args=[run.pk])).status_code == 200


def test_a_file_that_can_no_longer_be_taken_says_so_on_its_row(
    ready: Office, as_user: Any, rung: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    send(as_user(ready.pandev.clerk), ready, table(ROW))
    run = SubjectImport.objects.select_related("file").get()
    SubjectImport.objects.filter(pk=run.pk).update(digest="0" * 64)
    with django_capture_on_commit_callbacks(execute=True):
        import_tasks.import_run(run.pk)
    run.refresh_from_db()
    assert run.state == ImportState.REFUSED and run.refusal
    assert run.file is not None and not run.file.path.exists()


def test_the_list_costs_the_same_however_many_runs_there_are(
    ready: Office, as_user: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        imported(ready.pandev, table(ROW | {"account": f"u-{number}"}))
    client = as_user(ready.pandev.clerk)
    with django_assert_max_num_queries(20):
        assert client.get(reverse("admin:subjects_subjectimport_changelist")).status_code == 200


def test_rejects_come_in_pages(ready: Office, as_user: Any) -> None:
    rows = [ROW | {"account": f"u-{number}", "activity": "x"} for number in range(60)]
    run = imported(ready.pandev, table(*rows))
    client = as_user(ready.pandev.auditor)
    first = client.get(reverse(ONE, args=[run.pk])).content.decode()
    second = client.get(reverse(ONE, args=[run.pk]), {"rejects": 2}).content.decode()
    assert "<td>2</td>" in first and "<td>61</td>" not in first and "<td>61</td>" in second


# --- conflicts -----------------------------------------------------------------------------------
@pytest.fixture
def conflict(ready: Office) -> ImportConflict:
    row = ROW | {"iin": IIN}
    imported(ready.pandev, table(row, row | {"account": "u-2", "email": "b@example.org"}))
    return ImportConflict.objects.get()


def page(conflict: ImportConflict, verb: str = "change") -> str:
    return reverse(f"admin:subjects_importconflict_{verb}", args=[conflict.pk])


@pytest.mark.parametrize("verb", ["link", "different"])
def test_somebody_decides_once(
    ready: Office, as_user: Any, conflict: ImportConflict, verb: str
) -> None:
    client = as_user(ready.pandev.clerk)
    assert client.get(page(conflict)).status_code == 200
    assert client.get(page(conflict, verb)).status_code == 200
    assert client.post(page(conflict, verb)).status_code == 302
    conflict.refresh_from_db()
    wanted = ConflictState.LINKED if verb == "link" else ConflictState.DIFFERENT
    assert (conflict.state, conflict.decided_by) == (wanted, ready.pandev.clerk)
    assert SubjectLink.objects.count() == (verb == "link")
    assert client.post(page(conflict, verb)).status_code == 409
    with pytest.raises(errors.ConflictDecided):
        uploading.conflict_resolve(
            conflict=conflict, state="different", by=ready.pandev.dpo, now=NOW
        )


def test_merging_is_no_decision_of_this_page(ready: Office, conflict: ImportConflict) -> None:
    with pytest.raises(errors.NotADecision):
        uploading.conflict_resolve(
            conflict=conflict, state=ConflictState.MERGED, by=ready.pandev.dpo, now=NOW
        )


def test_who_may_decide(ready: Office, as_user: Any, conflict: ImportConflict) -> None:
    assert as_user(ready.pandev.auditor).post(page(conflict, "link")).status_code == 403
    assert as_user(ready.ipm.dpo).post(page(conflict, "link")).status_code == 404
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN
