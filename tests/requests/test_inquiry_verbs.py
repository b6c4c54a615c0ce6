"""The verbs of an inquiry after its registration, one by one, and what each refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from registry.models import Deadline, DeadlineRule, Extension
from registry.services.clocks import (
    DeadlineClosed,
    ExtendedAlready,
    ExtensionTooLate,
    NoExtensionInLaw,
    NoticeNotSent,
    PromiseBinds,
    ReasonsMissing,
    StatedDateBinds,
)
from registry.states import ForbiddenTransition
from registry.workdays import CalendarMissing
from requests import states
from requests.models import RegulatorInquiry
from requests.models.inquiries import TEXT_LIMIT
from requests.services.inquiries import (
    AnswerMissing,
    AnswerTooLong,
    BeforeReceipt,
    ChangedMeanwhile,
    ChannelMissing,
    FieldsRefused,
    NotYet,
    ProofMissing,
    ReasonMissing,
    clock_of,
)
from tests.conftest import Office, Team
from tests.requests.letters import (
    LATER,
    NOW,
    RECEIVED,
    VERBS,
    answer,
    draft,
    extend,
    letter,
    prove,
    refused,
    restate,
    withdraw,
)

MEGABYTE = "я" * 1_048_576


@pytest.fixture(params=["ipm", "pandev"])
def team(request: pytest.FixtureRequest, office: Office) -> Team:
    found: Team = getattr(office, request.param)
    return found


@pytest.fixture
def inquiry(team: Team) -> RegulatorInquiry:
    return letter(team)


@pytest.fixture
def without_promises(office: Office) -> Iterator[None]:
    """The law's own term binds, so that it can be extended."""
    DeadlineRule.objects.filter(event="inquiry_received", source="promise").update(
        effective_until=date(2025, 1, 1)
    )
    yield


def trace(row: Any) -> tuple[Any, str, str]:
    """Who, why and how in the newest history row."""
    newest = row.history.order_by("-history_id").first()
    return newest.history_user, newest.history_change_reason, newest.history_type


def in_state(state: str, team: Team) -> RegulatorInquiry:
    inquiry = letter(team)
    if state == states.ANSWERED:
        return answer(inquiry, team)
    if state == states.WITHDRAWN:
        return withdraw(inquiry, team)
    return inquiry


# --- what the machine forbids ----------------------------------------------------------------
FORBIDDEN = [
    (state, verb) for state in states.INQUIRY for verb in VERBS if verb not in states.INQUIRY[state]
]


def test_every_verb_of_the_machine_is_tried_here() -> None:
    assert {verb for moves in states.INQUIRY.values() for verb in moves} == set(VERBS)


@pytest.mark.parametrize(("state", "verb"), FORBIDDEN)
def test_a_verb_in_a_wrong_state_writes_nothing(team: Team, state: str, verb: str) -> None:
    inquiry = in_state(state, team)
    with refused(ForbiddenTransition, inquiry.number, f"it is {state}"):
        VERBS[verb](inquiry, team)


# --- draft -----------------------------------------------------------------------------------
def test_a_draft_is_kept_with_its_writer(team: Team, inquiry: RegulatorInquiry) -> None:
    draft(inquiry, team, answer="First.\r\nSecond.")
    inquiry.refresh_from_db()
    assert (inquiry.state, inquiry.answer) == ("open", "First.\nSecond.")
    assert trace(inquiry) == (team.clerk, "draft of the answer", "~")
    assert clock_of(inquiry).is_open


def test_a_draft_over_a_text_that_changed_meanwhile_is_refused(
    team: Team, inquiry: RegulatorInquiry
) -> None:
    draft(inquiry, team, answer="Of the clerk.")
    with refused(ChangedMeanwhile, "was changed by somebody else"):
        draft(inquiry, team, answer="Of the DPO.", read="", by=team.dpo)
    draft(inquiry, team, answer="Of both.", read="Of the clerk.\r\n", by=team.dpo)
    inquiry.refresh_from_db()
    assert inquiry.answer == "Of both."


def test_one_click_twice_saves_a_draft_once(team: Team, inquiry: RegulatorInquiry) -> None:
    draft(inquiry, team, answer="Once.")
    count = inquiry.history.count()
    draft(inquiry, team, answer="Once.")
    assert inquiry.history.count() == count


def test_a_draft_may_be_emptied(team: Team, inquiry: RegulatorInquiry) -> None:
    draft(inquiry, team, answer="Nonsense.")
    draft(inquiry, team, answer="", read="Nonsense.")
    inquiry.refresh_from_db()
    assert inquiry.answer == ""


@pytest.mark.parametrize("verb", ["draft", "answer"])
def test_a_text_of_a_megabyte_is_refused(team: Team, inquiry: RegulatorInquiry, verb: str) -> None:
    with refused(AnswerTooLong, "1048576", "100000", "Send the rest as files."):
        VERBS[verb](inquiry, team, answer=MEGABYTE)
    with refused(AnswerTooLong):
        VERBS[verb](inquiry, team, answer="x" * (TEXT_LIMIT + 1))
    VERBS[verb](inquiry, team, answer="x" * TEXT_LIMIT)


# --- answer ----------------------------------------------------------------------------------
def test_an_answer_stops_the_clock(team: Team, inquiry: RegulatorInquiry) -> None:
    draft(inquiry, team, answer="A draft.")
    answer(inquiry, team, read="A draft.", answer="The answer.")
    inquiry.refresh_from_db()
    assert (inquiry.state, inquiry.answer) == ("answered", "The answer.")
    assert (inquiry.sent_at, inquiry.sent_by) == (LATER, team.dpo)
    assert (inquiry.sent_channel, inquiry.proof) == ("email", "outgoing 17")
    clock = clock_of(inquiry)
    assert (clock.met_at, clock.voided_at) == (LATER, None)
    for row in (inquiry, clock):
        assert trace(row) == (team.dpo, "answer sent", "~")


def test_an_answer_on_the_last_day_is_in_time_and_after_midnight_late(
    team: Team, inquiry: RegulatorInquiry
) -> None:
    ends_at = clock_of(inquiry).ends_at
    other = letter(team, reference="2")
    assert ends_at is not None
    minute = timedelta(minutes=1)
    answer(inquiry, team, sent_at=ends_at - minute, now=ends_at)
    answer(other, team, sent_at=ends_at + minute, now=ends_at + minute)
    in_time, late = clock_of(inquiry), clock_of(other)
    assert in_time.met_at < in_time.ends_at
    # Late, and answered all the same: it is no longer among the overdue.
    assert late.met_at > late.ends_at
    assert not Deadline.objects.overdue(ends_at + timedelta(days=9)).exists()


def test_an_answer_is_refused_without_a_text(team: Team, inquiry: RegulatorInquiry) -> None:
    with refused(AnswerMissing, "write the answer before"):
        answer(inquiry, team, answer=" \n ")


def test_an_answer_is_refused_without_its_way(team: Team, inquiry: RegulatorInquiry) -> None:
    with refused(ChannelMissing, "by which way"):
        answer(inquiry, team, sent_channel="")
    with refused(FieldsRefused):
        answer(inquiry, team, sent_channel="pigeon")


def test_an_answer_is_not_older_than_the_inquiry(team: Team, inquiry: RegulatorInquiry) -> None:
    with refused(BeforeReceipt, "older than the inquiry"):
        answer(inquiry, team, sent_at=RECEIVED - timedelta(seconds=1))
    answer(inquiry, team, sent_at=RECEIVED)


def test_an_answer_is_not_of_the_future(team: Team, inquiry: RegulatorInquiry) -> None:
    with refused(NotYet, "in the future"):
        answer(inquiry, team, sent_at=LATER + timedelta(seconds=1))


def test_an_answer_over_a_draft_that_changed_is_refused(
    team: Team, inquiry: RegulatorInquiry
) -> None:
    draft(inquiry, team, answer="New words of the clerk.")
    with refused(ChangedMeanwhile):
        answer(inquiry, team, read="", answer="Old words.")


def test_a_proof_that_is_too_long_is_refused(team: Team, inquiry: RegulatorInquiry) -> None:
    with refused(FieldsRefused, "301"):
        answer(inquiry, team, proof="x" * 301)


# --- prove -----------------------------------------------------------------------------------
def test_a_proof_may_come_later(team: Team, inquiry: RegulatorInquiry) -> None:
    answer(inquiry, team, proof="")
    prove(inquiry, team, proof="receipt 4")
    inquiry.refresh_from_db()
    assert (inquiry.proof, inquiry.state) == ("receipt 4", "answered")
    assert trace(inquiry) == (team.clerk, "proof of sending", "~")
    assert clock_of(inquiry).met_at == LATER


def test_an_empty_or_endless_proof_is_refused(team: Team, inquiry: RegulatorInquiry) -> None:
    answer(inquiry, team)
    with refused(ProofMissing, "what proves the sending"):
        prove(inquiry, team, proof="  ")
    with refused(FieldsRefused):
        prove(inquiry, team, proof="x" * 301)


# --- restate ---------------------------------------------------------------------------------
def test_a_restated_date_moves_the_clock_there_and_back(
    team: Team, inquiry: RegulatorInquiry
) -> None:
    promised = clock_of(inquiry).due_on
    stated = date(2025, 12, 30)
    restate(inquiry, team, stated_on=stated, reason="second letter")
    inquiry.refresh_from_db()
    clock = clock_of(inquiry)
    assert inquiry.stated_on == clock.stated_on == clock.due_on == stated
    assert clock.binding == "stated"
    for row in (inquiry, clock):
        assert trace(row) == (team.dpo, "second letter", "~")
    restate(inquiry, team, stated_on=None, reason="entered wrongly")
    clock = clock_of(inquiry)
    assert (clock.stated_on, clock.due_on, clock.binding) == (None, promised, "promise")
    assert trace(clock) == (team.dpo, "entered wrongly", "~")


def test_a_later_stated_date_moves_nothing_but_is_recorded(
    team: Team, inquiry: RegulatorInquiry
) -> None:
    promised = clock_of(inquiry).due_on
    restate(inquiry, team, stated_on=date(2026, 3, 2))
    clock = clock_of(inquiry)
    assert (clock.stated_on, clock.due_on) == (date(2026, 3, 2), promised)


def test_a_date_is_not_restated_without_a_reason(team: Team, inquiry: RegulatorInquiry) -> None:
    with refused(ReasonMissing, "give the reason"):
        restate(inquiry, team, stated_on=date(2025, 12, 30), reason=" ")


def test_a_date_without_a_calendar_is_not_restated(team: Team, inquiry: RegulatorInquiry) -> None:
    with refused(CalendarMissing, "no year 1999"):
        restate(inquiry, team, stated_on=date(1999, 1, 1))


# --- withdraw --------------------------------------------------------------------------------
def test_a_withdrawn_inquiry_has_no_clock(team: Team, inquiry: RegulatorInquiry) -> None:
    clock = clock_of(inquiry)
    withdraw(inquiry, team)
    inquiry.refresh_from_db()
    clock.refresh_from_db()
    assert (inquiry.state, inquiry.withdrawn_reason) == ("withdrawn", "taken back")
    assert (clock.voided_at, clock.met_at) == (LATER, None)
    for row in (inquiry, clock):
        assert trace(row) == (team.dpo, "taken back", "~")
    with refused(DeadlineClosed, inquiry.number):
        clock_of(inquiry)


def test_nothing_is_withdrawn_without_a_reason(team: Team, inquiry: RegulatorInquiry) -> None:
    with refused(ReasonMissing):
        withdraw(inquiry, team, reason="\n")
    with refused(FieldsRefused):
        withdraw(inquiry, team, reason="x" * 301)


# --- extend ----------------------------------------------------------------------------------
def test_the_law_extends_once(office: Office, without_promises: None) -> None:
    team = office.ipm
    inquiry = letter(team)
    assert clock_of(inquiry).due_on == date(2026, 1, 20)
    extension = extend(inquiry, team)
    clock = clock_of(inquiry)
    assert extension.due_before == date(2026, 1, 20)
    assert extension.due_after == clock.due_on == date(2026, 1, 27)
    assert extension.notice_sent_at == LATER
    assert trace(clock) == (team.dpo, "extended by notice 18", "~")
    assert trace(extension) == (team.dpo, "extended by notice 18", "+")
    with refused(ExtendedAlready, "one extension"):
        extend(inquiry, team)
    # A date that is stated afterwards still binds, and taking it back gives the extension back.
    restate(inquiry, team, stated_on=date(2026, 1, 22))
    assert clock_of(inquiry).due_on == date(2026, 1, 22)
    restate(inquiry, team, stated_on=None)
    assert clock_of(inquiry).due_on == date(2026, 1, 27)


def test_a_promise_is_never_extended(team: Team, inquiry: RegulatorInquiry) -> None:
    with refused(PromiseBinds, "promise"):
        extend(inquiry, team)
    assert not Extension.objects.exists()


def test_a_stated_date_is_not_the_operators_to_extend(
    team: Team, inquiry: RegulatorInquiry
) -> None:
    restate(inquiry, team, stated_on=date(2025, 12, 30))
    with refused(StatedDateBinds):
        extend(inquiry, team)


def test_kazakhstan_has_no_extension(office: Office, without_promises: None) -> None:
    inquiry = letter(office.pandev)
    with refused(NoExtensionInLaw):
        extend(inquiry, office.pandev)


def test_what_an_extension_is_refused_for(office: Office, without_promises: None) -> None:
    team = office.ipm
    inquiry = letter(team)
    ends_at = clock_of(inquiry).ends_at
    assert ends_at == datetime(2026, 1, 20, 21, tzinfo=UTC)
    for changed in ({"reasons": " "}, {"notice_number": ""}):
        with refused(ReasonsMissing):
            extend(inquiry, team, **changed)
    with refused(BeforeReceipt):
        extend(inquiry, team, notice_sent_at=RECEIVED - timedelta(minutes=1))
    with refused(NoticeNotSent):
        extend(inquiry, team, notice_sent_at=LATER + timedelta(minutes=1))
    with refused(ExtensionTooLate):
        extend(inquiry, team, now=ends_at)
    moment = ends_at - timedelta(seconds=1)
    extend(inquiry, team, notice_sent_at=moment, now=moment)


def test_a_recount_keeps_what_others_wrote(team: Team, inquiry: RegulatorInquiry) -> None:
    """A stale copy of the row brings nothing back."""
    stale = RegulatorInquiry.objects.get(pk=inquiry.pk)
    draft(inquiry, team, answer="New.")
    restate(stale, team, stated_on=date(2025, 12, 30))
    stale.refresh_from_db()
    assert (stale.answer, stale.registered_at) == ("New.", NOW)
