"""What tests/processes.py runs inside its office: ``python -m tests.process_script VERB``.

``seed`` fills an empty database, ``check`` compares what the jobs have left with what the law of
the marks demands, ``ring`` rings every doorbell twice. Each prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.utils import timezone  # noqa: E402

from registry import tasks  # noqa: E402
from registry.calendars import work_calendar  # noqa: E402
from registry.choices import Effect, Event, Role, RunState  # noqa: E402
from registry.marks import marks  # noqa: E402
from registry.models import (  # noqa: E402
    Authority,
    Deadline,
    JobRun,
    Notice,
    NoticeLine,
    Operator,
    Reminder,
    User,
)
from registry.services import audit  # noqa: E402
from registry.services.clocks import deadline_open  # noqa: E402
from registry.services.outbox import message_id  # noqa: E402
from registry.services.reminders import pace_of  # noqa: E402
from registry.services.staff import membership_start  # noqa: E402
from requests.models import RegulatorInquiry  # noqa: E402
from requests.services.inquiries import inquiry_register  # noqa: E402
from tests.conftest import load_both  # noqa: E402

INQUIRIES = 30  # of each operator
INCIDENTS = 80  # of IPM, in hours


def noon_zone(now: datetime) -> str:
    """A zone where it is about noon: no morning and no midnight falls into the test."""
    ahead = 12 - now.hour
    return f"Etc/GMT{-ahead:+d}"


def seed() -> dict[str, int]:
    """An office whose clock has stood still for a week and longer: nothing has been reminded."""
    call_command("migrate", interactive=False, verbosity=0)
    load_both()
    now = timezone.now()
    for operator in Operator.objects.select_related("jurisdiction"):
        operator.time_zone = noon_zone(now)
        audit.save(operator, by=None, reason="test", fields=["time_zone"])
        people = {}
        for role in (Role.DPO, Role.CLERK):
            people[role] = User.objects.create(
                username=f"{role}@{operator.code}", email=f"{role}.{operator.code}@example.org"
            )
            membership_start(
                user=people[role], operator=operator, role=role, started_on=date(2025, 1, 1),
                by=None, reason="test",
            )  # fmt: skip
        authority = Authority.objects.filter(jurisdiction=operator.jurisdiction).first()
        assert authority is not None
        for number in range(INQUIRIES):
            received_at = now - timedelta(days=24, hours=number)
            inquiry_register(
                operator=operator, authority=authority, reference=f"08-{number}",
                received_at=received_at, questions="Which measures?", channel="post", by=None,
                now=received_at + timedelta(hours=1), owner=people[Role.CLERK],
                stated_on=(now - timedelta(days=number % 10)).date(),
            )  # fmt: skip
    operator = Operator.objects.select_related("jurisdiction").get(code="ipm")
    for number in range(INCIDENTS):
        # No six hours are full within the next half hour.
        detected_at = now - timedelta(days=8, minutes=30 + number)
        deadline_open(
            operator=operator, about=RegulatorInquiry(pk=1000 + number),
            label=f"INC-2026-{number:04d}", event=Event.INCIDENT_DETECTED,
            effect=Effect.NOTIFY_AUTHORITY_FIRST, trigger_at=detected_at, by=None, now=detected_at,
            owner=User.objects.get(username="clerk@ipm"),
        )  # fmt: skip
    return {"clocks": Deadline.objects.count()}


def demanded(now: datetime) -> dict[int, dict[str, bool]]:
    """Of each clock its marks up to now, and whether the DPO hears them."""
    found = {}
    for row in Deadline.objects.select_related("operator__jurisdiction", "statute", "promise"):
        assert row.internal_on and row.due_on and row.ends_at
        found[row.pk] = {
            mark.code: mark.escalate
            for mark in marks(
                pace=pace_of(row), since=row.created_at, internal_on=row.internal_on,
                due_on=row.due_on, ends_at=row.ends_at, now=now, zone=row.operator.zone,
                calendar=work_calendar(row.operator.jurisdiction),
            )
        }  # fmt: skip
    return found


def check() -> dict[str, Any]:
    """What the jobs have left, beside what they should have."""
    runs = JobRun.objects.filter(job="remind").order_by("-started_at")
    now = runs[0].started_at if runs else timezone.now()
    wanted = demanded(now)
    made: dict[int, list[str]] = {pk: [] for pk in wanted}
    for pk, mark in Reminder.objects.values_list("deadline_id", "mark"):
        made[pk].append(mark)
    told = sorted(
        NoticeLine.objects.values_list(
            "reminder__deadline_id", "reminder__mark", "recipient__username"
        )
    )
    should_be_told = sorted(
        (row.pk, mark, name)
        for row in Deadline.objects.select_related("operator")
        for mark, escalate in wanted[row.pk].items()
        for name in [f"clerk@{row.operator.code}", f"dpo@{row.operator.code}"][: 1 + escalate]
    )
    notices = list(Notice.objects.all())
    return {
        "clocks": len(wanted),
        "demanded": sum(map(len, wanted.values())),
        "made": sum(map(len, made.values())),
        "exact": all(sorted(made[pk]) == sorted(wanted[pk]) for pk in wanted),
        "lines": len(told),
        "told_exactly": told == should_be_told,
        "waiting_lines": NoticeLine.objects.filter(notice=None).count(),
        "kinds": dict(Notice.objects.values_list("kind").annotate(n=Count("pk")).order_by("kind")),
        "keys": sorted(notice.key for notice in notices),
        "states": dict(
            Notice.objects.values_list("state").annotate(n=Count("pk")).order_by("state")
        ),
        "attempts": sum(notice.attempts for notice in notices),
        "mails": sorted(message_id(notice)[1:-1] + ".eml" for notice in notices),
        "runs": [
            [row.job, row.state, row.started_at.timestamp(),
             row.finished_at.timestamp() if row.finished_at else None, row.did]
            for row in JobRun.objects.order_by("started_at")
        ],
        "failed_runs": JobRun.objects.filter(state=RunState.FAILED).count(),
    }  # fmt: skip


def ring() -> dict[str, int]:
    bells = [tasks.remind, tasks.remind, tasks.digest, tasks.digest, tasks.deliver, tasks.deliver]
    for task in bells:
        task.apply_async()
    return {"rung": len(bells)}


def age() -> dict[str, int]:
    """The ten minutes pass after which a claim must be a dead worker's."""
    claimed = Notice.objects.filter(state="sending")
    return {"aged": claimed.update(claimed_at=datetime.now(UTC) - timedelta(minutes=11))}


VERBS: dict[str, Callable[[], dict[str, Any]]] = {
    "seed": seed, "check": check, "ring": ring, "age": age,
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(VERBS[sys.argv[1]]()))
