"""What a receipt says: number, due date and why, where to follow it, what comes next."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext

from registry.explain import long_day, steps_in_words
from registry.models import Operator
from registry.services.texts import when_due
from requests.models import SubjectRequest, Submission
from requests.models.subject_requests import AnswerBy
from requests.public.forms import WISHES
from requests.services.moving import clocks_of
from requests.services.tracking import code_of, tracking_path


def receipt(operator: Operator, row: Submission) -> dict[str, Any]:
    """The context of the page; no value of the person stands on it."""
    request = row.request
    assert request is not None
    request.operator = operator
    local = request.received_at.astimezone(operator.zone)
    clocks = clocks_of(request)
    for clock in clocks:
        clock.operator = operator
    path = tracking_path(request)
    wishes = dict(WISHES)
    kinds = request.items.order_by("pk").values_list("kind", flat=True)
    return {
        "title": gettext("Your request is registered"),
        "number": request.number,
        "received": f"{long_day(local.date())}, {date_format(local, 'H:i')}",
        "asked": [wishes[kind] for kind in kinds if kind in wishes],
        "clocks": [{"due": when_due(one), "steps": steps_in_words(one.steps)} for one in clocks],
        "tracking_code": code_of(request),
        "tracking_link": path,
        # As paper needs it.
        "tracking_address": settings.OFFICE_URL.rstrip("/") + path if path else "",
        "next_steps": next_steps(request),
        "confirmed": request.checks.exists(),
    }


def next_steps(request: SubjectRequest) -> list[str]:
    """What happens now, in the order in which it does."""
    ways = {
        AnswerBy.EMAIL: gettext("The answer comes by e-mail to the address that you confirmed."),
        AnswerBy.POST: gettext("The answer comes by post to the address that you gave."),
        AnswerBy.BY_HAND: gettext("You fetch the answer from us; bring this receipt."),
    }
    return [
        gettext("We look whether we hold data about you. If we must know for sure who you are, "
                "we ask; the date above does not move for that."),
        gettext("We do what you ask, or tell you why we may not, and where you can complain."),
        ways[AnswerBy(request.answer_by)],
    ]  # fmt: skip
