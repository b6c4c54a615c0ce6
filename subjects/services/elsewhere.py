"""What an act destroys outside the vault: the work list of each place, and its confirmations.

In a system or on paper somebody has to find the person first. What finds them there stays in the
vault until the last confirmation, and goes then: see ``finders``.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext

from registry import seam
from registry.cells import safe
from registry.choices import DataFormat
from registry.errors import OperatorError, gettext_noop
from registry.models import DataCategory, User
from registry.states import ForbiddenTransition
from subjects.choices import ActState, HeldIn, Looked, Outcome
from subjects.models import ActItem, DataSubject, DestructionAct, PersonalDatum
from subjects.services.acts import (
    ActReasonMissing,
    HeldElsewhere,
    NotYetApproved,
    act_locked,
    fitting,
)
from subjects.services.cards import code_of
from subjects.services.covering import Law
from subjects.services.fates import Fates
from subjects.services.looking import look
from subjects.services.planning import OPEN, standing_stops
from subjects.services.signed_lists import done_lines
from subjects.vault.sealing_bridge import State, open_rows

# All carriers at once: one act may name a hundred files of one shelf.
PAPER = "paper"
CHUNK = 400
# What names one person where no account is known.
STRONG = (DataFormat.EMAIL, DataFormat.PHONE, DataFormat.IIN, DataFormat.BIN)


class UnknownPlace(OperatorError):
    template = gettext_noop("%(number)s: nothing of it waits at this place.")


class LineOfNobody(OperatorError):
    template = gettext_noop(
        "Line %(line)s: nothing of this card waits at this place. Nothing was recorded."
    )


class LineHeld(OperatorError):
    status = 409
    template = gettext_noop(
        "Line %(line)s: this must not be destroyed, here or elsewhere: %(why)s. If it was, that is "
        "an incident. Nothing was recorded."
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A system or a carrier of an act: how many data wait there, and how many are confirmed."""

    code: str
    name: str
    waiting: int
    confirmed: int


# --- where ---------------------------------------------------------------------------------------
def places_of(act: DestructionAct) -> list[Place]:
    """The places of the act, systems first. Three queries, one where nothing lies elsewhere."""
    rows = (
        ActItem.objects.filter(act=act, key=None, outcome__in=["", Outcome.DESTROYED])
        .order_by()
        .values_list("datum__system", "datum__carrier")
        .annotate(
            waiting=Count("pk", filter=Q(outcome="")),
            confirmed=Count("pk", filter=Q(outcome=Outcome.DESTROYED)),
        )
    )
    if not rows:
        return []
    systems = act.operator.informationsystem_set.in_bulk()
    carriers = act.operator.carrier_set.in_bulk()
    found = [
        Place(
            code=_code(system, carrier),
            name=str(systems.get(system) or carriers.get(carrier) or "–"),
            waiting=waiting,
            confirmed=confirmed,
        )
        for system, carrier, waiting, confirmed in rows
    ]
    return sorted(found, key=lambda one: (one.code.startswith(HeldIn.CARRIER), one.name, one.code))


def _code(system: int | None, carrier: int | None) -> str:
    return f"{HeldIn.SYSTEM}-{system}" if system else f"{HeldIn.CARRIER}-{carrier}"


def _waiting(act: DestructionAct, place: str) -> QuerySet[ActItem]:
    """What waits at a place: a code of ``places_of``, or ``PAPER``. Refuses an unknown one."""
    rows = _there(act, place)
    if not rows.exists():
        raise UnknownPlace(number=act.number)
    return rows


def _there(act: DestructionAct, place: str) -> QuerySet[ActItem]:
    """The same, perhaps nothing."""
    rows = ActItem.objects.filter(act=act, key=None, outcome="")
    return _at(rows.order_by("subject_id", "pk"), act, place)


def _at(rows: QuerySet[ActItem], act: DestructionAct, place: str) -> QuerySet[ActItem]:
    kind, _hyphen, number = place.partition("-")
    if place == PAPER:
        return rows.filter(datum__held_in=HeldIn.CARRIER)
    if kind in (HeldIn.SYSTEM, HeldIn.CARRIER) and number.isdecimal():
        return rows.filter(**{f"datum__{kind}": int(number)})
    raise UnknownPlace(number=act.number)


def _require_begun(act: DestructionAct) -> None:
    """Nobody destroys before the act is approved, or after it is over."""
    if act.state == ActState.DRAFTED:
        raise NotYetApproved(number=act.number)
    if act.state not in (ActState.APPROVED, ActState.RUNNING):
        raise ForbiddenTransition(number=act.number, state=act.state)


# --- by what somebody is found there -------------------------------------------------------------
def finders(data: Collection[PersonalDatum], held_in: str) -> list[PersonalDatum]:
    """By which of a person's values they are found at such a place.

    In a system by the account, else by what names one person; on paper by the name, else alike.
    """
    if held_in == HeldIn.CARRIER:
        names = [one for one in data if one.category and one.category.format == DataFormat.NAME]
        if names:
            return names
    accounts = [
        one
        for one in data
        if one.identity or (one.category and one.category.format == DataFormat.ACCOUNT)
    ]
    return accounts or [one for one in data if one.category and one.category.format in STRONG]


def finding_keys(owners: Mapping[int, Collection[int]], keys: Collection[int]) -> set[int]:
    """Of these keys: those by which the owners are found where something of them still lies.

    ``owners``: card -> numbers of the data elsewhere that wait. Two queries.
    """
    waiting = [number for numbers in owners.values() for number in numbers]
    if not waiting:
        return set()
    kinds = dict(
        seam.numbered(PersonalDatum.objects.order_by(), "id", waiting).values_list("pk", "held_in")
    )
    data = readable(owners, keys)
    return {
        one.value_key
        for owner, numbers in owners.items()
        for held_in in {kinds[number] for number in numbers if number in kinds}
        for one in finders(data[owner], held_in)
        if one.value_key
    }


def readable(
    owners: Iterable[int], keys: Collection[int] | None = None
) -> dict[int, list[PersonalDatum]]:
    """Card -> its data with a value in the vault, whose key is among these. One query."""
    rows = seam.numbered(PersonalDatum.objects.order_by("pk"), "subject_id", list(owners))
    found: dict[int, list[PersonalDatum]] = defaultdict(list)
    for row in rows.filter(value_key__isnull=False).select_related("subject", "category"):
        if keys is None or row.value_key in keys:
            found[row.subject_id].append(row)
    return found


# --- the work list -------------------------------------------------------------------------------
def work_list(*, act: DestructionAct, place: str, by: User, now: datetime) -> bytes:
    """Whom to destroy at a place, as CSV: code, by what they are found there, what lies there.

    The last column is empty: who has done it writes "x" into it and gives the list back. Whom a
    stop or a ground holds by now is not on it. Opens values, so it leaves an access event, and is
    kept nowhere. Refuses an act that is not approved, and a place where nothing waits.
    """
    with transaction.atomic():
        row = act_locked(act)
        _require_begun(row)
        free = free_there(row, place, now)
        look(
            operator=row.operator_id, what=Looked.EXPORT, user=by, now=now, reason=row.number,
            kind="work_list", place=place, people=len({one.subject_id for one in free}),
        )  # fmt: skip
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(
        [
            gettext("Code of the card"), gettext("Found by"), gettext("Data category"),
            gettext("Place"), gettext("Sheets"), gettext("Due on"), gettext("Done (x)"),
        ]
    )  # fmt: skip
    for cells in _lines(free):
        writer.writerow([safe(cell) for cell in cells])
    # For the spreadsheets that take a file without this mark for one of their own code page.
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def free_there(act: DestructionAct, place: str, now: datetime) -> list[ActItem]:
    """What waits at a place and neither a stop nor a ground holds. Refuses an unknown place."""
    items = list(
        _waiting(act, place).select_related(
            "subject__merged_into", "category", "datum__carrier", "datum__system"
        )
    )
    held = _held(act, items, now)
    return [one for one in items if one.pk not in held]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person at a place: by what they are found there, and what of theirs is to go."""

    code: str
    found_by: list[str]
    categories: list[DataCategory | None]
    due_on: date
    datum: PersonalDatum


def persons(items: Sequence[ActItem]) -> Iterator[Wanted]:
    """One for each person and place of these items, with opened values."""
    groups: dict[tuple[int, str], list[ActItem]] = defaultdict(list)
    for one in items:
        assert one.datum is not None
        groups[one.subject_id, _code(one.datum.system_id, one.datum.carrier_id)].append(one)
    listed = list(groups.values())
    for start in range(0, len(listed), CHUNK):
        part = listed[start : start + CHUNK]
        data = readable({_owner(group[0].subject) for group in part})
        found = {
            group[0].pk: finders(data[_owner(group[0].subject)], group[0].datum.held_in)  # type: ignore[union-attr]
            for group in part
        }
        opened = open_rows([one for rows in found.values() for one in rows], "value")
        for group in part:
            datum = group[0].datum
            assert datum is not None
            values = [opened[one.pk] for one in found[group[0].pk]]
            yield Wanted(
                code=group[0].subject.code,
                found_by=[one.text for one in values if one.state == State.OPEN],
                categories=[one.category for one in group],
                due_on=min(one.due_on for one in group),
                datum=datum,
            )


def _lines(items: Sequence[ActItem]) -> Iterator[list[str]]:
    """A line for each person and place."""
    for one in persons(items):
        place = one.datum.carrier or one.datum.system
        sheets = one.datum.carrier.sheets if one.datum.carrier else None
        yield [
            one.code, "; ".join(one.found_by), "; ".join(str(row or "–") for row in one.categories),
            str(place), str(sheets or ""), one.due_on.isoformat(), "",
        ]  # fmt: skip


def _owner(card: DataSubject) -> int:
    return card.merged_into_id or card.pk


def _held(act: DestructionAct, items: Collection[ActItem], now: datetime) -> dict[int, str]:
    """Item -> why it must not be destroyed today: a stop, or a ground that covers it by now."""
    owners = sorted({_owner(one.subject) for one in items})
    today = now.astimezone(act.operator.zone).date()
    stops = standing_stops(owners, label=act.label)
    stays = {
        one.datum: one.destiny.why
        for one in Fates(Law(act.operator), today).read(owners)
        if one.key is None and one.destiny.stays
    }
    why = {one.pk: stops.get(_owner(one.subject)) or stays.get(one.datum_id) for one in items}
    return {number: text for number, text in why.items() if text}


# --- the confirmations ---------------------------------------------------------------------------
@transaction.atomic
def place_confirm(
    *, act: DestructionAct, place: str, how: str, done: bytes | None, by: User, now: datetime
) -> int:
    """What was to go at a place is gone there; ``how``: by what, and which paper proves it.

    ``done``: the work list with an "x" in its last column; None: everything that waits there and
    that nothing holds. Returns how many data. All of it is recorded, or nothing: refuses a line of
    a card of which nothing waits there, and one that a stop or a ground holds.
    """
    row = act_locked(act)
    lines = None if done is None else partial(done_lines, done)
    return _confirm(row, place, how, lines, by=by, now=now)


@transaction.atomic
def codes_confirm(
    *, act: DestructionAct, place: str, how: str, codes: Sequence[str], now: datetime
) -> int:
    """The same, said by a system itself: the data of these cards are gone there.

    What it has said before is passed over, so a message that comes twice does no harm.
    """
    row = act_locked(act)
    said = dict(enumerate((code_of(code.strip()) for code in codes), 1))
    before = set(_confirmed(row, place).values_list("subject__code", flat=True))
    waiting = set(_there(row, place).values_list("subject__code", flat=True))
    lines = {line: code for line, code in said.items() if code in waiting or code not in before}
    if not lines:
        return 0
    return _confirm(row, place, how, lambda: lines, by=None, now=now)


def _confirmed(act: DestructionAct, place: str) -> QuerySet[ActItem]:
    """What was confirmed at a place already, or went there with another act."""
    settled = ActItem.objects.filter(act=act, key=None, datum__isnull=False)
    return _at(settled.filter(outcome__in=[Outcome.DESTROYED, Outcome.GONE]), act, place)


def _confirm(
    row: DestructionAct,
    place: str,
    how: str,
    read: Callable[[], dict[int, str]] | None,
    *,
    by: User | None,
    now: datetime,
) -> int:
    _require_begun(row)
    how = fitting(how, row)
    if not how:
        raise ActReasonMissing(number=row.number)
    numbers = sorted(set(_waiting(row, place).values_list("subject_id", flat=True)))
    cards = list(seam.lock(seam.numbered(DataSubject.objects.order_by("pk"), "id", numbers)))
    merged = sorted({one.merged_into_id for one in cards if one.merged_into_id} - set(numbers))
    list(seam.lock(seam.numbered(DataSubject.objects.order_by("pk"), "id", merged)))
    rows = seam.lock(_waiting(row, place))
    items = {one.pk: one for one in rows.select_related("subject__merged_into")}
    line_of: dict[str, int] = {}
    if read is not None:
        lines = read()
        by_code: dict[str, list[ActItem]] = defaultdict(list)
        for one in items.values():
            by_code[one.subject.code].append(one)
        missing = next((line for line, code in lines.items() if code not in by_code), None)
        if missing is not None:
            raise LineOfNobody(line=missing)
        line_of = {code: line for line, code in lines.items()}
        items = {one.pk: one for code in line_of for one in by_code[code]}
    held = _held(row, items.values(), now)
    if read is not None and held:
        first = min(held, key=lambda number: line_of[items[number].subject.code])
        raise LineHeld(line=line_of[items[first].subject.code], why=held[first])
    going = [one for one in items.values() if one.pk not in held]
    if not going:
        raise HeldElsewhere(number=row.number, why=next(iter(held.values())))
    for one in going:
        one.outcome, one.why, one.confirmed_at, one.confirmed_by = Outcome.DESTROYED, how, now, by
    ActItem.objects.bulk_update(
        going, ["outcome", "why", "confirmed_at", "confirmed_by"], batch_size=CHUNK
    )
    _gone_in_others(row, going)
    return len(going)


def _gone_in_others(act: DestructionAct, going: list[ActItem]) -> None:
    """Other open acts that name the same say where it went: nobody is asked twice."""
    data = [one.datum_id for one in going if one.datum_id]
    same = ActItem.objects.filter(key=None, outcome="", act__state__in=OPEN).exclude(act=act)
    others = list(seam.lock(seam.numbered(same.order_by("pk"), "datum_id", data)))
    for one in others:
        one.outcome, one.why = Outcome.GONE, act.number
    ActItem.objects.bulk_update(others, ["outcome", "why"], batch_size=CHUNK)
