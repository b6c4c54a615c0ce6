"""Find a person: by whatever the clerk has, with one operator only, and nothing typed is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import Operator
from subjects.models import AccessEvent, SearchResult
from subjects.services.cards import cards_merge
from subjects.services.destruction import subject_destroy
from subjects.services.grounds import consent_withdraw, ground_end
from subjects.services.search import (
    LIMIT,
    NothingTyped,
    SearchGone,
    result_of,
    results_forget,
    search,
)
from tests.conftest import Office, Team
from tests.subjects.persons import (
    EVIDENCE,
    NOW,
    TODAY,
    VALUES,
    Person,
    agree,
    hold,
    person,
    register,
)

FIND = "/admin/subjects/datasubject/find/"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def known(office: Office) -> Person:
    return person(office.pandev)


def found(team: Team, text: str, **changed: Any) -> list[int]:
    operators = Operator.objects.filter(pk=team.operator.pk)
    given = {"user": team.clerk, "text": text, "now": NOW, "operators": operators} | changed
    return search(**given).subjects


# What a clerk types -> which of the person's values it finds, and the kind that is recorded.
TYPED = {
    "e-mail": ("assel.canary@example.kz", "email"),
    "e-mail in capitals": (" ASSEL.Canary@Example.KZ ", "email"),
    "phone": ("+7 701 555-90-87", "phone"),
    "phone with the trunk prefix": ("8 (701) 555 90 87", "phone"),
    "phone without a country": ("7015559087", "phone"),
    "last four digits": ("9087", "tail"),
    "last four as on the mask": ("••• 90 87", "tail"),
    "IIN": ("900101 400013", "iin"),
    "account": ("assel-canary", "name"),
    "IP address": ("192.0.2.77", "ip"),
    "surname": ("Серікова", "name"),
    "surname, Russian letters": ("серикова", "name"),
    "surname, Latin letters": ("Serikova", "name"),
    "two words in any order": ("асель серикова", "name"),
    "a beginning": ("сери", "name"),
    "beginning and word": ("Нурл Assel", "name"),
}


@pytest.mark.parametrize("case", TYPED)
def test_a_person_is_found(case: str, known: Person, office: Office) -> None:
    text, kind = TYPED[case]
    other = person(office.pandev, {"full_name": "Петров Иван", "email": "other@example.kz"})
    hits = found(office.pandev, text)
    assert hits == [known.card.pk]
    assert other.card.pk not in hits
    event = AccessEvent.objects.get()
    assert event.details == {"kind": kind, "hits": 1}
    assert (event.what, event.subject, event.operator) == ("search", None, office.pandev.operator)


@pytest.mark.parametrize(
    "text",
    [
        "Петров",
        "9999",
        "nobody@example.kz",
        "900101400014",
        "сер",
        "серикова петр",
        "петр серикова",
        "петров асель",
        "S-22222222",
    ],
)
def test_nobody_else_is_found(text: str, known: Person, office: Office) -> None:
    assert found(office.pandev, text) == []
    assert AccessEvent.objects.get().details["hits"] == 0


def test_by_the_code_in_any_writing(known: Person, office: Office) -> None:
    code = known.card.code
    for text in (code, code.lower(), code.removeprefix("S-"), f" {code[:5]} {code[5:]} "):
        assert found(office.pandev, text) == [known.card.pk], text
    assert {event.details["kind"] for event in AccessEvent.objects.all()} == {"code"}


def test_another_operators_people_do_not_exist(known: Person, office: Office, as_user: Any) -> None:
    for text in (*VALUES.values(), known.card.code):
        assert found(office.ipm, text) == [], text
        page = as_user(office.ipm.dpo).post(FIND, {"text": text}, follow=True)
        assert known.card.code not in page.content.decode().replace(text, "")
        assert not page.context["hits"]


def test_an_event_with_each_operator_searched(known: Person, office: Office) -> None:
    found(office.pandev, VALUES["email"], operators=Operator.objects.order_by("code"))
    events = {event.operator.code: event.details["hits"] for event in AccessEvent.objects.all()}
    assert events == {"ipm": 0, "pandev": 1}


def test_a_merged_card_leads_to_the_one_that_stays(known: Person, office: Office) -> None:
    other = register(office.pandev)
    cards_merge(into=known.card, other=other, by=office.pandev.dpo, now=NOW, reason="duplicate")
    assert found(office.pandev, other.code) == [known.card.pk]


def test_destroyed_values_find_nobody(known: Person, office: Office) -> None:
    team = office.pandev
    for consent in known.consents:
        consent_withdraw(consent=consent, channel="email", received_at=NOW, by=team.dpo, now=NOW)
    ground_end(
        ground=known.grounds[-1], ended_on=TODAY, end_reason="purpose_achieved", by=team.dpo,
        today=TODAY, reason="over",
    )  # fmt: skip
    subject_destroy(subject=known.card, reason="withdrawn", by=team.dpo, now=NOW, today=TODAY)
    for text in VALUES.values():
        assert found(team, text) == [], text


def test_too_many_are_cut_off_and_said(office: Office) -> None:
    team = office.pandev
    for number in range(LIMIT + 2):
        card = register(team)
        agree(team, card)
        hold(team, card, "full_name", "Ким Нурлан")
        if number == 0:
            hold(team, card, "account", "ким")
    result = search(
        user=team.clerk, text="ким", now=NOW, operators=Operator.objects.filter(code="pandev")
    )
    assert len(result.subjects) == LIMIT and result.more
    # Whoever bears exactly what was typed comes before all who share a word of it.
    assert result.subjects[0] == min(card.pk for card in team.operator.subjects.all())


def test_nothing_typed_is_refused(office: Office, as_user: Any) -> None:
    with pytest.raises(NothingTyped):
        found(office.pandev, "  ")
    client = as_user(office.pandev.clerk)
    for text in ("", "   ", "x" * 301):
        response = client.post(FIND, {"text": text})
        assert response.status_code == 200 and response.context["form"].errors
    assert not SearchResult.objects.exists() and not AccessEvent.objects.exists()


# --- the result ----------------------------------------------------------------------------------
def test_a_result_is_its_own_users_for_a_while(
    known: Person, office: Office, as_user: Any, clock: Any
) -> None:
    clerk = as_user(office.pandev.clerk)
    response = clerk.post(FIND, {"text": "серикова"})
    place = response.headers["Location"]
    assert response.status_code == 302
    page = clerk.get(place).content.decode()
    assert known.card.code in page and "С. Ә. Н." in page
    assert not any(value in page for value in VALUES.values())
    for user in (office.pandev.dpo, office.pandev.deputy, office.pandev.auditor, office.ipm.dpo):
        other = as_user(user).get(place)
        assert other.status_code == 410
        assert known.card.code not in other.content.decode()
    assert as_user(office.nobody).get(place).status_code == 403
    other_sign = "y" if place[-2] == "x" else "x"
    assert clerk.get(f"{place[:-2]}{other_sign}/").status_code == 410
    clock.shift(timedelta(minutes=settings.SEARCH_RESULT_MINUTES, seconds=-1))
    assert clerk.get(place).status_code == 200
    clock.shift(1)
    gone = clerk.get(place)
    assert gone.status_code == 410
    assert "search again" in gone.content.decode() and known.card.code not in gone.content.decode()
    assert "no-store" in gone.headers["Cache-Control"]


def test_the_sweep_forgets_what_has_expired(known: Person, office: Office) -> None:
    found(office.pandev, "серикова")
    later = NOW + timedelta(minutes=settings.SEARCH_RESULT_MINUTES)
    assert results_forget(later - timedelta(seconds=1)) == 0
    number = SearchResult.objects.get().pk
    assert results_forget(later) == 1
    assert results_forget(later) == 0
    with pytest.raises(SearchGone):
        result_of(user=office.pandev.clerk, number=number, now=NOW)


def test_a_role_lost_meanwhile_hides_the_hits(known: Person, office: Office, as_user: Any) -> None:
    clerk = as_user(office.pandev.clerk)
    place = clerk.post(FIND, {"text": "серикова"}).headers["Location"]
    role = office.pandev.clerk.memberships.get()
    role.operator = office.ipm.operator
    role.save()
    page = clerk.get(place)
    assert page.status_code == 200 and known.card.code not in page.content.decode()


def test_two_ticked_hits_go_on_to_link_or_merge(
    known: Person, office: Office, as_user: Any
) -> None:
    other = person(office.pandev)
    dpo = as_user(office.pandev.dpo)
    place = dpo.post(FIND, {"text": "серикова"}).headers["Location"]
    for verb in ("link", "merge"):
        both = dpo.post(place, {"card": [other.card.pk, known.card.pk], "verb": verb})
        assert both.headers["Location"] == (
            f"/admin/subjects/datasubject/{known.card.pk}/{verb}/?other={other.card.code}"
        )
        assert f'value="{other.card.code}"' in dpo.get(both.headers["Location"]).content.decode()
    for wrong in ([known.card.pk], [], [known.card.pk, 10**9]):
        back = dpo.post(place, {"card": wrong, "verb": "merge"})
        assert back.headers["Location"] == place
    assert dpo.post(place, {"card": [1, 2], "verb": "delete"}).headers["Location"] == place


def test_what_was_typed_is_nowhere(
    known: Person, office: Office, as_user: Any, caplog: Any
) -> None:
    caplog.set_level("DEBUG", logger="django.request")
    client = as_user(office.pandev.dpo)
    visited: list[str] = []
    for value in (*VALUES.values(), "Serikova", EVIDENCE):
        response = client.post(FIND, {"text": value}, follow=True)
        visited += [place for place, _ in response.redirect_chain]
    card = f"/admin/subjects/datasubject/{known.card.pk}"
    client.post(f"{card}/reveal/", {"reason": "REQ-1"})
    datum = known.data["email"]
    answer = client.post(
        f"{card}/rectify/",
        {"datum": datum.pk, "text": "typed.canary@example.kz", "reason": "misspelt"},
        follow=True,
    )
    visited += [place for place, _ in answer.redirect_chain]
    assert "typed.canary@example.kz" not in str([*answer.context["messages"]])
    kept = [
        *visited,
        *AccessEvent.objects.values_list("details", "reason"),
        *SearchResult.objects.values_list("subjects", "by", "pk"),
        *(session.get_decoded() for session in Session.objects.all()),
        *client.cookies.values(),
        caplog.text,
    ]
    for value in (*VALUES.values(), "Serikova", "typed.canary"):
        assert value not in str(kept), value
    assert not LogEntry.objects.exists()


def test_the_list_takes_only_codes_in_its_address(
    known: Person, office: Office, as_user: Any
) -> None:
    client = as_user(office.pandev.clerk)
    path = "/admin/subjects/datasubject/"
    for text in (known.card.code, known.card.code[:5], known.card.code[2:].lower()):
        assert list(client.get(path, {"q": text}).context["cl"].result_list) == [known.card], text
    for text in (*VALUES.values(), "%", "S-%", "_"):
        assert not client.get(path, {"q": text}).context["cl"].result_list, text
    page = client.get(path).content.decode()
    assert 'id="changelist-search"' not in page
    assert f'action="{FIND}" method="post"' in page


def test_a_search_costs_few_queries(known: Person, office: Office) -> None:
    costs = {}
    for text in (VALUES["email"], "асель серикова", "9087"):
        with CaptureQueriesContext(connection) as captured:
            found(office.pandev, text)
        costs[text] = len(captured)
    # Operators; tokens (one query for whole identifiers, one for each reading of a name or of
    # digits); the cards; the event; the result; and the savepoint around them.
    assert max(costs.values()) <= 9, costs
