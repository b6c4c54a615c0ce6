"""Rule + facts + calendar -> the due date, and the sentences that explain it.

The day that starts a term is not counted (RU CC 191, KZ CC 173). A last day off moves to the
next working day (RU CC 193, KZ CC 175). Hours run without pause (152-FZ 21(3.1)). What is due
is the earliest of the statute, the operator's promise and the date the authority stated.
Because the civil codes bind public duties only by analogy, each term also has an internal
date that is safe without them: alerts use the internal one, "overdue" the due one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from registry.deadline_steps import STEP_TEXTS, Step, english
from registry.errors import OperatorError, gettext_noop
from registry.terms import DATE_UNITS, TermTooLong, Unit, end_of_term, known_unit
from registry.workdays import LengthNotPositive, WorkCalendar

__all__ = [
    "STEP_TEXTS",
    "Binding",
    "Direction",
    "Facts",
    "Outcome",
    "Rule",
    "Step",
    "compute",
    "english",
]


class Direction(StrEnum):
    """What the end of a term means."""

    DUE = "due"
    NOT_BEFORE = "not_before"
    KEEP_UNTIL = "keep_until"
    WATCH = "watch"


MINIMUMS = frozenset({Direction.NOT_BEFORE, Direction.KEEP_UNTIL})

Binding = Literal["statute", "promise", "stated"]


class NoRule(OperatorError):
    template = gettext_noop("A deadline needs a rule: neither a statute nor a promise was given.")


class NaiveTrigger(OperatorError):
    template = gettext_noop("The moment that starts a clock needs its time zone.")


class UnknownDirection(OperatorError):
    template = gettext_noop("Rule %(code)s: the direction is not known: %(direction)s.")


class MixedDirections(OperatorError):
    """A last day and a minimum cannot be compared."""

    template = gettext_noop("The rules %(statute)s and %(promise)s mean different kinds of date.")


class RuleNotInForce(OperatorError):
    template = gettext_noop(
        "Rule %(code)s was not yet in force on %(day)s; its first day is %(first_day)s."
    )


class RuleEnded(OperatorError):
    template = gettext_noop(
        "Rule %(code)s was no longer in force on %(day)s; its last day was %(last_day)s."
    )


class NoExtension(OperatorError):
    template = gettext_noop("Rule %(code)s cannot be extended.")


class LengthMissing(OperatorError):
    template = gettext_noop("Rule %(code)s has a unit that needs a length, and has none.")


class LengthUnexpected(OperatorError):
    template = gettext_noop("Rule %(code)s has a length that its unit cannot use: %(unit)s.")


class MixedUnits(OperatorError):
    template = gettext_noop("Rule %(code)s cannot be extended in another kind of unit: %(unit)s.")


class MomentWithoutWorkingDays(OperatorError):
    template = gettext_noop(
        "Rule %(code)s counts from the moment; only working days can: %(unit)s."
    )


class StatedDateMisplaced(OperatorError):
    template = gettext_noop("Rule %(code)s sets a minimum; a date stated by the authority cannot.")


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of a rule. ``effective_until`` is its last day; no ``effective_from``: always.

    ``from_moment`` (KZ "one working day from the moment"): the internal time is the clock time
    of the trigger on the due day.
    """

    code: str
    direction: Direction
    unit: Unit
    length: int | None
    extension_length: int | None = None
    extension_unit: Unit | None = None
    effective_from: date | None = None
    effective_until: date | None = None
    article: str = ""
    from_moment: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened. ``trigger``: an aware datetime, or a date when no time of day is known.

    ``stated_on``: the date the authority's inquiry names. ``extended``: the statute's term
    has been extended once.
    """

    zone: ZoneInfo
    trigger: datetime | date
    stated_on: date | None = None
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Due and internal dates (``_at`` in the zone of the facts, for terms that end on a moment).

    No date at all (``binding`` None): the steps name what is missing.
    """

    due_on: date | None
    due_at: datetime | None
    internal_on: date | None
    internal_at: datetime | None
    binding: Binding | None
    statute_due_on: date | None
    promise_due_on: date | None
    stated_due_on: date | None
    steps: tuple[Step, ...]


_MISSING = {
    Unit.BEFORE_EVENT: "planned_day_missing",
    Unit.EVENT: "event_missing",
    Unit.AS_STATED_IN_INQUIRY: "stated_day_missing",
}


def compute(
    *, statute: Rule | None, promise: Rule | None, facts: Facts, calendar: WorkCalendar
) -> Outcome:
    """The binding date of a duty, the dates it was chosen from, and why.

    The earliest of statute, promise and stated date binds; of minimums (not before, keep until)
    the latest does, since a promise cannot shorten what the law holds open. On a tie the statute
    comes first, then the stated date. Refuses a rule not in force on the trigger's local date
    (a promise beside a statute is passed over instead), an extension that the rule does not
    know, a naive trigger, a year without a calendar, and rules that do not fit together.
    """
    count = _Count(facts, calendar)
    leading = statute or promise
    if leading is None:
        raise NoRule()
    if facts.extended and (statute is None or _without_extension(statute)):
        raise NoExtension(code=leading.code)
    if refusal := _out_of_force(leading, count.day):
        raise refusal
    if statute and promise and _out_of_force(promise, count.day):
        count.say("promise_out_of_force", source=_source(promise), day=count.day)
        promise = None

    direction = _direction(statute, promise)
    if facts.stated_on and direction in MINIMUMS:
        raise StatedDateMisplaced(code=leading.code)

    by_statute = count.term(statute, "statute") if statute else None
    by_promise = count.term(promise, "promise") if promise else None
    by_date = count.stated(facts.stated_on) if facts.stated_on else None
    terms = [term for term in (by_statute, by_date, by_promise) if term]

    bound = None
    if terms:
        # min and max keep the first of equals, and the list stands in the order of a tie.
        bound = (max if direction in MINIMUMS else min)(terms, key=_strictness)
        count.conclude(bound, direction, chosen=len(terms) > 1)
    count.warn_of_undecreed_years()
    return Outcome(
        due_on=bound.due_on if bound else None,
        due_at=bound.due_at if bound else None,
        internal_on=bound.internal_on if bound else None,
        internal_at=bound.internal_at if bound else None,
        binding=bound.source if bound else None,
        statute_due_on=by_statute.due_on if by_statute else None,
        promise_due_on=by_promise.due_on if by_promise else None,
        stated_due_on=by_date.due_on if by_date else None,
        steps=tuple(count.steps),
    )


@dataclass(frozen=True, slots=True)
class _Term:
    source: Binding
    due_on: date
    internal_on: date
    due_at: datetime | None = None
    internal_at: datetime | None = None
    from_moment: bool = False


class _Count:
    """One computation: its facts, what it has said so far, the years it asked about."""

    def __init__(self, facts: Facts, calendar: WorkCalendar) -> None:
        self.zone, self.facts, self.calendar = facts.zone, facts, calendar
        self.steps: list[Step] = []
        self.years: set[int] = set()
        self.moment: datetime | None = None
        if isinstance(facts.trigger, datetime):
            if facts.trigger.utcoffset() is None:
                raise NaiveTrigger()
            self.moment = facts.trigger.astimezone(self.zone)
            # Receipt after hours still counts that day: no shift in the operator's favour.
            self.day = self.moment.date()
            self.say("started_at", day=self.day, time=_clock(self.moment), zone=str(self.zone))
        else:
            self.day = facts.trigger
            self.say("started_on", day=self.day, zone=str(self.zone))

    def say(self, code: str, **params: str | int | date) -> None:
        iso = {key: p.isoformat() if isinstance(p, date) else p for key, p in params.items()}
        self.steps.append(Step(code, iso))

    def term(self, rule: Rule, source: Binding) -> _Term | None:
        """The dated term of a rule, or None after a step that says what is missing."""
        unit = known_unit(rule.unit)
        if rule.from_moment and unit is not Unit.WORKING_DAY:
            raise MomentWithoutWorkingDays(code=rule.code, unit=unit.value)
        if rule.length and unit not in DATE_UNITS and unit is not Unit.HOUR:
            raise LengthUnexpected(code=rule.code, unit=unit.value)
        self.say("by_statute" if source == "statute" else "by_promise", source=_source(rule))
        extended = self.facts.extended and source == "statute"
        if unit in _MISSING:
            if extended:
                raise NoExtension(code=rule.code)
            if unit is not Unit.AS_STATED_IN_INQUIRY or not self.facts.stated_on:
                self.say(_MISSING[unit])
            if rule.direction == Direction.WATCH:
                self.say("watch_only")
            return None
        if unit in DATE_UNITS:
            found = self._dated(rule, unit, source, extended)
        else:
            found = self._timed(rule, unit, source, extended)
        if rule.direction == Direction.WATCH:
            self.say("watch_expected", day=found.due_on)
            return None
        return found

    def stated(self, day: date) -> _Term:
        self.say("stated", day=day)
        safe = self.calendar.last_working_day(day, not_before=self.day)
        self.years |= set(range(safe.year, day.year + 1))
        if not self.calendar.is_working_day(day):
            self.say("stated_day_off", day=day)
        return _Term("stated", due_on=day, internal_on=safe)

    def conclude(self, bound: _Term, direction: Direction, *, chosen: bool) -> None:
        if chosen:
            self.say(f"{bound.source}_binds", day=bound.due_on)
        if self.facts.extended and bound.source == "promise":
            self.say("promise_not_extended")
        if direction is Direction.NOT_BEFORE:
            self.say("not_before", day=bound.due_on)
        elif direction is Direction.KEEP_UNTIL:
            self.say("keep_until", day=bound.due_on)
        elif bound.due_at:
            at = _clock(bound.due_at)
            self.say("due_moment", day=bound.due_on, time=at, zone=str(self.zone))
        else:
            self.say("due_day", day=bound.due_on)
        if bound.from_moment and bound.internal_at:
            self.say("safe_moment", day=bound.internal_on, time=_clock(bound.internal_at))
        elif bound.from_moment:
            self.say("safe_moment_unknown")
        elif bound.internal_on != bound.due_on:
            first = bound.internal_on == self.day
            self.say("safe_first_day" if first else "safe_day", day=bound.internal_on)

    def warn_of_undecreed_years(self) -> None:
        for year in sorted(self.years):
            if not self.calendar.is_decreed(year):
                self.say("not_decreed", calendar=self.calendar.code, year=year)

    def _dated(self, rule: Rule, unit: Unit, source: Binding, extended: bool) -> _Term:
        if not any(step.code == "start_excluded" for step in self.steps):
            self.say("start_excluded")
        raw = self._raw(self.day, _length(rule.length, rule), unit)
        if extended:
            more, length = _extension(rule, unit)
            self.say("extended")
            raw = self._raw(raw, length, more)
        if rule.direction == Direction.NOT_BEFORE:
            # Rolling a minimum would shorten or lengthen somebody's right.
            due = safe = raw
        else:
            due = safe = self.calendar.next_working_day(raw)
            if due != raw:
                self.say("rolled", day=raw, next_day=due)
            if rule.direction == Direction.DUE:
                safe = self.calendar.last_working_day(raw, not_before=self.day)
            self.years |= set(range(min(safe, raw).year, due.year + 1))
        at = None
        if rule.from_moment and self.moment:
            at = datetime.combine(safe, self.moment.time(), self.zone)
        return _Term(source, due, safe, internal_at=at, from_moment=rule.from_moment)

    def _raw(self, start: date, length: int, unit: Unit) -> date:
        end = end_of_term(start, length, unit, self.calendar)
        if unit is Unit.WORKING_DAY:
            self.years |= set(range((start + timedelta(days=1)).year, end.year + 1))
            skipped = (end - start).days - length
            self.say("count_working_day", length=length, day=end, skipped=skipped)
        else:
            self.say(f"count_{unit.value}", length=length, day=end)
        return end

    def _timed(self, rule: Rule, unit: Unit, source: Binding, extended: bool) -> _Term:
        end = self.moment
        if end is None:
            self.say("from_midnight", day=self.day)
            end = datetime.combine(self.day, time.min, self.zone)
        if unit is Unit.IMMEDIATE:
            self.say("immediate")
        else:
            end = self._after(end, _length(rule.length, rule))
        if extended:
            _, length = _extension(rule, unit)
            self.say("extended")
            end = self._after(end, length)
        return _Term(source, end.date(), end.date(), due_at=end, internal_at=end)

    def _after(self, start: datetime, hours: int) -> datetime:
        if hours < 1:
            raise LengthNotPositive(length=hours)
        try:
            # In UTC, because Python adds to a zoned datetime by the wall clock.
            end = (start.astimezone(UTC) + timedelta(hours=hours)).astimezone(self.zone)
        except OverflowError:
            raise TermTooLong(length=hours, unit=Unit.HOUR.value) from None
        self.say("count_hour", length=hours, day=end.date(), time=_clock(end))
        return end


def _strictness(term: _Term) -> tuple[date, bool, datetime]:
    # A term in days ends at 24:00 of its day (RU CC 194, KZ CC 176): after any moment of it.
    at = term.due_at or datetime.combine(term.due_on, time.min, UTC)
    return term.due_on, term.due_at is None, at.astimezone(UTC)


def _direction(statute: Rule | None, promise: Rule | None) -> Direction:
    """The meaning the rules share; a watched rule sets no date of its own, so it yields."""
    dated = set()
    for rule in filter(None, (statute, promise)):
        try:
            dated.add(Direction(rule.direction))
        except ValueError:
            raise UnknownDirection(code=rule.code, direction=rule.direction) from None
    dated.discard(Direction.WATCH)
    if len(dated) > 1 and statute and promise:
        raise MixedDirections(statute=statute.code, promise=promise.code)
    return dated.pop() if dated else Direction.WATCH


def _out_of_force(rule: Rule, day: date) -> OperatorError | None:
    first, last = rule.effective_from, rule.effective_until
    if first and day < first:
        return RuleNotInForce(code=rule.code, day=day, first_day=first)
    if last and day > last:
        return RuleEnded(code=rule.code, day=day, last_day=last)
    return None


def _without_extension(rule: Rule) -> bool:
    return rule.extension_length is None and not rule.extension_unit


def _extension(rule: Rule, unit: Unit) -> tuple[Unit, int]:
    if not rule.extension_unit:
        raise LengthMissing(code=rule.code)
    more = known_unit(rule.extension_unit)
    if not ({unit, more} <= DATE_UNITS or unit is more is Unit.HOUR):
        raise MixedUnits(code=rule.code, unit=more.value)
    return more, _length(rule.extension_length, rule)


def _length(length: int | None, rule: Rule) -> int:
    if length is None:
        raise LengthMissing(code=rule.code)
    return length


def _source(rule: Rule) -> str:
    return f"{rule.code}, {rule.article}" if rule.article.strip(" -") else rule.code


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M")
