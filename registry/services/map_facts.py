"""The facts of the data map, read from one operator's register in six queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from django.db.models import F, Model

from registry.data_map import Activity, Border, Gift, Layer, Node, Register, border
from registry.models import (
    DataCategory,
    InformationSystem,
    Operator,
    Purpose,
    Recipient,
    Transfer,
)
from registry.services.transfer_gates import gate_state, gated


def map_facts(*, operator: Operator, today: date) -> Register:
    """Everything that the register joins, with the states of the gates on that day.

    Ended is what was over before that day, and a purpose on the day it was achieved. A transfer
    that its activity does not name is on the map all the same: the data go.
    """
    home = operator.jurisdiction.country
    nodes: list[Node] = []
    activities: dict[int, Activity] = {}
    ends = {"purpose_ends": F("activities__ended_on")}
    for number, (row, pairs) in enumerate(_joined(Purpose, operator, **ends), start=1):
        ended = row.ended_on is not None and row.ended_on <= today
        nodes.append(Node(Layer.PURPOSES, row.pk, str(row), ended=ended, number=number))
        for pair in pairs:
            last = pair.purpose_ends
            activities[pair.activity] = Activity(
                pair.activity, row.pk, ended=ended or (last is not None and last <= today)
            )

    data: dict[int, set[int]] = {}
    systems: dict[int, set[int]] = {}
    named: dict[int, set[int]] = {}
    for row, pairs in _joined(DataCategory, operator):
        nodes.append(Node(Layer.DATA, row.pk, str(row), kind=row.kind))
        _note(data, row, pairs)
    for row, pairs in _joined(InformationSystem, operator, "country"):
        nodes.append(Node(Layer.SYSTEMS, row.pk, str(row), **_place(row.country, home)))
        _note(systems, row, pairs)
    for row, pairs in _joined(Recipient, operator, "country"):
        place = _place(row.country, home)
        nodes.append(Node(Layer.RECIPIENTS, row.pk, str(row), kind=row.kind, **place))
        _note(named, row, pairs)
    gifts = _gifts(operator, today)
    return Register(
        tuple(nodes),
        tuple(
            Activity(
                pk,
                activity.purpose,
                frozenset(data.get(pk, ())),
                frozenset(systems.get(pk, ())),
                _given(named.get(pk, set()), gifts.get(pk, set())),
                activity.ended,
            )
            for pk, activity in activities.items()
        ),
    )


def _joined(
    model: type[Model], operator: Operator, *related: str, **more: Any
) -> Iterator[tuple[Any, list[Any]]]:
    """Each row once, in the order of entry, with a copy of it for each of its activities.

    One query: the activities come by an outer join, so that a row without any is there too.
    """
    rows = (
        model._default_manager.filter(operator=operator)
        .annotate(activity=F("activities"), **more)
        .order_by("pk", "activity")
    )
    if related:
        rows = rows.select_related(*related)
    alike: list[Any] = []
    for row in rows:
        if alike and alike[0].pk != row.pk:
            yield alike[0], [one for one in alike if one.activity is not None]
            alike = []
        alike.append(row)
    if alike:
        yield alike[0], [one for one in alike if one.activity is not None]


def _note(found: dict[int, set[int]], row: Any, pairs: Iterable[Any]) -> None:
    for pair in pairs:
        found.setdefault(pair.activity, set()).add(row.pk)


def _place(country: Any, home: str) -> dict[str, Any]:
    if country is None:
        return {"border": Border.UNKNOWN}
    return {
        "country": country.code,
        "country_name": str(country),
        "border": border(country.code, home),
    }


def _given(named: set[int], gifts: set[Gift]) -> frozenset[Gift]:
    """Recipients with a transfer as the transfer says; the others have none."""
    gated = {gift.recipient for gift in gifts}
    return frozenset(gifts | {Gift(recipient) for recipient in named - gated})


def _gifts(operator: Operator, today: date) -> dict[int, set[Gift]]:
    """By activity: what its transfers give, and how far their gates are."""
    rows = (
        gated(Transfer.objects.filter(operator=operator))
        .annotate(category=F("data_categories"))
        .order_by("pk", "category")
    )
    transfers: dict[int, Any] = {}
    categories: dict[int, set[int]] = {}
    for row in rows:
        transfers.setdefault(row.pk, row)
        if row.category is not None:
            categories.setdefault(row.pk, set()).add(row.category)
    found: dict[int, set[Gift]] = {}
    for pk, row in transfers.items():
        gift = Gift(
            row.recipient_id,
            gate_state(row, today),
            frozenset(categories.get(pk, ())),
        )
        found.setdefault(row.activity_id, set()).add(gift)
    return found
