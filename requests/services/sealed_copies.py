"""Sealed files that hold copies of people's values: they end with the first value in them."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import datetime

from django.db import transaction

from registry import seam
from registry.models import User
from subjects.models import SealedFile, VaultKey
from subjects.services.destruction import keys_destroy


def packed(numbers: Iterable[int]) -> bytes:
    """Eight bytes each, in their order, deflated: a hundred thousand are some 200 KB."""
    return zlib.compress(b"".join(number.to_bytes(8, "big") for number in sorted(numbers)))


def unpacked(content: bytes) -> list[int]:
    plain = zlib.decompress(content) if content else b""
    return [int.from_bytes(plain[at : at + 8], "big") for at in range(0, len(plain), 8)]


def outlived(keys: Collection[int]) -> bool:
    """Whether the key of a value in it is there no more: by the keys themselves, whatever moment
    their destruction gives for itself.
    """
    return seam.numbered(VaultKey.objects.order_by(), "id", keys).count() != len(keys)


def copies_end(files: Iterable[SealedFile], *, reason: str, by: User | None, now: datetime) -> bool:
    """Destroy their keys, then their bytes; False: somebody was faster. In a transaction."""
    files = list(files)
    if not keys_destroy([file.key for file in files], reason=reason, by=by, now=now):
        return False

    def remove() -> None:
        # Their keys are gone; what a killed process leaves is taken by the sweep of the files.
        for file in files:
            with suppress(OSError):
                file.path.unlink(missing_ok=True)

    transaction.on_commit(remove)
    return True
