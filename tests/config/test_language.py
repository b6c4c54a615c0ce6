"""Each person reads in the language they chose."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Office


def test_a_person_chooses_the_language_and_it_is_recorded(office: Office, as_user: Any) -> None:
    client = as_user(office.ipm.clerk)
    answer = client.post("/admin/my-language/", {"language": "kk", "next": "/admin/?operator=ipm"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/?operator=ipm")
    office.ipm.clerk.refresh_from_db()
    assert office.ipm.clerk.language == "kk"
    record = office.ipm.clerk.history.latest()
    assert (record.history_user, record.language) == (office.ipm.clerk, "kk")
    assert 'lang="kk"' in client.get("/admin/").content.decode()


@pytest.mark.parametrize("language", ["", "xx", "KK"])
def test_an_unknown_language_changes_nothing(office: Office, as_user: Any, language: str) -> None:
    before = office.ipm.clerk.history.count()
    as_user(office.ipm.clerk).post("/admin/my-language/", {"language": language})
    office.ipm.clerk.refresh_from_db()
    assert (office.ipm.clerk.language, office.ipm.clerk.history.count()) == ("en", before)


def test_no_way_out_of_the_office(office: Office, as_user: Any) -> None:
    client = as_user(office.ipm.clerk)
    answer = client.post("/admin/my-language/", {"language": "ru", "next": "https://evil.example/"})
    assert answer["Location"] == "/admin/"
    assert client.get("/admin/my-language/").status_code == 405
