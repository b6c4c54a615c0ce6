"""Findings on a page of their own beside each operator, and what was acknowledged about them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http import HttpResponseNotAllowed as NotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may
from registry.admin.base import ReadOnlyAdmin, refuse_unless
from registry.errors import OperatorError
from registry.explain import long_day, sentence
from registry.findings import CHECKS, Severity
from registry.models import Acknowledgement, Operator
from registry.services.findings import (
    HEADINGS,
    LONGEST_REASON,
    SEVERITY_WORDS,
    FindingGone,
    Standing,
    UnknownFinding,
    finding_acknowledge,
    finding_reopen,
    findings_of,
    last_day,
)
from registry.services.register_facts import TABLES

A_PAGE = 100
FILTERS = ("severity", "table", "state", "page")
# How long a finding is let stand unless somebody names another day: a quarter, the round in which
# internal control comes by.
USUAL = timedelta(days=90)
TRAIL = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding as the page shows it."""

    found: Standing
    severity: str
    about: str
    link: str
    until: str
    verb: str


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the history of acknowledgements."""

    moment: str
    who: str
    what: str
    about: str
    reason: str


class AcknowledgeForm(forms.Form):
    reason = forms.CharField(
        label=_("reason"),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 4}),
        help_text=_("Why it may stand for now, and who has decided that."),
    )
    until = forms.DateField(
        label=_("until"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The last day; after it the finding is back. A year ahead at most."),
    )

    def __init__(self, *args: Any, today: date, said: Acknowledgement | None, **kw: Any) -> None:
        super().__init__(*args, **kw)
        field = self.fields["until"]
        field.initial = said.until if said else today + USUAL
        field.widget.attrs |= {"min": today.isoformat(), "max": last_day(today).isoformat()}
        self.fields["reason"].initial = said.reason if said else ""


class WithFindings:
    """Gives the admin of operators the findings of each: whoever may see the card may look.

    Only roles that hold ``acknowledge`` may let one stand or take that back.
    """

    admin_site: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("findings/", view(self.findings_choice_view), name="findings_choice"),
            path("<path:object_id>/findings/", view(self.findings_view), name="findings"),
            path(
                "<path:object_id>/findings/acknowledge/",
                view(self.acknowledge_view),
                name="finding_acknowledge",
            ),
            path(
                "<path:object_id>/findings/reopen/", view(self.reopen_view), name="finding_reopen"
            ),
            *super().get_urls(),
        ]

    # --- looking -----------------------------------------------------------------------------
    def findings_choice_view(self, request: HttpRequest) -> HttpResponse:
        """The findings of the only operator that the user may see, or a list to choose from."""
        operators = list(self._operators(request))
        if not operators:
            raise Http404
        if len(operators) == 1:
            return HttpResponseRedirect(_address(operators[0]))
        context = self.admin_site.each_context(request) | {
            "title": gettext("Findings"),
            "opts": self.opts,
            "operators": operators,
        }
        return TemplateResponse(request, "admin/registry/operator/findings_choice.html", context)

    def findings_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        operator = self._one(request, object_id)
        found = findings_of(operator=operator, today=_today(operator))
        chosen = {name: request.GET.get(name, "") for name in FILTERS}
        shown = [one for one in found if _fits(one, chosen)]
        page = _page(shown, chosen["page"])
        may_acknowledge = may(
            request.user, "acknowledge", Acknowledgement, Acknowledgement(operator=operator)
        )
        kept = _kept(request)
        context = self._context(request, operator, gettext("Findings")) | {
            "today": _today(operator),
            "entries": [_entry(one, operator, kept) for one in page],
            "page": page,
            "one_page": chosen["page"] == "all",
            "numbers": _numbers(found),
            "acknowledged": sum(not one.is_open for one in found),
            "chosen": chosen,
            "severities": [(str(key), gettext(HEADINGS[key])) for key in Severity],
            "tables": _tables(found),
            "nothing_open": not any(one.is_open for one in found),
            "may_acknowledge": may_acknowledge,
            "kept": kept,
            "unpaged": _query({name: chosen[name] for name in FILTERS if name != "page"}),
            "trail": _trail(operator),
        }
        return TemplateResponse(request, "admin/registry/operator/findings.html", context)

    # --- verbs -------------------------------------------------------------------------------
    def acknowledge_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        operator = self._one(request, object_id)
        refuse_unless(request, "acknowledge", Acknowledgement(operator=operator))
        one = _asked(request, operator)
        form = AcknowledgeForm(
            request.POST or None,
            today=_today(operator),
            said=one.acknowledgement or one.changed,
        )
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                finding_acknowledge(
                    operator=operator,
                    finding=one.id,
                    object=one.object,
                    by=request.user,
                    now=timezone.now(),
                    **form.cleaned_data,
                )
            except OperatorError as error:
                form.add_error(None, sentence(error))
                status = error.status
            else:
                said = gettext("%(finding)s may stand until %(day)s.")
                day = long_day(form.cleaned_data["until"])
                messages.success(request, said % {"finding": one.id, "day": day})
                return HttpResponseRedirect(_address(operator) + _kept(request))
        context = self._context(request, operator, gettext("Acknowledge a finding")) | {
            "form": form,
            "entry": _entry(one, operator, ""),
            "back": _address(operator) + _kept(request),
            "intro": gettext(
                "The finding leaves the list of what is open and comes back after that day. It "
                "says nothing about the law: what is wrong stays wrong until it is mended."
            ),
        }
        return TemplateResponse(
            request, "admin/registry/operator/finding_acknowledge.html", context, status=status
        )

    def reopen_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        operator = self._one(request, object_id)
        refuse_unless(request, "acknowledge", Acknowledgement(operator=operator))
        if request.method != "POST":
            return NotAllowed(["POST"])
        finding, object = request.POST.get("finding", ""), request.POST.get("object", "")
        finding_reopen(
            operator=operator,
            finding=finding,
            object=object,
            by=request.user,
        )
        messages.success(request, gettext("%(finding)s is open again.") % {"finding": finding})
        return HttpResponseRedirect(_address(operator) + _kept(request))

    # --- what they share ---------------------------------------------------------------------
    def _operators(self, request: HttpRequest) -> Any:
        return self.get_queryset(request).select_related("jurisdiction")

    def _one(self, request: HttpRequest, object_id: str) -> Operator:
        """Only of those that the user may see: another operator does not exist (404)."""
        number = unquote(object_id)
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            raise Http404
        operator: Operator | None = self._operators(request).filter(pk=int(number)).first()
        if operator is None:
            raise Http404
        return operator

    def _context(self, request: HttpRequest, operator: Operator, title: str) -> dict[str, Any]:
        return self.admin_site.each_context(request) | {
            "title": title, "opts": self.opts, "original": operator,
        }  # fmt: skip


def _today(operator: Operator) -> date:
    return timezone.localdate(timezone.now(), operator.zone)


def _address(operator: Operator) -> str:
    return reverse("admin:findings", args=[quote(operator.pk)])


def _query(values: dict[str, str]) -> str:
    told = {name: value for name, value in values.items() if value}
    return f"?{urlencode(told)}" if told else ""


def _kept(request: HttpRequest) -> str:
    """What the list was filtered by, so that a verb leads back to the same list."""
    return _query({name: request.GET.get(name, "") for name in FILTERS})


def _asked(request: HttpRequest, operator: Operator) -> Standing:
    """The finding that the address names; refuses what no check says now."""
    finding, object = request.GET.get("finding", ""), request.GET.get("object", "")
    if finding not in CHECKS:
        raise UnknownFinding(finding=finding)
    for one in findings_of(operator=operator, today=_today(operator)):
        if (one.id, one.object) == (finding, object):
            return one
    raise FindingGone(finding=finding, object=object)


# --- the list ----------------------------------------------------------------------------------
def _fits(one: Standing, chosen: dict[str, str]) -> bool:
    """Whether the filters let it through; without a word about it, only what is open is shown."""
    state = chosen["state"] or "open"
    return (
        (not chosen["severity"] or one.severity == chosen["severity"])
        and (not chosen["table"] or one.table == chosen["table"])
        and (state == "all" or one.is_open == (state == "open"))
    )


def _page(shown: list[Standing], number: str) -> Page:
    return Paginator(shown, max(1, len(shown)) if number == "all" else A_PAGE).get_page(number)


def _entry(one: Standing, operator: Operator, kept: str) -> Entry:
    said = one.acknowledgement or one.changed
    asked = urlencode({"finding": one.id, "object": one.object})
    verb = reverse("admin:finding_acknowledge", args=[quote(operator.pk)])
    return Entry(
        found=one,
        severity=gettext(SEVERITY_WORDS[one.severity]),
        about=_about(one),
        link=_link(one),
        until=long_day(said.until) if said else "",
        verb=f"{verb}{kept}{'&' if kept else '?'}{asked}",
    )


def _about(one: Standing) -> str:
    """The kind of the row and its name; what is about no row is told by its code alone."""
    if one.place is None:
        return one.object
    return f"{capfirst(str(one.place.model._meta.verbose_name))}: {one.place.label}"


def _link(one: Standing) -> str:
    if one.place is None:
        return ""
    name = f"admin:registry_{one.place.model._meta.model_name}_change"
    return reverse(name, args=[quote(one.place.pk)])


def _numbers(found: list[Standing]) -> list[tuple[str, str, int]]:
    """Severity, its heading, and how many are open."""
    counted = Counter(one.severity for one in found if one.is_open)
    return [(str(key), gettext(HEADINGS[key]), counted[key]) for key in Severity]


def _tables(found: list[Standing]) -> list[tuple[str, str]]:
    """Kinds of rows that have a finding, in the reader's words."""
    there = {one.table for one in found}
    named = {key: str(model._meta.verbose_name) for key, model in TABLES.items()}
    return sorted(((key, named.get(key, gettext("law"))) for key in there), key=lambda row: row[1])


def _trail(operator: Operator) -> list[Said]:
    """What was last said about findings of the operator, the newest first; one query."""
    rows = Acknowledgement.history.filter(operator=operator).select_related("history_user")
    return [_line(row, operator) for row in rows.order_by("-history_id")[:TRAIL]]


def _line(row: Any, operator: Operator) -> Said:
    moment = row.history_date.astimezone(operator.zone)
    if row.history_type == "-":
        what = gettext("taken back")
    else:
        what = gettext("may stand, last day: %(day)s") % {"day": long_day(row.until)}
    return Said(
        moment=f"{long_day(moment.date())}, {moment:%H:%M}",
        who=str(row.history_user or gettext("the office itself")),
        what=what,
        about=f"{row.finding} {row.object}",
        reason="" if row.history_type == "-" else row.reason,
    )


@admin.register(Acknowledgement)
class AcknowledgementAdmin(ReadOnlyAdmin):
    """Every finding that was let stand, those too that came back since; written on their page."""

    list_display = ["finding", "object", "operator", "until", "made_by"]
    list_select_related = ["operator", "made_by"]
    list_filter = ["operator"]
    search_fields = ["finding", "object"]
