"""The policies that everybody reads: in force today, every version, differences, files."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch
from pypdf import PdfReader

from registry.clauses import Clause
from registry.models import Operator, PolicyText
from registry.public import views
from registry.services import audit
from tests.conftest import Office, Team
from tests.crawl.pages import faults
from tests.registry.policies import (
    ALL,
    EN,
    FIRST,
    KK,
    NOW,
    TODAY,
    draft,
    imported,
    published,
    real,
    speaks,
)


@pytest.fixture(autouse=True)
def clock(db: None) -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def pandev(office: Office) -> Team:
    return speaks(office.pandev, "ru", "kk", "en")


def get(path: str, status: int = 200, **headers: str) -> str:
    answer = Client().get(path, headers=headers or {"Accept-Language": "en"})
    assert answer.status_code == status, path
    assert not faults(answer, logged_in=False)
    return answer.content.decode()


def test_the_policy_in_force_is_read_in_the_readers_language(pandev: Team) -> None:
    published(pandev, TODAY)
    imported(pandev, "1. Older", dated=FIRST)
    for language, words in (("en", "A visitor is"), ("ru", "Посетитель"), ("kk", "Келуші")):
        page = get("/pandev/policy/", **{"Accept-Language": language})
        assert words in page and f'<html lang="{language}"' in page
        assert words in get(f"/pandev/policy/?lang={language}", **{"Accept-Language": "de"})
        assert "noindex" not in page
    digest = PolicyText.objects.get(language="en", version__in_force_on=TODAY).digest
    page = get("/pandev/policy/")
    assert digest in page and "http://testserver/pandev/policy/1/en/" in page
    assert 'id="c-1.1"' in page and 'href="#c-1.1"' in page
    assert 'href="/pandev/request/"' in page


def test_without_a_text_in_the_readers_language_there_is_another(office: Office) -> None:
    imported(office.ipm)
    page = get("/ipm/policy/", **{"Accept-Language": "ru"})
    assert '<html lang="ru"' in page and '<article class="policy" lang="en">' in page
    # Whatever language a link asks for, the pages behind it are asked the same way.
    assert 'href="/ipm/policy/versions/?lang=kk"' in get("/ipm/policy/?lang=kk")


def test_the_permanent_addresses(pandev: Team, clock: Any) -> None:
    imported(pandev)
    published(pandev, TODAY + timedelta(days=5))
    row = draft(pandev)
    first, second = "/pandev/policy/1/en/", "/pandev/policy/2/en/"
    assert "Version 2 will supersede this one on Saturday, 7 March 2026." in get(first)
    assert "not in force yet: it will be from Saturday, 7 March 2026" in get(second)
    assert "A visitor is" in get("/pandev/policy/") and "Version 2 will" in get("/pandev/policy/")
    listed = get("/pandev/policy/versions/")
    assert listed.index("/pandev/policy/2/ru/") < listed.index("/pandev/policy/1/en/")
    assert "/pandev/policy/1/2/en/changes/" in listed and "/2/1/" not in listed
    clock.move_to(NOW + timedelta(days=5))
    superseded = "version 2 has been in force since Saturday, 7 March 2026"
    assert superseded in get(first)
    assert "superse" not in get(second).split("<main")[1]
    # A draft is for nobody.
    assert row.number == 3 and "version 3" not in get("/pandev/policy/versions/").lower()
    for path in ("3/en/", "3/en/policy.pdf", "3/en/policy.txt", "1/3/en/changes/"):
        get(f"/pandev/policy/{path}", 404)


@pytest.mark.parametrize(
    "path",
    ["1/kk/", "1/de/", "9/en/", "0/en/", "99999999999999999999999/en/", "1/kk/policy.pdf",
     "1/9/en/changes/", "1/1/kk/changes/", "1/en/policy.txt/more", "nothing/"],
)  # fmt: skip
def test_what_is_not_there(path: str, pandev: Team) -> None:
    imported(pandev)
    page = Client().get(f"/pandev/policy/{path}")
    assert page.status_code == 404


def test_operators_that_show_no_pages(pandev: Team) -> None:
    imported(pandev)
    get("/nobody/policy/", 404)
    get("/ipm/policy/", 404)
    assert "No policy is published yet" in get("/ipm/policy/versions/")


def test_what_people_have_read_stays_when_no_new_cases_are_taken(pandev: Team) -> None:
    imported(pandev)
    assert "/pandev/request/" in get("/pandev/policy/")
    pandev.operator.is_active = False
    audit.save(pandev.operator, by=pandev.dpo, reason="test", fields=["is_active"])
    for path in ("", "versions/", "1/en/"):
        assert "/pandev/request/" not in get(f"/pandev/policy/{path}")
    for path in ("policy.pdf", "policy.txt"):
        assert Client().get(f"/pandev/policy/1/en/{path}").status_code == 200


def test_pages_are_only_read(pandev: Team) -> None:
    imported(pandev)
    for path in ("", "versions/", "1/en/", "1/en/policy.pdf"):
        answer = Client(enforce_csrf_checks=False).post(f"/pandev/policy/{path}")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert Client().head(f"/pandev/policy/{path}").status_code == 200


def test_whatever_a_text_says_it_is_only_text(pandev: Team) -> None:
    imported(pandev, "1. <script>alert(1)</script>\n1.1. <b onclick=x>&amp;</b>")
    imported(pandev, "1. <i>\n1.1. <u>", dated=TODAY)
    for path in ("1/en/", "1/2/en/changes/"):
        page = get(f"/pandev/policy/{path}")
        assert "<script>alert" not in page and "<b onclick" not in page and "<u>" not in page
        assert "&lt;" in page and "&gt;" in page


def test_the_differences_of_two_versions(pandev: Team) -> None:
    imported(pandev, dated=FIRST)
    newer = EN.replace("anybody", "somebody").replace("2.1. You may ask.", "2.2. Write to us.")
    imported(pandev, newer, dated=TODAY)
    page = get("/pandev/policy/1/2/en/changes/")
    assert "<del>anybody</del><ins>somebody</ins>" in page
    assert "Clause 2.1: removed" in page and "<del>You may ask.</del>" in page
    assert "Clause 2.2: added" in page and "<ins>Write to us.</ins>" in page
    assert "Clause 1.3" not in page and "Data are words" not in page
    assert "<del>somebody</del><ins>anybody</ins>" in get("/pandev/policy/2/1/en/changes/")
    assert "The two texts are the same." in get("/pandev/policy/1/1/en/changes/")


def test_the_files_of_a_version(pandev: Team) -> None:
    published(pandev, TODAY)
    text = PolicyText.objects.get(language="kk")
    path = "/pandev/policy/1/kk/policy"
    answer = Client().get(f"{path}.txt")
    assert answer.content.decode() == KK == text.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    answer = Client().get(f"{path}.pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'inline; filename="policy-pandev-1-kk.pdf"'
    pages = PdfReader(io.BytesIO(answer.content)).pages
    printed = "".join("".join(page.extract_text() for page in pages).split())
    for said in ("1.1.Келушікезкелгенадам.", "2.Құқықтар", text.digest):
        assert said in printed
    assert Client().get(f"{path}.pdf").content == answer.content


def test_both_real_policies_are_readable(office: Office) -> None:
    for name, team in (("pandev", office.pandev), ("ipm", office.ipm)):
        imported(team, real(name))
        page = get(f"/{name}/policy/")
        assert 'id="c-8.2"' in page and 'id="c-11"' in page
        assert b"%PDF" in Client().get(f"/{name}/policy/1/en/policy.pdf").content[:8]


def test_a_number_that_comes_twice_has_two_anchors() -> None:
    clauses = [Clause("", "", "x"), *(Clause("1.1", "", text) for text in "abc")]
    anchors = [row["anchor"] for row in views.anchored(clauses)]
    assert anchors == ["", "c-1.1", "c-1.1-2", "c-1.1-3"]


def test_without_the_form_there_is_no_link_to_it(
    pandev: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(pandev)
    reverse = views.reverse

    def without(name: str, *args: Any, **kw: Any) -> str:
        if name == "public_form":
            raise NoReverseMatch
        return reverse(name, *args, **kw)

    monkeypatch.setattr(views, "reverse", without)
    assert "/pandev/request/" not in get("/pandev/policy/")


def test_every_text_of_the_operator_has_its_page(pandev: Team) -> None:
    published(pandev, TODAY)
    for language, text in ALL.items():
        page = get(f"/pandev/policy/1/{language}/")
        assert text.split("1.1. ")[1].split("\n")[0] in page
        others = {"ru", "kk", "en"} - {language}
        assert all(f'href="/pandev/policy/1/{other}/"' in page for other in others)
    assert Operator.objects.get(code="pandev").languages == ["ru", "kk", "en"]


def test_the_pages_ask_the_same_however_many_versions_there_are(pandev: Team) -> None:
    for place in range(30):
        day = date(2020, 2, 1) + timedelta(days=place)
        imported(pandev, f"{EN}\n2.2. {place}", dated=day)
    for path in ("", "versions/", "1/en/", "1/30/en/changes/"):
        with CaptureQueriesContext(connection) as captured:
            assert Client().get(f"/pandev/policy/{path}").status_code == 200
        assert len(captured) <= 6, path


def test_the_form_of_requests_leads_to_the_policy_that_binds_here(office: Office) -> None:
    team = office.ipm
    team.operator.policy_address = "https://policy.example/privacy"
    audit.save(team.operator, by=team.dpo, reason="test", fields=["policy_address"])
    assert 'href="https://policy.example/privacy"' in get("/ipm/request/")
    imported(team, dated=TODAY + timedelta(days=1))
    assert 'href="https://policy.example/privacy"' in get("/ipm/request/")
    imported(team, dated=FIRST)
    found = get("/ipm/request/")
    assert 'href="/ipm/policy/"' in found and "policy.example" not in found
