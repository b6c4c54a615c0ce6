"""Destruction that is not possible in time: blocked at once, a second clock of six months."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import translation

from registry.choices import Event
from registry.models import Deadline
from registry.states import ForbiddenTransition
from requests.services.story import story_of
from subjects.choices import ActState, BlockReason
from subjects.models import ActItem, Block, DestructionAct, VaultKey
from subjects.services.acts import (
    ActReasonMissing,
    act_approve,
    act_cancel,
    act_draft,
    item_confirm,
)
from subjects.services.cards import cards_merge
from subjects.services.guard import DataBlocked
from subjects.services.people import datum_record, datum_rectify
from subjects.services.postponing import (
    NoSecondTerm,
    NothingLeft,
    PostponedAlready,
    act_postpone,
)
from subjects.services.sweeping import destruction_sweep
from tests.conftest import Office, Team
from tests.requests.asking import LATER, accept, again, asked, item_of
from tests.subjects.acting import withdraw
from tests.subjects.people import NOW, TODAY, card, category_of, person
from tests.subjects.test_elsewhere import system_of

PATH = "/admin/subjects/destructionact/{}/postpone/"
# Thirty days after 2 March 2026, and six months after that day (152-FZ 21(4)-(6)).
FIRST, SECOND = date(2026, 4, 1), date(2026, 9, 2)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with translation.override("en"), time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def leaving(team: Team, **fields: Any) -> Any:
    """Somebody with a phone in a system, who took the consent back."""
    subject = person(team, **fields)
    datum_record(
        subject=subject, category=category_of(team, "phone"), held_in="system",
        system=system_of(team), collected_on=TODAY, by=team.clerk, today=TODAY,
    )  # fmt: skip
    withdraw(team, subject)
    return subject


def drafted(team: Team) -> DestructionAct:
    (act,) = act_draft(operator=team.operator, until=FIRST, by=team.clerk, now=NOW)
    return act


def postpone(act: DestructionAct, team: Team, **changed: Any) -> DestructionAct:
    given = {"act": act, "reason": "the archive is sealed", "by": team.dpo, "now": NOW} | changed
    return act_postpone(**given)


def open_clock(act: DestructionAct) -> Deadline:
    return Deadline.objects.open().get(about_type__model="destructionact", about_id=act.pk)


def test_it_is_blocked_and_the_second_clock_takes_the_place_of_the_first(office: Office) -> None:
    team = office.ipm
    subject = leaving(team)
    act = drafted(team)
    assert open_clock(act).due_on == act.due_on == FIRST
    done = postpone(act, team)
    assert (done.postponed_until, done.due_on) == (SECOND, FIRST)
    second = open_clock(act)
    assert (second.event, second.due_on) == (Event.DESTRUCTION_IMPOSSIBLE, SECOND)
    first = Deadline.objects.exclude(event=Event.DESTRUCTION_IMPOSSIBLE).get()
    assert first.voided_at == NOW
    blocks = Block.objects.filter(subject=subject, ended_at=None)
    assert {one.category.code for one in blocks} == {"full_name", "email", "phone"}
    assert {(one.why, one.label) for one in blocks} == {(BlockReason.IMPOSSIBLE, act.number)}
    for one in blocks:
        trail = one.history.get()
        assert trail.history_user == team.dpo and trail.history_change_reason == one.reason
    with pytest.raises(DataBlocked):
        datum_rectify(
            datum=subject.data.filter(category__code="email").first(), text="b@example.org",
            by=team.clerk, today=TODAY, reason="x",
        )  # fmt: skip


def test_what_can_be_destroyed_goes_and_the_block_ends_with_the_rest(office: Office) -> None:
    team = office.ipm
    subject = leaving(team)
    act = drafted(team)
    act_approve(act=act, by=team.dpo, now=NOW)
    postpone(act, team)
    on_due = NOW.replace(month=4, day=1)
    did = destruction_sweep(now=on_due)
    assert did["destroyed"] == 1 and did["closed"] == 0 and did["failed"] == 0
    # The name is gone and its block with it; the address still finds the person in the system.
    waiting = Block.objects.filter(subject=subject, ended_at=None)
    assert {one.category.code for one in waiting} == {"email", "phone"}
    late = NOW.replace(month=8, day=20)
    (item,) = ActItem.objects.filter(act=act, key=None)
    item_confirm(item=item, how="log 9", by=team.clerk, now=late)
    assert destruction_sweep(now=late)["closed"] == 1
    assert not waiting.all() and not VaultKey.objects.filter(owner=subject.pk, kind=1)
    second = Deadline.objects.get(event=Event.DESTRUCTION_IMPOSSIBLE)
    assert second.met_at == late
    paper = act.papers.filter(kind="act", language="en").first() or act.papers.first()
    assert paper is not None


def test_after_the_first_term_the_second_counts_from_its_end(office: Office) -> None:
    team = office.ipm
    leaving(team)
    act = drafted(team)
    late = NOW.replace(month=5, day=4)
    assert postpone(act, team, now=late).postponed_until == date(2026, 10, 1)


def test_the_request_that_asks_for_it_shows_the_second_day(office: Office) -> None:
    team = office.ipm
    _known, request = asked(team)
    accept(item_of(request), team)
    act = DestructionAct.objects.get(label=request.number)
    before = again(request).items.get().deadlines.open().get()
    postpone(act, team, now=LATER)
    (after,) = again(request).items.get().deadlines.open()
    assert before.due_on < after.due_on and after.event == Event.DESTRUCTION_IMPOSSIBLE
    before.refresh_from_db()
    assert before.voided_at == LATER
    assert story_of(again(request), today=LATER.date()).clock == after


def test_people_and_cards_that_were_merged_are_blocked_where_their_data_are(
    office: Office,
) -> None:
    team = office.ipm
    gone = leaving(team)
    act = drafted(team)
    into = card(team)
    cards_merge(into=into, other=gone, by=team.dpo, now=NOW, reason="one person")
    postpone(act, team)
    assert set(Block.objects.values_list("subject", flat=True)) == {into.pk}


def test_it_costs_the_same_for_many(office: Office, django_assert_max_num_queries: Any) -> None:
    team = office.ipm
    for number in range(6):
        leaving(team, email=f"p{number}@example.org")
    act = drafted(team)
    with django_assert_max_num_queries(45):
        postpone(act, team)
    assert Block.objects.count() == 18


# --- refusals ------------------------------------------------------------------------------------
def test_kazakhstan_knows_no_second_term(office: Office, as_user: Any) -> None:
    team = office.pandev
    leaving(team)
    (act,) = act_draft(operator=team.operator, until=FIRST, by=team.clerk, now=NOW)
    with pytest.raises(NoSecondTerm):
        postpone(act, team)
    assert not Block.objects.exists()
    client = as_user(team.dpo)
    assert (
        PATH.format(act.pk)
        not in client.get(f"/admin/subjects/destructionact/{act.pk}/change/").content.decode()
    )
    assert client.get(PATH.format(act.pk)).status_code == 409


def test_refused_without_a_reason_twice_and_when_nothing_is_left(office: Office) -> None:
    team = office.ipm
    leaving(team)
    act = drafted(team)
    with pytest.raises(ActReasonMissing):
        postpone(act, team, reason=" ")
    postpone(act, team)
    with pytest.raises(PostponedAlready):
        postpone(act, team)
    act_cancel(act=act, reason="x", by=team.dpo, now=NOW)
    with pytest.raises(ForbiddenTransition):
        postpone(act, team)


def test_refused_when_all_of_it_is_gone(office: Office) -> None:
    team = office.ipm
    subject = person(team)
    withdraw(team, subject)
    act = drafted(team)
    ActItem.objects.filter(act=act).update(outcome="gone")
    with pytest.raises(NothingLeft):
        postpone(act, team)


def test_the_database_wants_a_reason_and_a_day(office: Office) -> None:
    team = office.ipm
    leaving(team)
    act = drafted(team)
    with pytest.raises(IntegrityError), transaction.atomic():
        DestructionAct.objects.filter(pk=act.pk).update(postponed_at=NOW)


# --- the page ------------------------------------------------------------------------------------
def test_saying_so_is_the_dpos(office: Office, as_user: Any) -> None:
    team = office.ipm
    leaving(team)
    act = drafted(team)
    path = PATH.format(act.pk)
    data = {"reason": "the archive is sealed"}
    for user, status in (
        (team.clerk, 403), (team.auditor, 403), (office.pandev.dpo, 404), (office.admin, 404),
        (office.nobody, 404),
    ):  # fmt: skip
        client = as_user(user)
        assert client.get(path).status_code == client.post(path, data).status_code == status
    client = as_user(team.dpo)
    assert client.post(path, {"reason": ""}).status_code == 200
    assert client.post(path, data).status_code == 302
    shown = client.get(f"/admin/subjects/destructionact/{act.pk}/change/").content.decode()
    assert "until 2 September 2026" in shown and "the archive is sealed" in shown
    assert path not in shown
    act.refresh_from_db()
    assert act.state == ActState.DRAFTED and act.postponed_by == team.dpo
