"""What the verbs of an incident do: each calls one service and says what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from requests.models import Incident
from requests.services.incident_export import incident_export
from requests.services.incident_notices import (
    incident_notify,
    notice_preview,
    notice_write,
    sending_correct,
)
from requests.services.incident_people import (
    Affected,
    affected_by_activity,
    affected_by_file,
    affected_by_hand,
    affected_by_system,
    affected_remove,
)
from requests.services.incidents import (
    incident_close,
    incident_describe,
    incident_dismiss,
    incident_note,
    incident_redetect,
    incident_reopen,
)

Data = Mapping[str, Any]


def pdf(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return response


def describe(request: HttpRequest, row: Incident, data: Data) -> str:
    said = {name: value for name, value in data.items() if name != "read"}
    incident_describe(
        incident=row, said=said, read=data["read"], by=request.user, now=timezone.now()
    )
    return gettext("What is known is saved.")


def note(request: HttpRequest, row: Incident, data: Data) -> str:
    incident_note(
        incident=row, kind=data["kind"], happened_at=data["happened_at"], text=data["text"],
        by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("It stands in the journal.")


# --- people --------------------------------------------------------------------------------------
def _said(found: Affected) -> str:
    words = ngettext("%(count)s person added.", "%(count)s people added.", found.added) % {
        "count": found.added
    }
    if found.known:
        words += " " + gettext("%(count)s stood there already.") % {"count": found.known}
    return words


def by_system(request: HttpRequest, row: Incident, data: Data) -> str:
    return _said(
        affected_by_system(
            incident=row, systems=data["systems"], by=request.user, now=timezone.now()
        )
    )


def by_activity(request: HttpRequest, row: Incident, data: Data) -> str:
    return _said(
        affected_by_activity(
            incident=row, activities=data["activities"], by=request.user, now=timezone.now()
        )
    )


def by_list(request: HttpRequest, row: Incident, data: Data) -> str:
    found = affected_by_file(
        incident=row, content=data["content"].read(), by=request.user, now=timezone.now()
    )
    words = [_said(found)]
    if found.listed is not None:
        told = found.listed.told()
        if found.listed.nobody:
            words.append(gettext("Lines that name nobody: %(lines)s.") % {"lines": told["nobody"]})
        if found.listed.unread:
            words.append(
                gettext("Lines that are no code or identifier: %(lines)s.")
                % {"lines": told["unread"]}
            )
    return " ".join(words)


def by_hand(request: HttpRequest, row: Incident, data: Data) -> str:
    return _said(
        affected_by_hand(incident=row, subjects=data["cards"], by=request.user, now=timezone.now())
    )


def remove(request: HttpRequest, row: Incident, data: Data) -> str:
    count = affected_remove(
        incident=row, subjects=data["cards"], reason=data["reason"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return ngettext("%(count)s person removed.", "%(count)s people removed.", count) % {
        "count": count
    }


def export(request: HttpRequest, row: Incident, data: Data) -> str:
    made = incident_export(
        incident=row, document=data["document"], language=data["language"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext(
        "The export of %(people)s people is sealed. Download it below; record the disclosure when "
        "it is given."
    ) % {"people": made.people}


# --- the authority -------------------------------------------------------------------------------
def write_notice(request: HttpRequest, row: Incident, data: Data) -> str:
    notice_write(
        incident=row, step=data["step"], language=data["language"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("The notice is kept as it is: print it below, send it, then record the sending.")


def print_notice(request: HttpRequest, row: Incident, data: Data) -> str:
    content = notice_preview(
        incident=row, step=data["step"], language=data["language"], now=timezone.now()
    )
    name = f"{row.number}-{data['step']}-draft-{data['language']}"
    request.office_file = pdf(content, name)  # type: ignore[attr-defined]
    return ""


def sent(request: HttpRequest, row: Incident, data: Data) -> str:
    sending = incident_notify(
        incident=row, notice=data["notice"], step=data["step"], language=data["language"],
        sent_at=data["sent_at"], reference=data["reference"], adds=data["adds"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("The notice is recorded: %(reference)s.") % {"reference": sending.reference}


def correct_sending(request: HttpRequest, row: Incident, data: Data) -> str:
    sending = sending_correct(
        sending=data["sending"], sent_at=data["sent_at"], reference=data["reference"],
        reason=data["reason"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("The sending is corrected: %(reference)s.") % {"reference": sending.reference}


def redetect(request: HttpRequest, row: Incident, data: Data) -> str:
    incident_redetect(
        incident=row, detected_at=data["detected_at"], reason=data["reason"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("The moment is corrected; its clocks are counted from there.")


# --- its end -------------------------------------------------------------------------------------
def close(request: HttpRequest, row: Incident, data: Data) -> str:
    incident_close(incident=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("%(number)s is closed.") % {"number": row.number}


def dismiss(request: HttpRequest, row: Incident, data: Data) -> str:
    incident_dismiss(incident=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("%(number)s was no incident; its clocks are void.") % {"number": row.number}


def reopen(request: HttpRequest, row: Incident, data: Data) -> str:
    incident_reopen(incident=row, reason=data["reason"], by=request.user, now=timezone.now())
    return gettext("%(number)s is open again.") % {"number": row.number}
