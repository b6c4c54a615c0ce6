"""The calendar of deadlines: what it shows to whom, and that a revoked one is gone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from icalendar import Calendar

from registry.models import CalendarFeed, Membership, User
from registry.services.clocks import deadline_meet
from registry.services.feeds import NoCalendar, feed_make, feed_open, feed_revoke
from tests.conftest import Office
from tests.registry.test_board import clocks, due
from tests.registry.test_clocks import start

NOW = datetime(2026, 1, 12, 9, tzinfo=UTC)
PAGE = "/admin/registry/deadline/board/calendar/"


@pytest.fixture(autouse=True)
def _the_day() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def made(user: User, *, mine_only: bool = False) -> str:
    return feed_make(user=user, mine_only=mine_only, now=NOW)[1]


def fetched(token: str) -> Calendar:
    response = Client().get(f"/calendar/{token}.ics")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert "no-store" in response["Cache-Control"]
    return Calendar.from_ical(response.content)


def summaries(calendar: Calendar) -> set[str]:
    return {str(event["summary"]) for event in calendar.walk("VEVENT")}


def test_it_shows_the_clocks_of_its_user_and_no_others(office: Office) -> None:
    team = office.ipm
    start(team, owner=team.dpo)
    late = clocks(team, 1, owner=team.clerk, **due(date(2026, 1, 9)))[0]
    clocks(office.pandev, 1, owner=office.pandev.dpo)
    what = "INQ-1: answer the authority"
    assert summaries(fetched(made(team.dpo))) == {what, f"! {late.label}: answer the authority"}
    assert summaries(fetched(made(team.dpo, mine_only=True))) == {what}
    assert summaries(fetched(made(office.nobody))) == set()


def test_an_event_has_its_day_its_link_and_who_answers(office: Office) -> None:
    team = office.ipm
    clock = start(team, owner=team.dpo)
    hours = clocks(
        team, 1, owner=None, due_at=datetime(2026, 1, 13, 7, tzinfo=UTC), **due(date(2026, 1, 13))
    )[0]
    events = {str(event["url"]): event for event in fetched(made(team.dpo)).walk("VEVENT")}
    event = next(one for one in events.values() if "INQ-1" in one["summary"])
    assert event.decoded("dtstart") == clock.due_on
    assert str(event["uid"]).startswith(f"deadline-{clock.pk}@")
    assert str(event["url"]).endswith(f"/admin/registry/operator/{team.operator.pk}/change/")
    assert str(team.operator) in event["description"] and str(team.dpo) in event["description"]
    moment = next(one for one in events.values() if hours.label in one["summary"])
    assert moment.decoded("dtstart") == datetime(2026, 1, 13, 7, tzinfo=UTC)


def test_what_is_met_leaves_it(office: Office) -> None:
    clock = start(office.ipm)
    token = made(office.ipm.dpo)
    assert len(summaries(fetched(token))) == 1
    deadline_meet(deadline=clock, met_at=NOW, by=None, reason="answered")
    assert summaries(fetched(token)) == set()


def test_it_speaks_the_language_of_its_user(office: Office) -> None:
    start(office.ipm)
    User.objects.filter(pk=office.ipm.dpo.pk).update(language="ru")
    (summary,) = summaries(fetched(made(office.ipm.dpo)))
    assert summary != "INQ-1: answer the authority" and summary.startswith("INQ-1: ")


def test_revoked_replaced_or_of_a_leaver_it_is_gone(office: Office) -> None:
    dpo = office.ipm.dpo
    start(office.ipm)
    first = made(dpo)
    second = made(dpo)
    assert Client().get(f"/calendar/{first}.ics").status_code == 404
    assert len(summaries(fetched(second))) == 1
    # Whoever has left sees nothing of the operator; whoever may not log in has no calendar.
    Membership.objects.filter(user=dpo).update(ended_on=date(2026, 1, 11))
    assert summaries(fetched(second)) == set()
    User.objects.filter(pk=dpo.pk).update(is_active=False)
    assert Client().get(f"/calendar/{second}.ics").status_code == 404
    User.objects.filter(pk=dpo.pk).update(is_active=True)
    feed_revoke(user=dpo, by=dpo, now=NOW)
    assert Client().get(f"/calendar/{second}.ics").status_code == 404
    assert feed_open(second) is None
    with pytest.raises(NoCalendar):
        feed_revoke(user=dpo, by=dpo, now=NOW)
    assert Client().get("/calendar/unknown.ics").status_code == 404
    assert Client().post(f"/calendar/{second}.ics").status_code == 405


def test_the_token_is_kept_nowhere(office: Office) -> None:
    token = made(office.ipm.dpo)
    row = CalendarFeed.objects.get()
    kept = [str(value) for value in row.__dict__.values()]
    kept += [str(value) for value in row.history.get().__dict__.values()]
    assert not any(token in value for value in kept)


def test_the_page_makes_shows_once_and_revokes(office: Office, as_user: Any) -> None:
    client = as_user(office.ipm.clerk)
    assert "Make a calendar" in client.get(PAGE).content.decode()
    page = client.post(PAGE, {"what": "make", "mine_only": "on"})
    link = page.context["link"]
    assert link in page.content.decode() and "no-store" in page["Cache-Control"]
    assert CalendarFeed.objects.get().mine_only
    assert Client().get(link).status_code == 200
    assert link not in client.get(PAGE).content.decode()
    assert client.post(PAGE, {"what": "revoke"}).status_code == 302
    assert Client().get(link).status_code == 404
    # There is none any more: said, not a crash.
    assert client.post(PAGE, {"what": "revoke"}).status_code == 409
    assert as_user(office.nobody).get(PAGE).status_code == 403
    # An auditor may read it elsewhere too.
    assert as_user(office.ipm.auditor).post(PAGE, {"what": "make"}).status_code == 200


def test_nobody_revokes_for_another(office: Office, as_user: Any) -> None:
    token = made(office.ipm.dpo)
    as_user(office.ipm.clerk).post(PAGE, {"what": "make"})
    as_user(office.ipm.clerk).post(PAGE, {"what": "revoke"})
    assert Client().get(f"/calendar/{token}.ics").status_code == 200
