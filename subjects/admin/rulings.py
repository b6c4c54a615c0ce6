"""Decisions that data go: which stand, by when, and taking one back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.explain import short_day
from subjects.admin.forms import reason_field
from subjects.admin.pages import short_moment
from subjects.models import DestructionRuling
from subjects.services.rulings import ruling_revoke


class RevokeForm(VerbForm):
    reason = reason_field(
        _("Who took it back, and by which paper. No names or numbers of people here.")
    )


def revoke(request: HttpRequest, row: DestructionRuling, data: Mapping[str, Any]) -> str:
    ruling_revoke(ruling=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("Taken back. What a ground covers stays.")


@admin.register(DestructionRuling)
class DestructionRulingAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["label", "operator", "person", "category", "why", "due", "state"]
    list_select_related = ["operator__jurisdiction", "datum__subject", "datum__category"]
    list_filter = ["why", ("ended_at", admin.EmptyFieldListFilter), "operator"]
    search_fields = ["label", "datum__subject__code"]
    readonly_fields = ["person", "category", "due", "state", "decided"]
    fieldsets: Any = [
        (
            None,
            {
                "fields": [
                    "operator", "person", "category", "why", "label", "reason", "counted_from",
                    "stated_on", "due", "rule", "article", "decided", "made_by", "state",
                ]
            },
        )
    ]  # fmt: skip
    verbs = (
        Verb(
            "revoke",
            _("Take back"),
            RevokeForm,
            revoke,
            "revoke",
            lambda row: row.ended_at is None,
            _("The datum may be used again; what a ground covers stays. Not once it is destroyed."),
        ),
    )

    @admin.display(description=_("person"))
    def person(self, row: DestructionRuling) -> SafeString:
        link = reverse("admin:subjects_datasubject_change", args=[row.datum.subject_id])
        return format_html('<a class="code" href="{}">{}</a>', link, row.datum.subject.code)

    @admin.display(description=_("data category"))
    def category(self, row: DestructionRuling) -> str:
        return str(row.datum.category or gettext("identity in the operator's systems"))

    @admin.display(description=_("due"), ordering="due_on")
    def due(self, row: DestructionRuling) -> str:
        return short_day(row.due_on)

    @admin.display(description=_("decided at"))
    def decided(self, row: DestructionRuling) -> str:
        return short_moment(row.made_at, row.operator.zone)

    @admin.display(description=_("state"))
    def state(self, row: DestructionRuling) -> str:
        if row.ended_at is None:
            return gettext("is being carried out")
        return gettext("ended %(at)s") % {"at": short_moment(row.ended_at, row.operator.zone)}
