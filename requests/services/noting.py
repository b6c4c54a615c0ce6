"""Notes of the staff about a request."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from registry.errors import OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from requests.models import RequestNote, SubjectRequest
from requests.services.letters import RequestOver
from requests.services.moving import request_held
from subjects import values
from subjects.masking import HIDDEN
from subjects.services.reading import State, shown_texts
from subjects.vault.field import Plain

NOTE_LIMIT = 5_000
NOTES_LIMIT = 200


class NoteEmpty(OperatorError):
    template = gettext_noop("%(number)s: the note says nothing.")


class NoteTooLong(OperatorError):
    template = gettext_noop("%(number)s: the note is longer than %(limit)s characters.")


class TooManyNotes(OperatorError):
    template = gettext_noop("%(number)s: a request takes %(limit)s notes.")


@transaction.atomic
def note_add(
    *, subject_request: SubjectRequest, text: str, by: User | None, now: datetime
) -> RequestNote:
    """Keep a note for the staff, sealed; it ends with the letter. Refuses a request that is over,
    an empty note, one of over 5,000 characters, the 201st.
    """
    row = request_held(subject_request)
    if row.ended_at is not None:
        raise RequestOver(number=row.number)
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise NoteEmpty(number=row.number)
    if len(text) > NOTE_LIMIT:
        raise NoteTooLong(number=row.number, limit=NOTE_LIMIT)
    if row.notes.count() >= NOTES_LIMIT:
        raise TooManyNotes(number=row.number, limit=NOTES_LIMIT)
    note = RequestNote(request=row, made_at=now, made_by=by)
    note.text = Plain(values.check(values.LOG, text))  # type: ignore[assignment]
    return audit.save(note, by=by, reason=row.number)


def notes_of(row: SubjectRequest, *, opened: bool) -> list[tuple[RequestNote, str]]:
    """Each note with what this reader gets: its text, or nothing of it; two queries."""
    notes = list(row.notes.select_related("made_by").order_by("pk"))
    for note in notes:
        note.request = row
    shown = shown_texts(
        {note: (note, "text") for note in notes}, opened=opened, masked=lambda *_: HIDDEN
    )
    gone = {State.DESTROYED: gettext("destroyed"), State.LOST: gettext("lost")}
    return [(note, gone.get(shown[note].state, shown[note].text)) for note in notes]
