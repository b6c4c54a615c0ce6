"""Synthetic people, as rows of an import file: for the demo, the tests and the benchmark.

Nobody here exists. E-mail addresses are at example.org, example.com and example.net (RFC 2606);
IP addresses come from the documentation ranges of RFC 5737 and RFC 3849; telephone codes are
ones that the numbering plans of Kazakhstan and Russia had given to no operator. An IIN has no
such range: its check digit is right and its birth date plausible, so it can equal the IIN of
somebody who exists. Never look one up, and never mail or call anybody from here.

Names are Russian (the lists of Faker, MIT licence) and Kazakh (our own lists; Faker has none).
The same operator, seed and day give the same people on every machine, and a greater ``count``
only adds people at the end. Another version of Faker may give other Russian names.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TextIO, TypeVar

from faker.providers.person.ru_RU import Provider as Russian

from registry.errors import OperatorError, gettext_noop
from registry.identifiers import is_iin

T = TypeVar("T")

# What a row of the import file says besides the values of data categories.
IDENTITY = "account"
FACTS = (
    "activity", "basis", "started_on", "accepted_at", "consent_text", "scopes", "channel",
    "evidence",
)  # fmt: skip

LATIN_SHARE = 0.02
DOUBLE_SURNAME_SHARE = 0.02
NO_PATRONYMIC_SHARE = 0.06
HOMONYM_SHARE = 0.03
RUSSIAN_SPELLING_SHARE = 0.2  # of the Kazakh names: Нурлан Серикович for Нұрлан Серікұлы
SOLE_PROPRIETOR_SHARE = 0.12
IPV6_SHARE = 0.15
REMEMBERED_NAMES = 256

LONGEST_AGO = 540  # days; no 18 months are shorter
YOUNGEST = 20 * 366  # days: of age at the earliest moment of registration too
AGES = 50 * 365  # days between the youngest and the oldest
SERIALS = 1000
STEP = 15_485_863  # a prime that divides no AGES * SERIALS: no IIN comes twice

DOMAINS = ("example.org", "example.com", "example.net")
IPV4_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
SCOPES = ("", "third_parties", "cross_border", "third_parties|cross_border")
DEVICES = (
    "Chrome, ноутбук, Windows", "Chrome, телефон, Android", "Edge, ноутбук, Windows",
    "Firefox, компьютер, Linux", "Firefox, ноутбук, Windows", "Safari, ноутбук, macOS",
    "Safari, телефон, iOS", "Яндекс Браузер, телефон, Android",
)  # fmt: skip


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


KAZAKH_MEN = _words(
    """
    Айбек Айдос Айдын Ақжол Алдияр Алмас Арман Асқар Асхат Әділ Әлихан Әлішер Бағдат Бақытжан
    Бауыржан Бекзат Болат Ғабит Ғалым Ғани Данияр Дарын Дәулет Дидар Дінмұхамед Ербол Ержан Ерлан
    Есен Жандос Жанібек Жасұлан Жеңіс Жиһангер Жомарт Зейнолла Ілияс Қайрат Қанат Қасым Қуаныш
    Құрмет Мақсат Марат Медет Мейірхан Мұрат Мұхтар Нұрбол Нұржан Нұрлан Нұрсұлтан Олжас Оразбек
    Өмірбек Өркен Рүстем Сағат Самат Санжар Серік Сұлтан Таңат Тимур Төлеген Шыңғыс
    """
)
KAZAKH_WOMEN = _words(
    """
    Айгерім Айгүл Айдана Айжан Айнұр Айсұлу Айым Ақбота Ақмарал Алтынай Алуа Анар Арай Аружан Әлия
    Әсел Әсем Баян Ботагөз Гауһар Гүлдана Гүлмира Гүлнәр Гүлсім Дана Дина Динара Еңлік Жанар
    Жанерке Жансая Жауһар Жұлдыз Зарина Зере Індира Інжу Кәмила Қарлығаш Қымбат Құралай Ләззат
    Мадина Майра Меруерт Мөлдір Назгүл Назым Нұргүл Перизат Раушан Салтанат Самал Сара Сәуле
    Сымбат Таңшолпан Тоғжан Томирис Ұлжан Ұлпан Үміт Шолпан Шынар
    """
)
# Of a man; a woman's has one more "а".
KAZAKH_SURNAMES = _words(
    """
    Айтбаев Асқаров Ахметов Әбілдаев Әлиев Әшімов Байжанов Бекетов Бөлекбаев Ғабитов Ғалиев
    Досмағамбетов Дүйсенов Еңсебаев Ермеков Есенов Жақыпов Жиһангеров Жұмабаев Жүнісов Ибраимов
    Исқақов Қайырбеков Қалиев Қасымов Қожахметов Көшербаев Құрманов Құсайынов Мәдиев Молдағұлов
    Мұқаметжанов Мұсабаев Мырзахметов Назарбеков Нұрғалиев Нұрпейісов Омаров Орынбаев Оспанов
    Өмірзақов Өтегенов Рахымов Рысқұлов Садықов Сатыбалдиев Сейітов Серіков Смағұлов Сұлтанов
    Сүлейменов Тасболатов Тәжібаев Темірханов Тілеубаев Төлегенов Тұрсынов Ыбыраев Үсенов
    Шаймерденов Шәріпов Шыңғысов
    """
)


def _letters(letters: str, others: str) -> dict[int, str]:
    """A table for ``str.translate``, capitals too; "-" stands for nothing."""
    pairs = dict(zip(letters, others.replace("-", "").split(" "), strict=True))
    capitals = {letter.upper(): other.capitalize() for letter, other in pairs.items()}
    return str.maketrans(pairs | capitals)


RUSSIAN_SPELLING = _letters("әғқңөұүһі", "а г к н о у у х и")
LATIN = _letters(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяәғқңөұүһі",
    "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya a g k n o u u h i",
)


class NoSyntheticPeople(OperatorError):
    """No people can be made up for this operator; ``params``: code."""

    template = gettext_noop("There are no synthetic people for the operator %(code)s.")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the people of one operator look like; ``columns`` of its import file."""

    categories: tuple[str, ...]
    first_activity: str
    more_activities: tuple[str, ...]
    basis: str
    consent_text: str
    scopes: tuple[str, ...]
    offset: str
    phone_codes: tuple[str, ...]
    kazakh_share: float

    @property
    def columns(self) -> tuple[str, ...]:
        return (IDENTITY, *self.categories, *FACTS)


# Codes without an operator: libphonenumber's metadata for Kazakhstan, the DEF table for Russia.
SHAPES = {
    "pandev": Shape(
        categories=(
            "full_name", "iin", "subject_status", "phone", "email", "ip_address", "device",
            "moments",
        ),
        first_activity="accounts",
        more_activities=("licence_agreement", "services", "platform_security"),
        basis="KZ.7.1",
        consent_text="registration-1",
        scopes=SCOPES,
        offset="+05:00",
        phone_codes=("703", "704", "709"),
        kazakh_share=0.65,
    ),
    "ipm": Shape(
        categories=("full_name", "email", "phone"),
        first_activity="email_information",
        more_activities=(),
        basis="RU.6.1.1",
        consent_text="newsletter-1",
        scopes=("",),
        offset="+03:00",
        phone_codes=("972", "973", "974", "975", "976"),
        kazakh_share=0.08,
    ),
}  # fmt: skip


class Name(NamedTuple):
    full: str
    mailbox: str
    female: bool


class Draw:
    """Choices made from ``random()`` alone: the one method Python promises never to change."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def below(self, limit: int) -> int:
        return int(self._random() * limit)

    def one_of(self, options: Sequence[T]) -> T:
        return options[int(self._random() * len(options))]

    def happens(self, share: float) -> bool:
        return self._random() < share


def people(*, operator: str, count: int, seed: int = 1, today: date) -> Iterator[dict[str, str]]:
    """The rows of ``count`` people, one to three for each, one after another.

    Rows of one person have the same account and values and differ in activity and moment. Every
    moment is in the 18 months before ``today``. Raises ``NoSyntheticPeople``.
    """
    return _rows(_shape(operator), count, Draw(f"{operator}:{seed}"), today)


def write_csv(stream: TextIO, *, operator: str, count: int, seed: int = 1, today: date) -> int:
    """Write a header and the rows of ``people`` in constant memory; return the number of rows.

    Open a file with ``newline=""`` and ``encoding="utf-8"``. Raises ``NoSyntheticPeople``.
    """
    writer = csv.DictWriter(stream, columns(operator))
    writer.writeheader()
    written = 0
    for row in people(operator=operator, count=count, seed=seed, today=today):
        writer.writerow(row)
        written += 1
    return written


def columns(operator: str) -> tuple[str, ...]:
    """The columns of the import file in their order. Raises ``NoSyntheticPeople``."""
    return _shape(operator).columns


def _shape(operator: str) -> Shape:
    if operator not in SHAPES:
        raise NoSyntheticPeople(code=operator)
    return SHAPES[operator]


def _rows(shape: Shape, count: int, draw: Draw, today: date) -> Iterator[dict[str, str]]:
    names: list[Name] = []
    first_slot = draw.below(AGES * SERIALS)
    for number in range(1, count + 1):
        name = _name(draw, shape, names)
        ip_address = _ip_address(draw)
        days_ago = 1 + draw.below(LONGEST_AGO)
        registered_at = _moment(draw, today, days_ago, shape.offset)
        values = {
            "full_name": name.full,
            "iin": _iin(draw, first_slot + number * STEP, name.female, today),
            "subject_status": (
                "индивидуальный предприниматель"
                if draw.happens(SOLE_PROPRIETOR_SHARE)
                else "физическое лицо"
            ),
            "phone": f"+7{draw.one_of(shape.phone_codes)}{draw.below(10_000_000):07}",
            "email": f"{name.mailbox}.{number}@{draw.one_of(DOMAINS)}",
            "ip_address": ip_address,
            "device": draw.one_of(DEVICES),
            "moments": registered_at,
        }
        person = {IDENTITY: f"u-{number:06}"} | {code: values[code] for code in shape.categories}
        for activity in _activities(draw, shape):
            accepted_at = registered_at
            if activity != shape.first_activity and days_ago > 1 and draw.happens(0.5):
                later = 1 + draw.below(days_ago - 1)
                accepted_at = _moment(draw, today, later, shape.offset)
            yield person | {
                "activity": activity,
                "basis": shape.basis,
                "started_on": accepted_at[:10],
                "accepted_at": accepted_at,
                "consent_text": shape.consent_text,
                "scopes": draw.one_of(shape.scopes),
                "channel": "web_form",
                "evidence": f"ip={ip_address}",
            }


def _activities(draw: Draw, shape: Shape) -> Iterator[str]:
    yield shape.first_activity
    if more := shape.more_activities:
        start = draw.below(len(more))
        for number in range(draw.below(3)):
            yield more[(start + number) % len(more)]


def _name(draw: Draw, shape: Shape, names: list[Name]) -> Name:
    """A new name, or one that an earlier person has: a search must tell the two apart."""
    if draw.happens(HOMONYM_SHARE) and names:
        return draw.one_of(names)
    name = _new_name(draw, shape.kazakh_share)
    if len(names) < REMEMBERED_NAMES:
        names.append(name)
    else:
        names[draw.below(REMEMBERED_NAMES)] = name
    return name


def _new_name(draw: Draw, kazakh_share: float) -> Name:
    female = draw.happens(0.5)
    kazakh = draw.happens(kazakh_share)
    surname, given, patronymic = (_kazakh if kazakh else _russian)(draw, female)
    if draw.happens(DOUBLE_SURNAME_SHARE):
        second, _, _ = (_russian if kazakh else _kazakh)(draw, female)
        surname = f"{surname}-{second}"
    latin = f"{surname} {given}".translate(LATIN)
    mailbox = f"{given}.{surname}".translate(LATIN).lower()
    if draw.happens(LATIN_SHARE):
        return Name(latin, mailbox, female)
    if draw.happens(NO_PATRONYMIC_SHARE):
        return Name(f"{surname} {given}", mailbox, female)
    return Name(f"{surname} {given} {patronymic}", mailbox, female)


def _russian(draw: Draw, female: bool) -> tuple[str, str, str]:
    lists: tuple[Sequence[str], ...] = (
        (Russian.last_names_female, Russian.first_names_female, Russian.middle_names_female)
        if female
        else (Russian.last_names_male, Russian.first_names_male, Russian.middle_names_male)
    )
    surnames, given, patronymics = lists
    return draw.one_of(surnames), draw.one_of(given), draw.one_of(patronymics)


def _kazakh(draw: Draw, female: bool) -> tuple[str, str, str]:
    surname = draw.one_of(KAZAKH_SURNAMES) + ("а" if female else "")
    given = draw.one_of(KAZAKH_WOMEN if female else KAZAKH_MEN)
    father = draw.one_of(KAZAKH_MEN)
    if draw.happens(RUSSIAN_SPELLING_SHARE):
        patronymic = _russian_patronymic(father, female)
        surname, given, patronymic = (
            word.translate(RUSSIAN_SPELLING) for word in (surname, given, patronymic)
        )
        return surname, given, patronymic
    return surname, given, father + ("қызы" if female else "ұлы")


def _russian_patronymic(father: str, female: bool) -> str:
    if father[-1] in "аи":
        return father + ("кызы" if female else "улы")
    return father + ("овна" if female else "ович")


def _iin(draw: Draw, slot: int, female: bool, today: date) -> str:
    """Birth date, century and sex, serial number, check digit; another slot, another IIN."""
    days, serial = divmod(slot % (AGES * SERIALS), SERIALS)
    born = date.fromordinal(today.toordinal() - YOUNGEST - days)
    century = (3 if born.year < 2000 else 5) + female
    start = f"{born.strftime('%y%m%d')}{century}{serial:03}"
    # The last digit of the serial number is free: with some of them no check digit fits.
    first = draw.below(10)
    return next(
        iin
        for last in range(first, first + 10)
        for check in range(10)
        if is_iin(iin := f"{start}{last % 10}{check}")
    )


def _ip_address(draw: Draw) -> str:
    if draw.happens(IPV6_SHARE):
        site, network, host = (1 + draw.below(0xFFFF) for _ in range(3))
        return f"2001:db8:{site:x}:{network:x}::{host:x}"
    return f"{draw.one_of(IPV4_NETWORKS)}.{1 + draw.below(254)}"


def _moment(draw: Draw, today: date, days_ago: int, offset: str) -> str:
    day = date.fromordinal(today.toordinal() - days_ago)
    seconds = draw.below(24 * 60 * 60)
    hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{day.isoformat()}T{hour:02}:{minute:02}:{second:02}{offset}"
