"""Refusing a demand, barring it by an obligation, closing a request."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from registry.models import Deadline
from registry.states import ForbiddenTransition
from requests.models import RequestItem
from requests.models.subject_requests import Decision, RequestKind
from requests.refusals import UnknownRefusal, refusals
from requests.services.closing import NoClockRuns, NothingToDraft, StillHeld
from requests.services.deciding import (
    ActivityMissing,
    BeforeDecision,
    NotBarredInThisLaw,
    ReasonsTooLong,
    RefusalWithoutReasons,
)
from requests.services.inquiries import NotYet
from requests.services.writing import letter_draft, letter_send
from subjects.models import Consent, DestructionAct, Stop
from subjects.services.acts import act_cancel
from tests.conftest import Office
from tests.requests.asking import (
    BOTH,
    DESTRUCTION,
    LATER,
    MUCH_LATER,
    WITHDRAWAL,
    accept,
    again,
    asked,
    assign,
    bar,
    close,
    destroy_all,
    draft,
    item_of,
    met,
    open_grounds,
    receive,
    refuse,
    refused,
    team_of,
    without_other_ground,
)


# --- refused, barred -------------------------------------------------------------------------
@BOTH
def test_a_refusal_has_a_ground_of_the_law_and_reasons(office: Office, code: str) -> None:
    team = team_of(office, code)
    request = receive(team)
    item = item_of(request)
    own = {"pandev": "KZ", "ipm": "RU"}[code]
    for found in refusals().values():
        fits = found.jurisdiction == own and "withdrawal" in found.kinds and not found.bars
        if not fits:
            with refused(UnknownRefusal):
                refuse(item, team, refusal=found.code)
    with refused(RefusalWithoutReasons):
        refuse(item, team, reasons=" \r\n ")
    with refused(ReasonsTooLong):
        refuse(item, team, reasons="x" * 5_001)
    refuse(item, team)
    item = item_of(request)
    assert (item.decision, item.done_at, item.decided_by) == ("refused", LATER, team.dpo)
    assert again(request).state == "decided"
    with refused(ForbiddenTransition):
        refuse(item, team)
    with refused(ForbiddenTransition):
        accept(item, team)


def test_a_barred_withdrawal_stops_marketing_at_once_and_comes_back(office: Office) -> None:
    team = office.pandev
    known, request = asked(team, verified=False)
    item = item_of(request)
    with refused(ActivityMissing):
        bar(item, team, no_marketing=False)
    with refused(ActivityMissing):
        bar(item, team, activities=[known.grounds[1].activity])
    with refused(RefusalWithoutReasons):
        bar(item, team, reasons="")
    bar(item, team, activities=[known.grounds[1].activity], no_marketing=False)
    item.refresh_from_db()
    assert (item.decision, item.refusal) == ("barred", "KZ.8.2.OBLIGATION")
    assert again(request).state == "waiting"
    # Marketing is over, the rest of the consents goes on.
    assert open_grounds(known) == {known.grounds[0].pk, known.grounds[2].pk}
    first = Deadline.objects.get()
    assert first.met_at == LATER
    # Months later the obligation is met: the withdrawal has a clock of its own.
    moment = datetime(2026, 9, 1, 9, tzinfo=LATER.tzinfo)
    for wrong, refusal in ((LATER - timedelta(seconds=1), BeforeDecision),
                           (moment + timedelta(seconds=1), NotYet)):  # fmt: skip
        with refused(refusal):
            met(item, team, met_at=wrong, now=moment)
    back = met(item, team, met_at=moment, now=moment)
    assert again(request).state == "in_work"
    assert (back.follows, back.kind, back.received_at) == (item, "withdrawal", moment)
    assert RequestItem.objects.get(pk=item.pk).decision == "refused"
    clock = back.deadlines.get()
    assert (clock.trigger_at, clock.met_at) == (moment, None)
    with refused(ForbiddenTransition):
        met(item, team, met_at=moment, now=moment)
    accept(item_of(request), team, now=moment)
    consent = Consent.objects.get(pk=known.consents[0].pk)
    assert consent.withdrawn_at == moment


def test_only_a_withdrawal_in_kazakhstan_can_be_barred(office: Office) -> None:
    _known, request = asked(office.ipm)
    with refused(NotBarredInThisLaw):
        bar(item_of(request), office.ipm)
    _known, request = asked(office.pandev, DESTRUCTION)
    with refused(NotBarredInThisLaw):
        bar(item_of(request), office.pandev)


def test_a_request_that_waits_goes_on_with_what_is_open(office: Office) -> None:
    team = office.pandev
    _known, request = asked(team, WITHDRAWAL, DESTRUCTION)
    bar(item_of(request, "withdrawal"), team)
    assert again(request).state == "in_work"
    met(item_of(request, "withdrawal"), team)
    assert again(request).state == "in_work"
    assert [row.decision for row in request.items.order_by("pk")] == ["refused", "open", "open"]


def test_an_act_that_was_cancelled_is_drafted_again(office: Office) -> None:
    team = office.pandev
    known, request = asked(team)
    with refused(NothingToDraft):
        draft(request, team)
    without_other_ground(known)
    accept(item_of(request), team)
    (act,) = DestructionAct.objects.all()
    with refused(NothingToDraft):
        draft(request, team)
    act_cancel(act=act, reason="wrong room", by=team.dpo, now=LATER)
    (again_drafted,) = draft(request, team)
    assert (again_drafted.label, again_drafted.state) == (request.number, "drafted")
    assert again_drafted.items.count() == act.items.count()


# --- closed ----------------------------------------------------------------------------------
def test_a_request_is_closed_when_all_is_decided_and_gone(office: Office) -> None:
    team = office.ipm
    known, request = asked(team)
    with refused(ForbiddenTransition):
        close(request, team)
    accept(item_of(request), team)
    with refused(StillHeld, "2 data"):
        close(request, team)
    gone_at = LATER + timedelta(days=3)
    destroy_all(known, team, gone_at)
    close(request, team, now=MUCH_LATER)
    request = again(request)
    assert (request.state, request.ended_at) == ("done", MUCH_LATER)
    # Met when the data went, in time, though the request was closed after the term.
    clock = item_of(request).deadlines.get()
    assert clock.met_at == gone_at == item_of(request).done_at
    assert clock.ends_at is not None and clock.ends_at < MUCH_LATER
    assert not Stop.objects.filter(ended_at=None).exists()
    with refused(ForbiddenTransition):
        close(request, team)
    with refused(ForbiddenTransition):
        assign(request, team)


def test_a_duty_to_stop_is_met_by_the_decision(office: Office) -> None:
    team = office.pandev
    known, request = asked(team)
    without_other_ground(known)
    accept(item_of(request), team)
    destroy_all(known, team)
    close(request, team, now=MUCH_LATER)
    assert item_of(request).deadlines.get().met_at == LATER


@pytest.mark.parametrize("told", [True, False])
def test_a_refusal_is_in_time_by_its_letter(office: Office, told: bool) -> None:
    """What is decided in a drawer refuses nothing; the closing letter tells it at the latest."""
    request = receive(office.ipm)
    refuse(item_of(request), office.ipm)
    sent_at = LATER + timedelta(hours=3)
    if told:
        letter = letter_draft(
            subject_request=again(request), kind="decision", way="page", by=office.ipm.dpo,
            now=LATER,
        )  # fmt: skip
        letter_send(letter=letter, by=office.ipm.dpo, now=sent_at)
    close(request, office.ipm, now=MUCH_LATER)
    assert Deadline.objects.get().met_at == (sent_at if told else MUCH_LATER)


def test_when_no_clock_runs_nobody_is_given_one(office: Office) -> None:
    request = receive(office.pandev)
    _known, request = asked(office.pandev)
    bar(item_of(request), office.pandev)
    with refused(NoClockRuns):
        assign(request, office.pandev)


# --- data ------------------------------------------------------------------------------------
def test_every_refusal_is_whole_in_three_languages() -> None:
    kinds = set(RequestKind.values)
    for code, found in refusals().items():
        assert code.startswith(f"{found.jurisdiction}.")
        assert found.article and set(found.kinds) <= kinds
        assert len({found.text(language) for language in ("ru", "kk", "en")}) == 3
    assert {found.code for found in refusals().values() if found.bars} == {"KZ.8.2.OBLIGATION"}
    assert set(Decision.values) == {"open", "accepted", "partly", "refused", "barred"}
