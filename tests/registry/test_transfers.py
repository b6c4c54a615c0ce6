"""The gate of a transfer: each step in its order, and refused out of it, under both laws."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils.translation import override

from registry.choices import Effect, Event, Gate
from registry.models import (
    Adequacy,
    Country,
    Deadline,
    Transfer,
)
from registry.services import audit
from registry.services.rules import due
from registry.services.transfer_authority import (
    transfer_ban,
)
from registry.services.transfer_gates import (
    clock_about,
    gate_state,
    gated,
    particulars_missing,
    steps_of_transfer,
    transfer_gate,
)
from registry.services.transfers import transfer_end
from registry.transfer_refusals import (
    AssessedTooEarly,
    DocumentMissing,
    FiledBeforeAssessment,
    InformationUnknown,
    NoNoticeWanted,
    NotAssessed,
    NoticeFiledAlready,
    NoticeIncomplete,
    NoticeNotFiled,
    NoticeNumberMissing,
    OpensBeforeNotice,
    RecipientCountryUnknown,
    RecipientInformationMissing,
    StepInFuture,
    TransferFieldsRefused,
    TransferOpenAlready,
    WaitingPeriodRuns,
)
from registry.transfer_steps import Look, UnknownGateLaw, gate_of
from tests.conftest import Office, Team
from tests.registry.consenting import ready
from tests.registry.transferring import (
    ASKED_ON,
    ASSESSED_ON,
    FACTS,
    FILED_ON,
    OPENS_ON,
    activity,
    assess,
    at_step,
    ban,
    file,
    fresh,
    inform,
    noon,
    open_,
    plan,
    prepared,
    recipient,
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


# --- what the law wants ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("country", "wanted"),
    [("DE", Gate.NOTICE), ("KZ", Gate.NOTICE), ("US", Gate.WAIT), ("RU", Gate.NONE)],
)
def test_russia_wants_a_notice_abroad_and_a_wait_where_nothing_protects(
    ipm: Team, country: str, wanted: Gate
) -> None:
    assert transfer_gate(plan(ipm, country)) == wanted


def test_a_country_of_which_nothing_is_known_does_not_protect(office: Office) -> None:
    unknown = Country.objects.create(code="QX", name_en="Nowhere")
    assert not Adequacy.objects.filter(country=unknown).exists()
    assert transfer_gate(plan(office.ipm, "QX")) == Gate.WAIT
    assert transfer_gate(plan(office.pandev, "QX")) == Gate.GROUND


@pytest.mark.parametrize(
    ("country", "wanted"),
    [("DE", Gate.NONE), ("RU", Gate.NONE), ("US", Gate.GROUND), ("KZ", Gate.NONE)],
)
def test_kazakhstan_wants_a_ground_where_nothing_protects(
    pandev: Team, country: str, wanted: Gate
) -> None:
    assert transfer_gate(plan(pandev, country)) == wanted


def test_vital_interests_need_no_waiting_period_but_the_notice(ipm: Team) -> None:
    row = plan(ipm, "US", basis="RU.6.1.6")
    assert transfer_gate(row) == Gate.NOTICE
    inform(row, ipm, "measures", "contacts")
    # The state does not protect data, so its rules are found out all the same.
    found = refused(RecipientInformationMissing, lambda: assess(row, ipm), row)
    assert [one.code for one in found.missing] == ["regulation"]


def test_a_law_that_the_office_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownGateLaw, match="XX"):
        gate_of(law="XX", home="XX", country="DE", protects=True, kind="consent")


def test_without_a_country_every_step_is_refused_by_name(ipm: Team, pandev: Team) -> None:
    for team, gate in ((ipm, Gate.WAIT), (pandev, Gate.GROUND)):
        row = plan(team, None)
        assert row.gate == gate  # the strictest, until it is known
        now = noon(team, FILED_ON)
        common = {"transfer": row, "by": team.dpo, "now": now}
        for act in (
            lambda row=row: transfer_gate(row),
            lambda row=row, team=team: inform(row, team, "measures"),
            lambda row=row, team=team: assess(row, team),
            lambda row=row, team=team: file(row, team),
            lambda row=row, team=team: open_(row, team),
            lambda common=common: transfer_ban(banned_on=FILED_ON, document="1", **common),
        ):
            refused(RecipientCountryUnknown, act, row)
        assert gate_state(row, FILED_ON) == "planned"
        first = steps_of_transfer(row, FILED_ON)[0]
        assert (first.code, first.look) == ("country", Look.NEXT)
        # Giving it up is no step to it.
        ended = transfer_end(ended_on=FILED_ON, **common)
        assert (ended.gate, ended.ended_on) == (gate, FILED_ON)


# --- the whole way -----------------------------------------------------------------------------
def test_to_a_state_that_does_not_protect_it_waits_ten_working_days(ipm: Team) -> None:
    row = plan(ipm, "US")
    states = [gate_state(row, FILED_ON)]
    inform(row, ipm, "measures")
    states.append(gate_state(row, FILED_ON))
    inform(row, ipm)
    assess(row, ipm)
    states.append(gate_state(row, FILED_ON))
    row = file(row, ipm)
    assert (row.filed_on, row.notice_number, row.opens_on) == (FILED_ON, "17-xb", OPENS_ON)
    clock = Deadline.objects.get(about_id=row.pk, event=Event.AUTHORITY_RECEIVED_TRANSFER_NOTICE)
    assert (clock.effect, clock.statute.code) == (Effect.TRANSFER_ALLOWED, "RU.XBORDER.WAIT")
    # The engine counts the last day of the term; it may open on the day after it.
    engine = due(code="RU.XBORDER.WAIT", operator=ipm.operator, trigger=FILED_ON)
    assert clock.due_on == engine.due_on == TUESDAY
    assert row.opens_on == TUESDAY + DAY
    states += [gate_state(row, TUESDAY), gate_state(row, OPENS_ON)]
    row = open_(row, ipm)
    states.append(gate_state(row, OPENS_ON))
    assert states == ["planned", "collecting", "assessed", "waiting", "ready", "open"]
    assert [row.open_on(OPENS_ON + DAY * n) for n in (-1, 0, 1)] == [False, True, True]
    clock.refresh_from_db()
    assert clock.met_at is not None
    assert clock.met_at.astimezone(ipm.operator.zone).date() == OPENS_ON
    reasons = list(row.history.values_list("history_change_reason", flat=True))
    assert reasons[:3] == ["opened", "notice 17-xb filed", "recipient assessed"]
    assert row.history.first().history_user == ipm.dpo


def test_an_adequate_country_opens_at_once_after_the_notice(ipm: Team) -> None:
    row = plan(ipm, "DE")
    inform(row, ipm, "measures", "contacts")  # how Germany regulates it need not be found out
    assess(row, ipm)
    row = file(row, ipm)
    assert row.opens_on is None and not Deadline.objects.exists()
    assert gate_state(row, FILED_ON) == "ready"
    assert open_(row, ipm, FILED_ON).open_on(FILED_ON)


def test_within_the_country_nothing_is_wanted(ipm: Team, pandev: Team) -> None:
    for team, country in ((ipm, "RU"), (pandev, "KZ")):
        row = plan(team, country)
        assert gate_state(row, FILED_ON) == "ready"
        assert not [one for one in steps_of_transfer(row, FILED_ON) if one.code == "localisation"]
        refused(NoNoticeWanted, lambda row=row, team=team: inform(row, team, "measures"), row)
        assert open_(row, team, FILED_ON).gate == Gate.NONE


# --- out of order ------------------------------------------------------------------------------
def test_each_step_before_its_time_is_refused(ipm: Team) -> None:
    row = plan(ipm)
    refused(NotAssessed, lambda: open_(row, ipm), row)
    refused(NotAssessed, lambda: file(row, ipm), row)
    found = refused(RecipientInformationMissing, lambda: assess(row, ipm), row)
    assert [(one.code, one.article) for one in found.missing] == [
        ("measures", "152-FZ 12(5)(1)"),
        ("regulation", "152-FZ 12(5)(2)"),
        ("contacts", "152-FZ 12(5)(3)"),
    ]
    inform(row, ipm)
    refused(AssessedTooEarly, lambda: assess(row, ipm, ASKED_ON - DAY), row)
    assess(row, ipm)
    refused(NoticeNotFiled, lambda: open_(row, ipm), row)
    refused(FiledBeforeAssessment, lambda: file(row, ipm, ASSESSED_ON - DAY), row)
    refused(NoticeNumberMissing, lambda: file(row, ipm, number=" "), row)
    refused(TransferFieldsRefused, lambda: file(row, ipm, number="7" * 101), row)
    file(row, ipm)
    for again in (
        lambda: inform(row, ipm, "measures"),
        lambda: assess(row, ipm),
        lambda: file(row, ipm),
    ):
        refused(NoticeFiledAlready, again, row)
    refused(OpensBeforeNotice, lambda: open_(row, ipm, FILED_ON - DAY), row)
    error = refused(WaitingPeriodRuns, lambda: open_(row, ipm, TUESDAY), row)
    assert error.params["day"] == OPENS_ON
    open_(row, ipm)
    refused(TransferOpenAlready, lambda: open_(row, ipm), row)


def test_information_that_came_after_the_assessment_wants_a_new_one(ipm: Team) -> None:
    row = at_step("assessed", ipm)
    inform(row, ipm, "measures", received_on=ASSESSED_ON + DAY)
    assert gate_state(row, FILED_ON) == "collecting"
    refused(NotAssessed, lambda: file(row, ipm), row)
    assess(row, ipm, ASSESSED_ON + DAY)
    assert file(row, ipm).filed_on == FILED_ON
    assert row.information.get(fact="measures").history.count() == 2


def test_what_is_no_information_is_refused(ipm: Team) -> None:
    row = plan(ipm)
    refused(InformationUnknown, lambda: inform(row, ipm, "gossip"), row)
    refused(DocumentMissing, lambda: inform(row, ipm, "measures", document=" "), row)
    long = "x" * 301
    refused(TransferFieldsRefused, lambda: inform(row, ipm, "measures", document=long), row)
    assert not row.information.exists()


def test_a_day_that_has_not_come_is_refused_on_both_sides_of_midnight(ipm: Team) -> None:
    row = at_step("filed", ipm)
    late, early = noon(ipm, TUESDAY, 23, 59), noon(ipm, OPENS_ON, 0, 1)
    assert late.date() == early.date() == TUESDAY  # in UTC it is the same day
    refused(StepInFuture, lambda: open_(row, ipm, now=late), row)
    refused(WaitingPeriodRuns, lambda: open_(row, ipm, TUESDAY, now=late), row)
    assert open_(row, ipm, now=early).opened_on == OPENS_ON
    other = plan(ipm)
    soon = FILED_ON + DAY
    refused(StepInFuture, lambda: inform(other, ipm, "measures", received_on=soon), other)
    inform(other, ipm)
    refused(StepInFuture, lambda: assess(other, ipm, soon), other)
    assess(other, ipm)
    refused(StepInFuture, lambda: file(other, ipm, soon, now=noon(ipm, FILED_ON, 23, 59)), other)


def test_the_notice_names_all_its_particulars(ipm: Team) -> None:
    row = at_step("assessed", ipm)
    operator = ipm.operator
    operator.address = operator.phone = operator.email = ""
    operator.responsible = None
    audit.save(operator, by=None, reason="test")
    row.activity.subject_categories.clear()
    found = refused(NoticeIncomplete, lambda: file(row, ipm), row)
    assert [one.code for one in found.missing] == [
        "operator_address", "responsible", "phone", "email", "subject_categories",
    ]  # fmt: skip
    assert "12(4)(5)" in str(found)
    operator.responsible = ipm.clerk  # of whom only the account is known
    audit.save(operator, by=None, reason="test")
    assert "responsible_name" in [one.code for one in particulars_missing(fresh(row), FILED_ON)]


# --- the steps, as data ------------------------------------------------------------------------
def looks(row: Transfer, day: date) -> dict[str, str]:
    return {one.code: one.look.value for one in steps_of_transfer(row, day)}


def test_exactly_one_step_is_the_next(ipm: Team) -> None:
    row = plan(ipm)
    nexts = []
    for act in (None, inform, assess, file):
        if act is not None:
            act(row, ipm)
            row = fresh(row)
        found = looks(row, FILED_ON)
        nexts.append([code for code, look in found.items() if look == "next"])
    assert nexts == [["information"], ["assessment"], ["notice"], ["waiting"]]
    assert looks(row, OPENS_ON) == {
        "country": "done", "information": "done", "assessment": "done", "notice": "done",
        "waiting": "done", "open": "next", "localisation": "note",
    }  # fmt: skip
    waiting = next(one for one in steps_of_transfer(row, FILED_ON) if one.code == "waiting")
    assert (waiting.day, waiting.article) == (OPENS_ON, "152-FZ 12(9)-(11)")
    first = steps_of_transfer(plan(ipm), FILED_ON)
    assert {one.code for one in first[1].missing} == set(FACTS)
    with override("en"):
        for step in first:
            assert "%(" not in step.template % step.params


def test_the_list_is_judged_as_each_row_is(ipm: Team) -> None:
    rows = [at_step(step, ipm) for step in ("planned", "collecting", "assessed", "filed", "open")]
    ban(at_step("open", ipm), ipm, OPENS_ON)
    with CaptureCount() as counted:
        told = {row.pk: gate_state(row, FILED_ON) for row in gated(Transfer.objects.all())}
    assert counted.number <= 3
    assert [told[row.pk] for row in rows] == [
        "planned", "collecting", "assessed", "waiting", "open",
    ]  # fmt: skip
    assert told == {row.pk: gate_state(row, FILED_ON) for row in Transfer.objects.all()}


class CaptureCount:
    """How many queries ran inside."""

    number = 0

    def __enter__(self) -> CaptureCount:
        connection.force_debug_cursor = True
        self._before = len(connection.queries_log)
        return self

    def __exit__(self, *error: Any) -> None:
        self.number = len(connection.queries_log) - self._before
        connection.force_debug_cursor = False


# --- the database itself -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("step", "fields"),
    [
        ("planned", {"filed_on": FILED_ON, "notice_number": "1"}),
        ("assessed", {"filed_on": ASSESSED_ON - DAY, "notice_number": "1"}),
        ("assessed", {"filed_on": FILED_ON}),
        ("assessed", {"notice_number": "1"}),
        ("assessed", {"opened_on": FILED_ON}),
        ("filed", {"opened_on": TUESDAY}),
        ("filed", {"opened_on": FILED_ON - DAY, "gate": "notice"}),
        ("filed", {"opened_on": OPENS_ON, "opens_on": None}),
        ("filed", {"assessed_on": None}),
        ("open", {"filed_on": None, "notice_number": ""}),
        ("open", {"banned_on": OPENS_ON}),
        ("open", {"ban_document": "decision"}),
        ("open", {"ended_on": OPENS_ON - DAY}),
    ],
)
def test_a_raw_update_out_of_order_is_refused(ipm: Team, step: str, fields: dict[str, Any]) -> None:
    row = at_step(step, ipm)
    with pytest.raises(IntegrityError), transaction.atomic():
        Transfer.objects.filter(pk=row.pk).update(**fields)
    assert fresh(row).opened_on == (OPENS_ON if step == "open" else None)


def test_information_is_told_once_and_with_a_document(ipm: Team) -> None:
    row = at_step("collecting", ipm)
    for fields in ({"fact": "measures", "document": "2"}, {"fact": "contacts", "document": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            row.information.create(received_on=ASKED_ON, **fields)


def test_a_row_of_another_operator_is_no_recipient(ipm: Team, pandev: Team) -> None:
    row = plan(ipm)
    row.recipient = recipient(pandev, "US")
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    assert set(caught.value.message_dict) == {"recipient"}
    row.recipient, row.activity = recipient(ipm, "US"), activity(pandev, "KZ.9.4")
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    assert set(caught.value.message_dict) == {"activity"}


def test_the_clock_is_about_the_transfer(ipm: Team) -> None:
    row = at_step("filed", ipm)
    clock = clock_about(row, Event.AUTHORITY_RECEIVED_TRANSFER_NOTICE)
    assert clock is not None and clock.about == row
    assert clock_about(row, Event.TRANSFER_BANNED) is None
