"""A mail arrives: kept as it came, sorted, and made a request or a reply where that is certain.

Nothing is dropped: what nobody recognises waits in triage. What the mail says of itself is a
claim: the receipt is the moment of arrival, and a number alone proves nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.utils.crypto import salted_hmac

from registry import seam
from registry.choices import Intake
from registry.errors import OperatorError, gettext_noop
from registry.models import Operator, SubjectLine, User
from registry.services import audit
from requests.mail_reading import ReadMail, read_mail
from requests.mail_sorting import HOURLY_LIMIT, Known, Sorted, sort_mail
from requests.mail_subjects import COMMON, MarkedSubject, recognised
from requests.models import IncomingMail, Letter, SubjectRequest
from requests.models.letters import LetterBy, Way
from requests.models.mailbox import MailPlace, MailWhy
from requests.models.subject_requests import AnswerBy, RequestChannel, RequestKind
from requests.services.inquiries import NotYet, OperatorInactive
from requests.services.letters import FILE_BYTES, FILES_LIMIT, letter_receive
from requests.services.posting import message_id
from requests.services.subject_requests import Demand, request_receive
from requests.services.throttling import ComesTooOften, Limit, count
from requests.services.told import told
from subjects import values
from subjects.services.files import file_seal
from subjects.services.reading import State
from subjects.vault.field import Plain
from subjects.vault.models import Sealed

# The largest mail that is taken at all; its head alone is read beyond the reader's own limit.
MAIL_BYTES = 50 * 1024 * 1024
HOURLY = Limit("mails of one sender", HOURLY_LIMIT)
SUBJECT_LIMIT = 500
OPENS = {
    Intake.WITHDRAWAL: RequestKind.WITHDRAWAL,
    Intake.RECTIFICATION: RequestKind.CORRECTION,
    Intake.DESTRUCTION: RequestKind.DESTRUCTION,
    Intake.INFORMATION: RequestKind.INFORMATION,
    Intake.QUESTION: RequestKind.OTHER,
}
MESSAGE_LIMIT = values.LIMITS[values.LOG]
_NUMBER = re.compile(r"REQ-\d{4}-\d{4,8}", re.IGNORECASE)
_LETTER = re.compile(r"<letter-(\d{1,15})-[0-9a-f]{24}@")
_PIECE = 64 * 1024
_SAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class MailTooBig(OperatorError):
    template = gettext_noop("This mail is larger than %(limit)s MB.")


class MailEmpty(OperatorError):
    template = gettext_noop("This file is empty.")


def mail_ingested(
    *, operator: Operator, raw: bytes, received_at: datetime, by: User | None, now: datetime
) -> IncomingMail:
    """Keep a mail, sealed, and put it where it belongs; the same mail twice is one.

    ``received_at``: when the server took it, never what the mail claims. A marked subject opens a
    request that was received then; an answer to a letter of ours, or a mail that names a request
    whose e-mail address it comes from, joins that request. What cannot be taken as it is goes to
    triage, like all that nobody recognises. Refuses an empty file, one of over 50 MB, a receipt in
    the future, an operator that takes no new cases. Must not stand in a transaction.
    """
    if not raw.strip():
        raise MailEmpty()
    if len(raw) > MAIL_BYTES:
        raise MailTooBig(limit=MAIL_BYTES // (1024 * 1024))
    mail = read_mail(raw)
    message, content = _hashes(operator, mail)
    mine = IncomingMail.objects.filter(operator=operator)
    same = mine.filter(message_hash=message, content_hash=content)
    # The same again is no flood, however often it is read.
    often = not same.exists() and _often(operator, mail, now)
    with transaction.atomic():
        held = seam.lock(Operator.objects.filter(pk=operator.pk)).get()
        if not held.is_active:
            raise OperatorInactive(operator=str(held))
        if received_at > now:
            raise NotYet(number=str(held))
        known_already = same.first()
        if known_already is not None:
            return known_already
        found = _sorted(held, mail, often=often)
        why = str(found.why)
        if message and mine.filter(message_hash=message).exists():
            # The same number on another mail: forged, or a program that counts badly.
            found = Sorted(MailPlace.TRIAGE, found.why)  # type: ignore[arg-type]
            why = MailWhy.SAME_NUMBER
        row = IncomingMail(
            operator=held, message_hash=message, content_hash=content, received_at=received_at,
            read_at=now, place=MailPlace.TRIAGE, why=MailWhy(why), problems=list(mail.problems),
        )  # fmt: skip
        audit.save(row, by=by, reason="received")
        row.told = Plain(_told(mail))  # type: ignore[assignment]
        row.file = file_seal(
            operator=held, kind=Sealed.MAIL, owner=row.pk, category=None, pieces=_pieces(raw),
            media_type="message/rfc822", now=now,
        )  # fmt: skip
        audit.save(row, by=by, reason="received", fields=["told", "file"])
        return _placed(row, mail, found, by=by, now=now)


def _pieces(raw: bytes) -> Iterator[bytes]:
    for start in range(0, len(raw), _PIECE):
        yield raw[start : start + _PIECE]


def _told(mail: ReadMail) -> str:
    """What was read, as one sealed value; files are named only by their types."""
    return json.dumps(
        {
            "sender": mail.sender[:320],
            "name": mail.sender_name[:300],
            "subject": mail.subject[:SUBJECT_LIMIT],
            "text": mail.text[:MESSAGE_LIMIT],
            "cut": len(mail.text) > MESSAGE_LIMIT,
            "files": [one.content_type[:60] for one in islice(mail.attachments, 20)],
        },
        ensure_ascii=False,
    )


def _hashes(operator: Operator, mail: ReadMail) -> tuple[str, str]:
    """Of the Message-ID (empty: it has none) and of what the mail says: how it came is not part."""
    said = [mail.sender, mail.subject, mail.text]
    said += [hashlib.sha256(one.content).hexdigest() for one in mail.attachments]
    content = "\0".join(said) if any(said[:3]) else mail.digest
    return tuple(
        salted_hmac("requests.mailbox", f"{operator.pk}\0{text}", algorithm="sha256").hexdigest()
        if text
        else ""
        for text in (mail.message_id, content)
    )  # type: ignore[return-value]


# --- where it belongs ----------------------------------------------------------------------------
def _often(operator: Operator, mail: ReadMail, now: datetime) -> bool:
    """One sender has written too much within this hour: a loop, or a flood."""
    try:
        count(HOURLY, who=f"{operator.pk} {mail.sender.casefold()}", now=now)
    except ComesTooOften:
        return True
    return False


def marked_of(operator: Operator) -> tuple[MarkedSubject, ...]:
    """The subject lines that open a request: everybody's, and those of the operator's register.

    One that the register has "for anything" opens none: a person says what is asked.
    """
    rows = SubjectLine.objects.filter(operator=operator, intake__in=list(OPENS))
    return COMMON + tuple(
        MarkedSubject(words=row.text, kind=OPENS[Intake(row.intake)], language=row.language)
        for row in rows
    )


def _sorted(operator: Operator, mail: ReadMail, *, often: bool) -> Sorted:
    return sort_mail(
        mail,
        Known(
            addresses=frozenset(filter(None, [operator.requests_email, operator.email])),
            cases_of_ids=_cases_of_ids(operator, mail),
            cases_of_sender=frozenset(_cases_of_sender(operator, mail)),
            mails_this_hour=HOURLY_LIMIT if often else 0,
        ),
        marked_of(operator),
    )


def _cases_of_ids(operator: Operator, mail: ReadMail) -> dict[str, str]:
    """Message-ID -> number of the request, of the letters of ours that the mail names.

    The number in a Message-ID can be guessed, its digest cannot.
    """
    wanted = {one for one in (*mail.answers, mail.message_id) if _LETTER.match(one)}
    numbers = {int(match[1]) for one in wanted if (match := _LETTER.match(one))}
    letters = Letter.objects.filter(
        pk__in=list(numbers)[:100], way=Way.OUT, request__operator=operator
    ).select_related("request")
    return {
        number: letter.request.number
        for letter in letters
        if (number := message_id(letter)) in wanted
    }


def _cases_of_sender(operator: Operator, mail: ReadMail) -> list[str]:
    """Requests that the subject names, if the sender's address is the one that they hold."""
    numbers = {found.upper() for found in _NUMBER.findall(mail.subject)}
    rows = SubjectRequest.objects.filter(operator=operator, number__in=list(numbers)[:10])
    found = []
    for row in rows:
        shown = told(row, opened=True, names=["email"])["email"]
        if shown.state == State.OPEN and shown.text.casefold() == mail.sender.casefold():
            found.append(row.number)
    return found


def _placed(
    row: IncomingMail, mail: ReadMail, found: Sorted, *, by: User | None, now: datetime
) -> IncomingMail:
    """Do what the sorting says; whatever refuses it leaves the mail in triage."""
    place = MailPlace(str(found.place))
    if place in (MailPlace.REQUEST, MailPlace.REPLY):
        try:
            with transaction.atomic():
                if place == MailPlace.REQUEST:
                    row.request = mail_opens(row, mail, found.kind, by=by, now=now)
                else:
                    row.request = SubjectRequest.objects.get(
                        operator=row.operator_id, number=found.case
                    )
                row.letter = mail_kept_as_letter(
                    row, mail, whole=place == MailPlace.REPLY, by=by, now=now
                )
        except OperatorError:
            row.request, row.letter = None, None
            row.why = MailWhy.NOT_TAKEN
            place = MailPlace.TRIAGE
    elif found.case:
        row.request = SubjectRequest.objects.filter(
            operator=row.operator_id, number=found.case
        ).first()
    row.place = place
    return audit.save(row, by=by, reason="sorted", fields=["place", "why", "request", "letter"])


def mail_opens(
    row: IncomingMail, mail: ReadMail, kind: str, *, by: User | None, now: datetime
) -> SubjectRequest:
    """A request of this kind, received when the mail came, answered to its sender."""
    marked = recognised(mail.subject, marked_of(row.operator))
    languages = row.operator.languages or ["ru"]
    language = marked.language if marked is not None else languages[0]
    return request_receive(
        operator=row.operator, channel=RequestChannel.EMAIL, received_at=row.received_at,
        language=language, answer_by=AnswerBy.EMAIL, items=[Demand(kind)],
        name=mail.sender_name[:300], email=mail.sender, message=message_of(mail), by=by, now=now,
    )  # fmt: skip


def message_of(mail: ReadMail) -> str:
    """Subject and text as a request keeps them; what is cut stays in the sealed mail."""
    text = f"{mail.subject}\n\n{mail.text}".strip()
    return _SAFE.sub(" ", text)[:MESSAGE_LIMIT]


def mail_kept_as_letter(
    row: IncomingMail, mail: ReadMail, *, whole: bool, by: User | None, now: datetime
) -> Letter | None:
    """A reply with its files; of a mail that opens a request only the files.

    Of the files those that a letter takes; the others stay in the sealed mail.
    """
    assert row.request is not None
    files = [
        (one.content, one.content_type)
        for one in mail.attachments
        if 0 < len(one.content) <= FILE_BYTES and _taken(one.content)
    ][:FILES_LIMIT]
    body = message_of(mail) if whole else ""
    if not (files or body):
        return None
    return letter_receive(
        subject_request=row.request, body=body, files=files, way=LetterBy.EMAIL,
        came_at=max(row.received_at, row.request.received_at), by=by, now=now,
    )  # fmt: skip


def _taken(content: bytes) -> bool:
    return content.startswith((b"%PDF-", b"\x89PNG\r\n", b"\xff\xd8\xff"))
