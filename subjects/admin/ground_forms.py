"""The forms of a card's verbs on grounds, consents and permissions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import LocalMoment, VerbForm
from registry.choices import BasisKind, Channel
from registry.explain import short_day
from registry.models import ConsentText, DataCategory, ProcessingActivity
from subjects.admin.forms import (
    NAMES_OF_LANGUAGES,
    NO_CHOICE,
    RowChoice,
    day_input,
    drop_label_unless_blocked,
    label_field,
    language_field,
    line,
    reason_field,
    today_of,
)
from subjects.choices import GroundEnd, Permission
from subjects.models import Consent, DisseminationPermission
from subjects.services.covering import grounds_of


def activity_and_basis(operator: Any, *, consent: bool) -> list[tuple[Any, str]]:
    """What can be a ground: (activity, basis) pairs of the register, in words."""
    activities = (
        ProcessingActivity.objects.filter(operator=operator)
        .prefetch_related("legal_bases")
        .order_by("pk")
    )
    return [
        ((activity, basis), f"{activity.name} – {basis.name} ({basis.article})")
        for activity in activities
        for basis in activity.legal_bases.all()
        if (basis.kind == BasisKind.CONSENT) == consent
    ]


def number_of(pair: Any) -> str:
    activity, basis = pair
    return f"{activity.pk}:{basis.pk}"


class GroundForm(VerbForm):
    what = RowChoice(
        label=_("activity and legal basis"),
        help_text=_("A row of the register and one of its articles (152-FZ 6(1), 94-V 9)."),
    )
    started_on = forms.DateField(
        label=_("started on"), widget=day_input(), help_text=_("The first day it covers data.")
    )

    def prepare(self) -> None:
        self.fields["what"].offer(
            activity_and_basis(self.row.operator, consent=False), number=number_of
        )
        self.fields["started_on"].initial = today_of(self.row)


class ConsentForm(VerbForm):
    text = RowChoice(
        label=_("text"),
        help_text=_("The published version that the person saw (152-FZ 9(3), 94-V 8(4))."),
    )
    what = RowChoice(
        label=_("activity and legal basis"),
        help_text=_("One of those that the text speaks of."),
    )
    given_at = LocalMoment(
        label=_("given at"), help_text=_("Local time of the operator, as the proof shows it.")
    )
    channel = forms.ChoiceField(
        label=_("given by"), choices=Channel.choices, help_text=_("How it arrived (94-V 8(1)).")
    )
    language = forms.ChoiceField(
        label=_("language"),
        required=False,
        choices=[NO_CHOICE, *NAMES_OF_LANGUAGES.items()],
        help_text=_("In which the person read the text. Empty: not known."),
    )
    third_parties = forms.BooleanField(
        label=_("to third parties"), required=False, help_text=_("94-V 8(4)(4).")
    )
    cross_border = forms.BooleanField(
        label=_("across the border"), required=False, help_text=_("152-FZ 12, 94-V 8(4)(5).")
    )
    dissemination = forms.BooleanField(
        label=_("to disseminate"), required=False, help_text=_("152-FZ 10.1, 94-V 8(4)(6).")
    )
    by_action = forms.BooleanField(
        label=_("by an action"),
        required=False,
        help_text=_("Taken from what the person did (registration, payment): weak as proof."),
    )
    evidence = forms.CharField(
        label=_("evidence"),
        required=False,
        max_length=500,
        widget=line(),
        help_text=_("Address, account, number of the paper: what proves it. Sealed when saved."),
    )

    def prepare(self) -> None:
        operator = self.row.operator
        texts = ConsentText.objects.published().filter(operator=operator)
        self.fields["text"].offer(
            (text, _since(text)) for text in texts.order_by("code", "-version")
        )
        asked = set(texts.values_list("activities", flat=True))
        pairs = activity_and_basis(operator, consent=True)
        self.fields["what"].offer(
            [pair for pair in pairs if pair[0][0].pk in asked], number=number_of
        )
        self.fields["given_at"].initial = timezone.now()


def _since(text: ConsentText) -> str:
    day = short_day(text.in_force_on) if text.in_force_on else "–"
    return gettext("%(text)s, in force from %(day)s") % {"text": text, "day": day}


def open_consents(row: Any) -> list[Consent]:
    return [
        ground.consent
        for ground in grounds_of([row.pk])
        if hasattr(ground, "consent") and ground.consent.withdrawn_at is None
    ]


def consent_words(consent: Consent, zone: Any) -> str:
    day = short_day(consent.given_at.astimezone(zone).date())
    return gettext("%(text)s, given on %(day)s: %(activity)s") % {
        "text": consent.text,
        "day": day,
        "activity": consent.ground.activity.name,
    }


class ConsentChoiceForm(VerbForm):
    consent = RowChoice(label=_("consent"))

    def offered(self) -> list[Consent]:
        return open_consents(self.row)

    def prepare(self) -> None:
        zone = self.row.operator.zone
        self.fields["consent"].offer(
            (consent, consent_words(consent, zone)) for consent in self.offered()
        )


class WithdrawForm(ConsentChoiceForm):
    channel = forms.ChoiceField(
        label=_("withdrawn by"),
        choices=Channel.choices,
        help_text=_("How the withdrawal arrived (152-FZ 9(2), 94-V 8(1))."),
    )
    received_at = LocalMoment(
        label=_("received at"),
        help_text=_("Local time of the operator. The ground ends that day, the clocks start."),
    )

    def prepare(self) -> None:
        super().prepare()
        self.fields["received_at"].initial = timezone.now()


class EndForm(VerbForm):
    ground = RowChoice(label=_("ground"), help_text=_("A consent is rather withdrawn."))
    ended_on = forms.DateField(
        label=_("ended on"), widget=day_input(), help_text=_("From this day it covers nothing.")
    )
    end_reason = forms.ChoiceField(
        label=_("why it ended"),
        choices=[pair for pair in GroundEnd.choices if pair[0] != GroundEnd.WITHDRAWN],
        help_text=_("Decides which terms of destruction follow (152-FZ 21, 94-V 18)."),
    )
    reason = reason_field()

    def prepare(self) -> None:
        open_ones = [ground for ground in grounds_of([self.row.pk]) if ground.ended_on is None]
        self.fields["ground"].offer((ground, str(ground)) for ground in open_ones)
        self.fields["ended_on"].initial = today_of(self.row)


class PermitForm(ConsentChoiceForm):
    category = RowChoice(
        label=_("data category"),
        help_text=_("Each category by itself; silence allows nothing (152-FZ 10.1(8))."),
    )
    permission = forms.ChoiceField(
        label=_("permission"),
        choices=Permission.choices,
        initial=Permission.PROHIBITED,
        help_text=_("What the person chose."),
    )
    conditions = forms.CharField(
        label=_("conditions"),
        required=False,
        max_length=500,
        widget=line(),
        help_text=_("As the person set them (152-FZ 10.1(9)). No names or numbers of people."),
    )
    resource = forms.CharField(
        label=_("where shown"),
        required=False,
        max_length=300,
        widget=line(),
        help_text=_("Link of the page (Order 18)."),
    )
    started_on = forms.DateField(label=_("from"), widget=day_input(), help_text=_("First day."))

    def offered(self) -> list[Consent]:
        return [consent for consent in open_consents(self.row) if consent.dissemination]

    def prepare(self) -> None:
        super().prepare()
        texts = {consent.text_id for consent in self.fields["consent"].rows.values()}
        categories = DataCategory.objects.filter(consent_texts__in=texts).distinct().order_by("pk")
        self.fields["category"].offer((category, str(category)) for category in categories)
        self.fields["started_on"].initial = today_of(self.row)


class StopShowingForm(VerbForm):
    permission = RowChoice(label=_("permission"), help_text=_("It ends today (152-FZ 10.1(12))."))
    reason = reason_field()

    def prepare(self) -> None:
        rows = DisseminationPermission.objects.filter(
            consent__ground__subject=self.row, ended_on=None
        ).select_related("category")
        self.fields["permission"].offer((row, str(row)) for row in rows)


class ProveForm(ConsentChoiceForm):
    language = language_field()
    label = label_field()

    def offered(self) -> list[Consent]:
        """Ended ones too: that is when a proof is asked for."""
        return [
            ground.consent for ground in grounds_of([self.row.pk]) if hasattr(ground, "consent")
        ]

    def prepare(self) -> None:
        super().prepare()
        self.fields["language"].initial = (self.row.operator.languages or ["ru"])[0]
        drop_label_unless_blocked(self)
