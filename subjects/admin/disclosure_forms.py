"""The forms of the journal of disclosures: recording one, reversing one, printing the register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import VerbForm
from registry.choices import Channel, Language
from registry.models import DataCategory, LegalBasis, Operator, Transfer
from subjects.admin.forms import day_input, line, reason_field
from subjects.choices import DisclosureKind
from subjects.models import DataSubject, Disclosure
from subjects.services.cards import code_of
from subjects.services.disclosure_register import Media
from subjects.services.disclosures import OTHER_STATE_BASES, STATE_BASES

# Names of articles are longer than a page is wide.
WIDE = {"class": "vLargeTextField"}


class DisclosureForm(forms.ModelForm):
    """What was given, as it goes to the service."""

    people = forms.CharField(
        label=_("about whom"),
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField", "autocomplete": "off"}),
        help_text=_(
            "Codes of the cards, a line each. Where somebody's data differ, their category codes "
            "after a colon: S-7F3K9QWX: email, phone. No names here."
        ),
    )
    categories = forms.ModelMultipleChoiceField(
        DataCategory.objects.none(),
        label=_("data categories"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What was given of everybody without a list of their own."),
    )
    label = forms.CharField(
        label=_("number that blocks it"),
        required=False,
        max_length=300,
        widget=line(),
        help_text=_(
            "Only to a state body, and only where data are blocked: the number of the block over "
            "which the demand of the law goes. Several with commas between them."
        ),
    )

    class Meta:
        model = Disclosure
        fields = [
            "operator", "kind", "body_kind", "body", "legal_basis", "transfer", "document",
            "given_on", "way",
        ]  # fmt: skip
        widgets = {"given_on": day_input(), "body": line(**WIDE), "document": line(**WIDE)}

    def __init__(self, *args: Any, operators: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        fields: Any = self.fields
        listed = list(operators[:2])
        fields["operator"].queryset = operators.select_related("jurisdiction")
        fields["kind"].initial = DisclosureKind.STATE_BODY
        fields["given_on"].initial = timezone.localdate()
        if len(listed) == 1:
            fields["operator"].initial = listed[0]
            fields["given_on"].initial = timezone.localdate(timezone=listed[0].zone)
        fields["way"].choices = [
            choice for choice in fields["way"].choices if choice[0] != Channel.ACCOUNT_DELETION
        ]
        # Of a transfer it is the transfer's own article.
        fields["legal_basis"].required = False
        fields["legal_basis"].widget.attrs |= WIDE
        fields["legal_basis"].queryset = LegalBasis.objects.filter(
            jurisdiction__in=operators.values("jurisdiction"),
            kind__in=OTHER_STATE_BASES.union(*STATE_BASES.values()),
        ).select_related("jurisdiction")
        fields["transfer"].queryset = Transfer.objects.filter(operator__in=operators)
        fields["categories"].queryset = DataCategory.objects.filter(
            operator__in=operators, open_ended=False
        ).order_by("operator", "pk")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        operator, text = cleaned.get("operator"), cleaned.get("people")
        if operator is not None and text is not None:
            problems: list[str] = []
            cleaned["given"] = _given(
                operator, text, list(cleaned.get("categories") or ()), problems
            )
            for problem in problems:
                self.add_error("people", problem)
        return cleaned

    def _post_clean(self) -> None:
        """The service judges the row."""

    def save_m2m(self) -> None:
        """There is nothing of the kind."""


def _given(
    operator: Operator, text: str, everybody: list[DataCategory], problems: list[str]
) -> Mapping[DataSubject, list[DataCategory]]:
    """Cards and categories that the lines name; what they cannot name goes into ``problems``."""
    lines = [typed.partition(":") for typed in text.splitlines() if typed.strip()]
    codes = {code_of(code) for code, _colon, _own in lines}
    cards = {
        row.code: row
        for row in DataSubject.objects.filter(operator=operator, code__in=codes).select_related(
            "operator__jurisdiction"
        )
    }
    known = {row.code: row for row in DataCategory.objects.filter(operator=operator)}
    found: dict[DataSubject, list[DataCategory]] = {}
    for number, (code, _colon, own) in enumerate(lines, 1):
        card = cards.get(code_of(code))
        names = [name.strip().lower() for name in own.split(",") if name.strip()]
        if card is None:
            # What was typed is not repeated: it may be a name.
            problems.append(gettext("Line %(line)d is no code of a card.") % {"line": number})
        elif not all(name in known for name in names):
            problems.append(
                gettext("Line %(line)d names a category that the register does not have.")
                % {"line": number}
            )
        else:
            mine = found.setdefault(card, [])
            mine.extend([known[name] for name in names] or everybody)
    return found


class ReverseForm(VerbForm):
    reason = reason_field(_("What was wrong. No names or numbers of people here."))


class RegisterForm(forms.Form):
    """Whose register, of which days, as what."""

    operator = forms.ModelChoiceField(
        Operator.objects.none(),
        label=_("operator"),
        help_text=_("Whose disclosures."),
    )
    since = forms.DateField(
        label=_("first day"), widget=day_input(), help_text=_("Of the days on which it was given.")
    )
    until = forms.DateField(label=_("last day"), widget=day_input(), help_text=_("It counts too."))
    media = forms.ChoiceField(
        label=_("as"),
        choices=Media.choices,
        help_text=_("Codes of cards and categories, no value."),
    )
    language = forms.ChoiceField(
        label=_("language"), choices=Language.choices, help_text=_("Of the paper.")
    )

    def __init__(self, *args: Any, operators: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        field: Any = self.fields["operator"]
        field.queryset = operators
        listed = list(operators[:2])
        if len(listed) == 1:
            field.initial = listed[0].pk
