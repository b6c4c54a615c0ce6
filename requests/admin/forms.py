"""The forms of an inquiry's verbs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.admin.clocks import AssignForm
from registry.admin.verbs import LocalMoment, VerbForm
from registry.models import User
from requests.models import RegulatorInquiry
from requests.models.inquiries import TEXT_LIMIT, LetterChannel
from requests.services.inquiries import clock_of

LINE = forms.TextInput(attrs={"class": "vTextField"})
TEXT = forms.Textarea(attrs={"rows": 12, "class": "vLargeTextField"})


class LongText(forms.CharField):
    """A text of several lines; one line end is one character, as the browser counts it."""

    widget = TEXT

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text


class RegisterForm(forms.ModelForm):
    """A letter as it arrived."""

    owner = forms.ModelChoiceField(
        User.objects.none(),
        label=_("owner"),
        required=False,
        help_text=_("Empty: the responsible person, or whoever stands in for them."),
    )
    received_at = LocalMoment(
        label=_("received at"),
        help_text=_("Local time of the operator. The count begins the day after."),
    )

    questions = LongText(
        label=_("what is asked"),
        max_length=TEXT_LIMIT,
        help_text=_("In short. Write no names or numbers of people here: nothing here is sealed."),
    )

    class Meta:
        model = RegulatorInquiry
        fields = [
            "operator",
            "authority",
            "reference",
            "channel",
            "received_at",
            "stated_on",
            "questions",
        ]
        widgets = {
            "stated_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "reference": LINE,
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        operator, field = cleaned.get("operator"), self.fields["received_at"]
        if operator and cleaned.get("received_at"):
            # Read again in the operator's own zone, now that the operator is known.
            field.zone = operator.zone
            cleaned["received_at"] = field.clean(self["received_at"].data)
        return cleaned


def _answer_fields(row: RegulatorInquiry, form: forms.Form) -> None:
    form.fields["answer"].initial = row.answer
    form.fields["read"].initial = row.answer


class DraftForm(VerbForm):
    answer = LongText(
        label=_("answer"),
        max_length=TEXT_LIMIT,
        required=False,
        help_text=_("No names or numbers of people: nothing here is sealed."),
    )
    read = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)
    # The text that somebody else saved while this one was being written.
    newer: str | None = None

    def prepare(self) -> None:
        _answer_fields(self.row, self)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        read = cleaned.get("read", "").replace("\r\n", "\n")
        if read.strip() != self.row.answer.replace("\r\n", "\n").strip():
            # The service refuses. The page then shows the newer text beside what was typed, and
            # the next try starts from it, knowingly.
            self.newer = self.row.answer
            data: Any = self.data
            self.data = data.copy()
            self.data["read"] = self.row.answer  # type: ignore[index]
        return cleaned


class AnswerForm(DraftForm):
    sent_at = LocalMoment(
        label=_("sent at"), help_text=_("When the answer left, local time of the operator.")
    )
    sent_channel = forms.ChoiceField(label=_("sent by way of"), choices=LetterChannel.choices)
    proof = forms.CharField(
        label=_("proof of sending"),
        max_length=300,
        required=False,
        widget=LINE,
        help_text=_("Postal receipt, outgoing number or delivery report; may be added later."),
    )

    def prepare(self) -> None:
        super().prepare()
        self.fields["sent_at"].initial = timezone.now()


class ProofForm(VerbForm):
    proof = forms.CharField(
        label=_("proof of sending"),
        max_length=300,
        widget=LINE,
        help_text=_("Postal receipt, outgoing number or delivery report."),
    )

    def prepare(self) -> None:
        self.fields["proof"].initial = self.row.proof


class ExtendForm(VerbForm):
    reasons = LongText(label=_("reasons"), max_length=5000)
    notice_number = forms.CharField(
        label=_("number of the notice"),
        max_length=100,
        widget=LINE,
        help_text=_("The motivated notice that was sent to the authority before expiry."),
    )
    notice_sent_at = LocalMoment(label=_("notice sent at"))

    def prepare(self) -> None:
        self.fields["notice_sent_at"].initial = timezone.now()


class RestateForm(VerbForm):
    stated_on = forms.DateField(
        label=_("date stated by the authority"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: the authority named no day."),
    )
    reason = forms.CharField(label=_("reason"), max_length=300, widget=LINE)

    def prepare(self) -> None:
        self.fields["stated_on"].initial = self.row.stated_on


class WithdrawForm(VerbForm):
    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        widget=LINE,
        help_text=_("The authority took it back, or it was registered by mistake."),
    )


class InquiryAssignForm(AssignForm):
    """Assigns the inquiry's clock: that is the row of this form."""

    def __init__(self, *args: Any, row: RegulatorInquiry, **kw: Any) -> None:
        super().__init__(*args, row=clock_of(row), **kw)
