"""Is the office alive, and does it keep its promises?"""

from __future__ import annotations

from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry import seam
from registry.choices import NoticeState, RunState
from registry.models import DeadlineRule, JobRun, Notice

# Hourly jobs; one run may be late, two may not.
STALE_AFTER = timedelta(hours=2, minutes=15)
JOBS = ("remind", "digest", "deliver")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers; asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when everything the promises need works, else 503; each check by name."""
    try:
        checks = _checks()
    except DatabaseError:
        checks = {"database": "unreachable"}
    ready = all(state == "ok" for state in checks.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


def _checks() -> dict[str, str]:
    executor = MigrationExecutor(connection)
    checks = {"database": "ok"}
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return checks | {"migrations": "pending"}
    checks["migrations"] = "ok"
    bare = seam.tables_without_triggers()
    checks["history"] = "ok" if not bare else f"not append-only: {', '.join(bare)}"
    checks["law"] = "ok" if DeadlineRule.objects.exists() else "not loaded"
    now = timezone.now()
    for job in JOBS:
        last = JobRun.objects.filter(job=job, state=RunState.DONE).order_by("-started_at").first()
        if last is None:
            checks[job] = "has never run"
        elif last.started_at < now - STALE_AFTER:
            checks[job] = f"last ran at {last.started_at.isoformat(timespec='minutes')}"
        else:
            checks[job] = "ok"
    failed = Notice.objects.filter(state=NoticeState.FAILED).count()
    checks["outbox"] = "ok" if not failed else f"{failed} notices failed"
    return checks
