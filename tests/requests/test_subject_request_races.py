"""Two people at once on one request: each in a thread of their own, on committed rows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.errors import Conflict
from registry.models import Deadline
from registry.states import ForbiddenTransition
from requests.models import RequestSubject, SubjectRequest
from requests.services.linking import LinkedAlready
from requests.services.moving import DecidedAlready
from subjects.models import Consent, DestructionAct, Ground, Stop
from subjects.services.cards import cards_merge
from subjects.services.grounds import WithdrawnAlready, consent_withdraw
from tests.conftest import Office
from tests.requests.asking import (
    DESTRUCTION,
    LATER,
    NOW,
    WITHDRAWAL,
    accept,
    again,
    asked,
    bar,
    close,
    item_of,
    known_to,
    link,
    met,
    receive,
    refuse,
    withdraw,
)
from tests.requests.test_inquiry_races import at_once
from tests.subjects.persons import register

pytestmark = pytest.mark.django_db(transaction=True)


def refusals(found: list[object]) -> list[type]:
    return [type(row) for row in found if isinstance(row, Exception)]


def test_letters_that_are_registered_at_once_get_different_numbers(live_office: Office) -> None:
    rows = at_once(*(lambda: receive(live_office.pandev, DESTRUCTION) for _ in range(4)))
    assert sorted(row.number for row in rows) == [f"REQ-2026-000{i}" for i in (1, 2, 3, 4)]
    assert Deadline.objects.count() == SubjectRequest.objects.count() == 4


def test_of_two_who_accept_at_once_exactly_one_does(live_office: Office) -> None:
    team = live_office.ipm
    known, request = asked(team)
    item = item_of(request)
    found = at_once(*(lambda user=user: accept(item, team, by=user) for user in
                      (team.dpo, team.deputy)))  # fmt: skip
    assert refusals(found) == [ForbiddenTransition]
    item.refresh_from_db()
    assert item.history.filter(decision="accepted").count() == 1
    consent = Consent.objects.get(ground__subject=known.card)
    assert consent.history.exclude(withdrawn_at=None).count() == 1
    assert DestructionAct.objects.count() == 1


def test_acceptance_and_refusal_at_once_leave_one_whole_decision(live_office: Office) -> None:
    team = live_office.pandev
    known, request = asked(team)
    item = item_of(request)
    found = at_once(lambda: accept(item, team), lambda: refuse(item, team))
    assert refusals(found) == [ForbiddenTransition]
    item.refresh_from_db()
    withdrawn = Consent.objects.exclude(withdrawn_at=None).filter(ground__subject=known.card)
    assert withdrawn.exists() == (item.decision == "accepted")
    assert bool(item.refusal) == (item.decision == "refused")


def test_acceptance_and_taking_back_at_once_leave_one_of_them(live_office: Office) -> None:
    team = live_office.ipm
    _known, request = asked(team, WITHDRAWAL, DESTRUCTION)
    item = item_of(request, "withdrawal")
    found = at_once(lambda: accept(item, team), lambda: withdraw(request, team))
    assert refusals(found) in ([ForbiddenTransition], [DecidedAlready])
    item.refresh_from_db()
    assert (again(request).state == "withdrawn") == (item.decision == "open")
    assert (Stop.objects.filter(ended_at=None).count() == 0) == (item.decision == "open")


def test_two_demands_of_one_request_accepted_at_once_are_both_done(live_office: Office) -> None:
    team = live_office.ipm
    _known, request = asked(team, WITHDRAWAL, DESTRUCTION)
    items = [item_of(request, kind) for kind in ("withdrawal", "destruction")]
    found = at_once(*(lambda item=item: accept(item, team) for item in items))
    assert refusals(found) == []
    assert again(request).state == "decided"


def test_two_requests_about_one_person_accepted_at_once_withdraw_once(live_office: Office) -> None:
    team = live_office.ipm
    known, first = asked(team)
    second = receive(team, subjects=[known.card])
    found = at_once(*(lambda row=row: accept(item_of(row), team) for row in (first, second)))
    assert refusals(found) == []
    assert sorted(done.ended for done in found) == [0, 1]
    assert Ground.history.filter(end_reason="consent_withdrawn").count() == 1


def test_an_acceptance_and_a_withdrawal_on_the_card_at_once(live_office: Office) -> None:
    team = live_office.ipm
    known, request = asked(team)
    found = at_once(
        lambda: accept(item_of(request), team),
        lambda: consent_withdraw(
            consent=known.consents[0], channel="email", received_at=NOW, by=team.clerk, now=NOW
        ),
    )
    # The card is held: whoever comes second finds it done, and nothing is half-written.
    assert set(refusals(found)) <= {WithdrawnAlready}
    consent = Consent.objects.get(pk=known.consents[0].pk)
    assert consent.withdrawn_at is not None
    assert consent.history.exclude(withdrawn_at=None).count() == 1
    decision = item_of(request).decision
    assert (decision == "accepted") == (not isinstance(found[0], Exception))


def test_one_card_is_linked_once(live_office: Office) -> None:
    team = live_office.pandev
    card, request = register(team), receive(team)
    found = at_once(*(lambda: link(request, team, card) for _ in range(2)))
    assert refusals(found) == [LinkedAlready]
    assert RequestSubject.objects.count() == Stop.objects.count() == 1


def test_a_merge_and_an_acceptance_at_once(live_office: Office) -> None:
    team = live_office.ipm
    known, request = asked(team)
    into = register(team)
    found = at_once(
        lambda: accept(item_of(request), team),
        lambda: cards_merge(into=into, other=known.card, by=team.dpo, now=LATER, reason="same"),
    )
    for error in (row for row in found if isinstance(row, Exception)):
        assert isinstance(error, Conflict)
    withdrawn = Consent.objects.exclude(withdrawn_at=None).exists()
    assert withdrawn == (item_of(request).decision == "accepted")


def test_the_obligation_is_met_once_and_the_request_closed_once(live_office: Office) -> None:
    team = live_office.pandev
    known, request = asked(team)
    item = item_of(request)
    bar(item, team)
    found = at_once(*(lambda: met(item, team) for _ in range(2)))
    assert refusals(found) == [ForbiddenTransition]
    assert request.items.count() == 2
    accept(item_of(request), team)
    later = LATER + timedelta(days=1)
    found = at_once(*(lambda: close(request, team, now=later) for _ in range(2)))
    assert refusals(found) == [ForbiddenTransition]
    assert Deadline.objects.filter(met_at=None, about_type__model="requestitem").count() == 0
    assert known_to(team).card != known.card
