"""Systems that are told by machine what to destroy, and how both sides sign. No Django.

``WEBHOOKS`` = ``operator/system=https://name:secret@host/path`` for each system, parted by spaces.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SECRET_LENGTH = 32
FRESH = 300  # seconds, to either side
TIMEOUT = 20.0  # seconds
ANSWER_LIMIT = 1_000_000  # bytes
# What is signed says who speaks, so that neither side's message passes for the other's.
CALL, ANSWER = "call", "answer"
TIME_HEADER = "Office-Time"
SIGNATURE_HEADER = "Office-Signature"
KEY_HEADER = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class WebhookAt:
    """Where one system of one operator listens; what signs stays out of the repr."""

    operator: str
    system: str
    url: str
    secret: str = field(repr=False)


def webhooks(text: str, *, loopback: bool) -> tuple[WebhookAt, ...]:
    """The systems that the setting names; ValueError says in one sentence what is wrong.

    ``loopback``: this machine may be called without TLS. No sentence quotes what was written
    there: it holds secrets.
    """
    found = tuple(
        _webhook(place + 1, words, loopback=loopback) for place, words in enumerate(text.split())
    )
    named = [(one.operator, one.system) for one in found]
    if len(set(named)) != len(named):
        raise ValueError("WEBHOOKS names one system twice.")
    return found


def _webhook(place: int, words: str, *, loopback: bool) -> WebhookAt:
    named, equals, url = words.partition("=")
    operator, slash, system = named.partition("/")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"WEBHOOKS: the address of webhook {place} cannot be read.") from None
    if not (equals and slash and operator and system and parts.hostname and parts.password):
        raise ValueError(
            f"WEBHOOKS: webhook {place} is not operator/system=https://name:secret@host/path."
        )
    plain = parts.scheme == "http" and loopback and parts.hostname in LOOPBACK
    if parts.scheme != "https" and not plain:
        raise ValueError(f"WEBHOOKS: webhook {place} would send data of people in the clear.")
    secret = unquote(parts.password)
    if len(secret) < SECRET_LENGTH:
        raise ValueError(
            f"WEBHOOKS: the secret of webhook {place} is shorter than {SECRET_LENGTH} characters."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    query = f"?{parts.query}" if parts.query else ""
    at = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path or '/'}{query}"
    return WebhookAt(operator=operator, system=system, url=at, secret=secret)


# --- signing -------------------------------------------------------------------------------------
def signature(secret: str, *, who: str, path: str, at: int, body: bytes) -> str:
    """HMAC-SHA256, in hex, over who speaks, the path, the second and the body."""
    head = f"office-destruction:{who}:{path}:{at}\n".encode()
    return hmac.new(secret.encode(), head + body, hashlib.sha256).hexdigest()


def is_signed(
    secret: str, *, who: str, path: str, at: str, sign: str, body: bytes, now: float
) -> bool:
    """Whether the message is theirs and of these minutes."""
    if not (at.isascii() and at.isdigit() and len(at) <= 12) or abs(int(at) - now) > FRESH:
        return False
    wanted = signature(secret, who=who, path=path, at=int(at), body=body)
    return hmac.compare_digest(wanted.encode(), sign.encode("utf-8", "replace"))


# --- calling -------------------------------------------------------------------------------------
class CallFailed(Exception):
    """Why a system could not be told, in a word that holds nothing of what was sent or said."""


def call(hook: WebhookAt, *, key: str, body: bytes, now: float) -> Any:
    """Tell the system; what it answers, read as JSON (empty: nothing). ``CallFailed`` otherwise.

    Follows no redirect, uses no proxy, checks the certificate; ``key`` is the same for each try.
    """
    parts = urlsplit(hook.url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    at = int(now)
    headers = {
        "Content-Type": "application/json",
        KEY_HEADER: key,
        TIME_HEADER: str(at),
        SIGNATURE_HEADER: signature(hook.secret, who=CALL, path=path, at=at, body=body),
    }
    assert parts.hostname is not None
    connection = (
        http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=TIMEOUT, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
    )
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        if not 200 <= response.status < 300:
            raise CallFailed(f"HTTP {response.status}")
        content = _read(response)
    except (OSError, http.client.HTTPException) as error:
        raise CallFailed(type(error).__name__) from None
    finally:
        connection.close()
    return read(content) if content.strip() else {}


def _read(response: http.client.HTTPResponse) -> bytes:
    """Its body, unless it is too large or drips."""
    ends = time.monotonic() + TIMEOUT
    content = b""
    while part := response.read1(65_536):
        content += part
        if len(content) > ANSWER_LIMIT:
            raise CallFailed("answer too large")
        if time.monotonic() > ends:
            raise CallFailed("answer too slow")
    return content


def read(content: bytes) -> Any:
    """The JSON of a message; ``CallFailed`` when it is none."""
    try:
        return json.loads(content.decode())
    except (ValueError, RecursionError):
        raise CallFailed("no JSON") from None
