"""Rows of the correspondence for the crawl: a draft, and a letter of the person with a file."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from registry.services import audit
from requests import models as q
from requests.models.letter_templates import LetterPart
from requests.services.letter_templates import (
    digest_of,
    letter_template_draft,
    letter_template_publish,
    letter_template_withdraw,
)
from requests.services.letters import letter_receive
from requests.services.writing import letter_draft
from tests.conftest import Team
from tests.crawl.makers import make, maker
from tests.crawl.subject_requests import NOW

PDF = b"%PDF-1.4\n% a synthetic file\n%%EOF\n"


@maker(q.Letter)
def letter(team: Team, mark: str) -> Model:
    row = letter_draft(
        subject_request=make(q.SubjectRequest, team), kind="reply", text=mark, by=team.clerk,
        now=NOW,
    )  # fmt: skip
    return audit.save(row, by=team.dpo, reason=f"{mark} again", fields=["error"])


@maker(q.LetterFile)
def letter_file(team: Team, mark: str) -> Model:
    request: Any = make(q.SubjectRequest, team)
    row = letter_receive(
        subject_request=request, body=mark, files=[(PDF, "application/pdf")], now=NOW
    )
    return row.files.get()


@maker(q.LetterTemplate)
def letter_template(team: Team, mark: str) -> Model:
    rows = q.LetterTemplate.objects.filter(operator=team.operator)
    for part in LetterPart:
        for language in ("ru", "kk", "en"):
            of_these = {"part": part, "language": language, "published_at": None}
            if not rows.filter(**of_these).exists():
                row = letter_template_draft(
                    operator=team.operator, part=part, language=language, by=team.dpo, now=NOW
                )
                row.text = f"{mark} {row.text}"
                return audit.save(row, by=team.dpo, reason=f"{mark} again", fields=["text"])
    raise AssertionError("every kind of letter has its draft")


@maker(q.LetterTemplateWithdrawal)
def letter_template_withdrawal(team: Team, mark: str) -> Model:
    row: Any = make(q.LetterTemplate, team)
    row = letter_template_publish(template=row, read=digest_of(row), by=team.dpo, now=NOW)
    return letter_template_withdraw(template=row, reason=mark, by=team.dpo, now=NOW)
