"""The particulars of processing that a notice names, read from the register as codes and values.

What 152-FZ 22(3) and 22(3.1) ask for; 94-V 10-1 is known to the office from a secondary source
only and is answered with the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from registry.choices import MeasureKind
from registry.models import (
    InformationSystem,
    Operator,
    ProcessingActivity,
    Recipient,
    RetentionRule,
    SecurityMeasure,
    Transfer,
)
from registry.services.transfer_gates import responsible_on

# Of an activity: the name of the particular, and the many-to-many field that it is read from.
LINKED = {"people": "subject_categories", "data": "data_categories", "bases": "legal_bases"}
ACTIVITY = (
    "pk", "purpose__code", "operations", "mode", "over_network", "started_on", "ended_on",
    "purpose__ended_on",
)  # fmt: skip
PERIOD = ("activity_id", "event", "counted_from", "length", "unit", "after")
EVERYTHING = "*"  # a period that holds for every purpose


@dataclass(frozen=True, slots=True)
class Reading:
    """The particulars, and what beside them only the register knows to be lacking.

    ``unknown_recipients``: those that data are given to, in a country that nobody has entered;
    ``unplaced``: purposes whose data are processed by machines that no activity names.
    """

    particulars: dict[str, Any]
    unknown_recipients: tuple[str, ...]
    unplaced: tuple[str, ...]


def particulars_of(*, operator: Operator, today: date) -> dict[str, Any]:
    """What a notice says on that day, as plain JSON: codes of the register, and the values of the
    operator's card; sorted, so that an unchanged register reads the same twice.

    Of purposes that go on only. Names are not among them: a better wording of a name changes no
    particular. The number of queries does not depend on the size of the register.
    """
    return read(operator=operator, today=today).particulars


def read(*, operator: Operator, today: date) -> Reading:
    """The particulars of the day with what is lacking beside them."""
    card = Operator.objects.select_related("jurisdiction", "responsible").get(pk=operator.pk)
    activities = list(
        ProcessingActivity.objects.filter(operator=card).order_by("code").values(*ACTIVITY)
    )
    live = [row for row in activities if goes_on(row, today)]
    purpose_of = {row["pk"]: row["purpose__code"] for row in live}
    systems = _linked(card, "systems", purpose_of)
    recipients = _given_to(card, purpose_of, today)
    home = card.jurisdiction.country
    placed = {purpose_of[pk] for pk in systems}
    started = [row["started_on"] for row in activities if row["started_on"]]
    purposes = _purposes(card, live, purpose_of)
    found: dict[str, Any] = {
        "operator": {
            name: _line(getattr(card, name)) for name in ("name", "address", "inn", "bin")
        },
        "purposes": purposes,
        "measures": _measures(card),
        "responsible": _responsible(card, today),
        # An activity that has ended since does not make the processing younger.
        "started_on": min(started).isoformat() if started else "",
        "ceasing": _ceasing(card, purpose_of),
        "cross_border": sorted({one for one in recipients.values() if one and one != home}),
        "systems": _systems(card, {code for codes in systems.values() for code in codes}),
    }
    return Reading(
        found,
        unknown_recipients=tuple(sorted(code for code, where in recipients.items() if not where)),
        unplaced=tuple(
            code
            for code, one in purposes.items()
            if code not in placed and one["modes"] != ["manual"]
        ),
    )


def goes_on(row: Mapping[str, Any], day: date) -> bool:
    """Whether activity and purpose have not ended by that day."""
    ends = (row["ended_on"], row["purpose__ended_on"])
    return all(end is None or end > day for end in ends)


def _line(text: str) -> str:
    """One fact, one line: whoever typed it may have pressed Enter."""
    return " ".join(text.split())


def _linked(card: Operator, name: str, purpose_of: Mapping[int, str]) -> dict[int, list[str]]:
    """Live activity -> the codes that its field names."""
    field: Any = ProcessingActivity._meta.get_field(name)
    near, far = field.m2m_field_name(), field.m2m_reverse_field_name()
    rows = field.remote_field.through._default_manager.filter(**{f"{near}__operator": card})
    found: dict[int, list[str]] = defaultdict(list)
    for pk, code in rows.values_list(f"{near}_id", f"{far}__code"):
        if pk in purpose_of:
            found[pk].append(code)
    return found


# --- parts -------------------------------------------------------------------------------------
def _purposes(
    card: Operator, live: Iterable[Mapping[str, Any]], purpose_of: Mapping[int, str]
) -> dict[str, dict[str, list[str]]]:
    linked = {name: _linked(card, field, purpose_of) for name, field in LINKED.items()}
    told: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in live:
        purpose = told[row["purpose__code"]]
        for name, codes in linked.items():
            purpose[name].update(codes.get(row["pk"], ()))
        purpose["operations"].update(row["operations"])
        purpose["modes"].update([row["mode"]] if row["mode"] else [])
        if row["over_network"] is not None:
            purpose["network"].add("yes" if row["over_network"] else "no")
    names = ("data", "people", "bases", "operations", "modes", "network")
    return {code: {name: sorted(told[code][name]) for name in names} for code in sorted(told)}


def _measures(card: Operator) -> dict[str, list[str]]:
    rows = list(SecurityMeasure.objects.filter(operator=card).values_list("kind", "code"))
    return {kind: sorted(code for of, code in rows if of == kind) for kind in MeasureKind.values}


def _responsible(card: Any, today: date) -> dict[str, str]:
    """Whoever has left is no longer named; phone and address are the operator's own."""
    person = responsible_on(card, today)
    return {
        # A user name is no name: nobody outside knows whose it is.
        "name": _line(person.get_full_name()) if person else "",
        "phone": _line(card.phone),
        "email": _line((person.email if person else "") or card.email),
        "address": _line(card.address),
    }


def _ceasing(card: Operator, purpose_of: Mapping[int, str]) -> dict[str, list[list[Any]]]:
    """Purpose, or all of them -> when its data are given up."""
    found: dict[str, list[list[Any]]] = {}
    for pk, *period in RetentionRule.objects.filter(operator=card).values_list(*PERIOD):
        code = EVERYTHING if pk is None else purpose_of.get(pk)
        if code is not None and period not in found.setdefault(code, []):
            found[code].append(period)
    return {code: sorted(found[code], key=_as_text) for code in sorted(found)}


def _as_text(period: list[Any]) -> list[str]:
    return [str(one) for one in period]


def _given_to(card: Operator, purpose_of: Mapping[int, str], today: date) -> dict[str, str]:
    """Whom data are given to -> the country, empty where it is not known.

    Where the register has transfers of an activity to somebody, those decide for that activity:
    nothing goes through a closed gate. What another one gives them is its own affair.
    """
    gates: dict[tuple[int, str], bool] = {}
    for row in Transfer.objects.filter(operator=card).select_related("recipient"):
        pair = (row.activity_id, row.recipient.code)
        is_open = row.open_on(today) and row.activity_id in purpose_of
        gates[pair] = gates.get(pair, False) or is_open
    named = _linked(card, "recipients", purpose_of)
    given = {code for pk, codes in named.items() for code in codes if (pk, code) not in gates}
    given |= {code for (_pk, code), is_open in gates.items() if is_open}
    rows = Recipient.objects.filter(operator=card).values_list("code", "country__code")
    return {code: country or "" for code, country in rows if code in given}


def _systems(card: Operator, used: set[str]) -> dict[str, dict[str, str]]:
    rows = InformationSystem.objects.filter(operator=card).order_by("code")
    return {
        code: {"country": country or "", "address": _line(address)}
        for code, country, address in rows.values_list("code", "country__code", "address")
        if code in used
    }
