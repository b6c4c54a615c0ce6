"""Notices of processing: what their forms ask, the authority's entry, their gist on the desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.paper_forms import FORMS, PaperForm, day_field
from registry.admin.verbs import Verb, VerbForm
from registry.choices import RegisterPaperKind
from registry.desk import told_by
from registry.explain import long_day
from registry.models import RegisterPaper
from registry.services.notices import (
    END,
    START,
    entry_awaited,
    notice_entered,
    notice_in_force,
)
from registry.transfer_steps import RU

ENCRYPTION_HELP = _(
    "Which means of encryption protect the data, by their names; if none is used, write that "
    "(152-FZ 22(3)(7))."
)
STATE_SYSTEMS_HELP = _(
    "Which companies have access to data in state or municipal information systems, or process "
    "them there by contract; if nobody, write that (152-FZ 22(3)(10.2)). No names of customers."
)


def _text(label: Any, help_text: Any, *, rows: int = 2, **kw: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, help_text=help_text, widget=widget, max_length=1000, **kw)


class NoticeStartForm(PaperForm):
    """What 152-FZ 22(3) asks and no register holds; 94-V asks neither."""

    encryption = _text(_("means of encryption"), ENCRYPTION_HELP)
    state_systems = _text(_("access to state information systems"), STATE_SYSTEMS_HELP)

    def prepare(self) -> None:
        if self.operator.jurisdiction.code != RU:
            del self.fields["encryption"], self.fields["state_systems"]


class NoticeChangeForm(PaperForm):
    """The same, as the notice in force says it: changed only where somebody changes it here."""

    encryption = _text(_("means of encryption"), ENCRYPTION_HELP)
    state_systems = _text(_("access to state information systems"), STATE_SYSTEMS_HELP)

    def prepare(self) -> None:
        before = notice_in_force(self.operator)
        said = before.particulars.get("said", {}) if before else {}
        for name in ("encryption", "state_systems"):
            self.fields[name].initial = said.get(name, "")


class NoticeEndForm(PaperForm):
    """On which day processing ceases, and why (152-FZ 22(7), 94-V 10-1)."""

    ceased_on = day_field(
        _("processing ceases on"),
        _(
            "The last day of processing. Russia is told within ten working days after it "
            "(152-FZ 22(7)), Kazakhstan beforehand (94-V 10-1)."
        ),
    )
    reason = _text(
        _("reason"),
        _("Why nothing is processed any more, such as the end of the business. No names."),
        rows=3,
    )

    def prepare(self) -> None:
        self.fields["ceased_on"].initial = self.today


FORMS[RegisterPaperKind.NOTICE_START] = NoticeStartForm
FORMS[RegisterPaperKind.NOTICE_CHANGE] = NoticeChangeForm
FORMS[RegisterPaperKind.NOTICE_END] = NoticeEndForm


# --- the authority's entry ---------------------------------------------------------------------
class EnteredForm(VerbForm):
    """On which day the authority entered the operator in its register, under which number."""

    entered_on = day_field(
        _("entered on"), _("The day of the entry in the authority's register of operators.")
    )
    document = forms.CharField(
        label=_("number of the entry"),
        max_length=100,
        help_text=_("As the authority's register of operators shows it."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    def prepare(self) -> None:
        today = timezone.localdate(timezone.now(), self.row.operator.zone)
        self.fields["entered_on"].initial = today
        self.fields["entered_on"].widget.attrs |= {"max": today.isoformat()}


def enter(request: HttpRequest, row: RegisterPaper, data: Mapping[str, Any]) -> str:
    notice_entered(
        paper=row, entered_on=data["entered_on"], document=data["document"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("The entry is recorded; the watch over it has ended.")


def _awaited(row: RegisterPaper | None) -> bool:
    return row is not None and row.kind == START and entry_awaited(row) is not None


ENTERED = Verb(
    name="entered",
    title=_("The authority has made the entry"),
    form=EnteredForm,
    act=enter,
    action="file",
    allowed=_awaited,
    intro=_("Within thirty days of the notice of start it enters the operator (152-FZ 22(4))."),
)


# --- the desk ----------------------------------------------------------------------------------
@told_by("registry", "registerpaper")
def gists(ids: list[int]) -> dict[int, str]:
    """For the desk: which notice, and when it went to the authority."""
    rows = RegisterPaper.objects.filter(pk__in=ids).select_related("filing")
    return {row.pk: _gist(row) for row in rows}


def _gist(row: RegisterPaper) -> str:
    kind = str(row.get_kind_display())
    filing = getattr(row, "filing", None)
    if filing is not None:
        said = gettext("%(kind)s, filed on %(day)s")
        return said % {"kind": kind, "day": long_day(filing.filed_on)}
    if row.kind == END:
        return gettext("%(kind)s, written and not filed yet") % {"kind": kind}
    return kind
