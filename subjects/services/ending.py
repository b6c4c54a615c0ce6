"""The end of a purpose: what it does to everybody concerned, shown before and then done.

The preview asks ``fates`` what the sweep will ask, as if the purpose had ended; nothing is
counted in another way.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import Min

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, Purpose, User
from registry.services import audit
from subjects.models import DataSubject, Ground
from subjects.services.covering import Law
from subjects.services.dates import CHUNK
from subjects.services.fates import Fates, Held, failures_tell
from subjects.services.planning import standing_stops


class PurposeAchievedAlready(Conflict):
    template = gettext_noop("The purpose %(purpose)s ended on %(day)s already.")


class PurposeGoesOn(Conflict):
    template = gettext_noop("The purpose %(purpose)s has no end ahead that could be taken back.")


class EndWantsReason(OperatorError):
    template = gettext_noop("Say by what the purpose was achieved or why it is given up.")


class EndBeforeItBegan(OperatorError):
    template = gettext_noop(
        "%(day)s is before the first ground of this purpose, which began on %(began_day)s."
    )


class OutlookHasGaps(OperatorError):
    template = gettext_noop(
        "For %(count)s of these people no day can be computed, so nobody knows what would become "
        "of their data. Choose another day, or mend what the log names."
    )


class OutlookChanged(Conflict):
    template = gettext_noop(
        "Meanwhile something has changed for these people. Look at the numbers again, then confirm."
    )


@dataclass(frozen=True, slots=True)
class Share:
    """What becomes of the values of one category: ``count`` of them.

    ``category``: its number, 0 for the proof of a consent and the identity of a card.
    ``due_on`` None: it stays, ``why`` names what holds it (``fates.Destiny``). ``stopped``: it is
    dated, and a stop holds it whatever the day. ``moved``: the end of this purpose sets the day.
    """

    category: int
    kind: int
    due_on: date | None
    rule: str
    article: str
    why: str
    stopped: str
    moved: bool
    count: int


@dataclass(slots=True)
class PurposeOutlook:
    """What the end of a purpose on a day does: to how many people, to which data.

    ``going``: dated for destruction, the earliest first; ``staying``: no day is set. ``failed``:
    so many people have no fate that can be computed (the log says why). ``seen``: a digest of it
    all, by which a confirmation shows which numbers it was given for.
    """

    people: int = 0
    failed: int = 0
    going: list[Share] = field(default_factory=list)
    staying: list[Share] = field(default_factory=list)

    @property
    def seen(self) -> str:
        shares = [astuple(share) for share in (*self.going, *self.staying)]
        told = json.dumps([self.people, self.failed, shares], default=str)
        return sha256(told.encode()).hexdigest()


def purpose_outlook(*, purpose: Purpose, on: date, today: date) -> PurposeOutlook:
    """What becomes of all data of the people whom the purpose concerns, if it ends on that day.

    Reads only. People: whoever has a ground of the purpose that the end would cut short.
    """
    law = Law(purpose.operator)
    grounds = Ground.objects.filter(activity__purpose=purpose).order_by()
    numbers = _standing_cards(
        grounds.exclude(ended_on__lte=on).values_list("subject_id", flat=True).distinct()
    )
    found, counts = PurposeOutlook(people=len(numbers)), Counter[Share]()
    for start in range(0, len(numbers), CHUNK):
        part = numbers[start : start + CHUNK]
        failed: dict[int, OperatorError] = {}
        before = {_key(held): held for held in Fates(law, today).read(part, failed)}
        after = Fates(law, today, {purpose.pk: on}).read(part, failed)
        failures_tell(failed)
        found.failed += len(failed)
        stops = standing_stops(part, label="")
        for held in after:
            counts[_share(held, before.get(_key(held)), stops)] += 1
    shares = [replace(share, count=count) for share, count in counts.items()]
    shares.sort(key=lambda share: [str(part) for part in (share.due_on, *astuple(share))])
    found.going = [share for share in shares if share.due_on is not None]
    found.staying = [share for share in shares if share.due_on is None]
    return found


def _standing_cards(subjects: Iterable[int]) -> list[int]:
    """These cards; those that were merged stand for the ones that hold their data now."""
    rows = seam.numbered(DataSubject.objects.order_by(), "id", subjects)
    return sorted({into or number for number, into in rows.values_list("pk", "merged_into_id")})


def _key(held: Held) -> tuple[int | None, int | None]:
    return held.key, held.datum


def _share(held: Held, before: Held | None, stops: Mapping[int, str]) -> Share:
    """The share that a value belongs to, not counted yet."""
    due_on = held.destroy_on
    return Share(
        category=held.category or 0,
        kind=held.kind,
        due_on=due_on,
        rule=held.destiny.rule if due_on else "",
        article=held.destiny.article if due_on else "",
        why="" if due_on else held.destiny.why,
        stopped=stops.get(held.subject, "") if due_on else "",
        moved=due_on is not None and (before is None or before.destroy_on != due_on),
        count=0,
    )


@transaction.atomic
def purpose_end(
    *, purpose: Purpose, on: date, reason: str, seen: str, by: User, now: datetime
) -> Purpose:
    """The purpose is achieved or given up on that day; the sweep then dates and destroys.

    ``seen``: of the outlook that was confirmed. Refuses a purpose that has ended, an end without
    a reason, a day before its first ground, people whose data have no computable day, and numbers
    that are no longer what was confirmed (152-FZ 5(7), 21(4); 94-V 12(2), 18(1)).
    """
    if not reason.strip():
        raise EndWantsReason
    purpose, today = _locked(purpose, now)
    if purpose.ended_on is not None and purpose.ended_on <= today:
        raise PurposeAchievedAlready(purpose=purpose.name, day=purpose.ended_on)
    grounds = Ground.objects.filter(activity__purpose=purpose)
    began = grounds.aggregate(first=Min("started_on"))["first"]
    if began is not None and on < began:
        raise EndBeforeItBegan(day=on, began_day=began)
    outlook = purpose_outlook(purpose=purpose, on=on, today=today)
    if outlook.seen != seen:
        raise OutlookChanged
    if outlook.failed:
        raise OutlookHasGaps(count=outlook.failed)
    purpose.ended_on = on
    return audit.save(purpose, by=by, reason=reason.strip(), fields=["ended_on"])


@transaction.atomic
def purpose_resume(*, purpose: Purpose, reason: str, by: User, now: datetime) -> Purpose:
    """Take back an end that has not come yet; the sweep then takes its dates back as well.

    Refuses one that has come: whose data were due may be gone, and a new purpose is a new one.
    """
    if not reason.strip():
        raise EndWantsReason
    purpose, today = _locked(purpose, now)
    if purpose.ended_on is None or purpose.ended_on <= today:
        raise PurposeGoesOn(purpose=purpose.name)
    purpose.ended_on = None
    return audit.save(purpose, by=by, reason=reason.strip(), fields=["ended_on"])


def _locked(purpose: Purpose, now: datetime) -> tuple[Purpose, date]:
    operator = seam.lock(Operator.objects.filter(pk=purpose.operator_id)).get()
    rows = seam.lock(Purpose.objects.filter(pk=purpose.pk))
    row = rows.select_related("operator__jurisdiction").get()
    return row, now.astimezone(operator.zone).date()
