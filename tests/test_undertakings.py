"""Without an undertaking nobody on the staff sees the people (152-FZ 7, 94-V 11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import Model

from registry.access import access_of, has_perm, scoped
from registry.models import Absence, Membership, ProcessingActivity, User
from registry.services import audit
from registry.services.staff import membership_start
from requests.models import (
    Incident,
    IncidentEntry,
    IncidentNotice,
    IncidentSending,
    Inspection,
    InspectionAnswer,
    InspectionItem,
    InspectionPack,
    InspectorAccess,
    LetterTemplate,
    LetterTemplateWithdrawal,
    Prescription,
    PrescriptionDelay,
    RegulatorInquiry,
    SubjectRequest,
)
from subjects.models import DataSubject
from tests.conftest import Office, Team, make_user
from tests.subjects.people import NOW, TODAY, person

# Rooms above the register without a row about a person: an authority's letter names none, an
# incident is told without names (who is affected stands in rows of their own), and the words of
# letters stand before any person.
OF_NO_PERSON = {
    RegulatorInquiry, Incident, IncidentEntry, IncidentNotice, IncidentSending,
    Inspection, InspectionItem, InspectionAnswer, Prescription, PrescriptionDelay,
    LetterTemplate, LetterTemplateWithdrawal,
    InspectionPack, InspectorAccess,
}  # fmt: skip


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def newcomer(team: Team, *, signed_on: date | None, role: str = "dpo") -> User:
    user = make_user(f"new.{role}@{team.operator.code}")
    membership_start(
        user=user, operator=team.operator, role=role, started_on=TODAY, by=None, reason="test",
        undertaking="U-9" if signed_on else "", undertaking_on=signed_on,
    )  # fmt: skip
    return user


def fresh(user: User) -> User:
    """As the next request reads it: roles are kept for the length of one."""
    return User.objects.get(pk=user.pk)


def test_without_one_the_register_is_open_and_the_people_are_not(
    office: Office, as_user: Any
) -> None:
    team = office.pandev
    card = person(team)
    user = newcomer(team, signed_on=None)
    assert has_perm(user, "registry.change_processingactivity")
    assert scoped(ProcessingActivity.objects.all(), user).exists()
    assert not has_perm(user, "subjects.view_datasubject", card)
    assert not scoped(DataSubject.objects.all(), user).exists()
    assert not scoped(SubjectRequest.objects.all(), user).exists()
    client = as_user(user)
    assert client.get("/admin/registry/processingactivity/").status_code == 200
    assert client.get("/admin/subjects/datasubject/").status_code == 403
    assert client.get(f"/admin/subjects/datasubject/{card.pk}/change/").status_code in (403, 404)
    assert client.get("/admin/requests/subjectrequest/").status_code == 403
    assert client.get("/admin/requests/regulatorinquiry/").status_code == 200
    text = client.get("/admin/").content.decode()
    assert "undertaking" in text
    assert "undertaking" not in as_user(team.dpo).get("/admin/").content.decode()


def test_it_opens_them_from_its_day_on(office: Office, clock: Any) -> None:
    team = office.pandev
    card = person(team)
    user = newcomer(team, signed_on=TODAY + timedelta(days=1))
    assert not has_perm(user, "subjects.view_datasubject", card)
    # Midnight in Almaty is 19:00 in UTC.
    clock.move_to(NOW.replace(hour=18, minute=59))
    assert not has_perm(fresh(user), "subjects.view_datasubject", card)
    clock.move_to(NOW.replace(hour=19, minute=1))
    assert has_perm(fresh(user), "subjects.view_datasubject", card)


def test_a_substitute_needs_one_of_their_own(office: Office) -> None:
    team = office.pandev
    card = person(team)
    for signed_on in (None, TODAY):
        user = newcomer(team, signed_on=signed_on, role="auditor" if signed_on else "clerk")
        absence = Absence(
            operator=team.operator, user=team.dpo, substitute=user, first_on=TODAY, last_on=TODAY,
            order_number="1",
        )  # fmt: skip
        Absence.objects.filter(user=team.dpo).delete()
        audit.save(absence, by=None, reason="test")
        assert has_perm(user, "registry.change_processingactivity")
        assert has_perm(user, "subjects.hold_datasubject", card) == bool(signed_on)


def test_one_with_another_operator_opens_nothing_here(office: Office) -> None:
    card = person(office.pandev)
    user = newcomer(office.pandev, signed_on=None)
    membership_start(
        user=user, operator=office.ipm.operator, role="dpo", started_on=TODAY, by=None,
        reason="test", undertaking="U-9", undertaking_on=TODAY,
    )  # fmt: skip
    assert not has_perm(user, "subjects.view_datasubject", card)


def _of_people() -> list[type[Model]]:
    found = []
    for model in apps.get_models():
        access = access_of(model)
        if model._meta.app_label not in ("subjects", "requests") or access is None:
            continue
        if access.scope and any(access.grants(role) for role in ("dpo", "clerk", "auditor")):
            found.append(model)
    return found


@pytest.mark.parametrize("model", _of_people(), ids=lambda model: model._meta.label)
def test_every_room_of_people_asks_for_it(model: type[Model]) -> None:
    access = access_of(model)
    assert access is not None
    assert access.sworn == (model not in OF_NO_PERSON)


def test_an_undertaking_has_a_number_and_a_day(office: Office) -> None:
    row = Membership.objects.get(user=office.pandev.clerk)
    for number, day in (("", TODAY), ("U-1", None)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.filter(pk=row.pk).update(undertaking=number, undertaking_on=day)


def test_nobody_vouches_for_their_own_promise(office: Office, as_user: Any) -> None:
    team = office.pandev
    user = newcomer(team, signed_on=None)
    own, theirs = user.memberships.get(), team.clerk.memberships.get()
    client = as_user(user)
    page = "/admin/registry/membership/{}/change/"
    assert 'name="undertaking"' not in client.get(page.format(own.pk)).content.decode()
    assert 'name="undertaking"' in client.get(page.format(theirs.pk)).content.decode()
    fields = {"role": "dpo", "started_on": TODAY, "undertaking": "mine", "undertaking_on": TODAY}
    client.post(page.format(own.pk), fields | {"change_reason": "why not"})
    own.refresh_from_db()
    assert own.undertaking == ""
    assert client.get("/admin/subjects/datasubject/").status_code == 403
    admin = as_user(office.admin)
    assert 'name="undertaking"' in admin.get(page.format(own.pk)).content.decode()
