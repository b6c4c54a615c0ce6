"""The page of the printed register of inspections."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from registry.access import operators_for
from registry.admin.paper_forms import day_field
from registry.choices import Language
from registry.errors import OperatorError
from registry.explain import sentence
from registry.models import Operator
from requests.models import Inspection
from requests.services.inspection_register import inspection_register_export
from subjects.admin.disclosures import MEDIA
from subjects.services.disclosure_register import Media


class InspectionRegisterForm(forms.Form):
    """Whose register, of which days, as what."""

    operator = forms.ModelChoiceField(
        Operator.objects.none(), label=_("operator"), help_text=_("Whose inspections.")
    )
    since = day_field(_("from"), _("The first day; the date of the order counts."))
    until = day_field(_("until"), _("The last day, counted too."))
    media = forms.ChoiceField(
        choices=[(Media.PDF, _("PDF, to sign and to file")), (Media.CSV, _("CSV, for a table"))],
        label=_("as"),
        help_text=_("Each printing is recorded in the journal of accesses."),
    )
    language = forms.ChoiceField(
        choices=Language.choices, label=_("language"), help_text=_("In which it is printed.")
    )

    def __init__(self, *args: Any, operators: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        field: Any = self.fields["operator"]
        field.queryset = operators
        listed = list(operators[:2])
        if len(listed) == 1:
            field.initial = listed[0].pk


def register_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """The form of the register; by POST the file itself."""
    operators = operators_for(request.user, "view", Inspection).select_related("jurisdiction")
    if not operators:
        raise PermissionDenied
    initial = {"language": (get_language() or "en")[:2], "media": Media.PDF}
    form = InspectionRegisterForm(request.POST or None, operators=operators, initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            content = inspection_register_export(
                **data,
                by=request.user,  # type: ignore[arg-type]
                now=timezone.now(),
            )
        except OperatorError as error:
            form.add_error(None, sentence(error))
            status = error.status
        else:
            name = f"inspections-{data['operator'].code}-{data['since']}-{data['until']}"
            return HttpResponse(
                content,
                content_type=MEDIA[Media(data["media"])],
                headers={"Content-Disposition": f'attachment; filename="{name}.{data["media"]}"'},
            )
    context = model_admin.admin_site.each_context(request) | {
        "title": gettext("Register of inspections"),
        "opts": model_admin.opts,
        "form": form,
    }
    template = "admin/requests/inspection/register.html"
    return TemplateResponse(request, template, context, status=status)
