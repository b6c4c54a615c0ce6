"""Deciding a person's demand: what goes, what stays and why, what is refused by name."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import LegalBasis
from requests.models.subject_requests import RequestKind
from requests.refusals import UnknownRefusal
from requests.services.deciding import (
    ActivityMissing,
    GoneMeanwhile,
    NothingKept,
    RefusalWithoutReasons,
    StaysWithoutGround,
)
from requests.services.matching import ContactNotMatched, IdentityUnknown, NobodyLinked
from requests.services.outlook import item_preview
from requests.services.subject_requests import Demand
from subjects.models import Block, Consent, DestructionAct, Ground, Stop, VaultKey
from subjects.services.cards import cards_merge
from subjects.services.grounds import consent_withdraw, dissemination_permit, ground_start
from subjects.services.people import ForeignRow
from subjects.services.scopes import ScopeNotGiven, UnknownScope, consent_narrow
from tests.conftest import Office
from tests.requests.asking import (
    BOTH,
    DAY,
    DESTRUCTION,
    LATER,
    MARKETING,
    MUCH_LATER,
    NOW,
    RECEIVED,
    REFUSAL,
    TODAY,
    WITHDRAWAL,
    accept,
    activity,
    again,
    asked,
    check,
    close,
    destroy_all,
    everything,
    item_of,
    kept_by_law,
    known_to,
    link,
    open_grounds,
    receive,
    refused,
    team_of,
    without_other_ground,
)
from tests.subjects.persons import agree, register, text_of


# --- before the decision ---------------------------------------------------------------------
def test_the_preview_says_what_goes_by_when_and_what_stays_and_why(office: Office) -> None:
    known, request = asked(office.pandev)
    (found,) = item_preview(item_of(request), today=TODAY)
    assert {ending.ground for ending in found.endings} == set(known.grounds[:2])
    # "accounts" rests on a law too: all that it covers stays.
    held = {fate.held_by[0].article for _, fate in found.stays}
    assert held == {LegalBasis.objects.get(pk=known.grounds[2].legal_basis_id).article}
    without_other_ground(known)
    (found,) = item_preview(item_of(request), today=TODAY)
    assert not found.stays
    # Counted from the receipt, not from today: the day of the clock.
    assert {fate.due_on for _, fate in found.goes} == {date(2026, 4, 1)}
    assert {fate.limit.code for _, fate in found.goes if fate.limit} == {"KZ.CONSENT.WITHDRAW"}


def test_the_preview_writes_nothing_and_asks_no_more_for_more_cards(office: Office) -> None:
    known, request = asked(office.pandev)

    def cost() -> int:
        item = item_of(request)
        with CaptureQueriesContext(connection) as captured:
            item_preview(item, today=TODAY)
        return len(captured)

    before = everything()
    few = cost()
    assert everything() == before
    for number in range(3):
        card = register(office.pandev)
        agree(office.pandev, card)
        link(request, office.pandev, card)
        assert number >= 0
    assert cost() == few <= 12


def test_a_demand_speaks_only_of_what_there_was_when_it_came(office: Office) -> None:
    known, request = asked(office.pandev)
    newer = agree(
        office.pandev, register(office.pandev), given_at=RECEIVED + timedelta(seconds=1), now=NOW
    )
    link(request, office.pandev, newer.ground.subject)
    found = item_preview(item_of(request), today=TODAY)
    assert [len(card.endings) for card in found] == [2, 0]
    accept(item_of(request), office.pandev)
    newer.refresh_from_db()
    assert newer.withdrawn_at is None


# --- accepted --------------------------------------------------------------------------------
def test_a_withdrawal_ends_the_consents_at_its_receipt(office: Office) -> None:
    known, request = asked(office.pandev)
    done = accept(item_of(request), office.pandev)
    assert (done.ended, done.goes) == (2, 0)
    for consent in Consent.objects.filter(ground__subject=known.card):
        assert (consent.withdrawn_at, consent.withdrawn_by) == (RECEIVED, "any_provable")
        assert (consent.ground.ended_on, consent.ground.end_reason) == (DAY, "consent_withdrawn")
        assert consent.history.first().history_change_reason == request.number
    # The law's own ground outlives a withdrawal (152-FZ 9(2), 94-V 9).
    assert open_grounds(known) == {known.grounds[2].pk}
    item = item_of(request)
    assert (item.decision, item.decided_at, item.decided_by, item.done_at) == (
        "accepted", LATER, office.pandev.dpo, LATER,
    )  # fmt: skip
    assert again(request).state == "decided"


def test_an_acceptance_sets_the_days_on_which_keys_go(office: Office) -> None:
    known, request = asked(office.pandev)
    without_other_ground(known)
    done = accept(item_of(request), office.pandev)
    assert done.goes == len(known.data)
    numbers = [datum.value_key for datum in known.data.values()]
    days = set(VaultKey.objects.filter(pk__in=numbers).values_list("destroy_on", flat=True))
    assert days == {date(2026, 4, 1)}
    assert item_of(request).done_at is None
    act = DestructionAct.objects.get()
    assert (act.label, act.state, act.drafted_by) == (request.number, "drafted", office.pandev.dpo)
    assert set(act.items.values_list("key", flat=True)) == set(numbers)


def test_a_withdrawal_of_one_consent_or_activity_leaves_the_others(office: Office) -> None:
    known, request = asked(office.pandev)
    from_letter = Demand(RequestKind.WITHDRAWAL, consent=known.consents[0])
    other = receive(office.pandev, subjects=[known.card], items=(from_letter,))
    accept(item_of(other), office.pandev)
    assert open_grounds(known) == {ground.pk for ground in known.grounds[1:]}
    third = receive(
        office.pandev, Demand(RequestKind.WITHDRAWAL, activity=known.grounds[1].activity),
        subjects=[known.card],
    )  # fmt: skip
    accept(item_of(third), office.pandev)
    assert open_grounds(known) == {known.grounds[2].pk}
    assert again(request).state == "in_work"


@pytest.mark.parametrize("scope", ["third_parties", "cross_border", "dissemination"])
def test_a_withdrawal_by_scope_switches_off_that_scope_alone(office: Office, scope: str) -> None:
    team = office.pandev
    known = known_to(team)
    text = text_of(
        team, "wide", third_parties=True, cross_border=True, dissemination=True, name_en="Wide",
        activities=[activity(team, "licence_agreement")],
    )  # fmt: skip
    wide = agree(
        team, known.card, "licence_agreement", text=text, third_parties=True, cross_border=True,
        dissemination=True,
    )  # fmt: skip
    permission = dissemination_permit(
        consent=wide, category=text.data_categories.all()[0], permission="allowed",
        started_on=date(2026, 3, 2), by=team.dpo, today=date(2026, 3, 2),
    )  # fmt: skip
    request = receive(team, Demand(RequestKind.WITHDRAWAL, scope), subjects=[known.card])
    before = open_grounds(known)
    done = accept(item_of(request), team)
    assert (done.ended, done.narrowed) == (0, 1)
    wide.refresh_from_db()
    left = {name for name in ("third_parties", "cross_border", "dissemination")
            if getattr(wide, name)}  # fmt: skip
    assert left == {"third_parties", "cross_border", "dissemination"} - {scope}
    assert wide.withdrawn_at is None
    assert open_grounds(known) == before
    permission.refresh_from_db()
    assert (permission.ended_on is not None) == (scope == "dissemination")
    version = wide.history.first()
    assert (version.history_user, version.history_change_reason) == (team.dpo, request.number)
    # No scope ever widens, and none goes off twice.
    narrow: dict[str, Any] = {
        "consent": wide, "scope": scope, "received_at": RECEIVED, "by": team.dpo, "now": LATER,
        "reason": "again",
    }  # fmt: skip
    with refused(ScopeNotGiven):
        consent_narrow(**narrow)
    with refused(UnknownScope):
        consent_narrow(**narrow | {"scope": "withdrawn_at"})


def test_a_demand_for_destruction_names_the_ground_of_what_stays(office: Office) -> None:
    known, request = asked(office.pandev, DESTRUCTION)
    with refused(StaysWithoutGround, request.number):
        accept(item_of(request), office.pandev)
    with refused(RefusalWithoutReasons):
        accept(item_of(request), office.pandev, refusal=REFUSAL["pandev"])
    with refused(UnknownRefusal):
        accept(item_of(request), office.pandev, refusal="RU.21.5_1.6.1", reasons="So.")
    accept(item_of(request), office.pandev, refusal=REFUSAL["pandev"], reasons="Article 9.")
    item = item_of(request)
    assert (item.decision, item.refusal, item.reasons) == ("partly", "KZ.9", "Article 9.")
    assert open_grounds(known) == {known.grounds[2].pk}


def test_what_nobody_holds_goes_whole_and_nothing_is_refused(office: Office) -> None:
    known, request = asked(office.pandev, DESTRUCTION)
    without_other_ground(known)
    with refused(NothingKept):
        accept(item_of(request), office.pandev, refusal=REFUSAL["pandev"], reasons="So.")
    done = accept(item_of(request), office.pandev)
    assert (done.ended, done.goes, done.stays) == (2, len(known.data), 0)
    assert not open_grounds(known)


def test_what_a_law_orders_to_be_kept_is_blocked_and_stays_so_after_the_end(office: Office) -> None:
    known, request = asked(office.pandev, DESTRUCTION)
    without_other_ground(known)
    kept_by_law(office.pandev)
    (found,) = item_preview(item_of(request), today=TODAY)
    kept = {datum.category_id for datum, _ in found.kept_by_law}
    assert kept
    with refused(StaysWithoutGround):
        accept(item_of(request), office.pandev)
    accept(item_of(request), office.pandev, refusal="KZ.DC.41.3", reasons="A storage term.")
    blocks = Block.objects.filter(subject=known.card)
    assert {row.category_id for row in blocks} == kept
    assert {(row.why, row.label) for row in blocks} == {("storage", request.number)}
    assert {row.reason for row in blocks} == {"Law on accounting 7"}
    close(request, office.pandev)
    assert not Block.objects.exclude(ended_at=None).exists()
    assert not Stop.objects.filter(ended_at=None).exists()


@BOTH
def test_some_grounds_can_be_kept_with_a_ground_of_the_law(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = asked(team)
    item = item_of(request)
    foreign = known_to(team)
    keep = [known.consents[0].ground_id]
    with refused(StaysWithoutGround):
        accept(item, team, keep=keep)
    with refused(GoneMeanwhile):
        accept(item, team, keep=[foreign.grounds[0].pk], refusal="KZ.8.7", reasons="So.")
    refusal = {"pandev": "KZ.8.7", "ipm": "RU.9.2.6.1"}[code]
    accept(item, team, keep=keep, refusal=refusal, reasons="The law requires it.")
    assert keep[0] in open_grounds(known)
    assert item_of(request).decision == "partly"


@BOTH
def test_stopping_marketing_ends_the_activities_that_the_clerk_names(
    office: Office, code: str
) -> None:
    team = team_of(office, code)
    known, request = asked(team, MARKETING, verified=False)
    item = item_of(request)
    with refused(ActivityMissing):
        accept(item, team)
    with refused(ForeignRow):
        foreign = (
            activity(office.pandev, "services")
            if code == "ipm"
            else activity(office.ipm, "email_information")
        )
        accept(item, team, activities=[foreign])
    before = open_grounds(known)
    chosen = known.grounds[0].activity
    accept(item, team, activities=[chosen])
    ended = Ground.objects.filter(subject=known.card, activity=chosen).exclude(ended_on=None)
    # Whatever it stood on: a consent, a law.
    assert {row.pk for row in ended} == {
        row.pk for row in known.grounds if row.activity_id == chosen.pk
    }
    assert open_grounds(known) == before - {row.pk for row in ended}
    assert {row.end_reason for row in ended} <= {"consent_withdrawn", "cease_demanded"}


def test_a_contract_outlives_every_demand_of_a_person(office: Office) -> None:
    team = office.ipm
    known, request = asked(team, DESTRUCTION)
    services = activity(team, "email_information")
    contract = LegalBasis.objects.get(code="RU.6.1.5")
    services.legal_bases.add(contract)
    ground = ground_start(
        subject=known.card, activity=services, legal_basis=contract, started_on=DAY, by=team.clerk,
        today=DAY,
    )  # fmt: skip
    (found,) = item_preview(item_of(request), today=TODAY)
    assert [ending.ground for ending in found.endings] == known.grounds
    assert {fate.held_by[0].article for _, fate in found.stays} == {"6(1)(5)"}
    accept(item_of(request), team, refusal=REFUSAL["ipm"], reasons="The contract goes on.")
    assert open_grounds(known) == {ground.pk}


def test_of_a_person_destroyed_meanwhile_nothing_is_left_and_that_is_the_answer(
    office: Office,
) -> None:
    known, request = asked(office.pandev, DESTRUCTION)
    for consent in known.consents:
        consent_withdraw(
            consent=consent, channel="email", received_at=NOW, by=office.pandev.dpo, now=NOW
        )
    without_other_ground(known)
    destroy_all(known, office.pandev)
    done = accept(item_of(request), office.pandev, now=MUCH_LATER)
    assert done.nothing_left
    assert item_of(request).done_at == MUCH_LATER
    close(request, office.pandev, now=MUCH_LATER)
    assert again(request).state == "done"


def test_a_card_merged_meanwhile_leads_to_the_one_that_holds_the_data(office: Office) -> None:
    team = office.pandev
    known, request = asked(team)
    into = register(team)
    cards_merge(into=into, other=known.card, by=team.dpo, now=NOW, reason="same")
    (found,) = item_preview(item_of(request), today=TODAY)
    assert (found.card, len(found.endings)) == (into, 2)
    accept(item_of(request), team)
    assert into.grounds.filter(ended_on=None).count() == 1


# --- the least proof -------------------------------------------------------------------------
@BOTH
def test_the_least_proof_by_kind(office: Office, code: str) -> None:
    team = team_of(office, code)
    request = receive(team, WITHDRAWAL, DESTRUCTION, MARKETING)
    for kind in ("withdrawal", "destruction", "marketing"):
        with refused(NobodyLinked):
            accept(item_of(request, kind), team)
    by_hand = register(team)
    link(request, team, by_hand)
    for kind in ("withdrawal", "marketing"):
        with refused(ContactNotMatched, by_hand.code):
            accept(item_of(request, kind), team)
    with refused(IdentityUnknown):
        accept(item_of(request, "destruction"), team)
    # Everything is verified now, whatever the card holds.
    check(request, team)
    for kind in ("withdrawal", "destruction"):
        accept(item_of(request, kind), team)


@BOTH
def test_a_matched_contact_is_enough_for_a_withdrawal_but_not_for_destruction(
    office: Office, code: str
) -> None:
    team = team_of(office, code)
    _known, request = asked(team, WITHDRAWAL, DESTRUCTION, verified=False)
    accept(item_of(request, "withdrawal"), team)
    with refused(IdentityUnknown):
        accept(item_of(request, "destruction"), team)
    check(request, team, kind="power_of_attorney")
    with refused(IdentityUnknown):
        accept(item_of(request, "destruction"), team)
