"""The law in the admin. What is corrected here moves open deadlines, previewed first."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.access import scoped
from registry.admin.base import OfficeAdmin, ReadOnlyAdmin
from registry.models import (
    Adequacy,
    Authority,
    CalendarDay,
    CalendarYear,
    Correction,
    CorrectionItem,
    Country,
    DeadlineRule,
    Jurisdiction,
    LegalBasis,
    Operator,
)
from registry.services.corrections import Move, correct


class RehearsedAdmin(OfficeAdmin):
    """Saving shows first which open deadlines would move; confirming moves them in one step.

    The rehearsal is the act itself, run and rolled back, so the two cannot differ. When
    something happened in between, confirming shows the new moves instead of making them.
    """

    def changeform_view(
        self,
        request: Any,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        request.office_messages = []
        with transaction.atomic():
            response = super().changeform_view(request, object_id, form_url, extra_context)
            moves: list[Move] | None = getattr(request, "office_moves", None)
            seen = _fingerprint(moves or [])
            confirmed = moves is not None and request.POST.get("_seen") == seen
            if not confirmed:
                transaction.set_rollback(True)
        if moves is None or confirmed:
            # Without moves: the form has errors, or there is no such row.
            for args, kw in request.office_messages:
                super().message_user(request, *args, **kw)
            return response
        if "_seen" in request.POST:
            super().message_user(
                request,
                _("Meanwhile something else has changed. Nothing was saved: look once more."),
                messages.WARNING,
            )
        context = self.admin_site.each_context(request) | {
            "title": _("Before you confirm"),
            "opts": self.opts,
            "moves": moves,
            "fields": [
                (name, value)
                for name, values in request.POST.lists()
                for value in values
                if name not in {"csrfmiddlewaretoken", "_confirmed", "_seen"}
            ]
            + [("_seen", seen)],
        }
        return TemplateResponse(request, "admin/rehearsal.html", context)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        def save() -> Operator | None:
            super(RehearsedAdmin, self).save_model(request, obj, form, change)
            return getattr(obj, "operator", None)

        _correction, request.office_moves = correct(
            change=save,
            what=f"{self.opts.verbose_name}: {obj}",
            reason=form.cleaned_data.get("change_reason") or getattr(obj, "reason", "") or str(obj),
            by=request.user,
            now=timezone.now(),
            always_record=False,
        )

    def message_user(self, request: Any, *args: Any, **kw: Any) -> None:
        if hasattr(request, "office_messages"):
            # Told only when it has happened.
            request.office_messages.append((args, kw))
        else:
            super().message_user(request, *args, **kw)


def _fingerprint(moves: list[Move]) -> str:
    """Of what a rehearsal showed: the same moves, the same text."""
    lines = [f"{move.deadline.pk} {move.due_before} {move.due_after} {move.internal_before} "
             f"{move.internal_after}" for move in moves]  # fmt: skip
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


@admin.register(Jurisdiction)
class JurisdictionAdmin(RehearsedAdmin):
    list_display = ["code", "name", "law", "time_zone"]
    fixed = ["code", "country"]


@admin.register(Authority)
class AuthorityAdmin(OfficeAdmin):
    list_display = ["code", "name", "jurisdiction", "supervises", "verification"]
    list_select_related = ["jurisdiction"]
    list_filter = ["jurisdiction", "supervises"]
    search_fields = ["code", "name_ru", "name_kk", "name_en"]
    fixed = ["code", "jurisdiction"]


@admin.register(Country)
class CountryAdmin(OfficeAdmin):
    list_display = ["code", "name"]
    search_fields = ["code", "name_ru", "name_kk", "name_en"]
    fixed = ["code"]


@admin.register(Adequacy)
class AdequacyAdmin(OfficeAdmin):
    list_display = ["jurisdiction", "country", "adequate", "source", "verification"]
    list_display_links = ["country"]
    list_select_related = ["jurisdiction", "country"]
    list_filter = ["jurisdiction", "adequate"]
    search_fields = ["country__code", "country__name_ru", "country__name_kk", "country__name_en"]
    fixed = ["jurisdiction", "country"]


@admin.register(CalendarYear)
class CalendarYearAdmin(RehearsedAdmin):
    list_display = ["jurisdiction", "year", "decree", "verification", "note"]
    list_display_links = ["year"]
    list_select_related = ["jurisdiction"]
    list_filter = ["jurisdiction", "decreed"]
    fixed = ["jurisdiction", "year"]

    @admin.display(description=_("state"), ordering="decreed")
    def decree(self, row: CalendarYear) -> str:
        return str(_("decreed") if row.decreed else _("not yet decreed"))


@admin.register(CalendarDay)
class CalendarDayAdmin(RehearsedAdmin):
    list_display = ["day", "jurisdiction", "is_working", "reason", "source"]
    list_select_related = ["jurisdiction"]
    list_filter = ["jurisdiction", "is_working"]
    fixed = ["jurisdiction", "day"]


@admin.register(LegalBasis)
class LegalBasisAdmin(OfficeAdmin):
    list_display = ["code", "article", "name", "jurisdiction", "closed_on", "verification"]
    list_select_related = ["jurisdiction"]
    list_filter = ["jurisdiction", "kind"]
    search_fields = ["code", "article", "name_ru", "name_kk", "name_en"]
    fixed = ["code", "jurisdiction"]


@admin.register(DeadlineRule)
class DeadlineRuleAdmin(RehearsedAdmin):
    list_display = ["code", "event", "effect", "term", "article", "in_force", "verification"]
    list_filter = ["jurisdiction", "source", "event", "effect", "verification"]
    search_fields = ["code", "article"]
    list_per_page = 100
    fixed = ["code", "jurisdiction", "operator", "source"]
    fieldsets = [
        (None, {"fields": ["code", "source", "jurisdiction", "operator", "article"]}),
        (_("what"), {"fields": ["event", "effect", "direction"]}),
        (
            _("how long"),
            {"fields": ["length", "unit", "from_moment", "extension_length", "extension_unit"]},
        ),
        (
            _("when"),
            {
                "fields": ["effective_from", "effective_until"],
                "description": _(
                    "A new version of the law is a new row: end the older one the day before. "
                    "Changing this row corrects it and moves open deadlines."
                ),
            },
        ),
        (_("verification"), {"fields": ["verification", "verification_note"]}),
        (
            _("in words"),
            {
                "fields": [
                    f"{name}_{language}"
                    for name in ("trigger", "duty", "note")
                    for language in ("ru", "kk", "en")
                ]
            },
        ),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = list(super().get_fieldsets(request, obj))
        if obj is not None and self.has_change_permission(request, obj):
            sets.append((None, {"fields": ["change_reason"]}))
        return sets

    @admin.display(description=_("term"))
    def term(self, row: DeadlineRule) -> str:
        text = f"{row.length or ''} {row.get_unit_display()}".strip()
        if row.extension_length:
            text += f" + {row.extension_length}"
        return text

    @admin.display(description=_("in force"), ordering="effective_from")
    def in_force(self, row: DeadlineRule) -> str:
        first = row.effective_from.isoformat() if row.effective_from else ""
        last = row.effective_until.isoformat() if row.effective_until else ""
        return f"{first} – {last}" if first or last else str(_("always"))


class CorrectionItemInline(admin.TabularInline):
    model = CorrectionItem
    fields = readonly_fields = ["deadline", "due_before", "due_after"]
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("deadline")
        return scoped(rows, request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("registry.view_correctionitem"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Correction)
class CorrectionAdmin(ReadOnlyAdmin):
    list_display = ["what", "reason", "made_by", "made_at"]
    list_select_related = ["made_by"]
    inlines = [CorrectionItemInline]
