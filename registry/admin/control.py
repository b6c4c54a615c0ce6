"""Internal control: the steps of the plan with their state, and the journal of what was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from registry.access import operators_for
from registry.admin.base import ReadOnlyAdmin, ScopedForm
from registry.admin.paper_forms import day_field
from registry.admin.register import NAMES, CodedAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.choices import Language
from registry.errors import OperatorError
from registry.explain import sentence, short_day
from registry.models import ControlRecord, ControlStep, Operator
from registry.services.clocks import NotOnTheStaff, OwnerOnlyReads, check_owner
from registry.services.control import (
    SOON,
    coming_before,
    control_record,
    control_step_to_save,
    ended_by,
    how_often,
    step_state,
)
from registry.services.control_journal import JournalMedia, control_journal

# On the page of a step; the journal has them all.
SHOWN = 20
TYPES = {JournalMedia.PDF: "application/pdf", JournalMedia.CSV: "text/csv; charset=utf-8"}


def _today(operator: Operator) -> date:
    return timezone.localdate(timezone.now(), operator.zone)


# --- the steps ---------------------------------------------------------------------------------
class StepForm(ScopedForm):
    """Whoever is responsible for a step that goes on is on the operator's staff, and may write."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        operator = cleaned.get("operator") or getattr(self.instance, "operator", None)
        person = cleaned.get("responsible")
        ended_on = cleaned.get("ended_on")
        if operator is not None and person is not None:
            today = _today(operator)
            if ended_on is not None and ended_on <= today:
                return cleaned  # nobody has to check it any more
            try:
                check_owner(user=person, operator=operator, today=today)
            except (NotOnTheStaff, OwnerOnlyReads) as error:
                self.add_error("responsible", sentence(error))
        return cleaned

    def save(self, commit: bool = True) -> Any:
        # Whoever records a check meanwhile moves the day: it is not moved back.
        control_step_to_save(self.instance, changed=self.changed_data)
        return super().save(commit=commit)


class RecordForm(VerbForm):
    done_on = day_field(
        _("checked on"), _("The day of the check; the next one is counted from it.")
    )
    found = forms.CharField(
        label=_("what was found"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_(
            "What was looked at and how it stood. If nothing is wrong, say that. No names or "
            "numbers of people: the journal outlives their data."
        ),
    )
    remedy = forms.CharField(
        label=_("what is done about it"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "By which position and by when; empty where nothing is wrong. No names or numbers of "
            "people."
        ),
    )

    def prepare(self) -> None:
        self.fields["done_on"].initial = _today(self.row.operator)


def record(request: HttpRequest, row: ControlStep, data: Mapping[str, Any]) -> str:
    made = control_record(
        step=row, done_on=data["done_on"], found=data["found"], remedy=data["remedy"],
        by=request.user, now=timezone.now(),
    )  # fmt: skip
    said = gettext("The check is recorded; the next one is on %(day)s.")
    return said % {"day": short_day(made.step.next_on)}


class ComingFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "coming"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("overdue", _("overdue")), ("soon", _("within two weeks")), ("later", _("later")),
            ("ended", _("ended")),
        ]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in {"overdue", "soon", "later", "ended"}:
            return queryset
        now = timezone.now()
        if self.value() == "ended":
            return queryset.filter(ended_by(now))
        if self.value() == "overdue":
            return queryset.filter(coming_before(now))
        soon = coming_before(now, SOON + 1)
        if self.value() == "later":
            return queryset.exclude(soon).exclude(ended_by(now))
        return queryset.filter(soon).exclude(coming_before(now))


@admin.register(ControlStep)
class ControlStepAdmin(CodedAdmin, VerbAdmin):
    form = StepForm
    change_form_template = "admin/registry/controlstep/change_form.html"
    list_display = ["code", "name", "state", "day", "every", "responsible", "operator", "clause"]
    list_filter: Any = ["operator", ComingFilter]
    ordering = ["next_on", "operator", "code"]
    fields = [
        "operator", "code", *NAMES, "clause", "every_months", "responsible", "next_on",
        "ended_on", "change_reason",
    ]  # fmt: skip
    verbs = (
        Verb(
            "record", _("Record a check"), RecordForm, record, "record",
            intro=_(
                "That the step was checked, and what was found. A record is never changed: a "
                "mistake is corrected by another record."
            ),
        ),
    )  # fmt: skip

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kw: Any) -> Any:
        if db_field.name == "next_on":
            # The form remembers which day it showed.
            kw["show_hidden_initial"] = True
        return super().formfield_for_dbfield(db_field, request, **kw)

    @admin.display(description=_("state"), ordering="next_on")
    def state(self, row: ControlStep) -> str:
        return step_state(row, _today(row.operator))

    @admin.display(description=_("next on"), ordering="next_on")
    def day(self, row: ControlStep) -> str:
        return short_day(row.next_on)

    @admin.display(description=_("how often"), ordering="every_months")
    def every(self, row: ControlStep) -> str:
        return how_often(row.every_months)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related("operator__jurisdiction", "responsible")

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context["state_words"] = self.state(row)
            listed = list(row.records.select_related("recorded_by")[: SHOWN + 1])
            context["records"], context["more_records"] = listed[:SHOWN], len(listed) > SHOWN
        return super().render_change_form(request, context, *args, **kw)


# --- the journal -------------------------------------------------------------------------------
class JournalForm(forms.Form):
    """Whose journal, of which days, as what."""

    operator = forms.ModelChoiceField(
        Operator.objects.none(), label=_("operator"), help_text=_("Whose internal control.")
    )
    since = day_field(_("first day"), _("Of the days on which something was checked."))
    until = day_field(_("last day"), _("It counts too."))
    media = forms.ChoiceField(
        label=_("as"), choices=JournalMedia.choices, help_text=_("A paper, or a table.")
    )
    language = forms.ChoiceField(
        label=_("language"), choices=Language.choices, help_text=_("Of the paper.")
    )

    def __init__(self, *args: Any, operators: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        field: Any = self.fields["operator"]
        field.queryset = operators
        listed = list(operators[:2])
        if len(listed) == 1:
            field.initial = listed[0].pk


@admin.register(ControlRecord)
class ControlRecordAdmin(ReadOnlyAdmin):
    list_display = ["day", "step", "found", "remedy", "recorded_by", "operator"]
    list_select_related = ["step__operator", "recorded_by"]
    list_filter = ["step__operator", ("done_on", admin.DateFieldListFilter)]
    search_fields = ["step__code", *(f"step__{name}" for name in NAMES)]
    change_list_template = "admin/registry/controlrecord/change_list.html"
    readonly_fields = ["operator"]
    fields = ["operator", "step", "done_on", "found", "remedy", "recorded_at", "recorded_by"]

    @admin.display(description=_("checked on"), ordering="done_on")
    def day(self, row: ControlRecord) -> str:
        return short_day(row.done_on)

    @admin.display(description=_("operator"), ordering="step__operator")
    def operator(self, row: ControlRecord) -> str:
        return str(row.step.operator)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(partial(journal_view, self))
        return [path("journal/", view, name="control_journal"), *super().get_urls()]


def journal_view(model_admin: ControlRecordAdmin, request: HttpRequest) -> HttpResponse:
    """The form of the journal; by POST the file itself, whose address holds nothing."""
    operators = operators_for(request.user, "view", ControlRecord).select_related(
        "jurisdiction", "responsible"
    )
    if not operators:
        raise PermissionDenied
    initial = {"language": (get_language() or "en")[:2], "media": JournalMedia.PDF}
    form = JournalForm(request.POST or None, operators=operators, initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            content = control_journal(**data, now=timezone.now())
        except OperatorError as error:
            form.add_error(None, sentence(error))
            status = error.status
        else:
            name = f"control-{data['operator'].code}-{data['since']}-{data['until']}"
            disposition = f'attachment; filename="{name}.{data["media"]}"'
            return HttpResponse(
                content,
                content_type=TYPES[JournalMedia(data["media"])],
                headers={"Content-Disposition": disposition},
            )
    context = model_admin.admin_site.each_context(request) | {
        "title": gettext("Journal of internal control"),
        "opts": model_admin.opts,
        "form": form,
    }
    template = "admin/registry/controlrecord/journal.html"
    return TemplateResponse(request, template, context, status=status)
