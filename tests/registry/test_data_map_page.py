"""The page of the data map: who sees it, what it says, and that it stays quick and well-formed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from html import unescape
from typing import Any
from xml.etree import ElementTree

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.data_map import Gift, Layer
from registry.models import (
    Country,
    DataCategory,
    InformationSystem,
    LegalBasis,
    Operator,
    ProcessingActivity,
    Purpose,
    Recipient,
    Transfer,
    User,
)
from registry.services.map_facts import map_facts
from tests.conftest import Office
from tests.crawl.pages import faults

LogIn = Callable[[User], Client]
SVG = "{http://www.w3.org/2000/svg}"
TODAY = date(2026, 3, 2)
HOSTILE = "<script>alert('x')</script> & \"co\""


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC), tick=False):
        yield


def page(client: Client, operator: Operator, **query: Any) -> Any:
    return client.get(reverse("admin:data_map", args=[operator.pk]), query)


def drawing(response: Any) -> ElementTree.Element:
    """The picture, read as strictly as XML is read."""
    assert response.status_code == 200
    found = re.search(r'<svg class="data-map".*?</svg>', response.content.decode(), re.DOTALL)
    assert found
    return ElementTree.fromstring(found.group())


def texts(svg: ElementTree.Element) -> list[str]:
    return [" ".join(" ".join(item.itertext()).split()) for item in svg.iter(f"{SVG}a")]


def coded(model: type[Any], operator: Operator, code: str, **fields: Any) -> Any:
    name = fields.pop("name", f"{model.__name__} {code}")
    return model.objects.create(operator=operator, code=code, name_en=name, **fields)


@pytest.fixture
def abroad(office: Office) -> Recipient:
    """PanDev gives data of one activity to a recipient in Germany."""
    operator = office.pandev.operator
    found: Recipient = coded(
        Recipient, operator, "cloud", name="Cloud of Bonn", kind="processor",
        country=Country.objects.get(code="DE"),
    )  # fmt: skip
    operator.processingactivity_set.get(code="services").recipients.add(found)
    return found


def transfer(recipient: Recipient, activity: str = "services", **fields: Any) -> Transfer:
    operator = recipient.operator
    return Transfer.objects.create(
        operator=operator,
        code=f"{recipient.code}-{activity}",
        name_en="Transfer",
        recipient=recipient,
        activity=operator.processingactivity_set.get(code=activity),
        legal_basis=LegalBasis.objects.filter(jurisdiction=operator.jurisdiction).first(),
        **{"gate": "none", **fields},
    )


# --- who sees it ---------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["dpo", "clerk", "deputy", "auditor"])
def test_whoever_sees_the_operator_sees_its_map(role: str, office: Office, as_user: LogIn) -> None:
    client = as_user(getattr(office.pandev, role))
    response = page(client, office.pandev.operator)
    assert response.status_code == 200
    assert not faults(response)
    assert page(client, office.ipm.operator).status_code == 404
    moved = client.get(reverse("admin:data_maps"))
    assert moved.headers["Location"] == reverse("admin:data_map", args=[office.pandev.operator.pk])


def test_a_stranger_and_another_operators_dpo_see_none(office: Office, as_user: LogIn) -> None:
    for user in (office.nobody, office.ipm.dpo):
        assert page(as_user(user), office.pandev.operator).status_code == 404
    assert as_user(office.nobody).get(reverse("admin:data_maps")).status_code == 404
    answer = page(Client(), office.pandev.operator)
    assert answer.status_code == 302 and "login" in answer.headers["Location"]


def test_the_administrator_chooses_between_operators(office: Office, as_user: LogIn) -> None:
    client = as_user(office.admin)
    response = client.get(reverse("admin:data_maps"))
    assert not faults(response)
    for team in (office.pandev, office.ipm):
        assert reverse("admin:data_map", args=[team.operator.pk]) in response.content.decode()
        assert page(client, team.operator).status_code == 200


@pytest.mark.parametrize("number", ["0", "999999", "abc", "-1", "1_3D"])
def test_no_such_operator_is_404(number: str, office: Office, as_user: LogIn) -> None:
    assert as_user(office.admin).get(f"/admin/registry/operator/{number}/map/").status_code == 404


def test_the_card_and_the_desk_lead_to_the_map(office: Office, as_user: LogIn) -> None:
    client = as_user(office.pandev.clerk)
    operator = office.pandev.operator
    card = client.get(reverse("admin:registry_operator_change", args=[operator.pk]))
    assert reverse("admin:data_map", args=[operator.pk]) in card.content.decode()
    assert reverse("admin:data_maps") in client.get(reverse("admin:index")).content.decode()
    stranger = as_user(office.nobody).get(reverse("admin:index")).content.decode()
    assert reverse("admin:data_maps") not in stranger


# --- what it says --------------------------------------------------------------------------------
def test_every_row_of_the_register_is_a_link_on_the_picture(office: Office, as_user: LogIn) -> None:
    for team in (office.pandev, office.ipm):
        operator = team.operator
        response = page(as_user(team.dpo), operator)
        links = [link.get("href") for link in drawing(response).iter(f"{SVG}a")]
        wanted = [
            reverse(f"admin:registry_{model._meta.model_name}_change", args=[row.pk])
            for model in (Purpose, DataCategory, InformationSystem, Recipient)
            for row in model.objects.filter(operator=operator)
        ]
        assert sorted(links) == sorted(wanted)
        for address in wanted[:1] + wanted[-1:]:
            assert as_user(team.dpo).get(address).status_code == 200


def test_pandevs_whole_register_is_a_few_boxes(office: Office, as_user: LogIn) -> None:
    svg = drawing(page(as_user(office.pandev.dpo), office.pandev.operator))
    boxes = [group for group in svg.iter(f"{SVG}g") if "box" in group.get("class", "").split()]
    assert len(boxes) == 6  # 9 + 1 purposes, 15 categories, 1 system, 2 recipients
    labels = " ".join("".join(text.itertext()) for text in svg.iter(f"{SVG}text"))
    assert "for purpose 3" in labels and "for all purposes" in labels
    assert "country not known" in labels and "biometric" in labels
    assert labels.count("no gate") == 2


def test_the_picture_is_described_for_whoever_hears_it(office: Office, as_user: LogIn) -> None:
    response = page(as_user(office.pandev.dpo), office.pandev.operator)
    svg = drawing(response)
    image = next(group for group in svg.iter(f"{SVG}g") if group.get("role") == "img")
    names = {part.get("id"): "".join(part.itertext()) for part in image if part.get("id")}
    assert image.get("aria-labelledby") == "map-title map-desc"
    assert "PanDev" in names["map-title"]
    assert "Purposes: 10. Categories of data: 15." in names["map-desc"]
    # Links inside an image would be hidden from a screen reader.
    assert not list(image.iter(f"{SVG}a"))
    words = unescape(response.content.decode()).split("map-words-title", 1)[1]
    for purpose in Purpose.objects.filter(operator=office.pandev.operator):
        assert str(purpose) in words
    assert "Competent state bodies of Kazakhstan (state body · Kazakhstan)" in words


def test_a_recipient_abroad_is_drawn_and_said_so(
    office: Office, as_user: LogIn, abroad: Recipient
) -> None:
    response = page(as_user(office.pandev.dpo), office.pandev.operator)
    svg = drawing(response)
    crossing = [
        path.get("class") for path in svg.iter(f"{SVG}path")
        if "border-abroad" in path.get("class", "")
    ]  # fmt: skip
    assert crossing == ["line border-abroad gate-none"] * 2
    assert "crosses the border" in response.content.decode()
    assert "Cloud of Bonn processor · Germany" in texts(svg)


@pytest.mark.parametrize(
    ("fields", "words", "css"),
    [
        ({}, "may open", "gate-closed"),
        ({"opened_on": date(2026, 2, 1)}, "open for data", "gate-open"),
        (
            {"opened_on": date(2026, 2, 1), "banned_on": date(2026, 3, 1), "ban_document": "No. 1"},
            "banned",
            "gate-banned",
        ),
        ({"opened_on": date(2026, 2, 1), "ended_on": date(2026, 2, 20)}, "has ended", "ended"),
    ],
)
def test_the_gate_of_a_transfer_is_on_its_arrow(
    fields: dict[str, Any], words: str, css: str, office: Office, as_user: LogIn
) -> None:
    body = office.pandev.operator.recipient_set.get(code="state_bodies")
    row = transfer(body, **fields)
    row.data_categories.add(DataCategory.objects.get(operator=body.operator, code="email"))
    response = page(as_user(office.pandev.dpo), office.pandev.operator)
    svg = drawing(response)
    trunk = [
        group for group in svg.iter(f"{SVG}g")
        if "trunk" in group.get("class", "").split()
        and words in ["".join(text.itertext()) for text in group.iter(f"{SVG}text")]
    ]  # fmt: skip
    assert len(trunk) == 1 and css in trunk[0].get("class", "")
    assert "for purpose 5" in "".join(trunk[0].itertext())
    assert "Given: E-mail address" in " ".join(response.content.decode().split())


def test_a_transfer_that_the_activity_does_not_name_is_on_the_map(office: Office) -> None:
    operator = office.pandev.operator
    row = transfer(coded(Recipient, operator, "other", kind="third_party"), "accounts")
    facts = map_facts(operator=operator, today=TODAY)
    gifts = {one.pk: one.gifts for one in facts.activities}[row.activity_id]
    assert Gift(row.recipient_id, "planned") in gifts
    assert len(gifts) == 2


def test_facts_are_those_of_the_register(office: Office) -> None:
    for team in (office.pandev, office.ipm):
        facts = map_facts(operator=team.operator, today=TODAY)
        rows = team.operator.processingactivity_set.all()
        assert {one.pk: one.data for one in facts.activities} == {
            row.pk: frozenset(row.data_categories.values_list("pk", flat=True)) for row in rows
        }
        assert {one.pk: one.systems for one in facts.activities} == {
            row.pk: frozenset(row.systems.values_list("pk", flat=True)) for row in rows
        }
        assert {one.pk: {gift.recipient for gift in one.gifts} for one in facts.activities} == {
            row.pk: set(row.recipients.values_list("pk", flat=True)) for row in rows
        }
        assert {one.pk: one.purpose for one in facts.activities} == {
            row.pk: row.purpose_id for row in rows
        }
        assert len(facts.of(Layer.RECIPIENTS)) == team.operator.recipient_set.count()


def test_what_has_ended_is_marked_from_its_day_on(office: Office) -> None:
    operator = office.pandev.operator
    ended = operator.purpose_set.get(code="services")
    ended.ended_on = TODAY
    ended.save()
    activity = operator.processingactivity_set.get(code="accounts")
    activity.ended_on = TODAY
    activity.save()

    def over(day: date) -> tuple[set[int], set[int]]:
        facts = map_facts(operator=operator, today=day)
        return (
            {node.pk for node in facts.of(Layer.PURPOSES) if node.ended},
            {one.purpose for one in facts.activities if one.ended},
        )

    assert over(date(2026, 3, 1)) == (set(), set())
    assert over(TODAY) == ({ended.pk}, {ended.pk, activity.purpose_id})


def test_one_purpose_alone(office: Office, as_user: LogIn, abroad: Recipient) -> None:
    client, operator = as_user(office.pandev.dpo), office.pandev.operator
    services = operator.purpose_set.get(code="services")
    shown = texts(drawing(page(client, operator, purpose=services.pk)))
    assert "5 Paid and free services" in shown
    assert not [text for text in shown if "Identification" in text]
    assert [text for text in shown if "Cloud of Bonn" in text]
    other = operator.purpose_set.get(code="accounts")
    assert not [
        text
        for text in texts(drawing(page(client, operator, purpose=other.pk)))
        if "Cloud of Bonn" in text
    ]
    foreign = office.ipm.operator.purpose_set.get()
    for wrong in (foreign.pk, 999999, "services", "1' OR 1"):
        assert page(client, operator, purpose=wrong).status_code == 404


def test_names_are_escaped(office: Office, as_user: LogIn) -> None:
    operator = office.pandev.operator
    activity = operator.processingactivity_set.get(code="services")
    activity.data_categories.add(coded(DataCategory, operator, "hostile", name=HOSTILE))
    activity.systems.add(coded(InformationSystem, operator, "hostile", name=HOSTILE))
    activity.recipients.add(coded(Recipient, operator, "hostile", name=HOSTILE, kind="third_party"))
    activity.purpose.name_en = HOSTILE
    activity.purpose.save()
    operator.name = HOSTILE
    operator.save()
    response = page(as_user(office.pandev.dpo), operator)
    assert "<script>alert" not in response.content.decode()
    assert not faults(response)
    svg = drawing(response)
    assert HOSTILE in "".join(svg.find(f".//{SVG}title").itertext())  # type: ignore[union-attr]
    shown = [text.replace(" ", "") for text in texts(svg)]
    assert len([text for text in shown if HOSTILE.replace(" ", "") in text]) == 4


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_picture_is_well_formed_in_each_language(
    language: str, office: Office, as_user: LogIn, abroad: Recipient
) -> None:
    user = office.pandev.dpo
    user.language = language
    user.save()
    response = page(as_user(user), office.pandev.operator)
    assert f'lang="{language}"' in response.content.decode()
    svg = drawing(response)
    name = str(getattr(office.pandev.operator.purpose_set.get(code="services"), f"name_{language}"))
    assert [text for text in texts(svg) if text.split(" ", 1)[1] == name]
    # Places are numbers of the drawing, whatever a language does to its numbers.
    for box in svg.iter(f"{SVG}rect"):
        assert all(box.get(side, "").isdecimal() for side in ("x", "y", "width", "height"))


def test_an_empty_register_says_so(office: Office, as_user: LogIn) -> None:
    operator = Operator.objects.create(
        code="empty", name="Empty", jurisdiction=office.pandev.operator.jurisdiction
    )
    response = page(as_user(office.admin), operator)
    assert response.status_code == 200
    assert '<svg class="data-map" xmlns' not in response.content.decode()
    assert "The register is empty" in response.content.decode()


# --- how long it takes ---------------------------------------------------------------------------
def five_hundred(operator: Operator) -> None:
    """Activities of which no two are alike, each with data, systems, recipients and a transfer."""
    purposes = [coded(Purpose, operator, f"p{n}") for n in range(40)]
    data = [coded(DataCategory, operator, f"d{n}") for n in range(41)]
    systems = [coded(InformationSystem, operator, f"s{n}") for n in range(13)]
    recipients = [coded(Recipient, operator, f"r{n}", kind="processor") for n in range(13)]
    basis = LegalBasis.objects.filter(jurisdiction=operator.jurisdiction).first()
    rows = ProcessingActivity.objects.bulk_create(
        ProcessingActivity(
            operator=operator, code=f"a{n}", name_en=f"Activity {n}", purpose=purposes[n % 40]
        )
        for n in range(500)
    )
    for name, others, count in (
        ("data_categories", data, 10), ("systems", systems, 2), ("recipients", recipients, 2),
    ):  # fmt: skip
        field = ProcessingActivity._meta.get_field(name)
        target = field.m2m_reverse_field_name()  # type: ignore[union-attr]
        through = field.remote_field.through  # type: ignore[union-attr]
        through.objects.bulk_create(
            through(
                processingactivity_id=row.pk,
                **{f"{target}_id": others[(n * 7 + step * (n % 5 + 1)) % len(others)].pk},
            )
            for n, row in enumerate(rows)
            for step in range(count)
        )
    Transfer.objects.bulk_create(
        Transfer(
            operator=operator, code=f"t{n}", name_en="Transfer", gate="none",
            recipient=recipients[n % 13], activity=row, legal_basis=basis,
        )
        for n, row in enumerate(rows)
    )  # fmt: skip


def test_ten_queries_with_five_hundred_activities(office: Office, as_user: LogIn) -> None:
    client, operator = as_user(office.pandev.dpo), office.pandev.operator
    page(client, operator)
    with CaptureQueriesContext(connection) as few:
        page(client, operator)
    five_hundred(operator)
    page(client, operator)
    begun = time.process_time()
    with CaptureQueriesContext(connection) as many:
        response = page(client, operator)
    took = time.process_time() - begun
    assert len(many) <= 10, [query["sql"][:120] for query in many]
    assert len(many) <= len(few) + 1  # the information about foreign recipients, if there are any
    assert response.context["overview"]
    assert took < 5, f"{took:.1f} s"
    drawing(response)
