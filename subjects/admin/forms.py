"""The forms of a card's verbs on the card itself and its data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import VerbForm
from registry.choices import DataFormat, DataKind
from registry.models import Carrier, DataCategory, InformationSystem
from registry.models.base import LANGUAGES
from subjects.choices import GroundEnd, HeldIn, Source
from subjects.models import DataSubject, PersonalDatum, SubjectLink
from subjects.services.covering import Coverage
from subjects.services.guard import BLOCKS
from subjects.services.reading import State, data_of, neighbours, show

REASON_HELP = _("Stands in the history beside your name. No names or numbers of people here.")
NO_CHOICE = ("", "---------")


def line(**attributes: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"} | attributes)


def day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def reason_field(help_text: Any = REASON_HELP) -> forms.CharField:
    return forms.CharField(label=_("reason"), max_length=300, widget=line(), help_text=help_text)


def today_of(row: Any) -> Any:
    """Today where the person's operator is."""
    return timezone.now().astimezone(row.operator.zone).date()


def label_field() -> forms.CharField:
    """Asked for only where something of the card is blocked."""
    return forms.CharField(
        label=_("number that blocks it"),
        required=False,
        max_length=300,
        widget=line(),
        help_text=_(
            "This is blocked: only for the request of this number can it be done. Several numbers "
            "with commas between them."
        ),
    )


def drop_label_unless_blocked(form: VerbForm) -> None:
    if not getattr(form.row, BLOCKS, None):
        del form.fields["label"]


class RowChoice(forms.ChoiceField):
    """One of a few rows of the card, with the words that the form gives to each."""

    def __init__(self, **kw: Any) -> None:
        super().__init__(**kw)
        self.rows: dict[str, Any] = {}

    def offer(self, pairs: Iterable[tuple[Any, Any]], number: Any = None) -> None:
        """Rows and their words; a single one is chosen already."""
        number = number or (lambda row: row.pk)
        listed = [(str(number(row)), row, words) for row, words in pairs]
        self.rows = {key: row for key, row, _words in listed}
        choices = [(key, words) for key, _row, words in listed]
        self.choices = choices if len(choices) == 1 and self.required else [NO_CHOICE, *choices]

    def clean(self, value: Any) -> Any:
        return self.rows.get(super().clean(value))


# --- seeing --------------------------------------------------------------------------------------
class RevealForm(VerbForm):
    reason = forms.CharField(
        label=_("why you need to see the data"),
        max_length=300,
        widget=line(),
        help_text=_(
            "The number of the request or of the case; it stands beside your name in the list of "
            "who looked (152-FZ 19(2)(8), 94-V 22). No names or numbers of people here."
        ),
    )


class HideForm(VerbForm):
    """Nothing to fill in: the button is the question."""


class ExportForm(VerbForm):
    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        widget=line(),
        help_text=_(
            "For whom the copy is made, such as the number of the person's request (152-FZ 14(7), "
            "94-V 24(1)(1)). It stands in the list of who looked."
        ),
    )


# --- data ----------------------------------------------------------------------------------------
def recordable(row: DataSubject) -> Any:
    """Categories that can be on a person's card at all."""
    return DataCategory.objects.filter(operator=row.operator, open_ended=False).exclude(
        kind=DataKind.NOT_PERSONAL
    )


class RecordForm(VerbForm):
    category = RowChoice(
        label=_("data category"),
        help_text=_(
            "Only what a ground of this person covers today can be recorded (152-FZ 5(5), "
            "94-V 7(9))."
        ),
    )
    held_in = forms.ChoiceField(
        label=_("held in"),
        choices=HeldIn.choices,
        initial=HeldIn.VAULT,
        help_text=_("Where the value itself lies. Elsewhere: write down where, not the value."),
    )
    text = forms.CharField(
        label=_("value"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField", "autocomplete": "off"}),
        help_text=_("Sealed when saved, masked on the card. Only if this office holds it."),
    )
    system = forms.ModelChoiceField(
        InformationSystem.objects.none(),
        label=_("information system"),
        required=False,
        help_text=_("When it is held in a system of the operator."),
    )
    carrier = forms.ModelChoiceField(
        Carrier.objects.none(),
        label=_("carrier"),
        required=False,
        help_text=_("When it is held on paper or another carrier."),
    )
    source = forms.ChoiceField(
        label=_("source"),
        choices=Source.choices,
        initial=Source.SUBJECT,
        help_text=_("Who or what it came from (152-FZ 14(7)(5), 18(3), 94-V 24(1)(1))."),
    )
    collected_on = forms.DateField(
        label=_("collected on"),
        widget=day_input(),
        help_text=_("First day it was held, local date of the operator."),
    )
    verified = forms.BooleanField(
        label=_("verified"),
        required=False,
        help_text=_("Checked today with the person or against a document (152-FZ 5(6))."),
    )

    def prepare(self) -> None:
        today = today_of(self.row)
        coverage = Coverage(self.row, data=[])
        pairs: tuple[list[Any], list[Any]] = ([], [])
        for category in recordable(self.row).exclude(format=DataFormat.IMAGE).order_by("pk"):
            covered = coverage.covered(category, today)
            words = str(category)
            if not covered:
                words = gettext("%(category)s (no ground covers it today)") % {"category": words}
            pairs[not covered].append((category, words))
        self.fields["category"].offer([*pairs[0], *pairs[1]])
        own = {"operator": self.row.operator}
        self.fields["system"].queryset = InformationSystem.objects.filter(**own)
        self.fields["carrier"].queryset = Carrier.objects.filter(**own)
        self.fields["collected_on"].initial = today


class PhotoForm(VerbForm):
    category = RowChoice(
        label=_("data category"),
        help_text=_(
            "A photo by which the person is identified is biometric: it needs a written consent "
            "(152-FZ 11, 94-V 7)."
        ),
    )
    photo = forms.FileField(
        label=_("photo"),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        help_text=_("JPEG, PNG or WebP, at most 10 MB. Sealed when saved; its name is not kept."),
    )
    source = forms.ChoiceField(
        label=_("source"),
        choices=Source.choices,
        initial=Source.SUBJECT,
        help_text=_("Who or what it came from (152-FZ 14(7)(5), 18(3), 94-V 24(1)(1))."),
    )
    collected_on = forms.DateField(
        label=_("collected on"),
        widget=day_input(),
        help_text=_("First day it was held, local date of the operator."),
    )

    def prepare(self) -> None:
        images = recordable(self.row).filter(format=DataFormat.IMAGE).order_by("pk")
        self.fields["category"].offer((category, str(category)) for category in images)
        self.fields["collected_on"].initial = today_of(self.row)


class DatumForm(VerbForm):
    """About one of the values that this office holds and that can still be read."""

    datum = RowChoice(label=_("datum"), help_text=_("Masked as on the card."))

    def offered(self) -> list[PersonalDatum]:
        return list(data_of([self.row.pk]).filter(value_key__isnull=False).order_by("pk"))

    def prepare(self) -> None:
        data = self.offered()
        shown = show(data, opened=False)
        pairs = []
        for datum in data:
            if shown[datum].state not in (State.DESTROYED, State.LOST):
                datum.subject = self.row
                words = str(datum.category or gettext("identity"))
                text = shown[datum].text
                if block := shown[datum].block:
                    text = gettext("blocked by %(label)s") % {"label": block.label}
                pairs.append((datum, f"{words}: {text}" if text else words))
        self.fields["datum"].offer(pairs)
        drop_label_unless_blocked(self)


class RectifyForm(DatumForm):
    text = forms.CharField(
        label=_("right value"),
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField", "autocomplete": "off"}),
        help_text=_(
            "Type the whole value anew; the wrong one stays in the history, sealed "
            "(152-FZ 14(1), 20(3), 94-V 24(1)(2))."
        ),
    )
    reason = reason_field(
        _("What the person or the document says is wrong. No names or numbers of people here.")
    )
    label = label_field()


class VerifyForm(DatumForm):
    label = label_field()

    def offered(self) -> list[PersonalDatum]:
        return list(data_of([self.row.pk]).order_by("pk"))


# --- cards ---------------------------------------------------------------------------------------
def code_field(help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=_("code of the other card"),
        max_length=12,
        widget=line(placeholder="S-", spellcheck="false"),
        help_text=help_text,
    )


class LinkForm(VerbForm):
    other = code_field(_("Such as S-7F3K9QWX. Both cards stay, each with its own data."))
    reason = reason_field(
        _("By what you know that it is one person. No names or numbers of people here.")
    )


class UnlinkForm(VerbForm):
    link = RowChoice(label=_("link"), help_text=_("The other card."))
    reason = reason_field()

    def prepare(self) -> None:
        codes = {card.link: card.code for card in neighbours(self.row) if not card.merged}
        rows = SubjectLink.objects.filter(pk__in=codes)
        self.fields["link"].offer((row, codes[row.pk]) for row in rows)


class MergeForm(VerbForm):
    other = code_field(
        _(
            "Its data, grounds and consents move to this card, and it becomes a pointer to this "
            "one. This cannot be undone: two accounts of one person are rather linked."
        )
    )
    other_ends = forms.ChoiceField(
        label=_("why a ground ends"),
        required=False,
        choices=[
            NO_CHOICE,
            *((code, words) for code, words in GroundEnd.choices if code != GroundEnd.WITHDRAWN),
        ],
        help_text=_(
            "Only if both cards have the same ground open: the one that covers more goes on, the "
            "other ends today for this reason."
        ),
    )
    reason = reason_field(
        _("By what you know that it is one person. No names or numbers of people here.")
    )


# --- papers --------------------------------------------------------------------------------------
NAMES_OF_LANGUAGES = {"ru": _("Russian"), "kk": _("Kazakh"), "en": _("English")}


def language_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("language"),
        choices=[(code, NAMES_OF_LANGUAGES[code]) for code in LANGUAGES],
        help_text=_("Of the paper; the text of the consent stands in the language it was read in."),
    )
