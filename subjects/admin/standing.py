"""The pages that say who stands under which version of the policy: numbers, then codes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from registry.access import operators_for
from registry.admin.base import OfficeAdmin
from registry.models import Operator
from subjects.models import DataSubject
from subjects.services.standing import PAGE, NoSuchStanding, people_standing, standings


class StandingPages(OfficeAdmin):
    """Adds the pages to the admin of the people: whoever sees people sees these."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("standing/", view(self.standing_view), name="policy_standing"),
            path("standing/people/", view(self.standing_people), name="policy_standing_people"),
            *super().get_urls(),
        ]

    def standing_view(self, request: HttpRequest) -> HttpResponse:
        """Every version that was in force, with how many people stand under it, by text."""
        operators = self._operators(request)
        operator = _chosen(request, operators)
        if operator is None:
            return self._standing(request, "choose.html", {"operators": operators})
        found = standings(operator=operator, now=timezone.now())
        rows = [
            (row, _people(operator, row.number), [(t, _people(operator, row.number, t.text.pk))
                                                   for t in row.texts])
            for row in found
        ]  # fmt: skip
        return self._standing(request, "standing.html", {"operator": operator, "rows": rows})

    def standing_people(self, request: HttpRequest) -> HttpResponse:
        """One page of codes; the next one begins after the last of them."""
        operator = _chosen(request, self._operators(request))
        if operator is None:
            raise Http404
        number, text, after = (_number(request, name) for name in ("version", "text", "after"))
        try:
            window, people = people_standing(
                operator=operator, number=number or 0, text=text, after=after or 0,
                now=timezone.now(),
            )  # fmt: skip
        except NoSuchStanding:
            raise Http404 from None
        following = ""
        if len(people) > PAGE:
            people = people[:PAGE]
            following = _people(operator, window.number, text, after=people[-1].pk)
        first = _people(operator, window.number, text) if after else ""
        overview = f"{reverse('admin:policy_standing')}?{urlencode({'operator': operator.code})}"
        context = {
            "operator": operator, "window": window, "people": people, "following": following,
            "first": first, "overview": overview,
        }  # fmt: skip
        return self._standing(request, "standing_people.html", context)

    def _operators(self, request: HttpRequest) -> list[Operator]:
        if not self._may(request, "view"):
            raise PermissionDenied
        rows = operators_for(request.user, "view", DataSubject).select_related("jurisdiction")
        return list(rows.order_by("code"))

    def _standing(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        found = self.admin_site.each_context(request) | {
            "title": gettext("Who stands under which version of the policy"),
            "opts": self.opts,
            **context,
        }
        return TemplateResponse(request, f"admin/subjects/standing/{template}", found)


def _chosen(request: HttpRequest, operators: list[Operator]) -> Operator | None:
    """The operator that the address names, else the only one; another one does not exist."""
    code = request.GET.get("operator", "")
    if not code:
        return operators[0] if len(operators) == 1 else None
    for operator in operators:
        if operator.code == code:
            return operator
    raise Http404


def _number(request: HttpRequest, name: str) -> int | None:
    """A number of the address; whatever is none leads nowhere."""
    text = request.GET.get(name, "")
    if not text:
        return None
    # Longer than this is a number that no database has.
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Http404
    return int(text)


def _people(operator: Operator, number: int, text: int | None = None, *, after: int = 0) -> str:
    """Where the people of one row are listed."""
    asked: dict[str, Any] = {"operator": operator.code, "version": number}
    asked |= {"text": text} if text else {}
    asked |= {"after": after} if after else {}
    return f"{reverse('admin:policy_standing_people')}?{urlencode(asked)}"
