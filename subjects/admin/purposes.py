"""The end of a purpose: what it does to everybody concerned is shown, then confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.register import PurposeAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.models import DataCategory, ProcessingActivity, Purpose
from registry.tasks import ring
from subjects.admin.pages import short_day
from subjects.choices import Outcome
from subjects.models import ActItem
from subjects.services.act_facts import why_in_words
from subjects.services.ending import Share, purpose_end, purpose_outlook, purpose_resume
from subjects.tasks import sweep_destruction
from subjects.vault.models import Sealed

REASON_HELP = _("It stands in the history. No names or numbers of people.")


class EndForm(VerbForm):
    on = forms.DateField(widget=forms.HiddenInput)
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        help_text=_(
            "By what the purpose was achieved, or why it is given up. It stands in the history. "
            "No names or numbers of people."
        ),
    )


class ResumeForm(VerbForm):
    reason = forms.CharField(label=_("reason"), max_length=300, help_text=REASON_HELP)


def _today(row: Purpose) -> date:
    return timezone.now().astimezone(row.operator.zone).date()


def end(request: HttpRequest, row: Purpose, data: Mapping[str, Any]) -> str:
    done = purpose_end(
        purpose=row, on=data["on"], reason=data["reason"], seen=data["seen"],
        by=request.user, now=timezone.now(),
    )  # fmt: skip
    ring(sweep_destruction)
    return gettext("The purpose ends on %(day)s; the data go as shown.") % {
        "day": short_day(done.ended_on)
    }


def resume(request: HttpRequest, row: Purpose, data: Mapping[str, Any]) -> str:
    purpose_resume(purpose=row, reason=data["reason"], by=request.user, now=timezone.now())
    ring(sweep_destruction)
    return gettext("The purpose goes on.")


def _chosen(request: HttpRequest, row: Purpose) -> date:
    """The day asked about; today for whatever is no day."""
    given = (request.POST if request.method == "POST" else request.GET).get("on", "")
    try:
        return date.fromisoformat(given)
    except ValueError:
        return row.ended_on or _today(row)


admin.site.unregister(Purpose)


@admin.register(Purpose)
class EndingPurposeAdmin(VerbAdmin, PurposeAdmin):
    """The purposes of the register, whose end people below know of."""

    verbs = (
        Verb(
            name="end",
            title=_("End the purpose"),
            form=EndForm,
            act=end,
            action="end",
            allowed=lambda row: row.ended_on is None or row.ended_on > _today(row),
            template="admin/subjects/purpose/end.html",
        ),
        Verb(
            name="resume",
            title=_("Take the end back"),
            form=ResumeForm,
            act=resume,
            action="end",
            allowed=lambda row: row.ended_on is not None and row.ended_on > _today(row),
        ),
    )

    def verb_context(self, request: HttpRequest, row: Any, verb: Verb) -> dict[str, Any]:
        if verb.name != "end":
            return {}
        on = _chosen(request, row)
        outlook = purpose_outlook(purpose=row, on=on, today=_today(row))
        context: dict[str, Any] = {
            "on": on,
            "outlook": outlook,
            "going": self._lines(row, outlook.going),
            "staying": self._lines(row, outlook.staying),
        }
        if request.method != "POST":
            first = {"on": on.isoformat(), "seen": outlook.seen}
            context["form"] = EndForm(row=row, user=request.user, initial=first)
        return context

    def _lines(self, row: Purpose, shares: list[Share]) -> list[dict[str, Any]]:
        """The rows of a table, in words; two queries."""
        names = DataCategory.objects.filter(operator=row.operator_id).in_bulk()
        activities = {
            one.code: str(one)
            for one in ProcessingActivity.objects.filter(operator=row.operator_id)
        }
        return [
            {
                "category": names.get(share.category) or Sealed(share.kind).label,
                "count": share.count,
                "due": short_day(share.due_on) if share.due_on else "",
                "rule": share.rule,
                "article": share.article,
                "why": _why(share, activities),
                "moved": share.moved,
            }
            for share in shares
        ]


def _why(share: Share, activities: dict[str, str]) -> str:
    outcome = Outcome.STOPPED if share.stopped else Outcome.STAYS
    told = share.stopped or share.why
    return why_in_words(ActItem(why=told, outcome=outcome), activities) if told else ""
