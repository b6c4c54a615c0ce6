"""The filing of notices: its refusals, the authority's entry, and the clocks that follow."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from registry.choices import Event
from registry.choices import RegisterPaperKind as Kind
from registry.models import (
    Deadline,
    Filing,
    ProcessingActivity,
    Purpose,
    RegisterPaper,
)
from registry.notice_refusals import (
    ChangeAfterEnd,
    EntryBeforeFiling,
    EntryDocumentMissing,
    EntryInFuture,
    EntryNotAwaited,
    FiledBeforeSigned,
    FiledInFuture,
    FilingNumberMissing,
    FilingRefused,
    NoSuchNotice,
    NoticeFiledTwice,
    NoticeUnsigned,
)
from registry.services.notices import notice_entered, notice_file, notice_in_force
from tests.conftest import Office, Team
from tests.registry.noticing import (
    FILED_ON,
    SAID,
    at,
    clocks,
    drafted,
    filed,
    local_day,
    notified,
    rule_of,
    saved,
    signed,
    watched,
    whole,
)
from tests.registry.transferring import noon

DAY = timedelta(days=1)
LATER = date(2026, 1, 31)
ACTIVITY = "email_information"
END = {"ceased_on": "2026-01-30", "reason": "Бизнес закрыт"}
ITEMS = ["1", "2", "7", "7.1", "8", "9", "10", "10.1", "10.2", "11"]


@pytest.fixture
def ipm(office: Office) -> Team:
    return whole(office.ipm)


@pytest.fixture
def pandev(office: Office) -> Team:
    return whole(office.pandev)


def activity(team: Team) -> ProcessingActivity:
    return ProcessingActivity.objects.get(operator=team.operator, code=ACTIVITY)


def only_purpose(team: Team) -> Purpose:
    return Purpose.objects.get(operator=team.operator, code=ACTIVITY)


# --- start: what it says -----------------------------------------------------------------------
# --- filing ------------------------------------------------------------------------------------
def test_filing_a_start_watches_the_authority_for_thirty_days(ipm: Team) -> None:
    paper = signed(drafted(ipm, FILED_ON), ipm, FILED_ON)
    filing = filed(paper, ipm, FILED_ON, " RKN-1 ")
    assert (filing.reference, filing.filed_on, filing.recorded_by) == ("RKN-1", FILED_ON, ipm.dpo)
    (clock,) = Deadline.objects.filter(operator=ipm.operator)
    assert (clock.event, clock.effect, rule_of(clock)) == (
        "authority_received_notice", "registered_by_authority", "RU.NOTIFY.REGISTER",
    )  # fmt: skip
    assert (clock.about, clock.owner, clock.label) == (paper, ipm.dpo, paper.number)
    assert local_day(clock.trigger_at, ipm) == FILED_ON
    # It is the authority's own term: expected by the 12th, and never the operator's due day.
    assert clock.due_on is None
    assert clock.steps[-1] == ["watch_expected", {"day": "2026-01-12"}]
    assert notice_in_force(ipm.operator) == paper


def test_the_authoritys_entry_ends_the_watch(ipm: Team) -> None:
    paper = notified(ipm)
    entered = FILED_ON + DAY * 9

    def enter(day: date = entered, document: str = "77-25-1", **more: Any) -> Deadline:
        with at(ipm, entered) as now:
            asked: dict[str, Any] = {
                "paper": paper,
                "entered_on": day,
                "document": document,
                "by": ipm.dpo,
            }
            return notice_entered(**asked | {"now": now} | more)

    with pytest.raises(EntryInFuture):
        enter(entered + DAY)
    with pytest.raises(EntryBeforeFiling):
        enter(FILED_ON - DAY)
    with pytest.raises(EntryDocumentMissing):
        enter(document=" ")
    clock = enter(entered - DAY)
    assert clock.met_at is not None and local_day(clock.met_at, ipm) == entered - DAY
    assert "77-25-1" in clock.history.first().history_change_reason
    with pytest.raises(EntryNotAwaited):
        enter()


def test_what_cannot_be_filed(ipm: Team) -> None:
    draft = drafted(ipm, FILED_ON)
    with pytest.raises(NoticeUnsigned):
        filed(draft, ipm, FILED_ON)
    paper = signed(draft, ipm, FILED_ON + DAY)
    for day, changes, error in (
        (FILED_ON, {}, FiledBeforeSigned),
        (FILED_ON + DAY, {"reference": " "}, FilingNumberMissing),
        (FILED_ON + DAY, {"reference": "7" * 101}, FilingRefused),
        (FILED_ON + DAY, {"filed_on": FILED_ON + DAY * 2}, FiledInFuture),
    ):
        with pytest.raises(error):
            filed(paper, ipm, day, **changes)
    assert not Filing.objects.exists() and not Deadline.objects.exists()
    filed(paper, ipm, FILED_ON + DAY)
    with pytest.raises(NoticeFiledTwice):
        filed(paper, ipm, FILED_ON + DAY * 2, "RKN-2")
    assert Filing.objects.get().reference == "RKN-1"
    other = RegisterPaper.objects.create(
        operator=ipm.operator, kind=Kind.DATA_LIST, number="X", made_at=paper.made_at
    )
    with pytest.raises(NoSuchNotice):
        filed(other, ipm, FILED_ON + DAY)


def test_the_day_of_filing_is_the_operators_own_on_both_sides_of_midnight(ipm: Team) -> None:
    paper = signed(drafted(ipm, FILED_ON), ipm, FILED_ON)
    asked: dict[str, Any] = {
        "paper": paper,
        "filed_on": FILED_ON + DAY,
        "reference": "1",
        "by": ipm.dpo,
    }
    with at(ipm, FILED_ON, 23, 59) as late, pytest.raises(FiledInFuture):
        notice_file(now=late, **asked)
    with at(ipm, FILED_ON + DAY, 0, 1) as early:
        assert notice_file(now=early, **asked).filed_on == FILED_ON + DAY


def test_a_filing_never_changes(ipm: Team) -> None:
    notified(ipm)
    with pytest.raises(DatabaseError), transaction.atomic():
        Filing.objects.update(reference="other")
    with pytest.raises(DatabaseError), transaction.atomic():
        Filing.objects.all().delete()


def test_the_notice_in_force_is_the_last_that_was_filed(ipm: Team) -> None:
    assert notice_in_force(ipm.operator) is None
    start = notified(ipm)
    saved(ipm.operator, phone="+7 495 111-11-11")
    change = notified(ipm, LATER, Kind.NOTICE_CHANGE)
    assert notice_in_force(ipm.operator) == change != start
    notified(ipm, LATER, Kind.NOTICE_END, **END)
    assert notice_in_force(ipm.operator) is None
    again = notified(ipm, LATER + DAY)
    assert notice_in_force(ipm.operator) == again


def test_a_filed_end_meets_its_clock_and_voids_that_of_changes(ipm: Team) -> None:
    notified(ipm)
    with at(ipm, LATER - DAY * 3):
        saved(ipm.operator, phone="+7 495 111-11-11")
    watched(ipm, LATER - DAY * 2)
    (change,) = clocks(ipm, Event.PARTICULARS_CHANGED)
    end = notified(ipm, LATER, Kind.NOTICE_END, **END)
    (ceased,) = clocks(ipm, Event.PROCESSING_CEASED)
    change.refresh_from_db()
    assert change.voided_at is not None and end.number in (
        change.history.first().history_change_reason
    )
    assert ceased.about == end and ceased.met_at is not None
    assert rule_of(ceased) == "RU.NOTIFY.CEASE" and ceased.due_on == date(2026, 2, 13)
    assert watched(ipm, LATER + DAY * 40)["started"] == 0


def test_a_late_record_of_an_earlier_filing_leaves_the_newer_notice_its_clock(ipm: Team) -> None:
    first = signed(drafted(ipm, FILED_ON), ipm, FILED_ON)
    second = signed(drafted(ipm, FILED_ON), ipm, FILED_ON)
    filed(second, ipm, FILED_ON + DAY * 2)
    with at(ipm, LATER - DAY):
        saved(ipm.operator, phone="+7 495 111-11-11")
    watched(ipm, LATER)
    filed(first, ipm, LATER, filed_on=FILED_ON)
    assert notice_in_force(ipm.operator) == second
    assert [one.is_open for one in clocks(ipm, Event.PARTICULARS_CHANGED)] == [True]
    assert watched(ipm, LATER + DAY) == {"operators": 2, "started": 0, "voided": 0, "failed": 0}


def test_nobody_waits_for_the_entry_of_a_notice_that_another_has_replaced(ipm: Team) -> None:
    def awaited() -> list[int]:
        open_clocks = Deadline.objects.open().filter(event=Event.AUTHORITY_RECEIVED_NOTICE)
        return list(open_clocks.values_list("about_id", flat=True))

    first = notified(ipm)
    assert awaited() == [first.pk]
    again = notified(ipm, LATER)
    assert awaited() == [again.pk]
    notified(ipm, LATER + DAY, Kind.NOTICE_END, **END)
    assert awaited() == []


def test_after_the_end_no_change_is_told(ipm: Team) -> None:
    notified(ipm)
    with at(ipm, LATER):
        saved(ipm.operator, phone="+7 1")
    late = signed(drafted(ipm, LATER, Kind.NOTICE_CHANGE, **SAID), ipm, LATER)
    notified(ipm, LATER + DAY, Kind.NOTICE_END, **END)
    with pytest.raises(ChangeAfterEnd):
        filed(late, ipm, LATER + DAY * 2, "RKN-3")
    assert notice_in_force(ipm.operator) is None
    # What went out before the end may still be recorded.
    filed(late, ipm, LATER, "RKN-3", now=noon(ipm, LATER + DAY * 2))
    assert notice_in_force(ipm.operator) is None
