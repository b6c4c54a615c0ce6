"""The forms of letters: what staff write, and what they say of a letter on paper."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import LocalMoment, VerbForm
from registry.explain import sentence
from requests import states
from requests.admin.forms import LINE, LongText
from requests.models.letters import PROOF_LIMIT, LetterBy, LetterKind
from requests.models.subject_requests import NO_NAMES
from requests.services.letters import BODY_LIMIT, LetterMasked, letter_text
from requests.services.told import letter_open_until
from requests.services.writing import DRAFTED, version_of

AS_ASKED = ("", _("as the person asks"))


class WriteForm(VerbForm):
    kind = forms.ChoiceField(
        label=_("kind"), choices=[(each, each.label) for each in LetterKind if each in DRAFTED]
    )
    text = LongText(
        label=_("in your own words"),
        max_length=BODY_LIMIT // 2,
        required=False,
        help_text=_(
            "The reply itself, or why more time is needed. A decision writes itself from what was "
            "decided; it can be changed before it goes. Sealed when saved."
        ),
    )
    way = forms.ChoiceField(
        label=_("sent by way of"), choices=[AS_ASKED, *LetterBy.choices], required=False
    )

    def prepare(self) -> None:
        undecided = not self.row.items.exclude(decision=states.OPEN).exists()
        if undecided:
            kinds = self.fields["kind"]
            kinds.choices = [each for each in kinds.choices if each[0] != LetterKind.DECISION]


class EditForm(VerbForm):
    """Shows the whole text, so the letter must be open to whoever changes it.

    To others it is an empty input that cannot be saved.
    """

    body = LongText(label=_("text"), max_length=BODY_LIMIT)
    version = forms.CharField(widget=forms.HiddenInput)

    def prepare(self) -> None:
        self.fields["body"].widget.attrs["rows"] = 30
        self.fields["version"].initial = version_of(self.row)
        self.opened = letter_open_until(self.row.request, self.user, timezone.now()) is not None
        if self.opened:
            self.fields["body"].initial = letter_text(self.row).text
        else:
            self.fields["body"].help_text = _("Masked: open the letter on its page first.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.opened:
            raise forms.ValidationError(sentence(LetterMasked(number=self.row.request.number)))
        return cleaned


class WayForm(VerbForm):
    way = forms.ChoiceField(
        label=_("sent by way of"),
        choices=[(each, each.label) for each in LetterBy if each != LetterBy.PAGE],
        help_text=_("The same text goes to the address that the person told for this way."),
    )

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields["way"].choices = [
            each for each in self.fields["way"].choices if each[0] != self.row.by
        ]


class ProofForm(VerbForm):
    sent_at = LocalMoment(
        label=_("sent at"), help_text=_("When it was posted or handed over. Local time.")
    )
    proof = forms.CharField(
        label=_("proof of sending"),
        max_length=PROOF_LIMIT,
        widget=LINE,
        help_text=_("The number of the registered letter, or that it was signed for."),
    )

    def prepare(self) -> None:
        self.fields["sent_at"].initial = timezone.now().replace(second=0, microsecond=0)
        self.fields["proof"].help_text = f"{self.fields['proof'].help_text} {NO_NAMES}"
