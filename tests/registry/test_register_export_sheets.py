"""The register as XLSX: a sheet for each table, days that are days, and no formula ever."""

from __future__ import annotations

import json
import re
from datetime import date, datetime

import pytest
from django.utils.translation import gettext, override

from registry import models as r
from registry.models.base import LANGUAGES
from registry.services import audit
from registry.services.export_tables import TABLES
from registry.services.register_export import ExportFormat, register_export
from tests.conftest import Office, Team
from tests.crawl.rows import make
from tests.registry.whole_register import NOW, Book, export, own_rows, told, whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(office: Office) -> Team:
    return whole(office.ipm)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sheet_for_each_table_with_every_row(team: Team, language: str) -> None:
    book = Book(export(team, "xlsx", language))
    with override(language):
        assert list(book.files)[0] == gettext("Register")
        for title, table in zip(list(book.files)[1:], TABLES, strict=True):
            head, *rows = book.rows(title)
            assert head == [column.heading for column in table.readable]
            assert len(rows) == len(own_rows(table.model, team)), table.key
            assert len(title) <= 31
        activities = book.table(list(book.files)[2])
        for row in r.ProcessingActivity.objects.filter(operator=team.operator):
            mine = next(one for one in activities if row.code in one.values())
            head = {column.key: column.heading for column in TABLES[1].columns}
            assert mine[head["name"]] == row.name
            assert mine[head["purpose"]] == row.purpose.name
            names = [one.name for one in row.data_categories.order_by("code")]
            assert (mine[head["data_categories"]] or "").split("\n") == (names or [""])
            assert mine[head["mode"]] == (row.get_mode_display() or None)


def test_days_and_moments_are_days_and_moments(team: Team) -> None:
    book = Book(export(team, "xlsx"))
    version = r.PolicyVersion.objects.filter(
        operator=team.operator, published_at__isnull=False
    ).first()
    if version is None:
        version = make(r.PolicyText, team).version
        book = Book(export(team, "xlsx"))
    rows = {row["Number"]: row for row in book.table("Versions of the policy")}
    papers = {row["State"]: row for row in book.table("Papers of the register")}
    filed = papers["Filed" if "Filed" in papers else "filed"]
    assert filed["Filed on"] == date(2025, 12, 22)
    # 12:00 in UTC on the operator's clock.
    assert filed["Written at"] == datetime(2025, 12, 22, 15)
    mine = rows[version.number]
    local = version.published_at and version.published_at.astimezone(team.operator.zone)
    wanted = local and local.replace(tzinfo=None, microsecond=0)
    assert mine["Published at"] == wanted
    first = {row[0]: row[1] for row in book.rows("Register") if len(row) > 1}
    assert first["As of"] == datetime(2026, 3, 2, 12, 30)
    assert first["Moments on the clock of"] == "Europe/Moscow"
    assert first["Processing activities"] == len(own_rows(r.ProcessingActivity, team))


def test_a_sheet_is_ready_to_work_with(team: Team) -> None:
    book = Book(export(team, "xlsx"))
    for title, file in list(book.files.items())[1:]:
        xml = book.zip.read(file).decode()
        rows = len(book.rows(title))
        assert 'state="frozen"' in xml and 'topLeftCell="B2"' in xml
        assert re.search(rf'<autoFilter ref="A1:[A-Z]+{rows}"', xml), title
        assert len(re.findall(r"<col ", xml)) >= 1
    assert b'wrapText="1"' in book.zip.read("xl/styles.xml")


HOSTILE = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "{=1}", "https://x.example/a",
           "internal:Register!A1", "mailto:a@b.example", "007", "_x0041_", "a]b[:*?/\\'", "TRUE",
           "<b>&amp;</b>")  # fmt: skip


def test_what_looks_like_a_formula_is_text(office: Office) -> None:
    team = office.ipm
    for number, text in enumerate(HOSTILE):
        r.Recipient.objects.create(
            operator=team.operator, code=f"h{number}", name_en=text, kind="processor"
        )
    team.operator.name = "=HYPERLINK(1)"
    audit.save(team.operator, by=None, reason="test")
    book = Book(export(team, "xlsx"))
    names = {row["Code"]: row["Name"] for row in book.table("Recipients")}
    for number, text in enumerate(HOSTILE):
        # What Excel would read as an escape is escaped itself.
        shown = text.replace("_x0041_", "_x005F_x0041_")
        assert names[f"h{number}"] == shown
    for name in book.zip.namelist():
        content = book.zip.read(name)
        assert b"<f>" not in content and b"<f " not in content, name
        assert b'TargetMode="External"' not in content, name
    first = dict(row[:2] for row in book.rows("Register") if len(row) > 1)
    assert first["Name"] == "=HYPERLINK(1)"
    codes = {row["code"]: row["name"]["en"] for row in told(team)["recipients"]}
    assert [codes[f"h{number}"] for number in range(len(HOSTILE))] == list(HOSTILE)


def test_a_text_that_no_cell_holds_is_cut_and_says_so(office: Office) -> None:
    team = office.ipm
    activity = r.ProcessingActivity.objects.get(operator=team.operator)
    for text in ("ж" * 32767, "ж" * 40000, "😀" * 20000):
        activity.balance_note = text
        audit.save(activity, by=None, reason="test")
        (row,) = Book(export(team, "xlsx")).table("Processing activities")
        shown = row["Balance of interests"]
        assert len(shown.encode("utf-16-le")) // 2 <= 32767
        if len(text) == 32767:
            assert shown == text
        else:
            assert shown.endswith("…") and text.startswith(shown[:-1]) and len(shown) > 16000
        assert told(team)["activities"][0]["balance_note"] == text


def test_a_day_before_excel_and_an_empty_register(office: Office) -> None:
    team = office.ipm
    activity = r.ProcessingActivity.objects.get(operator=team.operator)
    activity.started_on = date(1812, 9, 7)
    audit.save(activity, by=None, reason="test")
    (row,) = Book(export(team, "xlsx")).table("Processing activities")
    assert row["Started on"] == "1812-09-07"
    empty = r.Operator.objects.create(
        code="empty", name="Empty", jurisdiction=team.operator.jurisdiction
    )
    for format in ExportFormat.values:
        content = register_export(operator=empty, format=format, language="kk", now=NOW)
        assert len(content) > 500
        if format == "json":
            assert set(json.loads(content)["counts"].values()) == {0}
