"""Whose letter this is: cards that hold the contact of the letter, and the proof a demand needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from registry.errors import OperatorError, gettext_noop
from registry.models import User
from requests.models import RequestItem, RequestSubject, SubjectRequest
from requests.models.subject_requests import CheckKind, MatchedBy, RequestKind
from requests.services.representing import require_power
from requests.services.told import told
from subjects import folding, values
from subjects.choices import Looked
from subjects.models import DataSubject, VaultKey
from subjects.services.looking import look
from subjects.services.reading import Hit, State, hits
from subjects.vault import store
from subjects.vault.models import Sealed

LIMIT = 20
# A power of attorney shows who may speak, a confirmed contact who answers: neither who it is.
VERIFIES = frozenset(
    {CheckKind.DOCUMENT, CheckKind.E_SIGNATURE, CheckKind.STATE_SERVICE, CheckKind.ACCOUNT}
)
# Where a mistake cannot be undone: what is destroyed, told to a stranger or written over. For the
# rest the matched contact is enough, and a letter that only wants an answer proves nothing.
NEEDS_IDENTITY = frozenset(
    {
        RequestKind.DESTRUCTION,
        RequestKind.CEASE,
        RequestKind.INFORMATION,
        RequestKind.CORRECTION,
        # What protects the person is not taken away at a stranger's word.
        RequestKind.UNBLOCKING,
    }
)
NEEDS_NOTHING = frozenset({RequestKind.COMPLAINT, RequestKind.OTHER})


class NobodyLinked(OperatorError):
    template = gettext_noop(
        "%(number)s: link the person's card first; if nothing is held, refuse with that ground."
    )


class IdentityUnknown(OperatorError):
    template = gettext_noop(
        "%(number)s: this needs a verified identity; note first what was checked."
    )


class ContactNotMatched(OperatorError):
    template = gettext_noop(
        "%(number)s: the card %(code)s does not hold the contact of the letter. Check the identity "
        "or unlink the card."
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card that may be the writer's, masked."""

    hit: Hit
    matched_by: str
    linked: bool


def _terms(subject_request: SubjectRequest) -> list[tuple[str, list[store.Term]]]:
    """What the letter's contact is found by, the e-mail first."""
    opened = told(subject_request, opened=True)
    found = []
    for name, form, matched in (
        ("email", values.EMAIL, MatchedBy.EMAIL),
        ("phone", values.PHONE, MatchedBy.PHONE),
    ):
        if opened[name].state == State.OPEN:
            terms = folding.index_terms(form, folding.WHOLE, opened[name].text)
            found.append((str(matched), terms))
    return found


def matches(subject_request: SubjectRequest, cards: Iterable[int] | None = None) -> dict[int, str]:
    """Card -> by what it holds the letter's contact; among these cards, or all of the operator."""
    found: dict[int, str] = {}
    for matched, terms in _terms(subject_request):
        keys = VaultKey.objects.filter(
            kind=Sealed.DATUM, pk__in=store.found(subject_request.operator_id, terms)
        )
        if cards is not None:
            keys = keys.filter(owner__in=list(cards))
        for owner in keys.order_by("owner").values_list("owner", flat=True).distinct()[:LIMIT]:
            found.setdefault(owner, matched)
    return found


def candidates(*, subject_request: SubjectRequest, user: User, now: datetime) -> list[Candidate]:
    """Cards that hold the contact of the letter, side by side and masked.

    Leaves an access event: that it was looked for, how many were found, no value.
    """
    matched = matches(subject_request)
    cards = list(
        DataSubject.objects.filter(
            operator=subject_request.operator_id, pk__in=list(matched), merged_into=None
        ).select_related("category", "operator__jurisdiction")
    )
    links = RequestSubject.objects.filter(request=subject_request, unlinked_at=None)
    # A link to a card that was merged since is one to the card that stayed.
    linked = {
        number for pair in links.values_list("subject", "subject__merged_into") for number in pair
    }
    with transaction.atomic():
        look(
            operator=subject_request.operator_id, what=Looked.SEARCH, user=user, now=now,
            reason=subject_request.number, kind="request", hits=len(cards),
        )  # fmt: skip
    today = now.astimezone(subject_request.operator.zone).date()
    return [
        Candidate(hit, matched[hit.card.pk], hit.card.pk in linked) for hit in hits(cards, today)
    ]


def identity_verified(subject_request: SubjectRequest) -> bool:
    return subject_request.checks.filter(kind__in=VERIFIES).exists()


def require_proof(item: RequestItem, links: Iterable[RequestSubject], *, now: datetime) -> None:
    """The least proof that a demand of this kind needs before it is accepted; no clock waits.

    What cannot be undone needs a verified identity; the rest a card that holds the contact of the
    letter (152-FZ 14(3), 94-V 25(2)(8)). What only wants an answer needs neither card nor proof.
    A representative needs to be known, and a power that holds today and goes so far.
    """
    today = now.astimezone(item.request.operator.zone).date()
    require_power(item.request, item.kind, today=today)
    if item.kind in NEEDS_NOTHING:
        return
    links = list(links)
    number = item.request.number
    if not links:
        raise NobodyLinked(number=number)
    if identity_verified(item.request):
        return
    # The contact of a representative is on nobody's card.
    if item.kind in NEEDS_IDENTITY or item.request.represented_by:
        raise IdentityUnknown(number=number)
    require_contact(number, links)


def require_contact(number: str, links: Iterable[RequestSubject]) -> None:
    """Every card that is touched holds the contact of the letter."""
    for link in links:
        if link.matched_by == MatchedBy.NOTHING:
            raise ContactNotMatched(number=number, code=link.subject.code)
