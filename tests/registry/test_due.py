"""``manage.py due``: from a line of text to a date and its reasons."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.translation import get_language

from registry.models import CalendarDay, DeadlineRule, Jurisdiction

ROOT = Path(__file__).resolve().parents[2]
KEYS = [
    "code", "due_on", "due_at", "internal_on", "binding", "statute_due_on", "promise_due_on",
    "steps",
]  # fmt: skip

pytestmark = pytest.mark.django_db


def ask(code: str, operator: str, when: str, *options: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(
        "due", code, "--operator", operator, "--from", when, "--json", *options, stdout=out
    )
    (line,) = out.getvalue().splitlines()
    found = json.loads(line)
    assert list(found) == KEYS
    return dict(found)


def say(code: str, operator: str, when: str, *options: str) -> str:
    out = io.StringIO()
    call_command("due", code, "--operator", operator, "--from", when, *options, stdout=out)
    return out.getvalue()


def refused(*args: str) -> str:
    with pytest.raises(CommandError) as refusal:
        call_command("due", *args, stdout=io.StringIO())
    assert refusal.value.returncode == 2
    said = str(refusal.value)
    assert said and said.isprintable()
    return said


def lines(
    monkeypatch: pytest.MonkeyPatch, text: str | bytes, *options: str
) -> tuple[list[dict[str, Any]], CommandError | None]:
    """What ``due --json -`` prints for the text on standard input, and how it ends."""
    content = text.encode() if isinstance(text, str) else text
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    out, end = io.StringIO(), None
    try:
        call_command("due", "-", "--json", *options, stdout=out)
    except CommandError as error:
        end = error
    return [json.loads(line) for line in out.getvalue().splitlines()], end


# Dates


def test_the_inquiry_of_25_december() -> None:
    found = ask("RU.REG.INQUIRY", "ipm", "2025-12-25")
    steps = found.pop("steps")
    assert found == {
        "code": "RU.REG.INQUIRY",
        "due_on": "2026-01-12",
        "due_at": None,
        "internal_on": "2025-12-30",
        "binding": "promise",
        "statute_due_on": "2026-01-20",
        "promise_due_on": "2026-01-12",
    }
    assert steps[-2] == "Due on Monday, 12 January 2026."
    assert say("RU.REG.INQUIRY", "ipm", "2025-12-25").splitlines() == steps


@pytest.mark.parametrize(
    ("code", "operator", "when", "due_on"),
    [
        ("RU.REG.INQUIRY", "ipm", "2026-04-28", "2026-05-14"),
        ("RU.SUBJ.ACCESS", "ipm", "2026-04-28", "2026-05-14"),
        ("RU.PURPOSE.DESTROY", "ipm", "2025-12-08", "2026-01-12"),
        ("RU.UNLAWFUL.STOP", "ipm", "2025-10-31", "2025-11-06"),
        ("RU.SUBJ.ACCESS", "ipm", "2025-12-25", "2026-01-20"),
        ("KZ.INCIDENT.NOTICE", "pandev", "2026-03-20", "2026-03-26"),
        ("KZ.CONSENT.WITHDRAW", "pandev", "2026-03-05", "2026-04-01"),
        ("KZ.SUBJ.INFO", "pandev", "2025-01-02", "2025-01-08"),
        ("KZ.VERIFY.BLOCK", "pandev", "2026-08-28", "2026-08-31"),
        ("RU.NOTIFY.CHANGE", "ipm", "2026-01-31", "2026-02-16"),
        ("RU.DESTROY.IMPOSSIBLE", "ipm", "2025-08-31", "2026-03-02"),
        ("RU.EVIDENCE.DESTRUCTION", "ipm", "2024-02-29", "2027-03-01"),
        ("RU.SUBJ.REPEAT", "ipm", "2025-12-25", "2026-01-24"),
    ],
)
def test_the_worked_examples_of_the_law(code: str, operator: str, when: str, due_on: str) -> None:
    found = ask(code, operator, when)
    statute = found["statute_due_on"]
    assert statute == due_on
    if found["promise_due_on"] is None:
        assert (found["due_on"], found["binding"]) == (due_on, "statute")


def test_extended() -> None:
    assert ask("RU.SUBJ.ACCESS", "ipm", "2026-04-28", "--extended")["due_on"] == "2026-05-21"
    under_a_promise = ask("RU.REG.INQUIRY", "ipm", "2026-04-28", "--extended")
    assert under_a_promise["statute_due_on"] == "2026-05-21"
    assert (under_a_promise["due_on"], under_a_promise["binding"]) == ("2026-05-08", "promise")
    assert any("not a promise" in step for step in under_a_promise["steps"])
    assert "RU.UNLAWFUL.STOP" in refused(
        "RU.UNLAWFUL.STOP", "--operator", "ipm", "--from", "2026-04-28", "--extended"
    )


def test_every_rule_gives_a_date_or_says_what_is_missing() -> None:
    dateless = {"before_event", "event", "as_stated_in_inquiry"}
    asked = 0
    for rule in DeadlineRule.objects.select_related("operator", "jurisdiction"):
        state = rule.jurisdiction.code if rule.jurisdiction else "RU"
        operator = rule.operator.code if rule.operator else {"RU": "ipm", "KZ": "pandev"}[state]
        found = ask(rule.code, operator, "2026-09-01T10:00")
        asked += 1
        missing = [step for step in found["steps"] if "missing" in step or "No date yet" in step]
        if rule.unit in dateless or rule.direction == "watch":
            assert found["statute_due_on"] is None, rule.code
            assert missing or rule.direction == "watch"
            if found["promise_due_on"] is None:
                assert found["due_on"] is found["due_at"] is found["binding"] is None, rule.code
        else:
            assert found["due_on"] and found["binding"], rule.code
            assert (found["due_at"] is not None) == (rule.unit in {"hour", "immediate"}), rule.code
    assert asked == 54


def test_hours_run_with_their_zone() -> None:
    found = ask("RU.INCIDENT.NOTICE1", "ipm", "2025-12-31T22:15")
    assert found["due_at"] == "2026-01-01T22:15:00+03:00"
    assert found["due_on"] == "2026-01-01"
    utc = ask("RU.INCIDENT.NOTICE2", "ipm", "2025-12-31T19:15:00+00:00")
    assert utc["due_at"] == "2026-01-03T22:15:00+03:00"


def test_immediate_is_due_at_the_trigger() -> None:
    found = ask("RU.VERIFY.BLOCK", "ipm", "2026-01-01T13:30")
    assert (found["due_at"], found["due_on"]) == ("2026-01-01T13:30:00+03:00", "2026-01-01")
    bare = ask("RU.VERIFY.BLOCK", "ipm", "2026-01-01")
    assert bare["due_at"] == "2026-01-01T00:00:00+03:00"


@pytest.mark.parametrize(
    ("code", "operator", "instant", "due_on"),
    [
        # 23:59 and 00:01 of the operator, written as instants of UTC.
        ("RU.UNLAWFUL.STOP", "ipm", "2026-04-27T20:59:00+00:00", "2026-04-30"),
        ("RU.UNLAWFUL.STOP", "ipm", "2026-04-27T21:01:00+00:00", "2026-05-04"),
        ("KZ.SUBJ.INFO", "pandev", "2026-04-27T18:59:00Z", "2026-04-30"),
        ("KZ.SUBJ.INFO", "pandev", "2026-04-27T19:01:00Z", "2026-05-04"),
        ("RU.UNLAWFUL.STOP", "ipm", "2026-04-27T23:59", "2026-04-30"),
        ("KZ.SUBJ.INFO", "pandev", "2026-04-28T00:01", "2026-05-04"),
    ],
)
def test_both_sides_of_midnight(code: str, operator: str, instant: str, due_on: str) -> None:
    assert ask(code, operator, instant)["due_on"] == due_on


def test_the_stated_date_of_an_inquiry() -> None:
    found = ask("KZ.REG.INQUIRY", "pandev", "2026-02-02", "--stated", "2026-02-06")
    assert (found["due_on"], found["binding"]) == ("2026-02-06", "stated")
    without = ask("KZ.REG.INQUIRY", "pandev", "2026-02-02")
    assert (without["due_on"], without["binding"]) == ("2026-02-12", "promise")
    assert without["statute_due_on"] is None
    assert any("enter the date stated" in step for step in without["steps"])


def test_a_day_of_the_office_changes_the_answer() -> None:
    CalendarDay.objects.create(
        jurisdiction=Jurisdiction.objects.get(code="RU"),
        day=date(2026, 1, 12),
        is_working=False,
        reason="test",
        source="decree 1",
    )
    assert ask("RU.REG.INQUIRY", "ipm", "2025-12-25")["due_on"] == "2026-01-13"


def test_a_year_not_yet_decreed_is_said() -> None:
    assert "not yet decreed" in say("RU.SUBJ.ACCESS", "ipm", "2028-02-01")


# Words


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_the_steps_come_in_the_readers_language(language: str) -> None:
    english = say("RU.REG.INQUIRY", "ipm", "2025-12-25").splitlines()
    other = say("RU.REG.INQUIRY", "ipm", "2025-12-25", "--language", language).splitlines()
    assert len(other) == len(english) and all(other)


def test_a_refusal_comes_in_the_language_that_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.commands.sentence", lambda error: get_language())
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    wrong = ["RU.NONE", "--operator", "ipm", "--from", "2025-12-25"]
    assert refused(*wrong) == "en"
    assert refused(*wrong, "--language", "kk") == "kk"


# Refusals


@pytest.mark.parametrize(
    "when",
    [
        "garbage", "2025", "2025-13-01", "2025-02-30", "20251225", "25.12.2025", "2025-12-25T25:00",
        "2025-12-25T", "T10:00", "0001-01-01T00:00", "9999-12-31T23:59-14:00",
        "2025-12-25T10:00+99:00", "١٢٣٤-٠١-٠١", "2025-12-25 10:00 tomorrow",
    ],
)  # fmt: skip
def test_a_moment_that_is_none_is_refused(when: str) -> None:
    said = refused("RU.REG.INQUIRY", "--operator", "ipm", "--from", when)
    assert said == f"{when} is neither a date nor a date with a time."


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["RU.NONE", "--operator", "ipm", "--from", "2025-12-25"], "RU.NONE"),
        (["RU.REG.INQUIRY", "--operator", "apple", "--from", "2025-12-25"], "apple"),
        (["KZ.REG.INQUIRY", "--operator", "ipm", "--from", "2025-12-25"], "answers under RU"),
        (["PROMISE.IPM.3_2", "--operator", "pandev", "--from", "2025-12-25"], "another operator"),
        (["RU.REG.INQUIRY", "--operator", "ipm", "--from", "2022-08-31"], "1 September 2022"),
        (["RU.REG.INQUIRY", "--operator", "ipm", "--from", "2099-01-15"], "no year 2099"),
        (["RU.EVIDENCE.CONSENT", "--operator", "ipm", "--from", "1987-01-15"], "no year 1990"),
        (["RU.EVIDENCE.CONSENT", "--operator", "ipm", "--from", "9999-01-15"], "past the last"),
        (["RU.REG.INQUIRY", "--operator", "ipm"], "--from"),
        (["RU.REG.INQUIRY", "--from", "2025-12-25"], "--operator"),
        ([], "CODE"),
        (["-"], "--json"),
        (["RU.NO\x00NE", "--operator", "ipm", "--from", "2025-12-25"], "no text can have"),
        (["RU.NO\nNE", "--operator", "ipm", "--from", "2025-12-25"], "no text can have"),
        (["RU.\udcff", "--operator", "ipm", "--from", "2025-12-25"], "no text can have"),
        (
            ["KZ.REG.INQUIRY", "--operator", "pandev", "--from", "2026-02-02",
             "--stated", "2026-02-06T10:00"],
            "2026-02-06T10:00",
        ),
        (
            ["RU.SUBJ.REPEAT", "--operator", "ipm", "--from", "2026-02-02",
             "--stated", "2026-02-06"],
            "RU.SUBJ.REPEAT",
        ),
    ],
)  # fmt: skip
def test_bad_questions_are_refused_in_a_sentence(args: list[str], said: str) -> None:
    assert said in refused(*args)


# Lines


def test_lines_give_one_object_each(monkeypatch: pytest.MonkeyPatch) -> None:
    found, end = lines(
        monkeypatch,
        "RU.REG.INQUIRY ipm 2025-12-25\n\n  KZ.INCIDENT.NOTICE\tpandev 2026-03-20T10:30  \n",
    )
    assert end is None
    assert [(row["code"], row["due_on"]) for row in found] == [
        ("RU.REG.INQUIRY", "2026-01-12"),
        ("KZ.INCIDENT.NOTICE", "2026-03-26"),
    ]
    assert all(list(row) == KEYS for row in found)


def test_bad_lines_are_named_and_the_others_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    found, end = lines(
        monkeypatch,
        b"RU.REG.INQUIRY ipm 2099-12-25\nRU.REG.INQUIRY ipm\nNOPE ipm 2025-12-25\n"
        b"RU\x00.REG ipm 2025-12-25\n\xff\xfe ipm 2025-12-25\nRU.REG.INQUIRY ipm soon\n"
        b"RU.REG.INQUIRY ipm 2025-12-25\n",
    )
    assert end is not None and end.returncode == 2 and "6" in str(end)
    assert [sorted(row) for row in found[:6]] == [["code", "error"]] * 6
    assert "2099" in found[0]["error"] and "CODE OPERATOR WHEN" in found[1]["error"]
    assert found[2] == {"code": "NOPE", "error": "The office knows no rule NOPE."}
    assert found[6]["due_on"] == "2026-01-12"


def test_no_lines_are_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(monkeypatch, "") == ([], None)


def office(tmp_path: Path, url: str, *args: str) -> subprocess.CompletedProcess[str]:
    """A real ``manage.py due`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", "due", *args],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "OFFICE_MODE": "development",
            "OFFICE_VAR": str(tmp_path / "var"),
            "OFFICE_SECRETS": str(tmp_path / "secrets"),
            "DATABASE_URL": url,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def database_url() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return (
        f"postgres://{quote(database['USER'])}:{quote(database['PASSWORD'], safe='')}"
        f"@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    )


def test_the_real_command(tmp_path: Path) -> None:
    question = ["RU.REG.INQUIRY", "--operator", "ipm", "--from"]
    good = office(tmp_path, database_url(), *question, "2025-12-25", "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["due_on"] == "2026-01-12"
    bad = office(tmp_path, database_url(), *question, "soon")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "CommandError: soon is neither a date nor a date with a time.\n"


def test_without_tables_it_says_what_to_do(tmp_path: Path) -> None:
    made = office(tmp_path, "", "RU.REG.INQUIRY", "--operator", "ipm", "--from", "2025-12-25")
    assert made.returncode == 2
    (line,) = made.stderr.splitlines()
    assert "migrate" in line
