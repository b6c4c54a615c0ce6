"""What a person writes on the tracking page, once however often it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from requests.models import Letter, SubjectRequest
from requests.models.letters import Way
from requests.services.letters import letter_body, letter_file_open, letter_receive, letter_text
from requests.services.moving import request_held
from subjects.services.reading import State

# A button that is pressed twice, a page that is loaded again.
SAME_WITHIN = timedelta(minutes=10)


@transaction.atomic
def reply_take(
    *, subject_request: SubjectRequest, body: str, files: Sequence[tuple[bytes, str]], now: datetime
) -> Letter:
    """Keep what the person writes; the same once more within ten minutes leads to the first.

    Refuses what ``letter_receive`` refuses.
    """
    row = request_held(subject_request)
    last = row.letters.filter(way=Way.IN, sent_at__gt=now - SAME_WITHIN).order_by("pk").last()
    if last is not None and _same(last, row, body, files):
        return last
    return letter_receive(subject_request=row, body=body, files=files, now=now)


def _same(
    letter: Letter, row: SubjectRequest, body: str, files: Sequence[tuple[bytes, str]]
) -> bool:
    """Whether the letter says this and nothing else, file by file."""
    text = letter_body(body, number=row.number) if body.strip() else ""
    letter.request = row
    shown = letter_text(letter)
    if (shown.text if shown.state == State.OPEN else "") != text:
        return False
    kept = list(letter.files.select_related("file").order_by("pk"))
    return [b"".join(letter_file_open(one)) for one in kept] == [content for content, _ in files]
