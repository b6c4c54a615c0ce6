"""Legal holds: their document, their last day, their review; and who may see to them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import translation

from subjects.choices import StopKind
from subjects.models import DestructionAct, DestructionItem, Stop, VaultKey
from subjects.services.acts import act_approve
from subjects.services.cards import cards_merge
from subjects.services.holds import (
    HoldDocumentMissing,
    HoldEndsInThePast,
    HoldReviewTooFar,
    NotLegalHold,
    hold_place,
    hold_review,
    holds_lapse,
)
from subjects.services.stops import EndedAlready, StopReasonMissing, stop_end, stop_place
from subjects.services.sweeping import destruction_sweep
from subjects.vault.models import Sealed
from tests.conftest import Office, Team
from tests.subjects.acting import approved, leaving
from tests.subjects.card_pages import page
from tests.subjects.persons import NOW, TODAY, register

DAY = timedelta(days=1)
LIST = "/admin/subjects/stop/"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with translation.override("en"), time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def hold(team: Team, card: Any, **changed: Any) -> Stop:
    facts: dict[str, Any] = {
        "subject": card, "label": "2-145/2026", "document": "ruling of 27 February 2026",
        "reason": "a court", "by": team.dpo, "now": NOW,
    }  # fmt: skip
    return hold_place(**facts | changed)


# --- the days ------------------------------------------------------------------------------------
def test_a_hold_says_which_paper_orders_it_and_when_it_is_reviewed(office: Office) -> None:
    team = office.pandev
    row = hold(team, register(team), document="  ruling 7  ")
    assert (row.kind, row.document, row.until_on) == (StopKind.LEGAL_HOLD, "ruling 7", None)
    assert row.review_on == TODAY + timedelta(days=90)
    short = hold(team, register(team), until_on=TODAY + 10 * DAY)
    assert short.review_on == short.until_on == TODAY + 10 * DAY
    today_only = hold(team, register(team), until_on=TODAY)
    assert today_only.review_on == TODAY


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"document": "  "}, HoldDocumentMissing),
        ({"reason": " "}, StopReasonMissing),
        ({"until_on": TODAY - DAY}, HoldEndsInThePast),
        ({"review_on": TODAY}, HoldReviewTooFar),
        ({"review_on": TODAY + 367 * DAY}, HoldReviewTooFar),
        ({"until_on": TODAY + 5 * DAY, "review_on": TODAY + 6 * DAY}, HoldReviewTooFar),
    ],
)
def test_what_is_no_hold_is_refused(
    given: dict[str, Any], refusal: type[Exception], office: Office
) -> None:
    card = register(office.pandev)
    with pytest.raises(refusal):
        hold(office.pandev, card, **given)
    assert not Stop.objects.exists()


@pytest.mark.parametrize(
    "changed", [{"document": ""}, {"review_on": None}, {"until_on": date(2026, 3, 5)}]
)
def test_the_database_refuses_it_too(changed: dict[str, Any], office: Office) -> None:
    row = hold(office.pandev, register(office.pandev))
    with pytest.raises(IntegrityError), transaction.atomic():
        Stop.objects.filter(pk=row.pk).update(**changed)


def test_the_first_moment_of_the_day_is_the_operators(office: Office) -> None:
    """19:30 of the day before in Greenwich is half past midnight in Almaty."""
    team = office.pandev
    now = datetime.combine(TODAY - DAY, NOW.timetz()).replace(hour=19, minute=30)
    with pytest.raises(HoldEndsInThePast):
        hold(team, register(team), until_on=TODAY - DAY, now=now)


# --- the review ----------------------------------------------------------------------------------
def test_a_review_says_why_it_stands_and_asks_again(office: Office) -> None:
    team = office.pandev
    row = hold(team, register(team), until_on=TODAY + 30 * DAY)
    later = NOW + 20 * DAY
    found = hold_review(
        stop=row, reason="the appeal is open", document="appeal ruling of 20 March 2026",
        until_on=None, by=team.dpo, now=later,
    )  # fmt: skip
    assert found.document.startswith("appeal") and found.until_on is None
    assert found.review_on == later.date() + timedelta(days=90)
    trail = found.history.first()
    assert (trail.history_change_reason, trail.history_user) == ("the appeal is open", team.dpo)
    kept = hold_review(
        stop=row, reason="still open", until_on=None, review_on=later.date() + DAY, by=team.dpo,
        now=later,
    )  # fmt: skip
    assert kept.document.startswith("appeal") and kept.review_on == later.date() + DAY


def test_a_review_of_nothing_is_refused(office: Office) -> None:
    team = office.pandev
    card = register(team)
    row = hold(team, card)
    request = stop_place(subject=card, label="REQ-1", reason="x", by=team.dpo, now=NOW)
    for stop, reason, refusal in (
        (row, " ", StopReasonMissing), (request, "x", NotLegalHold),
    ):  # fmt: skip
        with pytest.raises(refusal):
            hold_review(stop=stop, reason=reason, until_on=None, by=team.dpo, now=NOW)
    stop_end(stop=row, by=team.dpo, now=NOW, reason="over")
    with pytest.raises(EndedAlready):
        hold_review(stop=row, reason="x", until_on=None, by=team.dpo, now=NOW)


# --- the last day --------------------------------------------------------------------------------
def test_after_its_last_day_a_hold_is_released_and_what_it_stopped_goes(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    act = approved(team)
    last = act.due_on + 3 * DAY
    row = hold(team, subject, until_on=last)
    keys = VaultKey.objects.filter(owner=subject.pk, kind=Sealed.DATUM)
    held = keys.count()
    # A minute before midnight in Almaty, and a minute after it.
    still = datetime.combine(last, NOW.timetz()).replace(hour=18, minute=59)
    did = destruction_sweep(now=still)
    assert did["lapsed"] == 0 and did["stopped"] and keys.count() == held
    over = still + timedelta(minutes=2)
    assert destruction_sweep(now=over)["lapsed"] == 1
    row.refresh_from_db()
    trail = row.history.first()
    assert row.ended_at == over
    assert (trail.history_change_reason, trail.history_user) == ("its last day is over", None)
    assert holds_lapse(team.operator, now=over) == 0
    # The same sweep has drafted it anew; approved, it goes.
    again = act_approve(act=DestructionAct.objects.get(state="drafted"), by=team.dpo, now=over)
    destruction_sweep(now=over + DAY)
    again.refresh_from_db()
    assert not keys.exists() and DestructionItem.objects.filter(act=again).count() == held


def test_a_longer_order_that_comes_in_time_keeps_it(office: Office) -> None:
    team = office.pandev
    row = hold(team, register(team), until_on=TODAY + DAY)
    hold_review(stop=row, reason="x", until_on=TODAY + 9 * DAY, by=team.dpo, now=NOW)
    late = stop_end(stop=row, by=None, now=NOW + 2 * DAY, reason="x", lapsed_on=TODAY + 2 * DAY)
    assert late.ended_at is None and holds_lapse(team.operator, now=NOW + 2 * DAY) == 0


def test_a_merge_keeps_the_longer_of_two(office: Office) -> None:
    team = office.pandev
    into, other = register(team), register(team)
    short = hold(team, into, until_on=TODAY + DAY)
    hold(team, other, until_on=TODAY + 9 * DAY)
    cards_merge(into=into, other=other, by=team.dpo, now=NOW, reason="one person")
    short.refresh_from_db()
    assert short.until_on == TODAY + 9 * DAY and short.ended_at is None
    assert Stop.objects.filter(ended_at=None).count() == 1


# --- the pages -----------------------------------------------------------------------------------
def test_the_list_shows_what_stands_and_what_waits_for_a_review(
    office: Office, as_user: Any, clock: Any
) -> None:
    team = office.pandev
    hold(team, register(team), label="CALM")
    soon = hold(team, register(team), label="SOON", review_on=TODAY + 3 * DAY)
    gone = hold(team, register(team), label="GONE")
    stop_end(stop=gone, by=team.dpo, now=NOW, reason="over")
    hold(office.ipm, register(office.ipm), label="THEIRS")
    for user in (team.dpo, team.clerk, team.auditor):
        client = as_user(user)
        shown = client.get(LIST).content.decode()
        assert "CALM" in shown and "SOON" in shown and soon.document in shown
        assert "GONE" not in shown and "THEIRS" not in shown
        due = client.get(LIST, {"state": "review"}).content.decode()
        assert "SOON" in due and "CALM" not in due
        assert "GONE" in client.get(LIST, {"state": "ended"}).content.decode()
        assert "GONE" in client.get(LIST, {"state": "all"}).content.decode()
        desk = client.get("/admin/").content.decode()
        assert "legal holds to review <strong>1</strong>" in desk
    clock.move_to(NOW + 4 * DAY)
    assert "overdue" in as_user(team.dpo).get(LIST).content.decode()


@pytest.mark.parametrize("verb", ["review", "release"])
def test_reviewing_and_releasing_are_the_dpos(verb: str, office: Office, as_user: Any) -> None:
    team = office.pandev
    row = hold(team, register(team))
    path = f"{LIST}{row.pk}/{verb}/"
    data = {"reason": "the case goes on", "x": 1}
    for user, status in (
        (team.clerk, 403), (team.auditor, 403), (office.ipm.dpo, 404), (office.admin, 404),
        (office.nobody, 404),
    ):  # fmt: skip
        client = as_user(user)
        assert client.get(path).status_code == client.post(path, data).status_code == status
    assert row.history.count() == 1
    client = as_user(team.dpo)
    shown = client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert path in shown and row.document in shown
    assert client.post(path, data | {"reason": " "}).context["form"].errors
    wrong = client.post(path, data | {"review_on": "2025-01-01"})
    assert verb == "release" or wrong.status_code == 422
    if verb == "review":
        assert client.post(path, data).status_code == 302
    row.refresh_from_db()
    assert (row.ended_at is not None) == (verb == "release")


def test_the_card_says_on_which_paper_and_until_when(office: Office, as_user: Any) -> None:
    team = office.pandev
    card = register(team)
    row = hold(team, card, until_on=TODAY + 30 * DAY)
    text = page(as_user(team.clerk), card)
    assert row.document in text and f"{LIST}{row.pk}/change/" in text
    assert "last day 1 April 2026" in text and "review by 1 April 2026" in text
