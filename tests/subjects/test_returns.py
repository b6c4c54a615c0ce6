"""A source that still carries somebody who was destroyed: written down without a value, a finding,
cleared by the DPO."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils.translation import override

from registry.models import ReturnOfDestroyed
from registry.services.findings import finding_acknowledge, findings_of
from registry.services.returns import (
    HowCleanedMissing,
    HowCleanedTooLong,
    ReturnCleared,
    return_clear,
    return_note,
)
from subjects.models import Consent, DestructionAct, SystemCall
from subjects.services.acts import act_approve, act_draft
from subjects.services.dates import dates_keep
from subjects.services.grounds import consent_withdraw
from subjects.services.sweeping import act_carry_out
from tests.conftest import Office, Team
from tests.subjects.acting import NOW
from tests.subjects.calling_room import running, set_up, sweep
from tests.subjects.system_server import all_done, listening
from tests.subjects.test_elsewhere import carry_out, system_of
from tests.subjects.test_import_common import ROW, card_of, imported, published, table
from tests.subjects.test_system_answers import answer, codes

LATER = NOW + timedelta(days=30)


@pytest.fixture(autouse=True)
def english() -> Any:
    with override("en"):
        yield


def found(team: Team, now: datetime = LATER) -> list[Any]:
    today = now.astimezone(team.operator.zone).date()
    return [one for one in findings_of(operator=team.operator, today=today) if one.id == "DST-001"]


def of_an_act(team: Team) -> DestructionAct:
    """The person of ``ROW`` came by a file and was destroyed by an act."""
    published(team.operator, team.dpo)
    imported(team, table(ROW))
    subject = card_of(team.operator, ROW["account"])
    consent = Consent.objects.get(ground__subject=subject)
    consent_withdraw(consent=consent, channel="email", received_at=NOW, by=team.clerk, now=NOW)
    dates_keep([subject.pk], today=NOW.date())
    (act,) = act_draft(
        operator=team.operator, until=NOW.date() + timedelta(days=60), by=None, now=NOW
    )
    act_approve(act=act, by=team.dpo, now=NOW)
    moment = NOW.replace(month=act.due_on.month, day=act.due_on.day)
    act_carry_out(act, now=moment, today=act.due_on)
    return act


# --- a file --------------------------------------------------------------------------------------
def test_an_old_file_that_comes_again_is_a_finding(live_office: Office) -> None:
    team = live_office.pandev
    act = of_an_act(team)
    assert found(team) == []
    for times in (1, 2):
        imported(team, table(ROW), now=LATER)
        row = ReturnOfDestroyed.objects.get()
        assert (row.code, row.act, row.rows) == (f"file/{act.number}", act.number, times)
    (one,) = found(team)
    assert one.object == f"returned:file/{act.number}" and one.place is not None
    assert act.number in one.message and one.article.startswith("94-V 18")
    whole = str(list(ReturnOfDestroyed.objects.values())) + one.message
    assert not any(value in whole for value in (ROW["account"], ROW["email"]))


def test_a_trial_run_and_what_is_new_are_none(live_office: Office) -> None:
    team = live_office.pandev
    of_an_act(team)
    imported(team, table(ROW), now=LATER, dry_run=True)
    newer = ROW | {"accepted_at": (LATER - timedelta(days=1)).isoformat()}
    imported(team, table(newer, ROW | {"account": "u-7", "email": "x@example.org"}), now=LATER)
    assert not ReturnOfDestroyed.objects.exists()


def test_a_row_that_is_refused_for_something_else_still_tells(live_office: Office) -> None:
    team = live_office.pandev
    of_an_act(team)
    imported(team, table(ROW | {"activity": "nonsense"}), now=LATER)
    assert ReturnOfDestroyed.objects.get().rows == 1


# --- a system ------------------------------------------------------------------------------------
def test_a_system_that_says_that_it_still_has_them(live_office: Office) -> None:
    team = live_office.pandev
    with listening() as system:
        system.answer = all_done
        act = running(team, people=2)
        with set_up(team, system):
            sweep(act)
            carry_out(act)
            row = SystemCall.objects.get()
            for _ in range(2):
                assert answer(row, {"still_here": codes()}).status_code == 200
            assert answer(row, {"still_here": ["S-22222222"]}).status_code == 422
            assert answer(row, {"still_here": [7]}).status_code == 422
    told = ReturnOfDestroyed.objects.get()
    assert (told.system, told.act, told.rows) == (system_of(team), act.number, 2)
    (one,) = found(team, now=datetime.now(tz=NOW.tzinfo))
    assert str(system_of(team)) in one.message


def test_what_was_never_confirmed_cannot_come_back(live_office: Office) -> None:
    team = live_office.pandev
    with listening() as system:
        act = running(team)
        with set_up(team, system):
            sweep(act)
            assert answer(SystemCall.objects.get(), {"still_here": codes()}).status_code == 422
    assert not ReturnOfDestroyed.objects.exists()


# --- cleared -------------------------------------------------------------------------------------
def noted(team: Team, rows: int = 3, now: datetime = NOW) -> ReturnOfDestroyed:
    return_note(operator=team.operator, system=None, act="ACT-2026-0001", rows=rows, now=now)
    return ReturnOfDestroyed.objects.get(operator=team.operator, cleared_at=None)


def test_it_is_cleared_once_and_comes_back_as_another(office: Office) -> None:
    team = office.pandev
    first = noted(team)
    assert noted(team, 2, NOW + timedelta(days=1)).rows == 5
    # The clock goes back: nothing is lost.
    assert noted(team, 1).last_on == (NOW + timedelta(days=1)).date()
    with pytest.raises(HowCleanedMissing):
        return_clear(row=first, how=" ", by=team.dpo, now=NOW)
    with pytest.raises(HowCleanedTooLong):
        return_clear(row=first, how="x" * 301, by=team.dpo, now=NOW)
    return_clear(row=first, how="deleted in the export, log 7", by=team.dpo, now=NOW)
    with pytest.raises(ReturnCleared):
        return_clear(row=first, how="again", by=team.dpo, now=NOW)
    assert found(team, NOW) == []
    assert noted(team, 1).pk != first.pk
    assert [one.object for one in found(team, NOW)] == ["returned:file/ACT-2026-0001"]


def test_an_acknowledgement_ends_with_the_next_row(office: Office) -> None:
    team = office.pandev
    noted(team)
    (one,) = found(team, NOW)
    finding_acknowledge(
        operator=team.operator, finding=one.id, object=one.object, reason="being cleaned",
        until=NOW.date() + timedelta(days=9), by=team.dpo, now=NOW,
    )  # fmt: skip
    assert not found(team, NOW)[0].is_open
    noted(team, 1)
    assert found(team, NOW)[0].is_open


def test_the_database_holds_one_open_row_a_source(office: Office) -> None:
    row = noted(office.pandev)
    for changed in ({"cleared_at": NOW}, {"pk": None, "cleared_at": None}):
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        if "pk" in changed:
            values.pop("id")
        copy = ReturnOfDestroyed(**values | {n: v for n, v in changed.items() if n != "pk"})
        with pytest.raises(DatabaseError), transaction.atomic():
            copy.save()


def test_the_page_for_everybody(office: Office, as_user: Any) -> None:
    team = office.pandev
    row = noted(team)
    page = reverse("admin:registry_returnofdestroyed_clear", args=[row.pk])
    form = {"how": "deleted in the export, log 7"}
    for user, status in (
        (team.clerk, 403), (team.auditor, 403), (office.ipm.dpo, 404), (office.nobody, 404),
    ):  # fmt: skip
        assert as_user(user).get(page).status_code == status, user
        assert as_user(user).post(page, form).status_code == status, user
    assert as_user(team.dpo).get(page).status_code == 200
    assert as_user(team.dpo).post(page, {"how": ""}).status_code == 200
    assert as_user(team.dpo).post(page, form).status_code == 302
    row.refresh_from_db()
    assert (row.cleared_by, row.cleared_how) == (team.dpo, form["how"])
    shown = as_user(team.auditor).get(reverse("admin:registry_returnofdestroyed_changelist"))
    assert row.code in shown.content.decode()


def test_reading_the_register_costs_what_it_did(
    office: Office, django_assert_num_queries: Any
) -> None:
    noted(office.pandev)
    with django_assert_num_queries(3):
        findings_of(operator=office.pandev.operator, today=NOW.date())
