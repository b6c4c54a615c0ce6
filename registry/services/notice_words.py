"""The particulars of a notice in words of the active language: what each is called, and says.

Particulars are codes. What the register still names is named, also when it has ended meanwhile;
what it no longer holds is told by its code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext, gettext_lazy, ngettext

from registry.choices import (
    AfterRetention,
    CountedFrom,
    MeasureKind,
    Mode,
    Operation,
    RetentionEvent,
    Unit,
)
from registry.explain import long_day
from registry.models import (
    Country,
    DataCategory,
    InformationSystem,
    LegalBasis,
    Operator,
    Purpose,
    Recipient,
    SecurityMeasure,
    SubjectCategory,
)
from registry.particular_changes import Key, flat
from registry.services.particulars import EVERYTHING

NAMED: dict[str, type[Model]] = {
    "purposes": Purpose,
    "data": DataCategory,
    "people": SubjectCategory,
    "measures": SecurityMeasure,
    "systems": InformationSystem,
    "recipients": Recipient,
}
NAME = ("code", "name_ru", "name_kk", "name_en")
LABELS = {
    ("operator", "name"): gettext_lazy("Legal name"),
    ("operator", "address"): gettext_lazy("Address"),
    ("operator", "inn"): gettext_lazy("INN"),
    ("operator", "bin"): gettext_lazy("BIN"),
    ("responsible", "name"): gettext_lazy("Full name"),
    ("responsible", "phone"): gettext_lazy("Phone"),
    ("responsible", "email"): gettext_lazy("E-mail"),
    ("responsible", "address"): gettext_lazy("Postal address"),
    ("started_on",): gettext_lazy("Date of the start of processing"),
    ("cross_border",): gettext_lazy("Cross-border transfer"),
    ("said", "encryption"): gettext_lazy("Means of encryption"),
    ("said", "state_systems"): gettext_lazy("Access to state information systems"),
}
OF_PURPOSE = {
    "data": gettext_lazy("Categories of personal data"),
    "people": gettext_lazy("Categories of people"),
    "bases": gettext_lazy("Legal ground"),
    "operations": gettext_lazy("Operations with the data"),
    "modes": gettext_lazy("Way of processing"),
    "network": gettext_lazy("Transmission over a network"),
}
# In a list of changes the responsible person's name stands beside the operator's own.
PARTS = {"responsible": gettext_lazy("Responsible person")}


class Names:
    """What the codes of one operator's register are called in the active language."""

    def __init__(self, operator: Operator) -> None:
        self.called: dict[str, dict[str, str]] = {
            part: {row.code: str(row) for row in _rows(model, operator=operator)}
            for part, model in NAMED.items()
        }
        bases = LegalBasis.objects.filter(jurisdiction=operator.jurisdiction_id)
        self.called["bases"] = {
            row.code: f"{row.article} {row.name}".strip() for row in bases.only("article", *NAME)
        }
        self.called["countries"] = {row.code: str(row) for row in _rows(Country)}

    def name(self, part: str, code: str) -> str:
        return self.called[part].get(code) or code

    def names(self, part: str, codes: Iterable[str]) -> str:
        return "; ".join(sorted(self.name(part, code) for code in codes))


def _rows(model: type[Model], **of: Any) -> Iterable[Any]:
    return model._default_manager.filter(**of).only(*NAME)


# --- what a particular is called ---------------------------------------------------------------
def label(key: Key, names: Names) -> str:
    """What the particular is called where it stands among others of every kind."""
    part = key[0]
    if part == "purposes":
        return f"{names.name('purposes', key[1])}: {OF_PURPOSE[key[2]]}"
    if part == "measures":
        return gettext("Measures: %(kind)s") % {"kind": MeasureKind(key[1]).label}
    if part == "ceasing":
        return gettext("Term or condition of ceasing: %(purpose)s") % {
            "purpose": of_purpose(key[1], names)
        }
    if part == "systems":
        return gettext("Database: %(system)s") % {"system": names.name("systems", key[1])}
    own = str(LABELS[key])
    return f"{PARTS[part]}: {own}" if part in PARTS else own


def of_purpose(code: str, names: Names) -> str:
    return gettext("all purposes") if code == EVERYTHING else names.name("purposes", code)


# --- what it says ------------------------------------------------------------------------------
def value(key: Key, told: Any, names: Names) -> str:
    """The particular in words; empty when it says nothing."""
    part, kind = key[0], key[-1]
    if key == ("started_on",):
        return long_day(date.fromisoformat(told)) if told else ""
    if key == ("cross_border",):
        return crossing(told, names)
    if part == "ceasing":
        return "; ".join(map(period, told))
    if part == "systems":
        return place(told, names)
    if part == "measures":
        return names.names("measures", told)
    if part != "purposes":
        return str(told)
    if kind in ("operations", "modes"):
        choices = Operation if kind == "operations" else Mode
        return ", ".join(_label(choices, code) for code in told)
    if kind == "network":
        return ", ".join(gettext("yes") if code == "yes" else gettext("no") for code in told)
    return names.names(kind, told)


def crossing(countries: list[str], names: Names) -> str:
    if not countries:
        return gettext("does not take place")
    return gettext("takes place: %(countries)s") % {
        "countries": names.names("countries", countries)
    }


def place(told: Mapping[str, str], names: Names) -> str:
    country = told["country"] and names.name("countries", told["country"])
    return ", ".join(filter(None, [country, told["address"]]))


def period(told: list[Any]) -> str:
    """When data are given up: at once after the event, or after a length of time."""
    event, counted_from, length, unit, after = told
    then = _label(AfterRetention, after)
    if not length:
        return gettext("%(event)s: %(then)s within the term of the law") % {
            "event": _label(RetentionEvent, event), "then": then,
        }  # fmt: skip
    return gettext("%(event)s: %(then)s after %(length)s, counted from: %(counted)s") % {
        "event": _label(RetentionEvent, event), "then": then, "length": how_long(length, unit),
        "counted": _label(CountedFrom, counted_from),
    }  # fmt: skip


def how_long(count: int, unit: str) -> str:
    if unit == Unit.YEAR:
        return ngettext("%(count)d year", "%(count)d years", count) % {"count": count}
    if unit == Unit.MONTH:
        return ngettext("%(count)d month", "%(count)d months", count) % {"count": count}
    if unit == Unit.WORKING_DAY:
        text = ngettext("%(count)d working day", "%(count)d working days", count)
        return text % {"count": count}
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def _label(choices: Any, code: str) -> str:
    """The code itself where the office has forgotten it since."""
    return str(choices(code).label) if code in choices.values else code


def in_words(particulars: Mapping[str, Any], names: Names) -> dict[Key, str]:
    """Each particular in words, in the order of the law."""
    return {key: value(key, told, names) for key, told in flat(particulars).items()}
