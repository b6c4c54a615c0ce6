"""Acts of destruction for the DPO: what is to go, the approval, what became of it, the papers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.desk import told_by
from registry.explain import long_day, short_day
from registry.tasks import ring
from subjects.admin.destroyed import ask_view
from subjects.admin.elsewhere import ELSEWHERE_VERBS
from subjects.admin.pages import short_moment
from subjects.admin.recipients import RECIPIENT_VERBS, shown
from subjects.admin.signed import SCAN_VERB, scan_view, scans_shown
from subjects.choices import ActState, Outcome, PaperKind
from subjects.models import ActItem, ActPaper, DestructionAct, DestructionItem
from subjects.services.act_facts import why_in_words
from subjects.services.act_files import MEDIA, paper_open
from subjects.services.acts import act_approve, act_cancel, item_confirm
from subjects.services.elsewhere import places_of
from subjects.services.planning import OPEN
from subjects.services.postponing import act_postpone, has_second_term
from subjects.services.verifying import traces_judge
from subjects.tasks import sweep_destruction

ROWS = 50
ENDINGS = {PaperKind.ACT: "pdf", PaperKind.LOG: "csv"}


class ApproveForm(VerbForm):
    """Whoever drafted it may approve it only where the operator has nobody else."""

    waiver = forms.CharField(
        label=_("waiver"),
        required=False,
        max_length=300,
        help_text=_(
            "Only when you drafted it yourself and nobody else may approve: say why. It is "
            "printed in the act: no names or numbers of people."
        ),
    )


class CancelForm(VerbForm):
    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        help_text=_(
            "What is still due is drafted again by the next sweep; to keep it, order a hold. No "
            "names or numbers of people."
        ),
    )


class PostponeForm(VerbForm):
    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        help_text=_(
            "What cannot be destroyed in time, where, and why. It is printed in the act: no names "
            "or numbers of people."
        ),
    )


class ConfirmForm(VerbForm):
    item = forms.ModelChoiceField(ActItem.objects.none(), label=_("what"))
    how = forms.CharField(
        label=_("how"),
        max_length=300,
        help_text=_(
            "How it was destroyed there, and by which paper that is proved. It is printed in the "
            "act: no names or numbers of people."
        ),
    )

    def prepare(self) -> None:
        field: Any = self.fields["item"]
        field.queryset = _elsewhere(self.row).select_related(
            "subject", "category", "datum__system", "datum__carrier"
        )
        field.label_from_instance = _place


class JudgeForm(VerbForm):
    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        help_text=_(
            "What stands there and on which ground, or by what it was removed. It is printed in "
            "the act: no names or numbers of people."
        ),
    )


def _elsewhere(act: DestructionAct) -> Any:
    """What the office cannot destroy itself, and nobody has confirmed yet."""
    return ActItem.objects.filter(act=act, key=None, confirmed_at=None, outcome="")


def _where(item: ActItem) -> str:
    """The system or the carrier where it lies."""
    place = item.datum.system or item.datum.carrier if item.datum else None
    return str(place or "–")


def _place(item: ActItem) -> str:
    return f"{item.subject}: {item.category or '–'} ({_where(item)})"


def approve(request: HttpRequest, row: DestructionAct, data: Mapping[str, Any]) -> str:
    act = act_approve(act=row, by=request.user, now=timezone.now(), waiver=data["waiver"])
    ring(sweep_destruction)
    if act.label:
        # What a person asks for does not wait for the last lawful day.
        return gettext("%(number)s is approved; the office executes it within the hour.") % {
            "number": act.number
        }
    return gettext("%(number)s is approved; the office executes it when it is due.") % {
        "number": act.number
    }


def cancel(request: HttpRequest, row: DestructionAct, data: Mapping[str, Any]) -> str:
    act_cancel(act=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("%(number)s is cancelled; nothing was destroyed.") % {"number": row.number}


def postpone(request: HttpRequest, row: DestructionAct, data: Mapping[str, Any]) -> str:
    act = act_postpone(act=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("The data are blocked; they must be gone by %(day)s.") % {
        "day": long_day(act.postponed_until)
    }


def confirm(request: HttpRequest, row: DestructionAct, data: Mapping[str, Any]) -> str:
    item_confirm(item=data["item"], how=data["how"], by=request.user, now=timezone.now())
    ring(sweep_destruction)
    return gettext("It is recorded as destroyed.")


def judge(request: HttpRequest, row: DestructionAct, data: Mapping[str, Any]) -> str:
    traces_judge(act=row, reason=data["reason"], by=request.user, now=timezone.now())
    ring(sweep_destruction)
    return gettext("%(number)s counts as verified; the papers say why.") % {"number": row.number}


def _traced(row: DestructionAct) -> bool:
    return row.verified_at is None and row.verification.get("failed") == ["traces"]


def _drafted(row: DestructionAct) -> bool:
    return row.state == ActState.DRAFTED


def _stoppable(row: DestructionAct) -> bool:
    return row.state in (ActState.DRAFTED, ActState.APPROVED)


def _postponable(row: DestructionAct) -> bool:
    return row.state in OPEN and row.postponed_at is None and has_second_term(row.operator)


def _unconfirmed(row: DestructionAct) -> bool:
    return row.state in (ActState.APPROVED, ActState.RUNNING) and _elsewhere(row).exists()


@admin.register(DestructionAct)
class DestructionActAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["number", "operator", "due", "state", "asked_by", "drafter", "approver"]
    list_select_related = [
        "operator__jurisdiction", "drafted_by", "approved_by", "postponed_by",
    ]  # fmt: skip
    list_filter = ["state", "automatic", "operator"]
    search_fields = ["number", "label"]
    change_form_template = "admin/subjects/destructionact/change_form.html"
    readonly_fields = [
        "due", "asked_by", "drafter", "approver", "drafted", "approved", "postponed", "executed",
        "verified", "mute", "closed",
    ]  # fmt: skip
    verbs = (
        Verb(
            "approve",
            _("Approve"),
            ApproveForm,
            approve,
            "approve",
            _drafted,
            _(
                "On the day it is due, and within the hour where a person asks for it, everything "
                "in the act is destroyed and cannot be brought back. What a ground covers by "
                "then, or a stop holds, stays."
            ),
        ),
        Verb("cancel", _("Cancel"), CancelForm, cancel, "cancel", _stoppable),
        Verb(
            "confirm",
            _("Confirm destruction elsewhere"),
            ConfirmForm,
            confirm,
            "confirm",
            _unconfirmed,
            _("In a system or on paper somebody destroys it by hand; the act waits for that."),
        ),
        *ELSEWHERE_VERBS,
        *RECIPIENT_VERBS,
        Verb(
            "postpone",
            _("Not possible in time"),
            PostponeForm,
            postpone,
            "postpone",
            _postponable,
            _(
                "What is left of the act is blocked at once and must be destroyed within six "
                "months (152-FZ 21(6)). What can be destroyed goes on being destroyed. There is no "
                "third term."
            ),
        ),
        Verb(
            "judge",
            _("Judge the traces"),
            JudgeForm,
            judge,
            "approve",
            _traced,
            _(
                "After the destruction a value of the person was found at the places below. Look "
                "at each: remove it, or say why it may stand there."
            ),
        ),
        SCAN_VERB,
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        facts = [
            "operator", "state", "due", "asked_by", "drafted", "drafter", "approved", "approver",
            "waiver", "postponed", "postponed_reason", "executed", "verified", "mute", "closed",
            "cancelled_reason",
        ]  # fmt: skip
        held = {
            "approved": obj.approved_at,
            "approver": obj.approved_at or obj.automatic,
            "waiver": obj.waiver,
            "executed": obj.started_at,
            "verified": obj.verified_at,
            "mute": obj.mute_on,
            "postponed": obj.postponed_at,
            "postponed_reason": obj.postponed_at,
            "closed": obj.closed_at,
            "cancelled_reason": obj.cancelled_reason,
        }
        return [(None, {"fields": [name for name in facts if held.get(name, True)]})]

    # --- facts -------------------------------------------------------------------------------
    @admin.display(description=_("due"), ordering="due_on")
    def due(self, row: DestructionAct) -> str:
        return short_day(row.due_on)

    @admin.display(description=_("asked for by"))
    def asked_by(self, row: DestructionAct) -> str:
        return row.label or gettext("a retention rule")

    @admin.display(description=_("drafted by"))
    def drafter(self, row: DestructionAct) -> str:
        return str(row.drafted_by) if row.drafted_by else gettext("the office itself")

    @admin.display(description=_("approved by"))
    def approver(self, row: DestructionAct) -> str:
        if row.automatic:
            return gettext("runs without an approval")
        return str(row.approved_by) if row.approved_by else "–"

    @admin.display(description=_("drafted at"))
    def drafted(self, row: DestructionAct) -> str:
        return short_moment(row.drafted_at, row.operator.zone)

    @admin.display(description=_("approved at"))
    def approved(self, row: DestructionAct) -> str:
        return short_moment(row.approved_at, row.operator.zone)

    @admin.display(description=_("second term"))
    def postponed(self, row: DestructionAct) -> str:
        return gettext("until %(day)s, said %(at)s by %(who)s") % {
            "day": short_day(row.postponed_until),
            "at": short_moment(row.postponed_at, row.operator.zone),
            "who": row.postponed_by,
        }

    @admin.display(description=_("executed"))
    def executed(self, row: DestructionAct) -> str:
        began = short_moment(row.started_at, row.operator.zone)
        if row.finished_at is None:
            return gettext("began %(at)s") % {"at": began}
        return f"{began} – {short_moment(row.finished_at, row.operator.zone)}"

    @admin.display(description=_("verified at"))
    def verified(self, row: DestructionAct) -> str:
        return short_moment(row.verified_at, row.operator.zone)

    @admin.display(description=_("copies are mute from"))
    def mute(self, row: DestructionAct) -> str:
        return short_day(row.mute_on)

    @admin.display(description=_("closed at"))
    def closed(self, row: DestructionAct) -> str:
        return short_moment(row.closed_at, row.operator.zone)

    # --- the page ----------------------------------------------------------------------------
    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        act = context.get("original")
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if act is not None:
            context |= {
                "counts": _counts(act),
                "items": _items(act, request.GET.get("items")),
                "papers": self._papers(act),
                "scans": scans_shown(act),
                "elsewhere": places_of(act),
                "recipients": shown(act),
                "trouble": act.verification.get("failed", ""),
                "places": act.verification.get("by_value", {}).get("places", []),
            }
        return super().render_change_form(request, context, *args, **kw)

    def _papers(self, act: DestructionAct) -> list[dict[str, Any]]:
        today = timezone.now().astimezone(act.operator.zone).date()
        return [
            {
                "title": row.get_kind_display(),
                "language": row.language,
                "digest": row.digest,
                "until": short_day(row.keep_until),
                "link": ""
                if today > row.keep_until
                else reverse("admin:act_paper", args=[act.pk, row.pk]),
            }
            for row in act.papers.order_by("kind", "language")
        ]

    # --- papers ------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("ask/", wrap(partial(ask_view, self.admin_site)), name="destroyed_ask"),
            path("<path:object_id>/paper/<int:paper>/", wrap(self.paper_view), name="act_paper"),
            path(
                "<path:object_id>/scan/<int:scan>/", wrap(partial(scan_view, self)), name="act_scan"
            ),
            *super().get_urls(),
        ]

    def paper_view(self, request: HttpRequest, object_id: str, paper: int) -> StreamingHttpResponse:
        act = self.get_object(request, unquote(object_id))
        if act is None:
            raise Http404
        row = ActPaper.objects.filter(act=act, pk=paper).select_related("file").first()
        if row is None:
            raise Http404
        row.act = act
        kind = PaperKind(row.kind)
        name = "-".join(part for part in (act.number, row.kind, row.language) if part)
        return StreamingHttpResponse(
            paper_open(paper=row, now=timezone.now()),
            content_type=MEDIA[kind],
            headers={"Content-Disposition": f'attachment; filename="{name}.{ENDINGS[kind]}"'},
        )


def _counts(act: DestructionAct) -> list[tuple[str, int]]:
    """How many things the act names, and what became of them; two queries."""
    by_outcome = dict(
        ActItem.objects.filter(act=act).order_by().values_list("outcome").annotate(Count("pk"))
    )
    destroyed = DestructionItem.objects.filter(act=act).count()
    by_outcome[Outcome.DESTROYED] = by_outcome.get(Outcome.DESTROYED, 0) + destroyed
    total = sum(by_outcome.values()) - destroyed
    words = [(gettext("in the act"), total)]
    words += [
        (str(label), by_outcome[code]) for code, label in Outcome.choices if by_outcome.get(code)
    ]
    return words


def _items(act: DestructionAct, wanted: str | None) -> Any:
    """A page of what the act names; the moment of destruction comes from the destruction item."""
    page = Paginator(
        ActItem.objects.filter(act=act)
        .select_related("subject", "category", "datum__system", "datum__carrier")
        .order_by("pk"),
        ROWS,
    ).get_page(wanted)
    keys = [item.key for item in page if item.key is not None]
    gone = dict(DestructionItem.objects.filter(key__in=keys).values_list("key", "destroyed_at"))
    for item in page:
        item.became = _became(act, item, gone.get(item.key))
        item.due = short_day(item.due_on)
        item.place = "" if item.key is not None else _where(item)
    return page


def _became(act: DestructionAct, item: ActItem, destroyed_at: Any) -> str:
    zone = act.operator.zone
    if item.outcome and item.outcome != Outcome.DESTROYED:
        words, why = str(Outcome(item.outcome).label), why_in_words(item)
        return f"{words}: {why}" if why else words
    moment = item.confirmed_at or destroyed_at
    if moment is not None:
        return gettext("destroyed %(at)s") % {"at": short_moment(moment, zone)}
    return "–"


@told_by("subjects", "destructionact")
def gists(ids: list[int]) -> dict[int, str]:
    """For the desk: how many people an act is about."""
    rows = (
        ActItem.objects.filter(act__in=ids)
        .order_by()
        .values_list("act")
        .annotate(Count("subject", distinct=True))
    )
    return {
        act: ngettext("%(count)d person", "%(count)d people", count) % {"count": count}
        for act, count in rows
    }
