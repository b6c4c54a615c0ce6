"""What ends a transfer: the ban of the authority, its question on the way, its own end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from registry.choices import Effect, Event
from registry.models import (
    Deadline,
    Reminder,
    Transfer,
)
from registry.services import audit
from registry.services.reminders import remind
from registry.services.transfer_authority import (
    answer_extend,
    authority_answered,
    authority_asked,
    ban_carry_out,
)
from registry.services.transfer_gates import (
    gate_state,
    steps_of_transfer,
)
from registry.services.transfers import transfer_end
from registry.transfer_refusals import (
    AuthorityWaits,
    BanNotOfThisLaw,
    DocumentMissing,
    EndsBeforeItOpened,
    NoQuestionOpen,
    NotBannedYet,
    QuestionBeforeNotice,
    RecipientCountryUnknown,
    StepInFuture,
    TransferBanned,
    TransferFieldsRefused,
    TransferIsOver,
    WaitingPeriodRuns,
)
from registry.transfer_steps import Look
from tests.conftest import Office, Team
from tests.registry.consenting import ready
from tests.registry.transferring import (
    FILED_ON,
    OPENS_ON,
    assess,
    at_step,
    ban,
    file,
    inform,
    noon,
    open_,
    plan,
    prepared,
    refused,
)

DAY = timedelta(days=1)
TUESDAY = date(2026, 1, 20)  # the tenth working day after the notice


@pytest.fixture
def ipm(office: Office) -> Team:
    return prepared(office.ipm)


@pytest.fixture
def pandev(office: Office) -> Team:
    return prepared(ready(office.pandev))


# --- the authority -----------------------------------------------------------------------------
@pytest.mark.parametrize("step", ["planned", "collecting", "assessed", "filed", "open"])
def test_a_ban_closes_it_at_every_step_and_for_good(ipm: Team, step: str) -> None:
    row = at_step(step, ipm)
    day = OPENS_ON + DAY * 2
    was_open = row.open_on(day)
    row = ban(row, ipm, day)
    assert (was_open, row.open_on(day - DAY), row.open_on(day)) == (
        step == "open", step == "open", False,
    )  # fmt: skip
    assert gate_state(row, day) == "banned"
    clock = Deadline.objects.get(event=Event.TRANSFER_BANNED)
    assert (clock.statute.code, clock.ends_at) == ("RU.XBORDER.BAN", noon(ipm, day))
    waiting = Deadline.objects.filter(event=Event.AUTHORITY_RECEIVED_TRANSFER_NOTICE)
    assert not waiting.open().exists()
    common = {"transfer": row, "by": ipm.dpo, "now": noon(ipm, day)}
    for act in (
        lambda: inform(row, ipm, "measures"),
        lambda: assess(row, ipm),
        lambda: file(row, ipm),
        lambda: open_(row, ipm, day),
        lambda: ban(row, ipm, day),
        lambda: transfer_end(ended_on=day, **common),
    ):
        refused(TransferBanned, act, row)
    looks = {one.look for one in steps_of_transfer(row, day)}
    assert Look.NEXT not in looks and Look.STOPPED in looks
    refused(DocumentMissing, lambda: ban_carry_out(document="", **common), row)
    ban_carry_out(document="letter 9", **common)
    clock.refresh_from_db()
    assert clock.met_at == noon(ipm, day)


def test_a_ban_names_its_document_and_its_day(ipm: Team) -> None:
    row = at_step("filed", ipm)
    refused(DocumentMissing, lambda: ban(row, ipm, OPENS_ON, document=" "), row)
    refused(TransferFieldsRefused, lambda: ban(row, ipm, OPENS_ON, document="x" * 301), row)
    refused(StepInFuture, lambda: ban(row, ipm, OPENS_ON, now=noon(ipm, TUESDAY, 23, 59)), row)
    assert ban(row, ipm, OPENS_ON, now=noon(ipm, OPENS_ON, 0, 1)).banned_on == OPENS_ON
    row = at_step("planned", ipm)
    common = {"transfer": row, "document": "1", "by": ipm.dpo, "now": noon(ipm, OPENS_ON)}
    refused(NotBannedYet, lambda: ban_carry_out(**common), row)


def test_a_ban_closes_it_though_the_responsible_person_has_left(ipm: Team) -> None:
    row = at_step("filed", ipm)
    ipm.dpo.is_active = False
    audit.save(ipm.dpo, by=None, reason="left")
    assert ban(row, ipm, OPENS_ON).banned_on == OPENS_ON
    assert Deadline.objects.get(event=Event.TRANSFER_BANNED).owner is None


def test_a_ban_of_what_was_notified_needs_no_country(ipm: Team) -> None:
    row = at_step("filed", ipm)
    row.recipient.country = None
    audit.save(row.recipient, by=None, reason="unclear")
    refused(RecipientCountryUnknown, lambda: open_(row, ipm), row)
    assert ban(row, ipm, OPENS_ON).banned_on == OPENS_ON


def test_only_a_cross_border_transfer_of_russia_is_banned(ipm: Team, pandev: Team) -> None:
    for team, country in ((pandev, "US"), (pandev, "KZ"), (ipm, "RU")):
        row = plan(team, country)
        refused(BanNotOfThisLaw, lambda row=row, team=team: ban(row, team, OPENS_ON), row)


def ask(row: Transfer, team: Team, day: date, **changes: Any) -> Deadline:
    asked: dict[str, Any] = {
        "transfer": row, "asked_at": noon(team, day), "document": "query 3", "by": team.dpo,
        "now": noon(team, day, 18),
    }  # fmt: skip
    return authority_asked(**asked | changes)


def answer(row: Transfer, team: Team, day: date, **changes: Any) -> Transfer:
    asked: dict[str, Any] = {
        "transfer": row, "answered_at": noon(team, day), "document": "answer 3", "by": team.dpo,
        "now": noon(team, day, 18),
    }  # fmt: skip
    return authority_answered(**asked | changes)


def test_a_question_of_the_authority_stops_the_waiting_until_the_answer(ipm: Team) -> None:
    row = at_step("filed", ipm)
    # Two working days of review are over on Monday 29.12; asked on Tuesday 30.12, eight are left.
    clock = ask(row, ipm, date(2025, 12, 30))
    assert (clock.statute.code, clock.effect) == ("RU.XBORDER.INFO", Effect.ANSWER_AUTHORITY)
    assert clock.due_on == date(2026, 1, 23)
    assert gate_state(row, OPENS_ON) == "filed"
    assert "question" in [one.code for one in steps_of_transfer(row, OPENS_ON)]
    refused(AuthorityWaits, lambda: open_(row, ipm), row)
    row = answer(row, ipm, date(2026, 1, 14))
    # 15, 16, 19, 20, 21, 22, 23, 26 January: the eight that were left.
    assert row.opens_on == date(2026, 1, 27)
    assert gate_state(row, date(2026, 1, 26)) == "waiting"
    refused(WaitingPeriodRuns, lambda: open_(row, ipm, date(2026, 1, 26)), row)
    assert open_(row, ipm, date(2026, 1, 27)).opened_on == date(2026, 1, 27)
    clock.refresh_from_db()
    assert clock.met_at == noon(ipm, date(2026, 1, 14))
    refused(NoQuestionOpen, lambda: answer(row, ipm, date(2026, 1, 28)), row)


def test_asked_on_the_day_of_the_notice_ten_days_are_left_and_not_eleven(ipm: Team) -> None:
    row = at_step("filed", ipm)
    ask(row, ipm, FILED_ON)
    assert answer(row, ipm, FILED_ON).opens_on == OPENS_ON
    asked_next = at_step("filed", ipm)
    ask(asked_next, ipm, FILED_ON + DAY)
    # The day of the question and that of the answer are left out.
    assert answer(asked_next, ipm, FILED_ON + DAY).opens_on == OPENS_ON + DAY


def test_a_question_after_the_waiting_period_stops_nothing(ipm: Team) -> None:
    row = at_step("filed", ipm)
    ask(row, ipm, TUESDAY)
    assert gate_state(row, OPENS_ON) == "filed"  # asked on its last day, it does
    row = at_step("filed", ipm)
    ask(row, ipm, OPENS_ON)
    assert gate_state(row, OPENS_ON) == "ready"
    looks = {one.code: one.look for one in steps_of_transfer(row, OPENS_ON)}
    assert (looks["waiting"], looks["question"], looks["open"]) == (
        Look.DONE, Look.NOTE, Look.NEXT,
    )  # fmt: skip
    assert open_(row, ipm, OPENS_ON).opened_on == OPENS_ON


def test_questions_out_of_order_are_refused(ipm: Team) -> None:
    row = at_step("assessed", ipm)
    refused(QuestionBeforeNotice, lambda: ask(row, ipm, FILED_ON), row)
    file(row, ipm)
    refused(QuestionBeforeNotice, lambda: ask(row, ipm, FILED_ON - DAY), row)
    refused(NoQuestionOpen, lambda: answer(row, ipm, FILED_ON), row)
    refused(DocumentMissing, lambda: ask(row, ipm, FILED_ON, document=""), row)
    later = noon(ipm, FILED_ON, 11)
    refused(StepInFuture, lambda: ask(row, ipm, FILED_ON, now=later), row)
    ask(row, ipm, FILED_ON)
    refused(StepInFuture, lambda: answer(row, ipm, FILED_ON, now=later), row)
    early = {"answered_at": later, "now": noon(ipm, FILED_ON, 18)}
    refused(NoQuestionOpen, lambda: answer(row, ipm, FILED_ON, **early), row)


def test_the_answer_is_extended_once_by_a_notice(ipm: Team) -> None:
    row = at_step("filed", ipm)
    day = date(2025, 12, 30)
    ask(row, ipm, day)
    extension = answer_extend(
        transfer=row, reasons="the recipient is slow", notice_number="8",
        notice_sent_at=noon(ipm, day), by=ipm.dpo, now=noon(ipm, day, 18),
    )  # fmt: skip
    assert (extension.due_before, extension.due_after) == (date(2026, 1, 23), date(2026, 1, 30))


# --- the end -----------------------------------------------------------------------------------
def end(row: Transfer, team: Team, day: date, **changes: Any) -> Transfer:
    asked = {"transfer": row, "ended_on": day, "by": team.dpo, "now": noon(team, day)}
    return transfer_end(**asked | changes)


def test_the_last_day_is_the_last_on_which_data_go(ipm: Team) -> None:
    row = at_step("open", ipm)
    refused(EndsBeforeItOpened, lambda: end(row, ipm, OPENS_ON - DAY), row)
    refused(
        StepInFuture,
        lambda: end(row, ipm, OPENS_ON + DAY, now=noon(ipm, OPENS_ON, 23, 59)),
        row,
    )
    row = end(row, ipm, OPENS_ON + DAY)
    assert [row.open_on(OPENS_ON + DAY * n) for n in (0, 1, 2)] == [True, True, False]
    assert gate_state(row, OPENS_ON) == "ended"
    refused(TransferIsOver, lambda: end(row, ipm, OPENS_ON + DAY), row)
    refused(TransferIsOver, lambda: open_(row, ipm, OPENS_ON + DAY), row)


def test_a_transfer_that_is_given_up_waits_for_nothing(ipm: Team) -> None:
    row = end(at_step("filed", ipm), ipm, FILED_ON)
    assert Deadline.objects.get().voided_at is not None
    assert not row.open_on(FILED_ON)


# --- the clock demands nothing -----------------------------------------------------------------
def test_nobody_is_reminded_of_a_day_before_which_nothing_may_happen(ipm: Team) -> None:
    at_step("filed", ipm)
    clock = Deadline.objects.get()
    for day in (TUESDAY, OPENS_ON, OPENS_ON + DAY * 30):
        assert remind(now=noon(ipm, day))["reminders"] == 0
        assert clock not in Deadline.objects.overdue(noon(ipm, day))
    assert not Reminder.objects.exists()
    # A duty of the same day does remind.
    row = at_step("filed", ipm)
    ask(row, ipm, FILED_ON)
    assert remind(now=noon(ipm, TUESDAY))["reminders"] > 0
