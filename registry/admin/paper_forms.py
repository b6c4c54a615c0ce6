"""The forms of the papers of the register: what a kind asks for, how it is signed and filed.

A kind with questions of its own registers its form: ``FORMS[RegisterPaperKind.X] = XForm``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import VerbForm
from registry.choices import Language, Role
from registry.models import Membership, Operator, ProcessingActivity, User
from registry.services.paper_kinds import KINDS

# How long after somebody's last day a signature of theirs is still offered for recording.
LEFT_SINCE = timedelta(days=31)


def day_field(label: Any, help_text: Any, **kw: Any) -> forms.DateField:
    """A day, chosen from the browser's calendar."""
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, help_text=help_text, widget=widget, **kw)


class PaperForm(forms.Form):
    """What is asked before a paper is written; children add the questions of their kind.

    Knows for whom (``operator``), about what (``activity``, or None) and the operator's ``today``.
    """

    language = forms.ChoiceField(
        label=_("language"),
        choices=Language.choices,
        help_text=_(
            "In which the paper is written. Authorities read Russian, in Kazakhstan Kazakh too."
        ),
    )

    def __init__(
        self,
        *args: Any,
        operator: Operator,
        activity: ProcessingActivity | None,
        today: date,
        **kw: Any,
    ) -> None:
        super().__init__(*args, **kw)
        self.operator, self.activity, self.today = operator, activity, today
        # Not the language of the site: both authorities read Russian, whatever the site speaks.
        kazakh = "kk" in operator.languages and "ru" not in operator.languages
        self.fields["language"].initial = Language.KK if kazakh else Language.RU
        self.prepare()
        # What the kind asks comes first, the language last.
        self.order_fields([name for name in self.fields if name != "language"])

    def prepare(self) -> None:
        """Choices and first values that depend on the operator or the activity."""

    def given(self) -> dict[str, Any]:
        """The answers as plain JSON, for the writer; days as ISO text."""
        answers = {key: value for key, value in self.cleaned_data.items() if key != "language"}
        return _plain(answers)  # type: ignore[no-any-return]


FORMS: dict[str, type[PaperForm]] = {}


def _plain(value: Any) -> Any:
    """Refuses, by TypeError, what JSON cannot hold: a form must turn it into a code itself."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"An answer of the kind {type(value).__name__} is no plain JSON.")


# --- what is asked about a paper that is written -----------------------------------------------
class SignForm(VerbForm):
    """Who signed, when, and by which order where the paper takes effect by one."""

    signer = forms.ModelChoiceField(
        User.objects.none(),
        label=_("signer"),
        help_text=_("Who signed the paper; with the position that the membership names."),
    )
    order_number = forms.CharField(
        label=_("number of the order"),
        max_length=100,
        # The service refuses to go without it, and says what for.
        required=False,
        help_text=_("Of the order by which the paper takes effect, as the order itself bears it."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    signed_on = day_field(
        _("signed on"), _("The day under the signature; not before the paper was written.")
    )

    def prepare(self) -> None:
        today = timezone.localdate(timezone.now(), self.row.operator.zone)
        people = signers(self.row.operator, today)
        field: Any = self.fields["signer"]
        field.queryset = people
        field.initial = self.user if people.filter(pk=self.user.pk).exists() else None
        first = self.row.made_at.astimezone(self.row.operator.zone).date()
        self.fields["signed_on"].initial = today
        self.fields["signed_on"].widget.attrs |= {
            "min": first.isoformat(), "max": today.isoformat(),
        }  # fmt: skip
        kind = KINDS.get(self.row.kind)
        if kind is not None and not kind.order:
            del self.fields["order_number"]


class FileNoticeForm(VerbForm):
    """When a notice went to the authority, and by which number."""

    filed_on = day_field(
        _("filed on"), _("The day on which it was sent or handed over; not before its signing.")
    )
    reference = forms.CharField(
        label=_("number of the sending"),
        max_length=100,
        # The service refuses to go without it.
        required=False,
        help_text=_("The number by which the authority or the post finds it again."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    def prepare(self) -> None:
        today = timezone.localdate(timezone.now(), self.row.operator.zone)
        self.fields["filed_on"].initial = today
        self.fields["filed_on"].widget.attrs |= {"max": today.isoformat()}


class DiscardPaperForm(VerbForm):
    """Why a draft goes."""

    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        required=False,
        help_text=_("Stands in the history beside your name. The number is never used again."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


def signers(operator: Operator, today: date) -> QuerySet[User]:
    """The staff of the operator who do more than read, and who did within ``LEFT_SINCE``.

    Also whose account is closed: who signed and left is recorded still. The service judges the day.
    """
    roles = Membership.objects.filter(
        Q(ended_on=None) | Q(ended_on__gte=today - LEFT_SINCE),
        operator=operator,
        started_on__lte=today,
    ).exclude(role=Role.AUDITOR)
    return User.objects.filter(pk__in=roles.values("user")).order_by("username")
