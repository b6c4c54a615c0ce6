"""The verbs of blocks and legal holds, for the DPO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import Verb
from subjects.admin import hold_forms
from subjects.models import DataSubject
from subjects.services.holds import hold_place
from subjects.services.stops import block_end, block_place, stop_end

Data = Mapping[str, Any]


def block(request: HttpRequest, row: DataSubject, data: Data) -> str:
    block_place(
        subject=row,
        category=data["category"],
        why=data["why"],
        label=data["label"],
        reason=data["reason"],
        by=request.user,
        now=timezone.now(),
    )
    what = str(data["category"] or gettext("everything on the card"))
    return gettext("Blocked under %(label)s: %(what)s.") % {"label": data["label"], "what": what}


def lift(request: HttpRequest, row: DataSubject, data: Data) -> str:
    block_end(block=data["block"], by=request.user, now=timezone.now(), reason=data["reason"])
    return gettext("The block %(label)s is lifted.") % {"label": data["block"].label}


def hold(request: HttpRequest, row: DataSubject, data: Data) -> str:
    hold_place(
        subject=row,
        **{name: data[name] for name in ("label", "document", "reason", "until_on", "review_on")},
        by=request.user,
        now=timezone.now(),
    )
    return gettext("Nothing of this person is destroyed until %(label)s is released.") % {
        "label": data["label"]
    }


def release(request: HttpRequest, row: DataSubject, data: Data) -> str:
    stop_end(stop=data["stop"], by=request.user, now=timezone.now(), reason=data["reason"])
    return gettext("The hold %(label)s is released.") % {"label": data["stop"].label}


def lives(row: DataSubject) -> bool:
    """A merged card is only a pointer; its papers can still be printed."""
    return row.merged_into_id is None


HOLD_VERBS = (
    Verb(
        "block",
        pgettext_lazy("verb", "Block"),
        hold_forms.BlockForm,
        block,
        "hold",
        lives,
        _(
            "The data are kept, but neither shown, exported, mailed, imported over nor changed; "
            "the request of this number alone may read and clarify them (152-FZ 3(7), 21, "
            "94-V 25(2)(8))."
        ),
    ),
    Verb("lift", _("Lift the block"), hold_forms.LiftForm, lift, "hold", lives),
    Verb(
        "hold",
        _("Hold"),
        hold_forms.HoldForm,
        hold,
        "hold",
        lives,
        _(
            "A legal hold: nothing of this person is destroyed while it stands, on no path. The "
            "data stay in use as before."
        ),
    ),
    Verb("release", _("Release"), hold_forms.ReleaseForm, release, "hold", lives),
)
