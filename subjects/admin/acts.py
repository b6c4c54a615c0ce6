"""The verbs of a card: each reads the clock, calls one service and says what was done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin.verbs import Verb
from registry.explain import long_day
from subjects.admin import forms, ground_forms
from subjects.admin.hold_acts import HOLD_VERBS, lives
from subjects.admin.ruling_forms import RULING_VERB
from subjects.models import DataSubject
from subjects.services.cards import card_with_code, cards_link, cards_merge, cards_unlink
from subjects.services.exporting import card_export
from subjects.services.grounds import (
    consent_give,
    consent_withdraw,
    dissemination_permit,
    dissemination_stop,
    ground_end,
    ground_start,
)
from subjects.services.looking import card_hide, card_reveal
from subjects.services.people import datum_record, datum_rectify, datum_verify
from subjects.services.photos import datum_photo
from subjects.services.proof import consent_proof

Data = Mapping[str, Any]


def reveal(request: HttpRequest, row: DataSubject, data: Data) -> str:
    event: Any = card_reveal(
        subject=row, user=request.user, reason=data["reason"], now=timezone.now()
    )
    until = event.until.astimezone(row.operator.zone)
    return gettext("The card is open until %(time)s.") % {"time": f"{until:%H:%M}"}


def hide(request: HttpRequest, row: DataSubject, data: Data) -> str:
    card_hide(subject=row, user=request.user, now=timezone.now())
    return gettext("The card is masked again.")


def record(request: HttpRequest, row: DataSubject, data: Data) -> str:
    today = forms.today_of(row)
    datum_record(
        subject=row,
        category=data["category"],
        text=data["text"],
        held_in=data["held_in"],
        system=data["system"],
        carrier=data["carrier"],
        source=data["source"],
        collected_on=data["collected_on"],
        verified_on=today if data["verified"] else None,
        by=request.user,
        today=today,
    )
    return gettext("%(category)s is recorded.") % {"category": data["category"]}


def photo(request: HttpRequest, row: DataSubject, data: Data) -> str:
    datum_photo(
        subject=row,
        category=data["category"],
        stream=data["photo"].file,
        size=data["photo"].size,
        source=data["source"],
        collected_on=data["collected_on"],
        by=request.user,
        now=timezone.now(),
    )
    return gettext("%(category)s is recorded.") % {"category": data["category"]}


def rectify(request: HttpRequest, row: DataSubject, data: Data) -> str:
    datum_rectify(
        datum=data["datum"],
        text=data["text"],
        by=request.user,
        today=forms.today_of(row),
        reason=data["reason"],
        label=data.get("label", ""),
    )
    return gettext("%(category)s is rectified.") % {"category": _name(data["datum"])}


def verify(request: HttpRequest, row: DataSubject, data: Data) -> str:
    datum_verify(
        datum=data["datum"],
        by=request.user,
        today=forms.today_of(row),
        label=data.get("label", ""),
    )
    return gettext("%(category)s is verified.") % {"category": _name(data["datum"])}


def _name(datum: Any) -> str:
    return str(datum.category or gettext("Identity"))


def ground(request: HttpRequest, row: DataSubject, data: Data) -> str:
    activity, basis = data["what"]
    ground_start(
        subject=row,
        activity=activity,
        legal_basis=basis,
        started_on=data["started_on"],
        by=request.user,
        today=forms.today_of(row),
    )
    return gettext("The ground is recorded.")


def consent(request: HttpRequest, row: DataSubject, data: Data) -> str:
    activity, basis = data["what"]
    names = (
        "text", "given_at", "channel", "language", "third_parties", "cross_border",
        "dissemination", "by_action", "evidence",
    )  # fmt: skip
    consent_give(
        subject=row,
        activity=activity,
        legal_basis=basis,
        by=request.user,
        now=timezone.now(),
        **{name: data[name] for name in names},
    )
    return gettext("The consent is recorded.")


def withdraw(request: HttpRequest, row: DataSubject, data: Data) -> str:
    withdrawn: Any = consent_withdraw(
        consent=data["consent"],
        channel=data["channel"],
        received_at=data["received_at"],
        by=request.user,
        now=timezone.now(),
    )
    day = withdrawn.withdrawn_at.astimezone(row.operator.zone).date()
    return gettext("The consent is withdrawn from %(day)s.") % {"day": long_day(day)}


def end(request: HttpRequest, row: DataSubject, data: Data) -> str:
    ended = ground_end(
        ground=data["ground"],
        ended_on=data["ended_on"],
        end_reason=data["end_reason"],
        by=request.user,
        today=forms.today_of(row),
        reason=data["reason"],
    )
    return gettext("The ground has ended on %(day)s.") % {"day": long_day(ended.ended_on)}


def permit(request: HttpRequest, row: DataSubject, data: Data) -> str:
    dissemination_permit(
        consent=data["consent"],
        category=data["category"],
        permission=data["permission"],
        conditions=data["conditions"],
        resource=data["resource"],
        started_on=data["started_on"],
        by=request.user,
        today=forms.today_of(row),
    )
    return gettext("The choice for %(category)s is recorded.") % {"category": data["category"]}


def stop_showing(request: HttpRequest, row: DataSubject, data: Data) -> str:
    dissemination_stop(
        permission=data["permission"],
        by=request.user,
        today=forms.today_of(row),
        reason=data["reason"],
    )
    return gettext("The permission has ended.")


def link(request: HttpRequest, row: DataSubject, data: Data) -> str:
    other = card_with_code(operator=row.operator, code=data["other"])
    cards_link(first=row, second=other, by=request.user, now=timezone.now(), reason=data["reason"])
    return gettext("The card is linked to %(code)s.") % {"code": other.code}


def unlink(request: HttpRequest, row: DataSubject, data: Data) -> str:
    cards_unlink(link=data["link"], by=request.user, now=timezone.now(), reason=data["reason"])
    return gettext("The link has ended.")


def merge(request: HttpRequest, row: DataSubject, data: Data) -> str:
    other = card_with_code(operator=row.operator, code=data["other"])
    cards_merge(
        into=row,
        other=other,
        by=request.user,
        now=timezone.now(),
        reason=data["reason"],
        other_ends=data["other_ends"],
    )
    return gettext("%(code)s was merged into this card.") % {"code": other.code}


# --- papers: the answer is a file ----------------------------------------------------------------
def _file(request: HttpRequest, content: bytes, kind: str, name: str) -> str:
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    request.office_file = response
    return ""


def prove(request: HttpRequest, row: DataSubject, data: Data) -> str:
    found = data["consent"]
    content = consent_proof(
        consent=found,
        language=data["language"],
        user=request.user,
        now=timezone.now(),
        label=data.get("label", ""),
    )
    return _file(request, content, "application/pdf", f"consent-{row.code}-{found.pk}.pdf")


def export(request: HttpRequest, row: DataSubject, data: Data) -> str:
    card = card_export(subject=row, user=request.user, reason=data["reason"], now=timezone.now())
    content = json.dumps(card, ensure_ascii=False, indent=2).encode()
    return _file(request, content, "application/json", f"card-{row.code}.json")


VERBS = (
    Verb(
        "reveal",
        _("Show the data"),
        forms.RevealForm,
        reveal,
        "reveal",
        lives,
        _("For a quarter of an hour, to you alone; everybody's looks stand on the card."),
    ),
    Verb("hide", _("Mask again"), forms.HideForm, hide, "reveal", lives),
    Verb("record", _("Record a datum"), forms.RecordForm, record, "change", lives),
    Verb(
        "photo",
        _("Upload a photo"),
        forms.PhotoForm,
        photo,
        "change",
        lives,
    ),
    Verb("rectify", _("Rectify"), forms.RectifyForm, rectify, "change", lives),
    Verb(
        "verify",
        _("Mark as verified"),
        forms.VerifyForm,
        verify,
        "change",
        lives,
        _("You have made sure today that the value is right (152-FZ 5(6))."),
    ),
    Verb(
        "consent",
        _("Record a consent"),
        ground_forms.ConsentForm,
        consent,
        "change",
        lives,
        _("A consent that was given: to which text, when, how, and what proves it."),
    ),
    Verb(
        "ground",
        _("Start another ground"),
        ground_forms.GroundForm,
        ground,
        "change",
        lives,
        _("A contract, a duty by law and the like; a consent is recorded with its text."),
    ),
    Verb(
        "withdraw",
        _("Withdraw a consent"),
        ground_forms.WithdrawForm,
        withdraw,
        "change",
        lives,
        template="admin/subjects/datasubject/ending.html",
    ),
    Verb(
        "end",
        _("End a ground"),
        ground_forms.EndForm,
        end,
        "change",
        lives,
        template="admin/subjects/datasubject/ending.html",
    ),
    Verb(
        "permit",
        _("Record a choice on dissemination"),
        ground_forms.PermitForm,
        permit,
        "change",
        lives,
        _("What the person lets be shown to everybody, category by category (152-FZ 10.1)."),
    ),
    Verb(
        "stop_showing",
        _("Stop showing"),
        ground_forms.StopShowingForm,
        stop_showing,
        "change",
        lives,
    ),
    Verb(
        "prove",
        _("Proof of consent"),
        ground_forms.ProveForm,
        prove,
        "prove",
        intro=_(
            "A paper for a court or the authority (152-FZ 9(3)). It names the person: printing it "
            "is recorded as a look at the data."
        ),
    ),
    Verb(
        "export",
        _("Export the card"),
        forms.ExportForm,
        export,
        "export",
        lives,
        _("Everything on the card with its values, as a JSON file."),
    ),
    Verb("link", _("Link to another card"), forms.LinkForm, link, "link", lives),
    Verb("unlink", _("End a link"), forms.UnlinkForm, unlink, "link", lives),
    Verb("merge", _("Merge another card into this"), forms.MergeForm, merge, "merge", lives),
    *HOLD_VERBS,
    RULING_VERB,
)
