"""Rows from a data file, again and again, without undoing what people changed by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from textwrap import shorten
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from registry import seam
from registry.errors import OperatorError, gettext_noop
from registry.models import LoadedRow

LONGEST_REFUSAL = 300


class LoadRefused(OperatorError):
    """The file does not say what it must; nothing of it is loaded."""

    template = gettext_noop("%(where)s: %(why)s")

    def __init__(self, *, where: str, why: str) -> None:
        # The file's own words may stand in it: one printable line, whatever they are.
        line = "".join(char if char.isprintable() else " " for char in why)
        super().__init__(where=where, why=shorten(line, LONGEST_REFUSAL, placeholder=" ..."))


@dataclass(slots=True)
class Report:
    """What a load did: counts by outcome, and the fields kept because people changed them.

    ``seen``: the rows that it has met, since none may stand in a file twice.
    """

    counts: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

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


def _default(model: type[Model], name: str) -> Any:
    """What a field holds while nobody has said anything."""
    found: Any = model._meta.get_field(name)
    return [] if found.many_to_many else found.get_default()


def _check_value(model: type[Model], name: str, value: Any, where: str) -> None:
    """Refuse a value that the field would read as something else (5 for "5", a time for a day)."""
    found: Any = model._meta.get_field(name)
    if found.many_to_many or (isinstance(value, Model) and found.is_relation):
        return
    try:
        held = found.to_python(value)
    except (ValidationError, TypeError, ValueError, ArithmeticError):
        held = Ellipsis
    if held != value or type(held) is not type(value):
        raise LoadRefused(where=where, why=f"{name}: {value!r} cannot stand here")


def _key(lookup: Mapping[str, Any]) -> str:
    key = "/".join(str(_plain(value)) for value in lookup.values())
    longest = LoadedRow._meta.get_field("key").max_length or 0
    return key if len(key) <= longest else sha256(key.encode()).hexdigest()


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

    A field that somebody changed since the last load is kept and reported; one that the file no
    longer names goes back to nothing. ``lookup`` finds the row, ``values`` are its other fields
    (many-to-many as lists of rows). Writes history with ``reason``. Refuses what the model
    refuses and a row that stands in the file twice, naming ``where``.
    """
    for name, value in {**lookup, **values}.items():
        _check_value(model, name, value, where)
    key, label = _key(lookup), model._meta.label_lower
    if (label, key) in report.seen:
        raise LoadRefused(where=where, why="this row stands in the file twice")
    report.seen.add((label, key))
    manager: Any = model._default_manager
    row: Any = seam.lock(manager.filter(**lookup)).first()
    created = row is None
    if row is None:
        row = model(**lookup)
    loaded = LoadedRow.objects.filter(model=label, key=key).first()
    shipped: dict[str, Any] = dict(loaded.values) if loaded else {}
    fields = {field.name for field in model._meta.get_fields()}
    dropped = [name for name in shipped if name in fields and name not in values]
    values = {**values, **{name: _default(model, name) for name in dropped}}
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
        before = shipped[name] if name in shipped else _plain(_default(model, name))
        if present == before:
            changed.append(name)
        elif name not in shipped or shipped[name] != value:
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
        except (TypeError, ValueError) as error:
            # A list or a table where the field's own check expects something else.
            raise LoadRefused(where=where, why=f"{', '.join(plain)}: {error}") from None
        row.save()
    for name in changed:
        if name in many and (not created or values[name]):
            row._change_reason = reason
            getattr(row, name).set(values[name])
    if shipped != wanted:
        LoadedRow.objects.update_or_create(model=label, key=key, defaults={"values": wanted})
    report.counts["created" if created else "updated" if changed else "unchanged"] += 1
    found: Model = row
    return found


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
