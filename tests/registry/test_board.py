"""The board of deadlines: the filter, everything of it given to one person, CSV."""

from __future__ import annotations

import csv
import io
import itertools
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from registry.models import Deadline, User
from registry.services.board import (
    BoardMoved,
    NothingToAssign,
    TooManyAtOnce,
    deadlines_assign,
)
from registry.services.clocks import NotOnTheStaff, deadline_meet
from tests.conftest import Office, Team
from tests.registry.test_clocks import away, start

NOW = datetime(2026, 1, 12, 9, tzinfo=UTC)
BOARD = "/admin/registry/deadline/board/"
CSV = f"{BOARD}deadlines.csv"
NUMBERS = itertools.count(10_000)


def clocks(team: Team, count: int, *, owner: User | None = None, **fields: Any) -> list[Deadline]:
    """Clocks like the first, each about a row of its own."""
    first = Deadline.objects.filter(operator=team.operator).first() or start(team, owner=owner)
    made = []
    for _ in range(count):
        row = Deadline.objects.get(pk=first.pk)
        row.pk = None
        row.about_id = next(NUMBERS)
        row.label, row.owner = f"{team.operator.code}-{row.about_id}", owner
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()
        made.append(row)
    return made


def due(day: date) -> dict[str, Any]:
    end = datetime(day.year, day.month, day.day, 21, tzinfo=UTC)
    return {"due_on": day, "internal_on": day, "ends_at": end}


def listed(response: Any) -> set[str]:
    return {entry[0].label for entry in response.context["entries"]}


@pytest.fixture(autouse=True)
def _the_day() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


# --- looking -----------------------------------------------------------------------------------
def test_each_filter_shows_what_it_says(office: Office, as_user: Any) -> None:
    team = office.ipm
    start(team, owner=team.dpo)
    shown = {
        "late": clocks(team, 1, owner=None, **due(date(2026, 1, 9)))[0].label,
        "now": clocks(team, 1, owner=team.clerk, **due(date(2026, 1, 12)))[0].label,
        "soon": clocks(team, 1, owner=team.dpo, **due(date(2026, 1, 16)))[0].label,
        "far": clocks(team, 1, owner=team.dpo, **due(date(2026, 3, 2)))[0].label,
        "none": clocks(
            team, 1, owner=team.dpo, due_on=None, internal_on=None, ends_at=None
        )[0].label,
    }  # fmt: skip
    first = "INQ-1"
    client = as_user(team.dpo)

    def found(**asked: str) -> set[str]:
        response = client.get(BOARD, asked)
        assert response.status_code == 200
        return listed(response)

    everything = {first, *shown.values()}
    assert found() == everything
    assert found(when="overdue") == {shown["late"]}
    # The first is safe only until its internal day.
    assert found(when="today") == {first, shown["now"]}
    assert found(when="undated") == {shown["none"]}
    assert shown["soon"] in found(when="week") and shown["far"] not in found(when="week")
    assert shown["late"] not in found(when="week")
    assert found(when="later") == {shown["far"]}
    assert found(owner="none") == {shown["late"]}
    assert found(owner=str(team.clerk.pk)) == {shown["now"]}
    assert found(owner="me") == everything - {shown["late"], shown["now"]}
    assert found(owner="x") == set()
    assert found(about=shown["soon"].lower()) == {shown["soon"]}
    assert found(since="2026-01-13", until="2026-01-31") >= {shown["soon"]}
    assert shown["far"] not in found(since="2026-01-13", until="2026-01-31")
    assert found(effect="answer_authority") == everything
    assert found(effect="destroy") == set()
    assert found(operator=str(team.operator.pk)) == everything


def test_what_has_ended_or_demands_nothing_is_not_there(office: Office, as_user: Any) -> None:
    team = office.ipm
    clock = start(team)
    deadline_meet(deadline=clock, met_at=NOW, by=None, reason="answered")
    assert listed(as_user(team.dpo).get(BOARD)) == set()


def test_a_wrong_filter_is_said_and_never_breaks(office: Office, as_user: Any) -> None:
    client = as_user(office.ipm.dpo)
    start(office.ipm)
    for asked in (
        {"since": "yesterday"}, {"operator": str(office.pandev.operator.pk)}, {"kind": "x"},
        {"when": "never"}, {"effect": "x"}, {"page": "99"}, {"owner": "9" * 30},
    ):  # fmt: skip
        assert client.get(BOARD, asked).status_code == 200
        assert client.get(CSV, asked).status_code in {200, 302}


def test_another_operator_does_not_exist(office: Office, as_user: Any) -> None:
    start(office.ipm)
    theirs = clocks(office.pandev, 1, owner=office.pandev.dpo)[0]
    page = as_user(office.ipm.dpo).get(BOARD)
    assert listed(page) == {"INQ-1"}
    assert office.pandev.dpo.username not in page.content.decode()
    assert theirs.label not in as_user(office.ipm.dpo).get(CSV).content.decode()
    assert as_user(office.nobody).get(BOARD).status_code == 403
    assert as_user(office.nobody).get(CSV).status_code == 403


def test_queries_do_not_grow_with_the_deadlines(office: Office, as_user: Any) -> None:
    clocks(office.ipm, 500, owner=office.ipm.dpo)
    client = as_user(office.ipm.dpo)
    client.get(BOARD)
    with CaptureQueriesContext(connection) as many:
        client.get(BOARD)
    # Session, user, roles, the two lists of choices, two counts, the rows, and their kinds.
    assert len(many) <= 14, [query["sql"] for query in many]
    with CaptureQueriesContext(connection) as table:
        assert client.get(CSV).content.count(b"\r\n") == 502
    assert len(table) <= 10


# --- giving away -------------------------------------------------------------------------------
def test_everything_of_the_filter_is_given_away_at_once(office: Office, as_user: Any) -> None:
    team = office.ipm
    mine = clocks(team, 60, owner=team.dpo)
    other = clocks(team, 1, owner=team.clerk)[0]
    client = as_user(team.dpo)
    asked = f"{BOARD}?owner=me"
    seen = client.get(asked).context["bulk"].initial["seen"]
    assert seen == 61  # with the first; more than one page
    answer = client.post(asked, {"owner": team.deputy.pk, "seen": seen})
    assert answer.status_code == 302 and answer.url == asked
    assert set(Deadline.objects.filter(owner=team.deputy)) >= set(mine)
    other.refresh_from_db()
    assert other.owner == team.clerk
    last = mine[-1].history.first()
    assert (last.history_user, last.history_change_reason) == (team.dpo, "assigned")


def test_who_is_away_passes_it_on(office: Office) -> None:
    team = office.ipm
    rows = clocks(team, 2, owner=None)
    away(team, team.clerk, team.deputy, date(2026, 1, 10), date(2026, 1, 20))
    asked = Deadline.objects.filter(pk__in=[row.pk for row in rows])
    assert deadlines_assign(deadlines=asked, seen=2, owner=team.clerk, by=team.dpo, now=NOW) == 2
    assert {row.owner for row in asked.all()} == {team.deputy}
    # Back to nobody.
    deadlines_assign(deadlines=asked, seen=2, owner=None, by=team.dpo, now=NOW)
    assert {row.owner for row in asked.all()} == {None}


def test_all_or_none(office: Office, monkeypatch: Any) -> None:
    ours, theirs = clocks(office.ipm, 1), clocks(office.pandev, 1)
    both = Deadline.objects.filter(pk__in=[ours[0].pk, theirs[0].pk])

    def refused(error: type[Exception], **changed: Any) -> None:
        asked: dict[str, Any] = {
            "deadlines": both, "seen": 2, "owner": office.ipm.dpo, "by": office.ipm.dpo, "now": NOW
        }  # fmt: skip
        with pytest.raises(error):
            deadlines_assign(**asked | changed)
        assert {row.owner for row in both.all()} == {None}

    # The DPO of one operator is not on the staff of the other.
    refused(NotOnTheStaff)
    refused(BoardMoved, seen=3)
    refused(NothingToAssign, deadlines=both.none(), seen=0)
    monkeypatch.setattr("registry.services.board.AT_ONCE", 1)
    refused(TooManyAtOnce)


def test_rights_of_giving_away(office: Office, as_user: Any) -> None:
    team = office.ipm
    rows = clocks(team, 1)
    data = {"owner": team.deputy.pk, "seen": 2}
    for user, status in (
        (team.auditor, 403), (office.nobody, 403), (office.admin, 403),
        # Another operator's DPO sees none of them.
        (office.pandev.dpo, 422), (team.clerk, 302),
    ):  # fmt: skip
        assert as_user(user).post(BOARD, data).status_code == status, user
        rows[0].refresh_from_db()
        assert (rows[0].owner == team.deputy) == (status == 302)
    page = as_user(team.auditor).get(BOARD)
    assert page.status_code == 200 and page.context["bulk"] is None
    # An owner of another operator is no choice.
    wrong = as_user(team.dpo).post(BOARD, {"owner": office.pandev.dpo.pk, "seen": 2})
    assert wrong.status_code == 422
    # The page has moved meanwhile.
    moved = as_user(team.dpo).post(BOARD, {"owner": team.dpo.pk, "seen": 1})
    assert moved.status_code == 409
    assert "not 1. Look again" in moved.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_who_assign_the_same_end_one_after_the_other(live_office: Office) -> None:
    team = live_office.ipm
    rows = clocks(team, 20)
    asked = Deadline.objects.filter(pk__in=[row.pk for row in rows])
    failures: list[BaseException] = []

    def give(owner: User) -> None:
        try:
            deadlines_assign(deadlines=asked.all(), seen=20, owner=owner, by=team.dpo, now=NOW)
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=give, args=[one]) for one in (team.clerk, team.deputy)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert len({row.owner for row in asked.all()}) == 1


# --- the file ----------------------------------------------------------------------------------
def test_the_file_says_what_the_page_says(office: Office, as_user: Any) -> None:
    team = office.ipm
    start(team, owner=team.dpo)
    formula = clocks(team, 1, owner=None, label="=1+1", **due(date(2026, 1, 9)))[0]
    assert formula.label == "=1+1"
    response = as_user(team.dpo).get(CSV)
    assert response["Content-Type"].startswith("text/csv")
    text = response.content.decode("utf-8-sig")
    first, late, other = list(csv.reader(io.StringIO(text)))
    assert first[:3] == ["number", "demands", "due on"]
    assert late[0] == "'=1+1" and late[2] == "2026-01-09" and late[7] == ""
    assert late[4] == "overdue by 3 days"
    assert other[0] == "INQ-1" and other[7] == str(team.dpo)
    # Moscow's midnight after the last day.
    assert other[3].endswith("00:00")
    only = as_user(team.dpo).get(f"{CSV}?owner=me").content.decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(only)))) == 2
    assert as_user(team.dpo).post(CSV).status_code == 405


def test_the_desk_draws_what_comes(office: Office, as_user: Any) -> None:
    team = office.ipm
    start(team)
    clocks(team, 2, **due(date(2026, 1, 9)))
    clocks(team, 3, **due(date(2026, 1, 14)))
    page = as_user(team.dpo).get("/admin/").content.decode()
    assert '<svg class="chart"' in page
    told = page.split('aria-label="Deadlines of the next two weeks. ')[1].split('"')[0]
    counts = dict(part.rsplit(": ", 1) for part in told.split("; "))
    assert counts["late"] == "2"
    assert counts["Wed 14"] == "3"
    assert (
        sum(map(int, counts.values()))
        == Deadline.objects.filter(ends_at__lt=NOW + timedelta(days=14)).count()
    )
