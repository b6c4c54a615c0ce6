"""The answer about a person's data: looked through, with what is withheld, then released."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.explain import short_day
from requests import states, withholding
from requests.admin.forms import LINE
from requests.admin.inquiries import _local
from requests.admin.request_forms import NothingForm, ReasonForm
from requests.models import AccessAnswer, RequestItem
from requests.models.access_answers import Withheld
from requests.models.subject_requests import RequestKind
from requests.services.access_answers import (
    GRANTED,
    Kept,
    answer_draft,
    answer_open,
    answer_open_until,
    answer_release,
    answer_restore,
    answer_sections,
    answer_withdraw,
    answer_withhold,
    kept_back,
)
from requests.services.access_parts import Section
from requests.services.answer_ends import MACHINE, PAPER, answer_file

Data = Mapping[str, Any]


class WithholdForm(VerbForm):
    words = forms.CharField(
        label=_("words to withhold"),
        required=False,
        max_length=withholding.LIMIT,
        widget=LINE,
        help_text=_(
            "As they stand in the answer, such as the name of somebody else. They leave every text "
            "in which they stand; their length is not shown."
        ),
    )
    row = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)
    why = forms.ChoiceField(label=_("reason"), choices=Withheld.choices)


class RestoreForm(VerbForm):
    number = forms.IntegerField(label=_("number"), min_value=1)


def open_it(request: HttpRequest, row: AccessAnswer, data: Data) -> str:
    answer_open(answer=row, user=request.user, now=timezone.now())
    return gettext("The answer is open to you for a while; that stands in the journal.")


def withhold(request: HttpRequest, row: AccessAnswer, data: Data) -> str:
    kept = answer_withhold(
        answer=row, words=data["words"], row_key=data["row"], why=data["why"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("Withheld under number %(number)s.") % {"number": kept.number}


def restore(request: HttpRequest, row: AccessAnswer, data: Data) -> str:
    answer_restore(answer=row, number=data["number"], by=request.user, now=timezone.now())
    return gettext("It is told again.")


def release(request: HttpRequest, row: AccessAnswer, data: Data) -> str:
    done = answer_release(answer=row, by=request.user, now=timezone.now())
    assert done.ends_on is not None
    return gettext("Released: it can be fetched on the page of the request until %(day)s.") % {
        "day": short_day(done.ends_on)
    }


def withdraw(request: HttpRequest, row: AccessAnswer, data: Data) -> str:
    answer_withdraw(answer=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("Nobody can fetch it any more.")


def _file(request: HttpRequest, row: AccessAnswer, media_type: str, suffix: str) -> str:
    pieces = answer_file(answer=row, media_type=media_type, user=request.user, now=timezone.now())
    response = HttpResponse(b"".join(pieces), content_type=media_type)
    name = f"{row.request.number}-{row.pk}.{suffix}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    request.office_file = response  # type: ignore[attr-defined]
    return ""


def print_it(request: HttpRequest, row: AccessAnswer, data: Data) -> str:
    return _file(request, row, PAPER, "pdf")


def save_machine(request: HttpRequest, row: AccessAnswer, data: Data) -> str:
    return _file(request, row, MACHINE, "json")


def _in(*wanted: str) -> Any:
    return lambda row: bool(row and row.state in wanted)


@admin.register(AccessAnswer)
class AccessAnswerAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["number", "state", "language", "made", "released", "ends_on"]
    list_select_related = ["request__operator__jurisdiction"]
    list_filter = ["state", "request__operator"]
    search_fields = ["request__number"]
    ordering = ["-id"]
    change_form_template = "admin/requests/accessanswer/change_form.html"
    readonly_fields = ["number_link", "made", "released"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "number_link", "state", "language", "made", "made_by", "released",
                    "released_by", "ends_on", "reason",
                ]
            },
        ),
    ]  # fmt: skip
    verbs = (
        Verb(
            "open", _("Look through the answer"), NothingForm, open_it, "open", _in(states.DRAFT)
        ),
        Verb("withhold", _("Withhold"), WithholdForm, withhold, "withhold", _in(states.DRAFT)),
        Verb("restore", _("Tell it again"), RestoreForm, restore, "withhold", _in(states.DRAFT)),
        Verb(
            "release", _("Release the answer"), NothingForm, release, "release", _in(states.DRAFT),
            _("The person can fetch it on the page of the request for thirty days, with a code "
              "that goes to the address of the request. An answer released before ends."),
        ),
        Verb(
            "print", _("Save the paper"), NothingForm, print_it, "print", _in(states.RELEASED),
            _("To be handed over or sent by post. That you saved it stands in the journal."),
        ),
        Verb(
            "machine", _("Save the file for machines"), NothingForm, save_machine, "print",
            _in(states.RELEASED),
            _("JSON, to be handed over. That you saved it stands in the journal."),
        ),
        Verb(
            "withdraw", _("Withdraw the answer"), ReasonForm, withdraw, "withdraw",
            _in(states.DRAFT, states.RELEASED),
            _("Its keys are destroyed: nobody can read it any more."),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("request__operator__jurisdiction")
        return rows.select_related("paper", "machine", "made_by", "released_by")

    def verb_view(self, request: HttpRequest, object_id: str, *, verb: Verb) -> HttpResponse:
        answer = super().verb_view(request, object_id, verb=verb)
        return getattr(request, "office_file", None) or answer

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None and row.state == states.DRAFT:
            context |= self._screen(request, row)
        response = super().render_change_form(request, context, *args, **kw)
        if row is not None:
            found = response.context_data
            found["may"] = {verb["name"]: verb["link"] for verb in found["verbs"]}
            shown = {"open", "withhold", "restore"}  # forms of their own on the page
            found["verbs"] = [verb for verb in found["verbs"] if verb["name"] not in shown]
        return response

    def _screen(self, request: HttpRequest, row: AccessAnswer) -> dict[str, Any]:
        """What would be released now, while the answer is open to whoever asks."""
        now = timezone.now()
        until = answer_open_until(row, request.user, now) if self._may(request, "open") else None
        if until is None:
            return {}
        with override(row.language):
            sections, _facts = answer_sections(row, now=now)
            shown = [_shown(section) for section in sections if section.code != "withheld"]
        reasons = dict(Withheld.choices)
        return {
            "open_until": f"{until.astimezone(row.operator.zone):%H:%M}",
            "sections": shown,
            "kept": [(one, _what(one), reasons[Withheld(one.why)]) for one in kept_back(row)],
            "withhold": WithholdForm(row=row, user=request.user),
            "reasons": Withheld.choices,
        }

    @admin.display(description=_("number"), ordering="pk")
    def number(self, row: AccessAnswer) -> str:
        return str(row)

    @admin.display(description=_("request"))
    def number_link(self, row: AccessAnswer) -> str:
        page = reverse("admin:requests_subjectrequest_change", args=[row.request_id])
        return format_html('<a href="{}">{}</a>', page, row.request.number)

    @admin.display(description=_("made at"), ordering="made_at")
    def made(self, row: AccessAnswer) -> str:
        return _local(row.made_at, row.operator)

    @admin.display(description=_("released at"))
    def released(self, row: AccessAnswer) -> str:
        return _local(row.released_at, row.operator) if row.released_at else "–"


def _what(kept: Kept) -> str:
    return kept.words or gettext("a whole entry")


def _shown(section: Section) -> dict[str, Any]:
    """A section as the page shows it: cells in the order of the columns, and the row's key."""
    return {
        "code": section.code,
        "title": section.title,
        "lines": section.lines,
        "columns": list(section.columns.values()),
        "rows": [
            {
                "key": row.get("key", ""),
                "cells": [_cell(row.get(name)) for name in section.columns],
                "whole": len(row) <= 2 and "key" in row,
            }
            for row in section.rows
            if section.columns
        ],
    }


def _cell(cell: Any) -> str:
    if isinstance(cell, list):
        return ", ".join(cell)
    return date_format(cell, "d.m.Y") if isinstance(cell, date) else str(cell or "")


# --- on the page of a demand ---------------------------------------------------------------------
def prepare(request: HttpRequest, row: RequestItem, data: Data) -> str:
    made = answer_draft(subject_request=row.request, by=request.user, now=timezone.now())
    request.office_next = _page(made)  # type: ignore[attr-defined]
    return gettext("The answer is begun: look through it, withhold what is somebody else's.")


def preparable(row: RequestItem | None) -> bool:
    """An accepted demand for information; whether one is prepared already the service says."""
    return bool(row and row.kind == RequestKind.INFORMATION and row.decision in GRANTED)


def answers_of(row: RequestItem) -> list[tuple[AccessAnswer, str]]:
    """The answers of its request, the newest first, with their pages."""
    if row.kind != RequestKind.INFORMATION:
        return []
    rows = AccessAnswer.objects.filter(request=row.request_id).select_related("request")
    return [(one, _page(one)) for one in rows.order_by("-pk")]


def _page(answer: AccessAnswer) -> str:
    return reverse("admin:requests_accessanswer_change", args=[answer.pk])
