"""What is looked for: every form of bytes in which a value may have been kept."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from registry.errors import OperatorError, gettext_noop

SHORTEST = 4  # characters
# What browsers leave as it is in a whole address, beside encoding everything.
_URL_SAFE = ("", "@:/?&=+$,;#!'()*")
# What quoted-printable leaves as it is: in a body, in a header by Python, in a header by others.
_PRINTED = (" !\"#$%&'()*+,-./:;<>?@[\\]^_`{|}~", "-!*+/", "")
_HEX_DIGITS = {
    "json": re.compile(r"(\\u)([0-9a-fA-F]{4})"),
    "url": re.compile(r"(%)([0-9a-fA-F]{2})"),
    "quoted-printable": re.compile(r"(=)([0-9a-fA-F]{2})"),
}
# The first escape of a needle: where a piece has none such, no escaped needle can be there.
_ESCAPE = re.compile(rb"\\u..|[%=][0-9A-Fa-f]{2}|&#x?.")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")
# 8-bit alphabets of Russian and of Kazakh.
_CODE_PAGES = ("cp1251", "kz1048")


class NoValues(OperatorError):
    template = gettext_noop("No values: give them on standard input, one a line.")


class ValueTooShort(OperatorError):
    """``number``: the line of the value; the value itself is in no message."""

    template = gettext_noop(
        "Value %(number)s is shorter than %(least)s characters: it would be found everywhere."
    )


@dataclass(frozen=True)
class Needle:
    """One form of one value.

    ``gate``: bytes without which the piece needs no search. ``exact``: for base64, the same
    with the neighbouring characters, which share bits with the value.
    """

    data: bytes
    form: str
    number: int
    gate: bytes
    exact: re.Pattern[bytes] | None = None

    def find(self, piece: bytes, start: int = 0) -> int:
        """Where in the piece; -1 when nowhere."""
        at = piece.find(self.data, start)
        if at < 0 or self.exact is None:
            return at
        match = self.exact.search(piece, max(0, at - 1))
        return match.start(1) if match else -1


class Needles:
    """The values, prepared. Blank ones are skipped; numbers count from 1, blank ones too.

    Refuses values of fewer than four characters, and an input without any value.
    """

    def __init__(self, values: Iterable[str]) -> None:
        found: dict[bytes, Needle] = {}
        self._whole: dict[str, int] = {}
        compact: dict[bytes, Needle] = {}
        for number, line in enumerate(values, start=1):
            value = unicodedata.normalize("NFC", line.strip())
            if not value:
                continue
            if len(value) < SHORTEST:
                raise ValueTooShort(number=number, least=SHORTEST)
            self._whole.setdefault(value, number)
            for needle in _needles(value, number):
                found.setdefault(needle.data, needle)
            bare = "".join(value.split()).encode()
            compact.setdefault(bare, Needle(bare, "utf-8", number, b""))
        if not found:
            raise NoValues()
        self.all = tuple(found.values())
        # Without its spaces: text that was drawn (PDF) comes back with spaces of its own.
        self.compact = tuple(compact.values())
        self.longest = max(len(data) for data in found)

    def only(self, *forms: str) -> tuple[Needle, ...]:
        return tuple(needle for needle in self.all if needle.form in forms)

    def whole(self, text: str) -> int | None:
        """The number of the value that the text is, if it is one."""
        return self._whole.get(text)

    def redacted(self, text: str) -> str:
        """The text with every value in it, in any form, replaced; on one printable line."""
        data = text.encode("utf-8", "surrogateescape")
        for needle in sorted((*self.all, *self.compact), key=lambda one: -len(one.data)):
            data = data.replace(needle.data, b"***")
        shown = data.decode("utf-8", "backslashreplace")
        return "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown
        )


def grouped(needles: Iterable[Needle]) -> dict[bytes, tuple[Needle, ...]]:
    """By gate, so that one look spares many."""
    groups: dict[bytes, list[Needle]] = {}
    for needle in needles:
        groups.setdefault(needle.gate, []).append(needle)
    return {gate: tuple(group) for gate, group in groups.items()}


def _needles(value: str, number: int) -> Iterator[Needle]:
    for form, data in _plain(value):
        yield Needle(data, form, number, b"")
    for form, text in _escaped(value):
        data = text.encode()
        escape = _ESCAPE.search(data)
        yield Needle(data, form, number, escape.group() if escape else b"")
    for form, data in (
        ("base64", value.encode()),
        ("base64", _json(value).encode()),
        ("base64 of utf-16-le", value.encode("utf-16-le")),
    ):
        for core, exact in _base64(data):
            yield Needle(core, form, number, b"", exact)


def _plain(value: str) -> Iterator[tuple[str, bytes]]:
    # Decomposed letters come from file names of macOS; other case from whatever folds it.
    for text in (value, unicodedata.normalize("NFD", value), value.lower(), value.upper()):
        yield "utf-8", text.encode()
    for encoding in ("utf-16-le", "utf-16-be"):
        yield encoding, value.encode(encoding)
    for encoding in _CODE_PAGES:
        try:
            yield encoding, value.encode(encoding)
        except UnicodeEncodeError:
            continue
    for form, encoding in (
        ("hex", "utf-8"),
        ("hex of utf-16-le", "utf-16-le"),
        ("hex of utf-16-be", "utf-16-be"),
    ):
        digits = value.encode(encoding).hex()
        yield form, digits.encode()
        yield form, digits.upper().encode()


def _escaped(value: str) -> Iterator[tuple[str, str]]:
    yield from _both_cases("json", _json(value))
    yield "json", json.dumps(value, ensure_ascii=False)[1:-1]
    for safe in _URL_SAFE:
        yield from _both_cases("url", quote(value, safe=safe))
        yield from _both_cases("url", quote_plus(value, safe=safe))
    for keep in _PRINTED:
        printed = _quoted(value, keep)
        yield from _both_cases("quoted-printable", printed)
        yield from _both_cases("quoted-printable", printed.replace("=20", "_"))
    yield "html", html.escape(value)
    yield "html", html.escape(value, quote=False)
    yield "html", html.escape(value).replace("&#x27;", "&#39;")
    yield "html", html.escape(value).replace("&#x27;", "&apos;")
    for reference in ("&#{:d};", "&#x{:x};", "&#x{:X};", "&#x{:04x};", "&#x{:04X};"):
        every = "".join(reference.format(ord(char)) for char in value)
        yield "character references", every
        yield (
            "character references",
            "".join(
                html.escape(char) if char.isascii() else reference.format(ord(char))
                for char in value
            ),
        )


def _json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _both_cases(form: str, text: str) -> Iterator[tuple[str, str]]:
    """Its hexadecimal digits in upper and in lower case."""
    yield form, _HEX_DIGITS[form].sub(lambda match: match[1] + match[2].upper(), text)
    yield form, _HEX_DIGITS[form].sub(lambda match: match[1] + match[2].lower(), text)


def _quoted(value: str, keep: str) -> str:
    return "".join(
        char
        if char.isascii() and (char.isalnum() or char in keep)
        else "".join(f"={byte:02X}" for byte in char.encode())
        for char in value
    )


def _base64(data: bytes) -> Iterator[tuple[bytes, re.Pattern[bytes]]]:
    """At each of the three places in a group of bytes: what no neighbour changes."""
    for before in range(3):
        text = b64encode(bytes(before) + data + bytes(2))
        bits = 8 * (before + len(data))
        first, last = -(-8 * before // 6), bits // 6
        core = text[first:last]
        # The characters at the edges hold bits of the value and bits of its neighbours.
        left = _sharing(text[first - 1], 6 * first - 8 * before, low=True) if before else b""
        right = _sharing(text[last], bits - 6 * last, low=False) if bits % 6 else b""
        for one in dict.fromkeys((core, core.translate(_TO_URLSAFE))):
            yield one, re.compile(left + b"(" + re.escape(one) + b")" + right)


def _sharing(char: int, bits: int, *, low: bool) -> bytes:
    """The class of characters with the same low (or high) bits, in both alphabets."""
    number = _BASE64.index(char)
    same = [
        other
        for index, other in enumerate(_BASE64)
        if (index ^ number) & ((1 << bits) - 1 if low else (0x3F << (6 - bits)) & 0x3F) == 0
    ]
    both = bytes(same) + bytes(same).translate(_TO_URLSAFE)
    return b"[" + re.escape(both) + b"]"
