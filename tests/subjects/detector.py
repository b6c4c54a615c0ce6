"""A detector of personal data that shares no code with the office: only what it is to be held to.

Own expressions and check digits; of the office's own only the lists of names are taken, because a
name is known by nothing else. It says what it found and where, for a test to show. No library does
this for Cyrillic names, IIN and SNILS without a model of its own to download.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from faker.providers.person.ru_RU import Provider as Russian

from subjects import synthetic


class Found(NamedTuple):
    kind: str
    text: str


FIRST = {
    word.casefold()
    for word in (
        *Russian.first_names_male, *Russian.first_names_female, *synthetic.KAZAKH_MEN,
        *synthetic.KAZAKH_WOMEN,
    )
}  # fmt: skip
SURNAME = re.compile(
    r"(?:ов|ев|ёв|ин|ын|ский|цкий|ова|ева|ёва|ина|ына|ская|цкая|енко|юк|чук|их|ых)$"
)
PATRONYMIC = re.compile(r"(?:ович|евич|ич|овна|евна|ична|инична|ұлы|улы|қызы|кызы)$")
LETTERS = "А-ЯЁӘҒҚҢӨҰҮҺІ"
WORD = rf"[{LETTERS}][{LETTERS.lower()}а-яёәғқңөұүһі]+(?:-[{LETTERS}][а-яёәғқңөұүһі]+)?"
NAMES = re.compile(rf"(?<!\w){WORD}(?:\s+{WORD}){{1,3}}(?!\w)")

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PHONE = re.compile(
    r"(?<![\w.])(?:\+\s?7|8)[\s(-]{0,2}\d{3}[\s)-]{0,2}\d{3}[\s-]?\d{2}[\s-]?\d{2}(?!\w)"
)
DIGITS = re.compile(r"(?<![\w.])\d{12}(?![\w])")
SNILS = re.compile(r"(?<!\w)(\d{3})-?(\d{3})-?(\d{3})[\s-]?(\d{2})(?!\w)")
CARD = re.compile(r"(?<!\w)\d(?:[ -]?\d){12,18}(?!\w)")
# Of an address range that is nobody's, and of any other.
ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")


def personal(text: str) -> Iterator[Found]:
    """Everything in the text that looks like a value about a person."""
    for found in EMAIL.finditer(text):
        yield Found("e-mail", found.group())
    for found in PHONE.finditer(text):
        yield Found("phone", found.group())
    for found in DIGITS.finditer(text):
        if _iin(found.group()):
            yield Found("IIN", found.group())
        elif _inn(found.group()):
            yield Found("INN", found.group())
    for found in SNILS.finditer(text):
        if _snils("".join(found.groups())):
            yield Found("SNILS", found.group())
    for found in CARD.finditer(text):
        if _luhn(re.sub(r"\D", "", found.group())):
            yield Found("card", found.group())
    for found in ADDRESS.finditer(text):
        if all(int(part) < 256 for part in found.group().split(".")):
            yield Found("IP", found.group())
    for found in NAMES.finditer(text):
        if _name(found.group().split()):
            yield Found("name", re.sub(r"\s+", " ", found.group()))


def _name(words: list[str]) -> bool:
    """A first name beside a surname, or a patronymic beside anything."""
    first = any(word.casefold() in FIRST for word in words)
    surname = any(SURNAME.search(word) and word.casefold() not in FIRST for word in words)
    patronymic = any(PATRONYMIC.search(word) and word.casefold() not in FIRST for word in words)
    return (first and surname) or (patronymic and (first or surname))


def _digits(text: str) -> list[int]:
    return [int(sign) for sign in text]


def _iin(text: str) -> bool:
    """Twelve digits: a birth date, the century with the sex, a check digit (KZ, rule 406)."""
    signs = _digits(text)
    if signs[6] not in range(1, 7):
        return False
    century = (1800, 1900, 2000)[(signs[6] - 1) // 2]
    try:
        date(century + int(text[:2]), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return False
    rest = sum(sign * weight for sign, weight in zip(signs, range(1, 12), strict=False)) % 11
    if rest == 10:
        second = [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]
        rest = sum(sign * weight for sign, weight in zip(signs, second, strict=False)) % 11
    return rest == signs[11]


def _inn(text: str) -> bool:
    """Twelve digits of a person's INN; the last two check the others."""
    signs = _digits(text)
    first = [7, 2, 4, 10, 3, 5, 9, 4, 6, 8]
    second = [3, *first]
    return all(
        sum(a * b for a, b in zip(signs, weights, strict=False)) % 11 % 10 == signs[len(weights)]
        for weights in (first, second)
    )


def _snils(text: str) -> bool:
    signs = _digits(text)
    total = sum(sign * weight for sign, weight in zip(signs, range(9, 0, -1), strict=False))
    return total % 101 % 100 == int(text[9:])


def _luhn(text: str) -> bool:
    total = 0
    for place, sign in enumerate(reversed(_digits(text))):
        doubled = sign * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0 and len(set(text)) > 1
