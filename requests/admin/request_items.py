"""The page of a demand: its clock, what it would do, and the verbs that decide it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import Verb, VerbAdmin
from registry.desk import told_by
from registry.explain import long_day, steps_in_words
from registry.services.texts import state, when_due
from registry.tasks import remind, ring
from requests import states
from requests.admin import access_answers, checks
from requests.admin.inquiries import _local, _look
from requests.admin.request_forms import (
    AcceptForm,
    BarForm,
    MetForm,
    NothingForm,
    NoticeForm,
    RefuseForm,
)
from requests.models import RequestItem
from requests.models.subject_requests import Finding, RequestKind
from requests.refusals import refusals
from requests.services.correcting import untold
from requests.services.deciding import item_accept, item_bar, item_refuse, obligation_met
from requests.services.duties import ANSWERED_KINDS, ENDS_NOTHING
from requests.services.extending import item_extend
from requests.services.outlook import CardOutlook, item_preview
from requests.services.repeating import repeat_of
from subjects.admin.pages import fate_in_words
from subjects.models import DataSubject

_OVER = frozenset({states.DONE, states.WITHDRAWN})


def accept(request: HttpRequest, row: RequestItem, data: Mapping[str, Any]) -> str:
    done = item_accept(
        item=row,
        activities=data.get("activities", ()),
        keep=data.get("keep", ()),
        refusal=data.get("refusal", ""),
        reasons=data.get("reasons", ""),
        by=request.user,
        now=timezone.now(),
    )
    ring(remind)
    if row.kind == RequestKind.BLOCKING:
        return gettext("Accepted: the data are blocked. Write down next what the check has shown.")
    if row.kind == RequestKind.UNBLOCKING:
        return gettext("Accepted: the blocks of the check have ended.")
    if row.kind in ANSWERED_KINDS:
        return gettext("Accepted: a letter answers it, and then the request can be closed.")
    if done.nothing_left:
        return gettext("Accepted: nothing is left that would have to go.")
    return gettext("Accepted. %(ended)s; %(goes)s.") % {
        "ended": ngettext("%(count)d ground ended", "%(count)d grounds ended", done.ended)
        % {"count": done.ended},
        "goes": ngettext("%(count)d value goes", "%(count)d values go", done.goes)
        % {"count": done.goes},
    }


def refuse(request: HttpRequest, row: RequestItem, data: Mapping[str, Any]) -> str:
    item_refuse(
        item=row, refusal=data["refusal"], reasons=data["reasons"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("The demand is refused.")


def bar(request: HttpRequest, row: RequestItem, data: Mapping[str, Any]) -> str:
    item_bar(
        item=row, reasons=data["reasons"], activities=data["activities"],
        no_marketing=data["no_marketing"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("Barred until the obligation is met; marketing has stopped.")


def met(request: HttpRequest, row: RequestItem, data: Mapping[str, Any]) -> str:
    obligation_met(item=row, met_at=data["met_at"], by=request.user, now=timezone.now())
    ring(remind)
    return gettext("The withdrawal is back, with a clock of its own.")


def extend(request: HttpRequest, row: RequestItem, data: Mapping[str, Any]) -> str:
    done = item_extend(
        item=row, reasons=data["reasons"], notice_number=data["notice_number"],
        notice_sent_at=data["notice_sent_at"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    ring(remind)
    return gettext("Extended to %(day)s.") % {"day": long_day(done.due_after)}


def _open(row: RequestItem | None) -> bool:
    return bool(row and row.decision == states.OPEN and row.request.state not in _OVER)


def _barrable(row: RequestItem | None) -> bool:
    known = any(
        found.bars and row and found.jurisdiction == row.operator.jurisdiction.code
        for found in refusals().values()
    )
    return _open(row) and known and row is not None and row.kind == RequestKind.WITHDRAWAL


def _extensible(row: RequestItem | None) -> bool:
    """While a clock runs that the law lets be extended once."""
    if row is None or row.request.state in _OVER:
        return False
    return any(
        clock.is_open and clock.statute is not None and clock.statute.extension_length
        for clock in row.deadlines.all()
    )


def _waits(row: RequestItem | None) -> bool:
    return bool(row and row.decision == states.BARRED and row.request.state not in _OVER)


@dataclass(slots=True)
class WhatIf:
    """What becomes of one card's data, in sentences: each with the data that it is about."""

    card: DataSubject
    ends: list[str] = field(default_factory=list)
    goes: list[tuple[str, str]] = field(default_factory=list)
    stays: list[tuple[str, str]] = field(default_factory=list)


def in_words(outlook: CardOutlook, today: Any) -> WhatIf:
    found = WhatIf(outlook.card)
    found.ends = [str(ending.ground) for ending in outlook.endings]
    found.ends += [str(consent.ground) for consent in outlook.narrowed]
    for pairs, told in ((outlook.goes, found.goes), (outlook.stays, found.stays)):
        by_words: dict[str, list[str]] = defaultdict(list)
        for datum, fate in pairs:
            name = str(datum.category or gettext("identity in the operator's systems"))
            names = by_words[fate_in_words(fate, today)[1]]
            if name not in names:
                names.append(name)
        told += [("; ".join(names), words) for words, names in by_words.items()]
    return found


def clock_context(clock: Any, operator: Any) -> dict[str, Any]:
    """A clock as a panel shows it."""
    clock.operator = operator
    now = timezone.now()
    late = clock.met_at and clock.ends_at and clock.met_at >= clock.ends_at
    if clock.met_at:
        words = gettext("met late") if late else gettext("met in time")
    else:
        words = gettext("void") if clock.voided_at else state(clock, now)
    internal_on = clock.internal_on if clock.internal_on != clock.due_on else None
    return {
        "clock": clock,
        "clock_due": when_due(clock),
        "clock_state": words,
        "clock_look": _look(clock, now),
        "clock_steps": steps_in_words(clock.steps),
        "clock_internal": long_day(internal_on) if internal_on else "",
    }


@admin.register(RequestItem)
class RequestItemAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["number", "asked", "received", "decision"]
    list_select_related = ["request__operator__jurisdiction"]
    list_filter = ["decision", "kind"]
    search_fields = ["request__number"]
    change_form_template = "admin/requests/requestitem/change_form.html"
    readonly_fields = ["number", "received", "decided", "done", "ground", "found"]
    fieldsets = [
        (None, {"fields": ["number", "kind", "scope", "consent", "activity", "received"]}),
        (
            _("the decision"),
            {"fields": ["decision", "ground", "reasons", "decided", "decided_by", "done"]},
        ),
        (_("the check"), {"fields": ["finding", "shown_by", "found", "found_by"]}),
    ]
    verbs = (
        Verb(
            "accept", _("Accept"), AcceptForm, accept, "accept", _open,
            _("Ends what the demand ends, sets the dates and drafts the act of destruction."),
            template="admin/requests/requestitem/decide.html",
        ),
        Verb(
            "refuse", _("Refuse"), RefuseForm, refuse, "refuse", _open,
            _("With a ground of the law's list and reasons (152-FZ 20(2), 94-V 8(7))."),
            template="admin/requests/requestitem/decide.html",
        ),
        Verb(
            "bar", _("Barred by an obligation"), BarForm, bar, "bar", _barrable,
            _("The person has an unperformed obligation (94-V 8(2)). Marketing stops at once; the "
              "withdrawal comes back when the obligation is met."),
        ),
        Verb("met", _("Obligation met"), MetForm, met, "met", _waits),
        Verb(
            "find", _("What the check has shown"), checks.FindForm, checks.find, "find",
            checks.findable,
            _("Wrong data are corrected, unlawful processing ends, and what is not confirmed is "
              "used again (152-FZ 21(1)-(3), 94-V 25(2)(8))."),
        ),
        Verb(
            "rule", _("Beyond correction"), checks.RuleForm, checks.rule, "correct",
            checks.correctable,
            _("The datum is wrong and cannot be put right: it goes, whatever ground covers it "
              "(152-FZ 14(1), 94-V 25(2)(8))."),
        ),
        Verb(
            "correct", _("Correct a datum"), checks.CorrectForm, checks.correct, "correct",
            checks.correctable,
            _("The old value stays sealed in the history of the card and goes with it."),
        ),
        Verb(
            "tell", _("Tell a recipient"), checks.TellForm, checks.tell, "tell", checks.tellable,
            _("Whoever was given the data learns that they were wrong or unlawful (152-FZ 20(3))."),
        ),
        Verb(
            "answer", _("Prepare the answer"), NothingForm, access_answers.prepare, "answer",
            access_answers.preparable,
            _("All that is known of the person, as the law wants it told (152-FZ 14(7), 94-V "
              "24(1)(1)). Nothing goes out before you have looked through it."),
        ),
        Verb(
            "extend", _("Extend the term"), NoticeForm, extend, "extend", _extensible,
            _("Once, by a notice with reasons that the person was sent before the term ends "
              "(152-FZ 14(3), 20(2), 21(5.1))."),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .select_related("request__operator__jurisdiction", "decided_by", "activity", "consent")
            .select_related("found_by")
            .prefetch_related("deadlines__owner", "deadlines__statute")
        )

    def verb_context(self, request: HttpRequest, row: RequestItem, verb: Verb) -> dict[str, Any]:
        return {"outlooks": self._outlooks(row)} if verb.name in {"accept", "refuse"} else {}

    def after_verb(self, request: HttpRequest, row: Any) -> str:
        return getattr(request, "office_next", None) or super().after_verb(request, row)

    def _outlooks(self, row: RequestItem) -> list[WhatIf] | None:
        """None: the demand touches no ground, so there is nothing to show."""
        if row.kind in ENDS_NOTHING and row.finding != Finding.UNLAWFUL:
            return None
        today = timezone.now().astimezone(row.operator.zone).date()
        return [in_words(outlook, today) for outlook in item_preview(row, today=today)]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context["outlooks"] = self._outlooks(row)
            context["repeat"] = repeat_of(row)
            context["answers"] = access_answers.answers_of(row)
            clocks = sorted(row.deadlines.all(), key=lambda clock: clock.pk)
            context["clocks"] = [clock_context(clock, row.operator) for clock in clocks]
            context |= self._check(row)
        return super().render_change_form(request, context, *args, **kw)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The check is shown where there is one."""
        found = super().get_fieldsets(request, obj)
        return found if obj is not None and obj.finding else found[:-1]

    def _check(self, row: RequestItem) -> dict[str, Any]:
        """What was corrected, who was told, who is still to be told."""
        if not row.finding:
            return {}
        corrections = row.corrections.select_related(
            "datum__subject", "datum__category", "corrected_by", "ruling"
        )
        told = row.told.select_related(
            "recipient", "disclosure__transfer__recipient", "recorded_by"
        )
        return {"corrections": corrections, "told": told, "untold": untold(row)}

    @admin.display(description=_("request"), ordering="request__number")
    def number(self, row: RequestItem) -> str:
        return row.request.number

    @admin.display(description=_("what is asked for"))
    def asked(self, row: RequestItem) -> str:
        return row.what

    @admin.display(description=_("counts from"), ordering="received_at")
    def received(self, row: RequestItem) -> str:
        return _local(row.received_at, row.operator)

    @admin.display(description=_("decided at"))
    def decided(self, row: RequestItem) -> str:
        return _local(row.decided_at, row.operator) if row.decided_at else "–"

    @admin.display(description=_("done at"))
    def done(self, row: RequestItem) -> str:
        return _local(row.done_at, row.operator) if row.done_at else "–"

    @admin.display(description=_("found at"))
    def found(self, row: RequestItem) -> str:
        return _local(row.found_at, row.operator) if row.found_at else "–"

    @admin.display(description=_("ground of the refusal"))
    def ground(self, row: RequestItem) -> str:
        found = refusals().get(row.refusal)
        if found is None:
            return "–"
        return f"{found.article}: {found.text((get_language() or 'en').split('-')[0])}"


@told_by("requests", "requestitem")
def gists(ids: list[int]) -> dict[int, str]:
    """For the desk: what is asked for; no word of the person."""
    return {row.pk: row.what for row in RequestItem.objects.filter(pk__in=ids)}
