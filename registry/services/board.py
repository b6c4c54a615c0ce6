"""The board of deadlines: whatever runs, filtered, assigned in bulk, given out as CSV."""

from __future__ import annotations

import csv
import io
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from registry.cells import safe
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Deadline, User
from registry.services.clocks import deadline_assign
from registry.services.texts import state

# One transaction holds them all: more would keep the others waiting.
AT_ONCE = 1_000


class BoardMoved(Conflict):
    template = gettext_noop(
        "Meanwhile %(found)s deadlines fit the filter, not %(seen)s. Look again, then assign."
    )


class TooManyAtOnce(OperatorError):
    template = gettext_noop("%(count)s deadlines are too many at once; the most is %(most)s.")


class NothingToAssign(OperatorError):
    template = gettext_noop("No deadline that you may assign fits the filter.")


@transaction.atomic
def deadlines_assign(
    *,
    deadlines: QuerySet[Deadline],
    seen: int,
    owner: User | None,
    by: User | None,
    now: datetime,
) -> int:
    """Give every clock of the filter to one person, all or none; how many.

    Refuses when their number is not what was ``seen`` on the page, and somebody who is not on the
    staff of one of their operators, or only reads there. While away, the substitute gets them.
    """
    # In one order everywhere: two who assign the same clocks wait, and do not lock each other.
    rows = list(deadlines.order_by("pk").select_related("operator__jurisdiction", "owner"))
    if not rows:
        raise NothingToAssign()
    if len(rows) != seen:
        raise BoardMoved(found=len(rows), seen=seen)
    if len(rows) > AT_ONCE:
        raise TooManyAtOnce(count=len(rows), most=AT_ONCE)
    for row in rows:
        deadline_assign(deadline=row, owner=owner, by=by, now=now, reason="assigned")
    return len(rows)


def deadlines_csv(*, deadlines: QuerySet[Deadline], now: datetime) -> bytes:
    """A line for each clock of the filter, the most urgent first, in the reader's language.

    Days as ISO, UTF-8 with a mark so that spreadsheets know it; no value of any person.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(
        [
            gettext("number"), gettext("demands"), gettext("due on"), gettext("overdue from"),
            gettext("state"), gettext("what binds"), gettext("article"), gettext("owner"),
            gettext("operator"),
        ]
    )  # fmt: skip
    rows = deadlines.select_related("operator__jurisdiction", "owner", "statute", "promise")
    for row in rows.order_by("ends_at", "pk"):
        ends = row.ends_at.astimezone(row.operator.zone) if row.ends_at else None
        rule = row.promise if row.binding == "promise" else row.statute
        writer.writerow(
            [
                safe(row.label), row.get_effect_display(),
                row.due_on.isoformat() if row.due_on else "",
                ends.strftime("%Y-%m-%d %H:%M") if ends else "", state(row, now),
                row.get_binding_display(), safe(rule.article) if rule else "",
                safe(str(row.owner)) if row.owner else "", safe(str(row.operator)),
            ]
        )  # fmt: skip
    return b"\xef\xbb\xbf" + stream.getvalue().encode()
