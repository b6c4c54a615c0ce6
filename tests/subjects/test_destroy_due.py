"""``destroy_due``: the sweep by hand, and a look at what it would do."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from registry.models import JobRun
from subjects import tasks
from subjects.choices import ActState
from subjects.models import DestructionAct, DestructionItem, VaultKey
from subjects.services import sweeping
from tests.conftest import Office
from tests.subjects.acting import approved, automatic, due_of, leaving
from tests.subjects.people import NOW, person

LATE = datetime(2026, 6, 1, 9, tzinfo=NOW.tzinfo)


def run(*args: str, at: datetime = LATE) -> str:
    out = io.StringIO()
    with time_machine.travel(at, tick=False):
        call_command("destroy_due", *args, stdout=out)
    return out.getvalue()


def test_a_dry_run_prints_the_plan_and_changes_nothing(office: Office) -> None:
    team = office.pandev
    subject = leaving(team)
    person(team, email="stays@example.org")
    before = VaultKey.objects.count()
    text = run("--date", "2026-06-01", "--dry-run")
    assert subject.code in text and "KZ.CONSENT.WITHDRAW" in text
    assert due_of(subject).isoformat() in text and "KZ.EVIDENCE.CONSENT" in text
    assert "example.org" not in text
    assert VaultKey.objects.count() == before
    assert not DestructionAct.objects.exists() and not DestructionItem.objects.exists()
    found = json.loads(run("--date", "2026-06-01", "--dry-run", "--json", "--operator", "pandev"))
    (told,) = found["operators"]
    assert told["operator"] == "pandev"
    assert {one["category"] for one in told["going"]} == {"email", "full_name"}
    assert {one["code"] for one in told["going"]} == {subject.code}
    assert [one["why"].split("; ")[0] for one in told["staying"]] == ["KZ.EVIDENCE.CONSENT"]
    other = json.loads(run("--date", "2026-06-01", "--dry-run", "--json", "--operator", "ipm"))
    assert other["operators"][0]["going"] == []


def test_a_look_ahead_is_allowed_a_destruction_ahead_is_not(office: Office) -> None:
    subject = leaving(office.pandev)
    text = run("--date", "2026-12-01", "--dry-run", at=NOW)
    assert subject.code in text
    with pytest.raises(CommandError, match="not come yet") as refused:
        run("--date", "2026-12-01", at=NOW)
    assert refused.value.returncode == 2
    assert not DestructionAct.objects.exists()


def test_it_destroys_what_is_approved_or_automatic(live_office: Office) -> None:
    for_people, by_itself = live_office.pandev, live_office.ipm
    leaving(for_people)
    automatic(by_itself)
    gone = leaving(by_itself)
    found = json.loads(run("--date", "2026-06-01", "--json"))
    assert (found["did"]["closed"], found["did"]["waiting"]) == (1, 1)
    items = DestructionItem.objects.all()
    assert set(items.values_list("owner", flat=True)) == {gone.pk} and items.count() == 2
    assert "waiting for approval 1" in run("--date", "2026-06-01")
    assert DestructionAct.objects.filter(state=ActState.CLOSED).count() == 1


def test_only_what_is_due_by_the_date(live_office: Office) -> None:
    team = live_office.pandev
    automatic(team)
    subject = leaving(team)
    day = due_of(subject)
    text = run("--date", day.replace(day=day.day - 1).isoformat(), "--operator", "pandev")
    assert "values destroyed 0" in text
    assert "values destroyed 2" in run("--date", day.isoformat(), "--operator", "pandev")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "--date is missing"),
        (("--date", "tomorrow"), "tomorrow is no date"),
        (("--date", "2026-02-30"), "2026-02-30 is no date"),
        (("--date", "20260301"), "20260301 is no date"),
        (("--date", "2026-03-01", "--operator", "nobody"), "no operator nobody"),
        (("--date", "2026-03-01", "--operator", ""), "no operator"),
    ],
)
def test_a_mistake_is_one_sentence(office: Office, args: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        run(*args)
    assert refused.value.returncode == 2 and "\n" not in str(refused.value)


def test_a_failure_is_said_and_the_rest_done(live_office: Office, monkeypatch: Any) -> None:
    leaving(live_office.pandev)
    approved(live_office.pandev)

    def fails(*args: Any, **options: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(sweeping, "act_execute", fails)
    with pytest.raises(CommandError, match="1 step failed") as failed:
        run("--date", "2026-06-01")
    assert failed.value.returncode == 1


def test_the_hourly_task_records_its_run(live_office: Office) -> None:
    automatic(live_office.pandev)
    leaving(live_office.pandev)
    with time_machine.travel(LATE, tick=False):
        tasks.sweep_destruction()
    record = JobRun.objects.get(job="sweep_destruction")
    assert record.state == "done" and record.did["destroyed"] == 2
    assert "sweep_destruction" in django_settings.CELERY_BEAT_SCHEDULE
