"""That a datum goes although a ground covers it: decided once, by its number, and carried out.

The datum is blocked from then on, and its act is drafted at once; that act, and nothing here,
destroys it, with everything that an act asks for: a second person, the stops, the verification.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, User
from registry.services import audit
from subjects import fate
from subjects.choices import BlockReason, HeldIn, Outcome, Ruled, StopKind
from subjects.models import (
    ActItem,
    Block,
    DataSubject,
    DestructionItem,
    DestructionRuling,
    PersonalDatum,
    Stop,
)
from subjects.services.acts import act_draft
from subjects.services.covering import Law
from subjects.services.dates import dates_keep
from subjects.services.people import card_locked
from subjects.services.reading import key_of
from subjects.services.stops import (
    EndedAlready,
    StopReasonMissing,
    block_end,
    block_place,
)
from subjects.vault import store

GONE = "it is destroyed"


class RuledAlready(Conflict):
    template = gettext_noop("%(datum)s goes already: %(ruling)s.")


class RulingOnNothing(Conflict):
    template = gettext_noop("%(datum)s is not there any more: nothing is left to be destroyed.")


class RulingInFuture(OperatorError):
    template = gettext_noop("%(day)s is ahead: a decision counts from a day that has come.")


class RulingWithoutDay(OperatorError):
    template = gettext_noop("The law names no term for this. Give the day that the order states.")


class StatedForNoOrder(OperatorError):
    template = gettext_noop("Only the order of a court or the authority states a day.")


class RulingCarriedOut(Conflict):
    template = gettext_noop("%(ruling)s: it has been carried out, and is not taken back.")


@transaction.atomic
def ruling_make(
    *,
    datum: PersonalDatum,
    why: str,
    label: str,
    reason: str,
    counted_from: date,
    stated_on: date | None = None,
    by: User | None,
    now: datetime,
) -> DestructionRuling:
    """The datum goes, whatever covers it; blocked at once, and its act drafted.

    ``why``: a ``Ruled``. ``label``: the number of the order; that of an open request about this
    person makes it that request's own act, which its stop does not stop. ``counted_from``: when it
    was shown, or the order came. ``stated_on``: the last day that an order leaves. Refuses what is
    gone, what goes by such a decision already, and a term that nothing names.
    """
    label, reason = label.strip(), reason.strip()
    if not (label and reason):
        raise StopReasonMissing()
    # An act is numbered under this lock, and whoever drafts takes it before the cards.
    seam.lock(Operator.objects.filter(pk=datum.subject.operator_id)).get()
    card = card_locked(datum.subject)
    row = seam.lock(PersonalDatum.objects.filter(pk=datum.pk)).select_related("category").get()
    standing = DestructionRuling.objects.filter(datum=row, ended_at=None).first()
    if standing is not None:
        raise RuledAlready(datum=str(row), ruling=str(standing))
    if not _is_there(row):
        raise RulingOnNothing(datum=str(row))
    operator = card.operator
    today = now.astimezone(operator.zone).date()
    if counted_from > today:
        raise RulingInFuture(day=counted_from)
    if stated_on is not None and why != Ruled.ORDERED:
        raise StatedForNoOrder()
    limit = Law(operator).ruling_limit(why, counted_from)
    if stated_on is not None and (limit is None or stated_on < limit.day):
        limit = fate.Limit(stated_on, "", label, fate.Source.ORDER)
    if limit is None:
        raise RulingWithoutDay()
    ruling = DestructionRuling(
        operator=operator,
        datum=row,
        why=Ruled(why),
        label=label,
        reason=reason,
        counted_from=counted_from,
        stated_on=stated_on,
        due_on=limit.day,
        rule=limit.code,
        article=limit.article,
        made_at=now,
        made_by=by,
    )
    audit.save(ruling, by=by, reason=reason)
    dates_keep([card.pk], today=today)
    _block(ruling, card, by=by, now=now)
    asked = Stop.objects.filter(
        subject=card, kind=StopKind.REQUEST, label=label, ended_at=None
    ).exists()
    act_draft(
        operator=operator, label=label if asked else "", subjects=[card.pk], until=ruling.due_on,
        by=by, now=now,
    )  # fmt: skip
    return ruling


def _is_there(datum: PersonalDatum) -> bool:
    if datum.held_in == HeldIn.VAULT:
        number = key_of(datum)
        return bool(number and number in store.keys_of([number]))
    gone = ActItem.objects.filter(datum=datum, key=None, outcome=Outcome.DESTROYED)
    return not gone.exists()


def _block(ruling: DestructionRuling, card: DataSubject, *, by: User | None, now: datetime) -> None:
    """Used no more from now on, unless something else of its category stays (152-FZ 21(1))."""
    datum = ruling.datum
    beside = PersonalDatum.objects.filter(subject=card, category=datum.category).exclude(
        rulings__ended_at=None, rulings__isnull=False
    )
    if datum.category is None or any(_is_there(one) for one in beside):
        return
    mine: dict[str, Any] = {"subject": card, "category": datum.category, "label": ruling.label}
    standing = seam.lock(Block.objects.filter(ended_at=None, **mine)).first()
    if standing is not None:
        # What only lasted as long as the check lasts until it is gone now.
        standing.why = BlockReason.RULED
        audit.save(standing, by=by, reason=ruling.reason, fields=["why"])
        return
    block_place(why=BlockReason.RULED, reason=ruling.reason, by=by, now=now, **mine)


@transaction.atomic
def ruling_revoke(
    *, ruling: DestructionRuling, reason: str, by: User, now: datetime
) -> DestructionRuling:
    """The datum is subject to its grounds again; what its act finds covered then stays.

    Refuses what was carried out, and a revocation without a reason.
    """
    if not reason.strip():
        raise StopReasonMissing()
    # The card first, as everywhere; a merge may have moved the datum.
    datum = PersonalDatum.objects.select_related("subject").get(pk=ruling.datum_id)
    card = card_locked(datum.subject)
    row = seam.lock(DestructionRuling.objects.filter(pk=ruling.pk)).get()
    if row.ended_at is not None:
        raise EndedAlready(what=str(row))
    if not _is_there(row.datum):
        raise RulingCarriedOut(ruling=str(row))
    row.ended_at = max(now, row.made_at)
    audit.save(row, by=by, reason=reason.strip(), fields=["ended_at"])
    others = DestructionRuling.objects.filter(
        datum__subject=card, datum__category=row.datum.category_id, label=row.label, ended_at=None
    )
    blocks = Block.objects.filter(
        subject=card, category=row.datum.category_id, label=row.label, why=BlockReason.RULED,
        ended_at=None,
    )  # fmt: skip
    if row.datum.category_id and not others.exists():
        for block in blocks:
            block_end(block=block, by=by, now=now, reason=reason)
    dates_keep([card.pk], today=now.astimezone(card.operator.zone).date())
    return row


def rulings_settle(*, now: datetime) -> int:
    """End the decisions whose datum is destroyed by now; returns how many.

    Destroyed is what an item names: a value that has lost its key is an incident, and stays open.
    """
    items = DestructionItem.objects.filter(
        Q(key=OuterRef("datum__value_key")) | Q(key=OuterRef("datum__file__key"))
    )
    confirmed = ActItem.objects.filter(datum=OuterRef("datum"), key=None, outcome=Outcome.DESTROYED)
    rows = DestructionRuling.objects.filter(ended_at=None)
    gone = rows.filter(datum__held_in=HeldIn.VAULT).filter(Exists(items)) | rows.exclude(
        datum__held_in=HeldIn.VAULT
    ).filter(Exists(confirmed))
    settled = 0
    for number in list(gone.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            row = seam.lock(DestructionRuling.objects.filter(pk=number)).get()
            if row.ended_at is None:
                row.ended_at = max(now, row.made_at)
                audit.save(row, by=None, reason=GONE, fields=["ended_at"])
                settled += 1
    return settled
