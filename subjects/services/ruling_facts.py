"""What was decided about data, as ``fate`` wants it: read with them, or for many at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from django.db.models import OuterRef, QuerySet, Subquery

from registry import seam
from registry.seam.gathering import gathered
from subjects import fate
from subjects.models import DestructionRuling, PersonalDatum

# An annotation of data: the decision that each goes, if one stands.
RULINGS_OF = "standing_rulings"


def rulings_on(rows: QuerySet[DestructionRuling]) -> dict[int, fate.Ruling]:
    """Datum -> what was decided about it; of standing rulings."""
    names = ("due_on", "rule", "article", "why", "counted_from")
    standing = rows.filter(ended_at=None).order_by().values("datum", *names)
    return {row.pop("datum"): _ruling(**row) for row in standing}


def _ruling(*, due_on: date, rule: str, article: str, why: str, counted_from: date) -> fate.Ruling:
    source = fate.Source.STATUTE if rule else fate.Source.ORDER
    return fate.Ruling(fate.Limit(due_on, rule, article, source), why, counted_from)


def rulings_of_data() -> Subquery:
    """An annotation of data (``RULINGS_OF``): what was decided about each, without a query more."""
    rows = DestructionRuling.objects.filter(datum=OuterRef("pk"), ended_at=None)
    names = ("due_on", "rule", "article", "why", "counted_from")
    return gathered(rows, **{name: name for name in names})


def _annotated(datum: PersonalDatum) -> fate.Ruling | None:
    found = getattr(datum, RULINGS_OF) or [None]
    if found[0] is None:
        return None
    days = {name: date.fromisoformat(found[0][name]) for name in ("due_on", "counted_from")}
    return _ruling(**found[0] | days)


def rulings_about(data: Collection[PersonalDatum]) -> dict[int, fate.Ruling | None]:
    """Datum -> what was decided; from the annotation, one query for all that have none."""
    rulings = {datum.pk: _annotated(datum) for datum in data if hasattr(datum, RULINGS_OF)}
    numbers = [datum.pk for datum in data if datum.pk not in rulings]
    if numbers:
        rows = seam.numbered(DestructionRuling.objects.all(), "datum_id", numbers)
        rulings |= rulings_on(rows)
    return rulings
