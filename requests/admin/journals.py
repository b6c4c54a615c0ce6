"""Two pages beside the requests: the printed journals, and the statistics of a year."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.dates import MONTHS as MONTH_NAMES
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.paper_forms import day_field
from registry.charts import Bar, rows
from registry.choices import Language
from registry.errors import OperatorError
from registry.explain import sentence
from registry.models import Operator
from requests.models import SubjectRequest
from requests.services.journals import JournalOf, journal_export
from requests.services.statistics import (
    MONTHS,
    Statistics,
    columns,
    kind_name,
    numbers,
    statistics_csv,
    statistics_of,
)
from subjects.admin.disclosures import MEDIA
from subjects.services.disclosure_register import Media

YEARS = (2000, 2100)


class JournalForm(forms.Form):
    operator = forms.ModelChoiceField(
        Operator.objects.none(), label=_("operator"), help_text=_("Whose journal is printed.")
    )
    of = forms.ChoiceField(
        choices=JournalOf.choices, label=_("journal of"),
        help_text=_("Disclosures and incidents have registers of their own, see the links."),
    )  # fmt: skip
    since = day_field(_("from"), _("The first day; the day on which it came counts."))
    until = day_field(_("until"), _("The last day, counted too."))
    media = forms.ChoiceField(
        choices=[(Media.PDF, _("PDF, to sign and to file")), (Media.CSV, _("CSV, for a table"))],
        label=_("as"),
        help_text=_("The PDF has a column for signatures."),
    )
    language = forms.ChoiceField(
        choices=Language.choices, label=_("language"), help_text=_("In which it is printed.")
    )

    def __init__(self, *args: Any, operators: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields["operator"].queryset = operators  # type: ignore[attr-defined]
        if len(operators) == 1:
            self.fields["operator"].initial = operators[0]


class YearForm(forms.Form):
    operator = forms.ModelChoiceField(
        Operator.objects.none(), label=_("operator"), empty_label=None
    )
    year = forms.IntegerField(label=_("year"), min_value=YEARS[0], max_value=YEARS[1])

    def __init__(self, *args: Any, operators: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields["operator"].queryset = operators  # type: ignore[attr-defined]


class WithJournals:
    """Gives the admin of requests their journals and statistics; whoever sees requests sees both.

    Names stand in a journal only for whoever may open letters; each printing is recorded.
    """

    admin_site: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("journals/", view(partial(journal_view, self)), name="journals"),
            path("statistics/", view(partial(statistics_view, self)), name="statistics"),
            *super().get_urls(),  # type: ignore[misc]
        ]


def _operators(request: HttpRequest) -> Any:
    operators = operators_for(request.user, "view", SubjectRequest).select_related("jurisdiction")
    if not operators:
        raise PermissionDenied
    return operators


def journal_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """The form; by POST the file itself, whose address holds nothing."""
    operators = _operators(request)
    initial = {"language": (get_language() or "en")[:2], "media": Media.PDF}
    form = JournalForm(request.POST or None, operators=operators, initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        one = SubjectRequest(operator=data["operator"])
        try:
            content = journal_export(
                **data,
                opened=may(request.user, "open", SubjectRequest, one),
                by=request.user,  # type: ignore[arg-type]
                now=timezone.now(),
            )
        except OperatorError as error:
            form.add_error(None, sentence(error))
            status = error.status
        else:
            name = f"{data['of']}-{data['operator'].code}-{data['since']}-{data['until']}"
            return HttpResponse(
                content,
                content_type=MEDIA[Media(data["media"])],
                headers={"Content-Disposition": f'attachment; filename="{name}.{data["media"]}"'},
            )
    context = model_admin.admin_site.each_context(request) | {
        "title": gettext("Journals"),
        "opts": model_admin.opts,
        "form": form,
    }
    template = "admin/requests/subjectrequest/journals.html"
    return TemplateResponse(request, template, context, status=status)


def statistics_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """A year of one operator as tables and pictures; ``?as=csv`` as a file."""
    operators = _operators(request)
    today = timezone.localdate()
    asked = {"operator": operators[0].pk, "year": today.year} | {
        name: value for name in ("operator", "year") if (value := request.GET.get(name))
    }
    form = YearForm(asked, operators=operators)
    found = None
    if form.is_valid():
        operator, year = form.cleaned_data["operator"], form.cleaned_data["year"]
        found = statistics_of(operator=operator, year=year, now=timezone.now())
        if request.GET.get("as") == "csv":
            name = f"statistics-{operator.code}-{year}.csv"
            return HttpResponse(
                statistics_csv(found),
                content_type=MEDIA[Media.CSV],
                headers={"Content-Disposition": f'attachment; filename="{name}"'},
            )
    context = model_admin.admin_site.each_context(request) | {
        "title": gettext("Statistics"),
        "opts": model_admin.opts,
        "form": form,
        "found": found,
    }
    if found is not None:
        context |= _tables(found)
    template = "admin/requests/subjectrequest/statistics.html"
    return TemplateResponse(request, template, context, status=200 if found else 422)


def _tables(found: Statistics) -> dict[str, Any]:
    by_kind = [(kind_name(kind), found.of_kind(kind)) for kind in found.cells]
    by_month = [(str(MONTH_NAMES[month]), found.of_month(month)) for month in MONTHS]
    late = [Bar(name, of.late, "late") for name, of in by_kind if of.late]
    title = gettext("Received by kind")
    return {
        "columns": columns(),
        "kinds": [(name, numbers(count)) for name, count in by_kind],
        "months": [(name, numbers(count)) for name, count in by_month if count.received],
        "whole": numbers(found.whole),
        "late": mark_safe(rows(gettext("Late by kind"), late)) if late else "",
        "received": mark_safe(rows(title, [Bar(name, of.received) for name, of in by_kind])),
    }
