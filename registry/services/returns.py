"""Sources that still carry people who were destroyed: written down, and cleared by the DPO."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import DateField, F, Value
from django.db.models.functions import Greatest

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import InformationSystem, Operator, ReturnOfDestroyed, User

# What the code of a return begins with where a file brought the people and no system is known.
FILE = "file"
NO_ACT = "-"


class ReturnCleared(Conflict):
    template = gettext_noop("%(code)s is cleared already.")


class HowCleanedMissing(OperatorError):
    template = gettext_noop("%(code)s: write down how the source was cleaned.")


class HowCleanedTooLong(OperatorError):
    template = gettext_noop("%(code)s: %(limit)s characters at the most.")


def return_note(
    *,
    operator: Operator,
    system: InformationSystem | None,
    act: str,
    rows: int,
    now: datetime,
) -> None:
    """So many rows of a source named somebody whom this act destroyed; one open row a source.

    Of files the rows add up. A system says how many it has: the most that it ever said counts, so
    that the same message twice is one. In the caller's transaction.
    """
    today = now.astimezone(operator.zone).date()
    code = f"{system.code if system else FILE}/{act or NO_ACT}"
    if not _counted(operator, code, system, rows, now):
        made = ReturnOfDestroyed.objects.bulk_create(
            [
                ReturnOfDestroyed(
                    operator=operator, code=code, system=system, act=act, rows=0, first_on=today,
                    last_on=today,
                )
            ],
            # Somebody else was first: both count below.
            ignore_conflicts=True,
        )  # fmt: skip
        assert made
        _counted(operator, code, system, rows, now)


def _counted(
    operator: Operator, code: str, system: InformationSystem | None, rows: int, now: datetime
) -> bool:
    today = now.astimezone(operator.zone).date()
    mine = ReturnOfDestroyed.objects.filter(operator=operator, code=code, cleared_at=None)
    more = Greatest(F("rows"), rows) if system else F("rows") + rows
    return bool(mine.update(rows=more, last_on=Greatest(F("last_on"), Value(today, DateField()))))


@transaction.atomic
def return_clear(*, row: ReturnOfDestroyed, how: str, by: User, now: datetime) -> ReturnOfDestroyed:
    """The source was cleaned; ``how``: by what. Whoever comes back after that is a new finding.

    Refuses one that is cleared already, and an empty reason.
    """
    found = seam.lock(ReturnOfDestroyed.objects.filter(pk=row.pk)).get()
    how = how.strip()
    if not how:
        raise HowCleanedMissing(code=found.code)
    limit = ReturnOfDestroyed._meta.get_field("cleared_how").max_length or 0
    if len(how) > limit:
        raise HowCleanedTooLong(code=found.code, limit=limit)
    if found.cleared_at is not None:
        raise ReturnCleared(code=found.code)
    found.cleared_at, found.cleared_by, found.cleared_how = now, by, how
    found.save(update_fields=["cleared_at", "cleared_by", "cleared_how"])
    return found
