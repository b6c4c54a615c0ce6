"""Of one card: to whom the person's data were given, merged cards too."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from registry.access import may
from registry.admin.base import OfficeAdmin, refuse_unless
from registry.explain import short_day
from subjects.models import DataSubject, DisclosedPerson, Disclosure

ROWS = 50


def given_view(model_admin: OfficeAdmin, request: HttpRequest, object_id: int) -> HttpResponse:
    """Every disclosure of this person's data, the newest first; holds no value."""
    card = model_admin.get_object(request, str(object_id))
    if card is None:
        raise Http404
    refuse_unless(request, "view", card)
    rows = (
        Disclosure.objects.filter(people__subject__in=_cards(card))
        .distinct()
        .select_related("transfer__recipient", "country", "legal_basis", "reversal")
    )
    page = Paginator(rows, ROWS).get_page(request.GET.get("p"))
    listed: list[Any] = list(page.object_list)
    names: dict[int, list[str]] = {}
    given = DisclosedPerson.objects.filter(disclosure__in=listed, subject__in=_cards(card))
    for one in given.select_related("category").order_by("category_id"):
        names.setdefault(one.disclosure_id, []).append(str(one.category))
    for row in listed:
        row.given_names = ", ".join(dict.fromkeys(names[row.pk]))
        row.day = short_day(row.given_on)
    page.object_list = listed
    context = model_admin.admin_site.each_context(request) | {
        "title": gettext("Given to"),
        "opts": model_admin.opts,
        "original": card,
        "page": page,
        "may_record": may(request.user, "add", Disclosure, Disclosure(operator=card.operator)),
    }
    return TemplateResponse(request, "admin/subjects/datasubject/given.html", context)


def _cards(card: DataSubject) -> Any:
    """This card and those that were merged into it: a journal stays where it was written."""
    return [card.pk, *DataSubject.objects.filter(merged_into=card).values_list("pk", flat=True)]
