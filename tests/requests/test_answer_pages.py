"""The screens of the answer: who prepares it, what is withheld, how the person fetches it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from registry.models import User
from requests.models import AccessAnswer, AnswerCode
from requests.services import code_mails
from requests.services.access_answers import kept_back
from subjects.models import AccessEvent
from tests.conftest import Office
from tests.requests.answering import fresh, granted, paper_text, prepare, release, released
from tests.requests.asking import LATER, SECRETS, TOLD, again, everything, item_of, receive
from tests.requests.tracked import path_of, visit
from tests.subjects.persons import VALUES

LogIn = Callable[[User], Client]
LIST = "/admin/requests/accessanswer/"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def now() -> Iterator[Any]:
    with time_machine.travel(LATER, tick=False) as clock, override("en"):
        yield clock


def page(row: AccessAnswer, verb: str = "change") -> str:
    return reverse(f"admin:requests_accessanswer_{verb}", args=[row.pk])


# --- staff ---------------------------------------------------------------------------------------
DRAFTED = {
    "open": {}, "withhold": {"words": VALUES["email"], "why": "secret"}, "release": {},
    "withdraw": {"reason": "wrong card"},
}  # fmt: skip


@pytest.mark.parametrize("verb", [*DRAFTED, "print", "machine", "restore"])
def test_each_verb_for_everybody(office: Office, as_user: LogIn, verb: str) -> None:
    team = office.pandev
    _known, request = granted(team)
    row = prepare(request, team)
    if verb in {"print", "machine"}:
        release(row, team)
    form: dict[str, Any] = DRAFTED.get(verb, {})
    if verb == "restore":
        as_user(team.clerk).post(page(row, "withhold"), DRAFTED["withhold"])
        form = {"number": 1}
    before = everything()
    for user, status in (
        (team.auditor, 403), (office.admin, 404), (office.nobody, 404), (office.ipm.dpo, 404),
        (office.ipm.clerk, 404),
    ):  # fmt: skip
        assert as_user(user).post(page(row, verb), form).status_code == status, user
    if verb == "release":
        assert as_user(team.clerk).post(page(row, verb), form).status_code == 403
    assert everything() == before
    user = team.dpo if verb == "release" else team.clerk
    response = as_user(user).post(page(row, verb), form)
    wanted = 200 if verb in {"print", "machine"} else 302
    assert response.status_code == wanted, response.content.decode()


def test_the_demand_leads_to_it(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    _known, request = granted(team)
    demand = item_of(request)
    link = reverse("admin:requests_requestitem_answer", args=[demand.pk])
    client = as_user(team.clerk)
    answer = client.post(link)
    row = AccessAnswer.objects.get()
    assert answer.headers["Location"] == page(row)
    again_ = client.post(link)
    assert again_.status_code == 409
    assert "an answer is being prepared already" in again_.content.decode()
    shown = client.get(reverse("admin:requests_requestitem_change", args=[demand.pk]))
    assert page(row) in shown.content.decode()
    assert as_user(team.auditor).post(link).status_code == 403
    other = item_of(receive(team))
    link = reverse("admin:requests_requestitem_answer", args=[other.pk])
    assert client.get(link).status_code == 409
    assert client.post(link).status_code == 422


def test_the_screen_shows_values_only_when_it_is_open(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    _known, request = granted(team)
    row = prepare(request, team)
    client = as_user(team.clerk)
    for shown in (client.get(LIST), client.get(page(row))):
        assert not [secret for secret in SECRETS if secret in shown.content.decode()]
    client.post(page(row, "open"))
    text = client.get(page(row)).content.decode()
    assert VALUES["email"] in text and "canary-message" in text
    assert VALUES["email"] not in as_user(team.dpo).get(page(row)).content.decode()
    # What is withheld is gone from the screen, but for the list of what is withheld.
    client.post(page(row, "withhold"), {"words": "canary-message", "why": "other_person"})
    text = client.get(page(row)).content.decode()
    assert text.count("canary-message") == 1
    assert "[скрыто" in text or "[withheld" in text


def test_a_slip_is_one_sentence_and_loses_nothing(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    _known, request = granted(team)
    row = prepare(request, team)
    client = as_user(team.clerk)
    answer = client.post(page(row, "withhold"), {"words": "nobody here", "why": "secret"})
    assert answer.status_code == 422
    assert "These words stand nowhere in the answer" in answer.content.decode()
    assert "nobody here" in answer.content.decode()
    for form in ({"words": "", "why": "secret"}, {"words": "x", "why": "x"}, {}):
        assert client.post(page(row, "withhold"), form).status_code in {200, 422}
    assert client.post(page(row, "restore"), {"number": 4}).status_code == 422
    assert kept_back(fresh(row)) == []


def test_the_list_costs_the_same_for_many(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    _known, row = released(team)
    client = as_user(team.clerk)
    client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    for _each in range(3):
        release(prepare(row.request, team), team)
    with CaptureQueriesContext(connection) as many:
        assert client.get(LIST).context["cl"].result_count == 4
    assert len(many) == len(one)


# --- the person ----------------------------------------------------------------------------------
def answer_path(row: AccessAnswer) -> str:
    return f"{path_of(row.request)}answer/"


def code_of() -> str:
    (found,) = re.findall(r"\b\d{6}\b", mail.outbox[-1].body)
    return str(found)


def post(row: AccessAnswer, client: Client | None = None, **form: str) -> Any:
    return (client or Client()).post(f"{answer_path(row)}?lang=en", form)


def passed(row: AccessAnswer) -> str:
    post(row, send="1")
    (shown,) = re.findall(
        r'name="shown" value="([^"]+)"', post(row, code=code_of()).content.decode()
    )
    return str(shown)


def test_the_person_fetches_it_with_a_code(office: Office) -> None:
    known, row = released(office.ipm)
    assert "Your answer is ready" in visit(row.request, at=LATER)
    first = Client().get(f"{answer_path(row)}?lang=en").content.decode()
    assert "Send me a code" in first
    assert post(row, send="1").status_code == 200
    (sent,) = mail.outbox
    assert sent.to == [TOLD["email"]]
    # The mail holds the code and no word of the answer.
    assert row.request.number not in sent.body and VALUES["full_name"] not in sent.body
    shown = post(row, code=f" {code_of()[:3]} {code_of()[3:]}").content.decode()
    (token,) = re.findall(r'name="shown" value="([^"]+)"', shown)
    paper = post(row, shown=token, fetch="paper")
    assert paper.headers["Content-Type"] == "application/pdf"
    assert paper.headers["Cache-Control"] == "no-store"
    assert VALUES["email"] in paper_text(paper.content)
    machine = post(row, shown=token, fetch="machine")
    assert json.loads(machine.content)["request"] == row.request.number
    events = AccessEvent.objects.filter(subject=known.card, user=None, what="download")
    assert events.count() == 2


def test_the_link_alone_opens_nothing(office: Office, now: Any) -> None:
    _known, row = released(office.ipm)
    for form in ({"fetch": "paper"}, {"fetch": "paper", "shown": "x"}, {"fetch": "machine"}):
        answer = post(row, **form)
        assert answer.status_code == 422
        assert VALUES["email"].encode() not in answer.content
    other = release(prepare(granted(office.pandev)[1], office.pandev), office.pandev)
    assert post(row, shown=passed(other), fetch="paper").status_code == 422
    shown = passed(row)
    now.shift(16 * MINUTE)
    answer = post(row, shown=shown, fetch="paper")
    assert answer.status_code == 422
    assert "Too much time has passed" in answer.content.decode()


def test_a_code_is_guessed_five_times_and_used_once(office: Office, now: Any) -> None:
    _known, row = released(office.ipm)
    assert post(row, code="123456").status_code == 422
    post(row, send="1")
    right = code_of()
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    assert "Tries left: 4" in post(row, code=wrong).content.decode()
    assert post(row, code="12").status_code == 422  # costs no try
    for _each in range(4):
        answer = post(row, code=wrong)
        assert answer.status_code == 422
    assert "tried too often" in post(row, code=right).content.decode()
    assert post(row, send="1").status_code == 409
    now.shift(MINUTE)
    post(row, send="1")
    right = code_of()
    assert 'name="shown"' in post(row, code=right).content.decode()
    assert "too old" in post(row, code=right).content.decode()
    now.shift(MINUTE)
    post(row, send="1")
    right = code_of()
    now.shift(15 * MINUTE)
    assert "too old" in post(row, code=right).content.decode()


def test_a_mailbox_is_not_flooded(office: Office, now: Any) -> None:
    _known, row = released(office.ipm)
    for _each in range(5):
        assert post(row, send="1").status_code == 200
        now.shift(MINUTE)
    assert post(row, send="1").status_code == 429
    assert len(mail.outbox) == 5


def test_a_mail_that_cannot_go_is_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    _known, row = released(office.ipm)
    monkeypatch.setattr(code_mails.EmailMessage, "send", lambda _self: 0)
    answer = post(row, send="1")
    assert answer.status_code == 422
    assert "could not be sent just now" in answer.content.decode()
    assert AnswerCode.objects.get().code_hash == ""


def test_without_an_address_it_is_asked_for_on_paper(office: Office) -> None:
    team = office.ipm
    _known, row = released(team, email="", answer_by="post")
    text = Client().get(f"{answer_path(row)}?lang=en").content.decode()
    assert "on paper" in text and "Send me a code" not in text
    assert post(row, send="1").status_code == 422


def test_where_there_is_none_nothing_is_offered(office: Office) -> None:
    team = office.ipm
    _known, request = granted(team)
    prepare(request, team)
    assert "Your answer is ready" not in visit(request, at=LATER)
    path = f"{path_of(again(request))}answer/"
    assert Client().get(path).status_code == 404
    assert Client().post(path, {"send": "1"}).status_code == 404
    assert Client().get(path.replace("answer", "answers")).status_code == 404
    assert Client().get("/ipm/track/XXXX/answer/").status_code == 404
    assert mail.outbox == []


def test_an_answer_that_is_over_is_not_offered(office: Office, now: Any) -> None:
    _known, row = released(office.ipm)
    now.shift(timedelta(days=31))
    assert "Your answer is ready" not in visit(row.request, at=LATER + timedelta(days=31))
    assert Client().get(answer_path(row)).status_code == 404


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(office: Office, method: str) -> None:
    _known, row = released(office.ipm)
    assert getattr(Client(), method)(answer_path(row)).status_code == 405
