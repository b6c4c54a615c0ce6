"""Where the data of an act were, and who has said of which place that they are gone there.

Every carrier is named with its sheets (Order 179, 3 (f)); who confirmed it is told once for all the
carriers of a room that one person confirmed on one day, and the carriers refer to that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext

from registry.errors import gettext_noop
from registry.explain import short_day
from registry.models import Carrier, Membership, User
from registry.papers import Paper
from subjects.models import ActItem, DestructionAct
from subjects.services.act_facts import Gone

SYSTEM = gettext_noop("Personal Data Office")
# Room or number of the system, who, on which day, by what.
Key = tuple[str, int, int, date | None, str]


@dataclass(slots=True)
class Confirmation:
    """One word of one person about one place: the carriers of a room, or a system."""

    place: str
    by: str
    day: date | None
    how: str
    values: int = 0
    carriers: dict[int, Carrier] = field(default_factory=dict)

    @property
    def where(self) -> str:
        if not self.carriers:
            return self.place
        return gettext("%(room)s (carriers: %(count)s)") % {
            "room": self.place, "count": len(self.carriers),
        }  # fmt: skip


def confirmations_of(act: DestructionAct, gone: Gone) -> list[Confirmation]:
    """In the order of their days; the systems of a day before its carriers."""
    found: dict[Key, Confirmation] = {}
    people: dict[int, str] = {}
    for item in gone.elsewhere:
        assert item.datum is not None
        system, carrier = item.datum.system, item.datum.carrier
        key = (
            carrier.room if carrier else "", system.pk if system else 0,
            item.confirmed_by_id or 0, _day(act, item), item.why,
        )  # fmt: skip
        one = found.get(key)
        if one is None:
            user = item.confirmed_by
            if user is not None and user.pk not in people:
                people[user.pk] = ", ".join(filter(None, [str(user), position_of(act, user)]))
            one = found[key] = Confirmation(
                place=carrier.room if carrier else str(system or "–"),
                by=people[user.pk] if user else "",
                day=key[3],
                how=item.why,
            )
        one.values += 1
        if carrier:
            one.carriers[carrier.pk] = carrier
    return sorted(
        found.values(), key=lambda one: (one.day or date.min, bool(one.carriers), one.place, one.by)
    )


def _day(act: DestructionAct, item: ActItem) -> date | None:
    at = item.confirmed_at
    return at.astimezone(act.operator.zone).date() if at else None


def position_of(act: DestructionAct, user: User) -> str:
    """What the person is at this operator; the latest word of it."""
    rows = Membership.objects.filter(operator=act.operator, user=user).order_by("-started_on")
    return next((row.position for row in rows[:1]), "")


def places_print(paper: Paper, act: DestructionAct, gone: Gone) -> None:
    """Order 179, d) to f): the systems, the carriers with their sheets, who confirmed which."""
    data = [item.datum for item in gone.elsewhere if item.datum]
    systems = {str(datum.system) for datum in data if datum.system}
    if gone.people:
        systems.add(gettext(SYSTEM))
    paper.facts([(gettext("Information systems"), ", ".join(sorted(systems)))])
    found = confirmations_of(act, gone)
    carriers: dict[int, Carrier] = {}
    told: dict[int, list[str]] = defaultdict(list)
    for number, one in enumerate(found, 1):
        for pk, carrier in one.carriers.items():
            carriers[pk] = carrier
            told[pk].append(str(number))
    paper.table(
        [gettext("Carrier"), gettext("Sheets"), gettext("Confirmation")],
        [
            (str(one), str(one.sheets or ""), ", ".join(told[pk]))
            for pk, one in sorted(carriers.items())
        ],
        widths=[10, 2, 3],
    )
    if not found:
        return
    paper.text(gettext("Who made sure that the data are gone there:"))
    paper.table(
        [
            gettext("No."), gettext("Place"), gettext("Values"), gettext("Confirmed by"),
            gettext("Confirmed on"), gettext("By what"),
        ],
        [
            (str(number), one.where, str(one.values), one.by, short_day(one.day), one.how)
            for number, one in enumerate(found, 1)
        ],
        widths=[1, 4, 2, 4, 3, 5],
    )  # fmt: skip
