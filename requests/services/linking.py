"""Whom a request is about, by what they were known, and what its being open holds up."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from registry.errors import Conflict, gettext_noop
from registry.models import User
from registry.services import audit
from requests import states
from requests.models import IdentityCheck, RequestSubject, SubjectRequest
from requests.models.subject_requests import CheckKind, MatchedBy
from requests.services.matching import NobodyLinked, identity_verified, matches, require_contact
from requests.services.moving import (
    DecidedAlready,
    known,
    moved,
    reason_given,
    request_locked,
)
from subjects.choices import BlockReason, StopKind
from subjects.models import Block, DataSubject, Stop
from subjects.services.people import card_locked, require_own
from subjects.services.stops import block_end, block_place, stop_end, stop_place


class LinkedAlready(Conflict):
    template = gettext_noop("%(number)s: the card %(code)s is linked already.")


class NotLinked(Conflict):
    template = gettext_noop("%(number)s: the card %(code)s is not linked.")


def link_row(
    row: SubjectRequest, subject: DataSubject, *, by: User | None, now: datetime
) -> RequestSubject:
    require_own(row.operator_id, subject)
    card_locked(subject)
    if linked_to(row, subject).exists():
        raise LinkedAlready(number=row.number, code=subject.code)
    matched = matches(row, [subject.pk]).get(subject.pk, str(MatchedBy.NOTHING))
    link = RequestSubject(
        request=row, subject=subject, matched_by=matched, confirmed_by=by, linked_at=now
    )
    audit.save(link, by=by, reason=row.number)
    stop_place(
        subject=subject, label=row.number, reason="open request", by=by,
        now=now,
    )  # fmt: skip
    return link


def linked_to(row: SubjectRequest, subject: DataSubject) -> QuerySet[RequestSubject]:
    """The link to this card, or to one that was merged into it since."""
    mine = Q(subject=subject.pk) | Q(subject__merged_into=subject.pk)
    return row.people.filter(mine, unlinked_at=None)


@transaction.atomic
def subject_link(
    *, subject_request: SubjectRequest, subject: DataSubject, by: User | None, now: datetime
) -> RequestSubject:
    """The request is about this card too: routine sweeps leave it alone from now on.

    By what it was matched is found out here, not told. Refuses a card of another operator, a merged
    one, one that is linked already.
    """
    row = request_locked(subject_request, "work")
    link = link_row(row, subject, by=by, now=now)
    moved(row, "work", by=by, reason=row.number)
    return link


@transaction.atomic
def subject_unlink(
    *,
    subject_request: SubjectRequest,
    subject: DataSubject,
    reason: str,
    by: User | None,
    now: datetime,
) -> RequestSubject:
    """It is somebody else's card: its stop and blocks of this request end.

    Refused once a demand was accepted: what that did to the card cannot be undone.
    """
    reason = reason_given(subject_request, reason)
    row = request_locked(subject_request, "work")
    link = linked_to(row, subject).select_related("subject__merged_into").first()
    if link is None:
        raise NotLinked(number=row.number, code=subject.code)
    if row.items.filter(decision__in=[states.ACCEPTED, states.PARTLY]).exists():
        raise DecidedAlready(number=row.number)
    link.unlinked_at = now
    audit.save(link, by=by, reason=reason, fields=["unlinked_at"])
    # A merge has taken the stops to the card that stayed.
    holds_end(row, by=by, now=now, reason=reason, subject=link.subject.merged_into or link.subject)
    moved(row, "work", by=by, reason=row.number)
    return link


def stops_end(
    row: SubjectRequest, *, by: User | None, now: datetime, reason: str,
    subject: DataSubject | None = None,
) -> None:  # fmt: skip
    """Routine goes on with the data of one person, or of all whom the request is about."""
    mine = {"operator": row.operator_id, "label": row.number, "ended_at": None}
    if subject is not None:
        mine["subject"] = subject.pk
    for stop in Stop.objects.filter(kind=StopKind.REQUEST, **mine).order_by("pk"):
        stop_end(stop=stop, by=by, now=now, reason=reason)


def holds_end(
    row: SubjectRequest, *, by: User | None, now: datetime, reason: str,
    subject: DataSubject | None = None,
) -> None:  # fmt: skip
    """End what the request holds up: its stops and blocks, of one person or of all.

    A block that stands because the law fixes a storage term outlives the request: it ends with
    the last of what it keeps, see ``stops.gone_blocks_end`` (Digital Code 41(3)).
    """
    stops_end(row, by=by, now=now, reason=reason, subject=subject)
    mine = {"operator": row.operator_id, "label": row.number, "ended_at": None}
    if subject is not None:
        mine["subject"] = subject.pk
    for block in Block.objects.filter(**mine).exclude(why=BlockReason.STORAGE).order_by("pk"):
        block_end(block=block, by=by, now=now, reason=reason)


def checks_end(row: SubjectRequest, *, by: User | None, now: datetime, reason: str) -> None:
    """The check is over: what this request has blocked for it is in use again."""
    mine = {"operator": row.operator_id, "label": row.number, "ended_at": None}
    for block in Block.objects.filter(why=BlockReason.CHECK, **mine).order_by("pk"):
        block_end(block=block, by=by, now=now, reason=reason)


@transaction.atomic
def request_block(
    *, subject_request: SubjectRequest, reason: str, by: User | None, now: datetime
) -> list[Block]:
    """Nobody uses the data while what the letter says is checked (152-FZ 21(1), 94-V 25(2)(8)).

    Needs a card that holds the contact of the letter, or a verified identity. Cards that are
    blocked by this request already are passed by.
    """
    reason = reason_given(subject_request, reason)
    row = request_locked(subject_request, "work")
    links = row.people.filter(unlinked_at=None).select_related("subject")
    if not links:
        raise NobodyLinked(number=row.number)
    if not identity_verified(row):
        require_contact(row.number, links)
    blocks = checks_place(row, reason=reason, by=by, now=now)
    moved(row, "work", by=by, reason=row.number)
    return blocks


def checks_place(
    row: SubjectRequest, *, reason: str, by: User | None, now: datetime
) -> list[Block]:
    """Block every card of the request that it has not blocked yet, while it is looked into."""
    links = row.people.filter(unlinked_at=None).select_related("subject__merged_into")
    standing = set(
        Block.objects.filter(
            operator=row.operator_id, label=row.number, category=None, ended_at=None
        ).values_list("subject", flat=True)
    )
    cards = {card.pk: card for card in (one.subject.merged_into or one.subject for one in links)}
    return [
        block_place(
            subject=card, why=BlockReason.CHECK, label=row.number, reason=reason, by=by, now=now
        )
        for number, card in sorted(cards.items())
        if number not in standing
    ]


@transaction.atomic
def identity_note(
    *, subject_request: SubjectRequest, kind: str, by: User | None, now: datetime
) -> IdentityCheck:
    """Write down what was checked to know who writes; no copy and no number (94-V 7(10))."""
    known(kind, CheckKind)
    row = request_locked(subject_request, "work")
    check = IdentityCheck(request=row, kind=kind, checked_at=now, checked_by=by)
    audit.save(check, by=by, reason=row.number)
    moved(row, "work", by=by, reason=row.number)
    return check
