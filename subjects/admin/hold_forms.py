"""The forms of blocks and legal holds on a card."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import VerbForm
from subjects.admin.forms import RowChoice, day_input, line, reason_field, recordable
from subjects.choices import BlockReason, StopKind
from subjects.models import Block, Stop

# The others are placed by what they belong to, which ends them too.
BY_HAND = (BlockReason.REQUEST, BlockReason.CHECK, BlockReason.STORAGE)


def number_field(help_text: Any) -> forms.CharField:
    return forms.CharField(label=_("number"), max_length=60, widget=line(), help_text=help_text)


class BlockForm(VerbForm):
    category = RowChoice(
        label=_("data category"),
        required=False,
        help_text=_("Empty: everything that is known about the person, proofs of consent too."),
    )
    why = forms.ChoiceField(
        label=_("why"),
        choices=[(one.value, one.label) for one in BY_HAND],
        initial=BlockReason.CHECK,
        help_text=_("At once while a complaint is checked (152-FZ 21(1), 94-V 25(2)(8))."),
    )
    label = number_field(
        _("Of the request or the order. Only for this one may the data be read and clarified.")
    )
    reason = reason_field()

    def prepare(self) -> None:
        categories = recordable(self.row).order_by("pk")
        self.fields["category"].offer((category, str(category)) for category in categories)


class LiftForm(VerbForm):
    block = RowChoice(label=_("block"), help_text=_("The data may be used again at once."))
    reason = reason_field(
        _("What the check found, or who decided it. No names or numbers of people here.")
    )

    def prepare(self) -> None:
        rows = Block.objects.filter(subject=self.row, ended_at=None).select_related("category")
        self.fields["block"].offer(
            (row, f"{row}: {row.category or gettext('everything on the card')}") for row in rows
        )


def _until_field() -> forms.DateField:
    return forms.DateField(
        label=_("last day"),
        required=False,
        widget=day_input(),
        help_text=_(
            "As the document names it; on the day after, the hold is released by itself. Empty: "
            "until somebody releases it."
        ),
    )


def _review_field() -> forms.DateField:
    return forms.DateField(
        label=_("review by"),
        required=False,
        widget=day_input(),
        help_text=_(
            "By this day somebody asks whether the hold is still needed, within a year. Empty: in "
            "90 days, or on the last day."
        ),
    )


class HoldForm(VerbForm):
    label = number_field(_("Of the order or the case."))
    document = forms.CharField(
        label=_("document"),
        max_length=300,
        widget=line(),
        help_text=_(
            "The paper that orders it, with its number and day. No names or numbers of people."
        ),
    )
    reason = reason_field(_("Who ordered it and why. No names or numbers of people here."))
    until_on = _until_field()
    review_on = _review_field()


class ReviewForm(VerbForm):
    """On the page of the hold itself; what stands is filled in."""

    reason = reason_field(
        _("Why it is still needed, and by what you know it. No names or numbers of people here.")
    )
    document = forms.CharField(
        label=_("document"),
        required=False,
        max_length=300,
        widget=line(),
        help_text=_("The paper that orders it. Change it where a new one does."),
    )
    until_on = _until_field()
    review_on = _review_field()

    def prepare(self) -> None:
        self.fields["document"].initial = self.row.document
        self.fields["until_on"].initial = self.row.until_on


class ReleaseStopForm(VerbForm):
    reason = reason_field(_("Who lifted the order. No names or numbers of people here."))


class ReleaseForm(VerbForm):
    """Legal holds only: what an open request stops, the end of that request releases."""

    stop = RowChoice(
        label=_("hold"),
        help_text=_("What is overdue by then is destroyed by the next sweep."),
    )
    reason = reason_field(_("Who lifted the order. No names or numbers of people here."))

    def prepare(self) -> None:
        rows = Stop.objects.filter(subject=self.row, kind=StopKind.LEGAL_HOLD, ended_at=None)
        self.fields["stop"].offer((row, str(row)) for row in rows)
