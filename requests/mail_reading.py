"""A mail as bytes -> what it says, however broken it is. Standard library only.

A mail may be a request whose clock runs from its arrival (152-FZ 14(3) and 20, 94-V 24), so no
bytes may stop the reading: ``read_mail`` never raises. What cannot be read is named in
``problems``; the caller keeps the bytes themselves beside it, so nothing is lost by a bad reading.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from enum import StrEnum
from typing import TypeVar

from requests.mail_words import (
    clean,
    decode_bytes,
    decode_words,
    header_text,
    html_to_text,
    one_line,
)

# What the office takes whole; of a larger mail only the head is read.
SIZE_LIMIT = 20 * 1024 * 1024
TEXT_LIMIT = 1_000_000
# The parser's time grows with lines times nesting: a mail beyond these is read without its parts.
LINE_LIMIT = 600_000
BOUNDARY_LIMIT = 100
DEPTH_LIMIT = 40
HEAD_LIMIT = 256 * 1024
ID_LIMIT = 200

Result = TypeVar("Result")

_ID = re.compile(r"<[^<>\s]{1,900}>")
_ADDRESS = re.compile(r"[^\s<>,;:\"()@\[\]]{1,64}@[^\s<>,;:\"()@\[\]]{1,255}")
_FORWARD = re.compile(r"\s*(?:fwd?|wg|пересл|пер)\s*:", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_BULK = {"bulk", "junk", "list", "auto_reply"}
_ROBOTS = {"mailer-daemon", "postmaster"}


class Problem(StrEnum):
    """Why a mail may say more than was read of it. Codes only: no word of the mail."""

    EMPTY = "empty"
    NO_HEADERS = "no_headers"
    TOO_LARGE = "too_large"
    TOO_NESTED = "too_nested"
    BROKEN = "broken"
    CHARSET = "charset"
    SENDER = "sender"
    SEVERAL_SENDERS = "several_senders"
    DATE = "date"
    TNEF = "tnef"
    TEXT_CUT = "text_cut"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file of a mail; ``name`` is the sender's word and no path."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReadMail:
    """What one mail says. All but ``digest`` is the sender's claim and may be forged.

    ``date_claimed`` is never the day of receipt; ``stamped_at`` is the topmost Received header,
    which the receiving server wrote. Values stay out of the repr, so that no traceback shows them.
    """

    digest: str
    message_id: str = field(repr=False)
    sender: str = field(repr=False)
    sender_name: str = field(repr=False)
    reply_to: str = field(repr=False)
    to: tuple[str, ...] = field(repr=False)
    subject: str = field(repr=False)
    date_claimed: datetime | None
    stamped_at: datetime | None
    text: str = field(repr=False)
    is_from_html: bool
    attachments: tuple[Attachment, ...] = field(repr=False)
    answers: tuple[str, ...] = field(repr=False)
    loop_marks: tuple[str, ...] = field(repr=False)
    is_auto_reply: bool
    is_bounce: bool
    is_forward: bool
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Parts:
    """What the walk has gathered so far."""

    texts: list[tuple[str, bool]]
    files: list[Attachment]
    problems: set[Problem]
    has_mail: bool = False


def read_mail(raw: bytes) -> ReadMail:
    """The mail in these bytes. Refuses nothing and never raises."""
    return _safely(lambda: read_unguarded(raw), None) or _unread(raw)


def read_unguarded(raw: bytes) -> ReadMail:
    """What ``read_mail`` does before its last guard: tests call it, so that the guard hides
    nothing from them."""
    problems: set[Problem] = set()
    message = _parsed(raw, problems)
    if message is None:
        message = _head_only(raw, problems)
        parts = _Parts([(_rest(raw, problems), False)], [], problems)
    else:
        parts = _Parts([], [], problems)
        _gather(message, parts, depth=0)
    headers = _headers(message)
    if not raw.strip():
        problems.add(Problem.EMPTY)
    elif not headers:
        problems.add(Problem.NO_HEADERS)

    senders = _addresses(headers.get("from", ()))
    if not senders or not senders[0][1]:
        problems.add(Problem.SENDER)
    elif len({address for _name, address in senders}) > 1:
        problems.add(Problem.SEVERAL_SENDERS)
    name, sender = senders[0] if senders else ("", "")
    date = _first(headers, "date")
    date_claimed = _moment(date)
    if date and date_claimed is None:
        problems.add(Problem.DATE)
    subject = one_line(decode_words(_first(headers, "subject")))
    text = "\n\n".join(piece for piece, _html in parts.texts if piece.strip())
    if len(text) > TEXT_LIMIT:
        text = text[:TEXT_LIMIT]
        problems.add(Problem.TEXT_CUT)
    ids = _ID.findall(_first(headers, "message-id"))
    return ReadMail(
        digest=hashlib.sha256(raw).hexdigest(),
        message_id=ids[0] if ids else "",
        sender=sender,
        sender_name=name,
        reply_to=next((one for _n, one in _addresses(headers.get("reply-to", ())) if one), ""),
        to=tuple(one for _n, one in _addresses(headers.get("to", ())) if one),
        subject=subject,
        date_claimed=date_claimed,
        stamped_at=_moment(_first(headers, "received").rpartition(";")[2]),
        text=text,
        is_from_html=any(html for piece, html in parts.texts if piece.strip()),
        attachments=tuple(parts.files),
        answers=_answered(headers),
        loop_marks=tuple(one_line(mark) for mark in headers.get("x-loop", ())),
        is_auto_reply=_is_auto(headers, message),
        is_bounce=_is_bounce(headers, message, sender),
        # A mail within a report is what came back, not what somebody passes on.
        is_forward=bool(_FORWARD.match(subject)) or (parts.has_mail and not _report_type(message)),
        problems=tuple(sorted(problems)),
    )


def _unread(raw: bytes) -> ReadMail:
    """Of a mail that nobody foresaw, the bytes as words: it goes to a person, not away."""
    return ReadMail(
        digest=hashlib.sha256(raw).hexdigest(),
        message_id="",
        sender="",
        sender_name="",
        reply_to="",
        to=(),
        subject="",
        date_claimed=None,
        stamped_at=None,
        text=clean(raw[:TEXT_LIMIT].decode("utf-8", "replace")),
        is_from_html=False,
        attachments=(),
        answers=(),
        loop_marks=(),
        is_auto_reply=False,
        is_bounce=False,
        is_forward=False,
        problems=(Problem.BROKEN,),
    )


# --- parsing -------------------------------------------------------------------------------------
def _safely(act: Callable[[], Result], otherwise: Result) -> Result:
    # The email package raises what its author did not foresee: IndexError, TypeError, LookupError,
    # RecursionError and more, by version. One mail must not stop the mailbox.
    try:
        return act()
    except Exception:
        return otherwise


def _parsed(raw: bytes, problems: set[Problem]) -> Message | None:
    if len(raw) > SIZE_LIMIT:
        problems.add(Problem.TOO_LARGE)
        return None
    if raw.count(b"\n") > LINE_LIMIT or raw.lower().count(b"boundary") > BOUNDARY_LIMIT:
        problems.add(Problem.TOO_NESTED)
        return None
    message = _safely(lambda: message_from_bytes(raw), None)
    if message is None:
        problems.add(Problem.BROKEN)
    return message


def _split(raw: bytes) -> tuple[bytes, bytes]:
    end = _HEAD_END.search(raw, 0, HEAD_LIMIT)
    return (raw[: end.start()], raw[end.end() :]) if end else (raw[:HEAD_LIMIT], raw[HEAD_LIMIT:])


def _head_only(raw: bytes, problems: set[Problem]) -> Message:
    head = _safely(lambda: message_from_bytes(_split(raw)[0] + b"\n\n"), None)
    if head is None:
        problems.add(Problem.BROKEN)
        return Message()
    return head


def _rest(raw: bytes, problems: set[Problem]) -> str:
    body = _split(raw)[1]
    if len(body) > TEXT_LIMIT:
        problems.add(Problem.TEXT_CUT)
    return _decoded(body[:TEXT_LIMIT], "", problems)


def _decoded(content: bytes, charset: str, problems: set[Problem]) -> str:
    text, as_said = decode_bytes(content, charset)
    if not as_said:
        problems.add(Problem.CHARSET)
    return clean(text.replace("\r\n", "\n").replace("\r", "\n"))


# --- the parts -----------------------------------------------------------------------------------
def _gather(part: Message, parts: _Parts, depth: int) -> None:
    """Texts and files of this part, in the order of the mail."""
    if depth > DEPTH_LIMIT:
        parts.problems.add(Problem.TOO_NESTED)
        return
    if part.defects:
        parts.problems.add(Problem.BROKEN)
    kind = _safely(part.get_content_type, "text/plain")
    # Asked only where it is a list: for a text, ``get_payload`` decodes, and may fail.
    payload = part.get_payload() if part.is_multipart() else None
    if kind.startswith("message/") and isinstance(payload, list):
        _keep_mail(part, kind, parts, depth)
    elif isinstance(payload, list):
        before = len(parts.texts)
        for child in payload:
            if isinstance(child, Message):
                _gather(child, parts, depth + 1)
        said = parts.texts[before:]
        # The same words twice: the plain ones are shown, if they are there (RFC 2046, 5.1.4).
        if kind == "multipart/alternative" and any(t.strip() for t, html in said if not html):
            parts.texts[before:] = [(text, html) for text, html in said if not html]
    else:
        _leaf(part, kind, parts)


def _keep_mail(part: Message, kind: str, parts: _Parts, depth: int) -> None:
    inner = [one for one in part.get_payload() if isinstance(one, Message)]
    for one in inner:
        content = _safely(one.as_bytes, b"")
        if not content and kind == "message/rfc822":
            parts.problems.add(Problem.BROKEN)
            _gather(one, parts, depth + 1)
            continue
        suffix = "eml" if kind == "message/rfc822" else "txt"
        name = f"{kind.partition('/')[2]}-{len(parts.files) + 1}.{suffix}"
        parts.files.append(Attachment(_file_name(name), kind, content))
    parts.has_mail = parts.has_mail or (kind == "message/rfc822" and bool(inner))


def _leaf(part: Message, kind: str, parts: _Parts) -> None:
    content = _safely(lambda: part.get_payload(decode=True), None)
    if not isinstance(content, bytes):
        kept = _safely(lambda: str(part.get_payload() or ""), "")
        content = kept.encode("utf-8", "replace")
        parts.problems.add(Problem.BROKEN)
    name = _file_name(decode_words(header_text(_safely(lambda: part.get_filename() or "", ""))))
    # Said by a header that cannot be read, it is a text: a text in sight is lost on nobody.
    is_file = _safely(lambda: part.get_content_disposition() == "attachment", False) or bool(name)
    # A multipart without parts is a text whose boundary was lost.
    if not is_file and (kind in ("text/plain", "text/html") or kind.startswith("multipart/")):
        charset = _safely(lambda: part.get_content_charset() or "", "")
        text = _decoded(content, charset, parts.problems)
        is_html = kind == "text/html"
        parts.texts.append((html_to_text(text) if is_html else text, is_html))
        return
    if kind == "application/ms-tnef" or name.casefold() == "winmail.dat":
        parts.problems.add(Problem.TNEF)
    if content or name:
        parts.files.append(
            Attachment(name or f"attachment-{len(parts.files) + 1}", one_line(kind), content)
        )


def _file_name(name: str) -> str:
    """The last step of the sender's path, without what a file system reads as a sign."""
    return re.sub(r'[<>:"|?*]', "", re.split(r"[/\\]", one_line(name))[-1]).strip(". ")[-150:]


# --- the headers ---------------------------------------------------------------------------------
def _headers(message: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        found.setdefault(name.strip().lower(), []).append(header_text(str(value)))
    return found


def _first(headers: dict[str, list[str]], name: str) -> str:
    return headers.get(name, [""])[0]


def _addresses(values: list[str] | tuple[str, ...]) -> list[tuple[str, str]]:
    """Names and addresses. A name is decoded after the address is found: else a name holding an
    encoded ``<boss@example.com>`` would pass for the sender."""
    found: list[tuple[str, str]] = []
    for value in values[:10]:
        pairs = _pairs(value)
        good = [
            (one_line(decode_words(name)), address.strip())
            for name, address in pairs
            if _ADDRESS.fullmatch(address.strip())
        ]
        found += good or [("", one) for one in _ADDRESS.findall(value)]
    return [(name, _lowered(address)) for name, address in found]


def _pairs(value: str) -> list[tuple[str, str]]:
    nothing: list[tuple[str, str]] = []
    return _safely(lambda: getaddresses([value]), nothing)


def _lowered(address: str) -> str:
    local, _at, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def _moment(value: str) -> datetime | None:
    if not value.strip():
        return None
    moment = _safely(lambda: parsedate_to_datetime(value.strip()), None)
    if moment is None:
        return None
    # An hour at the edge of the calendar has no UTC.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _safely(lambda: aware.astimezone(UTC), None)


def _answered(headers: dict[str, list[str]]) -> tuple[str, ...]:
    """Ids of the mails that this one answers, the nearest first."""
    direct = [one for value in headers.get("in-reply-to", ()) for one in _ID.findall(value)]
    older = [one for value in headers.get("references", ()) for one in _ID.findall(value)]
    return tuple(dict.fromkeys(direct + older[::-1]))[:ID_LIMIT]


def _is_auto(headers: dict[str, list[str]], message: Message) -> bool:
    """Written by a machine (RFC 3834): it opens nothing and is never answered by one."""
    submitted = _first(headers, "auto-submitted").partition(";")[0].strip().lower()
    suppress = _first(headers, "x-auto-response-suppress").strip().lower()
    return (
        submitted not in ("", "no")
        or suppress not in ("", "none")
        or _first(headers, "precedence").strip().lower() in _BULK
        or any(name in headers for name in ("x-autoreply", "x-autorespond"))
        or _report_type(message) == "disposition-notification"
    )


def _report_type(message: Message) -> str:
    """What a multipart/report reports (RFC 6522); empty for any other mail."""
    if _safely(message.get_content_type, "") != "multipart/report":
        return ""
    said = _safely(lambda: str(message.get_param("report-type", "") or ""), "")
    return said.strip().lower() or "unnamed"


def _is_bounce(headers: dict[str, list[str]], message: Message, sender: str) -> bool:
    return (
        _report_type(message) not in ("", "disposition-notification")
        or _first(headers, "return-path").strip() == "<>"
        or sender.partition("@")[0].lower() in _ROBOTS
    )
