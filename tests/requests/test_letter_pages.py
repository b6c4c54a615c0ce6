"""The pages of letters: who may, what they do, what they never show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.models import User
from requests import states
from requests.models import Letter
from requests.services.ends import ends_sweep
from requests.services.letters import letter_receive, letter_text
from requests.services.posting import letters_deliver
from requests.services.told import letter_open
from requests.services.writing import version_of
from subjects.models import AccessEvent
from tests.conftest import Office
from tests.requests import asking
from tests.requests import corresponding as c
from tests.requests.asking import LATER, TOLD
from tests.requests.test_letters import PDF, rows

LogIn = Callable[[User], Client]
LIST = "/admin/requests/letter/"
CLERKS = ("open", "edit", "print", "prove", "retry")
DPOS = ("send", "cancel", "reroute")


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(LATER + timedelta(hours=1), tick=False):
        yield


def page(row: Any, verb: str = "change") -> str:
    return reverse(f"admin:requests_{row._meta.model_name}_{verb}", args=[row.pk])


def ready(verb: str, office: Office) -> tuple[Letter, dict[str, Any]]:
    """A letter for which the verb is possible, and what its form gets."""
    team = office.pandev
    request = asking.again(asking.receive(team))
    paper = verb in {"print", "prove"}
    letter = c.draft(request, team, way="post" if paper else "")
    if verb in {"reroute", "print", "prove", "retry"}:
        c.send(letter, team)
    if verb == "prove":
        c.printed(letter, team)
    if verb == "retry":
        Letter.objects.filter(pk=letter.pk).update(state=states.FAILED)
    if verb == "edit":
        letter_open(subject_request=request, user=team.clerk, now=LATER + timedelta(hours=1))
    form = {
        "edit": {"body": "Иначе.", "version": version_of(letter)},
        "cancel": {"reason": "a mistake"},
        "reroute": {"way": "post"},
        "prove": {"sent_at": "2026-03-10T14:30", "proof": "RR1"},
    }.get(verb, {})
    return c.fresh(letter), form


@pytest.mark.parametrize("verb", [*CLERKS, *DPOS])
def test_each_verb_for_everybody(office: Office, as_user: LogIn, verb: str) -> None:
    letter, form = ready(verb, office)
    team = office.pandev
    path = page(letter, verb)
    before = rows()
    for user, status in (
        (team.auditor, 403), (office.admin, 404), (office.nobody, 404), (office.ipm.dpo, 404),
        (office.ipm.clerk, 404), *([] if verb in CLERKS else [(team.clerk, 403)]),
    ):  # fmt: skip
        client = as_user(user)
        assert client.get(path).status_code == status, user
        assert client.post(path, form).status_code == status, user
    assert rows() == before
    client = as_user(team.clerk if verb in CLERKS else team.dpo)
    assert client.get(path).status_code == 200
    response = client.post(path, form)
    assert response.status_code == (200 if verb == "print" else 302), response.content.decode()
    if verb == "print":
        assert response.content.startswith(b"%PDF-")
        assert f"{letter.request.number}-{letter.pk}.pdf" in response["Content-Disposition"]
    if verb != "open":
        assert rows() != before
    if verb not in {"open", "edit", "print"}:
        # One click twice.
        after = rows()
        assert client.post(path, form).status_code in {200, 409}
        assert rows() == after


def test_a_letter_is_written_read_and_sent(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team))
    write = page(request, "write")
    for user, status in ((team.auditor, 403), (office.ipm.dpo, 404), (office.nobody, 404)):
        assert as_user(user).post(write, {"kind": "reply", "text": "x"}).status_code == status
    assert not Letter.objects.exists()
    clerk = as_user(team.clerk)
    refused = clerk.post(write, {"kind": "reply", "text": "", "way": ""})
    assert refused.status_code == 422 and not Letter.objects.exists()
    response = clerk.post(write, {"kind": "reply", "text": c.WORDS, "way": ""})
    letter = Letter.objects.get()
    assert response.url == page(letter)
    shown = clerk.get(page(letter)).content.decode()
    assert c.WORDS in shown and TOLD["name"] in shown and TOLD["email"] not in shown
    assert request.number in shown
    assert AccessEvent.objects.filter(user=team.clerk, what="reveal").count() == 1
    # To everybody else it is masked, on the page and before it is sent.
    for user in (team.dpo, team.auditor):
        for path in (page(letter), page(letter, "history"), *(
            [page(letter, "send"), page(letter, "edit")] if user == team.dpo else []
        )):  # fmt: skip
            text = as_user(user).get(path).content.decode()
            assert not [word for word in c.SECRETS if word in text], path
    dpo = as_user(team.dpo)
    masked = dpo.post(page(letter, "edit"), {"body": "y", "version": version_of(letter)})
    assert masked.status_code == 200 and letter_text(c.fresh(letter)).text != "y"
    dpo.post(page(letter, "open"))
    assert c.WORDS in dpo.get(page(letter, "send")).content.decode()
    assert dpo.post(page(letter, "send")).status_code == 302
    assert c.fresh(letter).state == states.QUEUED
    for session in Session.objects.all():
        told = str(session.get_decoded())
        assert not [word for word in c.SECRETS if word in told]


def test_the_closing_letter_is_read_before_it_is_made(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    _known, request = c.decided(team)
    dpo = as_user(team.dpo)
    text = dpo.get(page(request, "close")).content.decode()
    assert "Nothing is held." in text and TOLD["name"] not in text
    letter_open(subject_request=request, user=team.dpo, now=LATER + timedelta(hours=1))
    opened = dpo.get(page(request, "close")).content.decode()
    assert TOLD["name"] in opened
    dpo.post(page(request, "close"))
    closing = c.only(request, "closing")
    first, *_rest = letter_text(closing).text.split("\n")
    assert first in opened


def test_a_file_is_given_out_while_the_letter_is_open_and_leaves_a_trace(
    office: Office, as_user: LogIn
) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team))
    letter = letter_receive(subject_request=request, body="x", files=[(PDF, "")], now=LATER)
    (file,) = letter.files.all()
    path = reverse("admin:letter_file", args=[letter.pk, file.pk])
    for user, status in (
        (team.auditor, 403), (office.admin, 404), (office.nobody, 404), (office.ipm.dpo, 404),
        (team.clerk, 409),
    ):  # fmt: skip
        assert as_user(user).get(path).status_code == status, user
    assert not AccessEvent.objects.filter(what="download").exists()
    clerk = as_user(team.clerk)
    clerk.post(page(letter, "open"))
    response = clerk.get(path)
    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    assert b"".join(response.streaming_content) == PDF
    assert response["Content-Disposition"].startswith("attachment")
    event = AccessEvent.objects.get(what="download")
    assert (event.user, event.reason) == (team.clerk, request.number)
    assert event.details == {"letter": letter.pk, "file": file.pk}
    # A file of another letter under this one's number.
    other = letter_receive(subject_request=request, body="y", files=[(PDF, "")], now=LATER)
    foreign = reverse("admin:letter_file", args=[letter.pk, other.files.get().pk])
    assert clerk.get(foreign).status_code == 404


def test_the_queues_name_what_waits(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team))
    draft = c.draft(request, team)
    to_print = c.send(c.draft(request, team, way="post"), team)
    printed = c.send(c.draft(request, team, way="by_hand"), team)
    c.printed(printed, team)
    c.send(c.draft(request, team), team)
    clerk = as_user(team.clerk)
    for queue, letter in (("send", draft), ("print", to_print), ("proof", printed)):
        found = clerk.get(LIST, {"queue": queue}).context["cl"].result_list
        assert [row.pk for row in found] == [letter.pk], queue
    assert not clerk.get(LIST, {"queue": "failed"}).context["cl"].result_list
    assert as_user(office.ipm.dpo).get(LIST).context["cl"].result_count == 0
    assert as_user(office.nobody).get(LIST).status_code == 403


def queries(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_many_letters_cost_no_more_queries(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    request = asking.again(asking.receive(team))
    client = as_user(team.dpo)
    counts = []
    for more in (2, 9):
        for _ in range(more):
            c.draft(request, team)
            letter_receive(subject_request=request, body="x", files=[(PDF, "")], now=LATER)
        letter = Letter.objects.filter(way="in").latest("pk")
        counts.append([queries(client, path) for path in (LIST, page(request), page(letter))])
    assert counts[0] == counts[1]
    assert counts[1][0] <= 12 and counts[1][1] <= 24 and counts[1][2] <= 14, counts


def test_after_its_end_every_page_says_so(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    _known, request = c.decided(team)
    incoming = letter_receive(subject_request=request, body="x", files=[(PDF, "")], now=LATER)
    asking.close(request, team)
    letters_deliver(now=LATER)
    late = LATER + timedelta(days=1200)
    with time_machine.travel(late, tick=False):
        ends_sweep(now=late)
        client = as_user(team.dpo)
        request = asking.again(request)
        letter_open(subject_request=request, user=team.dpo, now=late)
        closing = c.only(request, "closing")
        for path in (
            page(request), page(request, "history"), LIST, page(closing), page(incoming),
            page(closing, "history"),
        ):  # fmt: skip
            response = client.get(path)
            assert response.status_code == 200, path
            text = response.content.decode()
            assert not [word for word in c.SECRETS if word in text]
        assert "destroyed" in client.get(page(closing)).content.decode()
        (file,) = incoming.files.all()
        gone = client.get(reverse("admin:letter_file", args=[incoming.pk, file.pk]))
        assert gone.status_code == 409
