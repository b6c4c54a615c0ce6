"""Search terms: how a stored value is indexed, and what a clerk's typing may mean.

A name is folded to one Latin skeleton, so that case, ё and е, Kazakh letters (Cyrillic and
Latin) and the usual transliterations of one name (ICAO passport, BGN/PCGN, simple) meet:
Әсел, Асель, Assel; Юлия, Yulia, Iuliia. A fold is a key, not a spelling: near names may share
one (Наталья and Наталия), which a search forgives and a reader of the results sees.

A term is ``(kind, text)``; the vault keeps only its HMAC. Kinds: email, phone, iin, bin,
account, ip, whole, tail, word, prefix. Changing any rule here needs the tokens rebuilt.
Pure: standard library only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from registry.errors import OperatorError, gettext_noop
from subjects import values

Term = tuple[str, str]
Rule = tuple[re.Pattern[str], str]

# Codes of registry.choices.SearchKind.
NONE, WHOLE, TAIL, WORDS = "none", "whole", "tail", "words"
SEARCH_KINDS = frozenset({NONE, WHOLE, TAIL, WORDS})

TAIL_DIGITS = 4
PREFIX_FROM, PREFIX_TO = 4, 12
MOST_VARIANTS = 3
# More words than any full name has only narrow a search and cost a lookup each.
MOST_TYPED_WORDS = 10

_OWN_KIND = frozenset(
    {values.EMAIL, values.PHONE, values.IIN, values.BIN, values.ACCOUNT, values.IP}
)

_LETTERS = str.maketrans(
    {
        # Russian.
        **dict(zip("абвгдезийклмнопрстуфы", "abvgdeziiklmnoprstufi", strict=True)),
        **{"ё": "e", "э": "e", "ж": "zh", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh"},
        **{"щ": "sh", "ю": "iu", "я": "ia", "ъ": "", "ь": ""},
        # Kazakh, by the Russian letter that stands for each.
        **dict(zip("әғқңөұүһі", "agknouuhi", strict=True)),
        # Neighbours: Ukrainian, Belarusian, Tatar, Bashkir, Uzbek, Tajik.
        **dict(zip("їєґўҳҡҙҫӣӯ", "ieguhkzsiu", strict=True)),
        **{"җ": "zh", "ҷ": "zh"},
        # Latin letters that lose a sound, or do not come apart, when the marks are stripped.
        **{"ş": "sh", "š": "sh", "ŝ": "sh", "ç": "ch", "č": "ch", "ž": "zh"},
        **{"ı": "i", "ə": "a", "ŋ": "n", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"},
    }
)
# Accents, and the apostrophe-like letters that stand for ь (ISO 9) and in oʻ (Uzbek).
_MARKS = re.compile("[\u02b0-\u02ff\u0300-\u036f]")
_CYRILLIC = re.compile("[\u0400-\u052f]")
_VOWELS = "aeiouy"
_CONSONANT = "[bcdfghklmnpqrstvwxz]"

# What the transliterations write differently, on Latin letters, in this order.
_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # ё after a consonant: Fyodor, Solovyov. Elsewhere yo is also й with о: see variants.
        (f"(?<={_CONSONANT})yo", "e"),
        ("[yj]", "i"),
        ("w", "v"),
        ("ph", "f"),
        ("x", "ks"),
        ("q", "k"),
        ("c(?!h)", "k"),
        ("shch|sch", "sh"),
        ("tch", "ch"),
        ("tz", "ts"),
        ("kh", "h"),
        ("gh", "g"),
        # Джамбул, Dzhambul and Жамбыл are written for each other.
        ("dzh", "zh"),
        # ICAO writes ъ as ie: Podieiachev.
        ("ie(?=i[aou])", ""),
        # е is also ye after a vowel, ь, ъ and at the start: Sergeyev, Vasiliev, Yelena.
        ("i+e", "e"),
        # Last: Дмитрий, Dmitriy, Dmitrii, Dmitry; Assel; Khabibulin.
        (r"([^\W\d])\1+", r"\1"),
    )
)

# Александр and Alexander, Пётр and Peter; no rule for the beginning of a word (Фёдер-).
_LAST_RULE = (re.compile("(?<=[dt])er$"), "r")

# A beginning may stop inside what the rules read as one sound: Abdrak-hmanov, Дмитри-ев.
_COMPLETIONS = {"k": "h", "c": "h", "i": "e", "y": "e", "j": "e", "и": "e", "і": "e"}

_WORD_ENDS = re.compile(r"[\s.,;:/()\"«»]+")
_HYPHENS = re.compile("[-\u2010-\u2015\u2212]+")
_YO_AS_E = re.compile(f"(?:^|(?<=[{_VOWELS}]))yo|(?<={_CONSONANT})io")
_NUMBER_SIGNS = re.compile(r"[\s\-\u2010-\u2015\u2212•]")


class UnknownSearch(OperatorError):
    template = gettext_noop("The office does not know this kind of search.")


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One meaning of what was typed.

    ``label``: email, phone, tail, iin, bin, account, ip, name or whole. A value is found when
    the person has a term of every group; the terms of a group are alternatives.
    """

    label: str
    groups: tuple[tuple[Term, ...], ...]


def fold(word: str) -> str:
    """The Latin skeleton of one word; folding it again changes nothing.

    Letters of other scripts stay as they are, in small letters; signs and marks go. May be
    empty (a lone soft sign).
    """
    return _settled(word, (*_RULES, _LAST_RULE))


def variants(word: str) -> tuple[str, ...]:
    """The folds worth looking for, ``fold(word)`` first, at most ``MOST_VARIANTS``.

    Only Latin is ambiguous: j is й (Sergej, Julia) or ж (Nurjan); yo at the start or after a
    vowel, and io after a consonant, is also ё (Yolkin, Fiodor).
    """
    return tuple(_unique(map(fold, _readings(word)))[:MOST_VARIANTS])


def words(name: str) -> list[str]:
    """The folded words of a full name, each once, in order.

    A double-barrelled word gives its parts and then the two joined; an apostrophe joins.
    """
    return _unique(fold(word) for word in _spelled(name))


def prefixes(folded: str) -> list[str]:
    """The beginnings of a folded word, of 4 to 12 letters, all shorter than the word."""
    return [folded[:end] for end in range(PREFIX_FROM, min(len(folded), PREFIX_TO + 1))]


def index_terms(format: str, search: str, value: str) -> list[Term]:
    """What a stored (checked) value is found by, each term once; none for "none".

    A word with several readings (``variants``) is indexed under each, so that a name stored in
    Latin is found by its Cyrillic spelling. Refuses an unknown format or kind of search.
    """
    if format not in values.FORMATS:
        raise values.UnknownFormat()
    if search not in SEARCH_KINDS:
        raise UnknownSearch()
    if search == NONE:
        return []
    terms: list[Term] = []
    if search == WORDS:
        for word in _spelled(value):
            for folded in variants(word):
                terms.append(("word", folded))
                terms += [("prefix", prefix) for prefix in prefixes(folded)]
            # Without the last rule, as a beginning is typed: Alexande has no place for it.
            terms += [("prefix", prefix) for prefix in prefixes(_settled(word, _RULES))]
        return list(dict.fromkeys(terms))
    terms.append(_whole(format, value))
    digits = _digits(value)
    if search == TAIL and len(digits) >= TAIL_DIGITS:
        terms.append(("tail", digits[-TAIL_DIGITS:]))
    return terms


def query_terms(text: str) -> list[Interpretation]:
    """All that the text of the one search box may mean, the narrowest meaning first.

    The interpretations are alternatives. Always among them: an account, and a whole value.
    Empty for an empty text.
    """
    typed = " ".join(
        "".join(sign for sign in text if sign.isspace() or not values.is_invisible(sign)).split()
    )
    if not typed:
        return []
    return [
        *_typed_email(typed),
        *_typed_number(typed),
        *_typed_ip(typed),
        *_typed_phone(typed),
        *_typed_name(typed),
        *_typed_whole(typed),
    ]


def _lower(word: str) -> str:
    """Small Latin letters where there is a Latin reading; nothing but letters and digits."""
    # Composed first: й and ё are letters of their own, not и and е with marks.
    composed = unicodedata.normalize("NFKC", word).casefold()
    latin = unicodedata.normalize("NFC", composed).translate(_LETTERS)
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", latin))
    return "".join(sign for sign in bare if sign.isalnum() or unicodedata.combining(sign))


def _readings(word: str) -> list[str]:
    """What the letters of a word may stand for, the plain reading first."""
    plain = _lower(word)
    readings = [plain]
    if "j" in plain:
        readings += [plain.replace("j", "y"), plain.replace("j", "zh")]
    # Cyrillic has letters for both sounds, so и with о is never ё there.
    if not _CYRILLIC.search(word):
        readings += [_YO_AS_E.sub("e", reading) for reading in readings]
    return readings


def _beginnings(word: str) -> list[str]:
    """The folds of a typed word that are long enough, and short enough, to be a prefix."""
    readings = _readings(word)
    last = word[-1:].casefold()
    if last in _COMPLETIONS:
        readings.append(readings[0] + _COMPLETIONS[last])
    folds = _unique(_settled(reading, _RULES) for reading in readings)
    return [folded for folded in folds if PREFIX_FROM <= len(folded) <= PREFIX_TO]


def _settled(word: str, rules: Iterable[Rule]) -> str:
    """``word`` after the rules, again and again until they change nothing."""
    folded = word
    while True:
        before, folded = folded, _lower(folded)
        for pattern, replacement in rules:
            folded = pattern.sub(replacement, folded)
        if folded == before:
            return folded


def _spelled(name: str) -> list[str]:
    """The words of a name before folding; double-barrelled ones as parts, then joined."""
    spelled: list[str] = []
    for word in _WORD_ENDS.split(name):
        parts = [part for part in _HYPHENS.split(word) if part]
        spelled += parts
        if len(parts) > 1:
            spelled.append("".join(parts))
    return spelled


def _unique(folds: Iterable[str]) -> list[str]:
    return [folded for folded in dict.fromkeys(folds) if folded]


def _plain(value: str) -> str:
    """One writing of a value that is compared as a whole: case, width and spaces folded."""
    if value.isascii():
        return " ".join(value.lower().split())
    # Casefold can undo the composition, and composing can yield a capital: so twice.
    folded = value
    for _ in range(2):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
    return " ".join(folded.split())


def _digits(value: str) -> str:
    return "".join(sign for sign in value if "0" <= sign <= "9")


def _whole(format: str, value: str) -> Term:
    if format == values.PHONE:
        return values.PHONE, _digits(value)
    return format if format in _OWN_KIND else WHOLE, _plain(value)


def _canonical(format: str, typed: str) -> str | None:
    try:
        return values.check(format, typed)
    except OperatorError:
        return None


def _one(label: str, *terms: Term) -> Interpretation:
    return Interpretation(label, (tuple(dict.fromkeys(terms)),))


def _typed_email(typed: str) -> list[Interpretation]:
    email = _canonical(values.EMAIL, typed)
    return [_one("email", _whole(values.EMAIL, email))] if email else []


def _typed_number(typed: str) -> list[Interpretation]:
    number = _NUMBER_SIGNS.sub("", typed)
    if not (number.isascii() and number.isdigit()):
        return []
    if len(number) == 12:
        return [_one("iin", (values.IIN, number)), _one("bin", (values.BIN, number))]
    # As typed, or as copied from a mask with its bullets.
    return [_one("tail", ("tail", number))] if len(number) == TAIL_DIGITS else []


def _typed_ip(typed: str) -> list[Interpretation]:
    address = _canonical(values.IP, typed)
    return [_one("ip", (values.IP, address))] if address else []


def _typed_phone(typed: str) -> list[Interpretation]:
    # What is too ambiguous to store may still be looked for: every reading is an alternative.
    number = values.phone_digits(typed)
    if not number:
        return []
    digits = number.lstrip("+")
    readings = [_digits(_canonical(values.PHONE, typed) or ""), digits]
    if len(number) == 10:
        readings.append("7" + digits)
    return [_one("phone", *((values.PHONE, reading) for reading in readings if reading))]


def _typed_name(typed: str) -> list[Interpretation]:
    if "@" in typed or not any(sign.isalpha() for sign in typed):
        return []
    typed = typed[: values.LIMITS[values.NAME]]
    apart, joined = (_name_groups(_HYPHENS.sub(glue, typed)) for glue in (" ", ""))
    readings = dict.fromkeys(groups for groups in (apart, joined) if groups)
    return [Interpretation("name", groups) for groups in readings]


def _name_groups(typed: str) -> tuple[tuple[Term, ...], ...]:
    spelled = [word for word in _WORD_ENDS.split(typed) if fold(word)]
    # An initial is no word of the stored name; it counts only when nothing longer was typed.
    longer = [word for word in spelled if len(fold(word)) > 1]
    groups = (
        (
            *(("word", folded) for folded in variants(word)),
            *(("prefix", folded) for folded in _beginnings(word)),
        )
        for word in (longer or spelled)[:MOST_TYPED_WORDS]
    )
    return tuple(dict.fromkeys(groups))


def _typed_whole(typed: str) -> list[Interpretation]:
    # An account is stored without the @ of a nickname, which would read as a formula.
    bare = typed.removeprefix("@").lstrip() or typed
    return [
        _one("account", _whole(values.ACCOUNT, typed), _whole(values.ACCOUNT, bare)),
        _one("whole", (WHOLE, _plain(typed))),
    ]
