"""What the writer of a request told: opened or masked, and the trace of opening it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings

from registry.models import User
from requests.models import SubjectRequest
from requests.models.subject_requests import TOLD
from subjects import values
from subjects.choices import Looked
from subjects.masking import HIDDEN, mask
from subjects.models import AccessEvent
from subjects.services.looking import look
from subjects.services.reading import Shown, shown_texts

# Of the rest no part is safe to show.
_FORMATS = {"name": values.NAME, "email": values.EMAIL, "phone": values.PHONE}


def told(row: SubjectRequest, *, opened: bool, names: Iterable[str] = TOLD) -> Mapping[str, Shown]:
    """Each thing that was told (of ``names``) -> what this reader gets; one query for all."""
    wanted = {name: (row, name) for name in names}
    return shown_texts(wanted, opened=opened, masked=_masked)


def _masked(name: str, text: str) -> str:
    form = _FORMATS.get(name)
    return mask(form, text) if form else HIDDEN


def letter_open(*, subject_request: SubjectRequest, user: User, now: datetime) -> AccessEvent:
    """Show the letter to this person for ``REVEAL_MINUTES``; its number is the reason."""
    return look(
        operator=subject_request.operator_id,
        what=Looked.REVEAL,
        user=user,
        now=now,
        reason=subject_request.number,
        until=now + timedelta(minutes=settings.REVEAL_MINUTES),
        request=subject_request.pk,
    )


def letter_open_until(
    subject_request: SubjectRequest, user: User, now: datetime
) -> datetime | None:
    """Until when this person sees the letter open; None: it is masked."""
    return (
        AccessEvent.objects.filter(
            operator=subject_request.operator_id,
            user=user.pk,
            what=Looked.REVEAL,
            subject=None,
            until__gt=now,
            details__request=subject_request.pk,
        )
        .order_by("-until")
        .values_list("until", flat=True)
        .first()
    )
