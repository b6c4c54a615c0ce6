"""Sources that still carry destroyed people: what the linter reads, and the verb that clears it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.explain import short_day
from registry.models import ReturnOfDestroyed
from registry.services.returns import return_clear


class ClearForm(VerbForm):
    how = forms.CharField(
        label=_("how it was cleaned"),
        max_length=300,
        help_text=_(
            "What was deleted there, by whom, and which paper or confirmation proves it. No names "
            "or numbers of people."
        ),
    )


def clear(request: HttpRequest, row: ReturnOfDestroyed, data: Mapping[str, Any]) -> str:
    return_clear(row=row, how=data["how"], by=request.user, now=timezone.now())
    return gettext("%(code)s is cleared.") % {"code": row.code}


def _open(row: ReturnOfDestroyed) -> bool:
    return row.cleared_at is None


@admin.register(ReturnOfDestroyed)
class ReturnOfDestroyedAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["code", "operator", "system", "act", "rows", "last", "cleared_at"]
    list_select_related = ["operator__jurisdiction", "system"]
    list_filter = [("cleared_at", admin.EmptyFieldListFilter), "operator"]
    search_fields = ["code", "act"]
    readonly_fields = ["last"]
    verbs = (
        Verb(
            "clear",
            _("Write down that it was cleaned"),
            ClearForm,
            clear,
            "clear",
            _open,
            _("The finding goes. Whoever comes back from this source after that is a new one."),
        ),
    )

    @admin.display(description=_("last on"), ordering="last_on")
    def last(self, row: ReturnOfDestroyed) -> str:
        return short_day(row.last_on)
