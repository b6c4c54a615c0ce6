"""How long the letters of a closed request are kept: the operator's own rule before the law's."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from registry.models import RetentionRule
from requests.services.ends import OWN, ends_sweep, kept_until
from requests.services.letters import letter_text
from requests.services.posting import letters_deliver
from requests.services.told import told
from tests.conftest import Office, Team
from tests.requests.asking import BOTH, LATER, again, team_of
from tests.requests.corresponding import closed

CLOSED = date(2026, 3, 10)


def rule(team: Team, **changed: Any) -> RetentionRule:
    return RetentionRule.objects.create(
        **{
            "operator": team.operator, "code": "request-files", "event": "request_closed",
            "length": 1, "unit": "year", "article": "",
        }
        | changed
    )  # fmt: skip


@BOTH
def test_the_own_rule_counts_and_the_law_where_there_is_none(office: Office, code: str) -> None:
    team = team_of(office, code)
    by_law = kept_until(team.operator, CLOSED)
    assert by_law.until > date(2029, 1, 1) and by_law.rule.endswith("EVIDENCE.CONSENT")
    rule(team)
    own = kept_until(team.operator, CLOSED)
    assert (own.until, own.rule, own.article) == (date(2027, 3, 10), OWN, "request-files")


@pytest.mark.parametrize(
    ("changed", "until"),
    [
        ({"length": 6, "unit": "month"}, date(2026, 9, 10)),
        ({"length": 30, "unit": "calendar_day"}, date(2026, 4, 9)),
        ({"counted_from": "end_of_reporting_year"}, date(2027, 12, 31)),
    ],
)
def test_it_is_counted_like_any_retention(
    office: Office, changed: dict[str, Any], until: date
) -> None:
    rule(office.ipm, **changed)
    assert kept_until(office.ipm.operator, CLOSED).until == until


def test_what_is_no_rule_for_requests_counts_not(office: Office) -> None:
    team = office.ipm
    by_law = kept_until(team.operator, CLOSED)
    rule(team, event="contract_ended")
    rule(team, code="silent", length=None, unit="")
    rule(office.pandev)
    assert kept_until(team.operator, CLOSED) == by_law
    rule(team, code="long", length=2)
    rule(team, code="short", length=1, article="5(7)")
    assert kept_until(team.operator, CLOSED).article == "5(7)"


def test_the_letters_go_on_the_day_of_the_own_rule_and_say_so(office: Office) -> None:
    team = office.ipm
    rule(team)
    _known, request = closed(team, language="ru")
    (letter,) = request.letters.filter(kind="closing")
    text = letter_text(letter).text
    assert "10 марта 2027" in text and "наше правило хранения" in text
    letters_deliver(now=LATER)
    last = datetime(2027, 3, 10, 20, tzinfo=UTC)
    ends_sweep(now=LATER)
    ends_sweep(now=last)
    assert told(again(request), opened=True)["message"].state == "open"
    ends_sweep(now=datetime(2027, 3, 10, 21, tzinfo=UTC))  # midnight in Moscow
    row = again(request)
    assert told(row, opened=True)["message"].state == "destroyed"
    # Fact, dates and outcome stay.
    assert row.number and row.received_at and row.ended_at and row.items.get().decision == "refused"
