"""What every outbox shares: claim first, try again later, never lose, never double.

A mail carries a Message-ID made from its row. Between the send and the row's "sent" a process
may die; the mail is then sent again under the same Message-ID, which mail systems fold into
one and the demo's mail files overwrite.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage

from registry.services import holding

STUCK_AFTER = timedelta(minutes=10)
ROUND = timedelta(minutes=4)
# Between tries; after the last the mail has failed and waits for a person.
PAUSES = [timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720, 1440)]

R = TypeVar("R")


def message_id(what: str, number: int, key: str) -> str:
    """The same for every try of one row. ``key``: what else of the row never changes."""
    digest = hashlib.sha256(f"{number}:{key}".encode()).hexdigest()[:24]
    return f"<{what}-{number}-{digest}@{urlsplit(settings.OFFICE_URL).hostname or 'office'}>"


def send(mail: EmailMessage) -> str | None:
    """None when the mail has gone; otherwise the class of what failed: its words name addresses."""
    try:
        mail.send()
    except Exception as error:
        return type(error).__name__
    return None


def next_try(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many tries; None: never, it has failed."""
    return now + PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


def send_round(
    numbers: Iterable[int],
    *,
    claim: Callable[[int], R | None],
    send: Callable[[R], str | None],
    settle: Callable[[R, str | None], None],
) -> dict[str, int]:
    """Claim, send and settle one row after the other; how many went and how many did not.

    Ends after ``ROUND``; the rest is for the next bell. A round that lasted longer than
    ``STUCK_AFTER`` would have its own claims taken for a dead worker's. Nothing goes while a
    restored database waits for its release.
    """
    if holding.held():
        return {"sent": 0, "not_sent": 0}
    sent = not_sent = 0
    ends = time.monotonic() + ROUND.total_seconds()
    for number in numbers:
        if time.monotonic() > ends:
            break
        row = claim(number)
        if row is None:
            continue
        problem = send(row)
        settle(row, problem)
        if problem is None:
            sent += 1
        else:
            not_sent += 1
    return {"sent": sent, "not_sent": not_sent}
