"""The list of incidents, what it costs, the desk, and the register of a period."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override
from pypdf import PdfReader

from registry.desk import desk
from registry.models import Deadline, User
from requests.models import Incident, IncidentEntry
from tests.conftest import Office, Team
from tests.requests import happening as h
from tests.requests.happening import DETECTED, LATER, found, known, notify
from tests.requests.test_incident_pages import page
from tests.subjects.persons import register

LogIn = Callable[[User], Client]
LIST = "/admin/requests/incident/"
REGISTER = "/admin/requests/incident/register/"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(LATER, tick=False) as traveller:
        yield traveller


# --- the list, the desk, the register ------------------------------------------------------------
def _many(team: Team, count: int) -> None:
    """Rows as the service makes them, in bulk."""
    first = found(team)
    Incident.objects.bulk_create(
        Incident(
            operator=team.operator, number=f"INC-2025-{number:04d}", detected_at=DETECTED,
            registered_at=LATER, registered_by=team.clerk,
        )
        for number in range(count - 1)
    )  # fmt: skip
    pattern = first.deadlines.first()
    assert pattern is not None
    made = []
    for row in Incident.objects.filter(number__startswith="INC-2025"):
        one = Deadline.objects.get(pk=pattern.pk)
        one.pk, one.about_id, one.label = None, row.pk, row.number
        made.append(one)
    Deadline.objects.bulk_create(made)


def test_the_list_costs_the_same_for_five_hundred(office: Office, as_user: LogIn) -> None:
    client = as_user(office.ipm.dpo)
    found(office.ipm)
    client.get(LIST)
    _many(office.ipm, 500)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(LIST)
    assert response.status_code == 200
    assert len(captured) <= 10, [one["sql"][:120] for one in captured.captured_queries]
    text = response.content.decode()
    assert "first notice to the authority" in text and "due today" in text


def test_the_list_is_narrowed_by_state_and_operator(office: Office, as_user: LogIn) -> None:
    team = office.ipm
    one, two = found(team), found(team)
    h.dismiss(two, team)
    client = as_user(team.dpo)
    text = client.get(f"{LIST}?state__exact=open").content.decode()
    assert one.number in text and two.number not in text
    address = f"{LIST}?operator__id__exact={office.pandev.operator.pk}"
    assert one.number not in as_user(office.admin).get(address).content.decode()


def test_the_page_costs_the_same_however_long_its_journal_is(
    office: Office, as_user: LogIn
) -> None:
    team = office.pandev
    row = known(team)
    client = as_user(team.dpo)
    client.get(page(row))

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(page(row))
        return len(captured)

    h.affect(row, team, register(team))
    few = cost()
    h.affect(row, team, *(register(team) for _ in range(9)))
    for _ in range(9):
        h.note(row, team)
    assert cost() == few <= 40


def test_the_desk_says_what_it_is_about(office: Office) -> None:
    row = known(office.ipm)
    board = desk(user=office.ipm.dpo, now=LATER)
    entries = [*board.overdue, *board.today, *board.this_week, *board.later]
    assert {entry.link for entry in entries} == {page(row)}
    assert "data got out" in entries[0].gist


def registered(client: Client, team: Team, **changed: Any) -> Any:
    data = {
        "operator": team.operator.pk, "since": "2026-03-05", "until": "2026-03-05",
        "media": "csv", "language": "en",
    } | changed  # fmt: skip
    return client.post(REGISTER, data)


def test_the_register_says_what_an_inspector_asks(office: Office, as_user: LogIn) -> None:
    team = office.ipm
    row = known(team)
    notify(row, team)
    h.affect(row, team, card := register(team))
    found(team, detected_at=DETECTED + timedelta(days=1), now=LATER + timedelta(days=1))
    response = registered(as_user(team.auditor), team)
    assert response.status_code == 200
    head, line = list(csv.reader(io.StringIO(response.content.decode())))
    assert head == [
        "Number", "Detected at", "What happened", "People", "First notice",
        "Results of the investigation", "Measures taken", "Closed",
    ]  # fmt: skip
    assert line[0] == row.number and line[1] == "2026-03-05 12:00"
    assert "data got out" in line[2] and line[3] == "1, about 120"
    assert line[4] == "2026-03-06 08:00 (17-first)" and line[5] == ""
    assert "The access was closed." in line[6] and line[7] == "open"
    assert card.code not in response.content.decode()


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_register_is_printed_too(office: Office, as_user: LogIn, language: str) -> None:
    row = known(office.pandev)
    response = registered(as_user(office.pandev.dpo), office.pandev, media="pdf", language=language)
    assert response.headers["Content-Type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(response.content)).pages
    text = " ".join(page.extract_text() for page in pages)
    assert row.number in text and "A copy of the table lay open." in text
    assert "incidents-pandev-2026-03-05-2026-03-05.pdf" in response.headers["Content-Disposition"]


def test_the_register_of_another_operator_is_not_offered(office: Office, as_user: LogIn) -> None:
    known(office.ipm)
    response = registered(as_user(office.pandev.dpo), office.ipm)
    assert response.status_code == 200 and "operator" in response.context["form"].errors
    assert as_user(office.nobody).get(REGISTER).status_code in {302, 403}
    upside = registered(as_user(office.ipm.dpo), office.ipm, until=str(date(2026, 3, 4)))
    assert upside.status_code == 422
    assert IncidentEntry.objects.exists()
