"""Answers about people's data for the tests: prepared, with something withheld, released."""

from __future__ import annotations

import io
import json
from typing import Any

from pypdf import PdfReader

from requests.models import AccessAnswer, SubjectRequest
from requests.models.subject_requests import RequestKind
from requests.services.access_answers import answer_draft, answer_release, answer_withhold
from requests.services.answer_ends import MACHINE, PAPER, answer_file
from requests.services.subject_requests import Demand
from tests.conftest import Team
from tests.requests.asking import LATER, accept, again, asked, item_of
from tests.subjects.persons import Person

INFORMATION = Demand(RequestKind.INFORMATION)


def granted(team: Team, **changed: Any) -> tuple[Person, SubjectRequest]:
    """Somebody whose demand for information was accepted."""
    known, request = asked(team, INFORMATION, **changed)
    accept(item_of(request), team)
    return known, again(request)


def prepare(request: SubjectRequest, team: Team, **changed: Any) -> AccessAnswer:
    return answer_draft(
        **{"subject_request": again(request), "by": team.clerk, "now": LATER} | changed
    )


def withhold(answer: AccessAnswer, team: Team, words: str = "", **changed: Any) -> Any:
    return answer_withhold(
        **{
            "answer": fresh(answer), "words": words, "why": "other_person", "by": team.clerk,
            "now": LATER,
        }
        | changed
    )  # fmt: skip


def release(answer: AccessAnswer, team: Team, **changed: Any) -> AccessAnswer:
    return answer_release(**{"answer": fresh(answer), "by": team.dpo, "now": LATER} | changed)


def released(team: Team, **changed: Any) -> tuple[Person, AccessAnswer]:
    known, request = granted(team, **changed)
    return known, release(prepare(request, team), team)


def fresh(answer: AccessAnswer) -> AccessAnswer:
    return AccessAnswer.objects.select_related(
        "request__operator__jurisdiction", "paper", "machine"
    ).get(pk=answer.pk)


def content(answer: AccessAnswer, media_type: str = PAPER, **changed: Any) -> bytes:
    return b"".join(
        answer_file(
            **{"answer": fresh(answer), "media_type": media_type, "user": None, "now": LATER}
            | changed
        )
    )


def paper_text(raw: bytes) -> str:
    """What anybody can copy out of the paper, as one line."""
    pages = PdfReader(io.BytesIO(raw)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def machine_told(answer: AccessAnswer, **changed: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(content(answer, MACHINE, **changed))
    return told


def rows(told: dict[str, Any], code: str) -> list[dict[str, Any]]:
    (section,) = [one for one in told["sections"] if one["code"] == code]
    found: list[dict[str, Any]] = section["rows"]
    return found
