"""The operators' mailboxes are read: each mail is sealed here first, then leaves the mailbox.

The mailbox is the queue: what lies in it is not taken yet. Dying between the sealing and the
leaving does no harm, because the same mail twice is one.
"""

from __future__ import annotations

import imaplib
import logging
import ssl
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import InterfaceError, OperationalError
from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted

from registry.errors import OperatorError
from registry.models import Operator
from requests.mail_reading import HEAD_LIMIT
from requests.mailboxes import MailboxAt
from requests.services.mailbox import MAIL_BYTES, mail_ingested

log = logging.getLogger(__name__)
TIMEOUT = 30
# So many of one mailbox in one run; the next run goes on.
AT_ONCE = 200


def mailboxes_fetch(*, boxes: Iterable[MailboxAt], now: datetime) -> dict[str, int]:
    """Take what lies in the mailboxes, oldest first: how many were taken, left and failed.

    Received is when the mail server took it (INTERNALDATE), never what the mail says of itself. Of
    a mail of over 50 MB the beginning is taken, and the mail is left where it is, like one that
    the operator may not take. A mailbox that cannot be reached keeps no other waiting. Late or
    twice it does no harm. Must not stand in a transaction.
    """
    did = dict.fromkeys(("taken", "left", "failed"), 0)
    for box in boxes:
        try:
            _fetch(box, did, now)
        except (OperationalError, InterfaceError):
            # The database itself is away: nobody's turn would come.
            raise
        except Exception as error:
            # What the server said may quote a mail: the class of the error alone.
            log.error("mailbox of %s: %s", box.operator, type(error).__name__)
            did["failed"] += 1
    return did


def _fetch(box: MailboxAt, did: dict[str, int], now: datetime) -> None:
    operator = Operator.objects.select_related("jurisdiction", "responsible").get(code=box.operator)
    with _opened(box) as mailbox:
        plain = (box.user + box.password).isascii()
        log_in = mailbox.login if plain else mailbox.login_utf8
        log_in(box.user, box.password, initial_folder=box.folder)
        for uid in mailbox.uids()[:AT_ONCE]:
            found = _mail(mailbox, uid)
            if found is None:
                continue  # somebody else took it meanwhile
            raw, received_at, whole = found
            try:
                mail_ingested(
                    operator=operator, raw=raw, received_at=min(received_at or now, now), by=None,
                    now=now,
                )  # fmt: skip
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                # One that cannot be taken stays in its mailbox, and keeps no other waiting.
                log.error("mailbox of %s: mail %s: %s", box.operator, uid, type(error).__name__)
                did["left"] += 1
                did["failed"] += not isinstance(error, OperatorError)
                continue
            did["taken"] += 1
            if not whole:
                did["left"] += 1
            elif box.moved_to:
                mailbox.move(uid, box.moved_to)
            else:
                mailbox.delete(uid)


def _opened(box: MailboxAt) -> BaseMailBox:
    """A connection, not logged in; the library itself would trust any certificate."""
    if box.security == "imap":
        return MailBoxUnencrypted(box.host, box.port, timeout=TIMEOUT)
    trusted = ssl.create_default_context()
    if box.security == "imap+starttls":
        return MailBoxStartTls(box.host, box.port, timeout=TIMEOUT, ssl_context=trusted)
    return MailBox(box.host, box.port, timeout=TIMEOUT, ssl_context=trusted)


def _mail(mailbox: BaseMailBox, uid: str) -> tuple[bytes, datetime | None, bool] | None:
    """Its bytes, when the server took it, and whether that is the whole mail. Marks nothing."""
    told = _asked(mailbox, uid, "(RFC822.SIZE INTERNALDATE)")
    if told is None:
        return None
    head, _nothing = told
    size = int(head.partition(b"RFC822.SIZE ")[2].split(b" ")[0].rstrip(b")") or 0)
    whole = size <= MAIL_BYTES
    got = _asked(mailbox, uid, "(BODY.PEEK[])" if whole else f"(BODY.PEEK[]<0.{HEAD_LIMIT}>)")
    if got is None:
        return None
    stamped = imaplib.Internaldate2tuple(head)
    received_at = datetime.fromtimestamp(time.mktime(stamped), UTC) if stamped else None
    return got[1], received_at, whole


def _asked(mailbox: BaseMailBox, uid: str, parts: str) -> tuple[bytes, bytes] | None:
    """What the server tells of this mail and the literal that it sends; None: it is gone."""
    state, answer = mailbox.client.uid("FETCH", uid, parts)
    if state != "OK":
        raise imaplib.IMAP4.error(state)
    for one in answer:
        if isinstance(one, tuple):
            return one[0], one[1]
        if isinstance(one, bytes) and b"(" in one:
            return one, b""
    return None
