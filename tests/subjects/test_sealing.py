"""AES-256-GCM, HMAC and the stream of pieces: what opens, and all that must not."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subjects import sealing
from subjects.sealing import PIECE_BYTES, CannotOpen

KEY, OTHER = b"k" * 32, b"o" * 32


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_what_is_sealed_opens_where_it_was_sealed(plain: bytes, bound: bytes) -> None:
    sealed = sealing.seal(KEY, plain, bound)
    assert sealing.unseal(KEY, sealed, bound) == plain
    assert len(sealed) == 1 + 12 + len(plain) + 16
    assert plain not in sealed or len(plain) < 4


def test_the_same_value_never_looks_the_same() -> None:
    assert len({sealing.seal(KEY, b"value", b"x") for _ in range(50)}) == 50
    assert len({sealing.wrap(KEY, OTHER, b"x") for _ in range(50)}) == 50


def test_any_changed_byte_refuses() -> None:
    sealed = sealing.seal(KEY, b"value", b"here")
    wrapped = sealing.wrap(KEY, OTHER, b"here")
    for at in range(len(sealed)):
        with pytest.raises(CannotOpen):
            sealing.unseal(KEY, _flipped(sealed, at), b"here")
    for at in range(len(wrapped)):
        with pytest.raises(CannotOpen):
            sealing.unwrap(KEY, _flipped(wrapped, at), b"here")
    for short in range(len(sealed)):
        with pytest.raises(CannotOpen):
            sealing.unseal(KEY, sealed[:short], b"here")
    for cut in (b"", wrapped[:-1], wrapped + b"x"):
        with pytest.raises(CannotOpen):
            sealing.unwrap(KEY, cut, b"here")


def test_another_key_or_place_refuses() -> None:
    sealed, wrapped = sealing.seal(KEY, b"v", b"here"), sealing.wrap(KEY, OTHER, b"here")
    for key, bound in ((OTHER, b"here"), (KEY, b"there"), (KEY, b"")):
        with pytest.raises(CannotOpen):
            sealing.unseal(key, sealed, bound)
        with pytest.raises(CannotOpen):
            sealing.unwrap(key, wrapped, bound)


def test_a_refusal_quotes_nothing() -> None:
    sealed = sealing.seal(KEY, b"Ivanov", b"here")
    with pytest.raises(CannotOpen) as caught:
        sealing.unseal(OTHER, sealed, b"here")
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert "Ivanov" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33, 64])
def test_a_key_has_256_bits(length: int) -> None:
    with pytest.raises(sealing.WrongKey):
        sealing.check_key(b"x" * length)


def test_tokens_tell_operators_kinds_and_terms_apart() -> None:
    made = {
        sealing.token(key, realm, kind, term)
        for key in (KEY, OTHER)
        for realm in (1, 11)
        for kind in ("phone", "account")
        for term in ("1:2", "12")
    }
    assert len(made) == 16 and all(len(token) == 16 for token in made)


def test_a_fingerprint_is_no_token() -> None:
    assert sealing.fingerprint(KEY) != sealing.fingerprint(OTHER)
    assert len(sealing.fingerprint(KEY)) == 16


# --- files ---------------------------------------------------------------------------------------
def _sealed(plain: bytes, size: int = 10_000) -> bytes:
    pieces = (plain[at : at + size] for at in range(0, len(plain), size))
    return b"".join(sealing.seal_stream(KEY, pieces, b"file"))


def _opened(sealed: bytes, size: int = 10_000, key: bytes = KEY, bound: bytes = b"file") -> bytes:
    pieces = (sealed[at : at + size] for at in range(0, len(sealed), size))
    return b"".join(sealing.unseal_stream(key, pieces, bound))


@pytest.mark.parametrize(
    "length",
    [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 3 * PIECE_BYTES + 7],
)
@pytest.mark.parametrize("size", [1 << 10, PIECE_BYTES, 10 << 20])
def test_a_file_of_any_length_comes_back(length: int, size: int) -> None:
    plain = bytes(range(256)) * (length // 256 + 1)
    plain = plain[:length]
    sealed = _sealed(plain, size)
    assert _opened(sealed, size) == plain
    pieces = max(1, -(-length // PIECE_BYTES))
    assert len(sealed) == 8 + length + 16 * pieces


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=PIECE_BYTES * 2), max_size=4), st.integers(1, 100_000))
def test_a_file_in_any_pieces_comes_back(pieces: list[bytes], size: int) -> None:
    sealed = b"".join(sealing.seal_stream(KEY, pieces, b"file"))
    assert _opened(sealed, size) == b"".join(pieces)


def test_a_cut_lengthened_or_reordered_file_refuses() -> None:
    sealed = _sealed(b"x" * (3 * PIECE_BYTES))
    step = PIECE_BYTES + 16
    first, second, third = (sealed[8 + n * step : 8 + (n + 1) * step] for n in range(3))
    head = sealed[:8]
    for wrong in (
        b"", head[:5], head, head + first, head + first + second, head + first[:-1],
        head + second + first + third, head + first + third, head + first + first + third,
        sealed + b"x", sealed + third, sealed[:-1], b"\x02" + sealed[1:],
        _sealed(b"y" * (3 * PIECE_BYTES))[:8] + sealed[8:],
    ):  # fmt: skip
        with pytest.raises(CannotOpen):
            _opened(wrong)


def test_a_file_opens_with_its_key_in_its_place_only() -> None:
    sealed = _sealed(b"x" * 100)
    for key, bound in ((OTHER, b"file"), (KEY, b"value")):
        with pytest.raises(CannotOpen):
            _opened(sealed, key=key, bound=bound)


def test_memory_stays_flat_whatever_the_length() -> None:
    def source() -> Iterator[bytes]:
        for _ in range(50):
            yield bytes(1 << 20)

    def through() -> Iterable[bytes]:
        return sealing.unseal_stream(KEY, sealing.seal_stream(KEY, source(), b"f"), b"f")

    tracemalloc.start()
    try:
        assert sum(map(len, through())) == 50 << 20
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()


def test_one_enormous_piece_takes_no_longer_than_many() -> None:
    began = time.monotonic()
    assert sum(map(len, sealing.seal_stream(KEY, [bytes(100 << 20)], b"f"))) > 100 << 20
    assert time.monotonic() - began < 5


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
