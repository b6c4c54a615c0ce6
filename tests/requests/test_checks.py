"""What the check of a letter has shown, and what follows from it at once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from registry.models import Deadline
from registry.states import ForbiddenTransition
from requests.services.checking import (
    BlockFirst,
    FoundAlready,
    FoundBeforeLetter,
    NothingToCheck,
    UnlawfulNeedsActivities,
)
from requests.services.closing import CheckOpen, NotAnswered, NotCorrected, StillHeld
from requests.services.correcting import untold
from requests.services.deciding import NothingBlocked, NothingKept, StaysWithoutGround
from requests.services.extending import item_extend
from requests.services.inquiries import NotYet, ReasonMissing
from requests.services.matching import ContactNotMatched, IdentityUnknown, NobodyLinked
from requests.services.moving import UnknownChoice
from requests.services.story import story_of
from subjects.models import Block, DestructionAct, Ground, Stop
from subjects.services.people import ForeignRow
from tests.conftest import Office
from tests.requests.asking import (
    BOTH,
    LATER,
    MUCH_LATER,
    RECEIVED,
    WITHDRAWAL,
    accept,
    activity,
    again,
    asked,
    block,
    check,
    close,
    item_of,
    known_to,
    open_grounds,
    receive,
    refuse,
    refused,
    team_of,
    without_other_ground,
)
from tests.requests.checking import (
    BLOCKING,
    CEASE,
    COMPLAINT,
    CORRECTION,
    OBJECTION,
    UNBLOCKING,
    answer,
    clocks,
    correct,
    find,
    tell,
)
from tests.requests.tracked import executed


def standing(known: object) -> list[tuple[str, int | None]]:
    rows = Block.objects.filter(subject=known.card, ended_at=None)  # type: ignore[attr-defined]
    return sorted(rows.values_list("why", "category"), key=str)


# --- to cease ------------------------------------------------------------------------------------
@BOTH
def test_a_demand_to_cease_ends_what_the_person_can_end(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = asked(team, CEASE)
    free = {ground.pk for ground in known.grounds if hasattr(ground, "consent")}
    others = open_grounds(known) - free
    if others:
        with refused(StaysWithoutGround):
            accept(item_of(request), team)
        accept(item_of(request), team, refusal="KZ.9", reasons="A law wants it.")
    else:
        accept(item_of(request), team)
    assert open_grounds(known) == others
    clock = item_of(request).deadlines.get()
    # To cease is done by the decision; what must go is destroyed by its act.
    assert clock.met_at == LATER
    assert {row.why for row in Block.objects.filter(subject=known.card)} <= {"request", "storage"}


def test_a_stranger_ends_nothing(office: Office) -> None:
    _known, request = asked(office.ipm, CEASE, verified=False)
    with refused(IdentityUnknown):
        accept(item_of(request), office.ipm)


# --- to block ------------------------------------------------------------------------------------
@BOTH
def test_a_block_stands_until_the_check_has_a_finding(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = asked(team, BLOCKING, verified=False)
    with refused(BlockFirst):
        find(item_of(request), team)
    accept(item_of(request), team)
    item = item_of(request)
    assert standing(known) == [("check", None)]
    assert (item.decision, item.done_at, again(request).state) == ("accepted", None, "decided")
    # The duty was to block, and it is done; what is checked is not destroyed by routine.
    assert item.deadlines.get().met_at == LATER
    assert Stop.objects.filter(subject=known.card, ended_at=None).exists()
    with refused(CheckOpen):
        close(request, team)
    find(item, team, now=LATER + timedelta(hours=1))
    item.refresh_from_db()
    assert standing(known) == []
    assert (item.finding, item.done_at) == ("not_confirmed", LATER + timedelta(hours=1))
    assert not Stop.objects.filter(subject=known.card, ended_at=None).exists()
    close(request, team, now=LATER + timedelta(hours=2))
    assert again(request).state == "done"


def test_kazakhstan_gives_a_day_to_lift_what_is_not_confirmed(office: Office) -> None:
    _known, request = asked(office.pandev, BLOCKING)
    accept(item_of(request), office.pandev)
    find(item_of(request), office.pandev)
    clock = clocks(item_of(request))["KZ.VERIFY.UNBLOCK"]
    assert (clock.due_on, clock.met_at) == (date(2026, 3, 11), LATER)
    # Russia knows no such term.
    _known, request = asked(office.ipm, BLOCKING)
    accept(item_of(request), office.ipm)
    find(item_of(request), office.ipm)
    assert list(clocks(item_of(request))) == ["RU.VERIFY.BLOCK"]


def test_only_whoever_may_be_the_person_has_data_blocked(office: Office) -> None:
    team = office.pandev
    other = known_to(team)
    request = receive(team, BLOCKING)
    with refused(NobodyLinked):
        accept(item_of(request), team)
    from_stranger = receive(
        team, BLOCKING, subjects=[other.card], email="stranger@example.org", phone=""
    )
    with refused(ContactNotMatched):
        accept(item_of(from_stranger), team)


def test_a_block_is_no_part_of_anything(office: Office) -> None:
    _known, request = asked(office.ipm, BLOCKING)
    with refused(NothingKept):
        accept(item_of(request), office.ipm, refusal="RU.21.1", reasons="It would harm.")
    refuse(item_of(request), office.ipm, refusal="RU.21.1", reasons="It would harm.")
    assert again(request).state == "decided"


# --- to lift a block -----------------------------------------------------------------------------
@BOTH
def test_the_person_lifts_what_a_check_blocks_and_nothing_else(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, first = asked(team, COMPLAINT)
    block(first, team)
    storage = Block.objects.create(
        operator=team.operator, subject=known.card, why="storage", label="law", reason="law",
        started_at=LATER,
    )  # fmt: skip
    later = receive(team, UNBLOCKING, subjects=[known.card])
    with refused(IdentityUnknown):
        accept(item_of(later), team)
    check(later, team)
    accept(item_of(later), team)
    assert standing(known) == [("storage", None)] and storage.pk
    item = item_of(later)
    # The clock of the answer is met by the closing letter at the latest.
    assert item.done_at == LATER
    close(later, team)
    assert item.deadlines.get().met_at == LATER


def test_what_is_not_blocked_cannot_be_lifted(office: Office) -> None:
    _known, request = asked(office.ipm, UNBLOCKING)
    with refused(NothingBlocked):
        accept(item_of(request), office.ipm)


# --- what cannot be found ------------------------------------------------------------------------
def test_a_finding_is_whole_once_and_in_its_time(office: Office) -> None:
    team = office.ipm
    _known, request = asked(team, COMPLAINT, WITHDRAWAL)
    item = item_of(request, "complaint")
    with refused(NothingToCheck):
        find(item_of(request, "withdrawal"), team)
    with refused(UnknownChoice):
        find(item, team, "perhaps")
    with refused(ReasonMissing):
        find(item, team, shown_by="  ")
    with refused(NotYet):
        find(item, team, found_at=LATER + timedelta(minutes=1))
    with refused(FoundBeforeLetter):
        find(item, team, found_at=RECEIVED - timedelta(minutes=1))
    with refused(UnlawfulNeedsActivities):
        find(item, team, "unlawful")
    with refused(ForeignRow):
        find(item, team, "unlawful", activities=[activity(office.pandev, "accounts")])
    find(item, team)
    with refused(FoundAlready):
        find(item, team)
    refused_one = receive(team, COMPLAINT)
    refuse(item_of(refused_one), team, refusal="RU.NOT_CONFIRMED")
    with refused(ForbiddenTransition):
        find(item_of(refused_one), team)


def test_an_accepted_complaint_says_what_was_found(office: Office) -> None:
    team = office.pandev
    request = receive(team, COMPLAINT)
    accept(item_of(request), team)
    answer(request, team)
    with refused(CheckOpen):
        close(request, team)
    find(item_of(request), team)
    close(request, team)
    assert again(request).state == "done"


# --- unlawful ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "by_person", "terms"),
    [
        ("ipm", False, {"RU.UNLAWFUL.STOP": 13, "RU.UNLAWFUL.DESTROY": 24}),
        (
            "ipm",
            True,
            {"RU.UNLAWFUL.STOP": 13, "RU.UNLAWFUL.DESTROY": 24, "RU.SUBJ.ERASE_UNLAWFUL": 19},
        ),
        ("pandev", False, {"KZ.UNLAWFUL.DESTROY": 11}),
        ("pandev", True, {"KZ.UNLAWFUL.DESTROY": 11}),
    ],
)
def test_unlawful_processing_ends_at_once_and_its_data_go(
    office: Office, code: str, by_person: bool, terms: dict[str, int]
) -> None:
    team = team_of(office, code)
    known, request = asked(team, COMPLAINT)
    without_other_ground(known)
    item = item_of(request)
    unlawful = {ground.activity for ground in known.grounds}
    find(item, team, "unlawful", activities=unlawful, by_person=by_person)
    found = clocks(item)
    # 10 March 2026 is a Tuesday; the law counts from the finding.
    assert {name: found[name].due_on for name in terms} == {
        name: date(2026, 3, day) for name, day in terms.items()
    }
    assert set(found) - set(terms) == {{"ipm": "RU.SUBJ.ACCESS", "pandev": "KZ.SUBJ.INFO"}[code]}
    assert open_grounds(known) == set()
    reasons = set(
        Ground.objects.filter(subject=known.card, consent__isnull=False).values_list(
            "end_reason", "ended_on", "consent__withdrawn_at"
        )
    )
    # Nobody has taken a consent back.
    assert reasons == {("unlawful_processing_found", LATER.date(), None)}
    assert DestructionAct.objects.filter(label=request.number).exists()
    assert standing(known) and {why for why, _ in standing(known)} == {"request"}
    if "RU.UNLAWFUL.STOP" in terms:
        assert found["RU.UNLAWFUL.STOP"].met_at == LATER
    assert found[list(terms)[-1]].met_at is None
    accept(item_of(request), team)
    answer(request, team)
    with refused(StillHeld):
        close(request, team)
    executed(request, team, now=LATER + timedelta(hours=5))
    for one in untold(item_of(request)):
        tell(item_of(request), team, one.key)
    close(request, team, now=MUCH_LATER)
    gone = Deadline.objects.filter(about_id=item.pk, effect="destroy").values_list(
        "met_at", flat=True
    )
    assert gone and all(moment == LATER + timedelta(hours=5) for moment in gone)


def test_a_ground_that_is_lawful_stays(office: Office) -> None:
    team = office.pandev
    known, request = asked(team, BLOCKING)
    accept(item_of(request), team)
    one = known.grounds[0]
    find(item_of(request), team, "unlawful", activities=[one.activity])
    same = {ground.pk for ground in known.grounds if ground.activity_id == one.activity_id}
    assert open_grounds(known) == {ground.pk for ground in known.grounds} - same
    # What another ground covers is in use again: the check is over.
    assert ("check", None) not in standing(known)


def test_nobody_is_linked_whose_data_could_be_unlawful(office: Office) -> None:
    team = office.ipm
    request = receive(team, COMPLAINT)
    unlawful = [activity(team, "email_information")]
    with refused(NobodyLinked):
        find(item_of(request), team, "unlawful", activities=unlawful)


# --- a correction --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "demand", "rule", "due_on"),
    [
        ("ipm", CORRECTION, "RU.SUBJ.RECTIFY", date(2026, 3, 19)),
        ("ipm", BLOCKING, "RU.VERIFY.CLARIFY", date(2026, 3, 19)),
        ("pandev", CORRECTION, "KZ.SUBJ.RECTIFY", date(2026, 3, 11)),
        ("pandev", BLOCKING, "KZ.SUBJ.RECTIFY", date(2026, 3, 11)),
    ],
    ids=str,
)
def test_the_term_of_a_correction_runs_from_its_proof(
    office: Office, code: str, demand: object, rule: str, due_on: date
) -> None:
    team = team_of(office, code)
    known, request = asked(team, demand)  # type: ignore[arg-type]
    if demand == BLOCKING:
        accept(item_of(request), team)
    find(item_of(request), team, "inaccurate")
    assert clocks(item_of(request))[rule].due_on == due_on
    if demand == BLOCKING:
        # Clarified first, then in use again.
        assert standing(known) == [("check", None)]
    else:
        accept(item_of(request), team)
        answer(request, team)
    with refused(NotCorrected):
        close(request, team)
    correct(item_of(request), team, known.data["full_name"], last=False)
    with refused(NotCorrected):
        close(request, team)
    correct(item_of(request), team, known.data["full_name"], now=LATER + timedelta(hours=1))
    assert clocks(item_of(request))[rule].met_at == LATER + timedelta(hours=1)
    assert standing(known) == []


def test_a_correction_that_is_only_answered_waits_for_no_letter_of_proof(office: Office) -> None:
    team = office.ipm
    _known, request = asked(team, CORRECTION)
    accept(item_of(request), team)
    with refused(CheckOpen):
        close(request, team)
    find(item_of(request), team)
    with refused(NotAnswered):
        close(request, team)


def test_an_extension_moves_the_answer_and_not_what_was_found(office: Office) -> None:
    team = office.ipm
    _known, request = asked(team, COMPLAINT)
    find(item_of(request), team, "inaccurate")
    item_extend(
        item=item_of(request), reasons="An archive is asked.", notice_number="17",
        notice_sent_at=LATER, by=team.dpo, now=LATER,
    )  # fmt: skip
    found = clocks(item_of(request))
    assert found["RU.SUBJ.ACCESS"].due_on == date(2026, 3, 27)
    assert found["RU.VERIFY.CLARIFY"].due_on == date(2026, 3, 19)


def test_the_person_sees_the_clock_of_the_answer_beside_those_of_the_finding(
    office: Office,
) -> None:
    team = office.ipm
    known, request = asked(team, COMPLAINT)
    unlawful = [ground.activity for ground in known.grounds]
    find(item_of(request), team, "unlawful", activities=unlawful)
    (one,) = story_of(again(request), today=LATER.date()).asked
    assert one.clock is not None and one.clock.statute is not None
    assert one.clock.statute.code == "RU.SUBJ.ACCESS"


def test_an_objection_is_answered_and_touches_nothing(office: Office) -> None:
    team = office.pandev
    known, request = asked(team, OBJECTION, verified=False)
    before = open_grounds(known)
    accept(item_of(request), team)
    assert open_grounds(known) == before
    answer(request, team)
    close(request, team)
    assert item_of(request).deadlines.get().met_at == LATER
