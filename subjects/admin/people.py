"""People: the list, the box that finds them, and the card with its verbs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.base import ReadOnlyAdmin, refuse_unless
from registry.admin.verbs import Verb
from registry.errors import OperatorError
from registry.explain import sentence, short_day
from registry.models import SubjectCategory
from subjects.admin.acts import VERBS
from subjects.admin.finding import FindingAdmin
from subjects.admin.given import given_view
from subjects.admin.pages import card_page, what_if
from subjects.admin.standing import StandingPages
from subjects.admin.trail import trail, word
from subjects.choices import GroundEnd
from subjects.models import Block, DataSubject
from subjects.models.base import CODE_LENGTH
from subjects.services.cards import code_of
from subjects.services.covering import Coverage
from subjects.services.people import subject_register
from subjects.services.photos import photo_open
from subjects.services.reading import (
    contacts,
    data_of,
    open_for,
    open_until,
    show,
    with_state,
)
from subjects.uploads import require_small

# What a link may choose beforehand on the form of a verb: numbers and codes, never a value.
PRESET = ("datum", "consent", "ground", "link", "permission", "other", "category")
# Verbs by where they stand on the card.
GROUPS = {
    "data": ("record", "photo", "rectify", "verify", "rule"),
    "grounds": ("consent", "ground", "withdraw", "end", "permit", "stop_showing"),
    "card": (
        "prove",
        "export",
        "link",
        "unlink",
        "merge",
        "block",
        "lift",
        "hold",
        "release",
    ),
}


class CappedPaginator(Paginator):
    """Counts no further than ``CAP``: a page of a million people costs what one of fifty does."""

    CAP = 1_000

    @cached_property
    def count(self) -> int:
        return self.object_list[: self.CAP].count()


class PeopleList(ChangeList):
    """The page of rows, with the masks of their names and contacts, and which are blocked."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kw: Any) -> Any:
        standing = Block.objects.filter(subject=OuterRef("pk"), ended_at=None)
        found = super().get_queryset(request, *args, **kw)
        return found.annotate(is_blocked=Exists(standing))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        masks = contacts([row.pk for row in rows])
        for row in rows:
            row.masks = masks.get(row.pk, [])
        self.result_list = rows
        self.capped = self.result_count >= CappedPaginator.CAP


class RegisterForm(forms.ModelForm):
    class Meta:
        model = DataSubject
        fields = ["operator", "kind", "category"]


@admin.register(DataSubject)
class DataSubjectAdmin(StandingPages, ReadOnlyAdmin, FindingAdmin):
    list_display = ["code", "who", "subject_category", "operator", "registered"]
    list_select_related = ["operator__jurisdiction", "category"]
    list_filter = ["operator", "category", "kind"]
    search_fields = ["code"]
    sortable_by = ["code"]
    paginator = CappedPaginator
    list_max_show_all = 0
    # Counting each choice of a filter would read the whole table.
    show_facets = admin.ShowFacets.NEVER
    verbs = VERBS
    change_form_template = "admin/subjects/datasubject/change_form.html"
    change_list_template = "admin/subjects/datasubject/change_list.html"
    object_history_template = "admin/subjects/datasubject/history.html"
    fieldsets: Any = [(None, {"fields": []})]

    # --- the list ----------------------------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **kw: Any) -> type[ChangeList]:
        return PeopleList

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """By code or its beginning; anything else finds nothing here, whatever it is."""
        term = "".join(search_term.split()).upper()
        if not term:
            return queryset, False
        whole = code_of(term)
        if whole:
            return queryset.filter(code=whole), False
        start = "S-" + term.removeprefix("S").removeprefix("-")
        if not start[2:].isalnum() or len(start) > CODE_LENGTH + 1:
            return queryset.none(), False
        return queryset.filter(code__startswith=start), False

    @admin.display(description=_("who"))
    def who(self, row: Any) -> str:
        if row.merged_into_id:
            return gettext("merged into another card")
        masks = getattr(row, "masks", [])
        words = [("mask", mask) for mask in masks]
        if getattr(row, "is_blocked", False):
            words.insert(0, ("blocked", gettext("blocked")))
        return format_html_join(" ", "<span class='{}'>{}</span>", words) or "–"

    @admin.display(description=_("subject category"))
    def subject_category(self, row: DataSubject) -> str:
        return str(row.category or "–")

    @admin.display(description=_("registered"))
    def registered(self, row: DataSubject) -> str:
        return short_day(row.registered_at.astimezone(row.operator.zone).date())

    # --- one card ----------------------------------------------------------------------------
    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> DataSubject | None:
        try:
            number = DataSubject._meta.pk.to_python(object_id)
        except ValidationError:
            return None
        if from_field not in (None, "id"):
            return None
        return with_state(self.get_queryset(request), request.user).filter(pk=number).first()

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        response = super().render_change_form(request, context, *args, **kw)
        if row is not None:
            found = response.context_data
            by_name = {verb["name"]: verb for verb in found["verbs"]}
            found["tools"] = {
                group: [by_name[name] for name in names if name in by_name]
                for group, names in GROUPS.items()
            }
            found["may"] = set(by_name)
            found["card"] = card_page(row, may_reveal="reveal" in by_name, now=timezone.now())
            _leave_out(found)
        return response

    def verb_view(self, request: HttpRequest, object_id: str, *, verb: Verb) -> HttpResponse:
        if verb.name == "photo":
            require_small(request)
        chosen = {name: request.GET[name] for name in PRESET if name in request.GET}
        form = partial(verb.form, files=request.FILES or None, initial=chosen)
        answer = super().verb_view(request, object_id, verb=replace(verb, form=form))
        # A paper is the answer itself.
        return getattr(request, "office_file", answer)

    def verb_context(self, request: HttpRequest, row: Any, verb: Verb) -> dict[str, Any]:
        if verb.name not in {"withdraw", "end"}:
            return {}
        # Of the one that was chosen on the card, else of each.
        chosen = request.GET.get("consent") or request.GET.get("ground") or ""
        return {"endings": _endings(row, chosen, only_consents=verb.name == "withdraw")}

    # --- registration ------------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": RegisterForm.Meta.fields})]
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else super().get_readonly_fields(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kw)
        operators = operators_for(request.user, "add", DataSubject).filter(is_active=True)

        class ScopedRegisterForm(RegisterForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.fields["operator"].queryset = operators
                self.fields["category"].queryset = SubjectCategory.objects.filter(
                    operator__in=operators
                )
                if operators.count() == 1:
                    self.fields["operator"].initial = operators[0]

            def clean(self) -> dict[str, Any]:
                cleaned = super().clean() or self.cleaned_data
                if not self.errors:
                    try:
                        self.instance = register(request, self.cleaned_data)
                    except OperatorError as error:
                        self.office_status = error.status
                        self.add_error(None, sentence(error))
                return cleaned

            def _post_clean(self) -> None:
                """The service has judged the row already."""

            def save(self, commit: bool = True) -> DataSubject:
                return self.instance

            def save_m2m(self) -> None:
                """There is nothing of the kind."""

        return ScopedRegisterForm

    def changeform_view(self, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        response = super().changeform_view(request, *args, **kw)
        context = getattr(response, "context_data", None) or {}
        if "adminform" in context:
            response.status_code = getattr(context["adminform"].form, "office_status", 200)
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The service has saved it."""

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kw: Any) -> HttpResponse:
        self.message_user(
            request,
            gettext("%(code)s is registered. Record a ground, then the data that it covers.")
            % {"code": obj.code},
        )
        return HttpResponseRedirect(self.after_verb(request, obj))

    # --- files -------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        given = wrap(partial(given_view, self))
        return [
            path("<int:object_id>/file/<int:datum>/", wrap(self.file_view), name="people_file"),
            path("<int:object_id>/given/", given, name="people_given"),
            *super().get_urls(),
        ]

    def file_view(self, request: HttpRequest, object_id: int, datum: int) -> Any:
        """A photo, while the card is open to whoever asks."""
        row = self.get_object(request, str(object_id))
        if row is None:
            raise Http404
        refuse_unless(request, "reveal", row)
        found = data_of([row.pk]).filter(pk=datum).first()
        if found is None:
            raise Http404
        found.subject = row
        media_type, pieces = photo_open(datum=found, user=request.user, now=timezone.now())
        return StreamingHttpResponse(pieces, content_type=media_type)

    # --- history -----------------------------------------------------------------------------
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """The trail of the card and of everything on it, in one list."""
        row = self.get_object(request, object_id)
        if row is None:
            return super().history_view(request, object_id, extra_context)
        until = open_until(row, timezone.now()) if self._may(request, "reveal", row) else None
        paginator = Paginator(trail(row), self.history_list_per_page)
        page = paginator.get_page(request.GET.get("p"))
        label = open_for(row, timezone.now()) if until else ""
        word(page.object_list, zone=row.operator.zone, opened=until is not None, label=label)
        context = self.admin_site.each_context(request) | {
            "title": gettext("History"),
            "opts": self.opts,
            "object": row,
            "module_name": capfirst(self.opts.verbose_name_plural),
            "page_obj": page,
            "page_range": paginator.get_elided_page_range(page.number),
            "page_var": "p",
            "revealed": until is not None,
        }
        return TemplateResponse(request, self.object_history_template, context)


def register(request: HttpRequest, data: Any) -> DataSubject:
    """Register what the form says, if the user may for that operator."""
    if not may(request.user, "add", DataSubject, DataSubject(operator=data["operator"])):
        raise PermissionDenied
    return subject_register(
        operator=data["operator"],
        kind=data["kind"],
        category=data["category"],
        by=request.user,
        now=timezone.now(),
    )


def _leave_out(context: dict[str, Any]) -> None:
    """Verbs that have nothing to act on are no buttons; their pages say so to whoever asks."""
    card = context["card"]
    live = [ground for ground in card.grounds if not ground.ground.ended_on]
    idle = {
        "rectify": not any(datum.can_rectify for datum in card.data),
        "rule": all(datum.state in ("destroyed", "lost") for datum in card.data),
        "verify": all(datum.state in ("destroyed", "lost") for datum in card.data),
        "withdraw": not any(g.consent and not g.withdrawn for g in card.grounds),
        "end": not live,
        "permit": not any(g.consent and g.consent.dissemination for g in live),
        "stop_showing": not any(
            permission.ended_on is None for g in card.grounds for permission in g.permissions
        ),
        "prove": not any(g.consent for g in card.grounds),
        "unlink": all(card.merged for card in card.neighbours),
        "lift": not card.blocks,
        "release": not card.can_release,
    }
    for group, verbs in context["tools"].items():
        context["tools"][group] = [verb for verb in verbs if not idle.get(verb["name"])]


def _endings(row: DataSubject, chosen: str, *, only_consents: bool) -> list[tuple[str, Any]]:
    """For each open ground: what its end today would do."""
    today = timezone.now().astimezone(row.operator.zone).date()
    data = list(data_of([row.pk]))
    coverage = Coverage(row, data=data)
    shown = show(data, opened=False)
    found = []
    for ground in coverage.grounds:
        consent = getattr(ground, "consent", None)
        number = getattr(consent if only_consents else ground, "pk", None)
        if ground.ended_on is None and number and chosen in ("", str(number)):
            event = GroundEnd.WITHDRAWN if only_consents else GroundEnd.ACHIEVED
            found.append((str(ground), what_if(ground, event, coverage, shown, today)))
    return found
