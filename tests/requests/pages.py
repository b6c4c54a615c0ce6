"""The pages of an inquiry's verbs, filled in as people fill them in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from registry.models import User
from requests.models import RegulatorInquiry
from tests.conftest import Office
from tests.requests.letters import answer, everything

LogIn = Callable[[User], Client]
NOON = datetime(2025, 12, 29, 9, tzinfo=UTC)  # 12:00 in Moscow

FORMS: dict[str, dict[str, Any]] = {
    "draft": {"answer": "These measures.", "read": ""},
    "answer": {
        "answer": "These measures.",
        "read": "",
        "sent_at": "2025-12-29T11:30",
        "sent_channel": "email",
        "proof": "outgoing 17",
    },
    "assign": {"owner": ""},
    "extend": {
        "reasons": "The archive is being moved.",
        "notice_number": "18",
        "notice_sent_at": "2025-12-29T11:00",
    },
    "restate": {"stated_on": "2025-12-30", "reason": "second letter"},
    "prove": {"proof": "receipt 4"},
    "withdraw": {"reason": "taken back"},
}


def page_of(inquiry: RegulatorInquiry, verb: str) -> str:
    return reverse(f"admin:requests_regulatorinquiry_{verb}", args=[inquiry.pk])


def ready_for(verb: str, inquiry: RegulatorInquiry, office: Office) -> RegulatorInquiry:
    return answer(inquiry, office.ipm, sent_at=NOON, now=NOON) if verb == "prove" else inquiry


def post(client: Client, inquiry: RegulatorInquiry, verb: str, **changed: Any) -> Any:
    return client.post(page_of(inquiry, verb), FORMS[verb] | changed)


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response: Any) -> str:
    form = response.context["form"]
    return " ".join(" ".join(texts) for texts in form.errors.values())


def refuses(
    client: Client, inquiry: RegulatorInquiry, verb: str, status: int, **changed: Any
) -> Any:
    before = everything()
    response = post(client, inquiry, verb, **changed)
    assert response.status_code == status
    assert everything() == before
    return response
