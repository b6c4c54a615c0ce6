"""The pages of demands that a letter answers, and of a longer term, for every role."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.test import Client

from registry.models import Deadline, User
from requests.models import SubjectRequest
from requests.models.subject_requests import RequestKind
from tests.conftest import Office
from tests.requests.asking import LATER, asked, everything, item_of, receive
from tests.requests.checking import find
from tests.requests.test_other_kinds import CORRECTION, INFORMATION, OTHER
from tests.requests.test_subject_request_pages import ADD, page, said, typed

LogIn = Callable[[User], Client]
NOTICE = {"reasons": "An archive is asked.", "notice_number": "17",
          "notice_sent_at": "2026-03-10T11:00"}  # fmt: skip


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False):
        yield


def test_the_dpo_extends_a_term_and_nobody_else_does(office: Office, as_user: LogIn) -> None:
    team = office.ipm
    item = item_of(receive(team, INFORMATION))
    path = page(item, "extend")
    before = everything()
    for user, status in (
        (team.auditor, 403), (team.clerk, 403), (office.admin, 404), (office.nobody, 404),
        (office.pandev.dpo, 404), (office.pandev.clerk, 404),
    ):  # fmt: skip
        assert as_user(user).get(path).status_code == status, user
        assert as_user(user).post(path, NOTICE).status_code == status, user
    assert everything() == before
    client = as_user(team.dpo)
    assert client.get(path).status_code == 200
    response = client.post(path, NOTICE)
    assert response.status_code == 302, response.content.decode()
    assert said(response) == ["Extended to Friday, 27 March 2026."]
    assert client.post(path, NOTICE).status_code == 409
    assert Deadline.objects.get().extension.notice_number == "17"


def test_where_the_law_gives_no_longer_term_the_verb_is_not_offered(
    office: Office, as_user: LogIn
) -> None:
    item = item_of(receive(office.pandev, INFORMATION))
    client = as_user(office.pandev.dpo)
    assert page(item, "extend") not in client.get(page(item)).content.decode()
    assert client.get(page(item, "extend")).status_code == 409
    russian = item_of(receive(office.ipm, INFORMATION))
    client = as_user(office.ipm.dpo)
    assert page(russian, "extend") in client.get(page(russian)).content.decode()


def test_the_clerk_registers_every_kind_by_hand(office: Office, as_user: LogIn) -> None:
    kinds = [kind for kind in RequestKind.values if kind != "withdrawal"]
    response = as_user(office.pandev.clerk).post(ADD, typed(office.pandev, kinds=kinds))
    assert response.status_code == 302
    request = SubjectRequest.objects.get()
    assert [item.kind for item in request.items.order_by("pk")] == kinds


@pytest.mark.parametrize("demand", [INFORMATION, CORRECTION, OTHER], ids=lambda one: one.kind)
def test_it_is_decided_on_its_page(office: Office, as_user: LogIn, demand: object) -> None:
    team = office.pandev
    _known, request = asked(team, demand)  # type: ignore[arg-type]
    item = item_of(request)
    client = as_user(team.dpo)
    form = client.get(page(item, "accept")).context["form"]
    assert set(form.fields) == {"refusal", "reasons"}
    refusals = client.get(page(item, "refuse")).context["form"].fields["refusal"].choices
    assert refusals and all(code.startswith("KZ.") for code, _ in refusals)
    # Nobody but the DPO decides.
    assert as_user(team.clerk).post(page(item, "accept"), {}).status_code == 403
    response = client.post(page(item, "accept"), {})
    assert response.status_code == 302, response.content.decode()
    assert said(response) == ["Accepted: a letter answers it, and then the request can be closed."]
    # It cannot be closed before the answer has gone.
    if demand == CORRECTION:
        find(item_of(request), team)
    closing = client.post(page(request, "close"), {})
    assert closing.status_code in {409, 422}
    assert "no answer has been sent" in closing.content.decode()
