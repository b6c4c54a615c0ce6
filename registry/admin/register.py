"""The operator's card and its register."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from registry.admin.base import OfficeAdmin
from registry.admin.data_map import WithDataMap
from registry.admin.findings import WithFindings
from registry.admin.known_claims import KnownClaimInput
from registry.admin.register_export import WithExport
from registry.admin.transfer_forms import RecipientForm
from registry.models import (
    Carrier,
    ClaimedGround,
    ConsentText,
    DataCategory,
    InformationSystem,
    IntakeChannel,
    Operator,
    PolicyClaim,
    ProcessingActivity,
    Purpose,
    Recipient,
    RetentionRule,
    SecurityMeasure,
    SubjectCategory,
    SubjectLine,
    User,
)

NAMES = ["name_ru", "name_kk", "name_en"]


@admin.register(Operator)
class OperatorAdmin(WithFindings, WithDataMap, WithExport, OfficeAdmin):
    list_display = ["code", "name", "jurisdiction", "responsible", "is_active"]
    list_select_related = ["jurisdiction", "responsible"]
    search_fields = ["code", "name"]
    fixed = ["code", "jurisdiction"]

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kw: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kw)
        if db_field.name == "responsible" and field is not None:
            number = request.resolver_match.kwargs.get("object_id")
            # Only somebody who is a DPO of this operator can be responsible (94-V 25(3)).
            field.queryset = User.objects.filter(
                memberships__operator_id=number if str(number).isdigit() else None,
                memberships__role="dpo",
                memberships__ended_on=None,
            ).distinct()
        return field


class CodedAdmin(OfficeAdmin):
    """Rows of a register, known by a code."""

    list_display = ["code", "name", "operator", "clause"]
    list_select_related = ["operator"]
    list_filter = ["operator"]
    search_fields = ["code", *NAMES]
    fixed = ["operator", "code"]


class NamedInTextsAdmin(CodedAdmin):
    """Rows that a published consent text names: those stay, as the text does."""

    def get_deleted_objects(self, objs: Any, request: Any) -> Any:
        to_delete, counts, lacking, protected = super().get_deleted_objects(objs, request)
        field = "activities" if self.model is ProcessingActivity else "data_categories"
        texts = ConsentText.objects.published().filter(**{f"{field}__in": objs}).distinct()
        return to_delete, counts, lacking, [*protected, *map(str, texts)]


@admin.register(SubjectCategory)
class SubjectCategoryAdmin(CodedAdmin):
    pass


@admin.register(DataCategory)
class DataCategoryAdmin(NamedInTextsAdmin):
    list_display = ["code", "name", "kind", "operator", "open_ended", "clause"]
    list_filter = ["operator", "kind", "open_ended"]


@admin.register(Purpose)
class PurposeAdmin(CodedAdmin):
    list_display = ["code", "name", "operator", "ended_on", "clause"]
    filter_horizontal = ["incompatible"]
    # An end is a verb of its own: it shows first what it does to the people (subjects.admin).
    readonly_fields = ["ended_on"]


@admin.register(InformationSystem)
class InformationSystemAdmin(CodedAdmin):
    list_display = ["code", "name", "operator", "address", "country"]
    list_select_related = ["operator", "country"]


@admin.register(Carrier)
class CarrierAdmin(CodedAdmin):
    list_display = ["code", "name", "operator", "room", "responsible", "sheets"]
    list_select_related = ["operator", "responsible"]


@admin.register(Recipient)
class RecipientAdmin(CodedAdmin):
    form = RecipientForm
    list_display = ["code", "name", "kind", "operator", "country"]
    list_select_related = ["operator", "country"]
    list_filter = ["operator", "kind"]


class ActivityForm(CodedAdmin.form):  # type: ignore[name-defined,misc]
    """Offers only articles of the operator's own law, and none that is closed."""

    def clean_legal_bases(self) -> Any:
        bases = self.cleaned_data["legal_bases"]
        operator = self.cleaned_data.get("operator") or getattr(self.instance, "operator", None)
        started = self.cleaned_data.get("started_on")
        for basis in bases:
            if operator is not None and basis.jurisdiction_id != operator.jurisdiction_id:
                raise forms.ValidationError(
                    _("%(article)s is not an article of this operator's law."),
                    params={"article": basis.article},
                )
            if basis.closed_on and (started is None or started >= basis.closed_on):
                raise forms.ValidationError(
                    _("%(article)s was closed on %(day)s: no activity may stand on it since."),
                    params={"article": basis.article, "day": basis.closed_on.isoformat()},
                )
        return bases


@admin.register(ProcessingActivity)
class ProcessingActivityAdmin(NamedInTextsAdmin):
    form = ActivityForm
    list_display = ["code", "name", "purpose", "operator", "mode", "started_on", "ended_on"]
    list_select_related = ["operator", "purpose"]
    list_filter = ["operator", "mode"]
    filter_horizontal = [
        "subject_categories",
        "data_categories",
        "legal_bases",
        "systems",
        "recipients",
    ]


@admin.register(ClaimedGround)
class ClaimedGroundAdmin(OfficeAdmin):
    list_display = ["code", "words", "operator", "clause", "legal_basis"]
    list_select_related = ["operator", "legal_basis"]
    list_filter = ["operator"]
    search_fields = ["code", "words_ru", "words_kk", "words_en"]
    fixed = ["operator", "code"]


@admin.register(PolicyClaim)
class PolicyClaimAdmin(OfficeAdmin):
    list_display = ["clause", "topic", "words", "operator"]
    list_display_links = ["clause", "topic"]
    list_select_related = ["operator"]
    list_filter = ["operator", "topic"]
    search_fields = ["clause", "words_ru", "words_kk", "words_en"]
    list_per_page = 100
    fixed = ["operator"]

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kw: Any) -> Any:
        if db_field.name == "code":
            kw["widget"] = KnownClaimInput
            kw["help_text"] = _(
                "Names the fact. Findings judge the codes of the list, each under its topic; any "
                "other code is kept and judged by nobody."
            )
        return super().formfield_for_dbfield(db_field, request, **kw)


@admin.register(IntakeChannel)
class IntakeChannelAdmin(OfficeAdmin):
    list_display = ["channel", "intake", "address", "operator", "clause"]
    list_select_related = ["operator"]
    list_filter = ["operator", "intake"]
    fixed = ["operator"]


@admin.register(SubjectLine)
class SubjectLineAdmin(OfficeAdmin):
    list_display = ["text", "intake", "mailbox", "operator", "clause"]
    list_select_related = ["operator"]
    list_filter = ["operator", "intake"]
    fixed = ["operator"]


@admin.register(RetentionRule)
class RetentionRuleAdmin(OfficeAdmin):
    list_display = ["code", "event", "length", "unit", "after", "automatic", "operator", "clause"]
    list_select_related = ["operator"]
    list_filter = ["operator", "event"]
    fixed = ["operator", "code"]


@admin.register(SecurityMeasure)
class SecurityMeasureAdmin(CodedAdmin):
    list_display = ["code", "name", "kind", "operator", "review_on", "clause"]
    list_filter = ["operator", "kind"]
