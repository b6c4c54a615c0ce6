"""Findings of an operator, and letting one of them stand for a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from registry.errors import OperatorError
from registry.findings import Severity
from registry.models import (
    Acknowledgement,
    DeadlineRule,
    Jurisdiction,
    LegalBasis,
    ProcessingActivity,
    ProcessorInstruction,
    Purpose,
)
from registry.services import audit
from registry.services.findings import (
    LONGEST,
    AcknowledgedInThePast,
    AcknowledgedTooLong,
    FindingGone,
    LawWithoutChecks,
    NoReasonToStand,
    NotAcknowledged,
    Standing,
    UnknownFinding,
    WhyItStandsTooLong,
    finding_acknowledge,
    finding_reopen,
    findings_of,
)
from tests.conftest import Office, Team
from tests.registry.findings.clean_office import clean_office
from tests.registry.findings.registers import TODAY

pytestmark = pytest.mark.django_db
# Noon in Moscow on the day of the register.
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)
KEY = ("GRD-001", "activity:support")
UNTIL = TODAY + timedelta(days=30)


@pytest.fixture
def team() -> Team:
    """A clean register, but for one activity that has lost its ground."""
    made = clean_office("RU")
    ProcessingActivity.objects.get(operator=made.operator, code="support").legal_bases.clear()
    return made


def found(team: Team, day: date = TODAY) -> dict[tuple[str, str], Standing]:
    rows = findings_of(operator=team.operator, today=day)
    keyed = {(row.id, row.object): row for row in rows}
    assert len(keyed) == len(rows), "a check names one row twice"
    return keyed


def acknowledge(team: Team, **changes: Any) -> Acknowledgement:
    asked: dict[str, Any] = {
        "operator": team.operator, "finding": KEY[0], "object": KEY[1], "reason": "Order 7",
        "until": UNTIL, "by": team.dpo, "now": NOW,
    }  # fmt: skip
    return finding_acknowledge(**asked | changes)


@pytest.mark.parametrize("law", ["RU", "KZ"])
def test_a_clean_register_reports_nothing(law: str) -> None:
    assert findings_of(operator=clean_office(law).operator, today=TODAY) == []


@pytest.mark.parametrize("law", ["RU", "KZ"])
def test_a_clean_register_is_clean_on_another_day_too(law: str) -> None:
    day = TODAY + timedelta(days=200)
    assert findings_of(operator=clean_office(law, today=day).operator, today=day) == []


def test_what_is_wrong_is_found_with_its_row(team: Team) -> None:
    one = found(team)[KEY]
    assert one.severity is Severity.ERROR and one.is_open and one.article == "152-FZ 6(1)"
    assert "Support of clients" in one.message and one.clears
    activity = ProcessingActivity.objects.get(operator=team.operator, code="support")
    assert one.place is not None
    assert (one.place.model, one.place.pk) == (ProcessingActivity, activity.pk)
    assert one.table == "activity"


def test_three_queries(team: Team) -> None:
    found(team)
    acknowledge(team)
    with CaptureQueriesContext(connection) as captured:
        rows = findings_of(operator=team.operator, today=TODAY)
        assert [str(row.acknowledgement.made_by) for row in rows if row.acknowledgement]
    assert len(captured) == 3


def test_the_worst_comes_first(office: Office) -> None:
    rows = findings_of(operator=office.ipm.operator, today=TODAY)
    order = [list(Severity).index(row.severity) for row in rows]
    assert order == sorted(order) and len(set(order)) == 3


# --- acknowledging -----------------------------------------------------------------------------
def test_an_acknowledgement_covers_its_last_day_and_no_more(team: Team) -> None:
    said = acknowledge(team)
    assert (said.made_by, said.made_at, said.reason) == (team.dpo, NOW, "Order 7")
    assert found(team)[KEY].acknowledgement == said and not found(team)[KEY].is_open
    assert not found(team, UNTIL)[KEY].is_open
    assert found(team, UNTIL + timedelta(days=1))[KEY].is_open


def test_it_covers_that_row_alone(team: Team) -> None:
    ProcessingActivity.objects.get(operator=team.operator, code="employment").legal_bases.clear()
    acknowledge(team)
    assert not found(team)[KEY].is_open
    assert found(team)["GRD-001", "activity:employment"].is_open


def test_again_replaces_what_was_said_and_history_keeps_it(team: Team) -> None:
    first = acknowledge(team)
    second = acknowledge(team, reason="Order 9", until=TODAY, by=team.clerk)
    assert second.pk == first.pk and Acknowledgement.objects.count() == 1
    trail = list(second.history.values_list("reason", "until", "history_user", "history_type"))
    assert trail == [
        ("Order 9", TODAY, team.clerk.pk, "~"),
        ("Order 7", UNTIL, team.dpo.pk, "+"),
    ]


def test_what_came_back_can_be_acknowledged_again(team: Team) -> None:
    acknowledge(team, until=TODAY)
    tomorrow = NOW + timedelta(days=1)
    acknowledge(team, until=UNTIL, now=tomorrow)
    assert not found(team, TODAY + timedelta(days=1))[KEY].is_open


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"finding": "GRD-000"}, UnknownFinding),
        ({"finding": ""}, UnknownFinding),
        ({"object": "activity:employment"}, FindingGone),
        ({"object": "activity:nothing"}, FindingGone),
        ({"finding": "GRD-002"}, FindingGone),
        ({"reason": ""}, NoReasonToStand),
        ({"reason": " \n "}, NoReasonToStand),
        ({"reason": "x" * 2001}, WhyItStandsTooLong),
        ({"until": TODAY - timedelta(days=1)}, AcknowledgedInThePast),
        ({"until": TODAY + LONGEST + timedelta(days=1)}, AcknowledgedTooLong),
        ({"until": date.max}, AcknowledgedTooLong),
    ],
)
def test_what_is_refused(team: Team, changes: dict[str, Any], error: type[OperatorError]) -> None:
    with pytest.raises(error):
        acknowledge(team, **changes)
    assert not Acknowledgement.objects.exists() and found(team)[KEY].is_open


def test_the_limits_themselves_are_allowed(team: Team) -> None:
    acknowledge(team, until=TODAY)
    assert acknowledge(team, until=TODAY + LONGEST).until == TODAY + LONGEST
    # The same day of the next year, whatever the year.
    assert TODAY.replace(year=TODAY.year + 1) <= TODAY + LONGEST


def test_the_day_is_the_operator_s(team: Team) -> None:
    """22:30 in UTC is half past one of the next day in Moscow."""
    late = datetime(TODAY.year, TODAY.month, TODAY.day, 22, 30, tzinfo=UTC)
    with pytest.raises(AcknowledgedInThePast):
        acknowledge(team, until=TODAY, now=late)
    acknowledge(team, until=TODAY, now=late - timedelta(hours=2))


def test_what_is_mended_is_gone_whatever_was_said(team: Team) -> None:
    said = acknowledge(team)
    activity = ProcessingActivity.objects.get(operator=team.operator, code="support")
    activity.legal_bases.add(activity.operator.jurisdiction.legal_bases.get(code="RU.6.1.1"))
    assert found(team) == {}
    with pytest.raises(FindingGone):
        acknowledge(team)
    said.refresh_from_db()


def test_another_operator_s_acknowledgement_counts_for_nobody_else(
    team: Team, office: Office
) -> None:
    """Both have the same finding about a row of the same code; each is let stand by itself."""
    other = office.ipm.operator
    purpose = Purpose.objects.get(operator=other)
    row = ProcessingActivity(operator=other, code="support", name_en="Theirs", purpose=purpose)
    audit.save(row, by=None, reason="test")
    acknowledge(team, operator=other, by=office.ipm.dpo)
    assert found(team)[KEY].is_open
    theirs = findings_of(operator=other, today=TODAY)
    assert [one.object for one in theirs if not one.is_open] == [KEY[1]]
    acknowledge(team)
    assert Acknowledgement.objects.count() == 2
    finding_reopen(operator=other, finding=KEY[0], object=KEY[1], by=office.ipm.dpo)
    assert not found(team)[KEY].is_open


# --- what it covers ----------------------------------------------------------------------------
BEYOND = ("RCP-005", "activity:support/hosting")


def tell(team: Team, *codes: str) -> None:
    """The instruction of the processor names these data and no others."""
    paper = ProcessorInstruction.objects.get(operator=team.operator)
    paper.data_categories.set(team.operator.datacategory_set.filter(code__in=codes))


def test_what_is_added_to_a_violation_was_not_acknowledged() -> None:
    team = clean_office("RU")
    tell(team, "full_name")
    said = acknowledge(team, finding=BEYOND[0], object=BEYOND[1])
    assert found(team)[BEYOND].acknowledgement == said and found(team)[BEYOND].changed is None
    tell(team)
    more = found(team)[BEYOND]
    assert more.is_open and more.acknowledgement is None and more.changed == said
    acknowledge(team, finding=BEYOND[0], object=BEYOND[1])
    assert not found(team)[BEYOND].is_open
    tell(team, "full_name")
    assert found(team)[BEYOND].is_open, "another violation, though a smaller one"


def test_a_name_that_is_mended_opens_nothing_again() -> None:
    team = clean_office("RU")
    tell(team, "full_name")
    acknowledge(team, finding=BEYOND[0], object=BEYOND[1])
    rows = (*team.operator.datacategory_set.all(), *team.operator.processingactivity_set.all())
    for row in rows:
        row.name_kk = f"{row.name_en} (kk)"
        row.name_en = f"{row.name_en}, mended"
        audit.save(row, by=None, reason="test")
    for language in ("ru", "kk", "en"):
        with override(language):
            assert not found(team)[BEYOND].is_open, language


def test_an_acknowledgement_from_before_digests_covers_nothing(team: Team) -> None:
    said = acknowledge(team)
    said.digest = ""
    audit.save(said, by=None, reason="test")
    assert found(team)[KEY].is_open and found(team)[KEY].changed == said


# --- a law of which there are no checks --------------------------------------------------------
def uzbek(team: Team) -> Jurisdiction:
    own = team.operator.jurisdiction
    law = Jurisdiction(
        code="UZ", name_ru="Узбекистан", name_kk="Өзбекстан", name_en="Uzbekistan",
        law_ru="ZRU-547", law_kk="ZRU-547", law_en="ZRU-547", time_zone="Asia/Tashkent",
        country=own.country,
    )  # fmt: skip
    return audit.save(law, by=None, reason="test")


def test_a_law_without_checks_is_refused_by_name(team: Team) -> None:
    team.operator.jurisdiction = uzbek(team)
    audit.save(team.operator, by=None, reason="test")
    with pytest.raises(LawWithoutChecks, match="the law of UZ"):
        findings_of(operator=team.operator, today=TODAY)
    with pytest.raises(LawWithoutChecks):
        acknowledge(team)
    assert not Acknowledgement.objects.exists()


def test_an_article_of_such_a_law_is_a_foreign_ground(team: Team) -> None:
    basis = LegalBasis(
        jurisdiction=uzbek(team), code="UZ.18", article="18", kind="consent",
        name_ru="Согласие", name_kk="Келісім", name_en="Consent",
    )  # fmt: skip
    audit.save(basis, by=None, reason="test")
    ProcessingActivity.objects.get(code="support", operator=team.operator).legal_bases.add(basis)
    one = found(team)["GRD-003", "activity:support/UZ.18"]
    with override("en"):
        assert "stands on UZ 18, an article of another state's law" in one.message


# --- taking it back ----------------------------------------------------------------------------
def reopen(team: Team, **changes: Any) -> None:
    asked: dict[str, Any] = {"operator": team.operator, "finding": KEY[0], "object": KEY[1]}
    finding_reopen(**asked | {"by": team.dpo} | changes)


def test_taken_back_it_is_open_at_once_and_stays_in_history(team: Team) -> None:
    number = acknowledge(team).pk
    reopen(team, by=team.clerk)
    assert found(team)[KEY].is_open and not Acknowledgement.objects.exists()
    trail = Acknowledgement.history.filter(id=number)
    assert list(trail.values_list("history_type", "history_user", "history_change_reason")) == [
        ("-", team.clerk.pk, "taken back"),
        ("+", team.dpo.pk, "acknowledged"),
    ]


def test_only_what_is_acknowledged_can_be_taken_back(team: Team, office: Office) -> None:
    with pytest.raises(NotAcknowledged):
        reopen(team)
    acknowledge(team)
    for changes in ({"object": "activity:employment"}, {"operator": office.ipm.operator}):
        with pytest.raises(NotAcknowledged):
            reopen(team, **changes)
    reopen(team)
    with pytest.raises(NotAcknowledged):
        reopen(team)


def test_a_rule_nobody_has_read_is_about_the_law_and_has_no_row(team: Team) -> None:
    rule = DeadlineRule.objects.get(code="RU.SUBJ.ACCESS")
    rule.verification = "unverified"
    audit.save(rule, by=None, reason="test")
    of_law = [row for row in found(team).values() if row.table == "law"]
    assert of_law and all(row.place is None for row in of_law)
