"""Every kind of demand, from each channel by which it may come to the letter that ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse

from registry.models import User
from requests.models import Letter, SubjectRequest
from requests.models.letters import LetterBy
from requests.models.subject_requests import RequestChannel, RequestKind
from requests.services.correcting import untold
from requests.services.linking import identity_note, request_block, subject_link
from requests.services.posting import letters_deliver
from requests.services.writing import letter_draft, letter_print, letter_prove, letter_send
from subjects.models import Block, DataSubject, Stop
from tests.conftest import Office, Team
from tests.requests import asking, checking
from tests.requests.asking import LATER, MUCH_LATER, again, item_of, team_of
from tests.requests.forms import confirm, sent
from tests.requests.tracked import executed
from tests.subjects import people

LogIn = Callable[[User], Client]
# How the answer is asked for; a form on the web is answered by e-mail.
ANSWERS = {
    "web_form": "email", "paper": "post", "in_person": "by_hand", "registered_mail": "post",
    "phone": "email", "email": "email", "state_service": "email", "non_state_service": "post",
}  # fmt: skip
assert set(ANSWERS) == set(RequestChannel.values)


def address(channel: str) -> str:
    """Of somebody else each time: what is destroyed does not come back with an old consent."""
    return f"walk.{channel}@example.org"


def typed(team: Team, kind: str, channel: str) -> dict[str, Any]:
    return {
        "operator": team.operator.pk, "channel": channel, "received_at": "2026-03-05T11:30",
        "language": {"pandev": "kk", "ipm": "ru"}[team.operator.code],
        "answer_by": ANSWERS[channel], "kinds": [kind], "owner": "", "name": "Тестов Пробный",
        "email": address(channel), "phone": "", "postal": "1, Example Street",
        "message": "canary-message",
    }  # fmt: skip


def arrived(team: Team, as_user: LogIn, kind: str, channel: str) -> SubjectRequest:
    """By the public form, or registered by the clerk as it came."""
    if channel == "web_form":
        client = Client()
        form = {
            "wish": kind,
            "name": "Тестов Пробный",
            "email": address(channel),
            "message": "canary",
        }
        confirm(client, sent(client, form, team.operator.code))
    else:
        path = reverse("admin:requests_subjectrequest_add")
        response = as_user(team.clerk).post(path, typed(team, kind, channel))
        assert response.status_code == 302, response.content.decode()
    return again(SubjectRequest.objects.latest("pk"))


def decided(team: Team, request: SubjectRequest, card: DataSubject, kind: str) -> None:
    """What the staff do with a demand of that kind, to the point where only letters are left."""
    item = item_of(request)
    if kind in {RequestKind.BLOCKING, RequestKind.UNBLOCKING}:
        if kind == RequestKind.UNBLOCKING:
            request_block(subject_request=request, reason="checked", by=team.dpo, now=LATER)
        asking.accept(item, team)
    if kind == RequestKind.CORRECTION:
        checking.find(item, team, "inaccurate")
        checking.correct(item_of(request), team, card.data.get(category__code="full_name"))
        for one in untold(item_of(request)):
            checking.tell(item_of(request), team, one.key)
    elif kind in {RequestKind.COMPLAINT, RequestKind.BLOCKING}:
        checking.find(item, team)
    if kind == RequestKind.MARKETING:
        asking.accept(item_of(request), team, activities=[people.activity_of(team)])
    elif item_of(request).decision == "open":
        asking.accept(item_of(request), team)
    executed(request, team, now=MUCH_LATER)


def gone(team: Team, letter: Letter, now: datetime) -> None:
    """The letter takes the way that the person asked for."""
    if letter.by == LetterBy.EMAIL:
        letters_deliver(now=now)
    else:
        letter_print(letter=letter, user=team.clerk, now=now)
        letter_prove(letter=letter, proof="RR12", sent_at=now, by=team.clerk, now=now)
    letter.refresh_from_db()
    assert letter.state in {"sent", "proven"}


@pytest.mark.parametrize("code", ["ipm", "pandev"])
@pytest.mark.parametrize("kind", RequestKind.values)
def test_from_every_channel_to_the_last_letter(
    office: Office, as_user: LogIn, code: str, kind: str
) -> None:
    team = team_of(office, code)
    for channel in RequestChannel.values:
        with time_machine.travel(asking.NOW, tick=False) as clock:
            card = people.person(team, email=address(channel))
            request = arrived(team, as_user, kind, channel)
            assert (request.channel, request.state) == (channel, "received")
            letters_deliver(now=asking.NOW)
            subject_link(subject_request=request, subject=card, by=team.clerk, now=asking.NOW)
            identity_note(subject_request=request, kind="document", by=team.clerk, now=asking.NOW)
            clock.move_to(LATER)
            decided(team, request, card, kind)
            clock.move_to(MUCH_LATER)
            answer = letter_draft(
                subject_request=again(request), kind="decision", text="", by=team.clerk,
                now=MUCH_LATER,
            )  # fmt: skip
            gone(team, letter_send(letter=answer, by=team.dpo, now=MUCH_LATER), MUCH_LATER)
            asking.close(request, team, now=MUCH_LATER)
            last = Letter.objects.get(request=request, kind="closing")
            gone(team, last, MUCH_LATER)
        request = again(request)
        assert request.state == "done", channel
        clocks = [one for item in request.items.all() for one in item.deadlines.all()]
        assert clocks and all(one.met_at is not None for one in clocks), channel
        assert not Stop.objects.filter(label=request.number, ended_at=None).exists()
        assert not Block.objects.filter(label=request.number, why="check", ended_at=None).exists()
        if ANSWERS[channel] == "email":
            assert request.number in mail.outbox[-1].subject
            assert mail.outbox[-1].to == [address(channel)]
