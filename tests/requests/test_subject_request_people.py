"""Whom a letter is about: candidates, links with their stops, checks, blocks, taking back."""

from __future__ import annotations

import pytest

from registry.models import Deadline
from registry.states import ForbiddenTransition
from requests.models import RequestSubject
from requests.models.subject_requests import RequestKind
from requests.services.inquiries import ReasonMissing
from requests.services.linking import LinkedAlready, NotLinked
from requests.services.matching import (
    ContactNotMatched,
    NobodyLinked,
    candidates,
    identity_verified,
)
from requests.services.moving import DecidedAlready, ReasonTooLong, UnknownChoice
from requests.services.subject_requests import (
    Demand,
    DemandTwice,
    ForeignConsent,
    UnknownDemand,
)
from subjects.models import AccessEvent, Block, Stop
from subjects.services.cards import cards_merge
from subjects.services.people import CardMerged, ForeignRow
from tests.conftest import Office
from tests.requests.asking import (
    BOTH,
    DESTRUCTION,
    LATER,
    NOW,
    RECEIVED,
    SECRETS,
    WITHDRAWAL,
    accept,
    add,
    again,
    asked,
    block,
    check,
    item_of,
    known_to,
    link,
    receive,
    refused,
    team_of,
    unlink,
    withdraw,
)
from tests.subjects.persons import person, register


# --- people ----------------------------------------------------------------------------------
def test_candidates_are_the_cards_that_hold_the_contact_side_by_side(office: Office) -> None:
    known = person(office.pandev)
    second = register(office.pandev)
    foreign = known_to(office.ipm)
    request = receive(office.pandev)
    found = candidates(subject_request=request, user=office.pandev.clerk, now=NOW)
    assert [each.hit.card for each in found] == [known.card]
    assert (found[0].matched_by, found[0].linked) == ("email", False)
    assert not [secret for secret in SECRETS for _, mask in found[0].hit.values if secret in mask]
    event = AccessEvent.objects.latest("id")
    assert (event.what, event.reason, event.details) == (
        "search", request.number, {"kind": "request", "hits": 1},
    )  # fmt: skip
    link(request, office.pandev, known.card)
    found = candidates(subject_request=request, user=office.pandev.clerk, now=NOW)
    assert found[0].linked
    assert {second, foreign.card}.isdisjoint(each.hit.card for each in found)


def test_a_letter_without_an_email_is_matched_by_its_phone(office: Office) -> None:
    known = person(office.pandev)
    request = receive(office.pandev, email="", answer_by="by_hand", phone="8 (701) 555-90-87")
    row = link(request, office.pandev, known.card)
    assert row.matched_by == "phone"


def test_linking_places_a_stop_and_says_by_what_it_was_matched(office: Office) -> None:
    team = office.pandev
    known, other = person(team), register(team)
    request = receive(team)
    assert link(request, team, known.card).matched_by == "email"
    assert link(request, team, other).matched_by == "nothing"
    assert again(request).state == "in_work"
    stops = Stop.objects.filter(ended_at=None)
    assert {(row.subject, row.kind, row.label) for row in stops} == {
        (known.card, "open_request", request.number), (other, "open_request", request.number),
    }  # fmt: skip
    unlink(request, team, other)
    assert Stop.objects.get(ended_at=None).subject == known.card
    assert Stop.objects.get(subject=other).ended_at == LATER
    # Once more, with a stop of its own.
    link(request, team, other, now=LATER)
    assert Stop.objects.filter(subject=other, ended_at=None).count() == 1
    assert RequestSubject.objects.filter(subject=other).count() == 2


def test_what_cannot_be_linked_or_unlinked(office: Office) -> None:
    team = office.pandev
    known, other, gone = person(team), register(team), register(team)
    request = receive(team, subjects=[known.card])
    with refused(LinkedAlready, known.card.code):
        link(request, team, known.card)
    with refused(ForeignRow):
        link(request, team, register(office.ipm))
    with refused(NotLinked, other.code):
        unlink(request, team, other)
    with refused(ReasonMissing):
        unlink(request, team, known.card, reason="  ")
    with refused(ReasonTooLong):
        unlink(request, team, known.card, reason="x" * 301)
    cards_merge(into=other, other=gone, by=team.dpo, now=NOW, reason="same")
    with refused(CardMerged):
        link(request, team, gone)


def test_nobody_is_unlinked_after_an_acceptance(office: Office) -> None:
    known, request = asked(office.pandev, WITHDRAWAL, DESTRUCTION)
    accept(item_of(request, "withdrawal"), office.pandev)
    with refused(DecidedAlready):
        unlink(request, office.pandev, known.card)
    with refused(DecidedAlready):
        withdraw(request, office.pandev)


def test_a_demand_for_a_consent_of_somebody_else_is_refused(office: Office) -> None:
    team = office.pandev
    known, request = asked(team)
    mine = Demand(RequestKind.WITHDRAWAL, consent=known.consents[0])
    item = add(request, team, mine)
    assert (item.consent, item.received_at) == (known.consents[0], RECEIVED)
    with refused(DemandTwice):
        add(request, team, mine)
    other = receive(team)
    with refused(ForeignConsent):
        add(other, team, mine)
    with refused(UnknownDemand):
        add(request, team, Demand(RequestKind.MARKETING, consent=known.consents[0]))


def test_an_identity_check_keeps_a_kind_and_nothing_else(office: Office) -> None:
    request = receive(office.pandev)
    names = {field.name for field in check(request, office.pandev)._meta.fields}
    assert names == {"id", "request", "kind", "checked_at", "checked_by"}
    assert identity_verified(request)
    with refused(UnknownChoice):
        check(request, office.pandev, kind="passport N 12345678")


@pytest.mark.parametrize("kind", ["power_of_attorney", "contact"])
def test_not_every_check_verifies_an_identity(office: Office, kind: str) -> None:
    request = receive(office.pandev)
    check(request, office.pandev, kind=kind)
    assert not identity_verified(request)


def test_a_block_needs_a_matched_contact_and_is_placed_once(office: Office) -> None:
    team = office.pandev
    request = receive(team)
    with refused(NobodyLinked):
        block(request, team)
    other = register(team)
    link(request, team, other)
    with refused(ContactNotMatched, other.code):
        block(request, team)
    known = person(team)
    link(request, team, known.card)
    unlink(request, team, other)
    assert [row.subject for row in block(request, team)] == [known.card]
    assert block(request, team) == []
    row = Block.objects.get()
    assert (row.why, row.label, row.category) == ("check", request.number, None)
    withdraw(request, team)
    assert Block.objects.get().ended_at == LATER


# --- taken back ------------------------------------------------------------------------------
@BOTH
def test_a_request_that_is_taken_back_ends_its_clocks_and_stops(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = asked(team, WITHDRAWAL, DESTRUCTION)
    withdraw(request, team)
    request = again(request)
    assert (request.state, request.ended_at) == ("withdrawn", LATER)
    assert {row.voided_at for row in Deadline.objects.all()} == {LATER}
    assert not Stop.objects.filter(ended_at=None).exists()
    assert not known.card.grounds.exclude(ended_on=None).exists()
    for verb in (lambda: withdraw(request, team), lambda: check(request, team)):
        with refused(ForbiddenTransition):
            verb()
    with refused(ReasonMissing):
        withdraw(request, team, reason="")
