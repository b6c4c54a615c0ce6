"""Letters to people for the tests: requests at every stage of their correspondence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from requests.models import Letter, SubjectRequest
from requests.services.writing import (
    letter_cancel,
    letter_draft,
    letter_edit,
    letter_print,
    letter_prove,
    letter_reroute,
    letter_retry,
    letter_send,
    version_of,
)
from tests.conftest import Team
from tests.requests import asking
from tests.requests.asking import LATER, TOLD
from tests.subjects.persons import Person

# What no table, log, session, name or exception may hold in plain.
SECRETS = (*TOLD.values(), "canary-reply")
WORDS = "Это наш ответ, canary-reply."


def decided(team: Team, **changed: Any) -> tuple[Person, SubjectRequest]:
    """A refused withdrawal: decided, and nothing of the person touched."""
    known, request = asking.asked(team, **changed)
    asking.refuse(asking.item_of(request), team)
    return known, asking.again(request)


def closed(team: Team, **changed: Any) -> tuple[Person, SubjectRequest]:
    known, request = decided(team, **changed)
    asking.close(request, team)
    return known, asking.again(request)


def draft(request: SubjectRequest, team: Team, **changed: Any) -> Letter:
    return letter_draft(
        **{
            "subject_request": request, "kind": "reply", "text": WORDS, "by": team.clerk,
            "now": LATER,
        }
        | changed
    )  # fmt: skip


def edit(letter: Letter, team: Team, **changed: Any) -> Letter:
    return letter_edit(
        **{"letter": letter, "body": "Другой.", "version": version_of(letter), "by": team.clerk}
        | changed
    )


def send(letter: Letter, team: Team, **changed: Any) -> Letter:
    return letter_send(**{"letter": letter, "by": team.dpo, "now": LATER} | changed)


def cancel(letter: Letter, team: Team, **changed: Any) -> Letter:
    return letter_cancel(**{"letter": letter, "reason": "a mistake", "by": team.dpo} | changed)


def reroute(letter: Letter, team: Team, **changed: Any) -> Letter:
    return letter_reroute(
        **{"letter": letter, "way": "post", "by": team.dpo, "now": LATER} | changed
    )


def retry(letter: Letter, team: Team, **changed: Any) -> Letter:
    return letter_retry(**{"letter": letter, "by": team.clerk, "now": LATER} | changed)


def printed(letter: Letter, team: Team, **changed: Any) -> bytes:
    return letter_print(**{"letter": letter, "user": team.clerk, "now": LATER} | changed)


def prove(letter: Letter, team: Team, **changed: Any) -> Letter:
    return letter_prove(
        **{
            "letter": letter, "proof": "RR123456789KZ", "sent_at": LATER + timedelta(hours=1),
            "by": team.clerk, "now": LATER + timedelta(hours=2),
        }
        | changed
    )  # fmt: skip


def only(request: SubjectRequest, kind: str) -> Letter:
    rows = Letter.objects.select_related("request__operator__jurisdiction")
    return rows.get(request=request, kind=kind)


def fresh(letter: Letter) -> Letter:
    rows = Letter.objects.select_related("request__operator__jurisdiction")
    return rows.get(pk=letter.pk)
