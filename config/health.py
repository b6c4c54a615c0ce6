"""Is the office alive, and does it keep its promises?"""

from __future__ import annotations

from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import override
from django.views.decorators.http import require_safe

from registry import seam
from registry.choices import NoticeState, RunState
from registry.models import DeadlineRule, JobRun, Notice
from registry.services import holding
from subjects.services.sweeping import unverified
from subjects.vault import keyring
from subjects.vault.models import MasterKey

# Hourly jobs; one run may be late, two may not.
STALE_AFTER = timedelta(hours=2, minutes=15)
JOBS = (
    "remind",
    "digest",
    "deliver",
    "watch_notices",
    "keep_keys",
    "watch_vault",
    "forget_results",
    "import_sweep",
    "sweep_destruction",
    "call_systems",
    "fetch_mail",
)


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
    loose = seam.tables_without_freeze()
    checks["published"] = "ok" if not loose else f"not immutable: {', '.join(loose)}"
    checks["law"] = "ok" if DeadlineRule.objects.exists() else "not loaded"
    checks["vault"] = _vault()
    since = holding.held_since()
    checks["restored"] = (
        "ok" if since is None else f"held since {since.isoformat(timespec='minutes')}"
    )
    now = timezone.now()
    for job in JOBS:
        last = JobRun.objects.filter(job=job, state=RunState.DONE).order_by("-started_at").first()
        if last is None:
            checks[job] = "has never run"
        elif last.started_at < now - STALE_AFTER:
            checks[job] = f"last ran at {last.started_at.isoformat(timespec='minutes')}"
        else:
            checks[job] = "ok"
    wrong = unverified()
    checks["acts"] = "ok" if not wrong else f"not verified: {', '.join(wrong)}"
    failed = Notice.objects.filter(state=NoticeState.FAILED).count()
    checks["outbox"] = "ok" if not failed else f"{failed} notices failed"
    return checks


def _vault() -> str:
    """Which key is missing or wrong, by name; else how many values the last watch found lost."""
    with override("en"):
        missing = keyring.ring(fresh=True).missing
    if missing:
        return "; ".join(missing)
    if not MasterKey.objects.filter(retired_at=None).exists():
        return "no keys: run make_keys"
    watched = JobRun.objects.filter(job="watch_vault", state=RunState.DONE)
    last = watched.order_by("-started_at").first()
    wrong = [
        f"{last.did[what]} {label}"
        for what, label in (("lost", "values lost"), ("missing", "sealed files gone"))
        if last is not None and last.did.get(what)
    ]
    return ", ".join(wrong) or "ok"
