"""The one-time code before an answer about somebody's data: the link alone opens nothing.

Sent to the address that the request itself holds; five tries, fifteen minutes, one use.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from django.core import signing
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from registry import seam
from registry.errors import OperatorError, gettext_noop
from requests.models import AccessAnswer, AnswerCode
from requests.services.code_mails import answer_code_mailed
from requests.services.submissions import (
    AGAIN_AFTER,
    CODE_DIGITS,
    CODE_LIFE,
    TRIES,
    CodeExpired,
    CodeJustSent,
    CodeTriesOver,
    CodeWrong,
)
from requests.services.throttling import MAILS, count
from requests.services.told import told
from subjects.services.reading import State

_SALT = "requests.answer.shown"


class NoAddress(OperatorError):
    template = gettext_noop(
        "We have no e-mail address of this request, so no code can be sent: ask us for the answer "
        "on paper."
    )


class CodeNotMailed(OperatorError):
    template = gettext_noop("The code could not be sent just now. Please try again later.")


class PassOver(OperatorError):
    template = gettext_noop("Too much time has passed. Ask for a new code.")


def _hash(answer: AccessAnswer, code: str) -> str:
    return salted_hmac(f"requests.answer.{answer.pk}", code, algorithm="sha256").hexdigest()


def has_address(answer: AccessAnswer) -> bool:
    return told(answer.request, opened=False, names=["email"])["email"].state == State.MASKED


def answer_code_send(*, answer: AccessAnswer, now: datetime) -> AnswerCode:
    """Mail a new code, which makes the one before worthless. Must not stand in a transaction.

    Refuses a request without an e-mail address, one code right after another, the sixth mail to
    one address within an hour, and a mail that could not go.
    """
    shown = told(answer.request, opened=True, names=["email"])["email"]
    if shown.state != State.OPEN:
        raise NoAddress()
    row, _made = AnswerCode.objects.get_or_create(answer=answer)
    _require_pause(row, now)
    count(MAILS, who=shown.text.casefold(), now=now)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    with transaction.atomic():
        row = seam.lock(AnswerCode.objects.filter(pk=row.pk)).get()
        # Asked again: somebody may have been faster.
        _require_pause(row, now)
        row.code_hash, row.made_at, row.sent_at, row.tries = _hash(answer, code), now, now, 0
        row.save(update_fields=["code_hash", "made_at", "sent_at", "tries"])
    operator = answer.request.operator
    if not answer_code_mailed(
        operator=operator, email=shown.text, code=code, language=answer.request.language
    ):
        AnswerCode.objects.filter(pk=row.pk, code_hash=row.code_hash).update(
            code_hash="", made_at=None, sent_at=None
        )
        raise CodeNotMailed()
    return row


def _require_pause(row: AnswerCode, now: datetime) -> None:
    if row.sent_at is not None and now < row.sent_at + AGAIN_AFTER:
        left = (row.sent_at + AGAIN_AFTER - now).total_seconds()
        raise CodeJustSent(seconds=max(1, int(left)))


def answer_code_check(*, answer: AccessAnswer, code: str, now: datetime) -> str:
    """The right code -> a pass for a quarter of an hour; the code is worth nothing afterwards.

    Refuses a wrong code (the try counts, whatever else happens at the same time), the sixth try, a
    code older than 15 minutes. Must not stand in a transaction.
    """
    with transaction.atomic():
        row = seam.lock(AnswerCode.objects.filter(answer=answer)).first()
        refusal = _tried(answer, row, code, now)
    # After the transaction, which keeps the try.
    if refusal is not None:
        raise refusal
    return signing.dumps(answer.pk, salt=_SALT)


def _tried(
    answer: AccessAnswer, row: AnswerCode | None, code: str, now: datetime
) -> OperatorError | None:
    if row is None or row.made_at is None or not row.code_hash or now >= row.made_at + CODE_LIFE:
        return CodeExpired()
    if row.tries >= TRIES:
        return CodeTriesOver()
    row.tries += 1
    right = constant_time_compare(_hash(answer, code), row.code_hash)
    if right:
        row.code_hash = ""
    row.save(update_fields=["tries", "code_hash"])
    if right:
        return None
    return CodeWrong(left=TRIES - row.tries) if row.tries < TRIES else CodeTriesOver()


def require_pass(answer: AccessAnswer, shown: str) -> None:
    """Refuse whoever has not shown the code of this answer within the last quarter of an hour."""
    try:
        number = signing.loads(shown, salt=_SALT, max_age=CODE_LIFE)
    except signing.BadSignature:
        raise PassOver() from None
    if number != answer.pk:
        raise PassOver()
