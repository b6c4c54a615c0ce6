"""The questions of an inspection: a pure answer, its facts, its page and where it leads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from registry.choices import Effect
from registry.findings import CHECKS
from registry.findings import checks as _all  # noqa: F401  (fills CHECKS)
from requests.admin.readiness import LISTS, WHOLE, evidence_link
from requests.models.subject_requests import RequestKind
from requests.readiness import Answer, Facts, Standing, answers, questions
from requests.services.readiness import readiness_of
from subjects.services.looking import card_reveal
from tests.conftest import Office, Team
from tests.requests.happening import found
from tests.requests.test_inspections import asked, ordered
from tests.requests.test_journals import received
from tests.subjects.people import person

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
PAGE = "/admin/requests/inspection/ready/"
EMPTY = Facts("RU", (), {one.count: 0 for one in questions()}, {})


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"), time_machine.travel(NOW, tick=False):
        yield


def of(code: str, facts: Facts) -> Answer:
    (one,) = [answer for answer in answers(facts) if answer.question.code == code]
    return one


# --- the pure answer -----------------------------------------------------------------------------
def test_each_question_is_whole() -> None:
    codes = [one.code for one in questions()]
    assert len(codes) == len(set(codes)) >= 20
    for one in questions():
        assert all(one.texts[language].strip() for language in ("ru", "kk", "en")), one.code
        assert len(set(one.texts.values())) == 3, one.code
        assert one.articles and set(one.articles) <= {"RU", "KZ"}, one.code
        assert one.unverified <= set(one.articles), one.code
        assert set(one.late) <= set(Effect.values), one.code
        assert one.page == "operator" or one.page in LISTS, one.code
        for start in one.findings:
            assert any(known.startswith(start) for known in CHECKS), (one.code, start)
    assert set(LISTS) == {one.page for one in questions()} - {"operator"} and set(LISTS) >= WHOLE


def test_nothing_is_nothing_and_some_is_in_order() -> None:
    assert {one.standing for one in answers(EMPTY)} == {Standing.NOTHING}
    full = replace(EMPTY, counts=dict.fromkeys(EMPTY.counts, 1))
    assert {one.standing for one in answers(full)} == {Standing.OK}


def test_what_is_found_or_late_is_to_be_looked_at_whatever_there_is() -> None:
    full = replace(EMPTY, counts=dict.fromkeys(EMPTY.counts, 9))
    for facts in (EMPTY, full):
        policy = of("policy", replace(facts, findings=("POL-001", "CLM-002", "CLM-002", "PAP-001")))
        assert (policy.standing, policy.found) == (Standing.LOOK, 3)
        late = of("requests", replace(facts, late={"answer": 2, "block": 1, "destroy": 5}))
        assert (late.standing, late.late) == (Standing.LOOK, 3)
    assert of("harm", replace(full, findings=("POL-001",))).standing == Standing.OK


def test_a_law_is_asked_its_own_questions_and_says_what_nobody_verified() -> None:
    kazakh = replace(EMPTY, law="KZ")
    assert "harm" not in {one.question.code for one in answers(kazakh)}
    assert not of("notice", kazakh).verified and of("notice", EMPTY).verified
    assert answers(replace(EMPTY, law="XX")) == []


# --- the facts -----------------------------------------------------------------------------------
def standing(team: Team, code: str, now: datetime = NOW) -> Answer:
    (one,) = [
        answer
        for answer in readiness_of(operator=team.operator, now=now)
        if answer.question.code == code
    ]
    return one


@pytest.mark.django_db
def test_facts_come_from_the_office_and_from_this_operator_alone(office: Office) -> None:
    team, other = office.ipm, office.pandev
    for code in ("incidents", "requests", "looked", "inquiries"):
        assert standing(team, code).count == 0, code
    received(other, RequestKind.OTHER)
    found(other)
    assert standing(team, "requests").standing == Standing.NOTHING
    received(team, RequestKind.OTHER)
    card_reveal(subject=person(team), user=team.dpo, reason="why", now=NOW)
    assert standing(team, "requests").standing == Standing.OK
    assert standing(team, "looked").standing == Standing.OK
    assert standing(team, "undertakings").count == 4
    much_later = NOW + timedelta(days=90)
    late = standing(team, "requests", much_later)
    assert late.standing == Standing.LOOK and late.late > 0
    assert standing(other, "looked").count == 0


@pytest.mark.django_db
def test_a_clock_of_the_inspectors_is_late_when_its_day_is_over(office: Office) -> None:
    asked(ordered(office.ipm), office.ipm)
    assert standing(office.ipm, "inquiries").late == 0
    assert standing(office.ipm, "inquiries", datetime(2026, 3, 13, 9, tzinfo=UTC)).late == 1


# --- the page ------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("code", ["ipm", "pandev"])
def test_every_link_leads_the_dpo_somewhere(office: Office, as_user: Any, code: str) -> None:
    team: Team = getattr(office, code)
    client = as_user(team.dpo)
    answer = client.get(PAGE)
    assert answer.status_code == 200
    lines = answer.context["lines"]
    law = team.operator.jurisdiction.code
    assert len(lines) == len([one for one in questions() if law in one.articles])
    links = {link for line in lines for link in (line.link, line.findings) if link}
    for link in links | {evidence_link(page, team.operator) for page in LISTS}:
        seen = client.get(link)
        # A list that does not know the filter sends one to itself with an error mark.
        assert seen.status_code == 200, link
    assert "verified" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "word"), [("ru", "Опубликована"), ("kk", "жарияланған")])
def test_it_speaks_the_language_of_its_reader(
    office: Office, as_user: Any, language: str, word: str
) -> None:
    office.ipm.dpo.language = language
    office.ipm.dpo.save()
    assert word in as_user(office.ipm.dpo).get(PAGE).content.decode()


@pytest.mark.django_db
def test_who_sees_it_and_about_whom(office: Office, as_user: Any) -> None:
    team = office.ipm
    for user in (team.dpo, team.clerk, team.auditor):
        assert as_user(user).get(PAGE).status_code == 200, user
    assert as_user(office.nobody).get(PAGE).status_code == 403
    foreign = as_user(team.dpo).get(PAGE, {"operator": office.pandev.operator.pk})
    assert foreign.status_code == 422 and "lines" not in foreign.context
    for wrong in ("x", "0", ""):
        assert as_user(team.dpo).get(PAGE, {"operator": wrong}).status_code == 422
    chosen = as_user(office.admin).get(PAGE, {"operator": office.pandev.operator.pk})
    assert chosen.context["operator"] == office.pandev.operator
    listed = as_user(team.dpo).get(reverse("admin:requests_inspection_changelist"))
    assert PAGE in listed.content.decode()


@pytest.mark.django_db
def test_its_queries_do_not_grow(office: Office, as_user: Any) -> None:
    team = office.ipm
    client, counts = as_user(team.dpo), []
    for more in (1, 5):
        for number in range(more):
            received(team, RequestKind.OTHER)
            found(team)
            asked(ordered(team, order_number=f"{more}-{number}"), team)
        client.get(PAGE)
        with CaptureQueriesContext(connection) as caught:
            answer = client.get(PAGE)
        counts.append(len(caught))
        assert not re.search(r"zz[a-z]+-\d", answer.content.decode())
    assert counts[0] == counts[1] <= 40
