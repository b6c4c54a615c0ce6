"""Papers of the register on their pages: who may do what, and how often the pages ask."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.admin.paper_forms import FORMS
from registry.choices import RegisterPaperKind as Kind
from registry.models import Filing, RegisterPaper, User
from tests.conftest import Office, Team
from tests.registry.papering import (
    NOW,
    TODAY,
    activity_of,
    drafted,
    everything,
    kinds,  # noqa: F401
    positioned,
    signed,
)
from tests.registry.test_register_paper_pages import LIST, WRITE, asked, link, text_of


@pytest.fixture(autouse=True)
def clock(db: None, kinds: Any, monkeypatch: Any) -> Any:  # noqa: F811
    for kind in [*FORMS]:
        monkeypatch.delitem(FORMS, kind)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def pandev(office: Office) -> Team:
    return positioned(office.pandev)


@pytest.fixture
def ipm(office: Office) -> Team:
    return positioned(office.ipm)


def test_who_may_do_what(pandev: Team, office: Office, as_user: Any) -> None:
    draft = drafted(pandev)
    notice = signed(drafted(pandev, Kind.NOTICE_START), pandev)
    rights: dict[User, tuple[int, ...]] = {
        # list, page, file of it, history, sign, discard, file, write
        pandev.dpo: (200, 200, 200, 200, 200, 200, 200, 200),
        office.admin: (200, 200, 200, 200, 200, 200, 200, 200),
        pandev.clerk: (200, 200, 200, 200, 403, 403, 403, 403),
        pandev.auditor: (200, 200, 200, 200, 403, 403, 403, 403),
        office.ipm.dpo: (200, 404, 404, 404, 404, 404, 404, 200),
        office.nobody: (403, 403, 404, 404, 404, 404, 404, 403),
    }
    paths = (
        LIST, link(draft), link(draft, "pdf"), link(draft, "history"), link(draft, "sign"),
        link(draft, "discard"), link(notice, "file"), WRITE,
    )  # fmt: skip
    for user, wanted in rights.items():
        client = as_user(user)
        assert tuple(client.get(path).status_code for path in paths) == wanted, user
        mine = user in (pandev.dpo, office.admin)
        assert (b"verb-sign" in client.get(link(draft)).content) == mine
        assert (b"verb-write" in client.get(LIST).content) == (wanted[-1] == 200)
    before = everything()
    for user in (pandev.clerk, pandev.auditor, office.ipm.dpo, office.nobody):
        client = as_user(user)
        for row, page, data in (
            (draft, "sign", asked(pandev)),
            (draft, "discard", {"reason": "x"}),
            (notice, "file", {"filed_on": TODAY, "reference": "1"}),
            (draft, "change", {"number": "x"}),
            (draft, "delete", {"post": "yes"}),
        ):
            assert client.post(link(row, page), data).status_code in {403, 404}, (user, page)
        written = client.post(f"{WRITE}?operator=pandev&kind=notice_start", {"language": "en"})
        assert written.status_code == (404 if user == office.ipm.dpo else 403)
    stranger = Client()
    for path in paths:
        assert stranger.get(path).status_code == stranger.post(path).status_code == 302
    assert everything() == before and not Filing.objects.exists()


def test_nobody_edits_a_paper(pandev: Team, office: Office, as_user: Any) -> None:
    paper = drafted(pandev)
    before = everything()
    for user in (pandev.dpo, office.admin):
        client = as_user(user)
        for page in ("change", "delete"):
            assert client.post(link(paper, page), {"number": "x", "post": "yes"}).status_code == 403
        assert client.get(f"{LIST}add/").status_code == 403
    assert everything() == before


def test_whoever_stands_in_signs_as_the_dpo_would(pandev: Team, as_user: Any) -> None:
    from_day = date(2026, 3, 1)
    pandev.dpo.absences.create(
        operator=pandev.operator, substitute=pandev.clerk, first_on=from_day, last_on=TODAY,
        order_number="3-к",
    )  # fmt: skip
    paper = drafted(pandev)
    client = as_user(pandev.clerk)
    answer = client.post(link(paper, "sign"), asked(pandev))
    assert answer.status_code == 422 and "is away on Monday, 2 March 2026" in text_of(answer)
    assert (
        client.post(link(paper, "sign"), asked(pandev, signer=pandev.clerk.pk)).status_code == 302
    )


# --- how often it asks -------------------------------------------------------------------------
def counted(client: Client, path: str) -> int:
    client.get(path)  # what a process asks once
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_list_asks_the_same_for_five_hundred(ipm: Team, office: Office, as_user: Any) -> None:
    activity = activity_of(ipm)
    drafted(ipm, Kind.HARM, activity=activity)
    signed(drafted(ipm, Kind.HARM, activity=activity), ipm)
    clients = [as_user(user) for user in (ipm.dpo, ipm.clerk, office.admin)]
    few = [counted(client, LIST) for client in clients]
    like = RegisterPaper.objects.filter(signed_on=None).get()
    rows = []
    for number in range(500):
        like.pk, like.number = None, f"RP-2025-{number:04d}"
        rows.append(RegisterPaper(**{
            field.attname: getattr(like, field.attname)
            for field in RegisterPaper._meta.concrete_fields if field.name != "id"
        }))  # fmt: skip
    RegisterPaper.objects.bulk_create(rows)
    assert [counted(client, LIST) for client in clients] == few
    assert max(few) <= 10


def test_the_page_asks_the_same_however_long_the_paper_is(ipm: Team, as_user: Any) -> None:
    client = as_user(ipm.dpo)
    short = drafted(ipm)
    one = counted(client, link(short))
    long = drafted(ipm, given={"lacks": [f"{number}." for number in range(200)]})
    assert counted(client, link(long)) == one <= 10
    assert counted(client, link(signed(short, ipm))) <= 10


def test_the_choice_of_five_hundred_activities_asks_the_same(ipm: Team, as_user: Any) -> None:
    client = as_user(ipm.dpo)
    where = f"{WRITE}?kind=harm"
    few = counted(client, where)
    like = activity_of(ipm)
    for number in range(500):
        like.pk, like.code = None, f"more-{number}"
        like.save_base(raw=True)
    assert counted(client, where) == few <= 10
