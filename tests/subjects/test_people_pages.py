"""The card as everybody meets it: what it says, keeps and never lets out."""

from __future__ import annotations

import io
import json
from typing import Any
from unittest import mock

import pytest
import time_machine
from PIL import Image

from registry.models import DataCategory
from subjects.models import AccessEvent, DataSubject, PersonalDatum, VaultKey
from subjects.services.cards import cards_link, cards_merge
from subjects.services.destruction import keys_destroy, subject_destroy
from subjects.services.grounds import consent_withdraw, ground_end
from subjects.services.looking import card_reveal
from subjects.services.reading import show
from tests.conftest import Office, Team
from tests.subjects.card_pages import CARD, no_value, page
from tests.subjects.persons import NOW, SINCE, TODAY, VALUES, Person, agree, hold, person, register


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def known(office: Office) -> Person:
    return person(office.pandev)


def destroy(team: Team, known: Person) -> None:
    for consent in known.consents:
        consent_withdraw(consent=consent, channel="email", received_at=NOW, by=team.dpo, now=NOW)
    ground_end(
        ground=known.grounds[-1], ended_on=TODAY, end_reason="purpose_achieved", by=team.dpo,
        today=TODAY, reason="over",
    )  # fmt: skip
    subject_destroy(subject=known.card, reason="withdrawn", by=team.dpo, now=NOW, today=TODAY)


# --- what the card says --------------------------------------------------------------------------
def test_the_card_says_what_becomes_of_each_datum(
    known: Person, office: Office, as_user: Any
) -> None:
    client = as_user(office.pandev.dpo)
    text = page(client, known.card)
    assert "stays: Registration and management of accounts (7(1), 8) and 2 more grounds" in text
    for consent in known.consents:
        consent_withdraw(
            consent=consent, channel="email", received_at=NOW, by=office.pandev.dpo, now=NOW
        )
    text = page(client, known.card)
    assert "stays: Registration and management of accounts (7(" in text
    assert "Withdrawn on 2 March 2026, 14:00 by way of e-mail." in text
    # The last ground: now its end would let everything go, by a day and an article.
    assert "If it ended today" in text and "goes by " in text


def test_the_page_before_a_withdrawal_says_what_would_go(office: Office, as_user: Any) -> None:
    team = office.pandev
    card = register(team)
    consent = agree(team, card)
    hold(team, card, "email", VALUES["email"])
    client = as_user(team.clerk)
    text = page(client, card, "withdraw")
    assert "E-mail address" in text and "goes by" in text and no_value(text)
    other = client.get(f"{CARD}/{card.pk}/withdraw/", {"consent": consent.pk + 1})
    assert "goes by" not in other.content.decode()


def test_a_destroyed_person(known: Person, office: Office, as_user: Any) -> None:
    team = office.pandev
    card_reveal(subject=known.card, user=team.dpo, reason="REQ-1", now=NOW)
    destroy(team, known)
    client = as_user(team.dpo)
    text = page(client, known.card)
    assert no_value(text)
    assert text.count("destroyed on 2 March 2026 (withdrawn)") == len(VALUES)
    assert "lost" not in text and "verb-rectify" not in text
    trail = page(client, known.card, "history")
    assert no_value(trail) and "destroyed" in trail
    assert no_value(page(as_user(team.clerk), known.card, "history"))
    response = client.get(f"{CARD}/{known.card.pk}/rectify/")
    assert response.status_code == 200 and no_value(response.content.decode())


def test_a_lost_value_is_an_alarm(known: Person, office: Office, as_user: Any) -> None:
    number = known.data["email"].value_key
    VaultKey.objects.filter(pk=number).delete()
    text = page(as_user(office.pandev.clerk), known.card)
    assert 'class="alarm" role="alert"' in text and "1 value is lost" in text
    assert text.count("lost: its key is gone") == 2  # in the head and on the row
    keys_destroy([known.data["iin"].value_key], reason="x", by=None, now=NOW)
    assert "1 value is lost" in page(as_user(office.pandev.clerk), known.card)


def test_merged_and_linked_cards_point_at_each_other(office: Office, as_user: Any) -> None:
    team = office.pandev
    one, two, three = (register(team) for _ in range(3))
    card_reveal(subject=two, user=team.dpo, reason="before the merge", now=NOW)
    cards_merge(into=one, other=two, by=team.dpo, now=NOW, reason="x")
    cards_link(first=one, second=three, by=team.dpo, now=NOW, reason="x")
    client = as_user(team.dpo)
    text = page(client, one)
    assert two.code in text and three.code in text and "before the merge" in text
    assert one.code in page(client, three)
    gone = page(client, two)
    assert f"{CARD}/{one.pk}/change/" in gone and "This card was merged" in gone
    assert "verb-record" not in gone
    assert client.get(f"{CARD}/{two.pk}/record/").status_code == 409


def test_the_history_is_one_list_of_everything(known: Person, office: Office, as_user: Any) -> None:
    team = office.pandev
    client = as_user(team.clerk)
    card = f"{CARD}/{known.card.pk}"
    client.post(f"{card}/rectify/",
                {"datum": known.data["email"].pk, "text": "new.canary@example.kz",
                 "reason": "misspelt in the form"})  # fmt: skip
    text = page(client, known.card, "history")
    for words in (
        known.card.code, "E-mail address", "ground: ", "consent: Registration v1", "clerk@pandev",
        "misspelt in the form", "••• → •••",
    ):  # fmt: skip
        assert words in text, words
    assert no_value(text) and "new.canary" not in text
    client.post(f"{card}/reveal/", {"reason": "REQ-1"})
    text = page(client, known.card, "history")
    assert f"{VALUES['email']} → new.canary@example.kz" in text
    # Of a card that moved too: its versions open by who owns them now.
    other = register(team)
    cards_merge(into=other, other=known.card, by=team.dpo, now=NOW, reason="duplicate")
    client.post(f"{CARD}/{other.pk}/reveal/", {"reason": "REQ-2"})
    text = page(client, other, "history")
    assert f"{VALUES['email']} → new.canary@example.kz" in text or "duplicate" in text
    second = client.get(f"{CARD}/{other.pk}/history/", {"p": 2}).content.decode()
    assert VALUES["email"] in text + second


# --- nothing leaks -------------------------------------------------------------------------------
def test_a_fault_on_an_open_card_logs_no_value(
    known: Person, office: Office, as_user: Any, caplog: Any
) -> None:
    client = as_user(office.pandev.clerk)
    client.raise_request_exception = False
    client.post(f"{CARD}/{known.card.pk}/reveal/", {"reason": "REQ-1"})

    def broken(*args: Any, **kw: Any) -> Any:
        shown = show(*args, **kw)
        raise RuntimeError(f"broken with {shown} {list(shown.values())}")

    caplog.set_level("DEBUG")
    with mock.patch("subjects.admin.pages.show", broken):
        response = client.get(f"{CARD}/{known.card.pk}/change/")
    assert response.status_code == 500
    assert no_value(response.content.decode()) and "Traceback" not in response.content.decode()
    assert "broken with" in caplog.text and no_value(caplog.text)


# --- files and papers ----------------------------------------------------------------------------
def picture() -> io.BytesIO:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(stream, "PNG")
    stream.seek(0)
    stream.name = "Серікова.png"
    return stream


def test_a_photo_is_sealed_and_seen_only_while_the_card_is_open(
    known: Person, office: Office, as_user: Any, clock: Any
) -> None:
    team = office.pandev
    category = DataCategory.objects.get(operator=team.operator, code="photo")
    client = as_user(team.clerk)
    data = {"category": category.pk, "source": "subject", "collected_on": str(SINCE)}
    path = f"{CARD}/{known.card.pk}/photo/"
    wrong = io.BytesIO(b"no picture")
    wrong.name = "a.png"
    assert client.post(path, data | {"photo": wrong}).status_code == 422
    assert not PersonalDatum.objects.filter(category=category).exists()
    response = client.post(path, data | {"photo": picture()})
    assert response.status_code == 302, response.context["form"].errors
    datum = PersonalDatum.objects.get(category=category)
    file = f"{CARD}/{known.card.pk}/file/{datum.pk}/"
    assert client.get(file).status_code == 409
    client.post(f"{CARD}/{known.card.pk}/reveal/", {"reason": "REQ-1"})
    assert file in page(client, known.card)
    seen = client.get(file)
    assert seen.status_code == 200 and seen.headers["Content-Type"] == "image/png"
    assert b"".join(seen.streaming_content) == picture().getvalue()
    assert "no-store" in seen.headers["Cache-Control"]
    assert AccessEvent.objects.filter(what="download", user=team.clerk).count() == 1
    assert as_user(team.dpo).get(file).status_code == 409
    assert as_user(team.auditor).get(file).status_code == 403
    assert as_user(office.ipm.dpo).get(file).status_code == 404
    assert client.get(f"{CARD}/{known.card.pk}/file/10/").status_code == 404
    clock.shift(15 * 60)
    assert client.get(file).status_code == 409


def test_the_dpo_exports_the_card(known: Person, office: Office, as_user: Any) -> None:
    path = f"{CARD}/{known.card.pk}/export/"
    assert as_user(office.pandev.clerk).post(path, {"reason": "REQ-1"}).status_code == 403
    response = as_user(office.pandev.dpo).post(path, {"reason": "REQ-1"})
    assert response.headers["Content-Type"] == "application/json"
    assert known.card.code in response.headers["Content-Disposition"]
    found = json.loads(response.content)
    assert {row["value"] for row in found["data"]} == set(VALUES.values())
    assert len(found["grounds"]) == 3 and found["code"] == known.card.code
    event = AccessEvent.objects.get()
    assert (event.what, event.reason, event.details) == ("export", "REQ-1", {"data": 8})
    empty = as_user(office.pandev.dpo).post(path, {"reason": " "})
    assert empty.status_code == 200 and empty.context["form"].errors


def test_registration(office: Office, as_user: Any) -> None:
    client = as_user(office.pandev.clerk)
    data = {"operator": office.pandev.operator.pk, "kind": "person", "category": ""}
    response = client.post(f"{CARD}/add/", data)
    card = DataSubject.objects.get()
    assert response.headers["Location"] == f"{CARD}/{card.pk}/change/"
    assert card.history.get().history_user == office.pandev.clerk
    assert "Nothing allows to hold data of this person" in page(client, card)
    assert as_user(office.pandev.auditor).get(f"{CARD}/add/").status_code == 403
    forged = client.post(f"{CARD}/add/", data | {"operator": office.ipm.operator.pk})
    assert forged.status_code == 200 and DataSubject.objects.count() == 1


def test_the_desk_leads_to_the_search(office: Office, as_user: Any) -> None:
    for user, there in (
        (office.pandev.clerk, True), (office.pandev.auditor, True), (office.admin, False),
        (office.nobody, False),
    ):  # fmt: skip
        text = as_user(user).get("/admin/").content.decode()
        assert (f'href="{CARD}/find/"' in text) == there
        assert as_user(user).get(f"{CARD}/find/").status_code == (200 if there else 403)
