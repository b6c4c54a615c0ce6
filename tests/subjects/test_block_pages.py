"""Blocks and legal holds on the card: the banner, the one click, the verbs and who may use them."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

from subjects.choices import StopKind
from subjects.models import AccessEvent, Block, Stop
from subjects.services.cards import cards_merge
from subjects.services.destruction import keys_destroy
from subjects.services.holds import hold_place
from subjects.services.looking import card_reveal
from subjects.services.stops import block_end, stop_place
from tests.conftest import Office
from tests.crawl.pages import differences, fingerprint
from tests.subjects.blocking import LABEL, MASKS, OTHER, block, category, leaks, photo
from tests.subjects.card_pages import CARD, cost, forms, page
from tests.subjects.persons import NOW, VALUES, Person, person, register

BUDGET = 15


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def known(office: Office) -> Person:
    return person(office.pandev)


def hold(office: Office, card: Any, label: str = "Case 7", kind: str = "legal_hold") -> Stop:
    given = {"label": label, "reason": "order of a court", "by": office.pandev.dpo, "now": NOW}
    if kind == StopKind.REQUEST:
        return stop_place(subject=card, **given)
    return hold_place(subject=card, document="ruling of 1 March 2026", **given)


# --- what the card says --------------------------------------------------------------------------
def test_the_banner_says_number_why_and_since(known: Person, office: Office, as_user: Any) -> None:
    block(office.pandev, known.card)
    hold(office, known.card)
    for user in (office.pandev.dpo, office.pandev.clerk, office.pandev.auditor):
        text = page(as_user(user), known.card)
        assert "everything on the card" in text and "while a complaint is checked" in text
        assert "Nothing is destroyed" in text and "Case 7" in text and "legal hold" in text
        assert text.count("since 2 March 2026, 14:00") == 2
        assert text.count(f"blocked by {LABEL} since 2 March 2026") == len(VALUES)
        assert not leaks(text)
        assert (f"Show the blocked data for {LABEL}" in text) == (user != office.pandev.auditor)
        assert 'id="reveal-reason"' not in text


def test_one_click_opens_it_and_no_other_reason_does(
    known: Person, office: Office, as_user: Any
) -> None:
    client = as_user(office.pandev.clerk)
    path = f"{CARD}/{known.card.pk}/reveal/"
    client.post(path, {"reason": "before the block"})
    assert VALUES["email"] in page(client, known.card)
    block(office.pandev, known.card)
    # An open card is shut for whoever has not opened it for this number.
    assert not leaks(page(client, known.card)) and not leaks(page(client, known.card, "history"))
    refused = client.post(path, {"reason": "curious"})
    assert refused.status_code == 409 and LABEL in refused.content.decode()
    shown = client.get(f"{CARD}/{known.card.pk}/change/")
    numbers = shown.context["card"].numbers
    assert f'name="reason" value="{numbers}"' in shown.content.decode()
    assert client.post(path, {"reason": numbers}).status_code == 302
    assert VALUES["email"] in page(client, known.card)
    assert VALUES["email"] in page(client, known.card, "history")
    assert AccessEvent.objects.filter(what="reveal", reason=LABEL).count() == 1
    # Another number comes on top: both must be named now.
    block(office.pandev, known.card, "email", label=OTHER)
    text = page(client, known.card)
    assert VALUES["email"] not in text and VALUES["phone"] in text
    assert VALUES["email"] not in page(client, known.card, "history")
    client.post(path, {"reason": f"{LABEL}, {OTHER}"})
    assert VALUES["email"] in page(client, known.card)


def test_a_blocked_category_leaves_the_rest_as_it_was(
    known: Person, office: Office, as_user: Any
) -> None:
    block(office.pandev, known.card, "email")
    client = as_user(office.pandev.clerk)
    assert 'id="reveal-reason"' in page(client, known.card)
    client.post(f"{CARD}/{known.card.pk}/reveal/", {"reason": "a case"})
    text = page(client, known.card)
    assert VALUES["email"] not in text and VALUES["phone"] in text
    assert f"blocked by {LABEL}" in text and f"Show the blocked data for {LABEL}" in text


def test_the_photo_goes_out_for_the_number_only(
    known: Person, office: Office, as_user: Any
) -> None:
    datum = photo(office.pandev, known.card)
    client = as_user(office.pandev.clerk)
    file = f"{CARD}/{known.card.pk}/file/{datum.pk}/"
    client.post(f"{CARD}/{known.card.pk}/reveal/", {"reason": "a case"})
    block(office.pandev, known.card, "photo")
    assert client.get(file).status_code == 409 and file not in page(client, known.card)
    client.post(f"{CARD}/{known.card.pk}/reveal/", {"reason": LABEL})
    assert client.get(file).status_code == 200 and file in page(client, known.card)


def test_lists_say_blocked_and_show_no_mask(known: Person, office: Office, as_user: Any) -> None:
    client = as_user(office.pandev.clerk)
    other = person(office.pandev)
    before = client.get(f"{CARD}/").content.decode()
    assert before.count(MASKS[0]) == 2 and "class='blocked'" not in before
    block(office.pandev, known.card)
    block(office.pandev, other.card, "email")
    text = client.get(f"{CARD}/").content.decode()
    assert text.count(MASKS[0]) == 1 and text.count("class='blocked'") == 2
    found = client.post(f"{CARD}/find/", {"text": VALUES["email"]}, follow=True).content.decode()
    assert known.card.code in found and other.card.code in found
    assert found.count('<span class="blocked">') == 2 and "@example.kz" not in found


def test_the_history_tells_of_blocks_and_stops(known: Person, office: Office, as_user: Any) -> None:
    team = office.pandev
    row = block(team, known.card, "email")
    block_end(block=row, by=team.dpo, now=NOW, reason="the complaint was wrong")
    hold(office, known.card)
    text = page(as_user(team.clerk), known.card, "history")
    for words in (
        f"block: while a complaint is checked {LABEL} ({category(team, 'email')})",
        "the complaint was wrong", "stop: legal hold Case 7", "order of a court",
    ):  # fmt: skip
        assert words in text, words
    assert not leaks(text)


# --- the verbs -----------------------------------------------------------------------------------
def verbs(known: Person, office: Office) -> dict[str, tuple[dict[str, Any], Any]]:
    standing = block(office.pandev, known.card, "phone", label="standing")
    held = hold(office, known.card, "standing")
    email = category(office.pandev, "email")
    return {
        "block": (
            {"category": email.pk, "why": "check", "label": LABEL, "reason": "complaint"},
            lambda: Block.objects.filter(category=email, label=LABEL, ended_at=None).exists(),
        ),
        "lift": (
            {"block": standing.pk, "reason": "not confirmed"},
            lambda: Block.objects.get(pk=standing.pk).ended_at == NOW,
        ),
        "hold": (
            {"label": LABEL, "document": "ruling 7", "reason": "order of a court"},
            lambda: Stop.objects.filter(label=LABEL, kind="legal_hold", ended_at=None).exists(),
        ),
        "release": (
            {"stop": held.pk, "reason": "the court is done"},
            lambda: Stop.objects.get(pk=held.pk).ended_at == NOW,
        ),
    }


@pytest.mark.parametrize("verb", ["block", "lift", "hold", "release"])
def test_each_verb_is_the_dpos(verb: str, known: Person, office: Office, as_user: Any) -> None:
    data, done = verbs(known, office)[verb]
    path = f"{CARD}/{known.card.pk}/{verb}/"
    refused = [
        (as_user(user), status)
        for user, status in (
            (office.pandev.clerk, 403),
            (office.pandev.auditor, 403),
            (office.ipm.dpo, 404),
            (office.ipm.clerk, 404),
            (office.admin, 404),
            (office.nobody, 404),
        )
    ]
    before = fingerprint()
    for client, status in refused:
        assert client.get(path).status_code == status
        assert client.post(path, data | {"x": 1}).status_code == status
    assert not differences(before) and not done()
    client = as_user(office.pandev.dpo)
    assert client.get(path).status_code == 200
    response = client.post(path, data | {"x": 1})
    assert response.status_code == 302, response.context["form"].errors
    assert done()
    (said,) = [str(message) for message in get_messages(response.wsgi_request)]
    assert not leaks(said)
    assert client.post(path, data).status_code in (200, 409)


def test_everything_is_blocked_when_no_category_is_chosen(
    known: Person, office: Office, as_user: Any
) -> None:
    client = as_user(office.pandev.dpo)
    text = page(client, known.card)
    assert "verb-block" in text and "verb-hold" in text
    assert "verb-lift" not in text and "verb-release" not in text
    path = f"{CARD}/{known.card.pk}/block/"
    said = {"category": "", "why": "check", "label": LABEL, "reason": "complaint"}
    for wrong in ({"label": " "}, {"reason": ""}, {"why": "no such"}, {"category": "0"}):
        assert client.post(path, said | wrong).context["form"].errors
    assert client.post(path, said).status_code == 302
    assert Block.objects.get().category is None
    assert client.post(path, said).status_code == 409
    hold(office, known.card, "REQ-9", kind="open_request")
    text = page(client, known.card)
    # What an open request stops ends with the request, not by hand.
    assert "verb-lift" in text and "verb-release" not in text
    assert "REQ-9" not in page(client, known.card, "release")


def test_a_row_of_another_card_or_operator_is_no_choice(
    known: Person, office: Office, as_user: Any
) -> None:
    other = register(office.pandev)
    foreign = block(office.pandev, other)
    held = hold(office, other)
    client = as_user(office.pandev.dpo)
    theirs = category(office.ipm, "email").pk if office.ipm else 0
    for verb, data in (
        ("lift", {"block": foreign.pk, "reason": "x"}),
        ("release", {"stop": held.pk, "reason": "x"}),
        ("block", {"category": theirs, "why": "check", "label": "x", "reason": "x"}),
    ):
        response = client.post(f"{CARD}/{known.card.pk}/{verb}/", data)
        assert response.status_code == 200 and response.context["form"].errors
    assert Block.objects.get().ended_at is None and Stop.objects.get().ended_at is None


def test_the_request_of_the_number_clarifies_and_proves(
    known: Person, office: Office, as_user: Any
) -> None:
    client = as_user(office.pandev.clerk)
    card = f"{CARD}/{known.card.pk}"
    datum = known.data["email"]
    assert 'name="label"' not in page(client, known.card, "rectify")
    block(office.pandev, known.card)
    text = page(client, known.card, "rectify")
    assert 'name="label"' in text and f"blocked by {LABEL}" in text and not leaks(text)
    for verb, data in (
        ("rectify", {"datum": datum.pk, "text": "right@example.kz", "reason": "misspelt"}),
        ("verify", {"datum": datum.pk}),
        ("prove", {"consent": known.consents[0].pk, "language": "en"}),
    ):
        refused = client.post(f"{card}/{verb}/", data | {"label": OTHER})
        assert refused.status_code == 409 and not leaks(refused.content)
        done = client.post(f"{card}/{verb}/", data | {"label": LABEL})
        assert done.status_code in (200, 302) and "errors" not in str(done.context or "")
    assert datum.history.count() == 3


# --- what it costs -------------------------------------------------------------------------------
def test_the_fullest_blocked_card_costs_no_more_than_fifteen(
    known: Person, office: Office, as_user: Any
) -> None:
    team = office.pandev
    forms(known, team)
    for number in range(2):
        cards_merge(into=known.card, other=register(team), by=team.dpo, now=NOW, reason=f"{number}")
    keys_destroy([known.data["iin"].value_key], reason="x", by=None, now=NOW)
    path = f"{CARD}/{known.card.pk}/change/"
    clients = {}
    for user in (team.dpo, team.clerk, team.auditor):
        client = clients[user] = as_user(user)
        device = TOTPDevice.objects.create(user=user, name="telephone", confirmed=True)
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = device.persistent_id
        session.save()
    free = {user: cost(client, path)[0] for user, client in clients.items()}
    block(team, known.card, "email", label=OTHER)
    block(team, known.card)
    hold(office, known.card)
    hold(office, known.card, "REQ-9", kind="open_request")
    for user, client in clients.items():
        if user == team.clerk:
            card_reveal(subject=known.card, user=user, reason=f"{LABEL}, {OTHER}", now=NOW)
        asked, told = cost(client, path)
        assert asked == free[user] <= BUDGET, told
