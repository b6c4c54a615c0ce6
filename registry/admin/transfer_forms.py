"""The forms of a transfer: the row itself, and one for each step of its gate."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ScopedForm
from registry.admin.verbs import LocalMoment, VerbForm
from registry.choices import Language, RecipientFact
from registry.explain import sentence
from registry.models import Recipient
from registry.services.transfer_papers import notice_languages, proposed_number
from registry.services.transfers import recipient_to_change, transfer_to_save
from registry.transfer_refusals import RecipientOfOpenTransfers
from registry.transfer_steps import facts_needed

DOCUMENT_HELP = _("The paper that says it: number and date. No names or numbers of people.")


def _day(label: Any, help_text: Any = "") -> forms.DateField:
    return forms.DateField(
        label=label,
        help_text=help_text,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


def _document(label: Any = None, help_text: Any = DOCUMENT_HELP) -> forms.CharField:
    return forms.CharField(label=label or _("document"), max_length=300, help_text=help_text)


class TransferForm(ScopedForm):
    """What is given to whom, why and on what; nothing beyond the activity."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        activity = cleaned.get("activity") or getattr(self.instance, "activity", None)
        operator = cleaned.get("operator") or getattr(self.instance, "operator", None)
        data, basis = cleaned.get("data_categories"), cleaned.get("legal_basis")
        if activity is not None and data is not None:
            beyond = data.exclude(activities=activity).first()
            if beyond is not None:
                self._refuse(
                    "data_categories",
                    _("The activity does not process %(what)s."),
                    beyond.code,
                )
        if operator is not None and basis is not None:
            if basis.jurisdiction_id != operator.jurisdiction_id:
                self._refuse(
                    "legal_basis",
                    _("%(what)s is not an article of this operator's law."),
                    basis.code,
                )
            elif activity is not None and basis not in activity.legal_bases.all():
                self._refuse(
                    "legal_basis", _("The activity does not stand on %(what)s."), basis.code
                )
        return cleaned

    def _refuse(self, field: str, message: Any, what: str) -> None:
        self.add_error(field, ValidationError(message, params={"what": what}))

    def save(self, commit: bool = True) -> Any:
        # Whoever files the notice meanwhile was first: refused as a conflict.
        transfer_to_save(self.instance, changed=self.changed_data)
        return super().save(commit=commit)


class RecipientForm(ScopedForm):
    """Country and kind decide the gate; they stay while data go."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        moved = [name for name in ("country", "kind") if name in self.changed_data]
        if self.instance.pk is not None and moved:
            try:
                recipient_to_change(self.instance)
            except RecipientOfOpenTransfers as error:
                self.add_error(moved[0], sentence(error))
        return cleaned


class TransferVerbForm(VerbForm):
    def today(self) -> Any:
        return timezone.now().astimezone(self.row.operator.zone).date()

    def prepare(self) -> None:
        for name, field in self.fields.items():
            if isinstance(field, forms.DateField) and not isinstance(field, LocalMoment):
                self.fields[name].initial = self.today()


class InformationForm(TransferVerbForm):
    fact = forms.ChoiceField(label=_("what"), choices=RecipientFact.choices)
    received_on = _day(_("received on"), _("When the answer came."))
    document = _document()

    def prepare(self) -> None:
        super().prepare()
        came = {one.fact for one in self.row.information.all()}
        needed = facts_needed(getattr(self.row, "gate_protects", None))
        self.fields["fact"].initial = next((one for one in needed if one not in came), None)


class AssessForm(TransferVerbForm):
    assessed_on = _day(_("assessed on"), _("On or after the day of the last answer."))


class FileForm(TransferVerbForm):
    filed_on = _day(_("filed on"), _("When the authority received the notice."))
    number = forms.CharField(
        label=_("number"), max_length=100, help_text=_("Under which the notice went out.")
    )

    def prepare(self) -> None:
        super().prepare()
        self.fields["number"].initial = proposed_number(self.row)


class NoticeForm(VerbForm):
    language = forms.ChoiceField(label=_("language"))
    processing_notice = forms.CharField(
        label=_("notice of processing"),
        required=False,
        max_length=200,
        help_text=_("Number and date of the notice under article 22, if one was filed."),
    )

    def prepare(self) -> None:
        words = dict(Language.choices)
        self.fields["language"].choices = [
            (code, words[code]) for code in notice_languages(self.row.operator)
        ]


class OpenForm(TransferVerbForm):
    opened_on = _day(_("open since"), _("From this day on data may go to the recipient."))


class EndForm(TransferVerbForm):
    ended_on = _day(_("ended on"), _("Last day on which data went to the recipient."))


class BanForm(TransferVerbForm):
    banned_on = _day(_("banned on"), _("The day of the decision."))
    document = _document(_("document of the ban"))


class BanDoneForm(VerbForm):
    document = _document(
        help_text=_("What proves that the recipient stopped and destroyed: number and date.")
    )


class AskedForm(VerbForm):
    asked_at = LocalMoment(label=_("received at"), help_text=_("When the question arrived."))
    document = _document(help_text=_("The letter of the authority: number and date."))


class AnsweredForm(VerbForm):
    answered_at = LocalMoment(label=_("sent at"), help_text=_("When the answer was sent."))
    document = _document(help_text=_("The answer: number and date."))


class AnswerExtendForm(VerbForm):
    reasons = forms.CharField(label=_("reasons"), widget=forms.Textarea(attrs={"rows": 4}))
    notice_number = forms.CharField(label=_("number of the notice"), max_length=100)
    notice_sent_at = LocalMoment(label=_("notice sent at"))


class InstructionForm(ScopedForm):
    """An instruction is given to a processor, about activities of the same operator."""

    def clean_recipient(self) -> Recipient:
        recipient: Recipient = self.cleaned_data["recipient"]
        if recipient.kind != "processor":
            raise ValidationError(
                _("%(what)s is no processor (152-FZ 6(3))."), params={"what": recipient.code}
            )
        return recipient
