"""Imports of people: uploading a file, watching its run, deciding about cards found twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.errors import OperatorError
from registry.explain import sentence
from registry.tasks import ring
from registry.templatetags.office import moment
from subjects.choices import ConflictState, ImportState
from subjects.import_tasks import import_run
from subjects.models import ImportConflict, SubjectImport
from subjects.services.importing.rejects import worded
from subjects.services.importing.uploading import conflict_resolve, import_request
from subjects.uploads import require_small

ROWS = 50


class UploadForm(forms.ModelForm):
    """A file of people, as it goes to the service; its name is not kept."""

    content = forms.FileField(
        label=_("file"),
        required=False,
        help_text=_(
            "CSV in UTF-8: a column for each data category, and account, activity, basis, "
            "started_on, accepted_at, consent_text, scopes, channel, evidence."
        ),
    )

    class Meta:
        model = SubjectImport
        fields = ["operator", "dry_run"]


@admin.register(SubjectImport)
class SubjectImportAdmin(ReadOnlyAdmin):
    list_display = [
        "number", "operator", "made", "made_by", "state", "people_new", "people_changed",
        "people_same", "rows_rejected", "conflicts_found",
    ]  # fmt: skip
    list_display_links = ["number"]
    list_select_related = ["operator__jurisdiction", "made_by"]
    readonly_fields = ["made", "finished"]
    list_filter = ["state", "operator"]
    change_form_template = "admin/subjects/subjectimport/change_form.html"
    shown = [
        "operator", "state", "dry_run", "made_by", "made", "finished", "refusal",
        "people_new", "people_changed", "people_same", "rows_rejected", "conflicts_found",
    ]  # fmt: skip

    @admin.display(description=_("import"), ordering="pk")
    def number(self, row: SubjectImport) -> str:
        return str(row.pk)

    @admin.display(description=_("made at"), ordering="made_at")
    def made(self, row: SubjectImport) -> str:
        return moment(row.made_at, row.operator.zone)

    @admin.display(description=_("finished at"), ordering="finished_at")
    def finished(self, row: SubjectImport) -> str:
        return moment(row.finished_at, row.operator.zone) if row.finished_at else "–"

    # --- uploading ---------------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["operator", "content", "dry_run"]})]
        # Facts of the end are shown once there are any.
        facts = {"finished": obj.finished_at, "refusal": obj.refusal}
        empty = {name for name, fact in facts.items() if not fact}
        return [(None, {"fields": [name for name in self.shown if name not in empty]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else super().get_readonly_fields(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kw)
        operators = operators_for(request.user, "add", SubjectImport).filter(is_active=True)

        class ScopedUploadForm(UploadForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                field = self.fields["operator"]
                field.queryset = operators.select_related("jurisdiction")
                if operators.count() == 1:
                    field.initial = operators[0]

            def clean(self) -> dict[str, Any]:
                cleaned = super().clean() or self.cleaned_data
                try:
                    require_small(request)
                    if cleaned.get("content") is None:
                        self.add_error("content", gettext("Choose a file."))
                    elif not self.errors:
                        self.instance = upload(request, cleaned)
                except OperatorError as error:
                    self.office_status = error.status
                    self.add_error(None, sentence(error))
                return cleaned

            def _post_clean(self) -> None:
                """The service has judged the file already."""

            def save(self, commit: bool = True) -> SubjectImport:
                return self.instance

            def save_m2m(self) -> None:
                """There is nothing of the kind."""

        return ScopedUploadForm

    def changeform_view(self, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        response = super().changeform_view(request, *args, **kw)
        context = getattr(response, "context_data", None) or {}
        if "adminform" in context:
            response.status_code = getattr(context["adminform"].form, "office_status", 200)
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        transaction.on_commit(lambda: ring(import_run.si(obj.pk)))

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kw: Any) -> HttpResponse:
        self.message_user(
            request, gettext("The file is sealed and waits its turn; this page shows how it goes.")
        )
        return HttpResponseRedirect(reverse("admin:subjects_subjectimport_change", args=[obj.pk]))

    # --- a run's page ------------------------------------------------------------------------
    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        run = context.get("original")
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if run is not None:
            rejects = _page(run.rejects.order_by("line", "pk"), request.GET.get("rejects"))
            conflicts = run.conflicts.select_related("subject", "other").order_by("line", "pk")
            context |= {
                "run": run,
                "percent": 100 * run.done_bytes // run.size if run.size else 0,
                "under_way": run.state in (ImportState.WAITING, ImportState.RUNNING),
                "rejects": rejects,
                "reasons": [(row, worded(row)) for row in rejects],
                "conflicts": _page(conflicts, request.GET.get("conflicts")),
            }
        return super().render_change_form(request, context, *args, **kw)


def _page(rows: Any, wanted: str | None) -> Any:
    return Paginator(rows, ROWS).get_page(wanted)


def upload(request: HttpRequest, data: Mapping[str, Any]) -> SubjectImport:
    """Seal the form's file and let it wait, if the user may for that operator."""
    operator, content = data["operator"], data["content"]
    if not may(request.user, "add", SubjectImport, SubjectImport(operator=operator)):
        raise PermissionDenied

    def pieces() -> Any:
        content.seek(0)
        return content.chunks()

    return import_request(
        operator=operator,
        pieces=pieces,
        dry_run=data["dry_run"],
        by=request.user,
        now=timezone.now(),
    )


# --- cards found twice ---------------------------------------------------------------------------
class DecisionForm(VerbForm):
    """Nothing to fill in: the button is the decision."""


def link(request: HttpRequest, row: ImportConflict, data: Mapping[str, Any]) -> str:
    conflict_resolve(conflict=row, state=ConflictState.LINKED, by=request.user, now=timezone.now())
    return gettext("%(first)s and %(second)s are linked.") % {
        "first": row.subject,
        "second": row.other,
    }


def different(request: HttpRequest, row: ImportConflict, data: Mapping[str, Any]) -> str:
    conflict_resolve(
        conflict=row, state=ConflictState.DIFFERENT, by=request.user, now=timezone.now()
    )
    return gettext("%(first)s and %(second)s are different people.") % {
        "first": row.subject,
        "second": row.other,
    }


def _open(row: ImportConflict) -> bool:
    return row.state == ConflictState.OPEN


@admin.register(ImportConflict)
class ImportConflictAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["__str__", "column", "run", "line", "state", "decided_by"]
    list_select_related = ["subject", "other", "run", "decided_by"]
    list_filter = ["state"]
    fields = [
        "subject", "other", "column", "run", "line", "state", "decided_by", "decided_at",
    ]  # fmt: skip
    verbs = (
        Verb(
            "link",
            _("One person: link the cards"),
            DecisionForm,
            link,
            "resolve",
            _open,
            _("Both cards stay and name each other. To merge them, go to one of the cards."),
        ),
        Verb(
            "different",
            _("Two different people"),
            DecisionForm,
            different,
            "resolve",
            _open,
            _("One of them has a wrong identifier: put it right on its card."),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("subject", "other", "run")
