"""What an accepted demand does to the cards: grounds end, data are blocked, the act is drafted."""

from __future__ import annotations

from datetime import datetime

from registry.choices import Channel
from registry.models import User
from requests.models import RequestItem
from requests.models.subject_requests import RequestChannel, RequestKind
from requests.services.duties import ENDS_ALL
from requests.services.outlook import CardOutlook
from subjects.choices import BlockReason, GroundEnd
from subjects.models import Block
from subjects.services.acts import act_draft
from subjects.services.grounds import consent_withdraw, ground_end
from subjects.services.scopes import consent_narrow
from subjects.services.stops import block_place

# The channels of the law as a consent knows them (94-V 8(1)).
CHANNELS = {
    RequestChannel.WEB_FORM: Channel.WEB_FORM,
    RequestChannel.PAPER: Channel.ANY_PROVABLE,
    RequestChannel.IN_PERSON: Channel.IN_PERSON,
    RequestChannel.REGISTERED_MAIL: Channel.POST,
    RequestChannel.PHONE: Channel.PHONE,
    RequestChannel.EMAIL: Channel.EMAIL,
    RequestChannel.STATE_SERVICE: Channel.STATE_SERVICE,
    RequestChannel.NON_STATE_SERVICE: Channel.NON_STATE_SERVICE,
}


def end_grounds(row: RequestItem, outlook: CardOutlook, *, by: User | None, now: datetime) -> None:
    """End what the demand ends. The moment is that of its receipt; the number is the reason."""
    channel = CHANNELS[RequestChannel(row.request.channel)]
    number = row.request.number
    today = now.astimezone(row.operator.zone).date()
    for ending in outlook.endings:
        # What was unlawful is over, and nobody has taken it back.
        if hasattr(ending.ground, "consent") and ending.event != GroundEnd.UNLAWFUL:
            consent_withdraw(
                consent=ending.ground.consent, channel=channel, received_at=row.received_at, by=by,
                now=now, reason=number,
            )  # fmt: skip
        else:
            ground_end(
                ground=ending.ground, ended_on=ending.on, end_reason=ending.event, by=by,
                today=today, reason=number,
            )  # fmt: skip
    for consent in outlook.narrowed:
        consent.ground.subject = outlook.card
        consent_narrow(
            consent=consent, scope=row.scope, received_at=row.received_at, by=by, now=now,
            reason=number,
        )  # fmt: skip


def block_data(row: RequestItem, outlook: CardOutlook, *, by: User | None, now: datetime) -> None:
    """What goes is used no more from now on (152-FZ 21(5), 21(5.1), 94-V 8(7)); what is kept
    because a law fixes a term is stored, and not used (Digital Code 41(3), 152-FZ 5(7)).
    """
    number = row.request.number
    standing: set[int | None] = set(
        Block.objects.filter(subject=outlook.card, label=number, ended_at=None).values_list(
            "category", flat=True
        )
    )
    kept = row.kind in ENDS_ALL or (row.kind == RequestKind.WITHDRAWAL and not row.scope)
    wanted = [
        *((datum, BlockReason.REQUEST, number) for datum, _ in outlook.goes),
        *(
            (datum, BlockReason.STORAGE, holding.article)
            for datum, holding in (outlook.kept_by_law if kept else [])
        ),
    ]
    # Something else of the same category may stay in use on another ground.
    used = {datum.category_id for datum, _ in outlook.stays} - {
        datum.category_id for datum, _ in outlook.kept_by_law
    }
    for datum, why, reason in wanted:
        # Without a category a block would be of everything.
        if datum.category is None or datum.category_id in standing | used:
            continue
        standing.add(datum.category_id)
        block_place(
            subject=outlook.card, category=datum.category, why=why, label=number, reason=reason,
            by=by, now=now,
        )  # fmt: skip


def draft_act(
    row: RequestItem, found: list[CardOutlook], people: list[int], *, by: User | None,
    now: datetime,
) -> None:  # fmt: skip
    """The act of what goes, under the number of the request: its own stop does not stop it."""
    days = [fate.due_on for outlook in found for _, fate in outlook.goes if fate.due_on]
    if days:
        act_draft(
            operator=row.operator, label=row.request.number, subjects=people, until=max(days),
            by=by, now=now,
        )  # fmt: skip
