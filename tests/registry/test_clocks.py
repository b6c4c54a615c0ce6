"""The verbs of a running clock, each tried where it must work and where it must not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.forms.models import model_to_dict

from registry.deadlines import NaiveTrigger, NoRule
from registry.errors import OperatorError
from registry.models import Absence, Deadline, DeadlineRule, Extension, User
from registry.services.clocks import (
    ClockRunsAlready,
    DeadlineClosed,
    ExtendedAlready,
    ExtensionMovesNothing,
    ExtensionTooLate,
    NoExtensionInLaw,
    NoticeNotSent,
    PromiseBinds,
    ReasonsMissing,
    StatedDateBinds,
    deadline_assign,
    deadline_extend,
    deadline_meet,
    deadline_open,
    deadline_recount,
    deadline_void,
)
from tests.conftest import Office, Team
from tests.registry.test_law import counts

RECEIVED = datetime(2025, 12, 25, 9, tzinfo=UTC)
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
# Ten working days from 25 December end on 20 January, at midnight of Moscow and of Almaty.
ENDS = {
    "": datetime(2026, 1, 20, 21, tzinfo=UTC),
    "Asia/Almaty": datetime(2026, 1, 20, 19, tzinfo=UTC),
}


def start(team: Team, **facts: Any) -> Deadline:
    given: dict[str, Any] = {
        "event": "inquiry_received",
        "effect": "answer_authority",
        "trigger_at": RECEIVED,
        "owner": team.dpo,
        "by": team.clerk,
        "now": RECEIVED,
    }
    return deadline_open(
        operator=team.operator, about=team.operator, label="INQ-1", **(given | facts)
    )


def extend(clock: Deadline, **facts: Any) -> Extension:
    given: dict[str, Any] = {
        "reasons": "The archive is large.",
        "notice_number": "15/26",
        "notice_sent_at": NOW,
        "by": None,
        "now": NOW,
    }
    return deadline_extend(deadline=clock, **(given | facts))


def meet(clock: Deadline, by: User | None = None) -> Deadline:
    return deadline_meet(deadline=clock, met_at=NOW, by=by, reason="answered")


@contextmanager
def refused(error: type[OperatorError]) -> Iterator[None]:
    """The refusal is named, and neither a row nor its history has changed."""

    def state() -> object:
        return counts(), [model_to_dict(row) for row in Deadline.objects.order_by("pk")]

    before = state()
    with pytest.raises(OperatorError) as refusal:
        yield
    assert type(refusal.value) is error
    assert state() == before


@pytest.fixture
def no_promise(db: None) -> None:
    """The promises ended long ago; only the law counts."""
    promises = DeadlineRule.objects.filter(source="promise")
    promises.update(effective_until=date(2024, 12, 31))


def away(team: Team, user: User, substitute: User, first: date, last: date) -> Absence:
    row = Absence(
        operator=team.operator,
        user=user,
        substitute=substitute,
        first_on=first,
        last_on=last,
        order_number="7 of 1 December",
    )
    row.full_clean()
    row.save()
    return row


# Open


def test_a_clock_starts_with_its_dates_steps_and_history(office: Office) -> None:
    clock = start(office.ipm)
    clock.refresh_from_db()
    assert (clock.due_on, clock.internal_on) == (date(2026, 1, 12), date(2025, 12, 30))
    assert (clock.binding, clock.owner) == ("promise", office.ipm.dpo)
    assert clock.ends_at == datetime(2026, 1, 12, 21, tzinfo=UTC)
    assert clock.steps[0][0] == "started_at" and clock.created_at == RECEIVED
    (row,) = clock.history.all()
    assert (row.history_change_reason, row.history_user) == ("clock started", office.ipm.clerk)


def test_overdue_begins_when_the_operators_day_is_over(office: Office) -> None:
    clock, midnight = start(office.ipm), datetime(2026, 1, 12, 21, tzinfo=UTC)
    assert not Deadline.objects.overdue(midnight - SECOND).exists()
    assert list(Deadline.objects.overdue(midnight)) == [clock]


@pytest.mark.parametrize(
    ("instant", "due_on"),
    [
        (datetime(2026, 4, 27, 18, 59, tzinfo=UTC), date(2026, 4, 30)),
        (datetime(2026, 4, 27, 19, 1, tzinfo=UTC), date(2026, 5, 4)),
    ],
)
def test_the_day_of_the_trigger_is_the_operators(
    office: Office, instant: datetime, due_on: date
) -> None:
    clock = start(
        office.pandev, event="request_received", effect="answer", trigger_at=instant, now=instant
    )
    assert clock.due_on == due_on


@pytest.mark.usefixtures("no_promise")
def test_without_the_stated_date_there_is_no_date_until_it_comes(office: Office) -> None:
    clock = start(office.pandev)
    assert (clock.due_on, clock.ends_at, clock.binding) == (None, None, "")
    assert ["stated_day_missing", {}] in clock.steps
    clock = deadline_recount(deadline=clock, by=None, reason="letter", stated_on=date(2026, 1, 15))
    assert (clock.due_on, clock.binding) == (date(2026, 1, 15), "stated")
    assert clock.ends_at == datetime(2026, 1, 15, 19, tzinfo=UTC)
    clock = deadline_recount(deadline=clock, by=None, reason="misread", stated_on=None)
    assert (clock.due_on, clock.ends_at) == (None, None)
    reasons = clock.history.values_list("history_change_reason", flat=True)
    assert list(reasons) == ["misread", "letter", "clock started"]


def test_counting_again_without_a_change_leaves_no_trace(office: Office) -> None:
    clock = start(office.ipm)
    deadline_recount(deadline=clock, by=None, reason="again")
    assert clock.history.count() == 1


def test_an_event_that_no_rule_answers_is_refused(office: Office) -> None:
    with refused(NoRule):
        start(office.pandev, event="marketing_stop_demanded", effect="stop_marketing")


def test_a_trigger_without_a_zone_is_refused(office: Office) -> None:
    with refused(NaiveTrigger):
        start(office.ipm, trigger_at=datetime(2025, 12, 25, 9))


def test_one_duty_has_one_clock_until_it_is_void(office: Office) -> None:
    clock = start(office.ipm)
    with refused(ClockRunsAlready):
        start(office.ipm)
    deadline_void(deadline=clock, by=None, reason="by mistake", now=NOW)
    assert start(office.ipm).pk != clock.pk


# Meet, void, and what is closed


def test_met_and_void_close_a_clock(office: Office) -> None:
    met, void = start(office.ipm), start(office.pandev)
    meet(met, office.ipm.dpo)
    deadline_void(deadline=void, by=office.pandev.dpo, reason="withdrawn", now=NOW)
    met.refresh_from_db()
    void.refresh_from_db()
    assert (met.met_at, met.voided_at) == (NOW, None)
    assert (void.met_at, void.voided_at) == (None, NOW)
    assert not Deadline.objects.open().exists()
    last = void.history.first()
    assert (last.history_change_reason, last.history_user) == ("withdrawn", office.pandev.dpo)


VERBS: dict[str, Callable[[Deadline], Any]] = {
    "meet": meet,
    "void": lambda clock: deadline_void(deadline=clock, by=None, reason="x", now=NOW),
    "extend": extend,
    "assign": lambda clock: deadline_assign(
        deadline=clock, owner=None, by=None, now=NOW, reason="x"
    ),
    "recount": lambda clock: deadline_recount(deadline=clock, by=None, reason="x"),
}


@pytest.mark.parametrize("closed_by", ["meet", "void"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_closed_clock_refuses_every_verb(office: Office, verb: str, closed_by: str) -> None:
    clock = start(office.ipm)
    VERBS[closed_by](clock)
    with refused(DeadlineClosed):
        VERBS[verb](clock)


# Extend


@pytest.mark.usefixtures("no_promise")
def test_the_law_extends_once(office: Office) -> None:
    clock = start(office.ipm)
    assert (clock.due_on, clock.binding) == (date(2026, 1, 20), "statute")
    extension = extend(clock, by=office.ipm.dpo)
    clock.refresh_from_db()
    assert (extension.due_before, extension.due_after) == (date(2026, 1, 20), date(2026, 1, 27))
    assert (clock.due_on, clock.ends_at) == (
        date(2026, 1, 27), datetime(2026, 1, 27, 21, tzinfo=UTC),
    )  # fmt: skip
    assert ["extended", {}] in clock.steps
    for row in (clock.history.first(), extension.history.first()):
        assert row.history_change_reason == "extended by notice 15/26"
        assert row.history_user == office.ipm.dpo
    with refused(ExtendedAlready):
        extend(clock)
    # A later count keeps the extension.
    assert deadline_recount(deadline=clock, by=None, reason="x").due_on == date(2026, 1, 27)


@pytest.mark.usefixtures("no_promise")
@pytest.mark.parametrize("zone", ENDS)
def test_an_extension_comes_before_midnight(office: Office, zone: str) -> None:
    office.ipm.operator.time_zone = zone
    office.ipm.operator.save()
    clock = start(office.ipm)
    ends = ENDS[zone]
    assert clock.ends_at == ends
    for late in (ends, ends + SECOND):
        with refused(ExtensionTooLate):
            extend(clock, now=late, notice_sent_at=late - timedelta(hours=1))
    with refused(NoticeNotSent):
        extend(clock, now=ends - SECOND, notice_sent_at=ends + SECOND)
    extend(clock, now=ends - SECOND, notice_sent_at=ends - SECOND)


@pytest.mark.usefixtures("no_promise")
@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"reasons": " "}, ReasonsMissing),
        ({"notice_number": ""}, ReasonsMissing),
        ({"notice_sent_at": NOW + SECOND}, NoticeNotSent),
    ],
)
def test_an_extension_needs_a_sent_notice_with_reasons(
    office: Office, facts: dict[str, Any], error: type[OperatorError]
) -> None:
    clock = start(office.ipm)
    with refused(error):
        extend(clock, **facts)


def test_a_promise_is_never_extended(office: Office) -> None:
    for team in (office.ipm, office.pandev):
        clock = start(team)
        with refused(PromiseBinds):
            extend(clock)


def test_an_extension_ends_at_the_promise(office: Office) -> None:
    # The law's term ends first; its extension would pass the promise of the 12th.
    DeadlineRule.objects.filter(code="RU.REG.INQUIRY").update(length=2)
    clock = start(office.ipm)
    assert (clock.due_on, clock.binding) == (date(2025, 12, 29), "statute")
    sent = datetime(2025, 12, 28, 9, tzinfo=UTC)
    extension = extend(clock, notice_sent_at=sent, now=sent)
    clock.refresh_from_db()
    assert extension.due_after == clock.due_on == date(2026, 1, 12)
    assert clock.binding == "promise"


def test_where_law_and_promise_end_together_nothing_is_extended(office: Office) -> None:
    DeadlineRule.objects.filter(code="PROMISE.IPM.3_2").update(length=10, unit="working_day")
    clock = start(office.ipm)
    assert clock.binding == "statute"
    with refused(PromiseBinds):
        extend(clock)


@pytest.mark.usefixtures("no_promise")
@pytest.mark.parametrize("stated_on", [date(2026, 1, 19), date(2026, 1, 20)])
def test_a_stated_date_is_never_extended(office: Office, stated_on: date) -> None:
    clock = start(office.ipm, stated_on=stated_on)
    assert clock.due_on == stated_on
    with refused(StatedDateBinds):
        extend(clock)


@pytest.mark.usefixtures("no_promise")
def test_kazakhstan_knows_no_extension(office: Office) -> None:
    undated = start(office.pandev)
    with refused(NoExtensionInLaw):
        extend(undated)
    dated = start(office.pandev, event="consent_withdrawn", effect="stop_or_refuse",
                  trigger_at=datetime(2026, 1, 26, 9, tzinfo=UTC))  # fmt: skip
    with refused(NoExtensionInLaw):
        extend(dated)


@pytest.mark.usefixtures("no_promise")
def test_an_extension_that_moves_nothing_is_refused(office: Office) -> None:
    # 30 days end on 7 January, in the holidays; one more day ends in them too.
    DeadlineRule.objects.filter(code="RU.REG.INQUIRY").update(
        length=13, unit="calendar_day", extension_length=1, extension_unit="calendar_day"
    )
    clock = start(office.ipm)
    assert clock.due_on == date(2026, 1, 12)
    with refused(ExtensionMovesNothing):
        extend(clock)


# Two at once


def at_once(*verbs: Callable[[], Any]) -> list[Any]:
    """What each verb gave, or the refusal it met, when all begin together."""
    ready, found = threading.Barrier(len(verbs)), []

    def run(verb: Callable[[], Any]) -> None:
        try:
            ready.wait(10)
            found.append(verb())
        except OperatorError as error:
            found.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[verb]) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_wins(live_office: Office) -> None:
    promises = DeadlineRule.objects.filter(source="promise")
    promises.update(effective_until=date(2024, 12, 31))
    clock = start(live_office.ipm)
    found = at_once(lambda: extend(clock), lambda: extend(clock))
    assert sorted(type(one).__name__ for one in found) == ["ExtendedAlready", "Extension"]
    assert Extension.objects.count() == 1 and clock.history.count() == 2
    found = at_once(lambda: meet(clock), lambda: meet(clock), lambda: meet(clock))
    assert sorted(type(one).__name__ for one in found) == [
        "Deadline", "DeadlineClosed", "DeadlineClosed",
    ]  # fmt: skip
    assert clock.history.count() == 3
    found = at_once(lambda: start(live_office.pandev), lambda: start(live_office.pandev))
    assert sorted(type(one).__name__ for one in found) == ["ClockRunsAlready", "Deadline"]
