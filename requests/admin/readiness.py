"""The page "Ready for an inspection": each question, where it stands, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from registry.access import operators_for
from registry.choices import Verification
from registry.findings.law import TITLES
from registry.models import Operator
from requests.models import Inspection
from requests.readiness import Answer, Standing
from requests.services.readiness import readiness_of

WORDS = {
    Standing.OK: _("in order, as far as the office sees"),
    Standing.LOOK: _("to look at"),
    Standing.NOTHING: _("nothing yet"),
}
# How the colours of findings are borrowed.
LOOKS = {Standing.OK: "note", Standing.LOOK: "error", Standing.NOTHING: "warning"}
# Where the evidence of a question stands: the list of a model, narrowed to the operator.
LISTS = {
    "papers": "registry_registerpaper",
    "policies": "registry_policyversion",
    "activities": "registry_processingactivity",
    "consent_texts": "registry_consenttext",
    "staff": "registry_membership",
    "looks": "subjects_accessevent",
    "control_plan": "registry_controlstep",
    "control_records": "registry_controlrecord",
    "measures": "registry_securitymeasure",
    "systems": "registry_informationsystem",
    "instructions": "registry_processorinstruction",
    "transfers": "registry_transfer",
    "retention_rules": "registry_retentionrule",
    "destructions": "subjects_destructionact",
    "requests": "requests_subjectrequest",
    "inquiries": "requests_regulatorinquiry",
    "incidents": "requests_incident",
    "prescriptions": "requests_prescription",
}
# Lists that cannot be narrowed by the operator: their rows lead to it by another way.
WHOLE = frozenset({"control_records", "prescriptions"})


class ReadyForm(forms.Form):
    operator = forms.ModelChoiceField(
        Operator.objects.none(), label=_("operator"), empty_label=None
    )

    def __init__(self, *args: Any, operators: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields["operator"].queryset = operators  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Line:
    """One question as the page shows it."""

    answer: Answer
    text: str
    article: str
    state: str
    look: str
    why: str
    link: str
    findings: str


def ready_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """The questions about one operator; ``?operator=``, without it the first."""
    operators = operators_for(request.user, "view", Inspection).select_related("jurisdiction")
    if not operators:
        raise PermissionDenied
    form = ReadyForm({"operator": operators[0].pk} | request.GET.dict(), operators=operators)
    context = model_admin.admin_site.each_context(request) | {
        "title": gettext("Ready for an inspection"),
        "opts": model_admin.opts,
        "form": form,
        "several": len(operators) > 1,
    }
    if form.is_valid():
        operator = form.cleaned_data["operator"]
        lines = [_line(one, operator) for one in readiness_of(operator=operator, now=_now())]
        context |= {
            "operator": operator,
            "lines": lines,
            "counts": [
                (LOOKS[state], word, sum(one.answer.standing == state for one in lines))
                for state, word in WORDS.items()
            ],
        }
    template = "admin/requests/inspection/ready.html"
    return TemplateResponse(request, template, context, status=200 if form.is_valid() else 422)


def _now() -> Any:
    return timezone.now()


def _line(answer: Answer, operator: Operator) -> Line:
    question = answer.question
    article = f"{TITLES[operator.jurisdiction.code]} {answer.article}"
    if not answer.verified:
        article = f"{article} ({Verification.UNVERIFIED.label})"
    return Line(
        answer=answer,
        text=question.text((get_language() or "en")[:2]),
        article=article,
        state=str(WORDS[answer.standing]),
        look=LOOKS[answer.standing],
        why=", ".join(_why(answer)),
        link=evidence_link(question.page, operator),
        findings=reverse("admin:findings", args=[operator.pk]) if answer.found else "",
    )


def _why(answer: Answer) -> list[str]:
    told = []
    if answer.found:
        words = ngettext("%(count)s finding", "%(count)s findings", answer.found)
        told.append(words % {"count": answer.found})
    if answer.late:
        words = ngettext("%(count)s clock overdue", "%(count)s clocks overdue", answer.late)
        told.append(words % {"count": answer.late})
    return told


def evidence_link(page: str, operator: Operator) -> str:
    """The page of the office on which the evidence stands."""
    if page == "operator":
        return reverse("admin:registry_operator_change", args=[operator.pk])
    link = reverse(f"admin:{LISTS[page]}_changelist")
    query = urlencode({"operator__id__exact": operator.pk})
    return link if page in WHOLE else f"{link}?{query}"
