"""The forms of an inspection: its order, what is asked and given, what was found."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import LocalMoment, VerbForm
from requests.admin.forms import LINE, LongText
from requests.models import (
    Inspection,
    InspectionAnswer,
    InspectionItem,
    Prescription,
    PrescriptionDelay,
)
from requests.models.inspections import SHEETS_LIMIT, TEXT_LIMIT
from requests.models.subject_requests import NO_NAMES
from subjects.admin.forms import day_input


class OrderForm(forms.ModelForm):
    """The order of an inspection as it arrived."""

    basis = LongText(
        label=Inspection._meta.get_field("basis").verbose_name,
        max_length=TEXT_LIMIT,
        help_text=_("Why the authority inspects: the plan, a complaint, an assignment. No names."),
    )

    class Meta:
        model = Inspection
        fields = [
            "operator", "authority", "order_number", "ordered_on", "kind", "basis", "begins_on",
            "ends_on", "inspectors",
        ]  # fmt: skip
        widgets = {
            "order_number": LINE,
            "inspectors": LINE,
            "ordered_on": day_input(),
            "begins_on": day_input(),
            "ends_on": day_input(),
        }

    def _post_clean(self) -> None:
        """The service judges the row."""

    def save_m2m(self) -> None:
        """There is nothing of the kind."""


def _label(model: Any, name: str) -> Any:
    return model._meta.get_field(name).verbose_name


def _day(model: Any, name: str, help_text: Any) -> forms.DateField:
    return forms.DateField(label=_label(model, name), widget=day_input(), help_text=help_text)


def _line(model: Any, name: str, help_text: Any) -> forms.CharField:
    length = model._meta.get_field(name).max_length
    return forms.CharField(
        label=_label(model, name), max_length=length, widget=LINE, help_text=help_text
    )


def _text(model: Any, name: str, help_text: Any, *, required: bool = True) -> LongText:
    return LongText(
        label=_label(model, name), max_length=TEXT_LIMIT, help_text=help_text, required=required
    )


def _now() -> Any:
    return timezone.now().replace(second=0, microsecond=0)


class BeginForm(VerbForm):
    """Nothing to fill in: the day is on the order."""


class AskForm(VerbForm):
    what = _text(InspectionItem, "what", NO_NAMES)
    asked_on = _day(InspectionItem, "asked_on", _("The day of the demand."))
    due_on = _day(
        InspectionItem, "due_on", _("By when the inspectors want it; at once: the same day.")
    )


class GiveForm(VerbForm):
    given_at = LocalMoment(
        label=_label(InspectionAnswer, "given_at"), help_text=_("Local time of the operator.")
    )
    copies = _text(
        InspectionAnswer, "copies", _("Which papers and copies went to the inspectors. No names.")
    )
    sheets = forms.IntegerField(
        label=_label(InspectionAnswer, "sheets"), min_value=0, max_value=SHEETS_LIMIT,
        required=False, help_text=_("How many; empty for files and explanations."),
    )  # fmt: skip

    def prepare(self) -> None:
        self.fields["given_at"].initial = _now()


class FindForm(VerbForm):
    act_number = _line(Inspection, "act_number", _("As on the act of the authority."))
    act_on = _day(Inspection, "act_on", _("As on the act."))
    findings = _text(
        Inspection, "findings", _("In short; empty if nothing was found. No names."), required=False
    )


class PrescribeForm(VerbForm):
    number = _line(Prescription, "number", _("The authority's own number."))
    dated_on = _day(Prescription, "dated_on", _("As on the paper."))
    demands = _text(Prescription, "demands", NO_NAMES)
    due_on = _day(Prescription, "due_on", _("By when the authority wants it fulfilled."))


class DelayForm(VerbForm):
    asked = _line(PrescriptionDelay, "asked", _("Our outgoing number."))
    paper = _line(
        PrescriptionDelay, "paper", _("Number and date of the paper that grants the delay.")
    )
    granted_on = _day(PrescriptionDelay, "granted_on", _("The date of that paper."))
    due_on = _day(Prescription, "due_on", _("The new day; later than the present one."))


class FulfilForm(VerbForm):
    fulfilled_at = LocalMoment(
        label=_label(Prescription, "fulfilled_at"), help_text=_("When the report left. Local time.")
    )
    report_number = _line(
        Prescription, "report_number", _("Outgoing number of the report to the authority.")
    )

    def prepare(self) -> None:
        self.fields["fulfilled_at"].initial = _now()
