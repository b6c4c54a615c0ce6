"""In Russia whoever asks the same again too early may be refused (152-FZ 14(4)-(6))."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from requests.models import RequestItem
from requests.services.repeating import NotTooEarly, repeat_of
from subjects.models import DataSubject
from tests.conftest import Office, Team
from tests.requests.asking import (
    LATER,
    RECEIVED,
    accept,
    again,
    asked,
    check,
    close,
    item_of,
    receive,
    refuse,
    refused,
    team_of,
)
from tests.requests.checking import answer
from tests.requests.test_other_kinds import INFORMATION
from tests.subjects.people import person

MOSCOW = ZoneInfo("Europe/Moscow")
# 30 days after 5 March 2026.
ALLOWED = date(2026, 4, 4)


def answered(team: Team) -> DataSubject:
    """Somebody who asked on 5 March and was told all."""
    known, request = asked(team, INFORMATION)
    accept(item_of(request), team)
    answer(request, team)
    close(request, team)
    return known.card


def asks_again(team: Team, card: DataSubject, at: datetime) -> RequestItem:
    request = receive(team, INFORMATION, subjects=[card], received_at=at, now=at)
    check(request, team, now=at)
    return item_of(again(request))


@pytest.mark.parametrize(
    ("at", "early"),
    [
        (datetime(2026, 4, 3, 23, 59, tzinfo=MOSCOW), True),
        (datetime(2026, 4, 4, 0, 1, tzinfo=MOSCOW), False),
    ],
)
def test_thirty_days_lie_between_two_requests(office: Office, at: datetime, early: bool) -> None:
    team = office.ipm
    item = asks_again(team, answered(team), at)
    found = repeat_of(item)
    assert (found.again_on if found else None) == (ALLOWED if early else None)
    if early:
        refuse(item, team, refusal="RU.14.6", reasons="Answered in full.", now=at)
        assert item_of(item.request).decision == "refused"
    else:
        with refused(NotTooEarly):
            refuse(item, team, refusal="RU.14.6", reasons="Answered in full.", now=at)


@pytest.mark.parametrize("ending", ["refused", "partly", "unanswered", "another"])
def test_whoever_was_not_answered_in_full_asks_again_at_once(office: Office, ending: str) -> None:
    team = office.ipm
    known, request = asked(team, INFORMATION)
    card = known.card
    if ending == "refused":
        refuse(item_of(request), team)
    elif ending == "partly":
        accept(item_of(request), team, refusal="RU.14.8.4", reasons="Another one's data.")
        answer(request, team)
        close(request, team)
    elif ending == "another":
        card = person(team, name="Другой Человек", email="other@example.org")
    item = asks_again(team, card, LATER + timedelta(days=2))
    assert repeat_of(item) is None
    with refused(NotTooEarly):
        refuse(item, team, refusal="RU.14.6", reasons="Answered.", now=LATER + timedelta(days=3))


def test_a_part_is_not_refused_as_too_early_either(office: Office) -> None:
    _known, request = asked(office.ipm, INFORMATION)
    with refused(NotTooEarly):
        accept(item_of(request), office.ipm, refusal="RU.14.6", reasons="Asked again.")


def test_kazakhstan_knows_no_interval(office: Office) -> None:
    team = team_of(office, "pandev")
    item = asks_again(team, answered(team), LATER + timedelta(days=1))
    assert repeat_of(item) is None
    assert item.received_at > RECEIVED
