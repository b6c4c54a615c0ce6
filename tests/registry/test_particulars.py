"""The particulars that a notice names: read whole, stable, and in a fixed number of queries."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import (
    Country,
    DataCategory,
    InformationSystem,
    LegalBasis,
    Membership,
    ProcessingActivity,
    Purpose,
    RetentionRule,
    SecurityMeasure,
    SubjectCategory,
)
from registry.particular_changes import changed, flat
from registry.services.particulars import particulars_of, read
from tests.conftest import Office, Team
from tests.registry.noticing import INN, saved, whole
from tests.registry.transferring import at_step, ban, plan, recipient

TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)
ACTIVITY = "email_information"


@pytest.fixture
def ipm(office: Office) -> Team:
    return whole(office.ipm)


def told(team: Team, today: date = TODAY) -> dict[str, Any]:
    return particulars_of(operator=team.operator, today=today)


def activity(team: Team) -> ProcessingActivity:
    return ProcessingActivity.objects.get(operator=team.operator, code=ACTIVITY)


def test_it_reads_every_item_of_the_law(ipm: Team) -> None:
    assert told(ipm) == {
        "operator": {"name": "IPM", "address": "101000, Москва, улица 1", "inn": INN, "bin": ""},
        "purposes": {
            ACTIVITY: {
                "data": ["email", "full_name", "phone"],
                "people": ["user"],
                "bases": ["RU.6.1.1"],
                "operations": ["transfer"],
                "modes": ["automated"],
                "network": ["yes"],
            }
        },
        "measures": told(ipm)["measures"],
        "responsible": {
            "name": "Анна Иванова",
            "phone": "+7 495 000-00-00",
            "email": "dpo.ipm@example.org",
            "address": "101000, Москва, улица 1",
        },
        "started_on": "2025-01-01",
        "ceasing": told(ipm)["ceasing"],
        "cross_border": [],
        "systems": {"website": {"country": "RU", "address": "https://ipmanagement.kz/en"}},
    }
    assert "m-legal" in told(ipm)["measures"]["legal"]
    assert ["purpose_achieved", "event", 30, "calendar_day", "destroy"] in told(ipm)["ceasing"]["*"]


def test_an_unchanged_register_reads_the_same_twice(ipm: Team) -> None:
    first, second = told(ipm), told(ipm, TODAY + DAY)
    assert first == second == json.loads(json.dumps(first))
    assert list(first) == list(second)
    assert changed(first, second) == []


def test_several_activities_of_one_purpose_are_told_together(ipm: Team) -> None:
    like = activity(ipm)
    other = ProcessingActivity(
        operator=ipm.operator, code="b", name_en="B", purpose=like.purpose, mode="manual",
        operations=["storage", "transfer"], started_on=date(2024, 5, 1), over_network=False,
    )  # fmt: skip
    saved(other)
    extra = saved(DataCategory(operator=ipm.operator, code="age", name_en="Age"))
    other.data_categories.set([extra, *like.data_categories.all()])
    found = told(ipm)
    purpose = found["purposes"][ACTIVITY]
    assert purpose["data"] == ["age", "email", "full_name", "phone"]
    assert purpose["operations"] == ["storage", "transfer"]
    assert (purpose["modes"], purpose["network"]) == (["automated", "manual"], ["no", "yes"])
    assert found["started_on"] == "2024-05-01"
    # It ends: what only it did is gone, and the processing is no younger for it.
    saved(other, ended_on=TODAY)
    assert told(ipm)["purposes"][ACTIVITY]["data"] == ["email", "full_name", "phone"]
    assert told(ipm)["started_on"] == "2024-05-01"
    assert told(ipm, TODAY - DAY)["purposes"][ACTIVITY]["data"][0] == "age"


def test_names_are_no_particulars(ipm: Team) -> None:
    before = told(ipm)
    saved(Purpose.objects.get(operator=ipm.operator, code=ACTIVITY), name_en="Better said")
    saved(activity(ipm), name_en="Better said", review_on=TODAY)
    assert told(ipm) == before


@pytest.mark.parametrize("what", ["activity", "purpose"])
def test_what_has_ended_is_not_told(ipm: Team, what: str) -> None:
    row = activity(ipm)
    saved(row if what == "activity" else row.purpose, ended_on=TODAY)
    assert list(told(ipm, TODAY - DAY)["purposes"]) == [ACTIVITY]
    assert told(ipm)["purposes"] == told(ipm)["systems"] == {}


def test_whoever_has_left_is_not_responsible(ipm: Team) -> None:
    row = Membership.objects.get(user=ipm.dpo, operator=ipm.operator)
    saved(row, ended_on=TODAY)
    assert told(ipm)["responsible"]["name"] == "Анна Иванова"
    left = told(ipm, TODAY + DAY)["responsible"]
    assert (left["name"], left["phone"]) == ("", "+7 495 000-00-00")
    assert left["email"] == ipm.operator.email


def test_data_go_abroad_where_the_gate_is_open(ipm: Team) -> None:
    assert told(ipm)["cross_border"] == []
    planned = plan(ipm, "US")
    planned.activity.recipients.add(planned.recipient)
    # The register plans to give data to them, and the gate is closed.
    assert told(ipm)["cross_border"] == []
    row = at_step("open", ipm, "DE")
    assert told(ipm)["cross_border"] == ["DE"]
    assert row.opened_on is not None
    assert told(ipm, row.opened_on - DAY)["cross_border"] == []
    ban(row, ipm, TODAY)
    assert told(ipm)["cross_border"] == []


def test_an_activity_that_gives_data_abroad_without_a_transfer_does_so(ipm: Team) -> None:
    activity(ipm).recipients.add(recipient(ipm, "KZ"), recipient(ipm, "RU"))
    assert told(ipm)["cross_border"] == ["KZ"]
    nowhere = recipient(ipm, None)
    activity(ipm).recipients.add(nowhere)
    assert read(operator=ipm.operator, today=TODAY).unknown_recipients == (nowhere.code,)


def test_the_closed_gate_of_one_activity_hides_nothing_of_another(ipm: Team) -> None:
    row = at_step("open", ipm, "DE")
    ban(row, ipm, TODAY)
    row.activity.recipients.add(row.recipient)
    assert told(ipm)["cross_border"] == []
    # Another activity gives them data too, and no transfer of it is closed.
    activity(ipm).recipients.add(row.recipient)
    assert told(ipm)["cross_border"] == ["DE"]


def test_machines_without_a_system_stand_nowhere(ipm: Team) -> None:
    row = activity(ipm)
    row.systems.clear()
    assert read(operator=ipm.operator, today=TODAY).unplaced == (ACTIVITY,)
    saved(row, mode="manual")
    assert read(operator=ipm.operator, today=TODAY).unplaced == ()


def test_periods_of_one_activity_stand_with_its_purpose(ipm: Team) -> None:
    rule = RetentionRule(
        operator=ipm.operator, code="own", event="consent_withdrawn", activity=activity(ipm)
    )
    saved(rule)
    assert told(ipm)["ceasing"][ACTIVITY] == [["consent_withdrawn", "event", None, "", "destroy"]]


# --- differences -------------------------------------------------------------------------------
def test_what_is_new_gone_or_other_is_named_in_the_order_of_the_law() -> None:
    before = {"operator": {"name": "A"}, "purposes": {"p": {"data": ["a"]}}, "said": {"x": "1"}}
    after = {"purposes": {"q": {"data": ["a"]}}, "operator": {"name": "B"}, "systems": {}}
    # What only one side knows at all is not compared.
    assert changed(before, after) == [
        ("operator", "name"), ("purposes", "q", "data"), ("purposes", "p", "data"),
    ]  # fmt: skip
    assert list(flat(before)) == [("operator", "name"), ("purposes", "p", "data"), ("said", "x")]


# --- many --------------------------------------------------------------------------------------
def test_five_hundred_activities_cost_no_query_more(ipm: Team) -> None:
    def reading() -> int:
        with CaptureQueriesContext(connection) as queries:
            told(ipm)
        return len(queries)

    few = reading()
    operator = ipm.operator
    like = activity(ipm)
    purposes = Purpose.objects.bulk_create(
        Purpose(operator=operator, code=f"p{n}", name_en=f"P {n}") for n in range(500)
    )
    rows = ProcessingActivity.objects.bulk_create(
        ProcessingActivity(
            operator=operator, code=f"a{n}", name_en=f"A {n}", purpose=purposes[n],
            operations=["storage"], mode="automated",
        )
        for n in range(500)
    )  # fmt: skip
    systems = InformationSystem.objects.bulk_create(
        InformationSystem(
            operator=operator, code=f"s{n}", name_en=f"S {n}",
            country=Country.objects.get(code="RU"),
        )
        for n in range(50)
    )  # fmt: skip
    people = SubjectCategory.objects.get(operator=operator, code="user")
    basis = LegalBasis.objects.get(code="RU.6.1.1")
    for number, row in enumerate(rows):
        row.data_categories.set(like.data_categories.all())
        row.subject_categories.set([people])
        row.legal_bases.set([basis])
        row.systems.set([systems[number % 50]])
    SecurityMeasure.objects.bulk_create(
        SecurityMeasure(operator=operator, code=f"x{n}", kind="technical", name_en=f"M {n}")
        for n in range(100)
    )
    assert reading() == few <= 14
    began = time.perf_counter()
    found = told(ipm)
    took = time.perf_counter() - began
    assert len(found["purposes"]) == 501 and len(found["systems"]) == 51
    assert found["purposes"]["p7"]["data"] == ["email", "full_name", "phone"]
    # Measured 0.03 s; a busy machine may take its time.
    assert took < 1, took
