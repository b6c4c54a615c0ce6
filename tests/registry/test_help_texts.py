"""The clerk reads help texts: every field that a form shows has one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from registry.admin.base import ReadOnlyAdmin
from registry.models import Operator, ProcessingActivity
from registry.services import audit
from tests.conftest import Office

EDITED = [
    model
    for model, model_admin in admin.site._registry.items()
    if not isinstance(model_admin, ReadOnlyAdmin)
]
# The password has a page of its own; the rest no form shows.
NOT_SHOWN = {"password", "last_login", "date_joined"}


@pytest.mark.parametrize("model", EDITED, ids=lambda model: model._meta.label)
def test_every_field_a_clerk_sees_is_explained(model: Any) -> None:
    fields = [*model._meta.fields, *model._meta.many_to_many]
    silent = [
        field.name
        for field in fields
        if field.editable and not field.auto_created and not field.help_text
    ]
    assert set(silent) <= NOT_SHOWN


@pytest.mark.parametrize(
    ("model", "list_of_choices", "labels"),
    [
        (ProcessingActivity, "operations", ["collection", "storage"]),
        (Operator, "languages", ["Russian", "English"]),
    ],
)
def test_a_list_of_choices_that_is_only_read_is_words(
    office: Office, as_user: Any, model: Any, list_of_choices: str, labels: list[str]
) -> None:
    operator = office.pandev.operator
    row = operator if model is Operator else model.objects.filter(operator=operator).first()
    codes = {"operations": ["collection", "storage"], "languages": ["ru", "en"]}
    setattr(row, list_of_choices, codes[list_of_choices])
    audit.save(row, by=office.pandev.dpo, reason="test")
    opts = model._meta
    path = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])
    text = as_user(office.pandev.auditor).get(path).content.decode()
    assert ", ".join(labels) in text and "[&quot;" not in text
    if model is ProcessingActivity:
        # Whoever may change it still gets the boxes to tick.
        form = as_user(office.pandev.dpo).get(path).content.decode()
        assert 'name="operations"' in form and 'type="checkbox"' in form
