"""What the pages of people cost in queries, however full they are."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

from subjects.models import DataSubject, DisseminationPermission, SubjectLink
from subjects.services.cards import cards_merge
from subjects.services.destruction import keys_destroy
from subjects.services.looking import card_reveal
from tests.conftest import Office
from tests.subjects.card_pages import CARD, cost, forms, no_value
from tests.subjects.persons import NOW, Person, hold, person, register


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def known(office: Office) -> Person:
    return person(office.pandev)


BUDGET = 15


def test_a_card_costs_fifteen_queries(known: Person, office: Office, as_user: Any) -> None:
    team = office.pandev
    for number in range(25):
        card_reveal(subject=known.card, user=team.deputy, reason=f"REQ-{number}", now=NOW)
    path = f"{CARD}/{known.card.pk}/change/"
    clerk = as_user(team.clerk)
    masked, told = cost(clerk, path)
    assert masked <= BUDGET, told
    clerk.post(f"{CARD}/{known.card.pk}/reveal/", {"reason": "REQ-1"})
    opened, told = cost(clerk, path)
    assert opened <= BUDGET, told
    keys_destroy([known.data["iin"].value_key], reason="x", by=None, now=NOW)
    destroyed, told = cost(clerk, path)
    assert destroyed <= BUDGET, told
    assert (masked, opened, destroyed) == (12, 12, 12)


def test_the_fullest_card_costs_no_more(known: Person, office: Office, as_user: Any) -> None:
    """Links, merged cards, choices on dissemination and destroyed values, and a second factor."""
    team = office.pandev
    forms(known, team)
    for number in range(2):
        other = register(team)
        cards_merge(into=known.card, other=other, by=team.dpo, now=NOW, reason=f"{number}")
    assert SubjectLink.objects.exists() and DisseminationPermission.objects.exists()
    keys_destroy([known.data["iin"].value_key], reason="x", by=None, now=NOW)
    path = f"{CARD}/{known.card.pk}/change/"
    for user in (team.dpo, team.clerk, team.auditor):
        client = as_user(user)
        device = TOTPDevice.objects.create(user=user, name="telephone", confirmed=True)
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = device.persistent_id
        session.save()
        if user == team.clerk:
            client.post(f"{CARD}/{known.card.pk}/reveal/", {"reason": "REQ-1"})
        asked, told = cost(client, path)
        assert asked <= BUDGET, told


def test_a_list_opens_its_masks_with_one_query(office: Office, as_user: Any) -> None:
    team = office.pandev
    client = as_user(team.clerk)
    path = f"{CARD}/"
    person(team)
    few, _ = cost(client, path)
    for _ in range(3):
        person(team)
    many, told = cost(client, path)
    assert few == many <= 12, told
    rows = client.get(path).content.decode()
    assert rows.count("С. Ә. Н.") == 4 and no_value(rows)


def test_a_long_list_counts_no_further_than_it_must(office: Office, as_user: Any) -> None:
    DataSubject.objects.bulk_create(
        DataSubject(operator=office.pandev.operator, registered_at=NOW) for _ in range(1_010)
    )
    response = as_user(office.pandev.clerk).get(f"{CARD}/")
    assert response.context["cl"].result_count == 1_000
    assert "The newest 1000 of more" in response.content.decode().replace(",", "")


def test_the_pages_beside_the_card_cost_no_more_for_more_rows(
    known: Person, office: Office, as_user: Any
) -> None:
    team = office.pandev
    client = as_user(team.clerk)
    card = f"{CARD}/{known.card.pk}"
    pages = ("history", "rectify", "record", "withdraw", "consent", "prove")
    few = {name: cost(client, f"{card}/{name}/")[0] for name in pages}
    for number in range(4):
        hold(team, known.card, "email", f"more{number}@example.kz")
    many = {name: cost(client, f"{card}/{name}/")[0] for name in pages}
    assert few == many
    assert max(many.values()) <= 20, many
