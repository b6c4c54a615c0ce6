"""Four eyes: a letter that refuses, or that tells what is known, is read by a second person."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from registry.errors import OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from requests.models import Letter, SubjectRequest
from requests.services.letters import LetterMasked, answered_at
from requests.services.told import letter_open_until
from requests.services.writing import REFUSALS, letter_held, needs_second


class NothingToApprove(OperatorError):
    template = gettext_noop("%(number)s: this letter needs no second person.")


class OwnLetter(OperatorError):
    template = gettext_noop(
        "%(number)s: you have written this letter. A second person reads and approves it."
    )


class RefusalUntold(OperatorError):
    template = gettext_noop(
        "%(number)s: a refusal is told by a letter that a second person has approved. Send it "
        "first."
    )


@transaction.atomic
def letter_approve(*, letter: Letter, by: User, now: datetime) -> Letter:
    """A second person has read the draft and agrees; a later change takes that back.

    Refuses whoever wrote it, and whoever has not opened it.
    """
    row = letter_held(letter, "edit")
    number = row.request.number
    if not needs_second(row.request, row.kind):
        raise NothingToApprove(number=number)
    if by.pk in {row.made_by_id, row.written_by_id}:
        raise OwnLetter(number=number)
    if letter_open_until(row.request, by, now) is None:
        raise LetterMasked(number=number)
    row.approved_by, row.approved_at = by, now
    return audit.save(row, by=by, reason="approved", fields=["approved_by", "approved_at"])


def require_refusals_told(row: SubjectRequest) -> None:
    """Refuse to close a request whose refusals nobody has been told by an approved letter."""
    refused = row.items.filter(decision__in=REFUSALS)
    if row.operator.second_person and refused.exists() and answered_at(row) is None:
        raise RefusalUntold(number=row.number)
