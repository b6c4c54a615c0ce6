"""Data, purpose and ground of a transfer, and what changes on its way through the gate."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from registry.choices import Gate
from registry.models import (
    Adequacy,
    CalendarDay,
    Country,
    DataCategory,
    Deadline,
    LegalBasis,
    Transfer,
)
from registry.services import audit
from registry.services.corrections import correct
from registry.services.transfer_gates import (
    gate_state,
    steps_of_transfer,
)
from registry.transfer_refusals import (
    CountryChangedSinceNotice,
    InstructionLacking,
    TransferObstructed,
    WaitingPeriodRuns,
)
from registry.transfer_steps import Look
from tests.conftest import Office, Team
from tests.registry.consenting import published, ready
from tests.registry.transferring import (
    FILED_ON,
    OPENS_ON,
    assess,
    at_step,
    file,
    inform,
    instruct,
    noon,
    open_,
    plan,
    prepared,
    refused,
)

DAY = timedelta(days=1)
TUESDAY = date(2026, 1, 20)  # the tenth working day after the notice


@pytest.fixture
def ipm(office: Office) -> Team:
    return prepared(office.ipm)


@pytest.fixture
def pandev(office: Office) -> Team:
    return prepared(ready(office.pandev))


# --- data, purpose and ground ------------------------------------------------------------------
def obstacles_of(team: Team, row: Transfer) -> list[str]:
    found = refused(TransferObstructed, lambda: open_(row, team, FILED_ON), row)
    return [one.code for one in found.missing]


def test_what_the_activity_does_not_bear_does_not_go(pandev: Team) -> None:
    row = plan(pandev, "DE")
    beyond = DataCategory.objects.filter(operator=pandev.operator).exclude(
        pk__in=row.activity.data_categories.all()
    )[0]
    row.data_categories.add(beyond)
    assert obstacles_of(pandev, row) == ["beyond"]
    row.data_categories.clear()
    assert obstacles_of(pandev, row) == ["no_categories"]
    row.data_categories.set(row.activity.data_categories.all())
    done_for, purpose = row.activity, row.activity.purpose
    done_for.ended_on = purpose.ended_on = FILED_ON
    audit.save(done_for, by=None, reason="test")
    audit.save(purpose, by=None, reason="test")
    assert obstacles_of(pandev, row) == ["activity_ended", "purpose_ended"]
    done_for.ended_on = purpose.ended_on = FILED_ON + DAY
    audit.save(done_for, by=None, reason="test")
    audit.save(purpose, by=None, reason="test")
    assert open_(row, pandev, FILED_ON).opened_on == FILED_ON


def test_an_activity_of_the_future_sends_nothing(pandev: Team) -> None:
    row = plan(pandev, "DE")
    row.activity.started_on = FILED_ON + DAY
    audit.save(row.activity, by=None, reason="test")
    assert obstacles_of(pandev, row) == ["activity_future"]


def test_the_ground_is_of_the_operators_law_open_and_of_the_activity(pandev: Team) -> None:
    row = plan(pandev, "DE")

    def stand_on(code: str) -> None:
        row.legal_basis = LegalBasis.objects.get(code=code)
        audit.save(row, by=None, reason="test", fields=["legal_basis"])

    stand_on("RU.6.1.1")
    assert obstacles_of(pandev, row) == ["basis_law"]
    stand_on("KZ.9.5")
    assert obstacles_of(pandev, row) == ["basis_activity"]
    stand_on("KZ.9.4")
    basis = row.legal_basis
    basis.closed_on = FILED_ON
    audit.save(basis, by=None, reason="test")
    assert obstacles_of(pandev, row) == ["basis_closed"]
    basis.closed_on = FILED_ON + DAY
    audit.save(basis, by=None, reason="test")
    assert open_(row, pandev, FILED_ON).opened_on == FILED_ON


def test_the_notice_is_not_filed_for_what_could_never_open(ipm: Team) -> None:
    row = at_step("assessed", ipm)
    row.data_categories.add(
        DataCategory.objects.filter(operator=ipm.operator).exclude(
            pk__in=row.activity.data_categories.all()
        )[0]
    )
    refused(TransferObstructed, lambda: file(row, ipm), row)


@pytest.mark.parametrize("basis", ["KZ.9.4", "KZ.9.5", "KZ.9.10"])
def test_a_ground_of_article_16_lets_data_leave_kazakhstan(pandev: Team, basis: str) -> None:
    row = plan(pandev, "US", basis=basis)
    assert gate_state(row, FILED_ON) == "ready"
    notes = [one.article for one in steps_of_transfer(row, FILED_ON) if one.look == Look.NOTE]
    assert notes == ["94-V 12(2)"]
    assert open_(row, pandev, FILED_ON).gate == Gate.GROUND


@pytest.mark.parametrize("basis", ["KZ.9.1", "KZ.9.2", "KZ.9.6"])
def test_another_ground_does_not(pandev: Team, basis: str) -> None:
    row = plan(pandev, "US", basis=basis)
    assert gate_state(row, FILED_ON) == "planned"
    step = next(one for one in steps_of_transfer(row, FILED_ON) if one.code == "ground")
    assert (step.look, step.article) == (Look.NEXT, "94-V 16(3)")
    assert obstacles_of(pandev, row) == ["basis_kind"]
    # To a state that protects data the same ground is enough.
    assert open_(plan(pandev, "DE", basis=basis), pandev, FILED_ON).gate == Gate.NONE


def test_on_consent_people_were_asked_about_the_border_and_third_parties(pandev: Team) -> None:
    row = plan(pandev, "US", basis="KZ.7.1")
    assert obstacles_of(pandev, row) == ["consent_cross_border", "consent_third_parties"]
    text: dict[str, Any] = {
        "activities": [row.activity], "in_force_on": FILED_ON, "code": "abroad",
        "operations": ["transfer"],
    }  # fmt: skip
    published(pandev, cross_border=True, third_parties=False, **text)
    assert obstacles_of(pandev, row) == ["consent_third_parties"]
    published(pandev, cross_border=True, third_parties=True, **text | {"in_force_on": OPENS_ON})
    assert obstacles_of(pandev, row) == ["consent_third_parties"]  # not in force yet
    assert open_(row, pandev, OPENS_ON).opened_on == OPENS_ON


def test_a_consent_that_names_fewer_data_does_not_cover_the_rest(pandev: Team) -> None:
    row = plan(pandev, "US", basis="KZ.7.1", kind="state_body")
    data = list(row.data_categories.all())
    published(
        pandev, activities=[row.activity], data_categories=data[:1], cross_border=True,
        in_force_on=FILED_ON,
    )  # fmt: skip
    assert obstacles_of(pandev, row) == ["consent_cross_border"]
    row.data_categories.set(data[:1])
    assert open_(row, pandev, FILED_ON).opened_on == FILED_ON


def test_a_processor_of_kazakhstan_is_a_third_party_as_well(pandev: Team) -> None:
    row = plan(pandev, "KZ", basis="KZ.7.1", kind="processor")
    instruct(row, pandev)
    assert obstacles_of(pandev, row) == ["consent_third_parties"]


def test_what_bears_it_no_longer_today_does_not_open_for_a_day_gone_by(pandev: Team) -> None:
    row = plan(pandev, "DE")
    done_for, today = row.activity, noon(pandev, OPENS_ON)
    done_for.ended_on = OPENS_ON
    audit.save(done_for, by=None, reason="test")
    late = {"day": FILED_ON, "now": today}
    found = refused(TransferObstructed, lambda: open_(row, pandev, **late), row)
    assert [one.code for one in found.missing] == ["activity_ended"]
    done_for.ended_on = OPENS_ON + DAY
    audit.save(done_for, by=None, reason="test")
    assert open_(row, pandev, **late).opened_on == FILED_ON
    given = plan(pandev, "DE", kind="processor")
    told = instruct(given, pandev, ended_on=OPENS_ON - DAY)
    found = refused(InstructionLacking, lambda: open_(given, pandev, **late), given)
    assert [one.code for one in found.missing] == ["none"]
    told.ended_on = None
    audit.save(told, by=None, reason="test")
    assert open_(given, pandev, **late).opened_on == FILED_ON


# --- what changes meanwhile --------------------------------------------------------------------
def test_a_country_that_stops_protecting_makes_it_wait(ipm: Team) -> None:
    row = plan(ipm, "DE")
    inform(row, ipm)
    assess(row, ipm)
    file(row, ipm)
    judged = Adequacy.objects.get(jurisdiction__code="RU", country__code="DE")
    judged.adequate = False
    audit.save(judged, by=None, reason="another order")
    assert gate_state(row, FILED_ON) == "filed"
    error = refused(WaitingPeriodRuns, lambda: open_(row, ipm, TUESDAY), row)
    assert error.params["day"] == OPENS_ON
    row = open_(row, ipm)
    assert (row.gate, row.opens_on) == (Gate.WAIT, OPENS_ON)


def test_a_country_that_begins_to_protect_need_not_wait(ipm: Team) -> None:
    row = at_step("filed", ipm)
    judged = Adequacy.objects.get(jurisdiction__code="RU", country__code="US")
    judged.adequate = True
    audit.save(judged, by=None, reason="another order")
    assert gate_state(row, FILED_ON) == "ready"
    assert open_(row, ipm, FILED_ON).gate == Gate.NOTICE
    assert Deadline.objects.get().voided_at is not None


def test_a_recipient_that_moved_after_the_notice_needs_a_new_one(ipm: Team) -> None:
    row = at_step("filed", ipm)
    moved = row.recipient
    moved.country = Country.objects.get(code="AE")
    audit.save(moved, by=None, reason="moved")
    refused(CountryChangedSinceNotice, lambda: open_(row, ipm), row)


def test_a_holiday_decreed_later_moves_the_day(ipm: Team) -> None:
    row = at_step("filed", ipm)

    def decree() -> None:
        CalendarDay.objects.create(
            jurisdiction=ipm.operator.jurisdiction, day=TUESDAY, is_working=False,
            reason="decree", source="decree 1",
        )  # fmt: skip

    correct(change=decree, what="day off", reason="decree 1", by=None, now=noon(ipm, FILED_ON))
    assert gate_state(row, OPENS_ON) == "waiting"
    refused(WaitingPeriodRuns, lambda: open_(row, ipm), row)
    assert open_(row, ipm, OPENS_ON + DAY).opens_on == OPENS_ON + DAY
