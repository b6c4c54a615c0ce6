"""On the page of an inspection: the log-in of an inspector, its end, and what was seen by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import LocalMoment, VerbForm
from registry.choices import Language, Room
from requests.admin.forms import LINE
from requests.admin.request_forms import ReasonForm
from requests.models import Inspection, InspectorAccess
from requests.services.inspector_access import (
    inspector_close,
    inspector_open,
    latest,
    pages_seen,
    pages_seen_export,
)
from subjects.admin.disclosures import MEDIA
from subjects.services.disclosure_register import Media

# On the page; the file has them all.
SHOWN = 50


class OpenAccessForm(VerbForm):
    """For whom, until when, which rooms."""

    name = forms.CharField(
        label=_("inspector"), max_length=150, widget=LINE,
        help_text=_("Name and position as on the order."),
    )  # fmt: skip
    login = forms.CharField(
        label=_("log-in name"), max_length=150, widget=LINE,
        help_text=_("A name or an e-mail address; nothing is sent to it."),
    )  # fmt: skip
    until = LocalMoment(
        label=_("open until"),
        help_text=_("Local time of the operator; at the latest the end of the inspection."),
    )
    rooms = forms.MultipleChoiceField(
        label=_("rooms"), choices=Room.choices, widget=forms.CheckboxSelectMultiple,
        help_text=_("What can be read; values of people stay masked, and nothing can be changed."),
    )  # fmt: skip

    def prepare(self) -> None:
        self.fields["until"].initial = latest(self.row).replace(second=0, microsecond=0)


class EndAccessForm(ReasonForm):
    """Which one ends, and why."""

    access = forms.ModelChoiceField(
        InspectorAccess.objects.none(), label=_("log-in"), empty_label=None,
        help_text=_("Ends at once, also for whoever is logged in by it."),
    )  # fmt: skip
    field_order = ["access", "reason"]

    def prepare(self) -> None:
        field: Any = self.fields["access"]
        field.queryset = open_of(self.row).select_related("inspection", "visit__user")


class SeenForm(VerbForm):
    language = forms.ChoiceField(
        label=_("language"), choices=Language.choices, help_text=_("In which it is printed.")
    )

    def prepare(self) -> None:
        self.fields["language"].initial = (get_language() or "en")[:2]


def open_of(row: Inspection) -> Any:
    return InspectorAccess.objects.filter(inspection=row, closed_at=None)


def let_in(request: HttpRequest, row: Inspection, data: Mapping[str, Any]) -> HttpResponse:
    """The password stands on this one page: in no message, no cookie and no table."""
    made, password = inspector_open(
        inspection=row,
        by=request.user,  # type: ignore[arg-type]
        now=timezone.now(),
        **data,
    )
    context = admin.site.each_context(request) | {
        "title": gettext("The log-in of the inspector is open"),
        "access": made,
        "password": password,
        "zone": row.operator.zone,
        "back": reverse("admin:requests_inspection_change", args=[row.pk]),
    }
    template = "admin/requests/inspection/opened.html"
    return TemplateResponse(request, template, context)


def shut(request: HttpRequest, row: Inspection, data: Mapping[str, Any]) -> str:
    inspector_close(
        access=data["access"],
        reason=data["reason"],
        by=request.user,  # type: ignore[arg-type]
        now=timezone.now(),
    )
    return gettext("The log-in has ended.")


def seen(request: HttpRequest, row: Inspection, data: Mapping[str, Any]) -> HttpResponse:
    content = pages_seen_export(
        inspection=row,
        language=data["language"],
        by=request.user,  # type: ignore[arg-type]
        now=timezone.now(),
    )
    name = f"seen-{row.operator.code}-{row.pk}.csv"
    return HttpResponse(
        content,
        content_type=MEDIA[Media.CSV],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def accesses_shown(row: Inspection) -> dict[str, Any]:
    """For the page of the inspection: two queries, however much there is."""
    rows = list(row.accesses.select_related("visit__user", "opened_by", "closed_by"))
    now = timezone.now()
    for one in rows:
        labels = dict(Room.choices)
        one.rooms_said = ", ".join(str(labels.get(room, room)) for room in one.visit.rooms)
        one.running = one.closed_at is None and one.visit.holds_at(now)
    return {"accesses": rows, "pages_seen": list(pages_seen(row)[:SHOWN]) if rows else []}
