"""Every kind of demand has the clock of its law, over New Year and May too."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from requests.services.subject_requests import Demand
from tests.conftest import Office
from tests.requests.asking import WITHDRAWAL, item_of, receive, team_of
from tests.requests.checking import (
    BLOCKING,
    CEASE,
    COMPLAINT,
    OBJECTION,
    UNBLOCKING,
    clocks,
)

NEW_YEAR = datetime(2026, 12, 28, 9, tzinfo=UTC)
MAY = datetime(2027, 4, 29, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "demand", "rule", "due_on"),
    [
        ("ipm", CEASE, "RU.SUBJ.CEASE", date(2026, 3, 20)),
        ("ipm", BLOCKING, "RU.VERIFY.BLOCK", date(2026, 3, 5)),
        ("ipm", UNBLOCKING, "RU.SUBJ.ACCESS", date(2026, 3, 20)),
        ("ipm", OBJECTION, "RU.SUBJ.ACCESS", date(2026, 3, 20)),
        ("ipm", COMPLAINT, "RU.SUBJ.ACCESS", date(2026, 3, 20)),
        ("pandev", CEASE, "KZ.CONSENT.WITHDRAW", date(2026, 4, 1)),
        ("pandev", BLOCKING, "KZ.VERIFY.BLOCK", date(2026, 3, 6)),
        ("pandev", UNBLOCKING, "KZ.SUBJ.INFO", date(2026, 3, 11)),
        ("pandev", OBJECTION, "KZ.AUTOMATED.OBJECTION", date(2026, 3, 11)),
        ("pandev", COMPLAINT, "KZ.SUBJ.INFO", date(2026, 3, 11)),
    ],
)
def test_each_kind_has_the_clock_of_its_law(
    office: Office, code: str, demand: Demand, rule: str, due_on: date
) -> None:
    running = clocks(item_of(receive(team_of(office, code), demand)))
    assert {name: clock.due_on for name, clock in running.items()} == {rule: due_on}


@pytest.mark.parametrize(
    ("code", "demand", "received_at", "due_on"),
    [
        # 31 December 2026 is a day off in Russia, as are 1 to 10 January 2027.
        ("ipm", CEASE, NEW_YEAR, date(2027, 1, 20)),
        ("ipm", OBJECTION, NEW_YEAR, date(2027, 1, 20)),
        ("ipm", BLOCKING, NEW_YEAR, date(2026, 12, 28)),
        # In Kazakhstan 1 to 4 January (the 2nd is a Saturday) and the 7th.
        ("pandev", CEASE, NEW_YEAR, date(2027, 1, 21)),
        ("pandev", OBJECTION, NEW_YEAR, date(2026, 12, 31)),
        ("pandev", BLOCKING, NEW_YEAR, date(2026, 12, 29)),
        # 1 and 9 May fall on a weekend: the Mondays after them are off.
        ("ipm", CEASE, MAY, date(2027, 5, 17)),
        ("pandev", CEASE, MAY, date(2027, 5, 25)),
        ("pandev", OBJECTION, MAY, date(2027, 5, 5)),
        ("pandev", BLOCKING, MAY, date(2027, 4, 30)),
    ],
)
def test_the_holidays_are_not_counted(
    office: Office, code: str, demand: Demand, received_at: datetime, due_on: date
) -> None:
    request = receive(team_of(office, code), demand, received_at=received_at, now=received_at)
    assert [clock.due_on for clock in clocks(item_of(request)).values()] == [due_on]


def test_a_withdrawal_and_a_demand_to_cease_in_one_letter_have_two_days(office: Office) -> None:
    request = receive(office.ipm, WITHDRAWAL, CEASE)
    days = {
        kind: [clock.due_on for clock in clocks(item_of(request, kind)).values()]
        for kind in ("withdrawal", "cease")
    }
    assert days == {"withdrawal": [date(2026, 4, 6)], "cease": [date(2026, 3, 20)]}
