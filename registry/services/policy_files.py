"""The text of a policy from a file: taken as it stands, or refused whole by name."""

from __future__ import annotations

import codecs
import unicodedata
from pathlib import Path

from registry.errors import OperatorError, gettext_noop

MOST_BYTES = 1024 * 1024
# What the first bytes of other encodings look like; the longer mark comes first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class PolicyFileUnreadable(OperatorError):
    template = gettext_noop("The file %(name)s cannot be read.")


class PolicyTooBig(OperatorError):
    template = gettext_noop("The policy is bigger than %(limit)s MB: no policy is that long.")


class PolicyEmpty(OperatorError):
    template = gettext_noop("The policy is empty.")


class PolicyEncoding(OperatorError):
    template = gettext_noop("The policy is not in UTF-8 but looks like %(encoding)s: convert it.")


class PolicyNotUtf8(OperatorError):
    template = gettext_noop("The policy is not a text in UTF-8.")


class PolicyNotText(OperatorError):
    template = gettext_noop(
        "Line %(line)s of the policy has a control character, which no text has."
    )


def policy_text_of(source: bytes | Path) -> str:
    """The text of the file as it stands; only a byte order mark and CRs before LFs are dropped.

    Reads no more than the limit and one byte. Refuses a file that is not there, too big, empty,
    in another encoding, or not text.
    """
    raw = source if isinstance(source, bytes) else _read(source)
    if len(raw) > MOST_BYTES:
        raise PolicyTooBig(limit=MOST_BYTES // 1024 // 1024)
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            raise PolicyEncoding(encoding=encoding)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding = _guess(raw)
        if not encoding:
            raise PolicyNotUtf8() from None
        raise PolicyEncoding(encoding=encoding) from None
    if _like_utf16(raw):
        # Without its mark it may well be text in UTF-8, of control characters.
        raise PolicyEncoding(encoding="UTF-16")
    text = text.replace("\r\n", "\n")
    check_policy_text(text)
    return text


def check_policy_text(text: str) -> None:
    """Refuse what is no text of a policy: nothing, too much, control characters."""
    if not text.strip():
        raise PolicyEmpty()
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise PolicyTooBig(limit=MOST_BYTES // 1024 // 1024)
    for place, char in enumerate(text):
        if char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cs"}:
            raise PolicyNotText(line=text.count("\n", 0, place) + 1)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except (OSError, ValueError):
        raise PolicyFileUnreadable(name=path.name) from None


def _guess(raw: bytes) -> str:
    """The encoding that bytes which are no UTF-8 most likely have; "" for what is no text."""
    if _like_utf16(raw):
        return "UTF-16"
    counts = {}
    for name, encoding in (("Windows-1251", "cp1251"), ("KOI8-R", "koi8-r"), ("CP866", "cp866")):
        text = raw.decode(encoding, "replace")
        # Prose is small letters; read in the wrong encoding it is capitals or signs.
        counts[name] = sum("а" <= char <= "я" for char in text)
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] * 3 >= len(raw) else ""


def _like_utf16(raw: bytes) -> bool:
    """Whether each letter has a second byte: a zero of Latin ones, a four of Cyrillic ones."""
    return (raw.count(b"\0") + raw.count(b"\x04")) * 4 >= len(raw) > 0
