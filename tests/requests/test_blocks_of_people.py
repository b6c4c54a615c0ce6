"""A block bites in the rooms of requests too: no page, verb or task there shows what it covers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.contrib import admin
from django.core import mail
from django.test import Client

from requests import tasks
from requests.models import Letter, RequestItem, SubjectRequest
from requests.models.subject_requests import RequestKind
from requests.services.subject_requests import Demand
from requests.services.tracking import tracking_path
from requests.services.writing import letter_draft, letter_send
from tests.conftest import Office
from tests.requests.asking import DESTRUCTION, LATER, again, asked, item_of
from tests.subjects.blocking import block, leaks
from tests.subjects.persons import VALUES

# What may be done with each kind of row; whatever is new here is walked by the test at once.
MODELS: tuple[Any, ...] = (SubjectRequest, RequestItem, Letter)
# Where whoever is asked about is recognised: free people are shown masked there.
MASKED = {"subjectrequest change", "found"}


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False):
        yield


@pytest.fixture
def letter(office: Office) -> tuple[Any, SubjectRequest, Letter]:
    """A letter whose only word in common with the card is the e-mail address."""
    team = office.pandev
    known, request = asked(
        team, DESTRUCTION, Demand(RequestKind.OTHER), name="Басқа Адам", phone="", postal="",
        email=VALUES["email"], message="Сұрақ",
    )  # fmt: skip
    draft = letter_draft(
        subject_request=request, kind="reply", text="Жауап", way="email", by=team.clerk, now=LATER
    )
    return known, request, draft


def pages(request: SubjectRequest, draft: Letter) -> dict[str, str]:
    rows = {SubjectRequest: request.pk, RequestItem: item_of(request).pk, Letter: draft.pk}
    found = {}
    for model in MODELS:
        base = f"/admin/requests/{model._meta.model_name}/"
        found[base] = base
        names = ["change", "history", *(v.name for v in admin.site._registry[model].verbs)]  # type: ignore[attr-defined]
        for name in names:
            found[f"{model._meta.model_name} {name}"] = f"{base}{rows[model]}/{name}/"
    path = tracking_path(again(request))
    assert path is not None
    found["found"] = found["subjectrequest find"]
    return found | {"tracking": path, "cancel": f"{path}cancel/"}


def shown(client: Client, name: str, address: str) -> list[str]:
    response = client.post(address) if name == "found" else client.get(address)
    assert response.status_code in (200, 302, 409), (address, response.status_code)
    return leaks(response.content)


def test_no_page_of_a_request_shows_what_another_number_blocks(
    office: Office, as_user: Any, letter: tuple[Any, SubjectRequest, Letter]
) -> None:
    known, request, draft = letter
    client = as_user(office.pandev.dpo)
    found = pages(request, draft)
    assert {name for name, address in found.items() if shown(client, name, address)} == MASKED
    block(office.pandev, known.card, label="REQ-2026-9999")
    assert [name for name, address in found.items() if shown(client, name, address)] == []


def test_no_task_of_requests_uses_what_is_blocked(
    office: Office, letter: tuple[Any, SubjectRequest, Letter]
) -> None:
    known, request, draft = letter
    block(office.pandev, known.card, label="REQ-2026-9999")
    letter_send(letter=draft, by=office.pandev.dpo, now=LATER)
    mail.outbox.clear()
    there = {name for name in current_app.tasks if name.startswith("requests.")}
    assert there == {f"requests.tasks.{name}" for name in (
        "end_correspondence", "fetch_mail", "forget_submissions", "post_letters",
    )}  # fmt: skip
    for name in sorted(there):
        getattr(tasks, name.rsplit(".", 1)[1])()
    # The receipt and the reply, to the address that the letter itself has told.
    assert {one.to[0] for one in mail.outbox} == {VALUES["email"]} and len(mail.outbox) == 2
    assert not leaks("".join(one.subject + str(one.body) for one in mail.outbox))
