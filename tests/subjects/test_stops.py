"""Stops and blocks: placed once, ended once, by their number; and what a merge does with them."""

from __future__ import annotations

from typing import Any

import pytest

from subjects.models import Block, Stop
from subjects.services.cards import cards_merge
from subjects.services.holds import hold_place
from subjects.services.people import CardMerged, ForeignRow
from subjects.services.stops import (
    BlockedAlready,
    EndedAlready,
    StoppedAlready,
    StopReasonMissing,
    block_end,
    block_place,
    stop_end,
    stop_place,
)
from tests.conftest import Office, Team
from tests.subjects.blocking import LABEL, OTHER, block, category
from tests.subjects.persons import NOW, register


def hold(team: Team, card: Any, **changed: Any) -> Stop:
    facts: dict[str, Any] = {
        "subject": card,
        "label": LABEL,
        "document": "ruling 2-145/2026 of 1 March 2026",
        "reason": "order of a court",
        "by": team.dpo,
        "now": NOW,
    }
    return hold_place(**facts | changed)


def test_each_stands_once_and_says_who_and_why(office: Office) -> None:
    team = office.pandev
    card = register(team)
    stop = hold(team, card)
    everything, one = block(team, card), block(team, card, "email")
    for again in (
        lambda: hold(team, card, label=f" {LABEL} "),
        lambda: block(team, card),
        lambda: block(team, card, "email"),
    ):
        with pytest.raises((StoppedAlready, BlockedAlready)):
            again()
    stop_place(subject=card, label=LABEL, reason="open request", by=team.dpo, now=NOW)
    block(team, card, "phone")
    block(team, card, label=OTHER)
    for row in (stop, everything, one):
        trail = row.history.get()
        assert trail.history_user == team.dpo and trail.history_change_reason == row.reason
        assert row.operator == team.operator and str(LABEL) in str(row)


@pytest.mark.parametrize("given", [{"label": " "}, {"reason": ""}])
def test_without_number_or_reason_nothing_stands(given: dict[str, str], office: Office) -> None:
    card = register(office.pandev)
    for place in (hold, block):
        with pytest.raises(StopReasonMissing):
            place(office.pandev, card, **given)
    assert not Stop.objects.exists() and not Block.objects.exists()


def test_ended_once(office: Office) -> None:
    team = office.pandev
    card = register(team)
    for row, end, name in (
        (hold(team, card), stop_end, "stop"), (block(team, card), block_end, "block"),
    ):  # fmt: skip
        with pytest.raises(StopReasonMissing):
            end(**{name: row}, by=team.dpo, now=NOW, reason=" ")
        ended = end(**{name: row}, by=team.dpo, now=NOW, reason="over")
        assert ended.ended_at == NOW and ended.history.count() == 2
        with pytest.raises(EndedAlready):
            end(**{name: row}, by=team.dpo, now=NOW, reason="over")
    assert hold(team, card).pk and block(team, card).pk


def test_a_category_of_another_operator_and_a_merged_card_are_refused(office: Office) -> None:
    team = office.pandev
    card, gone = register(team), register(team)
    with pytest.raises(ForeignRow):
        block_place(
            subject=card, category=category(office.ipm, "email"), why="check", label="x",
            reason="x", by=team.dpo, now=NOW,
        )  # fmt: skip
    cards_merge(into=card, other=gone, by=team.dpo, now=NOW, reason="x")
    for place in (hold, block):
        with pytest.raises(CardMerged):
            place(team, gone)


def test_a_merge_takes_the_legal_hold_along(office: Office) -> None:
    """Or it would destroy by the back door what a court wants kept."""
    team = office.pandev
    into, other = register(team), register(team)
    hold(team, into, label="both")
    double = hold(team, other, label="both")
    moved = hold(team, other, label="only there")
    over = hold(team, other, label="over")
    stop_end(stop=over, by=team.dpo, now=NOW, reason="x")
    cards_merge(into=into, other=other, by=team.dpo, now=NOW, reason="one person")
    standing = Stop.objects.filter(ended_at=None).order_by("label")
    assert [(row.subject, row.label) for row in standing] == [(into, "both"), (into, "only there")]
    assert Stop.objects.get(pk=moved.pk).history.first().history_change_reason == "one person"
    assert Stop.objects.get(pk=double.pk).ended_at == NOW
    assert Stop.objects.get(pk=over.pk).subject == other
