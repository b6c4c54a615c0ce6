"""Inquiries of the authority: registration, draft, answer, extension."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin
from registry.choices import Role
from registry.desk import told_by
from registry.errors import OperatorError
from registry.explain import long_day, sentence, short_day, steps_in_words
from registry.models import Authority, Deadline, Extension, Operator, User
from registry.services.clocks import deadline_assign
from registry.services.texts import state, when_due
from registry.tasks import remind, ring
from requests import states
from requests.admin.forms import (
    AnswerForm,
    DraftForm,
    ExtendForm,
    InquiryAssignForm,
    ProofForm,
    RegisterForm,
    RestateForm,
    WithdrawForm,
)
from requests.models import RegulatorInquiry
from requests.models.inquiries import InquiryState
from requests.services.inquiries import (
    clock_of,
    inquiry_answer,
    inquiry_draft,
    inquiry_extend,
    inquiry_prove,
    inquiry_register,
    inquiry_restate,
    inquiry_withdraw,
)


def draft(request: HttpRequest, row: RegulatorInquiry, data: Mapping[str, Any]) -> str:
    inquiry_draft(inquiry=row, answer=data["answer"], read=data["read"], by=request.user)
    return gettext("The draft is saved.")


def answer(request: HttpRequest, row: RegulatorInquiry, data: Mapping[str, Any]) -> str:
    inquiry_answer(
        inquiry=row,
        answer=data["answer"],
        read=data["read"],
        sent_at=data["sent_at"],
        sent_channel=data["sent_channel"],
        proof=data["proof"],
        by=request.user,
        now=timezone.now(),
    )
    return gettext("%(number)s is answered; its clock has stopped.") % {"number": row.number}


def prove(request: HttpRequest, row: RegulatorInquiry, data: Mapping[str, Any]) -> str:
    inquiry_prove(inquiry=row, proof=data["proof"], by=request.user)
    return gettext("The proof is recorded.")


def extend(request: HttpRequest, row: RegulatorInquiry, data: Mapping[str, Any]) -> str:
    extension = inquiry_extend(
        inquiry=row,
        reasons=data["reasons"],
        notice_number=data["notice_number"],
        notice_sent_at=data["notice_sent_at"],
        by=request.user,
        now=timezone.now(),
    )
    return gettext("Extended until %(day)s.") % {"day": long_day(extension.due_after)}


def restate(request: HttpRequest, row: RegulatorInquiry, data: Mapping[str, Any]) -> str:
    inquiry_restate(
        inquiry=row, stated_on=data["stated_on"], reason=data["reason"], by=request.user
    )
    return gettext("The clock has been counted again.")


def withdraw(request: HttpRequest, row: RegulatorInquiry, data: Mapping[str, Any]) -> str:
    inquiry_withdraw(inquiry=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("%(number)s is withdrawn.") % {"number": row.number}


def assign(request: HttpRequest, row: RegulatorInquiry, data: Mapping[str, Any]) -> str:
    deadline = deadline_assign(
        deadline=clock_of(row),
        owner=data["owner"],
        by=request.user,
        now=timezone.now(),
        reason="assigned",
    )
    if deadline.owner is None:
        return gettext("Nobody owns this now.")
    return gettext("Assigned to %(owner)s.") % {"owner": deadline.owner}


def _open(row: RegulatorInquiry) -> bool:
    return row.state == states.OPEN


@admin.register(RegulatorInquiry)
class RegulatorInquiryAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["number", "letter", "received_day", "due", "left", "owner"]
    list_select_related = ["operator__jurisdiction", "authority"]
    list_filter = ["state", "operator", "authority"]
    search_fields = ["number", "reference"]
    change_form_template = "admin/requests/regulatorinquiry/change_form.html"
    readonly_fields = ["received", "sent"]
    fieldsets = [
        (
            _("the letter"),
            {
                "fields": [
                    "operator", "authority", "reference", "channel", "received", "stated_on",
                    "questions",
                ]
            },
        ),
        (
            _("the answer"),
            {
                "fields": [
                    "state", "answer", "sent", "sent_by", "sent_channel", "proof",
                    "withdrawn_reason",
                ]
            },
        ),
    ]  # fmt: skip
    verbs = (
        Verb("draft", _("Write the answer"), DraftForm, draft, "draft", _open),
        Verb(
            "answer",
            _("Mark as sent"),
            AnswerForm,
            answer,
            "answer",
            _open,
            _("Stops the clock. The text and the time of sending can no longer be changed."),
        ),
        Verb("assign", _("Assign"), InquiryAssignForm, assign, "draft", _open),
        Verb(
            "extend",
            _("Extend"),
            ExtendForm,
            extend,
            "extend",
            _open,
            _("Once, before expiry, by a notice with reasons that has been sent (152-FZ 20(4))."),
        ),
        Verb("restate", _("Change the stated date"), RestateForm, restate, "restate", _open),
        Verb(
            "prove",
            _("Add the proof of sending"),
            ProofForm,
            prove,
            "prove",
            lambda row: row.state == states.ANSWERED,
        ),
        Verb("withdraw", _("Withdraw"), WithdrawForm, withdraw, "withdraw", _open),
    )

    # --- registration ------------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": [*RegisterForm.Meta.fields, "owner"]})]
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
        user = request.user
        operators = operators_for(user, "add", RegulatorInquiry).filter(is_active=True)

        class ScopedRegisterForm(RegisterForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.fields["operator"].queryset = operators
                laws = operators.values("jurisdiction_id")
                self.fields["authority"].queryset = Authority.objects.filter(
                    jurisdiction_id__in=laws
                )
                self.fields["owner"].queryset = User.objects.filter(
                    is_active=True,
                    memberships__operator__in=operators,
                    memberships__ended_on=None,
                    memberships__role__in=[Role.DPO, Role.CLERK],
                ).distinct()
                if operators.count() == 1:
                    self.fields["operator"].initial = operators[0]

            def clean(self) -> dict[str, Any]:
                cleaned = super().clean()
                if not self.errors:
                    try:
                        self.instance = register(request, cleaned)
                    except OperatorError as error:
                        self.office_status = error.status
                        self.add_error(None, sentence(error))
                return cleaned

            def _post_clean(self) -> None:
                """The service has judged the row already."""

            def save(self, commit: bool = True) -> RegulatorInquiry:
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
        transaction.on_commit(lambda: ring(remind))

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kw: Any) -> HttpResponse:
        self.message_user(
            request,
            gettext("%(number)s is registered; due %(when)s.")
            % {"number": obj.number, "when": when_due(clock_of(obj))},
        )
        return self.response_post_save_change(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return HttpResponseRedirect(self.after_verb(request, obj))

    # --- reading -----------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("deadlines__owner")

    def _clock(self, row: RegulatorInquiry) -> Any:
        for deadline in row.deadlines.all():
            deadline.operator = row.operator
            return deadline
        return None

    @admin.display(description=_("received at"), ordering="received_at")
    def received(self, row: RegulatorInquiry) -> str:
        return _local(row.received_at, row.operator)

    @admin.display(description=_("the letter"), ordering="reference")
    def letter(self, row: RegulatorInquiry) -> str:
        return f"{row.authority}, {row.reference}"

    @admin.display(description=_("received at"), ordering="received_at")
    def received_day(self, row: RegulatorInquiry) -> str:
        return short_day(row.received_at.astimezone(row.operator.zone).date())

    @admin.display(description=_("sent at"))
    def sent(self, row: RegulatorInquiry) -> str:
        return _local(row.sent_at, row.operator) if row.sent_at else "–"

    @admin.display(description=_("due"))
    def due(self, row: RegulatorInquiry) -> str:
        clock = self._clock(row)
        return when_due(clock) if clock else "–"

    @admin.display(description=_("clock"))
    def left(self, row: RegulatorInquiry) -> str:
        clock = self._clock(row)
        if clock is None or row.state == InquiryState.WITHDRAWN:
            return row.get_state_display()
        if clock.met_at:
            in_time = clock.ends_at is None or clock.met_at < clock.ends_at
            return gettext("met in time") if in_time else gettext("met late")
        return state(clock, timezone.now())

    @admin.display(description=_("owner"))
    def owner(self, row: RegulatorInquiry) -> str:
        clock = self._clock(row)
        return str(clock.owner) if clock and clock.owner else "–"

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        # A registration always leads to its page, where the clock is; it has one button.
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if row is not None:
            clock = self._clock(row)
            context["clock"] = clock
            if clock is not None:
                context["clock_due"] = when_due(clock)
                context["clock_state"] = self.left(row)
                context["clock_look"] = _look(clock, timezone.now())
                context["clock_steps"] = steps_in_words(clock.steps)
                internal_on = clock.internal_on if clock.internal_on != clock.due_on else None
                context["clock_internal"] = long_day(internal_on) if internal_on else ""
                context["extension"] = Extension.objects.filter(deadline=clock).first()
        return super().render_change_form(request, context, *args, **kw)


def register(request: HttpRequest, data: Mapping[str, Any]) -> RegulatorInquiry:
    """Register what the form says, if the user may for that operator."""
    if not may(request.user, "add", RegulatorInquiry, RegulatorInquiry(operator=data["operator"])):
        raise PermissionDenied
    return inquiry_register(
        operator=data["operator"],
        authority=data["authority"],
        reference=data["reference"],
        received_at=data["received_at"],
        questions=data["questions"],
        channel=data["channel"],
        stated_on=data["stated_on"],
        owner=data["owner"],
        by=request.user,
        now=timezone.now(),
    )


@told_by("requests", "regulatorinquiry")
def gists(ids: list[int]) -> dict[int, str]:
    """For the desk: who asks, and the number of the letter."""
    rows = RegulatorInquiry.objects.filter(pk__in=ids).select_related("authority")
    return {row.pk: f"{row.authority}, {row.reference}" for row in rows}


def _worth_showing(row: RegulatorInquiry, name: str) -> bool:
    """Facts of sending and withdrawal are shown once there are any; the title has the state."""
    if name in {"sent", "sent_by", "sent_channel", "proof"}:
        return row.state == InquiryState.ANSWERED
    return name != "state" and (name != "withdrawn_reason" or bool(row.withdrawn_reason))


def _look(clock: Deadline, now: datetime) -> str:
    """The style of the clock's panel."""
    if not clock.is_open:
        return "met" if clock.met_at else "void"
    return "overdue" if clock.ends_at and clock.ends_at <= now else "running"


def _local(moment: datetime, operator: Operator) -> str:
    local = moment.astimezone(operator.zone)
    return f"{long_day(local.date())}, {local:%H:%M}"
