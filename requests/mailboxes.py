"""Which mailboxes the office reads, from one line of settings. Standard library only.

``MAILBOXES`` = ``code=imaps://user:password@host/folder`` for each operator, parted by spaces.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

PORTS = {"imaps": 993, "imap+starttls": 143, "imap": 143}
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class MailboxAt:
    """One mailbox of one operator; what logs in stays out of the repr.

    ``security``: ``imaps``, ``imap+starttls``, or ``imap``, which only this machine may be asked
    in. Once the office has sealed a mail it leaves the mailbox for good, so that no copy outlives
    its term; with ``?moved_to=FOLDER`` it goes to that folder, where others must end it.
    """

    operator: str
    security: str
    host: str
    port: int
    user: str = field(repr=False)
    password: str = field(repr=False)
    folder: str = "INBOX"
    moved_to: str = ""


def mailboxes(text: str) -> tuple[MailboxAt, ...]:
    """The mailboxes that the setting names; ValueError says in one sentence what is wrong.

    No sentence quotes what was written there: it holds passwords.
    """
    found = tuple(_mailbox(place + 1, words) for place, words in enumerate(text.split()))
    codes = [one.operator for one in found]
    if len(set(codes)) != len(codes):
        raise ValueError("MAILBOXES names one operator twice.")
    return found


def _mailbox(place: int, words: str) -> MailboxAt:
    operator, equals, url = words.partition("=")
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
        asked = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(f"MAILBOXES: the address of mailbox {place} cannot be read.") from None
    moved_to = asked.pop("moved_to", [""])
    complete = equals and operator and parts.hostname and parts.username and parts.password
    if not complete or asked or parts.fragment or len(moved_to) != 1:
        raise ValueError(
            f"MAILBOXES: mailbox {place} is not code=imaps://user:password@host/folder, "
            "perhaps with ?moved_to=FOLDER."
        )
    assert parts.hostname and parts.username and parts.password
    if parts.scheme not in PORTS:
        raise ValueError(f"MAILBOXES: mailbox {place} is neither imaps nor imap+starttls.")
    if parts.scheme == "imap" and parts.hostname not in LOOPBACK:
        raise ValueError(f"MAILBOXES: mailbox {place} would send its password in the clear.")
    return MailboxAt(
        operator=operator, security=parts.scheme, host=parts.hostname, port=port,
        user=unquote(parts.username), password=unquote(parts.password),
        folder=unquote(parts.path.lstrip("/")) or "INBOX", moved_to=moved_to[0],
    )  # fmt: skip
