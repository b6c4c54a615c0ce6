"""The page of findings: who sees what, the filters, and the two verbs."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.choices import Language
from registry.models import Acknowledgement, Operator, ProcessingActivity, Purpose, User
from registry.services import audit
from registry.services.findings import finding_acknowledge, findings_of
from registry.services.staff import membership_start
from tests.conftest import Office, Team, make_user
from tests.registry.findings.clean_office import clean_office
from tests.registry.findings.registers import TODAY

NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)
KEY = {"finding": "GRD-001", "object": "activity:support"}
UNTIL = TODAY + timedelta(days=30)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_day() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def team() -> Team:
    """A clean register, but for one activity without a ground; with an auditor."""
    made = clean_office("RU")
    ProcessingActivity.objects.get(operator=made.operator, code="support").legal_bases.clear()
    made.auditor = make_user("auditor@alfa")
    membership_start(
        user=made.auditor, operator=made.operator, role="auditor", started_on=date(2025, 1, 1),
        by=None, reason="test",
    )  # fmt: skip
    return made


def address(operator: Operator, verb: str = "", /, **query: str) -> str:
    tail = f"{verb}/" if verb else ""
    asked = f"?{urlencode(query)}" if query else ""
    return f"/admin/registry/operator/{operator.pk}/findings/{tail}{asked}"


def acknowledge(team: Team, **changes: Any) -> Acknowledgement:
    asked: dict[str, Any] = {"reason": "Order 7", "until": UNTIL, "by": team.dpo, "now": NOW}
    return finding_acknowledge(operator=team.operator, **KEY | asked | changes)


def text_of(response: Any) -> str:
    """What people read on the page, without its tags."""
    words = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", unescape(words))


def listed(response: Any) -> list[tuple[str, str]]:
    return [(entry.found.id, entry.found.object) for entry in response.context["entries"]]


# --- looking -----------------------------------------------------------------------------------
def test_the_page_says_what_is_wrong_why_and_what_clears_it(team: Team, as_user: Any) -> None:
    response = as_user(team.dpo).get(address(team.operator))
    assert response.status_code == 200
    text = text_of(response)
    for words in (
        "GRD-001", "152-FZ 6(1)", "The activity Support of clients has no legal basis.",
        "What clears it: Name an article", "Processing activity: Support of clients",
        "activity:support", "Errors 1",
    ):  # fmt: skip
        assert words in text, words
    activity = ProcessingActivity.objects.get(operator=team.operator, code="support")
    assert f'href="/admin/registry/processingactivity/{activity.pk}/change/"' in (
        response.content.decode()
    )


@pytest.mark.parametrize("law", ["RU", "KZ"])
def test_an_empty_list_says_so_plainly(law: str, as_user: Any) -> None:
    team = clean_office(law)
    response = as_user(team.dpo).get(address(team.operator))
    assert "Nothing is open: policy, register and law agree." in text_of(response)
    assert listed(response) == []


def test_every_link_of_the_two_policies_leads_to_a_row(office: Office, as_user: Any) -> None:
    for team in (office.ipm, office.pandev):
        client = as_user(team.dpo)
        response = client.get(address(team.operator, state="all"))
        links = {entry.link for entry in response.context["entries"]}
        assert len(links) > 5
        for entry in response.context["entries"]:
            assert entry.link or entry.found.table == "law", entry.found.object
        for link in sorted(links - {""}):
            assert client.get(link).status_code == 200, link


def test_markup_in_a_name_is_text(team: Team, as_user: Any) -> None:
    activity = ProcessingActivity.objects.get(operator=team.operator, code="support")
    activity.name_en = "<script>alert(1)</script>"
    audit.save(activity, by=None, reason="test")
    acknowledge(team, reason="<b onclick=x>bold</b>")
    body = as_user(team.dpo).get(address(team.operator, state="all")).content.decode()
    assert "<script>alert" not in body and "<b onclick" not in body
    assert "&lt;script&gt;alert(1)" in body


@pytest.mark.parametrize("language", Language.values)
def test_the_page_speaks_the_reader_s_language(team: Team, as_user: Any, language: str) -> None:
    team.dpo.language = language
    audit.save(team.dpo, by=None, reason="test", fields=["language"])
    acknowledge(team)
    client = as_user(team.dpo)
    for path in (address(team.operator, state="all"), address(team.operator, "acknowledge", **KEY)):
        response = client.get(path)
        assert response.status_code == 200
        assert f'<html lang="{language}"' in response.content.decode()
        assert "%(" not in text_of(response)


# --- filters -----------------------------------------------------------------------------------
def test_each_filter_lets_through_what_it_names(office: Office, as_user: Any) -> None:
    operator = office.pandev.operator
    found = findings_of(operator=operator, today=TODAY)
    client = as_user(office.pandev.dpo)

    def shown(**query: str) -> set[tuple[str, str]]:
        return set(listed(client.get(address(operator, **query))))

    everything = {(one.id, one.object) for one in found}
    assert shown() == everything and len(everything) == len(found)
    for severity in ("error", "warning", "note"):
        wanted = {(one.id, one.object) for one in found if one.severity == severity}
        assert shown(severity=severity) == wanted and wanted
    tables = {one.table for one in found}
    assert len(tables) > 3
    for table in tables:
        wanted = {(one.id, one.object) for one in found if one.table == table}
        assert shown(table=table) == wanted
    both = {
        (one.id, one.object) for one in found if one.severity == "error" and one.table == "claim"
    }
    assert shown(severity="error", table="claim") == both and both
    assert shown(severity="none-such") == shown(table="none-such") == set()


def test_open_acknowledged_and_both(team: Team, as_user: Any) -> None:
    ProcessingActivity.objects.get(operator=team.operator, code="employment").legal_bases.clear()
    acknowledge(team)
    client = as_user(team.auditor)
    mine, other = ("GRD-001", "activity:support"), ("GRD-001", "activity:employment")
    shown = {
        state: set(listed(client.get(address(team.operator, state=state))))
        for state in ("", "open", "acknowledged", "all")
    }
    assert other in shown[""] and mine not in shown[""] and shown["open"] == shown[""]
    assert shown["acknowledged"] == {mine}
    assert shown["all"] == shown[""] | {mine}
    response = client.get(address(team.operator))
    assert response.context["numbers"][0] == ("error", "Errors", 1)
    assert response.context["acknowledged"] == 1
    assert "Acknowledged 1" in text_of(response)


def test_a_long_list_has_pages_that_keep_the_filters(team: Team, as_user: Any) -> None:
    many(team.operator, 120)
    client = as_user(team.dpo)
    whole = address(team.operator, severity="error", table="activity")
    first, second = client.get(whole), client.get(f"{whole}&page=2")
    everything = client.get(f"{whole}&page=all")
    assert len(listed(first)) == 100
    assert listed(first) + listed(second)[:100] == listed(everything)[:200]
    assert "severity=error&amp;table=activity&amp;page=2" in first.content.decode()
    assert len(set(listed(everything))) == len(listed(everything)) > 120
    for odd in ("0", "-1", "x", "9999", "²"):
        assert client.get(f"{whole}&page={odd}").status_code == 200


# --- how much it costs -------------------------------------------------------------------------
def many(operator: Operator, count: int) -> None:
    """Activities with neither ground nor term nor anything else: each has several findings."""
    purpose = Purpose.objects.filter(operator=operator).first()
    assert purpose is not None
    ProcessingActivity.objects.bulk_create(
        ProcessingActivity(operator=operator, code=f"a{n}", name_en=f"Row {n}", purpose=purpose)
        for n in range(count)
    )


def test_ten_queries_or_fewer_with_500_activities(team: Team, as_user: Any) -> None:
    acknowledge(team)
    client = as_user(team.dpo)

    def asked(path: str) -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    paths = [
        address(team.operator),
        address(team.operator, state="all", page="all"),
        address(team.operator, "acknowledge", **KEY),
    ]
    few = [asked(path) for path in paths]
    many(team.operator, 500)
    assert [asked(path) for path in paths] == few
    assert max(few) <= 10


# --- who ---------------------------------------------------------------------------------------
def test_who_may_look_and_who_may_acknowledge(team: Team, office: Office, as_user: Any) -> None:
    rights: dict[User, tuple[int, int, int]] = {
        # the page, the form of the acknowledgement, reopening
        team.dpo: (200, 200, 302),
        office.admin: (200, 200, 302),
        team.clerk: (200, 403, 403),
        team.auditor: (200, 403, 403),
        office.pandev.dpo: (404, 404, 404),
        office.nobody: (404, 404, 404),
    }
    for user, wanted in rights.items():
        acknowledge(team)
        client = as_user(user)
        form = address(team.operator, "acknowledge", **KEY)
        got = (
            client.get(address(team.operator)).status_code,
            client.get(form).status_code,
            client.post(address(team.operator, "reopen"), KEY).status_code,
        )
        assert got == wanted, user
        if wanted[1] != 200:
            posted = client.post(form, {"reason": "mine", "until": UNTIL.isoformat()})
            assert posted.status_code == wanted[1]
            assert Acknowledgement.objects.get().reason == "Order 7"
        if wanted[0] == 200:
            seen = client.get(address(team.operator, state="all")).content.decode()
            assert ("/findings/acknowledge/?" in seen) == (wanted[1] == 200), user
        Acknowledgement.objects.all().delete()


def test_a_stranger_is_sent_to_the_log_in(team: Team) -> None:
    for page in ("", "acknowledge", "reopen"):
        for method in (Client().get, Client().post):
            response = method(address(team.operator, page))
            assert response.status_code == 302
            assert response.headers["Location"].startswith("/admin/login/")


def test_operators_that_are_not_there(team: Team, as_user: Any) -> None:
    client = as_user(team.dpo)
    for number in ("0", "999999", "x", "-1", "1_2F", "9" * 40, "²", "alfa"):
        for tail in ("", "acknowledge/", "reopen/"):
            path = f"/admin/registry/operator/{number}/findings/{tail}"
            assert client.get(path).status_code == 404, path


def test_the_way_to_the_page(team: Team, office: Office, as_user: Any) -> None:
    """From the desk and from the operator's card; whoever has one operator is led straight on."""
    choice = "/admin/registry/operator/findings/"
    client = as_user(team.auditor)
    assert f'href="{choice}"' in client.get("/admin/").content.decode()
    card = client.get(f"/admin/registry/operator/{team.operator.pk}/change/").content.decode()
    assert f'href="{address(team.operator)}"' in card
    assert client.get(choice).headers["Location"] == address(team.operator)
    offered = as_user(office.admin).get(choice).content.decode()
    for operator in (team.operator, office.ipm.operator, office.pandev.operator):
        assert f'href="{address(operator)}"' in offered
    assert as_user(office.nobody).get(choice).status_code == 404


# --- acknowledging -----------------------------------------------------------------------------
def test_the_dpo_lets_a_finding_stand(team: Team, as_user: Any) -> None:
    client = as_user(team.dpo)
    page = client.get(address(team.operator, severity="error"))
    (link,) = [entry.verb for entry in page.context["entries"]]
    form = client.get(link)
    assert "has no legal basis" in text_of(form)
    assert form.context["form"]["until"].value() == TODAY + timedelta(days=90)
    response = client.post(link, {"reason": "Decided by order 7", "until": UNTIL.isoformat()})
    assert response.headers["Location"] == address(team.operator, severity="error")
    after = client.get(response.headers["Location"])
    assert listed(after) == []
    assert "No finding answers to this choice." in text_of(after)
    text = text_of(client.get(address(team.operator, state="acknowledged")))
    assert "Acknowledged until Tuesday, 22 December 2026" in text
    assert "dpo@alfa : Decided by order 7" in text or "dpo@alfa: Decided by order 7" in text


def test_changing_an_acknowledgement_starts_from_what_was_said(team: Team, as_user: Any) -> None:
    said = acknowledge(team)
    client = as_user(team.dpo)
    form = client.get(address(team.operator, "acknowledge", **KEY)).context["form"]
    assert (form["reason"].value(), form["until"].value()) == ("Order 7", UNTIL)
    data = {"reason": "Order 9", "until": TODAY.isoformat()}
    assert client.post(address(team.operator, "acknowledge", **KEY), data).status_code == 302
    said.refresh_from_db()
    assert (said.reason, said.until) == ("Order 9", TODAY)


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({"reason": "", "until": UNTIL.isoformat()}, 200, "This field is required"),
        ({"reason": "  ", "until": UNTIL.isoformat()}, 200, "This field is required"),
        ({"reason": "x", "until": ""}, 200, "This field is required"),
        ({"reason": "x", "until": "soon"}, 200, "Enter a valid date"),
        ({"reason": "x", "until": (TODAY - timedelta(days=1)).isoformat()}, 422, "is over"),
        ({"reason": "x", "until": "2031-01-01"}, 422, "for a year at most"),
        ({"reason": "x" * 2001, "until": UNTIL.isoformat()}, 200, "at most 2000 characters"),
    ],
)
def test_what_the_form_refuses(
    team: Team, as_user: Any, data: dict[str, str], status: int, words: str
) -> None:
    path = address(team.operator, "acknowledge", **KEY)
    response = as_user(team.dpo).post(path, data)
    assert response.status_code == status
    assert words in text_of(response)
    assert not Acknowledgement.objects.exists()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"finding": "GRD-001", "object": "activity:employment"}, 409),
        ({"finding": "GRD-999", "object": "activity:support"}, 422),
        ({"finding": "GRD-001"}, 409),
        ({}, 422),
    ],
)
def test_a_finding_that_is_not_there(
    team: Team, as_user: Any, asked: dict[str, str], status: int
) -> None:
    client = as_user(team.dpo)
    path = address(team.operator, "acknowledge", **asked)
    data = {"reason": "x", "until": UNTIL.isoformat()}
    assert client.get(path).status_code == status
    assert client.post(path, data).status_code == status
    assert not Acknowledgement.objects.exists()


# --- taking it back ----------------------------------------------------------------------------
def test_the_dpo_takes_it_back(team: Team, as_user: Any) -> None:
    acknowledge(team)
    client = as_user(team.dpo)
    path = address(team.operator, "reopen", state="acknowledged")
    assert client.get(path).status_code == 405
    assert Acknowledgement.objects.exists()
    response = client.post(path, KEY)
    assert response.headers["Location"] == address(team.operator, state="acknowledged")
    assert not Acknowledgement.objects.exists()
    assert ("GRD-001", "activity:support") in listed(client.get(address(team.operator)))
    assert client.post(path, KEY).status_code == 409


def test_what_was_said_stays_on_the_page(team: Team, as_user: Any, office: Office) -> None:
    acknowledge(team)
    acknowledge(team, reason="Order 9", until=TODAY)
    as_user(team.dpo).post(address(team.operator, "reopen"), KEY)
    text = text_of(as_user(team.auditor).get(address(team.operator)))
    part = text[text.index("What was said about findings") :]
    places = [part.index(words) for words in ("taken back", "Order 9", "Order 7")]
    assert places == sorted(places) and part.count("GRD-001 activity:support") == 3
    others = text_of(as_user(office.ipm.dpo).get(address(office.ipm.operator)))
    assert "What was said about findings" not in others and "Order 9" not in others


def test_acknowledgements_are_a_list_that_nobody_edits(
    team: Team, office: Office, as_user: Any
) -> None:
    row = acknowledge(team)
    path = f"/admin/registry/acknowledgement/{row.pk}/change/"
    for user in (team.dpo, office.admin, team.clerk, team.auditor):
        client = as_user(user)
        assert "Order 7" in client.get(path).content.decode()
        assert client.get("/admin/registry/acknowledgement/add/").status_code == 403
        assert client.post(path, {"reason": "other"}).status_code == 403
        assert client.post(path.replace("change", "delete"), {"post": "yes"}).status_code == 403
        history = client.get(path.replace("change", "history"))
        assert history.status_code == 200 and "acknowledged" in text_of(history)
    assert as_user(office.ipm.dpo).get(path).status_code == 404
    assert as_user(office.nobody).get(path).status_code == 403
