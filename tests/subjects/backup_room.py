"""Two people, a backup and a restore, for the tests of both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from subjects.models import (
    DataSubject,
    DestructionItem,
    PersonalDatum,
)
from subjects.services import backup_format
from subjects.services.destruction import keys_destroy
from subjects.services.evidence import was_destroyed
from subjects.services.files import file_seal
from subjects.vault.models import Sealed
from tests.conftest import Office
from tests.subjects.backups import drop_databases
from tests.subjects.people import person
from tests.subjects.test_keys import run

NAMES = {"gone@example.org": "Ушедшая Анна", "stays@example.org": "Осталась Белла"}
PHOTO = b"unmistakable bytes of a photo"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> Any:
    settings.OFFICE_SEALED = tmp_path / "var" / "sealed"
    settings.OFFICE_JOURNAL = tmp_path / "journal"
    return settings


@pytest.fixture(scope="module", autouse=True)
def databases() -> Iterator[None]:
    yield
    drop_databases()


@pytest.fixture
def people(live_office: Office) -> dict[str, DataSubject]:
    """Two people, by their addresses, and a file of the one who stays."""
    found = {
        email: person(live_office.pandev, name=name, email=email) for email, name in NAMES.items()
    }
    file_seal(
        operator=live_office.pandev.operator, kind=Sealed.FILE,
        owner=found["stays@example.org"].pk, category=None, pieces=[PHOTO],
        media_type="image/jpeg", now=timezone.now(),
    )  # fmt: skip
    return found


def keys_of(subject: DataSubject) -> list[int]:
    rows = PersonalDatum.objects.filter(subject=subject).order_by("pk")
    return list(rows.values_list("value_key", flat=True))


def destroy(subject: DataSubject) -> list[DestructionItem]:
    return keys_destroy(keys_of(subject), reason="demand", by=None, now=timezone.now())


def back_up(folder: Path, *options: str) -> dict[str, Any]:
    code, said = run("backup", str(folder), "--json", *options)
    assert code == 0, said
    told: dict[str, Any] = json.loads(said)
    return told


def restore(folder: Path, *options: str, code: int = 0) -> Any:
    ended, said = run("restore", str(folder), "--json", *options)
    assert ended == code, said
    return json.loads(said) if code < 2 else said


def rows() -> dict[str, list[Any]]:
    """Every row of every table that is backed up, as it is written."""
    return {
        model._meta.db_table: list(backup_format.rows_of(model))
        for model in backup_format.backed_up()
    }


def asked(office: Office, email: str) -> int:
    operator = type(office.pandev.operator).objects.get(code="pandev")
    return len(was_destroyed(operator=operator, text=email, by=None, now=timezone.now()))
