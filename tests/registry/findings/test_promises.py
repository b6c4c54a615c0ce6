"""Promises beside the terms of the law, and how two terms are ranked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.findings import CHECKS, find
from registry.findings.checks import MODULES
from registry.findings.facts import Register, Term
from registry.findings.lengths import LONGEST_HOLIDAYS, Rank, rank
from registry.terms import Unit, end_of_term
from registry.workdays import WorkCalendar
from tests.registry.calendars import KZ, RU
from tests.registry.findings.registers import Case, clean, keys, plus, with_row

assert MODULES  # importing them fills CHECKS


def promises(
    event: str, effect: str, length: int | None, unit: str, direction: str = "due", **changes: Any
) -> Any:
    term = Term(
        "PROMISE.ALFA.1", "promise", event, effect, direction, length, unit, "Alfa policy 3.2",
        "confirmed", None,
    )  # fmt: skip
    return lambda register: plus(register, "terms", replace(term, **changes))


def inquiry(length: int | None, unit: str, **changes: Any) -> Any:
    return promises("inquiry_received", "answer_authority", length, unit, **changes)


def now(length: int | None, unit: str) -> Any:
    return lambda register: with_row(register, "terms", "PROMISE.ALFA.1", length=length, unit=unit)


def kept(register: Register) -> Register:
    """The law wants the evidence kept for three years."""
    term = Term(
        "RU.EVIDENCE", "statute", "destroyed", "keep_evidence", "keep_until", 3, "year",
        "Order 179, p.8", "confirmed", date(2026, 6, 1),
    )  # fmt: skip
    return plus(register, "terms", term)


def keeps(length: int, unit: str) -> Any:
    change = promises("destroyed", "keep_evidence", length, unit, "keep_until")
    return lambda register: change(kept(register))


INQUIRY = "term:PROMISE.ALFA.1/RU.REG.INQUIRY"
WITHDRAWN = "term:PROMISE.ALFA.1/KZ.CONSENT.WITHDRAW"
EVIDENCE = "term:PROMISE.ALFA.1/RU.EVIDENCE"


def withdrawal(length: int, unit: str) -> Any:
    return promises("consent_withdrawn", "stop_or_refuse", length, unit)


CASES = [
    Case("PRM-001", "RU", inquiry(11, "working_day"), INQUIRY, now(10, "working_day")),
    Case("PRM-001", "RU", inquiry(35, "calendar_day"), INQUIRY, now(10, "calendar_day")),
    Case("PRM-001", "RU", inquiry(2, "month"), INQUIRY, now(9, "working_day")),
    Case("PRM-001", "KZ", withdrawal(16, "working_day"), WITHDRAWN, now(15, "working_day")),
    Case("PRM-001", "RU", keeps(2, "year"), EVIDENCE, now(36, "month")),
    # The real one: ten calendar days beside ten working days.
    Case("PRM-002", "RU", inquiry(10, "calendar_day"), INQUIRY, now(10, "working_day")),
    Case("PRM-002", "RU", inquiry(24, "hour"), INQUIRY, now(11, "working_day")),
    Case("PRM-002", "RU", inquiry(None, "immediate"), INQUIRY, now(None, "as_stated_in_inquiry")),
    Case("PRM-002", "KZ", withdrawal(1, "working_day"), WITHDRAWN, now(15, "working_day")),
    Case("PRM-002", "RU", keeps(5, "year"), EVIDENCE, now(3, "year")),
    Case("PRM-003", "RU", inquiry(12, "calendar_day"), INQUIRY, now(10, "calendar_day")),
    Case("PRM-003", "KZ", withdrawal(1, "month"), WITHDRAWN, now(15, "calendar_day")),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fires(case: Case) -> None:
    assert (case.id, case.object) in keys(case.fired)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cleared(case: Case) -> None:
    assert (case.id, case.object) not in keys(case.cleared)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_pair_of_terms_has_one_finding(case: Case) -> None:
    said = [one.check.id for one in find(case.fired) if one.hit.object == case.object]
    assert said == [case.id]


@pytest.mark.parametrize(
    "change",
    [
        inquiry(99, "working_day", own=False),
        inquiry(99, "working_day", direction="watch"),
        inquiry(99, "working_day", source="statute"),
        inquiry(None, "event"),
        inquiry(15, "month_day_rule"),
        promises("inquiry_received", "answer", 99, "working_day"),
        promises("request_closed", "answer_authority", 99, "working_day"),
        inquiry(10, "working_day"),
    ],
    ids=["office", "watch", "law", "event", "month day", "effect", "of another event", "same"],
)
def test_silent(change: Any) -> None:
    assert not {id for id, _object in keys(change(clean("RU"))) if id.startswith("PRM-")}


def test_what_the_authority_does_in_its_own_time_is_not_promised() -> None:
    watched = ("authority_received_notice", "registered_by_authority", 30, "calendar_day", "watch")
    of_law = promises(*watched, code="RU.NOTIFY.REGISTER", source="statute")
    for length in (1, 60):
        register = with_row(
            promises(*watched)(of_law(clean("RU"))), "terms", "PROMISE.ALFA.1", length=length
        )
        assert not {id for id, _object in keys(register) if id.startswith("PRM-")}


def test_the_message_names_both() -> None:
    (one,) = [
        one for one in find(inquiry(10, "calendar_day")(clean("RU"))) if "PRM" in one.check.id
    ]
    assert one.hit.article == "152-FZ 20(4)"
    assert one.check.message % one.hit.params == (
        "The promise PROMISE.ALFA.1 (Alfa policy 3.2) is stricter than 152-FZ 20(4): the promise "
        "binds, and nothing extends it."
    )


def test_every_check_of_promises_has_a_case() -> None:
    assert {case.id for case in CASES} == {id for id in CHECKS if id.startswith("PRM-")}


# --- ranking --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((10, "calendar_day"), (10, "working_day"), Rank.EARLIER),
        ((10, "working_day"), (10, "calendar_day"), Rank.LATER),
        ((11, "calendar_day"), (10, "working_day"), Rank.DEPENDS),
        ((35, "calendar_day"), (10, "working_day"), Rank.LATER),
        ((5, "working_day"), (30, "calendar_day"), Rank.EARLIER),
        ((30, "calendar_day"), (1, "month"), Rank.DEPENDS),
        ((28, "calendar_day"), (1, "month"), Rank.EARLIER),
        ((12, "month"), (1, "year"), Rank.SAME),
        ((24, "hour"), (1, "working_day"), Rank.EARLIER),
        ((1, "working_day"), (24, "hour"), Rank.LATER),
        ((25, "hour"), (1, "calendar_day"), Rank.DEPENDS),
        ((None, "immediate"), (24, "hour"), Rank.EARLIER),
        ((0, "immediate"), (None, "immediate"), Rank.SAME),
        ((1, "working_day"), (0, "immediate"), Rank.LATER),
        ((None, "as_stated_in_inquiry"), (10, "calendar_day"), None),
        ((10, "calendar_day"), (None, "event"), None),
        ((15, "month_day_rule"), (15, "calendar_day"), None),
        ((None, "working_day"), (10, "working_day"), None),
    ],
)
def test_rank(
    first: tuple[int | None, str], second: tuple[int | None, str], expected: Rank | None
) -> None:
    assert rank(*first, *second) == expected


CALENDARS = (RU, KZ)
UNITS = [Unit.CALENDAR_DAY, Unit.WORKING_DAY, Unit.MONTH, Unit.YEAR]
TERMS = st.one_of(
    st.tuples(st.integers(1, 120), st.sampled_from(UNITS[:2])),
    st.tuples(st.integers(1, 30), st.just(Unit.MONTH)),
    st.tuples(st.integers(1, 3), st.just(Unit.YEAR)),
)
STARTS = st.dates(date(2010, 1, 1), date(2026, 12, 31))


def end(start: date, term: tuple[int, Unit], calendar: WorkCalendar) -> date:
    """The last day of the term, moved on to a working day as the law has it."""
    return calendar.next_working_day(end_of_term(start, *term, calendar))


@settings(max_examples=600, deadline=None)
@given(TERMS, TERMS, STARTS, st.sampled_from(CALENDARS))
def test_what_is_ranked_holds_on_every_day(
    first: tuple[int, Unit], second: tuple[int, Unit], start: date, calendar: WorkCalendar
) -> None:
    ends = end(start, first, calendar), end(start, second, calendar)
    found = rank(*first, *second)
    if found is Rank.EARLIER:
        assert ends[0] <= ends[1]
    elif found is Rank.LATER:
        assert ends[0] >= ends[1]
    elif found is Rank.SAME:
        assert ends[0] == ends[1]


@pytest.mark.parametrize("months", range(1, 37))
def test_months_have_the_days_that_ranking_allows(months: int) -> None:
    """From every day of eight years, two leap days among them."""
    starts = [date(2015, 1, 1) + timedelta(days=number) for number in range(8 * 365)]
    days = [(end_of_term(start, months, Unit.MONTH, RU) - start).days for start in starts]
    shortest, longest = min(days), max(days)
    assert rank(shortest, "calendar_day", months, "month") is Rank.EARLIER
    assert rank(shortest + 1, "calendar_day", months, "month") is not Rank.EARLIER
    # From two years on there is a day of room for each: not every year has a leap day.
    room = months // 12 if months >= 24 else 0
    assert rank(longest + room, "calendar_day", months, "month") is Rank.LATER
    assert rank(longest - 1, "calendar_day", months, "month") is not Rank.LATER


def test_the_longest_holidays_are_shorter_than_ranking_allows() -> None:
    """n working days end within 2n + 14 calendar days, from every day of the known years."""
    for calendar, length in product(CALENDARS, (1, 2, 3, 5, 10, 30)):
        for number in range(16 * 365):
            start = date(2010, 1, 1) + timedelta(days=number)
            last = end_of_term(start, length, Unit.WORKING_DAY, calendar)
            assert (last - start).days <= 2 * length + LONGEST_HOLIDAYS


@pytest.mark.parametrize(("length", "other"), list(product((5, 10, 15), (5, 10, 15))))
def test_working_days_are_never_fewer_than_calendar_days(length: int, other: int) -> None:
    """On every day of four years of both calendars, holidays of New Year among them."""
    found = rank(length, "calendar_day", other, "working_day")
    assert (found is Rank.EARLIER) is (length <= other)
    if length > other:
        return
    for calendar in CALENDARS:
        for number in range(4 * 366):
            start = date(2023, 1, 1) + timedelta(days=number)
            assert end(start, (length, Unit.CALENDAR_DAY), calendar) <= end(
                start, (other, Unit.WORKING_DAY), calendar
            )
