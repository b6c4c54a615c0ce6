"""Doorbells of the clock: the keys that come due, and the watch over what is sealed."""

from __future__ import annotations

from datetime import datetime

from celery import shared_task
from django.utils import timezone

from registry.services import runs
from registry.tasks import ring
from subjects.services import calling, destruction_journal, files, keys, search, sweeping


@shared_task
def keep_keys() -> None:
    """Rotate, finish and retire the keys whose time has come."""
    runs.run("keep_keys", _keep, now=timezone.now())


def _keep(*, now: datetime) -> dict[str, int]:
    return keys.keys_keep(now=now, today=now.date())


@shared_task
def forget_results() -> None:
    """Delete what searches found and nobody may open any more."""
    runs.run("forget_results", _forget, now=timezone.now())


def _forget(*, now: datetime) -> dict[str, int]:
    return {"results": search.results_forget(now)}


@shared_task
def watch_vault() -> None:
    """Count the values that are lost, and take away files that nobody names."""
    runs.run("watch_vault", watch, now=timezone.now())


def watch(*, now: datetime) -> dict[str, int]:
    """``lost``: values with neither key nor item; ``missing``: sealed files that are gone."""
    swept = files.files_sweep(now=now)
    return {
        "lost": len(keys.lost_keys()),
        "missing": len(swept.missing),
        "orphans": len(swept.orphans),
        "mute": len(swept.mute),
    }


@shared_task
def sweep_destruction() -> None:
    """Date, draft, execute, verify and close what must go; make up the journal."""
    did = runs.run("sweep_destruction", _destroy, now=timezone.now()).did
    if did.get("elsewhere"):
        ring(call_systems)


def _destroy(*, now: datetime) -> dict[str, int]:
    did = sweeping.destruction_sweep(now=now)
    return did | {"journalled": destruction_journal.journal_sweep(now=now)}


@shared_task
def call_systems() -> None:
    """Tell the systems that have a webhook what of an act waits there."""
    did = runs.run("call_systems", _call, now=timezone.now()).did
    if did.get("confirmed"):
        ring(sweep_destruction)


def _call(*, now: datetime) -> dict[str, int]:
    return calling.calls_sweep(now=now)
