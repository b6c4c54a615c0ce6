"""The one extension that the law allows for an answer to a person."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from registry.errors import OperatorError, gettext_noop
from registry.models import Extension, User
from registry.services.clocks import deadline_extend
from requests.models import RequestItem
from requests.services.closing import NoClockRuns
from requests.services.deciding import clocks_of_item
from requests.services.moving import request_locked


class NoticeBeforeReceipt(OperatorError):
    template = gettext_noop("%(number)s: the notice cannot be older than what it is about.")


@transaction.atomic
def item_extend(
    *,
    item: RequestItem,
    reasons: str,
    notice_number: str,
    notice_sent_at: datetime,
    by: User | None,
    now: datetime,
) -> Extension:
    """Extend the clock of a demand once, by a notice with reasons sent before its end.

    Five working days more (152-FZ 14(3), 20(2), 21(5.1)); 94-V knows no extension. Refused: a
    demand whose clock does not run, a notice that is older than the demand or lies ahead, and
    whatever the clock itself refuses (a second time, after the end, under a promise).
    """
    row = request_locked(item.request, "assign")
    item = RequestItem.objects.get(pk=item.pk)
    clocks = clocks_of_item(item)
    if not clocks:
        raise NoClockRuns(number=row.number)
    if notice_sent_at < item.received_at:
        raise NoticeBeforeReceipt(number=row.number)
    # A finding has clocks of its own, that no law extends.
    extensible = [one for one in clocks if one.statute and one.statute.extension_length]
    return deadline_extend(
        deadline=[*extensible, *clocks][0],
        reasons=reasons,
        notice_number=notice_number,
        notice_sent_at=notice_sent_at,
        by=by,
        now=now,
    )
