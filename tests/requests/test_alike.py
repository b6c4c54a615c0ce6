"""Requests of the same card or contact: found by tokens, shown to whoever answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from registry.models import User
from requests.models import SubjectRequest
from requests.models.subject_requests import RequestKind
from requests.services.alike import Alike, others_of, requests_of_sender
from requests.services.ends import ends_sweep
from requests.services.subject_requests import Demand
from subjects.models import SearchToken, VaultKey
from subjects.services import keys
from subjects.services.search import search
from tests.conftest import Office
from tests.requests.asking import LATER, MUCH_LATER, TOLD, WITHDRAWAL, asked, receive, withdraw
from tests.requests.mailing import SENDER, ingest, mail
from tests.subjects.conftest import key_files  # noqa: F401

LogIn = Callable[[User], Client]
COMPLAINT = Demand(RequestKind.COMPLAINT)
NEW_EMAIL = {"email": "canary.other@example.org"}
NEW_PHONE = {"phone": "+7 702 111 22 33"}


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False), override("en"):
        yield


def told(found: list[Alike]) -> dict[str, tuple[str, ...]]:
    return {one.request.number: one.common for one in found}


def page(row: Any) -> str:
    return reverse(f"admin:requests_{row._meta.model_name}_change", args=[row.pk])


def test_by_card_by_email_by_phone_however_it_was_written(office: Office) -> None:
    team = office.pandev
    known, first = asked(team, WITHDRAWAL)
    card = receive(team, COMPLAINT, subjects=[known.card], **NEW_EMAIL, **NEW_PHONE)
    email = receive(team, COMPLAINT, email=TOLD["email"].upper(), **NEW_PHONE)
    phone = receive(team, COMPLAINT, phone="8 (701) 555-90-87", **NEW_EMAIL)
    receive(team, COMPLAINT, email="stranger@example.org", phone="+7 702 111 22 34")
    receive(office.ipm, COMPLAINT)
    assert told(others_of(first)) == {
        card.number: ("card",), email.number: ("email",), phone.number: ("phone",),
    }  # fmt: skip
    # From the other side, and not itself.
    assert told(others_of(email)) == {first.number: ("email",), card.number: ("phone",)}


def test_nothing_is_opened_for_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = receive(office.pandev, COMPLAINT), receive(office.pandev, COMPLAINT)

    def refuse_to_open(*args: Any) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr("subjects.sealing.unseal", refuse_to_open)
    monkeypatch.setattr("subjects.sealing.unwrap", refuse_to_open)
    assert told(others_of(first)) == {second.number: ("email", "phone")}


def test_a_contact_that_was_destroyed_leads_nowhere(office: Office) -> None:
    team = office.pandev
    first = receive(team, COMPLAINT)
    second = receive(team, COMPLAINT)
    numbers = [first.email_key, first.phone_key]
    assert SearchToken.objects.filter(key__in=numbers).count() == 2
    withdraw(first, team)
    ends_sweep(now=MUCH_LATER)
    assert not VaultKey.objects.filter(pk__in=numbers).exists()
    assert not SearchToken.objects.filter(key__in=numbers).exists()
    assert others_of(second) == []


def test_a_new_search_key_changes_nothing(office: Office) -> None:
    team = office.pandev
    first, second = receive(team, COMPLAINT), receive(team, COMPLAINT)
    row = ingest(team, mail("Hello", sender=TOLD["email"]))
    before = SearchToken.objects.count()
    made = keys.search_rotate(by=None, now=LATER)
    assert SearchToken.objects.count() == before
    assert not keys.not_under(made.number).exists()
    assert told(others_of(first)) == {second.number: ("email", "phone")}
    assert set(told(requests_of_sender(row))) == {first.number, second.number}


def test_the_search_of_people_passes_contacts_of_letters_by(office: Office) -> None:
    team = office.pandev
    receive(team, COMPLAINT, email="nobody.here@example.org")
    found = search(
        user=team.clerk, text="nobody.here@example.org", now=LATER, operators=[team.operator]
    )
    assert found.subjects == []


def test_the_pages_show_it_to_staff_of_the_operator(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    first, second = receive(team, COMPLAINT), receive(team, WITHDRAWAL)
    shown = as_user(team.clerk).get(page(first)).content.decode()
    assert second.number in shown and "the same e-mail, the same phone" in shown
    assert "Other requests of the same people or contact" in shown
    assert TOLD["email"] not in shown
    assert second.number in as_user(team.auditor).get(page(first)).content.decode()
    assert as_user(office.ipm.dpo).get(page(first)).status_code == 404
    alone = receive(team, COMPLAINT, **NEW_EMAIL, **NEW_PHONE)
    assert "the same people or contact" not in as_user(team.clerk).get(page(alone)).content.decode()


def test_a_mail_joins_a_request_of_its_sender_by_one_click(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    mine = receive(team, COMPLAINT, email=SENDER)
    over = withdraw(receive(team, COMPLAINT, email=SENDER), team)
    other = receive(team, COMPLAINT)
    row = ingest(team, mail("Hello"))
    client = as_user(team.clerk)
    shown = client.get(page(row)).content.decode()
    assert f'name="number" value="{mine.number}"' in shown
    # One that is over is shown; nothing can be added to it.
    assert over.number in shown and f'value="{over.number}"' not in shown
    assert other.number not in shown and SENDER not in shown
    seen = as_user(team.auditor).get(page(row)).content.decode()
    assert 'name="number"' not in seen
    client.post(reverse("admin:requests_incomingmail_join", args=[row.pk]), {"number": mine.number})
    row.refresh_from_db()
    assert row.request == mine and row.place == "reply"


@pytest.mark.parametrize("sender", ["", "not an address"])
def test_a_mail_without_an_address_has_no_requests(office: Office, sender: str) -> None:
    row = ingest(office.pandev, mail("Hello", sender=sender))
    assert requests_of_sender(row) == []


def test_the_same_number_of_queries_for_one_and_for_many(office: Office) -> None:
    team = office.pandev
    known, first = asked(team, WITHDRAWAL)

    def cost(row: SubjectRequest) -> int:
        with CaptureQueriesContext(connection) as seen:
            others_of(row)
        return len(seen)

    receive(team, COMPLAINT, subjects=[known.card])
    one = cost(first)
    for _ in range(4):
        receive(team, COMPLAINT, subjects=[known.card])
    assert cost(first) == one <= 7
    assert len(others_of(first)) == 5
