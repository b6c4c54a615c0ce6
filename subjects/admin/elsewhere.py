"""The verbs of an act for what lies in other systems and on paper: its lists and confirmations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import Verb, VerbForm
from registry.tasks import ring
from subjects.choices import ActState, HeldIn
from subjects.models import ActItem, DestructionAct
from subjects.services.elsewhere import PAPER, place_confirm, places_of, work_list
from subjects.tasks import sweep_destruction
from subjects.uploads import require_small

Data = Mapping[str, Any]


class PlaceForm(VerbForm):
    """One of the places where something of the act still waits."""

    place = forms.ChoiceField(label=_("place"), help_text=_("Where something of the act waits."))

    def prepare(self) -> None:
        waiting = [one for one in places_of(self.row) if one.waiting]
        choices = [(one.code, f"{one.name} ({one.waiting})") for one in waiting]
        paper = [one for one in waiting if one.code.startswith(HeldIn.CARRIER)]
        if len(paper) > 1:
            count = sum(one.waiting for one in paper)
            everything = gettext("everything on paper")
            choices.append((PAPER, f"{everything} ({count})"))
        field: Any = self.fields["place"]
        field.choices = choices


class ConfirmPlaceForm(PlaceForm):
    how = forms.CharField(
        label=_("how"),
        max_length=300,
        help_text=_(
            "How it was destroyed there, and by which paper that is proved. It is printed in the "
            "act: no names or numbers of people."
        ),
    )
    done = forms.FileField(
        label=_("the list with its signs"),
        required=False,
        help_text=_(
            "The work list as CSV, with an x in the last column of what is done. Empty: everything "
            "that waits at this place is gone."
        ),
    )


def take_list(request: HttpRequest, row: DestructionAct, data: Data) -> HttpResponse:
    content = work_list(act=row, place=data["place"], by=request.user, now=timezone.now())  # type: ignore[arg-type]
    name = f"{row.number}-{data['place']}.csv"
    return HttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


def confirm_place(request: HttpRequest, row: DestructionAct, data: Data) -> str:
    require_small(request)
    done = data["done"].read() if data["done"] else None
    count = place_confirm(
        act=row, place=data["place"], how=data["how"], done=done, by=request.user,  # type: ignore[arg-type]
        now=timezone.now(),
    )  # fmt: skip
    ring(sweep_destruction)
    return ngettext(
        "%(count)d datum is recorded as destroyed.", "%(count)d data are recorded as destroyed.",
        count,
    ) % {"count": count}  # fmt: skip


def _waits(row: DestructionAct) -> bool:
    return (
        row.state in (ActState.APPROVED, ActState.RUNNING)
        and ActItem.objects.filter(act=row, key=None, outcome="").exists()
    )


ELSEWHERE_VERBS = (
    Verb(
        "list",
        _("Take a work list"),
        PlaceForm,
        take_list,
        "confirm",
        _waits,
        _(
            "Whom to destroy in a system or on paper, and by what they are found there. The list "
            "holds personal data: destroy it when the work is done. That you took it is recorded."
        ),
    ),
    Verb(
        "confirm_place",
        _("Confirm a place"),
        ConfirmPlaceForm,
        confirm_place,
        "confirm",
        _waits,
        _(
            "Everything of the act at this place, or what the list has signs for, is gone there. "
            "By what people are found there goes from the vault after the last confirmation."
        ),
    ),
)
