"""The outbox of letters to people: by e-mail, opened only at the moment of sending.

The same manner as the mails to staff (``registry.services.sending``); each step is saved with its
history, under a lock. A block forbids every use of the data but for the request that blocks them,
and a letter of the request carries its number (152-FZ 21(1), ``subjects.services.guard``): nothing
else mails people here.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.core.mail import EmailMessage
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from registry import seam
from registry.services import audit, sending
from registry.services.sending import STUCK_AFTER
from registry.states import move
from requests import states
from requests.models import Letter
from requests.models.letters import LetterBy, LetterState
from requests.services.letters import letter_addresses, letter_texts
from requests.services.writing import receipt_made, receipts_due, title
from subjects.services.reading import State

log = logging.getLogger(__name__)


def message_id(letter: Letter) -> str:
    """The same for every try of one letter, whatever process makes it."""
    return sending.message_id("letter", letter.pk, letter.made_at.isoformat())


def letters_deliver(*, now: datetime) -> dict[str, int]:
    """Make the receipts that are missing, then send every letter whose time has come.

    Those whose process died are sent again. Late or twice it does no harm.
    """
    receipts, failed = _receipts(now)
    ready = Q(state=states.QUEUED, next_attempt_at__lte=now) | Q(
        state=states.SENDING, claimed_at__lte=now - STUCK_AFTER
    )
    ready &= Q(by=LetterBy.EMAIL)

    def claim(pk: int) -> Letter | None:
        with transaction.atomic():
            letter = seam.lock(Letter.objects.filter(ready, pk=pk)).first()
            if letter is None:
                return None
            letter.state = _after(letter, "claim")
            letter.claimed_at, letter.attempts = now, letter.attempts + 1
            fields = ["state", "claimed_at", "attempts"]
            audit.save(letter, by=None, reason="claimed", fields=fields)
        related = ["request__operator__jurisdiction", "template"]
        return Letter.objects.select_related(*related).get(pk=pk)

    did = sending.send_round(
        list(Letter.objects.filter(ready).order_by("pk").values_list("pk", flat=True)),
        claim=claim,
        send=_send,
        settle=lambda letter, problem: _settle(letter, problem, now),
    )
    return {"receipts": receipts, "failed": failed} | did


def _receipts(now: datetime) -> tuple[int, int]:
    made = failed = 0
    for row in list(receipts_due().order_by("pk")):
        try:
            made += receipt_made(subject_request=row, now=now) is not None
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # One request whose receipt cannot be written keeps nobody else waiting.
            log.error("%s: %s", row.number, type(error).__name__)
            failed += 1
    return made, failed


def _after(letter: Letter, verb: str) -> LetterState:
    return LetterState(move(states.LETTER, letter.state, verb, number=str(letter.pk)))


def _send(letter: Letter) -> str | None:
    """None when it has gone; otherwise the class of what failed: no address, no text."""
    try:
        mail = _mail(letter)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        return type(error).__name__
    return sending.send(mail) if mail else "ValueDestroyed"


def _mail(letter: Letter) -> EmailMessage | None:
    body = letter_texts([letter])[letter]
    address = letter_addresses([letter], opened=True)[letter]
    if body.state != State.OPEN or address.state != State.OPEN:
        return None
    operator = letter.request.operator
    answers_to = operator.requests_email or operator.email
    return EmailMessage(
        subject=title(letter),
        body=body.text,
        to=[address.text],
        reply_to=[answers_to] if answers_to else None,
        headers={"Message-ID": message_id(letter), "Auto-Submitted": "auto-generated"},
    )


def _settle(letter: Letter, problem: str | None, now: datetime) -> None:
    """Write down how the try ended, unless another process has taken the letter over since."""
    with transaction.atomic():
        row = seam.lock(Letter.objects.filter(pk=letter.pk)).get()
        if (row.state, row.attempts) != (states.SENDING, letter.attempts):
            return
        row.error, row.claimed_at = problem or "", None
        fields = ["state", "error", "claimed_at"]
        if problem is None:
            row.state, row.sent_at = _after(row, "sent"), now
            audit.save(row, by=None, reason="sent", fields=[*fields, "sent_at"])
            return
        again_at = sending.next_try(row.attempts, now)
        row.state = _after(row, "put_off" if again_at else "fail")
        row.next_attempt_at = again_at or now
        audit.save(row, by=None, reason=problem, fields=[*fields, "next_attempt_at"])
