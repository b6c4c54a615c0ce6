"""What somebody decides about a mail that nobody recognised, and the end of what was kept of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, User
from registry.services import audit
from requests.mail_reading import ReadMail, read_mail
from requests.models import IncomingMail, SubjectRequest
from requests.models.mailbox import MailPlace, MailWhy
from requests.models.subject_requests import RequestKind
from requests.services.inquiries import ReasonMissing
from requests.services.mailbox import mail_kept_as_letter, mail_opens
from requests.services.moving import REASON_LIMIT, ReasonTooLong, known
from subjects.choices import Looked
from subjects.models import AccessEvent, VaultKey
from subjects.services.destruction import flush, keys_destroy
from subjects.services.evidence_keys import evidence_key_ready
from subjects.services.files import file_open
from subjects.services.looking import look
from subjects.services.reading import State, shown_texts
from subjects.vault import store

log = logging.getLogger(__name__)
# A mail that belongs to no request is kept so long; one of a request ends with it.
KEPT_DAYS = 30
MINUTES = 15
# Whatever waits, whoever put it there, may still be decided otherwise.
UNDECIDED = (MailPlace.TRIAGE, MailPlace.BOUNCE, MailPlace.AUTO, MailPlace.NOT_REQUEST)


class MailDecided(Conflict):
    template = gettext_noop("This mail has its place already: somebody was faster.")


class NumberUnknown(OperatorError):
    template = gettext_noop("This operator has no request with this number.")


def _held(mail: IncomingMail) -> IncomingMail:
    seam.lock(Operator.objects.filter(pk=mail.operator_id)).get()
    row = (
        seam.lock(IncomingMail.objects.filter(pk=mail.pk))
        .select_related("operator__jurisdiction", "operator__responsible", "file")
        .get()
    )
    if row.place not in UNDECIDED:
        raise MailDecided()
    return row


def _read(row: IncomingMail) -> ReadMail:
    """The mail once more, from the bytes that came; refuses what was destroyed."""
    if row.file is None:
        raise store.ValueDestroyed()
    return read_mail(b"".join(file_open(row.file)))


def _reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if not reason:
        raise ReasonMissing(number=IncomingMail._meta.verbose_name)
    if len(reason) > REASON_LIMIT:
        raise ReasonTooLong(number=IncomingMail._meta.verbose_name, limit=REASON_LIMIT)
    return reason


def _decided(
    row: IncomingMail, place: MailPlace, *, by: User, now: datetime, reason: str = ""
) -> IncomingMail:
    row.place, row.why, row.reason = place, MailWhy.BY_HAND, reason
    row.decided_by, row.decided_at = by, now
    fields = ["place", "why", "reason", "decided_by", "decided_at", "request", "letter"]
    return audit.save(row, by=by, reason=reason or "decided", fields=fields)


@transaction.atomic
def mail_convert(*, mail: IncomingMail, kind: str, by: User, now: datetime) -> SubjectRequest:
    """Open a request of this kind of it, received when the mail came. Refuses a mail that has its
    place, one that was destroyed, and one without a sender to answer.
    """
    known(kind, RequestKind)
    row = _held(mail)
    read = _read(row)
    row.request = mail_opens(row, read, kind, by=by, now=now)
    row.letter = mail_kept_as_letter(row, read, whole=False, by=by, now=now)
    _decided(row, MailPlace.REQUEST, by=by, now=now)
    return row.request


@transaction.atomic
def mail_join(*, mail: IncomingMail, number: str, by: User, now: datetime) -> IncomingMail:
    """It belongs to this open request: kept there as a letter of the person."""
    row = _held(mail)
    found = SubjectRequest.objects.filter(
        operator=row.operator_id, number=number.strip().upper()
    ).first()
    if found is None:
        raise NumberUnknown()
    row.request = found
    row.letter = mail_kept_as_letter(row, _read(row), whole=True, by=by, now=now)
    return _decided(row, MailPlace.REPLY, by=by, now=now)


@transaction.atomic
def mail_dismiss(*, mail: IncomingMail, reason: str, by: User, now: datetime) -> IncomingMail:
    """It is no request, for the reason given; until its end that may be decided otherwise."""
    reason = _reason(reason)
    row = _held(mail)
    return _decided(row, MailPlace.NOT_REQUEST, by=by, now=now, reason=reason)


# --- reading -------------------------------------------------------------------------------------
def mail_open(*, mail: IncomingMail, user: User, now: datetime) -> AccessEvent:
    """Show the mail to this person for a quarter of an hour; that stands in the journal."""
    return look(
        operator=mail.operator_id, what=Looked.REVEAL, user=user, now=now,
        reason=f"mail {mail.pk}", until=now + timedelta(minutes=MINUTES), mail=mail.pk,
    )  # fmt: skip


def mail_open_until(mail: IncomingMail, user: User, now: datetime) -> datetime | None:
    events = AccessEvent.objects.filter(
        operator=mail.operator_id, user=user.pk, what=Looked.REVEAL, subject=None, until__gt=now,
        details__mail=mail.pk,
    )  # fmt: skip
    return events.order_by("-until").values_list("until", flat=True).first()


def mail_told(mail: IncomingMail, *, opened: bool) -> tuple[State, Mapping[str, Any]]:
    """What the mail says, if it is open to whoever asks; else only its state."""
    shown = shown_texts({"told": (mail, "told")}, opened=opened, masked=lambda *_: "")["told"]
    return shown.state, json.loads(shown.text) if shown.state == State.OPEN else {}


# --- the end -------------------------------------------------------------------------------------
def _over(now: datetime) -> QuerySet[IncomingMail]:
    """Mails whose key still stands although their time is over."""
    standing = VaultKey.objects.filter(pk=OuterRef("told_key"))
    requests = VaultKey.objects.filter(pk=OuterRef("request__tracking_key"))
    alone = Q(place__in=UNDECIDED, received_at__lt=now - timedelta(days=KEPT_DAYS))
    forgotten = ~Q(place__in=UNDECIDED) & ~Exists(requests)
    return IncomingMail.objects.filter(Exists(standing)).filter(alone | forgotten)


def mails_sweep(*, now: datetime) -> dict[str, int]:
    """Destroy what is kept of mails whose time is over: 30 days, or the end of their request.

    Late or twice it does no harm. What fails for one does not keep the others waiting. Must not
    stand in a transaction.
    """
    did = dict.fromkeys(("mails", "failed"), 0)
    evidence_key_ready(now=now)
    for pk in list(_over(now).order_by("pk").values_list("pk", flat=True)):
        try:
            did["mails"] += _end(pk, now)
        except (OperationalError, InterfaceError):
            # The database itself is away: nobody's turn would come.
            raise
        except Exception as error:
            log.error("mail %s: %s", pk, type(error).__name__)
            did["failed"] += 1
    if did["mails"]:
        flush()
    return did


@transaction.atomic
def _end(pk: int, now: datetime) -> int:
    row = seam.claim(_over(now).filter(pk=pk)).first()
    if row is None:
        return 0
    file = row.file
    keys = [row.told_key or 0, file.key if file is not None else 0]
    reason = f"mail {row.pk}: its term is over"
    keys_destroy(keys, reason=reason, by=None, now=now)

    def remove() -> None:
        # Its key is gone; what a killed process leaves is taken by the sweep of the files.
        if file is not None:
            with suppress(OSError):
                file.path.unlink(missing_ok=True)

    transaction.on_commit(remove)
    return 1
