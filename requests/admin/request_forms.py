"""The forms of a person's request and of its demands."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.clocks import AssignForm
from registry.admin.verbs import LocalMoment, VerbForm
from registry.models import ProcessingActivity, User
from requests.admin.forms import LINE, ExtendForm, LongText
from requests.models import RequestItem, SubjectRequest
from requests.models.letters import LetterBy
from requests.models.subject_requests import (
    NO_NAMES,
    CheckKind,
    RepresentedBy,
    RequestKind,
    Scope,
)
from requests.refusals import refusals_for
from requests.services.deciding import REASONS_LIMIT
from requests.services.duties import ANSWERED_KINDS
from requests.services.letters import BODY_LIMIT
from requests.services.moving import REASON_LIMIT, clocks_of
from requests.services.noting import NOTE_LIMIT
from requests.services.outlook import item_preview
from requests.services.representing import DOCUMENT_LIMIT
from requests.services.subject_requests import NAME_LIMIT, Demand
from subjects.models import Consent, DataSubject

MESSAGE_LIMIT = 20_000
BOXES = forms.CheckboxSelectMultiple
SCANS = _("PDF, JPEG or PNG, up to 5 MB. The name of the file is not kept.")
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
# Read in the language of whoever looks: what is filled in here would be in that of the start.
_of_scope = lazy(lambda label: gettext("withdrawal of consent: %s") % label, str)
# What a letter can ask for, as one choice: the kind, and of a withdrawal its scope.
WANTED = [
    ("withdrawal", _("withdrawal of consent: whole")),
    *((f"withdrawal:{code}", _of_scope(label)) for code, label in Scope.choices),
    ("destruction", RequestKind.DESTRUCTION.label),
    *((code, label) for code, label in RequestKind.choices
      if code not in {RequestKind.WITHDRAWAL, RequestKind.DESTRUCTION}),
]  # fmt: skip


def demand_of(chosen: str, **more: Any) -> Demand:
    kind, _colon, scope = chosen.partition(":")
    return Demand(kind, scope, **more)


def _sealed(label: Any, limit: int, **more: Any) -> forms.CharField:
    help_text = more.pop("help_text", _("Sealed when saved."))
    return forms.CharField(
        label=label, max_length=limit, required=False, widget=LINE, help_text=help_text, **more
    )


class ReceiveForm(forms.ModelForm):
    """A letter as it came, by whichever way."""

    received_at = LocalMoment(
        label=_("received at"),
        help_text=_("Local time of the operator. The count begins the day after."),
    )
    kinds = forms.MultipleChoiceField(
        label=_("what is asked for"),
        choices=WANTED,
        widget=BOXES,
        help_text=_("Each starts a clock of its own. More can be added later."),
    )
    name = _sealed(_("name"), NAME_LIMIT)
    email = _sealed(_("e-mail address"), 254)
    phone = _sealed(_("phone number"), 40)
    postal = _sealed(_("postal address"), 500)
    message = LongText(
        label=_("message"),
        max_length=MESSAGE_LIMIT,
        required=False,
        help_text=_("The letter in its own words. Sealed when saved."),
    )
    owner = forms.ModelChoiceField(
        User.objects.none(),
        label=_("owner"),
        required=False,
        help_text=_("Empty: the responsible person, or whoever stands in for them."),
    )

    class Meta:
        model = SubjectRequest
        fields = ["operator", "channel", "received_at", "track", "language", "answer_by"]
        widgets = {"track": LINE}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        operator, field = cleaned.get("operator"), self.fields["received_at"]
        if operator and cleaned.get("received_at"):
            # Read again in the operator's own zone, now that the operator is known.
            field.zone = operator.zone
            cleaned["received_at"] = field.clean(self["received_at"].data)
        return cleaned


class NothingForm(VerbForm):
    """Nothing to fill in: the button is the question."""


class CodeForm(VerbForm):
    code = forms.CharField(
        label=_("code of the card"),
        max_length=20,
        widget=LINE,
        help_text=_("Such as S-7F3K9QWX. By what it matches the letter is found out when linked."),
    )


class LinkedForm(VerbForm):
    """Chooses among the cards of the request."""

    card = forms.ModelChoiceField(DataSubject.objects.none(), label=_("card"))

    def prepare(self) -> None:
        self.fields["card"].queryset = DataSubject.objects.filter(
            requests__request=self.row, requests__unlinked_at=None
        ).order_by("pk")


class ReasonForm(VerbForm):
    reason = forms.CharField(
        label=_("reason"), max_length=REASON_LIMIT, widget=LINE, help_text=NO_NAMES
    )


class UnlinkForm(LinkedForm, ReasonForm):
    field_order = ["card", "reason"]


class CheckForm(VerbForm):
    kind = forms.ChoiceField(
        label=_("what was checked"),
        choices=CheckKind.choices,
        help_text=_("No copy is made and no number is written down (94-V 7(10))."),
    )


class RepresentForm(VerbForm):
    """Who speaks for the person."""

    kind = forms.ChoiceField(label=_("represented by"), choices=RepresentedBy.choices)
    document = forms.CharField(
        label=_("what shows it"),
        max_length=DOCUMENT_LIMIT,
        widget=LINE,
        help_text=_(
            "Such as: power of attorney of a notary, birth certificate. Sealed when saved."
        ),
    )
    given_on = forms.DateField(
        label=_("given on"),
        required=False,
        widget=DAY,
        help_text=_("Of a power or of the act that names a guardian."),
    )
    until = forms.DateField(
        label=_("last day"),
        required=False,
        widget=DAY,
        help_text=_("Empty: a power without a term holds for one year."),
    )
    born_on = forms.DateField(
        label=_("the child was born on"),
        required=False,
        widget=DAY,
        help_text=_(
            "A parent speaks for a child until the age of 18. Only the last day is kept, sealed."
        ),
    )
    kinds = forms.MultipleChoiceField(
        label=_("what the power covers"),
        choices=RequestKind.choices,
        required=False,
        widget=BOXES,
        help_text=_("Kinds of demands. Empty: all."),
    )

    def prepare(self) -> None:
        self.fields["kind"].initial = self.row.represented_by
        self.fields["kinds"].initial = self.row.power_for


class NoteForm(VerbForm):
    text = LongText(
        label=_("note"),
        max_length=NOTE_LIMIT,
        help_text=_("For the staff alone; it is never sent. Sealed when saved."),
    )


class ScanForm(VerbForm):
    """What the person has sent besides: a letter, a document, the scan of an envelope."""

    came_at = LocalMoment(label=_("came at"), help_text=_("Local time of the operator."))
    way = forms.ChoiceField(
        label=_("came by"),
        choices=[(each, each.label) for each in LetterBy if each != LetterBy.PAGE],
    )
    text = LongText(label=_("text"), max_length=BODY_LIMIT, required=False)
    file_1 = forms.FileField(label=_("File 1"), required=False, help_text=SCANS)
    file_2 = forms.FileField(label=_("File 2"), required=False, help_text=SCANS)
    file_3 = forms.FileField(label=_("File 3"), required=False, help_text=SCANS)

    def prepare(self) -> None:
        self.fields["came_at"].initial = timezone.now()


class ReopenForm(VerbForm):
    reason = forms.CharField(
        label=_("reason"), max_length=REASON_LIMIT, widget=LINE, help_text=NO_NAMES
    )
    what = forms.ChoiceField(
        label=_("what is asked for"),
        choices=[("", "---------"), *WANTED],
        required=False,
        help_text=_("The new demand. May be empty only where the request was taken back."),
    )
    asked_at = LocalMoment(
        label=_("asked at"),
        required=False,
        help_text=_("When the person asked for it. Local time; the count begins the day after."),
    )

    def prepare(self) -> None:
        self.fields["asked_at"].initial = timezone.now()


class DemandForm(VerbForm):
    what = forms.ChoiceField(label=_("what is asked for"), choices=WANTED)
    consent = forms.ModelChoiceField(
        Consent.objects.none(),
        label=_("consent"),
        required=False,
        help_text=_("Of a withdrawal. Empty: every consent of the people linked."),
    )
    activity = forms.ModelChoiceField(
        ProcessingActivity.objects.none(),
        label=_("processing activity"),
        required=False,
        help_text=_("Empty: whatever is done with the data."),
    )

    def prepare(self) -> None:
        self.fields["consent"].queryset = (
            Consent.objects.filter(
                withdrawn_at=None,
                ground__subject__requests__request=self.row,
                ground__subject__requests__unlinked_at=None,
            )
            .select_related("text", "ground")
            .order_by("pk")
        )
        self.fields["activity"].queryset = ProcessingActivity.objects.filter(
            operator=self.row.operator_id
        )


class RequestAssignForm(AssignForm):
    """Assigns all clocks of the request that run."""

    def prepare(self) -> None:
        super().prepare()
        clocks = clocks_of(self.row)
        self.fields["owner"].initial = clocks[0].owner_id if clocks else None

    def __init__(self, *args: Any, row: SubjectRequest, **kw: Any) -> None:
        # The base asks the row for its owner; a request has none of its own.
        row.owner_id = None  # type: ignore[attr-defined]
        super().__init__(*args, row=row, **kw)


# --- a demand ------------------------------------------------------------------------------------
def _refusals(row: RequestItem, *, empty: str = "") -> list[tuple[str, str]]:
    language = (get_language() or "en").split("-")[0]
    found = refusals_for(jurisdiction=row.operator.jurisdiction.code, kind=row.kind)
    choices = [(each.code, f"{each.article}: {each.text(language)}") for each in found]
    return [("", empty), *choices] if empty else choices


def _activities(row: RequestItem) -> Any:
    return ProcessingActivity.objects.filter(operator=row.request.operator_id)


class ActivitiesField(forms.ModelMultipleChoiceField):
    """Which activities are marketing: the register does not say so."""

    def __init__(self, **kw: Any) -> None:
        super().__init__(
            ProcessingActivity.objects.none(),
            label=_("processing activities that are marketing"),
            required=False,
            widget=BOXES,
            help_text=_("They end at once, whatever they stood on (152-FZ 15(2))."),
            **kw,
        )


class ReasonsForm(VerbForm):
    reasons = LongText(label=_("reasons"), max_length=REASONS_LIMIT, help_text=NO_NAMES)


class AcceptForm(VerbForm):
    activities = ActivitiesField()
    keep = forms.TypedMultipleChoiceField(
        label=_("grounds that do not end"),
        coerce=int,
        required=False,
        widget=BOXES,
        help_text=_("Tick what the law lets go on; then the demand is accepted in part."),
    )
    refusal = forms.ChoiceField(
        label=_("ground of the refusal"),
        required=False,
        help_text=_("Only when a part of the data stays."),
    )
    reasons = LongText(
        label=_("reasons"), max_length=REASONS_LIMIT, required=False, help_text=NO_NAMES
    )

    def prepare(self) -> None:
        today = timezone.now().astimezone(self.row.operator.zone).date()
        if self.row.kind == RequestKind.MARKETING:
            self.fields["activities"].queryset = _activities(self.row)
            del self.fields["keep"], self.fields["refusal"], self.fields["reasons"]
            return
        del self.fields["activities"]
        self.fields["refusal"].choices = _refusals(self.row, empty="---------")
        if self.row.kind in ANSWERED_KINDS:
            del self.fields["keep"]
            self.fields["refusal"].help_text = _("Only when a part of the answer is refused.")
            return
        found = item_preview(self.row, today=today)
        self.fields["keep"].choices = [
            (ground.pk, f"{outlook.card.code}: {ground}")
            for outlook in found
            for ground in (
                *(ending.ground for ending in outlook.endings),
                *(consent.ground for consent in outlook.narrowed),
            )
        ]


class RefuseForm(ReasonsForm):
    refusal = forms.ChoiceField(label=_("ground of the refusal"))
    field_order = ["refusal", "reasons"]

    def prepare(self) -> None:
        self.fields["refusal"].choices = _refusals(self.row)


class BarForm(ReasonsForm):
    activities = ActivitiesField()
    no_marketing = forms.BooleanField(
        label=_("there is no marketing about this person"), required=False
    )

    def prepare(self) -> None:
        self.fields["activities"].queryset = _activities(self.row)


class MetForm(VerbForm):
    met_at = LocalMoment(
        label=_("obligation met at"),
        help_text=_("Local time of the operator. The withdrawal counts from it."),
    )

    def prepare(self) -> None:
        self.fields["met_at"].initial = timezone.now()


class NoticeForm(ExtendForm):
    """The notice goes to the person who asks."""

    def prepare(self) -> None:
        super().prepare()
        self.fields["notice_number"].help_text = _(
            "The motivated notice that was sent to the person before expiry."
        )
