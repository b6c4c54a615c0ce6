"""Which grounds cover which data of a person, and what follows when they end.

The facts are read here, once for a page, and given to ``subjects.fate``, which decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from django.db.models import Q, Value

from registry.calendars import work_calendar
from registry.choices import CountedFrom, Effect, Event, RuleSource
from registry.errors import OperatorError, gettext_noop
from registry.models import (
    ConsentText,
    DataCategory,
    DeadlineRule,
    Operator,
    ProcessingActivity,
    RetentionRule,
)
from registry.services.rules import outcome
from registry.terms import Unit, end_of_term
from registry.workdays import CalendarMissing, WorkCalendar
from subjects import fate
from subjects.choices import GroundEnd, Ruled
from subjects.models import DataSubject, Ground, PersonalDatum
from subjects.services.ruling_facts import RULINGS_OF, rulings_about, rulings_of_data

# The identity of a row, where the list of data has no element for it, is covered by any ground.
WITHOUT_CATEGORY = 0

# The duties that the end of a ground starts. The law names no end of a consent by its own term
# and no end of a contract: the purpose is then achieved (152-FZ 21(4), 94-V 18(1)-(2)).
DUTIES: Mapping[str, tuple[tuple[Event, Effect], ...]] = {
    GroundEnd.WITHDRAWN: (
        (Event.CONSENT_WITHDRAWN, Effect.DESTROY),
        (Event.CONSENT_WITHDRAWN, Effect.STOP_OR_REFUSE),
    ),
    GroundEnd.EXPIRED: ((Event.PURPOSE_ACHIEVED, Effect.DESTROY),),
    GroundEnd.ACHIEVED: ((Event.PURPOSE_ACHIEVED, Effect.DESTROY),),
    GroundEnd.CONTRACT: ((Event.PURPOSE_ACHIEVED, Effect.DESTROY),),
    GroundEnd.CEASE: (
        (Event.CEASE_DEMANDED, Effect.STOP),
        # Kazakhstan has no demand of its own: it is a withdrawal (94-V 8(7)).
        (Event.CONSENT_WITHDRAWN, Effect.DESTROY),
        (Event.CONSENT_WITHDRAWN, Effect.STOP_OR_REFUSE),
    ),
    GroundEnd.UNLAWFUL: ((Event.UNLAWFUL_PROCESSING_FOUND, Effect.DESTROY),),
}
# The same where it was decided that a datum goes, whatever covers it: the first that the law has.
RULINGS: Mapping[str, tuple[tuple[Event, Effect], ...]] = {
    Ruled.INACCURATE: (
        (Event.UNLAWFUL_OR_UNNEEDED_PROVED, Effect.DESTROY),
        # Kazakhstan: put right, or destroyed where that cannot be (94-V 25(2)(8)).
        (Event.CORRECTION_PROVED, Effect.RECTIFY),
    ),
    Ruled.UNNEEDED: (
        (Event.UNLAWFUL_OR_UNNEEDED_PROVED, Effect.DESTROY),
        (Event.UNLAWFUL_PROCESSING_FOUND, Effect.DESTROY),
    ),
    Ruled.ORDERED: ((Event.UNLAWFUL_PROCESSING_FOUND, Effect.DESTROY),),
}
# Which of the operator's retention rules answer to an end.
RETENTION = {GroundEnd.CEASE: GroundEnd.WITHDRAWN}


class NotCovered(OperatorError):
    template = gettext_noop(
        "%(category)s cannot be held about %(code)s: no ground of this person covers it today. "
        "Record the ground first (152-FZ 6, 94-V 7)."
    )


@dataclass(frozen=True, slots=True)
class End:
    """When and why a ground ended, or is known to end."""

    on: date
    event: str


class Ahead(WorkCalendar):
    """A work calendar that goes on where it is not known: every day of such a year is worked.

    A term that ends there, decades ahead, is not moved and so never ends later than the law says;
    the hourly sweep counts it again once the year is loaded.
    """

    def __init__(self, known: WorkCalendar) -> None:
        self.code, self._known = known.code, known

    def is_working_day(self, day: date) -> bool:
        try:
            return self._known.is_working_day(day)
        except CalendarMissing:
            return True

    def is_decreed(self, year: int) -> bool:
        try:
            return self._known.is_decreed(year)
        except CalendarMissing:
            return False


class Law:
    """The rules and the calendar of one operator, read once."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator

    @cached_property
    def calendar(self) -> WorkCalendar:
        return work_calendar(self.operator.jurisdiction)

    @cached_property
    def ahead(self) -> WorkCalendar:
        """The same for a day by which something must go, however far off."""
        return Ahead(self.calendar)

    @cached_property
    def rules(self) -> list[DeadlineRule]:
        listed = (*DUTIES.values(), *RULINGS.values())
        events = {event for duties in listed for event, _ in duties}
        return list(
            DeadlineRule.objects.filter(event__in=events).filter(
                Q(jurisdiction=None) | Q(jurisdiction=self.operator.jurisdiction_id),
                Q(operator=None) | Q(operator=self.operator),
            )
        )

    @cached_property
    def retention(self) -> list[RetentionRule]:
        return list(RetentionRule.objects.filter(operator=self.operator))

    def _governing(
        self, event: Event, effect: Effect, day: date
    ) -> tuple[DeadlineRule | None, DeadlineRule | None]:
        """The statute and the promise in force that day; an operator's own promise first."""
        fitting = [
            rule
            for rule in self.rules
            if rule.event == event
            and rule.effect == effect
            and (rule.effective_from or date.min) <= day <= (rule.effective_until or date.max)
        ]
        statute = next((rule for rule in fitting if rule.source == RuleSource.STATUTE), None)
        promises = [rule for rule in fitting if rule.source == RuleSource.PROMISE]
        promises.sort(key=lambda rule: rule.operator_id is None)
        return statute, promises[0] if promises else None

    def limits(self, event: str, day: date) -> Iterable[fate.Limit]:
        """By when the law and the operator's promise want the data gone after that day."""
        for name, effect in DUTIES[event]:
            statute, promise = self._governing(name, effect, day)
            if statute is None and promise is None:
                continue
            for rule, source in ((statute, fate.Source.STATUTE), (promise, fate.Source.PROMISE)):
                if rule is None:
                    continue
                found = self._due(rule, day)
                if found is not None:
                    yield fate.Limit(found, rule.code, rule.article, source)

    def ruling_limit(self, why: str, day: date) -> fate.Limit | None:
        """By when the law wants a datum gone of which that was decided or shown on that day."""
        for name, effect in RULINGS[why]:
            statute, promise = self._governing(name, effect, day)
            rules = ((statute, fate.Source.STATUTE), (promise, fate.Source.PROMISE))
            limits = [
                fate.Limit(found, rule.code, rule.article, source)
                for rule, source in rules
                if rule is not None and (found := self._due(rule, day)) is not None
            ]
            if limits:
                return min(limits, key=lambda one: one.day)
        return None

    def _due(self, rule: DeadlineRule, day: date) -> date | None:
        is_statute = rule.source == RuleSource.STATUTE
        return outcome(
            operator=self.operator,
            statute=rule if is_statute else None,
            promise=None if is_statute else rule,
            trigger=day,
            calendar=self.ahead,
        ).due_on

    def after(self, ground: Ground, event: str) -> RetentionRule | None:
        """The rule of the ground's own activity, else the one for all."""
        wanted = RETENTION.get(GroundEnd(event), event)
        fitting = [rule for rule in self.retention if rule.event == wanted]
        own = [rule for rule in fitting if rule.activity_id == ground.activity_id]
        shared = [rule for rule in fitting if rule.activity_id is None]
        return next(iter(own or shared), None)

    def period(self, rule: RetentionRule, ended_on: date) -> date | None:
        """The last day of a retention period; None where the rule names none."""
        if not rule.length:
            return None
        start = ended_on
        if rule.counted_from != CountedFrom.EVENT:
            # A reporting year and the tax period before the next one end with the calendar year.
            start = date(ended_on.year, 12, 31)
        return end_of_term(start, rule.length, Unit(rule.unit), self.calendar)


def end_of(ground: Ground) -> End | None:
    """The earliest known end: the ground's own, its consent's term, its purpose's, its work's."""
    consent = getattr(ground, "consent", None)
    return known_end(
        started_on=ground.started_on,
        ended_on=ground.ended_on,
        end_reason=ground.end_reason,
        expires_on=consent.expires_on if consent is not None else None,
        activity=ground.activity,
    )


def known_end(
    *,
    started_on: date,
    ended_on: date | None,
    end_reason: str,
    expires_on: date | None,
    activity: ProcessingActivity,
) -> End | None:
    """``end_of`` for a ground that was read as columns."""
    ends = []
    if ended_on is not None:
        ends.append(End(ended_on, end_reason))
    if expires_on is not None:
        ends.append(End(expires_on, GroundEnd.EXPIRED))
    if activity.ended_on is not None:
        ends.append(End(activity.ended_on, GroundEnd.ACHIEVED))
    if activity.purpose.ended_on is not None:
        ends.append(End(activity.purpose.ended_on, GroundEnd.ACHIEVED))
    ends = [replace(end, on=max(end.on, started_on)) for end in ends]
    # What somebody did comes before what would have happened anyway on the same day.
    return min(ends, key=lambda end: end.on) if ends else None


def grounds_of(subjects: Iterable[int]) -> list[Ground]:
    """The grounds of these people with everything that tells how far they reach; one query."""
    return list(
        Ground.objects.filter(subject__in=list(subjects))
        .select_related("activity__purpose", "legal_basis", "consent__text")
        .order_by("started_on", "pk")
    )


def categories_of(grounds: Iterable[Ground]) -> dict[int, frozenset[int]]:
    """Ground -> categories it covers: the consent's own list, else the activity's; one query."""
    grounds = list(grounds)
    activities = {ground.activity_id for ground in grounds}
    texts = {ground.consent.text_id for ground in grounds if hasattr(ground, "consent")}
    if not grounds:
        return {}
    rows = (
        ProcessingActivity.data_categories.through.objects.filter(
            processingactivity_id__in=activities
        )
        .values_list(Value(0), "processingactivity_id", "datacategory_id")
        .union(
            ConsentText.data_categories.through.objects.filter(
                consenttext_id__in=texts
            ).values_list(Value(1), "consenttext_id", "datacategory_id"),
            all=True,
        )
    )
    listed: dict[tuple[int, int], set[int]] = defaultdict(set)
    for kind, owner, category in rows:
        listed[kind, owner].add(category)
    found = {}
    for ground in grounds:
        covered = listed[0, ground.activity_id]
        if hasattr(ground, "consent"):
            # A consent reaches no further than its text, whatever the activity has become.
            covered = listed[1, ground.consent.text_id]
        found[ground.pk] = frozenset(covered)
    return found


def cover(
    ground: Ground, categories: frozenset[int], law: Law, ended: End | None = None
) -> fate.Cover:
    """A ground as ``fate`` wants it; ``ended`` stands in the place of its known end."""
    end = ended or end_of(ground)
    keep, then = None, fate.Then.DESTROY
    limits: tuple[fate.Limit, ...] = ()
    if end is not None:
        rule = law.after(ground, end.event)
        event, counted_from = end.event, end.on
        promised: list[fate.Limit] = []
        if rule is not None:
            then = fate.Then(rule.after)
            until = law.period(rule, end.on)
            if until is not None and rule.article:
                keep = fate.Keep(until, rule.code, rule.article)
                # The storage term of a law over, the purpose is achieved, whatever ended the ground
                # (94-V 12(2), 18(1); 152-FZ 5(7), 21(4)).
                event, counted_from = GroundEnd.ACHIEVED, until
            elif until is not None:
                promised = [fate.Limit(until, rule.code, rule.clause, fate.Source.POLICY)]
        limits = (*law.limits(event, counted_from), *promised)
    return fate.Cover(
        ground=ground.pk,
        activity=str(ground.activity),
        basis=str(ground.legal_basis),
        article=ground.legal_basis.article,
        categories=categories | {WITHOUT_CATEGORY},
        started_on=ground.started_on,
        ended_on=end.on if end else None,
        event=end.event if end else "",
        limits=limits,
        keep=keep,
        then=then,
    )


def given(data: Iterable[PersonalDatum]) -> list[fate.Datum]:
    """Data as ``fate`` wants them, with what was decided about them."""
    listed = list(data)
    rulings = rulings_about(listed)
    return [
        fate.Datum(datum.pk, datum.category_id or WITHOUT_CATEGORY, rulings.get(datum.pk))
        for datum in listed
    ]


class Coverage:
    """The grounds and data of one person (or card), and what becomes of the data."""

    def __init__(
        self,
        subject: DataSubject,
        *,
        grounds: list[Ground] | None = None,
        data: Iterable[PersonalDatum] | None = None,
        law: Law | None = None,
    ) -> None:
        self.subject = subject
        self.law = law or Law(subject.operator)
        self.grounds = grounds_of([subject.pk]) if grounds is None else grounds
        self._data = data
        self.categories = categories_of(self.grounds)

    @cached_property
    def data(self) -> list[PersonalDatum]:
        if self._data is not None:
            return list(self._data)
        rows = PersonalDatum.objects.filter(subject=self.subject)
        return list(rows.annotate(**{RULINGS_OF: rulings_of_data()}))

    @cached_property
    def covers(self) -> list[fate.Cover]:
        return [cover(ground, self.categories[ground.pk], self.law) for ground in self.grounds]

    @cached_property
    def _given(self) -> list[fate.Datum]:
        return given(self.data)

    def fates(self, today: date) -> dict[int, fate.Fate]:
        """Datum -> what becomes of it."""
        return {found.datum: found for found in fate.decide(self._given, self.covers, today)}

    def if_ended(
        self, ground: Ground, event: str, today: date
    ) -> tuple[list[fate.Fate], tuple[fate.Fate, ...]]:
        """All fates if this ground ended today for that reason, and those that would newly go."""
        ended = cover(ground, self.categories[ground.pk], self.law, End(today, event))
        after = fate.what_if(self._given, self.covers, {ground.pk: ended}, today)
        return after, fate.difference(self.fates(today).values(), after)

    def covered(self, category: DataCategory | None, today: date) -> bool:
        """Whether a live ground covers the category today (retention after an end does not)."""
        return bool(self.live(category, today))

    def live(self, category: DataCategory | None, today: date) -> list[Ground]:
        """The grounds that cover the category today."""
        wanted = category.pk if category else WITHOUT_CATEGORY
        return [
            ground
            for ground, found in zip(self.grounds, self.covers, strict=True)
            if wanted in found.categories
            and found.started_on <= today
            and (found.ended_on is None or today < found.ended_on)
        ]


def require_cover(
    *, subject: DataSubject, category: DataCategory | None, today: date
) -> list[Ground]:
    """The live grounds that cover a datum; refuses one that none covers (promise 1)."""
    grounds = Coverage(subject).live(category, today)
    if not grounds:
        raise NotCovered(category=category.name if category else "", code=subject.code)
    return grounds
