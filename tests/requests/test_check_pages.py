"""The pages of a check: who may record what it has shown, correct, tell; what they show."""

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
from requests.models import RequestItem
from tests.conftest import Office
from tests.requests.asking import LATER, SECRETS, accept, asked, everything, item_of
from tests.requests.checking import BLOCKING, COMPLAINT, CORRECTION, RIGHT, correct, find
from tests.requests.test_corrections import recipient_of
from tests.subjects.persons import Person

LogIn = Callable[[User], Client]
CLERKS = {"correct", "rule", "tell"}
VERBS = ["find", "correct", "rule", "tell"]


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False), override("en"):
        yield


def page(item: RequestItem, verb: str = "change") -> str:
    return reverse(f"admin:requests_requestitem_{verb}", args=[item.pk])


def ready(verb: str, office: Office) -> tuple[RequestItem, dict[str, Any], Person]:
    """A demand of PanDev at the step before the verb, and the verb's form filled in."""
    team = office.pandev
    known, request = asked(team, CORRECTION)
    for ground in known.grounds:
        ground.activity.recipients.clear()
    forms = {
        "find": {
            "finding": "inaccurate", "shown_by": "document seen", "found_at": "2026-03-10T13:30",
        },
        "correct": {"datum": known.data["full_name"].pk, "text": RIGHT, "last": "on"},
        "rule": {"datum": known.data["full_name"].pk, "reason": "nobody knows it", "last": "on"},
    }  # fmt: skip
    if verb == "find":
        return item_of(request), forms["find"], known
    mailer = recipient_of(team, known)
    find(item_of(request), team, "inaccurate")
    if verb in ("correct", "rule"):
        return item_of(request), forms[verb], known
    correct(item_of(request), team, known.data["full_name"])
    told = {"given": f"recipient:{mailer.pk}", "told_at": "2026-03-10T14:00", "how": "letter 12"}
    return item_of(request), told, known


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_for_everybody(office: Office, as_user: LogIn, verb: str) -> None:
    item, form, _known = ready(verb, office)
    team = office.pandev
    before = everything()
    for user, status in (
        (team.auditor, 403), (office.admin, 404), (office.nobody, 404), (office.ipm.dpo, 404),
        (office.ipm.clerk, 404), *([] if verb in CLERKS else [(team.clerk, 403)]),
    ):  # fmt: skip
        client = as_user(user)
        assert client.get(page(item, verb)).status_code == status, user
        assert client.post(page(item, verb), form).status_code == status, user
    assert everything() == before
    client = as_user(team.clerk if verb in CLERKS else team.dpo)
    assert client.get(page(item, verb)).status_code == 200
    response = client.post(page(item, verb), form)
    assert response.status_code == 302, response.content.decode()
    # Once more: nothing is done twice.
    after = everything()
    again = client.post(page(item, verb), form)
    if verb != "correct":
        assert again.status_code in {200, 409}
        assert everything() == after


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_shows_what_followed_and_no_value(
    office: Office, as_user: LogIn, verb: str
) -> None:
    item, form, known = ready(verb, office)
    client = as_user(office.pandev.dpo)
    assert client.post(page(item, verb), form).status_code == 302
    shown = client.get(page(item)).content.decode()
    words = {
        "find": ["data are wrong", "document seen"],
        "correct": ["Corrected:", known.card.code, "Still to be told:", "The mailer"],
        "rule": ["Goes, beyond correction:", known.card.code],
        "tell": ["Told:", "The mailer", "letter 12"],
    }[verb]
    for word in words:
        assert word in shown
    for secret in (*SECRETS, RIGHT):
        assert secret not in shown


def test_a_demand_that_touches_no_ground_shows_no_prospect(office: Office, as_user: LogIn) -> None:
    _known, request = asked(office.pandev, COMPLAINT)
    client = as_user(office.pandev.dpo)
    shown = client.get(page(item_of(request))).content.decode()
    assert "Nobody is linked" not in shown
    assert "What the check has shown" in shown


def test_each_clock_of_a_finding_is_on_the_page(office: Office, as_user: LogIn) -> None:
    team = office.ipm
    known, request = asked(team, COMPLAINT)
    unlawful = [ground.activity for ground in known.grounds]
    find(item_of(request), team, "unlawful", activities=unlawful, by_person=True)
    shown = as_user(team.dpo).get(page(item_of(request))).content.decode()
    assert shown.count("clock-panel") == 4


@pytest.mark.parametrize(
    ("verb", "changed"),
    [
        ("find", {"finding": "perhaps"}),
        ("find", {"finding": ""}),
        ("find", {"shown_by": ""}),
        ("find", {"found_at": "2026-03-11T13:30"}),
        ("find", {"found_at": "yesterday"}),
        ("find", {"finding": "unlawful"}),
        ("correct", {"datum": "0"}),
        ("correct", {"text": ""}),
        ("rule", {"datum": "0"}),
        ("rule", {"reason": ""}),
        ("tell", {"given": "recipient:0"}),
        ("tell", {"how": ""}),
        ("tell", {"told_at": "2026-03-11T00:00"}),
        ("tell", {"told_at": "2026-03-01T00:00"}),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(
    office: Office, as_user: LogIn, verb: str, changed: dict[str, Any]
) -> None:
    item, form, _known = ready(verb, office)
    client = as_user(office.pandev.dpo)
    before = everything()
    response = client.post(page(item, verb), form | changed)
    assert response.status_code in {200, 409, 422}
    assert response.context["form"].errors
    assert everything() == before


def test_what_is_not_possible_now_is_not_offered(office: Office, as_user: LogIn) -> None:
    _known, request = asked(office.pandev, BLOCKING)
    client = as_user(office.pandev.dpo)
    item = item_of(request)
    for verb in VERBS:
        assert client.get(page(item, verb)).status_code == 409
    accept(item, office.pandev)
    assert client.get(page(item, "find")).status_code == 200
    assert client.get(page(item, "correct")).status_code == 409


def test_the_page_costs_the_same_however_much_was_corrected(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    item, _form, known = ready("correct", office)
    client = as_user(team.dpo)
    correct(item, team, known.data["full_name"], last=False)
    client.get(page(item))
    with CaptureQueriesContext(connection) as one:
        assert client.get(page(item)).status_code == 200
    for ending in "абвг":
        correct(item, team, known.data["full_name"], text=f"{RIGHT} {ending}", last=False)
    with CaptureQueriesContext(connection) as five:
        assert client.get(page(item)).status_code == 200
    assert len(five) == len(one)
