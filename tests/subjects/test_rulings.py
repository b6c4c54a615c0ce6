"""A datum that goes although a ground covers it: decided, blocked, carried out, taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import translation

from registry.models import Deadline
from subjects import fate
from subjects.choices import ActState, BlockReason, Outcome, Ruled
from subjects.models import (
    ActItem,
    Block,
    DataSubject,
    DestructionAct,
    DestructionItem,
    DestructionRuling,
    PersonalDatum,
    VaultKey,
)
from subjects.services.acts import WaiverMissing, act_approve, item_confirm
from subjects.services.cards import cards_merge
from subjects.services.covering import Coverage, Law
from subjects.services.dates import operator_dates
from subjects.services.destruction import StillCovered, data_destroy
from subjects.services.guard import DataBlocked
from subjects.services.holds import hold_place
from subjects.services.people import datum_record
from subjects.services.rulings import (
    RuledAlready,
    RulingCarriedOut,
    RulingInFuture,
    RulingOnNothing,
    RulingWithoutDay,
    StatedForNoOrder,
    ruling_make,
    ruling_revoke,
    rulings_settle,
)
from subjects.services.stops import EndedAlready, StopReasonMissing, stop_place
from subjects.services.sweeping import destruction_sweep
from tests.conftest import Office, Team
from tests.subjects.card_pages import page
from tests.subjects.people import NOW, TODAY, category_of, datum, person
from tests.subjects.test_elsewhere import system_of

DAY = timedelta(days=1)
CARD = "/admin/subjects/datasubject"
LIST = "/admin/subjects/destructionruling/"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with translation.override("en"), time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def email_of(subject: DataSubject) -> PersonalDatum:
    rows = PersonalDatum.objects.select_related("subject__operator__jurisdiction", "category")
    return rows.get(subject=subject, category__code="email")


def rule(team: Team, row: PersonalDatum, **changed: Any) -> DestructionRuling:
    given: dict[str, Any] = {
        "datum": row, "why": Ruled.INACCURATE, "label": "C-7", "reason": "the register is wrong",
        "counted_from": TODAY, "by": team.dpo, "now": NOW,
    }  # fmt: skip
    return ruling_make(**given | changed)


def keys(subject: DataSubject) -> set[int]:
    return set(VaultKey.objects.filter(owner=subject.pk, kind=1).values_list("pk", flat=True))


# --- by when -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "why", "due_on", "rule_code"),
    [
        # 20(3): seven working days; 8 and 9 March 2026 are off in Russia.
        ("ipm", Ruled.INACCURATE, date(2026, 3, 12), "RU.SUBJ.ERASE_UNLAWFUL"),
        ("ipm", Ruled.UNNEEDED, date(2026, 3, 12), "RU.SUBJ.ERASE_UNLAWFUL"),
        # 21(3): ten.
        ("ipm", Ruled.ORDERED, date(2026, 3, 17), "RU.UNLAWFUL.DESTROY"),
        # 25(2)(8): one working day.
        ("pandev", Ruled.INACCURATE, date(2026, 3, 3), "KZ.SUBJ.RECTIFY"),
        ("pandev", Ruled.UNNEEDED, date(2026, 3, 3), "KZ.UNLAWFUL.DESTROY"),
        ("pandev", Ruled.ORDERED, date(2026, 3, 3), "KZ.UNLAWFUL.DESTROY"),
    ],
)
def test_the_law_sets_the_day(
    code: str, why: str, due_on: date, rule_code: str, office: Office
) -> None:
    team: Team = getattr(office, code)
    subject = person(team)
    row = rule(team, email_of(subject), why=why)
    assert (row.due_on, row.rule) == (due_on, rule_code) and row.article
    key = VaultKey.objects.get(pk=email_of(subject).value_key)
    assert key.destroy_on == due_on
    assert Deadline.objects.open().get(about_id=_act().pk).due_on == due_on


def approve(team: Team, act: DestructionAct) -> DestructionAct:
    """Whoever decided has drafted it; here nobody else can approve."""
    with pytest.raises(WaiverMissing):
        act_approve(act=act, by=team.dpo, now=NOW)
    return act_approve(act=act, by=team.dpo, now=NOW, waiver="nobody else has the right")


def _act() -> DestructionAct:
    return DestructionAct.objects.exclude(state=ActState.CLOSED).get()


def test_an_order_may_leave_less_time_but_not_more(office: Office) -> None:
    team = office.ipm
    first, second = person(team), person(team, email="b@example.org")
    short = rule(team, email_of(first), why=Ruled.ORDERED, stated_on=date(2026, 3, 6))
    assert (short.due_on, short.rule, short.article) == (date(2026, 3, 6), "", "C-7")
    long = rule(team, email_of(second), why=Ruled.ORDERED, stated_on=date(2026, 5, 1))
    assert (long.due_on, long.rule) == (date(2026, 3, 17), "RU.UNLAWFUL.DESTROY")


# --- carrying it out -----------------------------------------------------------------------------
def test_it_goes_in_spite_of_its_ground_and_nothing_else_does(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    row = email_of(subject)
    with pytest.raises(StillCovered):
        data_destroy(subject=subject, data=[row], reason="x", by=None, now=NOW, today=TODAY)
    before = keys(subject)
    ruling = rule(team, row)
    block = Block.objects.get(ended_at=None)
    assert (block.category, block.why, block.label) == (row.category, BlockReason.RULED, "C-7")
    act = approve(team, _act())
    assert [one.key for one in act.items.all()] == [row.value_key] and not act.automatic
    later = NOW + DAY
    did = destruction_sweep(now=later)
    assert (did["destroyed"], did["closed"], did["failed"]) == (1, 1, 0)
    assert keys(subject) == before - {row.value_key}
    item = DestructionItem.objects.get()
    assert "KZ.SUBJ.RECTIFY" in item.reason and item.act == act
    ruling.refresh_from_db()
    block.refresh_from_db()
    assert ruling.ended_at == later and block.ended_at == later
    assert rulings_settle(now=later) == 0
    # What the person gives anew is not touched by the old decision.
    fresh = datum(
        team, subject, "email", "right@example.org", collected_on=later.date(), today=later.date()
    )
    assert Coverage(subject).fates(later.date())[fresh.pk].stays


def test_single_people_and_the_sweep_agree(office: Office) -> None:
    """``Coverage`` and ``Fates`` read the same decision."""
    team = office.pandev
    subject = person(team)
    row = email_of(subject)
    ruling = rule(team, row)
    found = Coverage(subject).fates(TODAY)
    assert found[row.pk].reason == fate.Reason.RULED and found[row.pk].due_on == ruling.due_on
    assert [one.stays for number, one in found.items() if number != row.pk] == [True]
    assert operator_dates(team.operator, today=TODAY)["dated"] == 0


def test_a_hold_stops_it_and_the_request_that_asks_does_not(office: Office) -> None:
    team = office.pandev
    subject, other = person(team), person(team, email="b@example.org")
    hold_place(
        subject=subject, label="2-145", document="ruling", reason="court", by=team.dpo, now=NOW
    )
    rule(team, email_of(subject))
    assert not DestructionAct.objects.exists()
    stop_place(subject=other, label="REQ-1", reason="open request", by=team.dpo, now=NOW)
    rule(team, email_of(other), label="REQ-1")
    act = _act()
    assert act.label == "REQ-1"
    approve(team, act)
    destruction_sweep(now=NOW + DAY)
    assert len(keys(subject)) == 2 and len(keys(other)) == 1


def test_what_lies_elsewhere_goes_too(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    row = datum_record(
        subject=subject, category=category_of(team, "phone"), held_in="system",
        system=system_of(team), collected_on=TODAY, by=team.clerk, today=TODAY,
    )  # fmt: skip
    ruling = rule(team, row)
    act = approve(team, _act())
    item = act.items.get()
    assert (item.datum, item.key) == (row, None)
    item_confirm(item=item, how="log 7", by=team.clerk, now=NOW)
    assert destruction_sweep(now=NOW + DAY)["closed"] == 1
    ruling.refresh_from_db()
    assert ruling.ended_at is not None
    assert ActItem.objects.get().outcome == Outcome.DESTROYED


def test_the_block_leaves_what_else_there_is_of_its_category(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    second = datum(team, subject, "email", "second@example.org")
    rule(team, email_of_first(subject))
    assert not Block.objects.exists()
    rule(team, second, label="C-8")
    assert Block.objects.get().label == "C-8"


def email_of_first(subject: DataSubject) -> PersonalDatum:
    rows = PersonalDatum.objects.select_related("subject__operator__jurisdiction", "category")
    found = rows.filter(subject=subject, category__code="email").order_by("pk").first()
    assert found is not None
    return found


def test_cards_are_not_merged_over_it(office: Office) -> None:
    """What is blocked is not moved either; taken back or gone, the way is free."""
    team = office.pandev
    into, other = person(team), person(team, email="b@example.org")
    ruling = rule(team, email_of(other))
    merge = {"into": into, "other": other, "by": team.dpo, "now": NOW, "reason": "one"}
    with pytest.raises(DataBlocked):
        cards_merge(**merge, other_ends="purpose_achieved")
    ruling_revoke(ruling=ruling, reason="x", by=team.dpo, now=NOW)
    cards_merge(**merge, other_ends="purpose_achieved")


def test_it_follows_its_datum_to_another_card(office: Office) -> None:
    """Of two addresses one goes: nothing is blocked, and the cards may be merged."""
    team = office.pandev
    into, other = person(team), person(team, email="b@example.org")
    second = datum(team, other, "email", "wrong@example.org")
    ruling = rule(team, second)
    assert not Block.objects.exists()
    cards_merge(
        into=into, other=other, by=team.dpo, now=NOW, reason="one", other_ends="purpose_achieved"
    )
    approve(team, _act())
    destruction_sweep(now=NOW + DAY)
    assert not VaultKey.objects.filter(pk=second.value_key).exists()
    assert len(keys(into)) == 4
    ruling.refresh_from_db()
    assert ruling.ended_at is not None


# --- taking it back ------------------------------------------------------------------------------
def test_taken_back_it_stays_and_may_be_used(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    ruling = rule(team, email_of(subject))
    act = approve(team, _act())
    with pytest.raises(StopReasonMissing):
        ruling_revoke(ruling=ruling, reason=" ", by=team.dpo, now=NOW)
    ruling_revoke(ruling=ruling, reason="the court was wrong", by=team.dpo, now=NOW)
    assert Block.objects.get().ended_at == NOW
    assert VaultKey.objects.get(pk=email_of(subject).value_key).destroy_on is None
    destruction_sweep(now=NOW + DAY)
    assert ActItem.objects.get(act=act).outcome == Outcome.STAYS
    assert len(keys(subject)) == 2
    with pytest.raises(EndedAlready):
        ruling_revoke(ruling=ruling, reason="x", by=team.dpo, now=NOW)


def test_what_was_carried_out_is_not_taken_back(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    ruling = rule(team, email_of(subject))
    approve(team, _act())
    destruction_sweep(now=NOW + DAY)
    # The sweep has died before it could say that it is over.
    DestructionRuling.objects.update(ended_at=None)
    with pytest.raises(RulingCarriedOut):
        ruling_revoke(ruling=ruling, reason="x", by=team.dpo, now=NOW + DAY)
    assert rulings_settle(now=NOW + DAY) == 1


def test_a_value_that_was_lost_is_not_carried_out(office: Office) -> None:
    """Neither key nor item: an incident, which the decision must not cover up."""
    team = office.pandev
    row = email_of(person(team))
    ruling = rule(team, row)
    VaultKey.objects.filter(pk=row.value_key).delete()
    assert rulings_settle(now=NOW + DAY) == 0
    ruling.refresh_from_db()
    assert ruling.ended_at is None


# --- refusals ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"label": " "}, StopReasonMissing),
        ({"reason": " "}, StopReasonMissing),
        ({"counted_from": TODAY + DAY}, RulingInFuture),
        ({"stated_on": TODAY}, StatedForNoOrder),
    ],
)
def test_what_is_no_decision_is_refused(
    given: dict[str, Any], refusal: type[Exception], office: Office
) -> None:
    subject = person(office.pandev)
    with pytest.raises(refusal):
        rule(office.pandev, email_of(subject), **given)
    assert not DestructionRuling.objects.exists() and not Block.objects.exists()


def test_one_decision_a_datum_and_none_on_what_is_gone(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    row = email_of(subject)
    ruling = rule(team, row)
    with pytest.raises(RuledAlready):
        rule(team, row, label="again")
    with pytest.raises(IntegrityError), transaction.atomic():
        ruling.pk = None
        ruling.save_base(raw=True, force_insert=True)
    approve(team, _act())
    destruction_sweep(now=NOW + DAY)
    with pytest.raises(RulingOnNothing):
        rule(team, row, now=NOW + DAY)


def test_without_a_term_the_order_has_to_name_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = office.pandev
    subject = person(team)
    monkeypatch.setattr(Law, "rules", [])
    with pytest.raises(RulingWithoutDay):
        rule(team, email_of(subject), why=Ruled.ORDERED)
    found = rule(team, email_of(subject), why=Ruled.ORDERED, stated_on=TODAY + DAY)
    assert found.due_on == TODAY + DAY


# --- the pages -----------------------------------------------------------------------------------
def test_deciding_is_the_dpos(office: Office, as_user: Any) -> None:
    team = office.pandev
    subject = person(team)
    row = email_of(subject)
    path = f"{CARD}/{subject.pk}/rule/"
    data = {
        "datum": row.pk, "why": Ruled.INACCURATE, "label": "C-7", "reason": "wrong",
        "counted_from": TODAY.isoformat(), "stated_on": "",
    }  # fmt: skip
    for user, status in (
        (team.clerk, 403), (team.auditor, 403), (office.ipm.dpo, 404), (office.admin, 404),
        (office.nobody, 404),
    ):  # fmt: skip
        client = as_user(user)
        assert client.get(path).status_code == client.post(path, data).status_code == status
    assert not DestructionRuling.objects.exists()
    client = as_user(team.dpo)
    assert "test@example.org" not in page(client, subject, "rule")
    assert client.post(path, data | {"counted_from": "2027-01-01"}).status_code == 422
    assert client.post(path, data).status_code == 302
    shown = page(client, subject)
    assert "goes by 3 March 2026, it was decided: wrong, and cannot be put right" in shown
    assert "decision" in page(client, subject, "history")
    # The same datum is no choice any more.
    assert f'value="{row.pk}"' not in page(client, subject, "rule")


def test_the_list_and_taking_back(office: Office, as_user: Any) -> None:
    team = office.pandev
    ruling = rule(team, email_of(person(team)), label="C-77")
    path = f"{LIST}{ruling.pk}/revoke/"
    for user, status in (
        (team.clerk, 403), (team.auditor, 403), (office.ipm.dpo, 404), (office.nobody, 404),
    ):  # fmt: skip
        client = as_user(user)
        assert client.post(path, {"reason": "x"}).status_code == status
    for user in (team.clerk, team.auditor, team.dpo):
        assert "C-77" in as_user(user).get(LIST).content.decode()
    assert "C-77" not in as_user(office.ipm.dpo).get(LIST).content.decode()
    assert as_user(team.dpo).post(path, {"reason": "the court was wrong"}).status_code == 302
    ruling.refresh_from_db()
    assert ruling.ended_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
