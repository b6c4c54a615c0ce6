"""The forms of an incident: its registration, what is known, whom it concerns, who was told."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import LocalMoment, VerbForm
from registry.choices import Language, Role
from registry.models import (
    DataCategory,
    InformationSystem,
    Operator,
    ProcessingActivity,
    User,
)
from registry.services.transfer_papers import notice_languages
from requests.admin.forms import LINE, LongText
from requests.admin.request_forms import ReasonForm
from requests.models import Incident, IncidentNotice, IncidentSending
from requests.models.incidents import TEXT_LIMIT, EntryKind
from requests.models.subject_requests import NO_NAMES
from requests.services.incident_contents import steps_of
from requests.services.incident_export import DOCUMENT_LIMIT
from requests.services.incident_notices import sendings_of
from requests.services.incident_rows import WRITTEN
from requests.services.incidents import MANY, PLAIN, TEXTS, incident_version
from subjects.admin.forms import day_input
from subjects.admin.pages import short_moment
from subjects.models import DataSubject
from subjects.services.cards import code_of
from subjects.services.disclosure_register import Media

BOXES = forms.CheckboxSelectMultiple


def _now() -> Any:
    return timezone.now().replace(second=0, microsecond=0)


class DetectedForm(forms.ModelForm):
    """The moment of detection alone: the rest is written down when it is known."""

    detected_at = LocalMoment(
        label=_("detected at"), help_text=Incident._meta.get_field("detected_at").help_text
    )

    class Meta:
        model = Incident
        fields = ["operator", "detected_at"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        operator, field = cleaned.get("operator"), self.fields["detected_at"]
        if operator and cleaned.get("detected_at"):
            # Read again in the operator's own zone, now that the operator is known.
            field.zone = operator.zone
            cleaned["detected_at"] = field.clean(self["detected_at"].data)
        return cleaned

    def _post_clean(self) -> None:
        """The service judges the row."""

    def save_m2m(self) -> None:
        """There is nothing of the kind."""


class LetterForm(VerbForm):
    detected_at = LocalMoment(
        label=_("detected at"),
        help_text=_("When you learned that it went to the wrong person. Local time."),
    )

    def prepare(self) -> None:
        self.fields["detected_at"].initial = _now()


# --- what is known -------------------------------------------------------------------------------
def _field(name: str) -> Any:
    return Incident._meta.get_field(name)


def _text(name: str) -> LongText:
    field = LongText(
        label=_field(name).verbose_name, max_length=TEXT_LIMIT, required=False,
        help_text=_field(name).help_text,
    )  # fmt: skip
    field.widget.attrs["rows"] = 4
    return field


def _moment(name: str) -> LocalMoment:
    field = _field(name)
    return LocalMoment(label=field.verbose_name, required=False, help_text=field.help_text)


def _many(name: str, model: Any) -> forms.ModelMultipleChoiceField:
    field = _field(name)
    return forms.ModelMultipleChoiceField(
        model.objects.none(), label=field.verbose_name, required=False, widget=BOXES,
        help_text=field.help_text,
    )  # fmt: skip


class DescribeForm(VerbForm):
    kind = forms.ChoiceField(
        label=_field("kind").verbose_name,
        choices=[("", _("not known yet")), *_field("kind").choices],
        required=False,
        help_text=_field("kind").help_text,
    )
    happened_from = _moment("happened_from")
    happened_until = _moment("happened_until")
    description = _text("description")
    causes = _text("causes")
    harm = _text("harm")
    systems = _many("systems", InformationSystem)
    activities = _many("activities", ProcessingActivity)
    data_categories = _many("data_categories", DataCategory)
    people_estimate = forms.IntegerField(
        label=_field("people_estimate").verbose_name, min_value=0, max_value=2_000_000_000,
        required=False, help_text=_field("people_estimate").help_text,
    )  # fmt: skip
    contact = forms.ModelChoiceField(
        User.objects.none(), label=_field("contact").verbose_name, required=False,
        help_text=_field("contact").help_text,
    )  # fmt: skip
    findings = _text("findings")
    culprits = _text("culprits")
    read = forms.CharField(widget=forms.HiddenInput)
    # What stands there now, where somebody else was faster: label and text.
    differing: tuple[tuple[str, str], ...] = ()

    def prepare(self) -> None:
        row, fields = self.row, self.fields
        for name in PLAIN:
            fields[name].initial = row.contact_id if name == "contact" else getattr(row, name)
        for name in MANY:
            model: Any = _field(name).related_model
            fields[name].queryset = model.objects.filter(operator=row.operator)
            fields[name].initial = getattr(row, name).all()
        today = timezone.now().astimezone(row.operator.zone).date()
        fields["contact"].queryset = User.objects.filter(
            is_active=True, memberships__operator=row.operator, memberships__ended_on=None,
            memberships__started_on__lte=today, memberships__role__in=[Role.DPO, Role.CLERK],
        ).distinct()  # fmt: skip
        fields["read"].initial = incident_version(row)

    def look_again(self) -> None:
        """Show what somebody else wrote meanwhile; the next try starts from it, knowingly."""
        self.row.refresh_from_db()
        told = []
        for name in (*PLAIN, *MANY):
            mine = self.cleaned_data.get(name)
            theirs = getattr(self.row, name)
            if name in MANY:
                mine, theirs = set(mine or ()), set(theirs.all())
            elif name in TEXTS:
                mine = str(mine).strip()
            if mine != theirs:
                told.append((str(self.fields[name].label), _shown(theirs, self.row.operator.zone)))
        self.differing = tuple(told)
        data: Any = self.data
        self.data = data.copy()
        self.data["read"] = incident_version(self.row)  # type: ignore[index]


def _shown(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return short_moment(value, zone)
    if isinstance(value, set):
        return ", ".join(sorted(map(str, value))) or "–"
    return str(value) if value not in (None, "") else "–"


class NoteForm(VerbForm):
    kind = forms.ChoiceField(
        label=_("kind"), choices=[(each, each.label) for each in EntryKind if each in WRITTEN]
    )
    happened_at = LocalMoment(label=_("when"), help_text=_("Local time of the operator."))
    text = LongText(label=_("what was done"), max_length=TEXT_LIMIT, help_text=NO_NAMES)

    def prepare(self) -> None:
        self.fields["happened_at"].initial = _now()


# --- whom it concerns ----------------------------------------------------------------------------
class BySystemForm(VerbForm):
    systems = forms.ModelMultipleChoiceField(
        InformationSystem.objects.none(),
        label=_("information systems"),
        widget=BOXES,
        help_text=_("Everybody whose data lie there, in the categories of the incident."),
    )

    def prepare(self) -> None:
        field: Any = self.fields["systems"]
        field.queryset = InformationSystem.objects.filter(operator=self.row.operator)
        field.initial = self.row.systems.all()


class ByActivityForm(VerbForm):
    activities = forms.ModelMultipleChoiceField(
        ProcessingActivity.objects.none(),
        label=_("processing activities"),
        widget=BOXES,
        help_text=_("Everybody with a ground of these, in the categories of the incident."),
    )

    def prepare(self) -> None:
        field: Any = self.fields["activities"]
        field.queryset = ProcessingActivity.objects.filter(operator=self.row.operator)
        field.initial = self.row.activities.all()


class ByListForm(VerbForm):
    content = forms.FileField(
        label=_("file"),
        help_text=_(
            "CSV in UTF-8, a line each: the code of the card, an e-mail, phone, IIN or account in "
            "the first column. The file is not kept."
        ),
    )


class CodesForm(VerbForm):
    codes = forms.CharField(
        label=_("codes of the cards"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField", "autocomplete": "off"}),
        help_text=_("A line each, such as S-7F3K9QWX. No names here."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        lines = [line.strip() for line in cleaned.get("codes", "").splitlines() if line.strip()]
        rows = DataSubject.objects.filter(
            operator=self.row.operator, code__in={code_of(line) for line in lines}
        )
        known = {row.code: row for row in rows.select_related("operator__jurisdiction")}
        for number, line in enumerate(lines, 1):
            if code_of(line) not in known:
                # What was typed is not repeated: it may be a name.
                words = gettext("Line %(line)d is no code of a card.") % {"line": number}
                self.add_error("codes", words)
        cleaned["cards"] = list(known.values())
        return cleaned


class RemoveForm(CodesForm, ReasonForm):
    field_order = ["codes", "reason"]


# --- who is told ---------------------------------------------------------------------------------
def _languages(operator: Operator) -> list[tuple[str, Any]]:
    """What the authority reads first, then the other languages of papers."""
    first = notice_languages(operator)
    names = dict(Language.choices)
    return [(one, names[one]) for one in dict.fromkeys([*first, *names])]


class NoticeForm(VerbForm):
    step = forms.ChoiceField(label=_("notice"))
    language = forms.ChoiceField(label=_("language"), help_text=_("Of the paper."))

    def prepare(self) -> None:
        fields: Any = self.fields
        fields["step"].choices = [(one, one.label) for one in steps_of(self.row.operator)]
        told = {sending.notice.step for sending in sendings_of(self.row)}
        left = [one for one, _label in fields["step"].choices if one not in told]
        fields["step"].initial = left[0] if left else None
        fields["language"].choices = _languages(self.row.operator)


class SentForm(NoticeForm):
    field_order = ["notice", "step", "language", "sent_at", "reference", "adds"]
    notice = forms.ModelChoiceField(
        IncidentNotice.objects.none(),
        label=_("paper that was sent"),
        required=False,
        empty_label=_("none of these: as is known now, of the kind below"),
        help_text=_(
            "The notice that was written here before it went. Without one, what the office knows "
            "now is kept, and marked as written down afterwards."
        ),
    )
    sent_at = LocalMoment(label=_("sent at"), help_text=_("Local time of the operator."))
    reference = forms.CharField(
        label=_("number of the sending"),
        max_length=100,
        widget=LINE,
        help_text=_("Outgoing number, or the number that the portal of the authority gave."),
    )
    adds = forms.BooleanField(
        label=_("adds to a notice sent before"),
        required=False,
        help_text=_("When the authority asked for more, or more became known."),
    )

    def prepare(self) -> None:
        super().prepare()
        self.fields["sent_at"].initial = _now()
        field: Any = self.fields["notice"]
        rows = self.row.notices.order_by("-made_at", "-pk")
        field.queryset = rows
        field.label_from_instance = partial(_notice_words, zone=self.row.operator.zone)
        sent = {sending.notice_id for sending in sendings_of(self.row)}
        field.initial = next((one.pk for one in rows if one.pk not in sent), None)


def _notice_words(notice: IncidentNotice, *, zone: ZoneInfo) -> str:
    language = notice.get_language_display()
    return f"{notice.get_step_display()}, {language}, {short_moment(notice.made_at, zone)}"


class CorrectSendingForm(VerbForm):
    sending = forms.ModelChoiceField(
        IncidentSending.objects.none(), label=_("which sending"), empty_label=None
    )
    sent_at = LocalMoment(label=_("sent at"), help_text=_("The right moment, in local time."))
    reference = forms.CharField(
        label=_("number of the sending"), max_length=100, widget=LINE,
        help_text=_("The right number."),
    )  # fmt: skip
    reason = forms.CharField(
        label=_("reason"), max_length=300, widget=LINE,
        help_text=_("What was wrong. The old entry stays to be seen."),
    )  # fmt: skip

    def prepare(self) -> None:
        field: Any = self.fields["sending"]
        field.queryset = sendings_of(self.row)
        field.label_from_instance = partial(_sending_words, zone=self.row.operator.zone)
        last = sendings_of(self.row).last()
        if last is not None:
            field.initial = last.pk
            self.fields["sent_at"].initial = last.sent_at
            self.fields["reference"].initial = last.reference


def _sending_words(sending: IncidentSending, *, zone: ZoneInfo) -> str:
    step = sending.notice.get_step_display()
    return f"{step}, {sending.reference}, {short_moment(sending.sent_at, zone)}"


class RedetectForm(VerbForm):
    detected_at = LocalMoment(
        label=_("detected at"), help_text=_("The right moment, in local time, to the minute.")
    )
    reason = forms.CharField(
        label=_("reason"), max_length=300, widget=LINE,
        help_text=_("What was wrong. The old moment stays in the history."),
    )  # fmt: skip

    def prepare(self) -> None:
        self.fields["detected_at"].initial = self.row.detected_at


class ExportForm(VerbForm):
    document = forms.CharField(
        label=_("document"),
        max_length=DOCUMENT_LIMIT,
        widget=LINE,
        help_text=_("Number and date of the letter that asks for it. No names of people."),
    )
    language = forms.ChoiceField(label=_("language"), help_text=_("Of the column names."))

    def prepare(self) -> None:
        self.fields["language"].choices = _languages(self.row.operator)


class IncidentRegisterForm(forms.Form):
    """Whose register, of which days, as what."""

    operator = forms.ModelChoiceField(
        Operator.objects.none(), label=_("operator"), help_text=_("Whose incidents.")
    )
    since = forms.DateField(
        label=_("first day"), widget=day_input(), help_text=_("Of the days of detection.")
    )
    until = forms.DateField(label=_("last day"), widget=day_input(), help_text=_("It counts too."))
    media = forms.ChoiceField(
        label=_("as"),
        choices=[(Media.PDF, Media.PDF.label), (Media.CSV, _("CSV, a line for each incident"))],
        help_text=_("Numbers of people, and never who."),
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
        self.fields["language"].initial = (get_language() or "en")[:2]
