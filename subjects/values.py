"""What a value of each data format may be, and how it is written once it is stored.

``check(format, raw)`` returns the canonical text or raises a named refusal. The formats are
the codes of ``registry.choices.DataFormat``. A refusal never carries the value or a part of
it: its parameters are numbers (a position counted from 1, a limit), and it is never raised
while a library's own error, which does quote the value, is being handled.
Standard library only.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime

from registry.errors import OperatorError, gettext_noop
from registry.identifiers import check_bin, check_iin

TEXT, NAME, EMAIL, PHONE, IIN, BIN = "text", "name", "email", "phone", "iin", "bin"
ACCOUNT, IP, MOMENT, CHOICE, IMAGE, LOG = "account", "ip", "moment", "choice", "image", "log"
FORMATS = frozenset(
    {TEXT, NAME, EMAIL, PHONE, IIN, BIN, ACCOUNT, IP, MOMENT, CHOICE, IMAGE, LOG},
)

# In characters. A line of no known kind has ONE_LINE; 254 is the longest address of RFC 5321.
ONE_LINE = 500
LIMITS = {TEXT: 20_000, LOG: 20_000, NAME: 300, EMAIL: 254, ACCOUNT: 200, CHOICE: 100}

_MANY_LINES = frozenset({TEXT, LOG})
_ONE_SPACED = frozenset({NAME, CHOICE})
# A log is a record of a machine and is not opened as a table; the rest reach spreadsheets.
_FORMULA_REFUSED = frozenset({TEXT, NAME, ACCOUNT, CHOICE})

# Drawn as nothing, yet letters, marks or symbols to Unicode: fillers, joiner, empty Braille cell.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp"})
_VARIATION_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# What Python calls printable although it is refused: without these, a printable line is visible.
_PRINTABLE_BLANKS = re.compile(f"[{''.join(_BLANKS)}]|{_VARIATION_SELECTORS.pattern}")

# The full-width signs work as the ASCII ones in spreadsheets of some languages.
_FORMULA_SIGNS = frozenset("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
_SIGNED_NUMBER = re.compile("[+-][0-9][0-9 \u00a0\u202f]*(?:[.,][0-9]+)?")
_PHONE_SIGNS = re.compile(r"[\s().\u2010-\u2015\u2212-]")
_PHONE = re.compile(r"\+?[0-9]{8,15}")
_COUNTRY_EIGHT = re.compile(r"\+\s*8[^0-9]")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_NAME_SIGNS = frozenset(" .'\u2018\u2019`")
_EMAIL_REFUSED = frozenset('()<>[]\\,;:"')


class UnknownFormat(OperatorError):
    template = gettext_noop("The office does not know this format of data.")


class WrongValue(OperatorError):
    """The value cannot be stored; no parameter holds any of it."""

    template = gettext_noop("This value cannot be stored as it is written.")


class EmptyValue(WrongValue):
    template = gettext_noop("The value is empty; type it in.")


class InvisibleCharacter(WrongValue):
    """Control, zero-width, direction-changing or blank; ``params``: position, from 1."""

    template = gettext_noop(
        "The value has an invisible character at position %(position)d; "
        "delete it and type that place again."
    )


class BrokenCharacter(WrongValue):
    """Half of a character (a lone surrogate); ``params``: position, from 1."""

    template = gettext_noop(
        "The character at position %(position)d is broken; delete it and type that place again."
    )


class TooLong(WrongValue):
    """``params``: limit, in characters."""

    template = gettext_noop("The value is too long; write at most %(limit)d characters.")


class FormulaLike(WrongValue):
    template = gettext_noop(
        "The value looks like a spreadsheet formula; it must not begin with =, +, - or @."
    )


class DigitInName(WrongValue):
    template = gettext_noop("A name has no digits; write only the name here.")


class SignInName(WrongValue):
    template = gettext_noop(
        "A name may have only letters, spaces, hyphens, apostrophes and dots; "
        "remove any other signs."
    )


class NameWithoutLetters(WrongValue):
    template = gettext_noop("A name must have letters; write the name.")


class WrongEmail(WrongValue):
    template = gettext_noop(
        "This is not an e-mail address; write one address, with one @ and a dot in the part "
        "after it, without spaces."
    )


class WrongPhone(WrongValue):
    template = gettext_noop(
        "This is not a phone number; write one number, with + and the country code, "
        "8 to 15 digits in all."
    )


class PhoneWithoutCountry(WrongPhone):
    template = gettext_noop(
        "It is not clear of which country this phone number is; write it with + and the "
        "country code."
    )


class PhoneOfWrongLength(WrongPhone):
    template = gettext_noop("A phone number with the country code +7 has 11 digits; count them.")


class SignInAccount(WrongValue):
    """``params``: position, from 1."""

    template = gettext_noop(
        "The account has an unprintable character or an unusual space at position "
        "%(position)d; type that place again."
    )


class WrongAddress(WrongValue):
    template = gettext_noop(
        "This is not an IP address; write one IPv4 or IPv6 address without a port or a mask."
    )


class WrongMoment(WrongValue):
    template = gettext_noop(
        "This is not a date; write it as YYYY-MM-DD, or with the time as YYYY-MM-DDTHH:MM."
    )


class ImageIsUploaded(WrongValue):
    template = gettext_noop("An image is not typed in; upload it as a file.")


def check(format: str, raw: str) -> str:
    """The text to store for ``raw``; checking it again gives the same text.

    Surrounding white space goes, letters are composed (NFC); lines of a text end in a line
    feed; a name and a choice have single spaces. Refuses with a child of ``WrongValue``, with
    ``registry.identifiers.WrongIdentifier`` for an IIN or a BIN, and an unknown format.
    """
    if format not in FORMATS:
        raise UnknownFormat()
    if format == IMAGE:
        raise ImageIsUploaded()
    value = _visible(raw, many_lines=format in _MANY_LINES)
    if format in _ONE_SPACED:
        value = " ".join(value.split())
    _limit(format, value)
    if format in _FORMULA_REFUSED and looks_like_formula(value):
        raise FormulaLike()
    canonical = _CANONICAL.get(format)
    return canonical(value) if canonical else value


def looks_like_formula(raw: str) -> bool:
    """Would a spreadsheet take ``raw`` for a formula: does it begin with = + - @, tab or CR.

    A phone number with + and a signed number are not formulas.
    """
    if raw[:1] in ("\t", "\r"):
        return True
    text = raw.strip()
    if not text or text[0] not in _FORMULA_SIGNS:
        return False
    return not (_SIGNED_NUMBER.fullmatch(text) or _PHONE.fullmatch(_PHONE_SIGNS.sub("", text)))


def phone_digits(text: str) -> str:
    """The digits of what is written like a phone number, with a leading + if it has one.

    Empty when anything else than digits and the usual signs is there, or not 8 to 15 digits.
    """
    bare = _PHONE_SIGNS.sub("", text)
    return bare if _PHONE.fullmatch(bare) else ""


def is_invisible(character: str) -> bool:
    """Is the character drawn as nothing: control, zero-width, direction mark, filler."""
    return unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _BLANKS


def _visible(raw: str, *, many_lines: bool) -> str:
    """``raw`` stripped and composed; refuses what is empty, broken or cannot be seen."""
    # Positions are those of what was typed, so they are counted before anything changes.
    skipped = len(raw) - len(raw.lstrip())
    typed = raw.strip()
    # Most values: seen at a glance, and nothing in them has to change.
    if typed and typed.isprintable():
        if typed.isascii():
            return typed
        if not _PRINTABLE_BLANKS.search(typed):
            return unicodedata.normalize("NFC", typed)
    for position, character in enumerate(typed, start=skipped + 1):
        if "\ud800" <= character <= "\udfff":
            raise BrokenCharacter(position=position)
        # A carriage return too: a browser ends each line of a text with CR LF.
        if many_lines and character in "\n\r\t":
            continue
        # An emoji in a text is written with a selector; in one line it only hides a difference.
        if is_invisible(character) or (not many_lines and _VARIATION_SELECTORS.match(character)):
            raise InvisibleCharacter(position=position)
    value = unicodedata.normalize("NFC", typed.replace("\r\n", "\n").replace("\r", "\n"))
    if not value:
        raise EmptyValue()
    return value


def _limit(format: str, value: str) -> None:
    limit = LIMITS.get(format, ONE_LINE)
    if len(value) > limit:
        raise TooLong(limit=limit)


def _name(value: str) -> str:
    if value.replace(" ", "").isalpha():
        return value
    letters = 0
    for character in value:
        category = unicodedata.category(character)
        if category[0] == "N":
            raise DigitInName()
        # Marks are the vowels of some scripts; a dash of any length serves as a hyphen.
        if category[0] in "LM":
            letters += category[0] == "L"
        elif category != "Pd" and character not in _NAME_SIGNS:
            raise SignInName()
    if not letters:
        raise NameWithoutLetters()
    return value


def _email(value: str) -> str:
    local, at, domain = value.partition("@")
    # Lower case can take a letter apart (as with the dotted capital I), so compose once more.
    domain = unicodedata.normalize("NFC", domain.lower())
    address = local + at + domain
    _limit(EMAIL, address)
    parts = local.split(".")
    labels = domain.split(".")
    if (
        not all(parts)
        or any(sign.isspace() or sign in _EMAIL_REFUSED for sign in local)
        or len(labels) < 2
        or not all(_is_label(label) for label in labels)
        or len(labels[-1]) < 2
        or labels[-1].isdigit()
    ):
        raise WrongEmail()
    return address


def _is_label(label: str) -> bool:
    """Can it stand between the dots of a domain; letters of any script are allowed."""
    if label.isascii() and label.isalnum():
        return len(label) <= 63
    return (
        0 < len(label) <= 63
        and label[0] != "-"
        and label[-1] != "-"
        and all(
            sign == "-" or unicodedata.category(sign)[0] in "LM" or sign.isdecimal()
            for sign in label
        )
    )


def _phone(value: str) -> str:
    number = phone_digits(value)
    # "+8 (495)" is a Russian number written with both signs of the trunk; as E.164 it would be
    # a valid number of Vietnam.
    if not number or _COUNTRY_EIGHT.match(value):
        raise WrongPhone()
    if number.startswith("+7") and len(number) != 12:
        raise PhoneOfWrongLength()
    if number.startswith("+0"):
        raise WrongPhone()
    if number.startswith("+"):
        return number
    # 8 is the trunk prefix of +7, whose area codes begin with 3 and up ("8 10" dials abroad).
    if len(number) == 11 and (number[0] == "7" or (number[0] == "8" and number[1] > "2")):
        return "+7" + number[1:]
    if len(number) == 10 and number[0] in "79":
        return "+7" + number
    raise PhoneWithoutCountry()


def _account(value: str) -> str:
    for position, character in enumerate(value, start=1):
        if not character.isprintable():
            raise SignInAccount(position=position)
    return value


def _ip(value: str) -> str:
    address = _ip_or_none(value)
    if address is None:
        raise WrongAddress()
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def _ip_or_none(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    # Apart from the refusal: this ValueError quotes the value and must not become its context.
    # A zone (fe80::1%eth0) names an interface of one machine and is no part of an address.
    try:
        return None if "%" in value else ipaddress.ip_address(value)
    except ValueError:
        return None


def _moment(value: str) -> str:
    moment = _moment_or_none(value)
    if moment is None:
        raise WrongMoment()
    return moment


def _moment_or_none(value: str) -> str | None:
    # fromisoformat alone also takes weeks, dates without hyphens and any sign for the T.
    if not _MOMENT.fullmatch(value):
        return None
    try:
        if len(value) == len("YYYY-MM-DD"):
            return date.fromisoformat(value).isoformat()
        return datetime.fromisoformat(value).isoformat()
    except ValueError:
        return None


_CANONICAL: dict[str, Callable[[str], str]] = {
    NAME: _name,
    EMAIL: _email,
    PHONE: _phone,
    IIN: check_iin,
    BIN: check_bin,
    ACCOUNT: _account,
    IP: _ip,
    MOMENT: _moment,
}
