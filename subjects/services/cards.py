"""Cards of one human being: linked when both stay, merged when one of them should not exist."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model, Q

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, User
from registry.services import audit
from subjects import sealing
from subjects.choices import GroundEnd
from subjects.models import (
    Consent,
    DataSubject,
    Ground,
    PersonalDatum,
    SealedFile,
    Stop,
    SubjectLink,
    VaultKey,
)
from subjects.models.base import ALPHABET, CODE_LENGTH
from subjects.services.covering import categories_of, grounds_of
from subjects.services.dates import dates_keep
from subjects.services.guard import require_no_block
from subjects.services.people import require_open
from subjects.vault import keyring, store
from subjects.vault.models import Sealed


class SameCard(OperatorError):
    template = gettext_noop("These are one and the same card: %(code)s.")


class CardsOfTwoOperators(OperatorError):
    template = gettext_noop(
        "%(first)s and %(second)s belong to different operators: their data stay apart."
    )


class LinkedAlready(Conflict):
    template = gettext_noop("%(first)s and %(second)s are linked already.")


class LinkEnded(Conflict):
    template = gettext_noop("This link was ended already.")


class NoSuchCard(OperatorError):
    template = gettext_noop("This operator has no card with this code: check the eight signs.")


class ReasonNeeded(OperatorError):
    template = gettext_noop("Write down why these two cards are one person.")


class GroundsClash(OperatorError):
    template = gettext_noop(
        "Both cards have this ground open: %(ground)s. Only one of the two can go on: say why "
        "the other one ends."
    )


class NoReasonToEnd(OperatorError):
    template = gettext_noop(
        "A withdrawal is recorded on the consent itself: withdraw it first, then merge."
    )


def code_of(text: str) -> str:
    """What was typed as a card's code, in its one writing; empty when it cannot be one."""
    bare = "".join(text.split()).upper().replace("–", "-")
    if bare.startswith("S-") or len(bare) > CODE_LENGTH:
        bare = bare.removeprefix("S").removeprefix("-")
    whole = len(bare) == CODE_LENGTH and all(sign in ALPHABET for sign in bare)
    return f"S-{bare}" if whole else ""


def card_with_code(*, operator: Operator, code: str) -> DataSubject:
    """The operator's card that this code names. Refuses a code that names none."""
    found = DataSubject.objects.filter(operator=operator, code=code_of(code) or code).first()
    if found is None:
        raise NoSuchCard()
    return found


def _locked_pair(one: DataSubject, two: DataSubject) -> tuple[DataSubject, DataSubject]:
    """Both cards, locked in the order of their numbers so that two opposite merges queue."""
    if one.pk == two.pk:
        raise SameCard(code=one.code)
    rows = seam.lock(DataSubject.objects.filter(pk__in=[one.pk, two.pk]).order_by("pk"))
    by_pk = {row.pk: row for row in rows.select_related("operator__jurisdiction")}
    first, second = by_pk[one.pk], by_pk[two.pk]
    if first.operator_id != second.operator_id:
        raise CardsOfTwoOperators(first=first.code, second=second.code)
    require_open(first)
    require_open(second)
    return first, second


def cards_link(
    *, first: DataSubject, second: DataSubject, by: User | None, now: datetime, reason: str
) -> SubjectLink:
    """Say that two cards are one person's and both stay (two accounts, say).

    Refuses cards of two operators, a card with itself, a merged card and a link that stands.
    """
    if not reason.strip():
        raise ReasonNeeded()
    with transaction.atomic():
        _locked_pair(first, second)
        one, two = sorted((first, second), key=lambda card: card.pk)
        if SubjectLink.objects.filter(first=one, second=two, ended_at=None).exists():
            raise LinkedAlready(first=one.code, second=two.code)
        row = SubjectLink(operator_id=one.operator_id, first=one, second=two)
        return audit.save(row, by=by, reason=reason)


def cards_unlink(*, link: SubjectLink, by: User | None, now: datetime, reason: str) -> SubjectLink:
    """The two cards turned out to be two people, or the link is no longer of use."""
    if not reason.strip():
        raise ReasonNeeded()
    with transaction.atomic():
        row = seam.lock(SubjectLink.objects.filter(pk=link.pk)).get()
        if row.ended_at is not None:
            raise LinkEnded()
        row.ended_at = now
        return audit.save(row, by=by, reason=reason, fields=["ended_at"])


def cards_merge(
    *,
    into: DataSubject,
    other: DataSubject,
    by: User | None,
    now: datetime,
    reason: str,
    other_ends: str = "",
) -> DataSubject:
    """All that is known of ``other`` moves to ``into``; ``other`` stays as a pointer to it.

    Data, files, grounds, consents and their permissions move, with their keys (a wrap is bound
    to its owner); links follow. Accesses stay where they happened: nobody rewrites a journal.
    Where both have the same ground open, the one that covers more goes on (of equals the older)
    and the other ends today for ``other_ends`` (a ``GroundEnd``): a merge invents no reason, so
    without one it refuses. What stops the destruction of ``other`` stops it on ``into`` then.

    Refuses cards of two operators, a card with itself, a merged card, and cards of which either is
    blocked, if by one category or both by the same number: a merge cannot be undone, moves data and
    ends grounds, and what is blocked stays as it is until that is decided. A link does no harm.
    """
    if not reason.strip():
        raise ReasonNeeded()
    if other_ends == GroundEnd.WITHDRAWN:
        raise NoReasonToEnd()
    with transaction.atomic():
        into, other = _locked_pair(into, other)
        require_no_block(into)
        require_no_block(other)
        _settle_grounds(into, other, by=by, now=now, reason=reason, other_ends=other_ends)
        _move_keys(into, other)
        for model in (PersonalDatum, Ground):
            rows = list(model._default_manager.filter(subject=other))
            _moved(rows, {"subject_id": into.pk}, by=by, reason=reason)
        _move_links(into, other, by=by, now=now, reason=reason)
        _move_stops(into, other, by=by, now=now, reason=reason)
        # What was merged into the card that goes now leads straight to the one that stays.
        earlier = list(DataSubject.objects.filter(merged_into=other))
        _moved(earlier, {"merged_into_id": into.pk}, by=by, reason=reason)
        other.merged_into = into
        audit.save(other, by=by, reason=reason, fields=["merged_into"])
        dates_keep([into.pk], today=now.astimezone(into.operator.zone).date())
        return into


def _moved(rows: list[Any], values: dict[str, Any], *, by: User | None, reason: str) -> None:
    """Write these columns of all rows, and their history, with a statement for each."""
    if not rows:
        return
    model: Any = type(rows[0])
    for row in rows:
        for name, value in values.items():
            setattr(row, name, value)
    model._default_manager.filter(pk__in=[row.pk for row in rows]).update(**values)
    model.history.bulk_history_create(
        rows, update=True, default_user=by, default_change_reason=reason
    )


def clashes(into: DataSubject, other: DataSubject) -> list[tuple[Ground, Ground]]:
    """Grounds that both cards have open: the one that would go on, and the one that would end."""
    grounds = [ground for ground in grounds_of([into.pk, other.pk]) if ground.ended_on is None]
    categories = categories_of(grounds)
    first: dict[tuple[int, int], Ground] = {}
    pairs = []
    for ground in grounds:  # the older comes first
        kind = (ground.activity_id, ground.legal_basis_id)
        older = first.setdefault(kind, ground)
        if older is not ground:
            wider = categories[ground.pk] > categories[older.pk]
            pairs.append((ground, older) if wider else (older, ground))
    return pairs


def _settle_grounds(
    into: DataSubject, other: DataSubject, *, by: User | None, now: datetime, reason: str,
    other_ends: str,
) -> None:  # fmt: skip
    today = now.astimezone(into.operator.zone).date()
    for _, ending in clashes(into, other):
        if not other_ends:
            raise GroundsClash(ground=str(ending))
        row = seam.lock(Ground.objects.filter(pk=ending.pk)).get()
        row.ended_on = max(today, row.started_on)
        row.end_reason = GroundEnd(other_ends)
        audit.save(row, by=by, reason=reason, fields=["ended_on", "end_reason"])


def _move_keys(into: DataSubject, other: DataSubject) -> None:
    """Bind the keys of what moves to the card that stays; the values are not touched."""
    data = PersonalDatum.objects.filter(subject=other, value_key__isnull=False)
    consents = Consent.objects.filter(ground__subject=other, evidence_key__isnull=False)
    files = SealedFile.objects.filter(kind=Sealed.FILE, datum__subject=other)
    numbers = [
        *data.values_list("value_key", flat=True),
        *consents.values_list("evidence_key", flat=True),
        *files.values_list("key", flat=True),
    ]
    keys = list(seam.lock(VaultKey.objects.filter(pk__in=numbers).order_by("pk")))
    for key in keys:
        secret = store.open_key(key)
        key.owner = into.pk
        bound = store.bound_key(key.kind, key.owner, key.category)
        key.wrapped = sealing.wrap(keyring.kek(key.kek), secret, bound)
    if keys:
        seam.rewrite(VaultKey, keys, ["owner", "wrapped"])
    SealedFile.objects.filter(pk__in=list(files.values_list("pk", flat=True))).update(owner=into.pk)


def _move_links(
    into: DataSubject, other: DataSubject, *, by: User | None, now: datetime, reason: str
) -> None:
    """A link of the card that goes becomes one of the card that stays; one between them ends."""
    standing = SubjectLink.objects.filter(ended_at=None)
    linked = set(_ends(standing.filter(Q(first=into) | Q(second=into)))) - {into.pk}
    for link in standing.filter(Q(first=other) | Q(second=other)):
        link.ended_at = now
        audit.save(link, by=by, reason=reason, fields=["ended_at"])
        third = link.second_id if link.first_id == other.pk else link.first_id
        if third == into.pk or third in linked:
            continue
        one, two = sorted((into.pk, third))
        row: Model = SubjectLink(operator_id=into.operator_id, first_id=one, second_id=two)
        audit.save(row, by=by, reason=reason)


def _move_stops(
    into: DataSubject, other: DataSubject, *, by: User | None, now: datetime, reason: str
) -> None:
    """A legal hold follows the data it protects; the same one on both cards stands once, and as
    long as the longer of them.
    """
    standing = Stop.objects.filter(ended_at=None)
    mine = {(row.kind, row.label): row for row in seam.lock(standing.filter(subject=into))}
    for stop in seam.lock(standing.filter(subject=other).order_by("pk")):
        same = mine.get((stop.kind, stop.label))
        if same is not None:
            stop.ended_at = max(now, stop.started_at)
            if same.until_on and (stop.until_on is None or stop.until_on > same.until_on):
                same.until_on = stop.until_on
                audit.save(same, by=by, reason=reason, fields=["until_on"])
        else:
            stop.subject = into
        audit.save(stop, by=by, reason=reason, fields=["ended_at", "subject"])


def _ends(links: Iterable[SubjectLink]) -> Iterable[int]:
    for link in links:
        yield from (link.first_id, link.second_id)
