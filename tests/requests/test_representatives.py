"""Somebody speaks for the person: what the power stops, what it never stops, what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from registry.models import User
from requests import powers
from requests.models import SubjectRequest
from requests.services.matching import IdentityUnknown
from requests.services.moving import UnknownChoice
from requests.services.representing import (
    BeyondPower,
    DocumentTooLong,
    NobodyRepresents,
    PowerDocumentMissing,
    PowerLapsed,
    lapsed,
    power_of,
    representative_end,
    representative_note,
)
from requests.services.story import story_of
from subjects.vault import store
from tests.conftest import Office, Team
from tests.requests.asking import (
    BOTH,
    DESTRUCTION,
    LATER,
    MARKETING,
    MUCH_LATER,
    WITHDRAWAL,
    accept,
    again,
    asked,
    check,
    close,
    everything,
    item_of,
    refuse,
    refused,
    team_of,
)
from tests.requests.checking import COMPLAINT
from tests.requests.corresponding import cancel, draft, send
from tests.requests.test_other_kinds import INFORMATION
from tests.requests.tracked import visit
from tests.subjects.persons import Person

LogIn = Callable[[User], Client]
DOCUMENT = "canary notary 17 of 5 January"
UNTIL = date(2026, 3, 20)
AFTER = datetime(2026, 3, 21, 9, tzinfo=LATER.tzinfo)


def note(request: SubjectRequest, team: Team, **changed: Any) -> SubjectRequest:
    return representative_note(
        **{
            "subject_request": request, "kind": "power_of_attorney", "document": DOCUMENT,
            "given_on": date(2026, 1, 5), "until": UNTIL, "by": team.clerk, "now": LATER,
        }
        | changed
    )  # fmt: skip


def represented(team: Team, *demands: Any, **changed: Any) -> tuple[Person, SubjectRequest]:
    known, request = asked(team, *demands)
    note(request, team, **changed)
    return known, again(request)


# --- what it stops -------------------------------------------------------------------------------
@BOTH
def test_an_expired_power_stops_what_is_told_and_no_clock(office: Office, code: str) -> None:
    team = team_of(office, code)
    _known, request = represented(team, INFORMATION)
    before = item_of(request).deadlines.get()
    with refused(PowerLapsed):
        accept(item_of(request), team, now=AFTER)
    accept(item_of(request), team)
    answer = draft(request, team, way="page")
    # The last day counts whole; the next stops it.
    last = datetime(2026, 3, 20, 18, 30, tzinfo=LATER.tzinfo)
    assert not lapsed(again(request), today=last.date())
    with refused(PowerLapsed):
        send(answer, team, now=AFTER)
    first = draft(request, team, way="page")
    cancel(answer, team)
    send(first, team)
    with refused(PowerLapsed):
        close(request, team, now=AFTER)
    after = item_of(request).deadlines.get()
    assert (after.due_on, after.met_at) == (before.due_on, None)
    # A new power, and it goes on.
    note(request, team, until=date(2026, 12, 31), now=AFTER)
    close(request, team, now=AFTER)
    assert again(request).state == "done"


def test_what_it_does_not_cover_is_not_done(office: Office) -> None:
    team = office.ipm
    _known, request = represented(team, DESTRUCTION, WITHDRAWAL, kinds=["withdrawal"])
    with refused(BeyondPower):
        accept(item_of(request, "destruction"), team)
    accept(item_of(request, "withdrawal"), team)
    # A refusal needs no power: it does nothing and tells nothing of the data.
    refuse(item_of(request, "destruction"), team)
    assert again(request).state == "decided"


def test_a_representative_is_known_by_more_than_a_contact(office: Office) -> None:
    team = office.pandev
    known, request = asked(team, MARKETING, verified=False)
    note(request, team)
    activities = [known.grounds[0].activity]
    with refused(IdentityUnknown):
        accept(item_of(request), team, activities=activities)
    check(request, team, kind="power_of_attorney")
    with refused(IdentityUnknown):
        accept(item_of(request), team, activities=activities)
    check(request, team)
    accept(item_of(request), team, activities=activities)


def test_that_all_is_refused_is_told_to_whoever_asked(office: Office) -> None:
    team = office.ipm
    _known, request = represented(team, WITHDRAWAL)
    refuse(item_of(request), team)
    letter = draft(request, team, kind="decision", text="", way="page")
    send(letter, team, now=AFTER)
    close(request, team, now=AFTER)
    assert again(request).state == "done"


def test_what_only_wants_an_answer_needs_a_power_too(office: Office) -> None:
    team = office.pandev
    _known, request = represented(team, COMPLAINT)
    with refused(PowerLapsed):
        accept(item_of(request), team, now=AFTER)


def test_the_page_of_the_request_tells_no_more_of_the_data(office: Office) -> None:
    team = office.pandev
    _known, request = represented(team, DESTRUCTION)
    accept(item_of(request), team, refusal="KZ.9", reasons="A law wants it.")
    before = story_of(again(request), today=UNTIL)
    after = story_of(again(request), today=AFTER.date())
    assert before.known and before.stays
    assert not (after.known or after.stays or after.goes)
    # What happened, and by when, is told all the same.
    assert [event.what for event in after.events] == [event.what for event in before.events]
    assert visit(request, at=AFTER)


@BOTH
def test_a_parent_speaks_until_the_child_is_of_age(office: Office, code: str) -> None:
    team = team_of(office, code)
    _known, request = represented(
        team, WITHDRAWAL, kind="parent", born_on=date(2008, 3, 20), given_on=None, until=None
    )
    with refused(PowerLapsed):
        accept(item_of(request), team, now=datetime(2026, 3, 20, 9, tzinfo=LATER.tzinfo))
    accept(item_of(request), team, now=LATER)


def test_the_person_speaks_for_themselves_again(office: Office) -> None:
    team = office.ipm
    _known, request = asked(team, WITHDRAWAL)
    with refused(NobodyRepresents):
        representative_end(subject_request=request, reason="came", by=team.clerk, now=LATER)
    note(request, team)
    representative_end(subject_request=request, reason="came in person", by=team.clerk, now=LATER)
    accept(item_of(request), team, now=AFTER)
    reasons = SubjectRequest.history.filter(id=request.pk).values_list(
        "history_change_reason", flat=True
    )
    assert "came in person" in set(reasons)


# --- bad input -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"kind": "uncle"}, UnknownChoice),
        ({"kinds": ["arson"]}, UnknownChoice),
        ({"document": " "}, PowerDocumentMissing),
        ({"document": "x" * 301}, DocumentTooLong),
        ({"given_on": None}, powers.PowerUndated),
        ({"given_on": date(2026, 3, 11)}, powers.PowerNotYet),
        ({"until": date(2026, 1, 4)}, powers.PowerEndsBeforeItBegins),
        ({"kind": "parent"}, powers.BirthMissing),
        ({"kind": "parent", "born_on": date(2008, 3, 10)}, powers.ChildOfAge),
    ],
)
def test_bad_input_writes_nothing(
    office: Office, changed: dict[str, Any], refusal: type[Any]
) -> None:
    _known, request = asked(office.ipm, WITHDRAWAL)
    with refused(refusal):
        note(request, office.ipm, **changed)


# --- what is kept --------------------------------------------------------------------------------
def test_it_is_sealed_and_ends_with_the_letter(office: Office) -> None:
    team = office.pandev
    _known, request = represented(
        team, WITHDRAWAL, kind="parent", born_on=date(2015, 7, 9), given_on=None, until=None
    )
    rows = repr(everything())
    assert "canary" not in rows and "2033-07-08" not in rows and "2015" not in rows
    power = power_of(again(request))
    assert power is not None
    assert (power.document, power.last_on) == (DOCUMENT, date(2033, 7, 8))
    refuse(item_of(request), team)
    close(request, team, now=MUCH_LATER)
    key = store.keys_of([again(request).power_key or 0])
    assert [one.destroy_on for one in key.values()] != [None]


# --- the pages -----------------------------------------------------------------------------------
@pytest.fixture
def in_english() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False), override("en"):
        yield


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize("verb", ["represent", "unrepresent"])
def test_the_clerk_notes_it_and_nobody_else(office: Office, as_user: LogIn, verb: str) -> None:
    team = office.pandev
    _known, request = asked(team, WITHDRAWAL)
    if verb == "unrepresent":
        note(request, team)
    path = reverse(f"admin:requests_subjectrequest_{verb}", args=[request.pk])
    form = {
        "represent": {
            "kind": "power_of_attorney", "document": DOCUMENT, "given_on": "2026-01-05",
            "until": "2026-03-20", "born_on": "", "kinds": ["withdrawal"],
        },
        "unrepresent": {"reason": "came in person"},
    }[verb]  # fmt: skip
    before = everything()
    for user, status in (
        (team.auditor, 403), (office.admin, 404), (office.nobody, 404), (office.ipm.dpo, 404),
        (office.ipm.clerk, 404),
    ):  # fmt: skip
        assert as_user(user).get(path).status_code == status, user
        assert as_user(user).post(path, form).status_code == status, user
    assert everything() == before
    client = as_user(team.clerk)
    response = client.post(path, form)
    assert response.status_code == 302, response.content.decode()
    page = reverse("admin:requests_subjectrequest_change", args=[request.pk])
    shown = client.get(page).content.decode()
    assert DOCUMENT not in shown
    assert ("the power holds today" in shown) == (verb == "represent")
    with time_machine.travel(AFTER + timedelta(hours=1), tick=False):
        shown = as_user(team.clerk).get(page).content.decode()
        assert ("the power has ended" in shown) == (verb == "represent")
