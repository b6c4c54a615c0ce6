"""One question, ``user.has_perm(perm, obj)``: by role, by operator, by day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.test import RequestFactory

from registry.access import operators_for, scoped
from registry.models import (
    Absence,
    Authority,
    Deadline,
    DeadlineRule,
    JobRun,
    LoadedRow,
    Membership,
    Notice,
    Operator,
    Purpose,
    User,
)
from registry.services import audit
from registry.services.staff import membership_start, user_deactivate
from requests.models import RegulatorInquiry
from tests.conftest import PASSWORD, Office, Team, make_user
from tests.crawl.rows import make

ALMATY, MOSCOW = ZoneInfo("Asia/Almaty"), ZoneInfo("Europe/Moscow")
VIEW = {"view"}
EDIT = {"view", "add", "change"}
FULL = EDIT | {"delete"}
CLERK_INQUIRY = EDIT | {"draft", "prove"}
ACTIONS = ["view", "add", "change", "delete", "draft", "answer", "extend", "assign", "withdraw",
           "restate", "prove", "retry"]  # fmt: skip

# model: what dpo, clerk, auditor and administrator may do with a row of their own operator
SAMPLE: dict[type[Model], tuple[set[str], set[str], set[str], set[str]]] = {
    Purpose: (FULL, VIEW, VIEW, FULL),
    Operator: (VIEW | {"change"}, VIEW, VIEW, EDIT),
    Membership: (EDIT, VIEW, VIEW, EDIT),
    Absence: (FULL, VIEW, VIEW, FULL),
    User: (VIEW, VIEW, VIEW, EDIT),
    DeadlineRule: (VIEW, VIEW, VIEW, EDIT),
    Authority: (VIEW, VIEW, VIEW, EDIT),
    Deadline: (VIEW | {"assign"}, VIEW | {"assign"}, VIEW, VIEW),
    Notice: (VIEW | {"retry"}, VIEW, VIEW, VIEW | {"retry"}),
    JobRun: (VIEW, set(), VIEW, VIEW),
    LoadedRow: (set(), set(), set(), VIEW),
    RegulatorInquiry: (
        CLERK_INQUIRY | {"answer", "extend", "withdraw", "restate"}, CLERK_INQUIRY, VIEW, VIEW,
    ),
}  # fmt: skip
OFFICE_WIDE = (Authority, JobRun, LoadedRow)


def allowed(user: User, row: Model) -> set[str]:
    """Every action that the office grants on the row; asked anew, as another request would."""
    opts = row._meta
    fresh = User.objects.get(pk=user.pk)
    return {
        action
        for action in ACTIONS
        if fresh.has_perm(f"{opts.app_label}.{action}_{opts.model_name}", row)
    }


def row_of(model: type[Model], team: Team) -> Any:
    return team.operator if model is Operator else make(model, team)


@pytest.mark.parametrize("model", SAMPLE, ids=lambda model: model._meta.label)
def test_the_role_and_the_row_decide(model: type[Model], office: Office) -> None:
    dpo, clerk, auditor, administrator = SAMPLE[model]
    row = row_of(model, office.pandev)
    assert allowed(office.pandev.dpo, row) == dpo
    assert allowed(office.pandev.clerk, row) == clerk
    assert allowed(office.pandev.auditor, row) == auditor
    assert allowed(office.admin, row) == administrator
    assert allowed(office.nobody, row) == set()
    elsewhere = office.ipm.dpo
    assert allowed(elsewhere, row) == (dpo if model in OFFICE_WIDE else set())


def test_two_roles_do_not_add_up_across_operators(office: Office) -> None:
    both = make_user("both@office")
    for team, role in ((office.pandev, "dpo"), (office.ipm, "clerk")):
        _start(both, team, role)
    here, there = make(RegulatorInquiry, office.pandev), make(RegulatorInquiry, office.ipm)
    dpo, clerk, *_rest = SAMPLE[RegulatorInquiry]
    assert allowed(both, here) == dpo
    assert allowed(both, there) == clerk
    assert allowed(both, make(Purpose, office.ipm)) == VIEW
    assert not both.has_perm("registry.change_operator", office.ipm.operator)
    assert set(operators_for(both, "answer", RegulatorInquiry)) == {office.pandev.operator}
    assert set(operators_for(both, "draft", RegulatorInquiry)) == {
        office.pandev.operator,
        office.ipm.operator,
    }


def test_a_shared_rule_is_read_by_all_staff_and_changed_by_none_of_them(office: Office) -> None:
    shared = DeadlineRule.objects.filter(operator=None).first()
    assert shared is not None
    for user in (office.pandev.dpo, office.ipm.auditor):
        assert allowed(user, shared) == VIEW
        assert shared in scoped(DeadlineRule.objects.all(), user)
    assert allowed(office.nobody, shared) == set()
    assert not scoped(DeadlineRule.objects.all(), office.nobody).exists()


# --- days --------------------------------------------------------------------------------------
def _start(user: User, team: Team, role: str, first: date = date(2025, 1, 1)) -> Membership:
    return membership_start(
        user=user,
        operator=team.operator,
        role=role,
        started_on=first,
        by=None,
        reason="test",
        undertaking="U-1",
        undertaking_on=first,
    )


def _away(team: Team, user: User, substitute: User) -> Absence:
    absence = Absence(
        operator=team.operator,
        user=user,
        substitute=substitute,
        first_on=date(2026, 3, 2),
        last_on=date(2026, 3, 8),
        order_number="7-k of 27.02.2026",
    )
    return audit.save(absence, by=user, reason="leave")


@contextmanager
def at(zone: ZoneInfo, day: tuple[int, int], hour: int, minute: int) -> Iterator[None]:
    moment = datetime(2026, *day, hour, minute, tzinfo=zone)
    with time_machine.travel(moment, tick=False):
        yield


def minutes_around_the_absence(zone: ZoneInfo) -> list[tuple[Any, bool]]:
    return [
        (at(zone, (3, 1), 23, 59), False),
        (at(zone, (3, 2), 0, 0), True),
        (at(zone, (3, 2), 0, 1), True),
        (at(zone, (3, 5), 12, 0), True),
        (at(zone, (3, 8), 23, 59), True),
        (at(zone, (3, 9), 0, 0), False),
        (at(zone, (3, 9), 0, 1), False),
    ]


@pytest.mark.parametrize(("code", "zone"), [("pandev", ALMATY), ("ipm", MOSCOW)])
def test_the_substitute_has_the_rights_on_exactly_the_days_of_the_order(
    code: str, zone: ZoneInfo, office: Office
) -> None:
    team: Team = getattr(office, code)
    other = office.ipm if team is office.pandev else office.pandev
    inquiry, theirs = make(RegulatorInquiry, team), make(RegulatorInquiry, other)
    dpo, clerk, *_rest = SAMPLE[RegulatorInquiry]
    _away(team, team.dpo, team.deputy)
    for moment, stands_in in minutes_around_the_absence(zone):
        with moment:
            assert allowed(team.deputy, inquiry) == (dpo if stands_in else clerk)
            assert allowed(team.deputy, theirs) == set()
            # Whoever is away keeps the right, and nobody else gains it.
            assert allowed(team.dpo, inquiry) == dpo
            assert allowed(team.clerk, inquiry) == clerk


def test_a_later_absence_does_not_hide_the_present_one(office: Office) -> None:
    team = office.pandev
    inquiry = make(RegulatorInquiry, team)
    _away(team, team.dpo, team.deputy)
    later = _away(team, team.dpo, team.deputy)
    later.first_on, later.last_on = date(2026, 7, 1), date(2026, 7, 14)
    audit.save(later, by=team.dpo, reason="summer")
    for day in ((3, 5), (7, 5)):
        with at(ALMATY, day, 12, 0):
            assert "answer" in allowed(team.deputy, inquiry)
    with at(ALMATY, (5, 5), 12, 0):
        assert "answer" not in allowed(team.deputy, inquiry)


def test_a_substitute_cannot_lengthen_the_absence_or_give_roles(
    office: Office, as_user: Any
) -> None:
    team = office.pandev
    absence = _away(team, team.dpo, team.deputy)
    role = team.deputy.memberships.get()
    with at(ALMATY, (3, 5), 12, 0):
        client = as_user(team.deputy)
        for row, path in ((absence, "absence"), (role, "membership")):
            assert allowed(team.deputy, row) == {"view"}
            answer = client.post(
                f"/admin/registry/{path}/{row.pk}/change/", {"last_on": "2027-01-01"}
            )
            assert answer.status_code == 403
        assert client.get("/admin/registry/absence/add/").status_code == 403
    absence.refresh_from_db()
    assert absence.last_on == date(2026, 3, 8)


def test_midnight_is_the_operators_own(office: Office) -> None:
    """At 22:30 in Almaty of the eve it is 20:30 in Moscow; midnight comes two hours apart."""
    for team in (office.pandev, office.ipm):
        _away(team, team.dpo, team.deputy)
    rows = [make(RegulatorInquiry, team) for team in (office.pandev, office.ipm)]
    deputies = [office.pandev.deputy, office.ipm.deputy]
    with at(ALMATY, (3, 2), 0, 30):
        answers = ["answer" in allowed(who, row) for who, row in zip(deputies, rows, strict=True)]
        assert answers == [True, False]
    with at(MOSCOW, (3, 8), 23, 30):
        answers = ["answer" in allowed(who, row) for who, row in zip(deputies, rows, strict=True)]
        assert answers == [False, True]


def test_a_substitution_is_not_passed_on_by_rights(office: Office) -> None:
    """Rights come from whom the order names, one step: a chain moves cases, not rights."""
    team = office.pandev
    _away(team, team.dpo, team.deputy)
    _away(team, team.deputy, team.clerk)
    inquiry = make(RegulatorInquiry, team)
    with at(ALMATY, (3, 5), 12, 0):
        assert "answer" in allowed(team.deputy, inquiry)
        assert "answer" not in allowed(team.clerk, inquiry)


def test_nobody_stands_in_with_a_role_that_has_ended(office: Office) -> None:
    team = office.pandev
    _away(team, team.dpo, team.deputy)
    _end(team.dpo, date(2026, 3, 4))
    inquiry = make(RegulatorInquiry, team)
    with at(ALMATY, (3, 4), 23, 59):
        assert "answer" in allowed(team.deputy, inquiry)
    with at(ALMATY, (3, 5), 0, 1):
        assert "answer" not in allowed(team.deputy, inquiry)


def _end(user: User, last: date) -> None:
    membership = user.memberships.get()
    membership.ended_on = last
    audit.save(membership, by=None, reason="leaves")


def test_a_membership_holds_from_its_first_to_its_last_day(office: Office) -> None:
    purpose = make(Purpose, office.ipm)
    newcomer = make_user("newcomer")
    _start(newcomer, office.ipm, "dpo", first=date(2026, 3, 2))
    _end(newcomer, date(2026, 3, 8))
    for moment, holds in minutes_around_the_absence(MOSCOW):
        with moment:
            assert allowed(newcomer, purpose) == (FULL if holds else set())
            fresh = User.objects.get(pk=newcomer.pk)
            assert scoped(Purpose.objects.all(), fresh).exists() == holds


def test_an_inactive_user_has_nothing(office: Office, as_user: Any) -> None:
    purpose = make(Purpose, office.pandev)
    for user in (office.pandev.dpo, office.admin):
        client = as_user(user)
        assert client.get("/admin/").status_code == 200
        user_deactivate(user=user, by=None, reason="left")
        assert allowed(user, purpose) == set()
        assert not scoped(Purpose.objects.all(), user).exists()
        assert client.get("/admin/").status_code == 302  # the session has ended
        request = RequestFactory().post("/")
        assert authenticate(request, username=user.username, password=PASSWORD) is None


# --- who asks wrongly --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "perm",
    [
        "registry.erase_purpose", "registry.view_nothing", "nothing.view_purpose",
        "registry.purpose", "view_purpose", "", "registry.", ".", "registry.view_historicalpurpose",
        "auth.view_group", "sessions.view_session", "admin.view_logentry", "axes.view_accesslog",
        "registry.view_purpose_incompatible", "registry.__view_purpose",
    ],
)  # fmt: skip
def test_an_unknown_permission_is_refused(perm: str, office: Office) -> None:
    for user in (office.admin, office.pandev.dpo):
        assert not user.has_perm(perm)
        assert not user.has_perm(perm, office.pandev.operator)


def test_a_permission_about_a_row_of_another_kind_is_refused(office: Office) -> None:
    inquiry = make(RegulatorInquiry, office.pandev)
    assert not office.pandev.dpo.has_perm("registry.change_purpose", inquiry)
    assert not office.admin.has_perm("registry.change_purpose", inquiry)


def test_a_row_not_yet_saved_is_judged_by_its_operator(office: Office) -> None:
    dpo = office.pandev.dpo
    assert dpo.has_perm("registry.add_purpose", Purpose(operator=office.pandev.operator))
    assert not dpo.has_perm("registry.add_purpose", Purpose(operator=office.ipm.operator))
    assert not dpo.has_perm("registry.add_purpose", Purpose())
    assert not dpo.has_perm("registry.view_user", User(username="new"))
    assert not dpo.has_perm("registry.view_operator", Operator(code="new"))


def test_the_old_tables_of_rights_give_nothing(office: Office) -> None:
    user = office.nobody
    assert user.get_all_permissions() == set()
    assert not user.has_module_perms("registry")
    assert user.has_perms([]) and not user.has_perms(["registry.view_purpose"])


# --- staff -------------------------------------------------------------------------------------
def test_the_drop_down_of_a_new_membership_shows_newcomers_and_nobody_elses_staff(
    office: Office, as_user: Any
) -> None:
    newcomer, gone = make_user("newcomer"), make_user("gone", is_active=False)
    form = as_user(office.pandev.dpo).get("/admin/registry/membership/add/").context["adminform"]
    offered = set(form.form.fields["user"].queryset)
    assert {newcomer, office.nobody, office.pandev.clerk, office.pandev.dpo} <= offered
    theirs = {office.ipm.dpo, office.ipm.clerk, office.ipm.deputy, office.ipm.auditor}
    assert not offered & (theirs | {gone})
    assert set(form.form.fields["operator"].queryset) == {office.pandev.operator}


def test_staff_cannot_be_deleted(office: Office, as_user: Any) -> None:
    for user in (office.pandev.clerk, office.nobody):
        with pytest.raises(ValidationError):
            user.delete()
        for client in (as_user(office.admin), as_user(office.pandev.dpo)):
            path = f"/admin/registry/user/{user.pk}/delete/"
            assert client.get(path).status_code == 403
            assert client.post(path, {"post": "yes"}).status_code == 403
        assert User.objects.filter(pk=user.pk).exists()
        with pytest.raises(ValidationError):
            User.objects.filter(pk=user.pk).delete()
