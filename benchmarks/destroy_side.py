"""One office of the destruction's benchmark: its people, an act, and three rivals.

Every measure begins with the same rows: the tables are emptied and filled again from files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from benchmarks import import_side
from registry import seam
from registry.models import Operator, Purpose, User
from registry.services import audit
from subjects import models
from subjects.services.acts import act_approve, act_draft
from subjects.services.dates import operator_dates
from subjects.services.executing import act_execute
from subjects.vault.models import DestructionItem

SIZE = int(os.environ.get("SIZE", "20000"))
ROUNDS = int(os.environ.get("ROUNDS", "2"))
# A loop of save() is so slow that a part of the people is enough to know its speed.
LOOP = int(os.environ.get("LOOP", "500"))
FILLED = (models.VaultKey, models.SearchToken, models.PersonalDatum, models.Consent)


def tables() -> list[str]:
    live: list[Any] = [models.PersonalDatum, models.Consent]
    histories = [model.history.model._meta.db_table for model in live]
    return [*(model._meta.db_table for model in FILLED), *histories]


def keep(folder: Path) -> None:
    with connection.cursor() as cursor:
        for table in tables():
            with (
                (folder / table).open("wb") as stream,
                cursor.copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy,
            ):
                for piece in copy:
                    stream.write(piece)


def bring_back(folder: Path) -> None:
    """The rows as they were, and nothing of what a destruction leaves."""
    seam.lift_append_only(seam.history_tables())
    left = "subjects_destructionitem, subjects_evidence, subjects_actitem, subjects_actpaper"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"TRUNCATE {', '.join(tables())}, {left} CASCADE")
        for table in tables():
            with (
                (folder / table).open("rb") as stream,
                cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy,
            ):
                while piece := stream.read(import_side.PIECE):
                    copy.write(piece)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    seam.append_only(seam.history_tables())


# --- the rivals ----------------------------------------------------------------------------------
def ours(number: int) -> float:
    """Drafted and approved before; measured is the execution with its items and evidence."""
    operator = Operator.objects.select_related("jurisdiction").get(code=import_side.OPERATOR)
    now = timezone.now() + timedelta(days=60)
    today = now.astimezone(operator.zone).date()
    operator_dates(operator, today=today)
    acts = act_draft(operator=operator, until=today, by=None, now=now)
    dpo = User.objects.get(username="bench")
    for act in acts:
        if not act.automatic:
            act_approve(act=act, by=dpo, now=now)
    started = time.monotonic()
    for act in acts:
        act_execute(act, now=now, today=today)
    seconds = time.monotonic() - started
    people = DestructionItem.objects.values("owner").distinct().count()
    assert people == SIZE, f"{people} of {SIZE} people"
    return seconds


def raw_deletion(number: int) -> float:
    """The same keys, tokens and items in a single statement."""
    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH gone AS (DELETE FROM subjects_vaultkey WHERE kind = 1 "
            "RETURNING id, kind, owner, category), "
            "mute AS (DELETE FROM subjects_searchtoken USING gone WHERE key = gone.id) "
            "INSERT INTO subjects_destructionitem "
            "(key, kind, owner, category, reason, destroyed_at) "
            "SELECT id, kind, owner, category, 'raw', now() FROM gone"
        )
    return time.monotonic() - started


def raw_nulling(number: int) -> float:
    """What a product without a vault would do: the values and their history made empty."""
    seam.lift_append_only(seam.history_tables())
    started = time.monotonic()
    with connection.cursor() as cursor:
        for table in ("subjects_personaldatum", "subjects_historicalpersonaldatum"):
            cursor.execute(f"UPDATE {table} SET value = NULL")
        cursor.execute("DELETE FROM subjects_searchtoken")
    seconds = time.monotonic() - started
    seam.append_only(seam.history_tables())
    return seconds


def loop_of_saves(number: int) -> float:
    """A plain loop over the people's data; as if for all of them."""
    people = list(models.DataSubject.objects.order_by("pk").values_list("pk", flat=True)[:LOOP])
    started = time.monotonic()
    for row in models.PersonalDatum.objects.filter(subject__in=people).iterator():
        row.verified_on = row.collected_on
        audit.save(row, by=None, reason="bench", fields=["verified_on"])
        models.SearchToken.objects.filter(key=row.value_key).delete()
    return (time.monotonic() - started) * SIZE / len(people)


RIVALS: dict[str, Callable[[int], float]] = {
    "A  an act: chunks, items, evidence": ours,
    "B  one raw statement: keys, tokens, items": raw_deletion,
    "C  raw: values and history made empty": raw_nulling,
    "D  a plain loop of save()": loop_of_saves,
}


def on_postgresql(folder: Path) -> int:
    import_side.PEOPLE = SIZE
    path = folder / "people.csv"
    import_side.prepare(path)
    found = import_side.one_import(path)
    assert found["new"] == SIZE, found
    operator = Operator.objects.get(code=import_side.OPERATOR)
    today = timezone.now().astimezone(operator.zone).date()
    for purpose in Purpose.objects.filter(operator=operator, ended_on=None):
        purpose.ended_on = today
        audit.save(purpose, by=None, reason="the benchmark ends it", fields=["ended_on"])
    keep(folder)
    seconds: dict[str, list[float]] = {name: [] for name in RIVALS}
    for number in range(ROUNDS):
        for name, measure in RIVALS.items():
            bring_back(folder)
            seconds[name].append(measure(number))
            took = seconds[name][-1]
            print(f"{name:<44}{took:8.1f} s {SIZE / took:8.0f} people/s", flush=True)
    mean = {name: sum(each) / len(each) for name, each in seconds.items()}
    first = mean[next(iter(mean))]
    for name, took in list(mean.items())[1:]:
        print(f"A reaches {took / first:.2f} of the speed of {name}", flush=True)
    return 0
