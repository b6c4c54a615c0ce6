"""The correspondence as it is read, and what the person writes after the first letter.

Nothing here is written by staff: see ``writing``; nothing leaves the house here: see ``posting``.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Min, Prefetch, QuerySet

from registry.choices import DataFormat
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from requests import states
from requests.models import Letter, LetterFile, RequestItem, SubjectRequest
from requests.models.letters import LetterBy, LetterKind, Way
from requests.services.inquiries import NotYet
from requests.services.moving import request_held
from requests.services.told import letter_open_until
from subjects import values
from subjects.choices import Looked
from subjects.masking import HIDDEN, mask
from subjects.services.files import file_open, file_seal, photo_check, sniff
from subjects.services.looking import look
from subjects.services.pictures import HEAD_BYTES, JPEG, PDF, PNG, UnknownContent
from subjects.services.reading import Shown, shown_texts
from subjects.vault.field import Plain
from subjects.vault.models import Sealed

BODY_LIMIT = 20_000
FILES_LIMIT = 3
FILE_BYTES = 5 * 1024 * 1024
TAKEN = frozenset({PDF, JPEG, PNG})
# Letters to one request: nobody fills the office through the page of a request.
LETTERS_LIMIT = 50
_OUT = (states.SENT, states.PROVEN)


class LetterEmpty(OperatorError):
    template = gettext_noop("%(number)s: the letter is empty.")


class LetterTooLong(OperatorError):
    template = gettext_noop("The letter has %(length)s characters; the office takes %(limit)s.")


class TooManyFiles(OperatorError):
    template = gettext_noop("A letter takes %(limit)s files at most.")


class LetterFileTooBig(OperatorError):
    template = gettext_noop("A file of a letter is larger than %(limit)s MB.")


class LetterFileUnknown(OperatorError):
    template = gettext_noop("A letter takes PDF, JPEG and PNG files.")


class TooManyLetters(Conflict):
    template = gettext_noop(
        "%(number)s: too many letters for one request. Write a new request, or call us."
    )


class RequestOver(Conflict):
    template = gettext_noop("%(number)s is over: nothing more is written to it.")


class LetterMasked(Conflict):
    template = gettext_noop("%(number)s: this is masked. Open the letter first.")


# --- reading -------------------------------------------------------------------------------------
def letters_of(subject_request: SubjectRequest) -> list[Letter]:
    """What has gone and what has come, in its order, with the files; two queries."""
    rows = Letter.objects.filter(request=subject_request, state__in=[*_OUT, states.RECEIVED])
    return _with_files(rows.order_by("sent_at", "pk"), subject_request)


def correspondence(subject_request: SubjectRequest) -> list[Letter]:
    """Every letter, drafts and cancelled ones too, in the order of their making; two queries."""
    rows = Letter.objects.filter(request=subject_request).select_related("made_by")
    return _with_files(rows.order_by("made_at", "pk"), subject_request)


def _with_files(rows: QuerySet[Letter], subject_request: SubjectRequest) -> list[Letter]:
    files = LetterFile.objects.select_related("file").order_by("pk")
    found = list(rows.prefetch_related(Prefetch("files", queryset=files)))
    for letter in found:
        letter.request = subject_request
    return found


def letter_text(letter: Letter) -> Shown:
    """The text, opened; or that it was destroyed."""
    return letter_texts([letter])[letter]


def letter_texts(letters: Iterable[Letter], *, opened: bool = True) -> Mapping[Letter, Shown]:
    """Letter -> its text; one query for all. Of a text no part is safe to show as a mask."""
    wanted = {letter: (letter, "body") for letter in letters}
    return shown_texts(wanted, opened=opened, masked=lambda _letter, _text: HIDDEN)


def letter_addresses(letters: Iterable[Letter], *, opened: bool = False) -> Mapping[Letter, Shown]:
    """Letter -> where it goes, masked; one query for all."""
    wanted = {letter: (letter, "address") for letter in letters}
    return shown_texts(wanted, opened=opened, masked=lambda _letter, text: masked_address(text))


def masked_address(text: str) -> str:
    """Enough to recognise: an e-mail address as everywhere, else the initials of its first line."""
    if "@" in text and "\n" not in text:
        return mask(DataFormat.EMAIL, text)
    return mask(DataFormat.NAME, text.split("\n", maxsplit=1)[0])


def answered_at(
    subject_request: SubjectRequest, *, since: datetime | None = None
) -> datetime | None:
    """When the first answer (a decision or a reply) went out after the last decision; None: never.

    ``since``: after this moment instead. An answer is on its way when it is posted or handed over.
    """
    if since is None:
        decided = RequestItem.objects.filter(request=subject_request)
        since = decided.aggregate(last=Max("decided_at"))["last"]
    if since is None:
        return None
    answers = Letter.objects.filter(
        request=subject_request, state__in=_OUT, kind__in=[LetterKind.DECISION, LetterKind.REPLY],
        sent_at__gte=since,
    )  # fmt: skip
    return answers.aggregate(first=Min("sent_at"))["first"]


# --- files ---------------------------------------------------------------------------------------
def letter_file_open(file: LetterFile) -> Iterator[bytes]:
    """The pieces of a file, for whoever may read the letter; ``file.file.media_type`` is its type.

    Refuses what was destroyed, by ``ValueDestroyed``.
    """
    return file_open(file.file)


def letter_file_download(*, file: LetterFile, user: User, now: datetime) -> Iterator[bytes]:
    """The same for staff: while the request's letter is open to them; leaves an access event."""
    subject_request = file.letter.request
    if letter_open_until(subject_request, user, now) is None:
        raise LetterMasked(number=subject_request.number)
    pieces = letter_file_open(file)
    look(
        operator=subject_request.operator_id, what=Looked.DOWNLOAD, user=user, now=now,
        reason=subject_request.number, letter=file.letter_id, file=file.pk,
    )  # fmt: skip
    return pieces


def letter_body(text: str, *, number: str) -> str:
    """The text as it is kept: one kind of line end. Refuses an empty one and one too long."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise LetterEmpty(number=number)
    if len(text) > BODY_LIMIT:
        raise LetterTooLong(length=len(text), limit=BODY_LIMIT)
    return values.check(values.LOG, text)


def _checked(files: Iterable[tuple[bytes, str]]) -> list[tuple[bytes, str]]:
    """Each file with the type that its content has; what it calls itself is not asked."""
    found: list[tuple[bytes, str]] = []
    for content, _ in files:
        if len(found) == FILES_LIMIT:
            raise TooManyFiles(limit=FILES_LIMIT)
        if len(content) > FILE_BYTES:
            raise LetterFileTooBig(limit=FILE_BYTES // (1024 * 1024))
        found.append((content, _type_of(content)))
    return found


def _type_of(content: bytes) -> str:
    try:
        kind = sniff(content[:HEAD_BYTES])
    except UnknownContent:
        kind = ""
    if kind not in TAKEN:
        raise LetterFileUnknown()
    return kind if kind == PDF else photo_check(io.BytesIO(content), len(content))


@transaction.atomic
def letter_receive(
    *,
    subject_request: SubjectRequest,
    body: str,
    files: Iterable[tuple[bytes, str]] = (),
    now: datetime,
    by: User | None = None,
    way: str = LetterBy.PAGE,
    came_at: datetime | None = None,
) -> Letter:
    """Keep what the person writes to an open request, with its files: (content, declared type).

    ``came_at``: when, if the staff enter it later; a scan of the envelope may be all there is.
    Refuses: a request that is over, nothing at all, more than 3 files or 5 MB each, what is no
    PDF, JPEG or PNG by its content, the 51st letter.
    """
    row = request_held(subject_request)
    if row.ended_at is not None:
        raise RequestOver(number=row.number)
    if came_at is not None and came_at > now:
        raise NotYet(number=row.number)
    if row.letters.filter(way=Way.IN).count() >= LETTERS_LIMIT:
        raise TooManyLetters(number=row.number)
    taken = _checked(files)
    text = letter_body(body, number=row.number) if body.strip() or not taken else ""
    letter = Letter(
        request=row, way=Way.IN, kind=LetterKind.INCOMING, language=row.language,
        by=LetterBy(way), state=states.RECEIVED, made_at=now, made_by=by,
        sent_at=came_at or now,
    )  # fmt: skip
    letter_kept(letter, body=text, by=by, reason="received")
    for content, media_type in taken:
        _file_kept(letter, content, media_type, now)
    return letter


def letter_kept(
    letter: Letter, *, by: User | None, reason: str, body: str, address: str = ""
) -> Letter:
    """Save a new letter, then what it says: the keys are bound to its number."""
    audit.save(letter, by=by, reason=reason)
    told = {name: text for name, text in (("body", body), ("address", address)) if text}
    for name, text in told.items():
        setattr(letter, name, Plain(text))
    if told:
        audit.save(letter, by=by, reason=reason, fields=list(told))
    return letter


def _file_kept(letter: Letter, content: bytes, media_type: str, now: datetime) -> LetterFile:
    sealed = file_seal(
        operator=letter.operator, kind=Sealed.LETTER, owner=letter.pk, category=None,
        pieces=[content], media_type=media_type, now=now,
    )  # fmt: skip
    return LetterFile.objects.create(letter=letter, file=sealed)
