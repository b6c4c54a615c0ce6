"""The links on the operator's card: who may take the register, in which language, what comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.models import Operator
from registry.models.base import LANGUAGES
from registry.services import audit
from registry.services.register_export import ExportFormat, register_export
from tests.conftest import Office
from tests.crawl.pages import differences, faults, fingerprint
from tests.registry.whole_register import many_activities, whole

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TYPES = {
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def address(operator: Operator, format: str, language: str = "") -> str:
    asked = f"?language={language}" if language else ""
    return f"/admin/registry/operator/{operator.pk}/register/{format}/{asked}"


@pytest.mark.parametrize("format", ExportFormat.values)
def test_who_may_take_it(office: Office, as_user: Any, format: str) -> None:
    team = office.pandev
    wanted = {
        team.dpo: 200, team.clerk: 200, team.auditor: 200, office.admin: 200,
        office.nobody: 404, office.ipm.dpo: 404, office.ipm.auditor: 404,
    }  # fmt: skip
    for user, status in wanted.items():
        response = as_user(user).get(address(team.operator, format))
        assert response.status_code == status, user
        if status == 200:
            assert response.headers["Content-Type"] == TYPES[format]
            assert response.content == register_export(
                operator=team.operator, format=format, language="en", now=NOW
            )
    response = Client().get(address(team.operator, format))
    assert response.status_code == 302 and "login" in response.headers["Location"]


def test_it_is_a_file_that_nobody_keeps_and_no_name_is_in_its_name(
    office: Office, as_user: Any
) -> None:
    client = as_user(office.ipm.dpo)
    for format, tail in (("json", ""), ("xlsx", "-en"), ("pdf", "-en")):
        response = client.get(address(office.ipm.operator, format))
        name = f'attachment; filename="register-ipm-2026-03-02{tail}.{format}"'
        assert response.headers["Content-Disposition"] == name
        assert "no-store" in response.headers["Cache-Control"]
        if format == "json":
            assert not faults(response)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_readers_language_or_the_one_asked_for(
    office: Office, as_user: Any, language: str
) -> None:
    team = office.ipm
    wanted = register_export(operator=team.operator, format="xlsx", language=language, now=NOW)
    asked = as_user(team.dpo).get(address(team.operator, "xlsx", language))
    assert asked.content == wanted
    assert f"-{language}.xlsx" in asked.headers["Content-Disposition"]
    team.dpo.language = language
    audit.save(team.dpo, by=None, reason="test", fields=["language"])
    assert as_user(team.dpo).get(address(team.operator, "xlsx")).content == wanted


def test_what_there_is_not(office: Office, as_user: Any) -> None:
    client, operator = as_user(office.ipm.dpo), office.ipm.operator
    for format in ("xml", "JSON", "json%00", ".."):
        assert client.get(address(operator, format)).status_code == 404, format
    for number in ("0", "999999999999999999999", "abc", "-1", "²"):
        path = f"/admin/registry/operator/{number}/register/json/"
        assert client.get(path).status_code == 404, number
    response = client.get(address(operator, "json", "de"))
    assert response.status_code == 422
    assert "The register is written in ru, kk or en, not in de." in response.content.decode()
    assert not faults(response)
    for method in (client.post, client.put, client.delete):
        assert method(address(operator, "json")).status_code == 405


def test_the_card_has_three_links(office: Office, as_user: Any) -> None:
    operator = office.pandev.operator
    for user in (office.pandev.dpo, office.pandev.clerk, office.pandev.auditor, office.admin):
        response = as_user(user).get(f"/admin/registry/operator/{operator.pk}/change/")
        body = response.content.decode()
        for format in ExportFormat:
            assert f'<a href="{address(operator, format.value)}">{format.label.capitalize()}' in (
                body.replace("JSON", "json").replace("XLSX", "xlsx").replace("PDF", "pdf")
            )
        assert not faults(response)
    add = as_user(office.admin).get("/admin/registry/operator/add/")
    assert add.status_code == 200 and "/register/json/" not in add.content.decode()


def test_looking_writes_nothing(office: Office, as_user: Any) -> None:
    client = as_user(office.pandev.clerk)
    before = fingerprint()
    for format in ExportFormat.values:
        assert client.get(address(office.pandev.operator, format)).status_code == 200
    assert differences(before) == []


def test_as_many_queries_for_500_activities_as_for_one(office: Office, as_user: Any) -> None:
    team = whole(office.ipm)
    client = as_user(team.dpo)

    def asked(format: str) -> int:
        client.get(address(team.operator, format))
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(team.operator, format)).status_code == 200
        return len(captured)

    few = [asked(format) for format in ExportFormat.values]
    many_activities(team, 500)
    assert [asked(format) for format in ExportFormat.values] == few
    assert max(few) <= 10
    found = json.loads(client.get(address(team.operator, "json")).content)
    assert found["counts"]["activities"] > 500
