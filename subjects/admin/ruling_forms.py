"""The verb by which a datum of a card goes although a ground covers it, and its form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import Verb, VerbForm
from registry.explain import long_day
from registry.tasks import ring
from subjects.admin.forms import RowChoice, day_input, reason_field, today_of
from subjects.admin.hold_acts import lives
from subjects.admin.hold_forms import number_field
from subjects.choices import Ruled
from subjects.models import DataSubject, DestructionRuling
from subjects.services.reading import State, data_of, show
from subjects.services.rulings import ruling_make
from subjects.tasks import sweep_destruction

GONE = (State.DESTROYED, State.LOST)


class RulingForm(VerbForm):
    datum = RowChoice(
        label=_("datum"), help_text=_("It is used no more from now on, and goes by its day.")
    )
    why = forms.ChoiceField(
        label=_("why it goes"),
        choices=Ruled.choices,
        help_text=_("A ground that covers it does not keep it (152-FZ 20(3), 94-V 25(2)(8))."),
    )
    label = number_field(
        _("Of the request, the order or the case. A request about this person takes it as its own.")
    )
    reason = reason_field(
        _("Who decided it, by which paper, and why. No names or numbers of people here.")
    )
    counted_from = forms.DateField(
        label=_("counted from"),
        widget=day_input(),
        help_text=_("The day on which it was shown, or the order came. The term runs from it."),
    )
    stated_on = forms.DateField(
        label=_("day that the order states"),
        required=False,
        widget=day_input(),
        help_text=_(
            "Of an order: the last day that it leaves. The earlier of it and the law binds."
        ),
    )

    def prepare(self) -> None:
        self.fields["counted_from"].initial = today_of(self.row)
        data = list(data_of([self.row.pk]).order_by("category", "pk"))
        shown = show(data, opened=False)
        ruled = set(
            DestructionRuling.objects.filter(datum__subject=self.row, ended_at=None).values_list(
                "datum", flat=True
            )
        )
        self.fields["datum"].offer(
            (datum, _named(datum, shown[datum]))
            for datum in data
            if shown[datum].state not in GONE and datum.pk not in ruled
        )


def _named(datum: Any, shown: Any) -> str:
    """Its category, and the mask where there are several of one."""
    name = str(datum.category or gettext("identity in the operator's systems"))
    place = datum.system or datum.carrier
    if place:
        return f"{name} ({place})"
    return f"{name}: {shown.text}" if shown.state == State.MASKED and shown.text else name


def rule(request: HttpRequest, row: DataSubject, data: Mapping[str, Any]) -> str:
    found = ruling_make(**data, by=request.user, now=timezone.now())
    ring(sweep_destruction)
    return gettext("It goes by %(day)s; its act waits for the approval of a second person.") % {
        "day": long_day(found.due_on)
    }


RULING_VERB = Verb(
    "rule",
    _("Order the destruction of a datum"),
    RulingForm,
    rule,
    "hold",
    lives,
    _(
        "Wrong and beyond correction, unlawful or not needed, or ordered by a court or the "
        "authority: it goes although a ground covers it. A legal hold still stops it."
    ),
)
