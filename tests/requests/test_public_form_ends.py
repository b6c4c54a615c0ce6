"""What nobody confirmed is destroyed within a day; late, twice, beside others, and by a worker."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from registry.models import JobRun, Operator
from requests import tasks
from requests.models import SubjectRequest, Submission, Throttle
from requests.services import forgetting, submissions
from requests.services.forgetting import submissions_sweep
from requests.services.submissions import (
    CodeExpired,
    CodeTriesOver,
    CodeWrong,
    SubmissionGone,
    code_again,
    submission_confirm,
    submission_found,
    submission_make,
    submission_register,
)
from requests.services.throttling import SUBMISSIONS, ComesTooOften, count, require_room
from subjects.models import DestructionItem, SealedFile, VaultKey
from subjects.services.files import files_look
from subjects.services.keys import lost_keys
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.requests.forms import EMAIL, NOW, PDF, mailed_code, other_code, told

pytestmark = pytest.mark.django_db(transaction=True)
FILES = [(PDF, "application/pdf"), (PDF + b"2", "application/pdf")]


def make(operator: Operator, nonce: str = "n", **changed: Any) -> Submission:
    return submission_make(
        **{"operator": operator, "told": told(), "files": FILES, "nonce": nonce, "language": "en",
           "now": NOW} | changed
    )  # fmt: skip


def submission_keys() -> set[int]:
    return set(VaultKey.objects.filter(kind=Sealed.SUBMISSION).values_list("pk", flat=True))


def test_a_day_to_the_second(live_office: Office) -> None:
    operator = live_office.pandev.operator
    row = make(operator)
    keys = submission_keys()
    paths = [file.path for file in SealedFile.objects.filter(kind=Sealed.SUBMISSION)]
    assert len(keys) == 3 and len(paths) == 2
    almost = NOW + timedelta(hours=24) - timedelta(seconds=1)
    assert submissions_sweep(now=almost)["submissions"] == 0
    assert submission_found(operator=operator, public_id=row.public_id, now=almost) == row
    ends = NOW + timedelta(hours=24)
    with pytest.raises(SubmissionGone):
        submission_found(operator=operator, public_id=row.public_id, now=ends)
    assert submissions_sweep(now=ends) == {
        "submissions": 1, "receipts": 0, "failed": 0, "counters": 0,
    }  # fmt: skip
    assert not submission_keys() and not Submission.objects.exists()
    assert not SealedFile.objects.filter(kind=Sealed.SUBMISSION).exists()
    assert not [path for path in paths if path.exists()]
    items = DestructionItem.objects.filter(key__in=keys)
    assert {item.reason for item in items} == {submissions.UNCONFIRMED} and len(items) == 3
    assert not lost_keys() and not files_look(now=ends).missing
    assert not SubjectRequest.objects.exists()
    # Late and twice.
    assert submissions_sweep(now=ends + timedelta(days=40))["submissions"] == 0
    assert DestructionItem.objects.filter(kind=Sealed.SUBMISSION).count() == 3


def test_a_receipt_is_forgotten_a_day_after_and_the_request_stays(live_office: Office) -> None:
    operator = live_office.ipm.operator
    row = make(operator)
    at = NOW + timedelta(minutes=10)
    submission_confirm(operator=operator, public_id=row.public_id, code=mailed_code(), now=at)
    submission_register(
        operator=operator, told=told(answer_by="post", email="", postal="Almaty"), files=[],
        nonce="other", language="kk", now=at,
    )  # fmt: skip
    assert submissions_sweep(now=NOW + timedelta(hours=24))["receipts"] == 0
    assert submissions_sweep(now=at + timedelta(hours=24))["receipts"] == 2
    assert not Submission.objects.exists() and SubjectRequest.objects.count() == 2
    assert not lost_keys()


def test_what_fails_for_one_does_not_keep_the_others(
    live_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [make(live_office.pandev.operator, nonce=str(number)) for number in range(3)]
    real = forgetting.contents_destroy

    def failing(row: Submission, *args: Any, **kw: Any) -> None:
        if row.pk == rows[0].pk:
            raise RuntimeError("canary-secret")
        real(row, *args, **kw)

    ends = NOW + timedelta(hours=24)
    with monkeypatch.context() as patch:
        patch.setattr(forgetting, "contents_destroy", failing)
        did = submissions_sweep(now=ends)
    assert (did["submissions"], did["failed"]) == (2, 1)
    assert list(Submission.objects.all()) == [rows[0]] and len(submission_keys()) == 3
    assert submissions_sweep(now=ends)["submissions"] == 1


def test_a_sweep_that_dies_between_leaves_all_or_nothing(
    live_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(live_office.pandev.operator)
    paths = [file.path for file in SealedFile.objects.filter(kind=Sealed.SUBMISSION)]

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    ends = NOW + timedelta(hours=24)
    with monkeypatch.context() as patch:
        patch.setattr(forgetting.seam, "delete_returning", killed)
        with pytest.raises(KeyboardInterrupt):
            submissions_sweep(now=ends)
    assert len(submission_keys()) == 3 and all(path.exists() for path in paths)
    assert not DestructionItem.objects.exists()
    assert submissions_sweep(now=ends)["submissions"] == 1
    assert not [path for path in paths if path.exists()]


def test_a_confirmation_that_fails_half_way_leaves_the_form_and_its_code(
    live_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = live_office.pandev.operator
    row = make(operator)
    code = mailed_code()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(submissions, "keys_destroy", broken)
        with pytest.raises(RuntimeError):
            submission_confirm(operator=operator, public_id=row.public_id, code=code, now=NOW)
    assert not SubjectRequest.objects.exists() and len(submission_keys()) == 3
    submission_confirm(operator=operator, public_id=row.public_id, code=code, now=NOW)
    assert SubjectRequest.objects.count() == 1 and not submission_keys()


def test_the_code_at_its_last_second(live_office: Office) -> None:
    operator = live_office.pandev.operator
    row, code = make(operator), mailed_code()
    late = NOW + timedelta(minutes=15)
    with pytest.raises(CodeExpired):
        submission_confirm(operator=operator, public_id=row.public_id, code=code, now=late)
    # A try that cannot be right is none.
    row.refresh_from_db()
    assert row.tries == 0
    submission_confirm(
        operator=operator, public_id=row.public_id, code=code, now=late - timedelta(seconds=1)
    )


def test_a_wrong_code_is_refused_by_name_and_counted(live_office: Office) -> None:
    operator = live_office.pandev.operator
    row = make(operator)
    wrong = other_code(mailed_code())
    for left in (4, 3, 2, 1):
        with pytest.raises(CodeWrong) as refusal:
            submission_confirm(operator=operator, public_id=row.public_id, code=wrong, now=NOW)
        assert refusal.value.params == {"left": left}
    for _ in range(2):
        with pytest.raises(CodeTriesOver):
            submission_confirm(operator=operator, public_id=row.public_id, code=wrong, now=NOW)
    row.refresh_from_db()
    assert row.tries == 5
    # A new code has tries of its own.
    later = NOW + timedelta(minutes=1)
    code_again(operator=operator, public_id=row.public_id, now=later)
    done = submission_confirm(
        operator=operator, public_id=row.public_id, code=mailed_code(), now=later
    )
    assert done.request is not None and done.request.received_at == later


def test_the_same_code_of_another_form_opens_nothing(live_office: Office) -> None:
    operator = live_office.pandev.operator
    first = make(operator)
    code = mailed_code()
    second = make(operator, nonce="m")
    # As somebody with the tables would have it: the hash is of this row alone.
    Submission.objects.filter(pk=second.pk).update(code_hash=first.code_hash)
    with pytest.raises(CodeWrong):
        submission_confirm(operator=operator, public_id=second.public_id, code=code, now=NOW)


def test_a_hash_made_without_the_secret_key_opens_nothing(live_office: Office) -> None:
    operator = live_office.pandev.operator
    row, code = make(operator), mailed_code()
    with override_settings(SECRET_KEY="another-" + "y" * 50), pytest.raises(CodeWrong):
        submission_confirm(operator=operator, public_id=row.public_id, code=code, now=NOW)


def test_the_database_holds_what_the_services_promise(live_office: Office) -> None:
    operator = live_office.pandev.operator
    row = make(operator)
    for changed in (
        {"confirmed_at": NOW}, {"code_hash": ""}, {"code_made_at": None},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            Submission.objects.filter(pk=row.pk).update(**changed)
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.create(
            operator=live_office.ipm.operator, nonce=row.nonce, language="en", made_at=NOW,
            code_hash="x", code_made_at=NOW,
        )  # fmt: skip


def test_a_counter_counts_and_forgets(live_office: Office) -> None:
    for _ in range(SUBMISSIONS.times):
        require_room(SUBMISSIONS, who="198.51.100.1", now=NOW)
        count(SUBMISSIONS, who="198.51.100.1", now=NOW)
    with pytest.raises(ComesTooOften) as refusal:
        require_room(SUBMISSIONS, who="198.51.100.1", now=NOW + timedelta(minutes=40))
    assert refusal.value.params == {"seconds": 1200}
    with pytest.raises(ComesTooOften):
        count(SUBMISSIONS, who="198.51.100.1", now=NOW)
    require_room(SUBMISSIONS, who="198.51.100.2", now=NOW)
    require_room(SUBMISSIONS, who="198.51.100.1", now=NOW + timedelta(hours=1))
    submissions_sweep(now=NOW + timedelta(hours=3))
    assert Throttle.objects.count() == 1
    submissions_sweep(now=NOW + timedelta(hours=4))
    assert not Throttle.objects.exists()


def test_the_job_runs_hourly_and_says_what_it_did(
    live_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat = current_app.conf.beat_schedule["forget_submissions"]
    assert beat["task"] == tasks.forget_submissions.name
    assert beat["schedule"].minute == {43} and len(beat["schedule"].hour) == 24
    make(live_office.pandev.operator, now=datetime.now(NOW.tzinfo) - timedelta(hours=25))
    for did in (1, 0):
        tasks.forget_submissions()
        record = JobRun.objects.filter(job="forget_submissions").latest("pk")
        assert record.state == "done" and record.did["submissions"] == did
    assert not Submission.objects.exists() and not submission_keys()


def test_the_plain_texts_are_gone_from_the_file_of_the_database(live_office: Office) -> None:
    row = make(live_office.pandev.operator)
    key = VaultKey.objects.get(pk=row.told_key)
    submissions_sweep(now=NOW + timedelta(hours=24))
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        content = b"".join(Path(name + end).read_bytes() for end in ("", "-wal"))
        assert bytes(key.wrapped) not in content
    assert EMAIL in mail.outbox[0].to
