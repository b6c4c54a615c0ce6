"""The sentences that tell a reader how a date came about, one per kind of step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from registry.errors import gettext_noop


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence of the explanation; JSON-able. A parameter named ``..day`` is an ISO date."""

    code: str
    params: Mapping[str, str | int]


STEP_TEXTS: dict[str, str] = {
    "started_at": gettext_noop("The clock starts on %(day)s at %(time)s, local time of %(zone)s."),
    "started_on": gettext_noop("The clock starts on %(day)s; no time of day is known (%(zone)s)."),
    "start_excluded": gettext_noop("The day on which the clock starts is not counted."),
    "by_statute": gettext_noop("The law sets a term: %(source)s."),
    "by_promise": gettext_noop("The operator promised a term: %(source)s."),
    "promise_out_of_force": gettext_noop(
        "The promise %(source)s is not in force on %(day)s and does not apply."
    ),
    "count_calendar_day": gettext_noop("Calendar days counted: %(length)s; the last is %(day)s."),
    "count_working_day": gettext_noop(
        "Working days counted: %(length)s; the last is %(day)s. Days off skipped: %(skipped)s."
    ),
    "count_month": gettext_noop("Months counted: %(length)s; the term ends on %(day)s."),
    "count_year": gettext_noop("Years counted: %(length)s; the term ends on %(day)s."),
    "count_month_day_rule": gettext_noop(
        "The term is day %(length)s of the month after: it ends on %(day)s."
    ),
    "count_hour": gettext_noop(
        "Hours counted: %(length)s, without pause, nights and days off included; "
        "they end on %(day)s at %(time)s."
    ),
    "from_midnight": gettext_noop(
        "No time of day is known: the strictest reading starts at 00:00 on %(day)s."
    ),
    "immediate": gettext_noop("It is due at once."),
    "extended": gettext_noop("The term is extended once, from its end."),
    "rolled": gettext_noop("%(day)s is a day off; the next working day is %(next_day)s."),
    "planned_day_missing": gettext_noop(
        "No date yet: the planned day of the event is missing. It must be done before that day."
    ),
    "event_missing": gettext_noop("No date yet: the event itself is missing."),
    "stated_day_missing": gettext_noop(
        "No date yet: the law sets no number; enter the date stated in the inquiry."
    ),
    "watch_only": gettext_noop("It is not the operator's own term; it is watched only."),
    "watch_expected": gettext_noop(
        "It is the authority's own term, watched only; expected by %(day)s."
    ),
    "stated": gettext_noop("A date is stated, in an inquiry or an act of destruction: %(day)s."),
    "stated_day_off": gettext_noop("%(day)s is a day off; a stated date is not moved."),
    "statute_binds": gettext_noop("The law's date binds: %(day)s."),
    "promise_binds": gettext_noop("The promise is stricter and binds: %(day)s."),
    "stated_binds": gettext_noop("The stated date is the earliest and binds: %(day)s."),
    "promise_not_extended": gettext_noop("An extension moves only the law's term, not a promise."),
    "due_day": gettext_noop("Due on %(day)s."),
    "due_moment": gettext_noop("Due on %(day)s at %(time)s, local time of %(zone)s."),
    "not_before": gettext_noop(
        "Not before %(day)s. This is a minimum interval and is not moved to a working day."
    ),
    "keep_until": gettext_noop("Keep until %(day)s."),
    "safe_day": gettext_noop(
        "The safe internal date is %(day)s, the last working day of the unmoved term."
    ),
    "safe_first_day": gettext_noop(
        "The safe internal date is %(day)s: after it the unmoved term has no working day."
    ),
    "safe_moment": gettext_noop(
        "The safe internal time is %(time)s on %(day)s: a working day from the moment itself."
    ),
    "safe_moment_unknown": gettext_noop(
        "The term runs from the moment, whose time is not known: enter it to see the safe time."
    ),
    "not_decreed": gettext_noop(
        "The %(calendar)s work calendar of %(year)s is not yet decreed; the date may move."
    ),
}

# Not strftime: its names follow the locale of the process.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def english(step: Step) -> str:
    """The step as an English sentence, dates with their weekday."""
    params = {
        name: f"{_WEEKDAYS[date.fromisoformat(str(value)).weekday()]} {value}"
        if name.endswith("day")
        else value
        for name, value in step.params.items()
    }
    return STEP_TEXTS[step.code] % params
