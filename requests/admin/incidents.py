"""Incidents: registered by a moment, described as more is known, told to the authority in time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.base import ReadOnlyAdmin, refuse_unless
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.desk import told_by
from registry.errors import OperatorError
from registry.explain import long_day, sentence
from registry.models import Deadline
from registry.services.texts import state, when_due
from registry.tasks import remind, ring
from requests import states
from requests.admin import incident_acts as acts
from requests.admin import incident_forms as forms
from requests.admin.incident_pages import (
    export_view,
    notice_view,
    page_of,
    register_view,
    sees_people,
)
from requests.admin.inquiries import _local
from requests.admin.request_forms import ReasonForm
from requests.models import Incident
from requests.services.incident_contents import steps_of
from requests.services.incident_notices import sendings_of
from requests.services.incident_people import people_counted
from requests.services.incident_rows import clocks_of
from requests.services.incidents import incident_register, incident_version
from subjects.admin.pages import short_moment
from subjects.uploads import require_small

# What touches people wants the right to see them too: an undertaking, and no administrator.
OF_PEOPLE = frozenset({"affect", "export"})
OPEN = frozenset({states.OPEN})
ANY_TIME = frozenset({states.OPEN, states.CLOSED})
ENDED = frozenset({states.CLOSED, states.DISMISSED})


def _in(wanted: frozenset[str]) -> Any:
    return lambda row: bool(row and row.state in wanted)


def _tellable(row: Incident | None) -> bool:
    return bool(row and row.state in ANY_TIME and steps_of(row.operator))


def _sent_any(row: Incident | None) -> bool:
    return bool(row and row.state in ANY_TIME and sendings_of(row).exists())


class Journal(ChangeList):
    """The page of rows, each with how many people it is about; one query for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: Any = list(self.result_list)
        self.result_list = rows
        counts = people_counted(rows)
        for row in rows:
            row.people_count = counts.get(row.pk, 0)


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = [
        "number", "due", "left", "what", "detected_short", "people", "state", "operator",
    ]  # fmt: skip
    list_select_related = ["operator__jurisdiction"]
    list_filter = ["state", "operator"]
    search_fields = ["number"]
    change_form_template = "admin/requests/incident/change_form.html"
    change_list_template = "admin/requests/incident/change_list.html"
    readonly_fields = [
        "detected", "registered", "began", "ceased", "ended", "letter_link", "systems",
        "activities", "data_categories",
    ]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["operator", "detected", "registered", "registered_by", "ended",
                           "ended_reason"]}),
        (
            _("what is known"),
            {
                "fields": [
                    "kind", "letter_link", "began", "ceased", "description", "causes", "harm",
                    "systems", "activities", "data_categories", "people_estimate", "contact",
                    "findings", "culprits",
                ]
            },
        ),
    ]  # fmt: skip
    verbs = (
        Verb(
            "describe", _("Write down what is known"), forms.DescribeForm, acts.describe,
            "describe", _in(OPEN),
            _("As much as is known by now; the rest may follow. Leave empty what nobody knows."),
            template="admin/requests/incident/describe.html",
        ),
        Verb(
            "note", _("Add to the journal"), forms.NoteForm, acts.note, "note", _in(ANY_TIME),
            _("A measure taken or a step of the investigation: the notices list them. It is "
              "never changed."),
        ),
        Verb(
            "by_system", _("Affected: by system"), forms.BySystemForm, acts.by_system, "affect",
            _in(OPEN),
        ),
        Verb(
            "by_activity", _("Affected: by activity"), forms.ByActivityForm, acts.by_activity,
            "affect", _in(OPEN),
        ),
        Verb(
            "by_list", _("Affected: by a list"), forms.ByListForm, acts.by_list, "affect",
            _in(OPEN), _("That you searched by a list is recorded; the list is not kept."),
        ),
        Verb(
            "by_hand", _("Affected: by hand"), forms.CodesForm, acts.by_hand, "affect", _in(OPEN)
        ),
        Verb(
            "remove", _("Not affected"), forms.RemoveForm, acts.remove, "affect", _in(OPEN),
            _("They go from the list; who and why stays in the journal. Exports end at once."),
        ),
        Verb(
            "write", _("Write a notice"), forms.NoticeForm, acts.write_notice, "notify", _tellable,
            _("Keeps the notice as it will be sent. What becomes known later does not change it."),
        ),
        Verb(
            "print", _("Print a notice"), forms.NoticeForm, acts.print_notice, "view", _tellable,
            _("The notice as it would go now, as PDF; what it still lacks stands on top."),
        ),
        Verb(
            "sent", _("A notice was sent"), forms.SentForm, acts.sent, "notify", _tellable,
            _("Its clock stops at the moment of sending. What the notice said is kept as it is."),
        ),
        Verb(
            "correct_sending", _("Correct a sending"), forms.CorrectSendingForm,
            acts.correct_sending, "correct", _sent_any,
            _("A moment or a number was written down wrongly. The clock follows."),
        ),
        Verb(
            "redetect", _("Correct the detection"), forms.RedetectForm, acts.redetect, "correct",
            _in(ANY_TIME),
            _("The hours of the law run from the right moment: the clocks are counted again."),
        ),
        Verb(
            "export", _("Export for the authority"), forms.ExportForm, acts.export, "export",
            _in(ANY_TIME),
            _("The affected people with their values in the categories of the incident, sealed. "
              "Each of them gets a line in the journal of accesses. It ends after thirty days."),
        ),
        Verb(
            "close", _("Close the incident"), ReasonForm, acts.close, "close", _in(OPEN),
            _("With what result. Not while a notice is due."),
        ),
        Verb(
            "dismiss", _("It was no incident"), ReasonForm, acts.dismiss, "dismiss", _in(OPEN),
            _("Its clocks are void."),
        ),
        Verb(
            "reopen", _("Open it again"), ReasonForm, acts.reopen, "reopen", _in(ENDED),
            _("Clocks that became void start anew, from the same detection."),
        ),
    )  # fmt: skip

    # --- who ---------------------------------------------------------------------------------
    def possible_verbs(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        closed = set() if sees_people(request, row) else OF_PEOPLE
        touching = {verb.name for verb in self.verbs if verb.action in closed}
        return [
            verb for verb in super().possible_verbs(request, row) if verb["name"] not in touching
        ]

    def verb_view(self, request: HttpRequest, object_id: str, *, verb: Verb) -> HttpResponse:
        if verb.action in OF_PEOPLE:
            row = self.get_object(request, object_id)
            if row is not None:
                refuse_unless(request, verb.action, row)
                if not sees_people(request, row):
                    raise PermissionDenied
        if verb.name == "by_list":
            # Reading the files is what finds that one is too big.
            request.FILES.keys()
            require_small(request)
        answer = super().verb_view(request, object_id, verb=verb)
        # A paper is the answer itself.
        paper: HttpResponse = getattr(request, "office_file", answer)
        return paper

    def after_refusal(self, request: HttpRequest, row: Any, verb: Verb, form: VerbForm) -> None:
        if isinstance(form, forms.DescribeForm):
            newest = self.get_object(request, str(row.pk))
            if newest is not None and incident_version(newest) != form.cleaned_data.get("read"):
                form.look_again()

    # --- registration ------------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": forms.DetectedForm.Meta.fields})]
        return [
            (title, {"fields": [name for name in options["fields"] if _worth_showing(obj, name)]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else super().get_readonly_fields(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kw)
        operators = operators_for(request.user, "add", Incident).filter(is_active=True)

        class ScopedDetectedForm(forms.DetectedForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.fields["operator"].queryset = operators.select_related("jurisdiction")
                listed = list(operators[:2])
                if len(listed) == 1:
                    self.fields["operator"].initial = listed[0]
                    self.fields["detected_at"].zone = listed[0].zone
                    self.fields["detected_at"].initial = timezone.now()

            def clean(self) -> dict[str, Any]:
                cleaned = super().clean()
                if not self.errors:
                    try:
                        self.instance = register(request, cleaned)
                    except OperatorError as error:
                        self.office_status = error.status
                        self.add_error(None, sentence(error))
                return cleaned

            def save(self, commit: bool = True) -> Incident:
                return self.instance

        return ScopedDetectedForm

    def changeform_view(self, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        response = super().changeform_view(request, *args, **kw)
        context = getattr(response, "context_data", None) or {}
        if "adminform" in context:
            response.status_code = getattr(context["adminform"].form, "office_status", 200)
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        transaction.on_commit(lambda: ring(remind))

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kw: Any) -> HttpResponse:
        self.message_user(request, registered_words(obj))
        return HttpResponseRedirect(self.after_verb(request, obj))

    # --- the list ----------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> Any:
        clocks = Deadline.objects.filter(voided_at=None).order_by("ends_at", "pk")
        return (
            super()
            .get_queryset(request)
            .select_related("operator__jurisdiction", "operator__responsible", "contact")
            .prefetch_related(Prefetch("deadlines", queryset=clocks))
        )

    def get_changelist(self, request: HttpRequest, **kw: Any) -> type[ChangeList]:
        return Journal

    def _next(self, row: Incident) -> Deadline | None:
        """The most urgent clock that still runs."""
        for clock in row.deadlines.all():
            if clock.met_at is None:
                clock.operator = row.operator
                return clock
        return None

    @admin.display(description=_("what happened"), ordering="kind")
    def what(self, row: Incident) -> str:
        return str(row.get_kind_display()) if row.kind else gettext("not known yet")

    @admin.display(description=_("detected at"), ordering="detected_at")
    def detected_short(self, row: Incident) -> str:
        return short_moment(row.detected_at, row.operator.zone)

    @admin.display(description=_("next due"))
    def due(self, row: Incident) -> str:
        clock = self._next(row)
        return f"{clock.get_effect_display()}: {when_due(clock)}" if clock else "–"

    @admin.display(description=_("clock"))
    def left(self, row: Incident) -> str:
        clock = self._next(row)
        return state(clock, timezone.now()) if clock else "–"

    @admin.display(description=_("people"))
    def people(self, row: Any) -> int:
        return int(row.people_count)

    # --- one incident ------------------------------------------------------------------------
    @admin.display(description=_("detected at"))
    def detected(self, row: Incident) -> str:
        return _local(row.detected_at, row.operator)

    @admin.display(description=_("registered at"))
    def registered(self, row: Incident) -> str:
        return _local(row.registered_at, row.operator)

    @admin.display(description=_("happened from"))
    def began(self, row: Incident) -> str:
        return _local(row.happened_from, row.operator) if row.happened_from else "–"

    @admin.display(description=_("happened until"))
    def ceased(self, row: Incident) -> str:
        return _local(row.happened_until, row.operator) if row.happened_until else "–"

    @admin.display(description=_("closed at"))
    def ended(self, row: Incident) -> str:
        return _local(row.ended_at, row.operator) if row.ended_at else "–"

    @admin.display(description=_("misdirected letter"))
    def letter_link(self, row: Incident) -> str:
        assert row.letter is not None
        page = reverse("admin:requests_letter_change", args=[row.letter_id])
        return format_html('<a href="{}">{}</a>', page, row.letter.request.number)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if row is not None:
            context |= page_of(request, row)
        return super().render_change_form(request, context, *args, **kw)

    # --- papers ------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("register/", view(partial(register_view, self)), name="incident_register"),
            path(
                "<int:object_id>/notice/<int:notice>/",
                view(partial(notice_view, self)),
                name="incident_notice",
            ),
            path(
                "<int:object_id>/exported/<int:export>/",
                view(partial(export_view, self)),
                name="incident_exported",
            ),
        ]
        return [*own, *super().get_urls()]


def _worth_showing(row: Incident, name: str) -> bool:
    """Facts of the end are shown once there are any; a letter, where there is one."""
    if name in {"ended", "ended_reason"}:
        return row.ended_at is not None
    return name != "letter_link" or row.letter_id is not None


def register(request: HttpRequest, data: Mapping[str, Any]) -> Incident:
    """Register what the form says, if the user may for that operator."""
    operator = data["operator"]
    if not may(request.user, "add", Incident, Incident(operator=operator)):
        raise PermissionDenied
    return incident_register(
        operator=operator, detected_at=data["detected_at"], by=request.user, now=timezone.now()
    )


def registered_words(row: Incident) -> str:
    """The number, and by when the authority must know."""
    clocks = clocks_of(row)
    if not clocks:
        return gettext("%(number)s is registered.") % {"number": row.number}
    return gettext("%(number)s is registered; the authority must know by %(when)s.") % {
        "number": row.number,
        "when": when_due(clocks[0]),
    }


@told_by("requests", "incident")
def gists(ids: list[int]) -> dict[int, str]:
    """For the desk: what happened, and when it was detected."""
    rows = Incident.objects.filter(pk__in=ids).select_related("operator__jurisdiction")
    return {
        row.pk: "{}, {}".format(
            row.get_kind_display() if row.kind else gettext("not known yet"),
            long_day(row.detected_at.astimezone(row.operator.zone).date()),
        )
        for row in rows
    }
