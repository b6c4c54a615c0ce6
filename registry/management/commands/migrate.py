"""``migrate`` of Django, then the triggers that keep history append-only.

SQLite drops a table's triggers whenever a migration rebuilds it, so they are laid anew after
every run instead of standing in one migration.
"""

from __future__ import annotations

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connection

from registry import seam


class Command(MigrateCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options.get("plan") or options.get("check_unapplied"):
            return
        existing = set(connection.introspection.table_names())
        seam.append_only(table for table in seam.history_tables() if table in existing)
