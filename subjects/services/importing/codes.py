"""Codes for many new cards at once."""

from __future__ import annotations

import os
from collections.abc import Iterator

from registry import seam
from subjects.models import DataSubject
from subjects.models.base import ALPHABET, CODE_LENGTH


def new_codes(number: int) -> list[str]:
    """So many codes that no card has; one query."""
    codes: set[str] = set()
    while len(codes) < number:
        wanted = set(_drawn(number - len(codes))) - codes
        taken = seam.among(DataSubject.objects.all(), "code", wanted).values_list("code", flat=True)
        codes |= wanted - set(taken)
    return list(codes)


def _drawn(number: int) -> Iterator[str]:
    """``new_code`` so many times, from one draw of random bytes.

    Those that would make the first letters likelier than the last are left out.
    """
    letters = ""
    while len(letters) < number * CODE_LENGTH:
        letters += os.urandom(number * (CODE_LENGTH + 1)).translate(_LETTERS, _UNFAIR).decode()
    for start in range(0, number * CODE_LENGTH, CODE_LENGTH):
        yield f"S-{letters[start : start + CODE_LENGTH]}"


_FAIR = 256 - 256 % len(ALPHABET)
_LETTERS = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_UNFAIR = bytes(range(_FAIR, 256))
