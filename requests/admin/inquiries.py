"""Inquiries of the authority: registration, draft, answer, extension."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.base import ReadOnlyAdmin
from registry.admin.clocks import AssignForm
from registry.admin.verbs import LocalMoment, Verb, VerbAdmin, VerbForm
from registry.choices import Role
from registry.errors import OperatorError
from registry.explain import long_day, sentence, steps_in_words
from registry.models import Authority, Extension, Operator, User
from registry.services.clocks import deadline_assign
from registry.services.texts import state, when_due
from registry.tasks import remind, ring
from requests import states
from requests.models import RegulatorInquiry
from requests.models.inquiries import TEXT_LIMIT, InquiryState, LetterChannel
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

LINE = forms.TextInput(attrs={"class": "vTextField"})
TEXT = forms.Textarea(attrs={"rows": 12, "class": "vLargeTextField"})


class RegisterForm(forms.ModelForm):
    """A letter as it arrived."""

    owner = forms.ModelChoiceField(
        User.objects.none(),
        label=_("owner"),
        required=False,
        help_text=_("Empty: the responsible person, or whoever stands in for them."),
    )
    received_at = LocalMoment(
        label=_("received at"),
        help_text=_("Local time of the operator. The count begins the day after."),
    )

    class Meta:
        model = RegulatorInquiry
        fields = [
            "operator",
            "authority",
            "reference",
            "channel",
            "received_at",
            "stated_on",
            "questions",
        ]
        widgets = {
            "stated_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "questions": TEXT,
            "reference": LINE,
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        operator, received = cleaned.get("operator"), cleaned.get("received_at")
        if operator and received:
            # Read again in the operator's own zone, now that the operator is known.
            naive = timezone.make_naive(received)
            cleaned["received_at"] = naive.replace(tzinfo=operator.zone)
        return cleaned


def _answer_fields(row: RegulatorInquiry, form: forms.Form) -> None:
    form.fields["answer"].initial = row.answer
    form.fields["read"].initial = row.answer


class DraftForm(VerbForm):
    answer = forms.CharField(
        label=_("answer"),
        max_length=TEXT_LIMIT,
        required=False,
        widget=TEXT,
        help_text=_("No names or numbers of people: nothing here is sealed."),
    )
    read = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)

    def prepare(self) -> None:
        _answer_fields(self.row, self)


class AnswerForm(DraftForm):
    sent_at = LocalMoment(
        label=_("sent at"), help_text=_("When the answer left, local time of the operator.")
    )
    sent_channel = forms.ChoiceField(label=_("sent by way of"), choices=LetterChannel.choices)
    proof = forms.CharField(
        label=_("proof of sending"),
        max_length=300,
        required=False,
        widget=LINE,
        help_text=_("Postal receipt, outgoing number or delivery report; may be added later."),
    )

    def prepare(self) -> None:
        super().prepare()
        self.fields["sent_at"].initial = timezone.now()


class ProofForm(VerbForm):
    proof = forms.CharField(
        label=_("proof of sending"),
        max_length=300,
        widget=LINE,
        help_text=_("Postal receipt, outgoing number or delivery report."),
    )

    def prepare(self) -> None:
        self.fields["proof"].initial = self.row.proof


class ExtendForm(VerbForm):
    reasons = forms.CharField(label=_("reasons"), max_length=5000, widget=TEXT)
    notice_number = forms.CharField(
        label=_("number of the notice"),
        max_length=100,
        widget=LINE,
        help_text=_("The motivated notice that was sent to the authority before expiry."),
    )
    notice_sent_at = LocalMoment(label=_("notice sent at"))

    def prepare(self) -> None:
        self.fields["notice_sent_at"].initial = timezone.now()


class RestateForm(VerbForm):
    stated_on = forms.DateField(
        label=_("date stated by the authority"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: the authority named no day."),
    )
    reason = forms.CharField(label=_("reason"), max_length=300, widget=LINE)

    def prepare(self) -> None:
        self.fields["stated_on"].initial = self.row.stated_on


class WithdrawForm(VerbForm):
    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        widget=LINE,
        help_text=_("The authority took it back, or it was registered by mistake."),
    )


class InquiryAssignForm(AssignForm):
    def prepare(self) -> None:
        super().prepare()
        self.fields["owner"].initial = clock_of(self.row).owner_id


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
    list_display = ["number", "authority", "reference", "received", "due", "left", "owner", "state"]
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
        return super().get_fieldsets(request, obj)

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
            return "–"
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
        if row is not None:
            clock = self._clock(row)
            context["clock"] = clock
            if clock is not None:
                context["clock_due"] = when_due(clock)
                context["clock_state"] = self.left(row)
                context["clock_steps"] = steps_in_words(clock.steps)
                context["clock_internal"] = long_day(clock.internal_on) if clock.internal_on else ""
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


def _local(moment: datetime, operator: Operator) -> str:
    local = moment.astimezone(operator.zone)
    return f"{long_day(local.date())}, {local:%H:%M}"
