"""The register as JSON, XLSX and PDF: all of it, of nobody else, the same bytes each time."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection, models
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext, override

from registry import models as r
from registry.choices import Event
from registry.models.base import LANGUAGES, Localized
from registry.services import audit
from registry.services.export_tables import CARD, TABLES, Table
from registry.services.policies import policy_state, with_next
from registry.services.register_export import (
    ExportFormat,
    UnknownExportFormat,
    UnknownExportLanguage,
    export_name,
)
from registry.services.transfer_authority import authority_asked
from registry.services.transfer_gates import clock_about, gate_state
from tests.conftest import Office, Team
from tests.registry.transferring import at_step, ban, noon
from tests.registry.whole_register import (
    NOW,
    STEPS,
    Book,
    export,
    many_activities,
    own_rows,
    pdf_pages,
    solid,
    told,
    whole,
)

DOCS = Path(__file__).resolve().parents[2] / "docs" / "register-export.md"
DERIVED = {"state", "texts", "filing_number", "last_on"}
# What no export tells of a row, and why.
LEFT_OUT = {
    "id": "a number of the database", "operator": "said once",
    "made_by": "of the staff only the responsible", "published_by": "the same",
    "signer": "the same",
    "facts": "the paper has a page of its own", "particulars": "the same",
    "created_at": "when it was typed in says nothing", "signed_at": "the same",
    "extension_length": "a promise has none", "extension_unit": "the same",
    "source": "always a promise", "verified_on": "a promise is not verified",
    "verification_note": "the same", "jurisdiction": "the operator's own",
}  # fmt: skip
ALSO_LEFT_OUT = {
    r.DeadlineRule: {"verification": "a promise is not verified"},
    r.LegalBasis: {},
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def team(office: Office) -> Team:
    return whole(office.ipm)


# --- what is in it -------------------------------------------------------------------------------
def stored(row: Any, key: str, zone: Any) -> Any:
    """A particular as the database has it, written by hand as the documentation says."""
    if isinstance(getattr(type(row), key, None) or _inherited(type(row), key), Localized):
        return {language: getattr(row, f"{key}_{language}") for language in LANGUAGES}
    field: Any = row._meta.get_field(key)
    if field.many_to_many:
        return sorted(getattr(row, key).values_list("code", flat=True))
    value = getattr(row, key)
    if isinstance(value, r.User):
        return str(value)
    if isinstance(value, Model):
        return value.code  # type: ignore[attr-defined]
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _inherited(model: type, key: str) -> Any:
    return next((vars(part)[key] for part in model.__mro__ if key in vars(part)), None)


def by_hand(row: Any, table: Table, zone: Any) -> dict[str, Any]:
    keys = [name for name in table.names if name not in DERIVED]
    if table.model is r.RegisterPaper:
        keys.remove("filed_on")
    return {key: stored(row, key, zone) for key in keys}


def test_json_says_of_every_row_what_the_database_says(team: Team, office: Office) -> None:
    for one in (team, office.pandev):
        found, zone = told(one), one.operator.zone
        card = r.Operator.objects.get(pk=one.operator.pk)
        assert found["operator"] == by_hand(card, CARD, zone)
        for table in TABLES:
            wanted = [by_hand(row, table, zone) for row in own_rows(table.model, one)]
            got = [{key: row[key] for key in _keys(table)} for row in found[table.key]]
            key = json.dumps
            assert sorted(got, key=key) == sorted(wanted, key=key), table.key
            assert found["counts"][table.key] == len(wanted)
    assert all(told(team)["counts"].values()), "the register of the test has an empty table"


def _keys(table: Table) -> list[str]:
    hidden = DERIVED | ({"filed_on"} if table.model is r.RegisterPaper else set())
    return [name for name in table.names if name not in hidden]


def test_no_field_of_the_register_is_forgotten() -> None:
    """A new field is exported, or somebody writes down why not."""
    for table in (CARD, *TABLES):
        model: Any = table.model
        known = set(table.names) | set(LEFT_OUT) | set(ALSO_LEFT_OUT.get(model, ()))
        for name in table.names:
            known |= {f"{name}_{language}" for language in LANGUAGES}
        fields = [*model._meta.concrete_fields, *model._meta.many_to_many]
        assert [one.name for one in fields if one.name not in known] == [], table.key


def test_an_activity_by_hand(office: Office) -> None:
    team = office.ipm
    activity = r.ProcessingActivity.objects.get(operator=team.operator)
    activity.started_on, activity.balance_note = date(2026, 1, 5), "Weighed\nand found"
    audit.save(activity, by=None, reason="test")
    (row,) = told(team)["activities"]
    assert row == {
        "name": {
            "ru": "Информирование пользователей по электронной почте",
            "kk": "Пайдаланушыларды электрондық пошта арқылы хабардар ету",
            "en": "Informing users by e-mail",
        },
        "code": "email_information", "purpose": "email_information",
        "subject_categories": ["user"], "data_categories": ["email", "full_name", "phone"],
        "legal_bases": ["RU.6.1.1"], "operations": ["transfer"], "collection_ways": [],
        "mode": "automated", "over_network": True, "systems": ["website"], "recipients": [],
        "started_on": "2026-01-05", "ended_on": None, "review_on": None,
        "balance_note": "Weighed\nand found", "clause": "6",
    }  # fmt: skip


def test_the_head_of_json(team: Team) -> None:
    found = told(team)
    assert list(found)[:4] == ["format", "made_at", "operator", "counts"]
    assert found["format"] == 1
    # Noon on the operator's own clock, in Moscow.
    assert found["made_at"] == "2026-03-02T12:30:00+03:00"
    assert found["operator"]["responsible"] == "Анна Иванова"


def test_states_are_those_of_the_services(team: Team) -> None:
    banned = ban(at_step("open", team), team, date(2026, 2, 2))
    # The calendar was corrected; the authority asked on the day after the notice.
    clock = clock_about(at_step("filed", team), Event.AUTHORITY_RECEIVED_TRANSFER_NOTICE)
    assert clock is not None
    clock.due_on = date(2026, 3, 31)
    clock.save()
    asked_about, asked_at = at_step("filed", team), noon(team, date(2025, 12, 26))
    authority_asked(
        transfer=asked_about, asked_at=asked_at, document="7", by=team.dpo, now=asked_at
    )
    for now in (NOW, datetime(2026, 1, 10, 9, tzinfo=UTC)):
        day = now.astimezone(team.operator.zone).date()
        found = {row["code"]: row["state"] for row in told(team, now)["transfers"]}
        rows = r.Transfer.objects.filter(operator=team.operator)
        assert found == {row.code: gate_state(row, day) for row in rows}
        assert found[banned.code] == "banned" and found[asked_about.code] == "filed"
        assert "waiting" in found.values()
        versions = {row["number"]: row["state"] for row in told(team, now)["policy_versions"]}
        mine = with_next(r.PolicyVersion.objects.filter(operator=team.operator))
        assert versions == {row.number: policy_state(row, today=day) for row in mine}
    states = [row["state"] for row in told(team)["transfers"]]
    assert len(set(states)) > len(STEPS) - 1


def test_papers_and_internal_control(team: Team) -> None:
    found = told(team)
    papers = {row["state"]: row for row in found["papers"]}
    assert set(papers) == {"draft", "filed"}
    filing = r.Filing.objects.get(paper__operator=team.operator)
    assert papers["filed"]["number"] == filing.paper.number
    assert papers["filed"]["filed_on"] == "2025-12-22"
    assert papers["filed"]["filing_number"] == filing.reference
    assert papers["draft"]["filed_on"] is papers["draft"]["filing_number"] is None
    checked = {row["code"]: row["last_on"] for row in found["control_steps"]}
    step = r.ControlRecord.objects.get(step__operator=team.operator).step
    assert checked[step.code] == "2025-12-01"
    assert set(checked.values()) == {"2025-12-01", None}
    r.ControlRecord.objects.create(
        step=step, done_on=date(2026, 1, 15), found="well", recorded_at=NOW
    )
    again = {row["code"]: row["last_on"] for row in told(team)["control_steps"]}
    assert again[step.code] == "2026-01-15"


def test_json_is_the_same_in_every_language(team: Team) -> None:
    assert len({export(team, "json", language) for language in LANGUAGES}) == 1


def test_the_keys_are_those_that_are_documented(team: Team) -> None:
    text = DOCS.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|`]+ \| ((?:`\w+` ?)+)\|$", text, re.MULTILINE)
    documented = {table: re.findall(r"`(\w+)`", keys) for table, keys in rows}
    found = told(team)
    assert documented.pop("operator") == list(found["operator"])
    assert list(documented) == list(found)[4:]
    for table, keys in documented.items():
        assert keys == list(found[table][0]), table
    assert f"| `format` | `{found['format']}` |" in text


# --- PDF -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_is_on_paper(team: Team, language: str) -> None:
    pages = pdf_pages(export(team, "pdf", language))
    text = solid("".join(pages))
    with override(language):
        assert solid(gettext("Register of the processing of personal data")) in text
        for table in TABLES:
            rows = own_rows(table.model, team)
            assert solid(f"{table.title}: {len(rows)}") in text, table.key
            for row in rows:
                for name in ("name", "code", "number", "document"):
                    said = str(getattr(row, name, "") or "")
                    assert solid(said) in text, (table.key, said)
        activity = r.ProcessingActivity.objects.get(
            operator=team.operator, code="email_information"
        )
        for name in ("data_categories", "systems", "legal_bases"):
            words = "; ".join(str(one) for one in getattr(activity, name).order_by("code"))
            assert solid(words) in text
    assert "Анна Иванова" in pages[-1]
    assert "12:30" in pages[0] and "Europe/Moscow" in pages[0]
    assert all("02.03.2026, 12:30" in page or "2 Mar 2026, 12:30" in page for page in pages)


# --- whose, and always the same ------------------------------------------------------------------
@pytest.mark.parametrize("format", ExportFormat.values)
def test_nothing_of_another_operator(office: Office, format: str) -> None:
    for team, other in ((office.ipm, office.pandev), (office.pandev, office.ipm)):
        whole(team)
        content = export(team, format)
        if format == "xlsx":
            book = Book(content)
            content = "".join(map(str, map(book.rows, book.files))).encode()
        elif format == "pdf":
            content = "".join(pdf_pages(content)).encode()
        text = content.decode().casefold()
        assert f"zz{team.operator.code}" in text
        assert f"zz{other.operator.code}" not in text
        for person in (other.dpo, other.clerk, other.auditor, team.auditor, team.deputy):
            assert person.username not in text


def test_nobody_of_the_staff_but_the_responsible(team: Team) -> None:
    """The one who wrote, published and signed is named nowhere, unless responsible."""
    for model in (r.Operator, r.Carrier, r.ControlStep):
        for row in model._default_manager.all():
            if getattr(row, "operator", row).pk == team.operator.pk:
                vars(row)["responsible_id"] = team.clerk.pk
                audit.save(row, by=None, reason="test")
    text = export(team, "json").decode()
    assert "Иванова" not in text and team.dpo.username not in text
    assert str(team.clerk) in text


@pytest.mark.parametrize("format", ExportFormat.values)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_register_and_moment_give_the_same_bytes(
    team: Team, format: str, language: str
) -> None:
    with time_machine.travel(NOW, tick=False):
        first = export(team, format, language)
    with time_machine.travel(NOW + timedelta(days=400, seconds=7), tick=False):
        assert export(team, format, language) == first
    later = export(team, format, language, now=NOW + timedelta(minutes=1))
    assert later != first


@pytest.mark.parametrize("moment", [(20, 59), (21, 1)])
def test_the_day_is_the_operators_own(team: Team, moment: tuple[int, int]) -> None:
    """Both sides of midnight in Moscow."""
    now = datetime(2026, 3, 1, *moment, tzinfo=UTC)
    wanted = "2026-03-02" if moment == (21, 1) else "2026-03-01"
    assert told(team, now)["made_at"][:10] == wanted
    assert export_name(team.operator, "xlsx", "kk", now) == f"register-ipm-{wanted}-kk.xlsx"
    assert export_name(team.operator, "json", "kk", now) == f"register-ipm-{wanted}.json"


def test_what_the_office_does_not_write(office: Office) -> None:
    for format in ("", "xml", "JSON"):
        with pytest.raises(UnknownExportFormat):
            export(office.ipm, format)
    for language in ("", "de", "RU"):
        with pytest.raises(UnknownExportLanguage):
            export(office.ipm, "json", language)


# --- how much it costs ---------------------------------------------------------------------------
def asked(act: Callable[[], Any]) -> int:
    act()
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


def test_one_query_and_a_few_seconds_with_500_activities(team: Team) -> None:
    assert {asked(lambda f=f: export(team, f)) for f in ExportFormat.values} == {1}
    many_activities(team, 500)
    took = {}
    for format in ExportFormat.values:
        begun = time.process_time()
        with CaptureQueriesContext(connection) as captured:
            content = export(team, format, "ru")
        took[format] = round(time.process_time() - begun, 2)
        assert len(captured) == 1
        if format == "pdf":
            pages = len(pdf_pages(content))
    print(f"500 activities: {took} s, {pages} pages")
    assert max(took.values()) < 20, took
    assert 50 < pages < 250


def test_reading_asks_nothing_of_a_field_that_was_not_read(team: Team) -> None:
    """Every column is in the one statement: a deferred field would ask for itself."""
    for table in TABLES:
        for name in table.names:
            field = next((one for one in table.model._meta.fields if one.name == name), None)
            assert field is None or isinstance(field, models.Field)
    assert asked(lambda: told(team)) == 1
