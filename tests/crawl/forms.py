"""Posting a page of the admin as a browser would: what the form shows goes back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.forms.models import model_to_dict
from django.test import Client


def shown(form: forms.BaseForm) -> dict[str, Any]:
    """The values of a form as it was rendered."""
    return _posted(form, {bound.name: bound.value() for bound in form})


def copied(form: forms.ModelForm, row: Model) -> dict[str, Any]:
    """An empty form of the row's kind, filled in as that row is."""
    values = model_to_dict(row)
    return _posted(form, {name: values.get(name) for name in form.fields})


def post_and_confirm(client: Client, path: str, data: dict[str, Any]) -> Any:
    """Post; where the office shows first what would move, confirm that."""
    response = client.post(path, data)
    if not (response.context and "moves" in response.context):
        return response
    again: dict[str, list[str]] = {}
    for name, value in response.context["fields"]:
        again.setdefault(name, []).append(value)
    return client.post(path, again | {"_confirmed": "1"})


def _posted(form: forms.BaseForm, values: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, field in form.fields.items():
        if isinstance(field, forms.FileField):
            data[name] = SimpleUploadedFile("people.csv", b"account\nu-1\n")
            continue
        value = field.prepare_value(values[name])
        widget = getattr(field.widget, "widget", field.widget)
        if isinstance(widget, forms.CheckboxInput):
            if value:
                data[name] = "on"
        elif isinstance(widget, forms.MultiWidget):
            for number, part in enumerate(widget.decompress(value)):
                data[f"{name}_{number}"] = widget.widgets[number].format_value(part) or ""
        elif isinstance(field, forms.ModelMultipleChoiceField):
            data[name] = [getattr(item, "pk", item) for item in value or []]
        else:
            found = widget.format_value(value)
            if isinstance(found, list | tuple):
                found = [item for item in found if item not in ("", None)]
            data[name] = "" if found is None else found
    return data
