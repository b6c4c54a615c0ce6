"""Two people at once: each in a thread of their own, on committed rows."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection

from registry.errors import OperatorError
from registry.models import Deadline
from registry.states import ForbiddenTransition
from requests.models import RegulatorInquiry
from requests.services.inquiries import ChangedMeanwhile, LetterKnown
from tests.conftest import Office
from tests.requests.letters import answer, draft, letter, withdraw

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each act returned, or the refusal it met; anything else fails the test."""
    barrier, found = Barrier(len(acts)), [None] * len(acts)

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=30)
            found[number] = acts[number]()
        except Exception as error:
            found[number] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for outcome in found:
        if isinstance(outcome, Exception) and not isinstance(outcome, OperatorError):
            raise outcome
    return found


def test_letters_that_are_registered_at_once_get_different_numbers(live_office: Office) -> None:
    rows = at_once(*(lambda i=i: letter(live_office.ipm, reference=str(i)) for i in range(4)))
    assert sorted(row.number for row in rows) == [f"INQ-2025-000{i}" for i in (1, 2, 3, 4)]
    assert Deadline.objects.count() == 4


def test_one_letter_that_two_people_register_is_registered_once(live_office: Office) -> None:
    rows = at_once(*(lambda: letter(live_office.ipm) for _ in range(2)))
    assert sorted(type(row) for row in rows if isinstance(row, Exception)) == [LetterKnown]
    assert RegulatorInquiry.objects.count() == Deadline.objects.count() == 1
    assert RegulatorInquiry.history.count() == 1


def test_of_two_people_who_answer_at_once_exactly_one_wins(live_office: Office) -> None:
    team = live_office.ipm
    inquiry = letter(team)
    texts = ["Of the DPO.", "Of the deputy."]
    people = [team.dpo, team.deputy]
    found = at_once(
        *(
            lambda text=text, person=person: answer(inquiry, team, answer=text, by=person)
            for text, person in zip(texts, people, strict=True)
        )
    )
    (loser,) = [number for number, row in enumerate(found) if isinstance(row, Exception)]
    winner = 1 - loser
    assert isinstance(found[loser], ForbiddenTransition)
    row = RegulatorInquiry.objects.get()
    assert (row.answer, row.sent_by, row.state) == (texts[winner], people[winner], "answered")
    # Registered, answered: no third row of anybody's half.
    assert [item.answer for item in row.history.order_by("history_id")] == ["", texts[winner]]
    clock = Deadline.objects.get()
    assert clock.met_at == row.sent_at
    assert [item.history_user for item in clock.history.order_by("history_id")] == [
        team.clerk, people[winner],
    ]  # fmt: skip


def test_of_two_drafts_at_once_one_is_told_to_look_first(live_office: Office) -> None:
    team = live_office.ipm
    inquiry = letter(team)
    found = at_once(
        lambda: draft(inquiry, team, answer="One."), lambda: draft(inquiry, team, answer="Two.")
    )
    refusals = [row for row in found if isinstance(row, Exception)]
    assert [type(row) for row in refusals] == [ChangedMeanwhile]
    inquiry.refresh_from_db()
    assert inquiry.answer in {"One.", "Two."}


def test_an_answer_and_a_withdrawal_at_once_leave_one_whole_act(live_office: Office) -> None:
    team = live_office.ipm
    inquiry = letter(team)
    found = at_once(lambda: answer(inquiry, team), lambda: withdraw(inquiry, team))
    assert [type(row) for row in found if isinstance(row, Exception)] == [ForbiddenTransition]
    inquiry.refresh_from_db()
    clock = Deadline.objects.get()
    assert (clock.met_at is None) == (inquiry.state == "withdrawn")
    assert (clock.voided_at is None) == (inquiry.state == "answered")
