"""State identifiers of Kazakhstan (IIN, BIN) and Russia (INN, OGRN, OGRNIP, SNILS).

``check_x`` returns the digits without spaces and hyphens, or raises ``WrongIdentifier``;
``is_x`` answers yes or no. An IIN, an INN of 12 digits and a SNILS are personal values, so no
refusal carries the value: neither its sentence nor its parameters.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry.errors import OperatorError, gettext_noop

IIN = gettext_noop("IIN")
BIN = gettext_noop("BIN")
INN = gettext_noop("INN")
OGRN = gettext_noop("OGRN")
OGRNIP = gettext_noop("OGRNIP")
SNILS = gettext_noop("SNILS")

_KZ_FIRST = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
_KZ_SECOND = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
_INN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_11 = (7, *_INN_10)
_INN_12 = (3, *_INN_11)
_SNILS = (9, 8, 7, 6, 5, 4, 3, 2, 1)


class WrongIdentifier(OperatorError):
    """The number cannot be what it is said to be; ``params``: kind, why (and length)."""

    template = gettext_noop("%(kind)s: this number is not valid.")
    why = ""

    def __init__(self, *, kind: str, length: str) -> None:
        super().__init__(kind=kind, length=length, why=self.why)


class WrongLength(WrongIdentifier):
    template = gettext_noop("%(kind)s: the number of digits must be %(length)s.")
    why = "length"


class NotOnlyDigits(WrongIdentifier):
    template = gettext_noop("%(kind)s: only digits are allowed, no letters.")
    why = "letters"


class WrongCheckDigit(WrongIdentifier):
    template = gettext_noop("%(kind)s: the check digit does not match; look for a typing error.")
    why = "check digit"


def check_iin(value: str) -> str:
    """The 12 digits of a person's number in Kazakhstan; refuses any other."""
    return _checked(value, IIN, (12,), _kz_matches)


def check_bin(value: str) -> str:
    """The 12 digits of an organisation's number in Kazakhstan; refuses any other."""
    return _checked(value, BIN, (12,), _kz_matches)


def check_inn(value: str) -> str:
    """The taxpayer number in Russia, 10 digits (organisation) or 12 (person)."""
    return _checked(value, INN, (10, 12), _inn_matches)


def check_ogrn(value: str) -> str:
    """The 13 digits of an organisation's state registration in Russia."""
    return _checked(value, OGRN, (13,), lambda digits: _remainder_matches(digits, 11))


def check_ogrnip(value: str) -> str:
    """The 15 digits of a sole proprietor's state registration in Russia."""
    return _checked(value, OGRNIP, (15,), lambda digits: _remainder_matches(digits, 13))


def check_snils(value: str) -> str:
    """The 11 digits of a pension insurance number in Russia, as 112-233-445 95 or plain."""
    return _checked(value, SNILS, (11,), _snils_matches)


def is_iin(value: str) -> bool:
    return _passes(check_iin, value)


def is_bin(value: str) -> bool:
    return _passes(check_bin, value)


def is_inn(value: str) -> bool:
    return _passes(check_inn, value)


def is_ogrn(value: str) -> bool:
    return _passes(check_ogrn, value)


def is_ogrnip(value: str) -> bool:
    return _passes(check_ogrnip, value)


def is_snils(value: str) -> bool:
    return _passes(check_snils, value)


def _passes(check: Callable[[str], str], value: str) -> bool:
    try:
        check(value)
    except WrongIdentifier:
        return False
    return True


def _checked(
    value: str, kind: str, lengths: tuple[int, ...], matches: Callable[[str], bool]
) -> str:
    # split() drops no-break spaces too, which is what copies from PDF and Word bring.
    digits = "".join(value.split()).replace("-", "")
    length = " / ".join(str(number) for number in lengths)
    # isdigit() alone would let the digits of other scripts through.
    if digits and not (digits.isascii() and digits.isdigit()):
        raise NotOnlyDigits(kind=kind, length=length)
    if len(digits) not in lengths:
        raise WrongLength(kind=kind, length=length)
    # All zeros satisfies every one of these sums and is always a placeholder.
    if not digits.strip("0") or not matches(digits):
        raise WrongCheckDigit(kind=kind, length=length)
    return digits


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _kz_matches(digits: str) -> bool:
    remainder = _weighted(digits, _KZ_FIRST) % 11
    if remainder == 10:
        remainder = _weighted(digits, _KZ_SECOND) % 11
    # A number that gives 10 twice is never issued; no digit equals 10, so it fails here.
    return remainder == int(digits[11])


def _inn_matches(digits: str) -> bool:
    passes = (_INN_10,) if len(digits) == 10 else (_INN_11, _INN_12)
    return all(
        _weighted(digits, weights) % 11 % 10 == int(digits[len(weights)]) for weights in passes
    )


def _remainder_matches(digits: str, divisor: int) -> bool:
    return int(digits[:-1]) % divisor % 10 == int(digits[-1])


def _snils_matches(digits: str) -> bool:
    return _weighted(digits, _SNILS) % 101 % 100 == int(digits[9:])
