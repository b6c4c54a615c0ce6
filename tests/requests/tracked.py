"""The tracking page as a person opens it, and requests at each stage of their story."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import time_machine
from django.test import Client

from requests.models import LetterFile, SubjectRequest
from requests.services.letters import letter_receive
from requests.services.tracking import tracking_path
from subjects.models import DestructionAct
from subjects.services.acts import act_approve
from subjects.services.evidence_keys import evidence_key_ready
from subjects.services.sweeping import act_carry_out
from tests.conftest import Team
from tests.requests.asking import again

# A day between the receipt and every clock's end.
VISIT = datetime(2026, 3, 10, 12, tzinfo=UTC)
AFTER = datetime(2026, 5, 4, 9, tzinfo=UTC)
PDF = b"%PDF-1.4\ncanary-file\n%%EOF"


def path_of(request: SubjectRequest) -> str:
    path = tracking_path(again(request))
    assert path is not None
    return path


def visit(request: SubjectRequest, at: datetime = VISIT, lang: str = "en", **extra: Any) -> str:
    """The page in one language, as anybody with the link gets it."""
    with time_machine.travel(at, tick=False):
        answer = Client(**extra).get(f"{path_of(request)}?lang={lang}")
    assert answer.status_code == 200, answer.content.decode()
    return str(answer.content.decode())


def write(
    request: SubjectRequest, at: datetime = VISIT, client: Client | None = None, **fields: Any
) -> Any:
    with time_machine.travel(at, tick=False):
        return (client or Client()).post(f"{path_of(request)}?lang=en", fields)


def with_file(request: SubjectRequest, content: bytes = PDF, text: str = "see file") -> LetterFile:
    """A letter of the person that came with a file."""
    letter = letter_receive(
        subject_request=request, body=text, files=[(content, "application/pdf")], now=VISIT
    )
    return letter.files.get()


def executed(request: SubjectRequest, team: Team, now: datetime = AFTER) -> list[DestructionAct]:
    """The acts of the request, approved by a second person and carried out."""
    evidence_key_ready(now=now)
    acts = list(DestructionAct.objects.filter(label=request.number).order_by("pk"))
    for act in acts:
        act_approve(
            act=act, by=team.clerk if act.drafted_by_id == team.dpo.pk else team.dpo, now=now
        )
        act_carry_out(act, now=now, today=now.date())
        act.refresh_from_db()
    return acts
