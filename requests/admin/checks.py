"""The verbs of a check: what it has shown, what is corrected, who is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import LocalMoment, VerbForm
from registry.choices import Effect, Event
from registry.explain import long_day
from registry.models import ProcessingActivity
from registry.services.rules import rules_for
from registry.tasks import remind, ring
from requests import states
from requests.admin.forms import LINE
from requests.admin.request_forms import BOXES
from requests.models import RequestItem
from requests.models.subject_requests import NO_NAMES, Finding, RequestKind
from requests.services.checking import item_find
from requests.services.correcting import item_correct, item_rule, recipient_tell, untold
from requests.services.duties import CHECKED_KINDS
from requests.services.moving import REASON_LIMIT
from requests.services.outlook import people_of
from subjects.choices import HeldIn
from subjects.models import PersonalDatum
from subjects.tasks import sweep_destruction

_OVER = frozenset({states.DONE, states.WITHDRAWN})
_VALUE_LIMIT = 2_000


class DatumChoice(forms.ModelChoiceField):
    """Data by card, category and where they lie; no value."""

    def label_from_instance(self, obj: PersonalDatum) -> str:
        name = str(obj.category or gettext("identity in the operator's systems"))
        place = "" if obj.held_in == HeldIn.VAULT else f" ({obj.system or obj.carrier})"
        return f"{obj.subject.code}: {name}{place}, {obj.collected_on:%d.%m.%Y}"


class FindForm(VerbForm):
    # Nothing is chosen beforehand: a slip would lift a block.
    finding = forms.ChoiceField(
        label=_("what the check has shown"), choices=[("", "---------"), *Finding.choices]
    )
    shown_by = forms.CharField(
        label=_("what shows it"),
        max_length=REASON_LIMIT,
        widget=LINE,
        help_text=_(
            "Such as: document seen, answer of the system's owner. No names or numbers of people."
        ),
    )
    found_at = LocalMoment(
        label=_("found at"),
        help_text=_(
            "Local time of the operator: when the documents came, or when it became certain. The "
            "terms run from it."
        ),
    )
    activities = forms.ModelMultipleChoiceField(
        ProcessingActivity.objects.none(),
        label=_("processing activities that are unlawful"),
        required=False,
        widget=BOXES,
        help_text=_("Only for unlawful processing: they end at once for these people."),
    )
    by_person = forms.BooleanField(
        label=_("the person has shown it by documents"),
        required=False,
        help_text=_("Only for unlawful processing: in Russia the term is then 7 working days."),
    )

    def prepare(self) -> None:
        now, operator = timezone.now(), self.row.request.operator
        self.fields["found_at"].initial = now
        if not any(
            rules_for(
                operator=operator, event=Event.UNLAWFUL_OR_UNNEEDED_PROVED, effect=Effect.DESTROY,
                day=now.astimezone(operator.zone).date(),
            )
        ):  # fmt: skip
            # This law knows no shorter term.
            del self.fields["by_person"]
        self.fields["activities"].queryset = ProcessingActivity.objects.filter(
            operator=self.row.request.operator_id
        )


class CorrectForm(VerbForm):
    datum = DatumChoice(
        PersonalDatum.objects.none(), label=_("datum"), help_text=_("Of the people linked.")
    )
    text = forms.CharField(
        label=_("the right value"),
        max_length=_VALUE_LIMIT,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        help_text=_("Sealed when saved. Empty for what lies elsewhere: it was corrected there."),
    )
    last = forms.BooleanField(
        label=_("nothing more is wrong"),
        required=False,
        help_text=_("The clock of the correction stops, and the block of the check ends."),
    )

    def prepare(self) -> None:
        self.fields["datum"].queryset = (
            PersonalDatum.objects.filter(subject__in=people_of(self.row.request))
            .select_related("subject", "category", "system", "carrier")
            .order_by("subject", "category", "pk")
        )


class RuleForm(VerbForm):
    datum = DatumChoice(
        PersonalDatum.objects.none(), label=_("datum"), help_text=_("Of the people linked.")
    )
    reason = forms.CharField(
        label=_("why it cannot be put right"),
        max_length=REASON_LIMIT,
        widget=LINE,
        help_text=NO_NAMES,
    )
    last = forms.BooleanField(
        label=_("nothing more is wrong"),
        required=False,
        help_text=_("The clock of the correction stops, and the block of the check ends."),
    )

    def prepare(self) -> None:
        self.fields["datum"].queryset = (
            PersonalDatum.objects.filter(subject__in=people_of(self.row.request))
            .exclude(rulings__isnull=False, rulings__ended_at=None)
            .select_related("subject", "category", "system", "carrier")
            .order_by("subject", "category", "pk")
        )


class TellForm(VerbForm):
    given = forms.ChoiceField(label=_("recipient"))
    told_at = LocalMoment(
        label=_("told at"),
        required=False,
        help_text=_("Local time of the operator. Empty: they could not be told."),
    )
    how = forms.CharField(
        label=_("by which letter, or why not"),
        max_length=REASON_LIMIT,
        widget=LINE,
        help_text=NO_NAMES,
    )

    def prepare(self) -> None:
        self.fields["given"].choices = [(one.key, str(one)) for one in untold(self.row)]


# --- when each is offered ------------------------------------------------------------------------
def findable(row: RequestItem | None) -> bool:
    if row is None or row.finding or row.kind not in CHECKED_KINDS:
        return False
    if row.request.state in _OVER or row.decision == states.REFUSED:
        return False
    return row.kind != RequestKind.BLOCKING or row.decision != states.OPEN


def correctable(row: RequestItem | None) -> bool:
    return bool(
        row
        and row.finding == Finding.INACCURATE
        and row.decision != states.REFUSED
        and row.request.state not in _OVER
    )


def tellable(row: RequestItem | None) -> bool:
    return bool(
        row
        and row.finding in {Finding.INACCURATE, Finding.UNLAWFUL}
        and row.request.state not in _OVER
        and untold(row)
    )


# --- what each does ------------------------------------------------------------------------------
def find(request: HttpRequest, row: RequestItem, data: Mapping[str, Any]) -> str:
    done = item_find(
        item=row, finding=data["finding"], shown_by=data["shown_by"], found_at=data["found_at"],
        activities=data["activities"], by_person=data.get("by_person", False), by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    ring(remind)
    return gettext("Recorded: %(what)s.") % {"what": done.get_finding_display()}


def correct(request: HttpRequest, row: RequestItem, data: Mapping[str, Any]) -> str:
    item_correct(
        item=row, datum=data["datum"], text=data["text"], last=data["last"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    if any(Effect(clock.effect) == Effect.RECTIFY for clock in row.deadlines.open()):
        return gettext("Corrected. More can be corrected; the clock still runs.")
    return gettext("Corrected. Now tell those who were given the data.")


def rule(request: HttpRequest, row: RequestItem, data: Mapping[str, Any]) -> str:
    done = item_rule(item=row, **data, by=request.user, now=timezone.now())
    ring(sweep_destruction)
    assert done.ruling is not None
    return gettext("It goes by %(day)s; its act waits for the approval of a second person.") % {
        "day": long_day(done.ruling.due_on)
    }


def tell(request: HttpRequest, row: RequestItem, data: Mapping[str, Any]) -> str:
    done = recipient_tell(
        item=row, given=data["given"], told_at=data["told_at"], how=data["how"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("Written down: %(whom)s.") % {"whom": done.whom}
