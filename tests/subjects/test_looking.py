"""Who may see a card open, until which minute, and the trace of each look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from registry.errors import OperatorError
from subjects.models import AccessEvent
from subjects.services import looking
from tests.conftest import Office
from tests.subjects.persons import NOW, VALUES, Person, person

CARD = "/admin/subjects/datasubject"
QUARTER = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def known(office: Office) -> Person:
    return person(office.pandev)


def values_on(client: Any, known: Person, page: str = "change") -> set[str]:
    response = client.get(f"{CARD}/{known.card.pk}/{page}/")
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    text = response.content.decode()
    return {code for code, value in VALUES.items() if value in text}


def reveal(client: Any, known: Person, reason: str = "REQ-2026-0001") -> Any:
    return client.post(f"{CARD}/{known.card.pk}/reveal/", {"reason": reason})


def test_a_masked_card_shows_no_value(known: Person, office: Office, as_user: Any) -> None:
    for user in (office.pandev.dpo, office.pandev.clerk, office.pandev.auditor):
        client = as_user(user)
        for page in ("change", "history"):
            assert values_on(client, known, page) == set()
    verbs = ("rectify", "verify", "record", "withdraw", "prove", "consent")
    for verb in verbs:
        assert values_on(as_user(office.pandev.clerk), known, verb) == set()


def test_an_open_card_shows_them_to_one_person_until_the_minute(
    known: Person, office: Office, as_user: Any, clock: Any
) -> None:
    clerk, dpo = as_user(office.pandev.clerk), as_user(office.pandev.dpo)
    assert reveal(clerk, known).status_code == 302
    assert values_on(clerk, known) == set(VALUES)
    assert values_on(clerk, known, "history") == set(VALUES)
    for somebody in (dpo, as_user(office.pandev.deputy), as_user(office.pandev.auditor)):
        assert values_on(somebody, known) == set()
        assert values_on(somebody, known, "history") == set()
    page = clerk.get(f"{CARD}/{known.card.pk}/change/").content.decode()
    assert "Open until 14:15" in page and "15 minutes left" in page
    clock.shift(QUARTER - timedelta(seconds=1))
    assert values_on(clerk, known) == set(VALUES)
    clock.shift(timedelta(seconds=1))
    assert values_on(clerk, known) == set()
    assert values_on(clerk, known, "history") == set()


def test_it_can_be_masked_again(known: Person, office: Office, as_user: Any, clock: Any) -> None:
    clerk = as_user(office.pandev.clerk)
    reveal(clerk, known)
    clock.shift(60)
    assert clerk.post(f"{CARD}/{known.card.pk}/hide/").status_code == 302
    assert values_on(clerk, known) == set()
    assert [event.what for event in AccessEvent.objects.order_by("id")] == ["reveal", "hide"]
    clock.shift(60)
    reveal(clerk, known, "REQ-2026-0002")
    assert values_on(clerk, known) == set(VALUES)


def test_each_look_leaves_who_when_and_why(known: Person, office: Office, as_user: Any) -> None:
    reveal(as_user(office.pandev.clerk), known, "  REQ-2026-0001 ")
    event = AccessEvent.objects.get()
    assert (event.user, event.subject, event.operator) == (
        office.pandev.clerk, known.card, office.pandev.operator,
    )  # fmt: skip
    assert (event.at, event.until, event.reason) == (NOW, NOW + QUARTER, "REQ-2026-0001")
    page = as_user(office.pandev.auditor).get(f"{CARD}/{known.card.pk}/change/").content.decode()
    assert "REQ-2026-0001" in page and "clerk@pandev" in page


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301])
def test_without_a_reason_it_stays_masked(
    reason: str, known: Person, office: Office, as_user: Any
) -> None:
    clerk = as_user(office.pandev.clerk)
    response = reveal(clerk, known, reason)
    assert response.status_code == 200 and response.context["form"].errors
    with pytest.raises(OperatorError):
        looking.card_reveal(subject=known.card, user=office.pandev.clerk, reason=reason, now=NOW)
    assert values_on(clerk, known) == set()
    assert not AccessEvent.objects.exists()


def test_only_who_may_reveals(known: Person, office: Office, as_user: Any) -> None:
    for user, status in (
        (office.pandev.auditor, 403),
        (office.ipm.dpo, 404),
        (office.ipm.clerk, 404),
        (office.admin, 404),
        (office.nobody, 404),
    ):
        client = as_user(user)
        assert reveal(client, known).status_code == status, user
        assert client.get(f"{CARD}/{known.card.pk}/reveal/").status_code == status
    assert not AccessEvent.objects.exists()


def test_a_role_that_ended_closes_the_card(known: Person, office: Office, as_user: Any) -> None:
    clerk = as_user(office.pandev.clerk)
    reveal(clerk, known)
    role = office.pandev.clerk.memberships.get()
    role.role = "auditor"
    role.save()
    assert values_on(clerk, known) == set()


def test_the_service_serves_one_click_from_a_request(known: Person, office: Office) -> None:
    user = office.pandev.clerk
    assert looking.reveal_of(known.card, user, NOW) is None
    looking.card_reveal(subject=known.card, user=user, reason="REQ-2026-0007", now=NOW)
    assert looking.reveal_of(known.card, user, NOW) == NOW + QUARTER
    assert looking.reveal_of(known.card, user, NOW + QUARTER) is None
    assert looking.reveal_of(known.card, office.pandev.dpo, NOW) is None


def test_the_list_of_looks_is_scoped_and_holds_no_value(
    known: Person, office: Office, as_user: Any
) -> None:
    reveal(as_user(office.pandev.clerk), known)
    path = "/admin/subjects/accessevent/"
    for user in (office.pandev.dpo, office.pandev.auditor):
        page = as_user(user).get(path, {"subject__id__exact": known.card.pk}).content.decode()
        assert known.card.code in page and "REQ-2026-0001" in page
        assert not any(value in page for value in VALUES.values())
    foreign = as_user(office.ipm.dpo).get(path).content.decode()
    assert known.card.code not in foreign
    assert as_user(office.admin).get(path).status_code == 403
