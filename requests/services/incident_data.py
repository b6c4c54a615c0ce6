"""Which data an incident can concern: of its categories, and there when it happened."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet

from registry.models import DataCategory, ProcessingActivity
from requests.models import Incident
from subjects.choices import HeldIn, Outcome
from subjects.models import ActItem, DestructionItem, Ground, PersonalDatum


def data_then(row: Incident) -> QuerySet[PersonalDatum]:
    """The data that the incident can concern: of its categories, collected by then, and not
    destroyed before it happened (before it was detected, where nobody knows since when).
    """
    day = (row.happened_until or row.detected_at).astimezone(row.operator.zone).date()
    since = row.happened_from or row.detected_at
    data = PersonalDatum.objects.filter(collected_on__lte=day).order_by()
    categories = list(row.data_categories.values_list("pk", flat=True))
    if categories:
        data = data.filter(category__in=categories)
    gone = DestructionItem.objects.filter(destroyed_at__lt=since)
    elsewhere = ActItem.objects.filter(key=None, outcome=Outcome.DESTROYED, confirmed_at__lt=since)
    return data.exclude(
        Exists(gone.filter(key=OuterRef("value_key")))
        | Exists(gone.filter(key=OuterRef("file__key")))
        | Q(~Q(held_in=HeldIn.VAULT), Exists(elsewhere.filter(datum=OuterRef("pk"))))
    )


def under(row: Incident, activities: Iterable[int]) -> Q:
    """Cards with a ground of these activities, and data of the categories that these process."""
    chosen = list(activities)
    day = (row.happened_until or row.detected_at).astimezone(row.operator.zone).date()
    grounds = Ground.objects.filter(activity__in=chosen, started_on__lte=day).order_by()
    data = data_then(row).filter(Q(category__activities__in=chosen) | Q(category=None))
    # Lists, not questions for each card: SQLite may answer those by going through a whole system.
    return Q(pk__in=grounds.values("subject")) & Q(pk__in=data.values("subject"))


def data_in_systems(row: Incident) -> Q:
    """Data that the incident's systems process: of a category of an activity that uses one of
    them; all, while no system is named, or none that an activity is known to use.
    """
    systems = list(row.systems.values_list("pk", flat=True))
    using = ProcessingActivity.objects.filter(systems__in=systems).order_by()
    if not systems or not using.exists():
        return Q()
    return Q(category__in=DataCategory.objects.filter(activities__in=using).values("pk"))
