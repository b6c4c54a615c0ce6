"""An empty, migrated database beside the tests' own, for restores."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection

from subjects.models import PersonalDatum
from subjects.vault import keyring
from subjects.vault.sealing_bridge import open_rows
from tests.subjects.vault_office import database_url

_made: list[str] = []
TEMPLATE = "office_empty"


def _server(statement: str) -> None:
    about = connection.settings_dict
    url = database_url().removesuffix(str(about["NAME"])) + "postgres"
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(statement.encode())


@contextmanager
def office_at(name: str, sealed: Path) -> Iterator[None]:
    """The office stands on that database, and its sealed files in that folder, for a while."""
    usual, folder = connection.settings_dict["NAME"], settings.OFFICE_SEALED
    connection.close()
    connection.settings_dict["NAME"], settings.OFFICE_SEALED = name, sealed
    _forget()
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"], settings.OFFICE_SEALED = usual, folder
        _forget()


def _forget() -> None:
    keyring.forget()
    ContentType.objects.clear_cache()


def empty_database(folder: Path) -> str:
    """The name of a new database that was migrated and nothing else."""
    if connection.vendor == "postgresql":
        name = f"office_{len(_made) + 1}"
        if not _made:
            _server(f"DROP DATABASE IF EXISTS {TEMPLATE}")
            _server(f"CREATE DATABASE {TEMPLATE}")
            _migrate(TEMPLATE, folder)
        _server(f"DROP DATABASE IF EXISTS {name}")
        _server(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        _made.append(name)
        return name
    template = Path(settings.TEST_ROOM) / f"{TEMPLATE}.sqlite3"
    if not template.exists():
        _migrate(str(template), folder)
    path = folder / f"restored-{len(list(folder.glob('restored-*')))}.sqlite3"
    shutil.copy(template, path)
    return str(path)


def _migrate(name: str, folder: Path) -> None:
    with office_at(name, folder):
        call_command("migrate", verbosity=0)


def drop_databases() -> None:
    while _made:
        _server(f"DROP DATABASE IF EXISTS {_made.pop()} WITH (FORCE)")


def opened() -> dict[int, Any]:
    """What each datum says: its text, or why it has none."""
    rows = list(PersonalDatum.objects.order_by("pk"))
    return {pk: one.text or one.state.value for pk, one in open_rows(rows, "value").items()}


def texts_of(folder: Path) -> bytes:
    """Every byte that lies in a folder."""
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
