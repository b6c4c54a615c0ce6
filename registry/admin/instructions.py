"""Instructions of processors, with what the law wants said and they do not say."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.base import OfficeAdmin
from registry.admin.transfer_forms import InstructionForm
from registry.explain import missing_in_words
from registry.models import ProcessorInstruction
from registry.services.instructions import CONTENTS, missing


@admin.register(ProcessorInstruction)
class ProcessorInstructionAdmin(OfficeAdmin):
    form = InstructionForm
    change_form_template = "admin/registry/processorinstruction/change_form.html"
    list_display = ["number", "recipient", "signed_on", "ended_on", "whole", "operator"]
    list_filter = ["operator"]
    search_fields = ["number"]
    filter_horizontal = ["activities", "data_categories"]
    fixed = ["operator", "recipient"]
    fields = [
        "operator", "recipient", "number", "signed_on", "ended_on", "activities",
        "data_categories", "operations", "confidentiality", "localisation", "security",
        "incident_notice", "change_reason",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .select_related("operator__jurisdiction", "recipient")
            .prefetch_related("activities", "data_categories")
        )

    @admin.display(description=_("contents"))
    def whole(self, row: ProcessorInstruction) -> str:
        lacking = missing(row)
        if not lacking:
            return gettext("complete")
        return gettext("lacks %(count)s of %(all)s") % {
            "count": len(lacking), "all": len(CONTENTS),
        }  # fmt: skip

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context["lacking"] = missing_in_words(missing(row))
        return super().render_change_form(request, context, *args, **kw)
