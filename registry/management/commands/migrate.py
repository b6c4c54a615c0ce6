"""``migrate`` of Django, then the triggers that keep history append-only and what is published.

SQLite drops a table's triggers whenever a migration rebuilds it, so they are laid anew after
every run instead of standing in one migration. Those that read another table are taken away
before it: SQLite refuses to rebuild a table that a trigger elsewhere names.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connection

from registry import seam
from registry.errors import OperatorError
from registry.explain import sentence


class Command(MigrateCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        if options.get("plan") or options.get("check_unapplied"):
            super().handle(*args, **options)
            return
        seam.lift_freeze(_present())
        try:
            super().handle(*args, **options)
        except OperatorError as error:
            # A migration that refuses says why; nothing of it has happened.
            raise CommandError(sentence(error), returncode=2) from None
        finally:
            existing = set(connection.introspection.table_names())
            seam.append_only(table for table in seam.history_tables() if table in existing)
            seam.freeze(_present())


def _present() -> list[seam.Frozen]:
    """Only whole sets: after a migration backwards a table or its links may be gone."""
    existing = set(connection.introspection.table_names())
    return [
        frozen
        for frozen in seam.frozen_tables()
        if frozen.table in existing and frozen.owner in existing
    ]
