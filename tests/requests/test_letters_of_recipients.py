"""What the closing letter says of those who were given what is destroyed: never more than is so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.translation import override

from registry.models import Recipient
from requests.models.letters import LetterKind
from requests.models.subject_requests import SubjectRequest
from requests.services.letter_facts import facts_of
from requests.services.letter_texts import body_of
from subjects.models import DestructionAct
from subjects.services.recipient_answers import recipient_confirm, recipient_tell
from tests.conftest import Office, Team
from tests.requests.asking import (
    DESTRUCTION,
    MUCH_LATER,
    accept,
    again,
    asked,
    item_of,
    without_other_ground,
)
from tests.requests.test_subject_request_knots import carried_out
from tests.subjects.disclosing import given_away


def closing(row: SubjectRequest, language: str = "en") -> str:
    row = again(row)
    row.language = language
    facts = facts_of(row, kind=LetterKind.CLOSING, name="", now=MUCH_LATER)
    return body_of(language=language, kind=LetterKind.CLOSING, facts=facts).body


@pytest.fixture
def told(office: Office) -> tuple[Team, SubjectRequest, DestructionAct, Recipient]:
    team = office.pandev
    known, request = asked(team, DESTRUCTION)
    without_other_ground(known)
    given_away(team, known)
    accept(item_of(request), team)
    carried_out(team)
    act = DestructionAct.objects.get(label=request.number)
    notice = act.recipient_notices.get()
    return team, request, act, notice.recipient


def test_the_letter_tells_what_is_open_and_what_is_confirmed(
    told: tuple[Team, SubjectRequest, DestructionAct, Recipient],
) -> None:
    team, request, act, recipient = told
    assert "Agency agency: we are about to ask it" in closing(request)
    found = {"act": act, "recipient": recipient, "by": team.clerk, "way": "post"}
    recipient_tell(**found, document="letter 7", told_at=MUCH_LATER, now=MUCH_LATER)
    text = closing(request)
    assert "has not confirmed that yet" in text and "Nobody can read it here any more" in text
    later = MUCH_LATER + timedelta(days=3)
    recipient_confirm(**found, document="act 3", answered_at=later, now=later)
    assert "it has confirmed that it destroyed them" in closing(request)


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_it_is_told_in_each_language(
    told: tuple[Team, SubjectRequest, DestructionAct, Recipient], language: str
) -> None:
    with override(language):
        assert "Agency agency: " in closing(told[1], language)
