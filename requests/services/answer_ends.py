"""The end of an answer about a person's data, and what is given out of it until then."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction

from registry import seam
from registry.errors import Conflict, gettext_noop
from registry.models import User
from registry.services import audit
from requests import states
from requests.models import AccessAnswer, SubjectRequest
from requests.models.access_answers import AnswerState
from requests.services.ends import kept_until
from requests.services.moving import request_held
from requests.services.representing import require_told
from requests.services.sealed_copies import copies_end, outlived, unpacked
from subjects.choices import Looked
from subjects.models import AccessEvent
from subjects.services.destruction import flush, keys_destroy
from subjects.services.evidence_keys import evidence_key_ready
from subjects.services.files import file_open
from subjects.services.guard import first_blocked

log = logging.getLogger(__name__)

PAPER, MACHINE = "application/pdf", "application/json"


class AnswerOver(Conflict):
    template = gettext_noop(
        "%(number)s: the term of this answer is over, or data in it have been destroyed since."
    )


class AnswerBlocked(Conflict):
    template = gettext_noop("%(number)s: %(block)s has blocked data in this answer since.")


def looked(answer: AccessAnswer, what: str, user: User | None, now: datetime) -> None:
    row = answer.request
    links = row.people.filter(unlinked_at=None).select_related("subject")
    for number in sorted({link.subject.merged_into_id or link.subject_id for link in links}):
        AccessEvent.objects.create(
            operator_id=row.operator_id, subject_id=number, user=user, what=what, at=now,
            reason=row.number, details={"answer": answer.pk},
        )  # fmt: skip


def standing_answer(subject_request: SubjectRequest, *, now: datetime) -> AccessAnswer | None:
    """The answer that the person may fetch now."""
    today = now.astimezone(subject_request.operator.zone).date()
    return (
        subject_request.answers.filter(state=states.RELEASED, ends_on__gt=today)
        .select_related("paper", "machine")
        .first()
    )


def answer_file(
    *, answer: AccessAnswer, media_type: str, user: User | None, now: datetime
) -> Iterator[bytes]:
    """The paper or the file for machines, as it was released; leaves an event on each card.

    ``user`` None: the person, who has shown the code. Refuses after its term, once a value in it
    was destroyed or blocked, and to whoever may no longer speak for the person.
    """
    row = answer.request
    today = now.astimezone(row.operator.zone).date()
    file = answer.paper if media_type == PAPER else answer.machine
    keys = unpacked(bytes(answer.keys))
    if (
        file is None
        or answer.state != states.RELEASED
        or answer.ends_on is None
        or today >= answer.ends_on
        or outlived([*keys, file.key])
    ):
        raise AnswerOver(number=row.number)
    require_told(row, today=today)
    blocked = first_blocked(keys, for_label=row.number)
    if blocked is not None:
        raise AnswerBlocked(number=row.number, block=blocked[1].label)
    pieces = file_open(file)
    with transaction.atomic():
        looked(answer, Looked.PAPER if user else Looked.DOWNLOAD, user, now)
    return pieces


# --- the end -------------------------------------------------------------------------------------
def answer_end(row: AccessAnswer, *, reason: str, by: User | None, now: datetime) -> AccessAnswer:
    files = [file for file in (row.paper, row.machine) if file is not None]
    copies_end(files, reason=f"{row}: {reason}"[:300], by=by, now=now)
    keys_destroy([row.withheld_key or 0], reason=f"{row}: {reason}"[:300], by=by, now=now)
    row.state, row.reason = AnswerState.WITHDRAWN, reason[:300]
    return audit.save(row, by=by, reason=row.request.number, fields=["state", "reason"])


def answers_sweep(*, now: datetime) -> dict[str, int]:
    """End the answers whose term is over, or that hold what has been destroyed; what was done.

    Late, twice or killed half-way it does no harm. What fails for one does not keep the others
    waiting. Must not stand in a transaction.
    """
    did = dict.fromkeys(("answers", "failed"), 0)
    evidence_key_ready(now=now)
    live = AccessAnswer.objects.exclude(state=states.WITHDRAWN).order_by("pk")
    for number in list(live.values_list("pk", flat=True)):
        try:
            did["answers"] += _end_due(number, now)
        except (OperationalError, InterfaceError):
            # The database itself is away: nobody's turn would come.
            raise
        except Exception as error:
            log.error("answer %s: %s", number, type(error).__name__)
            did["failed"] += 1
    if did["answers"]:
        flush()
    return did


@transaction.atomic
def _end_due(number: int, now: datetime) -> int:
    answer = AccessAnswer.objects.select_related("request__operator").get(pk=number)
    request = request_held(answer.request)
    row = seam.lock(AccessAnswer.objects.filter(pk=number)).get()
    row.request = request
    today = now.astimezone(request.operator.zone).date()
    if row.state == states.DRAFT:
        # A draft that nobody released ends with the letters of its request.
        ended = request.ended_at and request.ended_at.astimezone(request.operator.zone).date()
        over = ended is not None and today > kept_until(request.operator, ended).until
    else:
        assert row.ends_on is not None
        over = today >= row.ends_on or outlived(unpacked(bytes(row.keys)))
    if row.state == states.WITHDRAWN or not over:
        return 0
    answer_end(row, reason="its term is over, or data in it were destroyed", by=None, now=now)
    return 1
