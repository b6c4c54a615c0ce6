"""The verbs of an act for those who were given its data: the list, told, the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import scoped
from registry.admin.base import ReadOnlyAdmin
from registry.admin.verbs import LocalMoment, Verb, VerbForm
from registry.choices import Channel
from registry.desk import Counter, counted_by
from registry.explain import short_day
from registry.models import Operator, Recipient
from registry.tasks import ring
from subjects.admin.pages import short_moment
from subjects.choices import ActState, RecipientState
from subjects.models import DestructionAct, RecipientNotice
from subjects.services.recipient_answers import (
    open_notices,
    recipient_confirm,
    recipient_refuse,
    recipient_tell,
)
from subjects.services.recipients import Told, recipient_list, recipients_of
from subjects.tasks import sweep_destruction

Data = Mapping[str, Any]
NO_NAMES = _("No names or numbers of people.")


def told_of(row: DestructionAct) -> list[Told]:
    """The recipients of an act, read once for one page."""
    if "_told" not in row.__dict__:
        row.__dict__["_told"] = recipients_of(row)
    found: list[Told] = row.__dict__["_told"]
    return found


class RecipientForm(VerbForm):
    """One of those who were given something of the act."""

    states: tuple[str, ...] = tuple(RecipientState.values)
    recipient = forms.ModelChoiceField(
        Recipient.objects.none(),
        label=_("recipient"),
        help_text=_("Who was given something of what the act destroys."),
    )

    def prepare(self) -> None:
        mine = [one.recipient.pk for one in told_of(self.row) if one.state in self.states]
        field: Any = self.fields["recipient"]
        field.queryset = Recipient.objects.filter(pk__in=mine)


class TellForm(RecipientForm):
    states = (RecipientState.WAITING, RecipientState.TOLD, RecipientState.REFUSED)
    way = forms.ChoiceField(label=_("how"), choices=Channel.choices)
    document = forms.CharField(
        label=_("document"),
        max_length=300,
        help_text=_("Number and date of the letter. No names or numbers of people."),
    )
    at = LocalMoment(label=_("told at"), initial=timezone.now)


class ConfirmRecipientForm(RecipientForm):
    states = (RecipientState.TOLD,)
    way = forms.ChoiceField(label=_("how"), choices=Channel.choices)
    document = forms.CharField(
        label=_("document"),
        max_length=300,
        help_text=_("Which letter or act of the recipient proves it. No names of people."),
    )
    at = LocalMoment(label=_("answered at"), initial=timezone.now)


class RefuseForm(RecipientForm):
    states = (RecipientState.WAITING, RecipientState.TOLD)
    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        help_text=_(
            "On which ground the recipient keeps its copy, by which letter; or why it cannot be "
            "told any more. No names or numbers of people."
        ),
    )
    at = LocalMoment(label=_("answered at"), initial=timezone.now)


def take_list(request: HttpRequest, row: DestructionAct, data: Data) -> HttpResponse:
    content = recipient_list(
        act=row, recipient=data["recipient"], by=request.user, now=timezone.now()
    )
    name = f"{row.number}-{data['recipient'].code}.csv"
    return HttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


def tell(request: HttpRequest, row: DestructionAct, data: Data) -> str:
    recipient_tell(
        act=row, recipient=data["recipient"], way=data["way"], document=data["document"],
        told_at=data["at"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    ring(sweep_destruction)
    return gettext("%(recipient)s is recorded as told.") % {"recipient": data["recipient"]}


def confirm(request: HttpRequest, row: DestructionAct, data: Data) -> str:
    recipient_confirm(
        act=row, recipient=data["recipient"], way=data["way"], document=data["document"],
        answered_at=data["at"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("The answer of %(recipient)s is recorded.") % {"recipient": data["recipient"]}


def refuse(request: HttpRequest, row: DestructionAct, data: Data) -> str:
    recipient_refuse(
        act=row, recipient=data["recipient"], reason=data["reason"], answered_at=data["at"],
        by=request.user, now=timezone.now(),
    )  # fmt: skip
    ring(sweep_destruction)
    return gettext("The answer of %(recipient)s is recorded.") % {"recipient": data["recipient"]}


def _listed(row: DestructionAct) -> bool:
    return row.state != ActState.CANCELLED and bool(told_of(row))


def _tellable(row: DestructionAct) -> bool:
    return _begun(row) and any(one.state in TellForm.states for one in told_of(row))


def _told(row: DestructionAct) -> bool:
    return _begun(row) and any(one.state == RecipientState.TOLD for one in told_of(row))


def _refusable(row: DestructionAct) -> bool:
    return _begun(row) and any(one.state in RefuseForm.states for one in told_of(row))


def _begun(row: DestructionAct) -> bool:
    return row.state not in (ActState.DRAFTED, ActState.CANCELLED)


RECIPIENT_VERBS = (
    Verb(
        "recipient_list",
        _("Take a list for a recipient"),
        RecipientForm,
        take_list,
        "confirm",
        _listed,
        _(
            "About whom to tell a recipient, by nothing that it was not given itself. Take it "
            "before the act is executed: after that only codes and numbers are left. The list "
            "holds personal data; that you took it is recorded."
        ),
    ),
    Verb(
        "recipient_told",
        _("Record that a recipient was told"),
        TellForm,
        tell,
        "confirm",
        _tellable,
        _(
            "By what a processor finds the people stays in the vault until it was told, and goes "
            "then. Hand over the list first."
        ),
    ),
    Verb(
        "recipient_confirmed",
        _("Record a confirmation"),
        ConfirmRecipientForm,
        confirm,
        "confirm",
        _told,
        _("The recipient has answered that its copy is destroyed."),
    ),
    Verb(
        "recipient_refused",
        _("Record a refusal"),
        RefuseForm,
        refuse,
        "confirm",
        _refusable,
        _(
            "The recipient keeps its copy, or nobody can tell it any more. A processor may not "
            "keep it on a ground of its own (152-FZ 6(3), 21)."
        ),
    ),
)


def shown(act: DestructionAct) -> list[dict[str, Any]]:
    """The section of the act's page."""
    return [
        {
            "name": one.recipient,
            "people": one.people,
            "processor": one.processor,
            "state": RecipientState(one.state).label,
            "since": _since(one, act),
            "words": _words(one),
        }
        for one in told_of(act)
    ]


def _since(one: Told, act: DestructionAct) -> str:
    moment = (one.notice.answered_at or one.notice.told_at) if one.notice else None
    return short_moment(moment, act.operator.zone) if moment else ""


def _words(one: Told) -> str:
    return (one.notice.answer or one.notice.document) if one.notice else ""


class AnswerFilter(admin.SimpleListFilter):
    """Those that are not told or have not answered."""

    title = _("answer")
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("open", _("not answered yet"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset & open_notices() if self.value() == "open" else queryset


@admin.register(RecipientNotice)
class RecipientNoticeAdmin(ReadOnlyAdmin):
    """Read only: what happens to a notice is done on the page of its act."""

    list_display = ["act", "to_whom", "processor", "people", "state", "expected"]
    list_display_links = ["act"]
    list_select_related = ["act__operator__jurisdiction", "recipient"]
    list_filter = [AnswerFilter, "state", "act__operator"]
    sortable_by = ["expected"]
    readonly_fields = ["to_whom", "expected", "page"]
    fields = [
        "act", "page", "to_whom", "processor", "people", "state", "expected", "told_way",
        "document", "answered_way", "answer",
    ]  # fmt: skip

    @admin.display(description=_("recipient"))
    def to_whom(self, row: RecipientNotice) -> str:
        return str(row.recipient)

    @admin.display(description=_("expected by"), ordering="due_on")
    def expected(self, row: RecipientNotice) -> str:
        return short_day(row.due_on)

    @admin.display(description=_("page of the act"))
    def page(self, row: RecipientNotice) -> str:
        link = reverse("admin:subjects_destructionact_change", args=[row.act_id])
        return format_html('<a href="{}">{}</a>', link, row.act)


@counted_by
def unanswered(user: Any, operator_code: str) -> Counter | None:
    """Recipients that nobody has told, or that have not answered."""
    rows = scoped(open_notices(), user)
    query = "answer=open"
    if operator_code:
        rows = rows.filter(act__operator__code=operator_code)
        number = Operator.objects.filter(code=operator_code).values_list("pk", flat=True).first()
        query += f"&act__operator__id__exact={number}"
    link = f"{reverse('admin:subjects_recipientnotice_changelist')}?{query}"
    late = rows.filter(due_on__lt=timezone.localdate())
    title = gettext("recipients who have not confirmed")
    count = rows.count()
    return Counter(title, count, link, urgent=bool(count) and late.exists())
