"""The scans of a signed act: uploaded when it is closed, listed with the papers, given out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import Verb, VerbForm
from registry.explain import short_day
from subjects.admin.pages import short_moment
from subjects.choices import ActState
from subjects.models import ActScan, DestructionAct
from subjects.services.act_files import SCANS_LIMIT, scan_add, scan_open
from subjects.services.pictures import JPEG, PDF, PNG
from subjects.uploads import require_small

ENDINGS = {PDF: "pdf", JPEG: "jpg", PNG: "png"}


class ScanForm(VerbForm):
    scan = forms.FileField(
        label=_("scan"),
        widget=forms.FileInput(attrs={"accept": ",".join(ENDINGS)}),
        help_text=_("PDF, JPEG or PNG, at most 10 MB. Sealed when saved; its name is not kept."),
    )


def add_scan(request: HttpRequest, row: DestructionAct, data: Mapping[str, Any]) -> str:
    require_small(request)
    scan = scan_add(
        act=row, stream=data["scan"].file, size=data["scan"].size, by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("The scan is kept until %(day)s.") % {"day": short_day(scan.keep_until)}


def _takes_scans(row: DestructionAct) -> bool:
    return (
        row.state == ActState.CLOSED
        and row.papers.filter(
            keep_until__gte=timezone.now().astimezone(row.operator.zone).date()
        ).exists()
        and row.scans.count() < SCANS_LIMIT
    )


SCAN_VERB = Verb(
    "scan",
    _("Add a signed scan"),
    ScanForm,
    add_scan,
    "scan",
    _takes_scans,
    _(
        "The printed act with its signatures. It is kept as long as the papers of the act, three "
        "years from the destruction (Order 179), and destroyed with them."
    ),
)


def scans_shown(act: DestructionAct) -> list[dict[str, Any]]:
    """What the page of an act lists; after their three years there is nothing to open."""
    if act.state != ActState.CLOSED:
        return []
    zone = act.operator.zone
    today = timezone.now().astimezone(zone).date()
    return [
        {
            "added": short_moment(row.added_at, zone),
            "by": str(row.added_by),
            "digest": row.digest,
            "until": short_day(row.keep_until),
            "link": ""
            if today > row.keep_until
            else reverse("admin:act_scan", args=[act.pk, row.pk]),
        }
        for row in act.scans.select_related("added_by").order_by("pk")
    ]


def scan_view(site: Any, request: HttpRequest, object_id: str, scan: int) -> StreamingHttpResponse:
    act = site.get_object(request, unquote(object_id))
    if act is None:
        raise Http404
    row = ActScan.objects.filter(act=act, pk=scan).select_related("file").first()
    if row is None:
        raise Http404
    row.act = act
    pieces = scan_open(scan=row, user=request.user, now=timezone.now())
    name = f"{act.number}-scan-{row.pk}.{ENDINGS[row.file.media_type]}"
    return StreamingHttpResponse(
        pieces,
        content_type=row.file.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
