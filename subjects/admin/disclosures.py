"""The journal of disclosures: what was given to whom, its records, and the register of a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin
from registry.choices import RecipientKind
from registry.errors import OperatorError
from registry.explain import sentence, short_day
from registry.models import DataCategory
from subjects.admin.disclosure_forms import DisclosureForm, RegisterForm, ReverseForm
from subjects.admin.pages import short_moment
from subjects.admin.people import CappedPaginator
from subjects.models import DataSubject, DisclosedPerson, Disclosure
from subjects.services.disclosure_register import Media, disclosure_export
from subjects.services.disclosures import disclosure_record, disclosure_reverse

ROWS = 50
MEDIA = {Media.PDF: "application/pdf", Media.CSV: "text/csv; charset=utf-8"}


class Journal(ChangeList):
    """The page of rows, each with how many people it is about and which data."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        tell(self.result_list)


def tell(rows: list[Any]) -> None:
    """How many people a disclosure is about and which categories, on each row; two queries."""
    given = DisclosedPerson.objects.filter(disclosure__in=[row.pk for row in rows]).order_by()
    counts: dict[int, int] = dict(
        given.values_list("disclosure").annotate(Count("subject", distinct=True))
    )
    names: dict[int, list[str]] = defaultdict(list)
    pairs = given.values_list("disclosure", "category").distinct()
    known = {row.pk: row for row in DataCategory.objects.filter(disclosures__in=given).distinct()}
    for disclosure, category in pairs.order_by("category_id"):
        names[disclosure].append(str(known[category]))
    for row in rows:
        row.people_count = counts.get(row.pk, 0)
        row.category_names = ", ".join(names[row.pk])


def reverse(request: HttpRequest, row: Disclosure, data: Mapping[str, Any]) -> str:
    disclosure_reverse(
        disclosure=row,
        reason=data["reason"],
        by=request.user,
        now=timezone.now(),
    )
    return gettext("%(number)s is reversed; it stays readable.") % {"number": row.number}


def _stands(row: Disclosure) -> bool:
    return not row.is_reversed


@admin.register(Disclosure)
class DisclosureAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = [
        "number", "day", "state", "kind", "to_whom", "people_counted", "given", "document",
        "recorded_by", "operator",
    ]  # fmt: skip
    list_select_related = [
        "operator__jurisdiction", "transfer__recipient", "recorded_by", "reversal",
    ]  # fmt: skip
    list_filter = ["operator", "kind", ("given_on", admin.DateFieldListFilter)]
    search_fields = ["number", "document", "body"]
    sortable_by = ["number", "day"]
    paginator = CappedPaginator
    list_max_show_all = 0
    show_facets = admin.ShowFacets.NEVER
    change_form_template = "admin/subjects/disclosure/change_form.html"
    change_list_template = "admin/subjects/disclosure/change_list.html"
    readonly_fields = ["day", "to_whom", "crossing", "recorded", "state", "undone"]
    verbs = (
        Verb(
            "reverse",
            _("Reverse the record"),
            ReverseForm,
            reverse,
            "reverse",
            _stands,
            _(
                "The record was a mistake. It is not edited: it stays readable beside what was "
                "wrong with it, and what is right is recorded anew."
            ),
        ),
    )

    # --- the list ----------------------------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **kw: Any) -> type[ChangeList]:
        return Journal

    @admin.display(description=_("given on"), ordering="given_on")
    def day(self, row: Disclosure) -> str:
        return short_day(row.given_on)

    @admin.display(description=_("to whom"))
    def to_whom(self, row: Disclosure) -> str:
        return row.recipient

    @admin.display(description=_("people"))
    def people_counted(self, row: Any) -> int:
        return int(row.people_count)

    @admin.display(description=_("data categories"))
    def given(self, row: Any) -> str:
        return row.category_names or "–"

    @admin.display(description=_("state"))
    def state(self, row: Disclosure) -> str:
        return gettext("reversed") if row.is_reversed else gettext("recorded")

    # --- one record --------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .select_related(
                "operator__jurisdiction", "transfer__recipient", "country", "recorded_by",
                "legal_basis", "reversal__reversed_by",
            )
        )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            fields = [*DisclosureForm.Meta.fields, "people", "categories", "label"]
            return [(None, {"fields": fields})]
        facts = [
            "operator", "state", "undone", "kind", "to_whom", "crossing", "transfer",
            "legal_basis", "document", "day", "way", "recorded",
        ]  # fmt: skip
        held = {"transfer": obj.transfer_id, "undone": obj.is_reversed}
        return [(None, {"fields": [name for name in facts if held.get(name, True)]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else super().get_readonly_fields(request, obj)

    @admin.display(description=_("whose hands"))
    def crossing(self, row: Disclosure) -> str:
        to_state = row.transfer is None or row.transfer.recipient.kind == RecipientKind.STATE_BODY
        if row.third_party:
            words = [gettext("a third party")]
        else:
            words = [gettext("a state body") if to_state else gettext("a processor")]
        if row.country is not None:
            words.append(str(row.country))
        if row.cross_border:
            words.append(gettext("across the border"))
        return ", ".join(words)

    @admin.display(description=_("recorded"))
    def recorded(self, row: Disclosure) -> str:
        return f"{short_moment(row.recorded_at, row.operator.zone)}, {row.recorded_by}"

    @admin.display(description=_("reversed"))
    def undone(self, row: Disclosure) -> str:
        made = row.reversal
        moment = short_moment(made.reversed_at, row.operator.zone)
        return f"{moment}, {made.reversed_by}: {made.reason}"

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if row is not None:
            context["people"] = _people(row, request.GET.get("people"))
        return super().render_change_form(request, context, *args, **kw)

    # --- recording ---------------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kw)
        operators = operators_for(request.user, "add", Disclosure)

        class ScopedDisclosureForm(DisclosureForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, operators=operators, **kwargs)

            def clean(self) -> dict[str, Any]:
                cleaned = super().clean()
                if not self.errors:
                    try:
                        self.instance = record(request, cleaned)
                    except OperatorError as error:
                        self.office_status = error.status
                        self.add_error(None, sentence(error))
                return cleaned

            def save(self, commit: bool = True) -> Disclosure:
                return self.instance

        return ScopedDisclosureForm

    def changeform_view(self, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        response = super().changeform_view(request, *args, **kw)
        context = getattr(response, "context_data", None) or {}
        if "adminform" in context:
            response.status_code = getattr(context["adminform"].form, "office_status", 200)
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The service has saved it."""

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kw: Any) -> HttpResponse:
        self.message_user(request, gettext("%(number)s is recorded.") % {"number": obj.number})
        return HttpResponseRedirect(self.after_verb(request, obj))

    # --- the register ------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(partial(register_view, self))
        return [path("register/", view, name="disclosure_register"), *super().get_urls()]


def record(request: HttpRequest, data: Mapping[str, Any]) -> Disclosure:
    """Record what the form says, if the user may for that operator."""
    operator = data["operator"]
    if not may(request.user, "add", Disclosure, Disclosure(operator=operator)):
        raise PermissionDenied
    return disclosure_record(
        operator=operator,
        kind=data["kind"],
        people=data["given"],
        document=data["document"],
        given_on=data["given_on"],
        way=data["way"],
        by=request.user,
        now=timezone.now(),
        body_kind=data["body_kind"],
        body=data["body"],
        legal_basis=data["legal_basis"],
        transfer=data["transfer"],
        label=data["label"],
    )


def _people(row: Disclosure, wanted: str | None) -> Any:
    """A page of the people of a record, each with what was given; three queries."""
    cards = DataSubject.objects.filter(disclosures__disclosure=row).distinct().order_by("pk")
    page = Paginator(cards, ROWS).get_page(wanted)
    listed = list(page.object_list)
    names: dict[int, list[str]] = defaultdict(list)
    given = DisclosedPerson.objects.filter(disclosure=row, subject__in=listed)
    for one in given.select_related("category").order_by("category_id"):
        names[one.subject_id].append(str(one.category))
    for card in listed:
        card.given_names = ", ".join(names[card.pk])  # type: ignore[attr-defined]
    page.object_list = listed
    return page


def register_view(model_admin: DisclosureAdmin, request: HttpRequest) -> HttpResponse:
    """The form of the register; by POST the file itself, whose address holds nothing."""
    operators = operators_for(request.user, "export", Disclosure).select_related("jurisdiction")
    if not operators:
        raise PermissionDenied
    initial = {"language": (get_language() or "en")[:2], "media": Media.PDF}
    form = RegisterForm(request.POST or None, operators=operators, initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            content = disclosure_export(
                **data,
                by=request.user,
                now=timezone.now(),
            )
        except OperatorError as error:
            form.add_error(None, sentence(error))
            status = error.status
        else:
            name = f"disclosures-{data['operator'].code}-{data['since']}-{data['until']}"
            return HttpResponse(
                content,
                content_type=MEDIA[Media(data["media"])],
                headers={
                    "Content-Disposition": f'attachment; filename="{name}.{data["media"]}"',
                },
            )
    context = model_admin.admin_site.each_context(request) | {
        "title": gettext("Register of disclosures"),
        "opts": model_admin.opts,
        "form": form,
    }
    return TemplateResponse(
        request, "admin/subjects/disclosure/register.html", context, status=status
    )
