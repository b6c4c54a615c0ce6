"""Many at once on one form: guesses, double clicks, floods, and the sweep meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from time_machine import travel

from requests.models import IdentityCheck, SubjectRequest, Submission, Throttle
from requests.services.forgetting import submissions_sweep
from requests.services.submissions import (
    CodeTriesOver,
    CodeWrong,
    SubmissionGone,
    code_again,
    submission_confirm,
    submission_make,
)
from requests.services.throttling import SUBMISSIONS, ComesTooOften, count
from subjects.models import DestructionItem, VaultKey
from subjects.services.keys import lost_keys
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.requests.forms import (
    FORM,
    NOW,
    PDF,
    mailed_code,
    opened,
    path,
    told,
    upload,
)
from tests.requests.test_inquiry_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def make(office: Office, nonce: str = "n") -> Submission:
    return submission_make(
        operator=office.pandev.operator, told=told(), files=[(PDF, "application/pdf")],
        nonce=nonce, language="en", now=NOW,
    )  # fmt: skip


def test_twenty_wrong_guesses_at_once_get_five_tries(live_office: Office) -> None:
    row = make(live_office)
    code = mailed_code()
    operator = live_office.pandev.operator
    found = at_once(
        *(
            lambda number=number: submission_confirm(
                operator=operator,
                public_id=row.public_id,
                code=f"{(int(code) + number) % 1_000_000:06d}",
                now=NOW,
            )
            for number in range(1, 21)
        )
    )
    kinds = [type(one) for one in found]
    # The fifth says already that it was the last.
    assert kinds.count(CodeWrong) == 4 and kinds.count(CodeTriesOver) == 16
    row.refresh_from_db()
    assert row.tries == 5
    with pytest.raises(CodeTriesOver):
        submission_confirm(operator=operator, public_id=row.public_id, code=code, now=NOW)
    assert not SubjectRequest.objects.exists()


def test_the_right_code_eight_times_at_once_is_one_request(live_office: Office) -> None:
    row, code = make(live_office), mailed_code()
    operator = live_office.pandev.operator
    found = at_once(
        *(
            lambda: submission_confirm(
                operator=operator, public_id=row.public_id, code=code, now=NOW
            )
            for _ in range(8)
        )
    )
    assert {one.request for one in found} == {SubjectRequest.objects.get()}
    assert IdentityCheck.objects.count() == 1
    assert DestructionItem.objects.count() == 2
    assert not VaultKey.objects.filter(kind=Sealed.SUBMISSION).exists() and not lost_keys()


def test_one_page_sent_six_times_at_once_is_one_submission_and_one_mail(
    live_office: Office,
) -> None:
    found = at_once(*(lambda: make(live_office) for _ in range(5)))
    assert {one.pk for one in found} == {Submission.objects.get().pk}
    assert len(mail.outbox) == 1
    assert VaultKey.objects.filter(kind=Sealed.SUBMISSION).count() == 2


def test_a_new_code_asked_for_at_once_is_one(live_office: Office) -> None:
    row, operator = make(live_office), live_office.pandev.operator
    later = NOW + timedelta(hours=1)
    at_once(
        *(
            lambda: code_again(operator=operator, public_id=row.public_id, now=later)
            for _ in range(4)
        )
    )
    row.refresh_from_db()
    # Before a mail has gone another may be asked for; never more than three in all.
    assert row.codes == len(mail.outbox) in {2, 3}


def test_the_sweep_and_the_code_at_once_leave_one_of_them_whole(live_office: Office) -> None:
    operator = live_office.pandev.operator
    row, code = make(live_office), mailed_code()
    Submission.objects.filter(pk=row.pk).update(code_made_at=NOW + timedelta(hours=24))
    moment = NOW + timedelta(hours=24)
    found = at_once(
        lambda: submissions_sweep(now=moment),
        lambda: submission_confirm(
            operator=operator,
            public_id=row.public_id,
            code=code,
            now=moment - timedelta(seconds=1),
        ),
    )
    swept = found[0]["submissions"]
    assert (isinstance(found[1], SubmissionGone)) == bool(swept)
    assert SubjectRequest.objects.count() == 1 - swept
    assert not VaultKey.objects.filter(kind=Sealed.SUBMISSION).exists() and not lost_keys()


def test_two_sweeps_at_once_destroy_once(live_office: Office) -> None:
    for number in range(4):
        make(live_office, nonce=str(number))
    ends = NOW + timedelta(hours=24)
    found = at_once(*(lambda: submissions_sweep(now=ends) for _ in range(2)))
    assert sum(one["submissions"] for one in found) == 4
    assert not any(one["failed"] for one in found)
    assert DestructionItem.objects.count() == 8 and not lost_keys()


def test_counting_at_once_loses_none(live_office: Office) -> None:
    found = at_once(*(lambda: count(SUBMISSIONS, who="198.51.100.1", now=NOW) for _ in range(16)))
    assert [type(one) for one in found].count(ComesTooOften) == 16 - SUBMISSIONS.times
    assert Throttle.objects.get().count == 16


def test_a_double_click_leads_both_to_one_place(live_office: Office) -> None:
    with travel(NOW, tick=False):
        nonce = opened(Client())

        def click() -> str:
            fields = FORM | {"nonce": nonce, "file_1": upload(PDF)}
            answer = Client().post(path(), fields)
            connection.close()
            return str(answer.headers["Location"])

        found = at_once(*(click for _ in range(4)))
    assert len(set(found)) == 1 and Submission.objects.count() == 1
    assert len(mail.outbox) == 1
