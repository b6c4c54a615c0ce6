"""Requests that could hold each other up, miss what they mean, or keep what must go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from registry.models import Deadline, InformationSystem, LegalBasis
from requests.models.subject_requests import RequestKind, Scope
from requests.services.linking import LinkedAlready, NotLinked
from requests.services.matching import candidates
from requests.services.outlook import item_preview
from requests.services.subject_requests import Demand
from subjects.choices import BlockReason
from subjects.models import (
    ActItem,
    Block,
    DestructionAct,
    Ground,
    PersonalDatum,
    Stop,
    VaultKey,
)
from subjects.services.acts import act_approve, act_draft, item_confirm
from subjects.services.cards import cards_merge
from subjects.services.executing import act_execute
from subjects.services.exporting import card_export
from subjects.services.grounds import consent_withdraw
from subjects.services.holds import hold_place
from subjects.services.people import datum_record
from subjects.services.stops import gone_blocks_end
from subjects.services.sweeping import act_carry_out, destruction_sweep
from subjects.vault.models import Sealed
from tests.conftest import Office, Team
from tests.requests.asking import (
    BOTH,
    DESTRUCTION,
    LATER,
    MARKETING,
    MUCH_LATER,
    NOW,
    RECEIVED,
    accept,
    activity,
    add,
    again,
    asked,
    bar,
    block,
    check,
    close,
    item_of,
    kept_by_law,
    known_to,
    link,
    met,
    open_grounds,
    receive,
    refused,
    team_of,
    unlink,
    without_other_ground,
)
from tests.subjects.persons import VALUES, agree, register

MONTH = timedelta(days=31)


def approved(team: Team) -> list[DestructionAct]:
    return [
        act_approve(act=act, by=team.dpo, now=LATER, waiver="alone in the office")
        for act in DestructionAct.objects.filter(state="drafted")
    ]


def carried_out(team: Team, now: datetime = MUCH_LATER) -> None:
    approved(team)
    for act in DestructionAct.objects.filter(state__in=["approved", "running"]):
        act_carry_out(act, now=now, today=now.date())


def keys(card: Any) -> int:
    return VaultKey.objects.filter(kind=Sealed.DATUM, owner=card.pk).count()


# --- two letters of one person -------------------------------------------------------------------
@BOTH
def test_two_letters_that_ask_for_the_same_are_both_carried_out(office: Office, code: str) -> None:
    team = team_of(office, code)
    known = known_to(team)
    without_other_ground(known)
    first, second = (receive(team, DESTRUCTION, subjects=[known.card]) for _ in range(2))
    for request in (first, second):
        check(request, team)
    accept(item_of(first), team)
    # The second has not been decided: what it wants is not known, so nothing goes yet.
    assert Stop.objects.filter(label=second.number, ended_at=None).exists()
    accept(item_of(second), team)
    assert not Stop.objects.filter(ended_at=None).exists()
    carried_out(team)
    assert not keys(known.card)
    for request in (first, second):
        assert close(again(request), team, now=MUCH_LATER).state == "done"


def test_a_letter_that_waits_for_an_answer_keeps_the_data(office: Office) -> None:
    """What somebody asks about is not destroyed by routine before it is answered."""
    team = office.pandev
    known, request = asked(team, Demand(RequestKind.INFORMATION))
    accept(item_of(request), team)
    assert again(request).state == "decided"
    assert Stop.objects.filter(subject=known.card, ended_at=None).exists()


def test_data_of_a_routine_act_go_with_the_act_of_the_request(office: Office) -> None:
    """Drafted by routine before the letter came: the request does not wait for that act."""
    team = office.pandev
    known = known_to(team)
    without_other_ground(known)
    for consent in known.consents:
        consent_withdraw(consent=consent, channel="email", received_at=NOW, by=team.clerk, now=NOW)
    routine = act_draft(operator=team.operator, until=MUCH_LATER.date(), by=None, now=NOW)
    assert routine
    request = receive(team, DESTRUCTION, subjects=[known.card])
    check(request, team)
    accept(item_of(request), team)
    assert DestructionAct.objects.filter(label=request.number).exists()
    carried_out(team)
    assert not keys(known.card)


# --- what is stopped, is stopped -----------------------------------------------------------------
@BOTH
def test_what_goes_is_used_no_more_from_the_decision_on(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = asked(team, DESTRUCTION)
    without_other_ground(known)
    accept(item_of(request), team)
    blocks = Block.objects.filter(subject=known.card, ended_at=None)
    assert {one.why for one in blocks} == {BlockReason.REQUEST}
    assert {one.category_id for one in blocks} == set(
        PersonalDatum.objects.filter(subject=known.card).values_list("category", flat=True)
    )
    told = str(card_export(subject=known.card, user=team.dpo, reason="statistics", now=LATER))
    assert not [value for value in VALUES.values() if value in told]
    carried_out(team)
    assert close(again(request), team, now=MUCH_LATER).state == "done"
    assert not Block.objects.filter(ended_at=None).exists()


def test_what_another_ground_covers_stays_in_use(office: Office) -> None:
    """A law needs the e-mail address still; what the consents alone covered is blocked."""
    team = office.pandev
    known = known_to(team)
    narrow = known.grounds[1].activity
    narrow.data_categories.set([known.data["email"].category])
    Ground.objects.filter(pk=known.grounds[2].pk).update(activity=narrow)
    narrow.legal_bases.add(known.grounds[2].legal_basis)
    own = receive(team, subjects=[known.card])
    accept(item_of(own), team)
    (found,) = item_preview(item_of(own), today=LATER.date())
    goes = {datum.category_id for datum, _ in found.goes}
    stays = {datum.category_id for datum, _ in found.stays}
    assert goes and stays and not goes & stays
    blocked = Block.objects.filter(ended_at=None, subject=known.card)
    assert set(blocked.values_list("category", flat=True)) == goes


@BOTH
def test_a_duty_to_stop_is_met_by_the_decision(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = asked(team, DESTRUCTION, MARKETING)
    without_other_ground(known)
    accept(item_of(request, RequestKind.MARKETING), team, activities=[known.grounds[0].activity])
    accept(item_of(request, RequestKind.DESTRUCTION), team)
    mine = Deadline.objects.filter(about_type__model="requestitem")
    stopping = [clock for clock in mine if clock.effect.startswith("stop")]
    assert stopping and {clock.met_at for clock in stopping} == {LATER}
    assert all(clock.met_at is None for clock in mine if not clock.effect.startswith("stop"))


def test_marketing_that_stops_while_an_obligation_bars_the_rest_takes_its_data(
    office: Office,
) -> None:
    team = office.pandev
    known, request = asked(team)
    without_other_ground(known)
    grounds = Ground.objects.filter(subject=known.card, ended_on=None)
    bar(
        item_of(request), team, no_marketing=False,
        activities=[ground.activity for ground in grounds.select_related("activity")],
    )  # fmt: skip
    assert not open_grounds(known)
    (act,) = DestructionAct.objects.filter(label=request.number)
    assert ActItem.objects.filter(act=act).count() >= keys(known.card)
    carried_out(team)
    assert not keys(known.card)


# --- what the letter means -----------------------------------------------------------------------
def test_a_withdrawal_that_comes_back_means_no_more_than_the_letter(office: Office) -> None:
    team = office.pandev
    known, request = asked(team)
    bar(item_of(request), team)
    moment = datetime(2026, 3, 20, 9, tzinfo=UTC)
    consent_withdraw(
        consent=known.consents[1], channel="email", received_at=LATER, by=team.dpo, now=moment
    )
    new = agree(team, known.card, "identification", given_at=moment, now=moment)
    met(item_of(request), team, met_at=MUCH_LATER, now=MUCH_LATER)
    accept(item_of(request), team, now=MUCH_LATER)
    new.refresh_from_db()
    assert new.withdrawn_at is None and new.ground.ended_on is None


def test_dissemination_ends_with_the_consent_that_allows_it(office: Office) -> None:
    """A consent of its own kind has no scopes to narrow (152-FZ 10.1(1), (12)-(13))."""
    team = office.ipm
    known, request = asked(team, Demand(RequestKind.WITHDRAWAL, scope=Scope.DISSEMINATION))
    basis = LegalBasis.objects.get(code="RU.10.1")
    ground = Ground.objects.create(
        subject=known.card, activity=known.grounds[0].activity, legal_basis=basis,
        started_on=RECEIVED.date() - MONTH,
    )  # fmt: skip
    done = accept(item_of(request), team)
    ground.refresh_from_db()
    assert done.ended == 1 and ground.ended_on == RECEIVED.date()
    assert ground.end_reason == "consent_withdrawn"
    # What the other consents allow stays.
    known.grounds[0].refresh_from_db()
    assert known.grounds[0].ended_on is None


def test_marketing_ends_wherever_it_is_found_not_only_where_the_letter_says(
    office: Office,
) -> None:
    team = office.pandev
    first, second = (activity(team, code) for code in ("accounts", "identification"))
    known, request = asked(team, Demand(RequestKind.MARKETING, activity=first))
    mine = Ground.objects.filter(subject=known.card, ended_on=None)
    assert {first.pk, second.pk} <= set(mine.values_list("activity", flat=True))
    accept(item_of(request), team, activities=[second])
    left = Ground.objects.filter(subject=known.card, ended_on=None)
    assert not left.filter(activity__in=[first, second]).exists()


# --- a card that is merged while its request is open ---------------------------------------------
def test_a_merged_card_does_not_tie_its_request_up(office: Office) -> None:
    team = office.pandev
    known, request = asked(team, DESTRUCTION)
    into = register(team)
    cards_merge(into=into, other=known.card, by=team.dpo, now=NOW, reason="same passport")
    with refused(LinkedAlready):
        link(again(request), team, into)
    (candidate,) = candidates(subject_request=again(request), user=team.clerk, now=NOW)
    assert candidate.hit.card == into and candidate.linked
    (made,) = block(again(request), team)
    assert made.subject_id == into.pk
    consent = into.grounds.filter(consent__isnull=False)[0].consent
    assert add(again(request), team, Demand(RequestKind.WITHDRAWAL, consent=consent)).pk
    unlink(again(request), team, into)
    assert not Stop.objects.filter(ended_at=None).exists()
    assert not Block.objects.filter(ended_at=None).exists()
    with refused(NotLinked):
        unlink(again(request), team, into)
    assert link(again(request), team, into).pk


# --- when it is over -----------------------------------------------------------------------------
def test_a_clock_is_met_when_the_last_copy_elsewhere_is_gone(office: Office) -> None:
    team = office.pandev
    known = known_to(team)
    without_other_ground(known)
    datum_record(
        subject=known.card, category=known.data["phone"].category, held_in="system",
        system=InformationSystem.objects.filter(operator=team.operator)[0],
        collected_on=RECEIVED.date() - MONTH, by=team.clerk, today=NOW.date(),
    )  # fmt: skip
    request = receive(team, DESTRUCTION, subjects=[known.card])
    check(request, team)
    accept(item_of(request), team)
    carried_out(team)
    later = MUCH_LATER + timedelta(days=5)
    (waiting,) = ActItem.objects.filter(key=None, outcome="")
    item_confirm(item=waiting, how="wiped", by=team.clerk, now=later)
    # By what they were found there goes last.
    carried_out(team, now=later)
    close(again(request), team, now=later + timedelta(days=1))
    assert item_of(request).done_at == later


def test_a_block_of_gone_blocks_ends_with_what_it_keeps(office: Office) -> None:
    team = office.pandev
    kept_by_law(team, years=1)
    known, request = asked(team, DESTRUCTION)
    without_other_ground(known)
    accept(item_of(request), team, refusal="KZ.DC.41.3", reasons="The law orders it.")
    carried_out(team)
    close(again(request), team, now=MUCH_LATER)
    kept = Block.objects.filter(subject=known.card, ended_at=None)
    assert {one.why for one in kept} == {BlockReason.STORAGE}
    assert gone_blocks_end(now=MUCH_LATER) == 0 and keys(known.card)
    late = datetime(2027, 9, 10, 9, tzinfo=UTC)
    hold_place(
        subject=known.card,
        document="ruling",
        label="COURT",
        reason="court",
        by=team.dpo,
        now=late,
    )
    destruction_sweep(now=late)
    assert kept.all()
    Stop.objects.filter(label="COURT").update(ended_at=late)
    for act in act_draft(operator=team.operator, until=late.date(), by=None, now=late):
        act_approve(act=act, by=team.dpo, now=late)
        act_execute(act, now=late, today=late.date())
    assert not keys(known.card)
    destruction_sweep(now=late)
    assert not kept.all()
    agree(team, known.card, "accounts", given_at=late, now=late)
    datum_record(
        subject=known.card, category=known.data["email"].category, text="new@example.org",
        collected_on=late.date(), by=team.clerk, today=late.date(),
    )  # fmt: skip
    assert keys(known.card) == 1
