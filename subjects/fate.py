"""Grounds -> what becomes of each datum: it stays, and why; or it must go, by when, and why.

Law 152-FZ 5(7), 21(3)-(5), Law 94-V 18: data go when their ground ends, unless another ground
covers them (152-FZ 9(2)) or a law orders them kept. The caller brings the dates: a ``Limit`` is
already counted, rolled to a working day and, where there is a ``Keep``, counted from its end.
All days are whole local days of the operator; nothing here reads a clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from registry.errors import OperatorError, gettext_noop

_DAY = timedelta(days=1)


class Source(StrEnum):
    """Who set a limit; of limits on the same day the first here is named."""

    STATUTE = "statute"
    PROMISE = "promise"
    POLICY = "policy"
    ORDER = "order"


class Then(StrEnum):
    """What becomes of data that must go (152-FZ 5(7)); the values of ``AfterRetention``."""

    DESTROY = "destroy"
    DEPERSONALISE = "depersonalise"
    DESTROY_OR_DEPERSONALISE = "destroy_or_depersonalise"


class Reason(StrEnum):
    """``WILL_BE_HELD``: a ground without an end begins before the data must go."""

    HELD = "held"
    WILL_BE_HELD = "will_be_held"
    LIMIT = "limit"
    NO_LIMIT = "no_limit"
    NEVER_COVERED = "never_covered"
    RULED = "ruled"


class EndsBeforeStart(OperatorError):
    template = gettext_noop("Ground %(ground)s ends on %(last_day)s, before it starts.")


class EndWithoutEvent(OperatorError):
    template = gettext_noop("Ground %(ground)s has ended, but nothing says by what event.")


class EventOfOpenGround(OperatorError):
    """Most likely the day was lost: read as open, the ground would hold data for ever."""

    template = gettext_noop("Ground %(ground)s has no last day, but an event that ended it.")


class KeepOfOpenGround(OperatorError):
    template = gettext_noop("Ground %(ground)s has not ended; no retention period can run yet.")


class LimitOfOpenGround(OperatorError):
    template = gettext_noop("Ground %(ground)s has not ended; no term of destruction can run yet.")


class KeepTooLong(OperatorError):
    template = gettext_noop("The retention after ground %(ground)s runs past the last known year.")


class UnknownWord(OperatorError):
    template = gettext_noop("Ground %(ground)s: this word is not known: %(word)s.")


class SameGroundTwice(OperatorError):
    template = gettext_noop("Ground %(ground)s is given twice.")


class SameDatumTwice(OperatorError):
    """In two categories it could both stay and go."""

    template = gettext_noop("Datum %(datum)s is given twice.")


class UnknownGround(OperatorError):
    template = gettext_noop("Ground %(ground)s cannot end here: it is not among those given.")


@dataclass(frozen=True, slots=True)
class Limit:
    """A duty: destroyed by the end of ``day`` (a working day). ``source``: see ``Source``."""

    day: date
    code: str
    article: str
    source: str


@dataclass(frozen=True, slots=True)
class Keep:
    """A retention that law imposes after the end: kept through ``until``, that day included."""

    until: date
    code: str
    article: str


@dataclass(frozen=True, slots=True)
class Cover:
    """A ground and the categories it covers, from ``started_on`` to the day before ``ended_on``.

    ``ended_on`` None: open; then ``event`` and ``limits`` are empty and ``keep`` is None. A day
    to come is a known end (the term of a consent). No limits on an ended ground: due at once.
    Refuses an end before the start, an end without an event, what belongs to an end on an open
    ground, a retention without a day after it, an unknown ``then`` or ``Limit.source``.
    """

    ground: int
    activity: str
    basis: str
    article: str
    categories: frozenset[int]
    started_on: date
    ended_on: date | None
    event: str
    limits: tuple[Limit, ...]
    keep: Keep | None
    then: str

    def __post_init__(self) -> None:
        if self.ended_on is None:
            if self.event:
                raise EventOfOpenGround(ground=self.ground)
            if self.keep:
                raise KeepOfOpenGround(ground=self.ground)
            if self.limits:
                raise LimitOfOpenGround(ground=self.ground)
        elif self.ended_on < self.started_on:
            raise EndsBeforeStart(ground=self.ground, last_day=self.ended_on)
        elif not self.event:
            raise EndWithoutEvent(ground=self.ground)
        if self.keep and self.keep.until == date.max:
            raise KeepTooLong(ground=self.ground)
        if self.then not in set(Then):
            raise UnknownWord(ground=self.ground, word=self.then)
        for limit in self.limits:
            if limit.source not in set(Source):
                raise UnknownWord(ground=self.ground, word=limit.source)

    @property
    def free_on(self) -> date | None:
        """The first day after its start on which it holds nothing; None while open."""
        if self.ended_on is None or self.keep is None:
            return self.ended_on
        return max(self.ended_on, self.keep.until + _DAY)

    def holds(self, day: date) -> bool:
        """Whether it covers that day, or has ended and law orders the data kept that day."""
        free_on = self.free_on
        return self.started_on <= day and (free_on is None or day < free_on)


@dataclass(frozen=True, slots=True)
class Ruling:
    """It was decided that a datum goes, whatever covers it: by ``limit``, because of ``event``.

    Wrong and beyond correction, unlawful or not needed, ordered by a court or the authority
    (152-FZ 5(6), 14(1), 20(3), 21(3); 94-V 25(2)(8)).
    """

    limit: Limit
    event: str
    counted_from: date


@dataclass(frozen=True, slots=True)
class Datum:
    """One value of a person: only its number, its category and a ruling on it matter here."""

    id: int
    category: int
    ruling: Ruling | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds a datum. ``until``: the last day it holds, that day included; None: open.

    ``keep``: set when the ground itself has ended and only the law's retention holds; then
    ``article`` is the article of that retention, otherwise that of the ground.
    """

    ground: int
    activity: str
    basis: str
    article: str
    since: date
    until: date | None
    keep: Keep | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one datum.

    ``stays``: something in ``held_by`` holds it; with a ``due_on`` its ends are known: it stays
    until the latest of them and must then go by that day. Not ``stays``: it must go by
    ``due_on``, never None. ``limit`` (None: at once), ``ground`` and ``event`` say what sets
    that day, ``then`` what is to be done; all empty where there is no such day. ``reason``
    is a ``Reason``. ``never_covered`` is due on the day of asking, whichever that is; ``ruled``
    has no ``ground``.
    """

    datum: int
    stays: bool
    due_on: date | None
    held_by: tuple[Holding, ...]
    reason: str
    limit: Limit | None
    ground: int | None
    event: str
    then: str

    def overdue(self, today: date) -> bool:
        """Whether the last day on which it had to go is past."""
        return not self.stays and self.due_on is not None and self.due_on < today


def decide(data: Iterable[Datum], covers: Iterable[Cover], today: date) -> list[Fate]:
    """The fate of each datum of one person under that person's grounds, in the order of the data.

    What a ground holds today stays. What no ground has ever concerned is due today (promise 1:
    nothing is held without a ground). Otherwise, of all limits that end on or after the day on
    which the last cover fell away, the earliest binds, whichever ground it comes from:

    - a limit that lapsed while another ground lawfully held the data is spent. Followed, it
      would ask for a day in the past that nobody could have met; so it binds no longer, and
      the grounds that ended later set the day;
    - a limit still running on that day keeps running. The later ground merely held the data
      meanwhile; its end gives no fresh period where an older duty is not yet fulfilled.

    A ground that has ended without limits is due on its first free day: no rule is no licence.
    A ground that begins on or before the due day holds the data from then on, so the day moves
    with it already now, and does not drift with the clock. A cover that starts and ends on one
    day concerned the data but held nothing. A ruling on a datum sets its day whatever covers it,
    unless it is due earlier without. Refuses a ground or a datum that is given twice.
    """
    by_category: dict[int, list[Cover]] = defaultdict(list)
    seen: set[int] = set()
    for cover in covers:
        if cover.ground in seen:
            raise SameGroundTwice(ground=cover.ground)
        seen.add(cover.ground)
        for category in cover.categories:
            by_category[category].append(cover)

    verdicts: dict[int, _Verdict] = {}
    fates: dict[int, Fate] = {}
    for datum in data:
        if datum.id in fates:
            raise SameDatumTwice(datum=datum.id)
        verdict = verdicts.get(datum.category)
        if verdict is None:
            verdict = verdicts[datum.category] = _judge(by_category.get(datum.category, []), today)
        found = verdict.of(datum)
        fates[datum.id] = _ruled(found, datum.ruling) if datum.ruling else found
    return list(fates.values())


def what_if(
    data: Iterable[Datum], covers: Iterable[Cover], ended: Mapping[int, Cover], today: date
) -> list[Fate]:
    """The same with some grounds (by number) in the form they would have once ended.

    Refuses a ground that is not among the covers, or that another ground is to replace.
    """
    standing = list(covers)
    known = {cover.ground for cover in standing}
    for ground, cover in ended.items():
        if ground not in known or cover.ground != ground:
            raise UnknownGround(ground=ground)
    return decide(data, [ended.get(cover.ground, cover) for cover in standing], today)


def difference(before: Iterable[Fate], after: Iterable[Fate]) -> tuple[Fate, ...]:
    """What would go: the later fates of the data that stay before and do not stay after."""
    staying = {fate.datum for fate in before if fate.stays}
    return tuple(fate for fate in after if fate.datum in staying and not fate.stays)


@dataclass(frozen=True, slots=True)
class _Duty:
    """One limit of an ended ground, or the ground's free day where it has none."""

    due_on: date
    cover: Cover
    limit: Limit | None

    def rank(self) -> tuple[date, int, date, str, str, int]:
        """Earliest first; then by who set it, so that no order of the input can show."""
        if self.limit is None:
            return self.due_on, len(Source), self.due_on, "", "", self.cover.ground
        source = list(Source).index(Source(self.limit.source))
        limit = self.limit
        return self.due_on, source, limit.day, limit.code, limit.article, self.cover.ground


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The fate of every datum of one category."""

    held_by: tuple[Holding, ...]
    reason: Reason
    duty: _Duty | None
    due_on: date | None
    then: str

    def of(self, datum: Datum) -> Fate:
        return Fate(
            datum=datum.id,
            stays=bool(self.held_by),
            due_on=self.due_on,
            held_by=self.held_by,
            reason=self.reason,
            limit=self.duty.limit if self.duty else None,
            ground=self.duty.cover.ground if self.duty else None,
            event=self.duty.cover.event if self.duty else "",
            then=self.then,
        )


def _ruled(found: Fate, ruling: Ruling) -> Fate:
    """The fate of a datum that must go in spite of every ground."""
    if not found.stays and found.due_on is not None and found.due_on <= ruling.limit.day:
        return found
    return Fate(
        datum=found.datum,
        stays=False,
        due_on=ruling.limit.day,
        held_by=(),
        reason=Reason.RULED,
        limit=ruling.limit,
        ground=None,
        event=ruling.event,
        then=Then.DESTROY,
    )


def _judge(covers: list[Cover], today: date) -> _Verdict:
    begun = [cover for cover in covers if cover.started_on <= today]
    if not begun:
        return _Verdict((), Reason.NEVER_COVERED, None, today, Then.DESTROY)
    duty = _binding(begun)
    coming = [cover for cover in covers if cover.started_on > today]
    # One by one: a short ground that joins can bring the day to before the next one begins.
    for cover in sorted(coming, key=lambda cover: cover.started_on):
        if duty is None or duty.due_on < cover.started_on:
            break
        begun.append(cover)
        duty = _binding(begun)

    holding = [cover for cover in begun if cover.holds(today)]
    if holding:
        reason = Reason.HELD
    elif duty is None:
        holding = [cover for cover in begun if cover.ended_on is None]
        reason = Reason.WILL_BE_HELD
    else:
        reason = Reason.LIMIT if duty.limit else Reason.NO_LIMIT
    held_by = tuple(_holding(c, today) for c in sorted(holding, key=lambda c: c.ground))
    if duty is None:
        return _Verdict(held_by, reason, None, None, "")
    return _Verdict(held_by, reason, duty, duty.due_on, _strictest(begun))


def _binding(covers: list[Cover]) -> _Duty | None:
    """The duty that sets the day, or None while a cover is open. See ``decide`` for why."""
    free_days, duties = [], []
    for cover in covers:
        free_on = cover.free_on
        if free_on is None:
            return None
        free_days.append(free_on)
        duties += [_Duty(max(limit.day, free_on), cover, limit) for limit in cover.limits]
        if not cover.limits:
            duties.append(_Duty(free_on, cover, None))
    uncovered_on = max(free_days)
    # Never empty: the duties of the last ground to let go are due on that day or later.
    return min((duty for duty in duties if duty.due_on >= uncovered_on), key=_Duty.rank)


def _holding(cover: Cover, today: date) -> Holding:
    retained = cover.keep if cover.ended_on and cover.ended_on <= today else None
    free_on = cover.free_on
    return Holding(
        ground=cover.ground,
        activity=cover.activity,
        basis=cover.basis,
        article=retained.article if retained else cover.article,
        since=cover.started_on,
        until=free_on - _DAY if free_on else None,
        keep=retained,
    )


def _strictest(covers: list[Cover]) -> Then:
    """What all the grounds allow; where they contradict each other, destruction."""
    said = {Then(cover.then) for cover in covers} - {Then.DESTROY_OR_DEPERSONALISE}
    if Then.DESTROY in said:
        return Then.DESTROY
    return Then.DEPERSONALISE if said else Then.DESTROY_OR_DEPERSONALISE
