"""Four eyes: where the operator wants it, a refusal or a disclosure goes when two have seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from registry.models import Operator, User
from requests.models import Letter, SubjectRequest
from requests.services.approving import (
    NothingToApprove,
    OwnLetter,
    RefusalUntold,
    letter_approve,
)
from requests.services.letters import LetterMasked
from requests.services.told import letter_open
from requests.services.writing import SecondPersonMissing
from tests.conftest import Office, Team
from tests.requests.asking import (
    LATER,
    WITHDRAWAL,
    accept,
    again,
    asked,
    close,
    everything,
    item_of,
    refuse,
    refused,
)
from tests.requests.corresponding import cancel, draft, edit, fresh, send
from tests.requests.test_other_kinds import INFORMATION, OTHER

LogIn = Callable[[User], Client]


def strict(team: Team) -> Team:
    Operator.objects.filter(pk=team.operator.pk).update(second_person=True)
    team.operator.refresh_from_db()
    return team


def approve(letter: Letter, by: User, *, read: bool = True) -> Letter:
    if read:
        letter_open(subject_request=letter.request, user=by, now=LATER)
    return letter_approve(letter=fresh(letter), by=by, now=LATER)


def refusal(team: Team) -> tuple[SubjectRequest, Letter]:
    _known, request = asked(team, WITHDRAWAL)
    refuse(item_of(request), team)
    return again(request), draft(again(request), team, kind="decision", text="")


def disclosure(team: Team) -> tuple[SubjectRequest, Letter]:
    _known, request = asked(team, INFORMATION)
    accept(item_of(request), team)
    return again(request), draft(again(request), team)


@pytest.mark.parametrize("made", [refusal, disclosure])
def test_it_goes_when_somebody_else_has_approved_it(office: Office, made: Any) -> None:
    team = strict(office.pandev)
    request, letter = made(team)
    with refused(SecondPersonMissing):
        send(letter, team)
    # The clerk has written it.
    with refused(OwnLetter):
        approve(letter, team.clerk)
    with refused(LetterMasked):
        approve(letter, team.dpo, read=False)
    approve(letter, team.dpo)
    assert (fresh(letter).approved_by, fresh(letter).approved_at) == (team.dpo, LATER)
    send(letter, team)
    assert fresh(letter).state == "queued" and request.pk


def test_a_later_change_takes_the_approval_back(office: Office) -> None:
    team = strict(office.pandev)
    _request, letter = refusal(team)
    approve(letter, team.dpo)
    edit(fresh(letter), team, by=team.dpo)
    with refused(SecondPersonMissing):
        send(letter, team)
    # Now both have written it: a third person reads it.
    with refused(OwnLetter):
        approve(letter, team.dpo)
    with refused(OwnLetter):
        approve(letter, team.clerk)
    approve(letter, team.deputy)
    send(letter, team)


def test_what_neither_refuses_nor_discloses_goes_by_itself(office: Office) -> None:
    team = strict(office.ipm)
    _known, request = asked(team, OTHER)
    accept(item_of(request), team)
    letter = draft(request, team)
    with refused(NothingToApprove):
        approve(letter, team.dpo)
    send(letter, team)
    # Nor does it anywhere where the operator wants no second person.
    _request, other = refusal(office.pandev)
    with refused(NothingToApprove):
        approve(other, office.pandev.dpo)
    send(other, office.pandev)


def test_a_refusal_is_told_by_an_approved_letter_before_the_end(office: Office) -> None:
    team = strict(office.ipm)
    request, letter = refusal(team)
    cancel(letter, team)
    with refused(RefusalUntold):
        close(request, team)
    again_written = draft(request, team, kind="decision", text="", way="page")
    approve(again_written, team.dpo)
    send(again_written, team)
    close(request, team)
    assert again(request).state == "done"


def test_the_database_holds_it_too(office: Office) -> None:
    team = strict(office.pandev)
    _request, letter = refusal(team)
    with pytest.raises(IntegrityError), transaction.atomic():
        Letter.objects.filter(pk=letter.pk).update(approved_by=team.clerk, approved_at=LATER)


@pytest.fixture
def now() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False), override("en"):
        yield


@pytest.mark.usefixtures("now")
def test_who_approves_on_the_page(office: Office, as_user: LogIn) -> None:
    team = strict(office.pandev)
    _request, letter = refusal(team)
    path = reverse("admin:requests_letter_approve", args=[letter.pk])
    before = everything()
    for user, status in (
        (team.auditor, 403), (office.admin, 404), (office.nobody, 404), (office.ipm.dpo, 404),
    ):  # fmt: skip
        assert as_user(user).get(path).status_code == status, user
        assert as_user(user).post(path, {}).status_code == status, user
    for user in (team.clerk, team.dpo):
        # The writer never; the other not before it was read.
        response = as_user(user).post(path, {})
        assert response.status_code in {409, 422}
    assert everything() == before
    client = as_user(team.dpo)
    client.post(reverse("admin:requests_letter_open", args=[letter.pk]))
    assert client.post(path, {}).status_code == 302
    page = client.get(reverse("admin:requests_letter_change", args=[letter.pk])).content.decode()
    assert str(team.dpo) in page
    # Once is enough.
    assert client.get(path).status_code == 409
