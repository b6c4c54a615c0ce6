"""The card and its verbs as everybody meets them: what it shows, refuses, costs and keeps."""

from __future__ import annotations

import io
import json
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice
from PIL import Image

from registry.models import DataCategory, InformationSystem, LegalBasis, ProcessingActivity
from subjects.models import (
    AccessEvent,
    Consent,
    DataSubject,
    DisseminationPermission,
    Ground,
    PersonalDatum,
    SubjectLink,
    VaultKey,
)
from subjects.services.cards import cards_link, cards_merge
from subjects.services.destruction import keys_destroy, subject_destroy
from subjects.services.grounds import consent_withdraw, dissemination_permit, ground_end
from subjects.services.looking import card_reveal
from subjects.services.reading import show
from tests.conftest import Office, Team
from tests.crawl.pages import differences, fingerprint
from tests.subjects.persons import (
    NOW,
    SINCE,
    TODAY,
    VALUES,
    Person,
    agree,
    hold,
    person,
    register,
    text_of,
)  # fmt: skip

CARD = "/admin/subjects/datasubject"
AT = "2026-03-02T13:30"  # local time of Almaty, half an hour ago


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def known(office: Office) -> Person:
    return person(office.pandev)


def page(client: Any, card: Any, name: str = "change") -> str:
    response = client.get(f"{CARD}/{card.pk}/{name}/")
    assert response.status_code == 200
    return str(response.content.decode())


def no_value(text: str) -> bool:
    return not any(value in text for value in VALUES.values())


def destroy(team: Team, known: Person) -> None:
    for consent in known.consents:
        consent_withdraw(consent=consent, channel="email", received_at=NOW, by=team.dpo, now=NOW)
    ground_end(
        ground=known.grounds[-1], ended_on=TODAY, end_reason="purpose_achieved", by=team.dpo,
        today=TODAY, reason="over",
    )  # fmt: skip
    subject_destroy(subject=known.card, reason="withdrawn", by=team.dpo, now=NOW, today=TODAY)


# --- each verb as it is filled in ----------------------------------------------------------------
def forms(known: Person, team: Team) -> dict[str, tuple[dict[str, Any], Any]]:
    """What each verb's form gets, and how one sees afterwards that it was done."""
    card, datum = known.card, known.data["email"]
    category = datum.category
    other = register(team)
    ipm = ProcessingActivity.objects.get(operator=team.operator, code="services")
    consent = LegalBasis.objects.get(code="KZ.7.1")
    basis = LegalBasis.objects.filter(jurisdiction=team.operator.jurisdiction).exclude(
        kind="consent"
    )[0]
    ipm.legal_bases.add(basis)
    ipm.save()
    wide = text_of(
        team, "wide", dissemination=True, name_en="Wide",
        activities=[
            ProcessingActivity.objects.get(operator=team.operator, code="licence_agreement")
        ],
    )  # fmt: skip
    shown = agree(team, card, "licence_agreement", text=wide, dissemination=True)
    permitted = shown.text.data_categories.first()
    permission = dissemination_permit(
        consent=shown, category=permitted, permission="allowed", started_on=TODAY, by=team.dpo,
        today=TODAY,
    )  # fmt: skip
    linked = register(team)
    link = cards_link(first=card, second=linked, by=team.dpo, now=NOW, reason="x")
    software = text_of(
        team, "software", name_en="Software",
        activities=[ProcessingActivity.objects.get(operator=team.operator, code="software_access")],
    )  # fmt: skip
    events = AccessEvent.objects
    return {
        "reveal": ({"reason": "REQ-1"}, lambda: events.filter(what="reveal").exists()),
        "hide": ({}, lambda: events.filter(what="hide").exists()),
        "record": (
            {
                "category": category.pk, "held_in": "vault", "text": "second@example.kz",
                "source": "subject", "collected_on": "2026-03-01", "verified": "on",
            },
            lambda: card.data.filter(category=category, verified_on=TODAY).exists(),
        ),
        "rectify": (
            {"datum": datum.pk, "text": "right@example.kz", "reason": "misspelt"},
            lambda: datum.history.count() == 2,
        ),
        "verify": (
            {"datum": datum.pk},
            lambda: PersonalDatum.objects.get(pk=datum.pk).verified_on == TODAY,
        ),
        "ground": (
            {"what": f"{ipm.pk}:{basis.pk}", "started_on": "2026-03-01"},
            lambda: card.grounds.filter(activity=ipm).exists(),
        ),
        "consent": (
            {
                "text": software.pk, "what": f"{software.activities.get().pk}:{consent.pk}",
                "given_at": AT, "channel": "email", "evidence": "letter 7", "language": "en",
            },
            lambda: Consent.objects.filter(text=software, channel="email").exists(),
        ),
        "withdraw": (
            {"consent": known.consents[0].pk, "channel": "post", "received_at": "2026-03-02T14:00"},
            lambda: Consent.objects.get(pk=known.consents[0].pk).withdrawn_by == "post",
        ),
        "end": (
            {
                "ground": known.grounds[2].pk, "ended_on": "2026-03-02",
                "end_reason": "contract_ended", "reason": "order 4",
            },
            lambda: Ground.objects.get(pk=known.grounds[2].pk).end_reason == "contract_ended",
        ),
        "permit": (
            {
                "consent": shown.pk, "category": permitted.pk, "permission": "conditions",
                "conditions": "without a photo", "started_on": "2026-03-02",
            },
            lambda: DisseminationPermission.objects.filter(permission="conditions").exists(),
        ),
        "stop_showing": (
            {"permission": permission.pk, "reason": "asked"},
            lambda: DisseminationPermission.objects.get(pk=permission.pk).ended_on == TODAY,
        ),
        "link": (
            {"other": other.code.lower(), "reason": "same passport"},
            lambda: SubjectLink.objects.filter(second=other, ended_at=None).exists(),
        ),
        "unlink": (
            {"link": link.pk, "reason": "two brothers"},
            lambda: SubjectLink.objects.get(pk=link.pk).ended_at == NOW,
        ),
        "merge": (
            {"other": other.code, "reason": "same passport"},
            lambda: DataSubject.objects.get(pk=other.pk).merged_into == card,
        ),
    }  # fmt: skip


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


# --- what it costs -------------------------------------------------------------------------------
BUDGET = 15


def cost(client: Any, path: str) -> tuple[int, str]:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured), "\n".join(query["sql"][:160] for query in captured.captured_queries)


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
