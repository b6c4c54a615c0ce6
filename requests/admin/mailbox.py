"""Triage: the mails that nobody recognised, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, scoped
from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.desk import Counter, counted_by
from registry.errors import OperatorError
from registry.explain import sentence, short_day
from registry.models import Operator
from registry.tasks import remind, ring
from requests.admin.forms import LINE
from requests.admin.request_forms import NothingForm, ReasonForm
from requests.models import IncomingMail
from requests.models.mailbox import MailPlace
from requests.models.subject_requests import RequestKind
from requests.services.alike import requests_of_sender
from requests.services.triage import (
    UNDECIDED,
    mail_convert,
    mail_dismiss,
    mail_join,
    mail_open,
    mail_open_until,
    mail_told,
)
from requests.tasks import post_letters
from subjects.services.reading import State

DISMISSED = _("Sorted out on the list: no request.")


class ConvertForm(VerbForm):
    kind = forms.ChoiceField(label=_("what is asked for"), choices=RequestKind.choices)


class JoinForm(VerbForm):
    number = forms.CharField(
        label=_("number of the request"),
        max_length=40,
        widget=LINE,
        help_text=_("Such as REQ-2026-0001. The mail is kept there as a letter of the person."),
    )


def open_it(request: HttpRequest, row: IncomingMail, data: Mapping[str, Any]) -> str:
    mail_open(mail=row, user=request.user, now=timezone.now())
    request.office_next = _page(row)  # type: ignore[attr-defined]
    return gettext("The mail is open to you for a while; that stands in the journal.")


def convert(request: HttpRequest, row: IncomingMail, data: Mapping[str, Any]) -> str:
    made = mail_convert(mail=row, kind=data["kind"], by=request.user, now=timezone.now())
    ring(remind)
    ring(post_letters)
    return gettext("%(number)s is registered.") % {"number": made.number}


def join(request: HttpRequest, row: IncomingMail, data: Mapping[str, Any]) -> str:
    done = mail_join(mail=row, number=data["number"], by=request.user, now=timezone.now())
    number = done.request.number if done.request else ""
    return gettext("It stands with the letters of %(number)s.") % {"number": number}


def dismiss(request: HttpRequest, row: IncomingMail, data: Mapping[str, Any]) -> str:
    mail_dismiss(mail=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("Written down: it is no request.")


def _undecided(row: IncomingMail | None) -> bool:
    return bool(row and row.place in UNDECIDED)


def _page(row: IncomingMail) -> str:
    return reverse("admin:requests_incomingmail_change", args=[row.pk])


@admin.register(IncomingMail)
class IncomingMailAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["number", "received", "place", "why", "operator"]
    list_select_related = ["operator__jurisdiction"]
    list_filter = ["place", "why", "operator"]
    ordering = ["-id"]
    actions = ["no_request"]
    change_form_template = "admin/requests/incomingmail/change_form.html"
    readonly_fields = ["received", "unread"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "operator", "received", "place", "why", "unread", "request", "reason",
                    "decided_by",
                ]
            },
        ),
    ]  # fmt: skip
    verbs = (
        Verb(
            "open", _("Open the mail"), NothingForm, open_it, "open",
            lambda row: bool(row and row.told_key),
        ),
        Verb(
            "convert", _("Make a request of it"), ConvertForm, convert, "convert", _undecided,
            _("It counts from the moment at which the mail arrived."),
        ),
        Verb("join", _("Belongs to a request"), JoinForm, join, "join", _undecided),
        Verb("dismiss", _("No request"), ReasonForm, dismiss, "dismiss", _undecided),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("operator__jurisdiction", "request")

    def after_verb(self, request: HttpRequest, row: Any) -> str:
        """The next mail that waits, so that forty of them are forty times the same clicks."""
        stays = getattr(request, "office_next", None)
        if stays or request.method != "POST":
            return stays or _page(row)
        waiting = scoped(IncomingMail.objects.filter(place=MailPlace.TRIAGE), request.user)
        nearest = waiting.filter(operator=row.operator_id).order_by("received_at", "pk").first()
        return _page(nearest) if nearest else reverse("admin:requests_incomingmail_changelist")

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            now = timezone.now()
            until = mail_open_until(row, request.user, now) if self._may(request, "open") else None
            state, told = mail_told(row, opened=until is not None)
            context |= {
                "told": told,
                "gone": state in (State.DESTROYED, State.LOST),
                "open_until": f"{until.astimezone(row.operator.zone):%H:%M}" if until else "",
                "kinds": RequestKind.choices,
                "others": requests_of_sender(row) if self._may(request, "join", row) else [],
            }
        response = super().render_change_form(request, context, *args, **kw)
        if row is not None:
            found = response.context_data
            found["may"] = {verb["name"]: verb["link"] for verb in found["verbs"]}
            buttons = {"open", "convert"}  # of their own, each one click
            found["verbs"] = [verb for verb in found["verbs"] if verb["name"] not in buttons]
        return response

    def has_dismiss_permission(self, request: HttpRequest) -> bool:
        """Who sees the action; of each mail it is asked once more."""
        return self._may(request, "dismiss")

    @admin.action(description=_("No request"), permissions=["dismiss"])
    def no_request(self, request: HttpRequest, rows: Any) -> None:
        done = 0
        for row in rows.order_by("pk"):
            if not may(request.user, "dismiss", IncomingMail, row):
                self.message_user(request, gettext("You may not decide this."), messages.ERROR)
                return
            try:
                mail_dismiss(mail=row, reason=str(DISMISSED), by=request.user, now=timezone.now())
            except OperatorError as error:
                self.message_user(request, sentence(error), messages.ERROR)
            else:
                done += 1
        self.message_user(
            request,
            ngettext("%(count)d mail is no request.", "%(count)d mails are no requests.", done)
            % {"count": done},
        )

    @admin.display(description=_("mail"), ordering="pk")
    def number(self, row: IncomingMail) -> str:
        return str(row.pk)

    @admin.display(description=_("received at"), ordering="received_at")
    def received(self, row: IncomingMail) -> str:
        local = row.received_at.astimezone(row.operator.zone)
        return f"{short_day(local.date())}, {local:%H:%M}"

    @admin.display(description=_("what could not be read"))
    def unread(self, row: IncomingMail) -> str:
        return ", ".join(row.problems) or "–"


@counted_by
def in_triage(user: Any, operator_code: str) -> Counter | None:
    rows = scoped(IncomingMail.objects.filter(place=MailPlace.TRIAGE), user)
    query = "?place__exact=triage"
    if operator_code:
        rows = rows.filter(operator__code=operator_code)
        number = Operator.objects.filter(code=operator_code).values_list("pk", flat=True).first()
        query += f"&operator__id__exact={number}"
    path = reverse("admin:requests_incomingmail_changelist")
    return Counter(gettext("mails in triage"), rows.count(), path + query, urgent=True)
