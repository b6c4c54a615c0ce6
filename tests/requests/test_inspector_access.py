"""The log-in of an inspector: what it opens, what it never does, how it ends, what is recorded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth import authenticate
from django.db import connection, transaction
from django.test import Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, override

from registry.access import roles_of, scoped
from registry.choices import Room
from registry.errors import OperatorError
from registry.models import InspectorPass, ProcessingActivity, User
from registry.services.clocks import NotOnTheStaff, check_owner
from registry.services.staff import InspectorHasNoRole, membership_start
from requests.models import Inspection, InspectorAccess, SubjectRequest
from requests.models.subject_requests import RequestKind
from requests.services.inquiries import FieldsRefused, ReasonMissing
from requests.services.inspections import inspection_close
from requests.services.inspector_access import (
    AccessClosedAlready,
    InspectionOver,
    InspectorEndPassed,
    InspectorEndTooLate,
    InspectorNameMissing,
    LogInTaken,
    RoomsNotChosen,
    RoomUnknown,
    inspector_close,
    inspector_open,
    latest,
)
from subjects.models import AccessEvent, DataSubject
from tests.conftest import Office, Team
from tests.crawl.pages import address, pages_of
from tests.requests.asking import TOLD
from tests.requests.test_inspections import ordered, page
from tests.requests.test_journals import received
from tests.subjects.people import person

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
UNTIL = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)
ALL = list(Room.values)
NAME = "Пробный Инспектор"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with translation.override("en"), time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def opened(row: Inspection, team: Team, **changed: Any) -> tuple[InspectorAccess, str]:
    said: dict[str, Any] = {
        "inspection": row, "name": NAME, "login": "visit@rkn.example", "until": UNTIL,
        "rooms": ALL, "by": team.dpo, "now": NOW,
    }  # fmt: skip
    return inspector_open(**said | changed)


def refused(error: type[OperatorError], call: Any, **said: Any) -> None:
    before = User.objects.count(), InspectorAccess.objects.count()
    with pytest.raises(OperatorError) as caught, transaction.atomic():
        call(**said)
    assert type(caught.value) is error
    assert (User.objects.count(), InspectorAccess.objects.count()) == before


def visitor(as_user: Any, access: InspectorAccess) -> Client:
    client: Client = as_user(access.visit.user)
    return client


REGISTER = "/admin/registry/processingactivity/"


# --- opening -------------------------------------------------------------------------------------
def test_it_is_an_account_without_a_role(office: Office) -> None:
    team = office.ipm
    access, password = opened(ordered(team), team)
    user = authenticate(RequestFactory().post("/"), username="visit@rkn.example", password=password)
    assert user == access.visit.user and str(user) == NAME
    assert not user.memberships.exists() and not user.is_superuser and user.email == ""
    assert len(password) >= 20
    with pytest.raises(NotOnTheStaff):
        check_owner(user=user, operator=team.operator, today=NOW.date())
    with pytest.raises(InspectorHasNoRole), transaction.atomic():
        membership_start(
            user=user, operator=team.operator, role="dpo", started_on=NOW.date(), by=None,
            reason="test",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"until": NOW}, InspectorEndPassed),
        ({"until": datetime(2026, 3, 20, 21, tzinfo=UTC) + timedelta(seconds=1)},
         InspectorEndTooLate),
        ({"rooms": []}, RoomsNotChosen),
        ({"rooms": ["register", "vault"]}, RoomUnknown),
        ({"name": " "}, InspectorNameMissing),
        ({"login": "DPO@ipm"}, LogInTaken),
        ({"login": "two words"}, FieldsRefused),
        ({"login": ""}, FieldsRefused),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_refused(
    office: Office, changed: dict[str, Any], error: type[OperatorError]
) -> None:
    refused(error, opened, row=ordered(office.ipm), team=office.ipm, **changed)


def test_it_may_last_to_the_end_of_the_last_day_on_the_order(office: Office) -> None:
    row = ordered(office.ipm)
    assert latest(row) == datetime(2026, 3, 20, 21, tzinfo=UTC)  # midnight in Moscow
    assert opened(row, office.ipm, until=latest(row))[0].pk


def test_it_ends_once_with_a_reason_and_with_its_inspection(office: Office) -> None:
    team = office.ipm
    row = ordered(team)
    access, password = opened(row, team)
    end = {"access": access, "by": team.dpo, "now": NOW}
    refused(ReasonMissing, inspector_close, reason=" ", **end)
    done = inspector_close(reason="left", **end)
    assert (done.closed_at, done.closed_by, done.reason) == (NOW, team.dpo, "left")
    assert done.visit.until == NOW
    assert (
        authenticate(RequestFactory().post("/"), username="visit@rkn.example", password=password)
        is None
    )
    refused(AccessClosedAlready, inspector_close, reason="again", **end)
    second = opened(row, team, login="second")[0]
    inspection_close(inspection=row, reason="done", by=team.dpo, now=NOW)
    second.refresh_from_db()
    assert (second.closed_at, second.reason) == (NOW, "done")
    refused(InspectionOver, opened, row=row, team=team, login="third")


# --- what it opens -------------------------------------------------------------------------------
def test_only_the_rooms_that_are_open_and_only_that_operator(office: Office, as_user: Any) -> None:
    team = office.ipm
    card, theirs = person(team), person(office.pandev)
    received(team, RequestKind.OTHER)
    row = ordered(team)
    client = visitor(as_user, opened(row, team, rooms=["register"])[0])
    assert client.get(REGISTER).status_code == 200
    assert client.get("/admin/").status_code == 200
    for closed in ("subjects/datasubject", "requests/subjectrequest", "requests/incident"):
        assert client.get(f"/admin/{closed}/").status_code == 403
    for never in ("requests/inspection", "registry/membership", "registry/user", "requests/letter"):
        assert client.get(f"/admin/{never}/").status_code == 403
    access = opened(row, team, login="second")[0]
    client = visitor(as_user, access)
    assert client.get("/admin/subjects/datasubject/").status_code == 200
    assert client.get(f"/admin/subjects/datasubject/{card.pk}/change/").status_code == 200
    assert client.get(f"/admin/subjects/datasubject/{theirs.pk}/change/").status_code == 404
    user = User.objects.get(pk=access.visit.user_id)
    mine = set(scoped(ProcessingActivity.objects.all(), user).values_list("operator", flat=True))
    assert mine == {team.operator.pk}
    assert set(scoped(DataSubject.objects.all(), user)) == {card}


def test_values_stay_masked(office: Office, as_user: Any) -> None:
    team = office.pandev
    card = person(team, name="Единственный Пробный", email="only.one@example.org")
    request = received(team, RequestKind.OTHER)
    client = visitor(as_user, opened(ordered(team), team)[0])
    for place in (
        f"subjects/datasubject/{card.pk}/change", "subjects/datasubject",
        f"requests/subjectrequest/{request.pk}/change", "requests/subjectrequest",
    ):  # fmt: skip
        answer = client.get(f"/admin/{place}/")
        assert answer.status_code == 200, place
        text = answer.content.decode()
        for value in ("Единственный", "only.one@", TOLD["name"], TOLD["email"], TOLD["phone"]):
            assert value not in text, (place, value)


def test_it_writes_searches_and_takes_nothing(office: Office, as_user: Any) -> None:
    """Every page of every model: lists and cards are read, all else is refused."""
    team = office.ipm
    card = person(team)
    received(team, RequestKind.OTHER)
    client = visitor(as_user, opened(ordered(team), team)[0])
    tried = 0
    for model_admin in admin.site._registry.values():
        model: Any = model_admin.model
        row = model._base_manager.first()
        for name in pages_of(model_admin):
            if name == "simple_history" or (row is None and name not in {"changelist", "add"}):
                continue
            link = address(model_admin, name, row)
            assert client.post(link, {}).status_code == 403, link
            if name not in {"changelist", "change"}:
                assert client.get(link).status_code == 403, link
            tried += 1
    assert tried > 150
    assert client.get(f"{REGISTER}?q=accounts").status_code == 403
    assert client.get("/admin/subjects/datasubject/?q=S-").status_code == 403
    code = team.operator.pk
    for link in (
        reverse("admin:people_find"), reverse("admin:journals"), reverse("admin:autocomplete"),
        f"/admin/registry/operator/{code}/register/json/", reverse("admin:inspection_register"),
        reverse("admin:password_change"), reverse("admin:deadline_board"),
    ):  # fmt: skip
        assert client.get(link).status_code == 403, link
        assert client.post(link).status_code == 403, link
    assert SubjectRequest.objects.count() == 1 and DataSubject.objects.get() == card
    assert 'name="q"' not in client.get("/admin/").content.decode()


def test_the_staff_are_asked_no_further_question(office: Office) -> None:
    user = User.objects.get(pk=office.ipm.clerk.pk)
    with CaptureQueriesContext(connection) as caught:
        assert roles_of(user).visit is None
    assert len(caught) == 1


def test_nobody_gives_it_a_role_on_the_page_of_the_staff(office: Office, as_user: Any) -> None:
    team = office.ipm
    user = opened(ordered(team), team)[0].visit.user
    form = {
        "user": user.pk,
        "operator": team.operator.pk,
        "role": "dpo",
        "started_on": "2026-03-10",
    }
    for chief in (team.dpo, office.admin, office.pandev.dpo):
        answer = as_user(chief).post("/admin/registry/membership/add/", form)
        assert answer.status_code == 200, chief
        assert "user" in answer.context["adminform"].form.errors
    assert not user.memberships.exists()


@override_settings(REQUIRE_TWO_FACTOR=True)
def test_it_needs_a_second_factor_like_everybody(office: Office, as_user: Any) -> None:
    team = office.ipm
    client = visitor(as_user, opened(ordered(team), team)[0])
    answer = client.get(REGISTER)
    assert answer.status_code == 302 and answer.headers["Location"] == reverse("two_factor")
    assert client.get(reverse("two_factor")).status_code == 200
    assert not AccessEvent.objects.filter(what="page").exists()


# --- its end -------------------------------------------------------------------------------------
def test_the_moment_is_kept_to_the_second(office: Office, as_user: Any, clock: Any) -> None:
    team = office.ipm
    access = opened(ordered(team), team)[0]
    clock.move_to(UNTIL - timedelta(seconds=1))
    client = visitor(as_user, access)
    assert client.get(REGISTER).status_code == 200
    clock.move_to(UNTIL)
    answer = client.get(REGISTER)
    with override("ru"):
        assert gettext("Your access has ended.") in answer.content.decode()
    assert answer.status_code == 403
    assert client.get(REGISTER).status_code == 302  # nobody is logged in any more


def test_ending_it_shuts_out_whoever_is_logged_in(office: Office, as_user: Any) -> None:
    team = office.ipm
    access = opened(ordered(team), team)[0]
    client = visitor(as_user, access)
    assert client.get(REGISTER).status_code == 200
    inspector_close(access=access, reason="left", by=team.dpo, now=NOW)
    assert client.get(REGISTER).status_code == 302


# --- what was seen -------------------------------------------------------------------------------
def test_each_page_that_was_given_is_written_down(office: Office, as_user: Any) -> None:
    team = office.ipm
    row = ordered(team)
    access = opened(row, team)[0]
    client = visitor(as_user, access)
    card, theirs = person(team), person(office.pandev)
    seen = f"/admin/subjects/datasubject/{card.pk}/change/"
    client.get(f"{REGISTER}?o=1")
    client.get(seen)
    client.get(f"/admin/subjects/datasubject/{theirs.pk}/change/")
    client.post(seen, {})
    events = AccessEvent.objects.filter(what="page").order_by("pk")
    assert [one.details for one in events] == [{"path": REGISTER}, {"path": seen}]
    assert {(one.user, one.operator, one.at) for one in events} == {
        (access.visit.user, team.operator, NOW)
    }
    dpo = as_user(team.dpo)
    assert seen in dpo.get(page(row, "change")).content.decode()
    answer = dpo.post(page(row, "seen"), {"language": "en"})
    head, *lines = csv.reader(io.StringIO(answer.content.decode()))
    assert head == ["When", "Who", "Log-in", "Page"]
    assert [line[3] for line in lines] == [REGISTER, seen] and lines[0][1] == NAME
    assert AccessEvent.objects.latest("pk").details["journal"] == "seen"
    as_user(team.clerk).get(REGISTER)
    assert AccessEvent.objects.filter(what="page").count() == 2


# --- the pages of the DPO ------------------------------------------------------------------------
FORM = {"name": NAME, "login": "visit", "until": "2026-03-12T12:30", "rooms": ["register"]}


def test_who_opens_and_ends_it(office: Office, as_user: Any) -> None:
    team = office.ipm
    row = ordered(team)
    for user, status in (
        (team.clerk, 403), (team.auditor, 403), (office.pandev.dpo, 404), (office.admin, 403),
        (office.nobody, 404),
    ):  # fmt: skip
        for verb in ("let_in", "shut", "seen"):
            assert as_user(user).get(page(row, verb)).status_code == status, (user, verb)
            assert as_user(user).post(page(row, verb), FORM).status_code == status, (user, verb)
    assert not InspectorPass.objects.exists()
    client = as_user(team.dpo)
    assert client.get(page(row, "let_in")).status_code == 200
    assert client.get(page(row, "shut")).status_code == 409
    assert client.post(page(row, "let_in"), FORM | {"until": "2026-03-01T10:00"}).status_code == 422
    answer = client.post(page(row, "let_in"), FORM)
    assert answer.status_code == 200 and "no-store" in answer.headers["Cache-Control"]
    password = answer.context["password"]
    assert password in answer.content.decode()
    # A page of the office like any other: whose it is stands on it, and the way out.
    assert answer.context["site_header"] and 'id="logout-form"' in answer.content.decode()
    assert password not in str(client.cookies) + str(dict(client.session))
    assert InspectorPass.objects.get().until == UNTIL  # 12:30 in Moscow
    text = client.get(page(row, "change")).content.decode()
    assert NAME in text and password not in text
    assert client.post(page(row, "let_in"), FORM).status_code == 409
    access = InspectorAccess.objects.get()
    ended = client.post(page(row, "shut"), {"access": access.pk, "reason": "left"})
    assert ended.status_code == 302
    access.refresh_from_db()
    assert access.reason == "left"
    foreign = opened(ordered(office.pandev), office.pandev, login="other")[0]
    opened(row, team, login="more")
    answer = client.post(page(row, "shut"), {"access": foreign.pk, "reason": "x"})
    assert answer.context["form"].errors["access"]


def test_the_page_asks_no_more_for_more(office: Office, as_user: Any) -> None:
    team = office.ipm
    row = ordered(team)
    client, counts = as_user(team.dpo), []
    for more in (1, 4):
        for number in range(more):
            access = opened(row, team, login=f"visit{more}{number}")[0]
            visitor(as_user, access).get(REGISTER)
        client.get(page(row, "change"))
        with CaptureQueriesContext(connection) as caught:
            client.get(page(row, "change"))
        counts.append(len(caught))
    assert counts[0] == counts[1]
