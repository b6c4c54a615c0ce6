"""Rows of the public form for the crawl: one that waits for its code."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import Model

from requests import models as q
from requests.models.subject_requests import RequestKind
from requests.services.submissions import Told, submission_make
from tests.conftest import Team
from tests.crawl.makers import maker

NOW = datetime(2026, 3, 6, 9, tzinfo=UTC)


@maker(q.Submission)
def submission(team: Team, mark: str) -> Model:
    told = Told(
        kind=RequestKind.DESTRUCTION, name=mark, answer_by="email",
        email=f"{mark.lower()}@example.org", message=mark,
    )  # fmt: skip
    return submission_make(
        operator=team.operator, told=told, files=[], nonce=mark, language="en", now=NOW
    )
