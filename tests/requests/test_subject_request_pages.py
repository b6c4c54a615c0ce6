"""The pages of a person's request: who may, what they do, what they never show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.models import User
from requests.models import RequestItem, SubjectRequest
from subjects.models import AccessEvent, DataSubject, DestructionAct, Ground
from subjects.services.acts import act_cancel
from tests.conftest import Office, Team
from tests.requests.asking import (
    DESTRUCTION,
    LATER,
    MARKETING,
    SECRETS,
    TOLD,
    WITHDRAWAL,
    accept,
    activity,
    asked,
    bar,
    everything,
    item_of,
    link,
    receive,
    refuse,
)
from tests.subjects.persons import Person, register

LogIn = Callable[[User], Client]
ADD = "/admin/requests/subjectrequest/add/"
LIST = "/admin/requests/subjectrequest/"
CLERKS = {"open", "find", "link", "unlink", "reveal", "check", "demand", "assign"}
DPOS = {"block", "draft", "withdraw", "close"}
OF_ITEM = {"accept", "refuse", "bar", "met"}


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False):
        yield


def typed(team: Team, **changed: Any) -> dict[str, Any]:
    return {
        "operator": team.operator.pk,
        "channel": "paper",
        "received_at": "2026-03-05T11:30",
        "language": "kk",
        "answer_by": "email",
        "kinds": ["withdrawal:third_parties", "destruction"],
        "owner": "",
    } | TOLD | changed  # fmt: skip


def page(row: Any, verb: str = "change") -> str:
    return reverse(f"admin:requests_{row._meta.model_name}_{verb}", args=[row.pk])


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def ready(verb: str, office: Office) -> tuple[Any, dict[str, Any], Person]:
    """A row for which the verb is possible, and what its form gets."""
    team = office.pandev
    if verb in OF_ITEM:
        known, request = asked(team)
        item = item_of(request)
        if verb == "met":
            bar(item, team, now=LATER - timedelta(hours=1))
        return (
            item_of(request),
            {
                "accept": {},
                "refuse": {"refusal": "KZ.9", "reasons": "Article 9."},
                "bar": {"no_marketing": "on", "reasons": "The licence is not paid."},
                "met": {"met_at": "2026-03-10T14:00"},
            }[verb],
            known,
        )
    known, request = asked(team, verified=verb != "check")
    other = register(team)
    if verb == "draft":
        Ground.objects.filter(pk=known.grounds[2].pk).update(
            ended_on=date(2026, 2, 10), end_reason="purpose_achieved"
        )
        accept(item_of(request), team)
        (act,) = DestructionAct.objects.all()
        act_cancel(act=act, reason="wrong room", by=team.dpo, now=LATER)
    if verb == "close":
        refuse(item_of(request), team)
    forms: dict[str, dict[str, Any]] = {
        "link": {"code": other.code.lower()},
        "unlink": {"card": known.card.pk, "reason": "a namesake"},
        "reveal": {"card": known.card.pk},
        "check": {"kind": "document"},
        "demand": {"what": "marketing", "consent": "", "activity": ""},
        "block": {"reason": "checked"},
        "assign": {"owner": team.deputy.pk},
        "withdraw": {"reason": "taken back"},
    }
    return SubjectRequest.objects.get(pk=request.pk), forms.get(verb, {}), known


# --- who may ---------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", sorted(CLERKS | DPOS | OF_ITEM))
def test_each_verb_for_everybody(office: Office, as_user: LogIn, verb: str) -> None:
    row, form, _known = ready(verb, office)
    team = office.pandev
    path = page(row, verb)
    before = everything()
    for user, status in (
        (team.auditor, 403), (office.admin, 404), (office.nobody, 404), (office.ipm.dpo, 404),
        (office.ipm.clerk, 404), *([] if verb in CLERKS else [(team.clerk, 403)]),
    ):  # fmt: skip
        client = as_user(user)
        assert client.get(path).status_code == status, user
        assert client.post(path, form).status_code == status, user
    assert everything() == before
    client = as_user(team.clerk if verb in CLERKS else team.dpo)
    assert client.get(path).status_code == 200
    response = client.post(path, form)
    assert response.status_code == (200 if verb == "find" else 302), response.content.decode()
    if verb not in {"open", "find", "reveal"}:
        assert everything() != before


@pytest.mark.parametrize("verb", ["withdraw", "close", "accept", "refuse", "bar", "met"])
def test_one_click_twice_does_it_once(office: Office, as_user: LogIn, verb: str) -> None:
    row, form, _known = ready(verb, office)
    client = as_user(office.pandev.dpo)
    assert client.post(page(row, verb), form).status_code == 302
    before = everything()
    assert client.post(page(row, verb), form).status_code in {200, 409}
    assert client.get(page(row, verb)).status_code == 409
    assert everything() == before


# --- registration ----------------------------------------------------------------------------
def test_the_clerk_registers_a_letter(office: Office, as_user: LogIn) -> None:
    client = as_user(office.pandev.clerk)
    assert client.get(ADD).status_code == 200
    response = client.post(ADD, typed(office.pandev))
    request = SubjectRequest.objects.get()
    assert response.status_code == 302 and response["Location"].endswith(page(request))
    assert said(response) == ["REQ-2026-0001 is registered; due Wednesday, 1 April 2026."]
    assert {(row.kind, row.scope) for row in request.items.all()} == {
        ("withdrawal", "third_parties"), ("destruction", ""),
    }  # fmt: skip
    assert request.received_at.hour == 6  # 11:30 in Almaty


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ({"received_at": "2026-03-10T14:01"}, 422, "in the future"),
        ({"received_at": "0001-01-01T00:00"}, 422, "no year 1"),
        ({"received_at": "2026-02-30T10:00"}, 200, "Enter a valid date/time."),
        ({"kinds": []}, 200, "This field is required."),
        ({"kinds": ["destruction:dissemination"]}, 200, "Select a valid choice"),
        ({"channel": "pigeon"}, 200, "Select a valid choice"),
        ({"email": "nobody"}, 422, "e-mail"),
        ({"email": ""}, 422, "write down where to"),
        ({"phone": "12"}, 422, "phone"),
        ({"message": "x" * 20_001}, 200, "at most 20000 characters"),
        ({"message": "a\x00b"}, 200, "Null characters are not allowed."),
        ({"name": "x" * 301}, 200, "at most 300 characters"),
        ({"operator": "one"}, 200, "Select a valid choice"),
    ],
)
def test_what_is_typed_wrongly_is_one_sentence(
    office: Office, as_user: LogIn, wrong: dict[str, Any], status: int, words: str
) -> None:
    before = everything()
    response = as_user(office.pandev.clerk).post(ADD, typed(office.pandev, **wrong))
    assert response.status_code == status
    errors = response.context["adminform"].form.errors
    assert words in unescape(str(errors))
    assert not [secret for secret in SECRETS if secret in unescape(str(errors))]
    assert everything() == before


def test_who_may_not_register(office: Office, as_user: LogIn) -> None:
    before = everything()
    for user in (office.pandev.auditor, office.admin, office.nobody):
        assert as_user(user).post(ADD, typed(office.pandev)).status_code == 403
    # A forged operator is none.
    assert as_user(office.ipm.dpo).post(ADD, typed(office.pandev)).status_code == 200
    assert everything() == before


@pytest.mark.parametrize(
    ("verb", "form", "words"),
    [
        ("link", {"code": "S-22222222"}, "card"),
        ("link", {"code": ""}, "required"),
        ("unlink", {"card": "999999", "reason": "x"}, "valid choice"),
        ("check", {"kind": "passport"}, "valid choice"),
        ("demand", {"what": "tea"}, "valid choice"),
        ("demand", {"what": "withdrawal"}, "already"),
        ("reveal", {"card": "999999"}, "valid choice"),
        ("assign", {"owner": "999999"}, "valid choice"),
        ("block", {"reason": "x" * 301}, "at most 300"),
    ],
)
def test_verbs_refuse_what_is_typed_wrongly(
    office: Office, as_user: LogIn, verb: str, form: dict[str, Any], words: str
) -> None:
    _known, request = asked(office.pandev)
    before = everything()
    response = as_user(office.pandev.dpo).post(page(request, verb), form)
    assert response.status_code in {200, 409, 422}
    assert words in unescape(response.content.decode())
    assert everything() == before


def test_another_operators_card_cannot_be_linked_or_revealed(
    office: Office, as_user: LogIn
) -> None:
    _known, request = asked(office.pandev)
    foreign = register(office.ipm)
    client = as_user(office.pandev.dpo)
    before = everything()
    assert client.post(page(request, "link"), {"code": foreign.code}).status_code == 422
    assert client.post(page(request, "reveal"), {"card": foreign.pk}).status_code == 200
    assert not AccessEvent.objects.exists()
    assert everything() == before


# --- reading ---------------------------------------------------------------------------------
def test_the_letter_is_masked_until_it_is_opened_and_again_after(
    office: Office, as_user: LogIn
) -> None:
    _known, request = asked(office.pandev)
    client = as_user(office.pandev.clerk)
    text = client.get(page(request)).content.decode()
    assert not [secret for secret in SECRETS if secret in text]
    assert "a•••@e•••.kz" in text
    client.post(page(request, "open"))
    opened = client.get(page(request)).content.decode()
    assert TOLD["message"] in opened and TOLD["postal"] in opened
    # For nobody else, and not for ever.
    assert TOLD["message"] not in as_user(office.pandev.dpo).get(page(request)).content.decode()
    with time_machine.travel(LATER + timedelta(hours=1), tick=False):
        assert TOLD["message"] not in client.get(page(request)).content.decode()


def test_no_page_but_an_opened_letter_holds_a_value(office: Office, as_user: LogIn) -> None:
    _known, request = asked(office.pandev, WITHDRAWAL, DESTRUCTION, MARKETING)
    item = item_of(request)
    for user in (office.pandev.dpo, office.pandev.auditor):
        client = as_user(user)
        paths = [LIST, page(request), page(request, "history"), page(item), page(item, "history"),
                 "/admin/requests/requestitem/", "/admin/"]  # fmt: skip
        if user == office.pandev.dpo:
            paths += [page(item, verb) for verb in ("accept", "refuse")]
        for path in paths:
            response = client.get(path)
            assert response.status_code == 200, path
            text = unescape(response.content.decode())
            assert not [secret for secret in SECRETS if secret in text], path


def test_one_click_opens_a_linked_card_with_the_number_as_the_reason(
    office: Office, as_user: LogIn
) -> None:
    known, request = asked(office.pandev)
    client = as_user(office.pandev.clerk)
    response = client.post(page(request, "reveal"), {"card": known.card.pk})
    assert response["Location"].endswith(f"/admin/subjects/datasubject/{known.card.pk}/change/")
    event = AccessEvent.objects.get(what="reveal")
    assert (event.subject, event.reason) == (known.card, request.number)


def test_finding_shows_the_cards_masked_and_links_with_one_click(
    office: Office, as_user: LogIn
) -> None:
    known, _request = asked(office.pandev)
    request = receive(office.pandev)
    client = as_user(office.pandev.clerk)
    assert client.get(page(request, "find")).status_code == 200
    assert not AccessEvent.objects.exists()
    text = client.post(page(request, "find")).content.decode()
    assert known.card.code in text
    assert not [secret for secret in SECRETS if secret in text]
    assert AccessEvent.objects.get().what == "search"
    client.post(page(request, "link"), {"code": known.card.code})
    assert "linked already" in client.post(page(request, "find")).content.decode()


def test_the_page_of_a_demand_says_what_goes_and_what_stays(office: Office, as_user: LogIn) -> None:
    known, request = asked(office.pandev)
    item = item_of(request)
    text = unescape(as_user(office.pandev.dpo).get(page(item)).content.decode())
    assert known.card.code in text
    assert "stays:" in text and "9(8)" in text
    assert "Due" in text and "8(7)" in text


def test_accepting_in_part_by_the_form(office: Office, as_user: LogIn) -> None:
    known, request = asked(office.pandev, DESTRUCTION)
    item = item_of(request)
    client = as_user(office.pandev.dpo)
    before = everything()
    response = client.post(page(item, "accept"), {})
    assert response.status_code == 422
    assert "a part of the data stays" in response.content.decode()
    assert everything() == before
    form = {"refusal": "KZ.9", "reasons": "Article 9."}
    for wrong in ({"keep": ["999999"]}, {"refusal": "RU.5.7"}, {"keep": ["x"]}):
        assert client.post(page(item, "accept"), form | wrong).status_code == 200
    assert everything() == before
    response = client.post(page(item, "accept"), form | {"keep": [known.grounds[0].pk]})
    assert response.status_code == 302
    assert RequestItem.objects.get(pk=item.pk).decision == "partly"
    # The other consent and the ground of the law go on; one consent ended.
    assert known.card.grounds.filter(ended_on=None).count() == 2


def test_marketing_is_chosen_in_the_form(office: Office, as_user: LogIn) -> None:
    known, request = asked(office.pandev, MARKETING)
    client = as_user(office.pandev.dpo)
    path = page(item_of(request), "accept")
    assert client.post(path, {}).status_code == 422
    foreign = activity(office.ipm, "email_information")
    assert client.post(path, {"activities": [foreign.pk]}).status_code == 200
    chosen = known.grounds[1].activity_id
    assert client.post(path, {"activities": [chosen]}).status_code == 302
    assert known.card.grounds.exclude(ended_on=None).count() == 1


def test_a_demand_of_a_request_that_is_over_cannot_be_decided(
    office: Office, as_user: LogIn
) -> None:
    _known, request = asked(office.pandev)
    client = as_user(office.pandev.dpo)
    client.post(page(request, "withdraw"), {"reason": "taken back"})
    for verb in ("accept", "refuse", "bar"):
        path = page(item_of(request), verb)
        assert client.get(path).status_code == 409
        form = {"refusal": "KZ.9", "reasons": "So.", "no_marketing": "on"}
        before = everything()
        assert client.post(path, form).status_code in {200, 409}
        assert everything() == before


# --- cost ------------------------------------------------------------------------------------
def cost(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_list_and_the_page_ask_as_often_for_many_as_for_few(
    office: Office, as_user: LogIn
) -> None:
    team = office.pandev
    known, request = asked(team, WITHDRAWAL, DESTRUCTION)
    # What else the same person asks stands on the page.
    receive(team, WITHDRAWAL, DESTRUCTION, subjects=[known.card])
    item = item_of(request)
    client = as_user(team.dpo)
    paths = (LIST, page(request), page(item), page(item, "accept"))
    few = [cost(client, path) for path in paths]
    for _ in range(4):
        card: DataSubject = register(team)
        link(request, team, card)
        receive(team, WITHDRAWAL, DESTRUCTION, subjects=[card])
    assert [cost(client, path) for path in paths] == few
    assert max(few) <= 30
