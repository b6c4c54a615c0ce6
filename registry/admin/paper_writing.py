"""Writing a paper of the register: for whom, which one, about what, and what it asks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext

from registry.access import may, operators_for
from registry.admin.base import OfficeAdmin
from registry.admin.paper_forms import FORMS, PaperForm
from registry.errors import OperatorError
from registry.explain import sentence
from registry.models import Operator, ProcessingActivity, RegisterPaper
from registry.services.paper_kinds import PaperKind
from registry.services.register_papers import kinds_for, paper_draft


class WritesPapers(OfficeAdmin):
    """Adds the page to the admin of the papers: links choose, one form asks the rest."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.write_view)
        return [path("write/", view, name="register_paper_write"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        can = {"can_write": self._may(request, "draft")}
        return super().changelist_view(request, (extra_context or {}) | can)

    def write_view(self, request: HttpRequest) -> HttpResponse:
        """Asks until operator, kind and activity are named; by POST the draft is written."""
        if not self._may(request, "draft"):
            raise PermissionDenied
        operator = self._operator(request)
        if operator is None:
            return self._choose(request, gettext("From the register of which operator?"), [
                (str(one), _query(operator=one.code)) for one in self._operators(request)
            ])  # fmt: skip
        kind = _kind(request, operator)
        if kind is None:
            return self._choose(request, gettext("Which paper?"), [
                (capfirst(str(one.kind.label)), _query(operator=operator.code, kind=one.kind))
                for one in kinds_for(operator)
            ], operator)  # fmt: skip
        activity = None
        if kind.per_activity:
            activity = _activity(request, operator)
            if activity is None:
                asked = {"operator": operator.code, "kind": kind.kind}
                return self._choose(request, gettext("About which processing activity?"), [
                    (str(one), _query(**asked, activity=one.code)) for one in _activities(operator)
                ], operator)  # fmt: skip
        return self._ask(request, operator, kind, activity)

    def _ask(
        self,
        request: HttpRequest,
        operator: Operator,
        kind: PaperKind,
        activity: ProcessingActivity | None,
    ) -> HttpResponse:
        form = FORMS.get(kind.kind, PaperForm)(
            request.POST if request.method == "POST" else None,
            operator=operator,
            activity=activity,
            today=timezone.localdate(timezone.now(), operator.zone),
        )
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                paper = paper_draft(
                    operator=operator,
                    kind=kind.kind,
                    language=form.cleaned_data["language"],
                    activity=activity,
                    given=form.given(),
                    by=request.user,
                    now=timezone.now(),
                )
            except OperatorError as error:
                form.add_error(None, sentence(error))
                status = error.status
            else:
                said = gettext("%(number)s is written: read it, then print and sign it.")
                if paper.facts["missing"]:
                    said = gettext("%(number)s is written, but something is missing: see below.")
                messages.success(request, said % {"number": paper.number})
                page = reverse("admin:registry_registerpaper_change", args=[paper.pk])
                return HttpResponseRedirect(page)
        about = [str(operator), str(kind.kind.label), *([str(activity)] if activity else [])]
        context = {"form": form, "original": " · ".join(about)}
        return self._page(request, "write.html", context, status)

    # --- choosing ----------------------------------------------------------------------------
    def _operators(self, request: HttpRequest) -> Any:
        rows = operators_for(request.user, "draft", RegisterPaper)
        return rows.select_related("jurisdiction").order_by("code")

    def _operator(self, request: HttpRequest) -> Operator | None:
        """The one that the address names, else the only one; another one does not exist."""
        operators = list(self._operators(request))
        code = request.GET.get("operator", "")
        if not code:
            return operators[0] if len(operators) == 1 else None
        for operator in operators:
            if operator.code == code:
                if not may(request.user, "draft", RegisterPaper, RegisterPaper(operator=operator)):
                    raise PermissionDenied
                return operator
        raise Http404

    def _choose(
        self,
        request: HttpRequest,
        question: str,
        choices: list[tuple[str, str]],
        operator: Operator | None = None,
    ) -> HttpResponse:
        context = {"question": question, "choices": choices, "original": operator}
        return self._page(request, "choose.html", context)

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        found = self.admin_site.each_context(request) | {
            "title": gettext("Write a paper"),
            "opts": self.opts,
            "back": reverse("admin:registry_registerpaper_changelist"),
            **context,
        }
        where = f"admin/registry/registerpaper/{template}"
        return TemplateResponse(request, where, found, status=status)


def _query(**values: str) -> str:
    return f"?{urlencode(values)}"


def _kind(request: HttpRequest, operator: Operator) -> PaperKind | None:
    """The kind that the address names; what the operator's law does not know does not exist."""
    code = request.GET.get("kind", "")
    if not code:
        return None
    for kind in kinds_for(operator):
        if kind.kind == code:
            return kind
    raise Http404


def _activities(operator: Operator) -> Any:
    return ProcessingActivity.objects.filter(operator=operator).order_by("code")


def _activity(request: HttpRequest, operator: Operator) -> ProcessingActivity | None:
    """The activity that the address names; another operator's does not exist."""
    code = request.GET.get("activity", "")
    if not code:
        return None
    activity: ProcessingActivity | None = _activities(operator).filter(code=code).first()
    if activity is None:
        raise Http404
    return activity
