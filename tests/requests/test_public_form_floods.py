"""Floods of the public form: who is counted, how often, and that nobody else notices."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from requests.models import Submission, Throttle
from requests.public.addresses import client_address
from requests.services.throttling import HOUR, visitor_of
from tests.conftest import Office
from tests.requests.forms import (
    EMAIL,
    FORM,
    NOW,
    PDF,
    client_of,
    confirm,
    counts,
    mailed_code,
    opened,
    other_code,
    page_of,
    path,
    send,
    sent,
    upload,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(office: Office) -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def test_the_eleventh_submission_of_an_hour_is_refused_and_nothing_of_it_kept(clock: Any) -> None:
    client, fields = client_of(1), dict(FORM)
    for number in range(10):
        fields["email"] = f"canary{number}@example.org"
        assert send(client, fields).status_code == 302
    nonce, before = opened(client), counts()
    with CaptureQueriesContext(connection) as queries:
        answer = client.post(path() + "?lang=en", fields | {"nonce": nonce, "file_1": upload(PDF)})
    assert answer.status_code == 429 and answer.headers["Retry-After"] == "3600"
    assert "Too many tries" in answer.content.decode()
    assert counts() == before and len(mail.outbox) == 10
    # The operator, the counters, whether the office has its policy; nothing is written.
    assert len(queries) == 3
    assert not [query for query in queries if not query["sql"].startswith("SELECT")]
    # Another address writes on, and this one may look at the form.
    assert client.get(path()).status_code == 200
    assert send(client_of(2), FORM).status_code == 302
    clock.shift(timedelta(minutes=59, seconds=59))
    assert client.post(path(), fields | {"nonce": nonce}).status_code == 429
    clock.shift(timedelta(seconds=1))
    assert send(client, fields).status_code == 302


def test_a_flood_from_one_address_is_refused_while_another_writes() -> None:
    flood, other = client_of(1), client_of(2)
    flood.handler.enforce_csrf_checks = False
    nonce = opened(flood)
    found: dict[int, int] = {}
    for number in range(300):
        answer = flood.post(path(), FORM | {"nonce": nonce, "name": str(number), "wish": ""})
        found[answer.status_code] = found.get(answer.status_code, 0) + 1
        if number % 100 == 50:
            email = f"canary-{number}@example.org"
            assert send(other, FORM | {"email": email}).status_code == 302
    # What is filled in wrongly may be mended sixty times.
    assert found == {422: 60, 429: 240}
    assert Submission.objects.count() == 3


def test_the_sixth_mail_to_one_address_is_refused_from_wherever(clock: Any) -> None:
    for number in range(5):
        assert send(client_of(number), FORM | {"email": EMAIL.upper()}).status_code == 302
    before = counts()
    answer = send(client_of(9), FORM)
    assert answer.status_code == 429 and counts() == before and len(mail.outbox) == 5
    # Asked for on a page that waits, it is one mail more too.
    row = Submission.objects.first()
    assert row is not None
    clock.shift(timedelta(minutes=1))
    assert client_of(9).post(page_of(row), {"again": "1"}).status_code == 429
    assert len(mail.outbox) == 5
    clock.shift(HOUR)
    assert send(client_of(9), FORM).status_code == 302


def test_the_thirty_first_code_of_an_hour_is_refused_whosever_it_is() -> None:
    client = client_of(1)
    rows = []
    for number in range(7):
        rows.append(sent(client, FORM | {"email": f"canary{number}@example.org"}))
    wrong = other_code(mailed_code())
    answers = [confirm(client, row, wrong).status_code for row in rows for _ in range(5)]
    assert answers == [422] * 30 + [429] * 5
    row = rows[-1]
    row.refresh_from_db()
    assert row.tries == 0
    # The right one as well, from here; from elsewhere it is taken.
    assert confirm(client, row).status_code == 429
    assert confirm(client_of(2), row).status_code == 302


def test_counters_name_nobody() -> None:
    sent(client_of(1))
    rows = [repr(row) for row in Throttle.objects.values_list()]
    assert len(rows) == 3
    assert not [row for row in rows if "198.51" in row or "canary" in row]


def test_the_counters_of_one_visitor_differ_from_hour_to_hour(clock: Any) -> None:
    sent(client_of(1))
    first = set(Throttle.objects.values_list("bucket", flat=True))
    clock.shift(HOUR)
    sent(client_of(1))
    assert Throttle.objects.exclude(bucket__in=first).count() == len(first)


@pytest.mark.parametrize(
    ("address", "visitor"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("", "unknown"),
        (None, "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_whom_an_address_counts_as(address: str | None, visitor: str) -> None:
    assert visitor_of(address) == visitor


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, "192.0.2.1", "10.0.0.1"),
        (1, "192.0.2.1", "192.0.2.1"),
        # What stands further left the visitor wrote.
        (1, "203.0.113.9, 192.0.2.1", "192.0.2.1"),
        (2, "203.0.113.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        (2, "192.0.2.1", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_the_address_behind_our_proxies(proxies: int, forwarded: str, found: str) -> None:
    extra = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", **extra)
    with override_settings(TRUSTED_PROXIES=proxies):
        assert client_address(request) == found
