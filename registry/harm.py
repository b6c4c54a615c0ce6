"""What harm a breach of 152-FZ could do to people, by the criteria of Order 178. No Django.

The office knows the criteria from a short form of the order, not from the published text: compare
them before an act is relied on. Each has its degree; of several the highest counts. Where none
holds the short form names no degree, so none is made up: ``Degree.NONE``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from registry.errors import OperatorError, gettext_noop


class UnknownCriterion(OperatorError):
    template = gettext_noop("Order 178 has no criterion called %(code)s.")


class Degree(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = "none"


RANK = {Degree.NONE: 0, Degree.LOW: 1, Degree.MEDIUM: 2, Degree.HIGH: 3}
DEGREE_WORDS = {
    Degree.HIGH: gettext_noop("high degree of harm"),
    Degree.MEDIUM: gettext_noop("medium degree of harm"),
    Degree.LOW: gettext_noop("low degree of harm"),
    Degree.NONE: gettext_noop("no degree, for no criterion holds"),
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of the order; ``proof``: how the register shows that it holds, empty where the
    register cannot know; ``gap``: what it says when the register does not know enough."""

    degree: Degree
    words: str
    proof: str = ""
    gap: str = ""


CRITERIA: Mapping[str, Criterion] = {
    "biometric": Criterion(
        Degree.HIGH,
        gettext_noop("Biometric personal data are processed."),
        proof=gettext_noop("The activity uses biometric data: %(names)s."),
    ),
    "special": Criterion(
        Degree.HIGH,
        gettext_noop("Special categories of personal data are processed."),
        proof=gettext_noop("The activity uses data of special categories: %(names)s."),
    ),
    "minors_contract": Criterion(
        Degree.HIGH,
        gettext_noop("Data of minors are processed for a contract with them."),
    ),
    "research_anonymisation": Criterion(
        Degree.HIGH,
        gettext_noop("Personal data are anonymised for research."),
    ),
    "foreign_processor": Criterion(
        Degree.HIGH,
        gettext_noop("A foreign processor collects or handles the data for the operator."),
        proof=gettext_noop("The activity gives data to processors abroad: %(names)s."),
        gap=gettext_noop(
            "Nobody has said in which country these processors are: %(names)s. Enter the country, "
            "or say yourself that the criterion holds."
        ),
    ),
    "database_abroad": Criterion(
        Degree.HIGH,
        gettext_noop("The data are collected with databases outside Russia."),
        proof=gettext_noop("Systems of the activity stand abroad: %(names)s."),
        gap=gettext_noop(
            "Nobody has said in which country these systems stand: %(names)s. Enter the country, "
            "or say yourself that the criterion holds."
        ),
    ),
    "internet": Criterion(
        Degree.MEDIUM,
        gettext_noop("Personal data are disseminated on the internet."),
        proof=gettext_noop("Dissemination is among the operations of the activity."),
    ),
    "additional_purposes": Criterion(
        Degree.MEDIUM,
        gettext_noop("The data are processed for purposes beyond the one they were collected for."),
    ),
    "marketing": Criterion(
        Degree.MEDIUM,
        gettext_noop("Goods or services are promoted with the operator's or others' databases."),
    ),
    "web_consent": Criterion(
        Degree.MEDIUM,
        gettext_noop("Consent is taken by a form on the website that identifies nobody."),
        proof=gettext_noop(
            "The activity stands on consent and collects by forms on the website, and the register "
            "holds nothing that identifies whoever consents there."
        ),
    ),
    "combined_operators": Criterion(
        Degree.MEDIUM,
        gettext_noop("Several operators are combined in the processing."),
    ),
    "public_directory": Criterion(
        Degree.LOW,
        gettext_noop("Publicly available directories are kept (152-FZ 8)."),
    ),
    "outside_responsible": Criterion(
        Degree.LOW,
        gettext_noop("The responsible person is not on the operator's staff."),
        proof=gettext_noop("The person named as responsible has no role with the operator."),
    ),
}


@dataclass(frozen=True, slots=True)
class Item:
    """A row that the activity names; ``what``: the kind of data, or the country as two letters
    (empty: not known)."""

    name: str
    what: str


@dataclass(frozen=True, slots=True)
class Processing:
    """What the register holds of one activity, as far as the order asks.

    ``home``: the country of the operator's law; ``by_consent``: it stands on consent;
    ``outsider``: somebody is named as responsible who is not on the staff.
    """

    home: str
    data: tuple[Item, ...] = ()
    systems: tuple[Item, ...] = ()
    processors: tuple[Item, ...] = ()
    operations: frozenset[str] = frozenset()
    collection_ways: frozenset[str] = frozenset()
    by_consent: bool = False
    outsider: bool = False


def degree_of(held: Iterable[str]) -> Degree:
    """The highest degree of the criteria that hold; none holds: no degree.

    Refuses what is no criterion.
    """
    degrees = [criterion(code).degree for code in held]
    return max(degrees, key=RANK.__getitem__, default=Degree.NONE)


def criterion(code: str) -> Criterion:
    if code not in CRITERIA:
        raise UnknownCriterion(code=code)
    return CRITERIA[code]


def worse(degree: str, than: str) -> bool:
    """Whether a degree is higher than another."""
    return RANK[Degree(degree)] > RANK[Degree(than)]


def proved(processing: Processing) -> dict[str, tuple[str, ...]]:
    """The criteria that the register itself shows to hold, in the order of ``CRITERIA``, and the
    names of what shows it.

    A processor abroad counts whatever it does: the register does not say who collects, and too
    high a degree harms nobody.
    """
    data, home = processing.data, processing.home
    shown = {
        "biometric": [one.name for one in data if one.what == "biometric"],
        "special": [one.name for one in data if one.what == "special"],
        "foreign_processor": _abroad(processing.processors, home),
        "database_abroad": _abroad(processing.systems, home),
    }
    found = {code: tuple(names) for code, names in shown.items() if names}
    if "dissemination" in processing.operations:
        found["internet"] = ()
    if processing.by_consent and "web_form" in processing.collection_ways:
        found["web_consent"] = ()
    if processing.outsider:
        found["outside_responsible"] = ()
    return {code: found[code] for code in CRITERIA if code in found}


def undecided(processing: Processing) -> dict[str, tuple[str, ...]]:
    """The criteria of which the register does not know enough, and the names of what it does not
    know the country of. What is proved is decided."""
    unknown = {
        "foreign_processor": _unknown(processing.processors),
        "database_abroad": _unknown(processing.systems),
    }
    decided = proved(processing)
    return {code: names for code, names in unknown.items() if names and code not in decided}


def _abroad(items: Iterable[Item], home: str) -> list[str]:
    return [f"{one.name} ({one.what})" for one in items if one.what and one.what != home]


def _unknown(items: Iterable[Item]) -> tuple[str, ...]:
    return tuple(one.name for one in items if not one.what)
