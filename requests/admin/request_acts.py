"""What the verbs of a person's request do, and what they say afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from registry.access import may
from registry.tasks import remind, ring
from requests.admin.request_forms import demand_of
from requests.models import SubjectRequest
from requests.services.closing import request_act, request_assign, request_close
from requests.services.letters import letter_receive
from requests.services.linking import (
    identity_note,
    request_block,
    subject_link,
    subject_unlink,
)
from requests.services.matching import candidates
from requests.services.noting import note_add
from requests.services.reopening import request_reopen
from requests.services.representing import representative_end, representative_note
from requests.services.subject_requests import item_add, request_receive, request_withdraw
from requests.services.told import letter_open
from requests.services.writing import letter_draft
from requests.tasks import post_letters
from subjects.models import DataSubject
from subjects.services.cards import card_with_code
from subjects.services.looking import card_reveal


def open_letter(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    letter_open(subject_request=row, user=request.user, now=timezone.now())
    return gettext("The letter is open to you for a while; that stands in the journal.")


def find(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    # Posted, because a look leaves a trace; the page is the answer itself.
    request.office_found = candidates(  # type: ignore[attr-defined]
        subject_request=row, user=request.user, now=timezone.now()
    )
    return ""


def link(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    card = card_with_code(operator=row.operator, code=data["code"])
    made = subject_link(subject_request=row, subject=card, by=request.user, now=timezone.now())
    return gettext("%(code)s is linked (%(matched)s).") % {
        "code": card.code, "matched": made.get_matched_by_display(),
    }  # fmt: skip


def unlink(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    subject_unlink(
        subject_request=row, subject=data["card"], reason=data["reason"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("%(code)s is no longer linked.") % {"code": data["card"].code}


def reveal(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    """The card opens for the one who asks; the number of the request is the reason."""
    card = data["card"]
    if not may(request.user, "reveal", DataSubject, card):
        raise PermissionDenied
    card_reveal(subject=card, user=request.user, reason=row.number, now=timezone.now())
    request.office_next = reverse(  # type: ignore[attr-defined]
        "admin:subjects_datasubject_change", args=[card.pk]
    )
    return ""


def check(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    identity_note(subject_request=row, kind=data["kind"], by=request.user, now=timezone.now())
    return gettext("The check is recorded.")


def represent(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    representative_note(
        subject_request=row, kind=data["kind"], document=data["document"],
        given_on=data["given_on"], until=data["until"], born_on=data["born_on"],
        kinds=data["kinds"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("The representative is noted.")


def represent_no_more(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    representative_end(
        subject_request=row, reason=data["reason"], by=request.user, now=timezone.now()
    )
    return gettext("The person speaks for themselves from now on.")


def note(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    note_add(subject_request=row, text=data["text"], by=request.user, now=timezone.now())
    return gettext("The note is kept, sealed.")


def keep_scan(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    found = [data[name] for name in ("file_1", "file_2", "file_3") if data[name]]
    letter_receive(
        subject_request=row, body=data["text"],
        files=[(file.read(), file.content_type or "") for file in found], way=data["way"],
        came_at=data["came_at"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("It is kept with the correspondence, sealed.")


def reopen(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    request_reopen(
        subject_request=row, reason=data["reason"],
        demand=demand_of(data["what"]) if data["what"] else None, asked_at=data["asked_at"],
        by=request.user, now=timezone.now(),
    )  # fmt: skip
    ring(remind)
    return gettext("%(number)s is open again.") % {"number": row.number}


def demand(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    wanted = demand_of(data["what"], consent=data["consent"], activity=data["activity"])
    item = item_add(subject_request=row, demand=wanted, by=request.user, now=timezone.now())
    ring(remind)
    return gettext("Added: %(what)s.") % {"what": item.what}


def block(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    done = request_block(
        subject_request=row, reason=data["reason"], by=request.user, now=timezone.now()
    )
    return ngettext("%(count)d card is blocked.", "%(count)d cards are blocked.", len(done)) % {
        "count": len(done)
    }


def assign(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    clocks = request_assign(
        subject_request=row, owner=data["owner"], by=request.user, now=timezone.now()
    )
    owner = clocks[0].owner
    if owner is None:
        return gettext("Nobody owns this now.")
    return gettext("Assigned to %(owner)s.") % {"owner": owner}


def withdraw(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    request_withdraw(
        subject_request=row, reason=data["reason"], by=request.user, now=timezone.now()
    )
    return gettext("%(number)s is withdrawn.") % {"number": row.number}


def draft(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    made = request_act(subject_request=row, by=request.user, now=timezone.now())
    return gettext("Drafted: %(acts)s.") % {"acts": ", ".join(act.number for act in made)}


def write(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    now = timezone.now()
    letter = letter_draft(
        subject_request=row, kind=data["kind"], text=data["text"], way=data["way"],
        by=request.user, now=now,
    )  # fmt: skip
    # Whoever writes a letter reads it before it goes; that stands in the journal like any look.
    letter_open(subject_request=row, user=request.user, now=now)
    request.office_next = reverse(  # type: ignore[attr-defined]
        "admin:requests_letter_change", args=[letter.pk]
    )
    return gettext("The draft is made: read it, change it, then it can be sent.")


def close(request: HttpRequest, row: SubjectRequest, data: Mapping[str, Any]) -> str:
    request_close(subject_request=row, by=request.user, now=timezone.now())
    ring(post_letters)
    return gettext("%(number)s is closed; its clocks have stopped.") % {"number": row.number}


def receive(request: HttpRequest, data: Mapping[str, Any]) -> SubjectRequest:
    """Register what the form says, if the user may for that operator."""
    if not may(request.user, "add", SubjectRequest, SubjectRequest(operator=data["operator"])):
        raise PermissionDenied
    return request_receive(
        operator=data["operator"],
        channel=data["channel"],
        received_at=data["received_at"],
        language=data["language"],
        answer_by=data["answer_by"],
        items=[demand_of(chosen) for chosen in data["kinds"]],
        name=data["name"],
        email=data["email"],
        phone=data["phone"],
        postal=data["postal"],
        track=data["track"],
        message=data["message"],
        owner=data["owner"],
        by=request.user,
        now=timezone.now(),
    )
