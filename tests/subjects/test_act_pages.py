"""The acts as the DPO, the clerk, the auditor and strangers meet them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from subjects.choices import ActState
from subjects.models import ActPaper, DestructionAct, DestructionItem
from subjects.services.files import file_open
from subjects.services.holds import hold_place
from subjects.services.sweeping import destruction_sweep
from tests.conftest import Office
from tests.subjects.acting import ON_DUE, approved, draft, leaving
from tests.subjects.people import NOW

ACTS = "/admin/subjects/destructionact"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def test_an_act_goes_from_its_draft_to_its_papers(office: Office, as_user: Any, clock: Any) -> None:
    team = office.pandev
    going, held = leaving(team), leaving(team, name="Ждёт Она", email="held@example.org")
    act = draft(team, by=team.clerk)
    page = f"{ACTS}/{act.pk}"
    dpo = as_user(team.dpo)
    text = dpo.get(f"{page}/change/").content.decode()
    assert going.code in text and "KZ.CONSENT.WITHDRAW" in text and "in the act: 4" in text
    assert f"{page}/approve/" in text and f"{page}/cancel/" in text

    assert dpo.post(f"{page}/approve/", {"waiver": ""}).status_code == 302
    act.refresh_from_db()
    assert (act.state, act.approved_by) == (ActState.APPROVED, team.dpo)
    hold_place(
        subject=held,
        document="ruling",
        label="C-1",
        reason="a court",
        by=team.dpo,
        now=NOW,
    )
    clock.move_to(ON_DUE)
    destruction_sweep(now=ON_DUE)
    act.refresh_from_db()
    assert act.state == ActState.CLOSED
    dpo = as_user(team.dpo)
    text = dpo.get(f"{page}/change/").content.decode()
    assert "destroyed: 2" in text and "stopped: 2" in text and "C-1" in text
    papers = list(ActPaper.objects.filter(act=act))
    assert {paper.kind for paper in papers} == {"act", "log"}
    for paper in papers:
        found = dpo.get(f"{page}/paper/{paper.pk}/")
        assert found.getvalue() == b"".join(file_open(paper.file))
        assert found.headers["Content-Disposition"].startswith(
            f'attachment; filename="{act.number}'
        )
        assert paper.digest in text
    values = ("test@example.org", "held@example.org", "Тестов", "Ждёт")
    assert not any(value in text for value in values)
    # Its history says who did what.
    history = dpo.get(f"{page}/history/").content.decode()
    assert str(team.dpo) in history


def test_whoever_drafted_it_needs_a_waiver_and_only_when_alone(
    office: Office, as_user: Any
) -> None:
    team = office.pandev
    leaving(team)
    act = draft(team, by=team.dpo)
    client = as_user(team.dpo)
    refused = client.post(f"{ACTS}/{act.pk}/approve/", {"waiver": ""})
    assert refused.status_code == 422
    assert "waiver" in refused.content.decode() or "another" in refused.content.decode()
    act.refresh_from_db()
    assert act.state == ActState.DRAFTED


def test_what_cannot_be_done_now_has_no_page_and_changes_nothing(
    office: Office, as_user: Any
) -> None:
    team = office.pandev
    leaving(team)
    act = approved(team)
    client = as_user(team.dpo)
    assert client.get(f"{ACTS}/{act.pk}/approve/").status_code == 409
    assert client.get(f"{ACTS}/{act.pk}/confirm/").status_code == 409
    assert client.post(f"{ACTS}/{act.pk}/approve/", {}).status_code == 409
    assert client.post(f"{ACTS}/{act.pk}/cancel/", {"reason": ""}).status_code == 200
    act.refresh_from_db()
    assert act.state == ActState.APPROVED
    assert client.post(f"{ACTS}/{act.pk}/cancel/", {"reason": "wrong day"}).status_code == 302
    act.refresh_from_db()
    assert act.state == ActState.CANCELLED
    assert not DestructionItem.objects.exists()


@pytest.mark.parametrize("verb", ["approve", "cancel", "confirm", "judge", "scan"])
def test_each_verb_by_everybody(office: Office, as_user: Any, verb: str) -> None:
    team = office.pandev
    leaving(team)
    act = draft(team, by=team.clerk)
    asked = {"approve": {"waiver": ""}, "confirm": {}}.get(verb, {"reason": "x"})
    expected = {
        "clerk": 409 if verb in ("confirm", "scan") else 403,
        "auditor": 403,
        "stranger": 403,
        "other": 404,
    }
    users = {
        "clerk": team.clerk,
        "auditor": team.auditor,
        "stranger": office.nobody,
        "other": office.ipm.dpo,
    }
    for who, user in users.items():
        status = as_user(user).get(f"{ACTS}/{act.pk}/{verb}/").status_code
        assert status == expected[who] or (who == "stranger" and status == 404), (who, status)
        if expected[who] != 409:
            posted = as_user(user).post(f"{ACTS}/{act.pk}/{verb}/", asked).status_code
            assert posted in (403, 404)
    assert DestructionAct.objects.get(pk=act.pk).state == ActState.DRAFTED


def test_papers_are_for_those_who_may_print_them(office: Office, as_user: Any, clock: Any) -> None:
    team = office.pandev
    leaving(team)
    act = approved(team)
    clock.move_to(ON_DUE)
    destruction_sweep(now=ON_DUE)
    paper = ActPaper.objects.filter(act=act).first()
    assert paper is not None
    link = f"{ACTS}/{act.pk}/paper/{paper.pk}/"
    for user in (team.dpo, team.clerk, team.auditor):
        assert as_user(user).get(link).status_code == 200
    assert as_user(office.ipm.dpo).get(link).status_code == 404
    assert as_user(office.admin).get(link).status_code in (403, 404)
    assert as_user(team.dpo).get(f"{ACTS}/{act.pk}/paper/{paper.pk + 100}/").status_code == 404


def test_neither_the_list_nor_the_page_grows_with_its_rows(office: Office, as_user: Any) -> None:
    team = office.pandev

    def cost(path: str) -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        return len(asked)

    client = as_user(team.dpo)
    leaving(team)
    act = draft(team, by=team.clerk)
    few = cost(f"{ACTS}/"), cost(f"{ACTS}/{act.pk}/change/")
    for number in range(3):
        leaving(team, email=f"more{number}@example.org")
        draft(team, now=NOW + timedelta(seconds=number))
    big = DestructionAct.objects.order_by("pk").last()
    assert big is not None
    more = cost(f"{ACTS}/"), cost(f"{ACTS}/{big.pk}/change/")
    assert more[0] <= few[0] <= 12 and more[1] <= few[1] <= 17, (few, more)
