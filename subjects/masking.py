"""What is shown of a personal value before the card is revealed.

Enough to recognise it beside the person on the phone, not enough to copy it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from subjects import values

HIDDEN = "•••"

# Characters of the value that may stand together in its mask.
SHOWN_TOGETHER = 4
# A value this short has no five characters to give away that are not most of it.
_LONG = 6
_INITIALS = 4


def mask(format: str, value: str) -> str:
    """The mask of a stored value; ``•••`` when nothing of it may be seen.

    It never equals the value and never repeats more than ``SHOWN_TOGETHER`` characters of it
    in a row. Refuses an unknown format.
    """
    if format not in values.FORMATS:
        raise values.UnknownFormat()
    shown = _SHOWN.get(format, _nothing)
    for candidate in shown(value):
        if _hides(candidate, value):
            return candidate
    return HIDDEN if value != HIDDEN else HIDDEN + "•"


def _hides(candidate: str, value: str) -> bool:
    if candidate == value:
        return False
    if len(value) < _LONG:
        return True
    window = SHOWN_TOGETHER + 1
    return not any(
        candidate[start : start + window] in value for start in range(len(candidate) - window + 1)
    )


# Each gives its masks from the most telling to the least; a name that is stored as initials,
# or a long last part of a domain, makes the first of them too open.


def _nothing(value: str) -> Iterator[str]:
    yield from ()


def _name(value: str) -> Iterator[str]:
    initials = [word[0] for word in value.split() if word[0].isalpha()]
    if initials:
        yield " ".join(f"{initial.upper()}." for initial in initials[:_INITIALS])
        yield f"{initials[0].upper()}. {HIDDEN}"


def _email(value: str) -> Iterator[str]:
    local, _, domain = value.rpartition("@")
    if local and domain:
        opening = f"{local[0]}{HIDDEN}@{domain[0]}{HIDDEN}."
        yield opening + domain.rpartition(".")[2]
        yield opening + HIDDEN


def _phone(value: str) -> Iterator[str]:
    digits = [sign for sign in value if sign.isdecimal()]
    if len(digits) >= 2 * SHOWN_TOGETHER:
        yield f"{HIDDEN} {''.join(digits[-4:-2])} {''.join(digits[-2:])}"


def _number(value: str) -> Iterator[str]:
    if len(value) >= 2 * SHOWN_TOGETHER:
        yield f"{HIDDEN} {value[-4:]}"


def _account(value: str) -> Iterator[str]:
    if len(value) >= _LONG:
        yield HIDDEN + value[-2:]


def _moment(value: str) -> Iterator[str]:
    year = value[:4]
    if year.isdecimal():
        yield year


_SHOWN: dict[str, Callable[[str], Iterator[str]]] = {
    values.NAME: _name,
    values.EMAIL: _email,
    values.PHONE: _phone,
    values.IIN: _number,
    values.BIN: _number,
    values.ACCOUNT: _account,
    values.MOMENT: _moment,
}
