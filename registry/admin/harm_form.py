"""What is asked before an act of the assessment of harm is written (Order 178)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.paper_forms import FORMS, PaperForm, day_field
from registry.choices import RegisterPaperKind
from registry.harm import CRITERIA, DEGREE_WORDS, proved, undecided
from registry.services.harm import gap_in_words, processing_now, proof_in_words


def ticked(code: str) -> str:
    """The field that says whether a criterion holds."""
    return f"holds_{code}"


def noted(code: str) -> str:
    """The field that says why."""
    return f"why_{code}"


class HarmForm(PaperForm):
    """The day, who assessed, and the criteria: what the register proves is ticked and fixed, what
    it cannot know somebody ticks and says why."""

    assessed_on = day_field(
        _("day of the assessment"), _("When the criteria were gone through; today or before.")
    )
    assessed_by = forms.CharField(
        label=_("assessed by"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "The responsible person, or each member of the commission: name and position, one "
            "person to a line."
        ),
    )

    def prepare(self) -> None:
        self.fields["assessed_on"].initial = self.today
        person = self.operator.responsible
        if person is not None:
            self.fields["assessed_by"].initial = person.get_full_name()
        self.proved: dict[str, tuple[str, ...]] = {}
        gaps: dict[str, tuple[str, ...]] = {}
        if self.activity is not None:
            processing = processing_now(self.activity, today=self.today)
            self.proved, gaps = proved(processing), undecided(processing)
        for number, code in enumerate(CRITERIA, 1):
            if code in self.proved:
                self._fixed(number, code)
            else:
                self._asked(number, code, gap_in_words(code, gaps[code]) if code in gaps else "")

    def _fixed(self, number: int, code: str) -> None:
        proof = proof_in_words(code, self.proved[code])
        self.fields[ticked(code)] = forms.BooleanField(
            label=f"{number}. {gettext(CRITERIA[code].words)}",
            initial=True,
            disabled=True,
            help_text=_told(code, gettext("Proved by the register."), proof),
        )

    def _asked(self, number: int, code: str, gap: str) -> None:
        unseen = gettext("The register does not show it; tick it if it holds all the same.")
        unknown = gettext("The register cannot know it; tick it if it holds.")
        told = gap or (unseen if CRITERIA[code].proof else unknown)
        self.fields[ticked(code)] = forms.BooleanField(
            label=f"{number}. {gettext(CRITERIA[code].words)}",
            required=False,
            help_text=_told(code, told),
        )
        self.fields[noted(code)] = forms.CharField(
            label=gettext("%(number)s: why it holds") % {"number": number},
            required=False,
            max_length=1000,
            widget=forms.Textarea(attrs={"rows": 2}),
            help_text=gettext(
                "Only if you ticked the line above: what shows it. No names of people."
            ),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        day = cleaned.get("assessed_on")
        if day is not None and day > self.today:
            self.add_error("assessed_on", _("This day has not come yet."))
        for code in CRITERIA:
            if code in self.proved:
                continue
            holds, why = cleaned.get(ticked(code)), cleaned.get(noted(code), "").strip()
            if holds and not why and noted(code) not in self.errors:
                self.add_error(noted(code), ValidationError(_("Say why this criterion holds.")))
            if why and not holds:
                self.add_error(
                    ticked(code), ValidationError(_("Tick it too, or take the reason out."))
                )
        return cleaned

    def given(self) -> dict[str, Any]:
        """What the register proves is not among the answers: it is looked up when it is written."""
        answers = self.cleaned_data
        return {
            "assessed_on": answers["assessed_on"].isoformat(),
            "assessed_by": [line.strip() for line in answers["assessed_by"].splitlines()
                            if line.strip()],
            "criteria": {
                code: answers[noted(code)].strip()
                for code in CRITERIA
                if code not in self.proved and answers[ticked(code)]
            },
        }  # fmt: skip


def _told(code: str, *sentences: str) -> str:
    degree = gettext(DEGREE_WORDS[CRITERIA[code].degree])
    return " ".join((f"{degree[:1].upper()}{degree[1:]}.", *sentences))


FORMS[RegisterPaperKind.HARM] = HarmForm
