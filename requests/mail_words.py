"""Bytes, encoded words and HTML of a mail -> plain words. Standard library only; never raises.

Every step takes time in proportion to its input: mail is written by strangers.
"""

from __future__ import annotations

import binascii
import codecs
import html
import re
import unicodedata
from contextlib import suppress

HEADER_LIMIT = 20_000
HTML_LIMIT = 4_000_000

# Codecs of Python that are no charset of any mail; some of them are slow on purpose-made input.
_NO_CHARSET = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs"}
_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_FOLD = re.compile(r"\r?\n[ \t]*|\r[ \t]*")
_DECLARATION = re.compile(r"<[!?][^<>]{0,2000}>")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAG_NAME = re.compile(r"/?\s*([a-zA-Z][a-zA-Z0-9]{0,20})")
_HIDDEN = {"script", "style", "head", "title", "template"}
_LINES = {
    "address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "h1", "h2", "h3",
    "h4", "h5", "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul",
}  # fmt: skip


def clean(text: str) -> str:
    """Without NUL, which PostgreSQL refuses, and without halves of characters."""
    return _SURROGATE.sub("\ufffd", text.replace("\0", ""))


def one_line(text: str) -> str:
    """On one line, without control characters, spaces folded."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in clean(text))
    return " ".join(kept.split())


def decode_bytes(content: bytes, charset: str) -> tuple[str, bool]:
    """The text of these bytes, and whether it was read as the mail says.

    Where the charset is unknown or wrong, UTF-8 is tried, then Windows-1251, in which the people
    of both laws wrote before it.
    """
    name = charset.strip().strip("\"'").partition("*")[0]
    if name:
        try:
            if codecs.lookup(name).name not in _NO_CHARSET:
                return content.decode(name), True
        except (LookupError, ValueError):
            pass
    try:
        return content.decode("utf-8"), not name
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
    # A few broken characters in a text of UTF-8 do not make it Windows-1251.
    if text.count("\ufffd") * 20 <= len(text):
        return text, False
    return content.decode("cp1251", "replace"), False


def header_text(value: str) -> str:
    """A header as the parser left it: unfolded, its 8-bit bytes read, encoded words still there."""
    content = value[:HEADER_LIMIT].encode("utf-8", "surrogateescape")
    return clean(_FOLD.sub(" ", decode_bytes(content, "")[0]))


def decode_words(value: str) -> str:
    """Encoded words (RFC 2047) as text; one that cannot be decoded stays as it stands.

    Neighbours of one charset are joined as bytes first: many programs cut a character in two.
    """
    found: list[str] = []
    held = b""
    held_charset = ""
    end = 0
    for match in _WORD.finditer(value):
        between = value[end : match.start()]
        content = _word_bytes(match[2], match[3])
        charset = match[1].lower().partition("*")[0]
        joins = bool(held_charset) and not between.strip()
        if content is None or not joins or charset != held_charset:
            found.append(decode_bytes(held, held_charset)[0] if held_charset else "")
            held, held_charset = b"", ""
        if not joins or content is None:
            found.append(between)
        if content is None:
            found.append(match[0])
        else:
            held, held_charset = held + content, charset
        end = match.end()
    found.append(decode_bytes(held, held_charset)[0] if held_charset else "")
    return clean("".join(found) + value[end:])


def _word_bytes(encoding: str, payload: str) -> bytes | None:
    try:
        content = payload.encode("ascii")
        if encoding in "qQ":
            return binascii.a2b_qp(content, header=True)
        return binascii.a2b_base64(content.rstrip(b"=") + b"=" * (-len(content.rstrip(b"=")) % 4))
    except ValueError:
        return None


def html_to_text(source: str) -> str:
    """The words that a reader of this HTML sees, one block a line.

    Split by hand: ``html.parser`` raises on some declarations and takes quadratic time on others.
    """
    source = _DECLARATION.sub("", _without_comments(source[:HTML_LIMIT]))
    first, *pieces = source.split("<")
    found = [_words(first)]
    hidden = ""
    for piece in pieces:
        tag, closed, text = piece.partition(">")
        name = _TAG_NAME.match(tag)
        if not closed or name is None:
            found.append("" if hidden else _words("<" + piece))
            continue
        word = name[1].lower()
        if hidden:
            hidden = "" if tag.startswith("/") and word == hidden else hidden
            found.append("" if hidden else _words(text))
            continue
        if word in _HIDDEN and not tag.startswith("/"):
            hidden = word
            continue
        found.append("\n" if word in _LINES else " " if word in ("td", "th") else "")
        found.append(_words(text))
    lines = [" ".join(line.split()) for line in "".join(found).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _without_comments(source: str) -> str:
    kept: list[str] = []
    start = 0
    while (opened := source.find("<!--", start)) >= 0:
        kept.append(source[start:opened])
        closed = source.find("-->", opened + 4)
        if closed < 0:
            # Never closed: shown as words rather than lost.
            return "".join(kept) + source[opened + 4 :]
        start = closed + 3
    return "".join(kept) + source[start:]


def _words(text: str) -> str:
    """Entities resolved; a line of the source is a space."""
    # An entity of thousands of digits is no character: it stays as it stands.
    with suppress(ValueError):
        text = html.unescape(text)
    return clean(re.sub(r"[\s\xa0]+", " ", text))
