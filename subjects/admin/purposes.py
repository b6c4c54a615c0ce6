"""The end of a purpose: what it does to everybody concerned is shown, then confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry import seam
from registry.access import may
from registry.admin.register import PurposeAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.explain import short_day
from registry.models import DataCategory, ProcessingActivity, Purpose
from registry.tasks import ring
from subjects.choices import Outcome
from subjects.models import ActItem, DataSubject
from subjects.services.act_facts import why_in_words
from subjects.services.ending import (
    PurposeOutlook,
    Share,
    purpose_end,
    purpose_outlook,
    purpose_resume,
)
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


def _sees_people(request: HttpRequest, row: Purpose) -> bool:
    return may(request.user, "view", DataSubject, DataSubject(operator=row.operator))


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

    def possible_verbs(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        return super().possible_verbs(request, row) if _sees_people(request, row) else []

    def verb_view(self, request: HttpRequest, object_id: str, *, verb: Verb) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is not None and not _sees_people(request, row):
            # The row is one of the register; what it decides about are people.
            raise PermissionDenied
        return super().verb_view(request, object_id, verb=verb)

    def after_refusal(self, request: HttpRequest, row: Any, verb: Verb, form: VerbForm) -> None:
        if verb.name == "end":
            # The numbers on the page are those of now: a second confirmation is given for them.
            asked = request.POST.copy()
            asked["seen"] = self._outlook(request, row).seen
            form.data = asked

    def _outlook(self, request: Any, row: Purpose) -> PurposeOutlook:
        """Counted once a request."""
        found: PurposeOutlook | None = getattr(request, "_purpose_outlook", None)
        if found is None:
            found = request._purpose_outlook = purpose_outlook(
                purpose=row, on=_chosen(request, row), today=_today(row)
            )
        return found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            # The form does not know the end, which somebody may be writing right now.
            obj.ended_on = seam.lock(Purpose.objects.filter(pk=obj.pk)).get().ended_on
        super().save_model(request, obj, form, change)

    def verb_context(self, request: HttpRequest, row: Any, verb: Verb) -> dict[str, Any]:
        if verb.name != "end":
            return {}
        on, outlook = _chosen(request, row), self._outlook(request, row)
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
                "category": names.get(share.category) or _unlisted(share),
                "count": share.count,
                "due": short_day(share.due_on) if share.due_on else "",
                "rule": share.rule,
                "article": share.article,
                "why": _why(share, activities),
                "moved": share.moved,
            }
            for share in shares
        ]


def _unlisted(share: Share) -> str:
    """What no element of the list of data names: the account of an imported row, or a proof."""
    return gettext("account") if share.kind == Sealed.DATUM else str(Sealed(share.kind).label)


def _why(share: Share, activities: dict[str, str]) -> str:
    outcome = Outcome.STOPPED if share.stopped else Outcome.STAYS
    told = share.stopped or share.why
    return why_in_words(ActItem(why=told, outcome=outcome), activities) if told else ""
