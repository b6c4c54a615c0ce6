"""Two at once: papers of one operator get two numbers, and a draft is signed once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from registry.errors import OperatorError
from registry.models import RegisterPaper
from registry.services.register_papers import paper_discard
from tests.conftest import Office
from tests.registry.papering import NOW, drafted, kinds, positioned, signed  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("kinds")]


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


def test_drafts_at_once_get_a_number_each(live_office: Office) -> None:
    team = live_office.ipm
    found = at_once(*[lambda: drafted(team)] * 4)
    assert sorted(one.number for one in found) == [f"RP-2026-000{n}" for n in (1, 2, 3, 4)]


def test_of_two_signatures_at_once_one_stands(live_office: Office) -> None:
    team = positioned(live_office.ipm)
    paper = drafted(team)
    rows = [RegisterPaper.objects.get(pk=paper.pk) for _ in range(2)]
    found = at_once(
        lambda: signed(rows[0], team),
        lambda: signed(rows[1], team, signer=team.clerk),
    )
    names = sorted(type(one).__name__ for one in found)
    assert names == ["PaperSignedAlready", "RegisterPaper"]
    (done,) = [one for one in found if isinstance(one, RegisterPaper)]
    paper.refresh_from_db()
    assert paper.signer == done.signer
    assert paper.history.filter(history_change_reason="signed").count() == 1


def test_what_is_discarded_while_it_is_signed_is_one_or_the_other(live_office: Office) -> None:
    team = positioned(live_office.ipm)
    paper = drafted(team)
    rows = [RegisterPaper.objects.get(pk=paper.pk) for _ in range(2)]
    found = at_once(
        lambda: signed(rows[0], team),
        lambda: paper_discard(paper=rows[1], by=team.dpo, now=NOW, reason="wrong"),
    )
    refusals = {type(one).__name__ for one in found if isinstance(one, OperatorError)}
    if RegisterPaper.objects.filter(pk=paper.pk).exists():
        assert refusals == {"PaperSignedAlready"}
    else:
        assert refusals == {"PaperGone"}
