"""What the page of an incident shows, its papers, and the register of a period."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext

from registry.access import may, operators_for
from registry.admin.base import refuse_unless
from registry.errors import OperatorError
from registry.explain import sentence
from requests import states
from requests.admin.incident_acts import pdf
from requests.admin.incident_forms import IncidentRegisterForm
from requests.admin.request_items import clock_context
from requests.models import (
    AffectedPerson,
    Incident,
    IncidentExport,
    IncidentNotice,
    IncidentSending,
)
from requests.services.incident_contents import LACKS, notice_lacks, steps_of
from requests.services.incident_export import incident_export_open
from requests.services.incident_notices import notice_paper, sendings_of
from requests.services.incident_people import affected_cards, found_by, people_counted
from requests.services.incident_register import incident_register_export
from requests.services.incident_rows import clocks_of, entry_words
from subjects.admin.disclosures import MEDIA
from subjects.services.disclosure_register import Media
from subjects.vault.models import VaultKey

ROWS = 50


def sees_people(request: HttpRequest, row: Incident) -> bool:
    """Whether the user may see who is affected: sworn, and not the administrator."""
    return may(request.user, "view", AffectedPerson, AffectedPerson(incident=row))


def page_of(request: HttpRequest, row: Incident) -> dict[str, Any]:
    entries = row.entries.select_related("recorded_by").order_by("-happened_at", "-pk")
    journal = Paginator(entries, ROWS).get_page(request.GET.get("journal"))
    listed = list(journal.object_list)
    seen = sees_people(request, row)
    found: dict[str, Any] = {
        "clocks": [clock_context(clock, row.operator) for clock in clocks_of(row)],
        "journal": journal,
        "entries": [(entry, entry_words(entry, people=seen)) for entry in listed],
        "notices": _notices(row),
        "lacking": _lacking(row),
        "people_count": people_counted([row]).get(row.pk, 0),
        "people_by": found_by(row),
        "people_seen": seen,
    }
    if seen:
        cards = Paginator(affected_cards(row), ROWS)
        found["people"] = cards.get_page(request.GET.get("people"))
    if may(request.user, "view", IncidentExport, IncidentExport(incident=row)):
        live = VaultKey.objects.filter(pk__in=row.exports.values("file__key"))
        keys = set(live.values_list("pk", flat=True))
        opens = may(request.user, "open", IncidentExport, IncidentExport(incident=row))
        found["exports"] = [
            (one, opens and one.file is not None and one.file.key in keys)
            for one in row.exports.select_related("file", "made_by")
        ]
    return found


def _notices(row: Incident) -> list[tuple[IncidentNotice, list[IncidentSending]]]:
    """Each notice that is kept, with all its sendings, corrected ones too; two queries."""
    sendings: dict[int, list[IncidentSending]] = defaultdict(list)
    rows = IncidentSending.objects.filter(notice__incident=row)
    for one in rows.select_related("recorded_by", "replaced_by").order_by("pk"):
        sendings[one.notice_id].append(one)
    return [(one, sendings[one.pk]) for one in row.notices.select_related("made_by")]


def _lacking(row: Incident) -> list[tuple[str, list[str]]]:
    """Each notice that is still to be sent, and what it lacks."""
    told = {sending.notice.step for sending in sendings_of(row)}
    return [
        (str(step.label), [gettext(LACKS[name]) for name in notice_lacks(row, step)])
        for step in steps_of(row.operator)
        if step not in told and row.state == states.OPEN
    ]


# --- papers --------------------------------------------------------------------------------------
def notice_view(
    model_admin: Any, request: HttpRequest, object_id: int, notice: int
) -> HttpResponse:
    """The notice as it was written."""
    row = model_admin.get_object(request, str(object_id))
    kept = row.notices.filter(pk=notice).first() if row is not None else None
    if row is None or kept is None:
        raise Http404
    kept.incident = row
    return pdf(notice_paper(kept), f"{row.number}-{kept.step}-{kept.pk}")


def export_view(model_admin: Any, request: HttpRequest, object_id: int, export: int) -> Any:
    """The sealed export, opened; each time it is recorded."""
    row = model_admin.get_object(request, str(object_id))
    made = row.exports.select_related("file").filter(pk=export).first() if row else None
    if row is None or made is None:
        raise Http404
    made.incident = row
    refuse_unless(request, "open", made)
    pieces = incident_export_open(export=made, user=request.user, now=timezone.now())
    headers = {"Content-Disposition": f'attachment; filename="{row.number}-{made.pk}.csv"'}
    return StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8", headers=headers)


def register_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """The form of the register; by POST the file itself."""
    operators = operators_for(request.user, "view", Incident).select_related("jurisdiction")
    if not operators:
        raise PermissionDenied
    form = IncidentRegisterForm(request.POST or None, operators=operators)
    status = 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            content = incident_register_export(**data, now=timezone.now())
        except OperatorError as error:
            form.add_error(None, sentence(error))
            status = error.status
        else:
            name = f"incidents-{data['operator'].code}-{data['since']}-{data['until']}"
            return HttpResponse(
                content,
                content_type=MEDIA[Media(data["media"])],
                headers={
                    "Content-Disposition": f'attachment; filename="{name}.{data["media"]}"',
                },
            )
    context = model_admin.admin_site.each_context(request) | {
        "title": gettext("Register of incidents"),
        "opts": model_admin.opts,
        "form": form,
    }
    return TemplateResponse(
        request, "admin/requests/incident/register.html", context, status=status
    )
