"""Inspections: registered by the order, what is asked with its clocks, prescriptions, the end."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin
from registry.desk import told_by
from registry.errors import OperatorError
from registry.explain import long_day, sentence, steps_in_words
from registry.models import Authority, Deadline
from registry.services.texts import state, when_due
from registry.tasks import remind, ring
from requests import states
from requests.admin import inspection_forms as forms
from requests.admin.inquiries import _local, _look
from requests.admin.inspection_packs import PackForm, pack
from requests.admin.inspection_pages import register_view
from requests.admin.inspector_access import (
    EndAccessForm,
    OpenAccessForm,
    SeenForm,
    accesses_shown,
    let_in,
    open_of,
    seen,
    shut,
)
from requests.admin.readiness import ready_view
from requests.admin.request_forms import ReasonForm
from requests.models import Inspection, InspectionItem, Prescription
from requests.services.inspections import (
    inspection_ask,
    inspection_begin,
    inspection_close,
    inspection_find,
    inspection_register,
    item_drop,
    item_give,
    prescription_delay,
    prescription_fulfil,
    prescription_register,
)

Data = Mapping[str, Any]


def begin(request: HttpRequest, row: Inspection, data: Data) -> str:
    inspection_begin(inspection=row, by=request.user, now=timezone.now())
    return gettext("The inspection has begun.")


def ask(request: HttpRequest, row: Inspection, data: Data) -> str:
    item = inspection_ask(inspection=row, by=request.user, now=timezone.now(), **data)
    transaction.on_commit(lambda: ring(remind))
    return gettext("%(number)s is written down; due %(when)s.") % {
        "number": item.number,
        "when": long_day(item.due_on),
    }


def find(request: HttpRequest, row: Inspection, data: Data) -> str:
    inspection_find(inspection=row, by=request.user, now=timezone.now(), **data)
    return gettext("The findings are saved.")


def prescribe(request: HttpRequest, row: Inspection, data: Data) -> str:
    found = prescription_register(inspection=row, by=request.user, now=timezone.now(), **data)
    transaction.on_commit(lambda: ring(remind))
    return gettext("The prescription is registered; due %(when)s.") % {
        "when": long_day(found.due_on)
    }


def close(request: HttpRequest, row: Inspection, data: Data) -> str:
    inspection_close(inspection=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("The inspection is closed.")


def give(request: HttpRequest, row: InspectionItem, data: Data) -> str:
    item_give(item=row, by=request.user, now=timezone.now(), **data)
    return gettext("It is given; its clock has stopped.")


def drop(request: HttpRequest, row: InspectionItem, data: Data) -> str:
    item_drop(item=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("It is no longer asked; its clock is void.")


def delay(request: HttpRequest, row: Prescription, data: Data) -> str:
    done = prescription_delay(prescription=row, by=request.user, now=timezone.now(), **data)
    return gettext("The clock runs to %(day)s now.") % {"day": long_day(done.due_after)}


def fulfil(request: HttpRequest, row: Prescription, data: Data) -> str:
    prescription_fulfil(prescription=row, by=request.user, now=timezone.now(), **data)
    return gettext("The prescription is fulfilled; its clock has stopped.")


def _in(*wanted: str) -> Any:
    return lambda row: bool(row and row.state in wanted)


def _open_part(row: Any) -> bool:
    return bool(row and row.state == states.OPEN and row.inspection.state != states.CLOSED)


@admin.register(Inspection)
class InspectionAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = [
        "number", "order", "kind", "begins_on", "ends_on", "state", "operator",
    ]  # fmt: skip
    list_select_related = ["operator__jurisdiction", "authority"]
    list_filter = ["state", "kind", "operator"]
    search_fields = ["number", "order_number"]
    change_form_template = "admin/requests/inspection/change_form.html"
    change_list_template = "admin/requests/inspection/change_list.html"
    readonly_fields = ["registered", "closed"]
    fieldsets = [
        (
            _("the order"),
            {
                "fields": [
                    "operator", "authority", "order_number", "ordered_on", "kind", "basis",
                    "begins_on", "ends_on", "inspectors", "registered", "registered_by",
                ]
            },
        ),
        (
            _("the result"),
            {"fields": ["act_number", "act_on", "findings", "closed", "closed_reason"]},
        ),
    ]  # fmt: skip
    verbs = (
        Verb(
            "begin", _("The inspectors have begun"), forms.BeginForm, begin, "begin",
            _in(states.ANNOUNCED), _("Not before the first day on the order."),
        ),
        Verb(
            "ask", _("Write down what is asked"), forms.AskForm, ask, "ask",
            _in(states.ANNOUNCED, states.RUNNING, states.FINDINGS),
            _("Each thing on its own: its clock runs to the day that the authority stated."),
        ),
        Verb(
            "find", _("The act has come"), forms.FindForm, find, "find", _in(states.RUNNING),
            _("What the authority found. A prescription is registered after it."),
        ),
        Verb(
            "prescribe", _("Register a prescription"), forms.PrescribeForm, prescribe, "prescribe",
            _in(states.FINDINGS), _("Its clock runs to the day that the authority stated."),
        ),
        Verb(
            "close", _("Close the inspection"), ReasonForm, close, "close",
            _in(states.ANNOUNCED, states.RUNNING, states.FINDINGS),
            _("With what result. Not while something asked or prescribed is open."),
        ),
        Verb(
            "pack", _("Make a response pack"), PackForm, pack, "pack",
            intro=_(
                "One archive of what the office holds, with a manifest. It is downloaded at once "
                "and kept nowhere; the making is recorded."
            ),
        ),
        Verb(
            "let_in", _("Open a log-in for the inspector"), OpenAccessForm, let_in, "let_in",
            _in(states.ANNOUNCED, states.RUNNING, states.FINDINGS),
            _(
                "It only reads, ends by itself, and each page that it is given is written down. "
                "The password is shown once."
            ),
        ),
        Verb(
            "shut", _("End the log-in of the inspector"), EndAccessForm, shut, "shut",
            lambda row: bool(row and open_of(row).exists()),
            _("Before its time, with the reason."),
        ),
        Verb(
            "seen", _("Take what the inspector saw as CSV"), SeenForm, seen, "seen",
            lambda row: bool(row and row.accesses.exists()),
            _("Every page with its moment. The taking is recorded."),
        ),
    )  # fmt: skip

    # --- registration ------------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": forms.OrderForm.Meta.fields})]
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else super().get_readonly_fields(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kw)
        operators = operators_for(request.user, "add", Inspection).filter(is_active=True)

        class ScopedOrderForm(forms.OrderForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.fields["operator"].queryset = operators
                laws = operators.values("jurisdiction_id")
                self.fields["authority"].queryset = Authority.objects.filter(
                    jurisdiction_id__in=laws
                )
                listed = list(operators[:2])
                if len(listed) == 1:
                    self.fields["operator"].initial = listed[0]

            def clean(self) -> dict[str, Any]:
                cleaned = super().clean() or self.cleaned_data
                if not self.errors:
                    try:
                        self.instance = register(request, cleaned)
                    except OperatorError as error:
                        self.office_status = error.status
                        self.add_error(None, sentence(error))
                return cleaned

            def save(self, commit: bool = True) -> Inspection:
                return self.instance

        return ScopedOrderForm

    def changeform_view(self, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        response = super().changeform_view(request, *args, **kw)
        context = getattr(response, "context_data", None) or {}
        if "adminform" in context:
            response.status_code = getattr(context["adminform"].form, "office_status", 200)
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The service has saved it."""

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kw: Any) -> HttpResponse:
        self.message_user(request, gettext("%(number)s is registered.") % {"number": obj.number})
        return HttpResponseRedirect(self.after_verb(request, obj))

    # --- reading -----------------------------------------------------------------------------
    @admin.display(description=_("the order"), ordering="order_number")
    def order(self, row: Inspection) -> str:
        return f"{row.authority}, {row.order_number}, {long_day(row.ordered_on)}"

    @admin.display(description=_("registered at"))
    def registered(self, row: Inspection) -> str:
        return _local(row.registered_at, row.operator)

    @admin.display(description=_("closed at"))
    def closed(self, row: Inspection) -> str:
        return _local(row.closed_at, row.operator) if row.closed_at else "–"

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if row is not None:
            context["items"] = row.items.select_related("answer__given_by")
            context["prescriptions"] = row.prescriptions.all()
            context["packs"] = row.packs.select_related("made_by")
            context |= accesses_shown(row)
        return super().render_change_form(request, context, *args, **kw)

    # --- papers ------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("register/", view(partial(register_view, self)), name="inspection_register"),
            path("ready/", view(partial(ready_view, self)), name="inspection_ready"),
            *super().get_urls(),
        ]


class PartAdmin(ReadOnlyAdmin, VerbAdmin):
    """What has a clock within an inspection."""

    list_select_related = ["inspection__operator__jurisdiction"]
    list_filter = ["state"]
    search_fields = ["number", "inspection__number"]
    change_form_template = "admin/requests/inspection/part.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .select_related("inspection__operator__jurisdiction")
            .prefetch_related("deadlines__owner")
        )

    def _clock(self, row: Any) -> Deadline | None:
        for clock in row.deadlines.all():
            clock.operator = row.operator
            return clock
        return None

    @admin.display(description=_("due"))
    def due(self, row: Any) -> str:
        clock = self._clock(row)
        return when_due(clock) if clock else "–"

    @admin.display(description=_("clock"))
    def left(self, row: Any) -> str:
        clock = self._clock(row)
        if clock is None or clock.voided_at:
            return str(row.get_state_display())
        if clock.met_at:
            in_time = clock.ends_at is None or clock.met_at < clock.ends_at
            return gettext("met in time") if in_time else gettext("met late")
        return state(clock, timezone.now())

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            clock = self._clock(row)
            context["clock"] = clock
            if clock is not None:
                context["clock_due"] = when_due(clock)
                context["clock_state"] = self.left(row)
                context["clock_look"] = _look(clock, timezone.now())
                context["clock_steps"] = steps_in_words(clock.steps)
                later = clock.internal_on != clock.due_on
                context["clock_internal"] = (
                    long_day(clock.internal_on) if clock.internal_on and later else ""
                )
            context |= self.parts_of(row)
        return super().render_change_form(request, context, *args, **kw)

    def parts_of(self, row: Any) -> dict[str, Any]:
        """What grew below the row."""
        return {}


@admin.register(InspectionItem)
class InspectionItemAdmin(PartAdmin):
    list_display = ["number", "due", "left", "asked_on", "state"]
    fieldsets = [(None, {"fields": ["inspection", "what", "asked_on", "due_on", "dropped_reason"]})]
    verbs = (
        Verb(
            "give", _("It was given"), forms.GiveForm, give, "give", _open_part,
            _("Stops the clock. What was given can no longer be changed."),
        ),
        Verb(
            "drop", _("It is no longer asked"), ReasonForm, drop, "drop", _open_part,
            _("The authority took it back. Its clock becomes void."),
        ),
    )  # fmt: skip

    def parts_of(self, row: InspectionItem) -> dict[str, Any]:
        return {"answer": getattr(row, "answer", None)}


@admin.register(Prescription)
class PrescriptionAdmin(PartAdmin):
    list_display = ["number", "due", "left", "dated_on", "state"]
    readonly_fields = ["fulfilled"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "inspection", "number", "dated_on", "demands", "due_on", "fulfilled",
                    "report_number",
                ]
            },
        )
    ]  # fmt: skip
    verbs = (
        Verb(
            "delay", _("A delay was granted"), forms.DelayForm, delay, "delay", _open_part,
            _("Only the authority can move its day, by a paper of its own."),
        ),
        Verb(
            "fulfil", _("It is fulfilled"), forms.FulfilForm, fulfil, "fulfil", _open_part,
            _("Stops the clock. With the number of the report to the authority."),
        ),
    )  # fmt: skip

    @admin.display(description=_("fulfilled at"))
    def fulfilled(self, row: Prescription) -> str:
        return _local(row.fulfilled_at, row.operator) if row.fulfilled_at else "–"

    def parts_of(self, row: Prescription) -> dict[str, Any]:
        return {"delays": row.delays.select_related("recorded_by")}


def register(request: HttpRequest, data: Data) -> Inspection:
    """Register what the form says, if the user may for that operator."""
    if not may(request.user, "add", Inspection, Inspection(operator=data["operator"])):
        raise PermissionDenied
    return inspection_register(by=request.user, now=timezone.now(), **data)


@told_by("requests", "inspectionitem")
def asked(ids: list[int]) -> dict[int, str]:
    """For the desk: which inspection."""
    rows = InspectionItem.objects.filter(pk__in=ids).select_related("inspection__authority")
    return {row.pk: f"{row.inspection.authority}, {row.inspection.order_number}" for row in rows}


@told_by("requests", "prescription")
def prescribed(ids: list[int]) -> dict[int, str]:
    """For the desk: who prescribes, by which paper."""
    rows = Prescription.objects.filter(pk__in=ids).select_related("inspection__authority")
    return {row.pk: f"{row.inspection.authority}, {row.number}" for row in rows}
