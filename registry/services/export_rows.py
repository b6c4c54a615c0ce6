"""The whole register of an operator as it stands at one moment, read in one statement.

Each table tells its rows as JSON objects, each many-to-many field its pairs, and all of it comes
in one UNION: no row can change between two of them, and the length of the register costs no
query. What comes back are rows of the models, tied to each other in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from django.db import models
from django.db.models import F, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import JSONObject

from registry.models import (
    Carrier,
    ClaimedGround,
    ControlRecord,
    ControlStep,
    Country,
    DeadlineRule,
    InformationSystem,
    Jurisdiction,
    LegalBasis,
    Operator,
    PolicyText,
    PolicyVersion,
    ProcessingActivity,
    Recipient,
    RecipientInformation,
    RegisterPaper,
    Transfer,
    User,
)
from registry.models.base import LANGUAGES
from registry.services.export_tables import CARD, DERIVED, NAMED, TABLES, Row, Table, is_in_three
from registry.services.policies import with_next
from registry.services.transfer_gates import gated

ALL = (CARD, *TABLES)
# Model, field, and the keys of the two rows that it joins.
Pair = tuple[type[Model], str, int, int]
Made = Mapping[type[Model], dict[int, Row]]


@dataclass(frozen=True)
class Snapshot:
    """A register at a moment; ``moment`` on the operator's clock, ``rows`` by key of the table."""

    card: Row
    moment: datetime
    rows: Mapping[str, list[Row]]

    @property
    def operator(self) -> Operator:
        operator: Operator = self.card.it
        return operator


@dataclass(frozen=True, slots=True)
class Extra:
    """What is read along with a row and is no field of it: a path, and how JSON is read back."""

    path: str
    read: Callable[[Any], Any] = lambda value: value


def _moment(value: Any) -> datetime | None:
    """SQLite writes it without its zone, which is UTC, and with a space."""
    if value is None:
        return None
    read = datetime.fromisoformat(value)
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def _day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _flag(value: Any) -> bool | None:
    return None if value is None else bool(value)


EXTRAS: dict[type[Model], dict[str, Extra]] = {
    Transfer: {
        "gate_protects": Extra("gate_protects", _flag),
        "gate_asked_at": Extra("gate_asked_at", _moment),
        "gate_waits_until": Extra("gate_waits_until", _day),
    },
    PolicyVersion: {"next_on": Extra("next_on", _day)},
    RegisterPaper: {
        "filed_on": Extra("filing__filed_on", _day),
        "filing_number": Extra("filing__reference"),
    },
    ControlStep: {"last_on": Extra("last_record_on", _day)},
}


def snapshot_of(*, operator: Operator, now: datetime) -> Snapshot:
    """The register at that moment, with states as they are on the operator's day; one query.

    Names and words come out in the language that is active when they are asked for.
    """
    made, pairs = _read(operator)
    card = made[Operator][operator.pk]
    moment = now.astimezone(_tied(card, made).zone)
    for rows in made.values():
        for row in rows.values():
            row.today = moment.date()
            _tied(row, made)
            _on_the_clock(row, moment)
    _linked(pairs, made)
    listed = {table.key: _sorted(table, made) for table in TABLES}
    return Snapshot(card, moment, listed)


# --- asking --------------------------------------------------------------------------------------
def _wanted(operator: Operator) -> dict[type[Model], QuerySet[Any]]:
    own = {
        table.model: table.model._default_manager.filter(operator=operator)
        for table in TABLES
        if table.model not in {LegalBasis, RecipientInformation}
    }
    mine = Q(operator=operator)
    systems = InformationSystem.objects.filter(mine)
    recipients = Recipient.objects.filter(mine)
    carriers = Carrier.objects.filter(mine)
    activities = ProcessingActivity.objects.filter(mine)
    checked = ControlRecord.objects.filter(step=OuterRef("pk")).order_by("-done_on")
    card = Operator.objects.filter(pk=operator.pk)
    return own | {
        Operator: card,
        Jurisdiction: Jurisdiction.objects.all(),
        Country: Country.objects.filter(
            Q(pk__in=systems.values("country"))
            | Q(pk__in=recipients.values("country"))
            | Q(pk__in=card.values("mailbox_country"))
        ),
        # Only those of the staff whom the register names.
        User: User.objects.filter(
            Q(pk__in=card.values("responsible"))
            | Q(pk__in=carriers.values("responsible"))
            | Q(pk__in=ControlStep.objects.filter(mine).values("responsible"))
        ),
        LegalBasis: LegalBasis.objects.filter(
            Q(pk__in=activities.values("legal_bases"))
            | Q(pk__in=Transfer.objects.filter(mine).values("legal_basis"))
            | Q(pk__in=ClaimedGround.objects.filter(mine).values("legal_basis"))
        ),
        Transfer: gated(Transfer.objects.filter(mine)),
        RecipientInformation: RecipientInformation.objects.filter(transfer__operator=operator),
        PolicyVersion: with_next(PolicyVersion.objects.filter(mine)),
        PolicyText: PolicyText.objects.filter(version__operator=operator),
        DeadlineRule: DeadlineRule.objects.filter(mine),
        ControlStep: ControlStep.objects.filter(mine).annotate(
            last_record_on=Subquery(checked.values("done_on")[:1])
        ),
    }


@cache
def _fields(model: type[Model]) -> tuple[Any, ...]:
    """The columns of the table that an export reads, in the order of the model."""
    names = NAMED.get(model) or next(table.names for table in ALL if table.model is model)
    order = next((table.order for table in TABLES if table.model is model), ())
    wanted = {model._meta.pk.attname}
    for name in (*names, *_judged(model), *order):
        if is_in_three(model, name):
            wanted |= {f"{name}_{language}" for language in LANGUAGES}
        elif (model, name) not in DERIVED:
            its: Any = model._meta.get_field(name)
            wanted |= set() if its.many_to_many else {its.attname}
    return tuple(its for its in model._meta.concrete_fields if its.attname in wanted)


def _judged(model: type[Model]) -> tuple[str, ...]:
    """What a state is worked out from, beside the columns."""
    if model is RegisterPaper:
        return ("signed_at",)
    return ("operator",) if model is Transfer else ()


def _many(model: type[Model]) -> Iterator[Any]:
    for table in ALL:
        if table.model is model:
            for name in table.names:
                if (model, name) not in DERIVED and not is_in_three(model, name):
                    its: Any = model._meta.get_field(name)
                    if its.many_to_many:
                        yield its


def _kind(text: str) -> Value:
    return Value(text, output_field=models.CharField())


def _read(operator: Operator) -> tuple[Made, list[Pair]]:
    """The rows by model and key, and what the many-to-many fields join; the one statement."""
    parts = []
    by_name: dict[str, type[Model]] = {}
    for model, queryset in _wanted(operator).items():
        by_name[model.__name__] = model
        told = {its.attname: F(its.attname) for its in _fields(model)}
        told |= {f"+{name}": F(one.path) for name, one in EXTRAS.get(model, {}).items()}
        plain = queryset.select_related(None).prefetch_related(None).order_by()
        parts.append(plain.values_list(_kind(model.__name__), F("pk"), JSONObject(**told)))
        for its in _many(model):
            near, far = its.m2m_field_name(), its.m2m_reverse_field_name()
            owner = near if model is Operator else f"{near}__operator"
            through = its.remote_field.through._default_manager.filter(**{owner: operator.pk})
            named = _kind(f"{model.__name__}.{its.name}")
            pair = JSONObject(far=F(f"{far}_id"))
            parts.append(through.order_by().values_list(named, F(f"{near}_id"), pair))
    made: dict[type[Model], dict[int, Row]] = {model: {} for model in by_name.values()}
    pairs: list[Pair] = []
    first, *others = parts
    for kind, pk, values in first.union(*others, all=True):
        table, _, name = kind.partition(".")
        if name:
            pairs.append((by_name[table], name, pk, values["far"]))
        else:
            model = by_name[table]
            made[model][pk] = _row(model, values)
    return made, pairs


# --- making --------------------------------------------------------------------------------------
def _row(model: type[Model], values: Mapping[str, Any]) -> Row:
    fields = _fields(model)
    read = [_back(its, values[its.attname]) for its in fields]
    extra = {name: one.read(values[f"+{name}"]) for name, one in EXTRAS.get(model, {}).items()}
    it = model.from_db("default", [its.attname for its in fields], read)
    # Where the services look for it.
    vars(it).update(extra)
    return Row(it, extra=extra)


def _back(its: Any, value: Any) -> Any:
    """A value as the model has it: SQLite hands flags over as numbers and lists as text, and
    nobody has dates in JSON."""
    if isinstance(its, models.JSONField):
        return json.loads(value) if isinstance(value, str) else value
    if isinstance(its, models.BooleanField):
        return _flag(value)
    if isinstance(its, models.DateTimeField):
        return _moment(value)
    return _day(value) if isinstance(its, models.DateField) else value


def _tied(row: Row, made: Made) -> Any:
    """The row, holding the rows that its foreign keys name."""
    it = row.it
    for its in _fields(it.__class__):
        if its.is_relation:
            far = made[its.related_model].get(getattr(it, its.attname))
            setattr(it, its.name, far.it if far is not None else None)
    return it


def _on_the_clock(row: Row, moment: datetime) -> None:
    """Moments as the operator's clock showed them."""
    for its in _fields(row.it.__class__):
        value = getattr(row.it, its.attname)
        if isinstance(value, datetime):
            setattr(row.it, its.attname, value.astimezone(moment.tzinfo))


def _linked(pairs: list[Pair], made: Made) -> None:
    for model, name, near, far in pairs:
        its: Any = model._meta.get_field(name)
        found = made[its.related_model].get(far)
        if found is not None and near in made[model]:
            made[model][near].links.setdefault(name, []).append(found.it)
    for model, name, key in (
        (PolicyText, "texts", "version"), (RecipientInformation, "information", "transfer"),
    ):  # fmt: skip
        for row in made[model].values():
            owner = made[type(getattr(row.it, key))][getattr(row.it, key).pk]
            owner.links.setdefault(name, []).append(row.it)
    for rows in made.values():
        for row in rows.values():
            for found_rows in row.links.values():
                found_rows.sort(key=lambda one: (getattr(one, "code", ""), one.pk))
    for row in made[PolicyVersion].values():
        row.links.get("texts", []).sort(key=lambda text: LANGUAGES.index(text.language))
    for row in made[Transfer].values():
        # What ``gated`` would have fetched: gates are judged by it.
        row.it._prefetched_objects_cache = {"information": row.links.get("information", [])}


def _sorted(table: Table, made: Made) -> list[Row]:
    def place(row: Row) -> tuple[Any, ...]:
        values = [getattr(row.it, name) for name in table.order]
        return (*((value is not None, value) for value in values), row.it.pk)

    return sorted(made[table.model].values(), key=place)
