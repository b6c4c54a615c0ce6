"""Who stands under which version of the policy, and that a newer one widens no older consent."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry.models import Operator, PolicyVersion, ProcessingActivity, Purpose
from registry.services.policies import policy_import
from subjects.models import Consent, DataSubject, Ground
from subjects.services import grounds
from subjects.services.people import ForeignRow
from subjects.services.standing import PAGE, NoSuchStanding, people_standing, standings
from tests.conftest import Office, Team
from tests.subjects.people import (
    NOW,
    TODAY,
    activity_of,
    basis_of,
    card,
    category_of,
    consent,
    text_of,
)

OVERVIEW = "/admin/subjects/datasubject/standing/"
PEOPLE = f"{OVERVIEW}people/"
FIRST, SECOND = date(2026, 1, 10), date(2026, 2, 20)


def version(team: Team, day: date, words: str = "1. Policy\n1.1. We process data.") -> Any:
    return policy_import(
        operator=team.operator, language="en", dated=day, text=f"{words} {day}".encode(),
        by=team.dpo, now=NOW,
    )[0]  # fmt: skip


def at(*day: int, hour: int = 9) -> datetime:
    return datetime(*day, hour, tzinfo=UTC)  # type: ignore[misc,arg-type]


def numbers(team: Team, now: datetime = NOW) -> dict[int, tuple[int, dict[str, int]]]:
    """Version -> people, and people by text."""
    return {
        row.number: (row.people, {one.text.code: one.people for one in row.texts})
        for row in standings(operator=team.operator, now=now)
    }


def codes(team: Team, number: int, **asked: Any) -> list[str]:
    _, people = people_standing(operator=team.operator, number=number, now=NOW, **asked)
    return [row.code for row in people]


@pytest.fixture
def two(office: Office) -> Team:
    version(office.pandev, FIRST)
    version(office.pandev, SECOND)
    return office.pandev


# --- who -----------------------------------------------------------------------------------------
def test_people_stand_under_what_was_in_force_when_they_consented(two: Team) -> None:
    before, first, second = card(two), card(two), card(two)
    consent(two, before, given_at=at(2026, 1, 9))
    consent(two, first, given_at=at(2026, 1, 10))
    consent(two, second, given_at=at(2026, 2, 20))
    found = standings(operator=two.operator, now=NOW)
    assert [(row.number, row.begins, row.ends, row.people) for row in found] == [
        (2, SECOND, None, 1),
        (1, FIRST, SECOND - timedelta(days=1), 1),
        (0, None, FIRST - timedelta(days=1), 1),
    ]
    for number, who in ((0, before), (1, first), (2, second)):
        assert codes(two, number) == [who.code]


def test_both_sides_of_midnight_where_the_operator_is(two: Team) -> None:
    """In Almaty 20 February begins at 19:00 UTC of the day before."""
    old, new = card(two), card(two)
    consent(two, old, given_at=datetime(2026, 2, 19, 18, 59, 59, tzinfo=UTC))
    consent(two, new, given_at=datetime(2026, 2, 19, 19, 0, tzinfo=UTC))
    assert (codes(two, 1), codes(two, 2)) == ([old.code], [new.code])
    assert {number: people for number, (people, _) in numbers(two).items()} == {1: 1, 2: 1}


def test_by_consent_text_and_each_person_once(two: Team) -> None:
    text_of(two, "accounts", "services")
    other = text_of(two, code="letters", name_en="Letters")
    both, one = card(two), card(two)
    for activity in ("accounts", "services"):
        consent(two, both, activity, given_at=at(2026, 1, 20))
    consent(two, one, given_at=at(2026, 1, 20), text=other)
    assert numbers(two)[1] == (2, {"letters": 1, "registration": 1})
    assert numbers(two)[2] == (0, {})
    assert codes(two, 1, text=other.pk) == [one.code]
    assert codes(two, 1) == [both.code, one.code]


def test_a_person_who_consented_twice_stands_twice(two: Team) -> None:
    text_of(two, "accounts", "services")
    who = card(two)
    consent(two, who, "accounts", given_at=at(2026, 1, 20))
    consent(two, who, "services", given_at=at(2026, 2, 21))
    assert codes(two, 1) == codes(two, 2) == [who.code]


def test_a_consent_that_holds_no_longer_counts_nowhere(two: Team) -> None:
    withdrawn, ended, run_out = card(two), card(two), card(two)
    term = text_of(two, code="term", end_event="", term_length=1, term_unit="month")
    row = consent(two, withdrawn, given_at=at(2026, 1, 20))
    over = consent(two, ended, given_at=at(2026, 1, 20)).ground
    consent(two, run_out, given_at=at(2026, 2, 1), text=term)
    # A month from 1 February covers nothing from 1 March, which begins there at 19:00 UTC.
    assert numbers(two, at(2026, 2, 28, hour=18))[1][0] == 3
    assert numbers(two, at(2026, 2, 28, hour=19))[1][0] == numbers(two)[1][0] == 2
    assert run_out.code not in codes(two, 1)
    grounds.consent_withdraw(consent=row, channel="email", received_at=NOW, by=two.clerk, now=NOW)
    grounds.ground_end(
        ground=over, ended_on=TODAY, end_reason="purpose_achieved", by=two.clerk, today=TODAY,
        reason="test",
    )  # fmt: skip
    assert numbers(two)[1][0] == 0 and codes(two, 1) == []


@pytest.mark.parametrize("what", ["activity", "purpose"])
def test_where_the_work_has_ended_nobody_stands(two: Team, what: str) -> None:
    consent(two, card(two), given_at=at(2026, 1, 20))
    row: Any = activity_of(two)
    row = row if what == "activity" else row.purpose
    row.ended_on = TODAY
    row.save()
    assert numbers(two)[1][0] == 0 and codes(two, 1) == []
    assert numbers(two, NOW - timedelta(days=1))[1][0] == 1


def test_drafts_versions_to_come_and_other_operators_do_not_count(office: Office) -> None:
    team = office.pandev
    version(team, TODAY + timedelta(days=1))
    PolicyVersion.objects.create(operator=team.operator, number=9, origin="generated",
                                 created_at=NOW)  # fmt: skip
    version(office.ipm, FIRST)
    consent(office.ipm, card(office.ipm), given_at=at(2026, 1, 20))
    assert standings(operator=team.operator, now=NOW) == []
    who = card(team)
    consent(team, who)
    assert numbers(team) == {0: (1, {"registration": 1})}
    assert codes(team, 0) == [who.code]
    for number in (1, 9, 77):
        with pytest.raises(NoSuchStanding):
            people_standing(operator=team.operator, number=number, now=NOW)
    with pytest.raises(NoSuchStanding):
        people_standing(operator=team.operator, number=0, text=text_of(office.ipm).pk, now=NOW)


# --- a newer version widens nothing --------------------------------------------------------------
def test_a_new_purpose_is_refused_for_an_older_consent(two: Team) -> None:
    """The register and the policy have grown; who consented before did not consent to that."""
    who = card(two)
    older = text_of(two, given := "accounts")
    consent(two, who, given, given_at=at(2026, 1, 20))
    purpose = Purpose.objects.create(operator=two.operator, code="ads", name_en="Advertising")
    new = ProcessingActivity.objects.create(
        operator=two.operator, code="ads", name_en="Advertising", purpose=purpose
    )
    new.legal_bases.add(basis_of(two))
    new.data_categories.add(category_of(two, "email"))
    version(two, TODAY, "1. Policy\n1.1. We advertise.")
    for moment in (at(2026, 1, 20), NOW):
        with pytest.raises(grounds.TextOfOtherActivity, match="Registration v1 .*Advertising"):
            consent(two, who, "ads", text=older, given_at=moment)
    with pytest.raises(grounds.ConsentNeeded):
        grounds.ground_start(
            subject=who, activity=new, legal_basis=basis_of(two), started_on=TODAY, by=two.clerk,
            today=TODAY,
        )  # fmt: skip
    assert Ground.objects.filter(subject=who).count() == 1
    # A text that speaks of it is what allows it, from then on and for who reads it.
    consent(two, who, "ads", text=text_of(two, "ads", code="ads", name_en="Ads"))
    assert [row.text.code for row in Consent.objects.filter(ground__activity=new)] == ["ads"]


def test_an_activity_that_people_agreed_to_takes_no_other_purpose(two: Team) -> None:
    """Otherwise the older consent would be for a purpose that nobody has read of."""
    activity = activity_of(two)
    ads = Purpose.objects.create(operator=two.operator, code="ads", name_en="Advertising")
    activity.purpose = ads
    activity.full_clean()  # nobody has read of it yet
    text_of(two)
    with pytest.raises(ValidationError, match="consent") as refusal:
        activity.full_clean()
    assert list(refusal.value.message_dict) == ["purpose"]
    activity.refresh_from_db()
    activity.name_en = "Better words"
    activity.full_clean()


def test_the_form_refuses_it_too(two: Team, as_user: Any) -> None:
    text_of(two)
    activity = activity_of(two)
    ads = Purpose.objects.create(operator=two.operator, code="ads", name_en="Advertising")
    address = f"/admin/registry/processingactivity/{activity.pk}/change/"
    client = as_user(two.dpo)
    posted = {"name_en": "x", "purpose": ads.pk, "change_reason": "test"}
    page = client.post(address, posted)
    assert page.status_code == 200 and "field-purpose" in page.content.decode()
    activity.refresh_from_db()
    assert activity.purpose.code == "accounts"
    assert client.post(address, posted | {"purpose": activity.purpose_id}).status_code == 302


def test_a_text_of_another_operator_gives_no_ground(office: Office) -> None:
    with pytest.raises(ForeignRow):
        consent(office.pandev, card(office.pandev), text=text_of(office.ipm))


# --- the pages -----------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["dpo", "clerk", "deputy", "auditor"])
def test_whoever_sees_people_sees_the_pages(two: Team, as_user: Any, who: str) -> None:
    someone = card(two)
    consent(two, someone, given_at=at(2026, 1, 20))
    client = as_user(getattr(two, who))
    assert OVERVIEW in client.get("/admin/subjects/datasubject/").content.decode()
    page = client.get(OVERVIEW)
    assert page.status_code == 200
    link = re.search(r'href="([^"]*people/\?[^"]*version=1[^"]*text=[^"]*)"', page.content.decode())
    assert link
    listed = client.get(link[1].replace("&amp;", "&"))
    assert listed.status_code == 200 and someone.code in listed.content.decode()


def test_who_sees_no_people_sees_neither(office: Office, as_user: Any) -> None:
    version(office.pandev, FIRST)
    for user in (office.nobody, office.admin):
        client = as_user(user)
        for address in (OVERVIEW, f"{OVERVIEW}?operator=pandev", PEOPLE, f"{PEOPLE}?version=1"):
            assert client.get(address).status_code == 403
    other = as_user(office.ipm.dpo)
    for address in (f"{OVERVIEW}?operator=pandev", f"{PEOPLE}?operator=pandev&version=1",
                    f"{PEOPLE}?version=1"):  # fmt: skip
        assert other.get(address).status_code == 404


@pytest.mark.parametrize(
    "asked", ["version=7", "version=x", "version=-1", "version=1&text=x", "version=1&text=999999",
              "version=1&after=x", f"version={'9' * 40}", "version=%D9%A1"],
)  # fmt: skip
def test_a_wrong_address_leads_nowhere(two: Team, as_user: Any, asked: str) -> None:
    assert as_user(two.dpo).get(f"{PEOPLE}?operator=pandev&{asked}").status_code == 404


def many(team: Team, count: int) -> None:
    """So many people with one consent each, all alike."""
    given = consent(team, card(team), given_at=at(2026, 1, 20))
    cards = DataSubject.objects.bulk_create(
        DataSubject(operator=team.operator, registered_at=NOW) for _ in range(count - 1)
    )
    rows = Ground.objects.bulk_create(
        Ground(subject=one, activity=given.ground.activity, legal_basis=given.ground.legal_basis,
               started_on=FIRST)
        for one in cards
    )  # fmt: skip
    Consent.objects.bulk_create(
        Consent(ground=ground, text=given.text, given_at=at(2026, 1, 20), channel="email")
        for ground in rows
    )


def test_page_after_page_everybody_once(two: Team, as_user: Any) -> None:
    count = 2 * PAGE + 7
    many(two, count)
    client = as_user(two.dpo)
    address, seen, pages = f"{PEOPLE}?version=1", list[str](), 0
    while address:
        page = client.get(address).content.decode()
        pages += 1
        seen += re.findall(r'class="code"[^>]*>(S-\w+)<', page)
        link = re.search(r'class="next" href="([^"]+)"', page)
        address = link[1].replace("&amp;", "&") if link else ""
    assert (pages, len(seen), len(set(seen))) == (3, count, count)
    assert set(seen) == set(DataSubject.objects.values_list("code", flat=True))
    assert f">{count}</a>" in client.get(OVERVIEW).content.decode()


def test_the_pages_cost_the_same_for_many_people_and_versions(two: Team, as_user: Any) -> None:
    client = as_user(two.dpo)

    def cost(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    consent(two, card(two), given_at=at(2026, 1, 20))
    addresses = (OVERVIEW, f"{PEOPLE}?version=1")
    few = [cost(address) for address in addresses]
    many(two, 300)
    for number in range(20):
        version(two, SECOND - timedelta(days=number + 1))
    assert [cost(address) for address in addresses] == few
    assert max(few) <= 10


def test_the_clock_of_the_pages_is_todays(two: Team, as_user: Any) -> None:
    tomorrow = timezone.localdate(timezone.now(), two.operator.zone) + timedelta(days=1)
    later = version(two, tomorrow)
    page = as_user(two.dpo).get(OVERVIEW).content.decode()
    assert f"/policyversion/{later.pk}/" not in page
    assert Operator.objects.get(pk=two.operator.pk).policy_versions.count() == 3
