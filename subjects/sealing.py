"""AES-256-GCM and HMAC-SHA256: sealing, wrapping, tokens. No Django, no database, no clock.

``bound`` is what a ciphertext is tied to (its key's number, the literal name of its field): it is
not secret, it is not stored, and opening with anything else refuses.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Iterator
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.errors import OperatorError, gettext_noop

KEY_BYTES = 32
NONCE_BYTES = 12
TOKEN_BYTES = 16
# What a wrapped key takes: nonce, key, tag.
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + 16
VERSION = b"\x01"
# Pieces of a sealed file; each has its own tag, so a reader needs no more memory than one.
PIECE_BYTES = 64 * 1024
_PREFIX_BYTES = 7
_PIECE_NUMBER_BYTES = 4


class CannotOpen(OperatorError):
    """The ciphertext was changed, cut, moved to another place, or is under another key."""

    template = gettext_noop("A sealed value cannot be opened: it is damaged or was moved.")
    status = 500


class WrongKey(OperatorError):
    template = gettext_noop("A key has %(length)s bytes; it must have %(wanted)s.")


def new_key() -> bytes:
    """256 random bits."""
    return os.urandom(KEY_BYTES)


def check_key(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise WrongKey(length=len(key), wanted=KEY_BYTES)
    return key


def fingerprint(key: bytes) -> str:
    """Sixteen hex digits that tell one key from another and say nothing else about it."""
    return hmac.digest(key, b"office:fingerprint", sha256)[:8].hex()


def seal(key: bytes, plain: bytes, bound: bytes) -> bytes:
    """Version, nonce, ciphertext and tag. The nonce is random: a key seals few values."""
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + AESGCM(key).encrypt(nonce, plain, bound)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """The plain bytes; refuses whatever was not sealed by this key for this place."""
    if sealed[:1] != VERSION or len(sealed) < 1 + NONCE_BYTES + 16:
        raise CannotOpen()
    try:
        nonce, rest = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        return AESGCM(key).decrypt(nonce, rest, bound)
    except InvalidTag:
        raise CannotOpen() from None


def wrap(kek: bytes, key: bytes, bound: bytes) -> bytes:
    """A data key under a key-encryption key: 60 bytes."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(kek).encrypt(nonce, key, bound)


def unwrap(kek: bytes, wrapped: bytes, bound: bytes) -> bytes:
    """The data key; refuses one that another KEK wrapped, or that belongs to another owner."""
    if len(wrapped) != WRAPPED_BYTES:
        raise CannotOpen()
    try:
        return AESGCM(kek).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound)
    except InvalidTag:
        raise CannotOpen() from None


def token(search_key: bytes, realm: int, kind: str, term: str) -> bytes:
    """What a search term leaves in the index: 128 bits of an HMAC.

    ``realm`` is the operator's number: the same person with two operators leaves two unrelated
    tokens. ``kind`` keeps a phone number apart from an account of the same digits.
    """
    return hmac.digest(search_key, f"{realm}:{kind}:{term}".encode(), sha256)[:TOKEN_BYTES]


def mark(evidence_key: bytes, realm: int, search: int, token: bytes) -> bytes:
    """What a destroyed token leaves as evidence: 128 bits of an HMAC over it.

    ``search`` is the number of the search key behind the token. Whoever lacks the evidence key
    can neither make a mark nor tell of whom one speaks, even with the search key and a guess.
    """
    told = b"office:evidence:%d:%d:%b" % (realm, search, token)
    return hmac.digest(evidence_key, told, sha256)[:TOKEN_BYTES]


# --- many values under one KEK, or many tokens of one key ---------------------------------------
class Sealer:
    """Seals many values under new keys of their own: as ``wrap`` and ``seal`` do, in less time."""

    def __init__(self, kek: bytes) -> None:
        self._wrapping = AESGCM(kek)

    def seal(self, plain: bytes, *, bound_key: bytes, bound: bytes) -> tuple[bytes, bytes]:
        """The new key, wrapped, and the value sealed under it."""
        drawn = os.urandom(KEY_BYTES + 2 * NONCE_BYTES)
        key, nonce = drawn[:KEY_BYTES], drawn[-NONCE_BYTES:]
        wrapping = drawn[KEY_BYTES:-NONCE_BYTES]
        wrapped = wrapping + self._wrapping.encrypt(wrapping, key, bound_key)
        return wrapped, VERSION + nonce + AESGCM(key).encrypt(nonce, plain, bound)


class Tokens:
    """``token`` for many terms of one search key, which is set up once."""

    def __init__(self, search_key: bytes) -> None:
        self._keyed = hmac.new(search_key, digestmod=sha256)

    def token(self, realm: int, kind: str, term: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(f"{realm}:{kind}:{term}".encode())
        return keyed.digest()[:TOKEN_BYTES]


# --- files: a stream of pieces -----------------------------------------------------------------
def seal_stream(key: bytes, pieces: Iterable[bytes], bound: bytes) -> Iterator[bytes]:
    """Seal a stream in pieces of 64 KiB; the last one is marked, so that a cut file shows.

    Each nonce is a random prefix, the piece's number and the mark (the STREAM construction).
    """
    prefix, cipher = os.urandom(_PREFIX_BYTES), AESGCM(key)
    yield VERSION + prefix
    source = _exactly(pieces, PIECE_BYTES, PIECE_BYTES)
    current, number = next(source, b""), 0
    for following in source:
        yield cipher.encrypt(_nonce(prefix, number, last=False), current, bound)
        current, number = following, number + 1
    yield cipher.encrypt(_nonce(prefix, number, last=True), current, bound)


def unseal_stream(key: bytes, pieces: Iterable[bytes], bound: bytes) -> Iterator[bytes]:
    """The plain pieces, each checked before it is given out; a cut or reordered file refuses.

    A file that was cut refuses at its end: whoever keeps what came before keeps too little.
    """
    source = _exactly(pieces, 1 + _PREFIX_BYTES, PIECE_BYTES + 16)
    header = next(source, b"")
    if header[:1] != VERSION or len(header) != 1 + _PREFIX_BYTES:
        raise CannotOpen()
    prefix, cipher, number = header[1:], AESGCM(key), 0
    current = next(source, None)
    if current is None:
        raise CannotOpen()
    while current is not None:
        following = next(source, None)
        try:
            yield cipher.decrypt(_nonce(prefix, number, last=following is None), current, bound)
        except InvalidTag:
            raise CannotOpen() from None
        current, number = following, number + 1


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(_PIECE_NUMBER_BYTES, "big") + (b"\x01" if last else b"\x00")


def _exactly(pieces: Iterable[bytes], first: int, size: int) -> Iterator[bytes]:
    """The stream cut anew: ``first`` bytes, then ``size`` bytes each, the rest last."""
    waiting, wanted = bytearray(), first
    for piece in pieces:
        # A view: one enormous piece is not copied once for each part that is cut from it.
        view = memoryview(piece)
        while len(waiting) + len(view) >= wanted:
            taken = wanted - len(waiting)
            waiting += view[:taken]
            yield bytes(waiting)
            view, waiting, wanted = view[taken:], bytearray(), size
        waiting += view
    if waiting:
        yield bytes(waiting)
