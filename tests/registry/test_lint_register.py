"""``manage.py lint_register``: findings for a terminal and for a program."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from registry.models import ProcessingActivity
from registry.services import audit
from registry.services.findings import finding_acknowledge
from tests.conftest import Team
from tests.registry.findings.clean_office import clean_office
from tests.registry.findings.registers import TODAY

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)
KEYS = ["id", "severity", "article", "object", "message", "clears"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_day() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def team() -> Team:
    """One error (no ground) and one note (nobody to review the activity is no error)."""
    made = clean_office("RU")
    ProcessingActivity.objects.get(operator=made.operator, code="support").legal_bases.clear()
    return made


def lint(*options: str, operator: str = "alfa") -> tuple[str, int, str]:
    """What it prints, its exit code and its last sentence."""
    out = io.StringIO()
    try:
        call_command("lint_register", "--operator", operator, *options, stdout=out)
    except CommandError as error:
        return out.getvalue(), error.returncode, str(error)
    return out.getvalue(), 0, ""


def rows(*options: str, operator: str = "alfa") -> list[dict[str, Any]]:
    found = json.loads(lint("--json", *options, operator=operator)[0])
    assert isinstance(found, list)
    return found


def acknowledge(team: Team) -> None:
    finding_acknowledge(
        operator=team.operator, finding="GRD-001", object="activity:support",
        reason="Order 7\nof today", until=TODAY + timedelta(days=9), by=team.dpo, now=NOW,
    )  # fmt: skip


def test_each_finding_is_an_object_with_exactly_six_keys(team: Team) -> None:
    found = rows()
    assert found and all(list(row) == KEYS for row in found)
    assert all(isinstance(value, str) and value for row in found for value in row.values())
    (one,) = [row for row in found if row["id"] == "GRD-001"]
    assert (one["severity"], one["article"], one["object"]) == (
        "error", "152-FZ 6(1)", "activity:support",
    )  # fmt: skip
    assert one["message"] == "The activity Support of clients has no legal basis."


@pytest.mark.parametrize("law", ["RU", "KZ"])
def test_a_clean_register(law: str) -> None:
    clean_office(law)
    assert lint("--json") == ("[]\n", 0, "")
    assert lint() == ("Nothing is open: policy, register and law agree.\n", 0, "")


def test_the_text_names_all_of_it(team: Team) -> None:
    out, code, said = lint()
    assert code == 1 and said == "1 error is open."
    lines = out.splitlines()
    assert lines[0] == "Errors: 1"
    assert lines[1] == "  GRD-001  152-FZ 6(1)  activity:support"
    assert lines[2].strip() == "The activity Support of clients has no legal basis."
    assert lines[3].strip().startswith("→ Name an article")


def test_what_is_acknowledged_is_left_out_and_counted(team: Team) -> None:
    acknowledge(team)
    assert all(row["id"] != "GRD-001" for row in rows())
    out, code, said = lint()
    assert (code, said) == (0, "") and "Acknowledged: 1" in out and "GRD-001" not in out


def test_all_shows_what_is_acknowledged_too(team: Team) -> None:
    other = ProcessingActivity.objects.get(operator=team.operator, code="employment")
    other.legal_bases.clear()
    acknowledge(team)
    found = rows("--all")
    assert all(list(row) == [*KEYS, "acknowledged"] for row in found)
    said = {row["object"]: row["acknowledged"] for row in found if row["id"] == "GRD-001"}
    assert said == {
        "activity:support": {
            "until": (TODAY + timedelta(days=9)).isoformat(),
            "reason": "Order 7\nof today",
        },
        "activity:employment": None,
    }
    out, code, _said = lint("--all")
    assert code == 1
    assert "acknowledged until Tuesday, 1 December 2026: Order 7 of today" in out


def test_warnings_and_notes_are_no_errors() -> None:
    team = clean_office("RU")
    activity = ProcessingActivity.objects.get(operator=team.operator, code="support")
    activity.review_on = TODAY - timedelta(days=1)
    audit.save(activity, by=None, reason="test")
    found = rows()
    assert found and {row["severity"] for row in found} <= {"warning", "note"}
    assert lint()[1:] == (0, "")


def test_the_two_policies_have_errors_and_the_command_says_so() -> None:
    for operator in ("ipm", "pandev"):
        out, code, said = lint("--json", operator=operator)
        errors = [row for row in json.loads(out) if row["severity"] == "error"]
        assert errors and code == 1 and said == f"{len(errors)} errors are open."


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_rows_are_named_in_the_language_asked_for(language: str) -> None:
    activity = ProcessingActivity.objects.get(operator__code="ipm")
    name = getattr(activity, f"name_{language}")
    found = rows("--language", language, operator="ipm")
    mine = [row for row in found if row["object"] == f"activity:{activity.code}"]
    assert mine and any(name in row["message"] for row in mine)
    assert not any("%(" in value for row in found for value in row.values())


@pytest.mark.parametrize(
    ("options", "operator"),
    [
        ((), "nobody-knows"),
        ((), ""),
        (("--language", "de"), "ipm"),
        (("--language", ""), "ipm"),
        (("--language", "ru\n"), "ipm"),
        ((), "ip\x00m"),
    ],
)
def test_a_wrong_question_is_one_sentence(options: tuple[str, ...], operator: str) -> None:
    out, code, said = lint(*options, operator=operator)
    assert (out, code) == ("", 2)
    assert said and said.isprintable() and said.count(".") <= 2


def test_the_help_says_what_the_exit_codes_mean() -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "lint_register", "--help"],
        cwd=ROOT, env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Exit code: 1 while an error is open" in " ".join(run.stdout.split())


def test_a_law_without_checks_is_one_sentence_too(team: Team) -> None:
    law = team.operator.jurisdiction
    law.pk, law.code = None, "UZ"
    audit.save(law, by=None, reason="test")
    team.operator.jurisdiction = law
    audit.save(team.operator, by=None, reason="test")
    out, code, said = lint("--json")
    assert (out, code) == ("", 2)
    assert said == (
        "The office has no checks for the law of UZ: it knows those of Russia and Kazakhstan."
    )
