"""The page that asks: by POST only, for those who may, and nothing of it has an address."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from registry.services.staff import membership_start
from subjects.models import AccessEvent
from subjects.services import evidence
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY, person
from tests.subjects.test_evidence import MAIL, destroyed

ASK = "/admin/subjects/destructionact/ask/"
LIST = "/admin/subjects/datasubject/"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def ask(client: Any, operator: Any, text: str = MAIL) -> Any:
    return client.post(ASK, {"operator": operator.pk, "text": text})


def test_dpo_and_auditor_ask_and_nobody_else(office: Office, as_user: Any) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    destroyed(team, subject)
    for user in (team.dpo, team.auditor):
        client = as_user(user)
        assert client.get(ASK).status_code == 200
        assert ASK in client.get(LIST).content.decode()
        response = ask(client, team.operator)
        said = response.content.decode()
        assert response.status_code == 200 and "no-store" in response.headers["Cache-Control"]
        assert subject.code in said and "withdrawn" in said and "2 March 2026" in said
        assert "registration v1, form on the website, from 2 March 2026" in said
        assert "until 2 March 2026 (consent withdrawn)" in said
        assert MAIL not in said and "Location" not in response.headers
    for user in (team.clerk, office.admin, office.nobody, office.ipm.clerk):
        client = as_user(user)
        for response in (client.get(ASK), ask(client, team.operator)):
            assert response.status_code in (302, 403), user
            assert subject.code not in response.content.decode()
    assert ASK not in as_user(team.clerk).get(LIST).content.decode()
    assert AccessEvent.objects.filter(what="destroyed_look").count() == 2


def test_another_operators_evidence_cannot_be_asked(office: Office, as_user: Any) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    destroyed(team, subject)
    response = ask(as_user(office.ipm.dpo), team.operator)
    assert subject.code not in response.content.decode()
    assert not AccessEvent.objects.filter(what="destroyed_look").exists()
    # Their own has nothing.
    response = ask(as_user(office.ipm.dpo), office.ipm.operator)
    assert "There is no evidence" in response.content.decode()


def test_whoever_serves_two_operators_chooses(office: Office, as_user: Any) -> None:
    team = office.pandev
    membership_start(
        user=team.dpo, operator=office.ipm.operator, role="auditor", started_on=TODAY, by=None,
        reason="test", undertaking="U-2", undertaking_on=TODAY,
    )  # fmt: skip
    person_gone = person(team, email=MAIL)
    destroyed(team, person_gone)
    client = as_user(team.dpo)
    assert "<select" in client.get(ASK).content.decode()
    assert "<select" not in as_user(team.auditor).get(ASK).content.decode()
    assert person_gone.code in ask(client, team.operator).content.decode()
    assert person_gone.code not in ask(client, office.ipm.operator).content.decode()


def test_what_was_typed_does_not_come_back_in_a_refusal(
    office: Office, as_user: Any, monkeypatch: Any
) -> None:
    client = as_user(office.pandev.dpo)
    monkeypatch.setattr(evidence, "QUESTIONS_AN_HOUR", 1)
    assert ask(client, office.pandev.operator).status_code == 200
    response = ask(client, office.pandev.operator)
    assert response.status_code == 429 and "within an hour" in response.content.decode()
    assert MAIL not in response.content.decode()
    too_long = "long" * 100
    assert too_long not in ask(client, office.pandev.operator, too_long).content.decode()
    # An address with a question in it asks nothing.
    response = client.get(ASK, {"operator": office.pandev.operator.pk, "text": MAIL})
    assert MAIL not in response.content.decode()
    assert AccessEvent.objects.filter(what="destroyed_look").count() == 1


def test_the_journal_says_how_many_answers(office: Office, as_user: Any) -> None:
    team = office.pandev
    destroyed(team, person(team, email=MAIL))
    client = as_user(team.dpo)
    ask(client, team.operator)
    said = client.get("/admin/subjects/accessevent/").content.decode()
    assert "asked whether somebody was destroyed" in said and "answers: 1" in said
    assert MAIL not in said
    # The rows themselves are on no page.
    assert client.get("/admin/subjects/evidence/").status_code == 404
