"""The clerk reads help texts: every field that a form shows has one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin

from registry.admin.base import ReadOnlyAdmin

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
