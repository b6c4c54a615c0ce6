"""Giving people's data to somebody, recorded: to a body of the state, or by a transfer.

94-V 22(1)(5): the actions of 8(4)(3)-(6) are registered and accounted for; 8(4)(4)-(5), 152-FZ 7
and 12: to third parties and across the border only as far as the consent goes. What is recorded is
never changed; a mistake is reversed, with its reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from registry import seam
from registry.choices import BasisKind, Channel, RecipientKind
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Country, DataCategory, LegalBasis, Operator, Transfer, User
from registry.services.numbering import next_number
from registry.services.transfers import require_borne
from registry.third_parties import is_third_party
from subjects.choices import DisclosureKind, Looked, StateBody
from subjects.models import (
    AccessEvent,
    DataSubject,
    DisclosedPerson,
    Disclosure,
    DisclosureReversal,
)
from subjects.services.disclosable import (
    SHUT,
    ConsentLacksScope,
    TransferShut,
    require_allowed,
    require_free,
    require_held,
)
from subjects.services.looking import look
from subjects.services.people import NotYet, require_open, require_own

# People of one record: more go into several, each of which is one transaction.
PEOPLE_LIMIT = 1_000
# On what a body of the state may be given data (152-FZ 6(1)(2)-(3.1); 94-V 9, whose other cases
# are set by laws): never on a consent, a contract or an interest.
STATE_BASES = {"RU": frozenset({BasisKind.COURT, BasisKind.LAW})}
OTHER_STATE_BASES = frozenset(
    {
        BasisKind.COURT,
        BasisKind.LAW,
        BasisKind.OTHER_LAW,
        BasisKind.STATISTICS,
        BasisKind.VITAL_INTEREST,
    }
)


class BasisMissing(OperatorError):
    template = gettext_noop(
        "Name the article on which the data are given: without one nothing is disclosed "
        "(94-V 9, 152-FZ 6(1))."
    )


class DisclosureUndocumented(OperatorError):
    template = gettext_noop(
        "Name the document, with its number and date: the demand of the body, or the contract."
    )


class BodyMissing(OperatorError):
    template = gettext_noop("Say which body of the state it is, and its name.")


class TransferMissing(OperatorError):
    template = gettext_noop("Choose the transfer of the register by which the data go.")


class OneOrTheOther(OperatorError):
    template = gettext_noop(
        "A body of the state is given data on its demand, everybody else by a transfer: "
        "not both in one record."
    )


class NobodyGiven(OperatorError):
    template = gettext_noop("Say about whom data are given, and which.")


class TooManyPeople(OperatorError):
    template = gettext_noop("More than %(limit)s people: record them in several disclosures.")


class BasisOfOtherLaw(OperatorError):
    template = gettext_noop("%(basis)s is an article of another law than the operator's.")


class BasisOver(OperatorError):
    template = gettext_noop("%(basis)s was closed on %(day)s; nothing is given on it after that.")


class BasisNotForState(OperatorError):
    template = gettext_noop(
        "%(basis)s is no ground on which a body of the state is given data: name the article of "
        "the law or of the proceedings (152-FZ 6(1)(2)-(3.1), 94-V 9)."
    )


class BasisNotOfTransfer(OperatorError):
    template = gettext_noop("The transfer %(transfer)s stands on %(basis)s, and on nothing else.")


class CategoryBeyondTransfer(OperatorError):
    template = gettext_noop("%(category)s is not among the data of the transfer %(transfer)s.")


class CountryUnknown(OperatorError):
    template = gettext_noop(
        "The register does not say in which country %(recipient)s is: without that nobody can "
        "tell whether the data cross the border (94-V 8(4)(5), 152-FZ 12)."
    )


class ReversalReasonMissing(OperatorError):
    template = gettext_noop("Write what was wrong with the record.")


class ReversedAlready(Conflict):
    template = gettext_noop("%(number)s is reversed already.")


def disclosure_record(
    *,
    operator: Operator,
    kind: str,
    people: Mapping[DataSubject, Collection[DataCategory]],
    document: str,
    given_on: date,
    way: str,
    by: User,
    now: datetime,
    body_kind: str = "",
    body: str = "",
    legal_basis: LegalBasis | None = None,
    transfer: Transfer | None = None,
    label: str = "",
) -> Disclosure:
    """Write down what was given about whom, and leave an access event on each card.

    ``kind``: to a state body (with ``body_kind``, ``body`` and ``legal_basis``), or by a transfer
    (its own article). ``label``: the numbers of blocks over which a state body is answered.

    Refuses what has no article or document, a day to come, a person or category of another
    operator, a merged card, a destroyed person, a category that the person has no live datum of,
    what is blocked, an article on which no state body is given data; of a transfer: one that was
    not open that day or is borne no longer, a category beyond it, a person whose ground does not
    carry it, and a consent without the flag for third parties or across the border (152-FZ 7, 12,
    94-V 8(4)(4)-(5)). A transfer that is shut and a consent without the flag leave an access
    event, though nothing is recorded.
    """
    try:
        with transaction.atomic():
            return _record(
                operator=operator, kind=DisclosureKind(kind), people=people, given_on=given_on,
                document=document.strip(), way=Channel(way), by=by, now=now, body_kind=body_kind,
                body=body.strip(), legal_basis=legal_basis, transfer=transfer, label=label,
            )  # fmt: skip
    except (ConsentLacksScope, *SHUT) as refused:
        _attempted(refused, operator, transfer, document.strip(), by=by, now=now)
        raise


def _attempted(
    refused: OperatorError,
    operator: Operator,
    transfer: Transfer | None,
    document: str,
    *,
    by: User,
    now: datetime,
) -> None:
    """The trace of a transfer that was tried: one event on each card that may not go."""
    details: dict[str, Any] = {"transfer": transfer.code if transfer is not None else ""}
    cards: list[DataSubject | None] = [None]
    if isinstance(refused, ConsentLacksScope):
        details["scope"] = refused.scope
        cards = list(refused.subjects)
    for card in cards:
        look(
            operator=operator, what=Looked.DISCLOSURE_REFUSED, user=by, now=now, subject=card,
            reason=document, **details,
        )  # fmt: skip


def _record(
    *,
    operator: Operator,
    kind: DisclosureKind,
    people: Mapping[DataSubject, Collection[DataCategory]],
    document: str,
    given_on: date,
    way: str,
    by: User,
    now: datetime,
    body_kind: str,
    body: str,
    legal_basis: LegalBasis | None,
    transfer: Transfer | None,
    label: str,
) -> Disclosure:
    _require_people(people)
    if not document:
        raise DisclosureUndocumented()
    # One number after another; then the cards, in the order of their numbers.
    operator = (
        seam.lock(Operator.objects.filter(pk=operator.pk)).select_related("jurisdiction").get()
    )
    if given_on > now.astimezone(operator.zone).date():
        raise NotYet()
    require_own(operator.pk, transfer, *people, *(one for mine in people.values() for one in mine))
    cards = _locked(people)
    wanted = {cards[card.pk]: list(categories) for card, categories in people.items()}
    facts: dict[str, object]
    if kind == DisclosureKind.STATE_BODY:
        if transfer is not None:
            raise OneOrTheOther()
        if not body or not body_kind:
            raise BodyMissing()
        basis = _state_basis(operator, legal_basis, given_on)
        facts = {
            "body_kind": StateBody(body_kind), "body": body,
            "third_party": is_third_party(operator.jurisdiction.code, RecipientKind.STATE_BODY),
            "cross_border": False, "country": None,
        }  # fmt: skip
        require_held(wanted, given_on)
        require_free(wanted, to_state=True, label=label)
    else:
        if body or body_kind:
            raise OneOrTheOther()
        if transfer is None:
            raise TransferMissing()
        transfer = Transfer.objects.select_related("recipient__country", "legal_basis").get(
            pk=transfer.pk
        )
        basis = _transfer_basis(transfer, legal_basis)
        facts = _journey(operator, transfer)
        _require_open(transfer, wanted, given_on)
        require_held(wanted, given_on)
        require_free(wanted, to_state=False)
        scopes = [
            scope
            for scope, needed in (
                ("third_parties", facts["third_party"]),
                ("cross_border", facts["cross_border"]),
            )
            if needed
        ]
        require_allowed(wanted, transfer, scopes=scopes, day=given_on)
    row = Disclosure.objects.create(
        operator=operator, number=_next_number(operator, now), kind=kind, transfer=transfer,
        legal_basis=basis, document=document, given_on=given_on, way=way, recorded_at=now,
        recorded_by=by, **facts,
    )  # fmt: skip
    _write_down(row, wanted, by=by, now=now)
    return row


def _require_people(people: Mapping[DataSubject, Collection[DataCategory]]) -> None:
    if not people or not all(people.values()):
        raise NobodyGiven()
    if len(people) > PEOPLE_LIMIT:
        raise TooManyPeople(limit=PEOPLE_LIMIT)


def _locked(people: Mapping[DataSubject, Collection[DataCategory]]) -> dict[int, DataSubject]:
    """The cards, held until the transaction ends; refuses a merged one."""
    rows = seam.lock(
        DataSubject.objects.filter(pk__in=[card.pk for card in people]).order_by("pk")
    ).select_related("operator__jurisdiction")
    found = {row.pk: row for row in rows}
    for row in found.values():
        require_open(row)
    return found


def _state_basis(operator: Operator, basis: LegalBasis | None, day: date) -> LegalBasis:
    if basis is None:
        raise BasisMissing()
    if basis.jurisdiction_id != operator.jurisdiction_id:
        raise BasisOfOtherLaw(basis=basis.name)
    if basis.closed_on is not None and basis.closed_on <= day:
        raise BasisOver(basis=basis.name, day=basis.closed_on)
    if basis.kind not in STATE_BASES.get(operator.jurisdiction.code, OTHER_STATE_BASES):
        raise BasisNotForState(basis=basis.name)
    return basis


def _transfer_basis(transfer: Transfer, basis: LegalBasis | None) -> LegalBasis:
    if basis is not None and basis.pk != transfer.legal_basis_id:
        raise BasisNotOfTransfer(transfer=transfer.name, basis=transfer.legal_basis.name)
    return transfer.legal_basis


def _journey(operator: Operator, transfer: Transfer) -> dict[str, object]:
    """Whose hands the data come into and whether they leave the country, as of today."""
    country: Country | None = transfer.recipient.country
    if country is None:
        raise CountryUnknown(recipient=transfer.recipient.name)
    return {
        "third_party": is_third_party(operator.jurisdiction.code, transfer.recipient.kind),
        "cross_border": country.code != operator.jurisdiction.country,
        "country": country,
    }


def _require_open(
    transfer: Transfer, wanted: Mapping[DataSubject, Collection[DataCategory]], day: date
) -> None:
    if not transfer.open_on(day):
        raise TransferShut(transfer=transfer.name, day=day)
    require_borne(transfer, day=day)
    listed = set(transfer.data_categories.values_list("pk", flat=True))
    for categories in wanted.values():
        for category in categories:
            if category.pk not in listed:
                raise CategoryBeyondTransfer(category=category.name, transfer=transfer.name)


def _next_number(operator: Operator, now: datetime) -> str:
    """The next number of the operator's year; the operator's row is locked by the caller."""
    prefix = f"{Disclosure.numbered}-{now.astimezone(operator.zone):%Y}-"
    rows = Disclosure.objects.filter(operator=operator)
    return next_number(rows, operator=operator, prefix=prefix)


def _write_down(
    row: Disclosure,
    wanted: Mapping[DataSubject, Collection[DataCategory]],
    *,
    by: User,
    now: datetime,
) -> None:
    """Who, with which categories; and on each card that somebody was shown it."""
    DisclosedPerson.objects.bulk_create(
        DisclosedPerson(disclosure=row, subject=card, category=category)
        for card, categories in wanted.items()
        for category in dict.fromkeys(categories)
    )
    AccessEvent.objects.bulk_create(
        AccessEvent(
            operator_id=row.operator_id,
            subject=card,
            user=by,
            what=Looked.DISCLOSURE,
            at=now,
            reason=row.number,
            details={"data": len(set(categories))},
        )
        for card, categories in wanted.items()
    )


@transaction.atomic
def disclosure_reverse(
    *, disclosure: Disclosure, reason: str, by: User, now: datetime
) -> DisclosureReversal:
    """Say that a record was a mistake; it stays readable beside what was wrong with it.

    Refuses an empty reason and a record that is reversed already.
    """
    reason = reason.strip()
    if not reason:
        raise ReversalReasonMissing()
    row = seam.lock(Disclosure.objects.filter(pk=disclosure.pk)).get()
    if DisclosureReversal.objects.filter(disclosure=row).exists():
        raise ReversedAlready(number=row.number)
    return DisclosureReversal.objects.create(
        disclosure=row, reason=reason, reversed_at=now, reversed_by=by
    )
