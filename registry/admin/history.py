"""Changes in the history as words: no None, no codes of choices, no moments in another zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django.utils.translation import gettext
from simple_history.models import DeletedObject
from simple_history.template_utils import HistoricalRecordContextHelper

from registry.explain import long_day

NOTHING = "–"


class WordedChanges(HistoricalRecordContextHelper):
    """Writes old and new values as the page of the row does."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        value = super().prepare_delta_change_value(change, value)
        if value is None or value == "" or (isinstance(value, DeletedObject) and value.pk is None):
            return NOTHING
        if isinstance(value, bool):
            return gettext("Yes") if value else gettext("No")
        if isinstance(value, datetime):
            local = value.astimezone(self._zone())
            return f"{long_day(local.date())}, {local:%H:%M}"
        if isinstance(value, date):
            return long_day(value)
        choices = getattr(self.model._meta.get_field(change.field), "flatchoices", None)
        if choices and isinstance(value, str):
            return str(dict(choices).get(value, value))
        return value

    def _zone(self) -> Any:
        return getattr(getattr(self.record, "operator", None), "zone", UTC)
