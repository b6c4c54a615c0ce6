"""What every verb of a person's request does first: lock it, and move its state."""

from __future__ import annotations

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Deadline, Operator, User
from registry.services import audit
from registry.states import move
from requests import states
from requests.models import SubjectRequest
from requests.services.inquiries import ReasonMissing

REASON_LIMIT = 300


class ReasonTooLong(OperatorError):
    template = gettext_noop("%(number)s: the reason is longer than %(limit)s characters.")


class UnknownChoice(OperatorError):
    template = gettext_noop("This is not one of the choices.")


class DecidedAlready(Conflict):
    template = gettext_noop("%(number)s: a demand was accepted already; this cannot be undone.")


def request_locked(subject_request: SubjectRequest, verb: str) -> SubjectRequest:
    """The request, held with its operator until the transaction ends, if its state allows it."""
    row = request_held(subject_request)
    move(states.REQUEST, row.state, verb, number=row.number)
    return row


def request_held(subject_request: SubjectRequest) -> SubjectRequest:
    """The request in whatever state, held with its operator until the transaction ends.

    The operator first: cards and acts are locked after it everywhere.
    """
    seam.lock(Operator.objects.filter(pk=subject_request.operator_id)).get()
    return (
        seam.lock(SubjectRequest.objects.filter(pk=subject_request.pk))
        .select_related("operator__jurisdiction", "operator__responsible")
        .get()
    )


def moved(row: SubjectRequest, verb: str, *, by: User | None, reason: str) -> SubjectRequest:
    """The request in the state after the verb; nothing is written when it is the same."""
    after = move(states.REQUEST, row.state, verb, number=row.number)
    if after != row.state:
        row.state = after
        audit.save(row, by=by, reason=reason, fields=["state"])
    return row


def clocks_of(row: SubjectRequest) -> list[Deadline]:
    """The clocks of the request that still run, the most urgent first."""
    items = list(row.items.values_list("pk", flat=True))
    return list(
        Deadline.objects.open()
        .select_related("operator__jurisdiction", "owner")
        .filter(about_type__app_label="requests", about_type__model="requestitem")
        .filter(about_id__in=items)
        .order_by("ends_at", "pk")
    )


def reason_given(subject_request: SubjectRequest, reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise ReasonMissing(number=subject_request.number)
    if len(reason) > REASON_LIMIT:
        raise ReasonTooLong(number=subject_request.number, limit=REASON_LIMIT)
    return reason


def known(value: str, choices: type) -> None:
    if value not in choices:  # type: ignore[operator]
        raise UnknownChoice()
