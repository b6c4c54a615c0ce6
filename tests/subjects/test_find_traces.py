"""The auditor's own search: what it prints, how it ends, and every cell of the database."""

from __future__ import annotations

import base64
import io
import json
import sys
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from registry.models import Purpose, User
from registry.services import audit
from tests.conftest import Office

VALUE = "Қуанышбек Ёлкин"
ABSENT = "Нигде Такого Нет"


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Ask:
    """The command, with values on standard input."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, *args: Any, values: str | bytes = VALUE, tty: bool = False) -> Answer:
        data = values.encode() if isinstance(values, str) else values
        stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
        self._monkeypatch.setattr(stdin, "isatty", lambda: tty)
        self._monkeypatch.setattr(sys, "stdin", stdin)
        out, err = io.StringIO(), io.StringIO()
        self._monkeypatch.setattr(sys, "stderr", err)
        code = 0
        try:
            call_command("find_traces", *args, stdout=out, stderr=err)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
        except SystemExit as error:
            code = int(error.code or 0)
        shown = data.decode("utf-8", "replace").splitlines()
        for value in (line for line in shown if line.strip()):
            assert value not in out.getvalue() + err.getvalue()
        return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture
def var(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of the office; the language of the terminal is English."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    folder = tmp_path / "var"
    folder.mkdir()
    settings.OFFICE_VAR = folder
    return folder


@pytest.fixture
def ask(var: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    # The database of the tests holds whatever other tests left in its file: tested by itself.
    monkeypatch.setattr("subjects.management.commands.find_traces._own_places", lambda: [var])
    return Ask(monkeypatch)


# --- files --------------------------------------------------------------------------------------
def test_nothing_found_ends_with_0(ask: Ask, var: Path) -> None:
    (var / "a").write_text("nothing")
    answer = ask("--no-database")
    assert answer.code == 0 and answer.err == ""
    assert answer.lines == [
        "0 traces found; 0 places not read; searched: files 1, bytes 7, cells 0."
    ]


def test_a_trace_is_one_line_and_ends_with_1(ask: Ask, var: Path) -> None:
    (var / "a").write_bytes(b"~" * 120 + base64.b64encode(f"x{VALUE}x".encode()))
    (var / "b").write_bytes(b"\x1f\x8b\x08")
    answer = ask("--no-database", values=f"{ABSENT}\n{VALUE}\n")
    assert answer.code == 1
    assert answer.lines == [
        f"value 2: {var}/a, base64, at byte 122",
        f"not read: {var}/b, gzip: broken",
        f"1 trace found; 1 place not read; searched: files 2, bytes {120 + 44 + 3}, cells 0.",
    ]


def test_what_was_not_read_ends_with_3(ask: Ask, var: Path) -> None:
    (var / "b").write_bytes(b"7z\xbc\xaf\x27\x1c")
    answer = ask("--no-database")
    assert answer.code == 3
    assert answer.lines[0] == (f"not read: {var}/b: packed in a way that the office cannot open")


def test_a_part_of_a_letter_is_named(ask: Ask, var: Path) -> None:
    text = base64.b64encode(VALUE.encode()).decode()
    (var / "x.eml").write_text(f"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n{text}\n")
    assert ask("--no-database").lines[0] == f"value 1: {var}/x.eml, part 1, utf-8, at byte 0"


def test_given_places_are_searched_too(ask: Ask, var: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text(VALUE)
    assert ask("--no-database").code == 0
    assert ask(str(tmp_path / "backup"), "--no-database").code == 1


def test_json_has_the_same_and_no_value(ask: Ask, var: Path) -> None:
    (var / f"of {VALUE}").write_text(VALUE)
    with zipfile.ZipFile(var / "z", "w") as archive:
        archive.writestr("broken", b"7z\xbc\xaf\x27\x1c")
    answer = ask("--no-database", "--json", values=f"{ABSENT}\r\n{VALUE}\r\n")
    told = json.loads(answer.out)
    assert answer.code == 1
    assert told["traces"] == [
        {"path": f"{var}/of ***", "inside": "name", "form": "utf-8", "offset": None,
         "value_number": 2},
        {"path": f"{var}/of ***", "inside": "", "form": "utf-8", "offset": 0, "value_number": 2},
    ]  # fmt: skip
    assert told["unread"] == [
        {"path": f"{var}/z", "inside": "broken",
         "reason": "packed in a way that the office cannot open"},
    ]  # fmt: skip
    assert told["searched"]["files"] == 2 and told["searched"]["cells"] == 0


def test_the_file_of_sqlite_is_found_wherever_it_lies(
    var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        (tmp_path / f"db{ending}").write_text(VALUE)
    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db")}}
    # Of the command only: the tests' own database stays where it is.
    monkeypatch.setattr(
        "subjects.management.commands.find_traces.settings",
        SimpleNamespace(OFFICE_VAR=var, DATABASES=databases),
    )
    answer = Ask(monkeypatch)("--no-database")
    assert [line.split(",")[0] for line in answer.lines[:-1]] == [
        f"value 1: {tmp_path}/db{ending}" for ending in ("", "-wal", "-shm", "-journal")
    ]


# --- refusals -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "values, said",
    [
        ("", "No values: give them on standard input, one a line."),
        ("\n \n", "No values: give them on standard input, one a line."),
        ("long enough\nЮля\n", "Value 2 is shorter than 4 characters"),
        (b"long enough\n\xff\xfe\n", "The values must be text in UTF-8: line 2 is not."),
    ],
)
def test_values_are_refused_with_2(ask: Ask, values: str | bytes, said: str) -> None:
    answer = ask("--no-database", values=values)
    assert answer.code == 2 and answer.out == "" and said in answer.err


def test_a_place_that_is_not_there_is_refused(ask: Ask, tmp_path: Path) -> None:
    answer = ask(str(tmp_path / VALUE), "--no-database")
    assert answer.code == 2
    assert answer.err == f"There is no file or folder {tmp_path}/***."


def test_a_terminal_gets_a_hint(ask: Ask) -> None:
    answer = ask("--no-database", tty=True)
    assert answer.code == 0 and answer.err.startswith("Type the values, one a line")


# --- the database -------------------------------------------------------------------------------
def marked(office: Office, **fields: Any) -> Purpose:
    names = {f"name_{language}": "Purpose" for language in ("ru", "kk", "en")}
    row = Purpose(operator=office.ipm.operator, code="zz-marked", **{**names, **fields})
    audit.save(row, by=office.ipm.dpo, reason="test")
    return row


def test_a_text_in_a_table_is_found(ask: Ask, office: Office) -> None:
    assert ask().code == 0
    row = marked(office, name_ru=f"Цель: {VALUE}, и ещё")
    answer = ask()
    assert answer.code == 1
    assert f"value 1: registry_purpose.name_ru, row {row.pk}, utf-8, at byte 10" in answer.lines
    # History has a copy, and is a table like any other.
    assert any("registry_historicalpurpose.name_ru" in line for line in answer.lines)
    assert ask(values=ABSENT).code == 0


def test_without_the_database_its_tables_are_not_asked(ask: Ask, office: Office) -> None:
    marked(office, name_ru=VALUE)
    assert ask("--no-database").code == 0


def packed(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", text)
    return out.getvalue()


CELLS: dict[str, tuple[str, str, Any, str, str]] = {
    # Type on PostgreSQL and on SQLite, what is stored, what is looked for, what is said.
    "text": ("text", "text", f"x{VALUE}", VALUE, "row 7, utf-8, at byte 1"),
    "long text": ("text", "text", "~" * 300_000 + VALUE, VALUE, "row 7, utf-8, at byte 300000"),
    "binary": ("bytea", "blob", f"x{VALUE}".encode("utf-16-le"), VALUE,
               "row 7, utf-16-le, at byte 2"),
    "base64": ("text", "text", base64.b64encode(VALUE.encode()).decode(), VALUE,
               "row 7, base64, at byte 0"),
    "archive": ("bytea", "blob", packed("~" * 500 + VALUE), VALUE,
                "row 7, a.txt, utf-8, at byte 500"),
    "jsonb": ("jsonb", "text", json.dumps({"a": [VALUE]}, ensure_ascii=False), VALUE,
              "row 7, utf-8, at byte 8"),
    "json": ("json", "text", json.dumps([VALUE], ensure_ascii=False), VALUE,
             "row 7, utf-8, at byte 2"),
    "number": ("bigint", "integer", 77011234567, "77011234567", "row 7, number"),
    "date": ("date", "text", date(1990, 5, 12), "1990-05-12", "row 7, date"),
}  # fmt: skip


@pytest.mark.parametrize("postgres, sqlite, stored, value, said", CELLS.values(), ids=CELLS)
def test_every_kind_of_cell_is_read(
    ask: Ask, db: None, postgres: str, sqlite: str, stored: Any, value: str, said: str
) -> None:
    on_postgres = connection.vendor == "postgresql"
    kind = postgres if on_postgres else sqlite
    if not on_postgres and isinstance(stored, date):
        stored, said = stored.isoformat(), "row 7, utf-8, at byte 0"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE zz_cells (id integer PRIMARY KEY, cell {kind})")
        cursor.execute("INSERT INTO zz_cells VALUES (7, %s)", [stored])
    answer = ask(values=value)
    assert answer.lines[:-1] == [f"value 1: zz_cells.cell, {said}"]
    assert ask(values=ABSENT).code == 0
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE zz_cells")


def test_a_value_in_a_primary_key_is_not_shown(ask: Ask, db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE zz_keys (id varchar(50) PRIMARY KEY)")
        cursor.execute("INSERT INTO zz_keys VALUES (%s)", [f"x{VALUE}"])
    assert ask().lines[0] == "value 1: zz_keys.id, row x***, utf-8, at byte 1"


def test_a_table_that_is_not_given_out_is_said(
    ask: Ask, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    selects = [("gone", "SELECT * FROM zz_no_such_table", ()), ("one", "SELECT 'x' AS a", ())]
    monkeypatch.setattr("subjects.services.tables._selects", lambda: selects)
    answer = ask()
    assert answer.code == 3
    assert answer.lines == [
        "not read: gone: the database does not give it",
        "0 traces found; 1 place not read; searched: files 0, bytes 1, cells 1.",
    ]


def test_nothing_can_be_written_meanwhile(
    ask: Ask, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    selects = [("bad", "INSERT INTO zz_none VALUES (1)", ())]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE zz_none (id integer)")
    monkeypatch.setattr("subjects.services.tables._selects", lambda: selects)
    if connection.vendor == "postgresql":
        # A cursor of the server takes queries only; the transaction refuses the rest.
        selects[0] = ("bad", "SELECT nextval('zz_sequence')", ())
        with connection.cursor() as cursor:
            cursor.execute("CREATE SEQUENCE zz_sequence")
    assert ask().code == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM zz_none")
        assert cursor.fetchone() == (0,)
    # Afterwards the connection writes again.
    User.objects.create(username="later")


def test_rows_come_a_few_at_a_time(ask: Ask, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subjects.services.tables.ROWS", 7)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE zz_many (id integer PRIMARY KEY, cell text)")
        cursor.executemany(
            "INSERT INTO zz_many VALUES (%s, %s)",
            [(number, VALUE if number in {1, 50} else "nothing") for number in range(1, 51)],
        )
    assert [line.split(", ")[1] for line in ask().lines[:-1]] == ["row 1", "row 50"]


def test_a_table_of_another_schema_and_the_statistics_are_read(ask: Ask, db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL has schemas and statistics")
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA zz_other")
        cursor.execute("CREATE TABLE zz_other.t (cell text)")
        cursor.execute("INSERT INTO zz_other.t SELECT %s FROM generate_series(1, 9)", [VALUE])
        cursor.execute("ANALYZE zz_other.t")
        cursor.execute("SELECT lo_from_bytea(0, %s)", [VALUE.encode()])
    lines = ask().lines
    assert "value 1: zz_other.t.cell, row 9, utf-8, at byte 0" in lines
    assert any(line.startswith("value 1: pg_stats.most_common_vals") for line in lines)
    assert any(line.startswith("value 1: pg_largeobject.lo_get") for line in lines)


def test_a_database_that_does_not_answer_is_refused(
    ask: Ask, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise connection.Database.OperationalError

    def fail(*args: object) -> None:
        with connection.wrap_database_errors:
            refuse()

    monkeypatch.setattr("subjects.services.tables._selects", fail)
    answer = ask()
    assert answer.code == 2 and answer.err.startswith("The database does not answer")
