"""Registration of an inquiry: its clock, its number, its owner, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from registry.deadlines import NoRule
from registry.errors import Conflict
from registry.models import Absence, Authority, Deadline, DeadlineRule, Operator
from registry.services.clocks import NotOnTheStaff, OwnerOnlyReads
from registry.workdays import CalendarMissing
from requests.models import RegulatorInquiry
from requests.models.inquiries import TEXT_LIMIT
from requests.services.inquiries import (
    AnswerTooLong,
    FieldsRefused,
    ForeignAuthority,
    LetterKnown,
    NotYet,
    OperatorInactive,
    clock_of,
)
from tests.conftest import Office, Team
from tests.requests.letters import LATER, NOW, RECEIVED, authority_of, letter, refused

BOTH = pytest.mark.parametrize("code", ["ipm", "pandev"])


def team_of(office: Office, code: str) -> Team:
    team: Team = getattr(office, code)
    return team


def test_ipm_inquiry_of_25_december_is_due_on_12_january(office: Office) -> None:
    inquiry = letter(office.ipm)
    clock = clock_of(inquiry)
    assert inquiry.number == "INQ-2025-0001"
    assert (clock.due_on, clock.binding) == (date(2026, 1, 12), "promise")
    assert clock.statute_due_on == date(2026, 1, 20)
    assert clock.promise.code == "PROMISE.IPM.3_2"
    assert clock.owner == office.ipm.dpo


def test_pandev_inquiry_without_a_stated_date_is_due_by_the_house_rule(office: Office) -> None:
    clock = clock_of(letter(office.pandev))
    # 4 January is a Sunday; the law of Kazakhstan sets no number of days.
    assert (clock.due_on, clock.binding) == (date(2026, 1, 5), "promise")
    assert clock.statute_due_on is None
    assert clock.owner == office.pandev.dpo


@pytest.mark.parametrize(
    ("stated_on", "due_on", "binding"),
    [
        (date(2025, 12, 30), date(2025, 12, 30), "stated"),
        (date(2026, 1, 20), date(2026, 1, 5), "promise"),
        # The same day twice: the authority's own word comes first.
        (date(2026, 1, 5), date(2026, 1, 5), "stated"),
    ],
)
def test_in_kazakhstan_the_earlier_of_the_stated_date_and_the_promise_binds(
    office: Office, stated_on: date, due_on: date, binding: str
) -> None:
    clock = clock_of(letter(office.pandev, stated_on=stated_on))
    assert (clock.stated_on, clock.due_on, clock.binding) == (stated_on, due_on, binding)


@BOTH
def test_registration_leaves_who_and_why(office: Office, code: str) -> None:
    team = team_of(office, code)
    inquiry = letter(team)
    (row,) = inquiry.history.all()
    assert (row.history_user, row.history_change_reason) == (team.clerk, "registered")
    assert row.history_type == "+"
    (row,) = clock_of(inquiry).history.all()
    assert (row.history_user, row.history_change_reason) == (team.clerk, "clock started")
    assert inquiry.registered_at == NOW
    assert inquiry.state == "open"


@pytest.mark.parametrize(("code", "zone"), [("ipm", "Europe/Moscow"), ("pandev", "Asia/Almaty")])
def test_both_sides_of_midnight_where_the_operator_is(office: Office, code: str, zone: str) -> None:
    team, there = team_of(office, code), ZoneInfo(zone)
    assert team.operator.zone == there
    evening = datetime(2025, 11, 10, 23, 59, tzinfo=there)
    morning = datetime(2025, 11, 11, 0, 1, tzinfo=there)
    late = letter(team, reference="1", received_at=evening, now=LATER)
    early = letter(team, reference="2", received_at=morning, now=LATER)
    assert clock_of(late).due_on == date(2025, 11, 20)
    assert clock_of(early).due_on == date(2025, 11, 21)
    # Overdue begins when the day is over there, not in Greenwich.
    assert clock_of(late).ends_at == datetime(2025, 11, 21, tzinfo=there)


def test_a_moment_in_another_zone_counts_as_the_operators_day(office: Office) -> None:
    # 00:30 of the 11th in Almaty, still the 10th in Greenwich and Moscow.
    moment = datetime(2025, 11, 10, 19, 30, tzinfo=UTC)
    assert clock_of(letter(office.pandev, received_at=moment)).due_on == date(2025, 11, 21)
    assert clock_of(letter(office.ipm, received_at=moment)).due_on == date(2025, 11, 20)


# --- owner -----------------------------------------------------------------------------------
def test_an_owner_who_is_named_gets_it(office: Office) -> None:
    assert clock_of(letter(office.ipm, owner=office.ipm.clerk)).owner == office.ipm.clerk


def test_while_the_owner_is_away_the_substitute_gets_it(office: Office) -> None:
    Absence.objects.create(
        operator=office.ipm.operator,
        user=office.ipm.dpo,
        substitute=office.ipm.deputy,
        first_on=date(2025, 12, 20),
        last_on=date(2026, 1, 11),
        order_number="7",
    )
    assert clock_of(letter(office.ipm)).owner == office.ipm.deputy


def test_without_a_responsible_person_nobody_owns_it(office: Office) -> None:
    Operator.objects.filter(pk=office.ipm.operator.pk).update(responsible=None)
    assert clock_of(letter(office.ipm)).owner is None


# --- refusals --------------------------------------------------------------------------------
@BOTH
def test_a_letter_from_the_future_is_refused(office: Office, code: str) -> None:
    with refused(NotYet, "08-1234 of 24.12.2025: this cannot have happened in the future."):
        letter(team_of(office, code), received_at=NOW + timedelta(seconds=1))


@BOTH
def test_a_letter_that_came_this_second_is_not_from_the_future(office: Office, code: str) -> None:
    assert letter(team_of(office, code), received_at=NOW).received_at == NOW


def test_an_authority_of_another_state_is_refused(office: Office) -> None:
    with refused(ForeignAuthority, "does not supervise"):
        letter(office.ipm, authority=Authority.objects.get(code="KZ.MAIDD"))
    with refused(ForeignAuthority):
        letter(office.pandev, authority=Authority.objects.get(code="RU.RKN"))


@BOTH
def test_a_letter_that_is_known_is_refused_with_its_number(office: Office, code: str) -> None:
    team = team_of(office, code)
    letter(team)
    with refused(LetterKnown, "INQ-2025-0001"):
        letter(team, reference=" 08-1234 of 24.12.2025 ")
    assert issubclass(LetterKnown, Conflict)


def test_the_same_letter_to_the_other_operator_is_another_letter(office: Office) -> None:
    letter(office.ipm)
    assert letter(office.pandev).number == "INQ-2025-0001"


def test_an_inactive_operator_takes_no_new_cases(office: Office) -> None:
    Operator.objects.filter(pk=office.ipm.operator.pk).update(is_active=False)
    with refused(OperatorInactive, "takes no new cases"):
        letter(office.ipm)


def test_an_owner_of_another_operator_or_who_only_reads_is_refused(office: Office) -> None:
    with refused(NotOnTheStaff):
        letter(office.ipm, owner=office.pandev.dpo)
    with refused(OwnerOnlyReads):
        letter(office.ipm, owner=office.ipm.auditor)


def test_questions_over_the_limit_are_refused(office: Office) -> None:
    with refused(AnswerTooLong, "100001", "100000"):
        letter(office.ipm, questions="x" * (TEXT_LIMIT + 1))


def test_a_line_end_is_one_character_and_is_kept_as_one(office: Office) -> None:
    inquiry = letter(office.ipm, questions="a\r\n" * (TEXT_LIMIT // 2))
    assert inquiry.questions == ("a\n" * (TEXT_LIMIT // 2)).strip()


@pytest.mark.parametrize(
    "changed",
    [
        {"reference": ""},
        {"reference": "x" * 101},
        {"questions": " \n "},
        {"channel": "pigeon"},
    ],
    ids=["no number", "long number", "no questions", "unknown channel"],
)
def test_what_the_fields_refuse_is_refused_by_name(office: Office, changed: dict[str, str]) -> None:
    with refused(FieldsRefused):
        letter(office.ipm, **changed)


@pytest.mark.parametrize(
    "received_at",
    [
        datetime(1, 1, 1, tzinfo=ZoneInfo("Europe/Moscow")),
        datetime(1, 6, 1, tzinfo=UTC),
        datetime(1998, 6, 1, tzinfo=UTC),
    ],
)
def test_a_letter_older_than_every_calendar_is_refused(
    office: Office, received_at: datetime
) -> None:
    with refused(CalendarMissing, "no year"):
        letter(office.ipm, received_at=received_at)


@pytest.mark.parametrize("stated_on", [date(1, 1, 1), date(9999, 12, 31)])
def test_a_stated_date_outside_every_calendar_is_refused(office: Office, stated_on: date) -> None:
    for team in (office.ipm, office.pandev):
        with refused(CalendarMissing, "no year"):
            letter(team, stated_on=stated_on)


def test_without_any_rule_the_registration_is_refused_whole(office: Office) -> None:
    DeadlineRule.objects.filter(event="inquiry_received").update(event="breach_found")
    with refused(NoRule):
        letter(office.ipm)


# --- numbers ---------------------------------------------------------------------------------
def test_numbers_follow_each_other_by_operator(office: Office) -> None:
    numbers = [letter(office.ipm, reference=str(i)).number for i in range(3)]
    assert numbers == ["INQ-2025-0001", "INQ-2025-0002", "INQ-2025-0003"]
    assert letter(office.pandev).number == "INQ-2025-0001"


def test_a_refused_letter_uses_no_number(office: Office) -> None:
    letter(office.ipm)
    with refused(LetterKnown):
        letter(office.ipm)
    assert letter(office.ipm, reference="2").number == "INQ-2025-0002"


def test_the_year_of_a_number_is_the_operators_local_year(office: Office) -> None:
    before = datetime(2025, 12, 31, 18, 30, tzinfo=UTC)
    # 23:30 in Almaty and 21:30 in Moscow; half an hour later it is 2026 in Almaty alone.
    after = before + timedelta(minutes=31)
    assert letter(office.pandev, reference="1", now=before).number == "INQ-2025-0001"
    assert letter(office.pandev, reference="2", now=after).number == "INQ-2026-0001"
    assert letter(office.ipm, reference="3", now=after).number == "INQ-2025-0001"
    moscow = datetime(2025, 12, 31, 21, 0, tzinfo=UTC)
    assert letter(office.ipm, reference="4", now=moscow).number == "INQ-2026-0001"


def test_numbers_go_on_beyond_9999(office: Office) -> None:
    first = letter(office.ipm, reference="1")
    RegulatorInquiry.objects.filter(pk=first.pk).update(number="INQ-2025-9999")
    numbers = [letter(office.ipm, reference=str(i)).number for i in (2, 3, 4)]
    assert numbers == ["INQ-2025-10000", "INQ-2025-10001", "INQ-2025-10002"]


def test_the_clock_carries_the_number(office: Office) -> None:
    inquiry = letter(office.ipm)
    assert Deadline.objects.get().label == inquiry.number
    assert str(inquiry) == inquiry.number
    assert authority_of(office.ipm) == inquiry.authority
    assert inquiry.received_at == RECEIVED
