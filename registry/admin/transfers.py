"""Transfers, each with its gate drawn as steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin import transfer_forms as forms
from registry.admin.register import NAMES
from registry.admin.verbs import Verb, VerbAdmin
from registry.choices import Event, Gate
from registry.desk import told_by
from registry.explain import long_day, missing_in_words, short_day
from registry.models import Transfer
from registry.services.transfer_authority import (
    answer_extend,
    authority_answered,
    authority_asked,
    ban_carry_out,
    transfer_ban,
)
from registry.services.transfer_gates import (
    clock_about,
    gate_state,
    gated,
    shown_opening,
    steps_of_transfer,
    transfer_gate,
)
from registry.services.transfer_papers import notice_paper
from registry.services.transfers import (
    information_record,
    is_fixed,
    notice_file,
    recipient_assess,
    recipient_is_fixed,
    transfer_end,
    transfer_open,
    transfer_to_delete,
)
from registry.transfer_refusals import RecipientCountryUnknown
from registry.transfer_steps import LOOK_WORDS, RU, STATE_WORDS, State, Step

Data = Mapping[str, Any]


def _today(row: Transfer) -> date:
    return timezone.now().astimezone(row.operator.zone).date()


def _state(row: Transfer) -> str:
    return gate_state(row, _today(row))


# --- the verbs ---------------------------------------------------------------------------------
def inform(request: HttpRequest, row: Transfer, data: Data) -> str:
    information_record(
        transfer=row, fact=data["fact"], received_on=data["received_on"],
        document=data["document"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("The information is recorded.")


def assess(request: HttpRequest, row: Transfer, data: Data) -> str:
    recipient_assess(
        transfer=row, assessed_on=data["assessed_on"], by=request.user, now=timezone.now()
    )
    return gettext("The assessment is recorded.")


def print_notice(request: HttpRequest, row: Transfer, data: Data) -> str:
    content = notice_paper(
        transfer=row, language=data["language"], processing_notice=data["processing_notice"],
        now=timezone.now(),
    )  # fmt: skip
    response = HttpResponse(content, content_type="application/pdf")
    name = f"transfer-{row.pk}-{data['language']}.pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    request.office_file = response
    return ""


def file_it(request: HttpRequest, row: Transfer, data: Data) -> str:
    saved = notice_file(
        transfer=row, filed_on=data["filed_on"], number=data["number"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    if saved.opens_on is None:
        return gettext("The notice is filed; the transfer may open.")
    return gettext("The notice is filed; the transfer may open on %(day)s.") % {
        "day": long_day(saved.opens_on)
    }


def open_it(request: HttpRequest, row: Transfer, data: Data) -> str:
    transfer_open(transfer=row, opened_on=data["opened_on"], by=request.user, now=timezone.now())
    return gettext("%(transfer)s is open.") % {"transfer": row}


def end(request: HttpRequest, row: Transfer, data: Data) -> str:
    transfer_end(transfer=row, ended_on=data["ended_on"], by=request.user, now=timezone.now())
    return gettext("%(transfer)s has ended.") % {"transfer": row}


def ban(request: HttpRequest, row: Transfer, data: Data) -> str:
    transfer_ban(
        transfer=row, banned_on=data["banned_on"], document=data["document"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext(
        "%(transfer)s is closed. Make the recipient stop and destroy what it has received."
    ) % {"transfer": row}


def ban_done(request: HttpRequest, row: Transfer, data: Data) -> str:
    ban_carry_out(transfer=row, document=data["document"], by=request.user, now=timezone.now())
    return gettext("The ban is carried out; its clock has stopped.")


def asked(request: HttpRequest, row: Transfer, data: Data) -> str:
    clock = authority_asked(
        transfer=row, asked_at=data["asked_at"], document=data["document"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("The question is registered; answer by %(day)s.") % {
        "day": long_day(clock.due_on) if clock.due_on else "–"
    }


def answered(request: HttpRequest, row: Transfer, data: Data) -> str:
    authority_answered(
        transfer=row, answered_at=data["answered_at"], document=data["document"],
        by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("The answer is recorded; its clock has stopped.")


def extend(request: HttpRequest, row: Transfer, data: Data) -> str:
    extension = answer_extend(
        transfer=row, reasons=data["reasons"], notice_number=data["notice_number"],
        notice_sent_at=data["notice_sent_at"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("Extended until %(day)s.") % {"day": long_day(extension.due_after)}


# --- when they are possible --------------------------------------------------------------------
def _alive(row: Transfer | None) -> bool:
    return row is not None and row.banned_on is None and row.ended_on is None


def _wants_notice(row: Transfer | None) -> bool:
    if row is None:
        return False
    try:
        return transfer_gate(row) in (Gate.NOTICE, Gate.WAIT)
    except RecipientCountryUnknown:
        return False


def _before_filing(row: Transfer | None) -> bool:
    return row is not None and _alive(row) and _wants_notice(row) and row.filed_on is None


def _assessed(row: Transfer | None) -> bool:
    return row is not None and _state(row) == State.ASSESSED


def _collected(row: Transfer | None) -> bool:
    return row is not None and _before_filing(row) and bool(row.information.all())


def _printable(row: Transfer | None) -> bool:
    return row is not None and (row.filed_on is not None or _wants_notice(row))


def _ready(row: Transfer | None) -> bool:
    return row is not None and _state(row) == State.READY


def _bannable(row: Transfer | None) -> bool:
    if row is None or row.banned_on is not None or row.operator.jurisdiction.code != RU:
        return False
    return row.filed_on is not None or _wants_notice(row)


def _clock_open(row: Transfer | None, event: str) -> bool:
    clock = clock_about(row, event) if row is not None else None
    return clock is not None and clock.is_open


def _being_banned(row: Transfer | None) -> bool:
    return row is not None and row.banned_on is not None and _clock_open(row, Event.TRANSFER_BANNED)


def _askable(row: Transfer | None) -> bool:
    return (
        row is not None
        and row.filed_on is not None
        and clock_about(row, Event.AUTHORITY_ASKED_RECIPIENT_INFO) is None
    )


def _questioned(row: Transfer | None) -> bool:
    return (
        row is not None
        and row.filed_on is not None
        and _clock_open(row, Event.AUTHORITY_ASKED_RECIPIENT_INFO)
    )


@dataclass(frozen=True)
class StepLine:
    """One step as the page draws it."""

    look: str
    look_words: str
    words: str
    article: str
    day: str
    missing: list[str]


def step_line(step: Step) -> StepLine:
    """The step in the reader's words."""
    return StepLine(
        look=step.look.value,
        look_words=gettext(LOOK_WORDS[step.look]),
        words=gettext(step.template) % step.params,
        article=step.article,
        day=long_day(step.day) if step.day else "",
        missing=missing_in_words(step.missing),
    )


@admin.register(Transfer)
class TransferAdmin(VerbAdmin):
    form = forms.TransferForm
    change_form_template = "admin/registry/transfer/change_form.html"
    list_display = [
        "code", "name", "how_far", "recipient", "country", "wanted", "not_before", "operator",
    ]  # fmt: skip
    list_filter = ["operator", "gate"]
    search_fields = ["code", *NAMES]
    filter_horizontal = ["data_categories"]
    fixed = ["operator", "code"]
    fields = [
        "operator", "code", *NAMES, "recipient", "activity", "data_categories", "legal_basis",
        "clause", "change_reason",
    ]  # fmt: skip
    verbs = (
        Verb(
            "information", _("Record information"), forms.InformationForm, inform, "gate",
            _before_filing,
            _("What the recipient answered, before the authority is told (152-FZ 12(5))."),
        ),
        Verb(
            "assess", _("Assess the recipient"), forms.AssessForm, assess, "gate", _collected,
            _("Whether it keeps data confidential and secure (152-FZ 12(4)(7))."),
        ),
        Verb(
            "notice", _("Print the notice"), forms.NoticeForm, print_notice, "view", _printable,
            _("The notice with every particular of 152-FZ 12(4), as PDF."),
        ),
        Verb(
            "file", _("The notice is filed"), forms.FileForm, file_it, "gate", _assessed,
            _("From then on recipient, activity, data and ground are fixed."),
        ),
        Verb(
            "open", _("Open the transfer"), forms.OpenForm, open_it, "gate", _ready,
            _("From that day on data may go to the recipient."),
        ),
        Verb(
            "asked", _("The authority asks"), forms.AskedForm, asked, "gate", _askable,
            _("About the recipient: ten working days, the waiting period stands still "
              "(152-FZ 12(6), 12(10))."),
        ),
        Verb("answered", _("Answer sent"), forms.AnsweredForm, answered, "gate", _questioned),
        Verb(
            "extend", _("Extend the answer"), forms.AnswerExtendForm, extend, "gate", _questioned,
            _("Once, before expiry, by a notice with reasons that has been sent (152-FZ 12(6))."),
        ),
        Verb(
            "ban", _("The authority bans it"), forms.BanForm, ban, "gate", _bannable,
            _("Closes the transfer at once; it does not open again (152-FZ 12(14))."),
        ),
        Verb(
            "carried", _("The ban is carried out"), forms.BanDoneForm, ban_done, "gate",
            _being_banned,
        ),
        Verb("end", _("End the transfer"), forms.EndForm, end, "gate", _alive),
    )  # fmt: skip

    # --- what may be written -----------------------------------------------------------------
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        fields = [*super().get_readonly_fields(request, obj)]
        if obj is not None:
            if is_fixed(obj):
                fields += ["recipient", "activity", "data_categories", "legal_basis"]
            elif recipient_is_fixed(obj):
                fields.append("recipient")
        return fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What the authority was told of, or what data went through, stays in the register.
        return super().has_delete_permission(request, obj) and (obj is None or not is_fixed(obj))

    def delete_model(self, request: HttpRequest, obj: Transfer) -> None:
        transfer_to_delete(obj)
        super().delete_model(request, obj)

    # --- reading -----------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> Any:
        return gated(super().get_queryset(request))

    @admin.display(description=_("state"))
    def how_far(self, row: Transfer) -> str:
        return gettext(STATE_WORDS[_state(row)])

    @admin.display(description=_("country"), ordering="recipient__country__code")
    def country(self, row: Transfer) -> str:
        return str(row.recipient.country or gettext("not known"))

    @admin.display(description=_("gate"))
    def wanted(self, row: Transfer) -> str:
        try:
            return str(transfer_gate(row).label)
        except RecipientCountryUnknown:
            return gettext("not known")

    @admin.display(description=_("not before"), ordering="opens_on")
    def not_before(self, row: Transfer) -> str:
        day = shown_opening(row)
        return short_day(day) if day and row.opened_on is None else "–"

    def verb_view(self, request: HttpRequest, object_id: str, *, verb: Verb) -> HttpResponse:
        answer = super().verb_view(request, object_id, verb=verb)
        # A paper is the answer itself.
        paper: HttpResponse = getattr(request, "office_file", answer)
        return paper

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context["state_words"] = self.how_far(row)
            context["gate_steps"] = [
                step_line(step) for step in steps_of_transfer(row, _today(row))
            ]
            context["told"] = [
                (one.get_fact_display(), long_day(one.received_on), one.document)
                for one in row.information.all()
            ]
        return super().render_change_form(request, context, *args, **kw)


@told_by("registry", "transfer")
def gists(ids: list[int]) -> dict[int, str]:
    """For the desk: to whom the data go, and where."""
    rows = Transfer.objects.filter(pk__in=ids).select_related("recipient__country")
    return {row.pk: f"{row.recipient} ({row.recipient.country or '–'})" for row in rows}
