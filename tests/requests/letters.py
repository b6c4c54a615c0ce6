"""Inquiries for the tests: letters of both authorities, and what must not change on a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from registry.errors import OperatorError
from registry.models import Authority, Deadline, Extension
from requests.models import RegulatorInquiry
from requests.services.inquiries import (
    inquiry_answer,
    inquiry_draft,
    inquiry_extend,
    inquiry_prove,
    inquiry_register,
    inquiry_restate,
    inquiry_withdraw,
)
from tests.conftest import Team

RECEIVED = datetime(2025, 12, 25, 9, tzinfo=UTC)
NOW = datetime(2025, 12, 25, 10, tzinfo=UTC)
LATER = datetime(2025, 12, 29, 10, tzinfo=UTC)
AUTHORITIES = {"ipm": "RU.RKN", "pandev": "KZ.MAIDD"}


def authority_of(team: Team) -> Authority:
    return Authority.objects.get(code=AUTHORITIES[team.operator.code])


def letter(team: Team, **changed: Any) -> RegulatorInquiry:
    """Register the letter of 25 December, as the clerk."""
    return inquiry_register(
        **{
            "operator": team.operator,
            "authority": authority_of(team),
            "reference": "08-1234 of 24.12.2025",
            "received_at": RECEIVED,
            "questions": "Which measures?",
            "channel": "post",
            "by": team.clerk,
            "now": NOW,
        }
        | changed
    )


def draft(inquiry: RegulatorInquiry, team: Team, **changed: Any) -> RegulatorInquiry:
    return inquiry_draft(
        **{"inquiry": inquiry, "answer": "These measures.", "read": "", "by": team.clerk} | changed
    )


def answer(inquiry: RegulatorInquiry, team: Team, **changed: Any) -> RegulatorInquiry:
    return inquiry_answer(
        **{
            "inquiry": inquiry,
            "answer": "These measures.",
            "read": "",
            "sent_at": LATER,
            "sent_channel": "email",
            "proof": "outgoing 17",
            "by": team.dpo,
            "now": LATER,
        }
        | changed
    )


def extend(inquiry: RegulatorInquiry, team: Team, **changed: Any) -> Extension:
    return inquiry_extend(
        **{
            "inquiry": inquiry,
            "reasons": "The archive is being moved.",
            "notice_number": "18",
            "notice_sent_at": LATER,
            "by": team.dpo,
            "now": LATER,
        }
        | changed
    )


def restate(inquiry: RegulatorInquiry, team: Team, **changed: Any) -> RegulatorInquiry:
    return inquiry_restate(
        **{"inquiry": inquiry, "stated_on": None, "reason": "second letter", "by": team.dpo}
        | changed
    )


def prove(inquiry: RegulatorInquiry, team: Team, **changed: Any) -> RegulatorInquiry:
    return inquiry_prove(**{"inquiry": inquiry, "proof": "receipt 4", "by": team.clerk} | changed)


def withdraw(inquiry: RegulatorInquiry, team: Team, **changed: Any) -> RegulatorInquiry:
    return inquiry_withdraw(
        **{"inquiry": inquiry, "reason": "taken back", "by": team.dpo, "now": LATER} | changed
    )


VERBS = {
    "draft": draft,
    "answer": answer,
    "extend": extend,
    "restate": restate,
    "prove": prove,
    "withdraw": withdraw,
}


def everything() -> dict[str, list[Any]]:
    """All rows that a verb of an inquiry could write, history too."""
    models = (
        RegulatorInquiry, RegulatorInquiry.history.model, Deadline, Deadline.history.model,
        Extension, Extension.history.model,
    )  # fmt: skip
    return {model._meta.label: list(model.objects.order_by("pk").values()) for model in models}


@contextmanager
def refused(kind: type[OperatorError], *words: str) -> Iterator[None]:
    """The refusal by name, its words, and nothing written."""
    before = everything()
    with pytest.raises(kind) as refusal:
        yield
    for word in words:
        assert word in str(refusal.value)
    assert everything() == before
