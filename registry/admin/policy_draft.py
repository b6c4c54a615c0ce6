"""The policy as the register would write it today, on a page; one click makes it a draft."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.base import OfficeAdmin
from registry.choices import Language
from registry.errors import OperatorError
from registry.explain import sentence
from registry.models import Operator, PolicyVersion
from registry.services.policy_generating import (
    PolicyFactsMissing,
    in_words,
    policy_generate,
    policy_languages,
    policy_texts,
)


class DraftForm(forms.Form):
    label = forms.CharField(
        label=_("label"),
        required=False,
        max_length=40,
        help_text=_("How the version is called, such as v3. It has a number anyway."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class DraftsFromRegister(OfficeAdmin):
    """Adds the page to the admin of the versions of the policy."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.draft_view)
        return [path("draft/", view, name="policy_from_register"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        can = {"can_draft": self._may(request, "draft")}
        return super().changelist_view(request, (extra_context or {}) | can)

    def draft_view(self, request: HttpRequest) -> HttpResponse:
        """Shows what would be written; by POST it becomes the operator's draft."""
        if not self._may(request, "draft"):
            raise PermissionDenied
        operators = operators_for(request.user, "draft", PolicyVersion).select_related(
            "jurisdiction"
        )
        operator = _chosen(request, list(operators.order_by("code")))
        if operator is None:
            return self._page(request, "choose.html", {"operators": operators.order_by("code")})
        if not may(request.user, "draft", PolicyVersion, PolicyVersion(operator=operator)):
            raise PermissionDenied
        form = DraftForm(request.POST if request.method == "POST" else None)
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                version = policy_generate(
                    operator=operator,
                    by=request.user,
                    now=timezone.now(),
                    label=form.cleaned_data["label"],
                )
            except OperatorError as error:
                form.add_error(None, sentence(error))
                status = error.status
            else:
                said = gettext("%(version)s is written from the register: read it, then publish.")
                messages.success(request, said % {"version": version})
                page = reverse("admin:registry_policyversion_change", args=[version.pk])
                return HttpResponseRedirect(page)
        context = {"form": form, "original": operator} | _preview(operator)
        return self._page(request, "draft.html", context, status)

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        found = self.admin_site.each_context(request) | {
            "title": gettext("Draft the policy from the register"),
            "opts": self.opts,
            "back": reverse("admin:registry_policyversion_changelist"),
            **context,
        }
        where = f"admin/registry/policyversion/{template}"
        return TemplateResponse(request, where, found, status=status)


def _chosen(request: HttpRequest, operators: list[Operator]) -> Operator | None:
    """The operator that the address names, else the only one; another one does not exist."""
    code = request.GET.get("operator", "")
    if not code:
        return operators[0] if len(operators) == 1 else None
    for operator in operators:
        if operator.code == code:
            return operator
    raise Http404


def _preview(operator: Operator) -> dict[str, Any]:
    """The texts as they would be, or why they cannot be written."""
    today = timezone.localdate(timezone.now(), operator.zone)
    try:
        texts = policy_texts(operator=operator, languages=policy_languages(operator), day=today)
    except PolicyFactsMissing as error:
        return {"lacking": [in_words(item) for item in error.missing]}
    except OperatorError as error:
        return {"refusal": sentence(error)}
    return {"texts": [(code, Language(code).label, text) for code, text in texts.items()]}
