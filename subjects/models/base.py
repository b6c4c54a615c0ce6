"""What the people's models share: a lean history and codes that say nothing."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

# No letter or digit that can be taken for another one, read aloud or written by hand.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 8


def new_code() -> str:
    """Such as ``S-7F3K9QWX``: random, so that it tells neither age nor number of people."""
    return "S-" + "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


class LeanHistory(HistoricalRecords):
    """A trail with one index, on the row's number: inherited ones would cost half of a sweep."""

    def copy_fields(self, model: Any) -> Any:
        fields = super().copy_fields(model)
        for field in fields.values():
            if field.name != model._meta.pk.name:
                field.db_index = False
                field._unique = False
        return fields

    def get_extra_fields(self, model: Any, fields: Any) -> Any:
        extra = super().get_extra_fields(model, fields)
        for name in ("history_date", "history_user"):
            if name in extra:
                extra[name].db_index = False
        return extra


def lean_history(**options: Any) -> LeanHistory:
    """The audit trail of a model of people; append-only by trigger like every other."""
    return LeanHistory(
        history_change_reason_field=models.TextField(_("reason"), null=True, blank=True),
        **options,
    )
