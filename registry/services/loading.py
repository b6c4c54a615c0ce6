"""Rows from a data file, again and again, without undoing what people changed by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from registry.errors import OperatorError, gettext_noop
from registry.models import LoadedRow


class LoadRefused(OperatorError):
    """The file does not say what it must; nothing of it is loaded."""

    template = gettext_noop("%(where)s: %(why)s")


@dataclass(slots=True)
class Report:
    """What a load did: counts by outcome, and the fields kept because people changed them."""

    counts: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)

    def line(self) -> str:
        names = ("created", "updated", "unchanged")
        return ", ".join(f"{self.counts[name]} {name}" for name in names)


def _plain(value: Any) -> Any:
    """A JSON value that stands for a field's value."""
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, date):
        return value.isoformat()
    return value


def _current(row: Model, name: str) -> Any:
    if row._meta.get_field(name).many_to_many:
        return sorted(getattr(row, name).values_list("pk", flat=True))
    return _plain(getattr(row, name))


def _message(error: ValidationError) -> str:
    if hasattr(error, "message_dict"):
        return "; ".join(
            f"{name}: {' '.join(texts)}" if name != "__all__" else " ".join(texts)
            for name, texts in error.message_dict.items()
        )
    return " ".join(error.messages)


def put_row(
    model: type[Model],
    *,
    where: str,
    lookup: Mapping[str, Any],
    values: Mapping[str, Any],
    reason: str,
    report: Report,
) -> Model:
    """Create the row, or bring it to what the file says now.

    A field that somebody changed since the last load is kept and reported. ``lookup`` finds the
    row, ``values`` are its other fields (many-to-many as lists of rows). Writes history with
    ``reason``. Refuses what the model refuses, naming ``where``.
    """
    manager: Any = model._default_manager
    key = "/".join(str(_plain(value)) for value in lookup.values())
    row = manager.filter(**lookup).first()
    created = row is None
    if row is None:
        row = model(**lookup)
    loaded = LoadedRow.objects.filter(model=model._meta.label_lower, key=key).first()
    shipped: dict[str, Any] = dict(loaded.values) if loaded else {}
    many = {name for name in values if model._meta.get_field(name).many_to_many}
    wanted = {
        name: sorted(item.pk for item in value) if name in many else _plain(value)
        for name, value in values.items()
    }
    changed: list[str] = []
    for name, value in wanted.items():
        if created:
            changed.append(name)
            continue
        present = _current(row, name)
        if present == value:
            continue
        if name in shipped and shipped[name] == present:
            changed.append(name)
        elif shipped.get(name) != value:
            # Only a file that says something new asks again; an old wish stays answered.
            report.kept.append(f"{where}: {name}")
    plain = [name for name in changed if name not in many]
    for name in plain:
        setattr(row, name, values[name])
    if created or plain:
        row._change_reason = reason
        try:
            row.full_clean()
        except ValidationError as error:
            raise LoadRefused(where=where, why=_message(error)) from None
        row.save()
    for name in changed:
        if name in many and (not created or values[name]):
            row._change_reason = reason
            getattr(row, name).set(values[name])
    if shipped != wanted:
        LoadedRow.objects.update_or_create(
            model=model._meta.label_lower, key=key, defaults={"values": wanted}
        )
    report.counts["created" if created else "updated" if changed else "unchanged"] += 1
    return row


def texts(values: dict[str, Any], names: tuple[str, ...], where: str) -> dict[str, Any]:
    """Turn ``name = {en, ru, kk}`` into the three fields of a row."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name not in names:
            flat[name] = value
            continue
        if not isinstance(value, dict) or not set(value) <= {"en", "ru", "kk"}:
            raise LoadRefused(where=where, why=f"{name} must be a table of en, ru and kk")
        for language in ("en", "ru", "kk"):
            flat[f"{name}_{language}"] = value.get(language, "")
    return flat
