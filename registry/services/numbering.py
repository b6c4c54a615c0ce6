"""Numbers that people read: one more than the last, and never one that was given out before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import QuerySet
from django.db.models.functions import Length

from registry.models import Operator
from registry.services import holding


def highest(rows: QuerySet[Any], prefix: str) -> int:
    """The highest number among these rows under the prefix; 0: none yet."""
    # By length first: as text, 10000 stands before 9999.
    last = (
        rows.filter(number__startswith=prefix)
        .order_by(Length("number").desc(), "-number")
        .values_list("number", flat=True)
        .first()
    )
    return int(last.removeprefix(prefix)) if last else 0


def next_number(rows: QuerySet[Any], *, operator: Operator, prefix: str) -> str:
    """The next number under the prefix; whoever asks holds the operator's row.

    ``rows``: of this operator. Above what was given out before the database was restored, too.
    """
    last = max(highest(rows, prefix), holding.floor_of(operator.code, prefix))
    return f"{prefix}{last + 1:04d}"


def numbers_given(now: datetime) -> dict[str, int]:
    """Operator and prefix -> the highest number of this year, for every model that counts so.

    A model that counts says ``numbered = "ACT"``; upper rooms' are found by looking.
    """
    models: list[Any] = [model for model in apps.get_models() if hasattr(model, "numbered")]
    found = {}
    for operator in Operator.objects.select_related("jurisdiction").order_by("pk"):
        year = now.astimezone(operator.zone).year
        for model in models:
            prefix = f"{model.numbered}-{year}-"
            # The history knows those that were discarded.
            rows = getattr(model, "history", model._default_manager).filter(operator=operator)
            if last := highest(rows, prefix):
                found[f"{operator.code} {prefix}"] = last
    return found
