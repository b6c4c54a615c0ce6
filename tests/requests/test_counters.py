"""What waits on the desk that is no clock, and the lists behind the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from registry.models import User
from requests.models import Letter
from tests.conftest import Office, Team
from tests.requests.asking import LATER, WITHDRAWAL, accept, asked, check, item_of, receive
from tests.requests.checking import BLOCKING, CORRECTION, correct, find
from tests.requests.corresponding import draft, printed, prove, send
from tests.requests.test_other_kinds import INFORMATION

LogIn = Callable[[User], Client]
COUNT = re.compile(r'href="([^"]+)">([^<]+) <strong>(\d+)</strong></a>')
TITLES = {
    "waits for a proof of identity", "waits for the result of a check", "waits for a correction",
    "letters to print", "letters that wait for the proof of sending",
}  # fmt: skip


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False), override("en"):
        yield


def counted(client: Client, query: str = "") -> dict[str, tuple[int, str]]:
    page = client.get(f"/admin/{query}").content.decode()
    return {
        title: (int(count), link.replace("&amp;", "&"))
        for link, title, count in COUNT.findall(page)
        if title in TITLES
    }


def waiting(team: Team) -> None:
    """One of each."""
    receive(team, INFORMATION)
    _known, blocked = asked(team, BLOCKING)
    accept(item_of(blocked), team)
    send(draft(receive(team, WITHDRAWAL, answer_by="post"), team), team)


def test_each_number_leads_to_as_many_rows(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    client = as_user(team.clerk)
    assert counted(client) == {}
    waiting(team)
    _known, wrong = asked(office.ipm, CORRECTION)
    find(item_of(wrong), office.ipm, "inaccurate")
    letter = Letter.objects.get(by="post")
    # What goes by e-mail is printed by nobody.
    send(draft(receive(team, WITHDRAWAL), team), team)
    found = counted(client)
    assert {title: count for title, (count, _link) in found.items()} == {
        "waits for a proof of identity": 1,
        "waits for the result of a check": 1,
        "letters to print": 1,
    }
    for count, link in found.values():
        assert client.get(link).context["cl"].result_count == count
    printed(letter, team)
    assert "letters that wait for the proof of sending" in counted(client)
    prove(letter, team)
    assert "letters that wait for the proof of sending" not in counted(client)
    # Another operator's are not counted, and seen by its own.
    mine = counted(as_user(office.ipm.dpo))
    assert {title: count for title, (count, _link) in mine.items()} == {"waits for a correction": 1}


def test_what_is_done_waits_no_more(office: Office, as_user: LogIn) -> None:
    team = office.ipm
    client = as_user(team.dpo)
    known, request = asked(team, CORRECTION, verified=False)
    assert "waits for a proof of identity" in counted(client)
    check(request, team)
    assert counted(client) == {}
    find(item_of(request), team, "inaccurate")
    assert set(counted(client)) == {"waits for a correction"}
    correct(item_of(request), team, known.data["full_name"])
    assert counted(client) == {}


def test_one_operator_at_a_time(office: Office, as_user: LogIn) -> None:
    waiting(office.pandev)
    client = as_user(office.pandev.dpo)
    found = counted(client, "?operator=pandev")
    for count, link in found.values():
        listed = client.get(link)
        assert listed.status_code == 200 and listed.context["cl"].result_count == count
    assert found and counted(client, "?operator=ipm") == {}


def test_who_sees_no_requests_counts_none(office: Office, as_user: LogIn) -> None:
    waiting(office.pandev)
    assert counted(as_user(office.admin)) == {}
    assert len(counted(as_user(office.pandev.auditor))) == 3


def test_the_numbers_cost_five_queries_however_much_waits(office: Office, as_user: LogIn) -> None:
    client = as_user(office.pandev.dpo)
    receive(office.pandev, INFORMATION)
    client.get("/admin/")
    with CaptureQueriesContext(connection) as one:
        client.get("/admin/")
    for _ in range(5):
        receive(office.pandev, INFORMATION)
    with CaptureQueriesContext(connection) as six:
        client.get("/admin/")
    assert len(six) == len(one)
