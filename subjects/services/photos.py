"""Photos of people: checked, sealed as files, and given out while the card is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import IO

from django.db import transaction

from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import DataCategory, User
from subjects.choices import Looked
from subjects.models import PersonalDatum
from subjects.models.people import DataSubject
from subjects.services.covering import require_cover
from subjects.services.files import READ_BYTES, file_open, file_seal, photo_check
from subjects.services.guard import require_unblocked
from subjects.services.looking import look, reveal_event
from subjects.services.people import datum_record, require_open
from subjects.vault.models import Sealed


class CardMasked(Conflict):
    template = gettext_noop("The card is masked: open it first, then the file.")


class NoFile(OperatorError):
    status = 404
    template = gettext_noop("There is no file here.")


def datum_photo(
    *,
    subject: DataSubject,
    category: DataCategory,
    stream: IO[bytes],
    size: int,
    source: str,
    collected_on: date,
    by: User | None,
    now: datetime,
) -> PersonalDatum:
    """Hold a photo about the person. Refuses what is no photo, and whatever ``datum_record`` does.

    The ground is asked for first: nothing is sealed that may not be held.
    """
    require_open(subject)
    require_unblocked(subject, category=category)
    today = now.astimezone(subject.operator.zone).date()
    require_cover(subject=subject, category=category, today=today)
    media_type = photo_check(stream, size)
    with transaction.atomic():
        file = file_seal(
            operator=subject.operator,
            kind=Sealed.FILE,
            owner=subject.pk,
            category=category.pk,
            pieces=iter(lambda: stream.read(READ_BYTES), b""),
            media_type=media_type,
            now=now,
        )
        return datum_record(
            subject=subject,
            category=category,
            file=file,
            source=source,
            collected_on=collected_on,
            by=by,
            today=today,
        )


def photo_open(*, datum: PersonalDatum, user: User, now: datetime) -> tuple[str, Iterator[bytes]]:
    """The media type and the pieces of a photo; leaves an access event.

    Refuses while the card is masked for this user, what was destroyed, and what is blocked, unless
    the card was opened for the number that blocks it.
    """
    if datum.file is None:
        raise NoFile()
    opened = reveal_event(datum.subject, user, now)
    if opened is None:
        raise CardMasked()
    require_unblocked(datum.subject, category=datum.category, label=opened.reason)
    pieces = file_open(datum.file)
    look(
        operator=datum.subject.operator_id, what=Looked.DOWNLOAD, user=user, now=now,
        subject=datum.subject, datum=datum.pk,
    )  # fmt: skip
    return datum.file.media_type, pieces
