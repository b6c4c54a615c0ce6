"""Whether data of these people may be given away: held, not blocked, and within their consent.

Read for all people of a disclosure at once; nothing is written here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from registry.choices import BasisKind
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import DataCategory, Transfer
from registry.transfer_refusals import (
    CountryChangedSinceNotice,
    InstructionLacking,
    NoticeNotFiled,
    TransferObstructed,
)
from subjects.choices import BlockReason, HeldIn, Outcome
from subjects.models import ActItem, DataSubject, Ground, PersonalDatum
from subjects.services import guard
from subjects.services.covering import categories_of, end_of, grounds_of
from subjects.services.grounds import SCOPES
from subjects.vault import store

# A transfer on these needs no ground of the person's own: the law itself wants it.
BY_LAW = frozenset({BasisKind.LAW, BasisKind.COURT, BasisKind.OTHER_LAW})
# So many cards stand in a refusal; it names the first.
NAMED = 10


class PersonDestroyed(Conflict):
    template = gettext_noop(
        "%(code)s: the data of this person are destroyed; nothing can be given."
    )


class CategoryNotHeld(OperatorError):
    template = gettext_noop("%(code)s: %(category)s was not held about this person on %(day)s.")


class NotForThisTransfer(OperatorError):
    template = gettext_noop(
        "%(code)s: no ground of this person covers %(category)s for the purpose of the transfer "
        "%(transfer)s on %(day)s (152-FZ 5(2), 94-V 14)."
    )


class TransferShut(Conflict):
    template = gettext_noop(
        "The transfer %(transfer)s was not open on %(day)s: nothing goes to this recipient, and "
        "the attempt is recorded (152-FZ 12, 94-V 16)."
    )


# Why nothing goes by this transfer at all, whoever the person is.
SHUT = (
    TransferShut,
    TransferObstructed,
    InstructionLacking,
    NoticeNotFiled,
    CountryChangedSinceNotice,
)


class ConsentLacksScope(OperatorError):
    """``subjects``: everybody whose consent does not allow it; ``scope``: what it lacks."""

    template = gettext_noop(
        "The consent does not allow this (%(kind)s): %(codes)s. Nothing may be given, and the "
        "attempt is recorded (152-FZ 7, 12, 94-V 8(4)(4)-(5))."
    )

    def __init__(self, *, subjects: list[DataSubject], scope: str, **params: str) -> None:
        self.subjects, self.scope = subjects, scope
        super().__init__(**params)


Wanted = Mapping[DataSubject, Collection[DataCategory]]


def require_held(people: Wanted, day: date) -> None:
    """Refuse a person whose data are destroyed, and a category without a live datum that day."""
    live: dict[int, set[int]] = defaultdict(set)
    standing, gone = _sorted_out(people)
    for datum in standing:
        if datum.category_id is not None and datum.collected_on <= day:
            live[datum.subject_id].add(datum.category_id)
    known = {datum.subject_id for datum in standing}
    for card, categories in people.items():
        if card.pk in gone and card.pk not in known:
            raise PersonDestroyed(code=card.code)
        for category in categories:
            if category.pk not in live[card.pk]:
                raise CategoryNotHeld(code=card.code, category=category.name, day=day)


def _sorted_out(people: Iterable[DataSubject]) -> tuple[list[PersonalDatum], set[int]]:
    """The data that still exist, in the vault or elsewhere, and whose data have been destroyed."""
    rows = list(
        PersonalDatum.objects.filter(subject__in=[card.pk for card in people]).select_related(
            "file"
        )
    )
    numbers = {row: row.key_number for row in rows}
    keys, _gone = store.keys_and_gone(number for number in numbers.values() if number)
    elsewhere = [row.pk for row in rows if row.held_in != HeldIn.VAULT]
    confirmed = set(
        ActItem.objects.filter(
            key=None, outcome=Outcome.DESTROYED, datum__in=elsewhere
        ).values_list("datum", flat=True)
        if elsewhere
        else ()
    )
    standing = [
        row
        for row, number in numbers.items()
        if (row.pk not in confirmed if row.held_in != HeldIn.VAULT else number in keys)
    ]
    return standing, {row.subject_id for row in rows} - {row.subject_id for row in standing}


def require_free(people: Wanted, *, to_state: bool, label: str = "") -> None:
    """Refuse what a standing block forbids: what is blocked is not passed on (152-FZ 3(7)).

    To a body of the state it may go where the law only fixes a term of storage, for then the data
    are kept for such bodies (Digital Code 41(3)), and where ``label`` names the number that
    blocks it: whoever gives it has seen the block.
    """
    blocks = guard.standing([card.pk for card in people])
    for card, categories in people.items():
        over = [
            block
            for block in blocks[card.pk]
            if any(block.covers(category.pk) for category in categories)
            and not (to_state and block.why == BlockReason.STORAGE)
        ]
        block = guard.against(over, label if to_state else "")
        if block is not None:
            raise guard.refusal(card, block)


def require_allowed(
    people: Wanted, transfer: Transfer, *, scopes: Iterable[str], day: date
) -> None:
    """Refuse a transfer beyond the person's own ground of that activity on that day.

    ``scopes``: what a consent must allow (third_parties, cross_border), where the data go on one.
    A transfer that the law itself wants needs no ground of the person.
    """
    scopes = list(scopes)
    if transfer.legal_basis.kind in BY_LAW:
        return
    grounds = [
        ground
        for ground in grounds_of([card.pk for card in people])
        if ground.activity_id == transfer.activity_id and _holds(ground, day)
    ]
    covered = categories_of(grounds)
    by_card: dict[int, list[Ground]] = defaultdict(list)
    for ground in grounds:
        by_card[ground.subject_id].append(ground)
    lacking: dict[str, list[DataSubject]] = defaultdict(list)
    for card, categories in people.items():
        for category in categories:
            mine = [
                one
                for one in by_card[card.pk]
                if category.pk in covered[one.pk] and _carries(one, transfer)
            ]
            if not mine:
                raise NotForThisTransfer(
                    code=card.code, category=category.name, transfer=transfer.name, day=day
                )
            lack = _lack(mine, scopes)
            if lack and card not in lacking[lack]:
                lacking[lack].append(card)
    for scope, cards in lacking.items():
        raise ConsentLacksScope(
            subjects=cards,
            scope=scope,
            kind=str(SCOPES[scope]),
            codes=", ".join([card.code for card in cards[:NAMED]] + ["…"] * (len(cards) > NAMED)),
        )


def _holds(ground: Ground, day: date) -> bool:
    end = end_of(ground)
    return ground.started_on <= day and (end is None or day < end.on)


def _carries(ground: Ground, transfer: Transfer) -> bool:
    """A consent as far as it goes, and a ground on the transfer's own article, a contract say."""
    return hasattr(ground, "consent") or ground.legal_basis_id == transfer.legal_basis_id


def _lack(grounds: list[Ground], scopes: list[str]) -> str:
    """What keeps these data here: a scope that no consent of theirs allows; empty: nothing does."""
    consents = [getattr(ground, "consent", None) for ground in grounds]
    if None in consents:
        return ""
    for scope in scopes:
        consents = [one for one in consents if getattr(one, scope)]
        if not consents:
            return scope
    return ""
