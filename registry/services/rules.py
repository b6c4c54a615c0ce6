"""Which rules govern an event, and what date follows."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Q

from registry.calendars import work_calendar
from registry.choices import RuleSource
from registry.deadlines import Direction, Facts, Outcome, Rule, RuleEnded, RuleNotInForce, compute
from registry.errors import OperatorError, gettext_noop
from registry.models import DeadlineRule, Operator
from registry.terms import Unit
from registry.workdays import WorkCalendar


class UnknownRule(OperatorError):
    template = gettext_noop("The office knows no rule %(code)s.")


class UnknownOperator(OperatorError):
    template = gettext_noop("The office knows no operator %(code)s.")


class ForeignPromise(OperatorError):
    template = gettext_noop("%(code)s is a promise of another operator than %(operator)s.")


class ForeignLaw(OperatorError):
    template = gettext_noop(
        "%(code)s is a rule of %(law)s, but %(operator)s answers under %(own)s."
    )


def as_rule(row: DeadlineRule) -> Rule:
    """The row as the pure engine wants it."""
    return Rule(
        code=row.code,
        direction=Direction(row.direction),
        unit=Unit(row.unit),
        length=row.length or None,
        extension_length=row.extension_length,
        extension_unit=Unit(row.extension_unit) if row.extension_unit else None,
        effective_from=row.effective_from,
        effective_until=row.effective_until,
        article=row.article,
        from_moment=row.from_moment,
    )


def in_force(day: date) -> Q:
    return (Q(effective_from=None) | Q(effective_from__lte=day)) & (
        Q(effective_until=None) | Q(effective_until__gte=day)
    )


def rule_version(code: str, day: date) -> DeadlineRule:
    """The version of a rule that governs triggers of that day; refuses by name if none does."""
    # NUL and the like are in no code, and PostgreSQL refuses to look for them.
    versions = list(DeadlineRule.objects.filter(code=code)) if code.isprintable() else []
    if not versions:
        raise UnknownRule(code=code)
    for version in versions:
        if (version.effective_from or date.min) <= day <= (version.effective_until or date.max):
            return version
    later = [row.effective_from for row in versions if (row.effective_from or date.min) > day]
    if later:
        raise RuleNotInForce(code=code, day=day, first_day=min(filter(None, later)))
    ends = [row.effective_until for row in versions if row.effective_until]
    raise RuleEnded(code=code, day=day, last_day=max(ends))


def rules_for(
    *, operator: Operator, event: str, effect: str, day: date
) -> tuple[DeadlineRule | None, DeadlineRule | None]:
    """The statute and the promise that answer to an event on that day, either may be None.

    An operator's own promise stands instead of the one that every operator makes.
    """
    rules = DeadlineRule.objects.filter(in_force(day), event=event, effect=effect)
    statute = rules.filter(
        source=RuleSource.STATUTE, jurisdiction_id=operator.jurisdiction_id
    ).first()
    promises = rules.filter(source=RuleSource.PROMISE).filter(
        Q(jurisdiction=None) | Q(jurisdiction_id=operator.jurisdiction_id)
    )
    promise = promises.filter(operator=operator).first() or promises.filter(operator=None).first()
    return statute, promise


def outcome(
    *,
    operator: Operator,
    statute: DeadlineRule | None,
    promise: DeadlineRule | None,
    trigger: datetime | date,
    stated_on: date | None = None,
    extended: bool = False,
    calendar: WorkCalendar | None = None,
) -> Outcome:
    """What date follows for the operator from these rules and facts, with its steps.

    ``calendar``: the jurisdiction's, where the caller has read it already.
    """
    return compute(
        statute=as_rule(statute) if statute else None,
        promise=as_rule(promise) if promise else None,
        facts=Facts(zone=operator.zone, trigger=trigger, stated_on=stated_on, extended=extended),
        calendar=calendar or work_calendar(operator.jurisdiction),
    )


def due(
    *,
    code: str,
    operator: Operator,
    trigger: datetime | date,
    stated_on: date | None = None,
    extended: bool = False,
) -> Outcome:
    """What date follows from one rule, together with the promise (or statute) beside it."""
    day = trigger.astimezone(operator.zone).date() if isinstance(trigger, datetime) else trigger
    asked = rule_version(code, day)
    if asked.operator_id not in (None, operator.pk):
        raise ForeignPromise(code=code, operator=operator.code)
    if asked.jurisdiction_id not in (None, operator.jurisdiction_id):
        assert asked.jurisdiction is not None
        raise ForeignLaw(
            code=code,
            law=asked.jurisdiction.code,
            operator=operator.code,
            own=operator.jurisdiction.code,
        )
    statute, promise = rules_for(operator=operator, event=asked.event, effect=asked.effect, day=day)
    if asked.source == RuleSource.STATUTE:
        statute = asked
    else:
        promise = asked
    return outcome(
        operator=operator,
        statute=statute,
        promise=promise,
        trigger=trigger,
        stated_on=stated_on,
        extended=extended,
    )


def operator_by_code(code: str) -> Operator:
    found = Operator.objects.select_related("jurisdiction").filter(code=code)
    operator = found.first() if code.isprintable() else None
    if operator is None:
        raise UnknownOperator(code=code)
    return operator
