"""A request that was over goes on: with its clocks, its stops, and what is left of its letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from registry.models import User
from registry.states import ForbiddenTransition
from requests.models import Letter, SubjectRequest
from requests.services.ends import correspondence_dated, ends_sweep
from requests.services.inquiries import NotYet, ReasonMissing
from requests.services.reopening import (
    AskedBeforeLetter,
    ClosingOnItsWay,
    Forgotten,
    ReopenNeedsDemand,
    request_reopen,
)
from requests.services.subject_requests import Demand
from requests.services.writing import AddressMissing
from subjects.models import Stop, VaultKey
from tests.conftest import Office, Team
from tests.requests.asking import (
    BOTH,
    LATER,
    RECEIVED,
    WITHDRAWAL,
    accept,
    again,
    asked,
    close,
    everything,
    item_of,
    link,
    refuse,
    refused,
    team_of,
    withdraw,
)
from tests.requests.checking import answer
from tests.requests.corresponding import draft, only
from tests.requests.test_other_kinds import INFORMATION
from tests.subjects import people

LogIn = Callable[[User], Client]
ASKED = LATER + timedelta(days=20)
CEASE = Demand("cease")


def reopen(request: SubjectRequest, team: Team, **changed: Any) -> SubjectRequest:
    return request_reopen(
        **{
            "subject_request": request, "reason": "the answer was incomplete",
            "demand": INFORMATION, "asked_at": ASKED, "by": team.dpo, "now": ASKED,
        }
        | changed
    )  # fmt: skip


def over(team: Team, *demands: Demand) -> tuple[Any, SubjectRequest]:
    """Answered, closed, and the closing letter has gone."""
    known, request = asked(team, *(demands or (INFORMATION,)))
    for item in request.items.all():
        refuse(item, team) if item.kind != "information" else accept(item, team)
    answer(request, team)
    close(request, team)
    Letter.objects.filter(request=request, kind="closing").update(state="sent", sent_at=LATER)
    return known, again(request)


@BOTH
def test_a_new_demand_counts_from_its_own_day(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = over(team)
    assert not Stop.objects.filter(subject=known.card, ended_at=None).exists()
    row = reopen(request, team)
    assert (row.state, row.ended_at) == ("in_work", None)
    first, second = row.items.order_by("pk")
    assert first.deadlines.get().met_at is not None
    clock = second.deadlines.get()
    # 30 March 2026: 10 working days in Russia, 3 in Kazakhstan.
    assert clock.due_on == {"ipm": date(2026, 4, 13), "pandev": date(2026, 4, 2)}[code]
    # Routine leaves the data alone again.
    assert Stop.objects.filter(subject=known.card, label=row.number, ended_at=None).exists()
    accept(second, team, now=ASKED)
    answer(row, team, at=ASKED)
    close(row, team, now=ASKED + timedelta(hours=1))
    assert Letter.objects.filter(request=row, kind="closing").count() == 2


def test_what_is_left_of_the_letters_has_no_end_any_more(office: Office) -> None:
    team = office.ipm
    _known, request = over(team)
    correspondence_dated(again(request), by=None, now=LATER)
    assert ends_sweep(now=LATER + timedelta(hours=1))["destroyed"]
    reopen(request, team)
    keys = VaultKey.objects.filter(owner=request.pk, kind=5)
    assert keys.exists() and not keys.exclude(destroy_on=None).exists()
    assert not Letter.objects.filter(request=request).exclude(keep_until=None).exists()
    # The contact is gone for good: the answer goes to the page.
    with pytest.raises(AddressMissing):
        draft(again(request), team, way="email", now=ASKED)
    assert draft(again(request), team, way="page", now=ASKED).pk


def test_what_was_taken_back_by_mistake_goes_on_with_its_own_clock(office: Office) -> None:
    team = office.ipm
    _known, request = asked(team, WITHDRAWAL)
    before = item_of(request).deadlines.get().due_on
    withdraw(request, team)
    row = reopen(request, team, demand=None, asked_at=None, now=LATER + timedelta(hours=1))
    item = item_of(row)
    clocks = list(item.deadlines.order_by("pk"))
    assert [clock.voided_at is None for clock in clocks] == [False, True]
    assert clocks[1].due_on == before
    accept(item, team, now=LATER + timedelta(hours=2))
    assert again(row).state == "decided"


def test_a_later_demand_means_what_stood_when_it_was_made(office: Office) -> None:
    """A consent given between the letter and the new demand is meant too."""
    team = office.pandev
    _known, request = over(team)
    day_after = LATER + timedelta(days=1)
    card = people.card(team)
    given = people.consent(team, card, given_at=day_after, now=day_after)
    row = reopen(request, team, demand=WITHDRAWAL)
    link(row, team, card, now=ASKED)
    accept(item_of(row, "withdrawal"), team, now=ASKED)
    given.refresh_from_db()
    assert given.withdrawn_at is not None


def test_what_is_refused(office: Office) -> None:
    team = office.ipm
    _known, request = over(team)
    with refused(ReasonMissing):
        reopen(request, team, reason=" ")
    with refused(ReopenNeedsDemand):
        reopen(request, team, demand=None)
    with refused(NotYet):
        reopen(request, team, asked_at=ASKED + timedelta(minutes=1))
    with refused(AskedBeforeLetter):
        reopen(request, team, asked_at=RECEIVED - timedelta(minutes=1))
    Letter.objects.filter(request=request, kind="closing").update(state="printed", sent_at=None)
    with refused(ClosingOnItsWay):
        reopen(request, team)
    only(request, "closing")
    Letter.objects.filter(request=request, kind="closing").update(state="sent", sent_at=LATER)
    reopen(request, team)
    with refused(ForbiddenTransition):
        reopen(request, team)


def test_what_is_forgotten_is_a_new_request(office: Office) -> None:
    team = office.ipm
    _known, request = over(team)
    much_later = datetime(2029, 6, 1, 9, tzinfo=UTC)
    ends_sweep(now=much_later)
    with refused(Forgotten):
        reopen(request, team, asked_at=None, now=much_later)


@pytest.fixture
def then() -> Iterator[None]:
    with time_machine.travel(ASKED, tick=False), override("en"):
        yield


@pytest.mark.usefixtures("then")
def test_the_dpo_opens_it_and_nobody_else(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    _known, request = over(team)
    path = reverse("admin:requests_subjectrequest_reopen", args=[request.pk])
    form = {"reason": "incomplete", "what": "information", "asked_at": "2026-03-30T14:00"}
    before = everything()
    for user, status in (
        (team.auditor, 403), (team.clerk, 403), (office.admin, 404), (office.nobody, 404),
        (office.ipm.dpo, 404),
    ):  # fmt: skip
        assert as_user(user).get(path).status_code == status, user
        assert as_user(user).post(path, form).status_code == status, user
    assert everything() == before
    client = as_user(team.dpo)
    assert client.get(path).status_code == 200
    assert client.post(path, form | {"what": ""}).status_code == 422
    assert client.post(path, form).status_code == 302
    assert again(request).state == "in_work"
    assert client.post(path, form).status_code in {200, 409}
