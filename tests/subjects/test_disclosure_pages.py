"""The journal of disclosures as the DPO, the clerk, the auditor and strangers meet it."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from subjects.choices import Looked
from subjects.models import (
    AccessEvent,
    DisclosedPerson,
    Disclosure,
    DisclosureReversal,
    DisseminationPermission,
)
from subjects.services.cards import cards_merge
from subjects.services.disclosure_register import PeriodUpsideDown, disclosure_export
from subjects.services.disclosures import disclosure_reverse
from tests.conftest import Office, Team
from tests.crawl.pages import differences, faults, fingerprint
from tests.subjects.disclosing import (
    MAIL,
    by_transfer,
    categories_of,
    given,
    state_basis,
    to_state,
    transfer,
)
from tests.subjects.people import NOW, TODAY, card

JOURNAL = "/admin/subjects/disclosure"
CARD = "/admin/subjects/datasubject"
VALUES = (MAIL, "Каверина", "given.canary")


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def form(team: Team, *cards: Any, **changed: Any) -> dict[str, Any]:
    return {
        "operator": team.operator.pk, "kind": "state_body", "body_kind": "police",
        "body": "Department of police", "legal_basis": state_basis(team).pk, "transfer": "",
        "document": "Inquiry 44 of 01.03.2026", "given_on": str(TODAY), "way": "post",
        "people": "\n".join(one.code for one in cards),
        "categories": [one.pk for one in categories_of(team, "email")], "label": "",
    } | changed  # fmt: skip


def words_of(content: bytes) -> str:
    pages = PdfReader(io.BytesIO(content)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


def cost(client: Any, path: str) -> tuple[int, str]:
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked), "\n".join(query["sql"][:160] for query in asked.captured_queries)


# --- recording -----------------------------------------------------------------------------------
def test_the_dpo_records_reads_and_reverses(office: Office, as_user: Any) -> None:
    team = office.pandev
    first, second = given(team), given(team, email="second@example.org")
    dpo = as_user(team.dpo)
    assert f"{JOURNAL}/add/" in dpo.get(f"{JOURNAL}/").content.decode()
    people = f"{first.code.lower()} \n\n {second.code}: full_name, EMAIL\n"
    answer = dpo.post(f"{JOURNAL}/add/", form(team, people=people))
    row = Disclosure.objects.get()
    assert answer.status_code == 302 and answer.headers["Location"].endswith(f"/{row.pk}/change/")
    assert (row.recorded_by, row.recorded_at, row.body_kind) == (team.dpo, NOW, "police")
    assert {(one.subject.code, one.category.code) for one in row.people.all()} == {
        (first.code, "email"), (second.code, "email"), (second.code, "full_name"),
    }  # fmt: skip
    for user in (team.dpo, team.clerk, team.auditor):
        client = as_user(user)
        listed = client.get(f"{JOURNAL}/").content.decode()
        page = client.get(f"{JOURNAL}/{row.pk}/change/").content.decode()
        for words in ("DIS-2026-0001", "police: Department of police", "Inquiry 44 of 01.03.2026"):
            assert words in listed and words in page
        assert first.code in page and second.code in page
        assert (f"{JOURNAL}/{row.pk}/reverse/" in page) == (user == team.dpo)
        assert not any(value in listed + page for value in VALUES)
    assert dpo.post(f"{JOURNAL}/{row.pk}/reverse/", {"reason": ""}).status_code == 200
    done = dpo.post(f"{JOURNAL}/{row.pk}/reverse/", {"reason": "the wrong card"})
    assert done.status_code == 302
    assert DisclosureReversal.objects.get().reversed_by == team.dpo
    page = dpo.get(f"{JOURNAL}/{row.pk}/change/").content.decode()
    assert "the wrong card" in page and f"{JOURNAL}/{row.pk}/reverse/" not in page
    assert dpo.get(f"{JOURNAL}/{row.pk}/reverse/").status_code == 409
    assert dpo.post(f"{JOURNAL}/{row.pk}/reverse/", {"reason": "again"}).status_code == 409
    assert "reversed" in dpo.get(f"{JOURNAL}/").content.decode()


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"legal_basis": ""}, 422, "Name the article"),
        ({"document": ""}, 200, "This field is required"),
        ({"body": ""}, 422, "which body of the state"),
        ({"people": "Каверина Проба"}, 200, "Line 1 is no code of a card."),
        ({"people": "S-22222222: email"}, 200, "Line 1 is no code of a card."),
        ({"people": "CODE: shoe_size"}, 200, "Line 1 names a category"),
        ({"categories": []}, 422, "about whom data are given"),
        ({"given_on": "2026-03-03"}, 422, "cannot have happened in the future"),
        ({"kind": "transfer"}, 422, "not both in one record"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    office: Office, as_user: Any, changed: dict[str, Any], status: int, words: str
) -> None:
    team = office.pandev
    subject = given(team)
    changed = {
        name: value.replace("CODE", subject.code) if name == "people" else value
        for name, value in changed.items()
    }
    answer = as_user(team.dpo).post(f"{JOURNAL}/add/", form(team, subject, **changed))
    assert (answer.status_code, words in answer.content.decode()) == (status, True)
    assert not Disclosure.objects.exists() and not AccessEvent.objects.exists()
    assert not faults(answer)


def test_a_refused_transfer_leaves_its_trace_through_the_page_too(
    office: Office, as_user: Any
) -> None:
    team = office.pandev
    subject, row = given(team), transfer(team)
    posted = form(
        team, subject, kind="transfer", body="", body_kind="", legal_basis="", transfer=row.pk
    )
    dpo = as_user(team.dpo)
    answer = dpo.post(f"{JOURNAL}/add/", posted)
    assert answer.status_code == 422 and "to third parties" in answer.content.decode()
    assert not Disclosure.objects.exists()
    tried = AccessEvent.objects.get()
    assert (tried.what, tried.subject, tried.user) == ("disclosure_refused", subject, team.dpo)
    page = dpo.get(f"{CARD}/{subject.pk}/change/").content.decode()
    assert "tried to give the data, and was refused" in page
    free = given(team, email="free@example.org", third_parties=True)
    answer = dpo.post(f"{JOURNAL}/add/", posted | {"people": free.code})
    assert answer.status_code == 302
    assert Disclosure.objects.get().recipient == "Agency agency"


# --- who may -------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["clerk", "auditor", "nobody", "admin", "other"])
def test_each_verb_by_everybody_else(office: Office, as_user: Any, who: str) -> None:
    team = office.pandev
    subject = given(team)
    row = to_state(team, subject)
    user, sees = {
        "clerk": (team.clerk, True), "auditor": (team.auditor, True),
        "nobody": (office.nobody, False), "admin": (office.admin, False),
        "other": (office.ipm.dpo, False),
    }[who]  # fmt: skip
    client = as_user(user)
    before = fingerprint()
    period = {
        "operator": team.operator.pk, "since": "2026-01-01", "until": "2026-12-31",
        "media": "csv", "language": "en",
    }  # fmt: skip
    reverse = client.post(f"{JOURNAL}/{row.pk}/reverse/", {"reason": "x"})
    assert reverse.status_code == (403 if sees else 404)
    assert client.get(f"{JOURNAL}/{row.pk}/reverse/").status_code == (403 if sees else 404)
    added = client.post(f"{JOURNAL}/add/", form(team, subject))
    printed = client.post(f"{JOURNAL}/register/", period)
    if who == "other":
        # The page is theirs; of our operator there is nothing to choose.
        assert (added.status_code, printed.status_code) == (200, 200)
        assert "operator" in added.context["adminform"].form.errors
        assert "operator" in printed.context["form"].errors
    else:
        assert (added.status_code, printed.status_code) == (403, 403)
        assert client.get(f"{JOURNAL}/register/").status_code == 403
    for path in (f"{JOURNAL}/{row.pk}/change/", f"{CARD}/{subject.pk}/given/"):
        answer = client.get(path)
        assert answer.status_code in ({200} if sees else {403, 404})
        assert (row.number in answer.content.decode()) == sees
    listed = client.get(f"{JOURNAL}/")
    assert (row.number in listed.content.decode()) == sees
    assert not differences(before)


def test_two_operators_of_one_dpo_do_not_mix(office: Office, as_user: Any) -> None:
    here, there = office.pandev, office.ipm
    theirs = given(there)
    posted = form(here, theirs)
    answer = as_user(here.dpo).post(f"{JOURNAL}/add/", posted)
    # A code of somebody else's card is no code here.
    assert answer.status_code == 200 and "is no code of a card" in answer.content.decode()
    foreign = [one.pk for one in categories_of(there, "email")]
    answer = as_user(here.dpo).post(f"{JOURNAL}/add/", form(here, given(here), categories=foreign))
    assert "categories" in answer.context["adminform"].form.errors
    assert not Disclosure.objects.exists()


# --- the card ------------------------------------------------------------------------------------
def test_a_card_says_to_whom_it_was_given_merged_cards_too(office: Office, as_user: Any) -> None:
    team = office.pandev
    subject, old, other = (
        given(team),
        given(team, email="old@example.org"),
        given(team, email="another@example.org"),
    )
    to_state(team, subject, other)
    to_state(team, other)
    third = to_state(team, old)
    disclosure_reverse(disclosure=third, reason="a mix-up", by=team.dpo, now=NOW)
    cards_merge(
        into=subject, other=old, by=team.dpo, now=NOW, reason="same", other_ends="purpose_achieved"
    )
    clerk = as_user(team.clerk)
    path = f"{CARD}/{subject.pk}/given/"
    assert path in clerk.get(f"{CARD}/{subject.pk}/change/").content.decode()
    page = clerk.get(path).content.decode()
    assert "DIS-2026-0001" in page and "DIS-2026-0003" in page and "DIS-2026-0002" not in page
    assert "a mix-up" in page and "Bostandyk district court" in page
    assert f"{JOURNAL}/add/" not in page and not any(value in page for value in VALUES)
    page = as_user(team.dpo).get(path).content.decode()
    link = f"{JOURNAL}/add/?operator={team.operator.pk}&amp;people={subject.code}"
    assert link in page
    offered = as_user(team.dpo).get(link.replace("&amp;", "&")).context["adminform"].form
    assert offered["people"].value() == subject.code
    empty = as_user(team.clerk).get(f"{CARD}/{card(team).pk}/given/").content.decode()
    assert "Nobody has been given data" in empty


# --- costs ---------------------------------------------------------------------------------------
def test_the_journal_costs_ten_queries_with_500_rows(office: Office, as_user: Any) -> None:
    team = office.pandev
    row = transfer(team)
    people = [given(team, email=f"p{one}@example.org", third_parties=True) for one in range(3)]
    to_state(team, *people)
    made = by_transfer(team, row, *people)
    rows = Disclosure.objects.bulk_create(
        _copy(made, f"DIS-2025-{number:04d}") for number in range(1, 501)
    )
    category = categories_of(team, "email")[0]
    DisclosedPerson.objects.bulk_create(
        DisclosedPerson(disclosure=one, subject=person, category=category)
        for one in rows
        for person in people
    )
    dpo = as_user(team.dpo)
    for query in ("", "?q=DIS-2025", "?kind__exact=transfer", "?p=3", "?o=-2"):
        asked, told = cost(dpo, f"{JOURNAL}/{query}")
        assert asked <= 10, told
    assert cost(dpo, f"{JOURNAL}/{made.pk}/change/")[0] <= 10
    asked, told = cost(dpo, f"{CARD}/{people[0].pk}/given/")
    assert asked <= 10, told
    with CaptureQueriesContext(connection) as captured:
        export(team, media="csv")
    assert len(captured) <= 10


def _copy(row: Disclosure, number: str) -> Disclosure:
    names = [field.attname for field in Disclosure._meta.concrete_fields if field.name != "id"]
    return Disclosure(**{name: getattr(row, name) for name in names} | {"number": number})


# --- the register --------------------------------------------------------------------------------
def export(team: Team, **changed: Any) -> bytes:
    return disclosure_export(
        **{
            "operator": team.operator, "since": TODAY - timedelta(days=30), "until": TODAY,
            "media": "csv", "language": "en", "by": team.dpo, "now": NOW,
        }
        | changed
    )  # fmt: skip


def lines(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_register_as_csv_has_a_line_for_each_person_and_no_formula(office: Office) -> None:
    team = office.pandev
    first, second = (
        given(team, email=mail, third_parties=True, cross_border=True)
        for mail in (MAIL, "second@example.org")
    )
    to_state(team, first, document="=HYPERLINK(evil)", body="@court")
    made = by_transfer(team, transfer(team, abroad=True), first, second)
    disclosure_reverse(disclosure=made, reason="-1+1", by=team.dpo, now=NOW)
    to_state(office.ipm, given(office.ipm))
    found = lines(export(team))
    assert [(one["Number"], one["Code of the card"]) for one in found] == [
        ("DIS-2026-0001", first.code), ("DIS-2026-0002", first.code),
        ("DIS-2026-0002", second.code),
    ]  # fmt: skip
    assert found[0]["Document"] == "'=HYPERLINK(evil)" and found[0]["To whom"] == "court: @court"
    assert (found[0]["To a third party"], found[0]["Across the border"]) == ("No", "No")
    assert (found[1]["To a third party"], found[1]["Across the border"]) == ("Yes", "Yes")
    assert found[1]["To whom"] == "Agency agency" and found[1]["Country"] == str(made.country)
    assert found[1]["Reversed"] == "reversed on 2026-03-02: -1+1" and not found[0]["Reversed"]
    for one in found:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in one.values())
    text = str(found)
    assert not any(value in text for value in VALUES)


def test_both_days_of_the_period_count_and_no_other(office: Office) -> None:
    team = office.pandev
    to_state(team, given(team))
    for since, until, count in ((0, 0, 1), (-1, -1, 0), (1, 1, 0), (-1, 1, 1)):
        days = {"since": TODAY + timedelta(days=since), "until": TODAY + timedelta(days=until)}
        assert len(lines(export(team, **days))) == count
    with pytest.raises(PeriodUpsideDown):
        export(team, since=TODAY, until=TODAY - timedelta(days=1))


def test_what_may_be_shown_to_everybody_is_accounted_for_too(
    office: Office,
) -> None:
    team = office.pandev
    subject = given(team)
    consent = subject.grounds.get().consent
    email, name = categories_of(team, "email", "full_name")
    for category, permission in ((email, "allowed"), (name, "prohibited")):
        DisseminationPermission(
            consent=consent, category=category, permission=permission, started_on=TODAY,
            resource="https://example.org/team",
        ).save()  # fmt: skip
    (one,) = lines(export(team))
    assert (one["Kind"], one["To whom"], one["Code of the card"], one["Data categories"]) == (
        "dissemination", "https://example.org/team", subject.code, str(email),
    )  # fmt: skip
    assert "https://example.org/team" in words_of(export(team, media="pdf"))


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_register_as_pdf(office: Office, language: str) -> None:
    team = office.pandev
    subject = given(team)
    to_state(team, subject)
    content = export(team, media="pdf", language=language)
    assert content.startswith(b"%PDF") and content == export(team, media="pdf", language=language)
    text = words_of(content)
    for words in ("DIS-2026-0001", subject.code, "Bostandyk district court", "Ruling 7"):
        assert words in text, words
    assert not any(value in text for value in VALUES)


def test_more_lines_than_a_paper_lists_are_named_and_left_to_the_csv(
    office: Office, monkeypatch: Any
) -> None:
    team = office.pandev
    subject = given(team)
    to_state(team, subject)
    monkeypatch.setattr("subjects.services.disclosure_register.LISTED", 0)
    text = words_of(export(team, media="pdf"))
    assert subject.code not in text and "1 lines: they are listed" in text


def test_each_export_leaves_a_trace(office: Office, as_user: Any) -> None:
    team = office.pandev
    to_state(team, given(team))
    dpo = as_user(team.dpo)
    page = dpo.get(f"{JOURNAL}/register/")
    assert page.status_code == 200 and not faults(page)
    period = {
        "operator": team.operator.pk, "since": "2026-03-01", "until": "2026-03-31",
        "media": "pdf", "language": "ru",
    }  # fmt: skip
    for media, kind in (("pdf", "application/pdf"), ("csv", "text/csv; charset=utf-8")):
        answer = dpo.post(f"{JOURNAL}/register/", period | {"media": media})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        name = f"disclosures-pandev-2026-03-01-2026-03-31.{media}"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    seen = AccessEvent.objects.filter(what=Looked.EXPORT).order_by("pk")
    assert [(one.user, one.subject, one.reason, one.details) for one in seen] == [
        (team.dpo, None, "2026-03-01 – 2026-03-31", {"disclosures": 1, "form": media})
        for media in ("pdf", "csv")
    ]
    wrong = dpo.post(f"{JOURNAL}/register/", period | {"until": "2026-02-01"})
    assert wrong.status_code == 422 and seen.count() == 2
