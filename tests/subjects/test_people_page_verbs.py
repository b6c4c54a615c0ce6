"""The verbs of a card: filled in by whom they are for, and refused in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages

from registry.models import InformationSystem
from tests.conftest import Office
from tests.crawl.pages import differences, fingerprint
from tests.subjects.card_pages import AT, CARD, forms, no_value, page
from tests.subjects.persons import NOW, Person, person, register


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def known(office: Office) -> Person:
    return person(office.pandev)


VERBS = (
    "reveal", "hide", "record", "rectify", "verify", "ground", "consent", "withdraw", "end",
    "permit", "stop_showing", "link", "unlink", "merge",
)  # fmt: skip
FOR_THE_DPO = {"merge", "export"}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_done_by_whom_it_is_for(
    verb: str, known: Person, office: Office, as_user: Any
) -> None:
    data, done = forms(known, office.pandev)[verb]
    path = f"{CARD}/{known.card.pk}/{verb}/"
    refused = [
        (as_user(user), status)
        for user, status in (
            (office.pandev.auditor, 403),
            (office.ipm.dpo, 404),
            (office.ipm.clerk, 404),
            (office.admin, 404),
            (office.nobody, 404),
            *([(office.pandev.clerk, 403)] if verb in FOR_THE_DPO else []),
        )
    ]
    before = fingerprint()
    for client, status in refused:
        assert client.get(path).status_code == status
        assert client.post(path, data | {"x": 1}).status_code == status
    assert not differences(before) and not done()
    user = office.pandev.dpo if verb in FOR_THE_DPO else office.pandev.clerk
    client = as_user(user)
    assert client.get(path).status_code == 200
    response = client.post(path, data | {"x": 1})
    assert response.status_code == 302, response.context["form"].errors
    assert response.headers["Location"] == f"{CARD}/{known.card.pk}/change/"
    assert done()
    (said,) = [str(message) for message in get_messages(response.wsgi_request)]
    assert no_value(said) and "example.kz" not in said


def test_a_datum_elsewhere(known: Person, office: Office, as_user: Any) -> None:
    client = as_user(office.pandev.clerk)
    system = InformationSystem.objects.filter(operator=known.card.operator)[0]
    data = {
        "category": known.data["email"].category_id, "held_in": "system", "text": "",
        "source": "subject", "collected_on": "2026-03-01",
    }  # fmt: skip
    path = f"{CARD}/{known.card.pk}/record/"
    assert client.post(path, data).status_code == 422
    assert client.post(path, data | {"system": system.pk}).status_code == 302
    assert f"held in the system {system}" in page(client, known.card)


# --- refusals ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("verb", "changed", "status", "words"),
    [
        ("rectify", {"text": "no address at all"}, 422, "not an e-mail address"),
        ("record", {"text": "no address at all"}, 422, "not an e-mail address"),
        ("record", {"collected_on": "2026-03-03"}, 422, "in the future"),
        ("withdraw", {"received_at": "2026-03-02T14:01"}, 422, "in the future"),
        ("withdraw", {"received_at": "2026-03-02T13:59"}, 422, "before it was given"),
        ("consent", {"given_at": "2025-12-31T23:59"}, 422, "in force from"),
        ("link", {"other": "S-22222222"}, 422, "no card with this code"),
    ],
)
def test_a_refusal_is_a_sentence_on_the_form(
    verb: str, changed: dict[str, str], status: int, words: str, known: Person, office: Office,
    as_user: Any,
) -> None:  # fmt: skip
    data, done = forms(known, office.pandev)[verb]
    client = as_user(office.pandev.clerk)
    before = fingerprint()
    response = client.post(f"{CARD}/{known.card.pk}/{verb}/", data | changed)
    assert response.status_code == status
    assert words in response.content.decode().replace("&#x27;", "'")
    assert "no-store" in response.headers["Cache-Control"]
    assert not differences(before) and not done()


def test_what_is_not_covered_is_refused_by_name(office: Office, as_user: Any) -> None:
    card = register(office.pandev)
    known = person(office.pandev)
    client = as_user(office.pandev.clerk)
    path = f"{CARD}/{card.pk}/record/"
    assert "no ground covers it today" in client.get(path).content.decode()
    data = {
        "category": known.data["email"].category_id, "held_in": "vault", "text": "a@example.kz",
        "source": "subject", "collected_on": "2026-03-01",
    }  # fmt: skip
    response = client.post(path, data)
    assert response.status_code == 422 and card.code in response.content.decode()
    assert not card.data.exists()


def test_a_row_of_another_card_is_no_choice(known: Person, office: Office, as_user: Any) -> None:
    other = person(office.pandev)
    client = as_user(office.pandev.dpo)
    for verb, data in (
        ("rectify", {"datum": other.data["email"].pk, "text": "a@b.kz", "reason": "x"}),
        ("verify", {"datum": other.data["email"].pk}),
        ("withdraw", {"consent": other.consents[0].pk, "channel": "post", "received_at": AT}),
        ("end", {"ground": other.grounds[0].pk, "ended_on": "2026-03-02",
                 "end_reason": "contract_ended", "reason": "x"}),
    ):  # fmt: skip
        before = fingerprint()
        response = client.post(f"{CARD}/{known.card.pk}/{verb}/", data)
        assert response.status_code == 200 and response.context["form"].errors, verb
        assert not differences(before)
