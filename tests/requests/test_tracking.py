"""The code by which a person follows a request: made once, kept sealed, found by its hash."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from requests.models import SubjectRequest
from requests.models.subject_requests import RequestChannel
from requests.services.tracking import (
    NoSuchRequest,
    code_of,
    hash_of,
    new_code,
    request_by,
    spelled,
    tracking_path,
)
from subjects.models import VaultKey
from subjects.models.base import ALPHABET
from subjects.services.destruction import keys_destroy
from subjects.vault.models import Sealed
from subjects.vault.store import ValueLost
from tests.conftest import Office
from tests.requests.asking import LATER, TOLD, again, receive
from tests.requests.forms import everywhere

NEVER = datetime(2029, 6, 1, 9, tzinfo=UTC)


def test_a_code_has_twenty_signs_that_nobody_confuses() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    for code in codes:
        assert len(code) == 20 and set(code) <= set(ALPHABET)
    assert not set("01OIL") & set(ALPHABET)
    assert spelled("abcdefghjkmnpqrstuvw") == "ABCDE-FGHJK-MNPQR-STUVW"


def test_every_channel_gets_a_code_of_its_own(office: Office) -> None:
    rows = [again(receive(office.pandev, channel=channel)) for channel in RequestChannel.values]
    codes = {code_of(row) for row in rows}
    assert None not in codes and len(codes) == len(RequestChannel.values)
    for row in rows:
        code = code_of(row)
        assert code is not None
        assert [len(part) for part in code.split("-")] == [5, 5, 5, 5]
        assert tracking_path(row) == f"/pandev/track/{code}/"
        assert row.tracking_hash == hash_of(code)


def test_a_letter_that_tells_nothing_has_a_code_too(office: Office) -> None:
    told = dict.fromkeys(TOLD, "")
    row = again(receive(office.ipm, answer_by="by_hand", **told))
    assert code_of(row) is not None
    assert VaultKey.objects.filter(kind=Sealed.REQUEST, owner=row.pk).count() == 1


def test_the_code_stands_nowhere_in_plain(office: Office) -> None:
    row = again(receive(office.pandev))
    code = code_of(row)
    assert code is not None
    found = everywhere()
    assert hash_of(code) in found
    for form in (code, code.replace("-", ""), code[:5], code.lower()):
        assert form not in found


def test_it_is_found_however_it_is_typed(office: Office) -> None:
    row = again(receive(office.pandev))
    code = str(code_of(row))
    for typed in (code, code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')} ",
                  code.replace("-", "–"), "/".join(code)):  # fmt: skip
        assert request_by(office.pandev.operator, typed) == row


def test_nothing_is_told_of_a_code_that_does_not_fit(office: Office) -> None:
    row = again(receive(office.pandev))
    code = str(code_of(row))
    last = "2" if code[-1] != "2" else "3"
    said = set()
    for operator, typed in (
        (office.pandev.operator, code[:-1] + last),
        (office.pandev.operator, code[:-1]),
        (office.pandev.operator, code + "2"),
        (office.pandev.operator, ""),
        (office.pandev.operator, str(row.tracking_hash)),
        # Another operator's people are nobody's business.
        (office.ipm.operator, code),
    ):
        with pytest.raises(NoSuchRequest) as refusal:
            request_by(operator, typed)
        said.add(str(refusal.value))
        assert refusal.value.status == 404
    assert len(said) == 1


def test_wrong_and_right_cost_one_query(office: Office, django_assert_num_queries: object) -> None:
    row = again(receive(office.pandev))
    code = str(code_of(row))
    with django_assert_num_queries(1):  # type: ignore[operator]
        request_by(office.pandev.operator, code)
    for wrong in ("", "22222-22222-22222-22222", "x" * 5_000):
        with django_assert_num_queries(1), pytest.raises(NoSuchRequest):  # type: ignore[operator]
            request_by(office.pandev.operator, wrong)


def test_a_destroyed_code_is_told_to_nobody_and_still_leads_to_the_request(office: Office) -> None:
    row = again(receive(office.pandev))
    code = str(code_of(row))
    keys_destroy([row.tracking_key], reason="the end", by=None, now=NEVER)
    row = again(row)
    assert (code_of(row), tracking_path(row)) == (None, None)
    assert request_by(office.pandev.operator, code) == row


def test_a_lost_code_is_an_incident(office: Office) -> None:
    row = again(receive(office.pandev))
    VaultKey.objects.filter(pk=row.tracking_key).delete()
    with pytest.raises(ValueLost):
        code_of(row)


def test_a_request_of_before_has_none(office: Office) -> None:
    row = SubjectRequest(
        operator=office.pandev.operator, number="REQ-2025-0001", channel="paper",
        received_at=LATER, registered_at=LATER, language="ru", answer_by="by_hand",
    )  # fmt: skip
    row.save()
    assert (code_of(row), tracking_path(row)) == (None, None)
    # And no empty code finds it.
    with pytest.raises(NoSuchRequest):
        request_by(office.pandev.operator, "")


def test_no_two_requests_share_a_code_and_none_has_a_half_of_one(office: Office) -> None:
    first, second = again(receive(office.pandev)), again(receive(office.pandev))
    for value in (first.tracking_hash, None):
        second.tracking_hash = value
        with pytest.raises(IntegrityError), transaction.atomic():
            second.save(update_fields=["tracking_hash"])
