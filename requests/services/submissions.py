"""The verbs of the public form: keep it until its address is confirmed, make it a request, forget.

Nobody is looked up here: what is answered is the same, whoever writes.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.crypto import constant_time_compare, salted_hmac

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator
from registry.services import audit
from requests.models import IdentityCheck, SubjectRequest, Submission
from requests.models.subject_requests import CheckKind, RequestChannel
from requests.services.code_mails import code_mailed
from requests.services.inquiries import OperatorInactive
from requests.services.letters import letter_receive
from requests.services.subject_requests import Demand, request_receive
from requests.services.throttling import MAILS, count
from subjects.models import SealedFile
from subjects.services.destruction import keys_destroy
from subjects.services.evidence_keys import evidence_key_ready
from subjects.services.files import file_open, file_seal
from subjects.vault.field import Plain
from subjects.vault.models import Sealed
from subjects.vault.sealing_bridge import State, open_rows

LIFE = timedelta(hours=24)
CODE_LIFE = timedelta(minutes=15)
CODE_DIGITS = 6
TRIES = 5
CODES = 3
# Pressed twice, "send again" sends one mail.
AGAIN_AFTER = timedelta(seconds=30)
CONFIRMED = gettext_noop("The form became a request; what it held is sealed there.")
UNCONFIRMED = gettext_noop("The address was not confirmed within a day.")

# What the file holds and the type that its content has.
Upload = tuple[bytes, str]


class SubmissionGone(OperatorError):
    """Never there, of another operator, or over: one sentence for all."""

    status = 404
    template = gettext_noop("This link is not valid any more, or it was not copied as a whole.")


class CodeRefused(OperatorError):
    """What the page that asks for the code says beside the field."""


class CodeWrong(CodeRefused):
    """``params``: left, how many tries this code still has."""

    template = gettext_noop("The code is wrong. Tries left: %(left)s.")


class CodeTriesOver(CodeRefused):
    template = gettext_noop("This code was tried too often. Ask for a new one.")


class CodeExpired(CodeRefused):
    template = gettext_noop("This code is too old. Ask for a new one.")


class CodesOver(CodeRefused, Conflict):
    template = gettext_noop("No more codes are sent for this form. Please fill it in once more.")


class CodeJustSent(CodeRefused, Conflict):
    """``params``: seconds until another may be asked for."""

    template = gettext_noop("A code was sent a moment ago. Wait %(seconds)s seconds.")


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """What somebody wrote into the form, checked. Without an e-mail the answer goes by post or is
    fetched (``answer_by``).
    """

    kind: str
    name: str
    answer_by: str
    email: str = ""
    postal: str = ""
    message: str = ""

    def __repr__(self) -> str:
        return "<told>"


# --- the form is sent ----------------------------------------------------------------------------
def submission_of(*, operator: Operator, nonce: str) -> Submission | None:
    """What came of this very page, if it was sent before."""
    return Submission.objects.filter(operator=operator, nonce=nonce).first()


def submission_make(
    *,
    operator: Operator,
    told: Told,
    files: Sequence[Upload],
    nonce: str,
    language: str,
    now: datetime,
) -> Submission:
    """Seal the form and mail a code to its address; of a page sent twice the first stays.

    A mail that could not go leaves ``code_sent_at`` empty. Must not stand in a transaction: the
    mail would be sent in it. Refuses an operator that takes no new cases, the sixth mail to one
    address within an hour.
    """
    # Before anything is kept: the flood of a stranger's mailbox leaves nothing here either.
    count(MAILS, who=told.email.casefold(), now=now)
    with transaction.atomic():
        operator = _operator_held(operator)
        found = submission_of(operator=operator, nonce=nonce)
        if found is not None:
            return found
        row = Submission(operator=operator, nonce=nonce, language=language, made_at=now)
        code = _code_new(row, now)
        row.save(force_insert=True)
        # Its key is bound to the row, which has a number only now.
        row.told = Plain(json.dumps(asdict(told), ensure_ascii=False))  # type: ignore[assignment]
        row.save(update_fields=["told"])
        for content, media_type in files:
            file_seal(
                operator=operator, kind=Sealed.SUBMISSION, owner=row.pk, category=None,
                pieces=[content], media_type=media_type, now=now,
            )  # fmt: skip
    _code_send(row, told.email, code, now)
    return row


def submission_register(
    *,
    operator: Operator,
    told: Told,
    files: Sequence[Upload],
    nonce: str,
    language: str,
    now: datetime,
) -> Submission:
    """Without an e-mail there is nothing to confirm: register the request at once.

    Of a page sent twice the first stays.
    """
    with transaction.atomic():
        operator = _operator_held(operator)
        found = submission_of(operator=operator, nonce=nonce)
        if found is not None:
            return found
        request = _received(operator, told, files, language=language, now=now)
        return Submission.objects.create(
            operator=operator, nonce=nonce, language=language, made_at=now, confirmed_at=now,
            request=request,
        )  # fmt: skip


def _operator_held(operator: Operator) -> Operator:
    """Locked before anything else, as everywhere."""
    row = seam.lock(Operator.objects.filter(pk=operator.pk)).get()
    if not row.is_active:
        raise OperatorInactive(operator=str(row))
    return row


def _received(
    operator: Operator, told: Told, files: Sequence[Upload], *, language: str, now: datetime
) -> SubjectRequest:
    """The moment at which the form is sure to be meant is the receipt."""
    request = request_receive(
        operator=operator,
        channel=RequestChannel.WEB_FORM,
        received_at=now,
        language=language,
        answer_by=told.answer_by,
        items=[Demand(told.kind)],
        name=told.name,
        email=told.email,
        postal=told.postal,
        message=told.message,
        by=None,
        now=now,
    )
    if files:
        letter_receive(subject_request=request, body="", files=files, now=now)
    return request


# --- the code ------------------------------------------------------------------------------------
def code_hash(public_id: str, code: str) -> str:
    """Says nothing without the secret key, and of two submissions with one code nothing alike."""
    return salted_hmac(f"requests.submission.{public_id}", code, algorithm="sha256").hexdigest()


def _code_new(row: Submission, now: datetime) -> str:
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    row.code_hash = code_hash(row.public_id, code)
    row.code_made_at, row.code_sent_at = now, None
    row.codes += 1
    row.tries = 0
    return code


def _code_send(row: Submission, email: str, code: str, now: datetime) -> None:
    """Mail it, and write down whether that went well; a newer code's mail is not spoken of."""
    mine = Submission.objects.filter(pk=row.pk, code_hash=row.code_hash)
    if code_mailed(operator=row.operator, email=email, code=code, language=row.language):
        mine.update(code_sent_at=now)
        row.code_sent_at = now
    else:
        # It counts for nothing: the person never had it.
        mine.update(codes=F("codes") - 1)


def code_again(*, operator: Operator, public_id: str, now: datetime) -> Submission:
    """Mail a new code, which makes the one before worthless.

    Must not stand in a transaction. Refuses the fourth code, one right after another, the sixth
    mail to one address within an hour. What is confirmed already stays so, and no mail goes.
    """
    row = submission_found(operator=operator, public_id=public_id, now=now)
    if row.confirmed_at is not None:
        return row
    email = _opened(row).email
    _require_code_left(row, now)
    count(MAILS, who=email.casefold(), now=now)
    with transaction.atomic():
        row = _held(operator, public_id, now)
        if row.confirmed_at is not None:
            return row
        # Asked again: somebody may have been faster.
        _require_code_left(row, now)
        code = _code_new(row, now)
        row.save(update_fields=["code_hash", "code_made_at", "code_sent_at", "codes", "tries"])
    _code_send(row, email, code, now)
    return row


def code_left(row: Submission) -> bool:
    """Whether another code may be asked for, now or in a moment."""
    return row.codes < CODES


def _require_code_left(row: Submission, now: datetime) -> None:
    if not code_left(row):
        raise CodesOver()
    if row.code_sent_at is not None and now < row.code_sent_at + AGAIN_AFTER:
        left = (row.code_sent_at + AGAIN_AFTER - now).total_seconds()
        raise CodeJustSent(seconds=max(1, int(left)))


def submission_found(*, operator: Operator, public_id: str, now: datetime) -> Submission:
    """The living submission of that public number: a day from its making, a day from its
    confirmation. Refuses, in one sentence, whatever is not there.
    """
    rows = Submission.objects.filter(operator=operator, public_id=public_id)
    return _living(rows.select_related("request").first(), operator, now)


def _held(operator: Operator, public_id: str, now: datetime) -> Submission:
    """The same, locked with its operator until the transaction ends."""
    operator = _operator_held(operator)
    row = seam.lock(Submission.objects.filter(operator=operator, public_id=public_id)).first()
    return _living(row, operator, now)


def _living(row: Submission | None, operator: Operator, now: datetime) -> Submission:
    if row is None or now >= (row.confirmed_at or row.made_at) + LIFE:
        raise SubmissionGone()
    row.operator = operator
    return row


# --- the confirmation ----------------------------------------------------------------------------
def submission_confirm(
    *, operator: Operator, public_id: str, code: str, now: datetime
) -> Submission:
    """The right code makes the form a request, received now; what the form held is destroyed.

    A code once right is not asked again: whoever comes after finds the same request. Refuses a
    wrong code (the try counts, whatever else happens at the same time), the sixth try, a code
    older than 15 minutes, a submission that is over.
    """
    # In a transaction none is made, and without one nothing is destroyed.
    evidence_key_ready(now=now)
    refusal: OperatorError | None = None
    with transaction.atomic():
        row = _held(operator, public_id, now)
        if row.confirmed_at is None:
            refusal = _tried(row, code, now)
            if refusal is None:
                _confirm(row, now)
    # After the transaction, which keeps the try.
    if refusal is not None:
        raise refusal
    return row


def _tried(row: Submission, code: str, now: datetime) -> OperatorError | None:
    """Why not, if so. The row is locked: parallel guesses count one by one."""
    if row.tries >= TRIES:
        return CodeTriesOver()
    if row.code_made_at is None or now >= row.code_made_at + CODE_LIFE:
        return CodeExpired()
    row.tries += 1
    row.save(update_fields=["tries"])
    if constant_time_compare(code_hash(row.public_id, code), row.code_hash):
        return None
    return CodeWrong(left=TRIES - row.tries) if row.tries < TRIES else CodeTriesOver()


def _confirm(row: Submission, now: datetime) -> None:
    told = _opened(row)
    sealed = list(files_of(row))
    files = [(b"".join(file_open(file)), file.media_type) for file in sealed]
    request = _received(row.operator, told, files, language=row.language, now=now)
    # Not ``identity_note``: a machine's check is no work yet, and the request stays "received".
    check = IdentityCheck(request=request, kind=CheckKind.CONTACT, checked_at=now)
    audit.save(check, by=None, reason=request.number)
    row.request, row.confirmed_at, row.code_hash = request, now, ""
    row.save(update_fields=["request", "confirmed_at", "code_hash"])
    contents_destroy(row, sealed, reason=CONFIRMED, now=now)


def _opened(row: Submission) -> Told:
    opened = open_rows([row], "told")[row.pk]
    if opened.state != State.OPEN:
        raise SubmissionGone()
    told: dict[str, Any] = json.loads(opened.text)
    return Told(**told)


def files_of(row: Submission) -> Any:
    return SealedFile.objects.filter(kind=Sealed.SUBMISSION, owner=row.pk).order_by("pk")


def contents_destroy(
    row: Submission, files: Sequence[SealedFile], *, reason: str, now: datetime
) -> None:
    """The keys of what was told and of the files; then the files themselves."""
    numbers = [row.told_key, *(file.key for file in files)]
    keys_destroy([number for number in numbers if number], reason=reason, by=None, now=now)
    SealedFile.objects.filter(pk__in=[file.pk for file in files]).delete()
    for file in files:
        # What somebody killed here leaves behind is mute; the sweep of the vault takes it away.
        transaction.on_commit(lambda path=file.path: path.unlink(missing_ok=True), robust=True)  # type: ignore[misc]
