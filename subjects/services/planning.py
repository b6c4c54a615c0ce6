"""What is due and why, and what stays and why: read for the screen, the draft and the dry run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Exists, OuterRef, Q, QuerySet

from registry import seam
from registry.errors import OperatorError
from registry.models import Operator
from subjects.choices import ActState, HeldIn, Outcome, StopKind
from subjects.models import (
    ActItem,
    DataSubject,
    DestructionAct,
    DestructionRuling,
    Ground,
    PersonalDatum,
    Stop,
    VaultKey,
)
from subjects.services.covering import Law
from subjects.services.fates import APART, Fates, Held, failures_tell
from subjects.vault.models import Sealed

CHUNK = 2_000  # people
# What a key of a person seals; keys of letters and uploads end with whoever made them.
OF_PEOPLE = (Sealed.DATUM, Sealed.EVIDENCE, Sealed.FILE)
OPEN = (ActState.DRAFTED, ActState.APPROVED, ActState.RUNNING)


@dataclass(frozen=True, slots=True)
class Planned:
    """A key, or a datum held elsewhere (no key), that must go by ``due_on``."""

    subject: int
    code: str
    kind: int
    key: int | None
    datum: int | None
    category: int | None
    due_on: date
    event: str
    rule: str
    article: str
    automatic: bool
    counted_from: date | None
    never_covered: bool


@dataclass(frozen=True, slots=True)
class Staying:
    """What stays: ``why`` names what holds it (``fates.Destiny``), or the stop of its person."""

    subject: int
    code: str
    kind: int
    key: int | None
    datum: int | None
    category: int | None
    stopped: bool
    why: str
    due_on: date | None


@dataclass(slots=True)
class Plan:
    """Of everybody who has something due; of chosen people, everything that is held."""

    going: list[Planned] = field(default_factory=list)
    staying: list[Staying] = field(default_factory=list)


def plan(
    operator: Operator,
    *,
    until: date,
    label: str = "",
    subjects: Iterable[int] | None = None,
    today: date | None = None,
) -> Plan:
    """What an act would destroy that takes in all that is due by ``until``; changes nothing.

    ``label``: the number of the request that asks for it, whose own stop does not count.
    ``subjects``: only these cards. ``today``: as the data stand that day (otherwise: ``until``).
    What an open act holds in time is left out; of a request's, what an act of a request does.
    """
    found = Plan()
    for part in plans(operator, until=until, label=label, subjects=subjects, today=today or until):
        found.going += part.going
        found.staying += part.staying
    return found


def plans(
    operator: Operator,
    *,
    until: date,
    label: str,
    subjects: Iterable[int] | None,
    today: date,
) -> Iterator[Plan]:
    """``plan`` in chunks of people, in the order of their numbers."""
    law = Law(operator)
    chosen = subjects is not None
    numbers = (
        _own(operator, subjects) if subjects is not None else _with_due(operator, until, today)
    )
    # The data of a person whom a request is about are not left to an act of the routine: that one
    # waits for its day, and the stop of the request stops it. What runs already goes on.
    acts = _standing(operator, Q(state=ActState.RUNNING) | ~Q(label="") if label else Q())
    for start in range(0, len(numbers), CHUNK):
        part = numbers[start : start + CHUNK]
        # Who asks for somebody is told what is wrong; of all, nobody waits for another.
        failed: dict[int, OperatorError] | None = None if chosen else {}
        held = Fates(law, today).read(part, failed)
        failures_tell(failed or {})
        yield _plan(part, held, acts, until=until, label=label, everything=chosen)


def _plan(
    part: list[int],
    held: list[Held],
    acts: Mapping[int, date],
    *,
    until: date,
    label: str,
    everything: bool,
) -> Plan:
    found = Plan()
    codes = dict(
        seam.numbered(DataSubject.objects.order_by(), "id", part).values_list("pk", "code")
    )
    stops = standing_stops(part, label=label)
    taken_keys, taken_data = _taken(acts, held)
    due = {
        one.subject for one in held if one.destroy_on is not None and one.destroy_on <= until
    }  # fmt: skip
    # In the order of the people, so that an act is executed in it.
    for one in sorted(held, key=lambda one: (one.subject, one.kind, one.key or 0, one.datum or 0)):
        if (one.key in taken_keys) if one.key else (one.datum in taken_data):
            continue
        day = one.destroy_on
        is_due = day is not None and day <= until
        if is_due and day is not None and one.subject not in stops:
            found.going.append(_going(one, codes[one.subject], day))
        elif everything or one.subject in due:
            found.staying.append(
                Staying(
                    subject=one.subject,
                    code=codes[one.subject],
                    kind=one.kind,
                    key=one.key,
                    datum=one.datum,
                    category=one.category,
                    stopped=is_due,
                    why=stops[one.subject] if is_due else one.destiny.why,
                    due_on=day,
                )
            )
    return found


def _going(one: Held, code: str, day: date) -> Planned:
    return Planned(
        subject=one.subject,
        code=code,
        kind=one.kind,
        key=one.key,
        datum=one.datum,
        category=one.category,
        due_on=day,
        event=one.destiny.event,
        rule=one.destiny.rule,
        article=one.destiny.article,
        automatic=one.destiny.automatic,
        counted_from=one.destiny.counted_from,
        never_covered=one.destiny.never,
    )


def standing_stops(subjects: Iterable[int], *, label: str) -> dict[int, str]:
    """Card -> what stops the destruction of its data now: kind and number.

    The open request that asks for this very destruction stops only others; a legal hold stops
    whatever its number is. The stops of a card that was merged went to the one that stays.
    """
    rows = seam.numbered(Stop.objects.order_by("pk"), "subject_id", list(subjects))
    found: dict[int, str] = {}
    for subject, kind, number in rows.filter(ended_at=None).values_list(
        "subject_id", "kind", "label"
    ):
        if label and kind == StopKind.REQUEST and number == label:
            continue
        found.setdefault(subject, APART.join([kind, number]))
    return found


def _own(operator: Operator, subjects: Iterable[int]) -> list[int]:
    """These cards of the operator, or those they were merged into."""
    rows = seam.numbered(DataSubject.objects.order_by(), "id", sorted(set(subjects)))
    found = rows.filter(operator=operator).values_list("pk", "merged_into_id")
    return sorted({merged_into or number for number, merged_into in found})


def _with_due(operator: Operator, until: date, today: date) -> list[int]:
    """People with a key that is due, and those who may have something due elsewhere."""
    own = DataSubject.objects.filter(operator=operator)
    keys = VaultKey.objects.filter(
        destroy_on__lte=until, kind__in=OF_PEOPLE, owner__in=own.values("pk")
    )
    elsewhere = PersonalDatum.objects.filter(subject__operator=operator).exclude(
        held_in=HeldIn.VAULT
    )
    elsewhere = elsewhere.exclude(Exists(_confirmed().filter(datum=OuterRef("pk"))))
    elsewhere = elsewhere.exclude(_endless(today))
    return sorted(
        {
            *keys.order_by().values_list("owner", flat=True).distinct(),
            *elsewhere.order_by().values_list("subject_id", flat=True).distinct(),
        }
    )


def _endless(today: date) -> Q:
    """Of data: a ground without a known end holds it, so it is not due.

    Nothing dates what has no key; without this the hourly draft would read everybody.
    """
    open_ended = Ground.objects.filter(
        subject=OuterRef("subject"), started_on__lte=today, ended_on=None,
        consent__expires_on=None, activity__ended_on=None, activity__purpose__ended_on=None,
    )  # fmt: skip
    category = OuterRef("category")
    ruled = DestructionRuling.objects.filter(datum=OuterRef("pk"), ended_at=None)
    return (
        Q(Exists(open_ended.filter(consent__text__data_categories=category)))
        | Q(Exists(open_ended.filter(consent=None, activity__data_categories=category)))
        | Q(Exists(open_ended), category=None)
    ) & Q(~Exists(ruled))


def _standing(operator: Operator, which: Q) -> dict[int, date]:
    """Open acts -> the day up to which each is in time for what it holds.

    One that has not begun is of no use to a value whose day has moved to before it.
    """
    rows = DestructionAct.objects.filter(which, operator=operator, state__in=OPEN)
    return {
        number: date.min if state == ActState.RUNNING else due_on
        for number, state, due_on in rows.values_list("pk", "state", "due_on")
    }


def _taken(acts: Mapping[int, date], held: list[Held]) -> tuple[set[int], set[int]]:
    """Keys in an open act that is in time; data held elsewhere in one, or confirmed as gone there.

    What an act holds too late comes into another; carried out, the late one says where it went.
    """
    # What was stopped or stayed there may be due again before that act is closed.
    waiting = ActItem.objects.filter(act__in=list(acts), outcome="").order_by()
    keys: set[int] = set()
    if acts:
        days = {one.key: one.destroy_on for one in held if one.key}
        rows = seam.numbered(waiting, "key", list(days)).values_list("key", "act")
        keys = {key for key, act in rows if key and acts[act] <= (days[key] or date.max)}
    until = {one.datum: one.destroy_on for one in held if one.key is None and one.datum}
    if not until:
        return keys, set()
    items = seam.numbered(waiting.filter(key=None), "datum_id", list(until))
    data = {
        datum
        for datum, act in items.values_list("datum", "act")
        if datum and acts[act] <= (until[datum] or date.max)
    }
    gone = seam.numbered(_confirmed(), "datum_id", list(until)).values_list("datum", flat=True)
    return keys, data | {datum for datum in gone if datum}


def _confirmed() -> QuerySet[ActItem]:
    """Of data held elsewhere: somebody made sure that they are gone."""
    return ActItem.objects.filter(key=None, outcome=Outcome.DESTROYED).order_by()
