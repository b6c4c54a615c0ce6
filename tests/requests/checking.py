"""Checks of what a letter says, for the tests: the finding, the correction, who is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from registry.models import Deadline
from requests.models import DatumCorrection, RecipientTold, RequestItem, SubjectRequest
from requests.models.subject_requests import RequestKind
from requests.services.checking import item_find
from requests.services.correcting import item_correct, recipient_tell
from requests.services.subject_requests import Demand
from tests.conftest import Team
from tests.requests.asking import LATER
from tests.requests.corresponding import draft, send

CEASE = Demand(RequestKind.CEASE)
BLOCKING = Demand(RequestKind.BLOCKING)
UNBLOCKING = Demand(RequestKind.UNBLOCKING)
OBJECTION = Demand(RequestKind.OBJECTION)
COMPLAINT = Demand(RequestKind.COMPLAINT)
CORRECTION = Demand(RequestKind.CORRECTION)
RIGHT = "Серікова-Right Әсел"


def find(item: RequestItem, team: Team, finding: str = "not_confirmed", **changed: Any) -> Any:
    return item_find(
        **{
            "item": item, "finding": finding, "shown_by": "the system's owner says so",
            "found_at": LATER, "by": team.dpo, "now": LATER,
        }
        | changed
    )  # fmt: skip


def correct(item: RequestItem, team: Team, datum: Any, **changed: Any) -> DatumCorrection:
    return item_correct(
        **{
            "item": item, "datum": datum, "text": RIGHT, "last": True, "by": team.clerk,
            "now": LATER,
        }
        | changed
    )  # fmt: skip


def tell(item: RequestItem, team: Team, given: str, **changed: Any) -> RecipientTold:
    return recipient_tell(
        **{
            "item": item, "given": given, "told_at": LATER, "how": "letter 12", "by": team.clerk,
            "now": LATER,
        }
        | changed
    )  # fmt: skip


def clocks(item: RequestItem) -> dict[str, Deadline]:
    """The clocks of the demand by the code of their rule."""
    rows = item.deadlines.select_related("statute", "operator").order_by("pk")
    return {clock.statute.code: clock for clock in rows if clock.statute is not None}


def answer(request: SubjectRequest, team: Team, at: datetime = LATER) -> None:
    """A letter of the staff that has reached the page of the request."""
    send(draft(request, team, way="page", now=at), team, now=at)
