"""A step of internal control that has ended: nothing asks for it any more, and it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils.translation import override

from registry.models import ControlRecord, ControlStep, Membership
from registry.services import audit
from registry.services.control import ControlStepEnded, coming_before, step_state
from registry.services.control_plan import write_control_plan
from registry.services.paper_kinds import Ask
from registry.services.register_facts import reading_of
from registry.services.staff import open_work, staff_leave
from tests.conftest import Office, Team
from tests.crawl.forms import shown
from tests.registry.controlling import NOW, TODAY, check, step

STEPS = "/admin/registry/controlstep/"
DAY = timedelta(days=1)


@pytest.fixture
def ipm(office: Office) -> Team:
    return office.ipm


def two(team: Team) -> tuple[ControlStep, ControlStep]:
    """One that ended today, overdue before, and one that ends tomorrow."""
    late = TODAY - 9 * DAY
    return (
        step(team, code="over", name_en="Paper archive", next_on=late, ended_on=TODAY),
        step(team, code="last-day", name_en="Cabinets", next_on=late, ended_on=TODAY + DAY),
    )


def listed(client: Any, query: str = "") -> list[str]:
    return [row.code for row in client.get(f"{STEPS}{query}").context["cl"].result_list]


# --- checks ------------------------------------------------------------------------------------
def test_no_check_is_recorded_of_the_day_of_the_end_or_after(ipm: Team) -> None:
    over, going_on = two(ipm)
    history = ControlStep.history.count()
    with pytest.raises(ControlStepEnded) as caught:
        check(over, ipm, TODAY)
    assert caught.value.params == {"step": "over", "day": TODAY}
    with pytest.raises(ControlStepEnded):
        check(going_on, ipm, TODAY + DAY, now=NOW + 3 * DAY)
    assert not ControlRecord.objects.exists() and ControlStep.history.count() == history
    # What was checked before the end may be written down after it.
    assert check(over, ipm, TODAY - DAY).done_on == TODAY - DAY
    assert check(going_on, ipm, TODAY).done_on == TODAY


# --- what no longer asks for it ----------------------------------------------------------------
def test_what_ended_is_not_coming_where_the_operator_is(office: Office) -> None:
    """At 20:00 UTC of 2 March it is the 3rd in Almaty and still the 2nd in Moscow."""
    late = TODAY - 9 * DAY
    here = step(office.pandev, next_on=late, ended_on=TODAY + DAY)
    there = step(office.ipm, next_on=late, ended_on=TODAY + DAY)
    noon = ControlStep.objects.filter(coming_before(NOW))
    assert set(noon) == {here, there}
    evening = datetime(2026, 3, 2, 20, tzinfo=UTC)
    assert list(ControlStep.objects.filter(coming_before(evening))) == [there]
    assert not ControlStep.objects.filter(coming_before(evening + DAY)).exists()


def test_the_state_of_an_ended_step(ipm: Team) -> None:
    over, going_on = two(ipm)
    with override("en"):
        assert step_state(over, TODAY) == "ended"
        assert step_state(over, TODAY - DAY) == step_state(going_on, TODAY - DAY)
        assert step_state(going_on, TODAY) == "overdue by 9 days"


def test_the_plan_no_longer_names_it(ipm: Team) -> None:
    two(ipm)
    with override("en"):
        found = write_control_plan(Ask(ipm.operator, "en", TODAY))
    assert [one["code"] for one in found.particulars["steps"]] == ["last-day"]
    assert "Paper archive" not in str(found.sections) and "Cabinets" in str(found.sections)
    tomorrow = write_control_plan(Ask(ipm.operator, "en", TODAY + DAY))
    assert tomorrow.particulars["steps"] == [] and tomorrow.missing


def test_a_leaver_hands_over_only_what_goes_on(ipm: Team) -> None:
    over, going_on = two(ipm)
    membership = Membership.objects.get(user=ipm.clerk)
    assert open_work(membership=membership, today=TODAY).steps == [going_on]
    staff_leave(membership=membership, successor=ipm.deputy, by=ipm.dpo, now=NOW, reason="order 7")
    over.refresh_from_db()
    going_on.refresh_from_db()
    assert (over.responsible, going_on.responsible) == (ipm.clerk, ipm.deputy)


def test_findings_do_not_read_it(ipm: Team) -> None:
    two(ipm)
    reading = reading_of(operator=ipm.operator, today=TODAY)
    assert [one.code for one in reading.register.steps] == ["last-day"]
    assert reading.place("control:over") is None
    before = reading_of(operator=ipm.operator, today=TODAY - DAY).register
    assert len(before.steps) == 2


# --- on its pages ------------------------------------------------------------------------------
@time_machine.travel(NOW, tick=False)
def test_the_list_shows_it_as_ended_and_the_desk_does_not(ipm: Team, as_user: Any) -> None:
    two(ipm)
    step(ipm, code="soon", next_on=TODAY + DAY)
    step(ipm, code="later", next_on=TODAY + 99 * DAY)
    client = as_user(ipm.dpo)
    assert "ended" in client.get(f"{STEPS}?coming=ended").content.decode()
    assert listed(client, "?coming=ended") == ["over"]
    assert listed(client, "?coming=overdue") == ["last-day"]
    assert listed(client, "?coming=soon") == ["soon"]
    assert listed(client, "?coming=later") == ["later"]
    assert len(listed(client)) == 4
    desk = client.get("/admin/").context["desk"]
    assert [one.step.code for one in desk.checks] == ["last-day", "soon"]


@time_machine.travel(NOW, tick=False)
def test_the_dpo_ends_a_step_of_somebody_who_has_left(ipm: Team, as_user: Any) -> None:
    row = step(ipm)
    membership = Membership.objects.get(user=ipm.clerk)
    membership.ended_on = TODAY - DAY
    audit.save(membership, by=None, reason="left")
    client = as_user(ipm.dpo)
    address = f"{STEPS}{row.pk}/change/"
    form = client.get(address).context["adminform"].form
    told = shown(form) | {"change_reason": "given up"}
    refused = client.post(address, told | {"ended_on": str(TODAY + DAY)})
    assert "responsible" in refused.context["adminform"].form.errors
    assert client.post(address, told | {"ended_on": str(TODAY)}).status_code == 302
    row.refresh_from_db()
    assert row.ended_on == TODAY


def test_a_plan_that_was_written_before_the_end_is_left_behind(ipm: Team) -> None:
    row = step(ipm)
    ask = Ask(ipm.operator, "en", TODAY)
    before = write_control_plan(ask).particulars
    row.ended_on = TODAY
    audit.save(row, by=ipm.dpo, reason="given up")
    assert write_control_plan(ask).particulars != before
