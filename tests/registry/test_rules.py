"""Which version of which rule answers, and which promise stands beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from registry.calendars import NoCalendar, work_calendar
from registry.deadlines import Outcome, RuleEnded, RuleNotInForce
from registry.models import CalendarDay, CalendarYear, DeadlineRule, Jurisdiction, Operator
from registry.services.rules import (
    ForeignLaw,
    ForeignPromise,
    UnknownOperator,
    UnknownRule,
    due,
    operator_by_code,
    rule_version,
    rules_for,
)
from registry.workdays import CalendarMissing

DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


def codes(outcome: Outcome) -> list[str]:
    return [step.code for step in outcome.steps]


def inquiry(operator: str, day: date, **facts: Any) -> Outcome:
    code = {"RU": "RU.REG.INQUIRY", "KZ": "KZ.REG.INQUIRY"}
    card = operator_by_code(operator)
    return due(code=code[card.jurisdiction.code], operator=card, trigger=day, **facts)


def beside(operator: str, day: date = date(2026, 2, 2)) -> tuple[str | None, str | None]:
    found = rules_for(
        operator=operator_by_code(operator),
        event="inquiry_received",
        effect="answer_authority",
        day=day,
    )
    statute, promise = (row.code if row else None for row in found)
    return statute, promise


def new_version(code: str, first_on: date, **fields: Any) -> DeadlineRule:
    """The version in force ends the day before; the new one differs in the fields."""
    row = DeadlineRule.objects.get(code=code)
    row.effective_until = first_on - DAY
    row.save()
    row.pk, row.effective_from, row.effective_until = None, first_on, None
    for name, value in fields.items():
        setattr(row, name, value)
    row._state.adding = True
    row.full_clean()
    row.save()
    return row


# Promises


def test_an_operators_own_promise_stands_instead_of_the_offices() -> None:
    assert beside("ipm") == ("RU.REG.INQUIRY", "PROMISE.IPM.3_2")
    assert beside("pandev") == ("KZ.REG.INQUIRY", "OFFICE.REG.INQUIRY")


def test_when_its_own_promise_has_ended_the_offices_stands() -> None:
    promise = DeadlineRule.objects.get(code="PROMISE.IPM.3_2")
    promise.effective_until = date(2026, 2, 1)
    promise.save()
    assert beside("ipm", date(2026, 2, 1))[1] == "PROMISE.IPM.3_2"
    assert beside("ipm", date(2026, 2, 2))[1] == "OFFICE.REG.INQUIRY"


def test_kazakhstan_sets_no_number_so_the_promise_gives_the_date() -> None:
    found = inquiry("pandev", date(2026, 2, 2))
    assert (found.due_on, found.binding) == (date(2026, 2, 12), "promise")
    assert found.statute_due_on is None
    assert "stated_day_missing" in codes(found)


def test_a_stated_date_binds_when_it_is_the_earliest() -> None:
    stated = inquiry("pandev", date(2026, 2, 2), stated_on=date(2026, 2, 9))
    assert (stated.due_on, stated.binding) == (date(2026, 2, 9), "stated")
    assert "stated_day_missing" not in codes(stated)
    later = inquiry("pandev", date(2026, 2, 2), stated_on=date(2026, 3, 9))
    assert (later.due_on, later.binding) == (date(2026, 2, 12), "promise")


def test_a_promise_may_be_asked_by_its_own_code() -> None:
    found = due(
        code="PROMISE.IPM.3_2", operator=operator_by_code("ipm"), trigger=date(2025, 12, 25)
    )
    assert (found.due_on, found.statute_due_on) == (date(2026, 1, 12), date(2026, 1, 20))


def test_the_promise_of_another_operator_is_refused() -> None:
    with pytest.raises(ForeignPromise):
        due(
            code="PROMISE.IPM.3_2",
            operator=operator_by_code("pandev"),
            trigger=date(2026, 2, 2),
        )


@pytest.mark.parametrize(
    ("code", "operator"), [("KZ.REG.INQUIRY", "ipm"), ("RU.REG.INQUIRY", "pandev")]
)
def test_the_law_of_another_state_is_refused(code: str, operator: str) -> None:
    with pytest.raises(ForeignLaw) as refusal:
        due(code=code, operator=operator_by_code(operator), trigger=date(2026, 2, 2))
    assert refusal.value.params["law"] == code[:2]


@pytest.mark.parametrize("code", ["", "RU", "ru.reg.inquiry", "RU.REG.INQUIRY ", "\x00", "\udcff"])
def test_unknown_codes_are_refused_by_name(code: str) -> None:
    with pytest.raises(UnknownRule):
        rule_version(code, date(2026, 2, 2))
    with pytest.raises(UnknownOperator):
        operator_by_code(code)


# Versions


def test_each_side_of_a_boundary_has_its_own_version() -> None:
    new_version("RU.REG.INQUIRY", date(2026, 2, 1), length=2)
    # The last day of January is counted with ten days, the first of February with two.
    promise = DeadlineRule.objects.get(code="PROMISE.IPM.3_2")
    promise.effective_until = date(2025, 12, 31)
    promise.save()
    DeadlineRule.objects.filter(code="OFFICE.REG.INQUIRY").update(effective_until=date(2020, 1, 1))
    assert inquiry("ipm", date(2026, 1, 31)).due_on == date(2026, 2, 13)
    assert inquiry("ipm", date(2026, 2, 1)).due_on == date(2026, 2, 3)


@pytest.mark.parametrize(
    ("instant", "due_on"),
    [
        # 23:59 and 00:01 in Moscow, which is three hours ahead of UTC.
        (datetime(2026, 1, 31, 20, 59, tzinfo=UTC), date(2026, 2, 13)),
        (datetime(2026, 1, 31, 21, 1, tzinfo=UTC), date(2026, 2, 3)),
    ],
)
def test_the_boundary_is_midnight_of_the_operator(instant: datetime, due_on: date) -> None:
    new_version("RU.REG.INQUIRY", date(2026, 2, 1), length=2)
    operator = operator_by_code("ipm")
    assert due(code="RU.REG.INQUIRY", operator=operator, trigger=instant).statute_due_on == due_on


def test_before_the_first_and_after_the_last_day_is_refused_by_name() -> None:
    with pytest.raises(RuleNotInForce) as early:
        inquiry("ipm", date(2022, 8, 31))
    assert early.value.params["first_day"] == date(2022, 9, 1)
    assert inquiry("ipm", date(2022, 9, 1)).statute_due_on == date(2022, 9, 15)

    DeadlineRule.objects.filter(code="RU.REG.INQUIRY").update(effective_until=date(2026, 1, 31))
    assert inquiry("ipm", date(2026, 1, 31)).statute_due_on
    with pytest.raises(RuleEnded) as late:
        inquiry("ipm", date(2026, 2, 1))
    assert late.value.params["last_day"] == date(2026, 1, 31)


def test_after_the_last_of_several_versions_the_last_day_is_named() -> None:
    # The older version has no first day: databases sort that to different ends.
    new_version("OFFICE.REG.INQUIRY", date(2026, 1, 1), length=5)
    DeadlineRule.objects.filter(code="OFFICE.REG.INQUIRY", length=5).update(
        effective_until=date(2026, 1, 31)
    )
    assert rule_version("OFFICE.REG.INQUIRY", date(2025, 12, 31)).length == 10
    assert rule_version("OFFICE.REG.INQUIRY", date(2026, 1, 1)).length == 5
    with pytest.raises(RuleEnded) as late:
        rule_version("OFFICE.REG.INQUIRY", date(2026, 2, 1))
    assert late.value.params["last_day"] == date(2026, 1, 31)


def test_between_two_versions_the_next_first_day_is_named() -> None:
    new_version("RU.REG.INQUIRY", date(2026, 2, 1))
    DeadlineRule.objects.filter(effective_until=date(2026, 1, 31)).update(
        effective_until=date(2025, 12, 31)
    )
    with pytest.raises(RuleNotInForce) as between:
        inquiry("ipm", date(2026, 1, 15))
    assert between.value.params["first_day"] == date(2026, 2, 1)


# The calendar of the database


def off(code: str, day: date, is_working: bool = False) -> CalendarDay:
    row = CalendarDay(
        jurisdiction=Jurisdiction.objects.get(code=code),
        day=day,
        is_working=is_working,
        reason="test",
        source="decree 1",
    )
    row.full_clean()
    row.save()
    return row


def test_a_decreed_day_off_and_a_working_saturday_change_the_result() -> None:
    assert inquiry("ipm", date(2025, 12, 25)).due_on == date(2026, 1, 12)
    off("RU", date(2026, 1, 12))
    assert inquiry("ipm", date(2025, 12, 25)).due_on == date(2026, 1, 13)
    off("RU", date(2026, 1, 10), is_working=True)
    assert inquiry("ipm", date(2025, 12, 25)).due_on == date(2026, 1, 10)
    assert inquiry("pandev", date(2025, 12, 25)).due_on == date(2026, 1, 5)


@pytest.mark.parametrize(("operator", "country"), [("ipm", "RU"), ("pandev", "KZ")])
@pytest.mark.parametrize("year", [1990, 2099])
def test_a_year_without_a_calendar_is_refused(operator: str, country: str, year: int) -> None:
    day = date(year, 3, 2)
    DeadlineRule.objects.update(effective_from=None)
    code = f"{country}.EVIDENCE.CONSENT"
    with pytest.raises(CalendarMissing) as refusal:
        due(code=code, operator=operator_by_code(operator), trigger=day)
    assert refusal.value.params["code"] == country
    assert refusal.value.params["year"] == year + 3


def test_a_year_comes_into_the_calendar_by_a_row() -> None:
    russia = Jurisdiction.objects.get(code="RU")
    with pytest.raises(CalendarMissing):
        inquiry("ipm", date(2041, 2, 4))
    CalendarYear.objects.create(jurisdiction=russia, year=2041, decreed=False)
    assert codes(inquiry("ipm", date(2041, 2, 4)))[-1] == "not_decreed"


def test_a_year_not_yet_decreed_says_so() -> None:
    assert "not_decreed" not in codes(inquiry("ipm", date(2027, 2, 1)))
    found = inquiry("ipm", date(2028, 2, 1))
    (step,) = [step for step in found.steps if step.code == "not_decreed"]
    assert dict(step.params) == {"calendar": "RU", "year": 2028}
    CalendarYear.objects.filter(year=2028).update(decreed=True)
    assert "not_decreed" not in codes(inquiry("ipm", date(2028, 2, 1)))


def test_a_state_whose_days_off_nobody_knows_is_refused() -> None:
    nowhere = Jurisdiction.objects.create(
        code="XX", name_en="Nowhere", law_en="None", time_zone="UTC", country="XX"
    )
    CalendarYear.objects.create(jurisdiction=nowhere, year=2026, decreed=True)
    with pytest.raises(NoCalendar):
        work_calendar(nowhere)


def test_the_calendar_costs_one_query(django_assert_num_queries: Any) -> None:
    operator = Operator.objects.select_related("jurisdiction").get(code="ipm")
    with django_assert_num_queries(1):
        work_calendar(operator.jurisdiction)
