"""Demands that a letter answers: information, correction, whatever else people write."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from registry.models import Deadline
from registry.services.clocks import ExtendedAlready, ExtensionTooLate, NoExtensionInLaw
from registry.states import ForbiddenTransition
from requests.models.subject_requests import RequestKind
from requests.refusals import UnknownRefusal, refusals_for
from requests.services.closing import (
    LetterUnsent,
    NoClockRuns,
    NotAnswered,
    NothingToDraft,
    StillHeld,
)
from requests.services.deciding import GoneMeanwhile, RefusalWithoutReasons
from requests.services.duties import ANSWERED_KINDS
from requests.services.extending import NoticeBeforeReceipt, item_extend
from requests.services.matching import IdentityUnknown, NobodyLinked
from requests.services.outlook import item_preview
from requests.services.repeating import TOO_EARLY
from requests.services.subject_requests import Demand
from subjects.models import Block, DestructionAct
from subjects.services.acts import act_cancel
from tests.conftest import Office, Team
from tests.requests.asking import (
    BOTH,
    DESTRUCTION,
    LATER,
    RECEIVED,
    TODAY,
    accept,
    add,
    again,
    asked,
    check,
    close,
    draft,
    everything,
    item_of,
    open_grounds,
    receive,
    refuse,
    refused,
    team_of,
    withdraw,
    without_other_ground,
)
from tests.requests.checking import find
from tests.requests.corresponding import draft as letter_of
from tests.requests.corresponding import send
from tests.requests.tracked import executed

INFORMATION = Demand(RequestKind.INFORMATION)
CORRECTION = Demand(RequestKind.CORRECTION)
OTHER = Demand(RequestKind.OTHER)
ALL = pytest.mark.parametrize("demand", [INFORMATION, CORRECTION, OTHER], ids=lambda one: one.kind)


def answer(request: object, team: Team, *, at: datetime = LATER, kind: str = "reply") -> None:
    """A letter of the staff that has reached the page of the request."""
    letter = letter_of(request, team, kind=kind, way="page", now=at)  # type: ignore[arg-type]
    send(letter, team, now=at)


# --- the clock -------------------------------------------------------------------------------
@ALL
@pytest.mark.parametrize(
    ("code", "rule", "due_on"),
    [("pandev", "KZ.SUBJ.INFO", date(2026, 3, 11)), ("ipm", "RU.SUBJ.ACCESS", date(2026, 3, 20))],
)
def test_each_is_to_be_answered_in_time(
    office: Office, demand: Demand, code: str, rule: str, due_on: date
) -> None:
    request = receive(team_of(office, code), demand)
    clock = item_of(request).deadlines.select_related("statute").get()
    assert clock.statute is not None
    assert (clock.statute.code, clock.due_on) == (rule, due_on)


# --- the proof -------------------------------------------------------------------------------
@BOTH
@pytest.mark.parametrize("demand", [INFORMATION, CORRECTION], ids=lambda one: one.kind)
def test_nothing_is_told_or_changed_for_a_stranger(
    office: Office, code: str, demand: Demand
) -> None:
    team = team_of(office, code)
    known, request = asked(team, demand, verified=False)
    # A card that holds the contact of the letter is not enough.
    with refused(IdentityUnknown):
        accept(item_of(request), team)
    check(request, team, kind="contact")
    with refused(IdentityUnknown):
        accept(item_of(request), team)
    check(request, team, kind="document")
    accept(item_of(request), team)
    assert item_of(request).decision == "accepted"
    alone = receive(team, demand)
    check(alone, team)
    with refused(NobodyLinked):
        accept(item_of(alone), team)


def test_what_only_wants_an_answer_needs_neither_card_nor_proof(office: Office) -> None:
    request = receive(office.ipm, OTHER)
    done = accept(item_of(request), office.ipm)
    assert (done.item.decision, done.item.done_at) == ("accepted", None)
    assert again(request).state == "decided"


# --- nothing is touched ----------------------------------------------------------------------
@BOTH
@ALL
def test_accepting_ends_no_ground_and_touches_no_datum(
    office: Office, code: str, demand: Demand
) -> None:
    team = team_of(office, code)
    known, request = asked(team, demand)
    item = item_of(request)
    grounds = open_grounds(known)
    # Whatever is chosen: it is no marketing and nothing goes.
    activities = [ground.activity for ground in known.grounds]
    assert item_preview(item, today=TODAY, activities=activities) == []
    before = everything()
    done = accept(item, team, activities=activities)
    after = everything()
    assert open_grounds(known) == grounds
    assert (done.ended, done.narrowed, done.goes, done.stays) == (0, 0, 0, 0)
    assert not DestructionAct.objects.exists() and not Block.objects.exists()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        "requests.RequestItem", "requests.HistoricalRequestItem",
        "requests.SubjectRequest", "requests.HistoricalSubjectRequest",
    }  # fmt: skip


def test_a_ground_cannot_be_kept_from_what_ends_none(office: Office) -> None:
    known, request = asked(office.ipm, INFORMATION)
    with refused(GoneMeanwhile):
        accept(item_of(request), office.ipm, keep=[known.grounds[0].pk])


def test_no_act_is_drafted_for_an_answer_but_for_what_stands_beside_it(office: Office) -> None:
    known, request = asked(office.ipm, INFORMATION)
    accept(item_of(request), office.ipm)
    with refused(NothingToDraft):
        draft(request, office.ipm)
    # The act follows what asked for it, wherever that stands in the letter.
    team = office.pandev
    known, both = asked(team, INFORMATION, Demand(RequestKind.WITHDRAWAL))
    without_other_ground(known)
    accept(item_of(both, "information"), team)
    accept(item_of(both, "withdrawal"), team)
    for act in DestructionAct.objects.filter(label=both.number):
        act_cancel(act=act, reason="wrong day", by=team.dpo, now=LATER)
    assert draft(both, team)


# --- refusing --------------------------------------------------------------------------------
@BOTH
@ALL
def test_a_refusal_names_a_ground_of_this_law_for_this_demand(
    office: Office, code: str, demand: Demand
) -> None:
    team = team_of(office, code)
    law = team.operator.jurisdiction.code
    fitting = refusals_for(jurisdiction=law, kind=demand.kind)
    assert fitting
    for found in fitting:
        if found.code in TOO_EARLY:
            # Only of whoever asked before: see test_repeats.
            continue
        request = receive(team, demand)
        refuse(item_of(request), team, refusal=found.code)
        assert item_of(request).refusal == found.code
        assert again(request).state == "decided"
    request = receive(team, demand)
    with refused(UnknownRefusal):
        refuse(item_of(request), team, refusal={"KZ": "KZ.8.7", "RU": "RU.5.7"}[law])


def test_a_part_of_an_answer_is_refused_by_name(office: Office) -> None:
    _known, request = asked(office.ipm, INFORMATION)
    with refused(RefusalWithoutReasons):
        accept(item_of(request), office.ipm, refusal="RU.14.8.4")
    with refused(UnknownRefusal):
        accept(item_of(request), office.ipm, refusal="RU.5.7", reasons="A law.")
    accept(item_of(request), office.ipm, refusal="RU.14.8.4", reasons="Another one's data.")
    item = item_of(request)
    assert (item.decision, item.refusal, item.done_at) == ("partly", "RU.14.8.4", None)


# --- the end ---------------------------------------------------------------------------------
@BOTH
@ALL
def test_it_is_done_when_the_letter_has_gone(office: Office, code: str, demand: Demand) -> None:
    team = team_of(office, code)
    _known, request = asked(team, demand)
    # What was sent before the decision answers nothing.
    answer(request, team, at=LATER - timedelta(hours=2))
    accept(item_of(request), team)
    if demand == CORRECTION:
        # It is checked first whether anything is wrong.
        find(item_of(request), team)
    with refused(NotAnswered):
        close(request, team)
    unsent = letter_of(request, team, way="page")
    with refused(LetterUnsent):
        close(request, team)
    sent_at = LATER + timedelta(hours=3)
    send(unsent, team, now=sent_at)
    close(request, team, now=LATER + timedelta(days=1))
    item = item_of(request)
    clock = item.deadlines.order_by("pk")[0]
    assert (again(request).state, item.done_at, clock.met_at) == ("done", sent_at, sent_at)


def test_a_refused_demand_waits_for_no_letter(office: Office) -> None:
    request = receive(office.pandev, OTHER)
    refuse(item_of(request), office.pandev, refusal="KZ.NOT_ABOUT_DATA")
    close(request, office.pandev)
    assert again(request).state == "done"
    assert Deadline.objects.get().met_at == LATER


def test_a_letter_about_anything_can_be_read_again(office: Office) -> None:
    """The right demand is added, and one letter answers both."""
    team = office.pandev
    known, request = asked(team, OTHER)
    add(request, team, INFORMATION)
    accept(item_of(request, "other"), team)
    assert again(request).state == "in_work"
    accept(item_of(request, "information"), team, now=LATER + timedelta(hours=1))
    answer(request, team, at=LATER + timedelta(hours=2))
    close(request, team, now=LATER + timedelta(hours=3))
    assert {item.done_at for item in request.items.all()} == {LATER + timedelta(hours=2)}


def test_once_accepted_it_is_not_taken_back(office: Office) -> None:
    request = receive(office.ipm, OTHER)
    accept(item_of(request), office.ipm)
    with refused(ForbiddenTransition):
        withdraw(request, office.ipm)


def test_it_stands_beside_a_destruction_and_hinders_nothing(office: Office) -> None:
    team = office.ipm
    known, request = asked(team, DESTRUCTION, INFORMATION)
    accept(item_of(request, "destruction"), team)
    assert DestructionAct.objects.filter(label=request.number).exists()
    accept(item_of(request, "information"), team)
    assert item_of(request, "information").done_at is None
    # What must go is asked for first.
    with refused(StillHeld):
        close(request, team)
    executed(request, team)
    with refused(NotAnswered):
        close(request, team)
    assert {"information", "correction", "objection", "complaint", "other"} == ANSWERED_KINDS


# --- a longer term ---------------------------------------------------------------------------
def extend(request: object, team: Team, **changed: object) -> object:
    given = {
        "item": item_of(request), "reasons": "An archive is asked.", "notice_number": "17",  # type: ignore[arg-type]
        "notice_sent_at": LATER, "by": team.dpo, "now": LATER,
    } | changed  # fmt: skip
    return item_extend(**given)  # type: ignore[arg-type]


def test_russia_lets_it_be_extended_once_by_five_working_days(office: Office) -> None:
    team = office.ipm
    request = receive(team, INFORMATION)
    with refused(NoticeBeforeReceipt):
        extend(request, team, notice_sent_at=RECEIVED - timedelta(seconds=1))
    extend(request, team)
    assert Deadline.objects.get().due_on == date(2026, 3, 27)
    with refused(ExtendedAlready):
        extend(request, team)
    late = receive(team, INFORMATION)
    with refused(ExtensionTooLate):
        extend(late, team, now=datetime(2026, 3, 21, 9, tzinfo=UTC))


def test_kazakhstan_knows_no_extension_and_a_clock_that_stopped_has_none(office: Office) -> None:
    kazakh = receive(office.pandev, INFORMATION)
    with refused(NoExtensionInLaw):
        extend(kazakh, office.pandev)
    request = receive(office.ipm, OTHER)
    withdraw(request, office.ipm)
    with refused(ForbiddenTransition):
        extend(request, office.ipm)
    _known, both = asked(office.ipm, OTHER)
    refuse(item_of(both), office.ipm, refusal="RU.NOT_ABOUT_DATA")
    Deadline.objects.filter(label=both.number).update(met_at=LATER)
    with refused(NoClockRuns):
        extend(both, office.ipm)
