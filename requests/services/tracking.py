"""The code by which a person follows a request: made, told, and found again.

Twenty signs that cannot be taken for one another, 99 bits: nobody guesses one. The table holds its
hash, so that a copy of it opens no page, and the code itself sealed, for letters to name the link.
"""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.urls import reverse

from registry.errors import OperatorError, gettext_noop
from registry.models import Operator
from requests.models import SubjectRequest
from subjects.models.base import ALPHABET
from subjects.vault import store
from subjects.vault.sealing_bridge import text_of

CODE_LENGTH = 20
GROUP = 5


class NoSuchRequest(OperatorError):
    """One sentence for whatever does not fit, so that it tells nothing of what would."""

    status = 404
    template = gettext_noop("No request is found by this number and code.")


def new_code() -> str:
    """Twenty random signs, without the hyphens that people see."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def _bare(text: str) -> str:
    """The signs of a code as somebody typed it: capitals, without what groups them."""
    return "".join(sign for sign in text.upper() if sign.isascii() and sign.isalnum())


def spelled(text: str) -> str:
    """A code as we write it, such as ``7F3K9-QWXYZ-23456-ABCDE``: to be read aloud."""
    code = _bare(text)
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def hash_of(code: str) -> str:
    """By what the request of a code is found."""
    return hashlib.sha256(_bare(code).encode()).hexdigest()


def code_of(row: SubjectRequest) -> str | None:
    """The request's code as people see it; None: it never had one, or it is destroyed.

    Refuses a code that was lost, and one that carries the key of another row.
    """
    number = row.tracking_key
    if number is None:
        return None
    keys, gone = store.keys_and_gone([number])
    if number in gone:
        return None
    if number not in keys:
        raise store.ValueLost()
    opened = text_of(row, "tracking", keys[number], row.tracking.raw)
    return spelled(opened)


def tracking_path(row: SubjectRequest) -> str | None:
    """The path of the page where the person follows the request: ``/<operator>/track/<code>/``."""
    code = code_of(row)
    if code is None:
        return None
    return reverse("public_track", args=[row.operator.code, code])


def tracking_link(row: SubjectRequest) -> str:
    """The whole address of that page, for letters and the phone; empty where there is none."""
    path = tracking_path(row)
    return settings.OFFICE_URL.rstrip("/") + path if path else ""


def request_by(operator: Operator, code: str) -> SubjectRequest:
    """The operator's request that this code names, whatever its case, spaces and hyphens.

    One query, right or wrong. Refuses a code that names none, or one of another operator.
    """
    found = (
        SubjectRequest.objects.filter(operator=operator, tracking_hash=hash_of(code))
        .select_related("operator__jurisdiction", "operator__responsible")
        .first()
    )
    if found is None:
        raise NoSuchRequest()
    return found
